//! A draft on somebody's desk: the same thing as a drawing and as a text, and what of it is stored.
//!
//! Either side is changed by hand and the other follows: a text is checked before it is drawn, a drawing is written
//! before it is stored, and both take a while, during which the hands go on. So every change has a number, its *turn*,
//! and what comes back for an older turn is dropped. While one side is behind the other it must not be changed, since
//! that would take away what the other one holds: [`Desk::canvas_locked`] and [`Desk::text_locked`] say so.
//!
//! What is stored has a mark that changes with every saving. A draft is only replaced by who has seen what is stored;
//! otherwise somebody else saved meanwhile, which is a [`Desk::conflict`] that a person decides.
//!
//! Nothing is done here: what has to be done comes out as [`Task`]s, to be done after a while.

/// The most bytes of a definition's text.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// What has to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// To ask what the rules say about the text.
    Check { turn: u64 },
    /// To have the drawing written as text.
    Write { turn: u64 },
    /// To store the text, if it is still the newest: [`Desk::save`] says whether.
    Save { turn: u64 },
}

/// When to do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Now,
    /// When the hands rest for a moment.
    Resting,
    /// … for a longer moment.
    Settled,
    /// When what was in the way may have passed.
    Later,
}

/// A task, and when.
pub type Due = (Task, When);

/// A draft as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub mark: String,
    pub by: String,
    pub source: String,
}

/// What is to be stored, in place of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saving {
    pub turn: u64,
    pub source: String,
    /// The mark of the draft that it replaces; `None`: there is none.
    pub over: Option<String>,
}

/// Why something was not stored, checked or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may succeed later.
    Passing(String),
    /// The same again would fail again.
    Lasting(String),
}

/// What a text is to the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It can be drawn, and what is drawn written.
    Drawn,
    /// It cannot be drawn.
    Broken,
    /// It is of a newer Baton: what this one would write lacks what it does not know.
    Newer,
}

/// How it stands with storing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Saved,
    /// Somebody published or discarded what was stored; what is here is what was there.
    Gone,
    Unsaved,
    Saving,
    /// Not saved, and why.
    Failed(String),
}

/// What is stored and is not what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Somebody else saved.
    Changed(Stored),
    /// Somebody published or discarded it.
    Gone,
}

/// What is unsaved when the desk is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The text; `None`: the drawing is newer, and has to be written first.
    pub source: Option<String>,
    /// The mark of the draft that it replaces.
    pub over: Option<String>,
    /// What was sent and is not answered yet.
    pub sent: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    text: String,
    /// The newest change, and those that text and drawing hold.
    turn: u64,
    text_turn: u64,
    canvas_turn: u64,
    /// What the newest text that was read is, and its turn.
    reading: (u64, Reading),
    saved_turn: u64,
    saving: Option<u64>,
    /// What was sent last, and of which turn: its answer may have been lost.
    sent: Option<(u64, String)>,
    /// Goes up with everything that is stored from here.
    saves: u64,
    mark: Option<String>,
    /// The text that need not be stored: it is, or nothing was changed yet.
    kept: String,
    /// What was stored is no more, and nothing was changed since.
    is_gone: bool,
    conflict: Option<Conflict>,
    /// What failed last, and why.
    trouble: Option<(Task, String)>,
    is_closed: bool,
}

impl Desk {
    /// What one begins with. `mark` is that of the stored draft; without one nothing is stored yet.
    pub fn open(text: String, mark: Option<String>, reading: Reading) -> Self {
        Self {
            kept: text.clone(),
            text,
            turn: 0,
            text_turn: 0,
            canvas_turn: 0,
            reading: (0, reading),
            saved_turn: 0,
            saving: None,
            sent: None,
            saves: 0,
            mark,
            is_gone: false,
            conflict: None,
            trouble: None,
            is_closed: false,
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn turn(&self) -> u64 {
        self.turn
    }

    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    pub fn conflict(&self) -> Option<&Conflict> {
        self.conflict.as_ref()
    }

    /// Whether the text was changed since it was opened or taken over.
    pub fn is_touched(&self) -> bool {
        self.turn > 0
    }

    /// Whether something would be lost with the desk.
    pub fn is_unsaved(&self) -> bool {
        !self.is_closed && self.saved_turn != self.turn
    }

    /// Whether the drawing holds what the text does not.
    pub fn is_text_behind(&self) -> bool {
        self.text_turn != self.turn
    }

    pub fn status(&self) -> Status {
        match &self.trouble {
            _ if self.saving == Some(self.turn) => Status::Saving,
            Some((_, why)) => Status::Failed(why.clone()),
            None if self.is_unsaved() => Status::Unsaved,
            None if self.is_gone => Status::Gone,
            None => Status::Saved,
        }
    }

    /// Why nothing may be drawn now.
    pub fn canvas_locked(&self) -> Option<&'static str> {
        match self.reading {
            (turn, Reading::Broken) if turn == self.turn => {
                Some("The text cannot be read, so drawing would replace it. Mend the text first.")
            }
            (turn, Reading::Newer) if turn == self.turn => Some(
                "This is of a newer Baton. Drawing here would lose what this one does not know: open it with the newer one.",
            ),
            _ if self.canvas_turn != self.turn => Some("The text that was just typed is being read."),
            _ => None,
        }
    }

    /// Why nothing may be typed now.
    pub fn text_locked(&self) -> Option<&'static str> {
        self.is_text_behind().then_some("What was just drawn is being written.")
    }

    /// Why this cannot be published now.
    pub fn unpublishable(&self) -> Option<&'static str> {
        match self.conflict {
            Some(_) => Some("Somebody else changed this draft: decide first whose goes on."),
            None if self.is_too_large() => Some("This is larger than a definition may be."),
            None => self.text_locked(),
        }
    }

    pub fn typed(&mut self, text: String) -> Vec<Due> {
        self.text = text;
        self.turn += 1;
        self.text_turn = self.turn;
        self.trouble = None;
        if self.is_too_large() {
            let why = format!("a definition has at most {TEXT_BYTES_MAX} bytes; this one has {}", self.text.len());
            self.reading = (self.turn, Reading::Broken);
            self.trouble = Some((Task::Check { turn: self.turn }, why));
            return Vec::new();
        }
        let check = (Task::Check { turn: self.turn }, When::Resting);
        [check].into_iter().chain(self.settle()).collect()
    }

    /// The drawing went back to what `text` says, as somebody wrote it: it need not be written anew.
    pub fn restored(&mut self, text: String) -> Vec<Due> {
        let due = self.typed(text);
        self.canvas_turn = self.turn;
        self.reading = (self.turn, Reading::Drawn);
        due
    }

    /// It is no use to send it: it would be refused, or not even be taken in.
    fn is_too_large(&self) -> bool {
        self.text.len() > TEXT_BYTES_MAX
    }

    /// What has to be stored of the text as it is now: nothing when it is what was stored, as after undoing all.
    fn settle(&mut self) -> Option<Due> {
        // What was sent and not answered may be stored all the same.
        let is_answered = self.saving.is_none() && self.sent.as_ref().is_none_or(|(_, sent)| *sent == self.kept);
        if self.text == self.kept && is_answered && self.conflict.is_none() && !self.is_gone {
            self.saved_turn = self.turn;
            return None;
        }
        Some((Task::Save { turn: self.turn }, When::Settled))
    }

    pub fn drawn(&mut self) -> Vec<Due> {
        self.turn += 1;
        self.canvas_turn = self.turn;
        self.trouble = None;
        vec![(Task::Write { turn: self.turn }, When::Resting)]
    }

    /// The drawing of that turn, as text. `true` when it is still the newest.
    pub fn written(&mut self, turn: u64, answer: Result<String, Failure>) -> (bool, Vec<Due>) {
        if turn != self.turn || !self.is_text_behind() {
            return (false, Vec::new());
        }
        match answer {
            Ok(text) => {
                self.text = text;
                self.text_turn = turn;
                self.reading = (turn, Reading::Drawn);
                self.mend(|task| matches!(task, Task::Write { .. }));
                (true, self.settle().into_iter().collect())
            }
            Err(failure) => (false, self.fail(failure, Task::Write { turn })),
        }
    }

    /// The text of that turn was read: what it is. `true` when it is still the newest, so that what was said
    /// about it stands.
    pub fn checked(&mut self, turn: u64, answer: Result<Reading, Failure>) -> (bool, Vec<Due>) {
        if turn != self.turn {
            return (false, Vec::new());
        }
        match answer {
            Ok(reading) => {
                self.mend(|task| matches!(task, Task::Check { .. }));
                self.reading = (turn, reading);
                if reading == Reading::Drawn {
                    self.canvas_turn = turn;
                }
                (true, Vec::new())
            }
            Err(failure) => (false, self.fail(failure, Task::Check { turn })),
        }
    }

    /// What is to be stored now, in answer to [`Task::Save`] or to a person. `None` when there is nothing, or when it has
    /// to wait: what is under way or decided will ask again.
    pub fn save(&mut self) -> Option<Saving> {
        let is_due = self.is_unsaved() && !self.is_text_behind() && self.saving.is_none() && self.conflict.is_none();
        (is_due && !self.is_too_large()).then(|| {
            self.saving = Some(self.turn);
            self.sent = Some((self.turn, self.text.clone()));
            Saving { turn: self.turn, source: self.text.clone(), over: self.mark.clone() }
        })
    }

    /// The answer to [`Self::save`]: the mark of what is stored now.
    pub fn saved(&mut self, turn: u64, answer: Result<String, Failure>) -> Vec<Due> {
        self.saving = None;
        match answer {
            Ok(mark) => {
                self.mark = Some(mark);
                self.saved_turn = turn;
                if let Some((_, sent)) = &self.sent {
                    self.kept.clone_from(sent);
                }
                self.is_gone = false;
                self.saves += 1;
                self.mend(is_save);
                if turn == self.text_turn { Vec::new() } else { vec![(Task::Save { turn: self.turn }, When::Settled)] }
            }
            Err(failure) => self.fail(failure, Task::Save { turn: self.turn }),
        }
    }

    /// How many savings there were: what is stored is asked for with this number, and told with it.
    pub fn saves(&self) -> u64 {
        self.saves
    }

    /// What is stored now, asked for when `saves` was the number of savings. Where nothing is lost by it, what somebody
    /// else wrote is taken over; else it is a conflict. `is_final`: saving was refused for it, so it is one in any case.
    pub fn noticed(&mut self, stored: Option<Stored>, saves: u64, is_final: bool) -> Vec<Due> {
        let is_known = stored.as_ref().map(|stored| &stored.mark) == self.mark.as_ref();
        if saves != self.saves || self.saving.is_some() || self.is_closed {
            return Vec::new();
        }
        if is_known {
            // What was in the way is gone again.
            return if is_final { vec![(Task::Save { turn: self.turn }, When::Now)] } else { Vec::new() };
        }
        match stored {
            // What one sees is what was published or discarded; it is stored again with the next change.
            None if !self.is_unsaved() && !is_final => {
                self.mark = None;
                self.is_gone = true;
                Vec::new()
            }
            None => {
                self.conflict = Some(Conflict::Gone);
                Vec::new()
            }
            Some(stored) if stored.source == self.text && !self.is_text_behind() => {
                self.mark = Some(stored.mark);
                self.kept = stored.source;
                self.is_gone = false;
                self.saved_turn = self.turn;
                self.mend(is_save);
                Vec::new()
            }
            // It is our own, and only the answer was lost.
            Some(stored) if self.sent.as_ref().is_some_and(|(_, sent)| *sent == stored.source) => {
                self.mark = Some(stored.mark);
                self.kept = stored.source;
                self.is_gone = false;
                self.saved_turn = self.sent.as_ref().map_or(self.saved_turn, |(turn, _)| *turn);
                self.mend(is_save);
                vec![(Task::Save { turn: self.turn }, When::Now)]
            }
            Some(stored) if !self.is_unsaved() => self.take(stored),
            Some(stored) => {
                self.conflict = Some(Conflict::Changed(stored));
                Vec::new()
            }
        }
    }

    /// Goes on with what somebody else wrote.
    pub fn take_theirs(&mut self) -> Vec<Due> {
        match self.conflict.take() {
            Some(Conflict::Changed(stored)) => self.take(stored),
            other => {
                self.conflict = other;
                Vec::new()
            }
        }
    }

    /// Goes on with what is on the desk, and stores it.
    pub fn keep_mine(&mut self) -> Vec<Due> {
        match self.conflict.take() {
            Some(Conflict::Changed(stored)) => {
                self.mark = Some(stored.mark);
                self.kept = stored.source;
            }
            Some(Conflict::Gone) => {
                self.mark = None;
                self.is_gone = true;
            }
            None => return Vec::new(),
        }
        vec![(Task::Save { turn: self.turn }, When::Now)]
    }

    fn take(&mut self, stored: Stored) -> Vec<Due> {
        self.turn += 1;
        self.text_turn = self.turn;
        self.saved_turn = self.turn;
        self.kept.clone_from(&stored.source);
        self.is_gone = false;
        self.text = stored.source;
        self.mark = Some(stored.mark);
        self.trouble = None;
        vec![(Task::Check { turn: self.turn }, When::Now)]
    }

    /// What has to be saved when the desk is left now. What two people have to decide about is not.
    pub fn left(&self) -> Option<Left> {
        let is_under_way = self.saving == Some(self.turn);
        (self.is_unsaved() && !is_under_way && self.conflict.is_none()).then(|| Left {
            source: (!self.is_text_behind()).then(|| self.text.clone()),
            over: self.mark.clone(),
            sent: self.sent.as_ref().filter(|_| self.saving.is_some()).map(|(_, source)| source.clone()),
        })
    }

    /// It was published or given up: nothing is stored any more.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// What was in the way of such a task is over.
    fn mend(&mut self, is_over: fn(&Task) -> bool) {
        self.trouble = self.trouble.take().filter(|(task, _)| !is_over(task));
    }

    fn fail(&mut self, failure: Failure, again: Task) -> Vec<Due> {
        match failure {
            Failure::Passing(why) => {
                self.trouble = Some((again.clone(), why));
                vec![(again, When::Later)]
            }
            Failure::Lasting(why) => {
                self.trouble = Some((again, why));
                Vec::new()
            }
        }
    }
}

fn is_save(task: &Task) -> bool {
    matches!(task, Task::Save { .. })
}
