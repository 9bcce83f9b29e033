//! Human tasks.

use std::collections::HashMap;

use baton_domain::ids::{InstanceId, TaskId};
use serde_json::{Value, json};
use sqlx::{QueryBuilder, Row, Sqlite as Db, SqliteConnection, sqlite::SqliteRow};

use super::{
    Sqlite,
    engine::for_each,
    outbox, sql,
    types::{At, Id, at_json, at_text},
};
use crate::store::{
    convert, cursor,
    error::During,
    port::StoreError,
    rows::{AuditRow, Instant, Page, TaskClosing, TaskFilter, TaskReassignment, TaskRow},
};

/// Unknown ids are left out.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    ids: &[TaskId],
) -> Result<HashMap<TaskId, TaskRow>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(sql!("read_claimed_tasks"))
        .bind(json!(ids).to_string())
        .fetch_all(connection)
        .await
        .during("load tasks")?;
    rows.iter().map(|row| decode(row).map(|task| (task.id, task))).collect()
}

fn decode(row: &SqliteRow) -> Result<TaskRow, StoreError> {
    let state = convert::task_state(row.try_get(5).during("read a task")?)?;
    let outcomes = convert::json("a task's outcomes", row.try_get(9).during("read a task")?)?;
    let data = convert::json_opt("a task's data", row.try_get(11).during("read a task")?)?;
    let get = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(TaskRow {
            id: TaskId(row.try_get::<Id, _>(0)?.0),
            instance: InstanceId(row.try_get::<Id, _>(1)?.0),
            definition: row.try_get(2)?,
            node: row.try_get(3)?,
            title: row.try_get(4)?,
            state,
            assignee: row.try_get(6)?,
            candidate_group: row.try_get(7)?,
            claimed_by: row.try_get(8)?,
            outcomes,
            outcome: row.try_get(10)?,
            data,
            completed_by: row.try_get(12)?,
            due_at: row.try_get::<Option<At>, _>(13)?.map(|at| at.0),
            created_at: row.try_get::<At, _>(14)?.0,
            ended_at: row.try_get::<Option<At>, _>(15)?.map(|at| at.0),
        })
    };
    get(row).during("read a task")
}

pub(super) async fn insert(connection: &mut SqliteConnection, tasks: &[TaskRow]) -> Result<(), StoreError> {
    let rows = tasks.iter().map(row).collect();
    for_each(connection, sql!("insert_tasks"), rows, "open tasks").await.map(|_| ())
}

fn row(task: &TaskRow) -> Value {
    json!({
        "id": task.id,
        "instance": task.instance,
        "definition": task.definition,
        "node": task.node,
        "title": task.title,
        "state": task.state.as_str(),
        "assignee": task.assignee,
        "candidate_group": task.candidate_group,
        "claimed_by": task.claimed_by,
        "outcomes": task.outcomes.to_string(),
        "outcome": task.outcome,
        "data": task.data.as_ref().map(ToString::to_string),
        "completed_by": task.completed_by,
        "due_at": at_json(task.due_at),
        "created_at": at_text(task.created_at),
        "ended_at": at_json(task.ended_at),
    })
}

/// Open tasks go to somebody else; one that has ended means that somebody else was first.
pub(super) async fn reassign(
    connection: &mut SqliteConnection,
    reassignments: &[TaskReassignment],
) -> Result<(), StoreError> {
    let row =
        |it: &TaskReassignment| json!({"id": it.id, "assignee": it.assignee, "candidate_group": it.candidate_group});
    let rows = reassignments.iter().map(row).collect();
    let written = for_each(connection, sql!("reassign_tasks"), rows, "reassign tasks").await?;
    if written == reassignments.len() as u64 { Ok(()) } else { Err(StoreError::Conflict { what: "task" }) }
}

/// Ends open tasks; one that has ended already means that somebody else was first.
pub(super) async fn close(
    connection: &mut SqliteConnection,
    closings: &[TaskClosing],
    now: Instant,
) -> Result<(), StoreError> {
    if closings.is_empty() {
        return Ok(());
    }
    let rows: Vec<Value> = closings
        .iter()
        .map(|closing| {
            json!({
                "id": closing.id,
                "state": closing.state.as_str(),
                "outcome": closing.outcome,
                "data": closing.data.as_ref().map(ToString::to_string),
                "by": closing.by,
            })
        })
        .collect();
    let closed = sqlx::query(sql!("close_tasks"))
        .bind(Value::from(rows).to_string())
        .bind(At(now))
        .execute(connection)
        .await
        .during("close tasks")?;
    if closed.rows_affected() == closings.len() as u64 { Ok(()) } else { Err(StoreError::Conflict { what: "task" }) }
}

pub(super) async fn claim(store: &Sqlite, id: TaskId, by: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("claim a task").await?;
    let claimed = sqlx::query(sql!("claim_task"))
        .bind(Id(id.0))
        .bind(by)
        .execute(&mut *transaction)
        .await
        .during("claim a task")?
        .rows_affected()
        > 0;
    if claimed {
        outbox::insert_audit(&mut transaction, &[audit]).await?;
    }
    transaction.commit().await?;
    Ok(claimed)
}

pub(super) async fn read(store: &Sqlite, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
    let row =
        sqlx::query(sql!("read_task")).bind(Id(id.0)).fetch_optional(&store.readers).await.during("read a task")?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn list(store: &Sqlite, filter: &TaskFilter) -> Result<Page<TaskRow>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(sql!("list_tasks"));
    match filter.open {
        Some(true) => query.push(" AND t.ended_at IS NULL"),
        Some(false) => query.push(" AND t.ended_at IS NOT NULL"),
        None => &mut query,
    };
    if let Some(assignee) = &filter.assignee {
        query.push(" AND ").push_bind(assignee.as_str()).push(" IN (t.assignee, t.claimed_by)");
    }
    if let Some(instance) = filter.instance {
        query.push(" AND t.instance_id = ").push_bind(Id(instance.0));
    }
    if let Some(last) = cursor::to_id(filter.cursor.as_deref())? {
        query.push(" AND t.id < ").push_bind(Id(last));
    }
    query.push(" ORDER BY t.id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
    let rows = query.build().fetch_all(&store.readers).await.during("list tasks")?;
    let items = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(cursor::page(items, filter.limit, |task| cursor::from_id(task.id.0)))
}
