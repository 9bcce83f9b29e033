//! The time scrubber: an instance as it was after any fact of its history. The moment stands in the URL.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{badge::state_badge, changes::changes, time::at_time, timeline::timeline};
use crate::{
    erased::Erase,
    form::humanised,
    link,
    model::{InstanceDetail, PastView},
};

/// Goes to a moment, or back to now.
pub type GoTo = Callback<String>;

/// What [`scrubber`] calls. Asks the router, so it is made while a page is.
pub fn go_to() -> GoTo {
    let navigate = use_navigate();
    Callback::new(move |url: String| {
        navigate(&url, NavigateOptions { replace: true, scroll: false, ..Default::default() });
    })
}

/// `at` is the query's parameter.
pub fn scrubber(instance: &InstanceDetail, at: Memo<String>, go_to: GoTo) -> Option<AnyView> {
    let last = instance.history.last()?.sequence;
    let path = link::instance(instance.summary.id);
    let moment = {
        let path = path.clone();
        move |sequence: i64| match sequence {
            sequence if sequence >= last => path.clone(),
            sequence => link::link(&path, &[("at", &sequence.max(1).to_string())]),
        }
    };
    let now = instance.past.as_ref().map_or(last, |past| past.fact.sequence);
    let step = |to: i64, words: &'static str, label: &'static str| {
        let href = (1..=last).contains(&to).then(|| moment(to));
        let disabled = href.is_none().then_some("true");
        view! { <a class="btn quiet small" href=href aria-label=label aria-disabled=disabled>{words}</a> }
    };
    let (before, after) = (step(now - 1, "‹", "The fact before"), step(now + 1, "›", "The next fact"));
    let on_input = move |event| {
        if let Ok(sequence) = event_target_value(&event).parse() {
            go_to.run(moment(sequence));
        }
    };
    let shown = move || at.with(|at| if at.is_empty() { last.to_string() } else { at.clone() });
    let line = timeline(&instance.history, instance.past.as_ref().map(|past| past.fact.sequence));
    let view = view! {
        {line}
        <form class="scrubber" method="get" action=path.clone()>
            {before}
            <input
                type="range"
                name="at"
                aria-label="Moment in the history"
                min="1"
                max=last.to_string()
                value=now.to_string()
                prop:value=shown
                on:input=on_input
            />
            {after}
            <noscript><button class="btn small">"Show"</button></noscript>
        </form>
        <div aria-live="polite">{instance.past.as_ref().map(|past| moment_note(past, last, path))}</div>
    };
    Some(view.erased())
}

fn moment_note(past: &PastView, last: i64, now: String) -> AnyView {
    let at: Vec<String> = past.at.iter().map(|node| humanised(node)).collect();
    let at = (!at.is_empty()).then(|| format!("at {}", at.join(", ")));
    view! {
        <div class="moment">
            <p>
                <b>{format!("As it was after fact {} of {last}", past.fact.sequence)}</b>
                " "{at_time(past.fact.at)}" "{state_badge(&past.state)}" "{at}
                <a class="btn small" href=now>"Back to now"</a>
            </p>
            <p>{past.fact.title.clone()}</p>
            {changes(&past.fact.changes)}
        </div>
    }
    .erased()
}
