//! The document that is edited: the JSON of a definition, whatever state it is in.
//!
//! A draft may be broken anywhere. What cannot be understood here is left as it is: unknown fields and odd values stay
//! in the document, and are never a reason to refuse to draw the rest.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Kind,
    geometry::Point,
    places, ports,
    sagas::{self, Part},
    words,
};
use crate::diagnostic::pointer_token;

/// A definition as it is being drawn: a process, or a saga, whose parts are no nodes ([`sagas`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document(Value);

/// A port of a node: where an edge leaves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// As histories call it: an event type, an outcome, a branch, `timeout`, `next`, `do`, `default`, `case-1` and so on.
    pub name: String,
    /// What stands beside the edge; empty where there is one way only.
    pub label: String,
    /// Where the name of the node that it leads to stands, or would stand: a JSON pointer into the document.
    pub pointer: String,
    /// The node that it names, be there such a node or not.
    pub target: Option<String>,
}

/// Names a port, and with it the edge that leaves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRef {
    pub node: String,
    pub port: String,
}

impl PortRef {
    pub fn new(node: impl Into<String>, port: impl Into<String>) -> Self {
        Self { node: node.into(), port: port.into() }
    }
}

/// Positions farther away than this are none.
pub(super) const POSITION_MAX: f64 = 1e6;

impl Document {
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// A process that begins: a start, and nothing after it.
    pub fn empty(name: &str) -> Self {
        Self(
            json!({"baton": "process/1", "name": name, "nodes": {"start": {"kind": "start"}}, "layout": {"start": [80, 120]}}),
        )
    }

    /// Whether it is meant to be a saga.
    pub fn is_saga(&self) -> bool {
        sagas::is_saga(&self.0)
    }

    /// The part of a saga that is called so on the canvas.
    pub fn part(&self, id: &str) -> Option<Part> {
        if self.is_saga() { Part::of(self, id) } else { None }
    }

    /// What of the drawing a JSON pointer leads into.
    pub fn drawn_at(&self, pointer: &str) -> Option<String> {
        if self.is_saga() {
            return Some(sagas::part_at(self, pointer)?.id(&sagas::Saga::of(self).ids()));
        }
        let mut tokens = pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
        let name = tokens.next().filter(|field| field == "nodes").and_then(|_| tokens.next())?;
        self.contains(&name).then_some(name)
    }

    pub fn value(&self) -> &Value {
        &self.0
    }

    pub(crate) fn value_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    pub fn into_value(self) -> Value {
        self.0
    }

    /// The nodes by name, in the order of their names.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Value)> {
        let mut nodes: Vec<(&str, &Value)> =
            self.map("nodes").into_iter().flatten().map(|(name, node)| (name.as_str(), node)).collect();
        nodes.sort_unstable_by_key(|(name, _)| *name);
        nodes.into_iter()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes().map(|(name, _)| name)
    }

    pub fn len(&self) -> usize {
        self.map("nodes").map_or(0, Map::len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn node(&self, name: &str) -> Option<&Value> {
        self.map("nodes")?.get(name)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    pub fn kind_of(&self, name: &str) -> Kind {
        match self.part(name) {
            Some(part) => part.kind(),
            None => self.node(name).map_or(Kind::Unknown, kind),
        }
    }

    /// The start, or the first of several.
    pub fn start(&self) -> Option<&str> {
        self.nodes().find(|(_, node)| kind(node) == Kind::Start).map(|(name, _)| name)
    }

    /// The ports of a node in the order in which a reader expects them, those that lead nowhere too.
    pub fn ports(&self, name: &str) -> Vec<Port> {
        self.node(name).map_or_else(Vec::new, |node| ports::of(name, node))
    }

    pub fn port(&self, port: &PortRef) -> Option<Port> {
        self.ports(&port.node).into_iter().find(|it| it.name == port.port)
    }

    /// The node that a port leads to, if there is one.
    pub fn target(&self, port: &PortRef) -> Option<String> {
        self.port(port)?.target.filter(|target| self.contains(target))
    }

    /// All ports that lead to `name`.
    pub fn incoming(&self, name: &str) -> Vec<PortRef> {
        let mut incoming = Vec::new();
        for (from, node) in self.nodes() {
            let leads_here = ports::of(from, node).into_iter().filter(|port| port.target.as_deref() == Some(name));
            incoming.extend(leads_here.map(|port| PortRef::new(from, port.name)));
        }
        incoming
    }

    /// Whether a port leads to no node.
    pub fn is_open(&self, port: &Port) -> bool {
        !port.target.as_deref().is_some_and(|target| self.contains(target))
    }

    /// The saved position of a node: its centre.
    pub fn position(&self, name: &str) -> Option<Point> {
        let Some([x, y]) = self.map("layout")?.get(name)?.as_array().map(Vec::as_slice) else { return None };
        let (x, y) = x.as_f64().zip(y.as_f64())?;
        (x.abs() <= POSITION_MAX && y.abs() <= POSITION_MAX).then_some((x, y))
    }

    /// The position of each node: the saved one, else one beside the others.
    pub fn positions(&self) -> BTreeMap<String, Point> {
        places::of(self)
    }

    /// Saves a position for each node that has none: that of `computed`, else one beside the others. It is for when a
    /// document is opened, and no edit: nothing is drawn elsewhere than it would have been.
    pub fn place_missing(&mut self, computed: &BTreeMap<String, Point>) {
        let missing: Vec<(String, Point)> = computed
            .iter()
            .filter(|(name, _)| self.contains(name) && self.position(name).is_none())
            .map(|(name, at)| (name.clone(), *at))
            .collect();
        self.save_positions(missing);
        let rest: Vec<(String, Point)> =
            self.positions().into_iter().filter(|(name, _)| self.position(name).is_none()).collect();
        self.save_positions(rest);
    }

    fn save_positions(&mut self, positions: Vec<(String, Point)>) {
        let Some(document) = self.0.as_object_mut().filter(|_| !positions.is_empty()) else { return };
        let layout = document.entry("layout").or_insert(Value::Null);
        if layout.is_null() {
            *layout = json!({});
        }
        let Some(layout) = layout.as_object_mut() else { return };
        for (name, at) in positions {
            layout.insert(name, position_value(at));
        }
    }

    /// What people call a node.
    pub fn title(&self, name: &str) -> String {
        if let Some(part) = self.part(name) {
            return sagas::title(self, &part);
        }
        self.node(name).map_or_else(|| words::title(name, &Value::Null), |node| words::title(name, node))
    }

    /// What a node does, in a few words.
    pub fn subtitle(&self, name: &str) -> String {
        if let Some(part) = self.part(name) {
            return sagas::subtitle(self, &part);
        }
        self.node(name).map_or_else(String::new, words::subtitle)
    }

    fn map(&self, field: &str) -> Option<&Map<String, Value>> {
        self.0.get(field)?.as_object()
    }
}

pub(super) fn kind(node: &Value) -> Kind {
    node.get("kind").and_then(Value::as_str).map_or(Kind::Unknown, Kind::of)
}

/// The JSON pointer of a node.
pub fn node_pointer(name: &str) -> String {
    format!("/nodes/{}", pointer_token(name))
}

/// The JSON pointer of the saved position of a node.
pub(super) fn layout_pointer(name: &str) -> String {
    format!("/layout/{}", pointer_token(name))
}

/// As it is saved: in tenths, whole numbers without a point.
pub(super) fn position_value((x, y): Point) -> Value {
    let number = |number: f64| {
        let tenths = (number.clamp(-POSITION_MAX, POSITION_MAX) * 10.0).round() / 10.0;
        if tenths.fract() == 0.0 { json!(tenths as i64) } else { json!(tenths) }
    };
    json!([number(x), number(y)])
}
