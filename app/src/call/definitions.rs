//! Definitions: read, check, save, publish.

use baton_domain::definition::DefinitionKind;
use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::{begun, given, go_on_at, signed_in};
#[cfg(feature = "ssr")]
use crate::{link, port::AppError};
use crate::{
    model::{CheckReport, DefinitionDetail, DefinitionSummary, Drawn, Places},
    port::Answer,
    read::Encoded,
};

#[server(prefix = "/sfn", endpoint = "definitions", input = Json)]
pub async fn list_definitions(kind: DefinitionKind) -> Answer<Encoded<Vec<DefinitionSummary>>> {
    signed_in()?.0.definitions(kind).await.and_then(Encoded::of)
}

/// One version, else the newest one, else what there is: the draft.
#[server(prefix = "/sfn", endpoint = "definition", input = Json)]
pub async fn get_definition(
    kind: DefinitionKind,
    name: String,
    version: Option<u32>,
) -> Answer<Encoded<DefinitionDetail>> {
    let (backend, _) = signed_in()?;
    match backend.definition(kind, name.clone(), version, false).await {
        Err(AppError::NotFound(_)) if version.is_none() => backend.definition(kind, name, None, true).await,
        other => other,
    }
    .and_then(Encoded::of)
}

/// What an edit begins with: the draft, else the newest version, else (when it is to be a new one) a first text.
#[server(prefix = "/sfn", endpoint = "draft", input = Json)]
pub async fn get_draft(kind: DefinitionKind, name: String, new: bool) -> Answer<Encoded<DefinitionDetail>> {
    let (backend, _) = signed_in()?;
    let mut answer = backend.definition(kind, name.clone(), None, true).await;
    if matches!(answer, Err(AppError::NotFound(_))) {
        answer = backend.definition(kind, name.clone(), None, false).await;
    }
    if new && matches!(answer, Err(AppError::NotFound(_))) {
        answer = begun(backend, kind, name).await;
    }
    answer.and_then(Encoded::of)
}

/// What the rules say about a text; stores nothing.
#[server(prefix = "/sfn", endpoint = "check", input = Json)]
pub async fn check_source(kind: DefinitionKind, source: String) -> Answer<Encoded<CheckReport>> {
    signed_in()?.0.check(kind, source).await.and_then(Encoded::of)
}

/// The text of what was drawn (JSON), and what the rules say about it; stores nothing.
#[server(prefix = "/sfn", endpoint = "draw", input = Json)]
pub async fn draw(kind: DefinitionKind, document: String) -> Answer<Encoded<Drawn>> {
    signed_in()?.0.draw(kind, drawn(&document)?).await.and_then(Encoded::of)
}

/// Where the nodes of what was drawn (JSON) stand best; stores nothing.
#[server(prefix = "/sfn", endpoint = "tidy", input = Json)]
pub async fn tidy(document: String) -> Answer<Encoded<Places>> {
    signed_in()?.0.tidy(drawn(&document)?).await.and_then(Encoded::of)
}

#[cfg(feature = "ssr")]
fn drawn(document: &str) -> Answer<serde_json::Value> {
    serde_json::from_str(document).map_err(|error| {
        let message = format!("what was drawn did not arrive whole: {error}");
        AppError::Invalid(vec![baton_domain::diagnostic::Diagnostic::error("syntax", "/document", message)])
    })
}

#[server(prefix = "/sfn", endpoint = "save-draft")]
pub async fn save_draft(kind: DefinitionKind, name: String, source: String) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.save_draft(actor, kind, name, source).await.map(drop)
}

/// Publishes `source` as the next version. Goes on at the definition's page.
#[server(prefix = "/sfn", endpoint = "publish")]
pub async fn publish_definition(
    kind: DefinitionKind,
    name: String,
    source: Option<String>,
    note: Option<String>,
) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    backend.publish(actor, kind, name.clone(), given(source), given(note)).await?;
    go_on_at(respond, &link::definition(kind, &name));
    Ok(())
}
