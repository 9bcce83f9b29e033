//! What can be done with what is selected, for hands without a keyboard and keyboards without a canvas.

use baton_domain::designer::{Kind, keys::Command};
use leptos::prelude::*;

use super::{
    button::{Looks, button},
    studio::Studio,
};
use crate::{dom, erased::Erase};

/// Of one node with a way out.
const WAYS: &[(&str, Command)] = &[("Append…", Command::Append), ("Connect…", Command::Connect)];
/// Of one node.
const NODE: &[(&str, Command)] = &[
    ("Replace…", Command::Replace),
    ("Duplicate", Command::Duplicate),
    ("Copy", Command::Copy),
    ("Cut", Command::Cut),
    ("Remove", Command::Delete),
];
/// Of one edge.
const EDGE: &[(&str, Command)] = &[("Insert a node…", Command::Append), ("Remove", Command::Delete)];
/// Of several parts.
const PARTS: &[(&str, Command)] =
    &[("Duplicate", Command::Duplicate), ("Copy", Command::Copy), ("Cut", Command::Cut), ("Remove", Command::Delete)];
/// Of nothing.
const NOTHING: &[(&str, Command)] = &[("Add a node…", Command::Append), ("Paste", Command::Paste)];

pub fn of_node(studio: Studio, kind: Kind) -> AnyView {
    let commands = if kind == Kind::End { NODE.to_vec() } else { [WAYS, NODE].concat() };
    row(studio, commands)
}

/// While no node is selected alone.
pub fn of_others(studio: Studio) -> AnyView {
    let counts = Memo::new(move |_| studio.selection.with(|selection| (selection.nodes.len(), selection.edges.len())));
    let rows = move || match counts.get() {
        (1, 0) => ().erased(),
        (0, 0) => row(studio, NOTHING.to_vec()),
        (0, 1) => row(studio, EDGE.to_vec()),
        _ => row(studio, PARTS.to_vec()),
    };
    rows.erased()
}

fn row(studio: Studio, commands: Vec<(&'static str, Command)>) -> AnyView {
    let buttons = commands.into_iter().map(|(words, command)| {
        let looks = Looks { class: "btn small", words: words.to_owned(), ..Looks::default() };
        button(studio, looks, move || {
            match command {
                Command::Copy | Command::Cut => {
                    if let Some(text) = studio.copy(command) {
                        dom::copy(&text);
                    }
                }
                // The page may be gone before the browser has asked the person.
                Command::Paste => dom::read_clipboard(move |text| {
                    if studio.revision.try_get_untracked().is_some() {
                        studio.paste(text.filter(|text| !text.is_empty()));
                    }
                }),
                command => studio.press(command),
            }
            // What it was about may be gone, and with it the place of the keyboard. A menu takes it by itself.
            if matches!(command, Command::Delete | Command::Duplicate | Command::Cut | Command::Paste) {
                studio.go_home();
            }
        })
    });
    view! { <p class="row does" role="group" aria-label="What is selected">{buttons.collect_view()}</p> }.erased()
}
