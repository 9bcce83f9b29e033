//! One destination's deliveries: as many requests at a time and a second as its settings say, one at a time of a key,
//! retries, dead letters; none while its circuit breaker is open.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use baton_app::model::{DestinationSettings, OrderPolicy};
use baton_domain::message::Key;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{Attempt, attempt},
    breaker::{self, May, Word},
    directory::Endpoint,
    hand::{HELD_MAX, Hand},
    limiter::{Limiter, share},
    record::{Ended, record},
    service::Parts,
};
use crate::{
    nudge::Nudge,
    store::{
        StoreError,
        rows::{AttemptResult, Fence},
    },
};

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
/// So many tries of an open breaker that failed are remembered, so that the next one is made with another key.
const TRIED_MAX: usize = 16;

pub struct Worker {
    parts: Arc<Parts>,
    name: String,
    nudge: Nudge,
    hand: Hand,
    attempts: JoinSet<Attempt>,
    /// Ended, to be written down; since when.
    ended: Vec<(Key, Ended)>,
    ended_since: Instant,
    /// What is being written down now.
    writing: JoinSet<Vec<(Key, i64)>>,
    fence: Option<Arc<Fence>>,
    /// When to look for due deliveries again.
    look_at: Instant,
    /// The settings that breaker and limiter were made for.
    settings: Option<DestinationSettings>,
    breaker: breaker::Shared,
    /// Deliveries (by id) that failed as the one try of an open breaker.
    tried: VecDeque<i64>,
    limiter: Option<Limiter>,
    /// When the next request may go, while the limiter holds it back.
    start_at: Option<Instant>,
}

impl Worker {
    pub fn new(parts: Arc<Parts>, name: String, breaker: breaker::Shared) -> Self {
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
            settings: None,
            breaker,
            tried: VecDeque::new(),
            limiter: None,
            start_at: None,
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

    /// How many requests may be under way now; 0 while paused, while another node has the lanes, and while the breaker is
    /// open.
    fn permitted(&mut self) -> usize {
        let fence = self.parts.leases.fence();
        let endpoint = self.endpoint();
        self.heed(endpoint.as_deref(), fence.as_deref());
        let concurrency = match endpoint.as_deref() {
            _ if fence.is_none() => 0,
            Some(Endpoint { paused: true, .. } | Endpoint { settings: None, .. }) => 0,
            Some(Endpoint { settings: Some(settings), .. }) => settings.concurrency as usize,
            // It is gone: what waits for it is given up.
            None => 1,
        };
        let now = self.parts.clock.now();
        let (concurrency, wait) = match self.breaker.lock().may(now) {
            _ if concurrency == 0 => (0, POLL_SHARED),
            May::Everything => (concurrency, Duration::ZERO),
            May::OneTry => (1, Duration::ZERO),
            May::NothingYet => (0, POLL_ALONE),
            May::NothingUntil(until) => (0, (until - now).to_std().unwrap_or_default()),
        };
        if concurrency == 0 || fence != self.fence {
            self.hand.put_back();
            self.look_at = Instant::now() + wait;
        }
        self.fence = fence;
        concurrency
    }

    /// Takes over settings that changed: breaker and limiter begin anew, because somebody wants it otherwise.
    fn heed(&mut self, endpoint: Option<&Endpoint>, fence: Option<&Fence>) {
        let settings = endpoint.and_then(|endpoint| endpoint.settings.as_ref());
        if self.settings.as_ref() != settings {
            self.breaker.lock().configure(settings.and_then(breaker::Config::of));
            self.tried.clear();
            self.limiter = settings.and_then(|settings| settings.rate_per_s).map(Limiter::new);
            self.settings = settings.cloned();
            self.hand.put_back();
            self.look_at = Instant::now();
        }
        let rate = settings.and_then(|settings| settings.rate_per_s);
        if let (Some(limiter), Some(rate), Some(fence)) = (&mut self.limiter, rate, fence) {
            limiter.set_rate(share(rate, fence.lanes.len()));
        }
    }

    /// Whether one failure holds everything up.
    fn blocks(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.order == OrderPolicy::Block)
    }

    /// How many deliveries to hold: what waits in the hand cannot be edited, discarded or overtaken any more, so it should
    /// not wait there for long.
    fn held_max(&self) -> usize {
        let settings = match &self.settings {
            Some(settings) if self.breaker.lock().is_closed() => settings,
            Some(_) => return 1,
            None => return HELD_MAX,
        };
        match settings.rate_per_s {
            _ if self.blocks() => settings.concurrency as usize,
            // What goes out within a second.
            Some(rate) => (rate.ceil() as usize).max(1),
            None => HELD_MAX,
        }
    }

    /// Whether the store has to know of a failure before anything else may go.
    fn must_write_first(&self) -> bool {
        self.blocks() && self.hand.is_failing()
    }

    fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.parts.directory.snapshot().endpoint(&self.name).cloned()
    }

    /// Takes what is due into the hand, when there is room and it is time to look.
    async fn look(&mut self) {
        let full = self.hand.room_within(self.held_max()) == 0;
        if self.hand.has_ready() || full || self.must_write_first() || Instant::now() < self.look_at {
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
        let (store, now, mut busy) = (Arc::clone(&self.parts.store), self.parts.clock.now(), self.hand.busy());
        let room = self.hand.room_within(self.held_max()) as u32;
        busy.extend(&self.tried);
        let mut due = store.read_due_deliveries(fence, &self.name, now, room, &busy).await?;
        if due.is_empty() && !self.tried.is_empty() {
            // No other key has anything: the ones that failed before are tried again.
            self.tried.clear();
            due = store.read_due_deliveries(fence, &self.name, now, room, &self.hand.busy()).await?;
        }
        if !due.is_empty() {
            self.hand.take(due);
            return Ok(Duration::ZERO);
        }
        let next = store.next_attempt_at(&self.name).await?;
        Ok(next.map_or(poll, |next| (next - now).to_std().unwrap_or(OVERDUE).min(poll)))
    }

    fn start(&mut self, concurrency: usize) {
        self.start_at = None;
        while self.attempts.len() < concurrency && self.hand.has_ready() && !self.must_write_first() {
            let is_try = match self.breaker.lock().may(self.parts.clock.now()) {
                May::Everything => false,
                // Those that were under way when it opened end first.
                May::OneTry if self.attempts.is_empty() => true,
                May::OneTry | May::NothingYet | May::NothingUntil(_) => break,
            };
            let steady = self.parts.clock.steady();
            if let Some(Err(due)) = self.limiter.as_mut().map(|limiter| limiter.take(steady)) {
                self.start_at = Some(Instant::now() + due.saturating_sub(steady));
                break;
            }
            let Some(delivery) = self.hand.start_next() else { break };
            if is_try {
                self.breaker.lock().begin_try();
                self.parts.changes.destinations();
            }
            self.attempts.spawn(attempt(Arc::clone(&self.parts), self.endpoint(), delivery, is_try));
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
        let wants_look =
            !self.hand.has_ready() && self.hand.room_within(self.held_max()) > 0 && !self.must_write_first();
        let start_at = self.start_at;
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = self.attempts.join_next() => self.end(ended),
            Some(written) = self.writing.join_next() => self.written(written),
            () = sleep_until(write_at), if wants_write => {}
            () = sleep_until(self.look_at), if wants_look => {}
            () = sleep_until(start_at.unwrap_or_else(Instant::now)), if start_at.is_some() => {}
            // It also ends when nobody nudges: a select that has given up on it would sleep as long as an open breaker.
            nudged = self.nudge.wait(POLL_ALONE) => if nudged {
                self.look_at = Instant::now();
                if start_at.is_some() {
                    // Somebody may have edited or discarded what waits for its turn.
                    self.hand.put_back();
                }
            }
        }
    }

    fn end(&mut self, attempt: Result<Attempt, tokio::task::JoinError>) {
        // An attempt catches its own panics and is never aborted while the worker runs.
        let Ok(Attempt { key, ended, word, is_try }) = attempt else { return };
        let succeeded = matches!(ended.outcome.result, AttemptResult::Delivered { .. });
        let in_vain = is_try && matches!(word, Word::Fails { .. });
        self.hear(word, is_try);
        self.hand.ended(&key, succeeded);
        if in_vain {
            // It counts as no attempt: the delivery is as it was.
            self.hand.written(&key, ended.outcome.id);
            self.tried.push_back(ended.outcome.id);
            if self.tried.len() > TRIED_MAX {
                self.tried.pop_front();
            }
            return;
        }
        if !succeeded && self.blocks() {
            self.hand.put_back();
        }
        if self.ended.is_empty() {
            self.ended_since = Instant::now();
        }
        self.ended.push((key, ended));
    }

    /// Tells the breaker, and everybody when it changed.
    fn hear(&mut self, word: Word, is_try: bool) {
        let now = self.parts.clock.now();
        let (changed, view) = {
            let mut breaker = self.breaker.lock();
            (breaker.heard(word, is_try, now), breaker.view())
        };
        if !changed && !is_try {
            return;
        }
        let open = view.since.is_some();
        if changed {
            match view.error.as_deref().filter(|_| open) {
                Some(error) => tracing::warn!(destination = self.name, error, "the circuit breaker is open"),
                None => tracing::info!(destination = self.name, "the circuit breaker is closed"),
            }
            self.tried.clear();
        }
        metrics::gauge!("baton_destination_breaker_open", "destination" => self.name.clone()).set(if open {
            1.0
        } else {
            0.0
        });
        self.parts.changes.destinations();
        self.look_at = Instant::now();
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
