//! Destinations and routes: where messages go beside the bus.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;

use crate::{
    call::{self, DeleteDestination, DeleteRoute, PauseDestination, PutDestination, PutRoute, TestDestination},
    clock::grouped,
    component::{
        badge::{state_badge, toned},
        confirm::{Dialog, DialogButton, SubmitButton, close_when_done},
        empty::Empty,
        failure::refusal,
        icon::{Icon, icon},
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
        table::{UNSEEN, table},
        time::ago,
    },
    link,
    live::Live,
    model::{CloudEventsMode, Destination, DestinationSettings, Route},
};

const NEW_DESTINATION: &str = "new-destination";
const NEW_ROUTE: &str = "new-route";

/// The writes of the page; they outlive every redrawing.
#[derive(Clone, Copy)]
struct Writes {
    put: ServerAction<PutDestination>,
    delete: ServerAction<DeleteDestination>,
    pause: ServerAction<PauseDestination>,
    test: ServerAction<TestDestination>,
    put_route: ServerAction<PutRoute>,
    delete_route: ServerAction<DeleteRoute>,
}

impl Writes {
    fn version(self) -> usize {
        let written = [
            self.put.version(),
            self.delete.version(),
            self.pause.version(),
            self.put_route.version(),
            self.delete_route.version(),
        ];
        written.into_iter().map(|version| version.get()).sum()
    }
}

#[component]
pub fn DestinationsPage() -> AnyView {
    let live = Live::expect();
    let writes = Writes {
        put: ServerAction::new(),
        delete: ServerAction::new(),
        pause: ServerAction::new(),
        test: ServerAction::new(),
        put_route: ServerAction::new(),
        delete_route: ServerAction::new(),
    };
    let changed = move || (live.destinations(), live.messages(), writes.version());
    let destinations = Read::new(changed, |_| call::list_destinations());
    let routes = Read::new(move || (live.destinations(), writes.version()), |_| call::list_routes());
    close_when_done(NEW_DESTINATION.to_owned(), move || {
        (writes.put.version().get(), matches!(writes.put.value().get(), Some(Ok(_))))
    });
    close_when_done(NEW_ROUTE.to_owned(), move || {
        (writes.put_route.version().get(), matches!(writes.put_route.value().get(), Some(Ok(_))))
    });
    let forget_put = Callback::new(move |()| writes.put.clear());
    view! {
        <PageHead title="Destinations">
            <DialogButton opens=NEW_ROUTE label="New route…" on_open=Callback::new(move |()| writes.put_route.clear())/>
            <DialogButton opens=NEW_DESTINATION label="New destination…" class="primary" on_open=forget_put/>
        </PageHead>
        <div class="content">
            <div role="status">{move || outcome(writes)}</div>
            {loaded(destinations, move |destinations| draw_destinations(destinations, writes))}
            {loaded(routes, move |routes| draw_routes(routes, writes))}
        </div>
        <Dialog id=NEW_DESTINATION title="New destination">{destination_form(None, writes)}</Dialog>
        <Dialog id=NEW_ROUTE title="New route">{route_form(writes)}</Dialog>
    }
    .erased()
}

/// What a test or a refused write said.
fn outcome(writes: Writes) -> AnyView {
    let errors = [
        writes.delete.value().get().and_then(Result::err),
        writes.pause.value().get().and_then(Result::err),
        writes.delete_route.value().get().and_then(Result::err),
    ];
    if let Some(error) = errors.into_iter().flatten().next() {
        return refusal(&error).erased();
    }
    match writes.test.value().get() {
        Some(Ok(report)) => {
            let state = if report.accepted { "accepted" } else { "refused" };
            view! { <p class="notice">{state_badge(state)}" "{report.answer}<span class="faint">{format!(" after {} ms", report.took_ms)}</span></p> }.erased()
        }
        Some(Err(error)) => refusal(&error).erased(),
        None => ().erased(),
    }
}

fn draw_destinations(destinations: Vec<Destination>, writes: Writes) -> AnyView {
    if destinations.is_empty() {
        return view! {
            <section class="card">
                <Empty title="Messages go to the bus only" text="A destination is an HTTP endpoint that receives messages as CloudEvents. Its answer may hold further messages, so that a participant is one small handler. Add one, then a route that leads there."/>
            </section>
        }
        .erased();
    }
    let cards = destinations.into_iter().map(|destination| card(destination, writes)).collect_view();
    view! { <div class="stacked">{cards}</div> }.erased()
}

fn card(destination: Destination, writes: Writes) -> AnyView {
    let name = destination.name.clone();
    let (heading, edit, remove) = (format!("destination-{name}"), format!("edit-{name}"), format!("delete-{name}"));
    close_when_done(edit.clone(), move || {
        (writes.put.version().get(), matches!(writes.put.value().get(), Some(Ok(_))))
    });
    close_when_done(remove.clone(), move || {
        (writes.delete.version().get(), matches!(writes.delete.value().get(), Some(Ok(_))))
    });
    let DestinationSettings::Http { url, timeout_ms, attempts_max, concurrency, mode, .. } =
        destination.settings.clone();
    let mode = if mode == CloudEventsMode::Binary { "binary" } else { "structured" };
    let signed = if destination.has_secret { "signed" } else { "not signed" };
    let words = format!(
        "{mode} CloudEvents, {signed}, {concurrency} at a time, {attempts_max} attempts, answers within {} s",
        timeout_ms / 1_000
    );
    let paused = destination.paused;
    let count = |state: &'static str, number: u64| {
        let href = link::link("/messages", &[("destination", &destination.name), ("state", state)]);
        (number > 0).then(|| view! { <a href=href>{toned(state, format!("{} {state}", grouped(number)))}</a> })
    };
    let quiet = destination.queued + destination.retrying + destination.parked + destination.dead == 0;
    let oldest = destination.oldest_open_at.map(|at| view! { <span class="faint">"oldest "{ago(at)}</span> });
    let open = view! {
        {count("queued", destination.queued)}
        {count("retrying", destination.retrying)}
        {count("parked", destination.parked)}
        {count("dead", destination.dead)}
        {quiet.then(|| view! { <span class="faint">"nothing open"</span> })}
        {oldest}
    }
    .erased();
    let dialogs = card_dialogs(&destination, edit.clone(), remove.clone(), writes);
    view! {
        <article class="card destination" aria-labelledby=heading>
            <header>
                <h2 id=heading.clone()>{name.clone()}</h2>
                {paused.then(|| state_badge("paused"))}
                <span class="actions">
                    {card_actions(&name, paused, writes)}
                    <DialogButton opens=edit label="Edit…" class="small" on_open=Callback::new(move |()| writes.put.clear())/>
                    <DialogButton opens=remove label="Delete…" class="small danger" on_open=Callback::new(move |()| writes.delete.clear())/>
                </span>
            </header>
            <p class="mono wrap">{url}</p>
            <p class="faint">{words}</p>
            <p class="open-counts">{open}</p>
            {dialogs}
        </article>
    }
    .erased()
}

fn card_actions(name: &str, paused: bool, writes: Writes) -> AnyView {
    let (pause_pending, test_pending) = (writes.pause.pending(), writes.test.pending());
    let pause_word = if paused { "Resume" } else { "Pause" };
    let (tested, changed) = (name.to_owned(), name.to_owned());
    view! {
        <PostForm action=writes.test>
            <input type="hidden" name="name" value=tested.clone()/>
            <button type="submit" class="btn small" disabled=test_pending aria-label=format!("Test {tested}")>"Test"</button>
        </PostForm>
        <PostForm action=writes.pause>
            <input type="hidden" name="name" value=changed.clone()/>
            <input type="hidden" name="paused" value=(!paused).to_string()/>
            <button type="submit" class="btn small" disabled=pause_pending aria-label=format!("{pause_word} {changed}")>{pause_word}</button>
        </PostForm>
    }
    .erased()
}

fn card_dialogs(destination: &Destination, edit: String, remove: String, writes: Writes) -> AnyView {
    let name = destination.name.clone();
    let form = destination_form(Some(destination), writes);
    view! {
        <Dialog id=edit title=format!("Edit {name}")>{form}</Dialog>
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

fn destination_form(of: Option<&Destination>, writes: Writes) -> AnyView {
    let id = of.map_or("new".to_owned(), |destination| destination.name.clone());
    let name = of.map(|destination| destination.name.clone()).unwrap_or_default();
    let fixed = of.is_some();
    let has_secret = of.is_some_and(|destination| destination.has_secret);
    let (url, mode, timeout_ms, attempts_max, backoff_base_ms, concurrency) = match of
        .map(|destination| &destination.settings)
    {
        Some(DestinationSettings::Http {
            url, mode, timeout_ms, attempts_max, backoff_base_ms, concurrency, ..
        }) => (url.clone(), *mode, *timeout_ms, *attempts_max, *backoff_base_ms, *concurrency),
        None => (String::new(), CloudEventsMode::Structured, 10_000, 8, 500, 8),
    };
    let binary = mode == CloudEventsMode::Binary;
    let form_id = id.clone();
    let number = move |field: &'static str, label: &'static str, value: u32, min: u32, max: u32| {
        let id = format!("{form_id}-{field}");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input id=id type="number" name=format!("settings[{field}]") value=value.to_string() min=min.to_string() max=max.to_string() required/>
            </div>
        }
    };
    let text = move |field: &'static str| format!("{id}-{field}");
    let secret_hint =
        if has_secret { "leave empty to keep the present one" } else { "optional: env:NAME, file:PATH or whsec_…" };
    view! {
        <PostForm action=writes.put>
            <div class="field">
                <label for=text("name")>"Name"</label>
                <input id=text("name") name="name" value=name readonly=fixed required maxlength="100" pattern="[a-z0-9][a-z0-9._\\-]*" title="Lower-case letters, digits, dots and hyphens" autocomplete="off"/>
            </div>
            <div class="field">
                <label for=text("url")>"Address"</label>
                <input id=text("url") type="url" name="settings[url]" value=url required maxlength="2000" placeholder="https://hotels.example/events" autocomplete="off"/>
            </div>
            <div class="field">
                <label for=text("mode")>"CloudEvents"</label>
                <select id=text("mode") name="settings[mode]">
                    <option value="structured" selected=!binary>"structured: one JSON document"</option>
                    <option value="binary" selected=binary>"binary: attributes in headers"</option>
                </select>
            </div>
            <div class="field">
                <label for=text("secret")>"Signing secret"</label>
                <input id=text("secret") type="password" name="settings[secret]" autocomplete="new-password" placeholder=secret_hint/>
            </div>
            <div class="field-row">
                {number("timeout_ms", "Time-out (ms)", timeout_ms, 1_000, 60_000)}
                {number("attempts_max", "Attempts at most", attempts_max, 1, 50)}
                {number("backoff_base_ms", "First back-off (ms)", backoff_base_ms, 10, 60_000)}
                {number("concurrency", "Requests at a time", concurrency, 1, 64)}
            </div>
            {move || writes.put.value().get().and_then(Result::err).map(|error| refusal(&error))}
            <footer><SubmitButton label="Save" pending=writes.put.pending()/></footer>
        </PostForm>
    }
    .erased()
}

fn draw_routes(routes: Vec<Route>, writes: Writes) -> AnyView {
    let pending = writes.delete_route.pending();
    let any = |pattern: Option<String>| pattern.unwrap_or_else(|| "any".to_owned());
    let rows = routes
        .into_iter()
        .map(|route| {
            let label = format!("Delete route {}", route.name);
            view! {
                <tr>
                    <td><b>{route.name.clone()}</b></td>
                    <td>{any(route.settings.kind)}</td>
                    <td class="mono">{any(route.settings.message_type)}</td>
                    <td class="mono">{any(route.settings.aggregate_type)}</td>
                    <td><span class="stack-row">{icon(Icon::Arrow)}{route.settings.to}</span></td>
                    <td class="end">
                        <PostForm action=writes.delete_route>
                            <input type="hidden" name="name" value=route.name/>
                            <button type="submit" class="btn small quiet" disabled=pending aria-label=label title="Delete">{icon(Icon::Close)}</button>
                        </PostForm>
                    </td>
                </tr>
            }
        })
        .collect::<Vec<_>>();
    let content = if rows.is_empty() {
        view! { <p class="faint pad">"No routes: every message goes to the bus. A route leads the messages that match its patterns to a destination."</p> }.erased()
    } else {
        let columns =
            [("Name", ""), ("Kind", ""), ("Type", ""), ("Aggregate type", ""), ("To", ""), ("Actions", UNSEEN)];
        table("Routes", &columns, rows.erased())
    };
    view! { <section class="card" aria-labelledby="routes-title"><h2 id="routes-title">"Routes"</h2>{content}</section> }.erased()
}

fn route_form(writes: Writes) -> AnyView {
    let field = |name: &'static str, label: &'static str, placeholder: &'static str, required: bool| {
        let id = format!("route-{name}");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input id=id name=name required=required maxlength="200" autocomplete="off" placeholder=placeholder/>
            </div>
        }
    };
    view! {
        <PostForm action=writes.put_route>
            {field("name", "Name", "hotel-commands", true)}
            <div class="field">
                <label for="route-kind">"Kind"</label>
                <select id="route-kind" name="kind">
                    <option value="">"any"</option>
                    <option value="event">"event"</option>
                    <option value="command">"command"</option>
                </select>
            </div>
            {field("message_type", "Type (pattern)", "Book*; empty for any", false)}
            {field("aggregate_type", "Aggregate type (pattern)", "hotels; empty for any", false)}
            {field("to", "To (destination)", "hotels-http", true)}
            {move || writes.put_route.value().get().and_then(Result::err).map(|error| refusal(&error))}
            <footer><SubmitButton label="Save" pending=writes.put_route.pending()/></footer>
        </PostForm>
    }
    .erased()
}
