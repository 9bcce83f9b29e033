//! Processes: drafts, versions, and starting instances.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use baton_app::model::{
    CheckReport, DefinitionDetail, DefinitionSummary, Page, Published, StartRequest, Started, VersionSummary,
};
use baton_domain::definition::DefinitionKind;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::definitions::{self, DraftAnswer, NewVersion, PublishedAnswer};
use crate::http::{
    Api,
    extract::{Caller, Json, Name, Raw, Result},
    problem::Error,
};

const KIND: DefinitionKind = DefinitionKind::Process;

/// All processes
#[utoipa::path(
    get,
    path = "/processes",
    tag = "processes",
    operation_id = "list_processes",
    responses((status = 200, description = "Them all, by name", body = Page<DefinitionSummary>))
)]
pub async fn list(State(api): State<Api>, _: Caller) -> Result<Json<Page<DefinitionSummary>>> {
    definitions::list(&api, KIND).await
}

/// A process: its newest version, or its draft while there is none
#[utoipa::path(
    get,
    path = "/processes/{name}",
    tag = "processes",
    operation_id = "read_process",
    params(("name" = String, Path)),
    responses((status = 200, description = "The process", body = DefinitionDetail))
)]
pub async fn read(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<Json<DefinitionDetail>> {
    definitions::read(&api, KIND, name, None, false).await
}

/// A process's draft
#[utoipa::path(
    get,
    path = "/processes/{name}/draft",
    tag = "processes",
    operation_id = "read_process_draft",
    params(("name" = String, Path)),
    responses((status = 200, description = "The draft and what the rules say about it; its ETag changes with every saving", body = DefinitionDetail))
)]
pub async fn read_draft(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<impl IntoResponse> {
    definitions::read_draft(&api, KIND, name).await
}

/// Save a process's draft
///
/// The body is the definition as JSON or YAML, or `{"source": "…"}` with either as text. A draft is saved even when
/// it has errors; the answer lists them. With `If-Match` (the ETag of the draft that you have read), or `If-None-Match: *`
/// when you have seen none, the answer is 409 `draft-changed` when somebody else saved meanwhile.
#[utoipa::path(
    put,
    path = "/processes/{name}/draft",
    tag = "processes",
    operation_id = "save_process_draft",
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

/// Discard a process's draft
///
/// With `If-Match`, only the draft with that ETag.
#[utoipa::path(
    delete,
    path = "/processes/{name}/draft",
    tag = "processes",
    operation_id = "discard_process_draft",
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

/// A process's versions, newest first
#[utoipa::path(
    get,
    path = "/processes/{name}/versions",
    tag = "processes",
    operation_id = "list_process_versions",
    params(("name" = String, Path)),
    responses((status = 200, description = "The versions", body = Page<VersionSummary>))
)]
pub async fn versions(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<Json<Page<VersionSummary>>> {
    definitions::versions(&api, KIND, name).await
}

/// Publish a process's next version
///
/// Publishes the draft, or the text in `source` (or in a body of YAML). One with errors is refused, and nothing changes; so is
/// one with scenarios that come out otherwise (`scenario-failed`), unless `force` is true.
/// Where only positions (`layout`) changed, the newest version keeps its number.
#[utoipa::path(
    post,
    path = "/processes/{name}/versions",
    tag = "processes",
    operation_id = "publish_process",
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

/// One version of a process
#[utoipa::path(
    get,
    path = "/processes/{name}/versions/{version}",
    tag = "processes",
    operation_id = "read_process_version",
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

/// The most characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 200;

/// How to start an instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstance {
    /// Has to fit the input schema of the process.
    input: Value,
    /// How people call this instance.
    business_key: Option<String>,
    /// The newest version when absent.
    version: Option<u32>,
}

/// Start an instance of a process
///
/// With the header `Idempotency-Key`, the same request again starts nothing and answers 200 with the first one's
/// instance; the key with another input, business key or version is refused (422 `idempotency-key-reused`).
#[utoipa::path(
    post,
    path = "/processes/{name}/instances",
    tag = "processes",
    operation_id = "start_process",
    params(
        ("name" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 200 characters")
    ),
    request_body = NewInstance,
    responses(
        (status = 201, description = "It is started", body = Started),
        (status = 200, description = "It was started before with this key", body = Started)
    )
)]
pub async fn start(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(definition): Name,
    headers: HeaderMap,
    Json(body): Json<NewInstance>,
) -> Result<impl IntoResponse> {
    let idempotency_key = idempotency_key(&headers)?;
    let NewInstance { input, business_key, version } = body;
    let request = StartRequest { definition, version, input, business_key, idempotency_key };
    let started = api.backend.start(actor, request).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, format!("/api/v1/instances/{}", started.id))], Json(started)))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str().map(str::trim) {
        Ok(key) if !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_CHARS_MAX => Ok(Some(key.to_owned())),
        _ => Err(Error::malformed(
            "invalid-idempotency-key",
            format!("`Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters."),
        )),
    }
}
