//! Two versions on one drawing: the new one as it is, and what is gone where it stood.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    super::{
        geometry::{Point, Rect},
        scene::{Scene, SceneNode, ScenePort},
    },
    Comparison, EdgeDifference, NodeDifference, Pair,
};
use crate::diagram::{Diagram, DiagramEdge};

/// How far what is gone keeps away from what is there, and how far it is put down where there is no room.
const DISTANCE: f64 = 12.0;
const ROW: f64 = 96.0;
/// After so many attempts it lies on something else.
const ROWS_MAX: usize = 100;
/// It goes along with so many of the nodes that stood nearest.
const NEAREST: usize = 3;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Drawing {
    pub diagram: Diagram,
    /// By node; those that are the same have none.
    pub nodes: BTreeMap<String, Mark>,
    /// For each edge of the diagram, in its order; `None` where it is the same.
    pub edges: Vec<Option<Mark>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Added,
    Removed,
    Changed,
}

pub fn of(pair: &Pair<'_>, comparison: &Comparison) -> Drawing {
    let mut marks: BTreeMap<String, Mark> = BTreeMap::new();
    for change in &comparison.nodes {
        let mark = match change.what {
            NodeDifference::Added => Mark::Added,
            NodeDifference::Removed => Mark::Removed,
            NodeDifference::Renamed { .. } | NodeDifference::Changed { .. } => Mark::Changed,
        };
        marks.insert(change.node.name.clone(), mark);
    }
    let mut links = links(pair, comparison);
    let mut nodes: Vec<SceneNode> = placed(pair);
    for node in &mut nodes {
        for (link, _) in links.iter().filter(|(link, _)| link.from == node.shape.id) {
            if !node.ports.iter().any(|port| port.name == link.port) {
                let (name, label) = (link.port.clone(), link.label.clone());
                node.ports.push(ScenePort { name, label, at: Point::default(), is_open: false });
            }
        }
        node.place_ports();
    }
    nodes.sort_by(|a, b| a.shape.id.cmp(&b.shape.id));
    let edges = links.iter().map(|(_, mark)| *mark).collect();
    let links = links.drain(..).map(|(link, _)| link).collect();
    let scene = Scene::default().laid_out(nodes, links);
    Drawing { diagram: diagram_of(&scene), nodes: marks, edges }
}

/// All edges of the new one, then those that are gone or lead elsewhere now, as they led.
fn links(pair: &Pair<'_>, comparison: &Comparison) -> Vec<(DiagramEdge, Option<Mark>)> {
    let change = |from: &str, port: &str| comparison.edges.iter().find(|it| it.from == from && it.port == port);
    let link = |from: &str, port: &str, label: &str, to: &str| DiagramEdge {
        from: from.to_owned(),
        port: port.to_owned(),
        to: to.to_owned(),
        label: label.to_owned(),
        points: Vec::new(),
        label_at: None,
    };
    let mut links = Vec::new();
    for name in pair.new.names() {
        for port in pair.new.ports(name) {
            let Some(to) = port.target.as_deref().filter(|target| pair.new.contains(target)) else { continue };
            let mark = match change(name, &port.name).map(|change| &change.what) {
                Some(EdgeDifference::Added { .. }) => Some(Mark::Added),
                Some(EdgeDifference::Led { .. }) => Some(Mark::Changed),
                Some(EdgeDifference::Removed { .. }) | None => None,
            };
            links.push((link(name, &port.name, &port.label, to), mark));
        }
    }
    for change in &comparison.edges {
        let (EdgeDifference::Removed { to } | EdgeDifference::Led { from: to, .. }) = &change.what else { continue };
        let ports = pair.old.ports(&change.from);
        let label = ports.iter().find(|port| port.name == change.port).map_or("", |port| port.label.as_str());
        links.push((link(&change.from, &change.port, label, &to.name), Some(Mark::Removed)));
    }
    links
}

/// The nodes of the new one in their places, and those that are gone where they stood: if what was around them stands
/// elsewhere now, they go along.
fn placed(pair: &Pair<'_>) -> Vec<SceneNode> {
    let (before, after) = (pair.old.positions(), pair.new.positions());
    let at = |name: &str| after.get(name).copied().unwrap_or_default();
    let mut nodes: Vec<SceneNode> =
        pair.new.nodes().map(|(name, node)| SceneNode::of(pair.new, name, node, at(name))).collect();
    for (name, node) in pair.old.nodes().filter(|(name, _)| !pair.new.contains(name)) {
        let stood = before.get(name).copied().unwrap_or_default();
        let (dx, dy) = shift(stood, &before, &after);
        let mut gone = SceneNode::of(&pair.old, name, node, (stood.0 + dx, stood.1 + dy));
        gone.ports.clear();
        for _ in 0..ROWS_MAX {
            let room: Rect = gone.rect().grown(DISTANCE);
            if !nodes.iter().any(|other| other.rect().overlaps(&room)) {
                break;
            }
            gone.shape.y += ROW;
        }
        nodes.push(gone);
    }
    nodes
}

/// How far the nodes around a place were moved: the middle one of those that stood nearest, so that one that was moved
/// by itself takes nothing along.
fn shift(stood: Point, before: &BTreeMap<String, Point>, after: &BTreeMap<String, Point>) -> Point {
    let mut kept: Vec<(Point, Point)> =
        before.iter().filter_map(|(name, old)| Some((*old, *after.get(name)?))).collect();
    let distance = |at: Point| (at.0 - stood.0).hypot(at.1 - stood.1);
    kept.sort_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
    kept.truncate(NEAREST);
    let middle = |mut shifts: Vec<f64>| {
        shifts.sort_by(f64::total_cmp);
        shifts.get(shifts.len() / 2).copied().unwrap_or_default()
    };
    let along = |axis: fn(Point) -> f64| middle(kept.iter().map(|(old, new)| axis(*new) - axis(*old)).collect());
    (along(|at| at.0), along(|at| at.1))
}

/// With its upper left corner at the origin.
fn diagram_of(scene: &Scene) -> Diagram {
    let bounds = scene.bounds().unwrap_or_default();
    let moved = |(x, y): Point| (x - bounds.x, y - bounds.y);
    let nodes = scene.nodes().iter().map(|node| {
        let mut shape = node.shape.clone();
        (shape.x, shape.y) = moved((shape.x, shape.y));
        shape
    });
    let edges = scene.edges().iter().map(|edge| {
        let mut shape = edge.shape.clone();
        shape.points = shape.points.into_iter().map(moved).collect();
        shape.label_at = shape.label_at.map(moved);
        shape
    });
    Diagram { nodes: nodes.collect(), edges: edges.collect(), width: bounds.width, height: bounds.height }
}
