//! One definition: drawn, its versions, and its text with what the rules say about it.

mod desk;
mod draft;
mod left;
mod publish;
mod source;
mod versions;

use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use self::{
    desk::Desk,
    publish::{publish_button, publish_dialog},
    source::{DRAFT_FORM, source_card},
    versions::versions,
};
use super::segment;
use crate::{
    call,
    clock::grouped,
    component::{
        badge::toned,
        canvas::canvas_view,
        diagnostics::{diagnostics_list, summary},
        diagram::diagram_view,
        editor::EDITOR_ID,
        exchange::{export_menu, import_button, import_report},
        loaded::loaded,
        migrate::{Migrating, migrate_button, migrate_dialog},
        page_head::PageHead,
        saga_table::saga_table,
        trial::{Bench, trial_panel},
    },
    erased::Erase,
    link,
    live::Live,
    model::{CheckReport, DefinitionDetail},
    port::Answer,
    read::{Encoded, Read},
};

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
    // What lies on the desk belongs to one draft: another one gets a desk of its own.
    let edited = Memo::new(move |_| (name.get(), shown.with(Shown::edits)));
    (move || match edited.get() {
        (name, true) => edit_page(kind, name, shown.get_untracked()),
        (name, false) => read_page(kind, name, shown),
    })
    .erased()
}

fn read_page(kind: DefinitionKind, name: String, shown: Memo<Shown>) -> AnyView {
    let live = Live::expect();
    let migrate: Migrating = ServerAction::new();
    let bench = Bench::new(None);
    let read = Read::new(
        move || (shown.get(), live.definitions()),
        move |(shown, _)| {
            let name = name.clone();
            read(kind, name, shown)
        },
    );
    loaded(read, move |detail| {
        let text = Signal::stored(detail.source.clone());
        let report = Signal::stored(detail.check.clone());
        page(&detail, &shown.get_untracked(), text, report, (Beside::Migrating(migrate), bench))
    })
    .erased()
}

/// Nothing is read anew under the hands of somebody who edits: drawing the page again would take away the field that
/// they are in. The desk itself looks what others do.
fn edit_page(kind: DefinitionKind, name: String, shown: Shown) -> AnyView {
    let desk = Desk::new(kind, name.clone());
    let bench = Bench::new(Some(Callback::new(move |text| desk.typed(text))));
    let asked = shown.clone();
    let read = Read::new(|| (), move |()| read(kind, name.clone(), asked.clone()));
    loaded(read, move |detail| {
        desk.open(&detail);
        page(&detail, &shown, desk.text(), desk.report(), (Beside::Desk(desk), bench))
    })
    .erased()
}

async fn read(kind: DefinitionKind, name: String, shown: Shown) -> Answer<Encoded<DefinitionDetail>> {
    match shown {
        Shown::Newest => call::get_definition(kind, name, None).await,
        Shown::Version(version) => call::get_definition(kind, name, Some(version)).await,
        Shown::Draft => call::get_draft(kind, name, false).await,
        Shown::New => call::get_draft(kind, name, true).await,
    }
}

/// What a page is made with, beside what it shows.
#[derive(Clone, Copy)]
#[expect(clippy::large_enum_variant, reason = "handles, of which a page has one")]
enum Beside {
    Desk(Desk),
    Migrating(Migrating),
}

impl Beside {
    fn desk(self) -> Option<Desk> {
        match self {
            Self::Desk(desk) => Some(desk),
            Self::Migrating(_) => None,
        }
    }
}

fn page(
    detail: &DefinitionDetail,
    shown: &Shown,
    text: Signal<String>,
    report: Signal<CheckReport>,
    (beside, bench): (Beside, Bench),
) -> AnyView {
    let summary = &detail.summary;
    let saga = summary.kind == DefinitionKind::Saga;
    let (dialogs, status) = match beside {
        Beside::Desk(desk) => (
            view! { {publish_dialog(summary.clone(), text, desk)} {draft::discard_dialog(desk, summary.version.is_some())} }
                .erased(),
            view! { {draft::left_before(desk)} {draft::conflict(desk)} {draft::status(desk)} {import_report(desk.importing)} }.erased(),
        ),
        Beside::Migrating(migrate) => (migrate_dialog(detail, migrate).erased(), ().erased()),
    };
    let studio = beside.desk().map(|desk| desk.studio);
    let content = view! {
            {status}
            {drawing(&summary.name, report, beside.desk())}
            {trial_panel(bench, summary.name.clone(), text, report)}
            {(saga && beside.desk().is_none()).then_some(move || report.with(|report| report.document.as_ref().and_then(saga_table)))}
            <div class="split wide-left">
                {source_card(summary.kind, text, beside.desk())}
                <div class="stacked">
                    <section class="card" aria-labelledby="findings-title">
                        <h2 id="findings-title">"Findings"<small>{move || report.with(summary_of)}</small></h2>
                        <div aria-live="polite">
                            {move || diagnostics_list(report.with(|report| report.diagnostics.clone()), text, EDITOR_ID, studio)}
                        </div>
                    </section>
                    {versions(detail, shown)}
                </div>
            </div>
    }
    .erased();
    view! {
        {head(detail, report, beside)}
        {match beside.desk() {
            Some(desk) => desk.importing.drop_zone(Signal::stored(Some(desk.name())), "content", content),
            None => view! { <div class="content">{content}</div> }.erased(),
        }}
        {dialogs}
    }
    .erased()
}

fn summary_of(report: &CheckReport) -> String {
    summary(&report.diagnostics)
}

/// The canvas of what is edited, as soon as its text can be read; else the diagram.
fn drawing(name: &str, report: Signal<CheckReport>, desk: Option<Desk>) -> AnyView {
    let name = name.to_owned();
    let shown = name.clone();
    let diagram = move || {
        report.with(|report| match &report.diagram {
            Some(diagram) => diagram_view(diagram, &shown, None),
            None => view! { <p class="faint pad">"The text cannot be drawn yet: mend the errors below."</p> }.erased(),
        })
    };
    let card = move || {
        view! {
            <section class="card" aria-labelledby="diagram-title">
                <h2 id="diagram-title">"Diagram"</h2>
                {diagram.clone()}
            </section>
        }
        .erased()
    };
    match desk {
        Some(desk) => {
            let findings: Signal<_> = Memo::new(move |_| report.with(|report| report.diagnostics.clone())).into();
            // A text that becomes one of the other kind gets the other canvas.
            let shows = Memo::new(move |_| desk.studio.shows_saga());
            (move || match shows.get() {
                Some(_) => canvas_view(desk.studio, name.clone(), findings),
                None => card(),
            })
            .erased()
        }
        None => card(),
    }
}

fn head(detail: &DefinitionDetail, report: Signal<CheckReport>, beside: Beside) -> AnyView {
    let summary = &detail.summary;
    let list = match summary.kind {
        DefinitionKind::Process => "Processes",
        DefinitionKind::Saga => "Sagas",
    };
    let href = link::definitions(summary.kind);
    let base = link::definition(summary.kind, &summary.name);
    let badge = match (detail.shown, beside.desk().is_some(), summary.version) {
        (_, true, Some(version)) => format!("draft after v{version}"),
        (_, true, None) | (None, false, _) => "draft".to_owned(),
        (Some(version), false, _) => format!("v{version}"),
    };
    let instances = link::link("/instances", &[("kind", summary.kind.as_str()), ("definition", &summary.name)]);
    let start = (summary.kind == DefinitionKind::Process && summary.version.is_some()).then(|| {
        view! { <a class="btn primary" href=format!("{base}/start")>"Start"</a> }
    });
    let live = format!("{} live", grouped(summary.live));
    let actions = match beside {
        Beside::Desk(desk) => view! {
            <a class="btn quiet" href=base.clone()>"Leave the draft"</a>
            {draft::discard_button(desk)}
            {import_button(desk.importing, Signal::stored(Some(desk.name())))}
            {export_menu(summary.kind, &summary.name, None)}
            <button type="submit" class="btn" form=DRAFT_FORM>"Save draft"</button>
            {publish_button(report, desk)}
        }
        .erased(),
        Beside::Migrating(migrate) => {
            let word = if summary.has_draft { "Open the draft" } else { "Edit" };
            view! {
                <a class="btn" href=instances>"Instances"</a>
                {export_menu(summary.kind, &summary.name, detail.shown)}
                {migrate_button(detail, migrate)}
                <a class="btn" href=format!("{base}?draft=1")>{word}</a>
                {start}
            }
            .erased()
        }
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
