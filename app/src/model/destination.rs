//! Destinations and routes.

use serde::{Deserialize, Serialize};

use super::{BusCondition, DateTime};

/// Settings of a destination as a user gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DestinationSettings {
    pub kind: DestinationKind,
    pub url: String,
    /// `structured` (default) or `binary` CloudEvents.
    #[serde(default)]
    pub mode: CloudEventsMode,
    /// Signs by Standard Webhooks when given: `env:NAME` or `file:PATH` or `whsec_…`. Never shown again: absent, the
    /// present one stays; empty, messages are not signed any more.
    #[serde(default)]
    pub secret: Option<String>,
    /// Keys from before that still sign beside it, for receivers that do not know the new one yet. Never shown again:
    /// absent, the present ones stay. `POST /destinations/{name}/keys` moves the present key here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secrets: Option<Vec<OldSecret>>,
    /// 1,000 to 60,000; 10,000 by default.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u32,
    /// Attempts before a delivery is dead, 1 to 50; 8 by default.
    #[serde(default = "default_attempts_max")]
    pub attempts_max: u32,
    /// The first back-off's upper bound, 10 to 60,000; 500 by default. It doubles up to 15 minutes.
    #[serde(default = "default_backoff_base_ms")]
    pub backoff_base_ms: u32,
    /// Requests at a time, 1 to 64; 8 by default. One key never has two at a time.
    #[serde(default = "default_concurrency")]
    pub concurrency: u32,
    /// Requests a second at most, over all nodes, 0.01 to 10,000; absent: as many as the endpoint takes.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// What waits behind a delivery that failed: `park` (default), `block` or `skip`.
    #[serde(default)]
    pub order: OrderPolicy,
    /// So many failures of the endpoint in a row open the circuit breaker, 1 to 1,000; 10 by default. Null: there is none.
    #[serde(default = "default_breaker_failures")]
    pub breaker_failures: Option<u32>,
    /// How long an open breaker waits before one delivery is tried, 100 to 900,000; 30,000 by default. It doubles with
    /// every try that fails, up to 5 minutes.
    #[serde(default = "default_breaker_pause_ms")]
    pub breaker_pause_ms: u32,
}

impl DestinationSettings {
    /// An HTTP endpoint with the defaults.
    pub fn http(url: String) -> Self {
        Self {
            kind: DestinationKind::Http,
            url,
            mode: CloudEventsMode::default(),
            secret: None,
            old_secrets: None,
            timeout_ms: default_timeout_ms(),
            attempts_max: default_attempts_max(),
            backoff_base_ms: default_backoff_base_ms(),
            concurrency: default_concurrency(),
            rate_per_s: None,
            order: OrderPolicy::default(),
            breaker_failures: default_breaker_failures(),
            breaker_pause_ms: default_breaker_pause_ms(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    Http,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CloudEventsMode {
    #[default]
    Structured,
    Binary,
}

/// What waits behind a delivery that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderPolicy {
    /// The later ones of its key; other keys go on. The order of every key holds.
    #[default]
    Park,
    /// Everything for this destination, until the failed one is delivered or discarded.
    Block,
    /// The later ones of its key while it is tried again, nothing once it is dead: the order of the key is broken then.
    Skip,
}

impl OrderPolicy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::Block => "block",
            Self::Skip => "skip",
        }
    }
}

/// A signing key from before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OldSecret {
    pub secret: String,
    /// It signs until then.
    pub expires_at: DateTime,
}

/// A new signing key, and how long the one before it signs along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// `env:NAME` or `file:PATH` or `whsec_…`
    pub secret: String,
    /// Seconds, 0 to 2,592,000 (30 days); 86,400 (a day) by default.
    #[serde(default = "default_old_for_s")]
    pub old_for_s: u32,
    #[serde(default)]
    pub reason: Option<String>,
}

fn default_timeout_ms() -> u32 {
    10_000
}
fn default_attempts_max() -> u32 {
    8
}
fn default_backoff_base_ms() -> u32 {
    500
}
fn default_concurrency() -> u32 {
    8
}
/// More than the attempts at one message, so that one message alone does not open it.
fn default_breaker_failures() -> Option<u32> {
    Some(10)
}
fn default_breaker_pause_ms() -> u32 {
    30_000
}
fn default_old_for_s() -> u32 {
    86_400
}

/// A destination, how it is, and what is open there. No secret is ever in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Destination {
    pub name: String,
    pub settings: DestinationSettings,
    pub has_secret: bool,
    /// What messages are signed with now: the present key first, then those from before.
    pub keys: Vec<SigningKey>,
    pub paused: bool,
    /// Who paused it, while it is.
    pub paused_by: Option<PausedBy>,
    pub breaker: Breaker,
    /// With the policy `block`: a failed delivery holds up all others.
    pub blocked: bool,
    pub queued: u64,
    pub retrying: u64,
    pub parked: u64,
    pub dead: u64,
    pub oldest_open_at: Option<DateTime>,
    pub traffic: Traffic,
    pub updated_at: DateTime,
}

/// A key that signs, without what is secret about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SigningKey {
    /// `env:NAME` or `file:PATH`; `stored` for one that was given itself.
    pub source: String,
    /// It signs until then; absent for the present one.
    pub expires_at: Option<DateTime>,
    /// Why it cannot be used on this node now, and what to do.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PausedBy {
    pub actor: String,
    pub at: DateTime,
    pub reason: Option<String>,
}

/// The circuit breaker of a destination, as this node has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Breaker {
    pub state: BreakerState,
    /// Failures of the endpoint in a row.
    pub failures: u32,
    /// Since when it is not closed.
    pub since: Option<DateTime>,
    /// When one delivery is tried, while it is open.
    pub next_try_at: Option<DateTime>,
    /// What the endpoint did last, while it is not closed.
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// There is none.
    Off,
    /// Everything is sent.
    #[default]
    Closed,
    /// Nothing is sent; what waits, waits, and no attempt is counted.
    Open,
    /// One delivery is being tried; it decides.
    HalfOpen,
}

/// What went through, over all nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Traffic {
    /// In the last minute.
    pub delivered_per_min: u64,
    pub delivered_last_hour: u64,
    /// Attempts that failed.
    pub failed_last_hour: u64,
}

/// The bus, how it is, and what is open there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BusView {
    /// Which one, without credentials: `memory:`, `nats://…`.
    pub bus: String,
    /// How the broker is; none where messages stay in this process.
    pub condition: Option<BusCondition>,
    pub queued: u64,
    pub retrying: u64,
    pub parked: u64,
    pub dead: u64,
    /// The oldest message that it has not taken, in the outbox or among the failures.
    pub oldest_open_at: Option<DateTime>,
    /// What the relay published, to the bus and to destinations.
    pub traffic: Traffic,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    pub kind: Option<String>,
    #[serde(rename = "type")]
    pub message_type: Option<String>,
    pub aggregate_type: Option<String>,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Route {
    pub name: String,
    #[serde(flatten)]
    pub settings: RouteSettings,
}

/// What a test message met. It was sent past every queue and is stored nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TestReport {
    pub accepted: bool,
    /// For people: the status line, or what went wrong and what to do.
    pub answer: String,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The class of the failure, as the failures of deliveries have it.
    pub failure_class: Option<String>,
    /// The beginning of the answer's body.
    pub body: Option<String>,
    pub took_ms: i64,
}
