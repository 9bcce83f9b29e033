//! Elements that Baton wrote: what they were, with what was changed about them elsewhere.

use serde_json::{Value, json};

use super::{Found, graph::Graph};
use crate::{
    bpmn::{export, names::camel, xml::Element},
    designer::{Document, Edit, Kind, Point, PortRef, apply, document::node_pointer},
};

/// The node that an element was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    pub name: String,
    /// Where it stood.
    pub at: Point,
    /// What it was called.
    pub title: String,
    pub node: Value,
}

impl Own {
    pub fn of(element: &Element) -> Option<Self> {
        let extension = element.first("bpmn:extensionElements")?.first("baton:node")?;
        let value: Value = serde_json::from_str(&extension.text).ok()?;
        let text = |field: &str| value.get(field)?.as_str().map(str::to_owned);
        let at = value.get("at")?.as_array()?;
        let (x, y) = at.first()?.as_f64().zip(at.get(1)?.as_f64())?;
        Some(Self { name: text("name")?, at: (x, y), title: text("title")?, node: value.get("node")?.clone() })
    }
}

/// A text as it comes back from an attribute of XML.
pub fn shown(text: &str) -> String {
    let shown = text.chars().map(|c| match c {
        '\t' | '\n' | '\r' => ' ',
        '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        other => other,
    });
    shown.collect::<String>().trim().to_owned()
}

/// Takes over what another tool changed: titles, where ways lead, conditions, timers.
/// `targets` are the nodes that flows lead to, in their order.
pub fn restore(
    document: &mut Document,
    graph: &Graph<'_>,
    names: &[String],
    targets: &[Option<String>],
    found: &mut Found,
) {
    for (number, item) in graph.items.iter().enumerate() {
        let Some(own) = &item.own else { continue };
        let name = &names[number];
        if let Some(title) = item.element.get("name").filter(|title| shown(title) != shown(&own.title)) {
            set(document, &format!("{}/title", node_pointer(name)), Some(json!(title.trim())));
        }
        let borders: Vec<usize> = graph.borders(number).collect();
        let leaving = item.outgoing.iter().chain(borders.iter().flat_map(|border| &graph.items[*border].outgoing));
        let leaving: Vec<usize> = leaving.copied().collect();
        for port in document.ports(name) {
            let mut flows = leaving.iter().filter(|flow| graph.flows[**flow].port.as_deref() == Some(&port.name));
            let Some((flow, target)) = flows.next().map(|flow| (&graph.flows[*flow], targets[*flow].clone())) else {
                // What stands on the border was not there before.
                let was_there =
                    port.pointer.strip_prefix(&node_pointer(name)).and_then(|it| own.node.pointer(it)).is_some();
                let was_drawn = port.target.as_deref().is_some_and(|target| document.contains(target));
                if was_there && was_drawn && has_flow(document, name, &port.name) {
                    set(document, &port.pointer, None);
                }
                continue;
            };
            for twice in flows {
                let message = "This way leads to several nodes: only one is kept.";
                found.error("way-twice", Some(graph.flows[*twice].element), message);
            }
            if target != port.target {
                set(document, &port.pointer, target.map(Value::String));
            }
            let expected = export::condition(document, name, &port.name);
            let is_same = flow.condition.map(str::trim) == expected.as_deref().map(str::trim);
            if let (false, Some(condition)) = (is_same, flow.condition) {
                condition_changed(
                    document,
                    &PortRef::new(name.as_str(), port.name.as_str()),
                    condition,
                    flow.element,
                    found,
                );
            }
        }
        for number in item.outgoing.iter().filter(|flow| graph.flows[**flow].port.is_none()) {
            add_way(document, name, graph.flows[*number].element, targets[*number].clone(), found);
        }
        for border in borders.into_iter().filter(|border| is_ours(graph, *border)) {
            if let Some(after) = timer(graph.items[border].element) {
                change_timer(document, name, after);
            }
        }
    }
}

/// Whether an event on a border is a time-out that Baton wrote.
pub fn is_ours(graph: &Graph<'_>, border: usize) -> bool {
    let extensions = graph.items[border].element.first("bpmn:extensionElements");
    extensions.is_some_and(|all| all.first("baton:timeout").is_some())
}

fn condition_changed(document: &mut Document, port: &PortRef, condition: &str, flow: &Element, found: &mut Found) {
    let index = port.port.strip_prefix("case-").and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
    match index {
        Some(index) if document.kind_of(&port.node) == Kind::Decide => {
            let pointer = format!("{}/cases/{index}/when", node_pointer(&port.node));
            set(document, &pointer, Some(json!(format!("={}", condition.trim()))));
        }
        _ => {
            let message = "The condition of this way is not imported: which way is taken follows from what happened.";
            found.warn("condition", Some(flow), message);
        }
    }
}

/// A way that somebody drew in another tool.
fn add_way(document: &mut Document, name: &str, flow: &Element, target: Option<String>, found: &mut Found) {
    let Some(target) = target else { return };
    let called = flow.get("name").map(str::trim).filter(|name| !name.is_empty());
    let wanted = match document.kind_of(name) {
        Kind::Command | Kind::Wait => Some(called.and_then(camel)),
        Kind::Approval | Kind::Fork => Some(called.and_then(crate::bpmn::names::kebab)),
        Kind::Decide => Some(None),
        _ => None,
    };
    let open = document.ports(name).into_iter().find(|port| port.target.is_none());
    let pointer = match (open, wanted) {
        (Some(open), None) => Some(open.pointer),
        (_, Some(wanted)) => {
            let before: Vec<String> = document.ports(name).into_iter().map(|port| port.name).collect();
            let added = apply(document, &Edit::AddPort { node: name.to_owned(), name: wanted }).is_ok();
            let new = document.ports(name).into_iter().find(|port| !before.contains(&port.name));
            new.filter(|_| added).map(|port| port.pointer)
        }
        (None, None) => None,
    };
    match pointer {
        Some(pointer) => {
            set(document, &pointer, Some(json!(target)));
            found.warn("new-way", Some(flow), "This way is new: say when it is taken.");
        }
        None => found.error("new-way", Some(flow), "There is no such way out of this here; it is left out."),
    }
}

fn timer(border: &Element) -> Option<&str> {
    Some(border.first("bpmn:timerEventDefinition")?.first("bpmn:timeDuration")?.text.trim())
}

fn change_timer(document: &mut Document, name: &str, after: &str) {
    let node = node_pointer(name);
    let pointer = [format!("{node}/on/timeout/after"), format!("{node}/timeout/after")];
    let Some(pointer) = pointer.into_iter().find(|it| document.value().pointer(it).is_some()) else { return };
    if document.value().pointer(&pointer).and_then(Value::as_str).is_some_and(|was| was.trim() != after) {
        set(document, &pointer, Some(json!(after)));
    }
}

/// Whether a way is a flow of BPMN at all: time-outs of gateways are not.
fn has_flow(document: &Document, name: &str, port: &str) -> bool {
    port != "timeout" || !matches!(document.kind_of(name), Kind::Fork | Kind::ForEach | Kind::Unknown)
}

/// Writes where something stands already, or may stand in an object that is there.
fn set(document: &mut Document, pointer: &str, value: Option<Value>) {
    let Some((parent, field)) = pointer.rsplit_once('/') else { return };
    let field = field.replace("~1", "/").replace("~0", "~");
    let parent = document.value_mut().pointer_mut(parent);
    match (parent, value) {
        (Some(Value::Object(map)), Some(value)) => drop(map.insert(field, value)),
        (Some(Value::Object(map)), None) => drop(map.remove(&field)),
        _ => {}
    }
}
