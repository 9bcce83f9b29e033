//! One node: Baton's own relay, leases, bus, bus worker and sweeper, and the engine's step, on the store in memory.
//!
//! Where the running server has a loop around a real service, a loop here asks the stage when to go on. The loops of the
//! engine's queue and of the HTTP workers are written anew, around the real [`Step`] and the real [`Hand`].

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use baton_domain::{message::Message, retry::Policy};
use baton_server::{
    bus::{Bus, MemoryBus, Subscriber, behind_failure, unavailable},
    changes::Changes,
    clock::Clock,
    destination::{
        Directory, HttpSender, Nudges, Sweeper, Verdict,
        bus_worker::{BusWorker, Look},
        hand::Hand,
        outcome::{Made, outcome, seed},
        service,
    },
    engine::{
        CONSUMER,
        step::Step,
        work::{Item, Outcome, Refusal},
    },
    nudge::Nudge,
    relay::{Config, Leases, Meter, Parts, Relay},
    store::{
        Store, StoreError,
        rows::{AttemptResult, DueDelivery, Failure},
    },
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use uuid::Uuid;

use super::{
    stage::{Node, StageTime, Topic},
    store::MemoryStore,
    world::World,
};

/// How long a lease is good without being renewed.
pub const TTL_MS: i64 = 3_000;
/// How often everybody looks without having heard anything.
const POLL_MS: i64 = 1_200;
/// How many requests an HTTP worker has under way.
const CONCURRENCY: usize = 3;
pub const RETRY: Policy = Policy { attempts_max: 4, base_ms: 100, cap_ms: 800 };

/// Puts a node together and lets it act.
pub fn start(world: &Arc<World>, node: Node, name: String) {
    let stage = &world.stage;
    let store = world.store(node);
    let port: Arc<dyn Store> = Arc::new(store.clone());
    let clock = Clock::of(Arc::new(StageTime(stage.clone())));
    let id = world.fresh_id();
    let leases = Arc::new(Leases::new(port.clone(), id, name, Duration::from_millis(TTL_MS as u64), clock.clone()));
    let directory = Arc::new(futures::executor::block_on(Directory::load(port.clone())).expect("it is in memory"));
    let (changes, nudges) = (Arc::new(Changes::default()), Arc::new(Nudges::default()));
    let sweeper = Arc::new(Sweeper::new(port.clone(), nudges.clone(), changes.clone()));
    let desk = Desk { world: world.clone(), node };
    let bus = MemoryBus::default();
    bus.subscribe(Arc::new(desk.clone()));
    for name in world.scenario.subscribers {
        bus.subscribe(Arc::new(Listener { world: world.clone(), node, name }));
    }
    let bus: Arc<dyn Bus> = Arc::new(GatedBus { world: world.clone(), node, bus });
    let relay_nudge = Nudge::default();
    let (low, high) = world.scenario.relay_batch;
    let relay = Relay::new(
        Parts {
            store: port.clone(),
            bus: bus.clone(),
            directory: directory.clone(),
            leases: leases.clone(),
            nudges: nudges.clone(),
            sweeper: sweeper.clone(),
            changes: changes.clone(),
            meter: Arc::new(Meter::default()),
            nudge: relay_nudge.clone(),
            clock: clock.clone(),
        },
        Config { batch: stage.draw(|chance| chance.between(low, high)) as u32, bus_retry: RETRY, ..Config::default() },
    );
    let bus_worker = BusWorker::new(Arc::new(service::Parts {
        store: port.clone(),
        bus,
        sender: sender(),
        directory,
        leases: leases.clone(),
        nudges,
        sweeper: sweeper.clone(),
        changes,
        relay_nudge,
        bus_retry: RETRY,
        clock,
    }));
    stage.note(node, "-- started --");
    stage.enter(node, keep_leases(world.clone(), node, leases.clone()));
    stage.enter(node, keep_relaying(world.clone(), node, relay));
    stage.enter(node, keep_offering(world.clone(), node, bus_worker));
    stage.enter(node, keep_sweeping(world.clone(), node, sweeper));
    stage.enter(node, keep_firing(desk));
    stage.enter(node, keep_telling(world.clone(), node, store.clone()));
    for destination in world.scenario.destinations {
        let worker = Worker { world: world.clone(), node, store: store.clone(), leases: leases.clone(), destination };
        stage.enter(node, worker.run());
    }
}

/// It is never called: HTTP deliveries go to participants in memory.
fn sender() -> Arc<HttpSender> {
    static SENDER: LazyLock<Arc<HttpSender>> = LazyLock::new(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Arc::new(HttpSender::new(false).expect("a client that is never used"))
    });
    SENDER.clone()
}

async fn keep_leases(world: Arc<World>, node: Node, leases: Arc<Leases>) {
    loop {
        leases.run_once().await.expect("the store in memory does not fail here");
        world.stage.sleep(node, "leases: wait", TTL_MS / 3).await;
    }
}

async fn keep_relaying(world: Arc<World>, node: Node, relay: Relay) {
    loop {
        let version = world.stage.version(Topic::Outbox);
        let report = relay.run_once().await.expect("the store in memory does not fail here");
        if report.read > 0 && report.unavailable.is_none() && !report.fenced {
            continue;
        }
        let patience = if report.unavailable.is_some() || report.fenced { 200 } else { POLL_MS };
        let since = if report.unavailable.is_some() { u64::MAX } else { version };
        world.stage.news(node, "relay: wait", Topic::Outbox, since, patience).await;
    }
}

async fn keep_offering(world: Arc<World>, node: Node, worker: BusWorker) {
    loop {
        let version = world.stage.version(Topic::Deliveries);
        match worker.run_once().await.expect("the store in memory does not fail here") {
            Look::Worked => {}
            Look::Nothing(_) => world.stage.news(node, "bus worker: wait", Topic::Deliveries, version, POLL_MS).await,
            Look::Unavailable(_) => world.stage.sleep(node, "bus worker: patience", 200).await,
        }
    }
}

async fn keep_sweeping(world: Arc<World>, node: Node, sweeper: Arc<Sweeper>) {
    loop {
        world.stage.sleep(node, "sweeper: wait", 4_000).await;
        sweeper.run_once().await.expect("the store in memory does not fail here");
    }
}

/// What `engine/keeper.rs` does with events that nobody took.
async fn keep_telling(world: Arc<World>, node: Node, store: MemoryStore) {
    loop {
        world.stage.sleep(node, "keeper: wait", 3_000).await;
        store.expire_early(world.stage.calendar(), u64::MAX, 10).await.expect("the store in memory does not fail here");
    }
}

async fn keep_firing(desk: Desk) {
    let (world, node) = (desk.world.clone(), desk.node);
    let store = world.store(node);
    loop {
        let version = world.stage.version(Topic::Timers);
        let due = store.read_due_timers(world.stage.calendar(), 16).await.expect("the store in memory does not fail");
        if due.is_empty() {
            let next = store.next_timer_at().await.expect("the store in memory does not fail");
            let until = next.map_or(POLL_MS, |next| (next - world.stage.calendar()).num_milliseconds());
            let wait = until.clamp(1, POLL_MS);
            world.stage.news(node, "scheduler: wait", Topic::Timers, version, wait).await;
            continue;
        }
        desk.handle(due.into_iter().map(Item::Timer).collect()).await;
    }
}

/// The engine of a node: what the loop in `engine/mod.rs` does with a batch.
#[derive(Clone)]
pub struct Desk {
    pub world: Arc<World>,
    pub node: Node,
}

impl Desk {
    pub async fn handle(&self, items: Vec<Item>) -> Vec<Outcome> {
        let store = self.world.store(self.node);
        loop {
            let registry = self.world.registry.clone();
            let step = Step::prepare(registry, items.clone(), self.world.stage.calendar());
            let claim = step.claim();
            let result = Arc::new(std::sync::Mutex::new(None));
            let slot = result.clone();
            let decide =
                move |loaded| step.decide(loaded, move |finished| *slot.lock().unwrap() = Some(finished.outcomes));
            match store.transact(claim, Box::new(decide)).await {
                Ok(()) => return result.lock().unwrap().take().expect("what committed was decided"),
                Err(StoreError::Conflict { .. }) => self.world.stage.gate(self.node, "engine: conflict").await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[async_trait]
impl Subscriber for Desk {
    fn name(&self) -> &str {
        CONSUMER
    }

    fn wants(&self, message: &Message) -> bool {
        self.world.engine_wants(message)
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let count = messages.len();
        let outcomes = self.handle(messages.into_iter().map(Item::Message).collect()).await;
        // Committed, and the connection broke before the answer came.
        if self.world.happens(60) {
            return vec![Err(unavailable("the connection broke")); count];
        }
        outcomes.into_iter().map(|outcome| outcome.map(drop).map_err(Refusal::into_failure)).collect()
    }
}

/// The in-process bus, with gates around it.
struct GatedBus {
    world: Arc<World>,
    node: Node,
    bus: MemoryBus,
}

#[async_trait]
impl Bus for GatedBus {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        if messages.is_empty() {
            return Vec::new();
        }
        self.world.stage.gate(self.node, "bus: about to publish").await;
        let results = self.bus.publish(messages).await;
        self.world.stage.gate(self.node, "bus: published").await;
        results
    }
}

/// A participant on the bus of a node.
struct Listener {
    world: Arc<World>,
    node: Node,
    name: &'static str,
}

#[async_trait]
impl Subscriber for Listener {
    fn name(&self) -> &str {
        self.name
    }

    fn wants(&self, message: &Message) -> bool {
        (self.world.scenario.wants)(self.name, message)
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        if self.world.happens(40) {
            return vec![Err(unavailable("it restarts")); messages.len()];
        }
        let mut failed = Vec::new();
        let mut results = Vec::with_capacity(messages.len());
        for message in &messages {
            self.world.stage.gate(self.node, "bus: participant handles").await;
            results.push(if failed.contains(&&message.key) {
                Err(behind_failure())
            } else if self.world.happens(25) {
                failed.push(&message.key);
                Err(Failure { class: "refused".into(), error: "not now".into() })
            } else {
                if let Some(reply) = self.world.arrive(self.name, message) {
                    self.world.reply_later(reply);
                }
                Ok(())
            });
        }
        results
    }
}

/// One destination's HTTP deliveries: the loop of `destination/worker.rs` around the real [`Hand`].
struct Worker {
    world: Arc<World>,
    node: Node,
    store: MemoryStore,
    leases: Arc<Leases>,
    destination: &'static str,
}

enum Happened {
    Ended(DueDelivery, Made, Verdict),
    Written(DueDelivery),
}

impl Worker {
    async fn run(self) {
        let mut hand = Hand::default();
        let mut under_way: FuturesUnordered<BoxFuture<'_, Happened>> = FuturesUnordered::new();
        let mut attempts = 0;
        let mut fence = None;
        loop {
            let version = self.world.stage.version(Topic::Deliveries);
            let held = self.leases.fence();
            if held != fence {
                hand.put_back();
                fence = held;
            }
            if let Some(fence) = &fence {
                if !hand.has_ready() && hand.room() > 0 {
                    let (now, busy) = (self.world.stage.calendar(), hand.busy());
                    let due = self.store.read_due_deliveries(fence, self.destination, now, 4, &busy).await;
                    hand.take(due.expect("the store in memory does not fail here"));
                }
                while attempts < CONCURRENCY {
                    let Some(delivery) = hand.start_next() else { break };
                    attempts += 1;
                    under_way.push(self.attempt(delivery).boxed());
                }
            }
            if under_way.is_empty() {
                self.world.stage.news(self.node, "deliveries: wait", Topic::Deliveries, version, POLL_MS).await;
                continue;
            }
            match under_way.next().await {
                Some(Happened::Ended(delivery, made, verdict)) => {
                    attempts -= 1;
                    hand.ended(&delivery.message.key, matches!(verdict, Verdict::Accepted { .. }));
                    under_way.push(self.write(delivery, made, verdict).boxed());
                }
                Some(Happened::Written(delivery)) => hand.written(&delivery.message.key, delivery.id),
                None => {}
            }
        }
    }

    async fn attempt(&self, delivery: DueDelivery) -> Happened {
        let at = self.world.stage.calendar();
        let verdict = self.world.request(self.node, self.destination, &delivery.message).await;
        let made = Made { id: delivery.id, attempts: delivery.attempts, at, took: Duration::ZERO };
        Happened::Ended(delivery, made, verdict)
    }

    async fn write(&self, delivery: DueDelivery, made: Made, verdict: Verdict) -> Happened {
        let now = self.world.stage.calendar();
        let outcome = outcome(made, verdict, &RETRY, now, seed(made.id, now));
        // Written, and the connection broke before the answer came: written once more.
        if self.world.happens(30) {
            self.store.record_attempts(vec![outcome.clone()]).await.expect("the store in memory does not fail here");
        }
        debug_assert!(!matches!(&outcome.result, AttemptResult::Delivered { answers } if answers.len() > 1));
        self.store.record_attempts(vec![outcome]).await.expect("the store in memory does not fail here");
        Happened::Written(delivery)
    }
}

/// Ids from the run's chance.
pub fn id_of(high: u64, low: u64) -> Uuid {
    uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid()
}
