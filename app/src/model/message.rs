//! Messages, deliveries and failures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::DateTime;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct MessageQuery {
    /// `pending`, `published`, `delivering`, `retrying`, `parked` or `dead`.
    pub state: Option<String>,
    /// `event` or `command`.
    pub kind: Option<String>,
    #[serde(rename = "type")]
    pub message_type: Option<String>,
    pub aggregate_type: Option<String>,
    pub aggregate_id: Option<String>,
    pub correlation_id: Option<String>,
    pub destination: Option<String>,
    pub q: Option<String>,
    pub from: Option<DateTime>,
    pub to: Option<DateTime>,
    /// 1 to 200; 50 by default.
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// What became of messages that were handed in: every id is in exactly one list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Accepted {
    pub accepted: Vec<Uuid>,
    /// Known before; nothing of these was written.
    pub duplicates: Vec<Uuid>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct MessageSummary {
    pub id: Uuid,
    pub seq: i64,
    pub kind: String,
    #[serde(rename = "type")]
    pub message_type: String,
    pub source: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub state: String,
    pub attempts: u32,
    pub last_error: Option<String>,
    pub next_attempt_at: Option<DateTime>,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    pub created_at: DateTime,
    pub published_at: Option<DateTime>,
}

/// All messages with one correlation id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Oldest first.
    pub messages: Vec<MessageSummary>,
    /// The instance whose conversation it is, when the correlation id is one's.
    pub instance: Option<Uuid>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct MessageDetail {
    #[serde(flatten)]
    pub summary: MessageSummary,
    pub aggregate_version: Option<i64>,
    pub payload: Value,
    pub headers: BTreeMap<String, String>,
    pub deliver_after: Option<DateTime>,
    pub destination: Option<String>,
    pub deliveries: Vec<Delivery>,
    /// The process or saga instance that it belongs to, when its correlation leads to one.
    pub instance: Option<Uuid>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Delivery {
    pub id: i64,
    pub destination: String,
    /// `queued`, `retrying`, `parked`, `dead`, `delivered` or `discarded`.
    pub state: String,
    pub attempts: u32,
    pub next_attempt_at: Option<DateTime>,
    pub failure_class: Option<String>,
    pub error: Option<String>,
    pub edited_payload: Option<Value>,
    pub created_at: DateTime,
    pub ended_at: Option<DateTime>,
    /// How many later messages of the key are parked behind this one.
    pub followers: u64,
    pub attempts_made: Vec<Attempt>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Attempt {
    pub number: u32,
    pub at: DateTime,
    pub duration_ms: i64,
    pub failure_class: Option<String>,
    pub error: Option<String>,
}

/// One line of the live flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FlowItem {
    pub id: Uuid,
    pub at: DateTime,
    pub kind: String,
    #[serde(rename = "type")]
    pub message_type: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub source: String,
    /// Where it went: `bus` or destinations' names; empty while pending.
    pub to: Vec<String>,
    pub state: String,
    /// From insertion to publication.
    pub took_ms: Option<i64>,
    pub correlation_id: Option<String>,
}

/// Deliveries that failed in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FailureGroup {
    pub destination: String,
    pub failure_class: String,
    #[serde(rename = "type")]
    pub message_type: String,
    /// `retrying` or `dead`.
    pub state: String,
    pub count: u64,
    pub first_at: DateTime,
    pub last_at: DateTime,
    pub sample_error: String,
    pub sample_message: Uuid,
    pub parked_behind: u64,
}

/// Which failed deliveries a repair is about; empty means all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RepairFilter {
    pub message: Option<Uuid>,
    pub destination: Option<String>,
    pub failure_class: Option<String>,
    #[serde(rename = "type")]
    pub message_type: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RepairAction {
    Retry,
    Discard,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct RepairReport {
    /// How many deliveries were put back or discarded.
    pub touched: u64,
}
