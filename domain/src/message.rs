//! Messages: events and commands, and the key that their order is kept by.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::MessageId;

mod accept;

pub use accept::{
    HEADER_CHARS_MAX, HEADERS_MAX, ID_CHARS_MAX, PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX, accept, check_storable,
    serialised_bytes,
};

/// The header that counts how many times a message was caused by an answer to another one; it bounds route loops.
pub const HOPS_HEADER: &str = "baton-hops";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Something happened; anybody may react.
    Event,
    /// Somebody is asked to do something; exactly one receiver is meant.
    Command,
}

impl MessageKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Command => "command",
        }
    }
}

/// The text was neither `event` nor `command`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message is an `event` or a `command`")]
pub struct UnknownKind;

impl FromStr for MessageKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "event" => Ok(Self::Event),
            "command" => Ok(Self::Command),
            _ => Err(UnknownKind),
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What messages are ordered by: the aggregate that they come from (events) or go to (commands).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    pub aggregate_type: String,
    pub aggregate_id: String,
}

/// A message as it stands in the outbox and travels to its receivers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub kind: MessageKind,
    #[serde(rename = "type")]
    pub message_type: String,
    /// Who sent it: the name of a service, a definition (`process/trip-booking`) or a destination.
    pub source: String,
    #[serde(flatten)]
    pub key: Key,
    /// The aggregate's version that the event belongs to, where the producer gives one.
    pub aggregate_version: Option<i64>,
    pub payload: Value,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    /// Not before this instant.
    pub deliver_after: Option<DateTime<Utc>>,
    /// The one destination that it is meant for, instead of whatever the routes say.
    pub destination: Option<String>,
    pub created_at: DateTime<Utc>,
}

impl Message {
    /// The headers of distributed tracing (W3C Trace Context), which pass from a message to what it causes.
    pub fn trace_headers(&self) -> BTreeMap<String, String> {
        let is_trace = |name: &str| name.eq_ignore_ascii_case("traceparent") || name.eq_ignore_ascii_case("tracestate");
        self.headers
            .iter()
            .filter(|(name, _)| is_trace(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}
