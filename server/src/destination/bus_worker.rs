//! Offers the bus again what it refused, and then what was parked behind that, in order per key.
//!
//! Unlike an endpoint the bus takes many messages in one call, so there is one call at a time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use baton_domain::message::{Key, Message};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Verdict,
    outcome::{Made, outcome, seed},
    record::{Ended, record},
    service::Parts,
};
use crate::{
    bus::{BEHIND_FAILURE, UNAVAILABLE},
    nudge::Nudge,
    relay::{Pace, flow_item},
    store::{
        StoreError,
        rows::{AttemptResult, BUS, DueDelivery, Failure},
    },
};

const BATCH_MAX: u32 = 500;
const POLL: Duration = Duration::from_secs(3);
const POLL_SHARED: Duration = Duration::from_millis(250);
const OVERDUE: Duration = Duration::from_millis(100);

pub struct BusWorker {
    parts: Arc<Parts>,
    nudge: Nudge,
}

/// What one look led to.
pub enum Look {
    Worked,
    /// Nothing to do before then, unless nudged.
    Nothing(Duration),
    Unavailable(String),
}

impl BusWorker {
    pub fn new(parts: Arc<Parts>) -> Self {
        let nudge = parts.nudges.of(BUS);
        Self { parts, nudge }
    }

    pub async fn run(self, stop: CancellationToken) {
        let mut pace = Pace::new(POLL);
        while !stop.is_cancelled() {
            let wait = match self.look(&stop).await {
                Ok(Look::Worked) => {
                    pace.worked();
                    continue;
                }
                Ok(Look::Nothing(wait)) => {
                    pace.worked();
                    let _ = stop.run_until_cancelled(self.nudge.wait(wait)).await;
                    continue;
                }
                Ok(Look::Unavailable(error)) => patience(&mut pace, &error),
                Err(error) => patience(&mut pace, &error.to_string()),
            };
            let _ = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }

    /// One look at what is due.
    pub async fn run_once(&self) -> Result<Look, StoreError> {
        self.look(&CancellationToken::new()).await
    }

    async fn look(&self, stop: &CancellationToken) -> Result<Look, StoreError> {
        let Some(fence) = self.parts.leases.fence() else { return Ok(Look::Nothing(POLL_SHARED)) };
        let now = self.parts.clock.now();
        let due = self.parts.store.read_due_deliveries(&fence, BUS, now, BATCH_MAX, &[]).await?;
        if due.is_empty() {
            let poll = if fence.is_whole() { POLL } else { POLL_SHARED };
            let next = self.parts.store.next_attempt_at(BUS).await?;
            return Ok(Look::Nothing(next.map_or(poll, |next| (next - now).to_std().unwrap_or(OVERDUE).min(poll))));
        }
        let due = self.reroute(due).await?;
        let (begun, messages) = (Instant::now(), due.iter().map(message).collect::<Vec<_>>());
        let results = self.parts.bus.publish(&messages).await;
        let took = begun.elapsed();
        let mut unavailable = None;
        let mut failed: HashSet<&Key> = HashSet::new();
        let mut ended = Vec::with_capacity(due.len());
        for ((delivery, message), result) in due.iter().zip(&messages).zip(results) {
            let verdict = match result {
                Ok(()) => Verdict::Accepted { answers: Vec::new() },
                // Nothing was attempted: it waits for its turn, or for the bus.
                Err(_) if failed.contains(&message.key) => continue,
                Err(Failure { class, error }) if class == UNAVAILABLE => {
                    unavailable.get_or_insert(error);
                    failed.insert(&message.key);
                    continue;
                }
                Err(failure) if failure.class == BEHIND_FAILURE => continue,
                Err(failure) => {
                    failed.insert(&message.key);
                    Verdict::Failed { failure, retry_after: None }
                }
            };
            ended.push(self.ended(
                Made { id: delivery.id, attempts: delivery.attempts, at: now, took },
                message,
                verdict,
            ));
        }
        if !ended.is_empty() {
            record(&self.parts, BUS, ended, stop).await;
        }
        Ok(unavailable.map_or(Look::Worked, Look::Unavailable))
    }

    /// Commands that nobody took, but that a route takes now, go where it says. Returns the others.
    async fn reroute(&self, due: Vec<DueDelivery>) -> Result<Vec<DueDelivery>, StoreError> {
        let snapshot = self.parts.directory.snapshot();
        let (mut stay, mut moves) = (Vec::with_capacity(due.len()), Vec::new());
        for delivery in due {
            let targets = snapshot.targets(&delivery.message);
            if targets.bus {
                stay.push(delivery);
            } else {
                moves.extend(targets.destinations.into_iter().map(|target| (delivery.id, target.name)));
            }
        }
        if !moves.is_empty() {
            self.parts.store.reroute(&moves, self.parts.clock.now()).await?;
            self.parts.nudges.all();
        }
        Ok(stay)
    }

    fn ended(&self, made: Made, message: &Message, verdict: Verdict) -> Ended {
        let now = self.parts.clock.now();
        let outcome = outcome(made, verdict, &self.parts.bus_retry, now, seed(made.id, now));
        let state = match outcome.result {
            AttemptResult::Delivered { .. } => "published",
            AttemptResult::Failed { .. } => "retrying",
            AttemptResult::Dead { .. } => "dead",
        };
        Ended { outcome, flow: flow_item(message, vec![BUS.to_owned()], state, now) }
    }
}

fn message(delivery: &DueDelivery) -> Arc<Message> {
    let mut message = delivery.message.clone();
    if let Some(payload) = &delivery.edited_payload {
        message.payload = payload.clone();
    }
    Arc::new(message)
}

fn patience(pace: &mut Pace, error: &str) -> Duration {
    let (wait, first) = pace.failed();
    if first {
        tracing::warn!(error, "messages cannot be offered to the bus again now; trying again");
    }
    wait
}
