//! One destination's deliveries: as many requests at a time as its settings say, one at a time of a key, retries,
//! dead letters.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use baton_app::model::DestinationSettings;
use baton_domain::{message::Key, retry::Policy};
use futures::FutureExt;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Verdict,
    directory::Endpoint,
    hand::Hand,
    outcome::{Made, outcome, seed},
    record::{Ended, record},
    service::Parts,
    unknown_destination,
};
use crate::{
    nudge::Nudge,
    relay::flow_item,
    store::{
        StoreError,
        rows::{AttemptResult, DueDelivery, Failure, Fence},
    },
};

/// No back-off is longer.
pub const BACKOFF_MAX_MS: u64 = 15 * 60 * 1_000;
/// Outcomes that end within this time are written together.
const GATHER: Duration = Duration::from_millis(4);
const GATHER_MAX: usize = 100;
/// How long a stopping worker waits for requests under way.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks without being nudged: alone, and when other nodes may write deliveries for it.
const POLL_ALONE: Duration = Duration::from_secs(3);
const POLL_SHARED: Duration = Duration::from_millis(250);
/// At least this long before a look for something that was due already but not for us.
const OVERDUE: Duration = Duration::from_millis(100);
const FAILED: Duration = Duration::from_millis(500);

pub struct Worker {
    parts: Arc<Parts>,
    name: String,
    nudge: Nudge,
    hand: Hand,
    attempts: JoinSet<(Key, Ended)>,
    /// Ended, to be written down; since when.
    ended: Vec<(Key, Ended)>,
    ended_since: Instant,
    /// What is being written down now.
    writing: JoinSet<Vec<(Key, i64)>>,
    fence: Option<Arc<Fence>>,
    /// When to look for due deliveries again.
    look_at: Instant,
}

impl Worker {
    pub fn new(parts: Arc<Parts>, name: String) -> Self {
        let nudge = parts.nudges.of(&name);
        Self {
            parts,
            name,
            nudge,
            hand: Hand::default(),
            attempts: JoinSet::new(),
            ended: Vec::new(),
            ended_since: Instant::now(),
            writing: JoinSet::new(),
            fence: None,
            look_at: Instant::now(),
        }
    }

    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let concurrency = self.permitted();
            if concurrency > 0 {
                self.look().await;
            }
            self.start(concurrency);
            self.write(&stop);
            self.wait(&stop).await;
        }
        self.finish(&stop).await;
    }

    /// How many requests may be under way now; 0 while paused, or while another node has the lanes.
    fn permitted(&mut self) -> usize {
        let fence = self.parts.leases.fence();
        let endpoint = self.endpoint();
        let concurrency = match endpoint.as_deref() {
            _ if fence.is_none() => 0,
            Some(Endpoint { paused: true, .. } | Endpoint { settings: None, .. }) => 0,
            Some(Endpoint { settings: Some(DestinationSettings::Http { concurrency, .. }), .. }) => {
                *concurrency as usize
            }
            // It is gone: what waits for it is given up.
            None => 1,
        };
        if concurrency == 0 || fence != self.fence {
            self.hand.put_back();
            self.look_at = Instant::now() + if concurrency == 0 { POLL_SHARED } else { Duration::ZERO };
        }
        self.fence = fence;
        concurrency
    }

    fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.parts.directory.snapshot().endpoint(&self.name).cloned()
    }

    /// Takes what is due into the hand, when there is room and it is time to look.
    async fn look(&mut self) {
        if self.hand.has_ready() || self.hand.room() == 0 || Instant::now() < self.look_at {
            return;
        }
        let Some(fence) = self.fence.clone() else { return };
        match self.due(&fence).await {
            Ok(next_look) => self.look_at = Instant::now() + next_look,
            Err(error) => {
                tracing::warn!(destination = self.name, %error, "due deliveries cannot be read; trying again");
                self.look_at = Instant::now() + FAILED;
            }
        }
    }

    /// Returns when to look again if nothing happens before.
    async fn due(&mut self, fence: &Fence) -> Result<Duration, StoreError> {
        let poll = if fence.is_whole() { POLL_ALONE } else { POLL_SHARED };
        let (store, now, busy) = (&self.parts.store, self.parts.clock.now(), self.hand.busy());
        let due = store.read_due_deliveries(fence, &self.name, now, self.hand.room() as u32, &busy).await?;
        if !due.is_empty() {
            self.hand.take(due);
            return Ok(Duration::ZERO);
        }
        let next = self.parts.store.next_attempt_at(&self.name).await?;
        Ok(next.map_or(poll, |next| (next - now).to_std().unwrap_or(OVERDUE).min(poll)))
    }

    fn start(&mut self, concurrency: usize) {
        while self.attempts.len() < concurrency {
            let Some(delivery) = self.hand.start_next() else { break };
            self.attempts.spawn(attempt(Arc::clone(&self.parts), self.endpoint(), delivery));
        }
    }

    /// Starts writing when something has ended long enough ago, or when there is nothing to wait for.
    fn write(&mut self, stop: &CancellationToken) {
        let worth_it =
            self.ended.len() >= GATHER_MAX || self.attempts.is_empty() || self.ended_since.elapsed() >= GATHER;
        if self.ended.is_empty() || !self.writing.is_empty() || !worth_it {
            return;
        }
        let (keys, ended): (Vec<_>, Vec<_>) =
            self.ended.drain(..).map(|(key, ended)| ((key, ended.outcome.id), ended)).unzip();
        let (parts, name, stop) = (Arc::clone(&self.parts), self.name.clone(), stop.clone());
        self.writing.spawn(async move {
            record(&parts, &name, ended, &stop).await;
            keys
        });
    }

    async fn wait(&mut self, stop: &CancellationToken) {
        let write_at = self.ended_since + GATHER;
        let wants_write = !self.ended.is_empty() && self.writing.is_empty();
        let wants_look = !self.hand.has_ready() && self.hand.room() > 0;
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = self.attempts.join_next() => self.end(ended),
            Some(written) = self.writing.join_next() => self.written(written),
            () = sleep_until(write_at), if wants_write => {}
            () = sleep_until(self.look_at), if wants_look => {}
            true = self.nudge.wait(POLL_ALONE) => self.look_at = Instant::now(),
            else => {}
        }
    }

    fn end(&mut self, ended: Result<(Key, Ended), tokio::task::JoinError>) {
        // An attempt catches its own panics and is never aborted while the worker runs.
        let Ok((key, ended)) = ended else { return };
        self.hand.ended(&key, matches!(ended.outcome.result, AttemptResult::Delivered { .. }));
        if self.ended.is_empty() {
            self.ended_since = Instant::now();
        }
        self.ended.push((key, ended));
    }

    fn written(&mut self, written: Result<Vec<(Key, i64)>, tokio::task::JoinError>) {
        for (key, id) in written.unwrap_or_default() {
            self.hand.written(&key, id);
        }
        self.look_at = Instant::now();
    }

    /// Lets requests under way end, and writes down what they met.
    async fn finish(mut self, stop: &CancellationToken) {
        let _ = timeout(STOP_WITHIN, async {
            while let Some(ended) = self.attempts.join_next().await {
                self.end(ended);
            }
        })
        .await;
        while self.writing.join_next().await.is_some() {}
        if !self.ended.is_empty() {
            let ended = self.ended.drain(..).map(|(_, ended)| ended).collect();
            record(&self.parts, &self.name, ended, stop).await;
        }
    }
}

async fn attempt(parts: Arc<Parts>, endpoint: Option<Arc<Endpoint>>, mut delivery: DueDelivery) -> (Key, Ended) {
    if let Some(payload) = delivery.edited_payload.take() {
        delivery.message.payload = payload;
    }
    let (at, begun) = (parts.clock.now(), Instant::now());
    let settings = endpoint.as_ref().and_then(|endpoint| endpoint.settings.as_ref());
    let (verdict, policy) = match settings {
        Some(settings) => {
            let sending = AssertUnwindSafe(parts.sender.send(settings, &delivery.message)).catch_unwind();
            (sending.await.unwrap_or_else(|_| panicked()), policy(settings))
        }
        None => (Verdict::Hopeless(unknown_destination(&delivery.destination)), Policy::default()),
    };
    let made = Made { id: delivery.id, attempts: delivery.attempts, at, took: begun.elapsed() };
    let ended = parts.clock.now();
    let outcome = outcome(made, verdict, &policy, ended, seed(delivery.id, ended));
    let state = match outcome.result {
        AttemptResult::Delivered { .. } => "published",
        AttemptResult::Failed { .. } => "retrying",
        AttemptResult::Dead { .. } => "dead",
    };
    let flow = flow_item(&delivery.message, vec![delivery.destination], state, ended);
    (delivery.message.key, Ended { outcome, flow })
}

fn policy(settings: &DestinationSettings) -> Policy {
    let DestinationSettings::Http { attempts_max, backoff_base_ms, .. } = settings;
    Policy { attempts_max: *attempts_max, base_ms: u64::from(*backoff_base_ms), cap_ms: BACKOFF_MAX_MS }
}

fn panicked() -> Verdict {
    let error = "Sending panicked. This is a defect in Baton; please report it.".to_owned();
    Verdict::Failed { failure: Failure { class: "panic".to_owned(), error }, retry_after: None }
}
