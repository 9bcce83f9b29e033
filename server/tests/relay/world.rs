//! A running relay with everything around it, and the questions that tests ask.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
    retry::Policy,
};
use baton_server::{
    bus::{Bus, MemoryBus, Subscriber, behind_failure},
    changes::Changes,
    clock::Clock,
    destination::{Deliveries, Directory, HttpSender, Nudges, Sweeper, service},
    nudge::Nudge,
    relay::{Config, Leases, LogStatus, Meter, Parts, Relay},
    store::{
        OpenOptions, Store, open,
        rows::{
            AuditRow, DeliveryRow, DestinationRow, Failure, MessageFilter, MessageRow, Repair, RepairFilter, RouteRow,
        },
    },
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Everything that a test waits for happens within this, or the test fails.
pub const DEADLINE: Duration = Duration::from_secs(40);

/// A fresh database.
pub struct Database {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}", folder.path().join("baton.db").display()), _folder: Some(folder) }
    }

    pub fn postgres() -> Self {
        Self { url: baton_testkit::postgres::fresh_database().unwrap(), _folder: None }
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        open(&self.url, OpenOptions::default()).await.unwrap()
    }
}

/// The services of one node.
pub struct World {
    pub store: Arc<dyn Store>,
    pub relay: Arc<Relay>,
    pub relay_nudge: Nudge,
    pub leases: Arc<Leases>,
    pub directory: Arc<Directory>,
    pub deliveries: Arc<Deliveries>,
    pub sweeper: Arc<Sweeper>,
    pub nudges: Arc<Nudges>,
    pub changes: Arc<Changes>,
    pub recorder: Arc<Recorder>,
    pub log_status: Arc<LogStatus>,
    pub shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

pub struct Setup {
    pub config: Config,
    pub allow_private: bool,
    pub lease_ttl: Duration,
    pub node_name: String,
    pub recorder: Arc<Recorder>,
    /// In place of the memory bus with the recorder.
    pub bus: Option<Arc<dyn Bus>>,
    /// Read the database's log.
    pub log: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            config: Config { bus_retry: Policy { attempts_max: 50, base_ms: 10, cap_ms: 40 }, ..Config::default() },
            allow_private: true,
            lease_ttl: Duration::from_secs(10),
            node_name: "test".into(),
            recorder: Arc::default(),
            bus: None,
            log: false,
        }
    }
}

impl World {
    /// All services, running.
    pub async fn start(database: &Database) -> Self {
        Self::start_with(database.open().await, Setup::default()).await
    }

    pub async fn start_with(store: Arc<dyn Store>, setup: Setup) -> Self {
        let mut world = Self::build(store, setup).await;
        world.run();
        world
    }

    /// Nothing runs but what the test calls.
    pub async fn build(store: Arc<dyn Store>, setup: Setup) -> Self {
        let recorder = setup.recorder;
        let bus = setup.bus.unwrap_or_else(|| {
            let bus = MemoryBus::default();
            bus.subscribe(recorder.clone());
            Arc::new(bus)
        });
        let directory = Arc::new(Directory::load(store.clone()).await.unwrap());
        let leases = Leases::new(store.clone(), Uuid::now_v7(), setup.node_name, setup.lease_ttl, Clock::default());
        let leases = if setup.log { leases.for_log() } else { leases };
        leases.run_once().await.unwrap();
        let leases = Arc::new(leases);
        let (changes, nudges) = (Arc::new(Changes::default()), Arc::new(Nudges::default()));
        let sweeper = Arc::new(Sweeper::new(store.clone(), nudges.clone(), changes.clone()));
        let relay_nudge = Nudge::default();
        let log_status = Arc::new(LogStatus::default());
        let mut relay = Relay::new(
            Parts {
                store: store.clone(),
                bus: bus.clone(),
                directory: directory.clone(),
                leases: leases.clone(),
                nudges: nudges.clone(),
                sweeper: sweeper.clone(),
                changes: changes.clone(),
                meter: Arc::new(Meter::default()),
                nudge: relay_nudge.clone(),
                clock: Clock::default(),
            },
            setup.config.clone(),
        );
        if setup.log {
            relay = relay.reading(store.log(None).expect("PostgreSQL has one"), log_status.clone());
        }
        let deliveries = Deliveries::new(service::Parts {
            store: store.clone(),
            bus,
            sender: Arc::new(HttpSender::new(setup.allow_private).unwrap()),
            directory: directory.clone(),
            leases: leases.clone(),
            nudges: nudges.clone(),
            sweeper: sweeper.clone(),
            changes: changes.clone(),
            relay_nudge: relay_nudge.clone(),
            bus_retry: setup.config.bus_retry,
            clock: Clock::default(),
        });
        Self {
            store,
            relay: Arc::new(relay),
            relay_nudge,
            leases,
            directory,
            deliveries: Arc::new(deliveries),
            sweeper,
            nudges,
            changes,
            recorder,
            log_status,
            shutdown: CancellationToken::new(),
            tasks: Vec::new(),
        }
    }

    pub fn run(&mut self) {
        self.run_leases();
        self.run_relay();
        self.run_deliveries();
    }

    pub fn run_leases(&mut self) {
        let (leases, token) = (self.leases.clone(), self.shutdown.clone());
        self.tasks.push(tokio::spawn(async move { leases.run(token).await }));
    }

    pub fn run_relay(&mut self) {
        let (relay, token) = (self.relay.clone(), self.shutdown.clone());
        self.tasks.push(tokio::spawn(async move { relay.run(token).await }));
    }

    pub fn run_deliveries(&mut self) {
        let (deliveries, token) = (self.deliveries.clone(), self.shutdown.clone());
        self.tasks.push(tokio::spawn(async move { deliveries.run(token).await }));
        let (sweeper, token) = (self.sweeper.clone(), self.shutdown.clone());
        self.tasks.push(tokio::spawn(async move { sweeper.run(token).await }));
    }

    /// Ends all services in an orderly way.
    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
    }

    /// Ends everything where it stands, as a crash would.
    pub fn kill(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
        }
    }

    pub async fn append(&self, messages: &[Message]) {
        let appended = self.store.append(messages, None).await.unwrap();
        assert_eq!(appended.accepted.len(), messages.len());
        self.relay_nudge.now();
    }

    pub async fn put_destination(&self, name: &str, settings: Value) {
        self.put_destination_paused(name, settings, false).await;
    }

    pub async fn put_destination_paused(&self, name: &str, settings: Value, paused: bool) {
        let row = DestinationRow { name: name.into(), settings, paused, updated_at: Utc::now() };
        self.store.put_destination(&row, audit()).await.unwrap();
        self.directory.reload().await.unwrap();
    }

    /// Everything of this aggregate type goes to `to` (as well as to the bus, when it is an event).
    pub async fn route(&self, aggregate_type: &str, to: &str) {
        let row = RouteRow {
            name: format!("{aggregate_type}-{to}").replace('*', "all"),
            kind: None,
            message_type: None,
            aggregate_type: Some(aggregate_type.into()),
            to: to.into(),
        };
        self.store.put_route(&row, audit()).await.unwrap();
        self.directory.reload().await.unwrap();
    }

    pub async fn repair(&self, filter: RepairFilter, repair: Repair) -> u64 {
        let touched = self.store.repair(&filter, &repair, audit()).await.unwrap();
        self.sweeper.nudge().now();
        self.nudges.all();
        touched
    }

    pub async fn message(&self, id: MessageId) -> Option<(MessageRow, Vec<DeliveryRow>)> {
        self.store.read_message(id).await.unwrap()
    }

    /// The delivery of `message` to `destination`.
    pub async fn delivery(&self, id: MessageId, destination: &str) -> Option<DeliveryRow> {
        let (_, deliveries) = self.message(id).await?;
        deliveries.into_iter().find(|delivery| delivery.destination == destination)
    }

    /// `state attempts failure-class` of the delivery.
    pub async fn state(&self, id: MessageId, destination: &str) -> String {
        match self.delivery(id, destination).await {
            None => "none".into(),
            Some(delivery) => {
                let class = delivery.failure.map_or(String::new(), |failure| format!(" {}", failure.class));
                format!("{} {}{class}", delivery.state.as_str(), delivery.attempts)
            }
        }
    }

    pub async fn until_state(&self, id: MessageId, destination: &str, expected: &str) {
        let begun = Instant::now();
        loop {
            let state = self.state(id, destination).await;
            if state.starts_with(expected) {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "{state}, not {expected}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Nothing is pending, and nothing open anywhere.
    pub async fn until_quiet(&self) {
        until("everything is delivered", async || {
            let counts = self.store.counts(Utc::now()).await.unwrap();
            counts.pending == 0 && counts.deliveries.values().sum::<u64>() == 0
        })
        .await;
    }

    pub async fn list(&self) -> Vec<MessageRow> {
        let filter = MessageFilter { limit: 200, ..MessageFilter::default() };
        self.store.list_messages(&filter).await.unwrap().items
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Polls until `condition` holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < DEADLINE, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn audit() -> AuditRow {
    AuditRow {
        at: Utc::now(),
        actor: "test".into(),
        action: "test".into(),
        subject: "test".into(),
        reason: None,
        detail: json!({}),
    }
}

/// An event of the aggregate `order/{key}` with a number to tell it from others.
pub fn event(key: &str, number: u64) -> Message {
    Message {
        id: MessageId(Uuid::now_v7()),
        kind: MessageKind::Event,
        message_type: "OrderPlaced".into(),
        source: "shop".into(),
        key: Key { aggregate_type: "order".into(), aggregate_id: key.into() },
        aggregate_version: None,
        payload: json!({"number": number}),
        headers: BTreeMap::new(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: Utc::now(),
    }
}

pub fn command(message_type: &str, key: &str) -> Message {
    Message { kind: MessageKind::Command, message_type: message_type.into(), ..event(key, 0) }
}

pub fn addressed(destination: &str, key: &str, number: u64) -> Message {
    Message { destination: Some(destination.into()), ..event(key, number) }
}

/// Ids by key, in order.
pub fn by_key<'a>(messages: impl IntoIterator<Item = &'a Message>) -> HashMap<Key, Vec<MessageId>> {
    let mut by_key: HashMap<Key, Vec<MessageId>> = HashMap::new();
    for message in messages {
        by_key.entry(message.key.clone()).or_default().push(message.id);
    }
    by_key
}

/// Each id once, where it came first.
pub fn first_of_each(ids: impl IntoIterator<Item = MessageId>) -> Vec<MessageId> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

type Judge = dyn Fn(&Message, u32) -> Result<(), Failure> + Send + Sync;

/// A subscriber that wants events, keeps what it took, and refuses what it is told to.
#[derive(Default)]
pub struct Recorder {
    taken: Mutex<Vec<(DateTime<Utc>, Arc<Message>)>>,
    offered: Mutex<HashMap<MessageId, u32>>,
    judge: Mutex<Option<Box<Judge>>>,
}

impl Recorder {
    /// `judge` gets the message and how often it was offered before.
    pub fn judge(&self, judge: impl Fn(&Message, u32) -> Result<(), Failure> + Send + Sync + 'static) {
        *self.judge.lock().unwrap() = Some(Box::new(judge));
    }

    pub fn taken(&self) -> Vec<MessageId> {
        self.taken.lock().unwrap().iter().map(|(_, message)| message.id).collect()
    }

    pub fn messages(&self) -> Vec<Arc<Message>> {
        self.taken.lock().unwrap().iter().map(|(_, message)| message.clone()).collect()
    }

    /// From the instant of insertion to when it was taken, for every message.
    pub fn delays(&self) -> Vec<Duration> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(at, message)| (*at - message.created_at).to_std().unwrap_or_default()).collect()
    }
}

#[async_trait]
impl Subscriber for Recorder {
    fn name(&self) -> &str {
        "recorder"
    }

    fn wants(&self, message: &Message) -> bool {
        message.kind == MessageKind::Event
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let judge = self.judge.lock().unwrap();
        let (mut taken, mut offered) = (self.taken.lock().unwrap(), self.offered.lock().unwrap());
        let mut failed = HashSet::new();
        let mut results = Vec::new();
        for message in messages {
            if failed.contains(&message.key) {
                results.push(Err(behind_failure()));
                continue;
            }
            let before = offered.entry(message.id).or_default();
            let result = judge.as_ref().map_or(Ok(()), |judge| judge(&message, *before));
            *before += 1;
            match &result {
                Ok(()) => taken.push((Utc::now(), message)),
                Err(_) => _ = failed.insert(message.key.clone()),
            }
            results.push(result);
        }
        results
    }
}

pub fn failure(class: &str) -> Failure {
    Failure { class: class.into(), error: format!("{class}, says the test") }
}

/// The same bits for the same words: a coin that a test can throw again.
pub fn toss(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |hash, word| {
        let mixed = (hash ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 29)
    })
}
