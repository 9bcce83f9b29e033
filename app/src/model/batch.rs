//! Operations on many instances at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{DateTime, InstanceQuery, Operate};

/// What can be done to many instances at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BatchOperate {
    Suspend,
    Resume,
    /// Try again what failed.
    Retry,
    Cancel,
    /// Cancel, and undo what was done first.
    Compensate,
    /// Stop undoing: they end as failed.
    Abandon,
    /// Leave the step at a node without its having happened, or its undo out.
    Skip(BatchSkip),
    /// Take the token at a node to another one.
    Move(BatchMove),
    SetVariables(BatchVariables),
    /// Go on by another version of their definition. Those that run it already, or have ended, are left out.
    Migrate(BatchMigration),
    /// Have a new instance take over from each, beginning at a step that it came to.
    Restart(BatchRestart),
}

/// Which step is left, and how. The node is named so that one that was asked before, and went on, is not asked for more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchSkip {
    /// Where the token stands.
    pub node: String,
    /// The only port besides `timeout` when absent; none for an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Variables to set on the way, in place of what the port sets.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub set: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchMove {
    /// Where the token stands.
    pub node: String,
    /// The node that it enters; another one.
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchVariables {
    /// The new values by name.
    pub set: Map<String, Value>,
}

/// Where the new instances begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchRestart {
    /// The step, as the version that they run calls it; the last time that each came to it counts.
    pub node: String,
    /// Variables that are other than they were then.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
}

/// To which version instances go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchMigration {
    pub to_version: u32,
    /// Node of the old version → node of the new one, where it is called otherwise.
    #[serde(default)]
    pub mapping: BTreeMap<String, String>,
}

impl BatchOperate {
    /// Those that need nothing else to be said.
    pub const SIMPLE: [Self; 6] =
        [Self::Retry, Self::Suspend, Self::Resume, Self::Cancel, Self::Compensate, Self::Abandon];

    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Compensate => "compensate",
            Self::Abandon => "abandon",
            Self::Skip(_) => "skip",
            Self::Move(_) => "move",
            Self::SetVariables(_) => "set_variables",
            Self::Migrate(_) => "migrate",
            Self::Restart(_) => "restart",
        }
    }

    /// The same for one instance; `Err` for the one that is about two.
    pub fn operate(self) -> Result<Operate, BatchRestart> {
        Ok(match self {
            Self::Suspend => Operate::Suspend,
            Self::Resume => Operate::Resume,
            Self::Retry => Operate::Retry { token: None },
            Self::Cancel => Operate::Cancel { compensate: false },
            Self::Compensate => Operate::Cancel { compensate: true },
            Self::Abandon => Operate::Abandon,
            Self::Skip(BatchSkip { node, port, set }) => Operate::Skip { token: None, node: Some(node), port, set },
            Self::Move(BatchMove { node, to }) => Operate::Move { token: None, node: Some(node), to },
            Self::SetVariables(BatchVariables { set }) => Operate::SetVariables { token: None, set },
            Self::Migrate(BatchMigration { to_version, mapping }) => Operate::Migrate { to_version, mapping },
            Self::Restart(restart) => return Err(restart),
        })
    }
}

/// Which instances; at least one field has to say something.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BatchFilter {
    /// `process` or `saga`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_key: Option<String>,
    /// The id of the instance that called them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Uuid>,
    /// Contained in the business key or the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}

impl BatchFilter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn query(self) -> InstanceQuery {
        let Self { kind, definition, version, state, business_key, parent, q } = self;
        InstanceQuery { kind, definition, version, state, business_key, parent, q, limit: None, cursor: None }
    }
}

impl From<InstanceQuery> for BatchFilter {
    fn from(query: InstanceQuery) -> Self {
        let InstanceQuery { kind, definition, version, state, business_key, parent, q, limit: _, cursor: _ } = query;
        Self { kind, definition, version, state, business_key, parent, q }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    pub operation: BatchOperate,
    pub filter: BatchFilter,
    #[cfg_attr(feature = "ssr", schema(max_length = 1000))]
    pub reason: String,
}

/// An operation on many instances, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BatchView {
    pub id: Uuid,
    pub operation: BatchOperate,
    pub filter: BatchFilter,
    pub by: String,
    pub reason: String,
    pub created_at: DateTime,
    /// `running`, `paused`, `ended` (every instance was asked) or `cancelled`.
    pub state: String,
    /// How many instances passed the filter when it began.
    pub total: u64,
    pub done: u64,
    /// How many refused it; they are as they were.
    pub refused: u64,
    /// Why: each reason once, the first 50.
    pub refusals: Vec<BatchRefusal>,
    pub ended_at: Option<DateTime>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct BatchRefusal {
    /// The first that gave it.
    pub instance: Uuid,
    pub message: String,
    /// How many did.
    #[serde(default = "one")]
    pub count: u64,
}

fn one() -> u64 {
    1
}

/// What can be done to an operation on many instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchControl {
    Pause,
    Resume,
    Cancel,
}

impl BatchControl {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}
