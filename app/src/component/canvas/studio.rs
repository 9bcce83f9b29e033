//! What a canvas holds: the document that is edited, what of it is seen and selected, and the gesture under way.

mod sight;

use std::sync::Arc;

use baton_domain::designer::{
    Document, Edit, Editor, Kind, Scene, SceneEdge, SceneNode, Viewport, centres,
    change::Forbidden,
    command::{self, Canvas, Offer, Outcome, Preview},
    gesture::{self, Gesture, Input},
    history::Moved,
    keys::Command,
    selection::Selection,
};
use leptos::prelude::*;
use serde_json::Value;

use super::{STAGE, edge_key, edge_of, held::Held, input::LastClick, watch::Watch};
use crate::{dom, model::CheckReport};

/// What floats over the canvas and asks something.
#[derive(Debug, Clone, PartialEq)]
pub enum Asking {
    /// Which kind of node?
    Kind(Offer),
    /// Which port of this node leads where?
    Target(String),
    /// A definition was pasted: its nodes, or all of it?
    Definition { nodes: Vec<Edit>, instead: Vec<Edit> },
    /// Which node?
    Find,
}

/// Where somebody works, so where the keyboard goes back to from menus and settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    Stage,
    /// On the row of what is selected.
    Outline,
}

/// Handles of one page; made once, so that nothing is lost when the page is drawn again.
#[derive(Clone, Copy)]
pub struct Studio {
    pub editor: Held<Editor>,
    /// Goes up when nodes or edges come or go.
    pub members: RwSignal<u64>,
    /// What is drawn: the editor's scene, with what is being dragged where it would be.
    pub scene: Held<Arc<Scene>>,
    pub view: Held<Viewport>,
    /// Whether one is moving about: what is painted is moved then, and painted sharply afterwards.
    pub is_moving: RwSignal<bool>,
    /// Which movement was the last.
    movements: StoredValue<u64>,
    pub selection: Held<Selection>,
    /// The nodes and edges, each with who draws it.
    pub watch: Watch,
    pub preview: Held<Preview>,
    pub asking: Held<Option<Asking>>,
    /// The last thing that happened, for those who do not see it.
    pub said: RwSignal<String>,
    /// Why something was not done.
    pub refused: RwSignal<Option<String>>,
    pub space: StoredValue<bool>,
    /// Whether what is pressed is selected together with what was, as with Shift.
    pub selects_several: RwSignal<bool>,
    pub last_click: StoredValue<LastClick>,
    gesture: StoredValue<Gesture>,
    home: StoredValue<Home>,
    /// Why nothing may be changed here now.
    pub locked: StoredValue<Option<&'static str>>,
    /// The definition that is open.
    opened: RwSignal<Option<String>>,
    /// What was copied last, for browsers that keep the clipboard to themselves.
    copied: StoredValue<Option<String>>,
    /// Goes up with every change that was made here.
    pub revision: RwSignal<u64>,
    /// What only the page can do: to lay it out, to save.
    pub wanted: Held<Option<Command>>,
    is_measured: StoredValue<bool>,
}

impl Default for Studio {
    /// Nothing is open.
    fn default() -> Self {
        Self {
            editor: Held::new(Editor::open(Document::default())),
            members: RwSignal::new(0),
            scene: Held::new(Arc::default()),
            view: Held::new(Viewport::default()),
            is_moving: RwSignal::new(false),
            movements: StoredValue::new(0),
            selection: Held::new(Selection::none()),
            watch: Watch::new(),
            preview: Held::new(Preview::None),
            asking: Held::new(None),
            said: RwSignal::new(String::new()),
            refused: RwSignal::new(None),
            space: StoredValue::new(false),
            selects_several: RwSignal::new(false),
            last_click: StoredValue::new(LastClick::default()),
            gesture: StoredValue::new(Gesture::Idle),
            home: StoredValue::new(Home::Stage),
            locked: StoredValue::new(None),
            opened: RwSignal::new(None),
            copied: StoredValue::new(None),
            revision: RwSignal::new(0),
            wanted: Held::new(None),
            is_measured: StoredValue::new(false),
        }
    }
}

impl Studio {
    /// Opens a definition, unless it is open. Nodes that nobody placed stand where the diagram has them.
    pub fn open(self, name: &str, report: &CheckReport) {
        let Some(document) = report.document.as_ref().filter(|document| document.is_object()) else { return };
        if self.opened.with_untracked(|opened| opened.as_deref() == Some(name)) {
            return;
        }
        let mut document = Document::new(document.clone());
        document.place_missing(&report.diagram.as_ref().map(centres).unwrap_or_default());
        self.editor.set(Editor::open(document));
        self.choose_only(Selection::none());
        self.asking.set(None);
        self.refresh();
        self.fit();
        self.opened.set(Some(name.to_owned()));
    }

    pub fn is_open(self) -> bool {
        self.opened.with(Option::is_some)
    }

    /// Whether the document is a saga now.
    pub fn is_saga(self) -> bool {
        self.editor.with_untracked(|editor| editor.document().is_saga())
    }

    /// The same, asked again when it changes; `None`: nothing is open.
    pub fn shows_saga(self) -> Option<bool> {
        self.is_open().then(|| self.editor.with(|editor| editor.document().is_saga()))
    }

    /// What of the drawing a JSON pointer leads into.
    pub fn drawn_at(self, pointer: &str) -> Option<String> {
        self.editor.with_untracked(|editor| editor.document().drawn_at(pointer))
    }

    /// Selects what is drawn there and goes to its settings.
    pub fn go_to(self, node: &str) {
        self.select(node);
        super::settings::enter();
    }

    /// Takes over what somebody wrote in the text.
    pub fn rewrite(self, report: &CheckReport) {
        let Some(document) = report.document.as_ref().filter(|document| document.is_object()) else { return };
        let mut written = Document::new(document.clone());
        written.place_missing(&self.editor.with_untracked(|editor| editor.document().positions()));
        if self.editor.with_untracked(|editor| editor.document() == &written) {
            return;
        }
        let edits = [Edit::Rewrite { value: document.clone() }];
        if self.editor.update(|editor| editor.commit(&edits)).is_ok() {
            let there = self.selection.get_untracked();
            self.choose_only(self.editor.with_untracked(|editor| there.pruned(editor.scene())));
            self.refresh();
        }
    }

    /// The document as it is now, as JSON text.
    pub fn document(self) -> String {
        self.editor.with_untracked(|editor| editor.document().value().to_string())
    }

    /// What a movement of the hand does.
    pub fn input(self, input: &Input) {
        let was_dragging = self.gesture.with_value(Gesture::is_dragging);
        let before = self.gesture.try_update_value(std::mem::take).unwrap_or_default();
        let (after, outcomes) = self.with_canvas(|canvas| gesture::step(before, input, canvas));
        let is_dragging = after.is_dragging();
        self.gesture.set_value(after);
        self.act(outcomes);
        if is_dragging && !was_dragging {
            self.follow_frames();
        }
    }

    fn follow_frames(self) {
        request_animation_frame(move || {
            // The page may be gone by now.
            if self.gesture.try_with_value(Gesture::is_dragging) == Some(true) {
                self.input(&Input::Frame);
                self.follow_frames();
            }
        });
    }

    pub fn is_busy(self) -> bool {
        self.gesture.with_value(|gesture| *gesture != Gesture::Idle)
    }

    /// Whether something hangs at the pointer that comes out of the palette.
    pub fn is_placing(self) -> bool {
        self.gesture.with_value(|gesture| matches!(gesture, Gesture::Placing { .. }))
    }

    /// What a key or a button does. `false`: it is not for the canvas just now.
    pub fn perform(self, command: Command) -> bool {
        if command == Command::Escape && self.is_busy() {
            self.input(&Input::Escape);
            return true;
        }
        let outcomes = self.with_canvas(|canvas| command::perform(command, canvas));
        let is_ours = !outcomes.is_empty();
        self.act(outcomes);
        is_ours
    }

    /// The same for a button, which is always for the canvas.
    pub fn press(self, command: Command) {
        let _ = self.perform(command);
    }

    /// A step of its own, whatever came before.
    pub fn commit(self, edits: Vec<Edit>) {
        self.editor.update_untracked(|editor| editor.history_mut().seal());
        self.act(vec![Outcome::Commit(edits)]);
    }

    /// What a choice in the menu of kinds does.
    pub fn choose(self, offer: &Offer, kind: Kind) {
        let edits = self.with_canvas(|canvas| command::chosen(offer, kind, canvas));
        self.asking.set(None);
        self.commit(edits);
        self.go_home();
    }

    /// A node from the palette, without a place.
    pub fn add(self, kind: Kind) {
        let edits = self.with_canvas(|canvas| command::added(kind, canvas));
        self.commit(edits);
    }

    /// Copies or cuts what is selected: the text for the clipboard, which only the browser reaches.
    pub fn copy(self, command: Command) -> Option<String> {
        let outcomes = self.with_canvas(|canvas| command::perform(command, canvas));
        let text = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Copy(text) => Some(text.clone()),
            _ => None,
        });
        self.act(outcomes);
        text
    }

    pub fn paste(self, text: Option<String>) {
        let Some(text) = text.or_else(|| self.copied.get_value()) else {
            return self.refuse("There is nothing to paste that this page may read.".to_owned());
        };
        let outcomes = self.with_canvas(|canvas| command::paste(&text, None, canvas));
        self.act(outcomes);
    }

    pub fn select(self, node: &str) {
        self.choose_only(Selection::of_node(node));
        self.reveal(node);
    }

    pub fn select_nothing(self) {
        self.choose_only(Selection::none());
    }

    pub fn work_from(self, home: Home) {
        self.home.set_value(home);
    }

    /// Puts the keyboard back to where somebody works.
    pub fn go_home(self) {
        if self.home.get_value() == Home::Stage {
            return dom::focus_after(STAGE);
        }
        // Rows are drawn anew with every edit.
        dom::focus_when_drawn(move || {
            let selected = self.selection.try_with_untracked(|selection| selection.only_node().map(str::to_owned));
            match selected.flatten() {
                Some(node) if dom::focus(&super::outline::row_id(&node)) => true,
                // Its row may come yet.
                Some(_) => !dom::focus(super::outline::ADD),
                None => dom::focus(super::outline::ADD),
            }
        });
    }

    fn choose_only(self, selection: Selection) {
        let before = self.selection.get_untracked();
        if before == selection {
            return;
        }
        let (nodes, edges) = (before.nodes.iter().chain(&selection.nodes), before.edges.iter().chain(&selection.edges));
        let keys: Vec<String> = nodes.cloned().chain(edges.map(edge_key)).collect();
        if let (true, Some(edge)) = (selection.nodes.is_empty(), selection.edges.iter().next()) {
            self.said.set(match selection.edges.len() {
                1 => self.edge_name(edge),
                several => format!("{several} edges"),
            });
        }
        self.selection.set(selection);
        self.watch.tell(keys.into_iter());
    }

    fn with_canvas<T>(self, ask: impl FnOnce(&Canvas<'_>) -> T) -> T {
        self.editor.with_untracked(|editor| {
            self.selection.with_untracked(|selection| {
                let view = self.view.get_untracked();
                ask(&Canvas {
                    document: editor.document(),
                    scene: editor.scene(),
                    viewport: &view,
                    selection,
                    is_editable: true,
                })
            })
        })
    }

    fn act(self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Commit(edits) => self.do_edits(&edits),
                Outcome::Preview(preview) => self.show(preview),
                Outcome::Select(selection) => {
                    self.editor.update_untracked(|editor| editor.history_mut().seal());
                    self.asking.set(None);
                    self.choose_only(selection);
                }
                Outcome::View(view) => self.look_at(view),
                Outcome::Refuse(Forbidden(why)) => self.refuse(why),
                Outcome::Offer(offer) => self.asking.set(Some(Asking::Kind(offer))),
                Outcome::OpenSettings(None) => dom::focus_when_drawn(|| dom::focus(super::settings::OWN)),
                Outcome::OpenSettings(Some(node)) => self.open_settings(&node),
                Outcome::Rename(_) => super::settings::enter(),
                Outcome::ChooseTarget(node) => self.asking.set(Some(Asking::Target(node))),
                Outcome::Copy(text) => {
                    self.copied.set_value(Some(text));
                    self.said.set("Copied".to_owned());
                }
                // The browser's own paste event brings it.
                Outcome::ReadClipboard => {}
                Outcome::AskDefinition { nodes, instead } => {
                    self.refused.set(None);
                    self.asking.set(Some(Asking::Definition { nodes, instead }));
                }
                Outcome::Do(Command::Undo) => self.go(Editor::undo, "Nothing to undo"),
                Outcome::Do(Command::Redo) => self.go(Editor::redo, "Nothing to redo"),
                Outcome::Do(Command::Find) => self.asking.set(Some(Asking::Find)),
                Outcome::Do(Command::Help) => dom::open_dialog(super::bar::HELP),
                Outcome::Do(command) => self.wanted.set(Some(command)),
            }
        }
    }

    /// The settings of an edge are those of the way out that it belongs to.
    fn open_settings(self, node: &str) {
        let way = self.selection.with_untracked(|selection| selection.only_edge().map(|edge| edge.port.clone()));
        match way {
            Some(way) => {
                self.select(node);
                super::ways::enter(way);
            }
            None => super::settings::enter(),
        }
    }

    /// Says why when nothing may be changed.
    fn is_locked(self) -> bool {
        let why = self.locked.get_value();
        if let Some(why) = why {
            self.preview.set(Preview::None);
            self.refuse(why.to_owned());
        }
        why.is_some()
    }

    fn go(self, to: fn(&mut Editor) -> Option<Moved>, nothing: &str) {
        if self.is_locked() {
            return;
        }
        match self.editor.update(to) {
            Some(moved) => self.changed(moved.sentence),
            None => self.said.set(nothing.to_owned()),
        }
    }

    fn do_edits(self, edits: &[Edit]) {
        if self.is_locked() {
            return;
        }
        match self.editor.update(|editor| editor.commit(edits)) {
            Ok(done) => {
                if !done.select.is_empty() {
                    // Where something of a saga stands now, its order says: it may be out of sight.
                    let shown = done.select.first().cloned().filter(|_| self.is_saga());
                    self.choose_only(Selection::of_nodes(done.select));
                    if let Some(shown) = shown {
                        self.reveal(&shown);
                    }
                }
                // Nothing was said when nothing changed.
                if !done.sentence.is_empty() {
                    self.changed(done.sentence);
                }
            }
            Err(Forbidden(why)) => self.refuse(why),
        }
    }

    fn changed(self, sentence: String) {
        self.refused.set(None);
        self.said.set(sentence);
        let selection = self.selection.get_untracked();
        let pruned = self.editor.with_untracked(|editor| selection.clone().pruned(editor.scene()));
        if pruned != selection {
            self.choose_only(pruned);
        }
        self.preview.set(Preview::None);
        self.refresh();
        self.revision.update(|revision| *revision += 1);
    }

    fn refuse(self, why: String) {
        self.said.set(why.clone());
        self.refused.set(Some(why));
        self.refresh();
    }

    fn show(self, preview: Preview) {
        let moved_before = self.preview.with_untracked(|preview| matches!(preview, Preview::Move { .. }));
        let moves = matches!(preview, Preview::Move { .. });
        self.preview.set(preview);
        if moves || moved_before {
            self.refresh();
        }
    }

    fn refresh(self) {
        let scene = self.editor.with_untracked(|editor| {
            self.preview.with_untracked(|preview| match preview {
                Preview::Move { ids, dx, dy, .. } => editor.scene().moved(ids, *dx, *dy),
                _ => editor.scene().clone(),
            })
        });
        let scene = Arc::new(scene);
        let before = self.scene.get_untracked();
        self.scene.set(Arc::clone(&scene));
        let (nodes, edges) = scene.differing(&before);
        let (drawn, known) = (scene.nodes().iter().map(SceneNode::id), before.nodes().iter().map(SceneNode::id));
        let is_same = drawn.eq(known)
            && scene.edges().iter().map(SceneEdge::begins).eq(before.edges().iter().map(SceneEdge::begins));
        self.watch.tell(nodes.into_iter().chain(edges.iter().map(edge_key)));
        if !is_same {
            self.members.update(|members| *members += 1);
            self.watch.forget(|key| match edge_of(key) {
                Some(edge) => scene.edge(&edge).is_some(),
                None => scene.node(key).is_some(),
            });
        }
    }

    pub fn value(self, pointer: &str) -> Option<Value> {
        self.editor.with(|editor| editor.document().value().pointer(pointer).cloned())
    }
}
