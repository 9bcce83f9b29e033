//! Random edits on random sagas: nothing panics, everything can be taken back, and what is drawn can always be read again.

use proptest::prelude::*;

use super::*;
use crate::strategies::any_json;

const NAMES: [&str; 6] = ["a", "b", "step", "start", "Not So", "if-x"];
const EVENTS: [&str; 4] = ["A", "B/1", "SomethingHappened", "baton.x"];

fn any_saga() -> impl Strategy<Value = Document> {
    let step = (prop::sample::select(NAMES.to_vec()), any::<bool>(), any::<bool>()).prop_map(|(name, undo, fails)| {
        let mut step = json!({"name": name, "send": "Do", "to": "x", "done": "Done"});
        if undo {
            step["undo"] = json!({"send": "Undo", "done": "Undone"});
        }
        if fails {
            step["failed"] = json!("Failed");
        }
        step
    });
    let steps = prop::collection::vec(prop_oneof![9 => step, 1 => any_json()], 0..5).prop_map(
        |steps| json!({"baton": "saga/1", "name": "s", "start": "A", "correlate": "=event.id", "steps": steps}),
    );
    let reaction = prop_oneof![9 => Just(json!({"send": "Do", "to": "x"})), 1 => any_json()];
    let on = prop::collection::btree_map(prop::sample::select(EVENTS.to_vec()), reaction, 0..3)
        .prop_map(|on| json!({"baton": "saga/1", "name": "s", "on": on}));
    let odd = any_json().prop_map(|value| json!({"baton": "saga/1", "steps": value.clone(), "on": value}));
    prop_oneof![6 => steps, 3 => on, 1 => odd, 1 => Just(empty().into_value())].prop_map(Document::new)
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let name = || prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned);
    let event = || prop::sample::select(EVENTS.to_vec()).prop_map(str::to_owned);
    let id = || {
        prop_oneof![
            3 => name(),
            2 => name().prop_map(|name| format!("undo/{name}")),
            2 => event().prop_map(|event| format!("on/{event}")),
            2 => event().prop_map(|event| format!("do/{event}")),
            2 => prop::sample::select(vec!["start", "completed", "compensated", "#1", "#0"]).prop_map(str::to_owned),
        ]
    };
    let pointer =
        (0..4_usize, prop::sample::select(vec!["send", "timeout/after", "undo/send", "undo", "name", "set/x"]))
            .prop_map(|(step, field)| format!("/steps/{step}/{field}"));
    let of_saga = prop_oneof![
        (0..6_usize).prop_map(|at| SagaEdit::AddStep { at }),
        (0..6_usize).prop_map(|step| SagaEdit::AddUndo { step }),
        Just(SagaEdit::AddReaction),
        (prop::collection::vec(0..5_usize, 0..3), 0..6_usize).prop_map(|(steps, to)| SagaEdit::MoveSteps { steps, to }),
        prop::collection::vec(id(), 0..6).prop_map(|parts| SagaEdit::Remove { parts }),
        (0..4_usize, name()).prop_map(|(step, to)| SagaEdit::RenameStep { step, to }),
        (event(), event()).prop_map(|(event, to)| SagaEdit::RenameEvent { event, to }),
        (prop::collection::vec(any_json(), 0..3), 0..4_usize)
            .prop_map(|(steps, at)| SagaEdit::Paste { clip: sagas::SagaClip { steps, ..Default::default() }, at }),
    ];
    prop_oneof![
        8 => of_saga.prop_map(Edit::Saga),
        2 => (pointer, prop::option::of(any_json())).prop_map(|(pointer, value)| Edit::Set { pointer, value }),
        1 => any_saga().prop_map(|saga| Edit::Rewrite { value: saga.into_value() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_edit_can_be_taken_back(mut document in any_saga(), edits in prop::collection::vec(any_edit(), 1..12)) {
        let first = document.clone();
        let mut changes = Vec::new();
        for edit in &edits {
            let before = document.clone();
            match apply(&mut document, edit) {
                Err(forbidden) => {
                    prop_assert_eq!(&document, &before, "{:?}", edit);
                    prop_assert!(!forbidden.0.is_empty(), "it says why: {:?}", edit);
                }
                Ok(change) => {
                    prop_assert!(!change.sentence.is_empty());
                    let scene = Scene::of(&document);
                    for selected in &change.select {
                        prop_assert!(scene.node(selected).is_some(), "{:?} selects {}", edit, selected);
                    }
                    let mut other = document.clone();
                    change.inverse().apply(&mut other);
                    prop_assert_eq!(&other, &before, "taken back: {:?}", edit);
                    change.apply(&mut other);
                    prop_assert_eq!(&other, &document, "done again: {:?}", edit);
                    changes.push(change);
                }
            }
        }
        for change in changes.iter().rev() {
            change.inverse().apply(&mut document);
        }
        prop_assert_eq!(document, first);
    }

    /// What is drawn is stored as text: it says the same when it is read again, and is still a saga.
    #[test]
    fn whatever_was_drawn_can_be_read(document in any_saga(), edits in prop::collection::vec(any_edit(), 1..8)) {
        let mut editor = Editor::open(document);
        for edit in edits {
            let _ = editor.commit(&[edit]);
            let text = definition::write(editor.document().value()).expect("it can be written");
            let read = definition::check(&text);
            prop_assert_eq!(read.value.as_ref(), Some(editor.document().value()), "{}", text);
            prop_assert!(editor.document().is_saga());
            for finding in &read.diagnostics {
                if let Some(id) = editor.document().drawn_at(&finding.pointer) {
                    prop_assert!(editor.scene().node(&id).is_some(), "{} of {}", id, finding.pointer);
                }
            }
        }
        while editor.undo().is_some() {}
        prop_assert!(!editor.history().is_changed());
    }

    /// The page panics when a gesture commits what cannot be done.
    #[test]
    fn whatever_a_hand_does_is_possible_and_can_be_taken_back(
        document in any_saga(),
        lines in prop::collection::vec(any_line(), 1..40),
    ) {
        let mut page = played::Page::of(document.clone());
        for line in &lines {
            page.play(line);
            prop_assert_eq!(&page.selection.clone().pruned(page.editor.scene()), &page.selection, "after {}", line);
        }
        page.play("esc; esc");
        while page.editor.undo().is_some() {}
        prop_assert_eq!(page.editor.document(), &document);
    }
}

fn any_line() -> impl Strategy<Value = String> {
    let place = || (-40..900_i32, -20..360_i32).prop_map(|(x, y)| format!("{x},{y}"));
    let kind = prop::sample::select(vec!["step", "undo", "reaction"]);
    let keys: Vec<String> =
        keys::BINDINGS.iter().filter(|it| it.command != Command::Paste).map(|it| format!("key {}", it.chord)).collect();
    prop_oneof![
        3 => place().prop_map(|at| format!("down {at}")),
        3 => place().prop_map(|at| format!("move {at}")),
        3 => place().prop_map(|at| format!("up {at}")),
        2 => place().prop_map(|at| format!("down {at}; up {at}")),
        2 => (kind, place()).prop_map(|(kind, at)| format!("pick {kind} {at}; move {at}; up {at}")),
        1 => Just("frame".to_owned()),
        5 => prop::sample::select(keys),
    ]
}
