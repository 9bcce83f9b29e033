//! Looks after events that are kept because nobody waited for them yet (ADR 0030): tells of those that nobody took in time,
//! and keeps those anew that an operator sends again.
//!
//! Several nodes may do it at the same time: what is kept is removed once, and a delivery is ended once.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::{Engine, Item, registry::Snapshot};
use crate::{
    changes::Changes,
    clock::Clock,
    nudge::Nudge,
    relay::Leases,
    store::{
        Store, StoreError,
        rows::{AttemptOutcome, AttemptResult, DueDelivery, ENGINE, EarlyEvent, Instant, Unclaimed},
    },
};

/// From one look to the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// How many (event, value) are kept on the whole.
const KEPT_MAX: u64 = 100_000;
/// How many are removed, or kept anew, in one transaction.
const BATCH: u32 = 200;
/// How long after its time an event is told of: by then the relay has written down that the message went out.
const GRACE: TimeDelta = TimeDelta::seconds(30);

pub struct Keeper {
    pub store: Arc<dyn Store>,
    pub engine: Engine,
    pub leases: Arc<Leases>,
    pub changes: Arc<Changes>,
    pub clock: Clock,
    /// Nudged when an operator sends something again.
    pub nudge: Nudge,
}

/// What one look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub unclaimed: usize,
    pub kept_again: usize,
}

impl Keeper {
    pub async fn run(self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(self.nudge.wait(INTERVAL)).await.is_some() {
            if let Err(error) = self.run_once().await {
                tracing::warn!(%error, "events that nobody took are told of later");
            }
        }
    }

    /// One look, as of now.
    pub async fn run_once(&self) -> Result<Report, StoreError> {
        let now = self.clock.now();
        Ok(Report { unclaimed: self.expire(now).await?, kept_again: self.keep_again(now).await? })
    }

    /// Returns how many events nobody took.
    async fn expire(&self, now: Instant) -> Result<usize, StoreError> {
        let mut unclaimed = 0;
        loop {
            let expired = self.store.expire_early(now - GRACE, KEPT_MAX, BATCH).await?;
            metrics::gauge!("baton_early_events").set(expired.kept as f64);
            if expired.unclaimed.is_empty() {
                return Ok(unclaimed);
            }
            unclaimed += expired.unclaimed.len();
            metrics::counter!("baton_early_events_unclaimed_total").increment(expired.unclaimed.len() as u64);
            tracing::warn!(events = expired.unclaimed.len(), "no instance came to wait for events that were kept");
            self.changes.messages([]);
        }
    }

    /// Returns how many events are kept once more.
    async fn keep_again(&self, now: Instant) -> Result<usize, StoreError> {
        let Some(fence) = self.leases.fence() else { return Ok(0) };
        let due = self.store.read_due_deliveries(&fence, ENGINE, now, BATCH, &[]).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let registry = self.engine.registry.snapshot();
        // Expressions run in it.
        let sorted = crate::store::compute(move || again(&registry, due, now)).await?;
        let Again { events, offers, useless } = sorted;
        self.store.record_attempts(useless).await?;
        self.store.keep_again(&events, now).await?;
        // Should this node die now, it is kept for those that begin to wait, and told of again when none does.
        let _ = self.engine.submit(offers).await;
        self.changes.messages([]);
        Ok(events.len())
    }
}

/// What becomes of deliveries to the engine that an operator sends again.
#[derive(Default)]
struct Again {
    events: Vec<(i64, EarlyEvent)>,
    /// For those that wait already.
    offers: Vec<Item>,
    /// No definition waits for them by a value (any more).
    useless: Vec<AttemptOutcome>,
}

fn again(registry: &Snapshot, due: Vec<DueDelivery>, now: Instant) -> Again {
    let mut again = Again::default();
    for DueDelivery { id, attempts, mut message, edited_payload, .. } in due {
        message.payload = edited_payload.unwrap_or(message.payload);
        let waits = registry.wait_values(&message);
        let Some(early) = waits.iter().map(|it| it.early).max() else {
            let Unclaimed { failure, .. } = Unclaimed::new(message, "no definition finds a value in it to wait for");
            let result = AttemptResult::Dead { failure };
            again.useless.push(AttemptOutcome { id, attempts, at: now, duration_ms: 0, result });
            continue;
        };
        let values = waits.iter().map(|it| it.wait.1.clone()).collect();
        again.offers.extend(waits.into_iter().map(|it| Item::Offer { wait: it.wait }));
        again.events.push((id, EarlyEvent { message, values, expires_at: now + early }));
    }
    again
}
