//! Undo, redo, and whether anything is unsaved.

use super::*;
use crate::designer::history::STEPS_MAX;

fn editor() -> Editor {
    Editor::open(small())
}

fn nudge(editor: &mut Editor, x: f64) {
    let edit = Edit::Move { positions: [("ask".to_owned(), (x, 100.0))].into() };
    editor.commit(&[edit]).expect("it can be moved");
}

fn disconnect(editor: &mut Editor) {
    editor.commit(&[Edit::Disconnect { edge: port("ask.yes") }]).expect("it can be cut");
}

#[test]
fn a_step_is_taken_back_and_done_again() {
    let mut editor = editor();
    let before = editor.document().clone();
    assert_eq!(editor.undo(), None);
    disconnect(&mut editor);
    let after = editor.document().clone();
    assert_eq!(editor.history().undoable(), Some("Disconnected yes of Ask from Done"));
    let moved = editor.undo().expect("there is a step");
    assert_eq!(moved.sentence, "Undone: Disconnected yes of Ask from Done");
    assert!(moved.changes_meaning);
    assert_eq!(editor.document(), &before);
    assert_eq!(editor.scene().edges(), Scene::of(&before).edges());
    assert_eq!(editor.redo().expect("there is a step").sentence, "Redone: Disconnected yes of Ask from Done");
    assert_eq!(editor.document(), &after);
    assert_eq!(editor.redo(), None);
}

#[test]
fn a_new_step_forgets_what_was_taken_back() {
    let mut editor = editor();
    disconnect(&mut editor);
    editor.undo();
    nudge(&mut editor, 320.0);
    assert_eq!(editor.redo(), None);
    assert_eq!(editor.history().redoable(), None);
}

#[test]
fn many_edits_of_one_gesture_are_one_step() {
    let mut editor = editor();
    let before = editor.document().clone();
    let edits = [
        Edit::Move { positions: [("lone".to_owned(), (450.0, 100.0))].into() },
        Edit::DropOnEdge { node: "lone".into(), edge: port("ask.yes") },
    ];
    let done = editor.commit(&edits).expect("both can be done");
    assert_eq!(done.sentence, "Put Lone between Ask and Done");
    assert_eq!(editor.history().len(), 1);
    editor.undo();
    assert_eq!(editor.document(), &before);
}

#[test]
fn when_one_of_many_cannot_be_done_none_is() {
    let mut editor = editor();
    let before = editor.document().clone();
    let edits =
        [Edit::Disconnect { edge: port("ask.yes") }, Edit::Connect { from: port("ask.yes"), to: "start".into() }];
    assert!(editor.commit(&edits).is_err());
    assert_eq!(editor.document(), &before);
    assert!(editor.history().is_empty());
}

#[test]
fn nudges_and_typing_are_one_step_until_something_else_happens() {
    let mut editor = editor();
    for x in [304.0, 308.0, 312.0] {
        nudge(&mut editor, x);
    }
    assert_eq!(editor.history().len(), 1);
    let type_in = |editor: &mut Editor, text: &str| {
        let edit = Edit::SetTitle { node: "lone".into(), title: Some(text.into()) };
        editor.commit(&[edit]).expect("it can be set");
    };
    for text in ["S", "Su", "Sum"] {
        type_in(&mut editor, text);
    }
    assert_eq!(editor.history().len(), 2);
    editor.history_mut().seal();
    type_in(&mut editor, "Sums");
    assert_eq!(editor.history().len(), 3);
    editor.undo();
    assert_eq!(editor.document().title("lone"), "Sum");
    editor.undo();
    assert_eq!(editor.document().title("lone"), "Lone");
    editor.undo();
    assert_eq!(editor.document(), &small());
}

#[test]
fn there_and_back_is_no_step() {
    let mut editor = editor();
    nudge(&mut editor, 304.0);
    nudge(&mut editor, 300.0);
    assert!(editor.history().is_empty() && !editor.history().is_changed());
    let edit = Edit::SetTitle { node: "lone".into(), title: None };
    assert_eq!(editor.commit(&[edit]).expect("it can be set").sentence, "", "nothing happened");
    assert!(editor.history().is_empty());
}

#[test]
fn going_back_to_what_was_saved_means_not_changed() {
    let mut editor = editor();
    assert!(!editor.history().is_changed());
    nudge(&mut editor, 304.0);
    assert!(editor.history().is_changed());
    editor.history_mut().mark_saved();
    assert!(!editor.history().is_changed());
    nudge(&mut editor, 308.0);
    assert!(editor.history().is_changed(), "what was saved is no part of the same step");
    editor.undo();
    assert!(!editor.history().is_changed());
    editor.undo();
    assert!(editor.history().is_changed());
    editor.redo();
    assert!(!editor.history().is_changed());
    editor.undo();
    disconnect(&mut editor);
    assert!(editor.history().is_changed(), "the state that was saved cannot be reached any more");
    editor.undo();
    assert!(editor.history().is_changed());
}

#[test]
fn what_was_saved_may_be_older_than_what_there_is() {
    let mut editor = editor();
    disconnect(&mut editor);
    let sent = editor.history().mark();
    nudge(&mut editor, 304.0);
    editor.history_mut().mark_saved_at(&sent);
    assert!(editor.history().is_changed());
    editor.undo();
    assert!(!editor.history().is_changed());
    // It was taken back, and something else done, while it was on its way.
    let sent = editor.history().mark();
    editor.undo();
    nudge(&mut editor, 500.0);
    editor.history_mut().mark_saved_at(&sent);
    assert!(editor.history().is_changed());
}

#[test]
fn it_remembers_a_bounded_number_of_steps() {
    let mut editor = editor();
    for number in 0..STEPS_MAX + 10 {
        editor.history_mut().seal();
        nudge(&mut editor, number as f64);
    }
    assert_eq!(editor.history().len(), STEPS_MAX);
    assert!(editor.history().is_changed());
    while editor.undo().is_some() {}
    assert!(editor.history().is_changed(), "the way back to what was saved is forgotten");
}
