//! Migrations: the one decision that takes two definitions, the version that an instance runs and the one that it is to
//! run.

use baton_domain::{
    ids::InstanceId,
    process::{self, Migration, Rejection},
};
use serde_json::json;

use super::{
    step::Work,
    work::{Done, Outcome, Refusal},
};

impl Work {
    /// The row's version, the history and the snapshot change together or not at all.
    pub(super) fn migrate(&mut self, instance: InstanceId, migration: &Migration) -> Outcome {
        let registry = self.registry();
        let (working, context) = self.working(instance)?;
        let (row, version) = (&working.row, migration.to_version);
        let Some(to) = registry.runs(row.kind, &row.definition, version) else {
            return Err(Refusal::Rejected(unknown_version(&row.definition, version)));
        };
        let Some(state) = working.state.clone() else {
            return Err(Refusal::Unknown { what: format!("the instance {instance}") });
        };
        let from_version = row.version;
        let migrated = process::migrate((from_version, &working.definition), &to, state, migration, &context);
        let (state, events) = migrated.map_err(Refusal::Rejected)?;
        (working.row.version, working.definition) = (version, to);
        self.note(instance, state, &events, &context);
        let detail = json!({"from_version": from_version, "to_version": version, "mapping": migration.mapping});
        let (by, reason) = (migration.operator.by.clone(), migration.operator.reason.clone());
        self.audit(by, "migrate-instance".to_owned(), format!("instance/{instance}"), Some(reason), detail);
        Ok(Done::Handled)
    }
}

fn unknown_version(definition: &str, version: u32) -> Rejection {
    Rejection {
        code: "unknown-version",
        pointer: "/to_version".to_owned(),
        message: format!("There is no version {version} of {definition} that an instance can run."),
        findings: Vec::new(),
    }
}
