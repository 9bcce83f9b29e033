//! A place for every node, be it one that nobody saved: for drafts that the automatic layout has not seen, or cannot
//! read. Plain and predictable; the layout proper makes it nice when somebody asks for it.

use std::collections::{BTreeMap, VecDeque};

use super::{document::Document, geometry::Point};
use crate::diagram::{Diagram, DiagramNode};

/// Room for a node and for the label of an edge.
const COLUMN: f64 = 280.0;
const ROW: f64 = 96.0;
const ORIGIN: Point = (120.0, 120.0);

/// The centres of the nodes of a diagram that was laid out, for [`Document::place_missing`].
pub fn centres(diagram: &Diagram) -> BTreeMap<String, Point> {
    let centre = |node: &DiagramNode| (node.x + node.width / 2.0, node.y + node.height / 2.0);
    diagram.nodes.iter().map(|node| (node.id.clone(), centre(node))).collect()
}

/// Saved positions, and for the other nodes columns by how far they are from the start, below everything that is saved.
pub fn of(document: &Document) -> BTreeMap<String, Point> {
    let mut places: BTreeMap<String, Point> =
        document.names().filter_map(|name| Some((name.to_owned(), document.position(name)?))).collect();
    if places.len() == document.len() {
        return places;
    }
    let left = places.values().map(|at| at.0).reduce(f64::min).unwrap_or(ORIGIN.0);
    let top = places.values().map(|at| at.1).reduce(f64::max).map_or(ORIGIN.1, |bottom| bottom + 1.5 * ROW);
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    for (name, depth) in depths(document) {
        if places.contains_key(&name) {
            continue;
        }
        let row = rows.entry(depth).or_default();
        places.insert(name, (left + depth as f64 * COLUMN, top + *row as f64 * ROW));
        *row += 1;
    }
    places
}

/// How many edges each node is from the start, in the order in which they are reached; then those that are not.
fn depths(document: &Document) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut queue: VecDeque<(String, usize)> = VecDeque::new();
    for root in document.start().into_iter().chain(document.names()) {
        queue.push_back((root.to_owned(), 0));
        while let Some((name, depth)) = queue.pop_front() {
            if known.contains_key(&name) || !document.contains(&name) {
                continue;
            }
            for port in document.ports(&name) {
                queue.extend(port.target.map(|target| (target, depth + 1)));
            }
            known.insert(name.clone(), depth);
            found.push((name, depth));
        }
    }
    found
}
