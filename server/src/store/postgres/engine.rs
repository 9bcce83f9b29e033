//! A step of the engine in one transaction: claim and lock, decide, write.

use std::collections::{HashMap, HashSet};

use baton_domain::ids::{InstanceId, MessageId, TimerId};
use chrono::Utc;
use sqlx::{Connection, PgConnection, Row, ValueRef};
use uuid::Uuid;

use super::{
    Postgres, early,
    handover::Noted,
    instance, outbox, sql,
    step::{self, TakenIn},
    task,
};
use crate::store::{
    convert,
    error::During,
    port::{Decide, StoreError},
    rows::{Changes, Claim, Decided, InstanceRow, Instant, Loaded, TimerRow, WaitRow},
};

pub(super) async fn transact(store: &Postgres, claim: Claim, decide: Decide) -> Result<(), StoreError> {
    if let Some(loaded) = store.recent.take(&claim) {
        return transact_at_once(store, claim, loaded, decide).await;
    }
    let ticket = store.handover.ticket();
    let mut connection = store.shelf.take().await.during("begin a step")?;
    let mut transaction = connection.begin().await.during("begin a step")?;
    let consumer = claim.consumer.clone();
    let loaded = load(&mut transaction, claim).await?;
    let locked: Vec<InstanceId> = loaded.instances.keys().copied().collect();
    let decided = convert::run(decide, loaded).await?;
    let changes = early::complete(&mut transaction, decided, &locked, Utc::now()).await?;
    refuse(&mut transaction, &consumer, &changes.messages_refused).await?;
    let noted = write(&mut transaction, &TakenIn::default(), &changes, ticket.is_some()).await?;
    transaction.commit().await.during("commit a step")?;
    connection.put_back();
    store.handover.keep(ticket, noted, &changes.messages);
    store.recent.keep(changes.instances);
    Ok(())
}

/// The same when everything that is claimed is known already: decide first, then take in, check and write in one
/// statement. When something was not as it was known, nothing is written and it is known no longer: the caller tries
/// again, and then it is read.
async fn transact_at_once(store: &Postgres, claim: Claim, loaded: Loaded, decide: Decide) -> Result<(), StoreError> {
    let known: HashMap<InstanceId, i64> = loaded.instances.iter().map(|(id, row)| (*id, row.sequence)).collect();
    let changes = match convert::run(decide, loaded).await? {
        Decided::Done(changes) => changes,
        decided @ Decided::Look(..) => return transact_known(store, claim, &known, decided).await,
    };
    // What is not written is not checked: "nothing to do" may be wrong for what it is by now.
    let is_written = |id: &InstanceId| changes.instances.iter().any(|change| change.row.id == *id);
    if !known.keys().all(is_written) {
        return Err(StoreError::Conflict { what: "instance" });
    }
    let refused: HashSet<MessageId> = changes.messages_refused.iter().copied().collect();
    let messages = claim.messages.iter().filter(|id| !refused.contains(id)).map(|id| id.0).collect();
    let taken_in = TakenIn { consumer: claim.consumer, messages };
    let ticket = store.handover.ticket();
    let mut connection = store.shelf.take().await.during("begin a step")?;
    let noted = if is_one_statement(&changes) {
        let now = changes.now.unwrap_or_else(Utc::now);
        step::write(&mut connection, &taken_in, &changes, now, ticket.is_some()).await?
    } else {
        let mut transaction = connection.begin().await.during("begin a step")?;
        let noted = write(&mut transaction, &taken_in, &changes, ticket.is_some()).await?;
        transaction.commit().await.during("commit a step")?;
        noted
    };
    connection.put_back();
    store.handover.keep(ticket, noted, &changes.messages);
    store.recent.keep(changes.instances);
    Ok(())
}

/// The same when the decision depends on what came early, too. Values are locked after messages and instances, as by everybody,
/// so what was known is held against what is stored first.
async fn transact_known(
    store: &Postgres,
    claim: Claim,
    known: &HashMap<InstanceId, i64>,
    decided: Decided,
) -> Result<(), StoreError> {
    let ticket = store.handover.ticket();
    let mut connection = store.shelf.take().await.during("begin a step")?;
    let mut transaction = connection.begin().await.during("begin a step")?;
    let mut ids: Vec<InstanceId> = known.keys().copied().collect();
    ids.sort_unstable();
    if !claim.messages.is_empty() || !ids.is_empty() {
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let (fresh, locked) = take_in_and_lock(&mut transaction, &claim, &uuids).await?;
        if fresh.len() != claim.messages.len() || !early::are_as_known(known, &locked) {
            return Err(StoreError::Conflict { what: "instance" });
        }
    }
    let changes = early::complete(&mut transaction, decided, &ids, Utc::now()).await?;
    refuse(&mut transaction, &claim.consumer, &changes.messages_refused).await?;
    let noted = write(&mut transaction, &TakenIn::default(), &changes, ticket.is_some()).await?;
    transaction.commit().await.during("commit a step")?;
    connection.put_back();
    store.handover.keep(ticket, noted, &changes.messages);
    store.recent.keep(changes.instances);
    Ok(())
}

/// Whether [`step::write`] is all that has to be written.
fn is_one_statement(changes: &Changes) -> bool {
    changes.tasks_opened.is_empty()
        && changes.tasks_reassigned.is_empty()
        && changes.tasks_closed.is_empty()
        && changes.waits_set.is_empty()
        && changes.waits_gone.is_empty()
        && changes.early_kept.is_empty()
        && changes.early_taken.is_empty()
        && changes.audit.is_empty()
}

async fn load(connection: &mut PgConnection, claim: Claim) -> Result<Loaded, StoreError> {
    let mut ids: Vec<Uuid> = claim.instances.iter().map(|id| id.0).collect();
    let (fresh, instances) = if has_only_messages(&claim) {
        take_in_and_lock(connection, &claim, &ids).await?
    } else {
        // What others set meanwhile is found only by a look after the messages are ours.
        let fresh = take_in(connection, &claim).await?;
        ids.extend(find_claimed(connection, &claim).await?);
        ids.sort_unstable();
        ids.dedup();
        (fresh, instance::lock(connection, &ids).await?)
    };
    let waits = read_waits(connection, &claim.waits, &ids).await?;
    let timers = read_timers(connection, &claim.timers).await?;
    let tasks = task::lock(connection, &claim.tasks).await?;
    let started = find_started(connection, &claim.starts).await?;
    Ok(Loaded { fresh, instances, waits, timers, tasks, started })
}

/// Whether messages and the instances that they name are all that is claimed: so it is for replies to commands.
fn has_only_messages(claim: &Claim) -> bool {
    !claim.messages.is_empty() && claim.timers.is_empty() && claim.tasks.is_empty() && claim.waits.is_empty()
}

async fn take_in_and_lock(
    connection: &mut PgConnection,
    claim: &Claim,
    ids: &[Uuid],
) -> Result<(HashSet<MessageId>, HashMap<InstanceId, InstanceRow>), StoreError> {
    let rows = sqlx::query(sql!("take_in_and_lock"))
        .bind(&claim.consumer)
        .bind(claim.messages.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .bind(ids)
        .fetch_all(connection)
        .await
        .during("take messages in")?;
    let mut fresh = HashSet::new();
    for row in &rows {
        let taken: Option<Vec<Uuid>> = row.try_get("fresh").during("take messages in")?;
        fresh.extend(taken.into_iter().flatten().map(MessageId));
    }
    // One row without an instance says that there is none.
    let found = rows.iter().filter(|row| !matches!(row.try_get_raw(0), Ok(id) if id.is_null()));
    let instances = found.map(|row| instance::decode(row).map(|row| (row.id, row))).collect::<Result<_, _>>()?;
    Ok((fresh, instances))
}

async fn take_in(connection: &mut PgConnection, claim: &Claim) -> Result<HashSet<MessageId>, StoreError> {
    insert_inbox(connection, &claim.consumer, &claim.messages).await
}

/// Returns those that the consumer had not taken in before.
pub(super) async fn insert_inbox(
    connection: &mut PgConnection,
    consumer: &str,
    messages: &[MessageId],
) -> Result<HashSet<MessageId>, StoreError> {
    if messages.is_empty() {
        return Ok(HashSet::new());
    }
    let fresh: Vec<Uuid> = sqlx::query_scalar(sql!("insert_inbox"))
        .bind(consumer)
        .bind(messages.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .fetch_all(connection)
        .await
        .during("take messages in")?;
    Ok(fresh.into_iter().map(MessageId).collect())
}

async fn find_claimed(connection: &mut PgConnection, claim: &Claim) -> Result<Vec<Uuid>, StoreError> {
    if claim.timers.is_empty() && claim.tasks.is_empty() && claim.waits.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(sql!("find_claimed_instances"))
        .bind(claim.timers.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .bind(claim.tasks.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .bind(claim.waits.iter().map(|(event_type, _)| event_type.as_str()).collect::<Vec<&str>>())
        .bind(claim.waits.iter().map(|(_, value)| value.as_str()).collect::<Vec<&str>>())
        .fetch_all(connection)
        .await
        .during("find claimed instances")
}

async fn read_waits(
    connection: &mut PgConnection,
    waits: &[(String, String)],
    instances: &[Uuid],
) -> Result<HashMap<(String, String), Vec<InstanceId>>, StoreError> {
    let mut found: HashMap<_, Vec<InstanceId>> = HashMap::new();
    if waits.is_empty() {
        return Ok(found);
    }
    let rows: Vec<(String, String, Uuid)> = sqlx::query_as(sql!("read_waits"))
        .bind(waits.iter().map(|(event_type, _)| event_type.as_str()).collect::<Vec<&str>>())
        .bind(waits.iter().map(|(_, value)| value.as_str()).collect::<Vec<&str>>())
        .bind(instances)
        .fetch_all(connection)
        .await
        .during("read waits")?;
    for (event_type, value, instance) in rows {
        let waiting = found.entry((event_type, value)).or_default();
        if waiting.last() != Some(&InstanceId(instance)) {
            waiting.push(InstanceId(instance));
        }
    }
    Ok(found)
}

async fn read_timers(connection: &mut PgConnection, timers: &[TimerId]) -> Result<Vec<TimerRow>, StoreError> {
    if timers.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Uuid, Uuid, Instant)> = sqlx::query_as(sql!("read_claimed_timers"))
        .bind(timers.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .fetch_all(connection)
        .await
        .during("read timers")?;
    let row = |(id, instance, due_at)| TimerRow { id: TimerId(id), instance: InstanceId(instance), due_at };
    Ok(rows.into_iter().map(row).collect())
}

async fn find_started(
    connection: &mut PgConnection,
    starts: &[(String, String)],
) -> Result<HashMap<(String, String), InstanceId>, StoreError> {
    if starts.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, Uuid)> = sqlx::query_as(sql!("find_started"))
        .bind(starts.iter().map(|(definition, _)| definition.as_str()).collect::<Vec<&str>>())
        .bind(starts.iter().map(|(_, key)| key.as_str()).collect::<Vec<&str>>())
        .fetch_all(connection)
        .await
        .during("find earlier starts")?;
    Ok(rows.into_iter().map(|(definition, key, id)| ((definition, key), InstanceId(id))).collect())
}

/// One statement for what most steps change, one for each other table, and none where nothing changes.
async fn write(
    connection: &mut PgConnection,
    taken_in: &TakenIn,
    changes: &Changes,
    is_asked: bool,
) -> Result<Option<Noted>, StoreError> {
    let now = changes.now.unwrap_or_else(Utc::now);
    let noted = step::write(connection, taken_in, changes, now, is_asked).await?;
    task::insert(connection, &changes.tasks_opened).await?;
    task::reassign(connection, &changes.tasks_reassigned).await?;
    task::close(connection, &changes.tasks_closed, now).await?;
    delete_waits(connection, &changes.waits_gone).await?;
    insert_waits(connection, &changes.waits_set).await?;
    early::write(connection, changes, now).await?;
    outbox::insert_audit(connection, &changes.audit).await?;
    Ok(noted)
}

/// Takes messages out of the inbox again.
async fn refuse(connection: &mut PgConnection, consumer: &str, messages: &[MessageId]) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("delete_inbox"))
        .bind(consumer)
        .bind(messages.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .execute(connection)
        .await
        .during("refuse messages")?;
    Ok(())
}

async fn insert_waits(connection: &mut PgConnection, waits: &[WaitRow]) -> Result<(), StoreError> {
    if waits.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("insert_waits"))
        .bind(waits.iter().map(|wait| wait.instance.0).collect::<Vec<Uuid>>())
        .bind(waits.iter().map(|wait| wait.token as i32).collect::<Vec<i32>>())
        .bind(waits.iter().map(|wait| wait.event_type.as_str()).collect::<Vec<&str>>())
        .bind(waits.iter().map(|wait| wait.value.as_str()).collect::<Vec<&str>>())
        .execute(connection)
        .await
        .during("set waits")?;
    Ok(())
}

async fn delete_waits(connection: &mut PgConnection, waits: &[(InstanceId, u32)]) -> Result<(), StoreError> {
    if waits.is_empty() {
        return Ok(());
    }
    sqlx::query(sql!("delete_waits"))
        .bind(waits.iter().map(|(instance, _)| instance.0).collect::<Vec<Uuid>>())
        .bind(waits.iter().map(|(_, token)| *token as i32).collect::<Vec<i32>>())
        .execute(connection)
        .await
        .during("remove waits")?;
    Ok(())
}

pub(super) async fn read_due_timers(store: &Postgres, now: Instant, limit: u32) -> Result<Vec<TimerId>, StoreError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(sql!("read_due_timers"))
        .bind(now)
        .bind(i64::from(limit))
        .fetch_all(&store.pool)
        .await
        .during("read due timers")?;
    Ok(ids.into_iter().map(TimerId).collect())
}

pub(super) async fn next_timer_at(store: &Postgres) -> Result<Option<Instant>, StoreError> {
    let mut connection = store.shelf.take().await.during("find the next timer")?;
    let next =
        sqlx::query_scalar(sql!("find_next_timer")).fetch_one(&mut *connection).await.during("find the next timer")?;
    connection.put_back();
    Ok(next)
}
