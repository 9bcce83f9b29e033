//! What an instance remembers.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Arrival, Closed, Incident, Status, ValueWait};
use crate::{
    format::V1,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::Message,
};

/// How many ids of handled messages are remembered, so that a repeated one changes nothing. Repeats that come later than
/// that are still harmless: their place is left, so they are merely noted as late.
pub const RECENT_MAX: usize = 64;

/// The state of an instance, and its snapshot: `{"v": 1, …}` as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) v: V1,
    pub instance: InstanceId,
    pub definition: String,
    pub business_key: Option<String>,
    pub started_by: String,
    pub started_at: DateTime<Utc>,
    pub input: Value,
    /// The variables.
    pub vars: Map<String, Value>,
    /// Where the instance stands; empty once it has ended.
    pub tokens: Vec<Token>,
    /// The highest number that a child (command, timer, task) has got.
    pub sequence: u32,
    pub suspended: bool,
    /// What came while suspended, in order.
    pub held: Vec<Arrival>,
    /// Events that came before a node waits for them, in order.
    pub buffer: Vec<Message>,
    /// The ids of the last messages that were handled.
    pub recent: VecDeque<MessageId>,
    pub ended: Option<Ending>,
}

/// One thread of control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub id: u32,
    pub node: String,
    pub place: Place,
}

/// What a token does at its node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// On its way: only while a decision is being made, never in a snapshot.
    Passing,
    /// Waits for a reply to a command.
    Command { command: MessageId, timer: Option<TimerId>, waits: Vec<ValueWait> },
    /// Waits for an event.
    Wait { timer: Option<TimerId>, waits: Vec<ValueWait> },
    /// Waits for a person.
    Approval { task: TaskId, timer: Option<TimerId> },
    /// Waits for an instant.
    Timer { timer: TimerId },
    /// Waits for an operator.
    Incident(Box<Incident>),
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    pub status: Status,
    /// The end node; `None` when it was cancelled.
    pub node: Option<String>,
    pub reason: Option<String>,
    pub at: DateTime<Utc>,
}

impl State {
    pub fn status(&self) -> Status {
        if let Some(ending) = &self.ended {
            ending.status
        } else if self.suspended {
            Status::Suspended
        } else if self.incidents().next().is_some() {
            Status::Stuck
        } else if self.tokens.iter().any(|token| matches!(token.place, Place::Command { .. })) {
            Status::Running
        } else {
            Status::Waiting
        }
    }

    /// What keeps the instance from going on, each with the token that it happened to.
    pub fn incidents(&self) -> impl Iterator<Item = (&Token, &Incident)> {
        self.tokens.iter().filter_map(|token| match &token.place {
            Place::Incident(incident) => Some((token, incident.as_ref())),
            _ => None,
        })
    }

    /// The first incident.
    pub fn incident(&self) -> Option<&Incident> {
        self.incidents().next().map(|(_, incident)| incident)
    }

    /// Whether nothing can ever wake this instance although it has not ended. Always `false`; exported as a metric, and
    /// an invariant of the tests, to show that.
    pub fn is_orphan(&self) -> bool {
        self.ended.is_none()
            && !self.suspended
            && !self.tokens.iter().any(|token| !matches!(token.place, Place::Passing))
    }

    pub(super) fn token_mut(&mut self, id: u32) -> Option<&mut Token> {
        self.tokens.iter_mut().find(|token| token.id == id)
    }

    /// Takes note of a handled message.
    pub(super) fn remember(&mut self, message: MessageId) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(message);
    }

    /// Whether this very message was handled, buffered or held before.
    pub(super) fn knows(&self, message: MessageId) -> bool {
        self.recent.contains(&message)
            || self.buffer.iter().any(|buffered| buffered.id == message)
            || self.held.iter().any(|held| matches!(held, Arrival::Message { message: it } if it.id == message))
    }
}

impl Token {
    pub fn timer(&self) -> Option<TimerId> {
        match &self.place {
            Place::Command { timer, .. } | Place::Wait { timer, .. } | Place::Approval { timer, .. } => *timer,
            Place::Timer { timer } => Some(*timer),
            Place::Passing | Place::Incident(_) => None,
        }
    }

    pub fn task(&self) -> Option<TaskId> {
        match &self.place {
            Place::Approval { task, .. } => Some(*task),
            _ => None,
        }
    }

    /// The values that it awaits events by.
    pub fn waits(&self) -> &[ValueWait] {
        match &self.place {
            Place::Command { waits, .. } | Place::Wait { waits, .. } => waits,
            _ => &[],
        }
    }

    /// All that is open at its place.
    pub(super) fn open(&self) -> Closed {
        Closed {
            timers: self.timer().into_iter().collect(),
            tasks: self.task().into_iter().collect(),
            waits: if self.waits().is_empty() { Vec::new() } else { vec![self.id] },
        }
    }
}
