//! What operators do to failed deliveries, and the labels of those that wait behind them.

use baton_domain::ids::MessageId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Postgres, outbox, sql};
use crate::store::{
    error::During,
    port::StoreError,
    rows::{AuditRow, Parked, Repair, RepairFilter, Swept},
};

/// So often a repair is made again that met a deadlock: many rows at once, and workers write to them in their own order.
const DEADLOCKS_MAX: u32 = 5;

pub(super) async fn repair(
    store: &Postgres,
    filter: &RepairFilter,
    repair: &Repair,
    audit: AuditRow,
) -> Result<u64, StoreError> {
    let mut deadlocks = 0;
    loop {
        match repair_once(store, filter, repair, audit.clone()).await {
            Err(StoreError::Conflict { .. }) if deadlocks < DEADLOCKS_MAX => deadlocks += 1,
            other => return other,
        }
    }
}

async fn repair_once(
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

/// Parks and unparks within the keys of these deliveries; returns what is parked now.
pub(super) async fn label_followers(
    connection: &mut PgConnection,
    deliveries: &[i64],
) -> Result<Vec<Parked>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let labelled: Vec<(Option<Uuid>, String)> = sqlx::query_as(sql!("label_followers"))
        .bind(deliveries)
        .fetch_all(connection)
        .await
        .during("park followers")?;
    Ok(labelled.into_iter().filter_map(|(message, destination)| Some(parked(message?, destination))).collect())
}

pub(super) fn parked(message: Uuid, destination: String) -> Parked {
    Parked { message: MessageId(message), destination }
}

/// Looks first: nearly always there is nothing to do.
pub(super) async fn sweep_parked(store: &Postgres) -> Result<Swept, StoreError> {
    let mut connection = store.shelf.take().await.during("sweep parked deliveries")?;
    let any: bool = sqlx::query_scalar(sql!("find_any_blocked"))
        .fetch_one(&mut *connection)
        .await
        .during("sweep parked deliveries")?;
    let mut swept = Swept::default();
    if any {
        let newly: Vec<(Uuid, String)> = sqlx::query_as(sql!("park_followers"))
            .fetch_all(&mut *connection)
            .await
            .during("sweep parked deliveries")?;
        let unparked =
            sqlx::query(sql!("unpark_followers")).execute(&mut *connection).await.during("sweep parked deliveries")?;
        swept.parked = newly.into_iter().map(|(message, destination)| parked(message, destination)).collect();
        swept.changed = swept.parked.len() as u64 + unparked.rows_affected();
    }
    connection.put_back();
    Ok(swept)
}
