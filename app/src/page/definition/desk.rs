//! The desk of the page: what [`baton_domain::designer::desk`] says is to be done, done here.

use std::time::Duration;

use baton_domain::{
    definition::{DefinitionKind, NEWER_FORMAT},
    designer::{
        Document, Edit,
        desk::{self, Due, Failure, Reading, Saving, Stored, Task, When},
        keys::Command,
    },
};
use leptos::{prelude::*, task::spawn_local};

use super::left;
use crate::{
    call::{self, DiscardDraft, PublishDefinition},
    component::{
        canvas::{Held, Studio},
        exchange::Importing,
    },
    live::Live,
    model::{CheckReport, DefinitionDetail, Drawn, MigrationSum},
    port::{Answer, AppError},
};

/// How long the hands rest before the other side follows, and before what they did is stored.
const RESTING: Duration = Duration::from_millis(350);
const SETTLED: Duration = Duration::from_millis(1_500);
const LATER: Duration = Duration::from_secs(3);
/// How many texts are kept to go back to.
const TEXTS_MAX: usize = 5;

/// What the page holds beside what it reads; one for each draft that is edited.
#[derive(Clone, Copy)]
pub struct Desk {
    pub kind: DefinitionKind,
    name: StoredValue<String>,
    /// `None` until it was read.
    state: Held<Option<desk::Desk>>,
    /// What the rules said lastly about the text as it is.
    report: Held<Option<CheckReport>>,
    /// The last documents that were read from texts, each with its text: whoever goes back to one gets the text back, with
    /// its comments, instead of another one that says the same.
    texts: StoredValue<Vec<(Document, String)>>,
    /// What could not be stored when the page was left before, until somebody decides.
    pub left_before: RwSignal<Option<String>>,
    pub publish: ServerAction<PublishDefinition>,
    pub discard: ServerAction<DiscardDraft>,
    /// Which live instances could migrate to what is about to be published.
    pub movable: Held<Option<Answer<MigrationSum>>>,
    /// Published or discarded, or just being so: nothing is saved any more.
    is_ending: Memo<bool>,
    /// The canvas.
    pub studio: Studio,
    /// A file that is to become the text.
    pub importing: Importing,
}

impl Desk {
    /// Called once for each draft, by the page.
    pub fn new(kind: DefinitionKind, name: String) -> Self {
        let (publish, discard) = (ServerAction::<PublishDefinition>::new(), ServerAction::<DiscardDraft>::new());
        let well = |answer: &Option<Answer<()>>| matches!(answer, Some(Ok(())));
        let is_ending = Memo::new(move |_| {
            publish.pending().get()
                || discard.pending().get()
                || publish.value().with(well)
                || discard.value().with(well)
        });
        let desk = Self {
            kind,
            name: StoredValue::new(name),
            state: Held::new(None),
            report: Held::new(None),
            texts: StoredValue::new(Vec::new()),
            left_before: RwSignal::new(None),
            publish,
            discard,
            movable: Held::new(None),
            is_ending,
            studio: Studio::default(),
            importing: Importing::new(kind),
        };
        desk.importing.then(move |imported| desk.typed(imported.source));
        desk.follow_canvas();
        desk.follow_others();
        desk.keep_when_left();
        desk
    }

    pub fn name(self) -> String {
        self.name.get_value()
    }

    /// Puts on the desk what was read, unless something lies there.
    pub fn open(self, detail: &DefinitionDetail) {
        if self.state.with_untracked(Option::is_some) {
            return;
        }
        let mark = detail.draft.as_ref().map(|draft| draft.mark.clone());
        let opened = desk::Desk::open(detail.source.clone(), mark, reading(&detail.check));
        self.state.set(Some(opened));
        self.report.set(Some(detail.check.clone()));
        self.draw(&detail.check);
        self.note_text();
        // Not while drawing: the server, which knows nothing of it, has to draw the same.
        Effect::new(move || {
            let there = left::find(self.kind, &self.name());
            let is_news = there.filter(|left| self.peek(|state| state.text() != left) == Some(true));
            match is_news {
                Some(text) => self.left_before.set(Some(text)),
                None => left::forget(self.kind, &self.name()),
            }
        });
    }

    /// Goes on with what could not be stored before, or forgets it.
    pub fn settle_left(self, goes_on: bool) {
        left::forget(self.kind, &self.name());
        if let Some(text) = self.left_before.try_update(Option::take).flatten().filter(|_| goes_on) {
            self.typed(text);
        }
    }

    /// The drawing shows what the text says.
    fn note_text(self) {
        let Some(text) = self.peek(|state| state.text().to_owned()) else { return };
        if !self.studio.is_open() {
            return;
        }
        let document = self.studio.editor.with_untracked(|editor| editor.document().clone());
        self.texts.update_value(|texts| {
            texts.retain(|(known, _)| *known != document);
            texts.push((document, text));
            let much = texts.len().saturating_sub(TEXTS_MAX);
            texts.drain(..much);
        });
    }

    /// What was drawn, or undone.
    fn drawn(self) {
        let text = self.studio.editor.with_untracked(|editor| {
            let says = |(document, text): &(Document, String)| (document == editor.document()).then(|| text.clone());
            self.texts.with_value(|texts| texts.iter().rev().find_map(says))
        });
        self.change(|state| match text {
            Some(text) => state.restored(text),
            None => state.drawn(),
        });
    }

    fn draw(self, report: &CheckReport) {
        self.name.with_value(|name| self.studio.open(name, report));
    }

    /// What the state says; views that ask are asked again when it changes.
    pub fn ask<T>(self, ask: impl FnOnce(&desk::Desk) -> T) -> Option<T> {
        self.state.with(|state| state.as_ref().map(ask))
    }

    pub fn text(self) -> Signal<String> {
        Memo::new(move |_| self.ask(|state| state.text().to_owned()).unwrap_or_default()).into()
    }

    pub fn report(self) -> Signal<CheckReport> {
        // Kept, not derived: each node of the canvas looks into it, and a report holds the whole document.
        Memo::new(move |_| self.report.with(|report| report.clone().unwrap_or_default())).into()
    }

    pub fn typed(self, text: String) {
        self.change(|state| state.typed(text));
    }

    /// Stores what is there now, without waiting.
    pub fn save(self) {
        if let Some(Some(turn)) = self.peek(|state| state.is_text_behind().then(|| state.turn())) {
            return self.run(Task::Write { turn });
        }
        if let Some(saving) = self.state.try_update(|state| state.as_mut()?.save()).flatten() {
            spawn_local(self.store(saving));
        }
    }

    pub fn look_before_publishing(self) {
        self.movable.set(None);
        let Some(text) = self.peek(|state| state.text().to_owned()) else { return };
        let (kind, name) = (self.kind, self.name());
        spawn_local(async move {
            let answer = call::look_before_publishing(kind, name, text).await.and_then(|sum| sum.decode());
            self.movable.try_update(|movable| *movable = Some(answer));
        });
    }

    pub fn take_theirs(self) {
        self.change(desk::Desk::take_theirs);
    }

    pub fn keep_mine(self) {
        self.change(desk::Desk::keep_mine);
    }

    fn peek<T>(self, ask: impl FnOnce(&desk::Desk) -> T) -> Option<T> {
        self.state.try_with_untracked(|state| state.as_ref().map(ask)).flatten()
    }

    /// Nothing happens once the page is gone.
    fn change(self, change: impl FnOnce(&mut desk::Desk) -> Vec<Due>) {
        let due = self.state.try_update(|state| state.as_mut().map(change)).flatten();
        for (task, when) in due.unwrap_or_default() {
            let after = match when {
                When::Now => {
                    self.run(task);
                    continue;
                }
                When::Resting => RESTING,
                When::Settled => SETTLED,
                When::Later => LATER,
            };
            set_timeout(move || self.run(task), after);
        }
    }

    /// A task of an older turn is dropped: the newer one has tasks of its own.
    fn run(self, task: Task) {
        let (Task::Check { turn } | Task::Write { turn } | Task::Save { turn }) = task;
        if self.peek(desk::Desk::turn) != Some(turn) {
            return;
        }
        match task {
            Task::Check { .. } => spawn_local(self.check(turn)),
            Task::Write { .. } => spawn_local(self.write(turn)),
            Task::Save { .. } => self.save(),
        }
    }

    async fn check(self, turn: u64) {
        let Some(text) = self.peek(|state| state.text().to_owned()) else { return };
        let answer = call::check_source(self.kind, text).await.and_then(|report| report.decode());
        let said = answer.as_ref().map(reading).map_err(failure);
        self.change(|state| {
            let (is_newest, due) = state.checked(turn, said);
            if let (true, Ok(report)) = (is_newest, answer) {
                if self.studio.is_open() {
                    self.studio.rewrite(&report);
                }
                self.draw(&report);
                self.report.set(Some(report));
            }
            due
        });
        if self.peek(|state| state.turn() == turn && state.canvas_locked().is_none()) == Some(true) {
            self.note_text();
        }
    }

    async fn write(self, turn: u64) {
        let answer = call::draw(self.kind, self.studio.document()).await.and_then(|drawn| drawn.decode());
        let (answer, report) = match answer {
            Ok(Drawn { source, check }) => (Ok(source), Some(check)),
            Err(error) => (Err(failure(&error)), None),
        };
        self.change(|state| {
            let (is_newest, due) = state.written(turn, answer);
            if is_newest {
                self.report.set(report);
            }
            due
        });
    }

    async fn store(self, saving: Saving) {
        let (kind, name) = (self.kind, self.name());
        // Nothing is saved any more that was published.
        if self.is_ending() {
            return;
        }
        let (over, source) = (saving.over.unwrap_or_default(), saving.source.clone());
        let answer = call::save_draft(kind, name.clone(), source, over).await;
        // The page was left meanwhile, and took it for stored.
        if answer.is_err() && self.peek(|_| ()).is_none() {
            return left::put_away(kind, &name, &saving.source);
        }
        let is_changed = matches!(&answer, Err(AppError::Conflict { code, .. }) if code == CHANGED);
        self.change(|state| state.saved(saving.turn, answer.map_err(|error| failure(&error))));
        if is_changed {
            self.look(true);
        }
    }

    /// Looks what is stored. `is_final`: saving was refused for it.
    fn look(self, is_final: bool) {
        let Some(saves) = self.peek(desk::Desk::saves) else { return };
        let (kind, name) = (self.kind, self.name());
        spawn_local(async move {
            if let (Ok(there), false) = (stored(kind, name).await, self.is_ending()) {
                self.change(|state| state.noticed(there, saves, is_final));
            }
        });
    }

    /// What was drawn is written; what cannot be drawn now is refused.
    fn follow_canvas(self) {
        let studio = self.studio;
        Effect::new(move |before: Option<u64>| {
            let revision = studio.revision.get();
            if before.is_some_and(|before| before != revision) {
                self.drawn();
            }
            revision
        });
        Effect::new(move |_| {
            let locked = self.ask(desk::Desk::canvas_locked).flatten();
            // What was refused for it may be done now.
            if studio.locked.get_value() != locked && studio.refused.with_untracked(Option::is_some) {
                studio.refused.set(None);
            }
            studio.locked.set_value(locked);
        });
        let tidy = move || {
            spawn_local(async move {
                let places = call::tidy(studio.document()).await.and_then(|places| places.decode());
                match places {
                    Ok(positions) if studio.revision.try_get_untracked().is_some() => {
                        studio.commit(vec![Edit::Tidy { positions }]);
                        studio.press(Command::Fit);
                    }
                    Err(error) if studio.revision.try_get_untracked().is_some() => {
                        studio.refused.set(Some(format!("It was not laid out: {error}.")));
                    }
                    _ => {}
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
                self.save();
            }
            _ => {}
        });
    }

    fn follow_others(self) {
        let live = Live::expect();
        Effect::new(move |before: Option<u64>| {
            let now = live.definitions();
            if before.is_some_and(|before| before != now) {
                self.look(false);
            }
            now
        });
        let done = move || {
            matches!(self.publish.value().get(), Some(Ok(()))) || matches!(self.discard.value().get(), Some(Ok(())))
        };
        Effect::new(move |_| {
            if done() {
                self.change(|state| {
                    state.close();
                    Vec::new()
                });
            }
        });
    }

    fn is_ending(self) -> bool {
        self.is_ending.try_get_untracked().unwrap_or(true)
    }

    /// Whoever goes to another page within Baton has what is unsaved saved; whoever leaves it is asked.
    fn keep_when_left(self) {
        // In an effect, since the server leaves every page as soon as it is drawn.
        Effect::new(move |_| {
            let asking = window_event_listener_untyped("beforeunload", move |event| {
                if !self.is_ending() && self.peek(desk::Desk::is_unsaved) == Some(true) {
                    event.prevent_default();
                }
            });
            on_cleanup(move || {
                asking.remove();
                if !self.is_ending()
                    && let Some(left) = self.peek(desk::Desk::left).flatten()
                {
                    let document = left.source.is_none().then(|| self.studio.document());
                    spawn_local(keep(self.kind, self.name(), left, document));
                }
            });
        });
    }
}

/// The code of the answer to a saving that would replace what somebody else saved.
const CHANGED: &str = "draft-changed";

fn reading(report: &CheckReport) -> Reading {
    if report.diagnostics.iter().any(|finding| finding.code == NEWER_FORMAT) {
        Reading::Newer
    } else if report.document.as_ref().is_some_and(serde_json::Value::is_object) {
        Reading::Drawn
    } else {
        Reading::Broken
    }
}

fn failure(error: &AppError) -> Failure {
    match error {
        AppError::Unavailable(_) | AppError::Transport(_) | AppError::Internal | AppError::SignedOut => {
            Failure::Passing(error.to_string())
        }
        other => Failure::Lasting(other.to_string()),
    }
}

async fn stored(kind: DefinitionKind, name: String) -> Answer<Option<Stored>> {
    let there = call::read_stored_draft(kind, name).await?.decode()?;
    Ok(there.map(|draft| Stored { mark: draft.mark.mark, by: draft.mark.updated_by, source: draft.source }))
}

/// Saves what was left behind. There is nobody to say it to when it fails: it is offered when the draft is opened again.
async fn keep(kind: DefinitionKind, name: String, left: desk::Left, document: Option<String>) {
    let Some(source) = written(kind, left.source, document).await else { return };
    let mut over = left.over;
    // The answer to what was under way is not known here: it is ours if it says what was sent.
    if let (Some(sent), Ok(Some(there))) = (left.sent, stored(kind, name.clone()).await)
        && there.source == sent
    {
        over = Some(there.mark);
    }
    if call::save_draft(kind, name.clone(), source.clone(), over.unwrap_or_default()).await.is_err() {
        left::put_away(kind, &name, &source);
    }
}

/// The text, or what was drawn as text; as JSON when nobody writes it better.
async fn written(kind: DefinitionKind, text: Option<String>, document: Option<String>) -> Option<String> {
    match (text, document) {
        (Some(text), _) => Some(text),
        (None, Some(document)) => {
            let drawn = call::draw(kind, document.clone()).await.and_then(|drawn| drawn.decode());
            Some(drawn.map_or(document, |Drawn { source, .. }| source))
        }
        (None, None) => None,
    }
}
