//! Much at once: a backlog of a million, and one bad message among a hundred thousand.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use baton_domain::{
    ids::MessageId,
    message::{Key, Message},
    retry::Policy,
};
use baton_server::{
    bus::{MemoryBus, Subscriber, behind_failure},
    relay::Config,
    store::rows::{Failure, Repair, RepairFilter},
};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::{
    on_both,
    world::{Database, Setup, World, failure},
};

on_both!(one_bad_message_among_a_hundred_thousand_holds_up_its_key_alone);

/// A whole backlog may take so long.
const GIVE_UP: Duration = Duration::from_secs(420);

/// Too many messages to keep: it remembers how far each key is, and the first thing that went wrong.
#[derive(Default)]
struct Counter {
    keys: Mutex<HashMap<Key, Progress>>,
    wrong: Mutex<Option<String>>,
    refused: Option<MessageId>,
    mended: AtomicBool,
}

#[derive(Default)]
struct Progress {
    /// The version of the newest message, 0 before the first.
    version: i64,
    repeats: usize,
}

impl Counter {
    fn refusing(id: MessageId) -> Self {
        Self { refused: Some(id), ..Self::default() }
    }

    /// How many different messages came, and how many of them again.
    fn count(&self) -> (i64, usize) {
        let keys = self.keys.lock().unwrap();
        keys.values().fold((0, 0), |(count, repeats), key| (count + key.version, repeats + key.repeats))
    }

    fn refuses(&self, message: &Message) -> bool {
        self.refused == Some(message.id) && !self.mended.load(Ordering::SeqCst)
    }

    /// Nothing is skipped: what comes is the next of its key, or one that came before.
    fn take(&self, message: &Message) {
        let version = message.aggregate_version.expect("every message has a version");
        let mut keys = self.keys.lock().unwrap();
        let progress = keys.entry(message.key.clone()).or_default();
        if version == progress.version + 1 {
            progress.version = version;
        } else if version <= progress.version {
            progress.repeats += 1;
        } else {
            let wrong = format!("{:?}: {version} came after {}", message.key, progress.version);
            self.wrong.lock().unwrap().get_or_insert(wrong);
        }
    }

    async fn until(&self, count: i64) {
        let begun = Instant::now();
        while self.count().0 < count {
            self.is_sound();
            assert!(begun.elapsed() < GIVE_UP, "{} of {count} came", self.count().0);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn is_sound(&self) {
        assert_eq!(*self.wrong.lock().unwrap(), None);
    }
}

#[async_trait]
impl Subscriber for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    fn wants(&self, _: &Message) -> bool {
        true
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let mut behind: Option<Key> = None;
        let result = |message: Arc<Message>| {
            if behind.as_ref() == Some(&message.key) {
                return Err(behind_failure());
            }
            if self.refuses(&message) {
                behind = Some(message.key.clone());
                return Err(failure("refused"));
            }
            self.take(&message);
            Ok(())
        };
        messages.into_iter().map(result).collect()
    }
}

/// `count` messages of `keys` keys, the versions of each from 1 without a gap. The id of the n-th ends in n.
async fn seed(database: &Database, count: i64, keys: i64) {
    if database.url.starts_with("postgres") {
        let options: PgConnectOptions = database.url.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        sqlx::query(
            "INSERT INTO baton.outbox (id, type, aggregate_type, aggregate_id, aggregate_version, payload)
             SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Counted', 'counter', (n % $2)::text,
                 n / $2 + 1, '{\"of\": \"many\"}' FROM generate_series(0, $1 - 1) AS n ORDER BY n",
        )
        .bind(count)
        .bind(keys)
        .execute(&mut connection)
        .await
        .unwrap();
        return;
    }
    let options: SqliteConnectOptions = database.url.parse().unwrap();
    let mut connection = options.busy_timeout(Duration::from_secs(30)).connect().await.unwrap();
    sqlx::query(
        "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1 - 1)
         INSERT INTO outbox (id, type, aggregate_type, aggregate_id, aggregate_version, payload)
         SELECT '00000000-0000-4000-8000-' || printf('%012x', n), 'Counted', 'counter', n % ?2, n / ?2 + 1,
             '{\"of\": \"many\"}' FROM numbers",
    )
    .bind(count)
    .bind(keys)
    .execute(&mut connection)
    .await
    .unwrap();
}

fn nth(n: u128) -> MessageId {
    MessageId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 + n))
}

async fn world(database: &Database, counter: &Arc<Counter>, bus_retry: Policy) -> World {
    let bus = MemoryBus::default();
    bus.subscribe(counter.clone());
    let config = Config { bus_retry, ..Config::default() };
    let setup = Setup { config, bus: Some(Arc::new(bus)), ..Setup::default() };
    World::start_with(database.open().await, setup).await
}

/// Killed after a fifth of it; whoever goes on loses nothing, and repeats what was under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_a_million_goes_out_in_order_and_whole() {
    const COUNT: i64 = 1_000_000;
    let database = Database::postgres();
    drop(database.open().await);
    seed(&database, COUNT, 1_000).await;
    let counter = Arc::new(Counter::default());
    let retry = Setup::default().config.bus_retry;
    let mut killed = world(&database, &counter, retry).await;
    counter.until(COUNT / 5).await;
    killed.kill();
    drop(killed);
    let world = world(&database, &counter, retry).await;
    counter.until(COUNT).await;
    world.until_quiet().await;
    counter.is_sound();
    let (count, repeats) = counter.count();
    assert_eq!(count, COUNT);
    // Two batches may be under way when a relay is killed.
    assert!(repeats <= 2 * Config::default().batch as usize, "{repeats} repeats");
}

async fn one_bad_message_among_a_hundred_thousand_holds_up_its_key_alone(database: Database) {
    const COUNT: i64 = 100_000;
    const KEYS: i64 = 500;
    const OF_A_KEY: i64 = COUNT / KEYS;
    // The fifty-first of its key, which has 149 behind it.
    const BAD: u128 = 25_017;
    drop(database.open().await);
    seed(&database, COUNT, KEYS).await;
    let counter = Arc::new(Counter::refusing(nth(BAD)));
    let world = world(&database, &counter, Policy { attempts_max: 3, base_ms: 10, cap_ms: 40 }).await;

    let held_up = OF_A_KEY - 50;
    counter.until(COUNT - held_up).await;
    world.until_state(nth(BAD), "bus", "dead 3 refused").await;
    world.until_state(nth(BAD + KEYS as u128), "bus", "parked 0").await;
    let last_of_its_key = nth(BAD + (OF_A_KEY as u128 - 51) * KEYS as u128);
    world.until_state(last_of_its_key, "bus", "parked 0").await;
    assert_eq!(counter.count(), (COUNT - held_up, 0), "all others came, once");

    counter.mended.store(true, Ordering::SeqCst);
    assert_eq!(world.repair(RepairFilter::default(), Repair::Retry { edited_payload: None }).await, 1);
    counter.until(COUNT).await;
    world.until_quiet().await;
    counter.is_sound();
    assert_eq!(counter.count(), (COUNT, 0));
}
