//! What comes in: pointers, wheels and frames.

use crate::designer::{
    Kind,
    geometry::{Point, distance},
    keys::Modifiers,
};

/// How far a pointer moves before a press becomes a drag, in pixels.
const THRESHOLD_PX: f64 = 4.0;
const THRESHOLD_TOUCH_PX: f64 = 8.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerKind {
    Mouse,
    Touch,
    Pen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    Left,
    Middle,
    Right,
}

/// A pointer at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pointer {
    /// As the browser numbers it; fingers have different ones.
    pub id: i32,
    pub kind: PointerKind,
    /// The button that went down or up; of no meaning in a move.
    pub button: Button,
    pub modifiers: Modifiers,
    /// On the screen, relative to the canvas.
    pub at: Point,
    /// How many times it was clicked in quick succession: 2 is a double click. Only looked at when it goes up.
    pub clicks: u8,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Down(Pointer),
    Move(Pointer),
    Up(Pointer),
    /// The browser took the pointer away.
    Cancel(i32),
    /// In pixels; `at` is on the screen.
    Wheel {
        at: Point,
        dx: f64,
        dy: f64,
        modifiers: Modifiers,
    },
    /// A pointer went down on a kind in the palette.
    PickUp {
        kind: Kind,
        pointer: Pointer,
    },
    /// A frame passed while something is dragged: near the border it pans.
    Frame,
    Escape,
}

/// The pointer that a gesture belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hand {
    pub id: i32,
    pub kind: PointerKind,
    /// Where it went down and where it is, on the screen.
    pub down: Point,
    pub at: Point,
    pub modifiers: Modifiers,
}

impl Hand {
    pub(super) fn of(pointer: &Pointer) -> Self {
        let Pointer { id, kind, at, modifiers, .. } = *pointer;
        Self { id, kind, down: at, at, modifiers }
    }

    pub(super) fn has_left(&self) -> bool {
        let threshold = if self.kind == PointerKind::Touch { THRESHOLD_TOUCH_PX } else { THRESHOLD_PX };
        distance(self.down, self.at) > threshold
    }
}
