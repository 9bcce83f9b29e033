//! What a decision is written as: rows of the instance, its history, and everything that its effects open or close.

use std::sync::Arc;

use baton_domain::process::{Definition, Effect, Input, State};
use serde_json::Value;

use crate::store::rows::{
    Changes, InstanceChange, InstanceRow, Instant, TaskClosing, TaskReassignment, TaskRow, TaskState, TimerRow, WaitRow,
};

/// An instance while the batch is decided.
pub(super) struct Working {
    pub(super) row: InstanceRow,
    pub(super) state: Option<State>,
    pub(super) definition: Arc<Definition>,
    pub(super) expected_sequence: Option<i64>,
    pub(super) idempotency_key: Option<String>,
    pub(super) history: Vec<Value>,
}

/// The row after the change.
pub(super) fn change(working: Working, now: Instant) -> InstanceChange {
    let state = working.state.expect("an instance with new history has a state");
    let mut row = working.row;
    row.status = state.status();
    row.incident = state.incident().map(|incident| incident.reason.clone());
    row.sequence = working.expected_sequence.unwrap_or(0) + working.history.len() as i64;
    row.updated_at = now;
    if row.status.is_terminal() && row.ended_at.is_none() {
        row.ended_at = Some(now);
    }
    row.snapshot = encode(&state);
    InstanceChange {
        row,
        expected_sequence: working.expected_sequence,
        idempotency_key: working.idempotency_key,
        history: working.history,
    }
}

/// What an operator asked for besides the name and the reason, for the audit.
pub(super) fn asked_for(input: &Input) -> Value {
    let mut asked = encode(input);
    if let Some(fields) = asked.as_object_mut() {
        for known in ["do", "by", "reason"] {
            fields.remove(known);
        }
        fields.retain(|_, value| !value.is_null());
    }
    asked
}

pub(super) fn encode(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("states and events have string keys and finite numbers only")
}

/// One effect as rows. What is set and taken back within one batch leaves no trace.
pub(super) fn apply(changes: &mut Changes, working: &Working, effect: Effect, now: Instant) {
    let instance = working.row.id;
    match effect {
        Effect::Send(message) => changes.messages.push(*message),
        Effect::SetTimer { timer, due_at } => changes.timers_set.push(TimerRow { id: timer, instance, due_at }),
        Effect::CancelTimer { timer } => {
            let before = changes.timers_set.len();
            changes.timers_set.retain(|row| row.id != timer);
            if changes.timers_set.len() == before && !changes.timers_gone.contains(&timer) {
                changes.timers_gone.push(timer);
            }
        }
        Effect::OpenTask(task) => changes.tasks_opened.push(TaskRow {
            id: task.task,
            instance,
            definition: working.row.definition.clone(),
            node: task.node,
            title: task.title,
            state: TaskState::Open,
            assignee: task.assignee,
            candidate_group: task.candidate_group,
            claimed_by: None,
            outcomes: encode(&task.outcomes),
            outcome: None,
            data: None,
            completed_by: None,
            due_at: task.due_at,
            created_at: now,
            ended_at: None,
        }),
        Effect::ReassignTask { task, assignee, candidate_group } => {
            if let Some(row) = changes.tasks_opened.iter_mut().find(|row| row.id == task) {
                (row.assignee, row.candidate_group) = (assignee, candidate_group);
            } else {
                changes.tasks_reassigned.push(TaskReassignment { id: task, assignee, candidate_group });
            }
        }
        Effect::CloseTask { task, outcome, data, by } => {
            let state = if outcome.is_some() { TaskState::Completed } else { TaskState::Withdrawn };
            let data = (!data.is_null()).then_some(data);
            if let Some(row) = changes.tasks_opened.iter_mut().find(|row| row.id == task) {
                (row.state, row.outcome, row.data, row.completed_by) = (state, outcome, data, by);
                row.ended_at = Some(now);
            } else {
                changes.tasks_closed.push(TaskClosing { id: task, state, outcome, data, by });
            }
        }
        Effect::Await { token, event_type, value } => {
            changes.waits_set.push(WaitRow { instance, token, event_type, value });
        }
        Effect::Forget { token } => {
            changes.waits_set.retain(|row| (row.instance, row.token) != (instance, token));
            if !changes.waits_gone.contains(&(instance, token)) {
                changes.waits_gone.push((instance, token));
            }
        }
    }
}
