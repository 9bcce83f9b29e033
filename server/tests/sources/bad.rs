//! Settings and rows that do not fit: refused, or made visible with what to do, and nothing lost.

use baton_domain::diagnostic::Diagnostic;
use baton_server::{
    bus::reading::{UNREADABLE, failure_of},
    source::SourceError,
};
use serde_json::{Value, json};

use crate::fixture::{OUTBOX, World, eventually, insert, outbox};

async fn findings(world: &World, changes: Value) -> Vec<Diagnostic> {
    let settings = world.settings(outbox(), &changes);
    let source = world.source(&settings).await.unwrap();
    match source.check().await {
        Ok(report) => report.diagnostics.into_iter().filter(Diagnostic::is_error).collect(),
        Err(SourceError::Mapping(found)) => found,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn mappings_that_do_not_fit_the_table_are_refused_where_they_stand() {
    let world = World::new().await;
    world.sql(OUTBOX).await;
    world.sql("CREATE TABLE keyless (id bigint, type text, payload jsonb)").await;
    let keyless = json!({"table": "keyless", "mapping": {"order": null, "id": null, "aggregate_type": "'a'", "aggregate_id": "id",
        "headers": null, "created_at": null}});
    for (changes, pointer, says) in [
        (json!({"mapping": {"payload": "body"}}), "/mapping/payload", "no column `body`"),
        (json!({"mapping": {"aggregate_id": "aggregateid"}}), "/mapping/aggregate_id", "Is `aggregate_id` meant?"),
        (json!({"mapping": {"payload": "at"}}), "/mapping/payload", "timestamp with time zone"),
        (json!({"mapping": {"headers": "sent"}}), "/mapping/headers", "boolean"),
        (json!({"mapping": {"key": "type"}}), "/mapping/key", "`id` is: take that"),
        (json!({"mode": "mark"}), "/mark", "needs the column"),
        (json!({"mode": "mark", "mark": {"column": "at"}}), "/mark/column", "never empty"),
        (json!({"table": "Outbox"}), "/table", "There is \"outbox\""),
        (json!({"table": "outbox; DROP TABLE outbox"}), "/table", "no table"),
        (json!({"schema": "nowhere"}), "/table", "in the schema nowhere"),
        (keyless, "/mapping/key", "Add a primary key"),
    ] {
        let found = findings(&world, changes.clone()).await;
        let said: Vec<_> = found.iter().map(|one| format!("{}: {}", one.pointer, one.message)).collect();
        assert!(found.iter().any(|one| one.pointer == pointer && one.message.contains(says)), "{changes}: {said:?}");
        // What is refused by a look is refused by reading too.
        let settings = world.settings(outbox(), &changes);
        let source = world.source(&settings).await.unwrap();
        assert!(matches!(source.open(None).await, Err(SourceError::Mapping(_))), "{changes}");
        assert!(matches!(source.preview(10).await, Err(SourceError::Mapping(_))), "{changes}");
    }
}

#[tokio::test]
async fn wrong_credentials_a_missing_database_and_nobody_there_are_told_apart() {
    let world = World::new().await;
    world.sql(OUTBOX).await;
    world.sql("DO $$ BEGIN CREATE ROLE baton_reader LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN NULL; END $$").await;
    world.sql("GRANT SELECT ON outbox TO baton_reader; GRANT USAGE ON SCHEMA public TO baton_reader").await;
    let address = std::fs::read_to_string(world.database.strip_prefix("file:").unwrap()).unwrap();
    let url = url::Url::parse(&address).unwrap();
    let check = async |change: &dyn Fn(&mut url::Url), mode: Value| {
        let mut other = url.clone();
        change(&mut other);
        let path = world.path("other");
        std::fs::write(&path, other.to_string()).unwrap();
        let mut changes = mode;
        changes["database"] = format!("file:{}", path.display()).into();
        let settings = world.settings(outbox(), &changes);
        match world.source(&settings).await {
            Ok(source) => source.check().await.err(),
            Err(error) => Some(error),
        }
    };
    let reader = |url: &mut url::Url| url.set_username("baton_reader").unwrap();
    let error = check(&|url| url.set_path("/no_such_database"), json!({})).await.unwrap();
    assert!(matches!(&error, SourceError::Address(said) if said.contains("no_such_database")), "{error}");
    let error = check(&|url| url.set_username("no_such_user_here").unwrap(), json!({})).await.unwrap();
    assert!(matches!(&error, SourceError::Credentials(said) if said.contains("no_such_user_here")), "{error}");
    let error = check(&|url| url.set_port(Some(9)).unwrap(), json!({})).await.unwrap();
    assert!(matches!(&error, SourceError::Unreachable(said) if said.contains(":9")), "{error}");
    // Reading is granted, and nothing else.
    assert_eq!(check(&reader, json!({})).await, None);
    for (mode, grant) in [
        (json!({"mode": "delete"}), "GRANT DELETE"),
        (json!({"mode": "mark", "mark": {"column": "sent"}}), "GRANT UPDATE"),
    ] {
        let error = check(&reader, mode).await.unwrap();
        assert!(matches!(&error, SourceError::Permission(said) if said.contains(grant)), "{error}");
    }
    world.sql("GRANT UPDATE (sent) ON outbox TO baton_reader").await;
    assert_eq!(check(&reader, json!({"mode": "mark", "mark": {"column": "sent"}})).await, None);
}

#[tokio::test]
async fn private_addresses_are_refused_and_no_address_is_repeated() {
    let mut world = World::new().await;
    let settings = world.settings(outbox(), &json!({}));
    world.parts.surroundings.allow_private = false;
    let Err(error) = world.source(&settings).await else { panic!("it is private") };
    let said = error.to_string();
    assert!(said.contains("loopback") && said.contains("BATON_ALLOW_PRIVATE_DESTINATIONS"), "{said}");
    assert!(!said.contains("baton_"), "neither the database nor a password: {said}");
}

#[tokio::test]
async fn rows_that_are_no_messages_become_failures_and_hold_up_nobody() {
    let mut world = World::on_postgres().await;
    world
        .sql("CREATE TABLE outbox (id bigserial PRIMARY KEY, type text, aggregate_id text, payload text, sent boolean)")
        .await;
    for (message_type, payload) in [
        ("'Good1'", "'{}'"),
        ("'Bad'", "'not json'"),
        ("NULL", "'{}'"),
        ("'baton.StartProcess'", "'{}'"),
        ("'Bad'", "'{\"text\": \"a\\u0000b\"}'"),
        ("'Bad'", "'1e999'"),
        ("'Good2'", "'{}'"),
    ] {
        world
            .sql(&format!("INSERT INTO outbox (type, aggregate_id, payload) VALUES ({message_type}, 'one', {payload})"))
            .await;
    }
    let changes = json!({"mode": "mark", "mark": {"column": "sent"}, "mapping": {"id": null, "aggregate_type": "'a'",
        "headers": null, "created_at": null}});
    let settings = world.settings(outbox(), &changes);
    world.put(&settings).await;
    world.run();
    let messages = world.taken(7).await;
    let types: Vec<&str> = messages.iter().map(|message| message.message_type.as_str()).collect();
    assert_eq!((types[0], types[6]), ("Good1", "Good2"));
    for (message, says) in messages[1..6].iter().zip(["not JSON", "type", "Baton's own", "NUL", "out of range"]) {
        assert_eq!(message.message_type, UNREADABLE);
        let failure = failure_of(message).unwrap();
        assert!(failure.error.contains(says) && failure.error.contains("`shop`"), "{says}: {}", failure.error);
        assert!(message.payload["row"].as_str().unwrap().contains("aggregate_id"));
    }
    eventually("all rows are marked", async || world.ask("SELECT count(*)::text FROM outbox WHERE sent").await == "7")
        .await;
    eventually("it stands in the source", async || world.standing().await.unreadable == 5).await;
    world.stop().await;
}

#[tokio::test]
async fn a_table_that_changes_or_goes_is_said_and_read_again_when_it_is_back() {
    let mut world = World::new().await;
    world.sql(OUTBOX).await;
    let settings = world.settings(outbox(), &json!({"mode": "delete"}));
    world.put(&settings).await;
    world.run();
    world.sql(&insert("Placed", "1")).await;
    world.taken(1).await;
    world.sql("ALTER TABLE outbox RENAME COLUMN payload TO body").await;
    world.sql("INSERT INTO outbox (type, aggregate_id, body) VALUES ('Placed', '2', '{}')").await;
    eventually("it is said", async || world.standing().await.error.is_some_and(|(said, _)| said.contains("payload")))
        .await;
    assert_eq!(world.messages().await.len(), 1);
    world.sql("ALTER TABLE outbox RENAME COLUMN body TO payload").await;
    world.taken(2).await;
    eventually("its error is forgotten", async || world.standing().await.error.is_none()).await;
    world.stop().await;
}

#[tokio::test]
async fn a_database_that_was_restored_is_not_read_on() {
    let mut world = World::new().await;
    world.sql(OUTBOX).await;
    let settings = world.settings(outbox(), &json!({}));
    let source = world.source(&settings).await.unwrap();
    let ahead = json!({"version": 1, "horizon": 4_000_000_000_000_u64});
    let mut reader = source.open(Some(ahead)).await.unwrap();
    let error = reader.next(10).await.unwrap_err();
    assert!(matches!(&error, SourceError::Position(said) if said.contains("restored")), "{error}");
    assert!(matches!(source.open(Some(json!({"version": 9}))).await, Err(SourceError::Position(_))));
    world.stop().await;
}

#[tokio::test]
async fn our_own_tables_are_no_sources() {
    let world = World::on_postgres().await;
    let mapping = json!({"key": "seq", "order": "seq", "type": "type", "aggregate_type": "aggregate_type", "aggregate_id":
        "aggregate_id", "payload": "payload", "id": "id"});
    let settings = json!({"kind": "table", "schema": "baton", "table": "outbox", "mode": "delete", "mapping": mapping});
    let source = world.source(&serde_json::from_value(settings).unwrap()).await.unwrap();
    let report = source.check().await.unwrap();
    assert!(report.diagnostics.iter().any(|one| one.code == "own-table" && one.is_error()), "{:?}", report.diagnostics);
}
