//! Does what was asked for many instances, a part at a time, newest instances first.
//!
//! The node that holds the first lane works on it; should another one believe that it does, too, both ask the same
//! instances, each of which takes the operation once (the second time it is refused), and only one of them writes down
//! how far it is. After a crash the part that was under way is asked again.

use std::{sync::Arc, time::Duration};

use baton_app::model::{BatchFilter, BatchOperate, BatchRefusal};
use baton_domain::process::Operator;
use chrono::Utc;
use futures::{StreamExt as _, stream};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    engine::{Engine, Refusal, work::Done},
    nudge::Nudge,
    relay::Leases,
    service,
    store::{
        Store,
        rows::{BatchRow, BatchState, InstanceRow},
    },
};

/// How many instances are asked in one go: one transaction of the engine, which others have to wait for; restarts have one
/// each.
const PART: u32 = 50;
/// How many histories are read at a time; each may be in memory, as far as it has come, and takes a connection.
const READ_TOGETHER: usize = 4;
/// How many different reasons are remembered.
const REFUSALS_MAX: usize = 50;
/// How many findings of one instance are part of its reason.
const FINDINGS_MAX: usize = 5;
/// Between two parts, so that the rest of the work goes on.
const BREATH: Duration = Duration::from_millis(10);
/// How often is looked for what other nodes were asked for.
const IDLE: Duration = Duration::from_secs(5);

pub struct Batches {
    pub store: Arc<dyn Store>,
    pub engine: Engine,
    pub leases: Arc<Leases>,
    pub nudge: Nudge,
}

impl Batches {
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let wait = match self.run_once().await {
                Ok(true) => BREATH,
                Ok(false) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "an operation on many instances waits");
                    IDLE
                }
            };
            let _ = shutdown.run_until_cancelled(self.nudge.wait(wait)).await;
        }
    }

    /// One part of the oldest batch that runs. Whether there may be more.
    async fn run_once(&self) -> anyhow::Result<bool> {
        let leads = self.leases.fence().is_some_and(|fence| fence.lanes.first() == Some(&0));
        let batch = if leads { self.store.next_batch().await? } else { None };
        let Some(batch) = batch else { return Ok(false) };
        let operation: BatchOperate = serde_json::from_value(batch.operation.clone())?;
        let filter: BatchFilter = serde_json::from_value(batch.filter.clone())?;
        let mut filter = service::asked_in_batch(&operation, filter)?;
        (filter.limit, filter.cursor) = (PART, batch.position.clone());
        let page = self.store.list_instances(&filter).await?;
        if let BatchOperate::Migrate(_) | BatchOperate::Restart(_) = operation {
            // Another node may have published the version a moment ago.
            self.engine.registry.refresh(self.store.as_ref()).await?;
        }

        let outcomes = self.ask(&batch, operation, &page.items).await;

        let mut after = BatchRow { position: page.next.clone(), ..batch.clone() };
        let mut refusals: Vec<BatchRefusal> = serde_json::from_value(batch.refusals)?;
        for (row, outcome) in page.items.iter().zip(outcomes) {
            match outcome {
                Some(Ok(_)) => after.done += 1,
                // It is asked again later.
                Some(Err(Refusal::Unavailable(error))) => anyhow::bail!(error),
                Some(Err(refusal)) => {
                    after.refused += 1;
                    note(&mut refusals, row.id.0, why(&refusal));
                }
                None => {}
            }
        }
        after.refusals = json!(refusals);
        if page.next.is_none() {
            (after.state, after.ended_at) = (BatchState::Ended, Some(Utc::now()));
        }
        self.store.record_batch(&after, batch.position.as_deref()).await?;
        Ok(true)
    }

    /// What becomes of each of `instances`; nothing for one that is none of those that were meant.
    async fn ask(
        &self,
        batch: &BatchRow,
        operation: BatchOperate,
        instances: &[InstanceRow],
    ) -> Vec<Option<Result<Done, Refusal>>> {
        match operation.operate() {
            Ok(operate) => {
                let operator = Operator { by: batch.actor.clone(), reason: batch.reason.clone(), expected: None };
                let item = |row: &InstanceRow| service::operation_item(row.id, operate.clone(), operator.clone());
                self.engine.submit(instances.iter().map(item).collect()).await.into_iter().map(Some).collect()
            }
            Err(restart) => {
                let mut asked = Vec::with_capacity(instances.len());
                for row in instances {
                    asked.push(service::restart_of_many(self.store.as_ref(), &self.engine, batch, &restart, row));
                }
                stream::iter(asked).buffered(READ_TOGETHER).collect().await
            }
        }
    }
}

/// Each reason is told once, with how many gave it.
fn note(refusals: &mut Vec<BatchRefusal>, instance: Uuid, message: String) {
    if let Some(known) = refusals.iter_mut().find(|known| known.message == message) {
        known.count += 1;
    } else if refusals.len() < REFUSALS_MAX {
        refusals.push(BatchRefusal { instance, message, count: 1 });
    }
}

/// Without what is different in each instance, such as ids in pointers.
fn why(refusal: &Refusal) -> String {
    let found: Vec<&str> = match refusal {
        Refusal::Rejected(rejection) => rejection.findings.iter().map(|it| it.message.as_str()).collect(),
        _ => Vec::new(),
    };
    match found.len() {
        0 => refusal.to_string(),
        FINDINGS_MAX.. => format!("{} …", found[..FINDINGS_MAX].join(" ")),
        _ => found.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_once_and_only_so_many_are_kept() {
        let mut refusals = Vec::new();
        for number in 0..200_u128 {
            note(&mut refusals, Uuid::from_u128(number), format!("reason {}", number % 100));
        }
        assert_eq!(refusals.len(), REFUSALS_MAX);
        let first = &refusals[0];
        assert_eq!((first.instance, first.message.as_str(), first.count), (Uuid::from_u128(0), "reason 0", 2));
    }
}
