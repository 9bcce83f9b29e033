//! What keeps the database small, and whether it answers.

use serde_json::Value;

use super::{Sqlite, sql, types::At};
use crate::store::{
    error::During,
    port::StoreError,
    rows::{CleanKind, Cleaned, Instant, TableSize},
};

pub(super) async fn ping(store: &Sqlite) -> Result<(), StoreError> {
    sqlx::query("SELECT 1 FROM lane_lease LIMIT 1").execute(&store.readers).await.during("ping")?;
    Ok(())
}

/// Each statement in a transaction of its own, so that none is long: others write in between.
pub(super) async fn clean(store: &Sqlite, kind: CleanKind, before: Instant, limit: u32) -> Result<Cleaned, StoreError> {
    let statements: &[&'static str] = match kind {
        CleanKind::Attempts => &[sql!("clean_attempts")],
        CleanKind::Messages => &[sql!("clean_outbox")],
        CleanKind::Inbox => &[sql!("clean_inbox")],
        CleanKind::Instances => return clean_instances(store, before, limit).await,
        CleanKind::Audit => &[sql!("clean_audit")],
        CleanKind::Batches => &[sql!("clean_batches")],
        CleanKind::Types => &[sql!("clean_types")],
        CleanKind::Minutes => &[sql!("clean_message_minutes"), sql!("clean_destination_minutes")],
        CleanKind::Credentials => &[sql!("clean_credentials")],
    };
    let mut cleaned = Cleaned::default();
    for statement in statements {
        let mut transaction = store.writer.begin("clean").await?;
        let result =
            sqlx::query(*statement).bind(At(before)).bind(limit).execute(&mut *transaction).await.during("clean")?;
        transaction.commit().await?;
        cleaned.rows += result.rows_affected();
    }
    Ok(cleaned)
}

async fn clean_instances(store: &Sqlite, before: Instant, limit: u32) -> Result<Cleaned, StoreError> {
    let mut transaction = store.writer.begin("clean").await?;
    let ids: Vec<String> = sqlx::query_scalar(sql!("find_removable_instances"))
        .bind(At(before))
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await
        .during("clean")?;
    if ids.is_empty() {
        return Ok(Cleaned::default());
    }
    let rows = ids.len() as u64;
    let ids = Value::from(ids).to_string();
    for statement in [sql!("clean_history"), sql!("clean_timers"), sql!("clean_instances")] {
        sqlx::query(statement).bind(&ids).execute(&mut *transaction).await.during("clean")?;
    }
    transaction.commit().await?;
    Ok(Cleaned { rows, partitions: 0 })
}

/// There are none: a file has one writer, and deleting row by row leaves no dead versions.
pub(super) async fn prepare_partitions(_: &Sqlite, _: Instant) -> Result<u64, StoreError> {
    Ok(0)
}

/// The sizes of single tables are not known to SQLite as it is built here.
pub(super) async fn table_sizes(store: &Sqlite, limit: u32) -> Result<Vec<TableSize>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let bytes: i64 =
        sqlx::query_scalar(sql!("measure_file")).fetch_one(&store.readers).await.during("measure the file")?;
    Ok(vec![TableSize { name: "the file".to_owned(), bytes: bytes.unsigned_abs(), rows: None, dead: None }])
}
