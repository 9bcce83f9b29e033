//! Finding places: layered layout by dagre (Sugiyama's method), left to right, with room for the labels of edges. The ways
//! of edges are those of the canvas, so that a definition looks the same wherever it is drawn.

use std::collections::HashMap;

use dagre::{
    EdgeLabel, LayoutOptions, NodeLabel, RankDir,
    graph::{Graph, GraphOptions},
    layout::types::LabelPos,
};

use super::{Diagram, DiagramEdge, DiagramNode};
use crate::designer::{Point, Scene, SceneNode, labels};

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

/// Places everything, and leads the edges as the canvas does. When every node has a saved position those are taken, else
/// all positions are computed: a mixture would put new nodes on top of old ones.
pub fn lay_out(nodes: Vec<Node>, edges: Vec<Edge>) -> Diagram {
    if nodes.is_empty() {
        return Diagram::default();
    }
    let saved: Option<Vec<Point>> = nodes.iter().map(|node| node.saved_centre).collect();
    let centres = saved.unwrap_or_else(|| centres(&nodes, &edges));
    let links: Vec<DiagramEdge> = edges.into_iter().map(link).collect();
    let placed = nodes.into_iter().zip(centres).map(|(node, centre)| {
        let shape = place(centre, node);
        let leaving = links.iter().filter(|link| link.from == shape.id);
        let ports = leaving.map(|link| (link.port.clone(), link.label.clone())).collect();
        SceneNode::drawn(shape, ports)
    });
    let placed = placed.collect();
    let scene = Scene::default().laid_out(placed, links);
    let nodes = scene.nodes().iter().map(|node| node.shape.clone()).collect();
    let edges = scene.edges().iter().map(|edge| edge.shape.clone()).collect();
    let mut diagram = Diagram { nodes, edges, ..Diagram::default() };
    fit(&mut diagram);
    diagram
}

/// Where the nodes stand best: the centre of each, in their order.
pub fn centres(nodes: &[Node], edges: &[Edge]) -> Vec<Point> {
    let mut graph: Graph<NodeLabel, EdgeLabel> =
        Graph::with_options(GraphOptions { directed: true, multigraph: true, compound: false });
    // By their numbers: some names mean something to the library, and would have it recurse for ever.
    let numbers: HashMap<&str, String> =
        nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), format!("n{number}"))).collect();
    let number = |id: &str| numbers.get(id).cloned().unwrap_or_default();
    for node in nodes {
        let label = NodeLabel { width: node.width, height: node.height, ..NodeLabel::default() };
        graph.set_node(number(&node.id), Some(label));
    }
    for (place, edge) in edges.iter().enumerate() {
        let (width, height) = if edge.label.is_empty() { (0.0, 0.0) } else { labels::size(&edge.label) };
        let label = EdgeLabel { width, height, labelpos: LabelPos::Center, ..EdgeLabel::default() };
        graph.set_edge(number(&edge.from), number(&edge.to), Some(label), Some(&format!("e{place}")));
    }
    let options =
        LayoutOptions { rankdir: RankDir::LR, nodesep: 30.0, edgesep: 18.0, ranksep: 32.0, ..LayoutOptions::default() };
    dagre::layout(&mut graph, Some(options));
    let centre = |node: &Node| {
        let found = graph.node(&number(&node.id));
        found.map_or((0.0, 0.0), |it| (tenths(it.x.unwrap_or(0.0)), tenths(it.y.unwrap_or(0.0))))
    };
    nodes.iter().map(centre).collect()
}

fn place((x, y): Point, node: Node) -> DiagramNode {
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

/// An edge that has not been led yet.
fn link(edge: Edge) -> DiagramEdge {
    let Edge { from, port, to, label } = edge;
    DiagramEdge { from, port, to, label, points: Vec::new(), label_at: None }
}

/// Moves everything so that it begins at the margin, rounds to tenths, and measures the whole.
fn fit(diagram: &mut Diagram) {
    let mut boxes: Vec<(f64, f64, f64, f64)> =
        diagram.nodes.iter().map(|node| (node.x, node.y, node.x + node.width, node.y + node.height)).collect();
    for edge in &diagram.edges {
        boxes.extend(edge.points.iter().map(|(x, y)| (*x, *y, *x, *y)));
        if let Some((x, y)) = edge.label_at {
            let (width, height) = labels::size(&edge.label);
            boxes.push((x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0));
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
