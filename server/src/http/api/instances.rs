//! Instances: watching them.

use axum::extract::State;
use baton_app::model::{HistoryItem, InstanceDetail, InstanceQuery, InstanceSummary, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{about_query, check_limit, whole};
use crate::http::{
    Api,
    extract::{Caller, Id, Json, Params, Result},
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
    api.backend.instances(query).await.map(Json).map_err(about_query)
}

/// One instance: its state, variables, history, tasks and messages
#[utoipa::path(
    get,
    path = "/instances/{id}",
    tag = "instances",
    operation_id = "read_instance",
    params(("id" = Uuid, Path), MomentQuery),
    responses((status = 200, description = "The instance", body = InstanceDetail))
)]
pub async fn read(
    State(api): State<Api>,
    _: Caller,
    Id(id): Id,
    Params(query): Params<MomentQuery>,
) -> Result<Json<InstanceDetail>> {
    let instance = match query.at {
        None => api.backend.instance(id).await?,
        Some(at) => api.backend.instance_at(id, at).await?,
    };
    Ok(Json(instance))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MomentQuery {
    /// As it was just after this event of its history; as it is now when absent.
    #[param(minimum = 1)]
    at: Option<u64>,
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
    Ok(Json(whole(api.backend.history(id, query.after).await?)))
}
