//! Messages, their deliveries and the relay.

use baton_domain::{
    ids::MessageId,
    message::{Key, Message},
};
use serde_json::Value;
use uuid::Uuid;

use super::Instant;

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
    /// Whether anything at all waits at the bus, maybe of this key: then it is worth asking.
    pub bus_waits: bool,
}

/// A server that works, or worked until lately, on this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    pub id: Uuid,
    pub name: String,
    pub started_at: Instant,
    /// Until when its leases hold unless it renews them.
    pub expires_at: Instant,
    /// Whether they hold now, by the database's clock.
    pub alive: bool,
    /// How many lanes it holds.
    pub lanes: u32,
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
