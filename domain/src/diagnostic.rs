//! What validation says about a definition or a request: every finding, each with the place it is about.

use serde::{Deserialize, Serialize};

/// How much a [`Diagnostic`] weighs: an error keeps a definition from being published, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// One finding: what is wrong at which place, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable name of the rule in kebab-case, such as `unknown-node`.
    pub code: String,
    /// JSON pointer (RFC 6901) into the document that was checked; empty for the whole document.
    pub pointer: String,
    /// A sentence for people that says what is wrong and what to do.
    pub message: String,
}

impl Diagnostic {
    pub fn error(code: &str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code: code.to_owned(), pointer: pointer.into(), message: message.into() }
    }

    pub fn warning(code: &str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, code: code.to_owned(), pointer: pointer.into(), message: message.into() }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Escapes one reference token of a JSON pointer (RFC 6901, section 3).
pub fn pointer_token(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

impl Diagnostic {
    /// The same finding with its pointer moved under `prefix`, itself a JSON pointer (such as `/3` for the fourth
    /// message of a batch).
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}
