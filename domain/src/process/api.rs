//! What goes into a decision and what comes out of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Parent;
use crate::{
    diagnostic::Diagnostic,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::Message,
};

/// The states of an instance. Terminal ones never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A command is under way.
    Running,
    /// Waits for an event, a timer or a person.
    Waiting,
    /// An operator stopped it; it goes on when resumed.
    Suspended,
    Compensating,
    Completed,
    Failed,
    Compensated,
    Cancelled,
    /// Cannot go on by itself: an incident waits for an operator.
    Stuck,
}

impl Status {
    pub const ALL: [Self; 9] = [
        Self::Running,
        Self::Waiting,
        Self::Suspended,
        Self::Compensating,
        Self::Completed,
        Self::Failed,
        Self::Compensated,
        Self::Cancelled,
        Self::Stuck,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Compensated => "compensated",
            Self::Cancelled => "cancelled",
            Self::Stuck => "stuck",
        }
    }

    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Compensated | Self::Cancelled => true,
            Self::Running | Self::Waiting | Self::Suspended | Self::Compensating | Self::Stuck => false,
        }
    }
}

/// What can happen to an instance from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Input {
    /// Somebody starts it. Only valid when there is no state yet.
    Start {
        input: Value,
        business_key: Option<String>,
        by: String,
        /// When a process starts it.
        #[serde(default)]
        parent: Option<Parent>,
    },
    /// An event arrived that is correlated to this instance.
    Message {
        message: Box<Message>,
    },
    /// An event that came before the instance waited for it by its value, and was kept.
    Early {
        message: Box<Message>,
    },
    /// A timer of the instance is due.
    TimerFired {
        timer: TimerId,
    },
    /// A person completed a task.
    CompleteTask {
        task: TaskId,
        outcome: String,
        data: Value,
        by: String,
    },
    Suspend(Operator),
    Resume(Operator),
    /// Ends it. With `compensate`, what was done is undone first.
    Cancel {
        #[serde(flatten)]
        operator: Operator,
        #[serde(default)]
        compensate: bool,
    },
    /// Try what failed (the incidents, or that of one token) again.
    Retry {
        #[serde(flatten)]
        operator: Operator,
        #[serde(default)]
        token: Option<u32>,
    },
    /// Leave the step at which a token waits or failed without its having happened, by a port; while undoing, leave this
    /// undo out. The port's own assignments are not made, since what they read did not come: `set` takes their place.
    Skip {
        #[serde(flatten)]
        operator: Operator,
        #[serde(default)]
        token: Option<u32>,
        /// The node where the token stands, in place of its number.
        #[serde(default)]
        node: Option<String>,
        /// The only port there is besides `timeout` when absent.
        #[serde(default)]
        port: Option<String>,
        #[serde(default)]
        set: Map<String, Value>,
    },
    /// Take a token from where it is to another node, and enter that.
    Move {
        #[serde(flatten)]
        operator: Operator,
        #[serde(default)]
        token: Option<u32>,
        /// The node where the token stands, in place of its number.
        #[serde(default)]
        node: Option<String>,
        to: String,
    },
    /// Change variables; those of a token's own when one is named.
    SetVariables {
        #[serde(flatten)]
        operator: Operator,
        set: Map<String, Value>,
        #[serde(default)]
        token: Option<u32>,
    },
    /// Say what became of a command that was left without an answer.
    Settle {
        #[serde(flatten)]
        operator: Operator,
        /// [`Unsettled::command`](super::Unsettled::command).
        command: MessageId,
        succeeded: bool,
        /// What its reply would have said, for an undo that reads it.
        #[serde(default)]
        payload: Value,
    },
    /// Stop undoing: the instance ends as failed with what could not be undone.
    Abandon(Operator),
}

impl Input {
    /// What an operator does is called by this name, in kebab-case; `None` for what is not an operator's.
    pub fn operation(&self) -> Option<(&'static str, &Operator)> {
        match self {
            Self::Suspend(operator) => Some(("suspend", operator)),
            Self::Resume(operator) => Some(("resume", operator)),
            Self::Cancel { operator, .. } => Some(("cancel", operator)),
            Self::Retry { operator, .. } => Some(("retry", operator)),
            Self::Skip { operator, .. } => Some(("skip", operator)),
            Self::Move { operator, .. } => Some(("move", operator)),
            Self::SetVariables { operator, .. } => Some(("set-variables", operator)),
            Self::Settle { operator, .. } => Some(("settle", operator)),
            Self::Abandon(operator) => Some(("abandon", operator)),
            Self::Start { .. }
            | Self::Message { .. }
            | Self::Early { .. }
            | Self::TimerFired { .. }
            | Self::CompleteTask { .. } => None,
        }
    }
}

/// Who interferes with an instance, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    pub by: String,
    pub reason: String,
    /// How many events the history had when they looked: the input is rejected when there are more by now.
    #[serde(default)]
    pub expected: Option<u64>,
}

/// What is known about the moment of a decision; nothing else comes from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    pub instance: InstanceId,
    pub now: DateTime<Utc>,
    /// How many events the history has before this decision.
    pub recorded: u64,
}

/// Why an input changes nothing. An expected outcome, not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// Stable name in kebab-case, such as `instance-ended` or `task-closed`.
    pub code: &'static str,
    /// JSON pointer into the request where one place is to blame; empty otherwise.
    pub pointer: String,
    /// A sentence for people; where there are several findings, one for each.
    pub message: String,
    /// Everything that is wrong with what was sent, with pointers into the request; empty where it is not about that.
    pub findings: Vec<Diagnostic>,
}

/// A human task as the decision opened it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedTask {
    pub task: TaskId,
    pub node: String,
    pub title: String,
    pub assignee: Option<String>,
    pub candidate_group: Option<String>,
    pub due_at: Option<DateTime<Utc>>,
    /// What can be chosen, by name.
    pub outcomes: Vec<OfferedOutcome>,
}

/// One of the answers that a task offers.
///
/// The order of the fields is part of the stored format: the first tasks were stored as pairs `[name, form]`, and are
/// still read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferedOutcome {
    pub name: String,
    /// The JSON Schema of the form to fill in, where there is one.
    #[serde(default)]
    pub form: Option<Value>,
    /// What people call it; its name when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// What the runtime has to do about an event of the history, in the transaction that appends it.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Insert a command into the outbox.
    Send(Box<Message>),
    SetTimer {
        timer: TimerId,
        due_at: DateTime<Utc>,
    },
    CancelTimer {
        timer: TimerId,
    },
    OpenTask(Box<OpenedTask>),
    /// An open task goes to somebody else; whoever claimed it has it no longer.
    ReassignTask {
        task: TaskId,
        assignee: Option<String>,
        candidate_group: Option<String>,
    },
    /// A task ends: completed by somebody with an outcome, or withdrawn (`outcome` is `None`).
    CloseTask {
        task: TaskId,
        outcome: Option<String>,
        data: Value,
        by: Option<String>,
    },
    /// Events of `event_type` whose correlation value is `value` belong to this instance until `Forget`.
    Await {
        token: u32,
        event_type: String,
        value: String,
    },
    /// The token no longer awaits anything by value.
    Forget {
        token: u32,
    },
}

/// The id of the command that child number `number` of `instance` is.
pub fn command_id(instance: InstanceId, number: u32) -> MessageId {
    MessageId(instance.child(number))
}
