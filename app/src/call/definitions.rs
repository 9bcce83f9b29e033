//! Definitions: read, check, save, publish.

use baton_domain::definition::DefinitionKind;
use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::{given, go_on_at, signed_in};
#[cfg(feature = "ssr")]
use crate::link;
use crate::{
    model::{CheckReport, DefinitionDetail, DefinitionSummary, Published},
    port::Answer,
};

#[server(prefix = "/sfn", endpoint = "definitions", input = Json)]
pub async fn list_definitions(kind: DefinitionKind) -> Answer<Vec<DefinitionSummary>> {
    signed_in()?.0.definitions(kind).await
}

#[server(prefix = "/sfn", endpoint = "definition", input = Json)]
pub async fn get_definition(
    kind: DefinitionKind,
    name: String,
    version: Option<u32>,
    draft: bool,
) -> Answer<DefinitionDetail> {
    signed_in()?.0.definition(kind, name, version, draft).await
}

/// What the rules say about a text; stores nothing.
#[server(prefix = "/sfn", endpoint = "check", input = Json)]
pub async fn check_source(kind: DefinitionKind, source: String) -> Answer<CheckReport> {
    signed_in()?.0.check(kind, source).await
}

#[server(prefix = "/sfn", endpoint = "save-draft")]
pub async fn save_draft(kind: DefinitionKind, name: String, source: String) -> Answer<CheckReport> {
    let (backend, actor) = signed_in()?;
    backend.save_draft(actor, kind, name, source).await
}

/// Publishes `source` as the next version. Goes on at the definition's page.
#[server(prefix = "/sfn", endpoint = "publish")]
pub async fn publish_definition(
    kind: DefinitionKind,
    name: String,
    source: Option<String>,
    note: Option<String>,
) -> Answer<Published> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    let published = backend.publish(actor, kind, name.clone(), given(source), given(note)).await?;
    go_on_at(respond, &if kind == DefinitionKind::Process { link::process(&name) } else { link::saga(&name) });
    Ok(published)
}
