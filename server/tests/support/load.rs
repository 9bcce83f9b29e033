//! A load that knows what it did: another program that inserts by plain SQL, processes started over HTTP, and a
//! participant that answers their commands. Afterwards the checker of invariants holds everything against it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use baton_domain::ids::InstanceId;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    baton::{Baton, TOKEN},
    database::Database,
    invariants::{Receipt, Sent, check},
    participant::Participant,
};

const DRAIN_WITHIN: Duration = Duration::from_secs(120);
/// How long a caller waits for an answer before it asks somebody else.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

const FIVE_STEPS: &str = r#"
baton: process/1
name: five-steps
input: {type: object, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: one}
  one:   {kind: command, send: DoOne, to: worker, payload: {n: =input.n}, on: {DidOne: {set: {one: =event.payload.step}, next: two}, timeout: {after: P1D, next: late}}}
  two:   {kind: command, send: DoTwo, to: worker, payload: {n: =input.n}, on: {DidTwo: {next: three}, timeout: {after: P1D, next: late}}}
  three: {kind: command, send: DoThree, to: worker, payload: {n: =input.n}, on: {DidThree: {next: four}, timeout: {after: P1D, next: late}}}
  four:  {kind: command, send: DoFour, to: worker, payload: {n: =input.n}, on: {DidFour: {next: five}, timeout: {after: P1D, next: late}}}
  five:  {kind: command, send: DoFive, to: worker, payload: {n: =input.n}, on: {DidFive: {next: done}, timeout: {after: P1D, next: late}}}
  done:  {kind: end, outcome: completed}
  late:  {kind: end, outcome: failed}
"#;

/// What the outside knows to be committed.
#[derive(Default)]
struct Known {
    /// Key → ids and when they were committed, in the order of their versions.
    committed: BTreeMap<String, Vec<(Uuid, Instant)>>,
    rolled_back: HashSet<Uuid>,
    /// Idempotency key → instance, for starts that were answered.
    started: BTreeMap<String, Uuid>,
}

pub struct Load {
    pub participant: Participant,
    database: Database,
    known: Arc<Mutex<Known>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

/// What must have been achieved at least, so that a test cannot pass by doing nothing.
#[derive(Clone, Copy)]
pub struct Minimum {
    pub messages: usize,
    pub instances: usize,
}

impl Load {
    /// Starts a participant, and defines the process and its routes. Other nodes hear of routes within seconds; those
    /// that start afterwards know them.
    pub async fn define(baton: &Baton) -> Participant {
        let (participant, address) = Participant::start().await;
        let settings = json!({"kind": "http", "url": format!("http://{address}/"), "backoff_base_ms": 10,
            "attempts_max": 50, "timeout_ms": 5000, "concurrency": 16});
        baton.api(Method::PUT, "/destinations/participant", settings).await;
        let route = json!({"aggregate_type": "worker", "kind": "command", "to": "participant"});
        baton.api(Method::PUT, "/routes/work", route).await;
        baton.api(Method::PUT, "/routes/counts", json!({"type": "Counted", "to": "participant"})).await;
        baton.api(Method::PUT, "/processes/five-steps/draft", json!({"source": FIVE_STEPS})).await;
        baton.api(Method::POST, "/processes/five-steps/versions", json!({})).await;
        participant
    }

    /// Begins. Starts go to the `ports` in turn; messages have `keys` keys.
    pub async fn begin(baton: &Baton, participant: Participant, ports: Vec<u16>, keys: u64) -> Self {
        let database = Database::connect(&baton.database_url).await;
        let (known, stop) = (Arc::<Mutex<Known>>::default(), Arc::<AtomicBool>::default());
        let tasks = vec![
            tokio::spawn(insert(database.clone(), keys, known.clone(), stop.clone())),
            tokio::spawn(start(ports, known.clone(), stop.clone())),
        ];
        Self { participant, database, known, stop, tasks }
    }

    /// How much was handed in so far.
    pub fn handed_in(&self) -> Minimum {
        let known = self.known.lock().unwrap();
        Minimum { messages: known.committed.values().map(Vec::len).sum(), instances: known.started.len() }
    }

    pub fn has(&self, minimum: Minimum) -> bool {
        let now = self.handed_in();
        now.messages >= minimum.messages && now.instances >= minimum.instances
    }

    /// Waits until so much was handed in.
    pub async fn until(&self, minimum: Minimum, within: Duration) {
        let deadline = Instant::now() + within;
        while !self.has(minimum) {
            let Minimum { messages, instances } = self.handed_in();
            assert!(Instant::now() < deadline, "too little was achieved: {messages} messages, {instances} instances");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops, waits until nothing is open, and has everything checked. `baton` is asked for its log when that fails.
    pub async fn end(self, baton: &Baton, minimum: Minimum) -> Ended {
        self.until(minimum, Duration::from_secs(60)).await;
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        drain(baton, &self.database).await;
        let known = std::mem::take(&mut *self.known.lock().unwrap());
        let receipts = self.participant.receipts();

        let mut record = self.database.record().await;
        for (key, ids) in &known.committed {
            let sent = |(id, _): &(Uuid, Instant)| Sent {
                id: *id,
                key: format!("counter/{key}"),
                committed: true,
                receivers: vec!["participant".to_owned()],
            };
            record.messages.extend(ids.iter().map(sent));
        }
        let lost = |id: &Uuid| Sent { id: *id, key: String::new(), committed: false, receivers: Vec::new() };
        record.messages.extend(known.rolled_back.iter().map(lost));
        let received = |id: Uuid| Receipt { receiver: "participant".to_owned(), id };
        record.receipts = receipts.iter().map(|receipt| received(receipt.id)).collect();
        record.starts = known.started.iter().map(|(key, id)| (key.clone(), *id)).collect();
        record.orphans = orphans(baton).await;

        let counted = receipts.iter().filter(|receipt| receipt.message_type == "Counted");
        let delivered: HashSet<Uuid> = counted.map(|receipt| receipt.id).collect();
        assert!(delivered.len() >= minimum.messages, "only {} messages were delivered", delivered.len());
        assert!(record.instances.len() >= minimum.instances, "only {} instances", record.instances.len());
        assert_eq!(record.instances.len(), known.started.len(), "instances that nobody asked for");
        let mut commands: HashMap<Uuid, usize> = HashMap::new();
        for command in &record.commands {
            *commands.entry(InstanceId::of_child(command.id).0).or_default() += 1;
        }
        for instance in &record.instances {
            assert_eq!(instance.status, "completed", "{}", instance.id);
            assert_eq!(commands.get(&instance.id), Some(&5), "commands of {}", instance.id);
        }
        let violations: Vec<String> = check(&record).iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{}", violations.join("\n"));

        let mut first: HashMap<Uuid, Instant> = HashMap::new();
        for receipt in &receipts {
            first.entry(receipt.id).or_insert(receipt.at);
        }
        let waits = known.committed.values().flatten().map(|(id, at)| (*at, first[id].saturating_duration_since(*at)));
        Ended { messages: delivered.len(), instances: record.instances.len(), waits: waits.collect() }
    }
}

/// What a load that was checked had done.
pub struct Ended {
    pub messages: usize,
    pub instances: usize,
    /// When each message was committed, and how long its first delivery took.
    waits: Vec<(Instant, Duration)>,
}

impl Ended {
    /// The longest that a message of this span of time had to wait.
    pub fn longest_wait(&self, from: Instant, to: Instant) -> Duration {
        let within = self.waits.iter().filter(|(at, _)| (from..to).contains(at));
        within.map(|(_, waited)| *waited).max().expect("messages were committed in that time")
    }
}

/// Versions ascend per key; every ninth is rolled back. While the database is away nobody knows whether a commit was
/// one: it is looked up afterwards, as any careful program does.
async fn insert(database: Database, keys: u64, known: Arc<Mutex<Known>>, stop: Arc<AtomicBool>) {
    let mut versions: HashMap<u64, i64> = HashMap::new();
    let mut n = 0u64;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let key_number = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let key_number = key_number % keys;
        let key = format!("counter-{key_number}");
        let version = versions.entry(key_number).or_default();
        let id = Uuid::now_v7();
        let commits = !n.is_multiple_of(9);
        let committed = match database.insert_event(id, &key, *version + 1, commits).await {
            Ok(()) => commits,
            Err(_) => loop {
                if let Ok(there) = database.has_message(id).await {
                    break there;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            },
        };
        if committed {
            *version += 1;
            known.lock().unwrap().committed.entry(key).or_default().push((id, Instant::now()));
        } else {
            known.lock().unwrap().rolled_back.insert(id);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Starts processes over HTTP; a start whose answer was lost is repeated with its idempotency key, at the next node.
async fn start(ports: Vec<u16>, known: Arc<Mutex<Known>>, stop: Arc<AtomicBool>) {
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build().unwrap();
    let mut ports = ports.into_iter().cycle();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let key = format!("start-{n}");
        loop {
            let port = ports.next().expect("there is a port");
            let sent = client
                .post(format!("http://127.0.0.1:{port}/api/v1/processes/five-steps/instances"))
                .bearer_auth(TOKEN)
                .header("Idempotency-Key", &key)
                .json(&json!({"input": {"n": n}, "business_key": key}))
                .send()
                .await;
            if let Ok(answer) = sent {
                let status = answer.status().as_u16();
                let body: Value = answer.json().await.unwrap_or_default();
                if let (200 | 201, Some(id)) = (status, body["id"].as_str()) {
                    known.lock().unwrap().started.insert(key, id.parse().unwrap());
                    break;
                }
                // A node hears of a new definition within seconds.
                assert!(status == 404 || !(300..500).contains(&status), "a start was refused with {status}: {body}");
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}

async fn drain(baton: &Baton, database: &Database) {
    let deadline = Instant::now() + DRAIN_WITHIN;
    loop {
        let open = database.unfinished().await;
        if open == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{open} things are still open; the log ends with:\n{}", baton.tail());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The metric, as an operator sees it.
async fn orphans(baton: &Baton) -> u64 {
    let (status, text) = baton.request(Method::GET, "/metrics", None).await.unwrap();
    assert_eq!(status, 200, "{text}");
    let text = text.as_str().unwrap();
    let line = text.lines().find(|line| line.starts_with("baton_orphans ")).unwrap_or_else(|| panic!("{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
