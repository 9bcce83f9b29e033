//! The running engine: takes in messages, starts, timers, completed tasks and operations, and turns each into one step.
//!
//! Whatever arrives is queued; one loop takes everything that waits, up to a bound, and makes **one** transaction of it
//! (a busy server batches by itself, an idle one answers at once). What happens in a step is decided by pure functions
//! in [`step`]; this file only queues, calls the store, and tells the others afterwards. Nothing is sent here: commands
//! stand in the outbox when the transaction commits, and the relay takes them from there.
//!
//! What to read next: [`work`] (what can arrive), [`step`] (what it leads to), [`registry`] (definitions),
//! [`scheduler`] (timers), [`keeper`] (events that nobody waits for yet).

mod early;
mod family;
pub mod keeper;
mod migrate;
mod record;
pub mod registry;
mod restart;
pub mod scheduler;
pub mod step;
pub mod work;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use baton_domain::{
    message::{Message, MessageKind},
    process,
};
use chrono::Utc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub use self::work::{Item, Outcome, Refusal};
use self::{registry::Registry, step::Step};
use crate::{
    bus::Subscriber,
    changes::Changes,
    nudge::Nudge,
    store::{self, Store, StoreError, rows::Failure},
};

/// The engine's name in the inbox.
pub const CONSUMER: &str = "engine";
/// How many items one transaction handles at most.
const BATCH_MAX: usize = 512;
/// How many callers may wait in the queue before new ones wait for a place.
const QUEUE_MAX: usize = 4096;
/// How often a step is decided again because somebody else changed the same instances first.
const CONFLICTS_MAX: u32 = 8;

/// What callers hold: clone it freely.
#[derive(Clone)]
pub struct Engine {
    queue: mpsc::Sender<Group>,
    pub registry: Arc<Registry>,
}

/// Items of one caller, answered together.
struct Group {
    items: Vec<Item>,
    reply: oneshot::Sender<Vec<Outcome>>,
}

/// The loop behind [`Engine`].
pub struct Runner {
    queue: mpsc::Receiver<Group>,
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    changes: Arc<Changes>,
    relay: Nudge,
    scheduler: Nudge,
}

impl Engine {
    /// `relay` is nudged when commands were written, `scheduler` when timers were.
    pub fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        changes: Arc<Changes>,
        relay: Nudge,
        scheduler: Nudge,
    ) -> (Self, Runner) {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let runner = Runner { queue: receiver, store, registry: registry.clone(), changes, relay, scheduler };
        (Self { queue: sender, registry }, runner)
    }

    /// Has the items handled; one outcome per item, in their order. Returns after the commit.
    pub async fn submit(&self, items: Vec<Item>) -> Vec<Outcome> {
        let count = items.len();
        let (reply, outcomes) = oneshot::channel();
        if self.queue.send(Group { items, reply }).await.is_err() {
            return vec![Err(Refusal::stopping()); count];
        }
        outcomes.await.unwrap_or_else(|_| vec![Err(Refusal::stopping()); count])
    }

    /// The same for one item.
    pub async fn submit_one(&self, item: Item) -> Outcome {
        self.submit(vec![item]).await.pop().unwrap_or_else(|| Err(Refusal::stopping()))
    }
}

#[async_trait]
impl Subscriber for Engine {
    fn name(&self) -> &str {
        CONSUMER
    }

    fn wants(&self, message: &Message) -> bool {
        process::is_between_processes(message)
            || (message.kind == MessageKind::Event && self.registry.concerns(&message.message_type))
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let outcomes = self.submit(messages.into_iter().map(Item::Message).collect()).await;
        outcomes.into_iter().map(|outcome| outcome.map(drop).map_err(Refusal::into_failure)).collect()
    }
}

impl Runner {
    /// Works until `shutdown`; what was taken from the queue by then is finished.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                group = self.queue.recv() => match group { Some(group) => group, None => break },
            };
            let mut groups = vec![first];
            let mut count = groups[0].items.len();
            while count < BATCH_MAX {
                let Ok(group) = self.queue.try_recv() else { break };
                count += group.items.len();
                groups.push(group);
            }
            self.handle(groups).await;
        }
    }

    async fn handle(&self, groups: Vec<Group>) {
        let started = std::time::Instant::now();
        let items: Vec<Item> = groups.iter().flat_map(|group| group.items.iter().cloned()).collect();
        metrics::histogram!("baton_engine_batch_items").record(items.len() as f64);
        let mut outcomes = self.step(items).await.into_iter();
        for group in groups {
            let own: Vec<Outcome> = outcomes.by_ref().take(group.items.len()).collect();
            // A caller that went away does not need its answer.
            let _ = group.reply.send(own);
        }
        metrics::histogram!("baton_engine_step_seconds").record(started.elapsed().as_secs_f64());
    }

    /// One transaction for all items; when the database refuses it, or the decision panics, each item alone, so that
    /// one bad item does not hold up the others.
    async fn step(&self, items: Vec<Item>) -> Vec<Outcome> {
        match self.transact(items.clone()).await {
            Ok(outcomes) => outcomes,
            Err(StoreError::Unavailable { operation, source }) => {
                tracing::warn!(operation, error = %source, items = items.len(), "the engine waits for the database");
                let refusal = Refusal::unavailable(&StoreError::Unavailable { operation, source });
                vec![Err(refusal); items.len()]
            }
            Err(error) if items.len() == 1 => {
                tracing::error!(%error, item = %items[0].name(), "the engine could not handle this");
                vec![Err(Refusal::failed(&error))]
            }
            Err(error) => {
                tracing::warn!(%error, items = items.len(), "the engine handles these one by one");
                let mut outcomes = Vec::with_capacity(items.len());
                for item in items {
                    outcomes.push(match self.transact(vec![item]).await {
                        Ok(mut outcomes) => outcomes.pop().unwrap_or_else(|| Err(Refusal::stopping())),
                        Err(error @ StoreError::Unavailable { .. }) => Err(Refusal::unavailable(&error)),
                        Err(error) => Err(Refusal::failed(&error)),
                    });
                }
                outcomes
            }
        }
    }

    async fn transact(&self, items: Vec<Item>) -> Result<Vec<Outcome>, StoreError> {
        let mut conflicts = 0;
        loop {
            match self.transact_once(items.clone()).await {
                Err(StoreError::Conflict { what }) if conflicts < CONFLICTS_MAX => {
                    conflicts += 1;
                    tracing::debug!(what, conflicts, "somebody else was first; deciding again");
                    tokio::time::sleep(Duration::from_millis(u64::from(conflicts) * 2)).await;
                }
                other => return other,
            }
        }
    }

    async fn transact_once(&self, items: Vec<Item>) -> Result<Vec<Outcome>, StoreError> {
        // Another node may have published it a moment ago.
        if family::calls_unknown(&self.registry.snapshot(), &items) {
            self.registry.reload(self.store.as_ref()).await?;
        }
        let registry = self.registry.snapshot();
        let now = Utc::now();
        // Correlation and saga reactions before the transaction, the other expressions inside it.
        let step = store::compute(move || Step::prepare(registry, items, now)).await?;
        let claim = step.claim();
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        self.store
            .transact(
                claim,
                Box::new(move |loaded| {
                    step.decide(loaded, move |done| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(done))
                }),
            )
            .await?;
        let done = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let done = done.expect("a transaction that committed has run its decision");
        if done.sent {
            self.relay.now();
        }
        if done.timers {
            self.scheduler.now();
        }
        if done.tasks {
            self.changes.tasks();
        }
        if !done.instances.is_empty() {
            self.changes.instances(done.instances.iter().map(|id| id.0));
        }
        Ok(done.outcomes)
    }
}
