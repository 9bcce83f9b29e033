//! Points and boxes, and finding boxes quickly.
//!
//! Coordinates are pixels, y grows downwards. Whether a point is one of the screen or one of the diagram says the name
//! of what holds it; [`super::viewport::Viewport`] alone turns one into the other.

use std::collections::BTreeMap;

/// x and y.
pub type Point = (f64, f64);

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn around(centre: Point, width: f64, height: f64) -> Self {
        Self { x: centre.0 - width / 2.0, y: centre.1 - height / 2.0, width, height }
    }

    /// The box with these two corners, whichever they are.
    pub fn spanning(a: Point, b: Point) -> Self {
        Self { x: a.0.min(b.0), y: a.1.min(b.1), width: (a.0 - b.0).abs(), height: (a.1 - b.1).abs() }
    }

    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub fn centre(&self) -> Point {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// The border belongs to it.
    pub fn contains(&self, (x, y): Point) -> bool {
        (self.x..=self.right()).contains(&x) && (self.y..=self.bottom()).contains(&y)
    }

    /// Whether they have more than their borders in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }

    /// Whether `other` lies in it wholly.
    pub fn encloses(&self, other: &Self) -> bool {
        self.contains((other.x, other.y)) && self.contains((other.right(), other.bottom()))
    }

    /// Larger by this on each side.
    pub fn grown(&self, by: f64) -> Self {
        Self { x: self.x - by, y: self.y - by, width: self.width + 2.0 * by, height: self.height + 2.0 * by }
    }

    pub fn moved(&self, dx: f64, dy: f64) -> Self {
        Self { x: self.x + dx, y: self.y + dy, ..*self }
    }

    /// The smallest box that has both in it.
    pub fn union(&self, other: &Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let (right, bottom) = (self.right().max(other.right()), self.bottom().max(other.bottom()));
        Self { x, y, width: right - x, height: bottom - y }
    }

    /// The smallest box that has all of them in it.
    pub fn all(boxes: impl IntoIterator<Item = Rect>) -> Option<Self> {
        boxes.into_iter().reduce(|all, next| all.union(&next))
    }

    /// Whether a line that runs along an axis has more than a point of the border in common with it.
    pub fn is_crossed_by(&self, a: Point, b: Point) -> bool {
        let line = Self::spanning(a, b);
        line.x < self.right() && line.right() > self.x && line.y < self.bottom() && line.bottom() > self.y
    }
}

pub fn distance(a: Point, b: Point) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// How far `point` is from the line between `a` and `b`.
pub fn distance_to_line(point: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length_squared = dx * dx + dy * dy;
    if length_squared == 0.0 {
        return distance(point, a);
    }
    let along = (((point.0 - a.0) * dx + (point.1 - a.1) * dy) / length_squared).clamp(0.0, 1.0);
    distance(point, (a.0 + along * dx, a.1 + along * dy))
}

/// Boxes by the cells of a coarse grid that they touch, so that asking for those near a place looks at few.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    cells: BTreeMap<(i64, i64), Vec<usize>>,
}

/// A bit larger than a node with what is around it.
const CELL: f64 = 256.0;

impl Index {
    pub fn of(boxes: impl IntoIterator<Item = Rect>) -> Self {
        let mut index = Self::default();
        for (number, rect) in boxes.into_iter().enumerate() {
            index.insert(number, &rect);
        }
        index
    }

    pub fn insert(&mut self, number: usize, rect: &Rect) {
        let (left, top, right, bottom) = cells(rect);
        for x in left..=right {
            for y in top..=bottom {
                self.cells.entry((x, y)).or_default().push(number);
            }
        }
    }

    /// Whether any box that may overlap `area` is meant by `is_it`. Some are asked about more than once.
    pub fn any_near(&self, area: &Rect, mut is_it: impl FnMut(usize) -> bool) -> bool {
        let (left, top, right, bottom) = cells(area);
        if (right - left + 1).saturating_mul(bottom - top + 1) > self.cells.len() as i64 {
            return self.cells.values().flatten().any(|number| is_it(*number));
        }
        let mut cells = (left..=right).flat_map(|x| (top..=bottom).map(move |y| (x, y)));
        cells.any(|cell| self.cells.get(&cell).is_some_and(|numbers| numbers.iter().any(|number| is_it(*number))))
    }

    /// The numbers of the boxes that may overlap `area`, ascending: all that do, and a few around.
    pub fn near(&self, area: &Rect) -> Vec<usize> {
        let (left, top, right, bottom) = cells(area);
        let asked = (right - left + 1).saturating_mul(bottom - top + 1);
        let mut numbers: Vec<usize> = if asked > self.cells.len() as i64 {
            let inside = |(x, y): &(i64, i64)| (left..=right).contains(x) && (top..=bottom).contains(y);
            self.cells.iter().filter(|(cell, _)| inside(cell)).flat_map(|(_, numbers)| numbers).copied().collect()
        } else {
            let cells = (left..=right).flat_map(|x| (top..=bottom).map(move |y| (x, y)));
            cells.filter_map(|cell| self.cells.get(&cell)).flatten().copied().collect()
        };
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

fn cells(rect: &Rect) -> (i64, i64, i64, i64) {
    let cell = |at: f64| (at / CELL).floor() as i64;
    (cell(rect.x), cell(rect.y), cell(rect.right()), cell(rect.bottom()))
}
