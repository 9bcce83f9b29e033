//! Messages: the list with its filters, all of them in the URL.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use super::some;
use crate::{
    call,
    clock::grouped,
    component::{
        empty::{Empty, FirstMessage},
        filter::{Choice, FilterForm, Words},
        loaded::{loaded, when_known},
        message_table::message_table,
        page_head::PageHead,
        pager::pager,
    },
    link::with_param,
    live::Live,
    model::{Badges, Instant, MessageQuery, MessageSummary, Page},
};

const PATH: &str = "/messages";
const MORE: [&str; 4] = ["aggregate_id", "destination", "from", "to"];
const STATES: [&str; 6] = ["pending", "published", "delivering", "retrying", "parked", "dead"];

#[component]
pub fn MessagesPage() -> AnyView {
    let live = Live::expect();
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(query_from));
    let read = Read::new(move || (query.get(), live.messages()), |(query, _)| call::list_messages(query));
    let badges = Read::new(move || live.messages(), |_| call::get_badges());
    let field =
        move |name: &'static str| Signal::derive(move || params.with(|params| params.get(name).unwrap_or_default()));
    // Filters that are set are in sight.
    let narrowed = params.with_untracked(|params| MORE.iter().any(|name| params.get(name).is_some()));
    let chips = when_known(badges, move |badges| (move || params.with(|params| chips(params, &badges))).erased());
    view! {
        <PageHead title="Messages"/>
        <div class="content">
            {chips}
            <FilterForm path=PATH label="Filter messages">
                // The state is chosen above and kept by the form.
                <input type="hidden" name="state" prop:value=field("state") value=field("state").get_untracked()/>
                <Words name="q" label="Contains" placeholder="type, key, error, payload" kind="search" value=field("q")/>
                <Choice name="kind" label="Kind" value=field("kind") options=vec![("", "any"), ("event", "event"), ("command", "command")]/>
                <Words name="type" label="Type" value=field("type")/>
                <Words name="aggregate_type" label="Aggregate type" value=field("aggregate_type")/>
                <details open=narrowed>
                    <summary>"More filters"</summary>
                    <Words name="aggregate_id" label="Aggregate id" value=field("aggregate_id")/>
                    <Words name="destination" label="Destination" value=field("destination")/>
                    <Words name="from" label="From (UTC)" kind="datetime-local" value=field("from")/>
                    <Words name="to" label="To (UTC)" kind="datetime-local" value=field("to")/>
                </details>
            </FilterForm>
            {loaded(read, move |page| draw(page, query.get() == MessageQuery::default()))}
        </div>
    }
    .erased()
}

fn draw(page: Page<MessageSummary>, everything: bool) -> AnyView {
    if page.items.is_empty() && everything {
        return view! { <section class="card"><FirstMessage/></section> }.erased();
    }
    if page.items.is_empty() {
        return view! {
            <section class="card"><Empty title="Nothing matches" text="No kept message passes these filters. Clear one of them, or widen the time range."/></section>
        }
        .erased();
    }
    view! {
        <section class="card">{message_table(page.items, "Messages, newest first")}</section>
        {pager(PATH, page.next)}
    }
    .erased()
}

/// One link per state, with its number where that is cheap to know.
fn chips(params: &ParamsMap, badges: &Badges) -> AnyView {
    let chosen = params.get("state").unwrap_or_default();
    let number = |state: &str| match state {
        "" => Some(badges.messages),
        "pending" => Some(badges.pending),
        "retrying" => Some(badges.retrying),
        "parked" => Some(badges.parked),
        "dead" => Some(badges.dead),
        _ => None,
    };
    let chips = [""]
        .into_iter()
        .chain(STATES)
        .map(|state| {
            let name = if state.is_empty() { "all" } else { state };
            let current = (chosen == state).then_some("true");
            let number = number(state).map(|number| view! { <span class="n">{grouped(number)}</span> });
            view! { <li><a class="chip" href=with_param(PATH, params, "state", state) aria-current=current>{name}" "{number}</a></li> }
        })
        .collect_view();
    view! { <ul class="chips" aria-label="State">{chips}</ul> }.erased()
}

fn query_from(params: &ParamsMap) -> MessageQuery {
    let text = |name: &str| params.get(name).and_then(some);
    MessageQuery {
        state: text("state"),
        kind: text("kind"),
        message_type: text("type"),
        aggregate_type: text("aggregate_type"),
        aggregate_id: text("aggregate_id"),
        correlation_id: text("correlation_id"),
        destination: text("destination"),
        q: text("q"),
        from: text("from").and_then(|text| instant(&text)),
        to: text("to").and_then(|text| instant(&text)),
        limit: None,
        cursor: text("cursor"),
    }
}

/// An instant as a browser's field gives it (UTC, with or without seconds), or in full.
fn instant(text: &str) -> Option<Instant> {
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"];
    let local = local.iter().find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok());
    local.map(|local| local.and_utc()).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_holds_the_filters_and_empty_ones_are_none() {
        let mut params = ParamsMap::new();
        for (name, value) in [("state", "dead"), ("kind", ""), ("type", "BookHotel"), ("from", "2026-11-23T14:02")] {
            params.insert(name, value.to_owned());
        }
        let query = query_from(&params);
        assert_eq!(
            (query.state.as_deref(), query.kind, query.message_type.as_deref()),
            (Some("dead"), None, Some("BookHotel"))
        );
        assert_eq!(query.from.map(|from| from.to_rfc3339()).as_deref(), Some("2026-11-23T14:02:00+00:00"));
    }
}
