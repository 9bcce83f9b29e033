//! Message types that a definition names and that were never seen: a typing error, more often than not.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, pointer_token};

/// So alike (Damerau and Levenshtein's distance over the longer one's length, from 1) are two names that are held for one.
const ALIKE: f64 = 0.75;
/// The key of `on` that is no event.
const TIMEOUT: &str = "timeout";

/// The message types that went through the outbox so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Wire {
    pub events: BTreeSet<String>,
    pub commands: BTreeSet<String>,
    /// Of both.
    pub aggregate_types: BTreeSet<String>,
}

/// A warning for each event that the definition waits for and that was never seen, and for each command that it sends
/// and that neither was seen nor has a taker, by (type, aggregate type). Before the first event was seen there is
/// nothing to compare with, and nothing is said. `document` may be broken.
pub fn unseen(document: &Value, wire: &Wire, has_taker: impl Fn(&str, &str) -> bool) -> Vec<Diagnostic> {
    if wire.events.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for Mention { pointer, name, to } in mentions(document) {
        match to {
            None if !wire.events.contains(name) => {
                let message = format!("No event `{name}` has been seen here yet.{}", instead(name, &wire.events));
                found.push(Diagnostic::warning("unseen-event", pointer, message));
            }
            Some(to) if !wire.commands.contains(name) && !has_taker(name, to) => {
                let message = format!(
                    "No command `{name}` has been seen here yet, and no route takes it.{}",
                    instead(name, &wire.commands)
                );
                found.push(Diagnostic::warning("unseen-command", pointer, message));
            }
            _ => {}
        }
    }
    found
}

fn instead(name: &str, known: &BTreeSet<String>) -> String {
    let (lower, alike) = (name.to_lowercase(), |it: &str, lower: &str| {
        strsim::normalized_damerau_levenshtein(&it.to_lowercase(), lower)
    });
    let best = known.iter().map(|it| (alike(it, &lower), it)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, it)) if likeness >= ALIKE => format!(" Is `{it}` meant?"),
        _ => String::new(),
    }
}

/// A type that is named somewhere.
struct Mention<'a> {
    pointer: String,
    name: &'a str,
    /// The aggregate type that a command goes to; `None` for an event.
    to: Option<&'a str>,
}

fn mentions(document: &Value) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    for (name, node) in object(document.get("nodes")) {
        let base = format!("/nodes/{}", pointer_token(name));
        if matches!(node["kind"].as_str(), Some("command" | "wait")) {
            events_of(&node["on"], &format!("{base}/on"), &mut found);
        }
        if node["kind"] == "command" {
            commands_of(node, &base, "", &mut found);
        }
    }
    // A saga: reactions, or steps.
    if document.get("nodes").is_none() {
        for (name, reaction) in object(document.get("on")) {
            let pointer = format!("/on/{}", pointer_token(name));
            commands_of(reaction, &pointer, "", &mut found);
            found.push(Mention { pointer, name, to: None });
        }
        types(&document["start"], "/start", &mut found);
        for (index, step) in document["steps"].as_array().into_iter().flatten().enumerate() {
            let base = format!("/steps/{index}");
            for field in ["done", "failed"] {
                types(&step[field], &format!("{base}/{field}"), &mut found);
            }
            commands_of(step, &base, "", &mut found);
        }
    }
    found
}

/// What is sent there, to undo it, and to ask about it.
fn commands_of<'a>(place: &'a Value, base: &str, to: &'a str, found: &mut Vec<Mention<'a>>) {
    let to = place["to"].as_str().unwrap_or(to);
    if let Some(name) = place["send"].as_str().filter(|_| !to.starts_with('=')) {
        found.push(Mention { pointer: format!("{base}/send"), name, to: Some(to) });
    }
    if let Some(undo) = place.get("undo").filter(|undo| undo.is_object()) {
        for field in ["done", "failed"] {
            types(&undo[field], &format!("{base}/undo/{field}"), found);
        }
        commands_of(undo, &format!("{base}/undo"), to, found);
    }
    for timeout in ["timeout", "on/timeout"] {
        let pointer = format!("/{timeout}/ask");
        if let Some(ask) = place.pointer(&pointer).filter(|ask| ask.is_object()) {
            commands_of(ask, &format!("{base}{pointer}"), to, found);
        }
    }
}

fn events_of<'a>(on: &'a Value, base: &str, found: &mut Vec<Mention<'a>>) {
    let events = object(Some(on)).filter(|(name, _)| *name != TIMEOUT);
    found.extend(events.map(|(name, _)| Mention {
        pointer: format!("{base}/{}", pointer_token(name)),
        name,
        to: None,
    }));
}

/// One type, or a list of them.
fn types<'a>(value: &'a Value, pointer: &str, found: &mut Vec<Mention<'a>>) {
    match value {
        Value::String(name) => found.push(Mention { pointer: pointer.to_owned(), name, to: None }),
        Value::Array(names) => {
            for (index, name) in names.iter().enumerate() {
                types(name, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wire() -> Wire {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Wire {
            events: set(&["QuotesReceived", "FlightBooked"]),
            commands: set(&["RequestQuotes"]),
            aggregate_types: set(&["flights"]),
        }
    }

    fn found(document: &Value) -> Vec<(String, String)> {
        let routed = |name: &str, to: &str| name == "Routed" && to == "hotels";
        unseen(document, &wire(), routed).into_iter().map(|it| (it.pointer, it.message)).collect()
    }

    #[test]
    fn a_type_that_nobody_saw_is_said_with_the_one_that_is_meant() {
        let document = json!({"nodes": {
            "quotes": {"kind": "command", "send": "RequestQuote", "to": "flights",
                "on": {"QuoteReceived": {"next": "a"}, "timeout": {"after": "PT1M", "ask": {"send": "Routed", "to": "hotels"}}},
                "undo": {"send": "Withdraw", "done": ["FlightBooked", "Withdrawn"]}},
            "wait": {"kind": "wait", "on": {"FlightBooked": {"next": "a"}}},
            "call": {"kind": "call", "process": "other", "on": {"completed": {"next": "a"}}},
        }});
        let found = found(&document);
        let places: Vec<&str> = found.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(
            places,
            [
                "/nodes/quotes/on/QuoteReceived",
                "/nodes/quotes/send",
                "/nodes/quotes/undo/done/1",
                "/nodes/quotes/undo/send"
            ]
        );
        assert_eq!(found[0].1, "No event `QuoteReceived` has been seen here yet. Is `QuotesReceived` meant?");
        assert!(found[1].1.ends_with("no route takes it. Is `RequestQuotes` meant?"), "{}", found[1].1);
        assert!(found[2].1.ends_with("yet."), "nothing is like it: {}", found[2].1);
    }

    #[test]
    fn sagas_of_both_kinds_are_looked_through() {
        let stateless = json!({"on": {"FlightBooked": {"send": "Routed", "to": "cars"}, "Odd": {"send": "Routed", "to": "hotels"}}});
        let places = |document: &Value| found(document).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(places(&stateless), ["/on/FlightBooked/send", "/on/Odd"]);
        let stateful = json!({"start": "Begun", "steps": [
            {"send": "RequestQuotes", "to": "flights", "done": "QuotesReceived", "failed": ["None"], "undo": {"send": "Routed", "to": "hotels", "done": "Gone"}},
            {"send": "=odd", "to": "=input.to", "done": 1},
        ]});
        assert_eq!(places(&stateful), ["/start", "/steps/0/failed/0", "/steps/0/undo/done"]);
    }

    #[test]
    fn where_nothing_was_seen_nothing_is_said_and_broken_documents_are_read() {
        let document = json!({"nodes": {"a": {"kind": "command", "send": "X", "to": "y"}}});
        assert_eq!(unseen(&document, &Wire::default(), |_, _| false), []);
        for broken in
            [json!(null), json!([1]), json!({"nodes": [1]}), json!({"nodes": {"a": 3}}), json!({"steps": 1, "on": 2})]
        {
            assert_eq!(found(&broken), [], "{broken}");
        }
    }
}
