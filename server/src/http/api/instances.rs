//! Instances: watching and operating them.

use axum::extract::State;
use baton_app::model::{HistoryItem, InstanceDetail, InstanceQuery, InstanceSummary, OperationName, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{Reason, check_limit, required_reason, whole};
use crate::http::{
    Api,
    extract::{Caller, Id, Json, OptionalJson, Params, Result},
};

/// Browse instances, newest first
#[utoipa::path(
    get,
    path = "/instances",
    tag = "instances",
    operation_id = "list_instances",
    params(InstanceQuery),
    responses((status = 200, description = "A page", body = Page<InstanceSummary>))
)]
pub async fn list(
    State(api): State<Api>,
    _: Caller,
    Params(query): Params<InstanceQuery>,
) -> Result<Json<Page<InstanceSummary>>> {
    check_limit(query.limit)?;
    Ok(Json(api.backend.instances(query).await?))
}

/// One instance: its state, variables, history, tasks and messages
#[utoipa::path(
    get,
    path = "/instances/{id}",
    tag = "instances",
    operation_id = "read_instance",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The instance", body = InstanceDetail))
)]
pub async fn read(State(api): State<Api>, _: Caller, Id(id): Id) -> Result<Json<InstanceDetail>> {
    Ok(Json(api.backend.instance(id).await?))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Only events after this number.
    #[param(minimum = 0)]
    after: u32,
}

/// An instance's history, oldest first
#[utoipa::path(
    get,
    path = "/instances/{id}/history",
    tag = "instances",
    operation_id = "read_history",
    params(("id" = Uuid, Path), HistoryQuery),
    responses((status = 200, description = "The events", body = Page<HistoryItem>))
)]
pub async fn history(
    State(api): State<Api>,
    _: Caller,
    Id(id): Id,
    Params(query): Params<HistoryQuery>,
) -> Result<Json<Page<HistoryItem>>> {
    Ok(Json(whole(api.backend.history(id, i64::from(query.after)).await?)))
}

/// Stop an instance until it is resumed
#[utoipa::path(
    post,
    path = "/instances/{id}/suspend",
    tag = "instances",
    operation_id = "suspend_instance",
    params(("id" = Uuid, Path)),
    request_body = Reason,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn suspend(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<InstanceSummary>> {
    operate(&api, caller, id, OperationName::Suspend, body).await
}

/// Let a suspended instance go on
#[utoipa::path(
    post,
    path = "/instances/{id}/resume",
    tag = "instances",
    operation_id = "resume_instance",
    params(("id" = Uuid, Path)),
    request_body = Reason,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn resume(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<InstanceSummary>> {
    operate(&api, caller, id, OperationName::Resume, body).await
}

/// End an instance for good
#[utoipa::path(
    post,
    path = "/instances/{id}/cancel",
    tag = "instances",
    operation_id = "cancel_instance",
    params(("id" = Uuid, Path)),
    request_body = Reason,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<InstanceSummary>> {
    operate(&api, caller, id, OperationName::Cancel, body).await
}

/// Try an instance's failed step again
#[utoipa::path(
    post,
    path = "/instances/{id}/retry",
    tag = "instances",
    operation_id = "retry_instance",
    params(("id" = Uuid, Path)),
    request_body = Reason,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn retry(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<InstanceSummary>> {
    operate(&api, caller, id, OperationName::Retry, body).await
}

async fn operate(
    api: &Api,
    Caller(actor): Caller,
    id: Uuid,
    operation: OperationName,
    body: Reason,
) -> Result<Json<InstanceSummary>> {
    Ok(Json(api.backend.operate(actor, id, operation, required_reason(body.reason)?).await?))
}
