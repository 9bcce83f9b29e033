//! The ports of a node, found in its JSON however much of it is broken: the same, in the same order and by the same
//! names, as [`crate::process`] reads from a node without mistakes.

use serde_json::Value;

use super::{
    Kind,
    document::{Port, kind, node_pointer},
    words,
};
use crate::diagnostic::pointer_token;

/// Fields whose entries are ports.
pub(super) const MAPS: [&str; 3] = ["on", "outcomes", "branches"];
pub(super) const TIMEOUT: &str = "timeout";

pub fn of(name: &str, node: &Value) -> Vec<Port> {
    let mut found = Found { kind: kind(node), node, pointer: node_pointer(name), ports: Vec::new() };
    match found.kind {
        Kind::Start | Kind::Compute | Kind::Timer | Kind::Compensate | Kind::Join => found.text("next"),
        Kind::Command => found.events(|timeout| {
            let has = |field: &str| timeout.get(field).is_some_and(|value| !value.is_null());
            has("next") || !(has("ask") || has("then"))
        }),
        Kind::Wait => found.events(|_| true),
        Kind::Decide => {
            found.cases();
            found.field("default");
        }
        Kind::Approval => {
            found.entries("outcomes");
            found.timeout();
        }
        Kind::Fork => {
            found.entries("branches");
            found.timeout();
        }
        Kind::Call => {
            found.entries("on");
            found.timeout();
        }
        Kind::ForEach => {
            found.text("do");
            found.text("next");
            found.timeout();
        }
        Kind::End => {}
        Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction | Kind::Unknown => found.whatever_is_there(),
    }
    found.ports
}

struct Found<'a> {
    kind: Kind,
    node: &'a Value,
    pointer: String,
    ports: Vec<Port>,
}

impl Found<'_> {
    /// A field that is the name of a node itself.
    fn text(&mut self, field: &str) {
        let pointer = format!("{}/{field}", self.pointer);
        self.push(field, pointer, self.node.get(field).and_then(Value::as_str));
    }

    /// A field that is an object with `next`. One that is a mere text means the node, as far as one can guess.
    fn field(&mut self, field: &str) {
        self.object(field, format!("{}/{field}", self.pointer), self.node.get(field));
    }

    fn timeout(&mut self) {
        if self.node.get(TIMEOUT).is_some_and(|timeout| !timeout.is_null()) {
            self.field(TIMEOUT);
        }
    }

    fn entries(&mut self, field: &str) {
        let Some(map) = self.node.get(field).and_then(Value::as_object) else { return };
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in entries {
            self.object(name, format!("{}/{field}/{}", self.pointer, pointer_token(name)), Some(value));
        }
    }

    /// The entries of `on`, the time-out last, and only when it leads on.
    fn events(&mut self, leads_on: impl Fn(&Value) -> bool) {
        let at = self.ports.len();
        self.entries("on");
        if let Some(index) = self.ports.iter().skip(at).position(|port| port.name == TIMEOUT) {
            let timeout = self.ports.remove(at + index);
            if self.node.get("on").and_then(|on| on.get(TIMEOUT)).is_some_and(leads_on) {
                self.ports.push(timeout);
            }
        }
    }

    fn cases(&mut self) {
        let Some(cases) = self.node.get("cases").and_then(Value::as_array) else { return };
        for (index, case) in cases.iter().enumerate() {
            self.object(&case_name(index), format!("{}/cases/{index}", self.pointer), Some(case));
        }
    }

    fn whatever_is_there(&mut self) {
        self.entries("on");
        self.entries("outcomes");
        self.entries("branches");
        self.cases();
        for field in ["default", TIMEOUT] {
            if self.node.get(field).is_some_and(|value| !value.is_null()) {
                self.field(field);
            }
        }
        for field in ["do", "next"] {
            if self.node.get(field).is_some_and(Value::is_string) {
                self.text(field);
            }
        }
    }

    fn object(&mut self, name: &str, pointer: String, value: Option<&Value>) {
        match value {
            Some(Value::String(target)) => self.push(name, pointer, Some(target)),
            value => {
                let target = value.and_then(|value| value.get("next")).and_then(Value::as_str);
                self.push(name, format!("{pointer}/next"), target);
            }
        }
    }

    fn push(&mut self, name: &str, pointer: String, target: Option<&str>) {
        self.ports.push(Port {
            name: name.to_owned(),
            label: words::port_label(self.kind, self.node, name),
            pointer,
            target: target.filter(|target| !target.is_empty()).map(str::to_owned),
        });
    }
}

pub(super) fn case_name(index: usize) -> String {
    format!("case-{}", index + 1)
}

/// The index of the case that a port is, if it is one.
pub(super) fn case_index(port: &str) -> Option<usize> {
    port.strip_prefix("case-")?.parse::<usize>().ok()?.checked_sub(1)
}
