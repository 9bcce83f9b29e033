//! Instances and their history.

use std::collections::HashMap;

use baton_domain::ids::InstanceId;
use serde_json::{Value, json};
use sqlx::{QueryBuilder, Row, Sqlite as Db, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    Sqlite,
    engine::for_each,
    sql,
    types::{At, Id, at_json, at_text},
};
use crate::store::{
    convert, cursor,
    error::{During, violates_unique},
    port::StoreError,
    rows::{HistoryRow, InstanceChange, InstanceCount, InstanceFilter, InstanceRow, Instant, Page, Versions},
};

/// Unknown ids are left out.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    ids: &[Uuid],
) -> Result<HashMap<InstanceId, InstanceRow>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(sql!("read_instances"))
        .bind(json!(ids).to_string())
        .fetch_all(connection)
        .await
        .during("load instances")?;
    rows.iter().map(|row| decode(row).map(|instance| (instance.id, instance))).collect()
}

fn decode(row: &SqliteRow) -> Result<InstanceRow, StoreError> {
    let status = convert::status(row.try_get(3).during("read an instance")?)?;
    let snapshot = convert::json("a snapshot", row.try_get(6).during("read an instance")?)?;
    let kind = convert::definition_kind(row.try_get(12).during("read an instance")?)?;
    let get = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(InstanceRow {
            id: InstanceId(row.try_get::<Id, _>(0)?.0),
            definition: row.try_get(1)?,
            version: row.try_get(2)?,
            status,
            business_key: row.try_get(4)?,
            sequence: row.try_get(5)?,
            snapshot,
            incident: row.try_get(7)?,
            started_by: row.try_get(8)?,
            created_at: row.try_get::<At, _>(9)?.0,
            updated_at: row.try_get::<At, _>(10)?.0,
            ended_at: row.try_get::<Option<At>, _>(11)?.map(|at| at.0),
            kind,
            parent: row.try_get::<Option<Id>, _>(13)?.map(|id| InstanceId(id.0)),
        })
    };
    get(row).during("read an instance")
}

/// Creates and updates instances and appends their history.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    changes: &[InstanceChange],
    now: Instant,
) -> Result<(), StoreError> {
    let (created, updated): (Vec<&InstanceChange>, Vec<&InstanceChange>) =
        changes.iter().partition(|change| change.expected_sequence.is_none());
    for_each(connection, sql!("insert_instances"), created.into_iter().map(row).collect(), "create instances")
        .await
        .map_err(conflict)?;
    let expected = updated.len() as u64;
    let written =
        for_each(connection, sql!("update_instances"), updated.into_iter().map(row).collect(), "update instances")
            .await?;
    if written != expected {
        return Err(StoreError::Conflict { what: "instance" });
    }
    insert_history(connection, changes, now).await
}

fn row(change: &InstanceChange) -> Value {
    let row = &change.row;
    json!({
        "id": row.id,
        "expected_sequence": change.expected_sequence,
        "definition": row.definition,
        "version": row.version,
        "status": row.status.as_str(),
        "business_key": row.business_key,
        "idempotency_key": change.idempotency_key,
        "sequence": row.sequence,
        "snapshot": row.snapshot.to_string(),
        "incident": row.incident,
        "started_by": row.started_by,
        "created_at": at_text(row.created_at),
        "updated_at": at_text(row.updated_at),
        "ended_at": at_json(row.ended_at),
        "kind": row.kind.as_str(),
        "parent": row.parent,
        "awaits_message": convert::awaits_message(&row.snapshot),
    })
}

fn conflict(error: StoreError) -> StoreError {
    match &error {
        StoreError::Refused { source, .. } => {
            if violates_unique(source, "process_instance_start", "process_instance.idempotency_key") {
                StoreError::Conflict { what: "start" }
            } else if violates_unique(source, "process_instance_pkey", "process_instance.id")
                || violates_unique(source, "process_history_pkey", "process_history.sequence")
            {
                StoreError::Conflict { what: "instance" }
            } else {
                error
            }
        }
        _ => error,
    }
}

async fn insert_history(
    connection: &mut SqliteConnection,
    changes: &[InstanceChange],
    now: Instant,
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for change in changes {
        let first = change.expected_sequence.unwrap_or(0) + 1;
        rows.extend(
            (first..).zip(&change.history).map(|(sequence, event)| json!([change.row.id, sequence, event.to_string()])),
        );
    }
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("insert_history"))
        .bind(Value::from(rows).to_string())
        .bind(At(now))
        .execute(connection)
        .await
        .during("append history")
        .map_err(conflict)?;
    Ok(())
}

fn add_conditions(query: &mut QueryBuilder<Db>, filter: &InstanceFilter) {
    if let Some(kind) = filter.kind {
        query.push(" AND i.kind = ").push_bind(kind.as_str());
    }
    if let Some(definition) = &filter.definition {
        query.push(" AND i.definition = ").push_bind(definition.as_str());
    }
    if let Some(status) = filter.status {
        query.push(" AND i.status = ").push_bind(status.as_str());
    }
    match filter.version {
        None => {}
        Some(Versions::Only(version)) => drop(query.push(" AND i.version = ").push_bind(i64::from(version))),
        Some(Versions::AllBut(version)) => drop(query.push(" AND i.version <> ").push_bind(i64::from(version))),
    }
    if filter.live {
        query.push(" AND i.ended_at IS NULL");
    }
    if let Some(business_key) = &filter.business_key {
        query.push(" AND i.business_key = ").push_bind(business_key.as_str());
    }
    if let Some(parent) = filter.parent {
        query.push(" AND i.parent = ").push_bind(Id(parent.0));
    }
    if let Some(q) = filter.q.as_deref().filter(|q| !q.is_empty()) {
        query.push(" AND (instr(lower(i.business_key), lower(").push_bind(q).push(")) > 0 OR instr(i.id, lower(");
        query.push_bind(q).push(")) > 0)");
    }
}

pub(super) async fn count_like(store: &Sqlite, filter: &InstanceFilter) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::<Db>::new(sql!("count_instances_like"));
    add_conditions(&mut query, filter);
    let count: i64 = query.build_query_scalar().fetch_one(&store.readers).await.during("count instances")?;
    Ok(count.unsigned_abs())
}

pub(super) async fn list(store: &Sqlite, filter: &InstanceFilter) -> Result<Page<InstanceRow>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(sql!("list_instances"));
    add_conditions(&mut query, filter);
    if let Some((at, last)) = cursor::to_time_and_id(filter.cursor.as_deref())? {
        query.push(" AND (i.created_at, i.id) < (").push_bind(At(at)).push(", ").push_bind(Id(last)).push(")");
    }
    query.push(" ORDER BY i.created_at DESC, i.id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
    let rows = query.build().fetch_all(&store.readers).await.during("list instances")?;
    let items = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(cursor::page(items, filter.limit, |instance| cursor::from_time_and_id(instance.created_at, instance.id.0)))
}

pub(super) async fn read(store: &Sqlite, id: InstanceId) -> Result<Option<InstanceRow>, StoreError> {
    let row = sqlx::query(sql!("read_instance"))
        .bind(Id(id.0))
        .fetch_optional(&store.readers)
        .await
        .during("read an instance")?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn read_history(
    store: &Sqlite,
    id: InstanceId,
    after: i64,
    limit: u32,
) -> Result<Vec<HistoryRow>, StoreError> {
    let rows: Vec<(i64, At, String)> = sqlx::query_as(sql!("read_history"))
        .bind(Id(id.0))
        .bind(after)
        .bind(limit)
        .fetch_all(&store.readers)
        .await
        .during("read the history")?;
    rows.into_iter()
        .map(|(sequence, at, event)| {
            Ok(HistoryRow { sequence, at: at.0, event: convert::json("an event of a history", &event)? })
        })
        .collect()
}

pub(super) async fn count(store: &Sqlite) -> Result<Vec<InstanceCount>, StoreError> {
    let rows: Vec<(String, String, u32, String, i64)> =
        sqlx::query_as(sql!("count_instances")).fetch_all(&store.readers).await.during("count instances")?;
    rows.into_iter()
        .map(|(kind, definition, version, status, count)| {
            Ok(InstanceCount {
                kind: convert::definition_kind(&kind)?,
                definition,
                version,
                status: convert::status(&status)?,
                count: count.unsigned_abs(),
            })
        })
        .collect()
}
