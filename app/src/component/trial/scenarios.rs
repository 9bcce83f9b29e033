//! The scenarios of the definition: played, run, saved.

use baton_domain::simulation::Coverage;
use leptos::{prelude::*, web_sys::SubmitEvent};

use super::bench::{Bench, Known};
use crate::{component::badge::toned, erased::Erase};

const NAME: &str = "scenario-name";

pub fn scenarios_view(bench: Bench) -> AnyView {
    let summary = move || bench.ran().map(|report| report.sentence());
    view! {
        <section class="trial-part" aria-labelledby="scenarios-title">
            <h3 id="scenarios-title">"Scenarios"</h3>
            {move || list(bench)}
            <div class="trial-run">
                <button type="button" class="btn" on:click=move |_| bench.run()>"Run all"</button>
                <p role="status">{summary}</p>
            </div>
            {move || bench.ran().map(|report| left(&report.coverage, bench))}
            {bench.change.map(|_| save(bench))}
        </section>
    }
    .erased()
}

fn list(bench: Bench) -> AnyView {
    let known = bench.known();
    if known.is_empty() {
        let words =
            "None yet. Play one through and save it: from then on it is run whenever the definition is published.";
        return view! { <p class="faint">{words}</p> }.erased();
    }
    let ran = bench.ran();
    let items = known.into_iter().map(|known| {
        let verdict = ran.as_ref().and_then(|report| report.scenarios.iter().find(|it| it.name == known.name));
        let failures = verdict.map(|it| it.failures.iter().map(|it| it.message.clone()).collect::<Vec<_>>());
        item(known, failures, bench)
    });
    view! { <ul class="trial-scenarios">{items.collect_view()}</ul> }.erased()
}

fn item(known: Known, failures: Option<Vec<String>>, bench: Bench) -> AnyView {
    let name = known.name.clone();
    let word = failures.as_ref().map(|failures| match failures.is_empty() {
        true => toned("completed", "passed".to_owned()),
        false => toned("failed", "failed".to_owned()),
    });
    let why = failures.into_iter().flatten().map(|why| view! { <p class="refusal">{why}</p> }).collect_view();
    let removed = name.clone();
    let remove = bench.change.map(|_| {
        view! {
            <button type="button" class="btn quiet small" aria-label=format!("Remove {name}") on:click=move |_| bench.remove(removed.clone())>
                "Remove"
            </button>
        }
    });
    view! {
        <li>
            <button type="button" class="trial-play" title="Play it to its end" on:click=move |_| bench.load(known.clone())>{name}</button>
            {word}
            {remove}
            {why}
        </li>
    }
    .erased()
}

/// What no scenario goes through.
fn left(coverage: &Coverage, bench: Bench) -> AnyView {
    let (nodes, edges) = (&coverage.nodes_missing, &coverage.edges_missing);
    let edges: Vec<String> = edges.iter().map(|(node, port)| format!("{node} by {port}")).collect();
    let part = |words: &'static str, items: String| {
        (!items.is_empty()).then(|| view! { <p class="faint">{words}": "{items}</p> })
    };
    let choose = move |event| bench.covers.set(event_target_checked(&event));
    view! {
        <div class="trial-coverage">
            <label class="choice"><input type="checkbox" prop:checked=bench.covers on:change=choose/>"Show on the diagram what they cover"</label>
            {part("Not gone through", nodes.join(", "))}
            {part("Not taken", edges.join(", "))}
        </div>
    }
    .erased()
}

fn save(bench: Bench) -> AnyView {
    let name = RwSignal::new(String::new());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let called = name.get_untracked().trim().to_owned();
        if !called.is_empty() {
            bench.save(called);
            name.set(String::new());
        }
    };
    let nothing = move || bench.at.get() == 0;
    view! {
        <form class="trial-save" on:submit=submit>
            <div class="field">
                <label for=NAME>"Save what was played up to here as"</label>
                <input id=NAME maxlength="200" autocomplete="off" required prop:value=name on:input=move |event| name.set(event_target_value(&event))/>
            </div>
            <button type="submit" class="btn" disabled=nothing>"Save as scenario"</button>
        </form>
    }
    .erased()
}
