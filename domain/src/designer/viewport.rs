//! What part of the diagram the screen shows, and how large.

use super::geometry::{Point, Rect};

pub const ZOOM_MIN: f64 = 0.1;
pub const ZOOM_MAX: f64 = 4.0;
/// One press of `+` or `-`.
const ZOOM_STEP: f64 = 1.25;
/// How much one unit of a wheel with Ctrl zooms; a pinch on a touchpad comes as many small ones.
const ZOOM_PER_WHEEL: f64 = 0.002;
/// Around everything that is made to fit.
const FIT_MARGIN_PX: f64 = 48.0;
/// Things are never made larger than they are only to fill the screen.
const FIT_ZOOM_MAX: f64 = 1.0;
/// One Ctrl+arrow.
pub const PAN_STEP_PX: f64 = 80.0;
/// Dragging nearer to the border than this pans, faster the nearer, up to so much per frame.
const BORDER_PX: f64 = 36.0;
const BORDER_PAN_PX: f64 = 14.0;

/// The place of the screen's upper left corner in the diagram, and how many pixels of the screen one of the diagram is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    pub x: f64,
    pub y: f64,
    pub zoom: f64,
    /// Of the canvas on the screen, in pixels.
    pub width: f64,
    pub height: f64,
}

impl Default for Viewport {
    fn default() -> Self {
        Self { x: 0.0, y: 0.0, zoom: 1.0, width: 1_000.0, height: 600.0 }
    }
}

impl Viewport {
    /// From the screen (relative to the canvas) to the diagram.
    pub fn to_diagram(&self, screen: Point) -> Point {
        (self.x + screen.0 / self.zoom, self.y + screen.1 / self.zoom)
    }

    pub fn to_screen(&self, diagram: Point) -> Point {
        ((diagram.0 - self.x) * self.zoom, (diagram.1 - self.y) * self.zoom)
    }

    /// The part of the diagram that one sees.
    pub fn visible(&self) -> Rect {
        Rect { x: self.x, y: self.y, width: self.width / self.zoom, height: self.height / self.zoom }
    }

    /// The middle of what one sees.
    pub fn centre(&self) -> Point {
        self.visible().centre()
    }

    /// The canvas has another size; what is in the upper left corner stays there.
    #[must_use]
    pub fn resized(self, width: f64, height: f64) -> Self {
        Self { width: width.max(1.0), height: height.max(1.0), ..self }
    }

    /// The paper is pushed by so many pixels of the screen.
    #[must_use]
    pub fn panned(self, dx_px: f64, dy_px: f64) -> Self {
        Self { x: self.x - dx_px / self.zoom, y: self.y - dy_px / self.zoom, ..self }
    }

    /// Another zoom, by a factor; what is at `pointer` (on the screen) stays there.
    #[must_use]
    pub fn zoomed_at(self, pointer: Point, factor: f64) -> Self {
        let zoom = (self.zoom * factor).clamp(ZOOM_MIN, ZOOM_MAX);
        if !zoom.is_finite() {
            return self;
        }
        let (x, y) = self.to_diagram(pointer);
        Self { x: x - pointer.0 / zoom, y: y - pointer.1 / zoom, zoom, ..self }
    }

    #[must_use]
    pub fn zoomed_by_wheel(self, pointer: Point, delta: f64) -> Self {
        self.zoomed_at(pointer, (-delta * ZOOM_PER_WHEEL).clamp(-0.5, 0.5).exp())
    }

    #[must_use]
    pub fn zoomed_in(self) -> Self {
        self.zoomed_at(self.middle_px(), ZOOM_STEP)
    }

    #[must_use]
    pub fn zoomed_out(self) -> Self {
        self.zoomed_at(self.middle_px(), 1.0 / ZOOM_STEP)
    }

    /// 100 %, around the middle.
    #[must_use]
    pub fn actual_size(self) -> Self {
        self.zoomed_at(self.middle_px(), 1.0 / self.zoom)
    }

    /// All of it in the middle, as large as it can be, though no larger than it is.
    #[must_use]
    pub fn fitted(self, bounds: Option<Rect>) -> Self {
        let Some(bounds) = bounds else { return Self { x: 0.0, y: 0.0, zoom: 1.0, ..self } };
        let room = |screen: f64, size: f64| (screen - 2.0 * FIT_MARGIN_PX).max(1.0) / size.max(1.0);
        let zoom = room(self.width, bounds.width).min(room(self.height, bounds.height));
        Self { zoom: zoom.clamp(ZOOM_MIN, FIT_ZOOM_MAX), ..self }.centred(bounds.centre())
    }

    /// A place of the diagram in the middle of the screen.
    #[must_use]
    pub fn centred(self, (x, y): Point) -> Self {
        Self { x: x - self.width / self.zoom / 2.0, y: y - self.height / self.zoom / 2.0, ..self }
    }

    /// Moved only as far as it takes to see all of `area`.
    #[must_use]
    pub fn revealing(self, area: &Rect) -> Self {
        let (area, seen) = (area.grown(24.0 / self.zoom), self.visible());
        let shift = |low: f64, high: f64, seen_low: f64, seen_high: f64| {
            if low < seen_low || high - low > seen_high - seen_low {
                low - seen_low
            } else {
                (high - seen_high).max(0.0)
            }
        };
        let dx = shift(area.x, area.right(), seen.x, seen.right());
        let dy = shift(area.y, area.bottom(), seen.y, seen.bottom());
        Self { x: self.x + dx, y: self.y + dy, ..self }
    }

    /// While something is dragged near the border: how to pan in this frame, if at all.
    pub fn pan_near_border(&self, pointer: Point) -> Option<(f64, f64)> {
        let speed = |at: f64, size: f64| {
            let near = |distance: f64| ((BORDER_PX - distance) / BORDER_PX).clamp(0.0, 1.0) * BORDER_PAN_PX;
            near(at) - near(size - at)
        };
        let (dx, dy) = (speed(pointer.0, self.width), speed(pointer.1, self.height));
        (dx != 0.0 || dy != 0.0).then_some((dx, dy))
    }

    fn middle_px(&self) -> Point {
        (self.width / 2.0, self.height / 2.0)
    }
}

/// A small picture of the whole, and of what one sees of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Minimap {
    /// What it shows, in the diagram.
    pub shown: Rect,
    /// Pixels of the minimap to one of the diagram.
    pub scale: f64,
    pub width: f64,
    pub height: f64,
}

impl Minimap {
    /// One of that size in pixels, for everything there is and everything one sees.
    pub fn of(bounds: Option<Rect>, viewport: &Viewport, width: f64, height: f64) -> Self {
        let seen = viewport.visible();
        let shown = bounds.map_or(seen, |bounds| bounds.grown(24.0).union(&seen));
        let scale = (width / shown.width.max(1.0)).min(height / shown.height.max(1.0));
        Self { shown: Rect::around(shown.centre(), width / scale, height / scale), scale, width, height }
    }

    /// Pixels of the map for one of the diagram.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    pub fn to_map(&self, (x, y): Point) -> Point {
        ((x - self.shown.x) * self.scale, (y - self.shown.y) * self.scale)
    }

    pub fn rect_to_map(&self, rect: &Rect) -> Rect {
        let (x, y) = self.to_map((rect.x, rect.y));
        Rect { x, y, width: rect.width * self.scale, height: rect.height * self.scale }
    }

    /// The place of the diagram that was pointed at.
    pub fn to_diagram(&self, (x, y): Point) -> Point {
        (self.shown.x + x / self.scale, self.shown.y + y / self.scale)
    }
}
