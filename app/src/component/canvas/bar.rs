//! What stands above the canvas: undo, redo, tidy, zoom, find, and the keys.

use baton_domain::designer::keys::{self, Command};
use leptos::prelude::*;

use super::{input, studio::Studio};
use crate::{component::confirm::Dialog, dom, erased::Erase};

pub const HELP: &str = "canvas-keys";

pub fn bar(studio: Studio) -> AnyView {
    let undo = Signal::derive(move || {
        studio.editor.with(|editor| editor.history().undoable().map(|what| format!("Undo: {what}")))
    });
    let redo = Signal::derive(move || {
        studio.editor.with(|editor| editor.history().redoable().map(|what| format!("Redo: {what}")))
    });
    let zoom = move || format!("{:.0} %", studio.view.get().zoom * 100.0);
    view! {
        <div class="studio-bar" role="toolbar" aria-label="Canvas" on:keydown=move |event| input::key_beside(studio, &event)
            on:click:capture=move |event| input::pressed_beside(&event)>
            {past(studio, "Undo", undo, Command::Undo)}
            {past(studio, "Redo", redo, Command::Redo)}
            {(!studio.is_saga()).then(|| button(studio, "Tidy", "Lay everything out (T)", Command::Tidy))}
            {several(studio)}
            <span class="end">
                {button(studio, "−", "Zoom out (-)", Command::ZoomOut)}
                <button type="button" class="btn quiet small zoom" title="Zoom to 100 % (0)"
                    on:click=move |_| studio.press(Command::ActualSize)>{zoom}</button>
                {button(studio, "+", "Zoom in (+)", Command::ZoomIn)}
                {button(studio, "Fit", "Fit everything (1)", Command::Fit)}
                {button(studio, "Find", "Find a node (Ctrl+F)", Command::Find)}
                <button type="button" class="btn quiet small" title="Keys (?)" on:click=|_| dom::open_dialog(HELP)>"Keys"</button>
            </span>
        </div>
    }
    .erased()
}

fn button(studio: Studio, label: &'static str, title: &'static str, command: Command) -> AnyView {
    view! {
        <button type="button" class="btn quiet small" title=title aria-label=title
            on:click=move |_| studio.press(command)>{label}</button>
    }
    .erased()
}

/// Shift, for hands that have none.
fn several(studio: Studio) -> AnyView {
    let is_on = studio.selects_several;
    view! {
        <button
            type="button"
            class="btn quiet small"
            title="What is tapped is selected too, and a drag draws a box (Shift)"
            aria-pressed=move || is_on.get().to_string()
            on:click=move |_| is_on.update(|is_on| *is_on = !*is_on)
        >
            "Select several"
        </button>
    }
    .erased()
}

/// Undo and redo say what they would take back, or are disabled.
fn past(studio: Studio, label: &'static str, what: Signal<Option<String>>, command: Command) -> AnyView {
    view! {
        <button
            type="button"
            class="btn quiet small"
            disabled=move || what.with(Option::is_none)
            title=move || what.get().unwrap_or_else(|| format!("Nothing to {}", label.to_lowercase()))
            on:click=move |_| studio.press(command)
        >
            {label}
        </button>
    }
    .erased()
}

/// The dialog that lists the keys.
pub fn help(is_saga: bool) -> AnyView {
    let lines = keys::help(is_saga)
        .into_iter()
        .map(|line| {
            let chords = line.chords.into_iter().map(|chord| view! { <kbd>{chord}</kbd>" " }).collect_view();
            view! { <tr><td>{chords}</td><td>{line.description}</td></tr> }
        })
        .collect_view();
    let gestures = keys::gestures(is_saga)
        .iter()
        .map(|(hand, what)| view! { <tr><td>{*hand}</td><td>{*what}</td></tr> })
        .collect_view();
    view! {
        <Dialog id=HELP title="Keys of the canvas">
            <div class="keys-help" role="region" aria-label="Keys" tabindex="0">
                <table><tbody>{lines}</tbody></table>
                <table><tbody>{gestures}</tbody></table>
            </div>
        </Dialog>
    }
    .erased()
}
