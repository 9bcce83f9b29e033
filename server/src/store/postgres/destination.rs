//! Destinations and routes, and what is open at each destination.

use sqlx::PgConnection;

use super::{Postgres, outbox, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, DestinationCounts, DestinationMinuteRow, DestinationRow, Instant, RouteRow, TypeRow},
};

pub(super) async fn put(store: &Postgres, row: &DestinationRow, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await.during("save a destination")?;
    sqlx::query(sql!("upsert_destination"))
        .bind(&row.name)
        .bind(row.settings.to_string())
        .bind(row.paused)
        .bind(row.updated_at)
        .execute(&mut *transaction)
        .await
        .during("save a destination")?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await.during("save a destination")
}

pub(super) async fn delete(store: &Postgres, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await.during("remove a destination")?;
    let removed = remove(&mut transaction, sql!("delete_destination"), name, audit).await?;
    transaction.commit().await.during("remove a destination")?;
    Ok(removed)
}

/// The audit tells of what was there only.
async fn remove(
    connection: &mut PgConnection,
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

pub(super) async fn list(store: &Postgres) -> Result<Vec<DestinationRow>, StoreError> {
    let rows: Vec<(String, String, bool, Instant)> =
        sqlx::query_as(sql!("list_destinations")).fetch_all(&store.pool).await.during("list destinations")?;
    rows.into_iter()
        .map(|(name, settings, paused, updated_at)| {
            let settings = convert::json("a destination's settings", &settings)?;
            Ok(DestinationRow { name, settings, paused, updated_at })
        })
        .collect()
}

pub(super) async fn put_route(store: &Postgres, row: &RouteRow, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await.during("save a route")?;
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
    transaction.commit().await.during("save a route")
}

pub(super) async fn delete_route(store: &Postgres, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await.during("remove a route")?;
    let removed = remove(&mut transaction, sql!("delete_route"), name, audit).await?;
    transaction.commit().await.during("remove a route")?;
    Ok(removed)
}

pub(super) async fn list_routes(store: &Postgres) -> Result<Vec<RouteRow>, StoreError> {
    type Row = (String, Option<String>, Option<String>, Option<String>, String);
    let rows: Vec<Row> = sqlx::query_as(sql!("list_routes")).fetch_all(&store.pool).await.during("list routes")?;
    rows.into_iter()
        .map(|(name, kind, message_type, aggregate_type, to)| {
            let kind = kind.as_deref().map(convert::message_kind).transpose()?;
            Ok(RouteRow { name, kind, message_type, aggregate_type, to })
        })
        .collect()
}

pub(super) async fn note_types(store: &Postgres, rows: &[TypeRow]) -> Result<(), StoreError> {
    let column = |of: fn(&TypeRow) -> &str| rows.iter().map(of).collect::<Vec<_>>();
    sqlx::query(sql!("insert_types"))
        .bind(column(|row| row.kind.as_str()))
        .bind(column(|row| &row.message_type))
        .bind(column(|row| &row.aggregate_type))
        .execute(&store.pool)
        .await
        .during("note message types")?;
    Ok(())
}

pub(super) async fn list_types(store: &Postgres) -> Result<Vec<TypeRow>, StoreError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as(sql!("list_types")).fetch_all(&store.pool).await.during("list message types")?;
    rows.into_iter()
        .map(|(kind, message_type, aggregate_type)| {
            Ok(TypeRow { kind: convert::message_kind(&kind)?, message_type, aggregate_type })
        })
        .collect()
}

pub(super) async fn count_deliveries(store: &Postgres) -> Result<Vec<DestinationCounts>, StoreError> {
    let rows: Vec<(String, String, i64, Instant)> =
        sqlx::query_as(sql!("count_deliveries")).fetch_all(&store.pool).await.during("count deliveries")?;
    convert::destination_counts(rows)
}

pub(super) async fn minutes(store: &Postgres, from: Instant) -> Result<Vec<DestinationMinuteRow>, StoreError> {
    let rows: Vec<(String, Instant, i64, i64)> = sqlx::query_as(sql!("list_destination_minutes"))
        .bind(from)
        .fetch_all(&store.pool)
        .await
        .during("read the minutes of destinations")?;
    Ok(rows.into_iter().map(convert::destination_minute).collect())
}
