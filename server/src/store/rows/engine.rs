//! The engine's transaction: what it claims and loads, and what it changes.

use std::collections::{HashMap, HashSet};

use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::Message,
    process::Status,
};
use serde_json::Value;

use super::{EarlyEvent, Instant};

/// What a step wants to work on. The store claims and locks it, in this order: messages, instances (ascending by id,
/// so that two steps cannot deadlock), then what belongs to them: waits, timers, tasks.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The consumer in whose name messages are taken in.
    pub consumer: String,
    /// Messages to take in; those that the inbox has already are not `fresh`.
    pub messages: Vec<MessageId>,
    /// Instances to lock and load. Unknown ids are ignored.
    pub instances: Vec<InstanceId>,
    /// (event type, correlation value): instances that wait for it are locked and loaded too.
    pub waits: Vec<(String, String)>,
    /// Timers that are due; those still pending are returned, and their instances locked and loaded.
    pub timers: Vec<TimerId>,
    /// Tasks to lock and load, with their instances.
    pub tasks: Vec<TaskId>,
    /// (definition name, idempotency key) of starts: instances that were started with them before.
    pub starts: Vec<(String, String)>,
}

#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub fresh: HashSet<MessageId>,
    pub instances: HashMap<InstanceId, InstanceRow>,
    /// (event type, value) → instances that wait for it.
    pub waits: HashMap<(String, String), Vec<InstanceId>>,
    pub timers: Vec<TimerRow>,
    pub tasks: HashMap<TaskId, TaskRow>,
    pub started: HashMap<(String, String), InstanceId>,
}

/// An instance as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRow {
    pub id: InstanceId,
    /// Whether it is of a process or of a stateful saga.
    pub kind: DefinitionKind,
    pub definition: String,
    pub version: u32,
    pub status: Status,
    pub business_key: Option<String>,
    /// Number of the last event in its history.
    pub sequence: i64,
    /// The state as JSON, in the format of `baton_domain::process::State`.
    pub snapshot: Value,
    pub incident: Option<String>,
    pub started_by: String,
    pub created_at: Instant,
    pub updated_at: Instant,
    pub ended_at: Option<Instant>,
    /// The instance that called this one. Never changes.
    pub parent: Option<InstanceId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InstanceChange {
    /// The row after the change; `sequence` is the number of the last event of `history`.
    pub row: InstanceRow,
    /// The sequence that was loaded; `None` creates the instance.
    pub expected_sequence: Option<i64>,
    /// With a new instance: the key that makes a second start return this one.
    pub idempotency_key: Option<String>,
    /// New events, numbered from `expected_sequence + 1` (or 1).
    pub history: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TimerRow {
    pub id: TimerId,
    pub instance: InstanceId,
    pub due_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    Open,
    Claimed,
    Completed,
    /// The instance went on without it (time-out, cancellation).
    Withdrawn,
}

impl TaskState {
    pub const ALL: [Self; 4] = [Self::Open, Self::Claimed, Self::Completed, Self::Withdrawn];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Completed => "completed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    pub id: TaskId,
    pub instance: InstanceId,
    pub definition: String,
    pub node: String,
    pub title: String,
    pub state: TaskState,
    pub assignee: Option<String>,
    pub candidate_group: Option<String>,
    pub claimed_by: Option<String>,
    /// `[[name, schema | null], …]` in the order of the definition.
    pub outcomes: Value,
    pub outcome: Option<String>,
    pub data: Option<Value>,
    pub completed_by: Option<String>,
    pub due_at: Option<Instant>,
    pub created_at: Instant,
    pub ended_at: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TaskClosing {
    pub id: TaskId,
    pub state: TaskState,
    pub outcome: Option<String>,
    pub data: Option<Value>,
    pub by: Option<String>,
}

/// An open task goes to somebody else; whoever claimed it has it no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskReassignment {
    pub id: TaskId,
    pub assignee: Option<String>,
    pub candidate_group: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitRow {
    pub instance: InstanceId,
    pub token: u32,
    pub event_type: String,
    pub value: String,
}

/// Everything that a decision leads to, written in the transaction that claimed. What comes and goes in one decision:
/// timers and tasks are written before they end (their ids are never used again), waits go before they are set (a token
/// that moves on forgets what it awaited before).
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub now: Option<Instant>,
    pub instances: Vec<InstanceChange>,
    /// Commands for the outbox. An id that is there already is left alone (a decision taken twice).
    pub messages: Vec<Message>,
    pub timers_set: Vec<TimerRow>,
    /// Fired or cancelled.
    pub timers_gone: Vec<TimerId>,
    pub tasks_opened: Vec<TaskRow>,
    /// Open tasks that go to somebody else; before they end.
    pub tasks_reassigned: Vec<TaskReassignment>,
    pub tasks_closed: Vec<TaskClosing>,
    pub waits_set: Vec<WaitRow>,
    pub waits_gone: Vec<(InstanceId, u32)>,
    /// Messages that were claimed but not taken in after all: they leave the inbox again, so that a later delivery of
    /// the same message is fresh.
    pub messages_refused: Vec<MessageId>,
    /// Events of this step that nobody waits for yet.
    pub early_kept: Vec<EarlyEvent>,
    /// Kept events that instances take now. [`StoreError::Conflict`](crate::store::StoreError::Conflict) when one is gone.
    pub early_taken: Vec<MessageId>,
    pub audit: Vec<AuditRow>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    pub at: Instant,
    pub actor: String,
    /// Verb in kebab-case such as `start-instance`, `retry-delivery`.
    pub action: String,
    /// What it was done to: `instance/…`, `message/…`, `destination/…`.
    pub subject: String,
    pub reason: Option<String>,
    pub detail: Value,
}
