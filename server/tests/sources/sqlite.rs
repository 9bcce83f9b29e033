//! Tables in SQLite: in Baton's own file and in another one.

use baton_server::bus::reading::failure_of;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::fixture::{World, eventually, texts};

const OUTBOX: &str = "CREATE TABLE shop_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, aggregate_id TEXT NOT \
                      NULL, payload TEXT, raw BLOB, sent BOOLEAN NOT NULL DEFAULT 0, sent_at DATETIME, state TEXT)";

struct File {
    connection: SqliteConnection,
}

impl File {
    async fn open(path: &std::path::Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        Self { connection: SqliteConnection::connect_with(&options).await.unwrap() }
    }

    async fn sql(&mut self, sql: &str) {
        self.connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }

    async fn insert(&mut self, message_type: &str) {
        let sql = format!(
            "INSERT INTO shop_outbox (type, aggregate_id, payload, raw) VALUES ('{message_type}', 'one', '{{\"n\": 1}}', x'7b7d')"
        );
        self.sql(&sql).await;
    }

    async fn count(&mut self, condition: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM shop_outbox WHERE {condition}");
        sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await.unwrap().get(0)
    }
}

fn settings(world: &World, file: Option<&std::path::Path>, changes: &Value) -> baton_app::model::SourceSettings {
    let base = json!({
        "table": "shop_outbox", "mode": "delete",
        "mapping": {"key": "id", "order": "id", "type": "type", "aggregate_type": "'shop'", "aggregate_id": "aggregate_id",
            "payload": "payload"},
    });
    let mut all = changes.clone();
    all["database"] = match file {
        None => Value::Null,
        Some(path) => {
            let address = world.path("sqlite-address");
            std::fs::write(&address, format!("sqlite://{}", path.display())).unwrap();
            format!("file:{}", address.display()).into()
        }
    };
    world.settings(base, &all)
}

#[tokio::test]
async fn every_mode_works_in_our_own_file_and_in_another_one() {
    for own in [true, false] {
        for (changes, open) in [
            (json!({}), "1"),
            (json!({"mode": "mark", "mark": {"column": "sent"}}), "sent = 0"),
            (json!({"mode": "mark", "mark": {"column": "sent_at"}}), "sent_at IS NULL"),
            (json!({"mode": "mark", "mark": {"column": "state", "to": "SENT"}}), "state IS NOT 'SENT'"),
            (json!({"mode": "read_only"}), "sent"),
            (json!({"mapping": {"payload": "raw", "encoding": "bytes"}}), "1"),
        ] {
            let mut world = World::new().await;
            let path = world.path(if own { "baton.db" } else { "shop.db" });
            let mut file = File::open(&path).await;
            file.sql(OUTBOX).await;
            for message_type in ["One", "Two", "Three"] {
                file.insert(message_type).await;
            }
            let mut changes = changes.clone();
            changes["batch"] = 2.into();
            let settings = settings(&world, (!own).then_some(path.as_path()), &changes);
            let source = world.source(&settings).await.unwrap();
            let found = source.preview(10).await.unwrap();
            assert_eq!((found.len(), file.count("NOT sent").await), (3, 3), "{changes}");
            world.put(&settings).await;
            world.run();
            assert_eq!(texts(&world.taken(3).await), ["One one", "Two one", "Three one"], "{changes}");
            file.insert("Four").await;
            world.taken(4).await;
            let mut left = file.count(open).await;
            for _ in 0..200 {
                if left == 0 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                left = file.count(open).await;
            }
            assert_eq!(left, 0, "{changes}");
            world.stop().await;
            // A new reader goes on where this one was.
            world.run();
            file.insert("Five").await;
            world.taken(5).await;
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_said() {
    let world = World::new().await;
    let path = world.path("shop.db");
    let mut file = File::open(&path).await;
    file.sql(OUTBOX).await;
    file.sql("CREATE TABLE loose (id INTEGER PRIMARY KEY, type TEXT, aggregate_id TEXT, payload TEXT)").await;
    for (changes, pointer, says) in [
        (json!({"table": "nothing"}), "/table", "no table"),
        (json!({"schema": "main"}), "/schema", "no schemas"),
        (json!({"mapping": {"payload": "body"}}), "/mapping/payload", "no column `body`"),
        (json!({"mapping": {"payload": "raw"}}), "/mapping/payload", "encoding bytes"),
        (json!({"mapping": {"key": "type"}}), "/mapping/key", "`id` is: take that"),
        (json!({"table": "loose", "mode": "read_only"}), "/mode", "AUTOINCREMENT"),
    ] {
        let source = world.source(&settings(&world, Some(&path), &changes)).await.unwrap();
        let Err(baton_server::source::SourceError::Mapping(found)) = source.open(None).await else {
            panic!("{changes} should be refused");
        };
        let said: Vec<_> = found.iter().map(|one| format!("{}: {}", one.pointer, one.message)).collect();
        assert!(found.iter().any(|one| one.pointer == pointer && one.message.contains(says)), "{changes}: {said:?}");
    }
    let own = json!({"table": "outbox", "mapping": {"key": "seq", "order": null, "aggregate_type": "aggregate_type"}});
    let source = world.source(&settings(&world, None, &own)).await.unwrap();
    let report = source.check().await.unwrap();
    assert!(report.diagnostics.iter().any(|one| one.code == "own-table"), "{:?}", report.diagnostics);
    let missing = settings(&world, Some(&world.path("nowhere.db")), &json!({}));
    let error = world.source(&missing).await.unwrap().check().await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_locked_for_a_while_is_read_afterwards() {
    let mut world = World::new().await;
    let path = world.path("shop.db");
    let mut file = File::open(&path).await;
    file.sql(OUTBOX).await;
    file.insert("One").await;
    world.put(&settings(&world, Some(&path), &json!({"mode": "mark", "mark": {"column": "sent"}}))).await;
    file.sql("BEGIN EXCLUSIVE").await;
    world.run();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    file.sql("COMMIT").await;
    world.taken(1).await;
    eventually("it works", async || world.standing().await.error.is_none()).await;
    world.stop().await;
}

#[tokio::test]
async fn rows_that_are_no_messages_become_failures_and_order_per_key_holds() {
    let mut world = World::new().await;
    let path = world.path("shop.db");
    let mut file = File::open(&path).await;
    file.sql(OUTBOX).await;
    for number in 0..60 {
        let payload = if number % 10 == 3 { "not json" } else { "{}" };
        let sql = format!(
            "INSERT INTO shop_outbox (type, aggregate_id, payload) VALUES ('T{number}', 'k{}', '{payload}')",
            number % 4
        );
        file.sql(&sql).await;
    }
    world.put(&settings(&world, Some(&path), &json!({"batch": 7}))).await;
    world.run();
    let messages = world.taken(60).await;
    let (failed, good): (Vec<_>, Vec<_>) = messages.iter().partition(|message| failure_of(message).is_some());
    assert_eq!((failed.len(), good.len()), (6, 54));
    for message in failed {
        let failure = failure_of(message).unwrap();
        assert!(failure.error.contains("not JSON") && failure.error.contains("`shop`"), "{}", failure.error);
    }
    for key in 0..4 {
        let of_key = good.iter().filter(|message| message.key.aggregate_id == format!("k{key}"));
        let numbers: Vec<u32> = of_key.map(|message| message.message_type[1..].parse().unwrap()).collect();
        assert!(numbers.is_sorted() && numbers.len() > 10, "{numbers:?}");
    }
    assert_eq!(file.count("1").await, 0);
    assert_eq!(world.standing().await.unreadable, 6);
    world.stop().await;
}

#[tokio::test]
async fn a_crash_at_any_point_repeats_without_effect() {
    for changes in [json!({}), json!({"mode": "mark", "mark": {"column": "sent"}}), json!({"mode": "read_only"})] {
        let mut world = World::new().await;
        let path = world.path("shop.db");
        let mut file = File::open(&path).await;
        file.sql(OUTBOX).await;
        file.insert("One").await;
        file.insert("Two").await;
        let settings = settings(&world, Some(&path), &changes);
        world.put(&settings).await;
        // Taken in, and then nothing more.
        assert_eq!(world.take_without_settling(&settings).await, 2, "{changes}");
        assert_eq!(world.take_without_settling(&settings).await, 0, "the inbox knows them");
        for round in 0..6_u64 {
            file.insert("More").await;
            world.run();
            tokio::time::sleep(std::time::Duration::from_millis(7 * round)).await;
            world.kill();
        }
        world.run();
        let messages = world.taken(8).await;
        assert_eq!(texts(&messages[..2]), ["One one", "Two one"], "{changes}");
        world.stop().await;
    }
}
