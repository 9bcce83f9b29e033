//! Sources: where messages are taken in from beside the outbox and the bus, how that goes, and the wizard for a new one.

mod controls;
mod documents;
mod fields;
mod preview;
mod wizard;

use baton_domain::source::Mode;
use leptos::prelude::*;

pub use self::wizard::NewSourcePage;
use crate::{
    call::{self, DeleteSource, PauseSource},
    clock::grouped,
    component::{
        badge::toned,
        confirm::{Dialog, DialogButton, ReasonField, SubmitButton, close_when_done},
        empty::Empty,
        failure::refusal,
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
        size::bytes,
        table::{UNSEEN, table},
        time::past,
    },
    erased::Erase,
    link,
    live::Live,
    model::{Source, SourceSettings, SourceState},
    read::Read,
};

/// A server that keeps more of its log than this is an alarm: 1 GB, as for the relay's own slot.
const KEPT_BYTES_MAX: u64 = 1_000_000_000;

/// The writes of the page; they outlive every redrawing.
#[derive(Clone, Copy)]
struct Writes {
    pause: ServerAction<PauseSource>,
    delete: ServerAction<DeleteSource>,
}

#[component]
pub fn SourcesPage() -> AnyView {
    let live = Live::expect();
    let writes = Writes { pause: ServerAction::new(), delete: ServerAction::new() };
    let changed = move || (live.destinations(), writes.pause.version().get(), writes.delete.version().get());
    let sources = Read::new(changed, |_| call::list_sources());
    view! {
        <PageHead title="Sources">
            <a class="btn" href="/sources/new?kind=documents">"Documents…"</a>
            <a class="btn primary" href="/sources/new">"New source…"</a>
        </PageHead>
        <div class="content">
            <div role="status">{move || left_behind(writes)}</div>
            {loaded(sources, move |sources| draw(sources, writes))}
        </div>
    }
    .erased()
}

/// What the source that was removed last left behind over there.
fn left_behind(writes: Writes) -> Option<AnyView> {
    let left = writes.delete.value().get()?.ok()??;
    Some(view! { <p class="caution">"The source is removed. "{left}</p> }.erased())
}

fn draw(sources: Vec<Source>, writes: Writes) -> AnyView {
    if sources.is_empty() {
        return view! {
            <section class="card">
                <Empty title="Nothing is taken in from elsewhere" text="A source is the outbox table of another system. Baton reads its rows as messages, in order and each once, and marks or deletes them, or only reads. Presets know the tables of Debezium, Eventuate Tram, MassTransit, Wolverine and Watermill. Documents of MongoDB that hold their own events are sources too.">
                    <p><a class="btn primary" href="/sources/new">"New source…"</a></p>
                </Empty>
            </section>
        }
        .erased();
    }
    let dialogs = sources.iter().map(|source| dialogs(source, writes)).collect_view();
    let rows = sources.into_iter().map(|source| row(source, writes)).collect_view();
    let columns = [
        ("Name", ""),
        ("Table", ""),
        ("State", ""),
        ("Mode", "opt"),
        ("Taken in", "num"),
        ("Waiting", "num"),
        ("Last", "opt"),
        ("Actions", UNSEEN),
    ];
    let table = table("Sources", &columns, rows.erased());
    view! { <section class="card" aria-labelledby="sources-title"><h2 id="sources-title" class="visually-hidden">"All sources"</h2>{table}</section>{dialogs} }.erased()
}

fn row(source: Source, writes: Writes) -> AnyView {
    let name = source.name.clone();
    let (place, mode) = match &source.settings {
        SourceSettings::Table(table) => {
            let schema = table.schema.as_deref().map_or_else(String::new, |schema| format!("{schema}."));
            let database = table.database.clone().unwrap_or_else(|| "Baton's own database".to_owned());
            (view! { <span class="stack"><span class="mono">{format!("{schema}{}", table.table)}</span><small class="faint">{database}</small></span> }.erased(), table.mode.as_str())
        }
        SourceSettings::Documents(documents) => {
            let collection = format!("{}.{}", documents.database, documents.collection);
            let server = documents.server.clone();
            (view! { <span class="stack"><span class="mono">{collection}</span><small class="faint">{server}</small></span> }.erased(), documents.mode.as_str())
        }
    };
    let failures = link::link("/failures", &[]);
    let unreadable = (source.unreadable > 0)
        .then(|| view! { <small><a class="bad" href=failures>{format!("{} unreadable", grouped(source.unreadable))}</a></small> });
    let waiting = source.waiting.map(|number| match number {
        10_000.. => "10,000 or more".to_owned(),
        _ => grouped(number),
    });
    // What is read by the log has bytes there, and no number.
    let waiting = waiting.or_else(|| source.kept_bytes.is_none().then(|| "—".to_owned()));
    let kept = source.kept_bytes.map(|kept| {
        let class = if kept > KEPT_BYTES_MAX { "bad" } else { "faint" };
        view! { <small class=class title="What its PostgreSQL keeps of its log until it was read">{format!("{} of log", bytes(kept))}</small> }
    });
    let last = source.last_taken_at.map_or_else(|| "—".erased(), |at| past(at).erased());
    let (pause, remove) = (format!("pause-{name}"), format!("delete-{name}"));
    let pause_word = if source.paused { "Resume…" } else { "Pause…" };
    let edit = link::link("/sources/new", &[("edit", &name)]);
    view! {
        <tr>
            <td><b>{name.clone()}</b></td>
            <td>{place}</td>
            <td class="wrap state">{state(&source)}</td>
            <td class="opt">{mode}</td>
            <td class="num"><span class="stack">{grouped(source.taken)}{unreadable}</span></td>
            <td class="num"><span class="stack">{waiting}{kept}</span></td>
            <td class="opt">{last}</td>
            <td class="end">
                <span class="actions">
                    <a class="btn small" href=edit aria-label=format!("Edit {name}")>"Edit…"</a>
                    <DialogButton opens=pause label=pause_word class="small" on_open=Callback::new(move |()| writes.pause.clear())/>
                    <DialogButton opens=remove label="Remove…" class="small danger" on_open=Callback::new(move |()| writes.delete.clear())/>
                </span>
            </td>
        </tr>
    }
    .erased()
}

fn state(source: &Source) -> AnyView {
    let (tone, word) = match source.state {
        SourceState::New => ("waiting", "not looked at yet"),
        SourceState::Reading => ("live", "reading"),
        SourceState::Paused => ("paused", "paused"),
        SourceState::Failing => ("dead", "cannot be read"),
    };
    let error = source.error.clone().map(|error| {
        let at = source.error_at.map(|at| view! { " "{past(at)} });
        view! { <small class="bad">{error}{at}</small> }
    });
    let by = source.paused_by.clone().map(|by| {
        let reason = by.reason.map_or_else(String::new, |reason| format!(": {reason}"));
        view! { <small class="faint">"by "{by.actor}" "{past(by.at)}{reason}</small> }
    });
    view! { <span class="stack">{toned(tone, word.to_owned())}{by}{error}</span> }.erased()
}

fn dialogs(source: &Source, writes: Writes) -> AnyView {
    let (name, paused) = (source.name.clone(), source.paused);
    let (pause, remove) = (format!("pause-{name}"), format!("delete-{name}"));
    close_when_done(pause.clone(), move || {
        (writes.pause.version().get(), matches!(writes.pause.value().get(), Some(Ok(_))))
    });
    close_when_done(remove.clone(), move || {
        (writes.delete.version().get(), matches!(writes.delete.value().get(), Some(Ok(_))))
    });
    let is_log = matches!(&source.settings, SourceSettings::Table(table) if table.mode == Mode::Log);
    let slot = is_log.then_some(" The slot that it was read by is dropped.");
    let (verb, words) = if paused {
        ("Resume", "What waits there is taken in, in order.")
    } else if is_log {
        (
            "Pause",
            "Nothing is taken in until somebody resumes it, and none is lost. Meanwhile PostgreSQL keeps its log: for more than \
             some hours, remove the source instead.",
        )
    } else {
        ("Pause", "Nothing is taken in until somebody resumes it. Rows wait where they are, and none is lost.")
    };
    let paused_name = name.clone();
    let (pause_title, remove_title) = (format!("{verb} {name}?"), format!("Remove {name}?"));
    let (pause_reason, remove_reason) = (format!("{pause}-reason"), format!("{remove}-reason"));
    view! {
        <Dialog id=pause title=pause_title>
            <PostForm action=writes.pause>
                <p>{words}</p>
                <input type="hidden" name="name" value=paused_name/>
                <input type="hidden" name="paused" value=(!paused).to_string()/>
                <ReasonField id=pause_reason required=!paused/>
                {move || writes.pause.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label=verb pending=writes.pause.pending()/></footer>
            </PostForm>
        </Dialog>
        <Dialog id=remove title=remove_title>
            <PostForm action=writes.delete>
                <p>"What was taken in stays, the table stays as it is, and how far it was read is forgotten."{slot}</p>
                <input type="hidden" name="name" value=name/>
                <ReasonField id=remove_reason required=false/>
                {move || writes.delete.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label="Remove" pending=writes.delete.pending() class="danger"/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}
