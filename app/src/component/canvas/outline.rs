//! The definition as a list: the same edits, without the canvas.

use baton_domain::{
    designer::outline::{self, Leads, Row, Way},
    diagnostic::Diagnostic,
};
use leptos::prelude::*;

use super::{about, settings, studio::Studio};
use crate::erased::Erase;

pub fn outline(studio: Studio, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let rows = move || {
        let rows = studio.editor.with(|editor| outline::rows(editor.document()));
        rows.into_iter().map(|it| row(studio, it, findings)).collect_view()
    };
    view! {
        <details class="outline">
            <summary>"Outline"<small class="faint">" the same nodes as a list"</small></summary>
            <ul>{rows}</ul>
        </details>
    }
    .erased()
}

fn row(studio: Studio, row: Row, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let (shown, own) = (row.node.clone(), row.node.clone());
    let go = move |_| {
        studio.select(&shown);
        settings::enter();
    };
    let current = move || studio.selection.with(|selection| selection.nodes.contains(&own)).then_some("true");
    let depth = format!("--depth:{}", row.depth.unwrap_or(0).min(12));
    let unreached = row.depth.is_none().then(|| view! { <span class="tag warn">"no way leads here"</span> });
    let node = row.node;
    let count = move || findings.with(|findings| about(studio, findings, &node).count());
    let count =
        move || Some(count()).filter(|count| *count > 0).map(|count| view! { <span class="tag warn">{count}</span> });
    let ways: Vec<String> = row.ways.iter().map(|way| in_words(studio, way)).collect();
    view! {
        <li aria-current=current style=depth>
            <button type="button" class="place" on:click=go>{row.title}</button>
            <span class="tag">{row.kind.name()}</span>
            {count}
            {unreached}
            <span class="faint">{ways.join(" · ")}</span>
        </li>
    }
    .erased()
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
