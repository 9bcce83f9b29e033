//! Gestures as text: a script of what a hand does, played on a canvas as a page would, and what follows as text.

use super::*;
use crate::designer::{
    command::{self, Canvas, Offer, Outcome, Preview},
    gesture::{Button, Gesture, Input, Pointer, PointerKind, step},
    keys::{self, Modifiers},
};

/// A page: it holds on to things, and does what it is told.
pub struct Page {
    pub editor: Editor,
    pub viewport: Viewport,
    pub selection: Selection,
    pub gesture: Gesture,
    pub preview: Preview,
    pub is_editable: bool,
    /// What was told, but for previews.
    pub told: Vec<String>,
    last: Option<Pointer>,
}

impl Page {
    pub fn of(document: Document) -> Self {
        Self {
            editor: Editor::open(document),
            viewport: Viewport::default(),
            selection: Selection::none(),
            gesture: Gesture::Idle,
            preview: Preview::None,
            is_editable: true,
            told: Vec::new(),
            last: None,
        }
    }

    pub fn canvas(&self) -> Canvas<'_> {
        Canvas {
            document: self.editor.document(),
            scene: self.editor.scene(),
            viewport: &self.viewport,
            selection: &self.selection,
            is_editable: self.is_editable,
        }
    }

    /// `down 10,10 shift; move 60,10; up`, with `touch`, `middle`, `right`, `#2` (the pointer's number), `x2` (clicks);
    /// `wheel 0,10 at 5,5`, `pick timer 5,5`, `frame`, `esc`, `cancel`, `key Ctrl+a`.
    pub fn play(&mut self, script: &str) {
        for line in script.split(';').map(str::trim).filter(|line| !line.is_empty()) {
            let outcomes = match self.read(line) {
                Ok(input) => {
                    let (gesture, outcomes) = step(std::mem::take(&mut self.gesture), &input, &self.canvas());
                    self.gesture = gesture;
                    outcomes
                }
                Err(command) => command::perform(command, &self.canvas()),
            };
            for outcome in outcomes {
                self.follow(outcome);
            }
        }
    }

    fn read(&mut self, line: &str) -> Result<Input, keys::Command> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = |word: &str| -> Option<Point> {
            let (x, y) = word.split_once(',')?;
            Some((x.parse().ok()?, y.parse().ok()?))
        };
        let has = |word: &str| words.contains(&word);
        let places: Vec<Point> = words.iter().filter_map(|word| place(word)).collect();
        let modifiers = Modifiers { ctrl: has("ctrl"), shift: has("shift"), alt: has("alt"), space: has("space") };
        let id = words.iter().find_map(|word| word.strip_prefix('#')?.parse().ok()).unwrap_or(1);
        let before = self.last.filter(|last| last.id == id);
        let kind = if has("touch") { PointerKind::Touch } else { before.map_or(PointerKind::Mouse, |it| it.kind) };
        let button = match () {
            () if has("middle") => Button::Middle,
            () if has("right") => Button::Right,
            () => Button::Left,
        };
        let at = places.first().copied().or(before.map(|it| it.at)).unwrap_or_default();
        let pointer = Pointer { id, kind, button, modifiers, at, clicks: if has("x2") { 2 } else { 1 } };
        if matches!(words[0], "down" | "move" | "up" | "pick") {
            self.last = Some(pointer);
        }
        Ok(match words[0] {
            "down" => Input::Down(pointer),
            "move" => Input::Move(pointer),
            "up" => Input::Up(pointer),
            "cancel" => Input::Cancel(id),
            "wheel" => Input::Wheel { dx: places[0].0, dy: places[0].1, at: places[1], modifiers },
            "pick" => Input::PickUp { kind: kind_of(words[1]), pointer },
            "frame" => Input::Frame,
            "esc" => Input::Escape,
            "key" => {
                let (modifiers, key) = chord(words[1]);
                return Err(keys::command(key, modifiers, false).unwrap_or_else(|| panic!("no such key: {line}")));
            }
            other => panic!("what is `{other}`?"),
        })
    }

    fn follow(&mut self, outcome: Outcome) {
        let text = told(&outcome);
        match outcome {
            Outcome::Preview(preview) => {
                self.preview = preview;
                return;
            }
            Outcome::Select(selection) => self.selection = selection,
            Outcome::View(viewport) => self.viewport = viewport,
            Outcome::Commit(edits) => match self.editor.commit(&edits) {
                Ok(done) => {
                    if !done.select.is_empty() {
                        self.selection = Selection::of_nodes(done.select);
                    }
                    self.selection = std::mem::take(&mut self.selection).pruned(self.editor.scene());
                    self.told.push(done.sentence);
                    return;
                }
                Err(forbidden) => panic!("a gesture led to what cannot be done: {forbidden}"),
            },
            Outcome::Do(keys::Command::Undo) => {
                self.editor.undo();
            }
            Outcome::Do(keys::Command::Redo) => {
                self.editor.redo();
            }
            _ => {}
        }
        self.selection = std::mem::take(&mut self.selection).pruned(self.editor.scene());
        self.told.push(text);
    }

    /// Chooses a kind from the menu that is offered.
    pub fn choose(&mut self, offer: &Offer, kind: Kind) {
        let edits = command::chosen(offer, kind, &self.canvas());
        self.follow(Outcome::Commit(edits));
    }
}

/// `Ctrl+Shift+z`
fn chord(text: &str) -> (Modifiers, &str) {
    let mut modifiers = Modifiers::default();
    let mut rest = text;
    for (prefix, held) in
        [("Ctrl+", &mut modifiers.ctrl), ("Shift+", &mut modifiers.shift), ("Alt+", &mut modifiers.alt)]
    {
        if let Some(after) = rest.strip_prefix(prefix) {
            (*held, rest) = (true, after);
        }
    }
    (modifiers, rest)
}

pub fn told(outcome: &Outcome) -> String {
    let selected = |selection: &Selection| {
        let edges = selection.edges.iter().map(|edge| format!("{}.{}", edge.node, edge.port));
        selection.nodes.iter().cloned().chain(edges).collect::<Vec<_>>().join(" ")
    };
    match outcome {
        Outcome::Select(selection) => format!("select {}", selected(selection)).trim().to_owned(),
        Outcome::View(Viewport { x, y, zoom, .. }) => format!("view {x:.0},{y:.0} {zoom:.2}"),
        Outcome::Refuse(forbidden) => format!("no: {forbidden}"),
        Outcome::Offer(Offer::New { at }) => format!("offer at {:.0},{:.0}", at.0, at.1),
        Outcome::Offer(Offer::After { from, at: None }) => format!("offer after {}.{}", from.node, from.port),
        Outcome::Offer(Offer::After { from, at: Some(at) }) => {
            format!("offer after {}.{} at {:.0},{:.0}", from.node, from.port, at.0, at.1)
        }
        Outcome::Offer(Offer::Into { edge }) => format!("offer into {}.{}", edge.node, edge.port),
        Outcome::Offer(Offer::Replace { node }) => format!("offer instead of {node}"),
        Outcome::OpenSettings(Some(node)) => format!("settings of {node}"),
        Outcome::OpenSettings(None) => "settings of the definition".to_owned(),
        Outcome::Rename(node) => format!("rename {node}"),
        Outcome::ChooseTarget(node) => format!("choose where {node} leads"),
        Outcome::Copy(text) => format!("copy {} bytes", text.len()),
        Outcome::ReadClipboard => "read the clipboard".to_owned(),
        Outcome::AskDefinition { .. } => "ask what the definition is for".to_owned(),
        Outcome::Do(command) => format!("{command:?}"),
        Outcome::Commit(_) | Outcome::Preview(_) => format!("{outcome:?}"),
    }
}

/// Also those of sagas.
fn kind_of(name: &str) -> Kind {
    let of_sagas = sagas::hands::KINDS.into_iter().find(|kind| kind.name() == name);
    of_sagas.unwrap_or_else(|| Kind::of(name))
}
