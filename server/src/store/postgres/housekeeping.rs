//! What keeps the database small, and whether it answers.

use super::{Postgres, partition, sql};
use crate::store::{
    error::During,
    port::StoreError,
    rows::{CleanKind, Cleaned, Instant, TableSize},
};

pub(super) async fn ping(store: &Postgres) -> Result<(), StoreError> {
    sqlx::query("SELECT 1").execute(&store.pool).await.during("ping")?;
    Ok(())
}

/// Each statement is a transaction of its own, so that none is long.
pub(super) async fn clean(
    store: &Postgres,
    kind: CleanKind,
    before: Instant,
    limit: u32,
) -> Result<Cleaned, StoreError> {
    let statements: &[&'static str] = match kind {
        CleanKind::Attempts => &[sql!("clean_attempts")],
        CleanKind::Messages => &[sql!("clean_outbox")],
        CleanKind::Inbox => &[sql!("clean_inbox")],
        CleanKind::Instances => &[sql!("clean_instances")],
        CleanKind::Audit => return partition::clean(store, before, limit).await,
        CleanKind::Batches => &[sql!("clean_batches")],
        CleanKind::Types => &[sql!("clean_types")],
        CleanKind::Minutes => &[sql!("clean_message_minutes"), sql!("clean_destination_minutes")],
        CleanKind::Credentials => &[sql!("clean_credentials")],
    };
    let mut cleaned = Cleaned::default();
    for statement in statements {
        let result =
            sqlx::query(*statement).bind(before).bind(i64::from(limit)).execute(&store.pool).await.during("clean")?;
        cleaned.rows += result.rows_affected();
    }
    Ok(cleaned)
}

pub(super) async fn prepare_partitions(store: &Postgres, now: Instant) -> Result<u64, StoreError> {
    partition::prepare(store, now).await
}

pub(super) async fn table_sizes(store: &Postgres, limit: u32) -> Result<Vec<TableSize>, StoreError> {
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(sql!("list_table_sizes"))
        .bind(i64::from(limit))
        .fetch_all(&store.pool)
        .await
        .during("measure tables")?;
    let size = |(name, bytes, rows, dead): (String, i64, i64, i64)| TableSize {
        name,
        bytes: bytes.unsigned_abs(),
        rows: Some(rows.unsigned_abs()),
        dead: Some(dead.unsigned_abs()),
    };
    Ok(rows.into_iter().map(size).collect())
}
