//! Destinations and routes, and what is open at each destination.

use serde_json::json;
use sqlx::SqliteConnection;

use super::{Sqlite, outbox, sql, types::At};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, DestinationCounts, DestinationMinuteRow, DestinationRow, Instant, RouteRow, TypeRow},
};

pub(super) async fn put(store: &Sqlite, row: &DestinationRow, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("save a destination").await?;
    sqlx::query(sql!("upsert_destination"))
        .bind(&row.name)
        .bind(row.settings.to_string())
        .bind(row.paused)
        .bind(At(row.updated_at))
        .execute(&mut *transaction)
        .await
        .during("save a destination")?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await
}

pub(super) async fn delete(store: &Sqlite, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("remove a destination").await?;
    let removed = remove(&mut transaction, sql!("delete_destination"), name, audit).await?;
    transaction.commit().await?;
    Ok(removed)
}

/// The audit tells of what was there only.
async fn remove(
    connection: &mut SqliteConnection,
    statement: &'static str,
    name: &str,
    audit: AuditRow,
) -> Result<bool, StoreError> {
    let result = sqlx::query(statement).bind(name).execute(&mut *connection).await.during("remove")?;
    let removed = result.rows_affected() > 0;
    if removed {
        outbox::insert_audit(connection, &[audit]).await?;
    }
    Ok(removed)
}

pub(super) async fn list(store: &Sqlite) -> Result<Vec<DestinationRow>, StoreError> {
    let rows: Vec<(String, String, bool, At)> =
        sqlx::query_as(sql!("list_destinations")).fetch_all(&store.readers).await.during("list destinations")?;
    rows.into_iter()
        .map(|(name, settings, paused, updated_at)| {
            let settings = convert::json("a destination's settings", &settings)?;
            Ok(DestinationRow { name, settings, paused, updated_at: updated_at.0 })
        })
        .collect()
}

pub(super) async fn put_route(store: &Sqlite, row: &RouteRow, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("save a route").await?;
    sqlx::query(sql!("upsert_route"))
        .bind(&row.name)
        .bind(row.kind.map(|kind| kind.as_str()))
        .bind(&row.message_type)
        .bind(&row.aggregate_type)
        .bind(&row.to)
        .execute(&mut *transaction)
        .await
        .during("save a route")?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await
}

pub(super) async fn delete_route(store: &Sqlite, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("remove a route").await?;
    let removed = remove(&mut transaction, sql!("delete_route"), name, audit).await?;
    transaction.commit().await?;
    Ok(removed)
}

pub(super) async fn list_routes(store: &Sqlite) -> Result<Vec<RouteRow>, StoreError> {
    type Row = (String, Option<String>, Option<String>, Option<String>, String);
    let rows: Vec<Row> = sqlx::query_as(sql!("list_routes")).fetch_all(&store.readers).await.during("list routes")?;
    rows.into_iter()
        .map(|(name, kind, message_type, aggregate_type, to)| {
            let kind = kind.as_deref().map(convert::message_kind).transpose()?;
            Ok(RouteRow { name, kind, message_type, aggregate_type, to })
        })
        .collect()
}

pub(super) async fn note_types(store: &Sqlite, rows: &[TypeRow]) -> Result<(), StoreError> {
    let batch: Vec<_> =
        rows.iter().map(|row| json!([row.kind.as_str(), row.message_type, row.aggregate_type])).collect();
    let mut transaction = store.writer.begin("note message types").await?;
    sqlx::query(sql!("insert_types"))
        .bind(json!(batch).to_string())
        .execute(&mut *transaction)
        .await
        .during("note message types")?;
    transaction.commit().await
}

pub(super) async fn list_types(store: &Sqlite) -> Result<Vec<TypeRow>, StoreError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as(sql!("list_types")).fetch_all(&store.readers).await.during("list message types")?;
    rows.into_iter()
        .map(|(kind, message_type, aggregate_type)| {
            Ok(TypeRow { kind: convert::message_kind(&kind)?, message_type, aggregate_type })
        })
        .collect()
}

pub(super) async fn count_deliveries(store: &Sqlite) -> Result<Vec<DestinationCounts>, StoreError> {
    let rows: Vec<(String, String, i64, At)> =
        sqlx::query_as(sql!("count_deliveries")).fetch_all(&store.readers).await.during("count deliveries")?;
    convert::destination_counts(rows.into_iter().map(|(name, state, n, at)| (name, state, n, at.0)).collect())
}

pub(super) async fn minutes(store: &Sqlite, from: Instant) -> Result<Vec<DestinationMinuteRow>, StoreError> {
    let rows: Vec<(String, At, i64, i64)> = sqlx::query_as(sql!("list_destination_minutes"))
        .bind(At(from))
        .fetch_all(&store.readers)
        .await
        .during("read the minutes of destinations")?;
    let row = |(destination, minute, delivered, failed): (String, At, i64, i64)| {
        convert::destination_minute((destination, minute.0, delivered, failed))
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Counts (destination, delivered, failed) in the minute of `at`.
pub(super) async fn count_minute<'a>(
    connection: &mut SqliteConnection,
    at: Instant,
    counts: impl Iterator<Item = (&'a str, usize, usize)>,
) -> Result<(), StoreError> {
    let counts: Vec<_> = counts.collect();
    if counts.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("count_destination_minute"))
        .bind(At(at))
        .bind(json!(counts).to_string())
        .execute(connection)
        .await
        .during("count deliveries")?;
    Ok(())
}
