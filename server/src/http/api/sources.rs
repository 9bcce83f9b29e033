//! Sources: where messages are taken in from, beside the outbox and the bus.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use baton_app::model::{Page, Source, SourcePreset, SourcePreview, SourceRemoved, SourceSettings, SourceTable};
use baton_domain::source::PRESETS;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Reason, optional_reason, whole};
use crate::http::{
    Api,
    extract::{Caller, Json, Name, OptionalJson, Result},
    problem::Error,
};

/// All sources
#[utoipa::path(
    get,
    path = "/sources",
    tag = "sources",
    operation_id = "list_sources",
    responses((status = 200, description = "Them all, by name", body = Page<Source>))
)]
pub async fn list(State(api): State<Api>, _: Caller) -> Result<Json<Page<Source>>> {
    Ok(Json(whole(api.backend.sources().await?)))
}

/// One source
#[utoipa::path(
    get,
    path = "/sources/{name}",
    tag = "sources",
    operation_id = "read_source",
    params(("name" = String, Path)),
    responses((status = 200, description = "The source, and how it is", body = Source))
)]
pub async fn read(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<Json<Source>> {
    let found = api.backend.sources().await?.into_iter().find(|source| source.name == name);
    found.map(Json).ok_or_else(|| Error::not_found(format!("There is no source `{name}`.")))
}

/// Create or replace a source
///
/// It is looked at first: what does not fit the table, or cannot be reached, is refused and nothing is stored.
#[utoipa::path(
    put,
    path = "/sources/{name}",
    tag = "sources",
    operation_id = "put_source",
    params(("name" = String, Path)),
    request_body = SourceSettings,
    responses((status = 200, description = "The source afterwards", body = Source))
)]
pub async fn put(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    Json(settings): Json<SourceSettings>,
) -> Result<Json<Source>> {
    Ok(Json(api.backend.put_source(actor, name, settings).await?))
}

/// Remove a source
///
/// What was taken in stays. How far it was read is forgotten, and a slot that was read by is dropped.
#[utoipa::path(
    delete,
    path = "/sources/{name}",
    tag = "sources",
    operation_id = "delete_source",
    params(("name" = String, Path)),
    request_body = Option<Reason>,
    responses(
        (status = 200, description = "It is gone, and left something behind over there", body = SourceRemoved),
        (status = 204, description = "It is gone"),
    )
)]
pub async fn delete(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Response> {
    let removed = api.backend.delete_source(actor, name, optional_reason(body.reason)?).await?;
    Ok(match removed.left_behind {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(_) => Json(removed).into_response(),
    })
}

/// Stop taking in from a source; what is there waits
///
/// Pausing one that is paused changes nothing, not even the reason.
#[utoipa::path(
    post,
    path = "/sources/{name}/pause",
    tag = "sources",
    operation_id = "pause_source",
    params(("name" = String, Path)),
    request_body = Option<Reason>,
    responses((status = 200, description = "The source afterwards", body = Source))
)]
pub async fn pause(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<Source>> {
    Ok(Json(api.backend.pause_source(actor, name, true, optional_reason(body.reason)?).await?))
}

/// Take in from a paused source again
#[utoipa::path(
    post,
    path = "/sources/{name}/resume",
    tag = "sources",
    operation_id = "resume_source",
    params(("name" = String, Path)),
    request_body = Option<Reason>,
    responses((status = 200, description = "The source afterwards", body = Source))
)]
pub async fn resume(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<Source>> {
    Ok(Json(api.backend.pause_source(actor, name, false, optional_reason(body.reason)?).await?))
}

/// Settings to try, and the name that the source would have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    pub settings: SourceSettings,
    /// Ids that are no UUIDs follow from it.
    #[serde(default)]
    pub name: Option<String>,
}

/// What a source would find, and take in first
///
/// Columns, findings about the settings, and up to ten rows as messages. Nothing is written, here or there.
#[utoipa::path(
    post,
    path = "/sources/preview",
    tag = "sources",
    operation_id = "preview_source",
    request_body = PreviewRequest,
    responses((status = 200, description = "Findings do not make it an error", body = SourcePreview))
)]
pub async fn preview(
    State(api): State<Api>,
    _: Caller,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<SourcePreview>> {
    Ok(Json(api.backend.preview_source(request.name, request.settings).await?))
}

/// Where a database is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TablesRequest {
    /// `env:NAME` or `file:PATH`; absent: Baton's own database.
    pub database: Option<String>,
}

/// The tables of a database that could be sources
#[utoipa::path(
    post,
    path = "/sources/tables",
    tag = "sources",
    operation_id = "list_source_tables",
    request_body = Option<TablesRequest>,
    responses((status = 200, description = "500 at most", body = Page<SourceTable>))
)]
pub async fn tables(
    State(api): State<Api>,
    _: Caller,
    OptionalJson(request): OptionalJson<TablesRequest>,
) -> Result<Json<Page<SourceTable>>> {
    Ok(Json(whole(api.backend.source_tables(request.database).await?)))
}

/// Settings to begin with for the tables of known systems
#[utoipa::path(
    get,
    path = "/sources/presets",
    tag = "sources",
    operation_id = "list_source_presets",
    responses((status = 200, description = "Debezium, Eventuate Tram, MassTransit, Wolverine, Watermill", body = Page<SourcePreset>))
)]
pub async fn presets(_: Caller) -> Result<Json<Page<SourcePreset>>> {
    Ok(Json(whole(PRESETS.iter().map(SourcePreset::from).collect())))
}
