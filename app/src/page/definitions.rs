//! The lists of processes and of sagas.

use crate::{erased::Erase, read::Read};
use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::import::import_section;
use crate::{
    call,
    clock::grouped,
    component::{
        badge::toned,
        code::Snippet,
        empty::Empty,
        loaded::loaded,
        page_head::PageHead,
        table::{UNSEEN, table},
        time::ago_or_dash,
    },
    dom,
    form::humanised,
    link,
    live::Live,
    model::{DefinitionSummary, EXAMPLES},
};

/// What differs between the two kinds, in words.
struct Words {
    title: &'static str,
    one: &'static str,
    explained: &'static str,
    path: &'static str,
    apply: &'static str,
}

fn words(kind: DefinitionKind) -> Words {
    match kind {
        DefinitionKind::Process => Words {
            title: "Processes",
            one: "process",
            explained: "A process is a procedure that somebody starts: it sends commands, waits for their answers, decides, and asks people. Write one below, begin with an example, or apply a file.",
            path: "/processes",
            apply: "baton definition example trip-booking > trip-booking.yaml\nbaton definition apply trip-booking.yaml",
        },
        DefinitionKind::Saga => Words {
            title: "Sagas",
            one: "saga",
            explained: "A saga starts by itself when its event is observed, and sends the next command. Write one below, begin with an example, or apply a file.",
            path: "/sagas",
            apply: "baton definition example campaign-publishing > campaign-publishing.yaml\nbaton definition apply campaign-publishing.yaml",
        },
    }
}

pub fn definitions_page(kind: DefinitionKind) -> AnyView {
    let live = Live::expect();
    let words = words(kind);
    let read = Read::new(move || (live.definitions(), live.instances()), move |_| call::list_definitions(kind));
    view! {
        <PageHead title=words.title/>
        <div class="content">
            {loaded(read, move |definitions| draw(kind, definitions))}
            <NewDefinition path=words.path one=words.one/>
            {import_section(kind)}
        </div>
    }
    .erased()
}

fn draw(kind: DefinitionKind, definitions: Vec<DefinitionSummary>) -> AnyView {
    let words = words(kind);
    let examples = examples(kind, &definitions);
    if definitions.is_empty() {
        return view! {
            <section class="card">
                <Empty title=format!("No {} yet", words.title.to_lowercase()) text=words.explained>
                    {examples}
                    <Snippet label="Shell" text=words.apply/>
                </Empty>
            </section>
        }
        .erased();
    }
    let rows = definitions.into_iter().map(|definition| row(kind, definition)).collect_view();
    let columns = [
        ("Name", ""),
        ("Version", ""),
        ("Live", "num"),
        ("Stuck", "num"),
        ("Ended", "num opt"),
        ("Published", "opt"),
        ("Actions", UNSEEN),
    ];
    view! { <section class="card">{table(words.title, &columns, rows.erased())}</section> {examples} }.erased()
}

/// Links that begin with an example that is not there yet.
fn examples(kind: DefinitionKind, there: &[DefinitionSummary]) -> Option<AnyView> {
    let missing = |name: &str| there.iter().all(|definition| definition.name != name);
    let names: Vec<_> =
        EXAMPLES.iter().filter(|(of, name)| *of == kind && missing(name)).map(|(_, name)| *name).collect();
    if names.is_empty() {
        return None;
    }
    let links = names.into_iter().map(|name| {
        let href = link::link(&link::definition(kind, name), &[("new", "1")]);
        view! { <a class="btn small" href=href>{humanised(name)}</a> }
    });
    Some(
        view! { <p class="examples"><span class="faint">"Begin with an example:"</span>{links.collect_view()}</p> }
            .erased(),
    )
}

fn row(kind: DefinitionKind, definition: DefinitionSummary) -> AnyView {
    let process = kind == DefinitionKind::Process;
    let href = if process { link::process(&definition.name) } else { link::saga(&definition.name) };
    let start = (process && definition.version.is_some()).then(|| {
        let label = format!("Start {}", definition.name);
        view! { <a class="btn small above" href=format!("{href}/start") aria-label=label>"Start"</a> }
    });
    let version = definition.version.map(|version| format!("v{version}"));
    let draft = definition.has_draft.then(|| toned("plain", "draft".to_owned()));
    let count = |state: &str, number: u64| {
        let list =
            link::link("/instances", &[("kind", kind.as_str()), ("definition", &definition.name), ("state", state)]);
        view! { <td class="num"><a class="above" href=list>{grouped(number)}</a></td> }
    };
    let by = definition.published_by.clone().map(|by| format!(" by {by}"));
    view! {
        <tr class="row">
            <td><a class="cover" href=href.clone()><b>{definition.name.clone()}</b></a></td>
            <td><span class="stack-row">{version}{draft}</span></td>
            {count("", definition.live)}
            {count("stuck", definition.stuck)}
            <td class="num opt">{grouped(definition.ended)}</td>
            <td class="opt">{ago_or_dash(definition.published_at)}{by}</td>
            <td class="end">{start}</td>
        </tr>
    }
    .erased()
}

/// Names a new definition and goes on to its editor.
#[component]
fn NewDefinition(path: &'static str, one: &'static str) -> impl IntoView {
    let navigate = use_navigate();
    let name = RwSignal::new(String::new());
    let submit = move |event: leptos::web_sys::SubmitEvent| {
        event.prevent_default();
        let name = name.get_untracked().trim().to_owned();
        if name.is_empty() {
            dom::focus("new-name");
            return;
        }
        let base = if path == "/processes" { link::process(&name) } else { link::saga(&name) };
        navigate(&format!("{base}?new=1"), Default::default());
    };
    view! {
        <form class="inline-form" aria-label=format!("New {one}") on:submit=submit>
            <div class="field">
                <label for="new-name">{format!("New {one}")}</label>
                <input
                    id="new-name"
                    required
                    pattern="[a-z][a-z0-9\\-]*"
                    maxlength="100"
                    autocomplete="off"
                    placeholder="name-like-this"
                    title="Lower-case letters, digits and hyphens"
                    prop:value=name
                    on:input=move |event| name.set(event_target_value(&event))
                />
            </div>
            <button type="submit" class="btn">"Write it"</button>
        </form>
    }
}
