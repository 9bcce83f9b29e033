//! Opening a store: what is made ready, and what is said when it cannot be.

use std::{borrow::Cow, sync::Arc};

use baton_domain::{definition::DefinitionKind, ids::InstanceId};
use baton_server::store::{self, OpenOptions, Store, rows::TaskFilter};
use sqlx::{Connection, PgConnection, SqliteConnection, migrate::Migrator};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::*;

on_both!(
    a_store_that_was_closed_opens_again_with_what_was_in_it,
    a_newer_schema_is_refused_and_left_alone,
    a_schema_of_another_build_is_refused_and_left_alone,
);

async fn open(url: &str) -> Result<Arc<dyn Store>, String> {
    store::open(url, OpenOptions::default()).await.map_err(|error| format!("{error:#}"))
}

async fn refusal(url: &str) -> String {
    match open(url).await {
        Ok(_) => panic!("{url} should not open"),
        Err(error) => error,
    }
}

async fn a_store_that_was_closed_opens_again_with_what_was_in_it(fixture: Fixture) {
    let message = event("1");
    fixture.append(std::slice::from_ref(&message)).await;

    let fixture = fixture.close().open().await;

    assert!(fixture.store.read_message(message.id).await.unwrap().is_some());
}

async fn a_newer_schema_is_refused_and_left_alone(fixture: Fixture) {
    fixture.append(&[event("1")]).await;
    let database = fixture.close();
    let from_the_future = if database.is_postgres() {
        r"INSERT INTO baton.migration (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '\x00', 0)"
    } else {
        "INSERT INTO migration (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, x'00', 0)"
    };
    database.sql(from_the_future).await.unwrap();

    let error = refusal(&database.url).await;

    assert!(error.contains("newer baton") && error.contains("9999") && error.contains("start that version"), "{error}");
    assert_eq!(database.number("SELECT count(*) FROM {baton}outbox").await, 1);
}

async fn a_schema_of_another_build_is_refused_and_left_alone(fixture: Fixture) {
    fixture.append(&[event("1")]).await;
    let database = fixture.close();
    let altered = if database.is_postgres() {
        r"UPDATE baton.migration SET checksum = '\x00' WHERE version = 1"
    } else {
        "UPDATE migration SET checksum = x'00' WHERE version = 1"
    };
    database.sql(altered).await.unwrap();

    let error = refusal(&database.url).await;

    assert!(error.contains("step 1 of the schema") && error.contains("Start that build"), "{error}");
    assert_eq!(database.number("SELECT count(*) FROM {baton}outbox").await, 1);
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("shop.db");
    let url = format!("sqlite://{}", file.display());
    let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    sqlx::raw_sql("CREATE TABLE outbox (id INTEGER, what TEXT); INSERT INTO outbox VALUES (1, 'theirs')")
        .execute(&mut connection)
        .await
        .unwrap();

    let error = refusal(&url).await;

    assert!(error.contains("\"outbox\"") && error.contains("a file of its own"), "{error}");
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master").fetch_all(&mut connection).await.unwrap();
    assert_eq!(tables, ["outbox"]);
}

/// What the first version of the schema held is there after all steps since: messages, a failed delivery, an instance with
/// its history, its timer and its task.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    let all = sqlx::migrate!("../migrations/sqlite");
    let first = all.migrations.iter().take(1).cloned().collect::<Vec<_>>();
    let mut migrator = Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT };
    migrator.dangerous_set_table_name("migration");
    migrator.run_direct(None, &mut connection, false).await.unwrap();
    let instance = Uuid::from_u128(0x0192_f000_0000_7000_8000_0000_0010_0000);
    let at = "2026-01-31T12:00:00.000Z";
    let rows = format!(
        "INSERT INTO outbox (type, aggregate_type, aggregate_id, payload, published_at) VALUES
            ('Gone', 'b', '1', '{{}}', '{at}'), ('Ready', 'b', '2', '{{}}', NULL);
         INSERT INTO delivery (seq, message_id, message_type, aggregate_type, aggregate_id, destination, state, failure_class)
            SELECT seq, id, type, aggregate_type, aggregate_id, 'shop', 'dead', 'http-500' FROM outbox WHERE type = 'Gone';
         INSERT INTO process_instance (id, definition, version, status, sequence, snapshot, awaits_message, started_by,
            created_at, updated_at) VALUES ('{instance}', 'trip', 1, 'waiting', 1, '{{}}', 1, 'mina', '{at}', '{at}');
         INSERT INTO process_history VALUES ('{instance}', 1, '{at}', '{{\"v\": 1}}');
         INSERT INTO timer VALUES ('{instance}', '{instance}', '{at}');
         INSERT INTO task (id, instance_id, definition, node, title, state, outcomes, created_at)
            VALUES ('{instance}', '{instance}', 'trip', 'ask', 'Approve', 'open', '[]', '{at}');"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let fixture = Database::of(url).open().await;

    let fence = fixture.fence().await;
    let ready = fixture.store.read_unpublished(&fence, now(), 10, &[]).await.unwrap();
    assert_eq!(ready.iter().map(|it| it.message.message_type.as_str()).collect::<Vec<_>>(), ["Ready"]);
    assert_eq!(fixture.store.list_failures().await.unwrap().len(), 1);
    let row = fixture.store.read_instance(InstanceId(instance)).await.unwrap().unwrap();
    assert_eq!((row.kind, row.definition.as_str(), row.parent), (DefinitionKind::Process, "trip", None));
    assert_eq!(fixture.store.read_history(InstanceId(instance), 0, 10).await.unwrap().len(), 1);
    assert_eq!(fixture.store.read_due_timers(now(), 10).await.unwrap().len(), 1);
    assert_eq!(
        fixture.store.list_tasks(&TaskFilter { limit: 10, ..TaskFilter::default() }).await.unwrap().items.len(),
        1
    );
}

#[tokio::test]
async fn an_address_of_nothing_we_know_is_refused_and_says_what_is_possible() {
    for url in ["mysql://root@localhost/x", "baton.db", "", "http://example.com", "postgres://"] {
        let error = refusal(url).await;
        assert!(
            error.contains("sqlite://") || error.contains("cannot be reached") || error.contains("does not let"),
            "{url}: {error}"
        );
    }
    let error = refusal("mysql://root:secret@localhost/x").await;
    assert!(error.contains("postgres://") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_second_baton_on_the_same_file_is_refused() {
    let fixture = Fixture::sqlite().await;

    let error = refusal(&fixture.url).await;

    assert!(error.contains("another baton") && error.contains("baton.db"), "{error}");
    fixture.append(&[event("1")]).await;
    fixture.close().open().await;
}

#[tokio::test]
async fn a_second_baton_on_the_same_file_by_another_name_is_refused() {
    let fixture = Fixture::sqlite().await;
    let file = std::path::PathBuf::from(fixture.url.trim_start_matches("sqlite://"));
    let folder = TempDir::new().unwrap();
    let (link, folder_link, hard) =
        (folder.path().join("link.db"), folder.path().join("elsewhere"), file.with_file_name("hard.db"));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    std::os::unix::fs::symlink(file.parent().unwrap(), &folder_link).unwrap();

    for name in [link, folder_link.join(file.file_name().unwrap())] {
        let error = refusal(&format!("sqlite://{}", name.display())).await;
        assert!(error.contains("another baton") && error.contains("baton.db"), "{}: {error}", name.display());
    }
    std::fs::hard_link(&file, &hard).unwrap();
    let error = refusal(&format!("sqlite://{}", hard.display())).await;
    assert!(error.contains("2 names (hard links)") && error.contains("make a copy"), "{error}");

    fixture.append(&[event("1")]).await;
    let closed = fixture.close();
    let error = refusal(&closed.url).await;
    assert!(error.contains("2 names (hard links)"), "whoever comes first is told too: {error}");
    std::fs::remove_file(&hard).unwrap();
    closed.open().await;
}

#[tokio::test]
async fn a_link_to_a_file_that_is_not_there_yet_makes_it_and_guards_it() {
    let folder = TempDir::new().unwrap();
    let (file, link) = (folder.path().join("real.db"), folder.path().join("link.db"));
    std::os::unix::fs::symlink("real.db", &link).unwrap();

    let _first = open(&format!("sqlite://{}", link.display())).await.unwrap();

    assert!(file.is_file());
    let error = refusal(&format!("sqlite://{}", file.display())).await;
    assert!(error.contains("another baton"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "these are my notes, not a database\n".repeat(200);
    std::fs::write(&path, &text).unwrap();

    let error = refusal(&format!("sqlite://{}", path.display())).await;

    assert!(error.contains("notes.txt") && error.contains("not a database"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_file_in_a_folder_that_is_not_there_is_refused() {
    let folder = TempDir::new().unwrap();
    let error = refusal(&format!("sqlite://{}/missing/baton.db", folder.path().display())).await;
    assert!(error.contains("missing/baton.db") && error.contains("mkdir -p"), "{error}");
}

#[tokio::test]
async fn a_postgresql_that_is_not_there_is_named() {
    let port = baton_testkit::free_port().unwrap();
    let error = refusal(&format!("postgres://postgres@127.0.0.1:{port}/x")).await;
    assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("cannot be reached"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_and_a_user_without_rights_are_told_what_to_do() {
    let fixture = Fixture::postgres().await;
    let (server, _) = fixture.url.rsplit_once('/').unwrap();
    let error = refusal(&format!("{server}/nowhere")).await;
    assert!(error.contains("\"nowhere\" does not exist") && error.contains("createdb nowhere"), "{error}");

    let role = format!("guest_{}", uuid::Uuid::now_v7().simple());
    let empty = baton_testkit::postgres::fresh_database().unwrap();
    let mut admin = PgConnection::connect(&empty).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE ROLE {role} LOGIN"))).execute(&mut admin).await.unwrap();
    let error = refusal(&empty.replacen("//postgres@", &format!("//{role}@"), 1)).await;
    assert!(error.contains("may not create") && error.contains("CREATE SCHEMA baton AUTHORIZATION"), "{error}");

    let error = refusal(&empty.replacen("//postgres@", "//nobody_at_all@", 1)).await;
    assert!(error.contains("does not let user \"nobody_at_all\" in"), "{error}");
}
