//! Does what was asked for many instances, a part at a time, newest instances first.
//!
//! The node that holds the first lane works on it; should another one believe that it does, too, both ask the same
//! instances, each of which takes the operation once (the second time it is refused), and only one of them writes down
//! how far it is. After a crash the part that was under way is asked again.

use std::{sync::Arc, time::Duration};

use baton_app::model::{BatchFilter, BatchOperate, BatchRefusal};
use baton_domain::process::Operator;
use chrono::Utc;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{Engine, Refusal},
    nudge::Nudge,
    relay::Leases,
    service,
    store::{
        Store,
        rows::{BatchRow, BatchState},
    },
};

/// How many instances are asked in one go: one transaction of the engine, which others have to wait for.
const PART: u32 = 50;
/// How many of those that refused are remembered.
const REFUSALS_MAX: usize = 50;
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
        let mut filter = service::instance_filter(filter.query())?;
        (filter.limit, filter.cursor) = (PART, batch.position.clone());
        let page = self.store.list_instances(&filter).await?;

        let operator = Operator { by: batch.actor.clone(), reason: batch.reason.clone(), expected: None };
        let instances: Vec<_> = page.items.iter().map(|row| row.id).collect();
        let item = |instance: &_| service::operation_item(*instance, operation.operate(), operator.clone());
        let items = instances.iter().map(item);
        let outcomes = self.engine.submit(items.collect()).await;

        let mut after = BatchRow { position: page.next.clone(), ..batch.clone() };
        let mut refusals: Vec<BatchRefusal> = serde_json::from_value(batch.refusals)?;
        for (instance, outcome) in instances.into_iter().zip(outcomes) {
            match outcome {
                Ok(_) => after.done += 1,
                // It is asked again later.
                Err(Refusal::Unavailable(error)) => anyhow::bail!(error),
                Err(refusal) => {
                    after.refused += 1;
                    if refusals.len() < REFUSALS_MAX {
                        refusals.push(BatchRefusal { instance: instance.0, message: refusal.to_string() });
                    }
                }
            }
        }
        after.refusals = json!(refusals);
        if page.next.is_none() {
            (after.state, after.ended_at) = (BatchState::Ended, Some(Utc::now()));
        }
        self.store.record_batch(&after, batch.position.as_deref()).await?;
        Ok(true)
    }
}
