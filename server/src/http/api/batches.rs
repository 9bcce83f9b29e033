//! Operations on many instances at once.

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use baton_app::model::{BatchControl, BatchRequest, BatchView, Page};
use uuid::Uuid;

use super::whole;
use crate::http::{
    Api,
    extract::{Caller, Id, Json, Result},
    problem::Error,
};

/// Operate all instances that pass a filter
///
/// Answers at once; the server goes through the instances by itself, newest first, and says how far it is. An instance
/// that cannot take the operation is counted and stays as it is.
#[utoipa::path(
    post,
    path = "/batches",
    tag = "instances",
    operation_id = "start_batch",
    request_body = BatchRequest,
    responses((status = 202, description = "It is begun; `Location` says where to follow it", body = BatchView))
)]
pub async fn post(
    State(api): State<Api>,
    Caller(actor): Caller,
    Json(request): Json<BatchRequest>,
) -> Result<impl IntoResponse> {
    let batch = api.backend.start_batch(actor, request).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/batches/{}", batch.id))], Json(batch)))
}

/// The newest operations on many instances
#[utoipa::path(
    get,
    path = "/batches",
    tag = "instances",
    operation_id = "list_batches",
    responses((status = 200, description = "The newest 20", body = Page<BatchView>))
)]
pub async fn list(State(api): State<Api>, _: Caller) -> Result<Json<Page<BatchView>>> {
    Ok(Json(whole(api.backend.batches().await?)))
}

/// How far an operation on many instances is
#[utoipa::path(
    get,
    path = "/batches/{id}",
    tag = "instances",
    operation_id = "read_batch",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The operation", body = BatchView))
)]
pub async fn read(State(api): State<Api>, _: Caller, Id(id): Id) -> Result<Json<BatchView>> {
    Ok(Json(api.backend.batch(id).await?))
}

/// Pause, resume or cancel an operation on many instances
///
/// What is done already stays done.
#[utoipa::path(
    post,
    path = "/batches/{id}/{control}",
    tag = "instances",
    operation_id = "control_batch",
    params(("id" = Uuid, Path), ("control" = String, Path, description = "`pause`, `resume` or `cancel`")),
    responses((status = 200, description = "The operation", body = BatchView))
)]
pub async fn control(
    State(api): State<Api>,
    Caller(actor): Caller,
    Path((id, control)): Path<(String, String)>,
) -> Result<Json<BatchView>> {
    let control = match control.as_str() {
        "pause" => BatchControl::Pause,
        "resume" => BatchControl::Resume,
        "cancel" => BatchControl::Cancel,
        other => return Err(Error::not_found(format!("There is no `{other}`: pause, resume or cancel."))),
    };
    let id: Uuid = id.parse().map_err(|_| Error::not_found(format!("“{id}” is no id.")))?;
    Ok(Json(api.backend.control_batch(actor, id, control).await?))
}
