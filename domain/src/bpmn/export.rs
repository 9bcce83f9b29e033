//! From a definition to BPMN: one element for each node, a sequence flow for each edge, a timer event on the border for
//! each time-out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    names::{Taken, xml_id},
    shapes,
    xml::{self, Element},
};
use crate::{
    definition::DefinitionKind,
    designer::{Document, Kind, Scene, SceneEdge},
    diagram,
};

/// BPMN draws processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only processes can be written as BPMN; this is {}", match .0 { Some(kind) => kind.as_str(), None => "no definition" })]
pub struct NotProcess(pub Option<DefinitionKind>);

/// A process as BPMN 2.0 XML with diagram data, in whatever state it is.
///
/// # Errors
///
/// [`NotProcess`] when it is a saga, or nothing.
pub fn export(document: &Value) -> Result<String, NotProcess> {
    match document.get("baton").and_then(Value::as_str) {
        Some("process/1") => {}
        Some("saga/1") => return Err(NotProcess(Some(DefinitionKind::Saga))),
        _ => return Err(NotProcess(None)),
    }
    Ok(xml::write(&Export::of(document).definitions()))
}

/// Ids and places of all that is written.
pub(super) struct Export {
    pub document: Document,
    pub scene: Scene,
    ids: BTreeMap<String, String>,
    /// Of flows, in the order of the scene's edges; none for those that BPMN has no place for.
    pub flows: Vec<Option<String>>,
    /// Of the timers on borders, by the node that they interrupt.
    pub timers: BTreeMap<String, String>,
    messages: BTreeMap<String, String>,
    process: String,
    /// What stands beside the nodes, as it was written.
    beside: Value,
}

impl Export {
    fn of(value: &Value) -> Self {
        let document = placed(value);
        let scene = Scene::of(&document);
        let mut taken = Taken::default();
        let process = taken.take(&xml_id(value.get("name").and_then(Value::as_str).unwrap_or("process")));
        let ids: BTreeMap<String, String> =
            document.names().map(|name| (name.to_owned(), taken.take(&xml_id(name)))).collect();
        let timed = document.names().filter(|name| has_border_timer(&document, name));
        let timers = timed.map(|name| (name.to_owned(), taken.take(&format!("{}.timeout", ids[name])))).collect();
        let types = document.nodes().filter(|(name, _)| document.kind_of(name) == Kind::Wait);
        let types = types.flat_map(|(_, node)| awaited(node));
        let messages = types.map(|name| (name.to_owned(), taken.take(&format!("message.{}", xml_id(name))))).collect();
        let flows = scene.edges().iter().map(|edge| {
            let id = edge.id();
            let has_place = id.port != "timeout" || has_border_timer(&document, &id.node);
            has_place.then(|| taken.take(&format!("{}.{}", ids[&id.node], xml_id(&id.port))))
        });
        let flows = flows.collect();
        let beside = value.as_object().into_iter().flatten().filter(|(key, _)| *key != "nodes");
        let beside = beside.map(|(key, value)| (key.clone(), value.clone())).collect();
        Self { document, scene, ids, flows, timers, messages, process, beside }
    }

    fn definitions(&self) -> Element {
        let messages =
            self.messages.iter().map(|(name, id)| Element::new("bpmn:message").with("id", id).with("name", name));
        let fails = self.document.nodes().any(|(_, node)| fails(node));
        let error = fails.then(|| {
            Element::new("bpmn:error").with("id", "error.failed").with("name", "failed").with("errorCode", "failed")
        });
        Element::new("bpmn:definitions")
            .with("xmlns:bpmn", xml::BPMN)
            .with("xmlns:bpmndi", xml::BPMNDI)
            .with("xmlns:dc", xml::DC)
            .with("xmlns:di", xml::DI)
            .with("xmlns:xsi", xml::XSI)
            .with("xmlns:baton", xml::BATON)
            .with("id", "baton.definitions")
            .with("targetNamespace", "urn:baton:processes")
            .with("exporter", "Baton")
            .children(messages)
            .children(error)
            .child(self.process())
            .child(shapes::diagram(self, &self.process))
    }

    fn process(&self) -> Element {
        let value = self.document.value();
        let text = |field: &str| value.get(field).and_then(Value::as_str);
        let mut process = Element::new("bpmn:process").with("id", &self.process);
        if let Some(name) = text("title").or_else(|| text("name")) {
            process = process.with("name", name);
        }
        process = process.with("isExecutable", "true");
        process = process.children(text("description").map(documentation));
        process = process.child(extension(Element::new("baton:definition").text(xml::json(&self.beside))));
        process = process.children(self.document.nodes().map(|(name, node)| self.node(name, node)));
        process = process.children(self.timers.iter().map(|(name, id)| self.timer(name, id)));
        process.children(self.flows().map(|(id, edge)| self.flow(id, edge)))
    }

    /// The flows that are written, with their ids.
    pub fn flows(&self) -> impl Iterator<Item = (&str, &SceneEdge)> {
        self.flows.iter().zip(self.scene.edges()).filter_map(|(id, edge)| Some((id.as_deref()?, edge)))
    }

    pub fn id(&self, node: &str) -> &str {
        self.ids.get(node).map_or("", String::as_str)
    }

    /// Where a flow begins: at the node, or at the timer on its border.
    pub fn source(&self, edge: &SceneEdge) -> &str {
        match self.timers.get(&edge.shape.from) {
            Some(timer) if edge.shape.port == "timeout" => timer,
            _ => self.id(&edge.shape.from),
        }
    }

    fn node(&self, name: &str, node: &Value) -> Element {
        let kind = self.document.kind_of(name);
        let id = self.id(name);
        let mut element = Element::new(tag(kind, node)).with("id", id);
        let title = self.document.title(name);
        if !(matches!(kind, Kind::Fork | Kind::Join) && node.get("title").is_none()) {
            element = element.with("name", title);
        }
        if let Some(flow) = self.default_flow(kind, name) {
            element = element.with("default", flow);
        }
        match kind {
            Kind::Fork => element = element.with("gatewayDirection", "Diverging"),
            Kind::Join => element = element.with("gatewayDirection", "Converging"),
            Kind::Call => {
                let process = node.get("process").and_then(Value::as_str);
                element.attributes.extend(process.map(|process| ("calledElement".to_owned(), process.to_owned())));
            }
            Kind::Compute => element = element.with("scriptFormat", "application/json"),
            Kind::Wait if element.tag == "bpmn:receiveTask" => {
                let mut types = awaited(node);
                if let (Some(only), None) = (types.next(), types.next()) {
                    element = element.with("messageRef", &self.messages[only]);
                }
            }
            _ => {}
        }
        let description = node.get("description").and_then(Value::as_str).filter(|text| !text.is_empty());
        element = element
            .children(description.map(documentation))
            .children(self.unmapped(kind, name).map(|text| documentation(&text)));
        let at = self.scene.node(name).map(|node| node.centre()).unwrap_or_default();
        let own = json!({"name": name, "at": [at.0, at.1], "title": self.document.title(name), "node": node});
        element = element.child(extension(Element::new("baton:node").text(xml::json(&own))));
        let incoming = self
            .flows()
            .filter(|(_, edge)| edge.shape.to == name)
            .map(|(id, _)| Element::new("bpmn:incoming").text(id));
        let outgoing = self
            .flows()
            .filter(|(_, edge)| self.source(edge) == id)
            .map(|(id, _)| Element::new("bpmn:outgoing").text(id));
        element = element.children(incoming.collect::<Vec<_>>()).children(outgoing.collect::<Vec<_>>());
        element.children(self.inside(kind, node))
    }

    /// What makes the element what it is.
    fn inside(&self, kind: Kind, node: &Value) -> Option<Element> {
        match kind {
            Kind::Compute => {
                let set = node.get("set").cloned().unwrap_or_else(|| json!({}));
                Some(Element::new("bpmn:script").text(xml::json(&set)))
            }
            Kind::Timer => Some(timer_definition(node.get("for"), node.get("until"))),
            Kind::Wait => {
                let only = awaited(node).next().filter(|_| is_catch_event(node))?;
                Some(Element::new("bpmn:messageEventDefinition").with("messageRef", &self.messages[only]))
            }
            Kind::Compensate => Some(Element::new("bpmn:compensateEventDefinition")),
            Kind::End if fails(node) => {
                Some(Element::new("bpmn:errorEventDefinition").with("errorRef", "error.failed"))
            }
            _ => None,
        }
    }

    fn default_flow(&self, kind: Kind, name: &str) -> Option<&str> {
        let port = match kind {
            Kind::Decide => "default",
            Kind::ForEach => "next",
            _ => return None,
        };
        self.flows().find(|(_, edge)| edge.shape.from == name && edge.shape.port == port).map(|(id, _)| id)
    }

    /// What a person should know who sees this without Baton: gateways have no border for timers.
    fn unmapped(&self, kind: Kind, name: &str) -> Option<String> {
        if !matches!(kind, Kind::Fork | Kind::ForEach) {
            return None;
        }
        let timeout = self.document.node(name)?.get("timeout").filter(|timeout| !timeout.is_null())?;
        let after = timeout.get("after").and_then(Value::as_str).unwrap_or("some time");
        let to = timeout.get("next").and_then(Value::as_str).unwrap_or("nowhere");
        Some(format!("In Baton this gives up after {after} and goes on at {to}."))
    }

    fn timer(&self, node: &str, id: &str) -> Element {
        let value = self.document.node(node).unwrap_or(&Value::Null);
        let timeout = value.get("timeout").or_else(|| value.get("on")?.get("timeout"));
        let outgoing = self.flows().filter(|(_, edge)| edge.shape.from == node && edge.shape.port == "timeout");
        Element::new("bpmn:boundaryEvent")
            .with("id", id)
            .with("attachedToRef", self.id(node))
            .with("cancelActivity", "true")
            .child(extension(Element::new("baton:timeout")))
            .children(outgoing.map(|(id, _)| Element::new("bpmn:outgoing").text(id)))
            .child(timer_definition(timeout.and_then(|timeout| timeout.get("after")), None))
    }

    fn flow(&self, id: &str, edge: &SceneEdge) -> Element {
        let shape = &edge.shape;
        let mut flow = Element::new("bpmn:sequenceFlow").with("id", id);
        if !shape.label.is_empty() {
            flow = flow.with("name", &shape.label);
        }
        flow = flow.with("sourceRef", self.source(edge)).with("targetRef", self.id(&shape.to));
        flow = flow.child(extension(Element::new("baton:port").text(xml::json(&json!(shape.port)))));
        flow.children(self.condition(edge).map(|condition| {
            Element::new("bpmn:conditionExpression").with("xsi:type", "bpmn:tFormalExpression").text(condition)
        }))
    }

    /// When a flow is taken, where there are several.
    pub(super) fn condition(&self, edge: &SceneEdge) -> Option<String> {
        condition(&self.document, &edge.shape.from, &edge.shape.port)
    }
}

/// When a way is taken, where there are several: what stands at its flow.
pub(super) fn condition(document: &Document, name: &str, port: &str) -> Option<String> {
    let node = document.node(name)?;
    let kind = document.kind_of(name);
    if port == "timeout" || document.ports(name).iter().filter(|port| port.name != "timeout").count() < 2 {
        return None;
    }
    match kind {
        Kind::Decide => {
            let index = port.strip_prefix("case-")?.parse::<usize>().ok()?.checked_sub(1)?;
            let when = node.get("cases")?.get(index)?.get("when")?.as_str()?;
            Some(when.strip_prefix('=').unwrap_or(when).to_owned())
        }
        Kind::Command | Kind::Wait => Some(format!("event.type == {}", json!(port))),
        Kind::Approval => Some(format!("outcome == {}", json!(port))),
        Kind::Call => Some(format!("ending == {}", json!(port))),
        Kind::ForEach if port == "do" => Some("there is another item".to_owned()),
        _ => None,
    }
}

/// With a place for each node, as it is drawn: that of the layout, as the page of a definition does it.
fn placed(value: &Value) -> Document {
    let mut document = Document::new(value.clone());
    let is_placed = document.names().all(|name| document.position(name).is_some());
    if !is_placed {
        let tidied = diagram::tidied(&document);
        let mut placed = document.clone();
        placed.place_missing(&tidied);
        document = placed;
    }
    document
}

fn tag(kind: Kind, node: &Value) -> &'static str {
    match kind {
        Kind::Start => "bpmn:startEvent",
        Kind::Command => "bpmn:serviceTask",
        Kind::Wait if is_catch_event(node) => "bpmn:intermediateCatchEvent",
        Kind::Wait => "bpmn:receiveTask",
        Kind::Decide | Kind::ForEach => "bpmn:exclusiveGateway",
        Kind::Compute => "bpmn:scriptTask",
        Kind::Approval => "bpmn:userTask",
        Kind::Timer => "bpmn:intermediateCatchEvent",
        Kind::Call => "bpmn:callActivity",
        Kind::Fork | Kind::Join => "bpmn:parallelGateway",
        Kind::Compensate => "bpmn:intermediateThrowEvent",
        Kind::End => "bpmn:endEvent",
        Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction | Kind::Unknown => "bpmn:task",
    }
}

/// Waits for one event and nothing else.
pub(super) fn is_catch_event(node: &Value) -> bool {
    let on = node.get("on").and_then(Value::as_object);
    on.is_some_and(|on| on.len() == 1 && !on.contains_key("timeout"))
}

fn awaited(node: &Value) -> impl Iterator<Item = &str> {
    let on = node.get("on").and_then(Value::as_object).into_iter().flatten();
    on.map(|(name, _)| name.as_str()).filter(|name| *name != "timeout")
}

fn fails(node: &Value) -> bool {
    node.get("kind").and_then(Value::as_str) == Some("end")
        && node.get("outcome").and_then(Value::as_str) == Some("failed")
}

/// Tasks have a border that a timer can stand on; gateways have none.
fn has_border_timer(document: &Document, name: &str) -> bool {
    let kind = document.kind_of(name);
    let is_task = matches!(kind, Kind::Command | Kind::Wait | Kind::Approval | Kind::Call);
    is_task && document.ports(name).iter().any(|port| port.name == "timeout")
}

fn timer_definition(length: Option<&Value>, until: Option<&Value>) -> Element {
    let words = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (tag, text) = match (length, until) {
        (None, Some(until)) => ("bpmn:timeDate", words(until)),
        (length, _) => ("bpmn:timeDuration", length.map(words).unwrap_or_default()),
    };
    let moment = Element::new(tag).with("xsi:type", "bpmn:tFormalExpression").text(text);
    Element::new("bpmn:timerEventDefinition").child(moment)
}

fn documentation(text: &str) -> Element {
    Element::new("bpmn:documentation").text(text)
}

fn extension(content: Element) -> Element {
    Element::new("bpmn:extensionElements").child(content)
}
