//! The numbers of the first page, the live flow so far, the audit, and what runs here.

use axum::extract::State;
use baton_app::model::{About, AuditEntry, FlowItem, Housekeeping, NodeView, Overview, Page};
use baton_domain::definition::wire::Wire;
use serde::Deserialize;
use utoipa::IntoParams;

use super::whole;
use crate::http::{
    Api,
    extract::{Caller, Json, Params, Result},
};

/// The numbers of the first page
#[utoipa::path(
    get,
    path = "/overview",
    tag = "overview",
    responses((status = 200, description = "The numbers", body = Overview))
)]
pub async fn overview(State(api): State<Api>, _: Caller) -> Result<Json<Overview>> {
    Ok(Json(api.backend.overview().await?))
}

/// The newest lines of the live flow on this node, newest last
#[utoipa::path(
    get,
    path = "/flow",
    tag = "overview",
    responses((status = 200, description = "The lines", body = Page<FlowItem>))
)]
pub async fn flow(State(api): State<Api>, _: Caller) -> Result<Json<Page<FlowItem>>> {
    Ok(Json(whole(api.backend.flow().await?)))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only about this: `instance/…`, `message/…`, `destination/…`.
    subject: Option<String>,
}

/// Who did what, newest first
#[utoipa::path(
    get,
    path = "/audit",
    tag = "overview",
    params(AuditQuery),
    responses((status = 200, description = "The entries", body = Page<AuditEntry>))
)]
pub async fn audit(
    State(api): State<Api>,
    _: Caller,
    Params(query): Params<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>> {
    Ok(Json(whole(api.backend.audit(query.subject).await?)))
}

/// The types of the messages that were seen so far
#[utoipa::path(
    get,
    path = "/message-types",
    tag = "messages",
    operation_id = "list_message_types",
    responses((status = 200, description = "The types, and the aggregate types of both", body = Wire))
)]
pub async fn message_types(State(api): State<Api>, _: Caller) -> Result<Json<Wire>> {
    Ok(Json(api.backend.message_types().await?))
}

/// What runs here: version, store, bus, node, and the settings in force with secrets masked
#[utoipa::path(
    get,
    path = "/about",
    tag = "overview",
    responses((status = 200, description = "What runs here", body = About))
)]
pub async fn about(State(api): State<Api>, _: Caller) -> Result<Json<About>> {
    Ok(Json(api.backend.about().await?))
}

/// The servers that work on this database, with the lanes that each holds, oldest first
#[utoipa::path(
    get,
    path = "/nodes",
    tag = "overview",
    operation_id = "list_nodes",
    responses((status = 200, description = "The nodes", body = Page<NodeView>))
)]
pub async fn nodes(State(api): State<Api>, _: Caller) -> Result<Json<Page<NodeView>>> {
    Ok(Json(whole(api.backend.nodes().await?)))
}

/// What is kept for how long, what went in the last round of the node that answers, and how large the tables are
#[utoipa::path(
    get,
    path = "/housekeeping",
    tag = "overview",
    operation_id = "read_housekeeping",
    responses((status = 200, description = "What is kept and what went", body = Housekeeping))
)]
pub async fn housekeeping(State(api): State<Api>, _: Caller) -> Result<Json<Housekeeping>> {
    Ok(Json(api.backend.housekeeping().await?))
}
