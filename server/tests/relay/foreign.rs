//! Programs that are not Baton insert with plain SQL, and what they insert is delivered soon.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    on_both,
    world::{Database, World, event, until},
};

on_both!(foreign_inserts_are_delivered_soon, odd_rows_do_not_stop_the_others);

/// Runs SQL in another process: `psql`, or Python's SQLite.
fn run_sql(database: &Database, sql: &str) {
    if database.url.starts_with("postgres") {
        baton_testkit::postgres::psql(&database.url, sql).unwrap();
        return;
    }
    let path = database.url.trim_start_matches("sqlite://");
    let program = "import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=10)
connection.executescript(sys.argv[2])
connection.commit()";
    let output = Command::new("python3").args(["-c", program, path, sql]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn table(database: &Database) -> &'static str {
    if database.url.starts_with("postgres") { "baton.outbox" } else { "outbox" }
}

/// Within 50 ms on SQLite, where nothing rings; within 100 ms on PostgreSQL, where asking is dearer.
async fn foreign_inserts_are_delivered_soon(database: Database) {
    let world = World::start(&database).await;
    let table = table(&database);
    for number in 1..=7 {
        let sql = format!(
            "INSERT INTO {table} (type, aggregate_type, aggregate_id, payload) \
             VALUES ('OrderPaid', 'order', '{number}', '{{\"amount\": {number}}}');"
        );
        tokio::task::block_in_place(|| run_sql(&database, &sql));
        until("it is on the bus", async || world.recorder.taken().len() == number).await;
    }
    let mut delays = world.recorder.delays();
    delays.sort();
    // The machine may be busy with other tests, so the median counts.
    let soon = Duration::from_millis(if database.url.starts_with("postgres") { 100 } else { 50 });
    assert!(delays[delays.len() / 2] <= soon, "{delays:?}");
    let messages = world.recorder.messages();
    assert_eq!(messages[2].payload, serde_json::json!({"amount": 3}));
    assert_eq!(messages[2].message_type, "OrderPaid");
}

/// What a database allows and Baton cannot use is put aside, visibly; everybody else goes on.
async fn odd_rows_do_not_stop_the_others(database: Database) {
    let world = World::start(&database).await;
    let table = table(&database);
    let insert = |key: &str, payload: &str, headers: &str| {
        format!(
            "INSERT INTO {table} (type, aggregate_type, aggregate_id, payload, headers) \
             VALUES ('Odd', 'order', '{key}', '{payload}', '{headers}');"
        )
    };
    let sql = [
        insert("a", "{}", r#"{"depth": 1, "list": [1, 2], "nothing": null}"#),
        insert("b", "1e999", "{}"),
        insert("c", &"[".repeat(500).chars().chain("]".repeat(500).chars()).collect::<String>(), "{}"),
    ]
    .join("\n");
    tokio::task::block_in_place(|| run_sql(&database, &sql));
    let fine = event("z", 1);
    world.append(std::slice::from_ref(&fine)).await;
    until("the good one is through", async || world.recorder.taken().contains(&fine.id)).await;
    until("nothing is pending", async || world.store.counts(chrono::Utc::now()).await.unwrap().pending == 0).await;
    let (taken, rows) = (world.recorder.taken(), world.list().await);
    assert_eq!(rows.len(), 4);
    for row in rows.iter().filter(|row| !taken.contains(&row.message.id)) {
        let (_, deliveries) = world.message(row.message.id).await.unwrap();
        assert_eq!(deliveries[0].failure.as_ref().unwrap().class, "unreadable");
    }
}

/// On PostgreSQL, where a relay with nothing to do sleeps instead of asking.
#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_relay_is_woken_by_a_foreign_insert() {
    const ASLEEP: &str = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND d.datname = current_database()";
    let database = Database::postgres();
    let world = World::start(&database).await;
    for number in 1..=3 {
        let asleep = || baton_testkit::postgres::psql(&database.url, ASLEEP).unwrap();
        until("the relay sleeps", async || tokio::task::block_in_place(asleep) == "1").await;
        let sql = format!(
            "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload) \
             VALUES ('OrderPaid', 'order', '{number}', '{{}}');"
        );
        tokio::task::block_in_place(|| run_sql(&database, &sql));
        until("it is on the bus", async || world.recorder.taken().len() == number).await;
    }
    let mut delays = world.recorder.delays();
    delays.sort();
    let soon = Duration::from_millis(if database.url.starts_with("postgres") { 100 } else { 50 });
    assert!(delays[delays.len() / 2] <= soon, "{delays:?}");
}

/// The connection that hears the bell is cut while the relay sleeps: what is inserted then is found without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_whose_bell_is_cut_finds_what_was_inserted_meanwhile() {
    const CUT: &str =
        "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND d.datname = current_database()";
    let database = Database::postgres();
    let world = World::start(&database).await;
    for number in 1..=3 {
        if number == 1 {
            until("the relay sleeps, and its bell is cut", async || {
                tokio::task::block_in_place(|| baton_testkit::postgres::psql(&database.url, CUT).unwrap()) == "1"
            })
            .await;
        }
        let sql = format!(
            "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload) \
             VALUES ('OrderPaid', 'order', '{number}', '{{}}');"
        );
        tokio::task::block_in_place(|| run_sql(&database, &sql));
        until("it is on the bus", async || world.recorder.taken().len() == number).await;
    }
    // Polling stands behind the bell: a second at most, and the machine may be busy.
    assert!(
        world.recorder.delays().iter().all(|delay| *delay < Duration::from_millis(2_500)),
        "{:?}",
        world.recorder.delays()
    );
}
