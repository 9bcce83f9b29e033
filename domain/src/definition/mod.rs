//! Definitions as people write them: text in YAML or JSON, read into what can be run.
//!
//! [`parse`] is for whoever wants to run one, [`check`] for whoever edits one: it yields as much as could be understood,
//! with everything that is wrong.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    diagnostic::Diagnostic,
    fields::{name_of, shorten},
    message::check_storable,
    process, saga,
    simulation::{Scenario, read_scenarios},
};

mod scenarios;
mod schemas;
mod text;
pub mod wire;
mod write;

pub use scenarios::{save_scenario, set_scenarios};
pub use schemas::{process_schema, saga_schema};
pub use text::SOURCE_BYTES_MAX;
pub use write::write;

/// How deep objects and lists may be nested in a definition.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DefinitionKind {
    Process,
    Saga,
}

impl DefinitionKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Saga => "saga",
        }
    }
}

/// A definition of either kind. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    Process(process::Definition),
    Saga(saga::Definition),
}

impl Definition {
    pub fn kind(&self) -> DefinitionKind {
        match self {
            Self::Process(_) => DefinitionKind::Process,
            Self::Saga(_) => DefinitionKind::Saga,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Process(process) => &process.name,
            Self::Saga(saga) => &saga.name,
        }
    }
}

/// A definition that may be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The document as JSON.
    pub value: Value,
    pub definition: Definition,
    /// What it is tried out with.
    pub scenarios: Vec<Scenario>,
    pub warnings: Vec<Diagnostic>,
}

/// As much of a text as could be understood, and everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checked {
    /// The document as JSON, if it is YAML or JSON at all.
    pub value: Option<Value>,
    /// What can be drawn. It may be run only when no diagnostic is an error.
    pub definition: Option<Definition>,
    /// Those that could be read.
    pub scenarios: Vec<Scenario>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a definition from YAML or JSON. When anything is wrong with it, all diagnostics come back, warnings included,
/// each with a JSON pointer into the document.
pub fn parse(text: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let checked = check(text);
    match (checked.value, checked.definition) {
        (Some(value), Some(definition)) if !checked.diagnostics.iter().any(Diagnostic::is_error) => {
            Ok(Parsed { value, definition, scenarios: checked.scenarios, warnings: checked.diagnostics })
        }
        _ => Err(checked.diagnostics),
    }
}

/// Reads a definition as far as possible.
pub fn check(text: &str) -> Checked {
    let mut found = Vec::new();
    let Some(value) = text::read(text, &mut found) else {
        return Checked { diagnostics: found, ..Checked::default() };
    };
    check_storable(&value, "", DEPTH_MAX, &mut found);
    let is_storable = found.is_empty();
    let definition = if is_storable { read(&value, &mut found) } else { None };
    let scenarios = if is_storable { read_scenarios(&value, &mut found) } else { Vec::new() };
    Checked { value: Some(value), definition, scenarios, diagnostics: found }
}

/// How a document differs from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    None,
    /// Nodes stand elsewhere; what it does is the same.
    Layout,
    Meaning,
}

/// Where nodes stand means nothing. Scenarios do: they are what a version was tried out with.
pub fn difference(one: &Value, other: &Value) -> Difference {
    if one == other {
        return Difference::None;
    }
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return Difference::Meaning };
    let says = |map: &Map<String, Value>| map.keys().filter(|key| *key != LAYOUT).count();
    let is_same = says(one) == says(other)
        && one.iter().filter(|(key, _)| *key != LAYOUT).all(|(key, value)| other.get(key) == Some(value));
    if is_same { Difference::Layout } else { Difference::Meaning }
}

const LAYOUT: &str = "layout";

/// The code of the finding that a text is of a newer Baton.
pub const NEWER_FORMAT: &str = "newer-format";

/// A format that this version does not know yet.
fn is_newer(format: &str) -> bool {
    let number = ["process/", "saga/"].iter().find_map(|family| format.strip_prefix(family));
    number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number > 1)
}

/// Why a document is not to be written here: it is of a newer Baton, and holds what this one does not know.
pub fn newer(document: &Value) -> Option<Diagnostic> {
    let format = document.get("baton")?.as_str().filter(|format| is_newer(format))?;
    let message = format!(
        "`{}` is of a newer Baton; this one reads `process/1` and `saga/1`. Nothing was changed; open it with the newer one.",
        shorten(format, 60)
    );
    Some(Diagnostic::error(NEWER_FORMAT, "/baton", message))
}

fn read(value: &Value, found: &mut Vec<Diagnostic>) -> Option<Definition> {
    let Value::Object(map) = value else {
        let message = format!("A definition is an object, not {}.", name_of(value));
        found.push(Diagnostic::error("wrong-type", "", message));
        return None;
    };
    match map.get("baton").and_then(Value::as_str) {
        Some("process/1") => process::read::read(value, found).map(Definition::Process),
        Some("saga/1") => saga::read(value, found).map(Definition::Saga),
        Some(other) => {
            found.push(newer(value).unwrap_or_else(|| {
                let message = format!("Unknown format `{}`: write `process/1` or `saga/1`.", shorten(other, 60));
                Diagnostic::error("unknown-format", "/baton", message)
            }));
            None
        }
        None => {
            let message = "Begin with what this is: `baton: process/1` or `baton: saga/1`.";
            found.push(Diagnostic::error("missing-field", "/baton", message));
            None
        }
    }
}

/// The definitions that ship with Baton: name and text.
pub fn shipped() -> [(&'static str, &'static str); 3] {
    [
        ("campaign-publishing", include_str!("../../definitions/campaign-publishing.yaml")),
        ("order-fulfilment", include_str!("../../definitions/order-fulfilment.yaml")),
        ("trip-booking", include_str!("../../definitions/trip-booking.yaml")),
    ]
}

#[cfg(test)]
mod tests;
