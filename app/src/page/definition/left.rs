//! What could not be stored when its page was left: kept in the browser until somebody decides about it.

use baton_domain::definition::DefinitionKind;

use crate::dom;

fn key(kind: DefinitionKind, name: &str) -> String {
    format!("baton-unsaved/{}/{name}", kind.as_str())
}

/// Takes the place of what was left there before.
pub fn put_away(kind: DefinitionKind, name: &str, text: &str) {
    dom::remember(&key(kind, name), Some(text));
}

pub fn find(kind: DefinitionKind, name: &str) -> Option<String> {
    dom::remembered(&key(kind, name))
}

pub fn forget(kind: DefinitionKind, name: &str) {
    dom::remember(&key(kind, name), None);
}
