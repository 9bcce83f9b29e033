//! Diagrams: where the nodes and edges of a definition stand on a canvas.
//!
//! [`of_process`] and [`of_saga`] say what there is to draw; [`layout`] finds the places. Positions that were saved with
//! a definition win over computed ones. Coordinates are pixels, y grows downwards.

mod layout;
mod svg;
#[cfg(test)]
mod tests;
pub(crate) mod text;

pub use svg::{Theme, svg};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::{
    layout::{Edge, Node},
    text::{SUBTITLE_CHARS_MAX, TITLE_CHARS_MAX},
};
use crate::{
    designer::{Document, scene},
    process::definition::{self as process, NodeKind},
    saga,
};

/// A definition, laid out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Diagram {
    pub nodes: Vec<DiagramNode>,
    pub edges: Vec<DiagramEdge>,
    pub width: f64,
    pub height: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiagramNode {
    pub id: String,
    /// `start`, `command`, `wait`, `decide`, `compute`, `approval`, `timer`, `fork`, `join`, `for-each`, `call`, `compensate`, `end`; in sagas `event`, `command`,
    /// `receiver`.
    pub kind: String,
    pub title: String,
    pub subtitle: String,
    /// The upper left corner.
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiagramEdge {
    pub from: String,
    /// The port that it leaves.
    pub port: String,
    pub to: String,
    pub label: String,
    /// From border to border, at least two.
    pub points: Vec<(f64, f64)>,
    /// Where the middle of the label stands.
    pub label_at: Option<(f64, f64)>,
}

pub const NODE_WIDTH: f64 = 172.0;
pub const NODE_HEIGHT: f64 = 56.0;
/// The diameter of a start.
pub const ROUND_SIZE: f64 = 44.0;

/// A process, left to right.
pub fn of_process(definition: &process::Definition) -> Diagram {
    let nodes = definition.nodes.iter().map(|(name, node)| {
        let round = matches!(node.kind, NodeKind::Start { .. });
        let (width, height) = if round { (ROUND_SIZE, ROUND_SIZE) } else { (NODE_WIDTH, NODE_HEIGHT) };
        let title = node.title.clone().unwrap_or_else(|| text::humanise(name));
        Node {
            id: name.clone(),
            kind: node.kind_name(),
            title: text::shorten(&title, TITLE_CHARS_MAX),
            subtitle: text::shorten(&text::subtitle(node), SUBTITLE_CHARS_MAX),
            width,
            height,
            saved_centre: definition.layout.get(name).copied(),
        }
    });
    let edges = definition.nodes.iter().flat_map(|(name, node)| {
        node.ports().into_iter().filter(|(_, port)| definition.nodes.contains_key(&port.next)).map(
            |(port_name, port)| Edge {
                from: name.clone(),
                label: text::port_label(node, &port_name),
                port: port_name,
                to: port.next.clone(),
            },
        )
    });
    layout::lay_out(nodes.collect(), edges.collect())
}

/// Where the nodes of a document stand best: the centre of each, whatever state the document is in and wherever they are.
pub fn tidied(document: &Document) -> BTreeMap<String, (f64, f64)> {
    let nodes: Vec<Node> = document
        .names()
        .map(|name| {
            let kind = document.kind_of(name);
            let (width, height) = scene::node_size(kind);
            let (title, subtitle) = (String::new(), String::new());
            Node { id: name.to_owned(), kind: kind.name(), title, subtitle, width, height, saved_centre: None }
        })
        .collect();
    let edges = document.names().flat_map(|name| {
        let there = document.ports(name).into_iter().filter(|port| !document.is_open(port));
        there.filter_map(|port| {
            Some(Edge { from: name.to_owned(), label: port.label, port: port.name, to: port.target? })
        })
    });
    let centres = layout::centres(&nodes, &edges.collect::<Vec<_>>());
    nodes.into_iter().map(|node| node.id).zip(centres).collect()
}

/// A document as the canvas draws it, with the ways of its edges; nodes that nobody placed stand where they stand best.
pub fn of_document(document: &Document) -> Diagram {
    let mut document = document.clone();
    if document.names().any(|name| document.position(name).is_none()) {
        document.place_missing(&tidied(&document));
    }
    let drawn = scene::Scene::of(&document);
    Diagram {
        nodes: drawn.nodes().iter().map(|node| node.shape.clone()).collect(),
        edges: drawn.edges().iter().map(|edge| edge.shape.clone()).collect(),
        ..Diagram::default()
    }
}

/// A saga: events on the left, the commands that they lead to in the middle, receivers on the right.
///
/// A stateful one is drawn as what it runs: its steps, and where they lead when they fail.
pub fn of_saga(definition: &saga::Definition) -> Diagram {
    if let Some(stateful) = &definition.stateful {
        return of_process(&stateful.process);
    }
    let mut nodes: Vec<Node> = Vec::new();
    let mut edges = Vec::new();
    let mut add = |id: String, kind, title: &str, subtitle: &str| {
        if !nodes.iter().any(|node| node.id == id) {
            nodes.push(Node {
                id,
                kind,
                title: text::shorten(title, TITLE_CHARS_MAX + 4),
                subtitle: text::shorten(subtitle, SUBTITLE_CHARS_MAX),
                width: NODE_WIDTH + 24.0,
                height: NODE_HEIGHT,
                saved_centre: None,
            });
        }
    };
    for (event_type, reaction) in &definition.on {
        let (event, command, receiver) =
            (format!("event/{event_type}"), format!("command/{event_type}"), format!("receiver/{}", reaction.to));
        add(event.clone(), "event", event_type, "event observed");
        add(command.clone(), "command", &reaction.send, "command issued");
        add(receiver.clone(), "receiver", &reaction.to, "receives it");
        let condition = reaction.when.as_ref().map(|when| text::shorten(when.source(), SUBTITLE_CHARS_MAX));
        edges.push(Edge {
            from: event,
            port: "next".into(),
            to: command.clone(),
            label: condition.unwrap_or_default(),
        });
        edges.push(Edge { from: command, port: "to".into(), to: receiver, label: String::new() });
    }
    layout::lay_out(nodes, edges)
}
