//! What a step writes to the tables that most steps write to: one statement, one round trip.

use std::collections::HashSet;

use baton_domain::ids::{MessageId, TimerId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{handover::Noted, sql};
use crate::store::{
    convert,
    error::{classify, violates_unique},
    port::StoreError,
    rows::{Changes, InstanceChange, Instant, TimerRow},
};

/// Messages that are taken in by the same statement: all of them have to be new.
#[derive(Debug, Default)]
pub(super) struct TakenIn {
    pub consumer: String,
    pub messages: Vec<Uuid>,
}

/// Creates and updates instances, appends their history, puts messages into the outbox, sets and removes timers. Asked, it
/// says what was in the outbox before.
///
/// [`StoreError::Conflict`] and nothing written when an instance is not where it was loaded, or a message is in already.
pub(super) async fn write(
    connection: &mut PgConnection,
    taken_in: &TakenIn,
    changes: &Changes,
    now: Instant,
    is_asked: bool,
) -> Result<Option<Noted>, StoreError> {
    if taken_in.messages.is_empty()
        && changes.instances.is_empty()
        && changes.messages.is_empty()
        && changes.timers_set.is_empty()
        && changes.timers_gone.is_empty()
    {
        return Ok(None);
    }
    let (created, updated): (Vec<&InstanceChange>, Vec<&InstanceChange>) =
        changes.instances.iter().partition(|change| change.expected_sequence.is_none());
    let new = || created.iter().map(|change| &change.row);
    let old = || updated.iter().map(|change| &change.row);
    let history = History::of(&changes.instances);
    let gone: HashSet<TimerId> = changes.timers_gone.iter().copied().collect();
    let timers: Vec<&TimerRow> = changes.timers_set.iter().filter(|timer| !gone.contains(&timer.id)).collect();
    let messages = || changes.messages.iter();
    let headers = messages().map(|m| serde_json::to_string(&m.headers).expect("a map of strings has a JSON form"));
    type Written = (i32, Option<Vec<Uuid>>, Option<Vec<i64>>, Option<Vec<i16>>, Option<Vec<i64>>, Option<bool>);
    let written: Written = sqlx::query_as(sql!("write_step"))
        // Instances that begin.
        .bind(new().map(|row| row.id.0).collect::<Vec<Uuid>>())
        .bind(new().map(|row| row.definition.as_str()).collect::<Vec<&str>>())
        .bind(new().map(|row| row.version as i32).collect::<Vec<i32>>())
        .bind(new().map(|row| row.status.as_str()).collect::<Vec<&str>>())
        .bind(new().map(|row| row.business_key.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(created.iter().map(|change| change.idempotency_key.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(new().map(|row| row.sequence).collect::<Vec<i64>>())
        .bind(new().map(|row| row.snapshot.to_string()).collect::<Vec<String>>())
        .bind(new().map(|row| row.incident.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(new().map(|row| row.started_by.as_str()).collect::<Vec<&str>>())
        .bind(new().map(|row| row.created_at).collect::<Vec<Instant>>())
        .bind(new().map(|row| row.updated_at).collect::<Vec<Instant>>())
        .bind(new().map(|row| row.ended_at).collect::<Vec<Option<Instant>>>())
        .bind(new().map(|row| convert::awaits_message(&row.snapshot)).collect::<Vec<bool>>())
        .bind(new().map(|row| row.kind.as_str()).collect::<Vec<&str>>())
        .bind(new().map(|row| row.parent.map(|parent| parent.0)).collect::<Vec<Option<Uuid>>>())
        // Instances that go on.
        .bind(old().map(|row| row.id.0).collect::<Vec<Uuid>>())
        .bind(updated.iter().map(|change| change.expected_sequence).collect::<Vec<Option<i64>>>())
        .bind(old().map(|row| row.version as i32).collect::<Vec<i32>>())
        .bind(old().map(|row| row.status.as_str()).collect::<Vec<&str>>())
        .bind(old().map(|row| row.business_key.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(old().map(|row| row.sequence).collect::<Vec<i64>>())
        .bind(old().map(|row| row.snapshot.to_string()).collect::<Vec<String>>())
        .bind(old().map(|row| row.incident.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(old().map(|row| row.updated_at).collect::<Vec<Instant>>())
        .bind(old().map(|row| row.ended_at).collect::<Vec<Option<Instant>>>())
        .bind(old().map(|row| convert::awaits_message(&row.snapshot)).collect::<Vec<bool>>())
        .bind(history.instances)
        .bind(history.sequences)
        .bind(history.events)
        .bind(now)
        // Messages.
        .bind(messages().map(|m| m.id.0).collect::<Vec<Uuid>>())
        .bind(messages().map(|m| m.kind.as_str()).collect::<Vec<&str>>())
        .bind(messages().map(|m| m.message_type.as_str()).collect::<Vec<&str>>())
        .bind(messages().map(|m| m.source.as_str()).collect::<Vec<&str>>())
        .bind(messages().map(|m| m.key.aggregate_type.as_str()).collect::<Vec<&str>>())
        .bind(messages().map(|m| m.key.aggregate_id.as_str()).collect::<Vec<&str>>())
        .bind(messages().map(|m| m.aggregate_version).collect::<Vec<Option<i64>>>())
        .bind(messages().map(|m| m.payload.to_string()).collect::<Vec<String>>())
        .bind(headers.collect::<Vec<String>>())
        .bind(messages().map(|m| m.correlation_id.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(messages().map(|m| m.causation_id.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(messages().map(|m| m.deliver_after).collect::<Vec<Option<Instant>>>())
        .bind(messages().map(|m| m.destination.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(messages().map(|m| m.created_at).collect::<Vec<Instant>>())
        // Timers.
        .bind(timers.iter().map(|timer| timer.id.0).collect::<Vec<Uuid>>())
        .bind(timers.iter().map(|timer| timer.instance.0).collect::<Vec<Uuid>>())
        .bind(timers.iter().map(|timer| timer.due_at).collect::<Vec<Instant>>())
        .bind(changes.timers_gone.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        // Messages taken in.
        .bind(&taken_in.consumer)
        .bind(&taken_in.messages)
        .bind(is_asked)
        .fetch_one(connection)
        .await
        .map_err(conflict)?;
    Ok(match written {
        (_, Some(ids), Some(seqs), Some(lanes), Some(before), Some(is_held)) => {
            let places = seqs.into_iter().zip(lanes.into_iter().map(i16::unsigned_abs));
            let rows = ids.into_iter().zip(places).map(|(id, (seq, lane))| (MessageId(id), seq, lane)).collect();
            Some(Noted { rows, before, is_held })
        }
        _ => None,
    })
}

/// What the last line of the statement says when something was not as it was loaded.
const NOT_AS_LOADED: &str = "22012";

/// A column each.
#[derive(Default)]
struct History {
    instances: Vec<Uuid>,
    sequences: Vec<i64>,
    events: Vec<String>,
}

impl History {
    fn of(changes: &[InstanceChange]) -> Self {
        let mut history = Self::default();
        for change in changes {
            let first = change.expected_sequence.unwrap_or(0) + 1;
            for (sequence, event) in (first..).zip(&change.history) {
                history.instances.push(change.row.id.0);
                history.sequences.push(sequence);
                history.events.push(event.to_string());
            }
        }
        history
    }
}

fn conflict(error: sqlx::Error) -> StoreError {
    if error.as_database_error().and_then(|error| error.code()).as_deref() == Some(NOT_AS_LOADED) {
        StoreError::Conflict { what: "instance" }
    } else if violates_unique(&error, "process_instance_start", "process_instance.idempotency_key") {
        StoreError::Conflict { what: "start" }
    } else if violates_unique(&error, "process_instance_pkey", "process_instance.id")
        || violates_unique(&error, "process_history_pkey", "process_history.sequence")
    {
        StoreError::Conflict { what: "instance" }
    } else {
        classify("write a step", error)
    }
}
