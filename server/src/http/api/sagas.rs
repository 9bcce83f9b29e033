//! Sagas: drafts, versions.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use baton_app::model::{CheckReport, DefinitionDetail, DefinitionSummary, Page, Published, VersionSummary};
use baton_domain::definition::DefinitionKind;

use super::definitions::{self, DraftAnswer, NewVersion, PublishedAnswer};
use crate::http::{
    Api,
    extract::{Caller, Json, Name, Raw, Result},
};

const KIND: DefinitionKind = DefinitionKind::Saga;

/// All sagas
#[utoipa::path(
    get,
    path = "/sagas",
    tag = "sagas",
    operation_id = "list_sagas",
    responses((status = 200, description = "Them all, by name", body = Page<DefinitionSummary>))
)]
pub async fn list(State(api): State<Api>, _: Caller) -> Result<Json<Page<DefinitionSummary>>> {
    definitions::list(&api, KIND).await
}

/// A saga: its newest version, or its draft while there is none
#[utoipa::path(
    get,
    path = "/sagas/{name}",
    tag = "sagas",
    operation_id = "read_saga",
    params(("name" = String, Path)),
    responses((status = 200, description = "The saga", body = DefinitionDetail))
)]
pub async fn read(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<Json<DefinitionDetail>> {
    definitions::read(&api, KIND, name, None, false).await
}

/// A saga's draft
#[utoipa::path(
    get,
    path = "/sagas/{name}/draft",
    tag = "sagas",
    operation_id = "read_saga_draft",
    params(("name" = String, Path)),
    responses((status = 200, description = "The draft and what the rules say about it; its ETag changes with every saving", body = DefinitionDetail))
)]
pub async fn read_draft(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<impl IntoResponse> {
    definitions::read_draft(&api, KIND, name).await
}

/// Save a saga's draft
///
/// The body is the definition as JSON or YAML, or `{"source": "…"}` with either as text. A draft is saved even when
/// it has errors; the answer lists them. With `If-Match` (the ETag of the draft that you have read), or `If-None-Match: *`
/// when you have seen none, the answer is 409 `draft-changed` when somebody else saved meanwhile.
#[utoipa::path(
    put,
    path = "/sagas/{name}/draft",
    tag = "sagas",
    operation_id = "save_saga_draft",
    params(("name" = String, Path), ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body(content((Value = "application/json"), (String = "application/yaml"))),
    responses((status = 200, description = "What the rules say about it", body = CheckReport))
)]
pub async fn put_draft(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    headers: HeaderMap,
    raw: Raw,
) -> Result<DraftAnswer> {
    definitions::put_draft(&api, actor, KIND, name, &headers, &raw).await
}

/// Discard a saga's draft
///
/// With `If-Match`, only the draft with that ETag.
#[utoipa::path(
    delete,
    path = "/sagas/{name}/draft",
    tag = "sagas",
    operation_id = "discard_saga_draft",
    params(("name" = String, Path)),
    responses((status = 204, description = "It is gone; versions stay"))
)]
pub async fn discard_draft(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    headers: HeaderMap,
) -> Result<StatusCode> {
    definitions::discard_draft(&api, actor, KIND, name, &headers).await
}

/// A saga's versions, newest first
#[utoipa::path(
    get,
    path = "/sagas/{name}/versions",
    tag = "sagas",
    operation_id = "list_saga_versions",
    params(("name" = String, Path)),
    responses((status = 200, description = "The versions", body = Page<VersionSummary>))
)]
pub async fn versions(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<Json<Page<VersionSummary>>> {
    definitions::versions(&api, KIND, name).await
}

/// Publish a saga's next version
///
/// Publishes the draft, or the text in `source` (or in a body of YAML). One with errors is refused, and nothing changes; so is
/// one with scenarios that come out otherwise (`scenario-failed`), unless `force` is true.
/// Where only positions (`layout`) changed, the newest version keeps its number.
#[utoipa::path(
    post,
    path = "/sagas/{name}/versions",
    tag = "sagas",
    operation_id = "publish_saga",
    params(("name" = String, Path)),
    request_body(content((Option<NewVersion> = "application/json"), (String = "application/yaml"))),
    responses((status = 201, description = "It is published", body = Published))
)]
pub async fn publish(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    raw: Raw,
) -> Result<PublishedAnswer> {
    definitions::publish(&api, actor, KIND, name, &raw).await
}

/// One version of a saga
#[utoipa::path(
    get,
    path = "/sagas/{name}/versions/{version}",
    tag = "sagas",
    operation_id = "read_saga_version",
    params(("name" = String, Path), ("version" = u32, Path)),
    responses((status = 200, description = "The version", body = DefinitionDetail))
)]
pub async fn read_version(
    State(api): State<Api>,
    _: Caller,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<DefinitionDetail>> {
    definitions::read_version(&api, KIND, name, &version).await
}
