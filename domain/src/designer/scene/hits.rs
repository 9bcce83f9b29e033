//! What lies at a place of a scene.

use super::{Scene, SceneEdge, SceneNode};
use crate::designer::{
    document::PortRef,
    geometry::{Point, Rect, distance, distance_to_line},
};

/// How far from a line it is still meant, in pixels of the screen.
pub const EDGE_REACH_PX: f64 = 8.0;
/// How far from a handle or the end of an edge.
pub const HANDLE_REACH_PX: f64 = 10.0;
/// The same in the diagram: from far away, handles must not hide the nodes that they are on.
const HANDLE_REACH_MAX: f64 = 20.0;

/// An end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Where it leaves its port.
    Source,
    Target,
}

/// What lies at a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hit {
    /// A handle to draw an edge from.
    Port(PortRef),
    EdgeEnd(PortRef, End),
    Node(String),
    Edge(PortRef),
    Nothing,
}

impl Scene {
    /// What lies at a place of the diagram, handles first; `scale` is how large a pixel of the diagram is on the screen, so
    /// that small things can be hit at every zoom. `selected` is an edge whose ends can be taken hold of.
    pub fn hit(&self, at: Point, scale: f64, selected: Option<&PortRef>) -> Hit {
        let (handle, line) = ((HANDLE_REACH_PX / scale).min(HANDLE_REACH_MAX), EDGE_REACH_PX / scale);
        if let Some((edge, end)) = selected.and_then(|edge| self.edge_end_at(at, handle, edge)) {
            return Hit::EdgeEnd(edge, end);
        }
        if let Some(port) = self.port_at(at, handle) {
            return Hit::Port(port);
        }
        if let Some(node) = self.node_at(at) {
            return Hit::Node(node.id().to_owned());
        }
        match self.edge_at(at, line) {
            Some((edge, _)) => Hit::Edge(edge.id()),
            None => Hit::Nothing,
        }
    }

    /// The topmost node there: the last one drawn.
    pub fn node_at(&self, at: Point) -> Option<&SceneNode> {
        let around = Rect::around(at, 0.0, 0.0);
        self.index
            .near(&around)
            .into_iter()
            .rev()
            .map(|number| &self.nodes[number])
            .find(|node| node.rect().contains(at))
    }

    /// The nearest edge within `reach`, and how far it is.
    pub fn edge_at(&self, at: Point, reach: f64) -> Option<(&SceneEdge, f64)> {
        let near = self.edges.iter().map(|edge| (edge, edge_distance(edge, at))).filter(|(_, far)| *far <= reach);
        near.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The nearest handle within `reach`.
    pub fn port_at(&self, at: Point, reach: f64) -> Option<PortRef> {
        if self.is_fixed {
            return self.button_at(at, reach);
        }
        let area = Rect::around(at, 2.0 * reach, 2.0 * reach);
        let nodes = self.index.near(&area).into_iter().map(|number| &self.nodes[number]);
        let ports = nodes.flat_map(|node| node.ports.iter().map(move |port| (node, port, distance(port.at, at))));
        let nearest = ports.filter(|(_, _, far)| *far <= reach).min_by(|a, b| a.2.total_cmp(&b.2));
        nearest.map(|(node, port, _)| PortRef::new(node.id(), port.name.clone()))
    }

    /// The same where handles may stand far from their nodes; their words are as good as they are.
    fn button_at(&self, at: Point, reach: f64) -> Option<PortRef> {
        const CHAR_WIDTH: f64 = 7.0;
        let mut nearest = (reach, None);
        for node in &self.nodes {
            for port in &node.ports {
                let end = (port.at.0 + port.label.chars().count() as f64 * CHAR_WIDTH, port.at.1);
                let far = distance_to_line(at, port.at, end);
                if far <= nearest.0 {
                    nearest = (far, Some(PortRef::new(node.id(), port.name.clone())));
                }
            }
        }
        nearest.1
    }

    /// Which end of an edge is within `reach`, if any.
    pub fn edge_end_at(&self, at: Point, reach: f64, edge: &PortRef) -> Option<(PortRef, End)> {
        let points = &self.edge(edge)?.shape.points;
        let ends = [(End::Target, points.last()?), (End::Source, points.first()?)];
        let near = ends.into_iter().map(|(end, point)| (end, distance(*point, at))).filter(|(_, far)| *far <= reach);
        near.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(end, _)| (edge.clone(), end))
    }

    /// The nodes that lie in a box wholly, in the order of their names.
    pub fn nodes_in(&self, area: &Rect) -> Vec<String> {
        self.nodes.iter().filter(|node| area.encloses(&node.rect())).map(|node| node.id().to_owned()).collect()
    }

    /// The edges whose ways lie in a box wholly.
    pub fn edges_in(&self, area: &Rect) -> Vec<PortRef> {
        let inside = |edge: &&SceneEdge| edge.shape.points.iter().all(|point| area.contains(*point));
        self.edges.iter().filter(inside).map(SceneEdge::id).collect()
    }

    /// What is within an area at least partly, for a canvas that draws only what one sees.
    pub fn visible(&self, area: &Rect) -> (Vec<&SceneNode>, Vec<&SceneEdge>) {
        let nodes = self.nodes.iter().filter(|node| node.rect().overlaps(area)).collect();
        let touches = |edge: &&SceneEdge| {
            edge.shape
                .points
                .windows(2)
                .any(|line| area.grown(1.0).overlaps(&Rect::spanning(line[0], line[1]).grown(1.0)))
        };
        (nodes, self.edges.iter().filter(touches).collect())
    }

    /// A free place for a node of that size: `wanted` itself, or the next one below or above it.
    pub fn free_place(&self, wanted: Point, (width, height): (f64, f64)) -> Point {
        const GAP: f64 = 24.0;
        const TRIES: u32 = 400;
        let is_free = |at: &Point| {
            let area = Rect::around(*at, width + 2.0 * GAP, height + 2.0 * GAP);
            !self.index.any_near(&area, |number| self.boxes[number].overlaps(&area))
        };
        let step = height + 2.0 * GAP;
        let places = (0..TRIES).map(|index| {
            let rows = f64::from(index.div_ceil(2)) * step / 2.0;
            (wanted.0, if index % 2 == 1 { wanted.1 + rows } else { wanted.1 - rows })
        });
        places.into_iter().find(is_free).unwrap_or(wanted)
    }
}

fn edge_distance(edge: &SceneEdge, at: Point) -> f64 {
    let lines = edge.shape.points.windows(2).map(|line| distance_to_line(at, line[0], line[1]));
    lines.fold(f64::INFINITY, f64::min)
}
