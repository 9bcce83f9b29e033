//! The relay reads PostgreSQL's log: what comes, what does not, and in which order.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use baton_domain::{ids::MessageId, message::Message};
use baton_server::{
    bus::{Bus, MemoryBus, unavailable},
    relay::{Config, SlotConfig, SlotWatch},
    store::{OpenOptions, Store, log::LogError, open, rows::Failure},
};
use baton_testkit::postgres::{Durability, Postgres, psql};
use serde_json::json;
use sqlx::{PgPool, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{
    sink::Sink,
    world::{DEADLINE, Recorder, Setup, World, failure, first_of_each, until},
};

/// A PostgreSQL of the test's own: its log is nobody else's.
pub struct Server {
    pub postgres: Postgres,
    pub url: String,
    pub pool: PgPool,
}

impl Server {
    pub async fn start() -> Self {
        let postgres = tokio::task::spawn_blocking(|| Postgres::start(Durability::Throwaway).unwrap()).await.unwrap();
        let url = postgres.fresh_database().unwrap();
        let pool = pool(&url);
        Self { postgres, url, pool }
    }

    pub async fn store(&self) -> Arc<dyn Store> {
        open(&self.url, OpenOptions::default()).await.unwrap()
    }

    /// A node that reads the log, once it does.
    pub async fn reader(&self, setup: Setup) -> World {
        let world = World::start_with(self.store().await, Setup { log: true, ..setup }).await;
        until_reading(&world).await;
        world
    }

    /// Inserts an event of `key` in a transaction of its own; `alone` deletes it again in that same one.
    pub async fn insert(&self, key: &str, number: usize, alone: bool) -> MessageId {
        let id = Uuid::now_v7();
        let mut transaction = self.pool.begin().await.unwrap();
        // As a program does that locks the aggregate first.
        sqlx::query("select pg_advisory_xact_lock(hashtext($1))").bind(key).execute(&mut *transaction).await.unwrap();
        sqlx::query(
            "insert into baton.outbox (id, type, source, aggregate_type, aggregate_id, payload)
             values ($1, 'OrderPlaced', 'shop', 'order', $2, jsonb_build_object('number', $3::bigint))",
        )
        .bind(id)
        .bind(key)
        .bind(number as i64)
        .execute(&mut *transaction)
        .await
        .unwrap();
        if alone {
            sqlx::query("delete from baton.outbox where id = $1").bind(id).execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
        MessageId(id)
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub fn sql(&self, sql: &str) -> String {
        tokio::task::block_in_place(|| psql(&self.url, sql).unwrap())
    }

    /// Where the last reader confirmed, in bytes.
    async fn confirmed(&self) -> i64 {
        self.count("select (confirmed_flush_lsn - '0/0')::bigint from pg_replication_slots").await
    }
}

/// What a program commits stays committed when the server is killed, whatever the test server does for speed.
pub fn pool(url: &str) -> PgPool {
    let options: PgConnectOptions = url.parse().unwrap();
    PgPool::connect_lazy_with(options.options([("synchronous_commit", "on")]))
}

/// The node reads the log; if it never does, the reason is told.
pub async fn until_reading(world: &World) {
    let read = until("the log is read", async || world.log_status.is_reading());
    if tokio::time::timeout(DEADLINE / 2, read).await.is_err() {
        panic!("the log is not read: {:?}", world.log_status.error());
    }
}

/// Numbers by key, in the order in which they were taken first.
pub fn numbers(recorder: &Recorder) -> HashMap<String, Vec<u64>> {
    let messages = recorder.messages();
    let by_id: HashMap<MessageId, _> = messages.iter().map(|message| (message.id, message)).collect();
    let mut numbers: HashMap<String, Vec<u64>> = HashMap::new();
    for id in first_of_each(recorder.taken()) {
        let message = by_id[&id];
        let number = message.payload["number"].as_u64().unwrap();
        numbers.entry(message.key.aggregate_id.clone()).or_default().push(number);
    }
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_once_they_are_committed_and_never_when_rolled_back() {
    let server = Server::start().await;
    let world = server.reader(Setup::default()).await;
    let insert = |kind: &str| {
        format!(
            "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload) VALUES ('{kind}', 'order', '1', '{{}}');"
        )
    };
    let mut open = server.pool.begin().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(insert("Open"))).execute(&mut *open).await.unwrap();
    server.sql(&format!("BEGIN; {} ROLLBACK;", insert("RolledBack")));
    server.sql(&format!("BEGIN; {} DELETE FROM baton.outbox WHERE type = 'Gone'; ROLLBACK;", insert("Gone")));
    server.sql(&format!("BEGIN; SAVEPOINT s; {} ROLLBACK TO s; {} COMMIT;", insert("Undone"), insert("Kept")));
    let types =
        || -> Vec<String> { world.recorder.messages().iter().map(|message| message.message_type.clone()).collect() };
    until("what was committed is there", async || types() == ["Kept"]).await;
    open.commit().await.unwrap();
    until("what was committed late is there", async || types() == ["Kept", "Open"]).await;
    world.until_quiet().await;
    assert_eq!(server.count("select count(*) from baton.outbox_published").await, 2, "both are marked");
    assert_eq!(world.log_status.error(), None, "by the log, all the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_inserted_and_deleted_at_once_is_published_from_the_log_alone() {
    let server = Server::start().await;
    let world = server.reader(Setup::default()).await;
    let id = server.insert("a", 1, true).await;
    until("it is on the bus", async || world.recorder.taken() == [id]).await;
    let message = &world.recorder.messages()[0];
    assert_eq!((message.payload.clone(), &*message.key.aggregate_id), (json!({"number": 1}), "a"));
    assert_eq!(server.count("select count(*) from baton.outbox").await, 0, "nothing of it was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_in_the_log_gets_a_row_when_there_is_something_to_write_down() {
    let server = Server::start().await;
    let world = server.reader(Setup::default()).await;
    let sink = Sink::start().await;
    world.put_destination("sink", sink.settings(json!({}))).await;
    world.recorder.judge(|message, before| match message.payload["number"].as_u64() {
        Some(7) if before < 2 => Err(failure("refused")),
        _ => Ok(()),
    });
    let insert = |id: Uuid, more: &str, values: &str| {
        format!(
            "INSERT INTO baton.outbox (id, type, aggregate_type, aggregate_id, payload{more})
             VALUES ('{id}', 'Noted', 'order', 'x', '{{\"number\": 1}}'{values}); DELETE FROM baton.outbox WHERE id = '{id}';"
        )
    };
    let (addressed, later) = (Uuid::now_v7(), Uuid::now_v7());
    let begun = Instant::now();
    server.sql(&format!(
        "BEGIN; {} {} COMMIT;",
        insert(addressed, ", destination", ", 'sink'"),
        insert(later, ", deliver_after", ", now() + interval '1 second'"),
    ));
    until("the destination has its message", async || sink.accepted() == [MessageId(addressed)]).await;
    until("the delayed one is there", async || world.recorder.taken() == [MessageId(later)]).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before its instant");

    let (refused, behind) = (server.insert("r", 7, true).await, server.insert("r", 8, true).await);
    until("both are taken, in order", async || world.recorder.taken() == [MessageId(later), refused, behind]).await;
    world.until_quiet().await;
    let (_, deliveries) = world.message(refused).await.expect("a failure is visible, so there is a row");
    assert_eq!(deliveries[0].history.len(), 2, "the second refusal and the success");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_per_key_is_kept_under_writers_at_the_same_time() {
    const KEYS: usize = 8;
    const EACH: usize = 60;
    let server = Arc::new(Server::start().await);
    let world = server.reader(Setup::default()).await;
    let next: Arc<Vec<tokio::sync::Mutex<usize>>> = Arc::new((0..KEYS).map(|_| tokio::sync::Mutex::new(0)).collect());
    let writers = (0..6).map(|_| {
        let (server, next) = (server.clone(), next.clone());
        tokio::spawn(async move {
            for turn in 0.. {
                let key = turn % KEYS;
                let mut number = next[key].lock().await;
                if *number == EACH {
                    if (0..KEYS)
                        .all(|key| next[key].try_lock().is_ok_and(|number| *number == EACH) || key == turn % KEYS)
                    {
                        return;
                    }
                    drop(number);
                    tokio::task::yield_now().await;
                    continue;
                }
                // Every other key is written as a pure log.
                server.insert(&format!("k{key}"), *number, key.is_multiple_of(2)).await;
                *number += 1;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    until("all are there", async || first_of_each(world.recorder.taken()).len() == KEYS * EACH).await;
    let expected: Vec<u64> = (0..EACH as u64).collect();
    for (key, numbers) in numbers(&world.recorder) {
        assert_eq!(numbers, expected, "{key}");
    }
    assert_eq!(world.recorder.taken().len(), KEYS * EACH, "each once, as nothing broke");
    assert_eq!(world.log_status.error(), None, "by the log, all the time");
    world.until_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_transaction_comes_in_pieces_and_in_order() {
    const COUNT: usize = 5_000;
    let server = Server::start().await;
    let config = Config { batch: 300, delete_published: true, ..Config::default() };
    let world = server.reader(Setup { config, ..Setup::default() }).await;
    server.sql(&format!(
        "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload)
         SELECT 'OrderPlaced', 'order', (n % 7)::text, jsonb_build_object('number', n / 7)
         FROM generate_series(0, {COUNT} - 1) n ORDER BY n"
    ));
    until("all are there", async || world.recorder.taken().len() >= COUNT).await;
    for (key, numbers) in numbers(&world.recorder) {
        assert!(numbers.is_sorted(), "{key}");
    }
    world.until_quiet().await;
    assert_eq!((world.recorder.taken().len(), world.log_status.error()), (COUNT, None));
    assert_eq!(server.count("select count(*) from baton.outbox").await, 0, "deleted, as told to");
}

/// Takes nothing until it is told to.
#[derive(Default)]
struct Away {
    inner: MemoryBus,
    back: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Bus for Away {
    fn name(&self) -> &'static str {
        "away"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.back.load(Ordering::SeqCst) {
            true => self.inner.publish(messages).await,
            false => vec![Err(unavailable("gone fishing")); messages.len()],
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_position_is_confirmed_only_when_the_bus_has_taken_the_messages() {
    let server = Server::start().await;
    let recorder = Arc::new(Recorder::default());
    let bus = Arc::new(Away::default());
    bus.inner.subscribe(recorder.clone());
    let setup = |name: &str| Setup {
        bus: Some(bus.clone()),
        recorder: recorder.clone(),
        node_name: name.into(),
        lease_ttl: Duration::from_millis(1_500),
        ..Setup::default()
    };
    let mut world = server.reader(setup("one")).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        sent.push(server.insert("a", number, true).await);
    }
    let written = server.count("select (pg_current_wal_insert_lsn() - '0/0')::bigint").await;
    until("the bus was asked again and again", async || bus.asked.load(Ordering::SeqCst) >= 3).await;
    let log = world.store.log(None).unwrap();
    for _ in 0..10 {
        // A heartbeat behind what waits must not take it along.
        log.beat().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(server.confirmed().await < written, "confirmed what the bus has not taken");
    }
    world.kill();
    let world = World::start_with(server.store().await, Setup { log: true, ..setup("two") }).await;
    bus.back.store(true, Ordering::SeqCst);
    until("all are there", async || first_of_each(recorder.taken()).len() == 20).await;
    assert_eq!(first_of_each(recorder.taken()), sent, "in order");
    until("now it is confirmed", async || server.confirmed().await >= written).await;
    world.until_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_far_behind_is_an_alarm() {
    let server = Server::start().await;
    let bus = Arc::new(Away::default());
    let world = server.reader(Setup { bus: Some(bus.clone()), ..Setup::default() }).await;
    let config = SlotConfig { reads_log: true, lag_max_bytes: 100_000, ..SlotConfig::default() };
    let log = world.store.log(None).unwrap();
    let watch = SlotWatch { log, leases: world.leases.clone(), status: world.log_status.clone(), config };
    assert!(!watch.run_once().await.unwrap().alarm);
    server.insert("a", 0, true).await;
    server.sql("CREATE TABLE other AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 500)");
    let mut report = watch.run_once().await.unwrap();
    until("it is behind", async || {
        report = watch.run_once().await.unwrap();
        report.alarm
    })
    .await;
    assert!(report.slot.as_ref().unwrap().lag_bytes > 100_000, "{report:?}");
    bus.back.store(true, Ordering::SeqCst);
    until("it is not any more", async || !watch.run_once().await.unwrap().alarm).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_keeps_an_idle_reader_from_holding_the_log_back() {
    let server = Server::start().await;
    let world = server.reader(Setup::default()).await;
    let config = SlotConfig { reads_log: true, lag_max_bytes: 1_000_000, ..SlotConfig::default() };
    let log = world.store.log(None).unwrap();
    let watch = SlotWatch { log, leases: world.leases.clone(), status: world.log_status.clone(), config };
    server.sql("CREATE TABLE other (n int); INSERT INTO other SELECT generate_series(1, 20000)");
    let written = server.count("select (pg_current_wal_lsn() - '0/0')::bigint").await;
    until("the position passed what others wrote", async || {
        watch.run_once().await.unwrap();
        server.confirmed().await >= written
    })
    .await;
    let before = server.count("select (pg_current_wal_lsn() - '0/0')::bigint").await;
    watch.log.beat().await.unwrap();
    until("the position passed the heartbeat", async || server.confirmed().await > before).await;
    watch.run_once().await.unwrap();
    assert_eq!(world.log_status.slot().map(|slot| slot.active), Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_in_the_log_that_nobody_reads_is_an_alarm_until_it_is_dropped() {
    let server = Server::start().await;
    let mut world = server.reader(Setup::default()).await;
    let log = world.store.log(None).unwrap();
    assert!(matches!(log.drop_slot(None).await, Err(LogError::InUse { .. })), "not under a reader");
    world.stop().await;
    until("its connection is gone", async || log.slot().await.unwrap().is_some_and(|slot| !slot.active)).await;
    let watch = SlotWatch {
        log: log.clone(),
        leases: world.leases.clone(),
        status: world.log_status.clone(),
        config: SlotConfig::default(),
    };
    let report = watch.run_once().await.unwrap();
    assert!(report.alarm && !report.beat, "{report:?}");
    assert!(log.drop_slot(None).await.unwrap());
    assert!(!log.drop_slot(None).await.unwrap(), "there is none any more");
    assert!(!watch.run_once().await.unwrap().alarm);
    assert_eq!(server.count("select count(*) from pg_publication").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_the_log_is_told_what_to_run() {
    let server = Server::start().await;
    server.sql("CREATE ROLE plain LOGIN");
    server.sql("CREATE DATABASE plain OWNER plain");
    let address = server.postgres.url().replace("postgres://postgres@", "postgres://plain@");
    let url = format!("{}/plain", address.rsplit_once('/').unwrap().0);
    let log = open(&url, OpenOptions::default()).await.unwrap().log(None).unwrap();
    let error = log.check().await.unwrap_err();
    assert!(matches!(error, LogError::Role { .. }), "{error}");
    assert!(error.to_string().contains("ALTER ROLE \"plain\" REPLICATION"), "{error}");
    server.sql("ALTER ROLE plain REPLICATION");
    log.check().await.unwrap();
    let made = psql(&url, "SELECT pubname FROM pg_publication").unwrap();
    assert_eq!(made, "baton_outbox", "what is allowed is made");

    psql(&url, "ALTER PUBLICATION baton_outbox SET (publish = 'delete')").unwrap();
    let error = log.check().await.unwrap_err();
    assert!(matches!(error, LogError::OtherPublication { .. }), "{error}");

    // Who may replicate, and does not own the table.
    server.sql("CREATE ROLE guest LOGIN REPLICATION");
    psql(&url, "DROP PUBLICATION baton_outbox; GRANT CREATE ON DATABASE plain TO guest; GRANT ALL ON SCHEMA baton TO guest; GRANT ALL ON ALL TABLES IN SCHEMA baton TO guest").unwrap();
    let guest = url.replace("plain@", "guest@");
    let log = open(&guest, OpenOptions::default()).await.unwrap().log(None).unwrap();
    let error = log.check().await.unwrap_err();
    assert!(matches!(error, LogError::Publication { .. }), "{error}");
    assert!(error.to_string().contains("CREATE PUBLICATION baton_outbox FOR TABLE baton.outbox"), "{error}");
}
