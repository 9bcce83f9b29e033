//! Destinations and routes.

use serde::{Deserialize, Serialize};

use super::DateTime;

/// Settings of a destination as a user gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DestinationSettings {
    Http {
        url: String,
        /// `structured` (default) or `binary` CloudEvents.
        #[serde(default)]
        mode: CloudEventsMode,
        /// Signs by Standard Webhooks when given: `env:NAME` or `file:PATH` or `whsec_…`. Never shown again.
        #[serde(default)]
        secret: Option<String>,
        /// 1,000 to 60,000; 10,000 by default.
        #[serde(default = "default_timeout_ms")]
        timeout_ms: u32,
        /// Attempts before a delivery is dead, 1 to 50; 8 by default.
        #[serde(default = "default_attempts_max")]
        attempts_max: u32,
        /// The first back-off's upper bound, 10 to 60,000; 500 by default. It doubles up to 15 minutes.
        #[serde(default = "default_backoff_base_ms")]
        backoff_base_ms: u32,
        /// Requests at a time, 1 to 64; 8 by default. One key never has two at a time.
        #[serde(default = "default_concurrency")]
        concurrency: u32,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CloudEventsMode {
    #[default]
    Structured,
    Binary,
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

/// A destination with what is open there. The secret is never in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Destination {
    pub name: String,
    pub settings: DestinationSettings,
    pub has_secret: bool,
    pub paused: bool,
    pub queued: u64,
    pub retrying: u64,
    pub parked: u64,
    pub dead: u64,
    pub oldest_open_at: Option<DateTime>,
    pub updated_at: DateTime,
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

/// What a test message met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TestReport {
    pub accepted: bool,
    /// The status line or the error, for people.
    pub answer: String,
    pub took_ms: i64,
}
