//! The outbox as the relay and the producers inside Baton use it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use baton_domain::{
    ids::MessageId,
    lane::lane_of,
    message::{Key, Message},
};
use chrono::Utc;
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    Sqlite, decode, destination, engine, repair, sql,
    types::{At, Id, at_json, at_text},
};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{Appended, AuditRow, DeliveryState, Fence, Instant, NewDelivery, Outbound, Parked, Settlement},
};

pub(super) async fn append(
    store: &Sqlite,
    messages: &[Message],
    audit: Option<AuditRow>,
) -> Result<Appended, StoreError> {
    let mut transaction = store.writer.begin("append").await?;
    let inserted = insert_messages(&mut transaction, messages).await?;
    insert_audit(&mut transaction, audit.as_slice()).await?;
    transaction.commit().await?;
    Ok(convert::appended(messages, inserted))
}

pub(super) async fn take_in(
    store: &Sqlite,
    consumer: &str,
    messages: &[Message],
) -> Result<Vec<MessageId>, StoreError> {
    let mut transaction = store.writer.begin("take messages in").await?;
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    let mut fresh = engine::insert_inbox(&mut transaction, consumer, &ids).await?;
    // Of one that is twice in the batch the first counts.
    let new: Vec<Message> = messages.iter().filter(|message| fresh.remove(&message.id)).cloned().collect();
    let inserted = insert_messages(&mut transaction, &new).await?;
    transaction.commit().await?;
    Ok(inserted)
}

/// Returns the ids that were not there yet.
pub(super) async fn insert_messages(
    connection: &mut SqliteConnection,
    messages: &[Message],
) -> Result<Vec<MessageId>, StoreError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let batch: Vec<Value> = messages.iter().map(message).collect();
    let inserted: Vec<Id> = sqlx::query_scalar(sql!("insert_messages"))
        .bind(Value::from(batch).to_string())
        .fetch_all(connection)
        .await
        .during("append")?;
    Ok(inserted.into_iter().map(|id| MessageId(id.0)).collect())
}

/// Payload and headers go in as text within the text, so that they are stored as they were written.
fn message(message: &Message) -> Value {
    json!({
        "id": message.id.0,
        "kind": message.kind.as_str(),
        "type": message.message_type,
        "source": message.source,
        "aggregate_type": message.key.aggregate_type,
        "aggregate_id": message.key.aggregate_id,
        "aggregate_version": message.aggregate_version,
        "payload": message.payload.to_string(),
        "headers": json!(message.headers).to_string(),
        "correlation_id": message.correlation_id,
        "causation_id": message.causation_id,
        "deliver_after": at_json(message.deliver_after),
        "destination": message.destination,
        "created_at": at_text(message.created_at),
    })
}

pub(super) async fn insert_audit(connection: &mut SqliteConnection, rows: &[AuditRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let batch: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "at": at_text(row.at),
                "actor": row.actor,
                "action": row.action,
                "subject": row.subject,
                "reason": row.reason,
                "detail": row.detail.to_string(),
            })
        })
        .collect();
    sqlx::query(sql!("insert_audit"))
        .bind(Value::from(batch).to_string())
        .execute(connection)
        .await
        .during("write the audit")?;
    Ok(())
}

pub(super) async fn read_unpublished(
    store: &Sqlite,
    fence: &Fence,
    now: Instant,
    limit: u32,
    except: &[i64],
) -> Result<Vec<Outbound>, StoreError> {
    let except = json!(except).to_string();
    loop {
        let rows = sqlx::query(sql!("read_unpublished"))
            .bind(At(now))
            .bind(limit)
            .bind(&except)
            .fetch_all(&store.readers)
            .await
            .during("read unpublished messages")?;
        let mut readable = Vec::with_capacity(rows.len());
        let mut unreadable = Vec::new();
        for row in &rows {
            let seq: i64 = row.try_get(0).during("read unpublished messages")?;
            match outbound(row, seq) {
                Ok(message) => readable.push(message),
                Err(reason) => unreadable.push(Unreadable::of(row, seq, reason)),
            }
        }
        if !unreadable.is_empty() && bury(store, fence, unreadable).await? && readable.is_empty() {
            // Others may stand behind those that were put away.
            continue;
        }
        // One node has every lane, unless it has just lost them all.
        readable.retain(|outbound| fence.is_whole() || fence.lanes.contains(&outbound.lane));
        return Ok(readable);
    }
}

fn outbound(row: &SqliteRow, seq: i64) -> Result<Outbound, String> {
    let message = decode::message(row)?;
    // Asking is a call of a function here, so it is left to whoever wants to know.
    Ok(Outbound { seq, lane: lane_of(&message.key), message, bus_waits: true })
}

/// A message that cannot be read, as well as it can be named.
struct Unreadable {
    seq: i64,
    reason: String,
    message_type: String,
    key: Key,
}

impl Unreadable {
    fn of(row: &SqliteRow, seq: i64, reason: String) -> Self {
        let text = |column| decode::lossy(row, column).map(Cow::into_owned).unwrap_or_default();
        let key = Key { aggregate_type: text(5), aggregate_id: text(6) };
        Self { seq, reason, message_type: text(3), key }
    }
}

/// Puts messages away that cannot be read; `false` when that was not ours to do.
async fn bury(store: &Sqlite, fence: &Fence, unreadable: Vec<Unreadable>) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("put unreadable messages away").await?;
    if !is_held(&mut transaction, fence).await? {
        return Ok(false);
    }
    let rows: Vec<i64> = unreadable.iter().map(|message| message.seq).collect();
    let marked: HashSet<i64> = mark(&mut transaction, &rows, false, Utc::now()).await?.into_iter().collect();
    for message in unreadable.into_iter().filter(|message| marked.contains(&message.seq)) {
        sqlx::query(sql!("bury_unreadable"))
            .bind(message.seq)
            .bind(message.reason)
            .bind(message.message_type)
            .bind(message.key.aggregate_type)
            .bind(message.key.aggregate_id)
            .execute(&mut *transaction)
            .await
            .during("put unreadable messages away")?;
    }
    transaction.commit().await?;
    Ok(!marked.is_empty())
}

pub(super) async fn has_unpublished(store: &Sqlite, now: Instant) -> Result<bool, StoreError> {
    sqlx::query_scalar(sql!("find_any_unpublished"))
        .bind(At(now))
        .fetch_one(&store.readers)
        .await
        .during("look for unpublished messages")
}

pub(super) async fn next_deliver_after(store: &Sqlite, now: Instant) -> Result<Option<Instant>, StoreError> {
    let next: Option<At> = sqlx::query_scalar(sql!("find_next_deliver_after"))
        .bind(At(now))
        .fetch_one(&store.readers)
        .await
        .during("find the next delayed message")?;
    Ok(next.map(|at| at.0))
}

/// Asked on the connection that writes: what it wrote itself does not count there.
pub(super) async fn foreign_writes(store: &Sqlite) -> Result<Option<i64>, StoreError> {
    let mut connection = store.writer.lock("look for foreign writes").await?;
    sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(&mut *connection)
        .await
        .map(Some)
        .during("look for foreign writes")
}

pub(super) async fn settle(store: &Sqlite, fence: &Fence, settlement: Settlement) -> Result<Vec<Parked>, StoreError> {
    let Settlement { published, deliveries, delete, now } = settlement;
    let now = now.unwrap_or_else(Utc::now);
    if published.is_empty() {
        return Ok(Vec::new());
    }
    let waiting: HashSet<i64> = deliveries.iter().map(|delivery| delivery.seq).collect();
    let (keep, gone): (Vec<i64>, Vec<i64>) = published.into_iter().partition(|seq| !delete || waiting.contains(seq));
    let mut transaction = store.writer.begin("settle").await?;
    if !is_held(&mut transaction, fence).await? {
        return Err(StoreError::Fenced);
    }
    let mut marked = mark(&mut transaction, &gone, true, now).await?.len();
    let kept: HashSet<i64> = mark(&mut transaction, &keep, false, now).await?.into_iter().collect();
    marked += kept.len();
    let (failed, parked) = insert_deliveries(&mut transaction, &deliveries, &kept, now).await?;
    count_minute(&mut transaction, now, marked, failed).await?;
    transaction.commit().await?;
    Ok(parked)
}

/// Whether every lane of the fence is still this node's.
async fn is_held(connection: &mut SqliteConnection, fence: &Fence) -> Result<bool, StoreError> {
    let held: i64 = sqlx::query_scalar(sql!("count_held_lanes"))
        .bind(Id(fence.node))
        .bind(fence.token)
        .bind(json!(fence.lanes).to_string())
        .fetch_one(connection)
        .await
        .during("check the lease")?;
    Ok(held > 0 && held == fence.lanes.len() as i64)
}

/// Marks or deletes rows; returns those that were unpublished until now.
async fn mark(
    connection: &mut SqliteConnection,
    rows: &[i64],
    delete: bool,
    now: Instant,
) -> Result<Vec<i64>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let statement = if delete { sql!("delete_published") } else { sql!("mark_published") };
    let query = sqlx::query_scalar(statement).bind(json!(rows).to_string());
    let query = if delete { query } else { query.bind(At(now)) };
    query.fetch_all(connection).await.during("settle")
}

/// Writes deliveries of rows that were marked; returns how many of them failed already, and what waits behind failures.
async fn insert_deliveries(
    connection: &mut SqliteConnection,
    deliveries: &[NewDelivery],
    marked: &HashSet<i64>,
    now: Instant,
) -> Result<(usize, Vec<Parked>), StoreError> {
    let batch: Vec<Value> = deliveries.iter().filter(|d| marked.contains(&d.seq)).map(|d| delivery(d, now)).collect();
    if batch.is_empty() {
        return Ok((0, Vec::new()));
    }
    let written: Vec<(i64, i64, Option<Id>, String)> = sqlx::query_as(sql!("insert_deliveries"))
        .bind(Value::from(batch).to_string())
        .bind(At(now))
        .fetch_all(&mut *connection)
        .await
        .during("write deliveries")?;
    let tried: Vec<i64> = written.iter().filter(|(_, attempts, ..)| *attempts > 0).map(|(id, ..)| *id).collect();
    if !tried.is_empty() {
        sqlx::query(sql!("insert_first_attempts"))
            .bind(json!(tried).to_string())
            .bind(At(now))
            .execute(&mut *connection)
            .await
            .during("write deliveries")?;
    }
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, _, to) in written.iter().filter(|(_, attempts, ..)| *attempts > 0) {
        *failed.entry(to).or_default() += 1;
    }
    destination::count_minute(connection, now, failed.into_iter().map(|(to, count)| (to, 0, count))).await?;
    let ids: Vec<i64> = written.iter().map(|(id, ..)| *id).collect();
    let mut parked: Vec<Parked> =
        written.into_iter().filter_map(|(_, _, message, to)| Some(repair::parked(message?, to))).collect();
    if deliveries.iter().any(|delivery| delivery.state != DeliveryState::Queued) {
        parked.extend(repair::label_followers(connection, &ids).await?);
    }
    Ok((tried.len(), parked))
}

fn delivery(delivery: &NewDelivery, now: Instant) -> Value {
    let (next_attempt_at, class, error) = convert::new_delivery_parts(delivery, now);
    json!({
        "seq": delivery.seq,
        "destination": delivery.destination,
        "state": delivery.state.as_str(),
        "attempts": delivery.attempts,
        "next_attempt_at": at_json(next_attempt_at),
        "failure_class": class,
        "last_error": error,
    })
}

pub(super) async fn count_minute(
    connection: &mut SqliteConnection,
    at: Instant,
    published: usize,
    failed: usize,
) -> Result<(), StoreError> {
    if published + failed == 0 {
        return Ok(());
    }
    sqlx::query(sql!("count_minute"))
        .bind(At(at))
        .bind(published as i64)
        .bind(failed as i64)
        .execute(connection)
        .await
        .during("count messages")?;
    Ok(())
}
