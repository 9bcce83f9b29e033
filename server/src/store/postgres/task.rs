//! Human tasks.

use std::collections::HashMap;

use baton_domain::ids::{InstanceId, TaskId};
use sqlx::{PgConnection, Postgres as Db, QueryBuilder, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Postgres, outbox, sql};
use crate::store::{
    convert, cursor,
    error::During,
    port::StoreError,
    rows::{AuditRow, Instant, Page, TaskClosing, TaskFilter, TaskReassignment, TaskRow},
};

/// Locks and loads; unknown ids are left out.
pub(super) async fn lock(
    connection: &mut PgConnection,
    ids: &[TaskId],
) -> Result<HashMap<TaskId, TaskRow>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query(sql!("lock_tasks")).bind(ids).fetch_all(connection).await.during("lock tasks")?;
    rows.iter().map(|row| decode(row).map(|task| (task.id, task))).collect()
}

fn decode(row: &PgRow) -> Result<TaskRow, StoreError> {
    let state = convert::task_state(row.try_get(5).during("read a task")?)?;
    let outcomes = convert::json("a task's outcomes", row.try_get(9).during("read a task")?)?;
    let data = convert::json_opt("a task's data", row.try_get(11).during("read a task")?)?;
    let get = |row: &PgRow| {
        Ok::<_, sqlx::Error>(TaskRow {
            id: TaskId(row.try_get(0)?),
            instance: InstanceId(row.try_get(1)?),
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
            due_at: row.try_get(13)?,
            created_at: row.try_get(14)?,
            ended_at: row.try_get(15)?,
        })
    };
    get(row).during("read a task")
}

pub(super) async fn insert(connection: &mut PgConnection, tasks: &[TaskRow]) -> Result<(), StoreError> {
    if tasks.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&TaskRow) -> &str| tasks.iter().map(of).collect::<Vec<&str>>();
    let optional = |of: fn(&TaskRow) -> Option<&str>| tasks.iter().map(of).collect::<Vec<Option<&str>>>();
    sqlx::query(sql!("insert_tasks"))
        .bind(tasks.iter().map(|task| task.id.0).collect::<Vec<Uuid>>())
        .bind(tasks.iter().map(|task| task.instance.0).collect::<Vec<Uuid>>())
        .bind(text(|task| &task.definition))
        .bind(text(|task| &task.node))
        .bind(text(|task| &task.title))
        .bind(text(|task| task.state.as_str()))
        .bind(optional(|task| task.assignee.as_deref()))
        .bind(optional(|task| task.candidate_group.as_deref()))
        .bind(optional(|task| task.claimed_by.as_deref()))
        .bind(tasks.iter().map(|task| task.outcomes.to_string()).collect::<Vec<String>>())
        .bind(optional(|task| task.outcome.as_deref()))
        .bind(tasks.iter().map(|task| task.data.as_ref().map(ToString::to_string)).collect::<Vec<Option<String>>>())
        .bind(optional(|task| task.completed_by.as_deref()))
        .bind(tasks.iter().map(|task| task.due_at).collect::<Vec<Option<Instant>>>())
        .bind(tasks.iter().map(|task| task.created_at).collect::<Vec<Instant>>())
        .bind(tasks.iter().map(|task| task.ended_at).collect::<Vec<Option<Instant>>>())
        .execute(connection)
        .await
        .during("open tasks")?;
    Ok(())
}

/// Open tasks go to somebody else; one that has ended means that somebody else was first.
pub(super) async fn reassign(
    connection: &mut PgConnection,
    reassignments: &[TaskReassignment],
) -> Result<(), StoreError> {
    if reassignments.is_empty() {
        return Ok(());
    }
    let written = sqlx::query(sql!("reassign_tasks"))
        .bind(reassignments.iter().map(|it| it.id.0).collect::<Vec<Uuid>>())
        .bind(reassignments.iter().map(|it| it.assignee.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(reassignments.iter().map(|it| it.candidate_group.as_deref()).collect::<Vec<Option<&str>>>())
        .execute(connection)
        .await
        .during("reassign tasks")?;
    if written.rows_affected() == reassignments.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::Conflict { what: "task" })
    }
}

/// Ends open tasks; one that has ended already means that somebody else was first.
pub(super) async fn close(
    connection: &mut PgConnection,
    closings: &[TaskClosing],
    now: Instant,
) -> Result<(), StoreError> {
    if closings.is_empty() {
        return Ok(());
    }
    let closed = sqlx::query(sql!("close_tasks"))
        .bind(closings.iter().map(|closing| closing.id.0).collect::<Vec<Uuid>>())
        .bind(closings.iter().map(|closing| closing.state.as_str()).collect::<Vec<&str>>())
        .bind(closings.iter().map(|closing| closing.outcome.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(closings.iter().map(|c| c.data.as_ref().map(ToString::to_string)).collect::<Vec<Option<String>>>())
        .bind(closings.iter().map(|closing| closing.by.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(now)
        .execute(connection)
        .await
        .during("close tasks")?;
    if closed.rows_affected() == closings.len() as u64 { Ok(()) } else { Err(StoreError::Conflict { what: "task" }) }
}

pub(super) async fn claim(store: &Postgres, id: TaskId, by: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await.during("claim a task")?;
    let claimed = sqlx::query(sql!("claim_task"))
        .bind(id.0)
        .bind(by)
        .execute(&mut *transaction)
        .await
        .during("claim a task")?
        .rows_affected()
        > 0;
    if claimed {
        outbox::insert_audit(&mut transaction, &[audit]).await?;
    }
    transaction.commit().await.during("claim a task")?;
    Ok(claimed)
}

pub(super) async fn read(store: &Postgres, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
    let row = sqlx::query(sql!("read_task")).bind(id.0).fetch_optional(&store.pool).await.during("read a task")?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn list(store: &Postgres, filter: &TaskFilter) -> Result<Page<TaskRow>, StoreError> {
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
        query.push(" AND t.instance_id = ").push_bind(instance.0);
    }
    if let Some(last) = cursor::to_id(filter.cursor.as_deref())? {
        query.push(" AND t.id < ").push_bind(last);
    }
    query.push(" ORDER BY t.id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
    let rows = query.build().fetch_all(&store.pool).await.during("list tasks")?;
    let items = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(cursor::page(items, filter.limit, |task| cursor::from_id(task.id.0)))
}
