//! Sources: where messages are taken in from, beside our own outbox and the bus.

use baton_domain::{
    diagnostic::Diagnostic,
    source::{DocumentSource, Preset, TableSource},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DateTime, PausedBy};

/// Settings of a source as a user gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceSettings {
    /// A table in PostgreSQL or SQLite.
    Table(TableSource),
    /// Documents with their events in them, in a server that speaks MongoDB's protocol.
    Documents(DocumentSource),
}

/// A source, and how it is. No address with a password is ever in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Source {
    pub name: String,
    pub settings: SourceSettings,
    pub state: SourceState,
    pub paused: bool,
    /// Who paused it, while it is.
    pub paused_by: Option<PausedBy>,
    /// How many were taken in so far, what could not be read included.
    pub taken: u64,
    pub unreadable: u64,
    pub last_taken_at: Option<DateTime>,
    /// How many wait over there, where that is cheap to know; counted up to 10,000.
    pub waiting: Option<u64>,
    /// How much of its log the server there keeps until it was read, in bytes; with the mode `log`, as was seen last.
    pub kept_bytes: Option<u64>,
    /// Why it cannot be read now, and what to do.
    pub error: Option<String>,
    pub error_at: Option<DateTime>,
    pub updated_at: DateTime,
}

/// A source that is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SourceRemoved {
    /// What stays over there since it could not be given back, and what to do; with the mode `log`, a slot.
    pub left_behind: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// It was stored, and nobody has looked there yet.
    New,
    Reading,
    Paused,
    /// It cannot be read; it is tried again and again.
    Failing,
}

/// What is there, and what is wrong with the settings for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SourceReport {
    /// The columns of the table, or the fields that were seen.
    pub columns: Vec<SourceColumn>,
    /// Errors keep it from being read, warnings do not; pointers lead into the settings.
    pub diagnostics: Vec<Diagnostic>,
    pub waiting: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SourceColumn {
    pub name: String,
    /// In the words of the database.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// What a source would take in first. Nothing was written for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SourcePreview {
    pub report: SourceReport,
    pub rows: Vec<SourceRow>,
}

/// One row or document, as it stands there and as a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SourceRow {
    /// Its key.
    pub place: String,
    pub row: Value,
    /// As `GET /messages/{id}` would show it; absent when it cannot be read.
    pub message: Option<Value>,
    /// Why it is no message. It would stand among the failures.
    pub problem: Option<String>,
}

/// A preset, for the wizard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SourcePreset {
    pub name: String,
    pub title: String,
    pub note: String,
    pub settings: SourceSettings,
}

impl From<&Preset> for SourcePreset {
    fn from(preset: &Preset) -> Self {
        Self {
            name: preset.name.to_owned(),
            title: preset.title.to_owned(),
            note: preset.note.to_owned(),
            settings: SourceSettings::Table(preset.settings()),
        }
    }
}

/// The tables of a database, for the wizard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SourceTable {
    /// Absent on SQLite.
    pub schema: Option<String>,
    pub name: String,
}
