//! Processes as BPMN 2.0 XML, with diagram data, and back.
//!
//! [`export`] writes what other tools draw and read. BPMN has no place for much of what a definition says, so each element
//! holds the JSON of what it was made from in an extension of ours: importing it again yields the same definition, also
//! after another tool has read and written the file. [`import`] reads such files, with what was moved, renamed or
//! connected elsewhere, and files that never saw Baton: what maps is mapped, and everything that does not is a [`Finding`].
//!
//! What maps to what is the table in `docs/guides/exchange.md`. This is for the server: the browser asks it, and has none
//! of this in its bundle.

mod export;
mod import;
mod names;
mod shapes;
#[cfg(test)]
mod tests;
mod xml;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use export::{NotProcess, export};
pub use import::import;

use crate::diagnostic::Severity;

/// The most bytes of a BPMN file. Diagram data makes them several times as large as the definition.
pub const BPMN_BYTES_MAX: usize = 4 << 20;

/// Whether a text is XML rather than YAML or JSON.
pub fn is_xml(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

/// What became of a BPMN file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Imported {
    /// The definition as JSON; none when nothing could be read.
    pub document: Option<Value>,
    pub findings: Vec<Finding>,
}

/// Something of a file that has no place in a definition, or another one than it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// An error was left out; a warning was taken over, but has to be looked at.
    pub severity: Severity,
    /// Stable name of the rule in kebab-case, such as `inclusive-gateway`.
    pub code: String,
    /// The id of the element in the file; empty for the whole file.
    pub element: String,
    /// What the element is called there; empty when it has no name.
    pub name: String,
    /// What is with it, and what to do.
    pub message: String,
}
