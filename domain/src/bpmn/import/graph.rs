//! What a file says: flow nodes and flows, names of messages and errors, places of shapes.

use std::collections::HashMap;

use serde_json::Value;

use super::{Found, own::Own};
use crate::{bpmn::xml::Element, designer::Point};

pub struct Graph<'a> {
    /// Flow nodes of the process and of its embedded sub-processes.
    pub items: Vec<Item<'a>>,
    pub flows: Vec<Flow<'a>>,
    numbers: HashMap<&'a str, usize>,
    /// Messages, errors, signals and escalations, by id.
    references: HashMap<&'a str, &'a Element>,
    /// Associations, both ends.
    associations: Vec<(&'a str, &'a str)>,
    /// Middles of shapes, by the id of what they show.
    places: HashMap<&'a str, Point>,
    /// Whether Baton wrote this, or at least began it.
    pub is_own: bool,
}

pub struct Item<'a> {
    pub id: &'a str,
    pub element: &'a Element,
    /// The sub-process that it is in.
    pub parent: Option<usize>,
    pub incoming: Vec<usize>,
    pub outgoing: Vec<usize>,
    pub own: Option<Own>,
}

pub struct Flow<'a> {
    pub element: &'a Element,
    pub from: usize,
    pub to: usize,
    pub condition: Option<&'a str>,
    /// The port that it was written for.
    pub port: Option<String>,
}

impl<'a> Item<'a> {
    pub fn name(&self) -> &'a str {
        self.element.get("name").unwrap_or_default().trim()
    }

    pub fn tag(&self) -> &'a str {
        self.element.local()
    }

    /// What an event is about, such as `timerEventDefinition`.
    pub fn event(&self) -> Option<&'a Element> {
        self.element.children.iter().find(|child| child.local().ends_with("EventDefinition"))
    }

    pub fn is(&self, event: &str) -> bool {
        self.event().is_some_and(|definition| definition.local().strip_suffix("EventDefinition") == Some(event))
    }

    /// Done once for each item of something.
    pub fn is_multiple(&self) -> bool {
        self.own.is_none() && self.element.first("bpmn:multiInstanceLoopCharacteristics").is_some()
    }
}

const FLOW_NODES: [&str; 24] = [
    "startEvent",
    "endEvent",
    "intermediateCatchEvent",
    "intermediateThrowEvent",
    "boundaryEvent",
    "task",
    "serviceTask",
    "sendTask",
    "receiveTask",
    "userTask",
    "manualTask",
    "scriptTask",
    "businessRuleTask",
    "callActivity",
    "subProcess",
    "transaction",
    "adHocSubProcess",
    "exclusiveGateway",
    "inclusiveGateway",
    "parallelGateway",
    "complexGateway",
    "eventBasedGateway",
    "implicitThrowEvent",
    "callChoreography",
];

pub fn is_flow_node(tag: &str) -> bool {
    FLOW_NODES.contains(&tag)
}

impl<'a> Graph<'a> {
    pub fn of(root: &'a Element, process: &'a Element, found: &mut Found) -> Self {
        let mut graph = Self {
            items: Vec::new(),
            flows: Vec::new(),
            numbers: HashMap::new(),
            references: HashMap::new(),
            associations: Vec::new(),
            places: places(root),
            is_own: root.get("exporter") == Some("Baton"),
        };
        for child in &root.children {
            if matches!(child.local(), "message" | "error" | "signal" | "escalation")
                && let Some(id) = child.get("id")
            {
                graph.references.insert(id, child);
            }
        }
        let mut flows = Vec::new();
        graph.collect(process, None, &mut flows, found);
        graph.is_own |= graph.items.iter().any(|item| item.own.is_some());
        for flow in flows {
            graph.connect(flow, found);
        }
        graph
    }

    /// The children of a process or sub-process.
    fn collect(&mut self, scope: &'a Element, parent: Option<usize>, flows: &mut Vec<&'a Element>, found: &mut Found) {
        for child in &scope.children {
            match child.local() {
                "sequenceFlow" => flows.push(child),
                "association" => {
                    let ends = child.get("sourceRef").zip(child.get("targetRef"));
                    self.associations.extend(ends);
                }
                "laneSet" => {
                    for lane in child.all("bpmn:lane").filter(|lane| lane.get("name").is_some()) {
                        let message = "Lanes are not kept: say who does it in the assignee or group of approvals, and in the \
                                       receiver of commands.";
                        found.warn("lane", Some(lane), message);
                    }
                }
                "textAnnotation" => {
                    let words = child.first("bpmn:text").map_or("", |text| text.text.trim());
                    let words = crate::fields::shorten(words, 200);
                    found.warn(
                        "note",
                        Some(child),
                        format!("The note “{words}” is not kept: put it into a description."),
                    );
                }
                "dataObject"
                | "dataObjectReference"
                | "dataStoreReference"
                | "property"
                | "ioSpecification"
                | "group"
                    if child.get("name").is_some() || child.local().ends_with("Reference") =>
                {
                    found.warn(
                        "data",
                        Some(child),
                        "Data and groups are not kept: variables are set where they come from.",
                    );
                }
                "subProcess" if child.get("triggeredByEvent") == Some("true") => {
                    let message = "Sub-processes that an event starts are not imported: use a time-out, another reply, or a \
                                   process of its own.";
                    found.error("event-sub-process", Some(child), message);
                }
                tag if is_flow_node(tag) => self.add(child, parent, flows, found),
                _ => {}
            }
        }
    }

    fn add(&mut self, element: &'a Element, parent: Option<usize>, flows: &mut Vec<&'a Element>, found: &mut Found) {
        let Some(id) = element.get("id").filter(|id| !id.is_empty()) else {
            return found.error(
                "no-id",
                Some(element),
                format!("This <{}> has no id and is left out.", element.local()),
            );
        };
        let number = self.items.len();
        if self.numbers.insert(id, number).is_some() {
            self.numbers.insert(id, number);
            found.error("same-id", Some(element), "Two elements have this id; flows lead to the second one.");
        }
        let own = Own::of(element);
        self.items.push(Item { id, element, parent, incoming: Vec::new(), outgoing: Vec::new(), own });
        if matches!(element.local(), "subProcess" | "transaction") {
            self.collect(element, Some(number), flows, found);
        }
    }

    fn connect(&mut self, element: &'a Element, found: &mut Found) {
        let end = |attribute: &str| element.get(attribute).and_then(|id| self.numbers.get(id)).copied();
        let (Some(from), Some(to)) = (end("sourceRef"), end("targetRef")) else {
            return found.error(
                "loose-flow",
                Some(element),
                "This flow has an end that is not imported; it is left out.",
            );
        };
        let condition = element.first("bpmn:conditionExpression").map(|condition| condition.text.trim());
        let port = element.first("bpmn:extensionElements").and_then(|all| all.first("baton:port"));
        let port = port.and_then(|port| serde_json::from_str::<Value>(&port.text).ok()?.as_str().map(str::to_owned));
        let number = self.flows.len();
        self.items[from].outgoing.push(number);
        self.items[to].incoming.push(number);
        let condition = condition.filter(|text| !text.is_empty());
        self.flows.push(Flow { element, from, to, condition, port });
    }

    pub fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    pub fn place(&self, id: &str) -> Option<Point> {
        self.places.get(id).copied()
    }

    /// The name of what `attribute` of an element refers to.
    pub fn referred(&self, element: &Element, attribute: &str) -> Option<&'a str> {
        let id = element.get(attribute)?;
        // `prefix:id` where references are qualified names.
        let local = id.rsplit_once(':').map_or(id, |(_, local)| local);
        let target = self.references.get(id).or_else(|| self.references.get(local))?;
        target.get("name").map(str::trim).filter(|name| !name.is_empty()).or_else(|| target.get("errorCode"))
    }

    /// The timers and other events on the border of something.
    pub fn borders(&self, host: usize) -> impl Iterator<Item = usize> {
        let id = self.items[host].id;
        let is_there =
            move |item: &&Item<'_>| item.tag() == "boundaryEvent" && item.element.get("attachedToRef") == Some(id);
        self.items.iter().enumerate().filter(move |(_, item)| is_there(item)).map(|(number, _)| number)
    }

    /// What an association leads to from there.
    pub fn associated(&self, from: &str) -> Option<usize> {
        let there = self.associations.iter().filter_map(|(source, target)| match () {
            () if *source == from => Some(*target),
            () if *target == from => Some(*source),
            () => None,
        });
        there.filter_map(|id| self.number(id)).next()
    }
}

fn places(root: &Element) -> HashMap<&str, Point> {
    let planes = root.all("bpmndi:BPMNDiagram").flat_map(|diagram| diagram.all("bpmndi:BPMNPlane"));
    let shapes = planes.flat_map(|plane| plane.all("bpmndi:BPMNShape"));
    let places = shapes.filter_map(|shape| {
        let bounds = shape.first("dc:Bounds")?;
        let number = |name: &str| bounds.get(name)?.trim().parse::<f64>().ok().filter(|it| it.abs() < 1e6);
        let (x, y) = number("x").zip(number("y"))?;
        let (width, height) = number("width").zip(number("height"))?;
        Some((shape.get("bpmnElement")?, (x + width / 2.0, y + height / 2.0)))
    });
    places.collect()
}
