//! What of the diagram is seen.

use std::time::Duration;

use baton_domain::designer::{Point, PortRef, Viewport};
use leptos::prelude::*;

use super::Studio;

/// Smaller than this, titles cannot be read.
const READABLE_ZOOM: f64 = 0.7;

/// After this long without a movement, one has come to rest.
const MOVING_FOR: Duration = Duration::from_millis(180);

impl Studio {
    /// What one sees first: all of it, or as much as can be read, from where it begins.
    pub(super) fn fit(self) {
        let Some(bounds) = self.scene.with_untracked(|scene| scene.bounds()) else { return };
        self.view.update(|view| {
            let fitted = view.fitted(Some(bounds));
            if fitted.zoom >= READABLE_ZOOM {
                *view = fitted;
                return;
            }
            let near = fitted.zoomed_at((0.0, 0.0), READABLE_ZOOM / fitted.zoom);
            let start = self.scene.with_untracked(|scene| {
                scene.nodes().iter().map(|node| node.rect()).min_by(|a, b| a.x.total_cmp(&b.x)).unwrap_or(bounds)
            });
            let x = bounds.x - 24.0 / near.zoom;
            *view = Viewport { x, ..near.centred(start.centre()) };
        });
    }

    /// The canvas is that large on the screen. The first time everything is fitted into it.
    pub fn measured(self, width: f64, height: f64) {
        if width < 1.0 || height < 1.0 {
            return;
        }
        self.view.update(|view| *view = view.resized(width, height));
        if !self.is_measured.get_value() {
            self.is_measured.set_value(true);
            self.fit();
        }
    }

    pub(super) fn reveal(self, node: &str) {
        let rect = self.editor.with_untracked(|editor| editor.scene().node(node).map(|node| node.rect()));
        if let Some(rect) = rect {
            self.view.update(|view| *view = view.revealing(&rect));
        }
    }

    pub(super) fn look_at(self, view: Viewport) {
        self.view.set(view);
        self.is_moving.set(true);
        let movement = self.movements.get_value() + 1;
        self.movements.set_value(movement);
        let rest = move || {
            if self.movements.try_get_value() == Some(movement) {
                self.is_moving.set(false);
            }
        };
        set_timeout(rest, MOVING_FOR);
    }

    /// What an edge is called.
    pub fn edge_name(self, edge: &PortRef) -> String {
        self.editor.with_untracked(|editor| {
            let document = editor.document();
            let to = document.target(edge).map_or_else(|| "nowhere".to_owned(), |to| document.title(&to));
            match edge.port.as_str() {
                "" | "next" => format!("From {} to {to}", document.title(&edge.node)),
                port => format!("From {}, {port}, to {to}", document.title(&edge.node)),
            }
        })
    }

    /// Where something of the diagram is on the stage.
    pub fn on_stage(self, at: Point) -> Point {
        self.view.with(|view| view.to_screen(at))
    }
}
