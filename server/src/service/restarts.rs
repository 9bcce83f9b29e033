//! Restarting instances from an earlier point of their history, as new ones.
//!
//! The history is read, page by page, before the step that decides. What was read is good for that step only if nothing
//! was added meanwhile, which the decision checks under the instance's lock; else it is read again. One of many is
//! restarted at a node by its name, so its history is read once before for the last time that it came there.

use std::sync::Arc;

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    ids::InstanceId,
    process::{Entries, Event, Operator, Replay, Restart},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Service, convert,
    instances::{self, KEY_CHARS_MAX, as_stored, check_reason, check_text},
};
use crate::{
    engine::{
        Engine, Item, Refusal,
        work::{Done, Outcome, Restarting},
    },
    store::{
        Store,
        rows::{BatchRow, InstanceRow},
    },
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
        let restart = Restart { operator, at, variables, input, batch: None };
        let new = InstanceId::from_uuid(Uuid::now_v7());
        let mut reads = 0;
        loop {
            reads += 1;
            let asked = asked(self.store.as_ref(), &row, new, &restart, idempotency_key.as_ref()).await?;
            match self.engine.submit_one(Item::Restart(asked.clone())).await {
                Ok(Done::Started { instance, created: true }) => return Ok(Started { id: instance.0, created: true }),
                Ok(Done::Started { instance, created: false }) => {
                    self.refuse_other_restart(instance, &asked).await?;
                    return Ok(Started { id: instance.0, created: false });
                }
                Ok(Done::Handled) => return Err(AppError::Internal),
                Err(refusal) if is_outdated(&refusal) && expected.is_none() && reads < READS_MAX => {}
                Err(refusal) => return Err(convert::refusal(refusal)),
            }
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

/// Restarts one of the instances that an operation on many is for; `None` for one that the operation itself began, which
/// it comes upon when it is asked again after a crash.
pub async fn of_many(
    store: &dyn Store,
    engine: &Engine,
    batch: &BatchRow,
    asked_for: &BatchRestart,
    row: &InstanceRow,
) -> Option<Outcome> {
    let operator = Operator { by: batch.actor.clone(), reason: batch.reason.clone(), expected: None };
    let variables = asked_for.variables.clone();
    let mut restart = Restart { operator, at: 0, variables, input: None, batch: Some(batch.id) };
    let new = InstanceId::from_uuid(Uuid::now_v7());
    // Asked again, it has been done.
    let key = format!("batch/{}/{}", batch.id, row.id);
    let mut reads = 0;
    loop {
        reads += 1;
        let mut entries = Entries::default();
        if let Err(error) = read(store, row.id, |event| entries.note(event)).await {
            return Some(Err(unreadable(error)));
        }
        if entries.batch() == Some(batch.id) {
            return None;
        }
        restart.at = match entries.last(&asked_for.node) {
            Ok(at) => at,
            Err(rejection) => return Some(Err(Refusal::Rejected(rejection))),
        };
        let outcome = match asked(store, row, new, &restart, Some(&key)).await {
            Ok(asked) => engine.submit_one(Item::Restart(asked)).await,
            Err(error) => Err(unreadable(error)),
        };
        match outcome {
            Err(refusal) if is_outdated(&refusal) && reads < READS_MAX => {}
            outcome => return Some(outcome),
        }
    }
}

/// What the engine is asked for, with what the history says now.
async fn asked(
    store: &dyn Store,
    row: &InstanceRow,
    new: InstanceId,
    restart: &Restart,
    idempotency_key: Option<&String>,
) -> Answer<Arc<Restarting>> {
    let mut replay = Replay::new(restart.at);
    read(store, row.id, |event| replay.note(event)).await?;
    Ok(Arc::new(Restarting {
        original: row.id,
        definition: row.definition.clone(),
        new,
        restart: restart.clone(),
        replay,
        idempotency_key: idempotency_key.cloned(),
    }))
}

/// Reads a history to its end.
async fn read(store: &dyn Store, id: InstanceId, mut note: impl FnMut(&Event)) -> Answer<()> {
    let mut seen = 0;
    loop {
        let events = instances::events(store, id, seen).await?;
        let Some(last) = events.last() else { return Ok(()) };
        seen = last.sequence;
        events.iter().for_each(|recorded| note(&recorded.event));
    }
}

/// Something was added to the history after it was read.
fn is_outdated(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Rejected(refused) if refused.code == "changed-meanwhile")
}

fn unreadable(error: AppError) -> Refusal {
    match error {
        AppError::Unavailable(why) => Refusal::Unavailable(why),
        _ => Refusal::Failed {
            class: "history",
            error: "its history cannot be read; the server's log says why".to_owned(),
        },
    }
}
