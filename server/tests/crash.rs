//! Kill -9 at any moment under load loses nothing and doubles no step.
//!
//! A real server is killed at least twenty times while another program inserts into its outbox and while processes of
//! five commands run. Afterwards the tables and what the participant received are held against what was committed, by
//! the same checker that the simulation uses.

mod support;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use baton_domain::ids::InstanceId;
use reqwest::Method;
use serde_json::{Value, json};
use support::{
    baton::{Baton, TOKEN},
    database::Database,
    invariants::{Receipt, Sent, check},
    participant::{self, Participant},
};
use uuid::Uuid;

const KILLS: u32 = 20;
/// What must have been achieved at least, so that the test cannot pass by doing nothing.
const COMPLETED_MIN: usize = 150;
const DELIVERED_MIN: usize = 400;
const KEYS: u64 = 8;
/// Killing goes on until that much was handed in, however slow the machine is.
const LOAD_WITHIN: Duration = Duration::from_secs(240);
const DRAIN_WITHIN: Duration = Duration::from_secs(120);

const FIVE_STEPS: &str = r#"
baton: process/1
name: five-steps
input: {type: object, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: one}
  one:   {kind: command, send: DoOne, to: worker, payload: {n: =input.n}, on: {DidOne: {set: {one: =event.payload.step}, next: two}, timeout: {after: PT1H, next: late}}}
  two:   {kind: command, send: DoTwo, to: worker, payload: {n: =input.n}, on: {DidTwo: {next: three}, timeout: {after: PT1H, next: late}}}
  three: {kind: command, send: DoThree, to: worker, payload: {n: =input.n}, on: {DidThree: {next: four}, timeout: {after: PT1H, next: late}}}
  four:  {kind: command, send: DoFour, to: worker, payload: {n: =input.n}, on: {DidFour: {next: five}, timeout: {after: PT1H, next: late}}}
  five:  {kind: command, send: DoFive, to: worker, payload: {n: =input.n}, on: {DidFive: {next: done}, timeout: {after: PT1H, next: late}}}
  done:  {kind: end, outcome: completed}
  late:  {kind: end, outcome: failed}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    survive(url, folder.path().join("baton.log")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let url = baton_testkit::postgres::fresh_database().unwrap();
    survive(url, folder.path().join("baton.log")).await;
}

/// What the outside knows to be committed.
#[derive(Default)]
struct Known {
    /// Key → ids in the order of their versions.
    committed: BTreeMap<String, Vec<Uuid>>,
    rolled_back: HashSet<Uuid>,
    /// Idempotency key → instance, for starts that were answered.
    started: BTreeMap<String, Uuid>,
}

impl Known {
    fn committed(&self) -> usize {
        self.committed.values().map(Vec::len).sum()
    }

    fn achieved(&self) -> String {
        format!("{} messages committed, {} instances started", self.committed(), self.started.len())
    }
}

fn enough(known: &Known) -> bool {
    known.committed() >= DELIVERED_MIN && known.started.len() >= COMPLETED_MIN
}

async fn survive(database_url: String, log: PathBuf) {
    // given: a server, a participant, and a definition
    let mut baton = Baton::new(database_url.clone(), log);
    baton.start().await;
    let (participant, address) = Participant::start().await;
    set_up(&baton, address).await;
    let database = Database::connect(&database_url).await;
    let known = Arc::new(Mutex::new(Known::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let inserter = tokio::spawn(insert(database.clone(), known.clone(), stop.clone()));
    let starter = tokio::spawn(start(baton.port, known.clone(), stop.clone()));

    // when: it is killed again and again, at moments that differ from run to run of the loop
    let begun = Instant::now();
    let mut kills = 0;
    while kills < KILLS || !enough(&known.lock().unwrap()) {
        assert!(begun.elapsed() < LOAD_WITHIN, "too little was achieved: {}", known.lock().unwrap().achieved());
        tokio::time::sleep(Duration::from_millis(150 + u64::from(kills * 7919 % 11) * 90)).await;
        baton.kill();
        kills += 1;
        baton.spawn();
        // Every other time it is killed again while it starts.
        if kills.is_multiple_of(2) {
            baton.until_ready(Duration::from_secs(60)).await;
        }
    }
    baton.until_ready(Duration::from_secs(60)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    inserter.await.unwrap();
    starter.await.unwrap();
    drain(&baton, &database).await;

    // then
    let known = std::mem::take(&mut *known.lock().unwrap());
    check_everything(&known, &participant.receipts(), &database).await;
}

async fn set_up(baton: &Baton, address: std::net::SocketAddr) {
    let settings = json!({"kind": "http", "url": format!("http://{address}/"), "backoff_base_ms": 10,
        "attempts_max": 50, "timeout_ms": 5000, "concurrency": 16});
    baton.api(Method::PUT, "/destinations/participant", settings).await;
    baton
        .api(Method::PUT, "/routes/work", json!({"aggregate_type": "worker", "kind": "command", "to": "participant"}))
        .await;
    baton.api(Method::PUT, "/routes/counts", json!({"type": "Counted", "to": "participant"})).await;
    baton.api(Method::PUT, "/processes/five-steps/draft", json!({"source": FIVE_STEPS})).await;
    baton.api(Method::POST, "/processes/five-steps/versions", json!({})).await;
}

/// Another program with the same database: inserts by plain SQL, versions ascending per key, some rolled back.
async fn insert(database: Database, known: Arc<Mutex<Known>>, stop: Arc<AtomicBool>) {
    let mut versions: HashMap<u64, i64> = HashMap::new();
    let mut n = 0u64;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let key_number = n * n % KEYS;
        let key = format!("counter-{key_number}");
        let version = versions.entry(key_number).or_default();
        let id = Uuid::now_v7();
        if n.is_multiple_of(9) {
            database.insert_event(id, &key, *version + 1, false).await.unwrap();
            known.lock().unwrap().rolled_back.insert(id);
        } else {
            database.insert_event(id, &key, *version + 1, true).await.unwrap();
            *version += 1;
            known.lock().unwrap().committed.entry(key).or_default().push(id);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Starts processes over HTTP; a start whose answer was lost is repeated with its idempotency key.
async fn start(port: u16, known: Arc<Mutex<Known>>, stop: Arc<AtomicBool>) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let url = format!("http://127.0.0.1:{port}/api/v1/processes/five-steps/instances");
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let key = format!("start-{n}");
        loop {
            let sent = client
                .post(&url)
                .bearer_auth(TOKEN)
                .header("Idempotency-Key", &key)
                .json(&json!({"input": {"n": n}, "business_key": key}))
                .send()
                .await;
            if let Ok(answer) = sent {
                let status = answer.status().as_u16();
                let body: Value = answer.json().await.unwrap_or_default();
                if status == 200 || status == 201 {
                    let id = body["id"].as_str().unwrap().parse().unwrap();
                    known.lock().unwrap().started.insert(key, id);
                    break;
                }
                assert!(status >= 500, "a start was refused with {status}: {body}");
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}

async fn drain(baton: &Baton, database: &Database) {
    let deadline = Instant::now() + DRAIN_WITHIN;
    loop {
        let open = database
            .count(
                "select (select count(*) from outbox where published_at is null)
                      + (select count(*) from delivery where state in ('queued', 'retrying', 'parked', 'dead'))
                      + (select count(*) from process_instance where ended_at is null)",
            )
            .await;
        if open == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{open} things are still open; the log ends with:\n{}", baton.tail());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Everything that was known, received and stored, for the checker; and that it was enough.
async fn check_everything(known: &Known, receipts: &[participant::Receipt], database: &Database) {
    let mut record = database.record().await;
    for (key, ids) in &known.committed {
        let sent = |id: &Uuid| Sent {
            id: *id,
            key: format!("counter/{key}"),
            committed: true,
            receivers: vec!["participant".to_owned()],
        };
        record.messages.extend(ids.iter().map(sent));
    }
    let lost = |id: &Uuid| Sent { id: *id, key: String::new(), committed: false, receivers: Vec::new() };
    record.messages.extend(known.rolled_back.iter().map(lost));
    record.receipts =
        receipts.iter().map(|receipt| Receipt { receiver: "participant".to_owned(), id: receipt.id }).collect();
    record.starts = known.started.iter().map(|(key, id)| (key.clone(), *id)).collect();

    let delivered: HashSet<Uuid> =
        receipts.iter().filter(|receipt| receipt.message_type == "Counted").map(|receipt| receipt.id).collect();
    assert!(delivered.len() >= DELIVERED_MIN, "only {} messages were delivered", delivered.len());
    assert!(record.instances.len() >= COMPLETED_MIN, "only {} instances were started", record.instances.len());
    assert_eq!(record.instances.len(), known.started.len(), "instances that nobody asked for");
    for instance in &record.instances {
        assert_eq!(instance.status, "completed", "{}", instance.id);
        let sent = record.commands.iter().filter(|command| InstanceId::of_child(command.id).0 == instance.id);
        assert_eq!(sent.count(), 5, "commands of {}", instance.id);
    }
    let violations: Vec<String> = check(&record).iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
