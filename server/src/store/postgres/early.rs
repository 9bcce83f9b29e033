//! Events that came before any instance waited for them by value.

use std::collections::HashMap;

use baton_domain::ids::{InstanceId, MessageId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Postgres, outbox, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{
        Changes, Decided, EARLY_PER_VALUE_MAX, EarlyEvent, Expired, InstanceRow, Instant, Look, Looked, UNCLAIMED,
        Unclaimed,
    },
};

/// Completes a decision. The instances that were loaded are locked already: values come after them, so that nobody who holds
/// a value waits for an instance.
pub(super) async fn complete(
    connection: &mut PgConnection,
    mut decided: Decided,
    loaded: &[InstanceId],
    now: Instant,
) -> Result<Changes, StoreError> {
    loop {
        match decided {
            Decided::Done(changes) => return Ok(changes),
            Decided::Look(look, then) => {
                let looked = look_up(connection, &look, loaded, now).await?;
                decided = convert::compute(move || then(looked)).await?;
            }
        }
    }
}

async fn look_up(
    connection: &mut PgConnection,
    look: &Look,
    loaded: &[InstanceId],
    now: Instant,
) -> Result<Looked, StoreError> {
    let all = Values::of(look.wanted.iter().chain(&look.kept));
    sqlx::query(sql!("lock_values"))
        .bind(all.types)
        .bind(all.values)
        .execute(&mut *connection)
        .await
        .during("look for early events")?;
    let mut looked = Looked::default();
    if !look.wanted.is_empty() {
        let wanted = Values::of(&look.wanted);
        let found: Vec<(String, String, String)> = sqlx::query_as(sql!("find_early"))
            .bind(wanted.types)
            .bind(wanted.values)
            .bind(look.except.iter().map(|id| id.0).collect::<Vec<Uuid>>())
            .bind(now)
            .fetch_all(&mut *connection)
            .await
            .during("look for early events")?;
        for (event_type, value, message) in found {
            looked.found.push(((event_type, value), convert::message(&message)?));
        }
    }
    if !look.kept.is_empty() {
        let kept = Values::of(&look.kept);
        let standing: Vec<(String, String, bool, bool)> = sqlx::query_as(sql!("check_early"))
            .bind(kept.types)
            .bind(kept.values)
            .bind(loaded.iter().map(|id| id.0).collect::<Vec<Uuid>>())
            .bind(EARLY_PER_VALUE_MAX as i64)
            .fetch_all(&mut *connection)
            .await
            .during("look for waits")?;
        for (event_type, value, awaited, full) in standing {
            if awaited {
                return Err(StoreError::Conflict { what: "a wait" });
            }
            if full {
                looked.full.push((event_type, value));
            }
        }
    }
    Ok(looked)
}

/// A column each.
struct Values<'a> {
    types: Vec<&'a str>,
    values: Vec<&'a str>,
}

impl<'a> Values<'a> {
    fn of(pairs: impl IntoIterator<Item = &'a (String, String)>) -> Self {
        let (types, values) =
            pairs.into_iter().map(|(event_type, value)| (event_type.as_str(), value.as_str())).unzip();
        Self { types, values }
    }
}

/// Whether the instances are where they were known to be.
pub(super) fn are_as_known(known: &HashMap<InstanceId, i64>, locked: &HashMap<InstanceId, InstanceRow>) -> bool {
    known.iter().all(|(id, sequence)| locked.get(id).is_some_and(|row| row.sequence == *sequence))
}

/// What a step does about early events.
pub(super) async fn write(connection: &mut PgConnection, changes: &Changes, now: Instant) -> Result<(), StoreError> {
    take(connection, &changes.early_taken).await?;
    insert(connection, &changes.early_kept, now).await
}

async fn take(connection: &mut PgConnection, messages: &[MessageId]) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let mut taken: Vec<Uuid> = sqlx::query_scalar(sql!("delete_early"))
        .bind(messages.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .fetch_all(connection)
        .await
        .during("take early events")?;
    taken.sort_unstable();
    taken.dedup();
    match taken.len() == messages.len() {
        true => Ok(()),
        // Its time was over a moment ago.
        false => Err(StoreError::Conflict { what: "an early event" }),
    }
}

async fn insert(connection: &mut PgConnection, events: &[EarlyEvent], now: Instant) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let rows: Vec<(&EarlyEvent, &str)> =
        events.iter().flat_map(|event| event.values.iter().map(move |value| (event, value.as_str()))).collect();
    sqlx::query(sql!("insert_early"))
        .bind(rows.iter().map(|(event, _)| event.message.id.0).collect::<Vec<Uuid>>())
        .bind(rows.iter().map(|(event, _)| event.message.message_type.as_str()).collect::<Vec<&str>>())
        .bind(rows.iter().map(|(_, value)| *value).collect::<Vec<&str>>())
        .bind(rows.iter().map(|(event, _)| convert::message_text(&event.message)).collect::<Vec<String>>())
        .bind(now)
        .bind(rows.iter().map(|(event, _)| event.expires_at).collect::<Vec<Instant>>())
        .execute(connection)
        .await
        .during("keep early events")?;
    Ok(())
}

async fn report(connection: &mut PgConnection, unclaimed: &[Unclaimed], now: Instant) -> Result<(), StoreError> {
    if unclaimed.is_empty() {
        return Ok(());
    }
    // Nearly always they are there still.
    let messages: Vec<_> = unclaimed.iter().map(|it| it.message.clone()).collect();
    let back = outbox::insert_messages(connection, &messages).await?;
    if !back.is_empty() {
        sqlx::query(sql!("mark_put_back"))
            .bind(back.iter().map(|id| id.0).collect::<Vec<Uuid>>())
            .bind(now)
            .execute(&mut *connection)
            .await
            .during("tell of early events")?;
    }
    sqlx::query(sql!("report_unclaimed"))
        .bind(unclaimed.iter().map(|it| it.message.id.0).collect::<Vec<Uuid>>())
        .bind(UNCLAIMED)
        .bind(unclaimed.iter().map(|it| convert::error_text(&it.failure.error)).collect::<Vec<String>>())
        .bind(now)
        .execute(connection)
        .await
        .during("tell of early events")?;
    Ok(())
}

pub(super) async fn expire(store: &Postgres, now: Instant, kept_max: u64, limit: u32) -> Result<Expired, StoreError> {
    let kept: i64 =
        sqlx::query_scalar(sql!("count_early")).fetch_one(&store.pool).await.during("count early events")?;
    let kept = kept.unsigned_abs();
    if kept == 0 {
        return Ok(Expired::default());
    }
    let surplus = kept.saturating_sub(kept_max).min(u64::from(limit));
    let mut transaction = store.pool.begin().await.during("remove early events")?;
    let gone: Vec<(String, String, String)> = sqlx::query_as(sql!("take_expired"))
        .bind(now)
        .bind(i64::from(limit))
        .bind(surplus as i64)
        .fetch_all(&mut *transaction)
        .await
        .during("remove early events")?;
    let unclaimed = convert::unclaimed(gone)?;
    report(&mut transaction, &unclaimed, now).await?;
    transaction.commit().await.during("remove early events")?;
    Ok(Expired { unclaimed: unclaimed.iter().map(|it| it.message.id).collect(), kept })
}

pub(super) async fn keep_again(store: &Postgres, events: &[(i64, EarlyEvent)], now: Instant) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await.during("keep events again")?;
    let ended: Vec<i64> = sqlx::query_scalar(sql!("end_retried"))
        .bind(events.iter().map(|(delivery, _)| *delivery).collect::<Vec<i64>>())
        .bind(now)
        .fetch_all(&mut *transaction)
        .await
        .during("keep events again")?;
    let kept = events.iter().filter(|(delivery, _)| ended.contains(delivery));
    let kept: Vec<EarlyEvent> = kept.map(|(_, event)| event.clone()).collect();
    insert(&mut transaction, &kept, now).await?;
    transaction.commit().await.during("keep events again")
}
