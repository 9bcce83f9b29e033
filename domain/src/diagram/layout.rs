//! Finding places: layered layout by dagre (Sugiyama's method), left to right, with room for the labels of edges.

use std::collections::HashMap;

use dagre::{
    EdgeLabel, LayoutOptions, NodeLabel, RankDir,
    graph::{Graph, GraphOptions},
    layout::types::LabelPos,
};

use super::{Diagram, DiagramEdge, DiagramNode};

/// What is to be placed.
pub struct Node {
    pub id: String,
    pub kind: &'static str,
    pub title: String,
    pub subtitle: String,
    pub width: f64,
    pub height: f64,
    pub saved_centre: Option<(f64, f64)>,
}

pub struct Edge {
    pub from: String,
    pub port: String,
    pub to: String,
    pub label: String,
}

const MARGIN: f64 = 24.0;
/// The width of a character of a label, and its height with some room around.
const LABEL_CHAR_WIDTH: f64 = 6.6;
const LABEL_HEIGHT: f64 = 18.0;

/// Places everything. When every node has a saved position those are taken and edges are drawn between them, else all
/// positions are computed: a mixture would put new nodes on top of old ones.
pub fn lay_out(nodes: Vec<Node>, edges: Vec<Edge>) -> Diagram {
    if nodes.is_empty() {
        return Diagram::default();
    }
    let mut diagram =
        if nodes.iter().all(|node| node.saved_centre.is_some()) { saved(nodes, edges) } else { computed(nodes, edges) };
    fit(&mut diagram);
    diagram
}

fn computed(nodes: Vec<Node>, edges: Vec<Edge>) -> Diagram {
    let mut graph: Graph<NodeLabel, EdgeLabel> =
        Graph::with_options(GraphOptions { directed: true, multigraph: true, compound: false });
    // By their numbers: some names mean something to the library, and would have it recurse for ever.
    let numbers: HashMap<&str, String> =
        nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), format!("n{number}"))).collect();
    let number = |id: &str| numbers.get(id).cloned().unwrap_or_default();
    for node in &nodes {
        let label = NodeLabel { width: node.width, height: node.height, ..NodeLabel::default() };
        graph.set_node(number(&node.id), Some(label));
    }
    for (place, edge) in edges.iter().enumerate() {
        let label = EdgeLabel {
            width: label_width(&edge.label),
            height: if edge.label.is_empty() { 0.0 } else { LABEL_HEIGHT },
            labelpos: LabelPos::Center,
            ..EdgeLabel::default()
        };
        graph.set_edge(number(&edge.from), number(&edge.to), Some(label), Some(&format!("e{place}")));
    }
    let options =
        LayoutOptions { rankdir: RankDir::LR, nodesep: 30.0, edgesep: 18.0, ranksep: 32.0, ..LayoutOptions::default() };
    dagre::layout(&mut graph, Some(options));
    let centre = |id: &str| graph.node(&number(id)).map_or((0.0, 0.0), |n| (n.x.unwrap_or(0.0), n.y.unwrap_or(0.0)));
    let centres: Vec<(f64, f64)> = nodes.iter().map(|node| centre(&node.id)).collect();
    let ends: Vec<(String, String)> = edges.iter().map(|edge| (number(&edge.from), number(&edge.to))).collect();
    let placed: Vec<DiagramNode> = nodes.into_iter().zip(centres).map(|(node, centre)| place(centre, node)).collect();
    let drawn = edges
        .into_iter()
        .zip(ends)
        .enumerate()
        .map(|(place, (edge, (from, to)))| {
            let found = graph.edge(&from, &to, Some(&format!("e{place}")));
            let points: Vec<(f64, f64)> =
                found.map_or_else(Vec::new, |label| label.points.iter().map(|p| (p.x, p.y)).collect());
            let label_at = found.and_then(|label| Some((label.x?, label.y?))).filter(|_| !edge.label.is_empty());
            if points.len() < 2 {
                return straight(edge, &placed);
            }
            DiagramEdge { from: edge.from, port: edge.port, to: edge.to, label: edge.label, points, label_at }
        })
        .collect();
    Diagram { nodes: placed, edges: drawn, ..Diagram::default() }
}

fn saved(nodes: Vec<Node>, edges: Vec<Edge>) -> Diagram {
    let placed: Vec<DiagramNode> =
        nodes.into_iter().map(|node| place(node.saved_centre.unwrap_or_default(), node)).collect();
    let edges = edges.into_iter().map(|edge| straight(edge, &placed)).collect();
    Diagram { nodes: placed, edges, ..Diagram::default() }
}

fn place((x, y): (f64, f64), node: Node) -> DiagramNode {
    DiagramNode {
        x: x - node.width / 2.0,
        y: y - node.height / 2.0,
        id: node.id,
        kind: node.kind.to_owned(),
        title: node.title,
        subtitle: node.subtitle,
        width: node.width,
        height: node.height,
    }
}

/// An edge in right angles between two placed nodes: from the right side to the left one where there is room, else from
/// below to below.
fn straight(edge: Edge, placed: &[DiagramNode]) -> DiagramEdge {
    let find = |id: &str| placed.iter().find(|node| node.id == id);
    let points = match (find(&edge.from), find(&edge.to)) {
        (Some(from), Some(to)) if from.x + from.width < to.x => {
            let (y_from, y_to) = (from.y + from.height / 2.0, to.y + to.height / 2.0);
            let middle = (from.x + from.width + to.x) / 2.0;
            vec![(from.x + from.width, y_from), (middle, y_from), (middle, y_to), (to.x, y_to)]
        }
        (Some(from), Some(to)) => {
            let (x_from, x_to) = (from.x + from.width / 2.0, to.x + to.width / 2.0);
            let below = (from.y + from.height).max(to.y + to.height) + 28.0;
            vec![(x_from, from.y + from.height), (x_from, below), (x_to, below), (x_to, to.y + to.height)]
        }
        _ => Vec::new(),
    };
    let label_at = match points.as_slice() {
        [_, second, third, _] if !edge.label.is_empty() => {
            Some(((second.0 + third.0) / 2.0, (second.1 + third.1) / 2.0))
        }
        _ => None,
    };
    DiagramEdge { from: edge.from, port: edge.port, to: edge.to, label: edge.label, points, label_at }
}

fn label_width(label: &str) -> f64 {
    if label.is_empty() { 0.0 } else { label.chars().count() as f64 * LABEL_CHAR_WIDTH + 12.0 }
}

/// Moves everything so that it begins at the margin, rounds to tenths, and measures the whole.
fn fit(diagram: &mut Diagram) {
    let mut boxes: Vec<(f64, f64, f64, f64)> =
        diagram.nodes.iter().map(|node| (node.x, node.y, node.x + node.width, node.y + node.height)).collect();
    for edge in &diagram.edges {
        boxes.extend(edge.points.iter().map(|(x, y)| (*x, *y, *x, *y)));
        if let Some((x, y)) = edge.label_at {
            let half = label_width(&edge.label) / 2.0;
            boxes.push((x - half, y - LABEL_HEIGHT / 2.0, x + half, y + LABEL_HEIGHT / 2.0));
        }
    }
    let left = boxes.iter().map(|b| b.0).fold(f64::INFINITY, f64::min);
    let top = boxes.iter().map(|b| b.1).fold(f64::INFINITY, f64::min);
    let right = boxes.iter().map(|b| b.2).fold(f64::NEG_INFINITY, f64::max);
    let bottom = boxes.iter().map(|b| b.3).fold(f64::NEG_INFINITY, f64::max);
    let move_x = |x: f64| tenths(x - left + MARGIN);
    let move_y = |y: f64| tenths(y - top + MARGIN);
    for node in &mut diagram.nodes {
        (node.x, node.y) = (move_x(node.x), move_y(node.y));
    }
    for edge in &mut diagram.edges {
        for point in &mut edge.points {
            *point = (move_x(point.0), move_y(point.1));
        }
        edge.label_at = edge.label_at.map(|(x, y)| (move_x(x), move_y(y)));
    }
    diagram.width = tenths(right - left + 2.0 * MARGIN);
    diagram.height = tenths(bottom - top + 2.0 * MARGIN);
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
