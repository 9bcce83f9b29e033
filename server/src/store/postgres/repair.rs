//! What operators do to failed deliveries, and the labels of those that wait behind them.

use sqlx::PgConnection;

use super::{Postgres, outbox, sql};
use crate::store::{
    error::During,
    port::StoreError,
    rows::{AuditRow, Repair, RepairFilter},
};

pub(super) async fn repair(
    store: &Postgres,
    filter: &RepairFilter,
    repair: &Repair,
    audit: AuditRow,
) -> Result<u64, StoreError> {
    let mut transaction = store.pool.begin().await.during("repair")?;
    let statement = match repair {
        Repair::Retry { edited_payload } => {
            sqlx::query_scalar(sql!("retry_deliveries")).bind(edited_payload.as_ref().map(ToString::to_string))
        }
        Repair::Discard => sqlx::query_scalar(sql!("discard_deliveries")).bind(audit.at),
    };
    let touched: Vec<i64> = statement
        .bind(filter.message_id.map(|id| id.0))
        .bind(filter.destination.as_deref())
        .bind(filter.failure_class.as_deref())
        .bind(filter.message_type.as_deref())
        .fetch_all(&mut *transaction)
        .await
        .during("repair")?;
    label_followers(&mut transaction, &touched).await?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await.during("repair")?;
    Ok(touched.len() as u64)
}

pub(super) async fn count_repairable(store: &Postgres, filter: &RepairFilter) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(sql!("count_repairable"))
        .bind(filter.message_id.map(|id| id.0))
        .bind(filter.destination.as_deref())
        .bind(filter.failure_class.as_deref())
        .bind(filter.message_type.as_deref())
        .fetch_one(&store.pool)
        .await
        .during("count what can be repaired")?;
    Ok(count.unsigned_abs())
}

/// Parks and unparks within the keys of these deliveries.
pub(super) async fn label_followers(connection: &mut PgConnection, deliveries: &[i64]) -> Result<(), StoreError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("label_followers")).bind(deliveries).execute(connection).await.during("park followers")?;
    Ok(())
}

pub(super) async fn sweep_parked(store: &Postgres) -> Result<u64, StoreError> {
    let mut connection = store.pool.acquire().await.during("sweep parked deliveries")?;
    let mut changed = 0;
    for statement in [sql!("park_followers"), sql!("unpark_followers")] {
        let result = sqlx::query(statement).execute(&mut *connection).await.during("sweep parked deliveries")?;
        changed += result.rows_affected();
    }
    Ok(changed)
}
