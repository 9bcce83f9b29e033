//! Nodes that have another name and are otherwise the same: what they do, where they lead, and what leads to them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{
        Kind,
        document::{Document, PortRef, node_pointer},
        edit::{Edit, apply},
        rules,
    },
    without,
};

/// More than this were hardly renamed one by one; they are told as gone and new.
const RENAMES_MAX: usize = 50;

/// The old document with the names of the new one, and which new name was which old one.
pub fn followed(old: &Document, new: &Document) -> (Document, BTreeMap<String, String>) {
    let mut pairs = candidates(old, new);
    // What surely was not renamed takes its neighbours with it, so all are looked at again.
    loop {
        if pairs.is_empty() || pairs.len() > RENAMES_MAX {
            return (old.clone(), BTreeMap::new());
        }
        let mut renamed = old.clone();
        let count = pairs.len();
        pairs.retain(|to, from| apply(&mut renamed, &Edit::Rename { node: from.clone(), to: to.clone() }).is_ok());
        pairs.retain(|to, _| is_same(&renamed, new, to));
        if pairs.len() == count {
            return (renamed, pairs);
        }
    }
}

/// New names to old ones, of nodes that alone among those that are gone and those that are new do the same.
fn candidates(old: &Document, new: &Document) -> BTreeMap<String, String> {
    let mut alike: BTreeMap<String, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for name in old.names().filter(|name| !new.contains(name)) {
        alike.entry(content(old, name)).or_default().0.push(name);
    }
    for name in new.names().filter(|name| !old.contains(name)) {
        alike.entry(content(new, name)).or_default().1.push(name);
    }
    let pairs = alike.into_values().filter_map(|(gone, added)| match (gone.as_slice(), added.as_slice()) {
        ([gone], [added]) if is_free(new, gone) && is_free(old, added) => {
            Some(((*added).to_owned(), (*gone).to_owned()))
        }
        _ => None,
    });
    pairs.collect()
}

/// What a node does, wherever it leads.
fn content(document: &Document, name: &str) -> String {
    let at = node_pointer(name);
    let ports = document.ports(name);
    let targets: Vec<String> =
        ports.iter().filter_map(|port| Some(port.pointer.strip_prefix(&at)?.to_owned())).collect();
    document.node(name).map_or_else(String::new, |node| without(node, &targets).to_string())
}

fn is_same(renamed: &Document, new: &Document, name: &str) -> bool {
    renamed.node(name) == new.node(name) && references(renamed, name) == references(new, name)
}

/// Whether a node could be given that name, and nothing leads to it yet. Otherwise another thing would be told forwards than
/// backwards.
fn is_free(document: &Document, name: &str) -> bool {
    let (ports, joins) = references(document, name);
    ports.is_empty() && joins.is_empty() && rules::name(name).is_allowed()
}

/// What leads to a node, and the forks whose branches come together there.
fn references(document: &Document, name: &str) -> (Vec<PortRef>, Vec<String>) {
    let joins = document.nodes().filter(|(from, node)| {
        document.kind_of(from) == Kind::Fork && node.get("join").and_then(Value::as_str) == Some(name)
    });
    let joins = joins.map(|(from, _)| from.to_owned()).collect();
    (document.incoming(name), joins)
}
