//! What can be done with what is selected, for hands without a keyboard and keyboards without a canvas.

use baton_domain::designer::keys::Command;
use leptos::prelude::*;

use super::{
    STAGE,
    button::{Looks, button},
    studio::Studio,
};
use crate::{dom, erased::Erase};

/// Of one node.
const NODE: &[(&str, Command)] = &[
    ("Append…", Command::Append),
    ("Replace…", Command::Replace),
    ("Duplicate", Command::Duplicate),
    ("Remove", Command::Delete),
];
/// Of one edge.
const EDGE: &[(&str, Command)] = &[("Insert a node…", Command::Append), ("Remove", Command::Delete)];
/// Of several parts.
const PARTS: &[(&str, Command)] = &[("Duplicate", Command::Duplicate), ("Remove", Command::Delete)];

pub fn of_node(studio: Studio) -> AnyView {
    row(studio, NODE)
}

/// While no node is selected alone.
pub fn of_others(studio: Studio) -> AnyView {
    let counts = Memo::new(move |_| studio.selection.with(|selection| (selection.nodes.len(), selection.edges.len())));
    let rows = move || match counts.get() {
        (0, 0) | (1, 0) => ().erased(),
        (0, 1) => row(studio, EDGE),
        _ => row(studio, PARTS),
    };
    rows.erased()
}

fn row(studio: Studio, commands: &'static [(&'static str, Command)]) -> AnyView {
    let buttons = commands.iter().map(|(words, command)| {
        let looks = Looks { class: "btn small", words: (*words).to_owned(), ..Looks::default() };
        button(studio, looks, move || {
            studio.press(*command);
            // What it was about may be gone, and with it the place of the keyboard. A menu takes it by itself.
            if matches!(command, Command::Delete | Command::Duplicate) {
                dom::focus_after(STAGE);
            }
        })
    });
    view! { <p class="row does" role="group" aria-label="What is selected">{buttons.collect_view()}</p> }.erased()
}
