//! Two versions of a definition beside each other: on one drawing, and in words. An old one can be published again.

mod drawing;
mod words;

use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use self::{
    drawing::{drawn, legend},
    words::{in_words, of_sagas},
};
use super::{parameter, segment};
use crate::{
    call::{self, PublishAgain},
    clock::grouped,
    component::{
        badge::toned,
        confirm::{Dialog, DialogButton, SubmitButton},
        failure::refusal,
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
    },
    dom,
    erased::Erase,
    link,
    live::Live,
    model::{Compared, ComparisonView, DefinitionSummary, Side},
    read::Read,
};

pub fn compare_page(kind: DefinitionKind) -> AnyView {
    let live = Live::expect();
    let (name, from, to) = (segment("name"), parameter("from"), parameter("to"));
    let again = ServerAction::<PublishAgain>::new();
    let read = Read::new(
        move || (name.get(), from.get(), to.get(), live.definitions(), live.instances()),
        move |(name, from, to, ..)| call::compare_versions(kind, name, from, to),
    );
    let navigate = use_navigate();
    Effect::new(move |before: Option<usize>| {
        let version = again.version().get();
        let is_new = before.is_some_and(|before| before != version);
        if is_new && matches!(again.value().get_untracked(), Some(Ok(()))) {
            navigate(&link::definition(kind, &name.get_untracked()), NavigateOptions::default());
        }
        version
    });
    loaded(read, move |view| draw(view, again)).erased()
}

fn draw(view: ComparisonView, again: ServerAction<PublishAgain>) -> AnyView {
    let summary = &view.summary;
    let (list, href) = match summary.kind {
        DefinitionKind::Process => ("Processes", "/processes"),
        DefinitionKind::Saga => ("Sagas", "/sagas"),
    };
    let base = link::definition(summary.kind, &summary.name);
    let crumbs = vec![(list.to_owned(), href.to_owned()), (summary.name.clone(), base)];
    let sides = format!("{} → {}", short(view.from), short(view.to));
    let old = old_versions(&view);
    let buttons = old.iter().map(|version| again_button(*version, again)).collect_view();
    let dialogs = old.iter().map(|version| again_dialog(*version, summary, again)).collect_view();
    let content = content(&view);
    view! {
        <PageHead
            title=format!("Versions of {} compared", summary.name)
            crumbs=crumbs
            beside=move || toned("plain", sides.clone()).into_any()
        >
            {buttons}
        </PageHead>
        <div class="content">
            {chooser(&view)}
            {content}
        </div>
        {dialogs}
    }
    .erased()
}

fn short(side: Side) -> String {
    match side {
        Side::Version(number) => format!("v{number}"),
        Side::Draft => "draft".to_owned(),
    }
}

fn content(view: &ComparisonView) -> AnyView {
    let note = |text: String| view! { <section class="card"><p class="all-well">{text}</p></section> }.erased();
    match &view.outcome {
        Compared::Only => note(format!("There is only {}, and nothing to compare it with yet.", view.to)),
        Compared::Same => note(format!("Both sides are {}. Choose another one above.", view.to)),
        Compared::Unreadable(side) => view! {
            <div class="card failure" role="alert">
                <h2>"This cannot be compared"</h2>
                <p>{format!("The text of {side} is neither YAML nor JSON. Mend it, then compare.")}</p>
            </div>
        }
        .erased(),
        Compared::Processes { comparison, drawing } => {
            let name = &view.summary.name;
            let drawing = match drawing {
                Some(drawing) => drawn(drawing, &format!("{name}, {} and {}", view.from, view.to)),
                None => {
                    view! { <p class="faint pad">"There is too much to draw. Below is what is different."</p> }.erased()
                }
            };
            view! {
                <section class="card" aria-labelledby="drawing-title">
                    <h2 id="drawing-title">"Both on one drawing"<small>{legend()}</small></h2>
                    {drawing}
                </section>
                {in_words(comparison)}
            }
            .erased()
        }
        Compared::Sagas(fields) => of_sagas(fields),
    }
}

/// Two lists to choose from; the address holds what is chosen.
fn chooser(view: &ComparisonView) -> AnyView {
    let navigate = use_navigate();
    let path = format!("{}/compare", link::definition(view.summary.kind, &view.summary.name));
    let target = path.clone();
    let submit = move |event: leptos::web_sys::SubmitEvent| {
        event.prevent_default();
        let query = dom::form_of(&event).map(|form| dom::query_of(&form)).unwrap_or_default();
        navigate(&format!("{target}?{query}"), NavigateOptions { scroll: false, ..Default::default() });
    };
    let swapped = link::link(&path, &[("from", &view.to.parameter()), ("to", &view.from.parameter())]);
    view! {
        <form class="filters" method="get" action=path aria-label="Versions to compare" on:submit=submit>
            {side(view, "from", "From", view.from)}
            {side(view, "to", "To", view.to)}
            <button class="btn" type="submit">"Compare"</button>
            <a class="btn quiet" href=swapped>"Swap"</a>
        </form>
    }
    .erased()
}

fn side(view: &ComparisonView, name: &'static str, label: &'static str, chosen: Side) -> AnyView {
    let option = |side: Side, words: String| {
        view! { <option value=side.parameter() selected=side == chosen>{words}</option> }
    };
    let draft = view.summary.has_draft.then(|| option(Side::Draft, "Draft".to_owned()));
    let versions = view.versions.iter().map(|version| {
        let words = format!("v{} ({} live, {} ended)", version.version, grouped(version.live), grouped(version.ended));
        option(Side::Version(version.version), words)
    });
    view! {
        <label class="field">
            <span>{label}</span>
            <select name=name prop:value=chosen.parameter() on:change=|event| dom::submit_form_of(&event)>
                {draft}{versions.collect_view()}
            </select>
        </label>
    }
    .erased()
}

/// The versions on this page that are not the newest, the older first.
fn old_versions(view: &ComparisonView) -> Vec<u32> {
    let number = |side: Side| match side {
        Side::Version(number) if view.summary.version != Some(number) => Some(number),
        _ => None,
    };
    let mut numbers: Vec<u32> = [view.from, view.to].into_iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn dialog_of(version: u32) -> String {
    format!("again-{version}")
}

fn again_button(version: u32, again: ServerAction<PublishAgain>) -> AnyView {
    let forget = Callback::new(move |()| again.clear());
    let label = format!("Publish v{version} again…");
    view! { <DialogButton opens=dialog_of(version) label=label on_open=forget/> }.erased()
}

fn again_dialog(version: u32, summary: &DefinitionSummary, again: ServerAction<PublishAgain>) -> AnyView {
    let next = summary.version.map_or(1, |newest| newest + 1);
    let field = format!("again-note-{version}");
    let draft = if summary.has_draft { " The draft stays as it is." } else { "" };
    let words = format!(
        "Version {next} will have the text of version {version}, and new instances take it. Those that are live stay on their version until somebody migrates them.{draft}"
    );
    let (kind, name) = (summary.kind.as_str().to_owned(), summary.name.clone());
    view! {
        <Dialog id=dialog_of(version) title=format!("Publish version {version} again")>
            <PostForm action=again>
                <p>{words}</p>
                <input type="hidden" name="kind" value=kind/>
                <input type="hidden" name="name" value=name/>
                <input type="hidden" name="version" value=version.to_string()/>
                <div class="field">
                    <label for=field.clone()>"What changed (optional)"</label>
                    <input id=field name="note" maxlength="500" autocomplete="off" value=format!("Back to version {version}")/>
                </div>
                {move || again.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label=format!("Publish as version {next}") pending=again.pending()/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}
