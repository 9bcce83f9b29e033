//! Operations on many instances at once.

use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{Postgres, outbox, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, BatchRow, BatchState},
};

pub(super) async fn insert(store: &Postgres, row: &BatchRow, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await.during("begin a batch")?;
    sqlx::query(sql!("insert_batch"))
        .bind(row.id)
        .bind(row.operation.to_string())
        .bind(row.filter.to_string())
        .bind(&row.actor)
        .bind(&row.reason)
        .bind(row.created_at)
        .bind(row.total.cast_signed())
        .execute(&mut *transaction)
        .await
        .during("begin a batch")?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await.during("begin a batch")
}

pub(super) async fn list(store: &Postgres, id: Option<Uuid>, limit: u32) -> Result<Vec<BatchRow>, StoreError> {
    let rows = sqlx::query(sql!("list_batches")).bind(id).bind(i64::from(limit)).fetch_all(&store.pool).await;
    rows.during("list batches")?.iter().map(decode).collect()
}

pub(super) async fn next(store: &Postgres) -> Result<Option<BatchRow>, StoreError> {
    let row = sqlx::query(sql!("next_batch")).fetch_optional(&store.pool).await.during("look for a batch")?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn record(store: &Postgres, row: &BatchRow, position: Option<&str>) -> Result<bool, StoreError> {
    let result = sqlx::query(sql!("record_batch"))
        .bind(row.id)
        .bind(position)
        .bind(row.done.cast_signed())
        .bind(row.refused.cast_signed())
        .bind(row.refusals.to_string())
        .bind(row.position.as_deref())
        .bind(row.ended_at)
        .execute(&store.pool)
        .await
        .during("record a batch")?;
    Ok(result.rows_affected() > 0)
}

pub(super) async fn set_state(
    store: &Postgres,
    id: Uuid,
    from: BatchState,
    to: BatchState,
    audit: AuditRow,
) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await.during("change a batch")?;
    let result = sqlx::query(sql!("set_batch_state"))
        .bind(id)
        .bind(from.as_str())
        .bind(to.as_str())
        .bind((to == BatchState::Cancelled).then_some(audit.at))
        .execute(&mut *transaction)
        .await
        .during("change a batch")?;
    if result.rows_affected() == 0 {
        return Ok(false);
    }
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await.during("change a batch")?;
    Ok(true)
}

fn decode(row: &PgRow) -> Result<BatchRow, StoreError> {
    let number = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs).during("read a batch");
    let json = |name: &'static str| {
        let text: String = row.try_get(name).during("read a batch")?;
        convert::json(name, &text)
    };
    Ok(BatchRow {
        id: row.try_get("id").during("read a batch")?,
        operation: json("operation")?,
        filter: json("filter")?,
        actor: row.try_get("actor").during("read a batch")?,
        reason: row.try_get("reason").during("read a batch")?,
        created_at: row.try_get("created_at").during("read a batch")?,
        state: convert::batch_state(row.try_get("state").during("read a batch")?)?,
        total: number("total")?,
        done: number("done")?,
        refused: number("refused")?,
        refusals: json("refusals")?,
        position: row.try_get("position").during("read a batch")?,
        ended_at: row.try_get("ended_at").during("read a batch")?,
    })
}
