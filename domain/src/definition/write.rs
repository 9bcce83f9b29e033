//! From JSON back to text, the way a person would write it: what it is first, nodes in the order in which they are reached,
//! short things on one line. Reading what was written yields the same document.

use std::collections::{HashSet, VecDeque};

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Map, Value};
use serde_saphyr::{FlowMap, FlowSeq};

use crate::designer::{Document, Kind};

/// What fits into a line as JSON is written on one line.
const LINE_CHARS_MAX: usize = 72;
/// First what it is, then what starts it, what it does, and where that stands on a canvas.
const TOP: [&str; 13] = [
    "baton",
    "name",
    "title",
    "description",
    "correlate",
    "start",
    "input",
    "business_key",
    "on",
    "steps",
    "nodes",
    "scenarios",
    "layout",
];
const NODE: [&str; 3] = ["kind", "title", "description"];
/// The fields of ports, steps and commands to be undone, as they are read aloud.
const REST: [&str; 22] = [
    "name",
    "type",
    "title",
    "description",
    "required",
    "properties",
    "when",
    "send",
    "to",
    "key",
    "payload",
    "done",
    "failed",
    "match",
    "event",
    "with",
    "form",
    "after",
    "then",
    "set",
    "undo",
    "next",
];

/// A scenario, and what happens in it.
const SCENARIO: [&str; 5] = ["name", "description", "now", "steps", "expect"];
const STEP: [&str; 13] = [
    "start",
    "business_key",
    "answer",
    "event",
    "choose",
    "timer",
    "wait",
    "at",
    "with",
    "item",
    "payload",
    "data",
    "expect",
];

/// YAML. Comments and the layout of a text that was read are not in the document, so they are not written either.
///
/// # Errors
///
/// What no YAML can hold; nothing that JSON can is known to be such.
pub fn write(document: &Value) -> Result<String, serde_saphyr::ser::Error> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let nodes = reached(document);
    let text = serde_saphyr::to_string_with_options(&Written { value: document, place: Place::Top(&nodes) }, options)?;
    // Old YAML takes `on` for true, so it is put in quotes, but people write it without, and it is read without.
    let lines = text.lines().map(|line| match line.trim_start().strip_prefix("\"on\":") {
        Some(rest) => format!("{}on:{rest}\n", &line[..line.len() - line.trim_start().len()]),
        None => format!("{line}\n"),
    });
    Ok(lines.collect())
}

/// The nodes from the start on, breadth first, then those that nothing leads to.
fn reached(document: &Value) -> Vec<String> {
    let document = Document::new(document.clone());
    let mut order = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut queue: VecDeque<String> = document.start().map(str::to_owned).into_iter().collect();
    let mut rest = document.names();
    loop {
        let Some(name) = queue.pop_front().or_else(|| rest.next().map(str::to_owned)) else { return order };
        if !document.contains(&name) || !seen.insert(name.clone()) {
            continue;
        }
        queue.extend(document.ports(&name).into_iter().filter_map(|port| port.target));
        order.push(name);
    }
}

/// Where a value stands decides on the order of its fields.
#[derive(Clone, Copy)]
enum Place<'a> {
    Top(&'a [String]),
    /// By the order in which they are reached.
    Nodes(&'a [String]),
    Node,
    Scenarios,
    Steps,
    Rest,
}

struct Written<'a> {
    value: &'a Value,
    place: Place<'a>,
}

impl Written<'_> {
    fn fits_a_line(&self) -> bool {
        let short = || self.value.to_string().chars().count() <= LINE_CHARS_MAX;
        matches!(self.place, Place::Node | Place::Steps | Place::Rest) && is_flat(self.value, 2) && short()
    }
}

/// Whether it is nested no deeper than that, and nothing in it has several lines.
fn is_flat(value: &Value, depth: usize) -> bool {
    match value {
        Value::Object(map) => depth > 0 && map.values().all(|value| is_flat(value, depth - 1)),
        Value::Array(items) => depth > 0 && items.iter().all(|value| is_flat(value, depth - 1)),
        Value::String(text) => !text.contains('\n'),
        _ => true,
    }
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Object(_) if self.fits_a_line() => FlowMap(Inner(self)).serialize(serializer),
            Value::Array(_) if self.fits_a_line() => FlowSeq(Inner(self)).serialize(serializer),
            _ => Inner(self).serialize(serializer),
        }
    }
}

/// The content of a map or list, whatever brackets it has.
struct Inner<'a>(&'a Written<'a>);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Written { value, place } = self.0;
        match value {
            Value::Object(map) => {
                let mut written = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in ordered(map, *place) {
                    let inner = match (place, key.as_str()) {
                        (Place::Top(nodes), "nodes") => Place::Nodes(nodes),
                        (Place::Top(_), "scenarios") => Place::Scenarios,
                        (Place::Scenarios, "steps") => Place::Steps,
                        (Place::Nodes(_), _) => Place::Node,
                        _ => Place::Rest,
                    };
                    written.serialize_entry(key, &Written { value, place: inner })?;
                }
                written.end()
            }
            Value::Array(items) => {
                let mut written = serializer.serialize_seq(Some(items.len()))?;
                let inner = match place {
                    Place::Scenarios => Place::Scenarios,
                    Place::Steps => Place::Steps,
                    _ => Place::Rest,
                };
                for value in items {
                    written.serialize_element(&Written { value, place: inner })?;
                }
                written.end()
            }
            other => other.serialize(serializer),
        }
    }
}

fn ordered<'a>(map: &'a Map<String, Value>, place: Place<'_>) -> Vec<(&'a String, &'a Value)> {
    let rank = |key: &str| match place {
        Place::Top(_) => TOP.iter().position(|known| *known == key),
        Place::Nodes(nodes) => nodes.iter().position(|known| known == key),
        Place::Node => {
            let own = map.get("kind").and_then(Value::as_str).map_or(Kind::Unknown, Kind::of).fields();
            NODE.iter().chain(own).position(|known| *known == key)
        }
        Place::Scenarios => SCENARIO.iter().position(|known| *known == key),
        Place::Steps => STEP.iter().position(|known| *known == key),
        Place::Rest => REST.iter().position(|known| *known == key),
    };
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_cached_key(|(key, _)| (rank(key).unwrap_or(usize::MAX), (*key).clone()));
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{definition, strategies::any_json};

    #[test]
    fn what_ships_is_written_as_it_would_be_by_hand() {
        for (name, text) in definition::shipped() {
            let parsed = definition::parse(text).unwrap();
            let written = write(&parsed.value).unwrap();
            let again = definition::parse(&written).unwrap_or_else(|found| panic!("{name}: {found:?}\n{written}"));
            assert_eq!(again.value, parsed.value, "{name}:\n{written}");
            insta::assert_snapshot!(format!("written_{name}"), written);
        }
    }

    #[test]
    fn nodes_come_in_the_order_in_which_they_are_reached() {
        let document = json!({"nodes": {
            "a": {"kind": "end", "outcome": "completed"}, "start": {"next": "z", "kind": "start"},
            "lost": {"kind": "end"}, "z": {"kind": "compute", "set": {"x": 1}, "next": "a"},
        }, "name": "trip", "baton": "process/1"});
        let expected = "baton: process/1
name: trip
nodes:
  start: {kind: start, next: z}
  z: {kind: compute, set: {x: 1}, next: a}
  a: {kind: end, outcome: completed}
  lost: {kind: end}
";
        assert_eq!(write(&document).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn reading_what_was_written_yields_the_same(value in any_json()) {
            let document = json!({"baton": "process/1", "name": "n", "nodes": {"start": value}});
            let text = write(&document).unwrap();
            let checked = definition::check(&text);
            prop_assert_eq!(checked.value.as_ref(), Some(&document), "{}\n{:?}", text, checked.diagnostics);
        }
    }
}
