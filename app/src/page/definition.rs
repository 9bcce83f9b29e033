//! One definition: drawn, its versions, and its text with what the rules say about it.

use crate::{erased::Erase, read::Encoded, read::Read};
use baton_domain::{
    definition::DefinitionKind,
    designer::{Edit, keys::Command},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;

use super::segment;
use crate::{
    call::{self, PublishDefinition, SaveDraft},
    clock::grouped,
    component::{
        badge::toned,
        canvas::{Studio, canvas_view},
        confirm::{Dialog, DialogButton, SubmitButton, close_when_done},
        diagnostics::{diagnostics_list, summary},
        diagram::diagram_view,
        editor::{EDITOR_ID, SourceEditor},
        failure::refusal,
        loaded::loaded,
        migrate::{Migrating, migrate_button, migrate_dialog},
        page_head::PageHead,
        post::PostForm,
        saga_table::saga_table,
        time::ago,
    },
    link,
    live::Live,
    model::{CheckReport, DefinitionDetail, DefinitionSummary, Drawn, VersionSummary},
    port::Answer,
};

const PUBLISH: &str = "publish-dialog";
/// Typing rests this long before the text is checked.
const CHECK_AFTER: std::time::Duration = std::time::Duration::from_millis(350);
/// … and this long before it is saved as the draft.
const SAVE_AFTER: std::time::Duration = std::time::Duration::from_millis(1_500);

/// What the page holds beside what it reads. Outlives every redrawing, so that nothing typed is lost.
#[derive(Clone, Copy)]
struct Desk {
    kind: DefinitionKind,
    name: Memo<String>,
    /// The name of the definition that is edited, and its text.
    edited: RwSignal<Option<(String, String)>>,
    /// What the rules said about the text lastly checked.
    check: Action<String, Answer<Encoded<CheckReport>>>,
    save: ServerAction<SaveDraft>,
    publish: ServerAction<PublishDefinition>,
    migrate: Migrating,
    /// The canvas of a process that is edited.
    studio: Studio,
    /// Where it was edited last: what comes from there is carried over to the other side.
    hand: RwSignal<Hand>,
    /// What was saved last, from here.
    saved: RwSignal<Option<String>>,
    /// Goes up with everything that is typed.
    typed: RwSignal<u64>,
    /// Goes up with everything that is to be saved.
    unsaved: RwSignal<u64>,
    /// The report on what is edited.
    report: RwSignal<Option<CheckReport>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    Text,
    Canvas,
}

/// What of a definition is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Newest,
    Version(u32),
    /// The draft; a fresh one begins with the newest version's text.
    Draft,
    /// The draft of a definition that does not exist yet.
    New,
}

impl Shown {
    fn edits(&self) -> bool {
        matches!(self, Self::Draft | Self::New)
    }
}

pub fn definition_page(kind: DefinitionKind) -> AnyView {
    let live = Live::expect();
    let name = segment("name");
    let query = use_query_map();
    let shown = Memo::new(move |_| {
        query.with(|query| match query.get("version").and_then(|version| version.parse().ok()) {
            Some(version) => Shown::Version(version),
            None if query.get("new").is_some() => Shown::New,
            None if query.get("draft").is_some() => Shown::Draft,
            None => Shown::Newest,
        })
    });
    let desk = Desk {
        kind,
        name,
        edited: RwSignal::new(None),
        check: Action::new(move |text: &String| call::check_source(kind, text.clone())),
        save: ServerAction::new(),
        publish: ServerAction::new(),
        migrate: ServerAction::new(),
        studio: Studio::default(),
        hand: RwSignal::new(Hand::Text),
        saved: RwSignal::new(None),
        typed: RwSignal::new(0),
        unsaved: RwSignal::new(0),
        report: RwSignal::new(None),
    };
    keep_in_step(desk);
    // What others do is read again, but not under the hands of somebody who edits: drawing the page anew would take the field
    // away that they are in.
    let news = Memo::new(move |before: Option<&u64>| {
        let now = live.definitions() + desk.save.version().get() as u64;
        let is_edited = desk.edited.with(Option::is_some) && shown.get().edits();
        before.copied().filter(|_| is_edited).unwrap_or(now)
    });
    let read = Read::new(
        move || (name.get(), shown.get(), news.get(), desk.publish.version().get()),
        move |(name, shown, ..)| read(kind, name, shown),
    );
    let published = move || matches!(desk.publish.value().get(), Some(Ok(_)));
    close_when_done(PUBLISH.to_owned(), move || (desk.publish.version().get(), published()));
    Effect::new(move |_| {
        if published() {
            desk.edited.set(None);
            desk.report.set(None);
            desk.saved.set(None);
            desk.studio.close();
        }
    });
    loaded(read, move |detail| draw(detail, shown.get(), desk)).erased()
}

async fn read(kind: DefinitionKind, name: String, shown: Shown) -> Answer<Encoded<DefinitionDetail>> {
    match shown {
        Shown::Newest => call::get_definition(kind, name, None).await,
        Shown::Version(version) => call::get_definition(kind, name, Some(version)).await,
        Shown::Draft => call::get_draft(kind, name, false).await,
        Shown::New => call::get_draft(kind, name, true).await,
    }
}

fn draw(detail: DefinitionDetail, shown: Shown, desk: Desk) -> AnyView {
    let summary = detail.summary.clone();
    let edits = shown.edits();
    let (source, first) = (detail.source.clone(), detail.check.clone());
    let text = Signal::derive(move || {
        let edited = desk.edited.get().filter(|(name, _)| edits && *name == desk.name.get());
        edited.map_or_else(|| source.clone(), |(_, text)| text)
    });
    let report = Signal::derive(move || {
        let newest = desk.report.get().filter(|_| edits && desk.edited.with(Option::is_some));
        newest.unwrap_or_else(|| first.clone())
    });
    let saga = summary.kind == DefinitionKind::Saga;
    let draws = edits && !saga;
    if draws {
        desk.studio.open(&summary.name, &detail.check);
    }
    let name = summary.name.clone();
    let diagram = move || {
        report.with(|report| match &report.diagram {
            Some(diagram) => diagram_view(diagram, &name, None),
            None => view! { <p class="faint pad">"The text cannot be drawn yet: mend the errors below."</p> }.erased(),
        })
    };
    view! {
        {head(&detail, edits, report, desk)}
        <div class="content">
            {if edits { saved(detail.source.clone(), text, desk) } else { ().erased() }}
            {if draws && desk.studio.is_open() {
                let findings = Signal::derive(move || report.with(|report| report.diagnostics.clone()));
                canvas_view(desk.studio, summary.name.clone(), findings)
            } else {
                view! {
                    <section class="card" aria-labelledby="diagram-title">
                        <h2 id="diagram-title">"Diagram"</h2>
                        {diagram}
                    </section>
                }
                .erased()
            }}
            {saga.then_some(move || report.with(|report| report.document.as_ref().and_then(saga_table)))}
            <div class="split wide-left">
                {source_card(edits, text, desk)}
                <div class="stacked">
                    <section class="card" aria-labelledby="findings-title">
                        <h2 id="findings-title">"Findings"<small>{move || report.with(summary_of)}</small></h2>
                        <div aria-live="polite">
                            {move || diagnostics_list(report.with(|report| report.diagnostics.clone()), text, EDITOR_ID)}
                        </div>
                    </section>
                    {versions(&detail, &shown)}
                </div>
            </div>
        </div>
        {edits.then(|| publish_dialog(summary, text, desk))}
        {migrate_dialog(&detail, desk.migrate).filter(|_| !edits)}
    }
    .erased()
}

fn summary_of(report: &CheckReport) -> String {
    summary(&report.diagnostics)
}

fn head(detail: &DefinitionDetail, edits: bool, report: Signal<CheckReport>, desk: Desk) -> AnyView {
    let summary = &detail.summary;
    let (list, href) = match summary.kind {
        DefinitionKind::Process => ("Processes", "/processes"),
        DefinitionKind::Saga => ("Sagas", "/sagas"),
    };
    let base = link::definition(summary.kind, &summary.name);
    let badge = match (detail.shown, edits, summary.version) {
        (_, true, Some(version)) => format!("draft after v{version}"),
        (_, true, None) | (None, false, _) => "draft".to_owned(),
        (Some(version), false, _) => format!("v{version}"),
    };
    let instances = link::link("/instances", &[("kind", summary.kind.as_str()), ("definition", &summary.name)]);
    let start = (summary.kind == DefinitionKind::Process && summary.version.is_some()).then(|| {
        view! { <a class="btn primary" href=format!("{base}/start")>"Start"</a> }
    });
    let live = format!("{} live", grouped(summary.live));
    let actions = if edits {
        let broken =
            move || report.with(|report| report.diagnostics.iter().any(baton_domain::diagnostic::Diagnostic::is_error));
        view! {
            <a class="btn quiet" href=base.clone()>"Leave the draft"</a>
            <button type="submit" class="btn" form="draft-form" disabled=desk.save.pending()>"Save draft"</button>
            {move || if broken() {
                let why = "Mend the errors first; a draft with errors can be saved, not published.";
                view! { <DialogButton opens=PUBLISH label="Publish…" class="primary" refused=why.to_owned()/> }.erased()
            } else {
                let forget = Callback::new(move |()| desk.publish.clear());
                view! { <DialogButton opens=PUBLISH label="Publish…" class="primary" on_open=forget/> }.erased()
            }}
        }
        .erased()
    } else {
        let word = if summary.has_draft { "Open the draft" } else { "Edit" };
        view! {
            <a class="btn" href=instances>"Instances"</a>
            {migrate_button(detail, desk.migrate)}
            <a class="btn" href=format!("{base}?draft=1")>{word}</a>
            {start}
        }
        .erased()
    };
    view! {
        <PageHead
            title=summary.name.clone()
            crumbs=vec![(list.to_owned(), href.to_owned())]
            beside=move || view! { {toned("plain", badge.clone())}<span class="faint">{live.clone()}</span> }
        >
            {actions}
        </PageHead>
    }
    .erased()
}

/// Whether what was typed is saved.
fn saved(stored: String, text: Signal<String>, desk: Desk) -> AnyView {
    let words = move || {
        let refused = desk.save.value().get().and_then(Result::err);
        if desk.save.pending().get() {
            view! { <span class="faint">"Saving…"</span> }.erased()
        } else if let Some(error) = refused {
            refusal(&error).erased()
        } else if text.get() != desk.saved.get().unwrap_or_else(|| stored.clone()) {
            view! { <span class="faint">"Not saved yet"</span> }.erased()
        } else {
            view! { <span class="faint">"Saved. What you type is saved as the draft as you go."</span> }.erased()
        }
    };
    view! { <p role="status" class="saved">{words}</p> }.erased()
}

/// Carries edits of the text over to the canvas, and those of the canvas to the text.
fn keep_in_step(desk: Desk) {
    let studio = desk.studio;
    let save = move || {
        let name = desk.name.get_untracked();
        let edited = desk.edited.get_untracked().filter(|(of, _)| *of == name);
        if let Some((name, source)) = edited {
            desk.save.dispatch(SaveDraft { kind: desk.kind, name, source });
        }
    };
    Effect::new(move |_| {
        desk.name.track();
        desk.saved.set(None);
    });
    // Whatever was sent last is what is saved once the answer is good.
    let sent = StoredValue::new(None::<String>);
    Effect::new(move |_| {
        if let Some(input) = desk.save.input().get() {
            sent.set_value(Some(input.source));
        }
    });
    Effect::new(move |_| {
        if matches!(desk.save.value().get(), Some(Ok(()))) {
            desk.saved.set(sent.get_value());
        }
    });
    // Typed: checked by the server, then drawn. The timers are the page's: those of a card would end with it when the page
    // is drawn again, and what was typed a moment before would be neither checked nor saved.
    let mut check_later = debounce(CHECK_AFTER, move |text: String| drop(desk.check.dispatch(text)));
    Effect::new(move |before: Option<u64>| {
        let typed = desk.typed.get();
        if let Some((_, text)) = desk.edited.get_untracked().filter(|_| before.is_some_and(|before| before != typed)) {
            check_later(text);
            desk.unsaved.update(|unsaved| *unsaved += 1);
        }
        typed
    });
    Effect::new(move |_| {
        let Some(Ok(checked)) = desk.check.value().get() else { return };
        let Ok(report) = checked.decode() else { return };
        if desk.hand.get_untracked() == Hand::Text {
            studio.rewrite(&report);
            desk.report.set(Some(report));
        }
    });
    // Drawn: written by the server.
    let mut save_later = debounce(SAVE_AFTER, move |()| save());
    Effect::new(move |before: Option<u64>| {
        let unsaved = desk.unsaved.get();
        if before.is_some_and(|before| before != unsaved) {
            save_later(());
        }
        unsaved
    });
    let mut write_later = debounce(CHECK_AFTER, move |revision: u64| {
        spawn_local(async move {
            let answer = call::draw(desk.kind, studio.document()).await.and_then(|drawn| drawn.decode());
            // Meanwhile somebody may have drawn on, typed, or left.
            let is_newest = studio.revision.try_get_untracked() == Some(revision);
            if let (Ok(Drawn { source, check }), true) = (answer, is_newest)
                && desk.hand.get_untracked() == Hand::Canvas
            {
                desk.edited.set(Some((desk.name.get_untracked(), source)));
                desk.report.set(Some(check));
                desk.unsaved.update(|unsaved| *unsaved += 1);
            }
        });
    });
    Effect::new(move |before: Option<u64>| {
        let revision = studio.revision.get();
        if before.is_some_and(|before| before != revision) {
            desk.hand.set(Hand::Canvas);
            write_later(revision);
        }
        revision
    });
    let tidy = move || {
        spawn_local(async move {
            let places = call::tidy(studio.document()).await.and_then(|places| places.decode());
            if studio.revision.try_get_untracked().is_some()
                && let Ok(positions) = places
            {
                studio.commit(vec![Edit::Tidy { positions }]);
                studio.press(Command::Fit);
            }
        });
    };
    Effect::new(move |_| match studio.wanted.get() {
        Some(Command::Tidy) => {
            studio.wanted.set(None);
            tidy();
        }
        Some(Command::Save) => {
            studio.wanted.set(None);
            save();
        }
        _ => {}
    });
}

fn source_card(edits: bool, text: Signal<String>, desk: Desk) -> AnyView {
    let save_now = move || {
        let name = desk.name.get_untracked();
        desk.save.dispatch(SaveDraft { kind: desk.kind, name, source: text.get_untracked() });
    };
    let changed = Callback::new(move |typed: String| {
        desk.hand.set(Hand::Text);
        desk.edited.set(Some((desk.name.get_untracked(), typed)));
        desk.typed.update(|typed| *typed += 1);
    });
    let save = Callback::new(move |()| {
        if edits {
            save_now();
        }
    });
    let kind = if desk.kind == DefinitionKind::Process { "process" } else { "saga" };
    let editor = view! { <SourceEditor text changed save read_only=!edits/> };
    let content = if edits {
        view! {
            <PostForm action=desk.save id="draft-form">
                <input type="hidden" name="kind" value=kind/>
                <input type="hidden" name="name" value=desk.name.get_untracked()/>
                {editor}
            </PostForm>
        }
        .erased()
    } else {
        editor.erased()
    };
    let notes = match (edits, desk.kind) {
        (true, DefinitionKind::Process) => "YAML or JSON. Drawing writes it anew, without its comments.",
        _ => "YAML or JSON",
    };
    view! {
        <section class="card" aria-labelledby="source-title">
            <h2 id="source-title">"Definition"<small>{notes}</small></h2>
            {content}
        </section>
    }
    .erased()
}

fn versions(detail: &DefinitionDetail, shown: &Shown) -> AnyView {
    let base = link::definition(detail.summary.kind, &detail.summary.name);
    let draft = (detail.summary.has_draft || shown.edits()).then(|| {
        let current = shown.edits().then_some("true");
        view! { <li><a href=format!("{base}?draft=1") aria-current=current>"Draft"</a></li> }
    });
    let current = if shown.edits() { None } else { detail.shown };
    let items = detail
        .versions
        .iter()
        .map(|version| version_item(version, &base, &detail.summary.name, current == Some(version.version)))
        .collect_view();
    let content = if detail.versions.is_empty() && draft.is_none() {
        view! { <p class="faint pad">"Not published yet."</p> }.erased()
    } else {
        view! { <ul class="versions">{draft}{items}</ul> }.erased()
    };
    view! {
        <section class="card" aria-labelledby="versions-title"><h2 id="versions-title">"Versions"</h2>{content}</section>
    }
    .erased()
}

fn version_item(version: &VersionSummary, base: &str, name: &str, current: bool) -> AnyView {
    let number = version.version.to_string();
    let instances = link::link("/instances", &[("definition", name), ("version", &number)]);
    let counts = format!("{} live, {} ended", grouped(version.live), grouped(version.ended));
    view! {
        <li>
            <a href=format!("{base}?version={}", version.version) aria-current=current.then_some("true")>{format!("v{}", version.version)}</a>
            <span class="faint">{ago(version.published_at)}" by "{version.published_by.clone()}</span>
            <a class="end faint" href=instances>{counts}</a>
            <a href=format!("{base}/compare?from={number}") aria-label=format!("Compare v{number}")>"Compare"</a>
            {version.note.clone().map(|note| view! { <p>{note}</p> })}
        </li>
    }
    .erased()
}

fn publish_dialog(summary: DefinitionSummary, text: Signal<String>, desk: Desk) -> AnyView {
    let next = summary.version.map_or(1, |version| version + 1);
    let kind = if desk.kind == DefinitionKind::Process { "process" } else { "saga" };
    let running = match summary.live {
        0 => "No instance runs on an older version.".to_owned(),
        live => format!("{} live instances stay on their version until somebody migrates them.", grouped(live)),
    };
    view! {
        <Dialog id=PUBLISH title=format!("Publish version {next}")>
            <PostForm action=desk.publish>
                <p>{running}" A published version never changes."</p>
                <input type="hidden" name="kind" value=kind/>
                <input type="hidden" name="name" value=summary.name/>
                <input type="hidden" name="source" prop:value=text value=text.get_untracked()/>
                <div class="field">
                    <label for="publish-note">"What changed (optional)"</label>
                    <input id="publish-note" name="note" maxlength="500" autocomplete="off"/>
                </div>
                {move || desk.publish.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label="Publish" pending=desk.publish.pending()/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}
