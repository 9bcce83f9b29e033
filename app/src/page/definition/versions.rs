//! The versions of a definition.

use leptos::prelude::*;

use super::Shown;
use crate::{
    clock::grouped,
    component::time::ago,
    erased::Erase,
    link,
    model::{DefinitionDetail, VersionSummary},
};

pub fn versions(detail: &DefinitionDetail, shown: &Shown) -> AnyView {
    let base = link::definition(detail.summary.kind, &detail.summary.name);
    let draft = (detail.summary.has_draft || shown.edits()).then(|| {
        let current = shown.edits().then_some("true");
        view! { <li><a href=format!("{base}?draft=1") aria-current=current>"Draft"</a></li> }
    });
    let current = if shown.edits() { None } else { detail.shown };
    let items = detail
        .versions
        .iter()
        .map(|version| version_item(version, &base, &detail.summary.name, current == Some(version.version)))
        .collect_view();
    let content = if detail.versions.is_empty() && draft.is_none() {
        view! { <p class="faint pad">"Not published yet."</p> }.erased()
    } else {
        view! { <ul class="versions">{draft}{items}</ul> }.erased()
    };
    view! {
        <section class="card" aria-labelledby="versions-title"><h2 id="versions-title">"Versions"</h2>{content}</section>
    }
    .erased()
}

fn version_item(version: &VersionSummary, base: &str, name: &str, current: bool) -> AnyView {
    let number = version.version.to_string();
    let instances = link::link("/instances", &[("definition", name), ("version", &number)]);
    let counts = format!("{} live, {} ended", grouped(version.live), grouped(version.ended));
    view! {
        <li>
            <a href=format!("{base}?version={}", version.version) aria-current=current.then_some("true")>{format!("v{}", version.version)}</a>
            <span class="faint">{ago(version.published_at)}" by "{version.published_by.clone()}</span>
            <a class="end faint" href=instances>{counts}</a>
            <a href=format!("{base}/compare?from={number}") aria-label=format!("Compare v{number}")>"Compare"</a>
            {version.note.clone().map(|note| view! { <p>{note}</p> })}
        </li>
    }
    .erased()
}
