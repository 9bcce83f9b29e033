//! Instances: the list with its filters.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use super::some;
use crate::{
    call::{self, ControlBatch, StartBatch},
    clock::Clock,
    component::{
        batches,
        code::Snippet,
        empty::Empty,
        filter::{Choice, FilterForm, Words},
        instance_table::instance_table,
        loaded::{loaded, when_known},
        page_head::PageHead,
        pager::pager,
    },
    link::with_param,
    live::Live,
    model::{BatchFilter, InstanceQuery, InstanceSummary, Page},
};

const PATH: &str = "/instances";
const STATES: [&str; 9] =
    ["running", "waiting", "suspended", "compensating", "stuck", "completed", "failed", "compensated", "cancelled"];

#[component]
pub fn InstancesPage() -> AnyView {
    let live = Live::expect();
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(query_from));
    let read = Read::new(move || (query.get(), live.instances()), |(query, _)| call::list_instances(query));
    let field =
        move |name: &'static str| Signal::derive(move || params.with(|params| params.get(name).unwrap_or_default()));
    let (start, control) = (ServerAction::<StartBatch>::new(), ServerAction::<ControlBatch>::new());
    let clock = Clock::expect();
    let batches = Read::new(
        move || (live.instances(), start.version().get(), control.version().get(), clock.tick()),
        |_| call::list_batches(),
    );
    let filter = Signal::derive(move || BatchFilter::from(query.get()));
    let filtered = Signal::derive(move || filter.with(|filter| !filter.is_empty()));
    view! {
        <PageHead title="Instances">{batches::begin_button(filtered, start)}</PageHead>
        <div class="content">
            {when_known(batches, move |found| batches::batch_list(&found, control).erased())}
            {move || params.with(chips)}
            <FilterForm path=PATH label="Filter instances">
                <input type="hidden" name="state" prop:value=field("state") value=field("state").get_untracked()/>
                <input type="hidden" name="parent" prop:value=field("parent") value=field("parent").get_untracked()/>
                <Words name="q" label="Contains" placeholder="key, definition, incident" kind="search" value=field("q")/>
                <Words name="business_key" label="Business key" value=field("business_key")/>
                <Words name="definition" label="Definition" value=field("definition")/>
                <Words name="version" label="Version" value=field("version")/>
                <Choice name="kind" label="Kind" value=field("kind") options=vec![("", "any"), ("process", "process"), ("saga", "saga")]/>
            </FilterForm>
            {loaded(read, move |page| draw(page, query.get() == InstanceQuery::default()))}
        </div>
        {batches::begin_dialog(filter, start)}
    }
    .erased()
}

fn chips(params: &ParamsMap) -> AnyView {
    let chosen = params.get("state").unwrap_or_default();
    let chips = [""]
        .into_iter()
        .chain(STATES)
        .map(|state| {
            let name = if state.is_empty() { "all" } else { state };
            let current = (chosen == state).then_some("true");
            view! { <li><a class="chip" href=with_param(PATH, params, "state", state) aria-current=current>{name}</a></li> }
        })
        .collect_view();
    view! { <ul class="chips" aria-label="State">{chips}</ul> }.erased()
}

fn draw(page: Page<InstanceSummary>, everything: bool) -> AnyView {
    match (page.items.is_empty(), everything) {
        (true, true) => view! {
            <section class="card">
                <Empty title="Nothing was started yet" text="Start a process from its page, from the command line, or over HTTP; a stateful saga starts by its event.">
                    <p><a class="btn primary" href="/processes">"Start a process"</a></p>
                    <Snippet label="Shell" text="baton start trip-booking --input '{\"employee\": \"mina\", …}'"/>
                </Empty>
            </section>
        }
        .erased(),
        (true, false) => view! {
            <section class="card"><Empty title="Nothing matches" text="No kept instance passes these filters. Clear one of them."/></section>
        }
        .erased(),
        (false, _) => view! {
            <section class="card">{instance_table(page.items, "Instances, newest first")}</section>
            {pager(PATH, page.next)}
        }
        .erased(),
    }
}

fn query_from(params: &ParamsMap) -> InstanceQuery {
    let text = |name: &str| params.get(name).and_then(some);
    InstanceQuery {
        kind: text("kind"),
        definition: text("definition"),
        state: text("state"),
        version: text("version").and_then(|it| it.parse().ok()),
        business_key: text("business_key"),
        parent: text("parent").and_then(|it| it.parse().ok()),
        q: text("q"),
        limit: None,
        cursor: text("cursor"),
    }
}
