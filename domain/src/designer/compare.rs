//! What is different in another version of a definition: its meaning, and apart from that where nodes stand.
//!
//! Nodes are the same by their names. One that has another name, and nothing else that is different, is told as renamed;
//! whatever is less sure is told as one that is gone and one that is new. Where a port leads is told as an edge, and not
//! again as a field of its node. Nothing is left out: two documents that mean different things have a difference.

mod drawing;
mod renames;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{
    drawing::{Drawing, Mark},
    values::FieldChange,
};
use super::{
    document::{Document, Port, PortRef, node_pointer},
    ports, rules,
};

/// Everything that is different; names and titles are those of the newer document where it has them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// In the order of their names.
    pub nodes: Vec<NodeChange>,
    pub edges: Vec<EdgeChange>,
    /// What stands outside of nodes, such as the schema of the input.
    pub fields: Vec<FieldChange>,
    /// What it is tried out with, by name.
    pub scenarios: Vec<ScenarioChange>,
    /// The nodes that stand elsewhere. That means nothing.
    pub moved: Vec<String>,
    /// The nodes that have a saved place in one of the two only.
    pub placed: Vec<String>,
}

/// A scenario that is not as it was. What is different in it is told by running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioChange {
    pub name: String,
    pub what: ScenarioDifference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScenarioDifference {
    Added,
    Removed,
    Changed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeChange {
    pub node: Named,
    pub kind: String,
    pub what: NodeDifference,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NodeDifference {
    Added,
    Removed,
    /// It only has another name.
    Renamed {
        from: String,
    },
    /// Pointers begin at the node.
    Changed {
        fields: Vec<FieldChange>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeChange {
    /// The node and the port that it leaves.
    pub from: String,
    pub port: String,
    /// The same in words: `approve of Choose a flight`.
    pub words: String,
    pub what: EdgeDifference,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EdgeDifference {
    Added { to: Named },
    Removed { to: Named },
    Led { from: Named, to: Named },
}

/// A node by its name, and what people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub title: String,
}

impl Named {
    fn of(document: &Document, name: &str) -> Self {
        Self { name: name.to_owned(), title: document.title(name) }
    }
}

impl Comparison {
    /// Whether both mean the same.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty() && self.fields.is_empty() && self.scenarios.is_empty()
    }

    /// Whether nodes stand elsewhere.
    pub fn changes_layout(&self) -> bool {
        !self.moved.is_empty() || !self.placed.is_empty()
    }
}

pub fn compare(old: &Document, new: &Document) -> Comparison {
    Pair::of(old, new).compare()
}

/// Both on one drawing. Nodes without a saved place should have got one before ([`Document::place_missing`]).
pub fn draw(old: &Document, new: &Document) -> Drawing {
    let pair = Pair::of(old, new);
    drawing::of(&pair, &pair.compare())
}

/// The differences of documents that are no processes, value by value.
pub fn compare_values(old: &Value, new: &Value) -> Vec<FieldChange> {
    values::differences(Some(old), Some(new))
}

/// What became of the scenarios; `None` where they cannot be told apart by their names.
fn scenarios(old: &Value, new: &Value) -> Option<Vec<ScenarioChange>> {
    let named = |document| -> Option<BTreeMap<String, Value>> {
        let Some(list) = Value::get(document, "scenarios") else { return Some(BTreeMap::new()) };
        let list = list.as_array()?;
        let named: BTreeMap<String, Value> =
            list.iter().map(|it| Some((it.get("name")?.as_str()?.to_owned(), it.clone()))).collect::<Option<_>>()?;
        (named.len() == list.len()).then_some(named)
    };
    let (old, new) = (named(old)?, named(new)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let what = |name: &String| match (old.get(name), new.get(name)) {
        (None, _) => Some(ScenarioDifference::Added),
        (_, None) => Some(ScenarioDifference::Removed),
        (before, after) => (before != after).then_some(ScenarioDifference::Changed),
    };
    Some(names.into_iter().filter_map(|name| Some(ScenarioChange { name: name.clone(), what: what(name)? })).collect())
}

/// Two documents, the nodes of the old one by the names that they have in the new one.
struct Pair<'a> {
    old: Document,
    new: &'a Document,
    /// New names to old ones.
    renamed: BTreeMap<String, String>,
}

impl<'a> Pair<'a> {
    fn of(old: &Document, new: &'a Document) -> Self {
        let (old, renamed) = renames::followed(old, new);
        Self { old, new, renamed }
    }

    fn compare(&self) -> Comparison {
        let scenarios = scenarios(self.old.value(), self.new.value());
        let fields = self.fields(scenarios.is_some());
        let mut comparison = Comparison { fields, scenarios: scenarios.unwrap_or_default(), ..Comparison::default() };
        let names: BTreeSet<&str> = self.old.names().chain(self.new.names()).collect();
        for name in names {
            let (edges, led) = self.edges(name);
            comparison.edges.extend(edges);
            comparison.nodes.extend(self.node(name, &led));
            let places = (self.old.position(name), self.new.position(name));
            let is_in_both = self.old.contains(name) && self.new.contains(name);
            match places {
                _ if !is_in_both || places.0 == places.1 => {}
                (Some(_), Some(_)) => comparison.moved.push(name.to_owned()),
                _ => comparison.placed.push(name.to_owned()),
            }
        }
        comparison
    }

    /// What stands beside `nodes` and `layout`.
    fn fields(&self, are_scenarios_told: bool) -> Vec<FieldChange> {
        let (old, new) = (self.old.value(), self.new.value());
        let has_nodes = |value: &Value| value.get("nodes").is_some_and(Value::is_object);
        let are_nodes_told = has_nodes(old) && has_nodes(new);
        let rest = |value: &Value| match value {
            Value::Object(map) => {
                let is_told = |field: &str| match field {
                    "layout" => true,
                    "nodes" => are_nodes_told,
                    "scenarios" => are_scenarios_told,
                    _ => false,
                };
                let rest = map.iter().filter(|(field, _)| !is_told(field));
                Value::Object(rest.map(|(field, value)| (field.clone(), value.clone())).collect())
            }
            other => other.clone(),
        };
        values::differences(Some(&rest(old)), Some(&rest(new)))
    }

    /// What became of a node; `led` are the places in it, of old and new, that are told as edges.
    fn node(&self, name: &str, led: &Led) -> Option<NodeChange> {
        let (document, what) = match (self.old.node(name), self.new.node(name)) {
            (None, None) => return None,
            (None, Some(_)) => (self.new, NodeDifference::Added),
            (Some(_), None) => (&self.old, NodeDifference::Removed),
            (Some(old), Some(new)) => {
                let stripped = (without(old, &led.old), without(new, &led.new));
                let mut fields = values::differences(Some(&stripped.0), Some(&stripped.1));
                for field in &mut fields {
                    // As it was written, with what it leads to.
                    field.old = field.old.take().map(|value| old.pointer(&field.pointer).cloned().unwrap_or(value));
                    field.new = field.new.take().map(|value| new.pointer(&field.pointer).cloned().unwrap_or(value));
                }
                match self.renamed.get(name) {
                    Some(from) => (self.new, NodeDifference::Renamed { from: from.clone() }),
                    None if fields.is_empty() => return None,
                    None => (self.new, NodeDifference::Changed { fields }),
                }
            }
        };
        let kind = document.kind_of(name).name().to_owned();
        Some(NodeChange { node: Named::of(document, name), kind, what })
    }

    /// What became of the edges that leave a node.
    fn edges(&self, name: &str) -> (Vec<EdgeChange>, Led) {
        let (mut edges, mut led) = (Vec::new(), Led::default());
        let mut before: Vec<(String, Port)> = keyed(&self.old, name);
        let mut both: Vec<(Option<Port>, Option<Port>)> = Vec::new();
        for (key, port) in keyed(self.new, name) {
            let known = before.iter().position(|(other, _)| *other == key);
            both.push((known.map(|index| before.remove(index).1), Some(port)));
        }
        // A case whose condition changed is the same one if it stands where it stood.
        for (old, new) in both.iter_mut().filter(|(old, _)| old.is_none()) {
            let name = new.as_ref().map(|port| &port.name);
            let known = before.iter().position(|(_, other)| Some(&other.name) == name);
            *old = known.map(|index| before.remove(index).1);
        }
        both.extend(before.into_iter().map(|(_, port)| (Some(port), None)));
        let target = |document: &Document, port: &Option<Port>| {
            port.as_ref()?.target.clone().filter(|target| document.contains(target))
        };
        for (old, new) in both {
            let what = match (target(&self.old, &old), target(self.new, &new)) {
                (None, None) => continue,
                (Some(from), Some(to)) if from == to => continue,
                (None, Some(to)) => EdgeDifference::Added { to: Named::of(self.new, &to) },
                (Some(to), None) => EdgeDifference::Removed { to: Named::of(&self.old, &to) },
                (Some(from), Some(to)) => {
                    EdgeDifference::Led { from: Named::of(&self.old, &from), to: Named::of(self.new, &to) }
                }
            };
            led.old.extend(old.as_ref().map(|port| port.pointer.clone()));
            led.new.extend(new.as_ref().map(|port| port.pointer.clone()));
            let (document, port) = match (new, old) {
                (Some(port), _) => (self.new, port.name),
                (None, Some(port)) => (&self.old, port.name),
                (None, None) => continue,
            };
            let words = rules::port_words(document, &PortRef::new(name, port.clone()));
            edges.push(EdgeChange { from: name.to_owned(), port, words, what });
        }
        let inside = |pointer: &String| pointer.strip_prefix(&node_pointer(name)).unwrap_or_default().to_owned();
        led.old = led.old.iter().map(inside).collect();
        led.new = led.new.iter().map(inside).collect();
        (edges, led)
    }
}

/// Pointers within a node to where it names the nodes that changed edges lead to.
#[derive(Default)]
struct Led {
    old: Vec<String>,
    new: Vec<String>,
}

/// The ports of a node by what makes each of them the same one in another version: a name, and for the case of a
/// decision its condition, where no other case has the same.
fn keyed(document: &Document, name: &str) -> Vec<(String, Port)> {
    let Some(node) = document.node(name) else { return Vec::new() };
    let condition = |port: &Port| {
        let case = node.get("cases")?.get(ports::case_index(&port.name)?)?;
        Some(format!("when {}", case.get("when")?.as_str()?))
    };
    let ports = document.ports(name);
    let conditions: Vec<Option<String>> = ports.iter().map(condition).collect();
    let is_alone = |wanted: &String| conditions.iter().flatten().filter(|condition| *condition == wanted).count() == 1;
    let keys: Vec<String> = ports
        .iter()
        .zip(&conditions)
        .map(|(port, condition)| condition.clone().filter(is_alone).unwrap_or_else(|| port.name.clone()))
        .collect();
    keys.into_iter().zip(ports).collect()
}

/// A copy of a node without the values at these places.
fn without(node: &Value, pointers: &[String]) -> Value {
    let mut node = node.clone();
    for pointer in pointers {
        let Some((parent, token)) = pointer.rsplit_once('/') else { continue };
        match node.pointer_mut(parent) {
            Some(Value::Object(map)) => remove(map, token),
            // The indexes of the others must not shift.
            Some(Value::Array(items)) => {
                if let Some(item) = token.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                    *item = Value::Null;
                }
            }
            _ => {}
        }
    }
    node
}

fn remove(map: &mut Map<String, Value>, token: &str) {
    map.remove(&token.replace("~1", "/").replace("~0", "~"));
}
