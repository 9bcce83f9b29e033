//! The kinds of nodes, to be dragged onto the canvas or clicked.

use baton_domain::designer::{Kind, command};
use leptos::prelude::*;

use super::{input, studio::Studio};
use crate::erased::Erase;

pub fn palette(studio: Studio) -> AnyView {
    let kinds = studio.editor.with_untracked(|editor| command::palette(editor.document()));
    let kinds = kinds.iter().map(|kind| item(studio, *kind)).collect_view();
    view! {
        <div class="palette" role="toolbar" aria-label="Nodes to add" aria-orientation="vertical"
            on:keydown=move |event| input::key_beside(studio, &event)>{kinds}</div>
    }
    .erased()
}

fn item(studio: Studio, kind: Kind) -> AnyView {
    let label = format!("Add {}: {}", kind.name(), purpose(kind));
    // A pointer drags, and clicks by its own gesture; the keyboard and screen readers click.
    let clicked = move |event: leptos::ev::MouseEvent| {
        if event.detail() == 0 {
            studio.add(kind);
        }
    };
    view! {
        <button
            type="button"
            class=format!("kind {}", kind.name())
            title=label.clone()
            aria-label=label
            on:pointerdown=move |event| input::picked_up(studio, &event, kind)
            on:click=clicked
        >
            {glyph(kind)}
        </button>
    }
    .erased()
}

/// What a kind is for, in a few words.
pub fn purpose(kind: Kind) -> &'static str {
    match kind {
        Kind::Start => "where it begins",
        Kind::Command => "send, then wait for the reply",
        Kind::Wait => "wait for an event",
        Kind::Decide => "go one of several ways",
        Kind::Compute => "set variables",
        Kind::Approval => "ask a person",
        Kind::Timer => "wait for a time",
        Kind::Call => "start another process",
        Kind::Fork => "go several ways at once",
        Kind::Join => "wait for all branches",
        Kind::ForEach => "repeat for each item of a list",
        Kind::Compensate => "undo what was done",
        Kind::End => "where it ends",
        Kind::Event => "something happened",
        Kind::Step => "send a command, and go on when it is done",
        Kind::Undo => "what takes a step back",
        Kind::Reaction => "when an event happens, send a command",
        Kind::Unknown => "unknown",
    }
}

pub fn glyph(kind: Kind) -> AnyView {
    let path = match kind {
        Kind::Start => "M8 13A5 5 0 1 0 8 3a5 5 0 0 0 0 10z",
        Kind::Command => "M2.500 8h10M9 4.500 12.500 8 9 11.500",
        Kind::Wait => "M8 3a5 5 0 1 1-3.500 1.500M8 3V1M2.500 3.500 4.500 4.500",
        Kind::Decide => "M8 2 14 8 8 14 2 8z",
        Kind::Compute => "M3 3.500h10M3 8h10M3 12.500h6",
        Kind::Approval => {
            "M8 7.500a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600zM2.500 14a5.500 5.500 0 0 1 11 0"
        }
        Kind::Timer => "M8 14A5.500 5.500 0 1 0 8 3a5.500 5.500 0 0 0 0 11zM8 6v2.700l2 1.300M6 1.200h4",
        Kind::Call => "M2 3h12v10H2zM6.500 6 10 8l-3.500 2z",
        Kind::Fork => "M2 8h4l4-4.500h4M6 8l4 4.500h4M6 8h8",
        Kind::Join => "M14 8h-4L6 3.500H2M10 8l-4 4.500H2M10 8H2",
        Kind::ForEach => "M13 8a5 5 0 1 1-1.500-3.600M12 1.500v3H9",
        Kind::Compensate => "M3 6h7a3.500 3.500 0 0 1 0 7H6M6 3 3 6l3 3",
        Kind::End => "M8 13.500A5.500 5.500 0 1 0 8 2.500a5.500 5.500 0 0 0 0 11zM8 11A3 3 0 1 0 8 5a3 3 0 0 0 0 6z",
        Kind::Event => "M9 1.500 3.500 9H8l-1 5.500L12.500 7H8z",
        Kind::Step => "M2 4h9l3 4-3 4H2z",
        Kind::Undo => "M3 6h7a3.500 3.500 0 0 1 0 7H6M6 3 3 6l3 3",
        Kind::Reaction => "M2 8h3M8 5 11 8 8 11M11 8h3M5 5.500a2.500 2.500 0 0 1 0 5",
        Kind::Unknown => "M8 11.500v.2M6 6a2 2 0 1 1 2 2.500V10",
    };
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5"
            stroke-linecap="round" stroke-linejoin="round"><path d=path/></svg>
    }
    .erased()
}
