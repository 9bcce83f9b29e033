//! Lines that would lie on top of each other are moved into lanes beside each other. Only the inner parts of edges move:
//! where an edge leaves and enters a node is its port's place.

use std::collections::BTreeMap;

use super::geometry::Point;

/// Two lanes are that far apart.
const LANE: f64 = 6.0;
/// Tried in this order; none leads out of the space that a route keeps free on both sides.
const OFFSETS: [f64; 5] = [0.0, LANE, 1.8 * LANE, -LANE, -1.8 * LANE];
/// Lines nearer than this look like one.
const APART: f64 = 4.0;
const BUCKET: f64 = 16.0;

/// What is taken on lines of one direction: where across, and from where to where along.
#[derive(Default)]
struct Taken(BTreeMap<i64, Vec<(f64, f64, f64)>>);

impl Taken {
    fn is_free(&self, across: f64, (low, high): (f64, f64)) -> bool {
        let bucket = |across: f64| (across / BUCKET).floor() as i64;
        let near = (bucket(across - APART)..=bucket(across + APART)).filter_map(|bucket| self.0.get(&bucket)).flatten();
        near.into_iter().all(|(at, from, to)| (at - across).abs() >= APART || *to <= low || *from >= high)
    }

    fn take(&mut self, across: f64, (low, high): (f64, f64)) {
        self.0.entry((across / BUCKET).floor() as i64).or_default().push((across, low, high));
    }
}

/// Moves the inner lines of `edges` apart; the first in [`turn_order`] stays where it is, the others go to the right of it
/// or below.
pub fn spread(edges: &mut [Vec<Point>]) {
    let (mut upright, mut level) = (Taken::default(), Taken::default());
    for number in turn_order(edges) {
        let points = &mut edges[number];
        for index in 1..points.len().saturating_sub(2) {
            let (a, b) = (points[index], points[index + 1]);
            let is_upright = (a.0 - b.0).abs() < 0.01;
            let (across, along) = if is_upright { (a.0, sorted(a.1, b.1)) } else { (a.1, sorted(a.0, b.0)) };
            let taken = if is_upright { &mut upright } else { &mut level };
            let free = OFFSETS.into_iter().find(|offset| taken.is_free(across + offset, along));
            let across = across + free.unwrap_or_default();
            taken.take(across, along);
            for point in &mut points[index..=index + 1] {
                if is_upright { point.0 = across } else { point.1 = across }
            }
        }
    }
}

/// Of edges that go down side by side the lowest turns first, of those that go up the highest: so they do not cross.
fn turn_order(edges: &[Vec<Point>]) -> Vec<usize> {
    let key = |points: &[Point]| match points {
        [first, second, third, ..] if third.1 < second.1 => first.1,
        [first, ..] => -first.1,
        [] => 0.0,
    };
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_by(|a, b| key(&edges[*a]).total_cmp(&key(&edges[*b])).then(a.cmp(b)));
    order
}

fn sorted(a: f64, b: f64) -> (f64, f64) {
    (a.min(b), a.max(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_on_one_line_get_lanes_of_their_own() {
        let step = |y: f64| vec![(0.0, y), (50.0, y), (50.0, y + 100.0), (100.0, y + 100.0)];
        let mut edges = vec![step(0.0), step(20.0), step(40.0), step(300.0)];
        spread(&mut edges);
        let xs: Vec<f64> = edges.iter().map(|points| points[1].0).collect();
        assert_eq!(xs, [60.8, 56.0, 50.0, 50.0], "the lowest turns first; the last one is far from the others");
        for points in &edges {
            assert!(points.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1));
        }
    }
}
