//! The definition as a list: the same edits, without the canvas.

use baton_domain::{
    designer::{
        keys::Command,
        outline::{self, Leads, Row, Way},
    },
    diagnostic::Diagnostic,
};
use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys::Element};

use super::{
    about,
    button::{Looks, button},
    settings,
    studio::{Home, Studio},
};
use crate::erased::Erase;

/// The button that adds a node to none.
pub const ADD: &str = "outline-add";

/// What of a row has the keyboard.
pub fn row_id(node: &str) -> String {
    format!("outline-of-{node}")
}

pub fn outline(studio: Studio, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    // Hundreds of rows are not drawn anew for nobody.
    let is_open = RwSignal::new(false);
    let toggled = move |event: ev::Event| {
        let details = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        is_open.set(details.is_some_and(|details| details.has_attribute("open")));
    };
    let rows = move || {
        is_open.get().then(|| {
            let rows = studio.editor.with(|editor| outline::rows(editor.document()));
            let names: Vec<String> = rows.iter().map(|row| row.node.clone()).collect();
            let beside = |at: usize| names.get(at + 1).or(at.checked_sub(1).and_then(|at| names.get(at))).cloned();
            rows.into_iter().enumerate().map(|(at, it)| row(studio, it, beside(at), findings)).collect_view()
        })
    };
    let add =
        Looks { class: "btn small", id: Some(ADD.to_owned()), words: "Add a node…".to_owned(), ..Looks::default() };
    let add = button(studio, add, move || {
        studio.select_nothing();
        studio.press(Command::Append);
    });
    view! {
        <details class="outline" on:toggle=toggled on:focusin=move |_| studio.work_from(Home::Outline)>
            <summary>"Outline"<small class="faint">" the same nodes as a list"</small></summary>
            <ul>{rows}</ul>
            <p class="row pad">{add}</p>
        </details>
    }
    .erased()
}

/// `beside` is the row that has the keyboard when this one is gone.
fn row(studio: Studio, row: Row, beside: Option<String>, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let shown = row.node.clone();
    let place = Looks {
        class: "place",
        id: Some(row_id(&row.node)),
        words: row.title.clone(),
        of: Some(row.node.clone()),
        ..Looks::default()
    };
    let place = button(studio, place, move || {
        studio.select(&shown);
        settings::enter();
    });
    let depth = format!("--depth:{}", row.depth.unwrap_or(0).min(12));
    let unreached = row.depth.is_none().then(|| view! { <span class="tag warn">"no way leads here"</span> });
    let ways: Vec<String> = row.ways.iter().map(|way| in_words(studio, way)).collect();
    let does = does(studio, &row, beside);
    let node = row.node;
    let count = move || findings.with(|findings| about(studio, findings, &node).count());
    let count =
        move || Some(count()).filter(|count| *count > 0).map(|count| view! { <span class="tag warn">{count}</span> });
    view! {
        <li style=depth>
            {place}
            <span class="tag">{row.kind.name()}</span>
            {count}
            {unreached}
            <span class="faint">{ways.join(" · ")}</span>
            <span class="does">{does}</span>
        </li>
    }
    .erased()
}

/// What can be done with a node from its row; the keyboard comes back to it.
fn does(studio: Studio, row: &Row, beside: Option<String>) -> Vec<AnyView> {
    let act = |sign: &str, label: &str, press: Box<dyn Fn(&str) + Send + Sync>| {
        let node = row.node.clone();
        let looks = Looks {
            class: "btn quiet small",
            words: sign.to_owned(),
            label: Some(format!("{label} {}", row.title)),
            ..Looks::default()
        };
        button(studio, looks, move || {
            studio.select(&node);
            press(&node);
        })
    };
    let ask = |command: Command| Box::new(move |_: &str| studio.press(command));
    let remove = move |node: &str| {
        studio.press(Command::Delete);
        let is_gone = studio.editor.with_untracked(|editor| !editor.document().contains(node));
        beside.iter().filter(|_| is_gone).for_each(|beside| studio.select(beside));
        studio.go_home();
    };
    let mut does = Vec::new();
    if !row.ways.is_empty() {
        does.push(act("+", "Append a node to", ask(Command::Append)));
        does.push(act("→", "Connect", ask(Command::Connect)));
    }
    does.push(act("×", "Remove", Box::new(remove)));
    does
}

fn in_words(studio: Studio, way: &Way) -> String {
    let title = |node: &str| studio.editor.with_untracked(|editor| editor.document().title(node));
    let to = match &way.leads {
        Leads::To(node) => title(node),
        Leads::BackTo(node) => format!("↑ {}", title(node)),
        Leads::Nowhere => "nowhere".to_owned(),
        Leads::Missing(name) => format!("{name}, which is not there"),
    };
    if way.label.is_empty() { format!("→ {to}") } else { format!("{} → {to}", way.label) }
}
