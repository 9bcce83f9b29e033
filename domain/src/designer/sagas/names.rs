//! What expressions of a saga can name, by the place where they stand.

use serde_json::Value;

use super::{
    parts::{Part, Saga, part_at},
    title,
};
use crate::designer::{
    complete::{Candidate, Known, candidate},
    document::Document,
};

/// What an expression of a saga sees: what belongs together is told by the event alone, and a reaction remembers nothing.
pub fn sees(pointer: &str, root: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts.as_slice() {
        ["correlate", ..] => root == "event",
        ["on", ..] => matches!(root, "event" | "now"),
        ["steps", _, field, ..] => match root {
            "event" => matches!(*field, "set" | "undo"),
            root => matches!(root, "input" | "vars" | "instance" | "now"),
        },
        _ => false,
    }
}

/// The variables that the steps before one set, and its own for what undoes it.
pub fn variables(document: &Document, pointer: &str) -> Vec<Candidate> {
    let until = match part_at(document, pointer) {
        Some(Part::Step(index)) => index,
        Some(Part::Undo(index)) => index + 1,
        _ => 0,
    };
    let steps = Saga::of(document).steps().iter().take(until).enumerate();
    let mut found: Vec<Candidate> = Vec::new();
    for (index, step) in steps {
        let detail = format!("set at {}", title(document, &Part::Step(index)));
        let set = step.get("set").and_then(Value::as_object);
        found.extend(set.into_iter().flatten().map(|(name, _)| candidate(name, Known::Variable, &detail)));
    }
    found.sort_by(|a, b| a.text.cmp(&b.text));
    found.dedup_by(|a, b| a.text == b.text);
    found
}
