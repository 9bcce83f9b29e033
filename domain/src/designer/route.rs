//! The way of an edge: in right angles, from the right border of a node to the left border of another, round everything
//! that is not meant.
//!
//! Simple forms are tried first (straight, one step, round above or below), the cheapest that crosses nothing wins;
//! when none does, [`search`] looks for a way through the gaps. The result depends on the ends and on the boxes within
//! [`Route::region`], and on nothing else, so an edge has to be routed again only when a box in there changed.

mod search;

use super::geometry::{Index, Point, Rect};

/// How far lines keep away from nodes, and how far they go straight out before they turn.
pub const CLEARANCE: f64 = 12.0;
pub const STUB: f64 = 16.0;
/// The same where nodes stand too close for that.
const TIGHT: (f64, f64) = (1.0, 6.0);
/// How far beyond its ends an edge may go, in the first attempt and in the second.
const REACH: [f64; 2] = [120.0, 600.0];

const EVERYWHERE: Rect = Rect { x: -1e7, y: -1e7, width: 2e7, height: 2e7 };

/// Where an edge begins and ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ends {
    /// On the right border of `source`.
    pub from: Point,
    /// On the left border of `target`.
    pub to: Point,
    pub source: Rect,
    pub target: Rect,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// From border to border, at least two, without points that turn nothing.
    pub points: Vec<Point>,
    /// The boxes that overlap it are those that the way depends on.
    pub region: Rect,
}

/// All boxes, those of source and target among them.
pub struct Boxes<'a> {
    pub all: &'a [Rect],
    pub index: &'a Index,
}

impl Boxes<'_> {
    fn within(&self, area: &Rect) -> Vec<Rect> {
        self.index.near(area).into_iter().map(|number| self.all[number]).filter(|rect| rect.overlaps(area)).collect()
    }
}

pub fn route(ends: &Ends, boxes: &Boxes<'_>) -> Route {
    let around = ends.source.union(&ends.target);
    let everything = boxes.all.iter().fold(around, |all, next| all.union(next)).grown(80.0);
    let areas = [around.grown(REACH[0]), around.grown(REACH[1]), everything];
    for (attempt, area) in areas.into_iter().enumerate() {
        let within = area.grown(STUB);
        let obstacles = boxes.within(&within);
        // How far everything reaches depends on every box.
        let region = if attempt + 1 < areas.len() { within } else { EVERYWHERE };
        for (clearance, stub) in [(CLEARANCE, STUB), TIGHT] {
            let space = Space { ends, area, obstacles: &obstacles, clearance, stub };
            if let Some(points) = space.find() {
                return Route { points: simplified(points), region };
            }
        }
    }
    // Boxes lie on top of each other, or the way out is walled up.
    Route { points: simplified(through(ends)), region: EVERYWHERE }
}

/// What a way is looked for in.
struct Space<'a> {
    ends: &'a Ends,
    area: Rect,
    obstacles: &'a [Rect],
    clearance: f64,
    stub: f64,
}

impl Space<'_> {
    fn find(&self) -> Option<Vec<Point>> {
        let Ends { from, to, source, target } = *self.ends;
        if (from.1 - to.1).abs() < 0.5 && from.0 <= to.0 && self.misses_others(from, to, &[source, target]) {
            return Some(vec![from, (to.0, from.1)]);
        }
        let (out, into) = ((from.0 + self.stub, from.1), (to.0 - self.stub, to.1));
        if !self.misses_others(from, out, &[source]) || !self.misses_others(into, to, &[target]) {
            return None;
        }
        let middle = self.step(out, into).or_else(|| self.detour(out, into));
        let middle = middle.or_else(|| search::shortest(self, out, into))?;
        Some([vec![from], middle, vec![to]].concat())
    }

    /// Across, up or down, across.
    fn step(&self, out: Point, into: Point) -> Option<Vec<Point>> {
        if out.0 > into.0 {
            return None;
        }
        let mid = (out.0 + into.0) / 2.0;
        let beside = self.obstacles.iter().flat_map(|it| [it.x - self.stub, it.right() + self.stub]);
        let mut xs: Vec<f64> = [mid, out.0, into.0].into_iter().chain(beside).collect();
        xs.retain(|x| (out.0..=into.0).contains(x));
        nearest_first(&mut xs, |x| (x - mid).abs());
        xs.into_iter().map(|x| vec![out, (x, out.1), (x, into.1), into]).find(|points| self.is_free(points))
    }

    /// Up or down, across, and back.
    fn detour(&self, out: Point, into: Point) -> Option<Vec<Point>> {
        let beside = self.obstacles.iter().flat_map(|it| [it.y - self.stub, it.bottom() + self.stub]);
        let Ends { source, target, .. } = self.ends;
        let between = [(source.bottom() + target.y) / 2.0, (target.bottom() + source.y) / 2.0];
        let mut ys: Vec<f64> = between.into_iter().chain(beside).collect();
        ys.retain(|y| (self.area.y..=self.area.bottom()).contains(y));
        nearest_first(&mut ys, |y| (y - out.1).abs() + (y - into.1).abs());
        ys.into_iter().map(|y| vec![out, (out.0, y), (into.0, y), into]).find(|points| self.is_free(points))
    }

    fn is_free(&self, points: &[Point]) -> bool {
        let crosses = |a: Point, b: Point| self.obstacles.iter().any(|it| it.grown(self.clearance).is_crossed_by(a, b));
        points.windows(2).all(|pair| !crosses(pair[0], pair[1]))
    }

    /// Next to a border one may be nearer than elsewhere, but not on top of another node.
    fn misses_others(&self, a: Point, b: Point, own: &[Rect]) -> bool {
        self.obstacles.iter().all(|it| own.contains(it) || !it.grown(self.clearance.min(4.0)).is_crossed_by(a, b))
    }
}

/// Sorted by cost; what costs the same by itself, so that the order never depends on that of the boxes.
fn nearest_first(numbers: &mut Vec<f64>, cost: impl Fn(f64) -> f64) {
    numbers.sort_by(|a, b| cost(*a).total_cmp(&cost(*b)).then(a.total_cmp(b)));
    numbers.dedup();
}

/// Whatever is in between.
fn through(ends: &Ends) -> Vec<Point> {
    let Ends { from, to, source, target } = *ends;
    if from.0 + 2.0 * TIGHT.1 <= to.0 {
        let mid = (from.0 + to.0) / 2.0;
        return vec![from, (mid, from.1), (mid, to.1), to];
    }
    let (right, left) = (source.right().max(from.0) + STUB, target.x.min(to.0) - STUB);
    let below = source.bottom().max(target.bottom()) + STUB;
    vec![from, (right, from.1), (right, below), (left, below), (left, to.1), to]
}

/// Without points that turn nothing.
fn simplified(points: Vec<Point>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if kept.last().is_some_and(|last| is_same(last.0, point.0) && is_same(last.1, point.1)) {
            continue;
        }
        if let [.., a, b] = kept[..]
            && ((is_same(a.0, b.0) && is_same(b.0, point.0)) || (is_same(a.1, b.1) && is_same(b.1, point.1)))
        {
            kept.pop();
        }
        kept.push(point);
    }
    if let [only] = kept[..] {
        kept.push(only);
    }
    kept
}

fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.01
}
