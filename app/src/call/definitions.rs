//! Definitions: read, check, save, publish.

use baton_domain::definition::DefinitionKind;
use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::{begun, given, go_on_at, signed_in};
#[cfg(feature = "ssr")]
use crate::{link, model::Seen, port::AppError};
use crate::{
    model::{CheckReport, DefinitionDetail, DefinitionSummary, Drawn, MigrationSum, Places, StoredDraft},
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

/// Stores a draft, in place of the one with the mark `over` (empty: there is none). Answers the mark of what is stored now.
///
/// Not an option: forms cannot tell one that is empty from one that is not there.
#[server(prefix = "/sfn", endpoint = "save-draft")]
pub async fn save_draft(kind: DefinitionKind, name: String, source: String, over: String) -> Answer<String> {
    let (backend, actor) = signed_in()?;
    let seen = Seen { draft: Some(given(Some(over))), version: None, failures: false };
    Ok(backend.save_draft(actor, kind, name, source, seen).await?.mark)
}

/// The draft as it is stored.
#[server(prefix = "/sfn", endpoint = "stored-draft", input = Json)]
pub async fn read_stored_draft(kind: DefinitionKind, name: String) -> Answer<Encoded<Option<StoredDraft>>> {
    signed_in()?.0.draft(kind, name).await.and_then(Encoded::of)
}

/// Which live instances could migrate to that text if it were published.
#[server(prefix = "/sfn", endpoint = "migratable", input = Json)]
pub async fn look_before_publishing(
    kind: DefinitionKind,
    name: String,
    source: String,
) -> Answer<Encoded<MigrationSum>> {
    signed_in()?.0.migratable(kind, name, source).await.and_then(Encoded::of)
}

/// Removes the draft with that mark. Goes on at the definition's page, or where all are listed.
#[server(prefix = "/sfn", endpoint = "discard-draft")]
pub async fn discard_draft(kind: DefinitionKind, name: String, mark: String) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    backend.discard_draft(actor, kind, name.clone(), mark).await?;
    let is_left = backend.definition(kind, name.clone(), None, false).await.is_ok();
    go_on_at(respond, &if is_left { link::definition(kind, &name) } else { link::definitions(kind).to_owned() });
    Ok(())
}

/// Publishes `source` as the next version after `after`, from the draft with the mark `draft` (empty: none is stored). Goes on at the
/// definition's page.
#[server(prefix = "/sfn", endpoint = "publish")]
pub async fn publish_definition(
    kind: DefinitionKind,
    name: String,
    source: Option<String>,
    note: Option<String>,
    after: Option<u32>,
    draft: String,
    force: Option<String>,
) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    let seen = Seen { version: after, draft: Some(given(Some(draft))), failures: force.is_some() };
    backend.publish(actor, kind, name.clone(), given(source), given(note), seen).await?;
    go_on_at(respond, &link::definition(kind, &name));
    Ok(())
}
