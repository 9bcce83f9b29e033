//! JSON as people read it: indented, coloured, inert.

use crate::erased::Erase;
use leptos::prelude::*;
use serde_json::Value;

/// Above this many bytes a document is shown without colours: a page of a hundred thousand spans helps nobody.
const COLOURED_BYTES_MAX: usize = 24_000;

/// The indented text, as it is copied.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A document in a scrollable box; `label` names it for those who do not see it.
pub fn json_view(value: &Value, label: &str) -> AnyView {
    let text = pretty(value);
    let content = if text.len() > COLOURED_BYTES_MAX {
        text.erased()
    } else {
        pieces(&text)
            .into_iter()
            .map(|(class, piece)| match class {
                "" => piece.erased(),
                class => view! { <span class=class>{piece}</span> }.erased(),
            })
            .collect_view()
            .erased()
    };
    view! { <pre class="json" tabindex="0" role="group" aria-label=label.to_owned()><code>{content}</code></pre> }
        .erased()
}

/// Cuts indented JSON into pieces with their class: `k` keys, `s` strings, `n` numbers and words, empty for the rest.
fn pieces(text: &str) -> Vec<(&'static str, String)> {
    let mut pieces: Vec<(&'static str, String)> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (class, length) = match first {
            '"' => {
                let length = string_length(rest);
                (if rest[length..].starts_with(':') { "k" } else { "s" }, length)
            }
            '-' | '0'..='9' | 't' | 'f' | 'n' => ("n", rest.find([',', '\n', ' ', '}', ']']).unwrap_or(rest.len())),
            _ => (
                "",
                rest.find(|other: char| other == '"' || other == '-' || other.is_alphanumeric()).unwrap_or(rest.len()),
            ),
        };
        pieces.push((class, rest[..length].to_owned()));
        rest = &rest[length..];
    }
    pieces
}

/// The length in bytes of the string literal that `text` begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pieces_are_the_text_and_know_keys_from_strings() {
        let text = pretty(&json!({"a \"b\\": ["x: \"y\"", -1.5e3, true, null], "ü": {}}));
        let pieces = pieces(&text);
        assert_eq!(pieces.iter().map(|(_, piece)| piece.as_str()).collect::<String>(), text);
        let of =
            |class| pieces.iter().filter(|(of, _)| *of == class).map(|(_, piece)| piece.as_str()).collect::<Vec<_>>();
        assert_eq!(of("k"), [r#""a \"b\\""#, r#""ü""#]);
        assert_eq!(of("s"), [r#""x: \"y\"""#]);
        assert_eq!(of("n"), ["-1500.0", "true", "null"]);
    }
}
