//! Trying a definition out: the engine itself, in the browser, on what is in the editor now.
//!
//! [`bench`] holds the moves and asks the engine ([`lab`], a bundle of its own), [`questions`] shows what is open,
//! [`scenarios`] what was saved. Nothing is decided here.

mod bench;
mod force;
mod lab;
mod questions;
mod scenarios;

use std::collections::BTreeMap;

use baton_domain::simulation::{Coverage, Shown, Stand, Taken, TurnShown};
use leptos::prelude::*;
use serde_json::Value;

pub use self::{bench::Bench, force::force_field};
use self::{bench::NOW, questions::questions_view, scenarios::scenarios_view};
use crate::{
    component::{
        badge::state_badge,
        diagram::{Journey, diagram_in},
        json::json_view,
    },
    erased::Erase,
    model::{CheckReport, Progress},
};

/// The panel, closed at first.
pub fn trial_panel(bench: Bench, name: String, text: Signal<String>, report: Signal<CheckReport>) -> AnyView {
    bench.follow(text, report);
    let content = move || {
        match bench.is_open.get() {
        true => bench_view(name.clone(), report, bench),
        false => view! {
            <div class="trial-closed">
                <p class="faint">"Start it with an input, answer what it asks, let time pass, and step back and forth. The engine runs here, in the browser, and sends nothing."</p>
                <button type="button" class="btn" on:click=move |_| bench.open()>"Try it"</button>
            </div>
        }
        .erased(),
    }
    };
    view! {
        <section class="card trial" aria-labelledby="trial-title">
            <h2 id="trial-title">"Try it out"</h2>
            {content}
            <p class="visually-hidden" role="status" aria-live="polite">{move || bench.said.get()}</p>
        </section>
    }
    .erased()
}

fn bench_view(name: String, report: Signal<CheckReport>, bench: Bench) -> AnyView {
    let shown = Memo::new(move |_| bench.shown());
    let part = move |draw: fn(&Shown, Bench) -> AnyView| {
        move || shown.with(|shown| shown.as_ref().map(|shown| draw(shown, bench)))
    };
    let diagram = move || drawn(&name, report, shown, bench);
    let refused = move || bench.refused.get().map(|why| view! { <p class="refusal" role="alert">{why}</p> });
    view! {
        {controls(shown, bench)}
        {refused}
        {diagram}
        <div class="trial-columns">
            <div>
                <section class="trial-part" aria-labelledby=NOW>
                    <h3 id=NOW tabindex="-1">"What now?"</h3>
                    {part(|shown, bench| questions_view(&shown.stand.questions, bench))}
                </section>
                {part(|shown, _| variables(&shown.stand))}
            </div>
            <div>
                {part(timeline)}
                {scenarios_view(bench)}
            </div>
        </div>
    }
    .erased()
}

fn controls(shown: Memo<Option<Shown>>, bench: Bench) -> AnyView {
    let at = bench.at;
    let made = Memo::new(move |_| shown.with(|shown| shown.as_ref().map_or(0, |shown| shown.turns.len())));
    let stand = move || {
        shown.with(|shown| {
            let stand = &shown.as_ref()?.stand;
            let reason = stand.reason.clone();
            let incidents =
                stand.incidents.iter().map(|why| view! { <p class="refusal">{why.clone()}</p> }).collect_view();
            let now = stand.now.format("%Y-%m-%d %H:%M:%S UTC").to_string();
            let status = state_badge(stand.status.as_deref().unwrap_or("not started"));
            Some(view! { {status}<span class="faint mono">{now}</span><span>{reason}</span>{incidents} }.erased())
        })
    };
    view! {
        <div class="trial-bar">
            <div class="trial-steps" role="group" aria-label="Steps">
                <button type="button" class="btn small" disabled=move || at.get() == 0 on:click=move |_| bench.go(at.get_untracked() - 1)>"Back"</button>
                <span class="faint">{move || format!("step {} of {}", at.get(), made.get())}</span>
                <button type="button" class="btn small" disabled=move || { at.get() >= made.get() } on:click=move |_| bench.go(at.get_untracked() + 1)>"Forward"</button>
                <button type="button" class="btn quiet small" on:click=move |_| bench.begin()>"Start over"</button>
            </div>
            <div class="trial-stand">{stand}</div>
        </div>
    }
    .erased()
}

/// The diagram, with where it has been and stands; or with what all scenarios cover.
fn drawn(name: &str, report: Signal<CheckReport>, shown: Memo<Option<Shown>>, bench: Bench) -> AnyView {
    let journey = match bench.ran().filter(|_| bench.covers.get()) {
        Some(report) => journey(&report.coverage, &Stand::default()),
        None => shown
            .with(|shown| shown.as_ref().map(|shown| journey(&shown.stand.covered, &shown.stand)).unwrap_or_default()),
    };
    report.with(|report| match &report.diagram {
        Some(diagram) => diagram_in("trial-diagram", diagram, name, Some(&journey)),
        None => ().erased(),
    })
}

fn journey(covered: &Coverage, stand: &Stand) -> Journey {
    let nodes = |nodes: &[String], progress: Progress| -> Vec<(String, Progress)> {
        nodes.iter().map(|node| (node.clone(), progress)).collect()
    };
    let mut progress = BTreeMap::from_iter(nodes(&covered.nodes, Progress::Done));
    progress.extend(nodes(&stand.under_way, Progress::UnderWay));
    progress.extend(nodes(&stand.failed, Progress::Failed));
    let walked = covered.edges.iter().map(|(node, port)| format!("{node}/{port}")).collect();
    Journey { progress, walked }
}

fn variables(stand: &Stand) -> AnyView {
    if stand.vars.is_empty() {
        return ().erased();
    }
    let vars = json_view(&Value::Object(stand.vars.clone()), "Variables");
    view! { <section class="trial-part" aria-labelledby="trial-vars"><h3 id="trial-vars">"Variables"</h3>{vars}</section> }
        .erased()
}

/// What was done, each step with what followed from it.
fn timeline(shown: &Shown, bench: Bench) -> AnyView {
    if shown.turns.is_empty() {
        return ().erased();
    }
    let items = shown.turns.iter().enumerate().map(|(index, made)| turn(index + 1, made, bench)).collect_view();
    view! {
        <section class="trial-part" aria-labelledby="trial-turns">
            <h3 id="trial-turns">"What happened"</h3>
            <ol class="trial-turns">{items}</ol>
        </section>
    }
    .erased()
}

fn turn(number: usize, made: &TurnShown, bench: Bench) -> AnyView {
    let current = move || (bench.at.get() == number).then_some("step");
    let ahead = move || bench.at.get() < number;
    let is_looked_at = move || bench.at.get() == number;
    let made = made.clone();
    let title = made.title.clone();
    let details = move || is_looked_at().then(|| happened(&made));
    view! {
        <li class:ahead=ahead>
            <button type="button" class="trial-turn" aria-current=current on:click=move |_| bench.go(number)>{title}</button>
            {details}
        </li>
    }
    .erased()
}

fn happened(made: &TurnShown) -> AnyView {
    let message = |word: &'static str, class: &'static str, taken: &Taken| {
        let summary = format!("{} {}", taken.message_type, taken.whom);
        let label = format!("Payload of {}", taken.message_type);
        view! {
            <details><summary><span class=class>{word}</span>{summary}</summary>{json_view(&taken.payload, &label)}</details>
        }
        .erased()
    };
    let received = made.received.as_ref().map(|it| message("received", "kind event", it));
    let sent = made.sent.iter().map(|it| message("issued", "kind command", it)).collect_view();
    let set = (!made.set.is_empty()).then(|| {
        let names = made.set.keys().cloned().collect::<Vec<_>>().join(", ");
        let set = json_view(&Value::Object(made.set.clone()), "What was set");
        view! { <details><summary>"set "<span class="mono">{names}</span></summary>{set}</details> }
    });
    let facts = made.facts.iter().map(|fact| view! { <li>{fact.clone()}</li> }).collect_view();
    view! { <ul class="trial-facts">{facts}</ul>{received}{set}{sent} }.erased()
}
