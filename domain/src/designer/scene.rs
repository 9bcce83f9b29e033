//! What is drawn: boxes, ports, and the ways of edges.
//!
//! A scene is made from a document alone. The next one, after an edit or while something is dragged, takes over the ways
//! of all edges that nothing changed for ([`Scene::routed`] counts the others), and is the same as one made from nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Kind,
    document::{Document, PortRef},
    geometry::{Index, Point, Rect},
    labels::Labels,
    lanes,
    route::{self, Boxes, Ends},
    sagas, words,
};
use crate::diagram::{DiagramEdge, DiagramNode, NODE_HEIGHT, NODE_WIDTH, ROUND_SIZE};

mod hits;

pub use hits::{EDGE_REACH_PX, End, HANDLE_REACH_PX, Hit};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scene {
    nodes: Vec<SceneNode>,
    edges: Vec<SceneEdge>,
    numbers: BTreeMap<String, usize>,
    boxes: Vec<Rect>,
    index: Index,
    routed: usize,
    /// Whether the order of what is drawn says where it stands: nothing is routed then.
    is_fixed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SceneNode {
    pub shape: DiagramNode,
    pub kind: Kind,
    pub ports: Vec<ScenePort>,
    /// Further lines, below its two.
    pub notes: Vec<String>,
}

/// A handle that edges are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenePort {
    pub name: String,
    pub label: String,
    /// On the right border of the node.
    pub at: Point,
    /// Whether it leads nowhere.
    pub is_open: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SceneEdge {
    pub shape: DiagramEdge,
    ends: Ends,
    /// The way before lanes were given out.
    way: Vec<Point>,
    region: Rect,
    pub role: Role,
}

/// What an edge is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// To what comes next.
    #[default]
    Way,
    /// To what undoes what was done, and from there on.
    Back,
    /// From a step to what undoes it.
    Tie,
}

impl SceneNode {
    /// A node of a document with its centre there.
    pub(super) fn of(document: &Document, name: &str, node: &Value, centre: Point) -> Self {
        let kind = super::document::kind(node);
        let (width, height) = node_size(kind);
        let rect = Rect::around(centre, width, height);
        let ports = document.ports(name).into_iter().map(|port| ScenePort {
            at: Point::default(),
            is_open: document.is_open(&port),
            name: port.name,
            label: port.label,
        });
        let shape = DiagramNode {
            id: name.to_owned(),
            kind: kind.name().to_owned(),
            title: words::shorten(&words::title(name, node), words::TITLE_CHARS_MAX),
            subtitle: words::shorten(&words::subtitle(node), words::SUBTITLE_CHARS_MAX),
            x: rect.x,
            y: rect.y,
            width,
            height,
        };
        let mut node = Self { shape, kind, ports: ports.collect(), notes: Vec::new() };
        node.place_ports();
        node
    }

    /// A node that is only looked at, with the names and labels of the ports that edges leave.
    pub(crate) fn drawn(shape: DiagramNode, ports: Vec<(String, String)>) -> Self {
        let port = |(name, label)| ScenePort { name, label, at: Point::default(), is_open: false };
        let ports = ports.into_iter().map(port).collect();
        let mut node = Self { shape, kind: Kind::Unknown, ports, notes: Vec::new() };
        node.place_ports();
        node
    }

    /// Puts the ports onto the border, one below the other.
    pub(super) fn place_ports(&mut self) {
        let rect = self.rect();
        place_ports(rect, &mut self.ports);
    }

    pub fn id(&self) -> &str {
        &self.shape.id
    }

    pub fn rect(&self) -> Rect {
        let DiagramNode { x, y, width, height, .. } = self.shape;
        Rect { x, y, width, height }
    }

    pub fn centre(&self) -> Point {
        self.rect().centre()
    }

    /// Those that lead nowhere.
    pub fn open_ports(&self) -> impl Iterator<Item = &ScenePort> {
        self.ports.iter().filter(|port| port.is_open)
    }
}

impl SceneEdge {
    /// One that is drawn just so.
    pub(super) fn fixed(shape: DiagramEdge, role: Role) -> Self {
        let (from, to) = shape.points.first().copied().zip(shape.points.last().copied()).unwrap_or_default();
        let ends = Ends { from, to, source: Rect::default(), target: Rect::default() };
        Self { shape, ends, way: Vec::new(), region: Rect::default(), role }
    }

    /// The node and the port that it begins at.
    pub fn begins(&self) -> (&str, &str) {
        (&self.shape.from, &self.shape.port)
    }

    pub fn id(&self) -> PortRef {
        PortRef::new(self.shape.from.clone(), self.shape.port.clone())
    }
}

impl Scene {
    pub fn of(document: &Document) -> Self {
        Self::default().next(document)
    }

    /// The scene of the same document after it was edited.
    pub fn next(&self, document: &Document) -> Self {
        if document.is_saga() {
            return sagas::scene(document);
        }
        let positions = document.positions();
        let nodes: Vec<SceneNode> = document
            .nodes()
            .map(|(name, node)| SceneNode::of(document, name, node, positions.get(name).copied().unwrap_or_default()))
            .collect();
        let links: Vec<DiagramEdge> = document
            .nodes()
            .flat_map(|(name, _)| document.ports(name).into_iter().map(move |port| (name, port)))
            .filter_map(|(name, port)| {
                let to = port.target.filter(|target| document.contains(target))?;
                let (from, port, label) = (name.to_owned(), port.name, port.label);
                Some(DiagramEdge { from, port, to, label, points: Vec::new(), label_at: None })
            })
            .collect();
        self.laid_out(nodes, links)
    }

    /// The scene with some nodes elsewhere, as while they are dragged.
    pub fn moved<S: AsRef<str>>(&self, ids: &[S], dx: f64, dy: f64) -> Self {
        let mut nodes = self.nodes.clone();
        if self.is_fixed {
            for node in nodes.iter_mut().filter(|node| ids.iter().any(|id| id.as_ref() == node.id())) {
                (node.shape.x, node.shape.y) = (node.shape.x + dx, node.shape.y + dy);
                node.ports.clear();
            }
            return Self::fixed(nodes, self.edges.clone());
        }
        for id in ids {
            let Some(node) = self.numbers.get(id.as_ref()).and_then(|number| nodes.get_mut(*number)) else { continue };
            (node.shape.x, node.shape.y) = (node.shape.x + dx, node.shape.y + dy);
            node.place_ports();
        }
        self.laid_out(nodes, self.edges.iter().map(|edge| edge.shape.clone()).collect())
    }

    /// A scene whose edges are drawn already.
    pub(super) fn fixed(nodes: Vec<SceneNode>, edges: Vec<SceneEdge>) -> Self {
        let boxes: Vec<Rect> = nodes.iter().map(SceneNode::rect).collect();
        let index = Index::of(boxes.iter().copied());
        let numbers = nodes.iter().enumerate().map(|(number, node)| (node.shape.id.clone(), number)).collect();
        Self { nodes, edges, numbers, boxes, index, routed: 0, is_fixed: true }
    }

    pub(crate) fn laid_out(&self, nodes: Vec<SceneNode>, links: Vec<DiagramEdge>) -> Self {
        let boxes: Vec<Rect> = nodes.iter().map(SceneNode::rect).collect();
        let index = Index::of(boxes.iter().copied());
        let numbers: BTreeMap<String, usize> =
            nodes.iter().enumerate().map(|(number, node)| (node.shape.id.clone(), number)).collect();
        let changed = self.changed_boxes(&nodes);
        let mut known = Known::of(&self.edges);
        let ends = ends_of(&nodes, &numbers, &links);
        let around = Boxes { all: &boxes, index: &index };
        let mut routed = 0;
        let mut edges: Vec<SceneEdge> = Vec::with_capacity(links.len());
        for (shape, ends) in links.into_iter().zip(ends) {
            let before = known.find(&shape).filter(|before| {
                before.ends == ends && !changed.iter().any(|changed| changed.overlaps(&before.region))
            });
            let (way, region) = match before {
                Some(before) => (before.way.clone(), before.region),
                None => {
                    routed += 1;
                    let route = route::route(&ends, &around);
                    (route.points, route.region)
                }
            };
            edges.push(SceneEdge { shape, ends, way, region, role: Role::Way });
        }
        let mut ways: Vec<Vec<Point>> = edges.iter().map(|edge| edge.way.clone()).collect();
        lanes::spread(&mut ways);
        let mut labels = Labels::beside(&boxes, &index);
        for (edge, points) in edges.iter_mut().zip(ways) {
            edge.shape.label_at = labels.place(&edge.shape.label, &points);
            edge.shape.points = points;
        }
        Self { nodes, edges, numbers, boxes, index, routed, is_fixed: false }
    }

    /// Where boxes stood that stand there no longer, and where some stand now.
    fn changed_boxes(&self, nodes: &[SceneNode]) -> Vec<Rect> {
        let mut changed = Vec::new();
        let mut before: BTreeMap<&str, Rect> = self.nodes.iter().map(|node| (node.id(), node.rect())).collect();
        for node in nodes {
            match before.remove(node.id()) {
                Some(rect) if rect == node.rect() => {}
                Some(rect) => changed.extend([rect, node.rect()]),
                None => changed.push(node.rect()),
            }
        }
        changed.extend(before.into_values());
        changed
    }

    /// In the order of their names; those of a saga in their own.
    pub fn nodes(&self) -> &[SceneNode] {
        &self.nodes
    }

    pub fn edges(&self) -> &[SceneEdge] {
        &self.edges
    }

    pub fn node(&self, id: &str) -> Option<&SceneNode> {
        self.numbers.get(id).and_then(|number| self.nodes.get(*number))
    }

    pub fn edge(&self, id: &PortRef) -> Option<&SceneEdge> {
        self.edges.iter().find(|edge| edge.shape.from == id.node && edge.shape.port == id.port)
    }

    pub fn port(&self, id: &PortRef) -> Option<&ScenePort> {
        self.node(&id.node)?.ports.iter().find(|port| port.name == id.port)
    }

    /// The box that has all nodes and edges in it; none when there is nothing.
    pub fn bounds(&self) -> Option<Rect> {
        let lines =
            self.edges.iter().flat_map(|edge| edge.shape.points.windows(2)).map(|it| Rect::spanning(it[0], it[1]));
        Rect::all(self.boxes.iter().copied().chain(lines))
    }

    /// The box of some nodes.
    pub fn bounds_of<S: AsRef<str>>(&self, ids: &[S]) -> Option<Rect> {
        Rect::all(ids.iter().filter_map(|id| Some(self.node(id.as_ref())?.rect())))
    }

    /// The nodes and edges that are drawn otherwise than in `before`, or not there; those that are gone too.
    pub fn differing(&self, before: &Self) -> (Vec<String>, Vec<PortRef>) {
        let other = |node: &&SceneNode| before.node(node.id()) != Some(node);
        let gone = before.nodes.iter().filter(|node| self.node(node.id()).is_none());
        let nodes = self.nodes.iter().filter(other).chain(gone).map(|node| node.id().to_owned()).collect();
        let mut known: BTreeMap<(&str, &str), &DiagramEdge> =
            before.edges.iter().map(|edge| (edge.begins(), &edge.shape)).collect();
        let mut edges = Vec::new();
        for edge in &self.edges {
            if known.remove(&edge.begins()) != Some(&edge.shape) {
                edges.push(edge.id());
            }
        }
        edges.extend(known.into_keys().map(|(node, port)| PortRef::new(node, port)));
        (nodes, edges)
    }

    /// How many edges had to be routed for this scene; the others were taken over.
    pub fn routed(&self) -> usize {
        self.routed
    }
}

/// Finds edges of the scene before: mostly they come in the same order.
struct Known<'a> {
    edges: &'a [SceneEdge],
    next: usize,
    by_name: Option<BTreeMap<(&'a str, &'a str), usize>>,
}

impl<'a> Known<'a> {
    fn of(edges: &'a [SceneEdge]) -> Self {
        Self { edges, next: 0, by_name: None }
    }

    fn find(&mut self, shape: &DiagramEdge) -> Option<&'a SceneEdge> {
        let edges = self.edges;
        let is_it = |edge: &SceneEdge| edge.shape.from == shape.from && edge.shape.port == shape.port;
        if !edges.get(self.next).is_some_and(is_it) {
            let name = |edge: &'a SceneEdge| (edge.shape.from.as_str(), edge.shape.port.as_str());
            let number = |(number, edge): (usize, &'a SceneEdge)| (name(edge), number);
            let by_name = self.by_name.get_or_insert_with(|| edges.iter().enumerate().map(number).collect());
            self.next = *by_name.get(&(shape.from.as_str(), shape.port.as_str()))?;
        }
        let found = edges.get(self.next);
        self.next += 1;
        found
    }
}

/// One below the other on the right border.
fn place_ports(rect: Rect, ports: &mut [ScenePort]) {
    let count = ports.len();
    for (index, port) in ports.iter_mut().enumerate() {
        port.at = (rect.right(), rect.y + slot(rect.height, index, count));
    }
}

/// How far down the border the place number `index` of `count` is, in tenths of a pixel.
fn slot(height: f64, index: usize, count: usize) -> f64 {
    (height * 10.0 * (index + 1) as f64 / (count + 1) as f64).round() / 10.0
}

pub fn node_size(kind: Kind) -> (f64, f64) {
    if kind == Kind::Start { (ROUND_SIZE, ROUND_SIZE) } else { (NODE_WIDTH, NODE_HEIGHT) }
}

/// Where each edge begins and ends. Those that come into one node enter one below the other, in the order of where they
/// come from, and as straight as they can.
fn ends_of(nodes: &[SceneNode], numbers: &BTreeMap<String, usize>, links: &[DiagramEdge]) -> Vec<Ends> {
    let find = |id: &str| &nodes[numbers[id]];
    let mut ends: Vec<Ends> = Vec::with_capacity(links.len());
    let mut into: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, link) in links.iter().enumerate() {
        let (from, to) = (find(&link.from), find(&link.to));
        let begin = from.ports.iter().find(|port| port.name == link.port).map_or(from.centre(), |port| port.at);
        ends.push(Ends { from: begin, to: (to.shape.x, to.centre().1), source: from.rect(), target: to.rect() });
        into.entry(&link.to).or_default().push(number);
    }
    for numbers in into.values_mut() {
        numbers.sort_by(|a, b| ends[*a].from.1.total_cmp(&ends[*b].from.1).then(a.cmp(b)));
        let count = numbers.len();
        for (position, number) in numbers.iter().enumerate() {
            let edge = &mut ends[*number];
            let apart = edge.target.height / (count + 1) as f64;
            let y = edge.target.y + slot(edge.target.height, position, count);
            let is_level = (edge.from.1 - y).abs() < apart / 2.0 && edge.from.0 < edge.to.0;
            edge.to.1 = if is_level { edge.from.1 } else { y };
        }
    }
    ends
}
