//! One destination: what it is, what holds it up, and what can be done.

use leptos::prelude::*;

use super::{Writes, form::destination_form, keys::keys_dialog, traffic::destination_state};
use crate::{
    clock::grouped,
    component::{
        badge::{state_badge, toned},
        confirm::{Dialog, DialogButton, ReasonField, SubmitButton, close_when_done},
        failure::refusal,
        post::PostForm,
        time::{ago, past},
    },
    erased::Erase,
    link,
    model::{BreakerState, CloudEventsMode, Destination, DestinationSettings, OrderPolicy, TestReport},
};

pub fn card(destination: Destination, writes: Writes) -> AnyView {
    let name = destination.name.clone();
    let heading = format!("destination-{name}");
    let held_up = destination.paused || destination.blocked || destination.breaker.since.is_some();
    let state = held_up.then(|| destination_state(&destination));
    let settings = destination.settings.clone();
    let (url, sent, rules) = (settings.url.clone(), how_sent(&destination), how_held(&settings));
    let tested = name.clone();
    view! {
        <article class="card destination" aria-labelledby=heading>
            <header>
                <h2 id=heading.clone()>{name.clone()}</h2>
                {state}
                <span class="actions">{actions(&destination, writes)}</span>
            </header>
            <p class="mono wrap">{url}</p>
            <p class="faint">{sent}</p>
            <p class="faint">{rules}</p>
            {held(&destination)}
            {open_counts(&destination)}
            <div role="status">{move || test_report(writes, &tested)}</div>
            {dialogs(&destination, writes)}
        </article>
    }
    .erased()
}

fn how_sent(destination: &Destination) -> String {
    let settings = &destination.settings;
    let mode = if settings.mode == CloudEventsMode::Binary { "binary" } else { "structured" };
    let signed = match destination.keys.len() {
        0 => "not signed".to_owned(),
        1 => "signed".to_owned(),
        keys => format!("signed with {keys} keys"),
    };
    let rate = settings.rate_per_s.map_or_else(String::new, |rate| format!(", {rate} a second at most"));
    format!(
        "{mode} CloudEvents, {signed}, {} at a time{rate}, {} attempts, answers within {} s",
        settings.concurrency,
        settings.attempts_max,
        settings.timeout_ms / 1_000
    )
}

fn how_held(settings: &DestinationSettings) -> String {
    let order = match settings.order {
        OrderPolicy::Park => "later messages of its key wait",
        OrderPolicy::Block => "everything waits",
        OrderPolicy::Skip => "later messages of its key wait until it is dead",
    };
    let breaker = match settings.breaker_failures {
        Some(failures) => format!("circuit breaker after {failures} failures in a row"),
        None => "no circuit breaker".to_owned(),
    };
    format!("Behind a failed delivery {order}; {breaker}")
}

/// Why nothing, or not everything, is sent; and keys that cannot be read.
fn held(destination: &Destination) -> AnyView {
    let paused = destination.paused_by.clone().map(|by| {
        let reason = by.reason.map_or_else(String::new, |reason| format!(": {reason}"));
        view! { <p class="caution">"Paused by "{by.actor}" "{past(by.at)}{reason}</p> }
    });
    let breaker = &destination.breaker;
    let open = breaker.since.map(|since| {
        let error = breaker.error.clone();
        let next = match breaker.next_try_at {
            Some(at) => view! { "One delivery is tried "{ago(at)}"; Test tries at once. " }.erased(),
            None => "One delivery is being tried. ".erased(),
        };
        let class = if breaker.state == BreakerState::Open { "refusal" } else { "caution" };
        view! {
            <div class=class>
                <p>"The circuit breaker opened "{past(since)}" after "{breaker.failures}" failures in a row. Nothing is sent, nothing is lost, and no attempts are used up. "{next}</p>
                <p>{error}</p>
            </div>
        }
    });
    let failures = link::link("/messages", &[("destination", &destination.name)]);
    let blocked = destination.blocked.then(|| {
        view! { <p class="caution">"A failed delivery holds up everything here until it is delivered or discarded. "<a href=failures>"Its messages"</a></p> }
    });
    let keys = destination.keys.iter().filter_map(|key| {
        let problem = key.problem.clone()?;
        Some(view! { <p class="refusal">{key.source.clone()}": "{problem}"."</p> })
    });
    let keys = keys.collect_view();
    view! { {paused}{open}{blocked}{keys} }.erased()
}

fn open_counts(destination: &Destination) -> AnyView {
    let count = |state: &'static str, number: u64| {
        let href = link::link("/messages", &[("destination", &destination.name), ("state", state)]);
        (number > 0).then(|| view! { <a href=href>{toned(state, format!("{} {state}", grouped(number)))}</a> })
    };
    let quiet = destination.queued + destination.retrying + destination.parked + destination.dead == 0;
    let oldest = destination.oldest_open_at.map(|at| view! { <span class="faint">"oldest "{ago(at)}</span> });
    view! {
        <p class="open-counts">
            {count("queued", destination.queued)}
            {count("retrying", destination.retrying)}
            {count("parked", destination.parked)}
            {count("dead", destination.dead)}
            {quiet.then(|| view! { <span class="faint">"nothing open"</span> })}
            {oldest}
        </p>
    }
    .erased()
}

fn actions(destination: &Destination, writes: Writes) -> AnyView {
    let name = destination.name.clone();
    let test_pending = writes.test.pending();
    let pause_word = if destination.paused { "Resume…" } else { "Pause…" };
    let keys_word = if destination.has_secret { "Keys…" } else { "Sign…" };
    let (pause, keys, edit, remove) =
        (format!("pause-{name}"), format!("keys-{name}"), format!("edit-{name}"), format!("delete-{name}"));
    let forget_keys = Callback::new(move |()| {
        writes.rotate.clear();
        writes.drop_old_keys.clear();
    });
    view! {
        <PostForm action=writes.test>
            <input type="hidden" name="name" value=name.clone()/>
            <button type="submit" class="btn small" disabled=test_pending aria-label=format!("Test {name}")>"Test"</button>
        </PostForm>
        <DialogButton opens=pause label=pause_word class="small" on_open=Callback::new(move |()| writes.pause.clear())/>
        <DialogButton opens=keys label=keys_word class="small" on_open=forget_keys/>
        <DialogButton opens=edit label="Edit…" class="small" on_open=Callback::new(move |()| writes.put.clear())/>
        <DialogButton opens=remove label="Delete…" class="small danger" on_open=Callback::new(move |()| writes.delete.clear())/>
    }
    .erased()
}

/// What the test of this destination met, while it was the last that was tested.
fn test_report(writes: Writes, name: &str) -> Option<AnyView> {
    let (tested, report) = writes.test.value().get()?.ok()?;
    (tested == name).then(|| draw_report(report))
}

fn draw_report(report: TestReport) -> AnyView {
    let (state, class) = if report.accepted { ("accepted", "notice") } else { ("refused", "refusal") };
    let facts = match (report.status, report.failure_class) {
        (Some(status), _) => format!("status {status}, {} ms", report.took_ms),
        (None, Some(class)) => format!("{class}, {} ms", report.took_ms),
        (None, None) => format!("{} ms", report.took_ms),
    };
    let body = report.body.map(|body| view! { <pre class="mono excerpt">{body}</pre> });
    view! {
        <div class=format!("{class} test-report")>
            <p>{state_badge(state)}" Test message: "{report.answer}</p>
            <p class="mono">{facts}</p>
            {body}
        </div>
    }
    .erased()
}

fn dialogs(destination: &Destination, writes: Writes) -> AnyView {
    let name = destination.name.clone();
    let (edit, remove) = (format!("edit-{name}"), format!("delete-{name}"));
    close_when_done(edit.clone(), move || {
        (writes.put.version().get(), matches!(writes.put.value().get(), Some(Ok(_))))
    });
    close_when_done(remove.clone(), move || {
        (writes.delete.version().get(), matches!(writes.delete.value().get(), Some(Ok(_))))
    });
    let form = destination_form(Some(destination), writes);
    view! {
        <Dialog id=edit title=format!("Edit {name}")>{form}</Dialog>
        {pause_dialog(destination, writes)}
        {keys_dialog(destination, writes)}
        <Dialog id=remove title=format!("Delete {name}?")>
            <PostForm action=writes.delete>
                <p>"Messages are no longer sent there; routes that lead there have to be removed first. This cannot be undone."</p>
                <input type="hidden" name="name" value=name/>
                {move || writes.delete.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label="Delete" pending=writes.delete.pending() class="danger"/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}

fn pause_dialog(destination: &Destination, writes: Writes) -> AnyView {
    let (name, paused) = (destination.name.clone(), destination.paused);
    let id = format!("pause-{name}");
    close_when_done(id.clone(), move || {
        (writes.pause.version().get(), matches!(writes.pause.value().get(), Some(Ok(_))))
    });
    let (verb, words) = if paused {
        ("Resume", "What waits is sent, in order.")
    } else {
        ("Pause", "Nothing is sent there until somebody resumes it. Messages wait, in order, and none is lost.")
    };
    let (title, reason) = (format!("{verb} {name}?"), format!("{id}-reason"));
    view! {
        <Dialog id=id title=title>
            <PostForm action=writes.pause>
                <p>{words}</p>
                <input type="hidden" name="name" value=name/>
                <input type="hidden" name="paused" value=(!paused).to_string()/>
                <ReasonField id=reason required=!paused/>
                {move || writes.pause.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label=verb pending=writes.pause.pending()/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}
