//! Transactions that insert early and commit late.

use baton_testkit::postgres::{Durability, Postgres};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::fixture::{OUTBOX, World, eventually, insert, outbox, texts};

/// One transaction inserts row 1 and stays open; another inserts row 2 and commits; both ways to read look; then the first
/// commits. `transaction` is the column that a read-only source goes by, if there is one.
async fn late_commit(with_column: bool) {
    let mut world = World::new().await;
    world.sql(OUTBOX).await;
    if with_column {
        world.sql("ALTER TABLE outbox ADD tx xid8 NOT NULL DEFAULT pg_current_xact_id()").await;
        world.sql("CREATE INDEX ON outbox (tx)").await;
    }
    let address = std::fs::read_to_string(world.database.strip_prefix("file:").unwrap()).unwrap();
    let mut late = PgConnection::connect(&address).await.unwrap();
    late.execute("BEGIN").await.unwrap();
    late.execute(sqlx::AssertSqlSafe(insert("Late", "1"))).await.unwrap();
    world.sql(&insert("Early", "2")).await;

    let changes = if with_column { json!({"transaction": "tx"}) } else { json!({}) };
    let settings = world.settings(outbox(), &changes);
    world.put(&settings).await;
    world.run();
    assert_eq!(texts(&world.taken(1).await), ["Early 2"]);
    let naive = world.ask("SELECT max(id)::text FROM outbox").await;
    world.sql(&insert("Early", "3")).await;
    world.taken(2).await;

    late.execute("COMMIT").await.unwrap();
    assert_eq!(texts(&world.taken(3).await), ["Early 2", "Early 3", "Late 1"]);

    // A cursor "behind the last id" never sees it: that is what this test is about.
    let skipped = format!("SELECT string_agg(type, ',') FROM outbox WHERE id > {naive}");
    assert_eq!(world.ask(&skipped).await, "Early");
    world.stop().await;
}

#[tokio::test]
async fn what_commits_late_is_not_left_out() {
    late_commit(false).await;
}

#[tokio::test]
async fn what_commits_late_is_not_left_out_where_a_column_has_the_transaction() {
    late_commit(true).await;
}

#[tokio::test]
async fn what_commits_late_in_a_savepoint_or_after_a_restart_is_not_left_out() {
    let mut world = World::new().await;
    world.sql(OUTBOX).await;
    let address = std::fs::read_to_string(world.database.strip_prefix("file:").unwrap()).unwrap();
    let mut late = PgConnection::connect(&address).await.unwrap();
    late.execute("BEGIN; SAVEPOINT one").await.unwrap();
    late.execute(sqlx::AssertSqlSafe(insert("Late", "1"))).await.unwrap();
    late.execute("RELEASE one").await.unwrap();
    let mut later = PgConnection::connect(&address).await.unwrap();
    later.execute("BEGIN").await.unwrap();
    later.execute(sqlx::AssertSqlSafe(insert("Later", "2"))).await.unwrap();
    world.sql(&insert("Early", "3")).await;
    let settings = world.settings(outbox(), &json!({}));
    world.put(&settings).await;
    world.run();
    world.taken(1).await;
    eventually("its position is written down", async || world.standing().await.position.is_some()).await;

    // given a reader that ends and begins anew while both are open
    world.stop().await;
    world.run();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    // when the one with the higher number commits first
    later.execute("COMMIT").await.unwrap();
    world.taken(2).await;
    late.execute("COMMIT").await.unwrap();
    // then all are there, once
    assert_eq!(texts(&world.taken(3).await), ["Early 3", "Later 2", "Late 1"]);
    world.stop().await;
}

#[tokio::test]
async fn an_idle_table_is_not_read_while_nothing_is_committed() {
    let postgres = Postgres::start(Durability::Throwaway).unwrap();
    let mut world = World::beside(&postgres).await;
    world.sql(OUTBOX).await;
    world.sql(&insert("Placed", "1")).await;
    let settings = world.settings(outbox(), &json!({}));
    world.put(&settings).await;
    world.run();
    world.taken(1).await;
    let scans = "SELECT (pg_stat_clear_snapshot()::text || (seq_scan + coalesce(idx_scan, 0)))::text FROM pg_stat_user_tables \
                 WHERE relname = 'outbox'";
    let count = async || world.ask(scans).await.parse::<i64>().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let before = count().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let scanned = count().await - before;
    // PostgreSQL's own housekeeping may commit something.
    assert!(scanned <= 2, "some 70 looks read the table {scanned} times");
    world.stop().await;
}
