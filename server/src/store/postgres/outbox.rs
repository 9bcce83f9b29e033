//! The outbox as the relay and the producers inside Baton use it.

use baton_domain::{ids::MessageId, message::Message};
use chrono::Utc;
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Postgres, decode, engine, handover::Noted, repair, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{Appended, AuditRow, BUS, DeliveryState, Fence, Instant, NewDelivery, Outbound, Parked, Settlement},
};

pub(super) async fn append(
    store: &Postgres,
    messages: &[Message],
    audit: Option<AuditRow>,
) -> Result<Appended, StoreError> {
    let inserted = match audit {
        None => {
            let ticket = store.handover.ticket();
            let mut connection = store.shelf.take().await.during("append")?;
            let (inserted, noted) = insert_and_note(&mut connection, messages, ticket.is_some()).await?;
            connection.put_back();
            store.handover.keep(ticket, noted, messages);
            inserted
        }
        Some(audit) => {
            let mut transaction = store.pool.begin().await.during("append")?;
            let inserted = insert_messages(&mut transaction, messages).await?;
            insert_audit(&mut transaction, &[audit]).await?;
            transaction.commit().await.during("append")?;
            inserted
        }
    };
    Ok(convert::appended(messages, inserted))
}

pub(super) async fn take_in(
    store: &Postgres,
    consumer: &str,
    messages: &[Message],
) -> Result<Vec<MessageId>, StoreError> {
    let mut transaction = store.pool.begin().await.during("take messages in")?;
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    let mut fresh = engine::insert_inbox(&mut transaction, consumer, &ids).await?;
    // Of one that is twice in the batch the first counts.
    let new: Vec<Message> = messages.iter().filter(|message| fresh.remove(&message.id)).cloned().collect();
    let inserted = insert_messages(&mut transaction, &new).await?;
    transaction.commit().await.during("take messages in")?;
    Ok(inserted)
}

/// Returns the ids that were not there yet.
pub(super) async fn insert_messages(
    connection: &mut PgConnection,
    messages: &[Message],
) -> Result<Vec<MessageId>, StoreError> {
    Ok(insert_and_note(connection, messages, false).await?.0)
}

/// The same; asked, it says what was there before.
async fn insert_and_note(
    connection: &mut PgConnection,
    messages: &[Message],
    is_asked: bool,
) -> Result<(Vec<MessageId>, Option<Noted>), StoreError> {
    if messages.is_empty() {
        return Ok(Default::default());
    }
    let column = |of: fn(&Message) -> &str| messages.iter().map(of).collect::<Vec<&str>>();
    let optional = |of: fn(&Message) -> Option<&str>| messages.iter().map(of).collect::<Vec<Option<&str>>>();
    let headers: Vec<String> =
        messages.iter().map(|m| serde_json::to_string(&m.headers).expect("a map of strings has a JSON form")).collect();
    type Inserted = (Uuid, i64, i16, Option<Vec<i64>>, Option<bool>);
    let inserted: Vec<Inserted> = sqlx::query_as(sql!("insert_messages"))
        .bind(messages.iter().map(|m| m.id.0).collect::<Vec<Uuid>>())
        .bind(column(|m| m.kind.as_str()))
        .bind(column(|m| &m.message_type))
        .bind(column(|m| &m.source))
        .bind(column(|m| &m.key.aggregate_type))
        .bind(column(|m| &m.key.aggregate_id))
        .bind(messages.iter().map(|m| m.aggregate_version).collect::<Vec<Option<i64>>>())
        .bind(messages.iter().map(|m| m.payload.to_string()).collect::<Vec<String>>())
        .bind(headers)
        .bind(optional(|m| m.correlation_id.as_deref()))
        .bind(optional(|m| m.causation_id.as_deref()))
        .bind(messages.iter().map(|m| m.deliver_after).collect::<Vec<Option<Instant>>>())
        .bind(optional(|m| m.destination.as_deref()))
        .bind(messages.iter().map(|m| m.created_at).collect::<Vec<Instant>>())
        .bind(is_asked)
        .fetch_all(connection)
        .await
        .during("append")?;
    let ids = inserted.iter().map(|(id, ..)| MessageId(*id)).collect();
    let rows = inserted.iter().map(|(id, seq, lane, ..)| (MessageId(*id), *seq, lane.unsigned_abs())).collect();
    // Every row says the same of what was before.
    let noted = match inserted.into_iter().next() {
        Some((.., Some(before), Some(is_held))) => Some(Noted { rows, before, is_held }),
        _ => None,
    };
    Ok((ids, noted))
}

pub(super) async fn insert_audit(connection: &mut PgConnection, rows: &[AuditRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("insert_audit"))
        .bind(rows.iter().map(|a| a.at).collect::<Vec<Instant>>())
        .bind(rows.iter().map(|a| a.actor.as_str()).collect::<Vec<&str>>())
        .bind(rows.iter().map(|a| a.action.as_str()).collect::<Vec<&str>>())
        .bind(rows.iter().map(|a| a.subject.as_str()).collect::<Vec<&str>>())
        .bind(rows.iter().map(|a| a.reason.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(rows.iter().map(|a| a.detail.to_string()).collect::<Vec<String>>())
        .execute(connection)
        .await
        .during("write the audit")?;
    Ok(())
}

/// The fence's lanes as a filter of reads; all of them need none.
pub(super) fn lane_filter(fence: &Fence) -> Option<Vec<i16>> {
    (!fence.is_whole()).then(|| lanes(fence))
}

fn lanes(fence: &Fence) -> Vec<i16> {
    fence.lanes.iter().map(|lane| *lane as i16).collect()
}

pub(super) async fn read_unpublished(
    store: &Postgres,
    fence: &Fence,
    now: Instant,
    limit: u32,
    except: &[i64],
) -> Result<Vec<Outbound>, StoreError> {
    if let Some(rows) = store.handover.take(fence, limit, except) {
        return Ok(rows);
    }
    loop {
        let begun = std::time::Instant::now();
        let mut connection = store.shelf.take().await.during("read unpublished messages")?;
        let rows = sqlx::query(sql!("read_unpublished"))
            .bind(now)
            .bind(lane_filter(fence))
            .bind(i64::from(limit))
            .bind(except)
            .fetch_all(&mut *connection)
            .await
            .during("read unpublished messages")?;
        connection.put_back();
        let mut readable = Vec::with_capacity(rows.len());
        let mut unreadable: (Vec<i64>, Vec<String>) = Default::default();
        for row in &rows {
            match outbound(row) {
                Ok(message) => readable.push(message),
                Err(reason) => {
                    unreadable.0.push(row.try_get(0).during("read unpublished messages")?);
                    unreadable.1.push(reason);
                }
            }
        }
        if !unreadable.0.is_empty() && bury(store, fence, unreadable).await? {
            if readable.is_empty() {
                // Others may stand behind those that were put away.
                continue;
            }
            readable.iter_mut().for_each(|outbound| outbound.bus_waits = true);
        }
        store.handover.read(&readable, begun.elapsed());
        return Ok(readable);
    }
}

fn outbound(row: &PgRow) -> Result<Outbound, String> {
    let message = decode::message(row)?;
    let seq = row.try_get(0).map_err(|error| error.to_string())?;
    let lane = decode::lane(row).map_err(|error| error.to_string())?;
    let bus_waits = row.try_get(16).map_err(|error| error.to_string())?;
    Ok(Outbound { seq, lane, message, bus_waits })
}

/// Puts messages away that cannot be read; `false` when that was not ours to do.
async fn bury(store: &Postgres, fence: &Fence, (rows, reasons): (Vec<i64>, Vec<String>)) -> Result<bool, StoreError> {
    let buried = sqlx::query(sql!("bury_unreadable"))
        .bind(rows)
        .bind(reasons)
        .bind(fence.node)
        .bind(fence.token)
        .bind(lanes(fence))
        .execute(&store.pool)
        .await
        .during("put unreadable messages away")?;
    Ok(buried.rows_affected() > 0)
}

pub(super) async fn has_unpublished(store: &Postgres, now: Instant) -> Result<bool, StoreError> {
    let mut connection = store.shelf.take().await.during("look for unpublished messages")?;
    let found = sqlx::query_scalar(sql!("find_any_unpublished"))
        .bind(now)
        .fetch_one(&mut *connection)
        .await
        .during("look for unpublished messages")?;
    connection.put_back();
    Ok(found)
}

pub(super) async fn next_deliver_after(store: &Postgres, now: Instant) -> Result<Option<Instant>, StoreError> {
    sqlx::query_scalar(sql!("find_next_deliver_after"))
        .bind(now)
        .fetch_one(&store.pool)
        .await
        .during("find the next delayed message")
}

/// Only reading tells what others wrote.
pub(super) async fn foreign_writes(_: &Postgres) -> Result<Option<i64>, StoreError> {
    Ok(None)
}

pub(super) async fn settle(store: &Postgres, fence: &Fence, settlement: Settlement) -> Result<Vec<Parked>, StoreError> {
    let Settlement { published, deliveries, delete, now } = settlement;
    let now = now.unwrap_or_else(Utc::now);
    if published.is_empty() {
        return Ok(Vec::new());
    }
    let settled = published.clone();
    let is_at_bus = |delivery: &NewDelivery| delivery.destination == BUS || delivery.state != DeliveryState::Queued;
    let is_all = !deliveries.iter().any(is_at_bus);
    let (held, parked) = if deliveries.is_empty() {
        let mut connection = store.shelf.take().await.during("settle")?;
        let (held, _) = mark(&mut connection, fence, &published, delete, now, false).await?;
        connection.put_back();
        (held, Vec::new())
    } else {
        settle_with_deliveries(store, fence, published, deliveries, delete, now).await?
    };
    if held == 0 || held < fence.lanes.len() {
        return Err(StoreError::Fenced);
    }
    store.handover.settled(&settled, is_all);
    Ok(parked)
}

async fn settle_with_deliveries(
    store: &Postgres,
    fence: &Fence,
    published: Vec<i64>,
    deliveries: Vec<NewDelivery>,
    delete: bool,
    now: Instant,
) -> Result<(usize, Vec<Parked>), StoreError> {
    let waiting: std::collections::HashSet<i64> = deliveries.iter().map(|delivery| delivery.seq).collect();
    let (keep, gone): (Vec<i64>, Vec<i64>) = published.into_iter().partition(|seq| !delete || waiting.contains(seq));
    let mut transaction = store.pool.begin().await.during("settle")?;
    if !gone.is_empty() {
        mark(&mut transaction, fence, &gone, true, now, false).await?;
    }
    let (held, marked) = mark(&mut transaction, fence, &keep, false, now, true).await?;
    let written = insert_deliveries(&mut transaction, &deliveries, &marked, now).await?;
    let ids: Vec<i64> = written.iter().map(|(id, ..)| *id).collect();
    let mut parked: Vec<Parked> =
        written.into_iter().filter_map(|(_, message, to)| Some(repair::parked(message?, to?))).collect();
    if deliveries.iter().any(|delivery| delivery.state != DeliveryState::Queued) {
        parked.extend(repair::label_followers(&mut transaction, &ids).await?);
    }
    transaction.commit().await.during("settle")?;
    Ok((held, parked))
}

/// Marks or deletes rows; returns how many lanes of the fence are still held, and, when asked for, the rows.
async fn mark(
    connection: &mut PgConnection,
    fence: &Fence,
    rows: &[i64],
    delete: bool,
    now: Instant,
    with_rows: bool,
) -> Result<(usize, Vec<i64>), StoreError> {
    let statement = if delete { sql!("delete_published") } else { sql!("mark_published") };
    let (held, marked): (i64, Option<Vec<i64>>) = sqlx::query_as(statement)
        .bind(rows)
        .bind(now)
        .bind(fence.node)
        .bind(fence.token)
        .bind(lanes(fence))
        .bind(with_rows)
        .fetch_one(connection)
        .await
        .during("settle")?;
    Ok((held as usize, marked.unwrap_or_default()))
}

async fn insert_deliveries(
    connection: &mut PgConnection,
    deliveries: &[NewDelivery],
    marked: &[i64],
    now: Instant,
) -> Result<Vec<(i64, Option<Uuid>, Option<String>)>, StoreError> {
    let parts: Vec<_> = deliveries.iter().map(|delivery| convert::new_delivery_parts(delivery, now)).collect();
    sqlx::query_as(sql!("insert_deliveries"))
        .bind(deliveries.iter().map(|d| d.seq).collect::<Vec<i64>>())
        .bind(deliveries.iter().map(|d| d.destination.as_str()).collect::<Vec<&str>>())
        .bind(deliveries.iter().map(|d| d.state.as_str()).collect::<Vec<&str>>())
        .bind(deliveries.iter().map(|d| d.attempts as i32).collect::<Vec<i32>>())
        .bind(parts.iter().map(|(next, _, _)| *next).collect::<Vec<Option<Instant>>>())
        .bind(parts.iter().map(|(_, class, _)| *class).collect::<Vec<Option<&str>>>())
        .bind(parts.iter().map(|(_, _, error)| error.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(now)
        .bind(marked)
        .fetch_all(connection)
        .await
        .during("write deliveries")
}
