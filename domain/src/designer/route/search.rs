//! The shortest way with few turns through the gaps between boxes: A* on the lines that run along their sides, after
//! Wybrow, Marriott and Stuckey, "Orthogonal connector routing" (2009), without what they do for bundles.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Point, Space};

/// What a turn costs, in pixels of detour.
const TURN: f64 = 40.0;
/// Larger grids are not searched: there is always a simple form in what is that large.
const GRID_MAX: usize = 250_000;
/// Steps that each of the four directions takes, in the order right, down, left, up.
const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];
const RIGHT: usize = 0;
const LEFT: usize = 2;

/// From `out`, leaving it to the right, to `into`, not arriving from the right.
pub(super) fn shortest(space: &Space<'_>, out: Point, into: Point) -> Option<Vec<Point>> {
    let grid = Grid::of(space, out, into)?;
    let (start, goal) = (grid.at(out)?, grid.at(into)?);
    let mut best: Vec<u64> = vec![u64::MAX; grid.len() * 4];
    let mut came_from: Vec<usize> = vec![usize::MAX; grid.len() * 4];
    let mut open = BinaryHeap::new();
    let first = start * 4 + RIGHT;
    best[first] = 0;
    open.push(Reverse((grid.estimate(start, goal), first)));
    while let Some(Reverse((_, state))) = open.pop() {
        let (vertex, heading) = (state / 4, state % 4);
        if vertex == goal && heading != LEFT {
            return Some(grid.walk(&came_from, state));
        }
        for direction in (0..4).filter(|direction| (direction + 2) % 4 != heading) {
            let Some((next, length)) = grid.step(vertex, direction) else { continue };
            let arrives_askew = next == goal && direction != RIGHT;
            let turns = f64::from(u8::from(direction != heading) + u8::from(arrives_askew));
            let cost = best[state] + scaled(length + turns * TURN);
            let next_state = next * 4 + direction;
            if cost < best[next_state] {
                best[next_state] = cost;
                came_from[next_state] = state;
                open.push(Reverse((cost + grid.estimate(next, goal), next_state)));
            }
        }
    }
    None
}

/// Whole numbers compare exactly, everywhere alike.
fn scaled(length: f64) -> u64 {
    (length * 8.0).round() as u64
}

struct Grid {
    xs: Vec<f64>,
    ys: Vec<f64>,
    /// Whether the line from a vertex to its neighbour on the right, or below, is blocked.
    blocked_right: Vec<bool>,
    blocked_down: Vec<bool>,
}

impl Grid {
    fn of(space: &Space<'_>, out: Point, into: Point) -> Option<Self> {
        let area = space.area;
        let lines = |low: f64, high: f64, own: [f64; 2], sides: Vec<[f64; 2]>| {
            let mut lines: Vec<f64> = sides.into_iter().flatten().filter(|at| (low..=high).contains(at)).collect();
            lines.extend(own);
            lines.sort_by(f64::total_cmp);
            lines.dedup();
            lines
        };
        let beside = |at: f64, length: f64| [at - space.stub, at + length + space.stub];
        let sides_x = space.obstacles.iter().map(|it| beside(it.x, it.width)).collect();
        let sides_y = space.obstacles.iter().map(|it| beside(it.y, it.height)).collect();
        let xs = lines(area.x, area.right(), [out.0, into.0], sides_x);
        let ys = lines(area.y, area.bottom(), [out.1, into.1], sides_y);
        let size = xs.len() * ys.len();
        if size > GRID_MAX {
            return None;
        }
        let mut grid = Self { xs, ys, blocked_right: vec![false; size], blocked_down: vec![false; size] };
        let width = grid.xs.len();
        for obstacle in space.obstacles {
            let wall = obstacle.grown(space.clearance);
            let columns = strictly_between(&grid.xs, wall.x, wall.right());
            let rows = strictly_between(&grid.ys, wall.y, wall.bottom());
            // The line that leads into the wall from its left, or from above, is blocked too.
            for row in rows.clone() {
                for column in columns.start.saturating_sub(1)..columns.end {
                    grid.blocked_right[row * width + column] = true;
                }
            }
            for column in columns {
                for row in rows.start.saturating_sub(1)..rows.end {
                    grid.blocked_down[row * width + column] = true;
                }
            }
        }
        Some(grid)
    }

    fn len(&self) -> usize {
        self.xs.len() * self.ys.len()
    }

    fn at(&self, (x, y): Point) -> Option<usize> {
        let column = self.xs.binary_search_by(|line| line.total_cmp(&x)).ok()?;
        let row = self.ys.binary_search_by(|line| line.total_cmp(&y)).ok()?;
        Some(row * self.xs.len() + column)
    }

    fn point(&self, vertex: usize) -> Point {
        (self.xs[vertex % self.xs.len()], self.ys[vertex / self.xs.len()])
    }

    fn estimate(&self, vertex: usize, goal: usize) -> u64 {
        let ((x, y), (goal_x, goal_y)) = (self.point(vertex), self.point(goal));
        scaled((x - goal_x).abs() + (y - goal_y).abs()).saturating_sub(2)
    }

    /// The neighbour in that direction and how far it is, unless something is in between.
    fn step(&self, vertex: usize, direction: usize) -> Option<(usize, f64)> {
        let (width, height) = (self.xs.len(), self.ys.len());
        let (column, row) = (vertex % width, vertex / width);
        let (dx, dy) = STEPS[direction];
        let (next_column, next_row) = (column.checked_add_signed(dx)?, row.checked_add_signed(dy)?);
        if next_column >= width || next_row >= height {
            return None;
        }
        let next = next_row * width + next_column;
        let blocked = if dx == 0 { &self.blocked_down } else { &self.blocked_right };
        if blocked[vertex.min(next)] {
            return None;
        }
        let length = (self.xs[next_column] - self.xs[column]).abs() + (self.ys[next_row] - self.ys[row]).abs();
        Some((next, length))
    }

    fn walk(&self, came_from: &[usize], mut state: usize) -> Vec<Point> {
        let mut points = vec![self.point(state / 4)];
        while came_from[state] != usize::MAX {
            state = came_from[state];
            points.push(self.point(state / 4));
        }
        points.reverse();
        points
    }
}

fn strictly_between(lines: &[f64], low: f64, high: f64) -> std::ops::Range<usize> {
    let start = lines.partition_point(|line| *line <= low);
    start..lines.partition_point(|line| *line < high).max(start)
}
