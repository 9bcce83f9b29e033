//! The canvas of the designer: it turns what the browser says into inputs, hands them to the rules in
//! [`baton_domain::designer`], and draws what comes back. It decides nothing.
//!
//! [`Studio`] is the state, made once for a page; [`stage`] draws it, [`input`] reads the browser's events, [`palette`],
//! [`menu`], [`settings`] with [`ways`] and [`actions`], and [`outline`] are the other ways to the same edits. The document may be a saga:
//! then [`saga`] has the settings, and [`steps`] the table that stands for the outline.

mod actions;
mod bar;
mod button;
mod expression;
mod form;
mod held;
mod input;
mod menu;
mod minimap;
mod outline;
mod palette;
mod saga;
mod sample;
mod seen;
mod settings;
mod stage;
mod steps;
mod studio;
mod watch;
mod ways;

use baton_domain::{
    designer::{Point, PortRef},
    diagnostic::Diagnostic,
};
use leptos::prelude::*;

pub use self::{held::Held, studio::Studio};
use crate::erased::Erase;

/// The element that has the keyboard.
pub const STAGE: &str = "stage";

/// Everything around a canvas, and the canvas. `findings` are marked on their nodes.
pub fn canvas_view(studio: Studio, name: String, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let is_saga = studio.is_saga();
    input::follow_clipboard(studio);
    let list = if is_saga { steps::outline(studio, findings) } else { outline::outline(studio, findings) };
    view! {
        <section class="studio" aria-label="Designer">
            {bar::bar(studio)}
            <div class="bench">
                {palette::palette(studio)}
                {stage::stage(studio, name, findings)}
                {settings::panel(studio, findings)}
            </div>
            {list}
            <p class="visually-hidden" role="status" aria-live="polite">{move || studio.said.get()}</p>
            {bar::help(is_saga)}
        </section>
    }
    .erased()
}

/// A coordinate to a tenth of a pixel.
fn number(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

fn translate((x, y): Point) -> String {
    format!("translate({} {})", number(x), number(y))
}

/// What names an edge among nodes and edges.
fn edge_key(edge: &PortRef) -> String {
    format!("{}\n{}", edge.node, edge.port)
}

fn edge_of(key: &str) -> Option<PortRef> {
    key.split_once('\n').map(|(node, port)| PortRef::new(node, port))
}

/// The findings about what is drawn under that name: those whose pointer leads into it.
fn about<'a>(studio: Studio, findings: &'a [Diagnostic], node: &'a str) -> impl Iterator<Item = &'a Diagnostic> {
    findings.iter().filter(move |finding| studio.drawn_at(&finding.pointer).as_deref() == Some(node))
}
