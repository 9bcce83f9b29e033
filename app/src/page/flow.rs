//! The live flow: what is happening now, as it happens.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;

use super::{parameter, plural};
use crate::{
    call,
    component::{
        empty::FirstMessage,
        filter::{Choice, FilterForm, Words},
        flow_table::FlowTable,
        icon::{Icon, icon},
        loaded::loaded,
        page_head::PageHead,
    },
    dom,
    live::Live,
    model::FlowItem,
};

const LIST: &str = "flow";

/// What the reader holds still: the lines as they were when they paused or scrolled away from the top.
#[derive(Debug, Clone, Default)]
struct Held {
    paused: bool,
    scrolled: bool,
    lines: Option<Vec<FlowItem>>,
}

#[component]
pub fn FlowPage() -> AnyView {
    let live = Live::expect();
    let (q, kind, state) = (parameter("q"), parameter("kind"), parameter("state"));
    let read = Read::new(move || live.missed(), |_| call::get_flow());
    let held = RwSignal::new(Held::default());
    let passes = move |line: &FlowItem| {
        let (kind, state) = (kind.get(), state.get());
        (kind.is_empty() || line.kind == kind) && (state.is_empty() || line.state == state) && contains(line, &q.get())
    };
    let draw = move |read: Vec<FlowItem>| {
        let newest = Memo::new(move |_| live.flow_after(read.clone()));
        let shown = Signal::derive(move || {
            let lines = held.with(|held| held.lines.clone()).unwrap_or_else(|| newest.get());
            lines.into_iter().filter(|line| passes(line)).collect::<Vec<_>>()
        });
        let came = move || held.with(|held| held.lines.as_ref().map_or(0, |lines| lines_since(lines, &newest.get())));
        let hold = move |change: fn(&mut Held, bool), on: bool| {
            let now = newest.get_untracked();
            held.update(|held| {
                change(held, on);
                held.lines = (held.paused || held.scrolled).then(|| held.lines.take().unwrap_or(now));
            });
        };
        let scroll = move |event: leptos::web_sys::Event| {
            let away = dom::scrolled(&event) > 40;
            if held.with_untracked(|held| held.scrolled) != away {
                hold(|held, on| held.scrolled = on, away);
            }
        };
        let go_on = move |_| {
            hold(|held, _| *held = Held::default(), false);
            dom::scroll_to_top(LIST);
        };
        let pause = move |_| hold(|held, on| held.paused = on, !held.with_untracked(|held| held.paused));
        let paused = move || held.with(|held| held.paused);
        let button = move || {
            let (picture, word) = if paused() { (Icon::Play, "Resume") } else { (Icon::Pause, "Pause") };
            view! { {icon(picture)}{word} }
        };
        let more = move || {
            let came = came();
            (came > 0).then(|| {
                let words = plural(came as u64, "new line", "new lines");
                view! { <button type="button" class="btn primary small more" on:click=go_on>{words}</button> }
            })
        };
        let list = move || {
            if newest.with(Vec::is_empty) {
                return view! { <FirstMessage/> }.erased();
            }
            if shown.with(Vec::is_empty) {
                return view! { <p class="all-well">"No line passes the filter yet. New ones appear as they come."</p> }.erased();
            }
            view! { <FlowTable lines=shown label="Live flow, newest first"/> }.erased()
        };
        view! {
            <div class="flow-head">
                <button type="button" class="btn" aria-pressed=move || paused().to_string() on:click=pause>{button}</button>
                <span class="faint">{move || plural(shown.with(Vec::len) as u64, "line", "lines")}</span>
                <span role="status">{more}</span>
            </div>
            <div id=LIST class="card flow-list" tabindex="0" role="region" aria-label="Live flow" on:scroll=scroll>{list}</div>
        }
        .erased()
    };
    view! {
        <PageHead title="Flow"/>
        <div class="content fill">
            <FilterForm path="/flow" label="Filter the flow">
                <Words name="q" label="Contains" placeholder="type, key, source, destination" kind="search" value=q/>
                <Choice name="kind" label="Kind" value=kind options=vec![("", "any"), ("event", "event"), ("command", "command")]/>
                <Choice
                    name="state"
                    label="State"
                    value=state
                    options=vec![("", "any"), ("pending", "pending"), ("published", "published"), ("delivering", "delivering"), ("retrying", "retrying"), ("parked", "parked"), ("dead", "dead")]
                />
            </FilterForm>
            {loaded(read, draw)}
        </div>
    }
    .erased()
}

/// How many lines of `newest` stand above the first held one that is still there.
fn lines_since(held: &[FlowItem], newest: &[FlowItem]) -> usize {
    let Some(first) = held.first() else { return newest.len() };
    newest.iter().position(|line| line.id == first.id).unwrap_or(newest.len())
}

fn contains(line: &FlowItem, words: &str) -> bool {
    let words = words.trim().to_lowercase();
    let texts = [&line.message_type, &line.aggregate_type, &line.aggregate_id, &line.source, &line.state];
    let key = format!("{}/{}", line.aggregate_type, line.aggregate_id);
    words.is_empty() || texts.into_iter().chain(&line.to).chain([&key]).any(|text| text.to_lowercase().contains(&words))
}
