//! Restarts: the one decision that is about two instances. Both are written in one transaction, or neither.

use baton_domain::{
    definition::DefinitionKind,
    process::{self, Context, Restarted, Status},
};
use serde_json::{Value, json};

use super::{
    record::Working,
    step::Work,
    work::{Done, Outcome, Refusal, Restarting},
};
use crate::store::rows::InstanceRow;

impl Work {
    pub(super) fn restart(&mut self, asked: &Restarting) -> Outcome {
        let Restarting { original, definition: name, new, restart, replay, idempotency_key } = asked;
        let key = idempotency_key.as_ref().map(|key| (name.clone(), key.clone()));
        if let Some(instance) = self.started_with(key.as_ref()) {
            return Ok(Done::Started { instance, created: false });
        }
        let (working, context) = self.working(*original)?;
        let Some(state) = working.state.clone() else {
            return Err(Refusal::Unknown { what: format!("the instance {original}") });
        };
        let definition = working.definition.clone();
        let restarted = process::restart(&definition, state, replay, restart, *new, &context);
        let Restarted { original: before, instance: after } = restarted.map_err(Refusal::Rejected)?;
        let row = InstanceRow {
            id: *new,
            kind: DefinitionKind::Process,
            definition: working.row.definition.clone(),
            version: working.row.version,
            status: Status::Running,
            business_key: working.row.business_key.clone(),
            sequence: 0,
            snapshot: Value::Null,
            incident: None,
            started_by: working.row.started_by.clone(),
            created_at: context.now,
            updated_at: context.now,
            ended_at: None,
            parent: None,
        };
        let (idempotency_key, history) = (idempotency_key.clone(), Vec::new());
        let working = Working { row, state: None, definition, expected_sequence: None, idempotency_key, history };
        self.note(*original, before.0, &before.1, &context);
        self.put(*new, working, key);
        self.note(*new, after.0, &after.1, &Context { instance: *new, recorded: 0, ..context });
        let detail = json!({
            "at": restart.at, "instance": new, "variables": restart.variables, "input": restart.input,
        });
        let (by, reason) = (restart.operator.by.clone(), restart.operator.reason.clone());
        self.audit(by, "restart-instance".to_owned(), format!("instance/{original}"), Some(reason), detail);
        Ok(Done::Started { instance: *new, created: true })
    }
}
