//! Human tasks.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::DateTime;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct TaskQuery {
    /// `open` (the default) or `done` or `all`.
    pub state: Option<String>,
    /// A name; `me` is the signed-in account.
    pub assignee: Option<String>,
    pub instance: Option<Uuid>,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TaskSummary {
    pub id: Uuid,
    pub instance: Uuid,
    pub definition: String,
    pub node: String,
    pub title: String,
    /// `open`, `claimed`, `completed` or `withdrawn`.
    pub state: String,
    pub assignee: Option<String>,
    pub candidate_group: Option<String>,
    pub claimed_by: Option<String>,
    pub due_at: Option<DateTime>,
    pub overdue: bool,
    pub created_at: DateTime,
    pub ended_at: Option<DateTime>,
    pub outcome: Option<String>,
    pub completed_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TaskDetail {
    #[serde(flatten)]
    pub summary: TaskSummary,
    pub outcomes: Vec<TaskOutcome>,
    pub data: Option<Value>,
    /// The instance's business key, input and variables: what the decision is about.
    pub business_key: Option<String>,
    pub input: Value,
    pub variables: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TaskOutcome {
    pub name: String,
    /// What the definition calls it for people.
    pub title: Option<String>,
    /// The JSON Schema of the form that goes with it.
    pub form: Option<Value>,
}
