//! Undo and redo. A step is all that one gesture, key or paste did; what is selected is no part of it.

use std::collections::VecDeque;

use super::{
    change::{Change, Write},
    document::Document,
};

/// The most steps that can be taken back.
pub const STEPS_MAX: usize = 500;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    done: VecDeque<Step>,
    undone: Vec<Step>,
    /// How many steps had been done when the document was saved; none when that state cannot be reached any more.
    saved: Saved,
    /// Whether the next step may become one with the last.
    is_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saved {
    At(usize),
    Unreachable,
}

impl Default for Saved {
    fn default() -> Self {
        Self::At(0)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub changes: Vec<Change>,
}

/// What undoing or redoing did.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    pub sentence: String,
    pub touched: Vec<String>,
    pub changes_meaning: bool,
}

impl Step {
    /// What it did, in a sentence.
    pub fn sentence(&self) -> &str {
        self.changes.last().map_or("", |change| &change.sentence)
    }

    fn key(&self) -> Option<&str> {
        match self.changes.as_slice() {
            [only] => only.coalesces.as_deref(),
            _ => None,
        }
    }

    fn moved(&self, verb: &str) -> Moved {
        Moved {
            sentence: format!("{verb}: {}", self.sentence()),
            touched: self.changes.iter().flat_map(|change| change.touched.clone()).collect(),
            changes_meaning: self.changes.iter().any(Change::changes_meaning),
        }
    }
}

impl History {
    /// Takes note of a step that was just done. Steps that are typing into one field, or nudging the same nodes, become
    /// one until [`History::seal`].
    pub fn push(&mut self, changes: Vec<Change>) {
        let changes: Vec<Change> = changes.into_iter().filter(|change| !change.is_empty()).collect();
        if changes.is_empty() {
            return;
        }
        let step = Step { changes };
        if matches!(self.saved, Saved::At(saved) if saved > self.done.len()) {
            self.saved = Saved::Unreachable;
        }
        self.undone.clear();
        let is_saved = self.saved == Saved::At(self.done.len());
        match self.done.back_mut() {
            Some(last) if self.is_open && !is_saved && step.key().is_some() && last.key() == step.key() => {
                for change in step.changes {
                    merge(&mut last.changes[0], change);
                }
                // There and back is no step.
                if last.changes[0].is_empty() {
                    self.done.pop_back();
                }
            }
            _ => self.done.push_back(step),
        }
        self.is_open = true;
        if self.done.len() > STEPS_MAX {
            self.done.pop_front();
            self.saved = match self.saved {
                Saved::At(saved) if saved > 0 => Saved::At(saved - 1),
                _ => Saved::Unreachable,
            };
        }
    }

    /// The next step stands for itself, whatever it is: for when a field is left or a key is let go.
    pub fn seal(&mut self) {
        self.is_open = false;
    }

    pub fn undo(&mut self, document: &mut Document) -> Option<Moved> {
        let step = self.done.pop_back()?;
        for change in step.changes.iter().rev() {
            change.inverse().apply(document);
        }
        let moved = step.moved("Undone");
        self.undone.push(step);
        self.seal();
        Some(moved)
    }

    pub fn redo(&mut self, document: &mut Document) -> Option<Moved> {
        let step = self.undone.pop()?;
        for change in &step.changes {
            change.apply(document);
        }
        let moved = step.moved("Redone");
        self.done.push_back(step);
        self.seal();
        Some(moved)
    }

    /// What undo would take back.
    pub fn undoable(&self) -> Option<&str> {
        self.done.back().map(Step::sentence)
    }

    /// What redo would do again.
    pub fn redoable(&self) -> Option<&str> {
        self.undone.last().map(Step::sentence)
    }

    pub fn len(&self) -> usize {
        self.done.len()
    }

    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// The document was saved as it is now.
    pub fn mark_saved(&mut self) {
        self.saved = Saved::At(self.done.len());
    }

    /// Whether the document differs from what was saved, as far as the history knows.
    pub fn is_changed(&self) -> bool {
        self.saved != Saved::At(self.done.len())
    }

    /// Names the state that the document is in: for saying later which one was saved.
    pub fn mark(&self) -> Mark {
        Mark { done: self.done.len(), last: self.done.back().map(|step| step.changes.clone()) }
    }

    /// The document was saved as it was at `mark`; meanwhile it may have gone on.
    pub fn mark_saved_at(&mut self, mark: &Mark) {
        let at = mark.done.checked_sub(1).and_then(|index| self.done.get(index));
        self.saved = match (at, &mark.last) {
            (None, None) if mark.done == 0 => Saved::At(0),
            (Some(step), Some(last)) if step.changes == *last => Saved::At(mark.done),
            _ => Saved::Unreachable,
        };
    }
}

/// A state of the document that was sent away to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    done: usize,
    last: Option<Vec<Change>>,
}

/// Both as one: what was there before the first, what is there after the second.
fn merge(first: &mut Change, second: Change) {
    for write in second.writes {
        match first.writes.iter_mut().find(|known| known.pointer == write.pointer) {
            Some(known) => known.new = write.new,
            None => first.writes.push(write),
        }
    }
    first.writes.retain(|Write { old, new, .. }| old != new);
    first.sentence = second.sentence;
    for name in second.touched {
        if !first.touched.contains(&name) {
            first.touched.push(name);
        }
    }
}
