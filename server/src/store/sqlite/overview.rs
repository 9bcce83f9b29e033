//! The numbers of the overview.

use sqlx::Row;

use super::{Sqlite, sql, types::At};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{Counts, Instant, MinuteRow},
};

pub(super) async fn counts(store: &Sqlite, now: Instant) -> Result<Counts, StoreError> {
    let row = sqlx::query(sql!("count_everything"))
        .bind(At(now))
        .bind(convert::COUNTED_MAX)
        .fetch_one(&store.readers)
        .await
        .during("count")?;
    let number = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs).during("count");
    Ok(Counts {
        pending: number("pending")?,
        oldest_pending_at: row.try_get::<Option<At>, _>("oldest_pending_at").during("count")?.map(|at| at.0),
        messages_total: number("messages_total")?,
        deliveries: convert::delivery_counts(row.try_get("deliveries").during("count")?)?,
        parked_keys: number("parked_keys")?,
        instances: convert::instance_counts(row.try_get("instances").during("count")?)?,
        tasks_open: number("tasks_open")?,
        tasks_overdue: number("tasks_overdue")?,
        orphans: number("orphans")?,
    })
}

pub(super) async fn minutes(store: &Sqlite, from: Instant) -> Result<Vec<MinuteRow>, StoreError> {
    let rows: Vec<(At, i64, i64)> = sqlx::query_as(sql!("list_minutes"))
        .bind(At(from))
        .fetch_all(&store.readers)
        .await
        .during("read the minutes")?;
    let row = |(minute, published, failed): (At, i64, i64)| MinuteRow {
        minute: minute.0,
        published: published.unsigned_abs(),
        failed: failed.unsigned_abs(),
    };
    Ok(rows.into_iter().map(row).collect())
}
