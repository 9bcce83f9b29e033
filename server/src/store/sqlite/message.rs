//! Messages as people look at them: lists, one with its deliveries, and what failed.

use std::collections::HashMap;

use baton_domain::ids::MessageId;
use serde_json::json;
use sqlx::{QueryBuilder, Row, Sqlite as Db, sqlite::SqliteRow};

use super::{
    Sqlite, decode, sql,
    types::{At, Id},
};
use crate::store::{
    convert::{self, DeliverySummary},
    cursor,
    error::During,
    port::StoreError,
    rows::{AttemptRow, DeliveryRow, FailureGroupRow, MessageFilter, MessageRow, MessageState, Page},
    search,
};

pub(super) async fn list(store: &Sqlite, filter: &MessageFilter) -> Result<Page<MessageRow>, StoreError> {
    let below = cursor::to_number(filter.cursor.as_deref())?;
    let window = if search::is_windowed(filter) {
        let bounds: (Option<i64>, Option<i64>) =
            sqlx::query_as(sql!("find_seq_bounds")).fetch_one(&store.readers).await.during("list messages")?;
        search::window(below, bounds)
    } else {
        None
    };
    let mut query = QueryBuilder::<Db>::new(sql!("list_messages"));
    push_state(&mut query, filter.state, filter.destination.as_deref());
    push_fields(&mut query, filter);
    if let Some(below) = below {
        query.push(" AND o.seq < ").push_bind(below);
    }
    if let Some(window) = &window {
        query.push(" AND o.seq >= ").push_bind(window.from);
    }
    query.push(" ORDER BY o.seq DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
    let rows = query.build().fetch_all(&store.readers).await.during("list messages")?;
    let items = with_deliveries(store, &rows).await?;
    let page = cursor::page(items, filter.limit, |message| cursor::from_number(message.seq));
    Ok(search::continued(page, window))
}

/// Open states lead from the few open deliveries to their messages; the others walk along `seq`.
fn push_state(query: &mut QueryBuilder<Db>, state: Option<MessageState>, destination: Option<&str>) {
    let Some(state) = state else {
        if let Some(destination) = destination {
            query.push(" AND (o.destination = ").push_bind(destination);
            query.push(" OR EXISTS (SELECT 1 FROM delivery d WHERE d.seq = o.seq AND d.destination = ");
            query.push_bind(destination).push("))");
        }
        return;
    };
    match search::delivery_states(state) {
        Some((wanted, worse)) => {
            query
                .push(" AND o.seq IN (SELECT d.seq FROM delivery d WHERE d.ended_at IS NULL AND d.state = '")
                .push(wanted)
                .push("'");
            if let Some(destination) = destination {
                query.push(" AND d.destination = ").push_bind(destination);
            }
            query.push(")");
            if !worse.is_empty() {
                query.push(" AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.seq = o.seq AND d.state IN (");
                query.push(worse).push("))");
            }
        }
        None => {
            query.push(match state {
                // Spelt out, so that both partial indexes serve it.
                MessageState::Pending => {
                    " AND ((o.published_at IS NULL AND o.deliver_after IS NULL)
                    OR (o.published_at IS NULL AND o.deliver_after IS NOT NULL))"
                }
                _ => {
                    " AND o.published_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM delivery d
                    WHERE d.seq = o.seq AND d.ended_at IS NULL)"
                }
            });
            push_state(query, None, destination);
        }
    }
}

fn push_fields(query: &mut QueryBuilder<Db>, filter: &MessageFilter) {
    if let Some(kind) = filter.kind {
        query.push(" AND o.kind = ").push_bind(kind.as_str());
    }
    let texts = [
        (" AND o.type = ", &filter.message_type),
        (" AND o.aggregate_type = ", &filter.aggregate_type),
        (" AND o.aggregate_id = ", &filter.aggregate_id),
        (" AND o.correlation_id = ", &filter.correlation_id),
    ];
    for (condition, value) in texts {
        if let Some(value) = value {
            query.push(condition).push_bind(value.as_str());
        }
    }
    if let Some(from) = filter.from {
        query.push(" AND o.created_at >= ").push_bind(At(from));
    }
    if let Some(to) = filter.to {
        query.push(" AND o.created_at < ").push_bind(At(to));
    }
    if let Some(q) = search::text(filter) {
        query.push(" AND (o.id = lower(").push_bind(q).push(")");
        for field in ["o.type", "o.aggregate_id", "o.payload"] {
            query.push(" OR instr(lower(").push(field).push("), lower(").push_bind(q).push(")) > 0");
        }
        query.push(" OR EXISTS (SELECT 1 FROM delivery d WHERE d.seq = o.seq AND instr(lower(d.last_error), lower(");
        query.push_bind(q).push(")) > 0))");
    }
}

async fn with_deliveries(store: &Sqlite, rows: &[SqliteRow]) -> Result<Vec<MessageRow>, StoreError> {
    let mut messages = rows.iter().map(message).collect::<Result<Vec<_>, _>>().during("read messages")?;
    let published: Vec<i64> =
        messages.iter().filter(|message| message.published_at.is_some()).map(|message| message.seq).collect();
    if !published.is_empty() {
        let summaries: Vec<Summary> = sqlx::query_as(sql!("summarise_deliveries"))
            .bind(json!(published).to_string())
            .fetch_all(&store.readers)
            .await
            .during("read deliveries")?;
        let summaries: Vec<DeliverySummary> = summaries.into_iter().map(summary).collect();
        convert::summarise(&mut messages, &summaries)?;
    }
    Ok(messages)
}

type Summary = (i64, String, i32, Option<String>, Option<At>);

fn summary((seq, state, attempts_total, last_error, next_attempt_at): Summary) -> DeliverySummary {
    DeliverySummary { seq, state, attempts_total, last_error, next_attempt_at: next_attempt_at.map(|at| at.0) }
}

fn message(row: &SqliteRow) -> Result<MessageRow, sqlx::Error> {
    let published_at = row.try_get::<Option<At>, _>(15)?.map(|at| at.0);
    Ok(MessageRow {
        seq: row.try_get(0)?,
        message: decode::message_leniently(row)?,
        published_at,
        state: convert::message_state(published_at.is_some(), |_| false),
        attempts: 0,
        last_error: None,
        next_attempt_at: None,
    })
}

pub(super) async fn read(store: &Sqlite, id: MessageId) -> Result<Option<(MessageRow, Vec<DeliveryRow>)>, StoreError> {
    let row = sqlx::query(sql!("read_message"))
        .bind(Id(id.0))
        .fetch_optional(&store.readers)
        .await
        .during("read a message")?;
    let Some(row) = row else { return Ok(None) };
    let mut messages = with_deliveries(store, std::slice::from_ref(&row)).await?;
    let Some(message) = messages.pop() else { return Ok(None) };
    let deliveries = read_deliveries(store, message.seq).await?;
    Ok(Some((message, deliveries)))
}

async fn read_deliveries(store: &Sqlite, seq: i64) -> Result<Vec<DeliveryRow>, StoreError> {
    let rows =
        sqlx::query(sql!("read_deliveries")).bind(seq).fetch_all(&store.readers).await.during("read deliveries")?;
    let mut deliveries = rows.iter().map(delivery).collect::<Result<Vec<_>, _>>()?;
    type Attempt = (i64, u32, At, i64, Option<String>, Option<String>);
    let attempts: Vec<Attempt> = sqlx::query_as(sql!("read_attempts"))
        .bind(json!(deliveries.iter().map(|delivery| delivery.id).collect::<Vec<i64>>()).to_string())
        .fetch_all(&store.readers)
        .await
        .during("read attempts")?;
    let mut of: HashMap<i64, Vec<AttemptRow>> = HashMap::new();
    for (delivery, number, at, duration_ms, class, error) in attempts {
        let failure = convert::failure(class, error);
        of.entry(delivery).or_default().push(AttemptRow { number, at: at.0, duration_ms, failure });
    }
    for delivery in &mut deliveries {
        delivery.history = of.remove(&delivery.id).unwrap_or_default();
    }
    Ok(deliveries)
}

fn delivery(row: &SqliteRow) -> Result<DeliveryRow, StoreError> {
    let state = convert::delivery_state(row.try_get(4).during("read deliveries")?)?;
    let edited_payload = convert::json_opt("an edited payload", row.try_get(9).during("read deliveries")?)?;
    let get = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(DeliveryRow {
            id: row.try_get(0)?,
            seq: row.try_get(1)?,
            message_id: MessageId(row.try_get::<Id, _>(2)?.0),
            destination: row.try_get(3)?,
            state,
            attempts: row.try_get(5)?,
            next_attempt_at: row.try_get::<Option<At>, _>(6)?.map(|at| at.0),
            failure: convert::failure(row.try_get(7)?, row.try_get(8)?),
            edited_payload,
            created_at: row.try_get::<At, _>(10)?.0,
            ended_at: row.try_get::<Option<At>, _>(11)?.map(|at| at.0),
            followers: row.try_get::<i64, _>(12)?.unsigned_abs(),
            history: Vec::new(),
        })
    };
    get(row).during("read deliveries")
}

pub(super) async fn list_failures(store: &Sqlite) -> Result<Vec<FailureGroupRow>, StoreError> {
    let rows = sqlx::query(sql!("list_failures")).fetch_all(&store.readers).await.during("list failures")?;
    rows.iter().map(failure_group).collect()
}

fn failure_group(row: &SqliteRow) -> Result<FailureGroupRow, StoreError> {
    let state = convert::delivery_state(row.try_get(3).during("list failures")?)?;
    let get = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(FailureGroupRow {
            destination: row.try_get(0)?,
            failure_class: row.try_get(1)?,
            message_type: row.try_get(2)?,
            state,
            count: row.try_get::<i64, _>(4)?.unsigned_abs(),
            first_at: row.try_get::<At, _>(5)?.0,
            last_at: row.try_get::<At, _>(6)?.0,
            sample_error: row.try_get(7)?,
            sample_message: MessageId(row.try_get::<Id, _>(8)?.0),
            parked_behind: row.try_get::<i64, _>(9)?.unsigned_abs(),
        })
    };
    get(row).during("list failures")
}
