//! Human tasks: listing, claiming, completing.

use axum::extract::State;
use baton_app::model::{Page, TaskDetail, TaskQuery, TaskSummary};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{about_query, check_limit};
use crate::http::{
    Api,
    extract::{Caller, Id, Json, Params, Result},
};

/// Browse tasks
#[utoipa::path(
    get,
    path = "/tasks",
    tag = "tasks",
    operation_id = "list_tasks",
    params(TaskQuery),
    responses((status = 200, description = "A page", body = Page<TaskSummary>))
)]
pub async fn list(
    State(api): State<Api>,
    Caller(actor): Caller,
    Params(query): Params<TaskQuery>,
) -> Result<Json<Page<TaskSummary>>> {
    check_limit(query.limit)?;
    api.backend.tasks(actor, query).await.map(Json).map_err(about_query)
}

/// One task: its outcomes with their forms, and what the decision is about
#[utoipa::path(
    get,
    path = "/tasks/{id}",
    tag = "tasks",
    operation_id = "read_task",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The task", body = TaskDetail))
)]
pub async fn read(State(api): State<Api>, _: Caller, Id(id): Id) -> Result<Json<TaskDetail>> {
    Ok(Json(api.backend.task(id).await?))
}

/// Take a task on
#[utoipa::path(
    post,
    path = "/tasks/{id}/claim",
    tag = "tasks",
    operation_id = "claim_task",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The task afterwards", body = TaskSummary))
)]
pub async fn claim(State(api): State<Api>, Caller(actor): Caller, Id(id): Id) -> Result<Json<TaskSummary>> {
    Ok(Json(api.backend.claim_task(actor, id).await?))
}

/// The decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// One of the task's outcomes.
    #[schema(example = "approve")]
    outcome: String,
    /// What was filled in; has to fit the outcome's form.
    data: Option<Value>,
}

/// Complete a task
#[utoipa::path(
    post,
    path = "/tasks/{id}/complete",
    tag = "tasks",
    operation_id = "complete_task",
    params(("id" = Uuid, Path)),
    request_body = Completion,
    responses((status = 200, description = "The task afterwards", body = TaskSummary))
)]
pub async fn complete(
    State(api): State<Api>,
    Caller(actor): Caller,
    Id(id): Id,
    Json(body): Json<Completion>,
) -> Result<Json<TaskSummary>> {
    let data = body.data.unwrap_or_else(|| Value::Object(Default::default()));
    Ok(Json(api.backend.complete_task(actor, id, body.outcome, data).await?))
}
