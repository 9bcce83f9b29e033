//! Tables that are read through PostgreSQL's log: what is deleted in the transaction that inserts it, restarts, what is lost.

use std::time::Duration;

use baton_domain::{diagnostic::Diagnostic, source::Preset};
use baton_server::{
    bus::reading::failure_of,
    source::{Source, SourceError},
};
use baton_testkit::postgres::{Durability, Postgres};
use serde_json::{Value, json};

use crate::fixture::{OUTBOX, World, eventually, insert, outbox, texts};

/// The other system on a server of its own: a slot waits for every transaction of its server.
async fn world() -> (Postgres, World) {
    let postgres = tokio::task::spawn_blocking(|| Postgres::start(Durability::Throwaway).unwrap()).await.unwrap();
    let world = World::beside(&postgres).await;
    world.sql(OUTBOX).await;
    (postgres, world)
}

fn log() -> Value {
    json!({"mode": "log", "mapping": {"order": null}})
}

/// Inserts, and deletes in the same transaction.
async fn flash(world: &World, number: u32) {
    world.sql(&format!("BEGIN; {}; DELETE FROM outbox; COMMIT", insert("Placed", &number.to_string()))).await;
}

const SLOTS: &str = "SELECT string_agg(slot_name, ' ') FROM pg_replication_slots";

async fn until_reading(world: &World) {
    // A slot that is being made is active too, and what is inserted then is read from the table.
    let reading = "SELECT count(*)::text FROM pg_stat_replication WHERE state IN ('catchup', 'streaming')";
    eventually("the log is read", async || world.ask(reading).await == "1").await;
}

#[tokio::test]
async fn rows_that_are_deleted_at_once_come_in_the_order_of_their_commits() {
    let (_postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &log());
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    for number in 1..=5 {
        flash(&world, number).await;
    }
    // Begun first, committed last.
    let mut early = world.foreign.begin().await.unwrap();
    sqlx::query("INSERT INTO outbox (type, aggregate_id, payload) VALUES ('Placed', 'late', '{}')")
        .execute(&mut *early)
        .await
        .unwrap();
    world.sql(&insert("Placed", "6")).await;
    world.taken(6).await;
    early.commit().await.unwrap();
    let expected = ["Placed 1", "Placed 2", "Placed 3", "Placed 4", "Placed 5", "Placed 6", "Placed late"];
    assert_eq!(texts(&world.taken(7).await), expected);
    assert_eq!(world.ask("SELECT count(*)::text FROM outbox").await, "2", "nothing is written there");
    world.stop().await;
}

#[tokio::test]
async fn what_the_table_holds_at_the_beginning_comes_first_and_once() {
    let (_postgres, mut world) = world().await;
    world
        .sql("INSERT INTO outbox (type, aggregate_id, payload) SELECT 'T' || n, 'one', '{}' FROM generate_series(1, 25) n")
        .await;
    let settings = world.settings(outbox(), &json!({"mode": "log", "batch": 10}));
    world.put(&settings).await;
    world.run();
    world.taken(25).await;
    until_reading(&world).await;
    world.sql("INSERT INTO outbox (type, aggregate_id, payload) VALUES ('T26', 'one', '{}')").await;
    let messages = world.taken(26).await;
    let numbers: Vec<u32> = messages.iter().map(|message| message.message_type[1..].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=26).collect::<Vec<_>>());
    world.stop().await;
}

#[tokio::test]
async fn readers_that_are_stopped_and_killed_lose_nothing_and_repeat_nothing() {
    let (_postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &json!({"mode": "log", "batch": 3, "mapping": {"order": null}}));
    world.put(&settings).await;
    for round in 0..10_u32 {
        world.run();
        if round == 0 {
            until_reading(&world).await;
        }
        for number in 1..=10 {
            flash(&world, round * 10 + number).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(round) * 15)).await;
        if round % 2 == 0 {
            world.kill()
        } else {
            world.stop().await
        }
        // Nobody reads meanwhile.
        flash(&world, 1_000 + round).await;
    }
    world.run();
    let messages = world.taken(110).await;
    let of_rounds =
        |message: &&baton_domain::message::Message| message.key.aggregate_id.parse::<u32>().unwrap() < 1_000;
    let numbers: Vec<u32> =
        messages.iter().filter(of_rounds).map(|message| message.key.aggregate_id.parse().unwrap()).collect();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>(), "in the order of the commits, over every end");
    world.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_and_a_server_that_restarts_lose_nothing() {
    let (mut postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &log());
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    flash(&world, 1).await;
    world.taken(1).await;
    let cut = "SELECT count(pg_terminate_backend(active_pid))::text FROM pg_replication_slots WHERE active";
    assert_eq!(world.ask(cut).await, "1");
    flash(&world, 2).await;
    assert_eq!(texts(&world.taken(2).await), ["Placed 1", "Placed 2"]);
    let postgres = tokio::task::spawn_blocking(move || {
        postgres.interrupt().unwrap();
        postgres.resume().unwrap();
        postgres
    });
    let _postgres = postgres.await.unwrap();
    eventually("PostgreSQL is back", async || sqlx::query("SELECT 1").execute(&world.foreign).await.is_ok()).await;
    flash(&world, 3).await;
    assert_eq!(texts(&world.taken(3).await), ["Placed 1", "Placed 2", "Placed 3"]);
    world.stop().await;
}

#[tokio::test]
async fn a_crash_before_the_position_is_confirmed_repeats_without_effect() {
    let (_postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &log());
    world.put(&settings).await;
    let source = world.source(&settings).await.unwrap();
    let mut reader = source.open(None).await.unwrap();
    let first = reader.next(100).await.unwrap();
    assert!(first.found.is_empty());
    let position = first.position.expect("the table was read to its end");
    flash(&world, 1).await;
    let found = loop {
        let batch = reader.next(100).await.unwrap();
        reader.settle().await.unwrap();
        if !batch.found.is_empty() {
            break batch.found;
        }
    };
    assert_eq!(found[0].place, "1");
    drop(reader);
    // A second one that gets the row, takes it in, and dies before it has settled it.
    flash(&world, 2).await;
    let mut reader = source.open(Some(position.clone())).await.unwrap();
    let mut taken = Vec::new();
    while taken.last().is_none_or(|found: &baton_server::source::Found| found.place != "2") {
        taken.extend(reader.next(100).await.unwrap().found);
    }
    let messages: Vec<_> = taken.iter().map(|found| found.message.clone().unwrap()).collect();
    world.store.take_in("source:shop", &messages).await.unwrap();
    drop(reader);
    let mut reader = source.open(Some(position)).await.unwrap();
    let again = loop {
        let batch = reader.next(100).await.unwrap();
        if let Some(last) = batch.found.into_iter().find(|found| found.place == "2") {
            break last;
        }
    };
    let message = again.message.unwrap();
    assert_eq!(Some(&message), messages.last());
    assert!(world.store.take_in("source:shop", &[message]).await.unwrap().is_empty(), "the inbox knows it");
    world.stop().await;
}

#[tokio::test]
async fn a_slot_that_is_dropped_is_made_again_and_the_table_read_anew() {
    let (_postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &log());
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    world.sql(&insert("Placed", "1")).await;
    world.taken(1).await;
    world.stop().await;
    eventually("nobody reads", async || {
        world.ask("SELECT count(*)::text FROM pg_replication_slots WHERE active").await == "0"
    })
    .await;
    world.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots").await;
    world.sql(&insert("Placed", "2")).await;
    world.run();
    assert_eq!(texts(&world.taken(2).await), ["Placed 1", "Placed 2"]);
    until_reading(&world).await;
    flash(&world, 3).await;
    world.taken(3).await;
    world.stop().await;
}

#[tokio::test]
async fn what_was_made_there_goes_with_the_source() {
    let (_postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &log());
    let source = world.source(&settings).await.unwrap();
    source.leave(None).await.unwrap();
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    assert!(world.ask(SLOTS).await.starts_with("baton_source_shop_"));
    eventually("what is kept is seen", async || world.standing().await.kept_bytes.is_some()).await;
    let position = world.standing().await.position;
    world.store.delete_source("shop", crate::fixture::audit()).await.unwrap();
    source.leave(position.as_ref()).await.unwrap();
    world.stop().await;
    assert_eq!(world.ask(SLOTS).await, "");
    assert_eq!(world.ask("SELECT count(*)::text FROM pg_publication").await, "0");
}

#[tokio::test]
async fn an_idle_reader_keeps_nothing_of_the_log() {
    let (_postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &log());
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    // Others write, and nothing that concerns the source.
    world.sql("CREATE TABLE busy AS SELECT n, repeat('x', 1000) AS text FROM generate_series(1, 5000) n").await;
    let behind =
        "SELECT (pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) < 1000000)::text FROM pg_replication_slots";
    eventually("the slot goes on", async || world.ask(behind).await == "true").await;
    world.stop().await;
}

/// Every type that matters, both ways: read from the table, and told by the log.
#[tokio::test]
async fn a_row_means_the_same_message_whichever_way_it_comes() {
    let (_postgres, mut world) = world().await;
    world
        .sql(
            "CREATE TABLE many (id numeric PRIMARY KEY, t text, b boolean, at timestamptz, day date, plain timestamp, j json, jb \
             jsonb, raw bytea, u uuid, f float8, e int2)",
        )
        .await;
    let mapping = json!({"key": "id", "type": "t", "aggregate_type": "b", "aggregate_id": "u | e", "payload": "jb",
        "headers": "j", "created_at": "at", "aggregate_version": "e", "correlation_id": "f", "causation_id": "plain"});
    let base = json!({"table": "many", "mode": "log", "mapping": mapping});
    let row = "'Placed', false, '2026-11-30 01:02:03.5+02', '2026-11-30', '2026-11-30 01:02:03', '{\"a\": \"b\"}', \
               '{\"n\": [1, 2.50, null]}', '\\x00ff', '01936f3e-0000-7000-8000-000000000001', 1.5, 7";
    world.sql(&format!("INSERT INTO many VALUES (1.50, {row})")).await;
    let settings = world.settings(base, &json!({}));
    let source = world.source(&settings).await.unwrap();
    let read = source.preview(10).await.unwrap().remove(0);
    world.sql("DELETE FROM many").await;
    let mut reader = source.open(None).await.unwrap();
    reader.next(10).await.unwrap();
    reader.settle().await.unwrap();
    world.sql(&format!("INSERT INTO many VALUES (1.50, {row})")).await;
    let told = loop {
        let batch = reader.next(10).await.unwrap();
        reader.settle().await.unwrap();
        if let Some(found) = batch.found.into_iter().next() {
            break found;
        }
    };
    assert_eq!(told, read);
    let message = told.message.unwrap();
    assert_eq!(message.created_at.to_rfc3339(), "2026-11-29T23:02:03.500+00:00");
    assert_eq!((message.payload, message.aggregate_version), (json!({"n": [1, 2.5, null]}), Some(7)));
    world.stop().await;
}

#[tokio::test]
async fn rows_from_before_a_column_was_renamed_fail_by_themselves() {
    let (_postgres, mut world) = world().await;
    let settings = world.settings(outbox(), &log());
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    flash(&world, 1).await;
    world.taken(1).await;
    world.stop().await;
    flash(&world, 2).await;
    world.sql("ALTER TABLE outbox RENAME COLUMN payload TO body").await;
    flash_body(&world, 3).await;
    world.run();
    eventually("the mapping has to be corrected", async || {
        world.standing().await.error.is_some_and(|(error, _)| error.contains("no column `payload`"))
    })
    .await;
    assert_eq!(world.messages().await.len(), 1, "nothing is taken in until then");
    world.stop().await;
    let changes = json!({"mode": "log", "mapping": {"order": null, "payload": "body"}});
    let corrected = world.settings(outbox(), &changes);
    world.put(&corrected).await;
    world.run();
    let messages = world.taken(3).await;
    let failure = failure_of(&messages[1]).expect("the row from before");
    assert!(failure.error.contains("no column `body`"), "{}", failure.error);
    assert_eq!(texts(&messages[2..]), ["Placed 3"]);
    world.stop().await;
}

async fn flash_body(world: &World, number: u32) {
    world
        .sql(&format!(
            "BEGIN; INSERT INTO outbox (type, aggregate_id, body) VALUES ('Placed', '{number}', '{{}}'); DELETE FROM outbox; COMMIT"
        ))
        .await;
}

#[tokio::test]
async fn partitions_are_read_as_their_table() {
    let (_postgres, mut world) = world().await;
    world
        .sql(
            "CREATE TABLE parts (id bigserial PRIMARY KEY, t text, a text) PARTITION BY RANGE (id);
             CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (3);
             CREATE TABLE parts_2 PARTITION OF parts DEFAULT",
        )
        .await;
    let mapping = json!({"key": "id", "type": "t", "aggregate_type": "'a'", "aggregate_id": "a", "payload": "'{}'"});
    let settings = world.settings(json!({"table": "parts", "mode": "log", "mapping": mapping}), &json!({}));
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    world.sql("INSERT INTO parts (t, a) SELECT 'T', n::text FROM generate_series(1, 4) n").await;
    assert_eq!(texts(&world.taken(4).await), ["T 1", "T 2", "T 3", "T 4"]);
    world.stop().await;
}

/// Each partition counts its rows for itself: two rows of one transaction may have the same number.
#[tokio::test]
async fn a_page_that_ends_between_partitions_leaves_nothing_out() {
    let (_postgres, world) = world().await;
    world
        .sql(
            "CREATE TABLE parts (id bigserial PRIMARY KEY, t text, a text) PARTITION BY RANGE (id);
             CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (3);
             CREATE TABLE parts_2 PARTITION OF parts DEFAULT",
        )
        .await;
    world.sql("INSERT INTO parts (t, a) SELECT 'T', n::text FROM generate_series(1, 4) n").await;
    let mapping = json!({"key": "id", "type": "t", "aggregate_type": "'a'", "aggregate_id": "a", "payload": "'{}'"});
    let settings = world.settings(json!({"table": "parts", "mode": "log", "mapping": mapping}), &json!({}));
    let source = world.source(&settings).await.unwrap();
    let (mut position, mut found) = (None, Vec::new());
    for _ in 1..=4 {
        // Opened anew each time, as after a crash.
        let mut reader = source.open(position.take()).await.unwrap();
        let batch = reader.next(1).await.unwrap();
        found.extend(batch.found.into_iter().map(|one| one.message.unwrap()));
        position = batch.position;
        reader.settle().await.unwrap();
    }
    assert_eq!(texts(&found), ["T 1", "T 2", "T 3", "T 4"]);
}

#[tokio::test]
async fn debezium_with_rows_that_are_gone_at_once() {
    let (_postgres, mut world) = world().await;
    world
        .sql(
            "DROP TABLE outbox; CREATE TABLE outbox (id uuid NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL, \
             aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb)",
        )
        .await;
    let preset = serde_json::to_value(Preset::find("debezium").unwrap().settings()).unwrap();
    let settings = world.settings(preset, &json!({"mode": "log"}));
    world.put(&settings).await;
    world.run();
    until_reading(&world).await;
    for number in 1..=3 {
        world
            .sql(&format!(
                "BEGIN; INSERT INTO outbox VALUES (gen_random_uuid(), 'Order', '{number}', 'OrderCreated', '{{}}'); \
                 DELETE FROM outbox; COMMIT"
            ))
            .await;
    }
    assert_eq!(texts(&world.taken(3).await), ["OrderCreated 1", "OrderCreated 2", "OrderCreated 3"]);
    world.stop().await;
}

async fn findings(source: &dyn Source) -> Vec<Diagnostic> {
    let report = source.check().await.unwrap();
    report.diagnostics.into_iter().filter(Diagnostic::is_error).collect()
}

#[tokio::test]
async fn what_keeps_the_log_from_being_read_is_said_with_what_to_run() {
    let (_postgres, world) = world().await;
    world.sql("CREATE ROLE reader LOGIN; GRANT SELECT ON outbox TO reader").await;
    let mut url =
        url::Url::parse(&std::fs::read_to_string(world.database.strip_prefix("file:").unwrap()).unwrap()).unwrap();
    url.set_username("reader").unwrap();
    let path = world.path("reader");
    std::fs::write(&path, url.to_string()).unwrap();
    let changes = json!({"mode": "log", "mapping": {"order": null}, "database": format!("file:{}", path.display())});
    let by_reader = world.settings(outbox(), &changes);
    let source = world.source(&by_reader).await.unwrap();
    let found = findings(source.as_ref()).await;
    assert_eq!(found.iter().map(|one| one.pointer.as_str()).collect::<Vec<_>>(), ["/mode", "/mode"]);
    assert!(found[0].message.contains("ALTER ROLE \"reader\" REPLICATION"), "{}", found[0].message);
    let sql = found[1].message.split('`').nth(1).unwrap();
    assert!(sql.starts_with("CREATE PUBLICATION baton_source_shop_"), "{sql}");
    assert!(matches!(source.open(None).await, Err(SourceError::Mapping(_))));

    // What it says to run is enough.
    world.sql("ALTER ROLE reader REPLICATION").await;
    world.sql(sql).await;
    assert_eq!(findings(source.as_ref()).await, []);
    source.open(None).await.unwrap();

    world.sql("CREATE UNLOGGED TABLE light (LIKE outbox INCLUDING ALL)").await;
    let settings = world.settings(outbox(), &json!({"table": "light", "mode": "log", "mapping": {"order": null}}));
    let found = findings(world.source(&settings).await.unwrap().as_ref()).await;
    assert!(found.iter().any(|one| one.message.contains("SET LOGGED")), "{found:?}");
    world.sql("ALTER TABLE outbox SET LOGGED").await;
}
