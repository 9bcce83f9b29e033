//! Sources: where messages are taken in from.

use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::{given, json, signed_in};
#[cfg(feature = "ssr")]
use crate::{model::SourceSettings, port::AppError};
use crate::{
    model::{Source, SourcePreview, SourceTable},
    port::Answer,
    read::Encoded,
};

#[server(prefix = "/sfn", endpoint = "sources", input = Json)]
pub async fn list_sources() -> Answer<Encoded<Vec<Source>>> {
    signed_in()?.0.sources().await.and_then(Encoded::of)
}

/// The tables of a database; an empty reference means Baton's own.
#[server(prefix = "/sfn", endpoint = "source-tables", input = Json)]
pub async fn source_tables(database: String) -> Answer<Encoded<Vec<SourceTable>>> {
    signed_in()?.0.source_tables(given(Some(database))).await.and_then(Encoded::of)
}

/// What a source with these settings (JSON) would bring, beside the settings that this is about.
#[server(prefix = "/sfn", endpoint = "preview-source", input = Json)]
pub async fn preview_source(name: String, settings: String) -> Answer<Encoded<(String, SourcePreview)>> {
    let (backend, _) = signed_in()?;
    let preview = backend.preview_source(given(Some(name)), read(&settings)?).await?;
    Encoded::of((settings, preview))
}

#[server(prefix = "/sfn", endpoint = "put-source")]
pub async fn put_source(name: String, settings: String) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.put_source(actor, name.trim().to_owned(), read(&settings)?).await.map(drop)
}

#[server(prefix = "/sfn", endpoint = "pause-source")]
pub async fn pause_source(name: String, paused: bool, reason: Option<String>) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.pause_source(actor, name, paused, given(reason)).await.map(drop)
}

/// What it left behind over there.
#[server(prefix = "/sfn", endpoint = "delete-source")]
pub async fn delete_source(name: String, reason: Option<String>) -> Answer<Option<String>> {
    let (backend, actor) = signed_in()?;
    backend.delete_source(actor, name, given(reason)).await.map(|removed| removed.left_behind)
}

#[cfg(feature = "ssr")]
fn read(settings: &str) -> Answer<SourceSettings> {
    use baton_domain::diagnostic::Diagnostic;
    let wrong = |error: serde_json::Error| {
        AppError::Invalid(vec![Diagnostic::error("wrong-format", "/settings", error.to_string())])
    };
    serde_json::from_value(json("settings", settings)?).map_err(wrong)
}
