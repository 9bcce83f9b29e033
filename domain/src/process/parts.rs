//! What events and states are made of. Stored for ever, like both.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Forward, Place};
use crate::{
    ids::{TaskId, TimerId},
    message::Message,
};

/// A timer and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueTimer {
    pub timer: TimerId,
    pub due_at: DateTime<Utc>,
}

/// Events of a type whose correlation value is this one are awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueWait {
    pub event_type: String,
    pub value: String,
}

/// What a token awaits by value besides what it awaited before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Its number, or that of an unsettled command.
    pub token: u32,
    pub waits: Vec<ValueWait>,
}

/// What was open at a place and is taken back because the token leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Closed {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<TimerId>,
    /// Tasks that nobody completed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskId>,
    /// Tokens that awaited something by value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<u32>,
}

/// Something that came while the instance was suspended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Arrival {
    Message { message: Box<Message> },
    Timer { timer: TimerId },
}

/// Why a token cannot go on, and what is tried again when an operator says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    // Beside it in the JSON of a place there is a `kind` already.
    #[serde(default, rename = "about")]
    pub kind: IncidentKind,
    pub node: String,
    /// A sentence for people.
    pub reason: String,
    pub attempt: Attempt,
    /// The beginning of the variables as they were, for a first look.
    pub excerpt: String,
    pub at: DateTime<Utc>,
}

/// What an incident is about, which says what operators can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// A step: retry it, skip it, or move the token.
    #[default]
    Step,
    /// An undo: retry it, skip it, or abandon the compensation.
    Undo,
    /// A command that was left without an answer and keeps the compensation waiting: settle it, retry (wait again), or
    /// abandon the compensation.
    Settlement,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Attempt {
    /// Entering the node. Nothing was sent: a retry enters it again.
    Enter,
    /// Leaving it by a port, after what it waited for had come. A retry leaves again and repeats no command.
    Leave {
        port: String,
        message: Option<Box<Message>>,
        form: Option<Value>,
        /// The command that was answered, where it may have to be undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forward: Option<Box<Forward>>,
    },
    /// Waiting at this place: nobody answered, or not as hoped. What is waited for may still come. A retry asks again, or
    /// else sends again what was sent.
    Wait { place: Box<Place> },
}

impl Closed {
    /// Both together.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.timers.extend(other.timers);
        self.tasks.extend(other.tasks);
        self.waits.extend(other.waits);
        self
    }

    /// Without the timer or task that closed itself by firing or being completed.
    pub(super) fn without(mut self, child: Uuid) -> Self {
        self.timers.retain(|timer| timer.0 != child);
        self.tasks.retain(|task| task.0 != child);
        self
    }
}

impl Arrival {
    /// Whether this is the timer.
    pub(super) fn is_timer(&self, wanted: crate::ids::TimerId) -> bool {
        matches!(self, Self::Timer { timer } if *timer == wanted)
    }
}
