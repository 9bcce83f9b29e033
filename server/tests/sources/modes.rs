//! What happens to rows, mode by mode; pausing; order; what is seen of a source.

use serde_json::{Value, json};

use crate::fixture::{OUTBOX, World, eventually, insert, outbox, texts};

async fn marks(changes: Value, open: &str) {
    let mut world = World::new().await;
    world.sql(OUTBOX).await;
    for number in 1..=5 {
        world.sql(&insert("Placed", &number.to_string())).await;
    }
    let settings = world.settings(outbox(), &changes);
    world.put(&settings).await;
    world.run();
    assert_eq!(texts(&world.taken(5).await), ["Placed 1", "Placed 2", "Placed 3", "Placed 4", "Placed 5"]);
    let count = format!("SELECT count(*)::text FROM outbox WHERE {open}");
    eventually("no row is open", async || world.ask(&count).await == "0").await;
    world.sql(&insert("Placed", "6")).await;
    world.taken(6).await;
    eventually("it stands in the source", async || world.standing().await.taken == 6).await;
    assert_eq!(world.standing().await.waiting, (changes["mode"] != "read_only").then_some(0));
    world.stop().await;
}

#[tokio::test]
async fn rows_are_marked_by_a_truth_value() {
    marks(json!({"mode": "mark", "mark": {"column": "sent"}}), "NOT sent").await;
}

#[tokio::test]
async fn rows_are_marked_by_an_instant() {
    marks(json!({"mode": "mark", "mark": {"column": "sent_at"}}), "sent_at IS NULL").await;
}

#[tokio::test]
async fn rows_are_marked_by_a_number() {
    marks(json!({"mode": "mark", "mark": {"column": "published"}}), "published IS DISTINCT FROM 1").await;
}

#[tokio::test]
async fn rows_are_marked_by_a_text() {
    let mark = json!({"column": "state", "from": "NEW", "to": "SENT"});
    marks(json!({"mode": "mark", "mark": mark}), "state <> 'SENT'").await;
}

#[tokio::test]
async fn rows_are_deleted() {
    marks(json!({"mode": "delete"}), "true").await;
}

#[tokio::test]
async fn rows_are_only_read() {
    marks(json!({"mode": "read_only"}), "sent OR state <> 'NEW'").await;
}

#[tokio::test]
async fn order_per_key_is_that_of_insertion_over_many_batches_and_on_postgres() {
    let mut world = World::on_postgres().await;
    world.sql(OUTBOX).await;
    world
        .sql("INSERT INTO outbox (type, aggregate_id, payload) SELECT 'T' || n, (n % 3)::text, '{}' FROM generate_series(1, 150) n")
        .await;
    for changes in [json!({"mode": "read_only", "batch": 7}), json!({"mode": "delete", "batch": 7})] {
        let settings = world.settings(outbox(), &changes);
        world.put(&settings).await;
        world.run();
        let messages = world.taken(150).await;
        for key in 0..3 {
            let of_key = messages.iter().filter(|message| message.key.aggregate_id == key.to_string());
            let numbers: Vec<u32> = of_key.map(|message| message.message_type[1..].parse().unwrap()).collect();
            assert!(numbers.is_sorted(), "{numbers:?}");
            assert_eq!(numbers.len(), 50);
        }
        // Read once more in another mode, nothing is there twice.
        if changes["mode"] == "delete" {
            let count = "SELECT count(*)::text FROM outbox";
            eventually("all rows are deleted", async || world.ask(count).await == "0").await;
            assert_eq!(world.messages().await.len(), 150);
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn without_a_column_that_grows_rows_come_by_transaction() {
    let mut world = World::new().await;
    world.sql("CREATE TABLE plain (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), t text NOT NULL)").await;
    for number in 1..=40 {
        world.sql(&format!("INSERT INTO plain (t) VALUES ('T{number}'), ('T{number}b')")).await;
    }
    let mapping =
        json!({"key": "id", "type": "t", "aggregate_type": "'plain'", "aggregate_id": "'one'", "payload": "'{}'"});
    let base = json!({"table": "plain", "mode": "read_only", "mapping": mapping, "batch": 9});
    let settings = world.settings(base, &json!({}));
    world.put(&settings).await;
    world.run();
    let messages = world.taken(80).await;
    let expected: Vec<String> = (1..=40).flat_map(|n| [format!("T{n} one"), format!("T{n}b one")]).collect();
    assert_eq!(texts(&messages), expected);
    world.stop().await;
}

#[tokio::test]
async fn mixed_case_names_and_quotes_in_them_work() {
    let mut world = World::new().await;
    world.sql(r#"CREATE SCHEMA "My Shop""#).await;
    world
        .sql(r#"CREATE TABLE "My Shop"."Out""Box" ("Id" bigserial PRIMARY KEY, "The ""Type""" text, "a'b" text, "Body|x" text, "$OPEN" boolean)"#)
        .await;
    world.sql(r#"INSERT INTO "My Shop"."Out""Box" ("The ""Type""", "a'b", "Body|x") VALUES ('Placed', 'o-1', '{"n": 1}')"#).await;
    let base = json!({
        "schema": "My Shop", "table": "Out\"Box", "mode": "mark", "mark": {"column": "$OPEN"},
        "mapping": {
            "key": "Id", "order": "Id", "type": "\"The \"\"Type\"\"\"", "aggregate_type": "'order'",
            "aggregate_id": "\"a'b\"", "payload": "\"Body|x\"",
        },
    });
    let settings = world.settings(base, &json!({}));
    world.put(&settings).await;
    world.run();
    let messages = world.taken(1).await;
    assert_eq!((texts(&messages), &messages[0].payload), (vec!["Placed o-1".to_owned()], &json!({"n": 1})));
    let marked = r#"SELECT count(*)::text FROM "My Shop"."Out""Box" WHERE "$OPEN""#;
    eventually("it is marked", async || world.ask(marked).await == "1").await;
    world.stop().await;
}

#[tokio::test]
async fn a_paused_source_takes_nothing_in_and_goes_on_where_it_was() {
    let mut world = World::new().await;
    world.sql(OUTBOX).await;
    world.sql(&insert("Placed", "1")).await;
    let settings = world.settings(outbox(), &json!({}));
    world.put(&settings).await;
    world.run();
    world.taken(1).await;
    eventually("its position is written down", async || world.standing().await.position.is_some()).await;
    world.stop().await;

    world.put_row(&settings, true).await;
    world.sql(&insert("Placed", "2")).await;
    world.run();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!(world.messages().await.len(), 1);
    world.stop().await;

    assert!(world.standing().await.position.is_some(), "pausing forgets no position");
    world.put_row(&settings, false).await;
    world.run();
    assert_eq!(texts(&world.taken(2).await), ["Placed 1", "Placed 2"]);
    world.stop().await;
}

#[tokio::test]
async fn looking_writes_nothing() {
    let world = World::new().await;
    world.sql(OUTBOX).await;
    world.sql(&insert("Placed", "1")).await;
    for changes in [json!({"mode": "delete"}), json!({"mode": "mark", "mark": {"column": "sent"}}), json!({})] {
        let settings = world.settings(outbox(), &changes);
        let source = world.source(&settings).await.unwrap();
        let report = source.check().await.unwrap();
        assert_eq!(report.columns.len(), 12);
        let found = source.preview(10).await.unwrap();
        assert_eq!((found.len(), found[0].place.as_str()), (1, "1"));
        assert_eq!(found[0].message.as_ref().unwrap().message_type, "Placed");
        assert_eq!(found[0].row["aggregate_id"], "1");
    }
    assert_eq!(world.ask("SELECT count(*)::text FROM outbox WHERE NOT sent").await, "1");
    assert!(world.messages().await.is_empty());
}
