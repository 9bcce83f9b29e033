//! Definitions as files: in which formats they leave, and what one that came in means.

use baton_domain::{bpmn::BPMN_BYTES_MAX, definition::DefinitionKind};
pub use baton_domain::{bpmn::Finding, diagram::Theme};
use serde::{Deserialize, Serialize};

use super::CheckReport;

/// The most bytes of a file that is imported.
pub const FILE_BYTES_MAX: usize = BPMN_BYTES_MAX;

/// The format of a file that a definition is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As it was written, if that was YAML.
    Yaml,
    Json,
    /// BPMN 2.0 XML with diagram data; processes only.
    Bpmn,
    /// The diagram.
    Svg,
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Bpmn => "bpmn",
            Self::Svg => "svg",
        }
    }
}

/// Which definition is to be written to a file, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    pub kind: DefinitionKind,
    pub name: String,
    /// The newest version when absent, or the draft while there is none.
    pub version: Option<u32>,
    /// The draft, whatever versions there are.
    pub draft: bool,
    pub format: Format,
    pub theme: Theme,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Such as `trip-booking-v2.bpmn`.
    pub file_name: String,
    pub content_type: &'static str,
    pub text: String,
}

/// What a file means. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Imported {
    pub kind: DefinitionKind,
    pub name: String,
    /// The text of the definition: what was imported, if that was YAML or JSON.
    pub source: String,
    /// What a BPMN file said that the definition does not say, or says otherwise.
    pub findings: Vec<Finding>,
    /// What the rules say about the definition.
    pub check: CheckReport,
}
