//! Deliveries: what is open for a destination, whose turn it is, and what became of an attempt.

use std::collections::HashSet;

use baton_domain::message::{Key, Message};
use serde_json::Value;
use sqlx::{Row, postgres::PgRow};

use super::{Postgres, decode, outbox, repair, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AttemptOutcome, AttemptResult, DueDelivery, Failure, Fence, Instant, Recorded},
};

pub(super) async fn open_deliveries(
    store: &Postgres,
    pairs: &[(Key, String)],
) -> Result<HashSet<(Key, String)>, StoreError> {
    if pairs.is_empty() {
        return Ok(HashSet::new());
    }
    let open: Vec<(String, String, String)> = sqlx::query_as(sql!("find_open_deliveries"))
        .bind(pairs.iter().map(|(_, destination)| destination.as_str()).collect::<Vec<&str>>())
        .bind(pairs.iter().map(|(key, _)| key.aggregate_type.as_str()).collect::<Vec<&str>>())
        .bind(pairs.iter().map(|(key, _)| key.aggregate_id.as_str()).collect::<Vec<&str>>())
        .fetch_all(&store.pool)
        .await
        .during("find open deliveries")?;
    Ok(open
        .into_iter()
        .map(|(destination, aggregate_type, aggregate_id)| (Key { aggregate_type, aggregate_id }, destination))
        .collect())
}

pub(super) async fn has_open_deliveries(store: &Postgres, destination: &str) -> Result<bool, StoreError> {
    let mut connection = store.shelf.take().await.during("find open deliveries")?;
    let any = sqlx::query_scalar(sql!("find_any_open_delivery"))
        .bind(destination)
        .fetch_one(&mut *connection)
        .await
        .during("find open deliveries")?;
    connection.put_back();
    Ok(any)
}

pub(super) async fn read_due(
    store: &Postgres,
    fence: &Fence,
    destination: &str,
    now: Instant,
    limit: u32,
    busy: &[i64],
) -> Result<Vec<DueDelivery>, StoreError> {
    loop {
        let mut connection = store.shelf.take().await.during("read due deliveries")?;
        let rows = sqlx::query(sql!("read_due_deliveries"))
            .bind(destination)
            .bind(now)
            .bind(outbox::lane_filter(fence))
            .bind(i64::from(limit))
            .bind(busy)
            .fetch_all(&mut *connection)
            .await
            .during("read due deliveries")?;
        connection.put_back();
        let mut due = Vec::with_capacity(rows.len());
        let mut unreadable = Vec::new();
        for row in &rows {
            match due_delivery(row).during("read due deliveries")? {
                Ok(delivery) => due.push(delivery),
                Err(outcome) => unreadable.push(AttemptOutcome { at: now, ..outcome }),
            }
        }
        if !unreadable.is_empty() {
            record_attempts(store, unreadable).await?;
            if due.is_empty() {
                continue;
            }
        }
        return Ok(due);
    }
}

/// A delivery, or, where its message cannot be read and nobody gave it another payload, that it is dead.
fn due_delivery(row: &PgRow) -> Result<Result<DueDelivery, AttemptOutcome>, sqlx::Error> {
    let id: i64 = row.try_get(16)?;
    let attempts = row.try_get::<i32, _>(18)?.unsigned_abs();
    let edited_payload: Option<Value> =
        row.try_get::<Option<&str>, _>(19)?.map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
    let message: Message = match decode::message(row) {
        Ok(message) => message,
        Err(_) if edited_payload.is_some() => decode::message_leniently(row)?,
        Err(error) => {
            let failure = Failure { class: convert::UNREADABLE.to_owned(), error };
            let result = AttemptResult::Dead { failure };
            return Ok(Err(AttemptOutcome { id, attempts, at: Instant::UNIX_EPOCH, duration_ms: 0, result }));
        }
    };
    Ok(Ok(DueDelivery { id, seq: row.try_get(0)?, destination: row.try_get(17)?, attempts, edited_payload, message }))
}

pub(super) async fn next_attempt_at(store: &Postgres, destination: &str) -> Result<Option<Instant>, StoreError> {
    let mut connection = store.shelf.take().await.during("find the next attempt")?;
    let next = sqlx::query_scalar(sql!("find_next_attempt"))
        .bind(destination)
        .fetch_one(&mut *connection)
        .await
        .during("find the next attempt")?;
    connection.put_back();
    Ok(next)
}

pub(super) async fn record_attempts(
    store: &Postgres,
    mut outcomes: Vec<AttemptOutcome>,
) -> Result<Recorded, StoreError> {
    if outcomes.is_empty() {
        return Ok(Recorded::default());
    }
    // In the order of ids, so that two reports at the same time lock rows in the same order.
    outcomes.sort_by_key(|outcome| outcome.id);
    let parts: Vec<_> = outcomes.iter().map(convert::attempt_parts).collect();
    let mut transaction = store.pool.begin().await.during("record attempts")?;
    let written: Vec<(i64, bool)> = sqlx::query_as(sql!("record_attempts"))
        .bind(outcomes.iter().map(|o| o.id).collect::<Vec<i64>>())
        .bind(outcomes.iter().map(|o| o.attempts as i32).collect::<Vec<i32>>())
        .bind(outcomes.iter().map(|o| o.at).collect::<Vec<Instant>>())
        .bind(outcomes.iter().map(|o| o.duration_ms).collect::<Vec<i64>>())
        .bind(parts.iter().map(|part| part.state.as_str()).collect::<Vec<&str>>())
        .bind(parts.iter().map(|part| part.next_attempt_at).collect::<Vec<Option<Instant>>>())
        .bind(parts.iter().map(|part| part.class).collect::<Vec<Option<&str>>>())
        .bind(parts.iter().map(|part| part.error.as_deref()).collect::<Vec<Option<&str>>>())
        .fetch_all(&mut *transaction)
        .await
        .during("record attempts")?;
    let moving: Vec<i64> = written.iter().filter(|(_, moves)| *moves).map(|(id, _)| *id).collect();
    let parked = repair::label_followers(&mut transaction, &moving).await?;
    let answers = convert::answers(outcomes, |id| written.iter().any(|(written, _)| *written == id));
    let inserted = outbox::insert_messages(&mut transaction, &answers).await?;
    transaction.commit().await.during("record attempts")?;
    Ok(Recorded { answers: convert::appended(&answers, inserted), parked })
}

pub(super) async fn reroute(store: &Postgres, moves: &[(i64, String)], now: Instant) -> Result<(), StoreError> {
    let from: Vec<i64> = moves.iter().map(|(id, _)| *id).collect();
    let mut transaction = store.pool.begin().await.during("reroute deliveries")?;
    let mut moved: Vec<i64> = sqlx::query_scalar(sql!("reroute_deliveries"))
        .bind(&from)
        .bind(moves.iter().map(|(_, destination)| destination.as_str()).collect::<Vec<&str>>())
        .bind(now)
        .fetch_all(&mut *transaction)
        .await
        .during("reroute deliveries")?;
    moved.extend(from);
    repair::label_followers(&mut transaction, &moved).await?;
    transaction.commit().await.during("reroute deliveries")
}
