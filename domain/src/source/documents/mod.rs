//! Documents that hold their outgoing events (MongoDB's protocol) as sources: the settings, and what must be true of them.
//!
//! An event is a row like any other here: its fields are the columns, and those of the document around it stand under
//! [`DOCUMENT`]. What a document and its events look like inside is for the adapter to know.

mod check;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use check::check;

use super::{
    check::{Column, ColumnKind, Dialect, Shape},
    settings::{Mapping, default_batch, default_poll_ms},
    term::Take,
};
use crate::fields::shorten;

/// The column that holds the document around an event: `$document#/_id` is the document's id.
pub const DOCUMENT: &str = "$document";
/// The column that holds what the id of an event is made from; no field of an event begins with `$`.
pub const KEY: &str = "$key";
/// Where events stand unless the settings say otherwise.
const EVENTS: &str = "outbox";
/// The field that is set in events that were taken in, unless the settings say otherwise.
const PUBLISHED_AT: &str = "published_at";

/// A collection whose documents hold their outgoing events in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DocumentSource {
    /// Where the address of the server stands, `mongodb://…` or `mongodb+srv://…`: `env:NAME` or `file:PATH`.
    pub server: String,
    pub database: String,
    pub collection: String,
    /// The field of a document that holds its events, a list; `outbox` by default, a path with dots where it is deeper.
    #[serde(default = "default_events")]
    pub events: String,
    /// What happens to an event when its message is safe.
    pub mode: DocumentMode,
    /// The field of an event that says when it was taken in, only with the mode `mark`; `published_at` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// Whether the server tells of changes (a change stream), beside being asked; true by default. It takes a replica set.
    #[serde(default = "default_push")]
    pub push: bool,
    /// The key is the field that tells the events of a document apart, a path with dots where it is deeper; the columns are the
    /// fields of an event, and `$document` with a place in it (`$document#/_id`) is the document around it.
    pub mapping: Mapping,
    /// How often the server is asked when nothing happens, 20 to 60,000; 500 by default. While it tells of changes by itself,
    /// twenty times rarer.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u32,
    /// Events taken in together, 1 to 1,000; 200 by default.
    #[serde(default = "default_batch")]
    pub batch: u32,
}

fn default_events() -> String {
    EVENTS.to_owned()
}

fn default_push() -> bool {
    true
}

/// What happens to an event when its message is safe in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DocumentMode {
    /// It is taken out of the list.
    Pull,
    /// It stays, and a field says when it was taken in.
    Mark,
}

impl DocumentMode {
    pub const ALL: [Self; 2] = [Self::Pull, Self::Mark];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Mark => "mark",
        }
    }
}

impl DocumentSource {
    /// Settings to begin with: the fields that the guide's examples write.
    pub fn example(server: &str, database: &str, collection: &str) -> Self {
        Self {
            server: server.to_owned(),
            database: database.to_owned(),
            collection: collection.to_owned(),
            events: default_events(),
            mode: DocumentMode::Pull,
            published_at: None,
            push: true,
            mapping: Mapping {
                key: "id".to_owned(),
                order: None,
                id: None,
                kind: None,
                message_type: "type".to_owned(),
                type_after: None,
                aggregate_type: format!("'{}'", collection.strip_suffix('s').unwrap_or(collection)),
                aggregate_id: format!("{DOCUMENT}#/_id"),
                aggregate_version: None,
                payload: "payload".to_owned(),
                encoding: super::Encoding::Json,
                headers: None,
                correlation_id: None,
                causation_id: None,
                created_at: Some("occurred_at".to_owned()),
            },
            poll_ms: default_poll_ms(),
            batch: default_batch(),
        }
    }

    pub fn published_at(&self) -> &str {
        self.published_at.as_deref().unwrap_or(PUBLISHED_AT)
    }

    /// The fields at the top of a document that have to be read.
    pub fn fields(&self) -> BTreeSet<String> {
        let first = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
        let mut fields = BTreeSet::from(["_id".to_owned(), first(&self.events)]);
        for take in takes(&self.mapping) {
            for (name, place) in take.columns() {
                if name == DOCUMENT
                    && let Some(token) = place.and_then(|place| place.split('/').nth(1))
                {
                    fields.insert(token.replace("~1", "/").replace("~0", "~"));
                }
            }
        }
        fields
    }

    /// The mapping as a [`Plan`](super::Plan) takes it: the id of an event is made from [`KEY`] unless it is given, and all
    /// columns hold JSON.
    pub fn for_plan(&self) -> (Mapping, Shape) {
        let mapping = Mapping { key: KEY.to_owned(), ..self.mapping.clone() };
        let mut names: BTreeSet<String> = takes(&mapping).flat_map(|take| columns(&take)).collect();
        names.extend(mapping.headers.clone());
        let column = |name| Column { name, type_name: String::new(), kind: ColumnKind::Json, nullable: true };
        let dialect = Dialect::Postgres;
        (mapping, Shape { dialect, columns: names.into_iter().map(column).collect(), unique: Vec::new() })
    }
}

fn columns(take: &Take) -> Vec<String> {
    take.columns().map(|(name, _)| name.to_owned()).collect()
}

/// Every term of a mapping that can be read, in no order.
fn takes(mapping: &Mapping) -> impl Iterator<Item = Take> {
    terms(mapping).into_iter().filter_map(|(_, term)| Take::parse(term).ok())
}

/// Every term of a mapping, with its field.
fn terms(mapping: &Mapping) -> Vec<(&'static str, &str)> {
    let needed = [
        ("type", &mapping.message_type),
        ("aggregate_type", &mapping.aggregate_type),
        ("aggregate_id", &mapping.aggregate_id),
        ("payload", &mapping.payload),
    ];
    let others = [
        ("id", &mapping.id),
        ("kind", &mapping.kind),
        ("aggregate_version", &mapping.aggregate_version),
        ("correlation_id", &mapping.correlation_id),
        ("causation_id", &mapping.causation_id),
        ("created_at", &mapping.created_at),
    ];
    let needed = needed.into_iter().map(|(field, term)| (field, term.as_str()));
    needed.chain(others.into_iter().filter_map(|(field, term)| Some((field, term.as_deref()?)))).collect()
}

/// What an event's id is made from: its key where that is a UUID, else also the document's id, since keys tell apart only the
/// events of one document.
pub fn key_text(document_id: &str, key: &str) -> String {
    if uuid::Uuid::parse_str(key).is_ok() { key.to_owned() } else { format!("{document_id}/{key}") }
}

/// Where an event stands, for people, and the same whenever it is read again.
pub fn place(document_id: &str, key: &str) -> String {
    format!("{} / {}", shorten(document_id, 200), shorten(key, 200))
}
