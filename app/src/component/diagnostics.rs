//! What the rules say about a text, beside the text.

use crate::erased::Erase;
use baton_domain::diagnostic::{Diagnostic, Severity};
use leptos::prelude::*;

use crate::{component::canvas::Studio, dom};

/// The findings, errors first. Each leads to its place in the text area with the id `editor`, and on the canvas where
/// there is one.
pub fn diagnostics_list(
    mut diagnostics: Vec<Diagnostic>,
    source: Signal<String>,
    editor: &'static str,
    canvas: Option<Studio>,
) -> AnyView {
    diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
    if diagnostics.is_empty() {
        return view! { <p class="all-well">"No findings. It can be published."</p> }.erased();
    }
    let items = diagnostics
        .into_iter()
        .map(|diagnostic| {
            let (class, word) = match diagnostic.severity {
                Severity::Error => ("tag bad", "error"),
                Severity::Warning => ("tag warn", "warning"),
            };
            let pointer = diagnostic.pointer.clone();
            let go = move |_| {
                if let Some(line) = source.with_untracked(|source| line_of(source, &pointer)) {
                    dom::select_line(editor, line);
                }
            };
            let drawn = canvas.and_then(|studio| Some((studio, studio.drawn_at(&diagnostic.pointer)?)));
            let drawn = drawn.map(|(studio, node)| {
                view! {
                    " "
                    <button type="button" class="place" on:click=move |_| studio.go_to(&node) title="Open its settings on the canvas">
                        "on the canvas"
                    </button>
                }
            });
            let place = if diagnostic.pointer.is_empty() { "whole document".to_owned() } else { diagnostic.pointer };
            view! {
                <li>
                    <span class=class>{word}</span>
                    <div>
                        <p>{diagnostic.message}</p>
                        <button type="button" class="place mono" on:click=go title="Show it in the text">{place}</button>
                        {drawn}
                        <span class="code mono">{diagnostic.code}</span>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="diagnostics">{items}</ul> }.erased()
}

/// `2 errors, 1 warning`
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = diagnostics.len() - errors;
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let parts: Vec<String> = [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    if parts.is_empty() { "valid".to_owned() } else { parts.join(", ") }
}

/// The line (counted from 0) where the last known token of a JSON pointer is a key, in JSON or YAML. A guess by the
/// order of keys: good enough to put the cursor there.
fn line_of(source: &str, pointer: &str) -> Option<usize> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = None;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let from = found.map_or(0, |line| line);
        let next = (from..lines.len()).find(|line| has_key(lines[*line], &token));
        found = next.or(found);
    }
    found
}

fn has_key(line: &str, key: &str) -> bool {
    let keys = [format!("{key}:"), format!("\"{key}\":"), format!("'{key}':")];
    keys.iter().any(|key| {
        line.match_indices(key.as_str()).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|before| !before.is_alphanumeric() && !matches!(before, '-' | '_' | '"' | '\''))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "baton: process/1\nnodes:\n  start: {kind: start, next: quotes}\n  quotes:\n    kind: command\n    send: RequestQuotes\n";

    #[test]
    fn a_pointer_leads_to_its_line_in_yaml_and_json() {
        assert_eq!(line_of(YAML, "/nodes/quotes/send"), Some(5));
        assert_eq!(line_of(YAML, "/nodes/start/next"), Some(2));
        assert_eq!(line_of("{\n \"nodes\": {\n  \"a\": {}\n }\n}", "/nodes/a"), Some(2));
    }

    #[test]
    fn a_pointer_to_what_is_missing_leads_to_the_deepest_part_that_is_there() {
        assert_eq!(line_of(YAML, "/nodes/quotes/to"), Some(3));
        assert_eq!(line_of(YAML, ""), None);
    }

    #[test]
    fn findings_are_counted_in_words() {
        let findings =
            [Diagnostic::error("a", "", ""), Diagnostic::warning("b", "", ""), Diagnostic::warning("c", "", "")];
        assert_eq!(summary(&findings), "1 error, 2 warnings");
        assert_eq!(summary(&[]), "valid");
    }
}
