//! Deliveries: what is open for a destination, whose turn it is, and what became of an attempt.

use std::collections::{BTreeMap, HashMap, HashSet};

use baton_domain::message::{Key, Message};
use serde_json::{Value, json};
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Sqlite, decode, destination, outbox, repair, sql,
    types::{At, at_json, at_text},
};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AttemptOutcome, AttemptResult, DueDelivery, Failure, Fence, Instant, Recorded},
};

pub(super) async fn open_deliveries(
    store: &Sqlite,
    pairs: &[(Key, String)],
) -> Result<HashSet<(Key, String)>, StoreError> {
    if pairs.is_empty() {
        return Ok(HashSet::new());
    }
    let asked: Vec<[&str; 3]> = pairs
        .iter()
        .map(|(key, destination)| [destination.as_str(), key.aggregate_type.as_str(), key.aggregate_id.as_str()])
        .collect();
    let open: Vec<(String, String, String)> = sqlx::query_as(sql!("find_open_deliveries"))
        .bind(json!(asked).to_string())
        .fetch_all(&store.readers)
        .await
        .during("find open deliveries")?;
    Ok(open
        .into_iter()
        .map(|(destination, aggregate_type, aggregate_id)| (Key { aggregate_type, aggregate_id }, destination))
        .collect())
}

pub(super) async fn has_open_deliveries(store: &Sqlite, destination: &str) -> Result<bool, StoreError> {
    sqlx::query_scalar(sql!("find_any_open_delivery"))
        .bind(destination)
        .fetch_one(&store.readers)
        .await
        .during("find open deliveries")
}

/// One node has every lane, so the fence does not narrow the deliveries down; without any lane there are none.
pub(super) async fn read_due(
    store: &Sqlite,
    fence: &Fence,
    destination: &str,
    now: Instant,
    limit: u32,
    busy: &[i64],
) -> Result<Vec<DueDelivery>, StoreError> {
    if fence.lanes.is_empty() {
        return Ok(Vec::new());
    }
    loop {
        let rows = sqlx::query(sql!("read_due_deliveries"))
            .bind(destination)
            .bind(At(now))
            .bind(limit)
            .bind(json!(busy).to_string())
            .fetch_all(&store.readers)
            .await
            .during("read due deliveries")?;
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
fn due_delivery(row: &SqliteRow) -> Result<Result<DueDelivery, AttemptOutcome>, sqlx::Error> {
    let id: i64 = row.try_get(15)?;
    let attempts: u32 = row.try_get(17)?;
    let edited_payload: Option<Value> =
        row.try_get::<Option<&str>, _>(18)?.map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
    let message: Message = match decode::message(row) {
        Ok(message) => message,
        Err(_) if edited_payload.is_some() => decode::message_leniently(row)?,
        Err(error) => {
            let failure = Failure { class: convert::UNREADABLE.to_owned(), error };
            let result = AttemptResult::Dead { failure };
            return Ok(Err(AttemptOutcome { id, attempts, at: Instant::UNIX_EPOCH, duration_ms: 0, result }));
        }
    };
    Ok(Ok(DueDelivery { id, seq: row.try_get(0)?, destination: row.try_get(16)?, attempts, edited_payload, message }))
}

pub(super) async fn next_attempt_at(store: &Sqlite, destination: &str) -> Result<Option<Instant>, StoreError> {
    let next: Option<At> = sqlx::query_scalar(sql!("find_next_attempt"))
        .bind(destination)
        .fetch_one(&store.readers)
        .await
        .during("find the next attempt")?;
    Ok(next.map(|at| at.0))
}

pub(super) async fn record_attempts(store: &Sqlite, mut outcomes: Vec<AttemptOutcome>) -> Result<Recorded, StoreError> {
    let Some(last) = outcomes.iter().map(|outcome| outcome.at).max() else { return Ok(Recorded::default()) };
    // Answers are appended in the order of the deliveries that brought them.
    outcomes.sort_by_key(|outcome| outcome.id);
    let reports: Vec<Value> = outcomes.iter().map(report).collect();
    let mut transaction = store.writer.begin("record attempts").await?;
    let written: Vec<(i64, String)> = sqlx::query_as(sql!("record_attempts"))
        .bind(Value::from(reports.as_slice()).to_string())
        .fetch_all(&mut *transaction)
        .await
        .during("record attempts")?;
    let written: HashMap<i64, String> = written.into_iter().collect();
    let logged: Vec<Value> = outcomes
        .iter()
        .zip(reports)
        .filter(|(outcome, _)| written.contains_key(&outcome.id))
        .map(|(_, row)| row)
        .collect();
    sqlx::query(sql!("insert_attempts"))
        .bind(Value::from(logged).to_string())
        .execute(&mut *transaction)
        .await
        .during("record attempts")?;
    // Followers change only behind one that failed now or had failed before.
    let is_failure = |outcome: &AttemptOutcome| !matches!(outcome.result, AttemptResult::Delivered { .. });
    let recorded = || outcomes.iter().filter(|outcome| written.contains_key(&outcome.id));
    let moving: Vec<i64> = recorded().filter(|o| is_failure(o) || o.attempts > 0).map(|o| o.id).collect();
    let parked = repair::label_followers(&mut transaction, &moving).await?;
    let failed = recorded().filter(|outcome| is_failure(outcome)).count();
    outbox::count_minute(&mut transaction, last, 0, failed).await?;
    let mut there: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for outcome in recorded() {
        let counts = there.entry(written[&outcome.id].as_str()).or_default();
        if is_failure(outcome) { counts.1 += 1 } else { counts.0 += 1 }
    }
    let there = there.into_iter().map(|(name, (delivered, failed))| (name, delivered, failed));
    destination::count_minute(&mut transaction, last, there).await?;
    let answers = convert::answers(outcomes, |id| written.contains_key(&id));
    let inserted = outbox::insert_messages(&mut transaction, &answers).await?;
    transaction.commit().await?;
    Ok(Recorded { answers: convert::appended(&answers, inserted), parked })
}

fn report(outcome: &AttemptOutcome) -> Value {
    let parts = convert::attempt_parts(outcome);
    json!({
        "id": outcome.id,
        "attempts": outcome.attempts,
        "at": at_text(outcome.at),
        "duration_ms": outcome.duration_ms,
        "state": parts.state.as_str(),
        "next_attempt_at": at_json(parts.next_attempt_at),
        "failure_class": parts.class,
        "error": parts.error,
    })
}

pub(super) async fn reroute(store: &Sqlite, moves: &[(i64, String)], now: Instant) -> Result<(), StoreError> {
    let rows = json!(moves).to_string();
    let mut transaction = store.writer.begin("reroute deliveries").await?;
    let inserted: Vec<i64> = sqlx::query_scalar(sql!("insert_rerouted"))
        .bind(&rows)
        .bind(At(now))
        .fetch_all(&mut *transaction)
        .await
        .during("reroute deliveries")?;
    let gone: Vec<i64> = sqlx::query_scalar(sql!("discard_rerouted"))
        .bind(&rows)
        .bind(At(now))
        .fetch_all(&mut *transaction)
        .await
        .during("reroute deliveries")?;
    repair::label_followers(&mut transaction, &[inserted, gone].concat()).await?;
    transaction.commit().await
}
