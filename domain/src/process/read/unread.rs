//! Nodes that could not be read: as much of them as the graph needs.
//!
//! One bad node must not hide what is wrong elsewhere, nor be the reason for complaints about its neighbours: edges to it
//! hold, and its own edges are looked at as far as they can be made out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::pointer_token;

/// Whatever stands under these is a person's data, where `next` means nothing.
const DATA: [&str; 6] = ["set", "payload", "input", "form", "undo", "layout"];

/// Placeholders for nodes that could not be read, by name.
#[derive(Debug, Default)]
pub(in crate::process) struct Unread(BTreeMap<String, Placeholder>);

#[derive(Debug)]
struct Placeholder {
    /// What it says that it is.
    kind: String,
    /// The pointer of each edge, and the node that it leads to.
    edges: Vec<(String, String)>,
}

impl Unread {
    pub(super) fn add(&mut self, name: &str, value: &Value, pointer: &str) {
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        let mut edges = Vec::new();
        collect(value, pointer, &mut edges);
        self.0.insert(name.to_owned(), Placeholder { kind, edges });
    }

    pub(in crate::process) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::process) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(in crate::process) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether one of them was meant to be of this kind.
    pub(in crate::process) fn has_kind(&self, kind: &str) -> bool {
        self.0.values().any(|node| node.kind == kind)
    }

    pub(in crate::process) fn edges(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.values().flat_map(|node| &node.edges)
    }
}

fn collect(value: &Value, pointer: &str, edges: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| !DATA.contains(&name.as_str())) {
                let at = format!("{pointer}/{}", pointer_token(name));
                match field {
                    Value::String(target) if name == "next" => edges.push((at, target.clone())),
                    field => collect(field, &at, edges),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{pointer}/{index}"), edges);
            }
        }
        _ => {}
    }
}
