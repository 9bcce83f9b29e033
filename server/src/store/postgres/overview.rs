//! The numbers of the overview.

use sqlx::Row;

use super::{Postgres, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{Counts, Instant, MinuteRow},
};

pub(super) async fn counts(store: &Postgres, now: Instant) -> Result<Counts, StoreError> {
    let row = sqlx::query(sql!("count_everything"))
        .bind(now)
        .bind(convert::COUNTED_MAX)
        .fetch_one(&store.pool)
        .await
        .during("count")?;
    let number = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs).during("count");
    Ok(Counts {
        pending: number("pending")?,
        oldest_pending_at: row.try_get("oldest_pending_at").during("count")?,
        messages_total: number("messages_total")?,
        deliveries: convert::delivery_counts(row.try_get("deliveries").during("count")?)?,
        parked_keys: number("parked_keys")?,
        instances: convert::instance_counts(row.try_get("instances").during("count")?)?,
        tasks_open: number("tasks_open")?,
        tasks_overdue: number("tasks_overdue")?,
        orphans: number("orphans")?,
    })
}

pub(super) async fn minutes(store: &Postgres, from: Instant) -> Result<Vec<MinuteRow>, StoreError> {
    let rows: Vec<(Instant, i64, i64)> =
        sqlx::query_as(sql!("list_minutes")).bind(from).fetch_all(&store.pool).await.during("read the minutes")?;
    let row = |(minute, published, failed): (Instant, i64, i64)| MinuteRow {
        minute,
        published: published.unsigned_abs(),
        failed: failed.unsigned_abs(),
    };
    Ok(rows.into_iter().map(row).collect())
}
