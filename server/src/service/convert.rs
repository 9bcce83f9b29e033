//! Rows into read models, and the words of queries into filters.

use std::collections::BTreeMap;

use baton_app::{
    model::*,
    port::{Answer, AppError},
};
use baton_domain::{
    message::MessageKind,
    process::{OfferedOutcome, Status},
};

use super::invalid;
use crate::store::rows;

/// Finds the value that a word of a query names; an unknown word is refused with all that are possible.
pub fn parse_word<T: Copy>(word: &str, field: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Answer<T> {
    all.iter().copied().find(|value| name(*value) == word).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|value| name(*value)).collect();
        invalid("unknown-value", &format!("/{field}"), format!("{field} is one of {}", known.join(", ")))
    })
}

pub fn parse_kind(word: &str) -> Answer<MessageKind> {
    parse_word(word, "kind", &[MessageKind::Event, MessageKind::Command], MessageKind::as_str)
}

pub fn parse_status(word: &str) -> Answer<Status> {
    parse_word(word, "state", &Status::ALL, Status::as_str)
}

pub fn page<R, V>(page: rows::Page<R>, convert: impl Fn(R) -> V) -> Page<V> {
    Page { items: page.items.into_iter().map(convert).collect(), next: page.next }
}

pub fn message_summary(row: rows::MessageRow) -> MessageSummary {
    let message = row.message;
    MessageSummary {
        id: message.id.0,
        seq: row.seq,
        kind: message.kind.as_str().to_owned(),
        message_type: message.message_type,
        source: message.source,
        aggregate_type: message.key.aggregate_type,
        aggregate_id: message.key.aggregate_id,
        state: row.state.as_str().to_owned(),
        attempts: row.attempts,
        last_error: row.last_error,
        next_attempt_at: row.next_attempt_at,
        correlation_id: message.correlation_id,
        causation_id: message.causation_id,
        created_at: message.created_at,
        published_at: row.published_at,
    }
}

pub fn delivery(row: rows::DeliveryRow) -> Delivery {
    let (failure_class, error) = split(row.failure);
    Delivery {
        id: row.id,
        destination: row.destination,
        state: row.state.as_str().to_owned(),
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        failure_class,
        error,
        edited_payload: row.edited_payload,
        created_at: row.created_at,
        ended_at: row.ended_at,
        followers: row.followers,
        attempts_made: row
            .history
            .into_iter()
            .map(|attempt| {
                let (failure_class, error) = split(attempt.failure);
                Attempt {
                    number: attempt.number,
                    at: attempt.at,
                    duration_ms: attempt.duration_ms,
                    failure_class,
                    error,
                }
            })
            .collect(),
    }
}

fn split(failure: Option<rows::Failure>) -> (Option<String>, Option<String>) {
    failure.map(|failure| (failure.class, failure.error)).unzip()
}

pub fn failure_group(row: rows::FailureGroupRow) -> FailureGroup {
    FailureGroup {
        destination: row.destination,
        failure_class: row.failure_class,
        message_type: row.message_type,
        state: row.state.as_str().to_owned(),
        count: row.count,
        first_at: row.first_at,
        last_at: row.last_at,
        sample_error: row.sample_error,
        sample_message: row.sample_message.0,
        parked_behind: row.parked_behind,
    }
}

pub fn task_outcome(outcome: OfferedOutcome) -> TaskOutcome {
    TaskOutcome { name: outcome.name, title: outcome.title, form: outcome.form }
}

pub fn task_summary(row: &rows::TaskRow, now: Instant) -> TaskSummary {
    let open = matches!(row.state, rows::TaskState::Open | rows::TaskState::Claimed);
    TaskSummary {
        id: row.id.0,
        instance: row.instance.0,
        definition: row.definition.clone(),
        node: row.node.clone(),
        title: row.title.clone(),
        state: row.state.as_str().to_owned(),
        assignee: row.assignee.clone(),
        candidate_group: row.candidate_group.clone(),
        claimed_by: row.claimed_by.clone(),
        due_at: row.due_at,
        overdue: open && row.due_at.is_some_and(|due| due < now),
        created_at: row.created_at,
        ended_at: row.ended_at,
        outcome: row.outcome.clone(),
        completed_by: row.completed_by.clone(),
    }
}

pub fn total(counts: &BTreeMap<&'static str, u64>, names: &[&str]) -> u64 {
    names.iter().filter_map(|name| counts.get(name)).sum()
}

/// What the engine refused, as people see it.
pub fn refusal(refusal: crate::engine::Refusal) -> AppError {
    use crate::engine::Refusal;
    match refusal {
        // A rejection that points into the request is about the request; others are about the present state.
        Refusal::Rejected(rejection) if !rejection.findings.is_empty() => AppError::Invalid(rejection.findings),
        Refusal::Rejected(rejection) if !rejection.pointer.is_empty() => {
            invalid(rejection.code, &rejection.pointer, rejection.message)
        }
        Refusal::Rejected(rejection) => {
            AppError::Conflict { code: rejection.code.to_owned(), message: rejection.message }
        }
        Refusal::Unknown { what } => AppError::NotFound(format!("{what} is not known")),
        Refusal::Unavailable(why) => AppError::Unavailable(why),
        Refusal::Failed { class, error } => {
            tracing::error!(class, error, "the engine failed");
            AppError::Internal
        }
    }
}

pub(super) fn bus_condition(condition: crate::bus::Condition) -> BusCondition {
    let (error_at, error) = condition.error.unzip();
    BusCondition { connected: condition.connected, since: condition.since, error, error_at }
}
