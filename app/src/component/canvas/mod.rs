//! The canvas of the designer: it turns what the browser says into inputs, hands them to the rules in
//! [`baton_domain::designer`], and draws what comes back. It decides nothing.
//!
//! [`Studio`] is the state, made once for a page; [`stage`] draws it, [`input`] reads the browser's events, [`palette`],
//! [`menu`], [`settings`] with [`ways`], and [`outline`] are the other ways to the same edits.

mod bar;
mod expression;
mod form;
mod held;
mod input;
mod menu;
mod minimap;
mod outline;
mod palette;
mod sample;
mod seen;
mod settings;
mod stage;
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
    view! {
        <section class="studio" aria-label="Designer">
            {bar::bar(studio)}
            <div class="bench">
                {palette::palette(studio)}
                {stage::stage(studio, name, findings)}
                {settings::panel(studio, findings)}
            </div>
            {outline::outline(studio, findings)}
            <p class="visually-hidden" role="status" aria-live="polite">{move || studio.said.get()}</p>
            {bar::help()}
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

/// The findings about a node: those whose pointer leads into it.
fn about<'a>(findings: &'a [Diagnostic], node: &str) -> impl Iterator<Item = &'a Diagnostic> {
    let pointer = baton_domain::designer::document::node_pointer(node);
    findings.iter().filter(move |finding| {
        finding.pointer.strip_prefix(&pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
