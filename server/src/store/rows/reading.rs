//! Questions that the screens ask, and their answers.

use std::collections::BTreeMap;

use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId},
    message::{Message, MessageKind},
    process::Status,
};
use serde_json::Value;

use super::{DeliveryState, Failure, Instant};

/// One page of a list, newest first unless the question says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Opaque; hand it back to get the next page.
    pub next: Option<String>,
}

/// The state of a message over all of its deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Not relayed yet.
    Pending,
    /// Relayed, and nothing open.
    Published,
    /// At least one delivery queued.
    Delivering,
    Retrying,
    Parked,
    Dead,
}

impl MessageState {
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Published, Self::Delivering, Self::Retrying, Self::Parked, Self::Dead];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Published => "published",
            Self::Delivering => "delivering",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
            Self::Dead => "dead",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessageFilter {
    pub state: Option<MessageState>,
    pub kind: Option<MessageKind>,
    pub message_type: Option<String>,
    pub aggregate_type: Option<String>,
    pub aggregate_id: Option<String>,
    pub correlation_id: Option<String>,
    pub destination: Option<String>,
    /// Text contained in type, aggregate id, payload or last error.
    pub q: Option<String>,
    pub from: Option<Instant>,
    pub to: Option<Instant>,
    pub limit: u32,
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MessageRow {
    pub seq: i64,
    pub message: Message,
    pub published_at: Option<Instant>,
    pub state: MessageState,
    /// The most attempts that any delivery needed, and its last error.
    pub attempts: u32,
    pub last_error: Option<String>,
    pub next_attempt_at: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRow {
    pub id: i64,
    pub seq: i64,
    pub message_id: MessageId,
    pub destination: String,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_attempt_at: Option<Instant>,
    pub failure: Option<Failure>,
    pub edited_payload: Option<Value>,
    pub created_at: Instant,
    pub ended_at: Option<Instant>,
    /// Deliveries of the same key parked behind it.
    pub followers: u64,
    pub history: Vec<AttemptRow>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRow {
    pub number: u32,
    pub at: Instant,
    pub duration_ms: i64,
    /// `None` when it was accepted.
    pub failure: Option<Failure>,
}

/// Deliveries that failed in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureGroupRow {
    pub destination: String,
    pub failure_class: String,
    pub message_type: String,
    pub state: DeliveryState,
    pub count: u64,
    pub first_at: Instant,
    pub last_at: Instant,
    pub sample_error: String,
    pub sample_message: MessageId,
    pub parked_behind: u64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstanceFilter {
    pub kind: Option<DefinitionKind>,
    pub definition: Option<String>,
    pub status: Option<Status>,
    pub version: Option<Versions>,
    /// Only those that have not ended.
    pub live: bool,
    pub business_key: Option<String>,
    /// Only those that this instance called.
    pub parent: Option<InstanceId>,
    /// Text contained in business key or id.
    pub q: Option<String>,
    pub limit: u32,
    pub cursor: Option<String>,
}

/// Which versions of a definition instances run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    Only(u32),
    AllBut(u32),
}

/// How many instances of a version are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceCount {
    pub kind: DefinitionKind,
    pub definition: String,
    pub version: u32,
    pub status: Status,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    pub sequence: i64,
    pub at: Instant,
    pub event: Value,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskFilter {
    /// `Some(true)` only open and claimed ones, `Some(false)` only ended ones.
    pub open: Option<bool>,
    /// Assigned to or claimed by.
    pub assignee: Option<String>,
    pub instance: Option<InstanceId>,
    pub limit: u32,
    pub cursor: Option<String>,
}

/// The numbers of the overview, from one consistent read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    pub pending: u64,
    pub oldest_pending_at: Option<Instant>,
    /// Messages in the outbox: exact while they are few, an estimate beyond 100,000.
    pub messages_total: u64,
    /// Open deliveries by state (queued, retrying, parked, dead).
    pub deliveries: BTreeMap<&'static str, u64>,
    /// Keys that have a failed delivery at their head.
    pub parked_keys: u64,
    pub instances: BTreeMap<&'static str, u64>,
    pub tasks_open: u64,
    pub tasks_overdue: u64,
    /// Live instances that nothing would ever wake: no token that waits for a message, no timer, task, wait or incident;
    /// must be 0.
    pub orphans: u64,
}

/// How many messages were published and how many attempts failed in the minute that begins at `minute`.
#[derive(Debug, Clone, PartialEq)]
pub struct MinuteRow {
    pub minute: Instant,
    pub published: u64,
    pub failed: u64,
}

/// What went through at a destination in the minute that begins at `minute`.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationMinuteRow {
    pub destination: String,
    pub minute: Instant,
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
}

/// Per destination: what is open there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DestinationCounts {
    pub destination: String,
    pub queued: u64,
    pub retrying: u64,
    pub parked: u64,
    pub dead: u64,
    pub oldest_open_at: Option<Instant>,
}
