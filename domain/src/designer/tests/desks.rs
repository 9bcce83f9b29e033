//! A draft on somebody's desk, with a server that answers late, and another person.

use proptest::prelude::*;

use super::super::desk::*;

fn opened() -> Desk {
    Desk::open("first".to_owned(), Some("m0".to_owned()), Reading::Drawn)
}

fn theirs(mark: &str, source: &str) -> Stored {
    Stored { mark: mark.to_owned(), by: "ann".to_owned(), source: source.to_owned() }
}

fn passing() -> Failure {
    Failure::Passing("away".to_owned())
}

#[test]
fn what_is_typed_is_checked_when_the_hands_rest_and_stored_when_they_settle() {
    let mut desk = opened();
    assert_eq!(desk.status(), Status::Saved);
    let due = desk.typed("second".to_owned());
    assert_eq!(due, [(Task::Check { turn: 1 }, When::Resting), (Task::Save { turn: 1 }, When::Settled)]);
    assert_eq!(desk.status(), Status::Unsaved);
    assert!(desk.canvas_locked().is_some() && desk.text_locked().is_none());

    assert!(desk.checked(1, Ok(Reading::Drawn)).0);
    assert_eq!(desk.canvas_locked(), None);
    let saving = desk.save().unwrap();
    assert_eq!(saving, Saving { turn: 1, source: "second".to_owned(), over: Some("m0".to_owned()) });
    assert_eq!(desk.status(), Status::Saving);
    assert_eq!(desk.saved(1, Ok("m1".to_owned())), []);
    assert_eq!((desk.status(), desk.mark()), (Status::Saved, Some("m1")));
}

#[test]
fn what_is_drawn_is_written_before_it_is_stored_or_published() {
    let mut desk = opened();
    assert_eq!(desk.drawn(), [(Task::Write { turn: 1 }, When::Resting)]);
    assert!(desk.text_locked().is_some() && desk.unpublishable().is_some() && desk.canvas_locked().is_none());
    assert_eq!(desk.save(), None, "the text is the one from before");

    let (is_newest, due) = desk.written(1, Ok("drawn".to_owned()));
    assert!(is_newest && due == [(Task::Save { turn: 1 }, When::Settled)], "{due:?}");
    assert_eq!((desk.unpublishable(), desk.save().map(|saving| saving.source)), (None, Some("drawn".to_owned())));
}

#[test]
fn what_comes_back_for_an_older_turn_is_dropped() {
    let mut desk = opened();
    desk.drawn();
    desk.drawn();
    assert_eq!(desk.written(1, Ok("old".to_owned())), (false, vec![]));
    assert_eq!(desk.text(), "first");
    desk.written(2, Ok("drawn".to_owned()));
    desk.typed("typed".to_owned());
    assert_eq!(desk.written(2, Ok("drawn again".to_owned())), (false, vec![]));
    desk.typed("typed on".to_owned());
    assert!(!desk.checked(3, Ok(Reading::Drawn)).0);
    assert!(desk.canvas_locked().is_some(), "the newest text is not drawn yet");
}

#[test]
fn a_text_that_cannot_be_read_locks_the_canvas_until_it_is_mended() {
    let mut desk = opened();
    desk.typed("nodes: [".to_owned());
    desk.checked(1, Ok(Reading::Broken));
    assert!(desk.canvas_locked().unwrap().contains("Mend the text"));
    assert!(desk.save().is_some(), "work in hand is kept, broken or not");
    desk.typed("nodes: {}".to_owned());
    desk.checked(2, Ok(Reading::Drawn));
    assert_eq!(desk.canvas_locked(), None);
    assert!(Desk::open("nodes: [".to_owned(), None, Reading::Broken).canvas_locked().is_some());
}

#[test]
fn a_text_of_a_newer_baton_locks_the_canvas_and_is_not_stored_by_itself() {
    let mut desk = Desk::open("baton: process/2".to_owned(), Some("m0".to_owned()), Reading::Newer);
    assert!(desk.canvas_locked().unwrap().contains("newer Baton"));
    assert_eq!((desk.status(), desk.save(), desk.left()), (Status::Saved, None, None));

    // Somebody changes the text by hand, and then makes it one that is known here.
    desk.typed("baton: process/2 # ours".to_owned());
    desk.checked(1, Ok(Reading::Newer));
    assert!(desk.canvas_locked().unwrap().contains("newer Baton"));
    desk.typed("baton: process/1".to_owned());
    assert!(desk.canvas_locked().unwrap().contains("being read"));
    desk.checked(2, Ok(Reading::Drawn));
    assert_eq!(desk.canvas_locked(), None);
}

#[test]
fn a_text_that_is_too_large_is_sent_nowhere_and_said() {
    let mut desk = opened();
    assert_eq!(desk.typed("x".repeat(TEXT_BYTES_MAX + 1)), []);
    assert!(matches!(desk.status(), Status::Failed(why) if why.contains("at most 1048576 bytes")));
    assert!(desk.is_unsaved() && desk.canvas_locked().is_some() && desk.unpublishable().is_some());
    assert_eq!(desk.save(), None, "asked for or not");

    assert!(!desk.typed("x".repeat(TEXT_BYTES_MAX)).is_empty());
    assert_eq!((desk.status(), desk.unpublishable()), (Status::Unsaved, None));
    assert!(desk.save().is_some());
}

#[test]
fn what_failed_for_a_while_is_tried_again_and_said() {
    let mut desk = opened();
    desk.drawn();
    assert_eq!(desk.written(1, Err(passing())), (false, vec![(Task::Write { turn: 1 }, When::Later)]));
    assert_eq!(desk.status(), Status::Failed("away".to_owned()));
    assert!(desk.is_unsaved() && desk.text_locked().is_some());
    desk.written(1, Ok("drawn".to_owned()));
    assert_eq!(desk.status(), Status::Unsaved);

    desk.save().unwrap();
    assert_eq!(desk.saved(1, Err(passing())), [(Task::Save { turn: 1 }, When::Later)]);
    desk.save().unwrap();
    let lasting = Failure::Lasting("too large".to_owned());
    assert_eq!(desk.saved(1, Err(lasting)), []);
    assert_eq!(desk.status(), Status::Failed("too large".to_owned()));
    desk.typed("smaller".to_owned());
    assert_eq!(desk.status(), Status::Unsaved);
}

#[test]
fn a_saving_at_a_time_and_what_came_meanwhile_after_it() {
    let mut desk = opened();
    desk.typed("a".to_owned());
    desk.save().unwrap();
    desk.typed("b".to_owned());
    assert_eq!(desk.save(), None);
    assert_eq!(desk.status(), Status::Unsaved);
    assert_eq!(desk.saved(1, Ok("m1".to_owned())), [(Task::Save { turn: 2 }, When::Settled)]);
    let saving = desk.save().unwrap();
    assert_eq!((saving.source.as_str(), saving.over.as_deref()), ("b", Some("m1")));
}

#[test]
fn what_somebody_else_saved_is_taken_over_where_nothing_is_lost_by_it() {
    let mut desk = opened();
    assert_eq!(desk.noticed(Some(theirs("m0", "first")), 0, false), [], "it is what one sees");
    assert_eq!(desk.noticed(Some(theirs("m9", "theirs")), 0, false), [(Task::Check { turn: 1 }, When::Now)]);
    assert_eq!((desk.text(), desk.mark(), desk.status()), ("theirs", Some("m9"), Status::Saved));
}

#[test]
fn what_somebody_else_saved_is_a_conflict_while_something_is_unsaved() {
    let mut desk = opened();
    desk.typed("mine".to_owned());
    assert_eq!(desk.noticed(Some(theirs("m9", "theirs")), 0, false), []);
    assert_eq!(desk.conflict(), Some(&Conflict::Changed(theirs("m9", "theirs"))));
    assert!(desk.save().is_none() && desk.unpublishable().is_some());

    let mut other = desk.clone();
    assert_eq!(other.keep_mine(), [(Task::Save { turn: 1 }, When::Now)]);
    let saving = other.save().unwrap();
    assert_eq!((saving.source.as_str(), saving.over.as_deref()), ("mine", Some("m9")));

    assert_eq!(desk.take_theirs(), [(Task::Check { turn: 2 }, When::Now)]);
    assert_eq!((desk.text(), desk.status(), desk.conflict()), ("theirs", Status::Saved, None));
}

#[test]
fn a_draft_that_was_discarded_or_published_meanwhile_is_a_conflict_only_for_who_would_save_over_it() {
    let mut desk = opened();
    desk.noticed(None, 0, false);
    assert_eq!((desk.conflict(), desk.mark()), (None, None));
    desk.typed("on".to_owned());
    assert_eq!(desk.save().unwrap().over, None, "it becomes a draft again");

    let mut desk = opened();
    desk.typed("mine".to_owned());
    desk.noticed(None, 0, true);
    assert_eq!(desk.conflict(), Some(&Conflict::Gone));
    assert_eq!(desk.take_theirs(), [], "there is nothing to take");
    assert_eq!(desk.keep_mine(), [(Task::Save { turn: 1 }, When::Now)]);
    assert_eq!(desk.save().unwrap().over, None);
}

#[test]
fn an_answer_from_before_the_last_saving_says_nothing() {
    let mut desk = opened();
    let asked = desk.saves();
    desk.typed("mine".to_owned());
    desk.save().unwrap();
    assert_eq!(desk.noticed(Some(theirs("m9", "theirs")), asked, false), [], "a saving is under way");
    desk.saved(1, Ok("m1".to_owned()));
    desk.noticed(Some(theirs("m0", "first")), asked, false);
    assert_eq!((desk.conflict(), desk.text()), (None, "mine"));
}

#[test]
fn the_same_words_are_no_conflict() {
    let mut desk = opened();
    desk.typed("agreed".to_owned());
    desk.noticed(Some(theirs("m9", "agreed")), 0, false);
    assert_eq!((desk.conflict(), desk.status(), desk.mark()), (None, Status::Saved, Some("m9")));
}

#[test]
fn one_is_not_in_conflict_with_oneself_because_an_answer_was_lost() {
    let mut desk = opened();
    desk.typed("mine".to_owned());
    desk.save().unwrap();
    desk.saved(1, Err(passing()));
    desk.typed("mine, and on".to_owned());
    assert_eq!(desk.noticed(Some(theirs("m1", "mine")), 0, true), [(Task::Save { turn: 2 }, When::Now)]);
    assert_eq!(desk.conflict(), None);
    assert_eq!(desk.save().unwrap().over.as_deref(), Some("m1"));
}

#[test]
fn what_is_left_unsaved_says_what_it_goes_over() {
    let mut desk = opened();
    assert_eq!(desk.left(), None);
    desk.typed("one".to_owned());
    let over = || Some("m0".to_owned());
    assert_eq!(desk.left(), Some(Left { source: Some("one".to_owned()), over: over(), sent: None }));
    desk.save().unwrap();
    assert_eq!(desk.left(), None, "it is under way");
    desk.checked(1, Ok(Reading::Drawn));
    desk.drawn();
    assert_eq!(desk.left(), Some(Left { source: None, over: over(), sent: Some("one".to_owned()) }));
    desk.saved(1, Ok("m1".to_owned()));
    desk.noticed(Some(theirs("m9", "theirs")), desk.saves(), false);
    assert_eq!(desk.left(), None, "somebody has to decide first");
}

#[test]
fn a_desk_that_was_closed_stores_nothing() {
    let mut desk = opened();
    desk.typed("published".to_owned());
    desk.close();
    assert!(desk.save().is_none() && !desk.is_unsaved());
}

/// What happens next in a random afternoon.
#[derive(Debug, Clone)]
enum Next {
    Type,
    Draw,
    /// What is drawn goes back to what a text said.
    Back(usize),
    /// The task that waits at this place is done.
    Do(usize),
    /// What is under way at this place is answered; or it gets lost.
    Answer(usize, bool),
    TheySave,
    TheyDiscard,
    Notice,
    Keep,
    Take,
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        3 => Just(Next::Type),
        3 => Just(Next::Draw),
        2 => (0..4usize).prop_map(Next::Back),
        8 => (0..4usize).prop_map(Next::Do),
        8 => (0..4usize, prop::bool::weighted(0.8)).prop_map(|(at, well)| Next::Answer(at, well)),
        1 => Just(Next::TheySave),
        1 => Just(Next::TheyDiscard),
        2 => Just(Next::Notice),
        1 => Just(Next::Keep),
        1 => Just(Next::Take),
    ]
}

#[derive(Debug)]
enum Asked {
    Check(u64),
    Write(u64, String),
    Save(Saving),
    Stored(u64, bool),
}

/// A page and a server. What a person makes is a number in words; the drawing of `n` is written as `n`.
#[derive(Debug)]
struct Afternoon {
    desk: Desk,
    canvas: String,
    /// Every text that was typed, and the first.
    texts: Vec<String>,
    waiting: Vec<Task>,
    under_way: Vec<Asked>,
    stored: Option<(String, String)>,
    /// What this person has seen of what is stored.
    seen: Vec<String>,
    count: u32,
}

impl Afternoon {
    fn fresh(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }

    fn plan(&mut self, due: Vec<Due>) {
        self.waiting.extend(due.into_iter().map(|(task, _)| task));
    }

    fn go(&mut self, next: &Next) {
        match *next {
            Next::Type if self.desk.text_locked().is_none() => {
                let text = self.fresh();
                self.texts.push(text.clone());
                let due = self.desk.typed(text);
                self.plan(due);
            }
            Next::Back(at) if self.desk.canvas_locked().is_none() && at < self.texts.len() => {
                self.canvas = self.texts[at].clone();
                let due = self.desk.restored(self.canvas.clone());
                self.plan(due);
            }
            Next::Draw if self.desk.canvas_locked().is_none() => {
                self.canvas = self.fresh();
                let due = self.desk.drawn();
                self.plan(due);
            }
            Next::Do(at) if at < self.waiting.len() => match self.waiting.remove(at) {
                Task::Check { turn } => self.under_way.push(Asked::Check(turn)),
                Task::Write { turn } => self.under_way.push(Asked::Write(turn, self.canvas.clone())),
                Task::Save { turn } if turn == self.desk.turn() => {
                    self.under_way.extend(self.desk.save().map(Asked::Save));
                }
                Task::Save { .. } => {}
            },
            Next::Answer(at, well) if at < self.under_way.len() => {
                let asked = self.under_way.remove(at);
                self.answer(asked, well);
            }
            Next::TheySave => {
                let source = self.fresh();
                self.stored = Some((format!("m{source}"), source));
            }
            Next::TheyDiscard => self.stored = None,
            Next::Notice => self.under_way.push(Asked::Stored(self.desk.saves(), false)),
            Next::Keep => {
                let due = self.desk.keep_mine();
                self.plan(due);
            }
            Next::Take => {
                let due = self.desk.take_theirs();
                self.plan(due);
            }
            _ => {}
        }
    }

    fn answer(&mut self, asked: Asked, well: bool) {
        let due = match asked {
            Asked::Check(turn) if well => {
                let (is_newest, due) = self.desk.checked(turn, Ok(Reading::Drawn));
                if is_newest {
                    self.canvas = self.desk.text().to_owned();
                }
                due
            }
            Asked::Check(turn) => self.desk.checked(turn, Err(passing())).1,
            Asked::Write(turn, drawn) if well => self.desk.written(turn, Ok(drawn)).1,
            Asked::Write(turn, _) => self.desk.written(turn, Err(passing())).1,
            // An answer that is lost may have been a good one.
            Asked::Save(saving) if well || self.count.is_multiple_of(2) => {
                let (mark, before) = self.stored.clone().unzip();
                if mark == saving.over {
                    if let Some(mark) = mark {
                        assert!(self.seen.contains(&mark), "{before:?} was replaced and never seen");
                    }
                    let mark = format!("m{}-{}", saving.source, self.count);
                    self.seen.push(mark.clone());
                    self.stored = Some((mark.clone(), saving.source));
                    self.desk.saved(saving.turn, if well { Ok(mark) } else { Err(passing()) })
                } else {
                    let due = self.desk.saved(saving.turn, Err(Failure::Lasting("changed".to_owned())));
                    self.under_way.push(Asked::Stored(self.desk.saves(), true));
                    due
                }
            }
            Asked::Save(saving) => self.desk.saved(saving.turn, Err(passing())),
            Asked::Stored(saves, is_final) => {
                let stored = self.stored.clone();
                self.seen.extend(stored.clone().map(|(mark, _)| mark));
                self.desk.noticed(stored.map(|(mark, source)| theirs(&mark, &source)), saves, is_final)
            }
        };
        self.plan(due);
    }

    /// Everything is done and answered, and the person decides each conflict for what is on the desk.
    fn come_to_rest(&mut self) {
        for _ in 0..200 {
            while !self.waiting.is_empty() {
                self.go(&Next::Do(0));
            }
            if !self.under_way.is_empty() {
                self.go(&Next::Answer(0, true));
            } else if self.desk.conflict().is_some() {
                self.go(&Next::Keep);
            } else {
                return;
            }
        }
        panic!("it never comes to rest: {self:?}");
    }
}

#[test]
fn what_goes_back_to_what_is_stored_is_not_stored_again() {
    let mut desk = Desk::open("# ours\na".to_owned(), None, Reading::Drawn);
    desk.drawn();
    assert_eq!(desk.status(), Status::Unsaved);
    // Undone before anything was written.
    let due = desk.restored("# ours\na".to_owned());
    assert!(matches!(due.as_slice(), [(Task::Check { .. }, _)]), "{due:?}");
    assert_eq!((desk.text(), desk.status(), desk.canvas_locked()), ("# ours\na", Status::Saved, None));
    assert!(!desk.is_text_behind());

    // Something else was stored meanwhile: going back has to be stored too.
    desk.typed("b".to_owned());
    let saving = desk.save().unwrap();
    desk.saved(saving.turn, Ok("m1".to_owned()));
    desk.restored("# ours\na".to_owned());
    assert_eq!(desk.status(), Status::Unsaved);
    assert_eq!(desk.save().map(|saving| saving.source).as_deref(), Some("# ours\na"));
}

#[test]
fn what_may_be_stored_though_no_answer_came_is_not_taken_for_undone() {
    let mut desk = Desk::open("a".to_owned(), Some("m0".to_owned()), Reading::Drawn);
    desk.typed("b".to_owned());
    let saving = desk.save().unwrap();
    desk.saved(saving.turn, Err(Failure::Passing("away".to_owned())));
    desk.typed("a".to_owned());
    assert_eq!(desk.save().map(|saving| saving.source).as_deref(), Some("a"));
}

#[test]
fn a_draft_that_is_gone_is_said_until_something_is_changed() {
    let mut desk = Desk::open("a".to_owned(), Some("m0".to_owned()), Reading::Drawn);
    desk.noticed(None, desk.saves(), false);
    assert_eq!((desk.status(), desk.mark()), (Status::Gone, None));
    // The same text again is a change all the same: it is to be there.
    desk.typed("a".to_owned());
    assert_eq!(desk.status(), Status::Unsaved);
    let saving = desk.save().unwrap();
    desk.saved(saving.turn, Ok("m1".to_owned()));
    assert_eq!(desk.status(), Status::Saved);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens_nothing_is_lost_and_nobody_is_overwritten_unseen(afternoon in prop::collection::vec(next(), 1..60)) {
        let mut it = Afternoon {
            desk: Desk::open("0".to_owned(), Some("m0".to_owned()), Reading::Drawn),
            canvas: "0".to_owned(),
            texts: vec!["0".to_owned()],
            waiting: Vec::new(),
            under_way: Vec::new(),
            stored: Some(("m0".to_owned(), "0".to_owned())),
            seen: vec!["m0".to_owned()],
            count: 0,
        };
        for next in &afternoon {
            it.go(next);
        }
        it.come_to_rest();
        // Whoever else was there last is heard of.
        it.go(&Next::Notice);
        it.come_to_rest();

        prop_assert_eq!(it.desk.canvas_locked(), None);
        prop_assert_eq!(it.desk.text_locked(), None);
        prop_assert_eq!(it.desk.text(), &it.canvas, "text and drawing are the same");
        if it.desk.is_touched() && !it.desk.is_unsaved() {
            let stored = it.stored.as_ref().map(|(_, text)| text.as_str());
            match it.desk.status() {
                Status::Saved => prop_assert_eq!(stored, Some(it.desk.text())),
                other => prop_assert_eq!((other, stored), (Status::Gone, None)),
            }
        }
        prop_assert!(!it.desk.is_unsaved(), "{:?}", it);
    }
}
