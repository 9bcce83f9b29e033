//! Events that came before any instance waited for them by value.

use baton_domain::ids::MessageId;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::{
    Sqlite, outbox, sql,
    types::{At, Id, at_text},
};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{Changes, Decided, EARLY_PER_VALUE_MAX, EarlyEvent, Expired, Instant, Look, Looked, UNCLAIMED, Unclaimed},
};

/// Completes a decision. The transaction is the lock: nobody begins to wait and no event comes meanwhile.
pub(super) async fn complete(
    connection: &mut SqliteConnection,
    mut decided: Decided,
    now: Instant,
) -> Result<Changes, StoreError> {
    loop {
        match decided {
            Decided::Done(changes) => return Ok(changes),
            Decided::Look(look, then) => {
                let looked = look_up(connection, &look, now).await?;
                decided = convert::compute(move || then(looked)).await?;
            }
        }
    }
}

async fn look_up(connection: &mut SqliteConnection, look: &Look, now: Instant) -> Result<Looked, StoreError> {
    let mut looked = Looked::default();
    if !look.wanted.is_empty() {
        let found: Vec<(String, String, String)> = sqlx::query_as(sql!("find_early"))
            .bind(json!(look.wanted).to_string())
            .bind(json!(look.except).to_string())
            .bind(At(now))
            .fetch_all(&mut *connection)
            .await
            .during("look for early events")?;
        for (event_type, value, message) in found {
            looked.found.push(((event_type, value), convert::message(&message)?));
        }
    }
    if !look.kept.is_empty() {
        looked.full = sqlx::query_as(sql!("check_early"))
            .bind(json!(look.kept).to_string())
            .bind(EARLY_PER_VALUE_MAX as i64)
            .fetch_all(connection)
            .await
            .during("look for early events")?;
    }
    Ok(looked)
}

/// What a step does about early events.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    changes: &Changes,
    now: Instant,
) -> Result<(), StoreError> {
    take(connection, &changes.early_taken).await?;
    insert(connection, &changes.early_kept, now).await
}

async fn take(connection: &mut SqliteConnection, messages: &[MessageId]) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let taken: Vec<Id> = sqlx::query_scalar(sql!("delete_early"))
        .bind(json!(messages).to_string())
        .fetch_all(connection)
        .await
        .during("take early events")?;
    let mut taken: Vec<_> = taken.into_iter().map(|id| id.0).collect();
    taken.sort_unstable();
    taken.dedup();
    match taken.len() == messages.len() {
        true => Ok(()),
        // Its time was over a moment ago.
        false => Err(StoreError::Conflict { what: "an early event" }),
    }
}

async fn insert(connection: &mut SqliteConnection, events: &[EarlyEvent], now: Instant) -> Result<(), StoreError> {
    let rows: Vec<Value> = events
        .iter()
        .flat_map(|event| {
            let EarlyEvent { message, values, expires_at } = event;
            let text = convert::message_text(message);
            values.iter().map(move |value| json!([message.id, message.message_type, value, text, at_text(*expires_at)]))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("insert_early"))
        .bind(Value::from(rows).to_string())
        .bind(At(now))
        .execute(connection)
        .await
        .during("keep early events")?;
    Ok(())
}

async fn report(connection: &mut SqliteConnection, unclaimed: &[Unclaimed], now: Instant) -> Result<(), StoreError> {
    if unclaimed.is_empty() {
        return Ok(());
    }
    // Nearly always they are there still.
    let messages: Vec<_> = unclaimed.iter().map(|it| it.message.clone()).collect();
    let back = outbox::insert_messages(connection, &messages).await?;
    if !back.is_empty() {
        sqlx::query(sql!("mark_put_back"))
            .bind(json!(back).to_string())
            .bind(At(now))
            .execute(&mut *connection)
            .await
            .during("tell of early events")?;
    }
    let rows = unclaimed.iter().map(|it| json!([it.message.id, convert::error_text(&it.failure.error)]));
    sqlx::query(sql!("report_unclaimed"))
        .bind(Value::from(rows.collect::<Vec<_>>()).to_string())
        .bind(UNCLAIMED)
        .bind(At(now))
        .execute(connection)
        .await
        .during("tell of early events")?;
    Ok(())
}

pub(super) async fn expire(store: &Sqlite, now: Instant, kept_max: u64, limit: u32) -> Result<Expired, StoreError> {
    let kept: i64 =
        sqlx::query_scalar(sql!("count_early")).fetch_one(&store.readers).await.during("count early events")?;
    let kept = kept.unsigned_abs();
    if kept == 0 {
        return Ok(Expired::default());
    }
    let surplus = kept.saturating_sub(kept_max).min(u64::from(limit));
    let mut transaction = store.writer.begin("remove early events").await?;
    let gone: Vec<(String, String, String)> = sqlx::query_as(sql!("take_expired"))
        .bind(At(now))
        .bind(limit)
        .bind(surplus as i64)
        .fetch_all(&mut *transaction)
        .await
        .during("remove early events")?;
    let unclaimed = convert::unclaimed(gone)?;
    report(&mut transaction, &unclaimed, now).await?;
    transaction.commit().await?;
    Ok(Expired { unclaimed: unclaimed.iter().map(|it| it.message.id).collect(), kept })
}

pub(super) async fn keep_again(store: &Sqlite, events: &[(i64, EarlyEvent)], now: Instant) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("keep events again").await?;
    let deliveries: Vec<i64> = events.iter().map(|(delivery, _)| *delivery).collect();
    let ended: Vec<i64> = sqlx::query_scalar(sql!("end_retried"))
        .bind(json!(deliveries).to_string())
        .bind(At(now))
        .fetch_all(&mut *transaction)
        .await
        .during("keep events again")?;
    let kept = events.iter().filter(|(delivery, _)| ended.contains(delivery));
    let kept: Vec<EarlyEvent> = kept.map(|(_, event)| event.clone()).collect();
    insert(&mut transaction, &kept, now).await?;
    transaction.commit().await
}
