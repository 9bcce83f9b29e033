//! What processes and sagas have in common: drafts, versions, and the text that they are written in.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use baton_app::{
    model::{CheckReport, DefinitionDetail, DefinitionSummary, Page, Published, Seen, VersionSummary},
    port::Actor,
};
use baton_domain::definition::DefinitionKind;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::whole;
use crate::http::{
    Api,
    extract::{Json, Raw, Result, is_json, parse_json, unsupported},
    problem::Error,
};

/// A definition's text in a field, for clients that only speak JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The text, as JSON or YAML.
    source: String,
}

/// What to publish. Without `source`, the draft.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewVersion {
    /// The text, as JSON or YAML, instead of the draft.
    source: Option<String>,
    /// What is new in it.
    note: Option<String>,
    /// The newest version that you have seen, 0 for none: when there is another one by now, nothing is published.
    after: Option<u32>,
    /// Also when some of its scenarios come out otherwise than they should.
    force: bool,
}

/// A version that was published.
pub type PublishedAnswer = (StatusCode, [(header::HeaderName, String); 1], Json<Published>);

/// The text in a body: the document itself as JSON, YAML, or `{"source": …}`.
pub(super) fn text(raw: &Raw) -> Result<String> {
    let text =
        std::str::from_utf8(&raw.bytes).map_err(|_| Error::malformed("not-utf-8", "The body is not valid UTF-8."))?;
    match raw.content_type.as_deref() {
        Some(kind) if is_yaml(kind) => Ok(text.to_owned()),
        Some(kind) if is_json(kind) => match parse_json::<Value>(&raw.bytes)? {
            Value::Object(map) if map.contains_key("source") && !map.contains_key("baton") => {
                parse_json::<Source>(&raw.bytes).map(|body| body.source)
            }
            _ => Ok(text.to_owned()),
        },
        _ => Err(unsupported("application/json or application/yaml")),
    }
}

fn is_yaml(content_type: &str) -> bool {
    matches!(content_type, "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml")
}

pub async fn list(api: &Api, kind: DefinitionKind) -> Result<Json<Page<DefinitionSummary>>> {
    Ok(Json(whole(api.backend.definitions(kind).await?)))
}

pub async fn read(
    api: &Api,
    kind: DefinitionKind,
    name: String,
    version: Option<u32>,
    draft: bool,
) -> Result<Json<DefinitionDetail>> {
    Ok(Json(api.backend.definition(kind, name, version, draft).await?))
}

/// The version named in the path.
pub async fn read_version(
    api: &Api,
    kind: DefinitionKind,
    name: String,
    version: &str,
) -> Result<Json<DefinitionDetail>> {
    let version = version
        .parse()
        .map_err(|_| Error::not_found(format!("`{version}` is not a version; versions are numbers from 1.")))?;
    read(api, kind, name, Some(version), false).await
}

pub async fn versions(api: &Api, kind: DefinitionKind, name: String) -> Result<Json<Page<VersionSummary>>> {
    Ok(Json(whole(api.backend.definition(kind, name, None, false).await?.versions)))
}

/// What the rules say about a draft that was saved, with its mark as the ETag.
pub type DraftAnswer = ([(HeaderName, String); 1], Json<CheckReport>);

/// The draft, with its mark as the ETag.
pub async fn read_draft(
    api: &Api,
    kind: DefinitionKind,
    name: String,
) -> Result<([(HeaderName, String); 1], Json<DefinitionDetail>)> {
    let detail = api.backend.definition(kind, name, None, true).await?;
    let mark = detail.draft.as_ref().map(|draft| draft.mark.clone()).unwrap_or_default();
    Ok((etag(&mark), Json(detail)))
}

pub async fn put_draft(
    api: &Api,
    actor: Actor,
    kind: DefinitionKind,
    name: String,
    headers: &HeaderMap,
    raw: &Raw,
) -> Result<DraftAnswer> {
    let seen = Seen { draft: draft_seen(headers)?, version: None, failures: false };
    let saved = api.backend.save_draft(actor, kind, name, text(raw)?, seen).await?;
    Ok((etag(&saved.mark), Json(saved.check)))
}

pub async fn discard_draft(
    api: &Api,
    actor: Actor,
    kind: DefinitionKind,
    name: String,
    headers: &HeaderMap,
) -> Result<StatusCode> {
    let mark = match draft_seen(headers)? {
        Some(Some(mark)) => mark,
        _ => {
            let stored = api.backend.draft(kind, name.clone()).await?;
            stored.ok_or_else(|| Error::not_found(format!("{name} has no draft.")))?.mark.mark
        }
    };
    api.backend.discard_draft(actor, kind, name, mark).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn etag(mark: &str) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{mark}\""))]
}

/// The draft that the caller takes to be stored: `If-Match` with the ETag of a draft, or `If-None-Match: *` for none.
fn draft_seen(headers: &HeaderMap) -> Result<Option<Option<String>>> {
    let wrong =
        |name: &HeaderName, wanted: &str| Error::malformed("precondition", format!("{name} has to be {wanted}."));
    if let Some(value) = headers.get(header::IF_MATCH) {
        let mark = value.to_str().ok().and_then(|value| value.strip_prefix('"')?.strip_suffix('"'));
        return match mark {
            Some(mark) if !mark.is_empty() && !mark.contains('"') => Ok(Some(Some(mark.to_owned()))),
            _ => Err(wrong(&header::IF_MATCH, "one ETag of a draft, in quotes")),
        };
    }
    match headers.get(header::IF_NONE_MATCH) {
        Some(value) if value == "*" => Ok(Some(None)),
        Some(_) => Err(wrong(&header::IF_NONE_MATCH, "*, for a draft that does not exist yet")),
        None => Ok(None),
    }
}

pub async fn publish(
    api: &Api,
    actor: Actor,
    kind: DefinitionKind,
    name: String,
    raw: &Raw,
) -> Result<PublishedAnswer> {
    let NewVersion { source, note, after, force } = match raw.content_type.as_deref() {
        _ if raw.bytes.is_empty() => NewVersion::default(),
        Some(kind) if is_yaml(kind) => NewVersion { source: Some(text(raw)?), ..NewVersion::default() },
        Some(kind) if is_json(kind) => parse_json(&raw.bytes)?,
        _ => return Err(unsupported("application/json or application/yaml")),
    };
    let seen = Seen { draft: None, version: after, failures: force };
    let published = api.backend.publish(actor, kind, name.clone(), source, note, seen).await?;
    let collection = match kind {
        DefinitionKind::Process => "processes",
        DefinitionKind::Saga => "sagas",
    };
    let location = format!("/api/v1/{collection}/{name}/versions/{}", published.version);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(published)))
}
