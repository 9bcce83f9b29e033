//! What became of variables: before and after.

use leptos::prelude::*;
use serde_json::Value;

use crate::{erased::Erase, model::VariableChange};

/// Longer values are cut here; the whole stands among the variables.
const CHARS_MAX: usize = 80;

/// Nothing when nothing changed.
pub fn changes(changes: &[VariableChange]) -> Option<AnyView> {
    if changes.is_empty() {
        return None;
    }
    let items = changes.iter().map(|change| {
        let before = change.before.as_ref().map(|before| view! { <del>{short(before, CHARS_MAX)}</del>" → " });
        view! { <li><b>{change.name.clone()}</b>" "{before}<ins>{short(&change.after, CHARS_MAX)}</ins></li> }
    });
    Some(view! { <ul class="changes" aria-label="Changed variables">{items.collect_view()}</ul> }.erased())
}

/// A value in one line, cut after so many characters.
pub fn short(value: &Value, chars_max: usize) -> String {
    let text = value.to_string();
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(short(&Value::from("é"), CHARS_MAX), "\"é\"");
        let cut = short(&Value::from("é".repeat(200)), CHARS_MAX);
        assert_eq!(cut.chars().count(), CHARS_MAX + 1);
    }
}
