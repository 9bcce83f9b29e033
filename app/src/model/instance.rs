//! Instances: their list, their state, and how they got there.

use std::collections::BTreeMap;

use baton_domain::definition::DefinitionKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    DateTime, DefinitionDetail, Diagram, MessageSummary, Operation, TaskSummary, TokenView, UnansweredView, UndoState,
    UndoView,
};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct InstanceQuery {
    /// `process` or `saga`.
    pub kind: Option<String>,
    pub definition: Option<String>,
    pub state: Option<String>,
    /// The version that they run.
    pub version: Option<u32>,
    pub business_key: Option<String>,
    /// The id of the instance that called them.
    pub parent: Option<Uuid>,
    pub q: Option<String>,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct InstanceSummary {
    pub id: Uuid,
    /// Whether it is of a process or of a stateful saga.
    pub kind: DefinitionKind,
    pub definition: String,
    pub version: u32,
    pub state: String,
    pub business_key: Option<String>,
    /// The instance that called this one, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Uuid>,
    /// Where its tokens stand.
    pub at: Vec<String>,
    pub incident: Option<String>,
    pub started_by: String,
    pub created_at: DateTime,
    pub updated_at: DateTime,
    pub ended_at: Option<DateTime>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct InstanceDetail {
    #[serde(flatten)]
    pub summary: InstanceSummary,
    pub input: Value,
    pub variables: Value,
    pub diagram: Option<Diagram>,
    /// Node → how far it is. Nodes that are not named are still ahead, or no longer reachable once the instance ended.
    pub progress: BTreeMap<String, Progress>,
    /// `from/port` of the edges that were walked.
    pub walked: Vec<String>,
    pub history: Vec<HistoryItem>,
    pub tasks: Vec<TaskSummary>,
    pub messages: Vec<MessageSummary>,
    /// How many events its history has: `expected` of an operation that is to be refused when something happened since.
    pub recorded: u64,
    /// Which operations make sense now, each with the reason why not where it does not.
    pub operations: Vec<Operation>,
    /// What can be done to each of its tokens.
    pub tokens: Vec<TokenView>,
    /// The steps that succeeded and can be undone, in the order of undoing, with how far that is.
    pub undo: Vec<UndoView>,
    /// The steps of a saga in their order, each with what undoes it; empty for a process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepView>,
    /// Commands that were left without an answer and have to be settled before anything is undone.
    pub unanswered: Vec<UnansweredView>,
    /// The versions of its definition that it could be migrated to, newest first.
    pub versions: Vec<u32>,
    /// What keeps it from going on by itself; 50 at most.
    pub incidents: Vec<IncidentView>,
    /// Where it was restarted from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_from: Option<OriginView>,
    /// The instance that took over from this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_as: Option<Uuid>,
    /// Those of the caller and of the two above that were removed after their retention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Uuid>,
    /// The instances that it called, newest first; 50 at most.
    pub children: Vec<InstanceSummary>,
    /// Set when it is shown as it was: `variables`, `progress`, `walked`, `tokens`, `undo` and `unanswered` are of then,
    /// everything else is of now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<PastView>,
}

/// The point of another instance's history where an instance began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct OriginView {
    pub instance: Uuid,
    /// The event of its history.
    pub at: u64,
}

/// Something that only an operator can mend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct IncidentView {
    pub token: u32,
    pub node: String,
    /// Which item of a `for-each` it is for, counted from 0.
    pub index: Option<u32>,
    pub reason: String,
    /// What can be done about it, in a sentence.
    pub advice: String,
    /// The beginning of the variables as they were.
    pub data: String,
    pub at: DateTime,
}

/// An instance just after one event of its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PastView {
    pub fact: HistoryItem,
    pub state: String,
    /// Where its tokens stood.
    pub at: Vec<String>,
}

/// A variable got a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct VariableChange {
    pub name: String,
    /// `None` when it had none.
    pub before: Option<Value>,
    pub after: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Done,
    UnderWay,
    Failed,
}

/// A step of a saga, how far it is, and what undoes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct StepView {
    pub name: String,
    pub title: Option<String>,
    /// The type of its command.
    pub send: String,
    /// Who receives it.
    pub to: String,
    pub state: StepState,
    /// `None` when nothing undoes it.
    pub undo: Option<StepUndo>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It did not begin; once the instance has ended, it never will.
    Ahead,
    UnderWay,
    Done,
    /// The participant said that it was not done.
    Refused,
    /// Nobody knows whether it was done.
    Unanswered,
    /// It waits for an operator.
    Stuck,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct StepUndo {
    /// The type of the command that undoes it.
    pub send: String,
    /// How far it is; `None` while there is nothing to undo.
    pub state: Option<UndoState>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct HistoryItem {
    pub sequence: i64,
    pub at: DateTime,
    /// The event's name in snake_case, such as `message_received`.
    pub event: String,
    /// A short sentence for people.
    pub title: String,
    pub node: Option<String>,
    /// The node at which a new instance would begin that is restarted from here, where that can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<String>,
    /// What became of the variables; an item's own in a loop are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<VariableChange>,
    /// The event in full.
    pub data: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct StartRequest {
    pub definition: String,
    /// The newest one when absent.
    pub version: Option<u32>,
    pub input: Value,
    pub business_key: Option<String>,
    /// A second start with the same key returns the first one's instance.
    pub idempotency_key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Started {
    pub id: Uuid,
    /// `false` when the idempotency key was known and `id` is the instance of the first start.
    pub created: bool,
}

/// What the start form is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartForm {
    pub definition: DefinitionDetail,
    /// Made once per form by the server, so that sending it twice starts one instance.
    pub idempotency_key: String,
}
