//! What a token does at its node, and what it waits for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Attempt, Closed, Handover, Incident, Token, ValueWait};
use crate::{
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::Message,
};

/// What a token does at its node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// On its way: only while a decision is being made, never in a snapshot.
    Passing,
    /// Waits for a reply to a command.
    Command(Box<Issued>),
    /// Waits for an event.
    Wait { timer: Option<TimerId>, waits: Vec<ValueWait> },
    /// Waits for a person.
    Approval {
        task: TaskId,
        timer: Option<TimerId>,
        /// To whom the task goes next, and when.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        handovers: Vec<Handover>,
    },
    /// Waits for an instant.
    Timer { timer: TimerId },
    /// Undoes what was done: the last of [`State::done`], or, without a command under way, waits until every unsettled
    /// command is settled.
    Compensating { undo: Option<Box<Issued>> },
    /// Waits until another process has ended.
    Call { command: MessageId, child: InstanceId, timer: Option<TimerId> },
    /// Waits until the tokens of all branches have come to the join.
    Fork { join: String, timer: Option<TimerId> },
    /// Waits until the body has been gone through for every item.
    ForEach(Box<Loop>),
    /// Waits for an operator.
    Incident(Box<Incident>),
}

/// How far a loop is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loop {
    /// The items that have not begun, the next one last.
    pub left: Vec<Value>,
    /// How many have begun.
    pub begun: u32,
    /// The variable that has the item.
    pub item: String,
    /// What was gathered, in the order of the list; null where nothing has been yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<Value>,
    /// The bytes of all results, in JSON.
    #[serde(default)]
    pub result_bytes: usize,
    pub timer: Option<TimerId>,
    /// While it takes a breath, so that one decision does not go on for too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<TimerId>,
}

/// A command under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Issued {
    /// The last attempt.
    pub command: MessageId,
    /// The attempts before it, in order. A reply to any of them counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<MessageId>,
    /// The questions that were asked about it. A reply to one of them is a reply to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<MessageId>,
    /// How many of them were asked before the last attempt: what they were answered says nothing about that.
    #[serde(default)]
    pub queries_before: usize,
    /// How often it was asked since the last attempt.
    #[serde(default)]
    pub asked: u32,
    /// Between two attempts: why there will be another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    pub timer: Option<TimerId>,
    pub waits: Vec<ValueWait>,
    /// What it said, where that may be needed once more: to repeat it, to ask about it, or to undo it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<Box<Forward>>,
}

/// Why a command is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// The last attempt was refused: it was not done.
    Refused,
    /// It was not answered: it may have been done.
    Unanswered,
}

/// What a command said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forward {
    /// The id of the first attempt: it names the step.
    pub command: MessageId,
    pub to: String,
    pub key: String,
    pub payload: Value,
    /// The value that its replies are matched by, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A step that succeeded, and the command that would undo it, ready to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undoable {
    pub node: String,
    /// The first attempt of the step's command.
    pub command: MessageId,
    pub send: String,
    pub to: String,
    pub key: String,
    pub payload: Value,
    /// The events that say that it is undone.
    pub done: Vec<String>,
    /// The events that say that it could not be.
    pub failed: Vec<String>,
    /// The value that its replies are matched by, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A command that was left without an answer: it may have been done, or be done yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unsettled {
    pub node: String,
    /// The number under which it goes on awaiting events by value.
    pub watch: u32,
    pub issued: Issued,
    /// The variables of its own that its token had.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub frame: Map<String, Value>,
    /// It was done, this says so, but what would undo it cannot be made out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<Message>>,
}

impl Token {
    /// Where it waits; for an incident over something that may yet come, where it waited and waits still.
    pub fn waiting(&self) -> &Place {
        match &self.place {
            Place::Incident(incident) => match &incident.attempt {
                Attempt::Wait { place } => place,
                Attempt::Enter | Attempt::Leave { .. } => &self.place,
            },
            place => place,
        }
    }

    /// The command that it waits for, if it does; an undo included.
    pub fn issued(&self) -> Option<&Issued> {
        match self.waiting() {
            Place::Command(issued) | Place::Compensating { undo: Some(issued) } => Some(issued),
            _ => None,
        }
    }

    /// The timers that it waits for.
    pub fn timers(&self) -> impl Iterator<Item = TimerId> {
        let handovers = match &self.place {
            Place::Approval { handovers, .. } => handovers.as_slice(),
            _ => &[],
        };
        let own = match &self.place {
            Place::Command(issued) | Place::Compensating { undo: Some(issued) } => [issued.timer, None],
            Place::Wait { timer, .. }
            | Place::Approval { timer, .. }
            | Place::Fork { timer, .. }
            | Place::Call { timer, .. } => [*timer, None],
            Place::Timer { timer } => [Some(*timer), None],
            Place::ForEach(it) => [it.timer, it.pause],
            Place::Passing | Place::Compensating { undo: None } | Place::Incident(_) => [None, None],
        };
        own.into_iter().flatten().chain(handovers.iter().map(|handover| handover.due.timer))
    }

    pub fn task(&self) -> Option<TaskId> {
        match &self.place {
            Place::Approval { task, .. } => Some(*task),
            _ => None,
        }
    }

    /// The values that it awaits events by.
    pub fn waits(&self) -> &[ValueWait] {
        match self.waiting() {
            Place::Command(issued) | Place::Compensating { undo: Some(issued) } => &issued.waits,
            Place::Wait { waits, .. } => waits,
            _ => &[],
        }
    }

    /// The same, to add to them.
    pub(super) fn waits_mut(&mut self) -> Option<&mut Vec<ValueWait>> {
        let place = match &mut self.place {
            Place::Incident(incident) => match &mut incident.attempt {
                Attempt::Wait { place } => place.as_mut(),
                Attempt::Enter | Attempt::Leave { .. } => return None,
            },
            place => place,
        };
        match place {
            Place::Command(issued) | Place::Compensating { undo: Some(issued) } => Some(&mut issued.waits),
            Place::Wait { waits, .. } => Some(waits),
            _ => None,
        }
    }

    /// All that is open at its place.
    pub(super) fn open(&self) -> Closed {
        Closed {
            timers: self.timers().collect(),
            tasks: self.task().into_iter().collect(),
            waits: if self.waits().is_empty() { Vec::new() } else { vec![self.id] },
        }
    }
}

impl Issued {
    pub(super) fn new(command: MessageId) -> Self {
        let (earlier, queries, waits) = (Vec::new(), Vec::new(), Vec::new());
        let (queries_before, asked, rest, timer, forward) = (0, 0, None, None, None);
        Self { command, earlier, queries, queries_before, asked, rest, timer, waits, forward }
    }

    /// Whether a reply that names this cause is a reply to it.
    pub fn is_for(&self, cause: MessageId) -> bool {
        self.command == cause || self.earlier.contains(&cause) || self.queries.contains(&cause)
    }

    /// Whether a reply that names this cause says nothing about the last attempt.
    pub fn is_superseded(&self, cause: MessageId) -> bool {
        let before = &self.queries[..self.queries_before.min(self.queries.len())];
        self.earlier.contains(&cause) || before.contains(&cause)
    }

    /// The first attempt: what receivers deduplicate by.
    pub fn first(&self) -> MessageId {
        self.earlier.first().copied().unwrap_or(self.command)
    }
}

impl Unsettled {
    /// The first attempt of its command: what operators and events call it by.
    pub fn command(&self) -> MessageId {
        self.issued.first()
    }

    pub(super) fn open(&self) -> Closed {
        Closed {
            timers: self.issued.timer.into_iter().collect(),
            tasks: Vec::new(),
            waits: if self.issued.waits.is_empty() { Vec::new() } else { vec![self.watch] },
        }
    }
}
