//! What is selected, and how one gets from there to something else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    document::{Document, PortRef},
    geometry::{Point, Rect},
    sagas,
    scene::{Hit, Scene, SceneNode},
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    pub nodes: BTreeSet<String>,
    pub edges: BTreeSet<PortRef>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Left,
    Right,
    Up,
    Down,
}

impl Direction {
    /// One step of it.
    pub fn unit(self) -> Point {
        match self {
            Self::Left => (-1.0, 0.0),
            Self::Right => (1.0, 0.0),
            Self::Up => (0.0, -1.0),
            Self::Down => (0.0, 1.0),
        }
    }
}

impl Selection {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn of_node(name: impl Into<String>) -> Self {
        Self { nodes: [name.into()].into(), ..Self::default() }
    }

    pub fn of_nodes<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self { nodes: names.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub fn of_edge(edge: PortRef) -> Self {
        Self { edges: [edge].into(), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty()
    }

    /// The node, when it is one node and nothing else.
    pub fn only_node(&self) -> Option<&str> {
        match (self.nodes.len(), self.edges.len()) {
            (1, 0) => self.nodes.first().map(String::as_str),
            _ => None,
        }
    }

    pub fn only_edge(&self) -> Option<&PortRef> {
        match (self.nodes.len(), self.edges.len()) {
            (0, 1) => self.edges.first(),
            _ => None,
        }
    }

    /// After a click: on that alone, or with what was selected before; a second click takes it out again.
    #[must_use]
    pub fn clicked(&self, hit: &Hit, adds: bool) -> Self {
        let mut next = if adds { self.clone() } else { Self::none() };
        match hit {
            Hit::Node(name) | Hit::Port(PortRef { node: name, .. }) => toggle(&mut next.nodes, name),
            Hit::Edge(edge) | Hit::EdgeEnd(edge, _) => toggle(&mut next.edges, edge),
            Hit::Nothing => {}
        }
        next
    }

    /// All that lies in a box wholly, with what was selected before.
    #[must_use]
    pub fn boxed(&self, scene: &Scene, area: &Rect) -> Self {
        let mut next = self.clone();
        next.nodes.extend(scene.nodes_in(area));
        next.edges.extend(scene.edges_in(area));
        next
    }

    pub fn all(scene: &Scene) -> Self {
        Self {
            nodes: scene.nodes().iter().map(|node| node.id().to_owned()).collect(),
            edges: scene.edges().iter().map(|edge| edge.id()).collect(),
        }
    }

    /// Without what is there no longer.
    #[must_use]
    pub fn pruned(mut self, scene: &Scene) -> Self {
        self.nodes.retain(|name| scene.node(name).is_some());
        let edges: BTreeSet<(&str, &str)> =
            scene.edges().iter().map(|edge| (edge.shape.from.as_str(), edge.shape.port.as_str())).collect();
        self.edges.retain(|edge| edges.contains(&(edge.node.as_str(), edge.port.as_str())));
        self
    }

    /// The nearest node in that direction from what is selected; the first of all when nothing is.
    pub fn neighbour(&self, scene: &Scene, direction: Direction) -> Option<String> {
        let nodes: Vec<&str> = self.nodes.iter().map(String::as_str).collect();
        let Some(from) = scene.bounds_of(&nodes).map(|bounds| bounds.centre()) else {
            return reading_order(scene).into_iter().next();
        };
        let (ux, uy) = direction.unit();
        let cost = |node: &SceneNode| {
            let (x, y) = node.centre();
            let (dx, dy) = (x - from.0, y - from.1);
            let (ahead, aside) = (dx * ux + dy * uy, (dx * uy - dy * ux).abs());
            (ahead > 1.0 && aside <= 2.0 * ahead).then_some(ahead + 2.0 * aside)
        };
        let others = scene.nodes().iter().filter(|node| !self.nodes.contains(node.id()));
        let costs = others.filter_map(|node| Some((cost(node)?, node)));
        costs.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, node)| node.id().to_owned())
    }

    /// The node after the one that is selected, or before it, in reading order; none at the end, where the focus goes on.
    pub fn traversed(&self, scene: &Scene, backwards: bool) -> Option<String> {
        let mut order = reading_order(scene);
        if backwards {
            order.reverse();
        }
        match order.iter().rposition(|name| self.nodes.contains(name)) {
            None => order.into_iter().next(),
            Some(index) => order.into_iter().nth(index + 1),
        }
    }
}

fn toggle<T: Ord + Clone>(set: &mut BTreeSet<T>, item: &T) {
    if !set.remove(item) {
        set.insert(item.clone());
    }
}

/// Column by column from the left, each from above.
pub fn reading_order(scene: &Scene) -> Vec<String> {
    const COLUMN: f64 = 96.0;
    let mut nodes: Vec<(i64, f64, f64, &str)> = scene
        .nodes()
        .iter()
        .map(|node| {
            let (x, y) = node.centre();
            ((x / COLUMN).round() as i64, y, x, node.id())
        })
        .collect();
    nodes.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)).then(a.3.cmp(b.3)));
    nodes.into_iter().map(|(_, _, _, name)| name.to_owned()).collect()
}

/// The nodes in which a text occurs, the likeliest first: in the title, the name, the kind, and then in anything else that
/// is written in the node, such as message types.
pub fn find(document: &Document, text: &str) -> Vec<String> {
    let wanted = text.trim().to_lowercase();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(u8, String)> = Vec::new();
    // What starts a saga has no object of its own: its title says all.
    let parts: Vec<(String, Value)> = sagas::rows(document)
        .into_iter()
        .filter(|_| document.is_saga())
        .map(|row| {
            let pointer = Some(row.part.pointer()).filter(|pointer| !pointer.is_empty());
            (row.id, pointer.and_then(|pointer| document.value().pointer(&pointer).cloned()).unwrap_or_default())
        })
        .collect();
    let parts = parts.iter().map(|(id, value)| (id.as_str(), value));
    for (name, node) in document.nodes().chain(parts) {
        let title = document.title(name).to_lowercase();
        let rank = if title.starts_with(&wanted) || name.starts_with(&wanted) {
            0
        } else if title.contains(&wanted) || name.contains(&wanted) {
            1
        } else if document.kind_of(name).name().contains(&wanted) {
            2
        } else if mentions(node, &wanted) {
            3
        } else {
            continue;
        };
        found.push((rank, name.to_owned()));
    }
    found.sort();
    found.into_iter().map(|(_, name)| name).collect()
}

/// Whether a text occurs in a value; names of fields say nothing, names that somebody gave do.
fn mentions(value: &Value, wanted: &str) -> bool {
    const NAMED: [&str; 4] = ["on", "outcomes", "branches", "set"];
    match value {
        Value::String(text) => text.to_lowercase().contains(wanted),
        Value::Array(items) => items.iter().any(|item| mentions(item, wanted)),
        Value::Object(map) => map.iter().any(|(field, it)| {
            let names = it.as_object().filter(|_| NAMED.contains(&field.as_str()));
            let is_named = names.into_iter().flatten().any(|(name, _)| name.to_lowercase().contains(wanted));
            is_named || mentions(it, wanted)
        }),
        _ => false,
    }
}
