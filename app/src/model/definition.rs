//! Definitions: processes and sagas, their versions, drafts, diagnostics and diagrams.

use std::collections::BTreeMap;

pub use baton_domain::diagram::{Diagram, DiagramEdge, DiagramNode};
use baton_domain::{definition::DefinitionKind, diagnostic::Diagnostic};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DateTime;

/// The definitions that Baton ships, to begin with. Their texts stay on the server.
pub const EXAMPLES: [(DefinitionKind, &str); 3] = [
    (DefinitionKind::Saga, "campaign-publishing"),
    (DefinitionKind::Saga, "order-fulfilment"),
    (DefinitionKind::Process, "trip-booking"),
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DefinitionSummary {
    pub kind: DefinitionKind,
    pub name: String,
    /// The newest published version; `None` while there is only a draft.
    pub version: Option<u32>,
    pub has_draft: bool,
    pub published_at: Option<DateTime>,
    pub published_by: Option<String>,
    /// Live instances over all versions.
    pub live: u64,
    pub stuck: u64,
    pub ended: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct VersionSummary {
    pub version: u32,
    pub note: Option<String>,
    pub published_by: String,
    pub published_at: DateTime,
    pub live: u64,
    pub ended: u64,
}

/// Which draft is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DraftMark {
    /// Another one with every saving. Who saves or publishes names the one that they have seen.
    pub mark: String,
    pub updated_by: String,
    pub updated_at: DateTime,
}

/// A draft as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredDraft {
    #[serde(flatten)]
    pub mark: DraftMark,
    pub source: String,
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedDraft {
    pub mark: String,
    pub check: CheckReport,
}

/// What somebody who saves, publishes or discards has seen; whatever is absent may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The mark of the draft; `Some(None)`: there is none.
    pub draft: Option<Option<String>>,
    /// The newest version, 0 for none.
    pub version: Option<u32>,
    /// That scenarios come out otherwise than they should: then they keep nobody from publishing.
    pub failures: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DefinitionDetail {
    #[serde(flatten)]
    pub summary: DefinitionSummary,
    /// What is shown below: a version's number, or `None` for the draft.
    pub shown: Option<u32>,
    /// The draft that is stored, shown or not.
    pub draft: Option<DraftMark>,
    pub versions: Vec<VersionSummary>,
    /// The text as it was written.
    pub source: String,
    pub check: CheckReport,
    /// The JSON Schema of the input, for processes that have one.
    pub input_schema: Option<Value>,
}

/// What the rules say about a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CheckReport {
    pub diagnostics: Vec<Diagnostic>,
    /// `None` when the text cannot be understood well enough to draw it.
    pub diagram: Option<Diagram>,
    /// The definition as canonical JSON, when it parses.
    pub document: Option<Value>,
}

/// What was drawn, as text, with what the rules say about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    pub source: String,
    pub check: CheckReport,
}

/// The centre of each node, by its name.
pub type Places = BTreeMap<String, (f64, f64)>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Published {
    pub version: u32,
}
