//! Operations on many instances at once.

use serde_json::Value;
use uuid::Uuid;

use super::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    Running,
    Paused,
    /// Every instance was asked.
    Ended,
    /// Somebody stopped it before.
    Cancelled,
}

impl BatchState {
    pub const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Ended, Self::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What is to be done to which instances, and how far that is.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRow {
    pub id: Uuid,
    /// As `baton_app::model::BatchOperate`.
    pub operation: Value,
    /// As `baton_app::model::BatchFilter`.
    pub filter: Value,
    pub actor: String,
    pub reason: String,
    pub created_at: Instant,
    pub state: BatchState,
    /// How many instances passed the filter when it began.
    pub total: u64,
    pub done: u64,
    pub refused: u64,
    /// `[{"instance": …, "message": …}, …]`: the first that were refused.
    pub refusals: Value,
    /// The cursor at which the list of instances goes on.
    pub position: Option<String>,
    pub ended_at: Option<Instant>,
}
