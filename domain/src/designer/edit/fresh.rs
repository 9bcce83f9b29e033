//! What new nodes and ports are made of: names that are free, and contents to begin with.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::designer::{
    Kind,
    document::{Document, PortRef, node_pointer},
    ports, rules,
};
use crate::diagnostic::pointer_token;

/// A node of each kind as one would begin to write it. What it cannot know is left out, and the diagnostics ask for it.
pub fn node(kind: Kind) -> Value {
    match kind {
        Kind::Start => json!({"kind": "start"}),
        Kind::Command => json!({
            "kind": "command", "send": "DoSomething", "to": "receiver", "payload": {},
            "on": {"SomethingDone": {}, "timeout": {"after": "PT5M"}},
        }),
        Kind::Wait => json!({"kind": "wait", "on": {"SomethingHappened": {}, "timeout": {"after": "P1D"}}}),
        Kind::Decide => json!({"kind": "decide", "cases": [{"when": "=true"}], "default": {}}),
        Kind::Compute => json!({"kind": "compute", "set": {}}),
        Kind::Approval => json!({
            "kind": "approval", "title": "Approve", "group": "approvers", "due": "P2D",
            "outcomes": {"approve": {}, "reject": {}},
        }),
        Kind::Timer => json!({"kind": "timer", "for": "PT1H"}),
        Kind::Call => {
            json!({"kind": "call", "process": "other-process", "input": {}, "on": {"completed": {}, "failed": {}}})
        }
        Kind::Fork => json!({"kind": "fork", "branches": {"first": {}, "second": {}}}),
        Kind::Join => json!({"kind": "join"}),
        Kind::ForEach => json!({"kind": "for-each", "over": "=input.items", "as": "item"}),
        Kind::Compensate => json!({"kind": "compensate"}),
        Kind::End => json!({"kind": "end", "outcome": "completed"}),
        Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction | Kind::Unknown => json!({}),
    }
}

/// What nodes are called and what edges lead to: a new node is called nothing of that, lest an edge that leads nowhere be
/// connected by accident.
pub fn taken(document: &Document) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    for name in document.names() {
        taken.insert(name.to_owned());
        taken.extend(document.ports(name).into_iter().filter_map(|port| port.target));
    }
    taken
}

/// `base`, or `base-2` and so on.
pub fn name(base: &str, taken: &BTreeSet<String>) -> String {
    numbered(base, |name| taken.contains(name))
}

fn numbered(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let room = rules::NAME_BYTES_MAX - 4;
    let base = base.get(..room).unwrap_or(base);
    // `step-2` goes on with `step-3`.
    let stem = match base.rsplit_once('-') {
        Some((stem, number)) if !stem.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => base,
    };
    if !is_taken(base) {
        return base.to_owned();
    }
    let mut number = 2_u32;
    loop {
        let name = format!("{stem}-{number}");
        if !is_taken(&name) {
            return name;
        }
        number += 1;
    }
}

/// A port that the node has not got yet; none when it has all that there can be.
pub fn port_name(document: &Document, node: &str) -> Option<String> {
    let taken: BTreeSet<String> = document.ports(node).into_iter().map(|port| port.name).collect();
    let camel = |base: &str| {
        let mut names = (1..).map(|number| if number == 1 { base.to_owned() } else { format!("{base}{number}") });
        names.find(|name| !taken.contains(name))
    };
    match document.kind_of(node) {
        Kind::Command | Kind::Unknown => camel("SomethingElse"),
        Kind::Wait => camel("SomethingHappened"),
        Kind::Approval => Some(numbered("outcome", |name| taken.contains(name))),
        Kind::Fork => Some(numbered("branch", |name| taken.contains(name))),
        Kind::Call => rules::ENDINGS.into_iter().find(|ending| !taken.contains(*ending)).map(str::to_owned),
        _ => None,
    }
}

/// The JSON pointer of the object that a named port is an entry of; none for ports that are fields or cases.
pub fn port_map(document: &Document, port: &PortRef) -> Option<String> {
    let node = document.node(&port.node)?;
    if port.port == ports::TIMEOUT {
        return None;
    }
    let field =
        ports::MAPS.into_iter().find(|field| node.get(field).is_some_and(|map| map.get(&port.port).is_some()))?;
    let pointer = format!("{}/{field}", node_pointer(&port.node));
    let entry = format!("{pointer}/{}", pointer_token(&port.port));
    // A field of the same name that the kind does not look at is not the port.
    document.port(port)?.pointer.starts_with(&entry).then_some(pointer)
}
