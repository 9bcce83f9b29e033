//! The numbers of the first page.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DateTime, FailureGroup, FlowItem, InstanceSummary, TaskSummary};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Overview {
    pub pending: u64,
    pub oldest_pending_ms: Option<i64>,
    pub messages_total: u64,
    /// Over the last full seconds, on this node.
    pub published_per_s: f64,
    pub dead: u64,
    pub retrying: u64,
    pub parked: u64,
    pub parked_keys: u64,
    pub running: u64,
    pub waiting: u64,
    pub stuck: u64,
    pub tasks_open: u64,
    pub tasks_overdue: u64,
    /// Must be 0.
    pub orphans: u64,
    /// The last hour, a point a minute, oldest first.
    pub minutes: Vec<Minute>,
    pub failures: Vec<FailureGroup>,
    pub stuck_instances: Vec<InstanceSummary>,
    pub overdue_tasks: Vec<TaskSummary>,
    pub flow: Vec<FlowItem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Minute {
    pub minute: DateTime,
    pub published: u64,
    pub failed: u64,
}

/// The numbers beside the navigation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Badges {
    pub messages: u64,
    /// Not yet published.
    pub pending: u64,
    /// Messages with an open delivery in this state, anywhere.
    pub retrying: u64,
    pub parked: u64,
    pub dead: u64,
    /// Instances that have not ended.
    pub live: u64,
    pub stuck: u64,
    pub tasks: u64,
}

/// What runs here, for the settings page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct About {
    pub version: String,
    pub store: String,
    pub bus: String,
    /// How the broker is; none where messages stay in this process.
    pub bus_condition: Option<BusCondition>,
    /// How the relay reads the database's log; none where it does not, and nothing of the log is kept for it.
    pub log: Option<LogCondition>,
    pub node: String,
    /// Settings in force: name, value (secrets masked), where it came from (`flag`, `environment`, `file`, `default`).
    pub settings: Vec<(String, String, String)>,
}

/// How the bus is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BusCondition {
    pub connected: bool,
    /// Since when it is so; absent while it was not tried.
    pub since: Option<DateTime>,
    /// Why not, or the last thing that went wrong.
    pub error: Option<String>,
    pub error_at: Option<DateTime>,
}

/// How the relay reads the database's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct LogCondition {
    /// Whether this node is set to read it.
    pub wanted: bool,
    /// Whether this node reads it now.
    pub reading: bool,
    /// Another node reads it now.
    pub read_by_another: bool,
    /// The place in the log, once there is one.
    pub slot: Option<String>,
    /// Between what was confirmed and the end of the log.
    pub lag_bytes: u64,
    /// What the database keeps of its log because of it.
    pub retained_bytes: u64,
    /// Further behind than it should be.
    pub behind: bool,
    /// Why it could not be read the last time.
    pub error: Option<String>,
}

/// A server that works on this database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct NodeView {
    pub id: Uuid,
    pub name: String,
    pub started_at: DateTime,
    /// Until when its leases hold unless it renews them; past for one that is silent.
    pub expires_at: DateTime,
    /// Whether they hold; a node that is silent loses its lanes to the others.
    pub alive: bool,
    /// How many of the 64 lanes it works on.
    pub lanes: u32,
    /// Whether it is the one that answers.
    pub here: bool,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    pub at: DateTime,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub reason: Option<String>,
}
