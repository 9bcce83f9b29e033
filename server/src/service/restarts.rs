//! Restarting an instance from an earlier point of its history, as a new one.
//!
//! The history is read, page by page, before the step that decides. What was read is good for that step only if nothing
//! was added meanwhile, which the decision checks under the instance's lock; else it is read again.

use std::sync::Arc;

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    ids::InstanceId,
    process::{Event, Operator, Replay, Restart},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Service, convert,
    instances::{KEY_CHARS_MAX, as_stored, check_reason, check_text},
};
use crate::engine::{
    Item, Refusal,
    work::{Done, Restarting},
};

/// How often the history is read again because something happened meanwhile.
const READS_MAX: usize = 4;

impl Service {
    pub(super) async fn restart_instance(&self, actor: Actor, id: Uuid, request: RestartRequest) -> Answer<Started> {
        let RestartRequest { at, variables, input, reason, expected, idempotency_key } = request;
        check_reason(&reason)?;
        if let Some(key) = &idempotency_key {
            check_text("/idempotency_key", key, 1..=KEY_CHARS_MAX)?;
        }
        let row = self.instance_row(id).await?;
        self.registry_with(row.kind, &row.definition, row.version).await?;
        let operator = Operator { by: actor.name, reason: reason.trim().to_owned(), expected };
        let restart = Restart { operator, at, variables, input };
        let new = InstanceId::from_uuid(Uuid::now_v7());
        let mut reads = 0;
        loop {
            reads += 1;
            let replay = self.replay(row.id, at).await?;
            let asked = Arc::new(Restarting {
                original: row.id,
                definition: row.definition.clone(),
                new,
                restart: restart.clone(),
                replay,
                idempotency_key: idempotency_key.clone(),
            });
            match self.engine.submit_one(Item::Restart(asked.clone())).await {
                Ok(Done::Started { instance, created: true }) => return Ok(Started { id: instance.0, created: true }),
                Ok(Done::Started { instance, created: false }) => {
                    self.refuse_other_restart(instance, &asked).await?;
                    return Ok(Started { id: instance.0, created: false });
                }
                Ok(Done::Handled) => return Err(AppError::Internal),
                Err(Refusal::Rejected(refused))
                    if refused.code == "changed-meanwhile" && expected.is_none() && reads < READS_MAX => {}
                Err(refusal) => return Err(convert::refusal(refusal)),
            }
        }
    }

    async fn replay(&self, id: InstanceId, at: u64) -> Answer<Replay> {
        let mut replay = Replay::new(at);
        loop {
            let events = self.events(id, replay.recorded().cast_signed()).await?;
            if events.is_empty() {
                return Ok(replay);
            }
            events.iter().for_each(|recorded| replay.note(&recorded.event));
        }
    }

    /// A key that was used before stands for the request that it was used for.
    async fn refuse_other_restart(&self, id: InstanceId, asked: &Restarting) -> Answer<()> {
        let first = self.events(id, 0).await?.into_iter().next().map(|recorded| recorded.event);
        let row = self.instance_row(id.0).await?;
        if let (Some(Event::RestartedFrom { origin, input, vars, .. }), Some(then)) = (first, asked.replay.then()) {
            let definition = self.engine.registry.snapshot().runs(row.kind, &row.definition, row.version);
            let schema = definition.as_ref().and_then(|it| it.input.as_ref());
            let given = asked.restart.input.as_ref();
            let given = given.map(|given| schema.map_or_else(|| given.clone(), |schema| schema.with_defaults(given)));
            let mut variables = then.vars.clone();
            variables.extend(asked.restart.variables.clone());
            let same = origin.instance == asked.original && origin.sequence == asked.restart.at;
            if same
                && as_stored(&Value::Object(variables))? == Value::Object(vars)
                && as_stored(&given.unwrap_or_else(|| then.input.clone()))? == input
            {
                return Ok(());
            }
        }
        Err(AppError::KeyReused(format!(
            "This idempotency key has started the instance {id} with another request. Send the same request to be told \
             about that one, or another key to restart once more."
        )))
    }
}
