//! A step of the engine in one transaction: claim, decide, write. The transaction is the lock.

use std::collections::{HashMap, HashSet};

use baton_domain::ids::{InstanceId, MessageId, TimerId};
use chrono::Utc;
use serde_json::{Value, json};
use sqlx::{Executor, SqliteConnection};
use uuid::Uuid;

use super::{
    Sqlite, early, instance, outbox, sql, task,
    types::{At, Id, at_text},
};
use crate::store::{
    convert,
    error::During,
    port::{Decide, StoreError},
    rows::{Changes, Claim, Instant, Loaded, TimerRow},
};

pub(super) async fn transact(store: &Sqlite, claim: Claim, decide: Decide) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("begin a step").await?;
    let loaded = load(&mut transaction, &claim).await?;
    let decided = convert::run(decide, loaded).await?;
    let changes = early::complete(&mut transaction, decided, Utc::now()).await?;
    write(&mut transaction, &claim.consumer, changes).await?;
    transaction.commit().await
}

async fn load(connection: &mut SqliteConnection, claim: &Claim) -> Result<Loaded, StoreError> {
    let fresh = take_in(connection, claim).await?;
    let mut ids: Vec<Uuid> = claim.instances.iter().map(|id| id.0).collect();
    ids.extend(find_claimed(connection, claim).await?);
    ids.sort_unstable();
    ids.dedup();
    Ok(Loaded {
        fresh,
        instances: instance::load(connection, &ids).await?,
        waits: read_waits(connection, &claim.waits).await?,
        timers: read_timers(connection, &claim.timers).await?,
        tasks: task::load(connection, &claim.tasks).await?,
        started: find_started(connection, &claim.starts).await?,
    })
}

async fn take_in(connection: &mut SqliteConnection, claim: &Claim) -> Result<HashSet<MessageId>, StoreError> {
    insert_inbox(connection, &claim.consumer, &claim.messages).await
}

/// Returns those that the consumer had not taken in before.
pub(super) async fn insert_inbox(
    connection: &mut SqliteConnection,
    consumer: &str,
    messages: &[MessageId],
) -> Result<HashSet<MessageId>, StoreError> {
    if messages.is_empty() {
        return Ok(HashSet::new());
    }
    let fresh: Vec<Id> = sqlx::query_scalar(sql!("insert_inbox"))
        .bind(consumer)
        .bind(json!(messages).to_string())
        .fetch_all(connection)
        .await
        .during("take messages in")?;
    Ok(fresh.into_iter().map(|id| MessageId(id.0)).collect())
}

async fn find_claimed(connection: &mut SqliteConnection, claim: &Claim) -> Result<Vec<Uuid>, StoreError> {
    if claim.timers.is_empty() && claim.tasks.is_empty() && claim.waits.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<Id> = sqlx::query_scalar(sql!("find_claimed_instances"))
        .bind(json!(claim.timers).to_string())
        .bind(json!(claim.tasks).to_string())
        .bind(json!(claim.waits).to_string())
        .fetch_all(connection)
        .await
        .during("find claimed instances")?;
    Ok(found.into_iter().map(|id| id.0).collect())
}

async fn read_waits(
    connection: &mut SqliteConnection,
    waits: &[(String, String)],
) -> Result<HashMap<(String, String), Vec<InstanceId>>, StoreError> {
    let mut found: HashMap<_, Vec<InstanceId>> = HashMap::new();
    if waits.is_empty() {
        return Ok(found);
    }
    let rows: Vec<(String, String, Id)> = sqlx::query_as(sql!("read_waits"))
        .bind(json!(waits).to_string())
        .fetch_all(connection)
        .await
        .during("read waits")?;
    for (event_type, value, instance) in rows {
        let waiting = found.entry((event_type, value)).or_default();
        if waiting.last() != Some(&InstanceId(instance.0)) {
            waiting.push(InstanceId(instance.0));
        }
    }
    Ok(found)
}

async fn read_timers(connection: &mut SqliteConnection, timers: &[TimerId]) -> Result<Vec<TimerRow>, StoreError> {
    if timers.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Id, Id, At)> = sqlx::query_as(sql!("read_claimed_timers"))
        .bind(json!(timers).to_string())
        .fetch_all(connection)
        .await
        .during("read timers")?;
    let row = |(id, instance, due_at): (Id, Id, At)| TimerRow {
        id: TimerId(id.0),
        instance: InstanceId(instance.0),
        due_at: due_at.0,
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn find_started(
    connection: &mut SqliteConnection,
    starts: &[(String, String)],
) -> Result<HashMap<(String, String), InstanceId>, StoreError> {
    if starts.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, Id)> = sqlx::query_as(sql!("find_started"))
        .bind(json!(starts).to_string())
        .fetch_all(connection)
        .await
        .during("find earlier starts")?;
    Ok(rows.into_iter().map(|(definition, key, id)| ((definition, key), InstanceId(id.0))).collect())
}

/// One statement a table, and none for a table that nothing changes in.
async fn write(connection: &mut SqliteConnection, consumer: &str, changes: Changes) -> Result<(), StoreError> {
    let now = changes.now.unwrap_or_else(Utc::now);
    if !changes.messages_refused.is_empty() {
        let refused =
            sqlx::query(sql!("delete_inbox")).bind(consumer).bind(json!(changes.messages_refused).to_string());
        connection.execute(refused).await.during("refuse messages")?;
    }
    instance::write(connection, &changes.instances, now).await?;
    outbox::insert_messages(connection, &changes.messages).await?;
    let timers: Vec<Value> = changes.timers_set.iter().map(|t| json!([t.id, t.instance, at_text(t.due_at)])).collect();
    for_each(connection, sql!("insert_timers"), timers, "set timers").await?;
    let timers: Vec<Value> = changes.timers_gone.iter().map(|id| json!(id)).collect();
    for_each(connection, sql!("delete_timers"), timers, "remove timers").await?;
    task::insert(connection, &changes.tasks_opened).await?;
    task::reassign(connection, &changes.tasks_reassigned).await?;
    task::close(connection, &changes.tasks_closed, now).await?;
    let waits: Vec<Value> = changes.waits_gone.iter().map(|(instance, token)| json!([instance, token])).collect();
    for_each(connection, sql!("delete_waits"), waits, "remove waits").await?;
    let waits: Vec<Value> =
        changes.waits_set.iter().map(|w| json!([w.instance, w.token, w.event_type, w.value])).collect();
    for_each(connection, sql!("insert_waits"), waits, "set waits").await?;
    early::write(connection, &changes, now).await?;
    outbox::insert_audit(connection, &changes.audit).await
}

/// Runs a statement over a JSON list, unless that is empty; returns how many rows it touched.
pub(super) async fn for_each(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: Vec<Value>,
    operation: &'static str,
) -> Result<u64, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let result = sqlx::query(statement).bind(Value::from(rows).to_string()).execute(connection).await;
    Ok(result.during(operation)?.rows_affected())
}

pub(super) async fn read_due_timers(store: &Sqlite, now: Instant, limit: u32) -> Result<Vec<TimerId>, StoreError> {
    let ids: Vec<Id> = sqlx::query_scalar(sql!("read_due_timers"))
        .bind(At(now))
        .bind(limit)
        .fetch_all(&store.readers)
        .await
        .during("read due timers")?;
    Ok(ids.into_iter().map(|id| TimerId(id.0)).collect())
}

pub(super) async fn next_timer_at(store: &Sqlite) -> Result<Option<Instant>, StoreError> {
    let next: Option<At> =
        sqlx::query_scalar(sql!("find_next_timer")).fetch_one(&store.readers).await.during("find the next timer")?;
    Ok(next.map(|at| at.0))
}
