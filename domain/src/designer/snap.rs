//! Small corrections while something is dragged: in line with what is around, else on a grid.

use super::geometry::{Point, Rect};

/// How near a line one has to come, in pixels of the screen.
pub const REACH_PX: f64 = 6.0;
pub const GRID: f64 = 4.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// A line from above to below.
    Upright,
    Level,
}

/// A line that shows what something is in line with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guide {
    pub axis: Axis,
    /// Its x if it is upright, else its y.
    pub at: f64,
    pub from: f64,
    pub to: f64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapped {
    /// How far to move instead.
    pub dx: f64,
    pub dy: f64,
    pub guides: Vec<Guide>,
}

/// Corrects a move by `delta` of what is in `moving`. `anchor` is the centre of the node that is held, which goes on the
/// grid where there is nothing to be in line with.
pub fn snap(moving: Rect, anchor: Point, delta: Point, others: &[Rect], reach: f64) -> Snapped {
    let there = moving.moved(delta.0, delta.1);
    let grid = |at: f64, by: f64| ((at + by) / GRID).round() * GRID - at;
    let across = nearest(&there, others, reach, |it| [it.x, it.x + it.width / 2.0, it.right()]);
    let along = nearest(&there, others, reach, |it| [it.y, it.y + it.height / 2.0, it.bottom()]);
    let dx = across.map_or_else(|| grid(anchor.0, delta.0), |(by, _)| delta.0 + by);
    let dy = along.map_or_else(|| grid(anchor.1, delta.1), |(by, _)| delta.1 + by);
    let now = moving.moved(dx, dy);
    let mut guides = Vec::new();
    if let Some((_, at)) = across {
        let lines = |it: &Rect| [it.x, it.x + it.width / 2.0, it.right()];
        let reached = span(&now, others.iter().filter(|it| is_on(&lines(it), at)), |it| (it.y, it.bottom()));
        guides.push(Guide { axis: Axis::Upright, at, from: reached.0, to: reached.1 });
    }
    if let Some((_, at)) = along {
        let lines = |it: &Rect| [it.y, it.y + it.height / 2.0, it.bottom()];
        let reached = span(&now, others.iter().filter(|it| is_on(&lines(it), at)), |it| (it.x, it.right()));
        guides.push(Guide { axis: Axis::Level, at, from: reached.0, to: reached.1 });
    }
    Snapped { dx, dy, guides }
}

/// By how much to move so that two lines meet, and where: centres with centres, borders with borders.
fn nearest(there: &Rect, others: &[Rect], reach: f64, lines: impl Fn(&Rect) -> [f64; 3]) -> Option<(f64, f64)> {
    let own = lines(there);
    let mut best: Option<(f64, f64)> = None;
    for other in others.iter().map(&lines) {
        for (mine, theirs) in [(1, 1), (0, 0), (2, 2), (0, 2), (2, 0)] {
            let by = other[theirs] - own[mine];
            if by.abs() <= reach && best.is_none_or(|(known, _)| by.abs() < known.abs()) {
                best = Some((by, other[theirs]));
            }
        }
    }
    best
}

fn is_on(lines: &[f64; 3], at: f64) -> bool {
    lines.iter().any(|line| (line - at).abs() < 0.01)
}

fn span<'a>(now: &Rect, others: impl Iterator<Item = &'a Rect>, ends: impl Fn(&Rect) -> Point) -> Point {
    others.map(&ends).fold(ends(now), |all, next| (all.0.min(next.0), all.1.max(next.1)))
}
