//! Operations on many instances at once.

use sqlx::{Row as _, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    Sqlite, outbox, sql,
    types::{At, Id},
};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, BatchRow, BatchState},
};

pub(super) async fn insert(store: &Sqlite, row: &BatchRow, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("begin a batch").await?;
    sqlx::query(sql!("insert_batch"))
        .bind(Id(row.id))
        .bind(row.operation.to_string())
        .bind(row.filter.to_string())
        .bind(&row.actor)
        .bind(&row.reason)
        .bind(At(row.created_at))
        .bind(row.total.cast_signed())
        .execute(&mut *transaction)
        .await
        .during("begin a batch")?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await
}

pub(super) async fn list(store: &Sqlite, id: Option<Uuid>, limit: u32) -> Result<Vec<BatchRow>, StoreError> {
    let rows = sqlx::query(sql!("list_batches")).bind(id.map(Id)).bind(limit).fetch_all(&store.readers).await;
    rows.during("list batches")?.iter().map(decode).collect()
}

pub(super) async fn next(store: &Sqlite) -> Result<Option<BatchRow>, StoreError> {
    let row = sqlx::query(sql!("next_batch")).fetch_optional(&store.readers).await.during("look for a batch")?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn record(store: &Sqlite, row: &BatchRow, position: Option<&str>) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("record a batch").await?;
    let result = sqlx::query(sql!("record_batch"))
        .bind(Id(row.id))
        .bind(position)
        .bind(row.done.cast_signed())
        .bind(row.refused.cast_signed())
        .bind(row.refusals.to_string())
        .bind(row.position.as_deref())
        .bind(row.ended_at.map(At))
        .execute(&mut *transaction)
        .await
        .during("record a batch")?;
    transaction.commit().await?;
    Ok(result.rows_affected() > 0)
}

pub(super) async fn set_state(
    store: &Sqlite,
    id: Uuid,
    from: BatchState,
    to: BatchState,
    audit: AuditRow,
) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("change a batch").await?;
    let result = sqlx::query(sql!("set_batch_state"))
        .bind(Id(id))
        .bind(from.as_str())
        .bind(to.as_str())
        .bind((to == BatchState::Cancelled).then_some(At(audit.at)))
        .execute(&mut *transaction)
        .await
        .during("change a batch")?;
    if result.rows_affected() == 0 {
        return Ok(false);
    }
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await?;
    Ok(true)
}

fn decode(row: &SqliteRow) -> Result<BatchRow, StoreError> {
    let number = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs).during("read a batch");
    let json = |name: &'static str| {
        let text: String = row.try_get(name).during("read a batch")?;
        convert::json(name, &text)
    };
    let Id(id) = row.try_get("id").during("read a batch")?;
    let At(created_at) = row.try_get("created_at").during("read a batch")?;
    let ended_at: Option<At> = row.try_get("ended_at").during("read a batch")?;
    Ok(BatchRow {
        id,
        operation: json("operation")?,
        filter: json("filter")?,
        actor: row.try_get("actor").during("read a batch")?,
        reason: row.try_get("reason").during("read a batch")?,
        created_at,
        state: convert::batch_state(row.try_get("state").during("read a batch")?)?,
        total: number("total")?,
        done: number("done")?,
        refused: number("refused")?,
        refusals: json("refusals")?,
        position: row.try_get("position").during("read a batch")?,
        ended_at: ended_at.map(|At(at)| at),
    })
}
