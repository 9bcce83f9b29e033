//! What an instance remembers.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Arrival, Closed, Incident, Origin, Parent, Place, Status, Undoable, Unsettled};
use crate::{
    format::V1,
    ids::{InstanceId, MessageId, TimerId},
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
    /// How many tokens there have been, and what else is numbered with them.
    #[serde(default)]
    pub tokens_made: u32,
    /// What would be undone, in the order in which it succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Undoable>,
    /// Commands that were left without an answer, where something can be undone: that waits until they are settled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<Unsettled>,
    /// While what was done is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
    /// The highest number that a child (command, timer, task) has got.
    pub sequence: u32,
    pub suspended: bool,
    /// What came while suspended, in order.
    pub held: Vec<Arrival>,
    /// Events that came before a node waits for them, in order.
    pub buffer: Vec<Message>,
    /// The ids of the last messages that were handled.
    pub recent: VecDeque<MessageId>,
    /// Until when each event of `buffer` is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expiries: Vec<Expiry>,
    /// The instance that called this one, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The instance, and the point of its history, that this one was restarted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_from: Option<Origin>,
    /// The instance that took over from this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_as: Option<InstanceId>,
    pub ended: Option<Ending>,
}

/// An event that came early is dropped when this timer fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    pub message: MessageId,
    pub timer: TimerId,
}

/// One thread of control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub id: u32,
    pub node: String,
    pub place: Place,
    /// The token that waits for this one, inside a fork or a loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// Which item of a loop it is for, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Variables of its own, over those outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Map<String, Value>>,
}

/// That, and why, what was done is being undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// The token that goes on afterwards.
    pub token: u32,
    pub cause: Cause,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// The process came to a node that says so, and goes on from there.
    Node,
    /// An operator cancelled the instance: it ends when all is undone.
    Cancelled { by: String, reason: String },
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
        } else if self.compensation.is_some() {
            Status::Compensating
        } else if self.tokens.iter().any(|token| matches!(token.place, Place::Command(_))) {
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

    /// Whether nothing can ever wake this instance, or one of its tokens, although it has not ended. Always `false`;
    /// exported as a metric, and an invariant of the tests, to show that.
    pub fn is_orphan(&self) -> bool {
        self.ended.is_none() && (self.tokens.is_empty() || self.tokens.iter().any(|token| self.is_lost(token)))
    }

    fn is_lost(&self, token: &Token) -> bool {
        match &token.place {
            Place::Passing => true,
            Place::Compensating { undo: None } => self.unsettled.is_empty(),
            Place::Fork { .. } => !self.has_inside(token.id),
            Place::ForEach(it) => it.pause.is_none() && !self.has_inside(token.id),
            Place::Command(_)
            | Place::Call { .. }
            | Place::Wait { .. }
            | Place::Approval { .. }
            | Place::Timer { .. }
            | Place::Compensating { undo: Some(_) }
            | Place::Incident(_) => false,
        }
    }

    pub fn token(&self, id: u32) -> Option<&Token> {
        self.tokens.iter().find(|token| token.id == id)
    }

    pub(super) fn token_mut(&mut self, id: u32) -> Option<&mut Token> {
        self.tokens.iter_mut().find(|token| token.id == id)
    }

    /// The number of the next token, or of whatever else is numbered with them.
    pub(super) fn next_token(&self) -> u32 {
        self.tokens.iter().map(|token| token.id).max().unwrap_or(0).max(self.tokens_made) + 1
    }

    /// The token itself and those that wait for it, from the inside out.
    pub(super) fn ancestry(&self, id: u32) -> impl Iterator<Item = &Token> {
        std::iter::successors(self.token(id), |token| self.token(token.parent?))
    }

    /// The tokens that the token waits for, directly.
    pub(super) fn children(&self, id: u32) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(move |token| token.parent == Some(id))
    }

    fn has_inside(&self, id: u32) -> bool {
        self.children(id).next().is_some()
    }

    /// The token and all tokens inside what it waits for.
    pub(super) fn with_inside(&self, id: u32) -> Vec<&Token> {
        let is_inside = |token: &&Token| self.ancestry(token.id).any(|around| around.id == id);
        if self.has_inside(id) {
            self.tokens.iter().filter(is_inside).collect()
        } else {
            self.token(id).into_iter().collect()
        }
    }

    /// The variables of their own that the token and those around it have, the inner ones over the outer ones.
    pub(super) fn frames(&self, id: u32) -> Option<Map<String, Value>> {
        let mut frames =
            self.ancestry(id).filter_map(|token| token.frame.as_ref()).collect::<Vec<_>>().into_iter().rev();
        let mut merged = frames.next()?.clone();
        for frame in frames {
            merged.extend(frame.clone());
        }
        Some(merged)
    }

    /// The timers that something waits for.
    pub fn open_timers(&self) -> impl Iterator<Item = TimerId> {
        self.open().timers.into_iter()
    }

    /// All that is open anywhere, for when the instance ends.
    pub(super) fn open(&self) -> Closed {
        let tokens = self.tokens.iter().map(Token::open);
        let mut open = tokens.chain(self.unsettled.iter().map(Unsettled::open)).fold(Closed::default(), Closed::and);
        open.timers.extend(self.expiries.iter().map(|expiry| expiry.timer));
        open
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
