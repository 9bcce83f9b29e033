//! What operators do to instances, and what they can choose between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The most characters of a reason, wherever one is given.
pub const REASON_CHARS_MAX: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Operation {
    pub name: OperationName,
    /// Why it cannot be done now; `None` when it can.
    pub refused: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationName {
    Retry,
    Skip,
    Move,
    SetVariables,
    Settle,
    Suspend,
    Resume,
    Abandon,
    /// To another version of its definition.
    Migrate,
    /// As a new instance, from an earlier point.
    Restart,
    /// Cancel, and undo what was done first.
    Compensate,
    Cancel,
}

impl OperationName {
    pub const ALL: [Self; 12] = [
        Self::Retry,
        Self::Skip,
        Self::Move,
        Self::SetVariables,
        Self::Settle,
        Self::Suspend,
        Self::Resume,
        Self::Abandon,
        Self::Migrate,
        Self::Restart,
        Self::Compensate,
        Self::Cancel,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Move => "move",
            Self::SetVariables => "set_variables",
            Self::Settle => "settle",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Abandon => "abandon",
            Self::Migrate => "migrate",
            Self::Restart => "restart",
            Self::Compensate => "compensate",
            Self::Cancel => "cancel",
        }
    }
}

/// What is to be done to an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operate {
    Suspend,
    Resume,
    /// End it; with `compensate`, undo what was done first.
    Cancel {
        compensate: bool,
    },
    /// Try what failed again, everywhere or at one token.
    Retry {
        token: Option<u32>,
    },
    /// Leave a step by a port without its having happened, or leave an undo out.
    Skip {
        token: Option<u32>,
        /// Where the token stands, in place of its number.
        node: Option<String>,
        port: Option<String>,
        set: Map<String, Value>,
    },
    Move {
        token: Option<u32>,
        /// Where the token stands, in place of its number.
        node: Option<String>,
        to: String,
    },
    SetVariables {
        token: Option<u32>,
        set: Map<String, Value>,
    },
    /// Say what became of a command that nobody answered.
    Settle {
        command: Uuid,
        succeeded: bool,
        payload: Value,
    },
    /// Stop undoing.
    Abandon,
    /// Go on by another version of the definition.
    Migrate {
        to_version: u32,
        /// Node of the old version → node of the new one, where it is called otherwise.
        mapping: BTreeMap<String, String>,
    },
}

/// What is to be done, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperateRequest {
    pub operate: Operate,
    pub reason: String,
    /// How many events the history had when they looked; the operation is refused when there are more by now.
    pub expected: Option<u64>,
}

/// How a new instance takes over from an earlier point of another one's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestartRequest {
    /// The event of the history after which it begins, counted from 1.
    pub at: u64,
    /// Variables that are other than they were.
    pub variables: Map<String, Value>,
    /// In place of the input; the same when absent.
    pub input: Option<Value>,
    pub reason: String,
    /// How many events the history had when they looked; refused when there are more by now.
    pub expected: Option<u64>,
    /// A second restart with the same key returns the first one's instance.
    pub idempotency_key: Option<String>,
}

/// Where a token stands, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TokenView {
    pub token: u32,
    pub node: String,
    /// Which item of a `for-each` it is for, counted from 0.
    pub index: Option<u32>,
    pub incident: Option<String>,
    /// The ports by which its step can be skipped.
    pub ports: Vec<String>,
    /// Whether it is at an undo that can be left out.
    pub skips_undo: bool,
    /// The nodes to which it can be moved.
    pub targets: Vec<String>,
    /// The variables that it has for itself, inside a `for-each`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub own: Map<String, Value>,
}

/// A step that succeeded, and the command that undoes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UndoView {
    pub node: String,
    /// The type of the command that would undo it.
    pub send: String,
    pub to: String,
    pub key: String,
    pub payload: Value,
    pub state: UndoState,
}

/// How far an undo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UndoState {
    /// It would be done if the instance were undone.
    Ahead,
    UnderWay,
    /// It was refused, or nobody answered: a person has to see to it.
    Stuck,
    Done,
    /// An operator left the step as it is.
    Skipped,
}

/// A command that was left without an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UnansweredView {
    /// The command's id, by which it is settled.
    pub command: Uuid,
    pub node: String,
    /// It was answered, but what would undo it cannot be made out.
    pub answered: bool,
}
