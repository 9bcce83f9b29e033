//! What goes into a store and comes out of it: plain data, one struct for each kind of row or question.

use std::collections::{BTreeMap, HashMap, HashSet};

use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::{Key, Message, MessageKind},
    process::Status,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

pub type Instant = DateTime<Utc>;

/// The name under which the bus stands among the destinations of deliveries.
pub const BUS: &str = "bus";

// ---------------------------------------------------------------- messages and the relay

/// What became of a batch that was appended to the outbox: every id is in exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    pub accepted: Vec<MessageId>,
    /// Ids that were there already (or twice in the batch); nothing of those was written.
    pub duplicates: Vec<MessageId>,
}

/// A delivery that began to wait behind a failed one of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub message: MessageId,
    pub destination: String,
}

/// What writing attempts down led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The answers of accepted attempts, which are messages now.
    pub answers: Appended,
    pub parked: Vec<Parked>,
}

/// What a sweep found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many labels were wrong.
    pub changed: u64,
    pub parked: Vec<Parked>,
}

/// A message as the relay reads it from the outbox. `seq` is the order of insertion.
#[derive(Debug, Clone, PartialEq)]
pub struct Outbound {
    pub seq: i64,
    pub lane: u16,
    pub message: Message,
}

/// The right to work on some lanes: every write of a result checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub node: Uuid,
    /// Grows with every change of hands of a lane; a lane's lease with another token is somebody else's.
    pub token: i64,
    /// The lanes held, ascending.
    pub lanes: Vec<u16>,
}

impl Fence {
    /// Whether every lane there is belongs to this node, so that reads need no filter.
    pub fn is_whole(&self) -> bool {
        self.lanes.len() == usize::from(baton_domain::lane::LANES)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Its turn comes as soon as everything earlier of its key is through.
    Queued,
    /// Failed at least once; next attempt at `next_attempt_at`.
    Retrying,
    /// Behind an earlier delivery of the same key that failed.
    Parked,
    /// Given up on; an operator decides.
    Dead,
    Delivered,
    Discarded,
}

impl DeliveryState {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Retrying, Self::Parked, Self::Dead, Self::Delivered, Self::Discarded];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
            Self::Dead => "dead",
            Self::Delivered => "delivered",
            Self::Discarded => "discarded",
        }
    }
}

/// Why an attempt failed: the class is for grouping, the text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable kebab-case class such as `http-503`, `timeout`, `refused`, `unroutable`, `private-address`.
    pub class: String,
    pub error: String,
}

/// A delivery to be written when the first pass over a message is settled.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    pub seq: i64,
    pub message_id: MessageId,
    pub key: Key,
    pub destination: String,
    /// `Queued` (attempts 0), or `Retrying` / `Dead` / `Parked` after a first attempt that failed on the bus.
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_attempt_at: Option<Instant>,
    pub failure: Option<Failure>,
}

/// The result of a first pass over a batch, written in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Settlement {
    /// Rows that went out, or whose remaining work stands in `deliveries`.
    pub published: Vec<i64>,
    pub deliveries: Vec<NewDelivery>,
    /// Delete the rows without deliveries instead of marking them.
    pub delete: bool,
    pub now: Option<Instant>,
}

/// A delivery whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct DueDelivery {
    pub id: i64,
    pub seq: i64,
    pub destination: String,
    /// Attempts made so far.
    pub attempts: u32,
    /// Set when an operator edited the message: what to send instead of the original payload.
    pub edited_payload: Option<Value>,
    pub message: Message,
}

/// What an attempt at a delivery led to. Written only while the delivery is still open with `attempts` attempts
/// (its fencing condition), so a second report of the same attempt changes nothing.
#[derive(Debug, Clone)]
pub struct AttemptOutcome {
    pub id: i64,
    /// Attempts before this one.
    pub attempts: u32,
    pub at: Instant,
    pub duration_ms: i64,
    pub result: AttemptResult,
}

#[derive(Debug, Clone)]
pub enum AttemptResult {
    /// Accepted; `answers` are messages that came back and are appended to the outbox in the same transaction.
    Delivered {
        answers: Vec<Message>,
    },
    Failed {
        failure: Failure,
        next_attempt_at: Instant,
    },
    Dead {
        failure: Failure,
    },
}

/// What an operator does to deliveries.
#[derive(Debug, Clone, PartialEq)]
pub enum Repair {
    /// Try again at once with fresh attempts; optionally with another payload (the original is kept).
    Retry { edited_payload: Option<Value> },
    /// Give up for good; followers go on.
    Discard,
}

/// Which deliveries a repair is about. Only `dead` and `retrying` ones are touched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RepairFilter {
    pub message_id: Option<MessageId>,
    pub destination: Option<String>,
    pub failure_class: Option<String>,
    pub message_type: Option<String>,
}

// ---------------------------------------------------------------- the engine's transaction

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
    pub tasks_closed: Vec<TaskClosing>,
    pub waits_set: Vec<WaitRow>,
    pub waits_gone: Vec<(InstanceId, u32)>,
    /// Messages that were claimed but not taken in after all: they leave the inbox again, so that a later delivery of
    /// the same message is fresh.
    pub messages_refused: Vec<MessageId>,
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

// ---------------------------------------------------------------- definitions, destinations, access

#[derive(Debug, Clone, PartialEq)]
pub struct VersionRow {
    pub kind: DefinitionKind,
    pub name: String,
    pub version: u32,
    /// The definition as JSON.
    pub document: Value,
    /// The text as it was written (JSON or YAML).
    pub source: String,
    pub note: Option<String>,
    pub published_by: String,
    pub published_at: Instant,
}

/// Tells two states of the published definitions apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionsMark {
    pub count: i64,
    pub newest_at: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DraftRow {
    pub kind: DefinitionKind,
    pub name: String,
    pub source: String,
    pub updated_by: String,
    pub updated_at: Instant,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DestinationRow {
    pub name: String,
    /// Settings by kind: `{"kind":"http","url":…}`; checked before they get here.
    pub settings: Value,
    pub paused: bool,
    pub updated_at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    pub name: String,
    pub kind: Option<MessageKind>,
    /// Patterns with `*`; `None` matches everything.
    pub message_type: Option<String>,
    pub aggregate_type: Option<String>,
    /// A destination's name.
    pub to: String,
}

/// A signed-in browser or an API token: only the hash of the secret is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    pub kind: CredentialKind,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    pub account: String,
    pub created_at: Instant,
    pub expires_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    Session,
    ApiToken,
    /// A one-time sign-in link: taking it removes it.
    SignInLink,
}

impl CredentialKind {
    pub const ALL: [Self; 3] = [Self::Session, Self::ApiToken, Self::SignInLink];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiToken => "api_token",
            Self::SignInLink => "sign_in_link",
        }
    }
}

// ---------------------------------------------------------------- questions that the screens ask

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
    pub business_key: Option<String>,
    /// Text contained in business key or id.
    pub q: Option<String>,
    pub limit: u32,
    pub cursor: Option<String>,
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
