//! Instances and their history.

use std::collections::HashMap;

use baton_domain::{definition::DefinitionKind, ids::InstanceId, process::Status};
use sqlx::{PgConnection, Postgres as Db, QueryBuilder, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Postgres, sql};
use crate::store::{
    convert, cursor,
    error::During,
    port::StoreError,
    rows::{HistoryRow, InstanceCount, InstanceFilter, InstanceRow, Instant, Page, Versions},
};

/// Locks and loads; unknown ids are left out.
pub(super) async fn lock(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<InstanceId, InstanceRow>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(sql!("lock_instances")).bind(ids).fetch_all(connection).await.during("lock instances")?;
    rows.iter().map(|row| decode(row).map(|instance| (instance.id, instance))).collect()
}

pub(super) fn decode(row: &PgRow) -> Result<InstanceRow, StoreError> {
    let get = |row: &PgRow| {
        Ok::<_, sqlx::Error>(InstanceRow {
            id: InstanceId(row.try_get(0)?),
            definition: row.try_get(1)?,
            version: row.try_get::<i32, _>(2)?.unsigned_abs(),
            status: Status::Running,
            business_key: row.try_get(4)?,
            sequence: row.try_get(5)?,
            snapshot: serde_json::Value::Null,
            incident: row.try_get(7)?,
            started_by: row.try_get(8)?,
            created_at: row.try_get(9)?,
            updated_at: row.try_get(10)?,
            ended_at: row.try_get(11)?,
            kind: DefinitionKind::Process,
            parent: row.try_get::<Option<Uuid>, _>(13)?.map(InstanceId),
        })
    };
    let status = convert::status(row.try_get(3).during("read an instance")?)?;
    let snapshot = convert::json("a snapshot", row.try_get(6).during("read an instance")?)?;
    let kind = convert::definition_kind(row.try_get(12).during("read an instance")?)?;
    Ok(InstanceRow { kind, status, snapshot, ..get(row).during("read an instance")? })
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
        query.push(" AND i.parent = ").push_bind(parent.0);
    }
    if let Some(q) = filter.q.as_deref().filter(|q| !q.is_empty()) {
        query
            .push(" AND (strpos(lower(i.business_key), lower(")
            .push_bind(q)
            .push(")) > 0 OR strpos(i.id::text, lower(");
        query.push_bind(q).push(")) > 0)");
    }
}

pub(super) async fn count_like(store: &Postgres, filter: &InstanceFilter) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::<Db>::new(sql!("count_instances_like"));
    add_conditions(&mut query, filter);
    let count: i64 = query.build_query_scalar().fetch_one(&store.pool).await.during("count instances")?;
    Ok(count.unsigned_abs())
}

pub(super) async fn list(store: &Postgres, filter: &InstanceFilter) -> Result<Page<InstanceRow>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(sql!("list_instances"));
    add_conditions(&mut query, filter);
    if let Some((at, last)) = cursor::to_time_and_id(filter.cursor.as_deref())? {
        query.push(" AND (i.created_at, i.id) < (").push_bind(at).push(", ").push_bind(last).push(")");
    }
    query.push(" ORDER BY i.created_at DESC, i.id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
    let rows = query.build().fetch_all(&store.pool).await.during("list instances")?;
    let items = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(cursor::page(items, filter.limit, |instance| cursor::from_time_and_id(instance.created_at, instance.id.0)))
}

pub(super) async fn read(store: &Postgres, id: InstanceId) -> Result<Option<InstanceRow>, StoreError> {
    let row =
        sqlx::query(sql!("read_instance")).bind(id.0).fetch_optional(&store.pool).await.during("read an instance")?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn read_history(
    store: &Postgres,
    id: InstanceId,
    after: i64,
    limit: u32,
) -> Result<Vec<HistoryRow>, StoreError> {
    let rows: Vec<(i64, Instant, String)> = sqlx::query_as(sql!("read_history"))
        .bind(id.0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&store.pool)
        .await
        .during("read the history")?;
    rows.into_iter()
        .map(|(sequence, at, event)| {
            Ok(HistoryRow { sequence, at, event: convert::json("an event of a history", &event)? })
        })
        .collect()
}

pub(super) async fn count(store: &Postgres) -> Result<Vec<InstanceCount>, StoreError> {
    let rows: Vec<(String, String, i32, String, i64)> =
        sqlx::query_as(sql!("count_instances")).fetch_all(&store.pool).await.during("count instances")?;
    rows.into_iter()
        .map(|(kind, definition, version, status, count)| {
            Ok(InstanceCount {
                kind: convert::definition_kind(&kind)?,
                definition,
                version: version.unsigned_abs(),
                status: convert::status(&status)?,
                count: count.unsigned_abs(),
            })
        })
        .collect()
}
