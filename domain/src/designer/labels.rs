//! Where the label of an edge stands: in the middle of its way, not on a node, not on another label.

use super::geometry::{Index, Point, Rect, distance};

const CHAR_WIDTH: f64 = 6.6;
const HEIGHT: f64 = 18.0;
const PADDING: f64 = 12.0;

pub fn size(label: &str) -> (f64, f64) {
    (label.chars().count() as f64 * CHAR_WIDTH + PADDING, HEIGHT)
}

/// Places labels one after the other; later ones make way.
pub struct Labels<'a> {
    nodes: &'a [Rect],
    node_index: &'a Index,
    placed: Vec<Rect>,
    placed_index: Index,
}

impl<'a> Labels<'a> {
    pub fn beside(nodes: &'a [Rect], node_index: &'a Index) -> Self {
        Self { nodes, node_index, placed: Vec::new(), placed_index: Index::default() }
    }

    /// Where the middle of the label stands; none for an edge without one.
    pub fn place(&mut self, label: &str, points: &[Point]) -> Option<Point> {
        if label.is_empty() || points.len() < 2 {
            return None;
        }
        let (width, height) = size(label);
        let candidates = candidates(points);
        let clear = |at: &&Point| self.is_clear(&Rect::around(**at, width, height));
        let off_nodes = |at: &&Point| !self.hits_node(&Rect::around(**at, width, height));
        let centre_off_nodes = |at: &&Point| !self.hits_node(&Rect::around(**at, 1.0, 1.0));
        let at = *candidates
            .iter()
            .find(clear)
            .or_else(|| candidates.iter().find(off_nodes))
            .or_else(|| candidates.iter().find(centre_off_nodes))
            .or_else(|| candidates.first())?;
        let rect = Rect::around(at, width, height);
        self.placed_index.insert(self.placed.len(), &rect);
        self.placed.push(rect);
        Some(at)
    }

    fn hits_node(&self, rect: &Rect) -> bool {
        self.node_index.any_near(rect, |number| self.nodes[number].overlaps(rect))
    }

    fn is_clear(&self, rect: &Rect) -> bool {
        let hits_label = || self.placed_index.any_near(rect, |number| self.placed[number].overlaps(rect));
        !self.hits_node(rect) && !hits_label()
    }
}

/// Places on the edge, best first: the middle, then the middles of its lines, the longest first, then the rest.
fn candidates(points: &[Point]) -> Vec<Point> {
    let length: f64 = points.windows(2).map(|pair| distance(pair[0], pair[1])).sum();
    let mut lines: Vec<(Point, Point)> = points.windows(2).map(|pair| (pair[0], pair[1])).collect();
    lines.sort_by(|a, b| distance(b.0, b.1).total_cmp(&distance(a.0, a.1)));
    let middles = lines.iter().map(|(a, b)| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0));
    let along = [0.35, 0.65, 0.2, 0.8, 0.1, 0.9].map(|part| point_at(points, length * part));
    [point_at(points, length / 2.0)].into_iter().chain(middles).chain(along).collect()
}

fn point_at(points: &[Point], mut length: f64) -> Point {
    for pair in points.windows(2) {
        let line = distance(pair[0], pair[1]);
        if length <= line && line > 0.0 {
            let part = length / line;
            return (pair[0].0 + (pair[1].0 - pair[0].0) * part, pair[0].1 + (pair[1].1 - pair[0].1) * part);
        }
        length -= line;
    }
    points.last().copied().unwrap_or_default()
}
