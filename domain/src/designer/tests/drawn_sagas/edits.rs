use super::*;

fn done(document: &mut Document, edit: SagaEdit) -> Change {
    let before = document.clone();
    let change = apply(document, &Edit::Saga(edit.clone())).unwrap_or_else(|why| panic!("{edit:?}: {why}"));
    let mut back = document.clone();
    change.inverse().apply(&mut back);
    assert_eq!(back, before, "{edit:?} can be taken back");
    change
}

fn refused(document: &Document, edit: SagaEdit, why: &str) {
    let mut edited = document.clone();
    let forbidden = apply(&mut edited, &Edit::Saga(edit.clone())).expect_err("it is forbidden");
    assert!(forbidden.0.contains(why), "{edit:?}: {forbidden}");
    assert_eq!(&edited, document, "nothing changed");
}

fn remove(parts: &[&str]) -> SagaEdit {
    SagaEdit::Remove { parts: parts.iter().map(|part| (*part).to_owned()).collect() }
}

#[test]
fn the_first_step_brings_along_what_starts_the_saga() {
    let mut document = empty();
    let change = done(&mut document, SagaEdit::AddStep { at: 0 });
    assert_eq!(change.select, ["step"]);
    let written = definition::write(document.value()).expect("it can be written");
    let errors: Vec<_> = definition::check(&written).diagnostics.into_iter().filter(|it| it.is_error()).collect();
    assert!(errors.is_empty(), "what one begins with has no errors: {errors:?}");
    done(&mut document, SagaEdit::AddUndo { step: 0 });
    done(&mut document, SagaEdit::AddStep { at: 1 });
    assert_eq!(steps(&document), "step! step-2");
    assert!(definition::parse(&definition::write(document.value()).expect("it can be written")).is_ok());
}

#[test]
fn reactions_are_added_and_react_to_something_else() {
    let mut document = empty();
    assert_eq!(done(&mut document, SagaEdit::AddReaction).select, ["do/SomethingHappened"]);
    done(&mut document, SagaEdit::AddReaction);
    let renamed = SagaEdit::RenameEvent { event: "SomethingHappened".into(), to: "OrderPlaced".into() };
    assert_eq!(done(&mut document, renamed).select, ["do/OrderPlaced"]);
    let events: Vec<&str> = Saga::of(&document).reactions().into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["OrderPlaced", "SomethingHappened2"]);
    assert!(definition::parse(&definition::write(document.value()).expect("it can be written")).is_ok());
    done(&mut document, remove(&["on/OrderPlaced", "do/SomethingHappened2"]));
    assert_eq!(document, empty(), "the last one leaves an empty canvas");
}

#[test]
fn steps_change_their_order() {
    for (moved, to, expected) in [
        (vec![0], 2, "b! a! c"),
        (vec![0], 3, "b! c a!"),
        (vec![2], 0, "c a! b!"),
        (vec![0, 2], 2, "b! a! c"),
        (vec![1, 2], 0, "b! c a!"),
    ] {
        let mut document = small();
        done(&mut document, SagaEdit::MoveSteps { steps: moved.clone(), to });
        assert_eq!(steps(&document), expected, "{moved:?} to {to}");
    }
    let nowhere = [(vec![0], 0), (vec![0], 1), (vec![0, 1], 1), (vec![2], 3)];
    for (steps, to) in nowhere {
        refused(&small(), SagaEdit::MoveSteps { steps, to }, "stand there already");
    }
}

#[test]
fn a_renamed_step_is_renamed_in_scenarios() {
    let mut document = shipped("order-fulfilment");
    done(&mut document, SagaEdit::RenameStep { step: 1, to: "pay".into() });
    let written = definition::write(document.value()).expect("it can be written");
    let parsed = definition::parse(&written).expect("the scenarios fit");
    assert_eq!(parsed.value, *document.value());
    assert!(written.contains("answer: pay") && !written.contains("answer: charge"), "{written}");
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let step = |step: usize, to: &str| SagaEdit::RenameStep { step, to: to.into() };
    refused(&small(), step(0, "b"), "unique");
    refused(&small(), step(0, "start"), "histories");
    refused(&small(), step(0, "if-paid"), "histories");
    refused(&small(), step(0, "Not So"), "lower-case");
    refused(&small(), step(7, "x"), "no such step");
    refused(&small(), SagaEdit::AddUndo { step: 0 }, "its undo already");
    refused(&small(), SagaEdit::AddReaction, "either has steps or reacts");
    refused(&reactions(), SagaEdit::AddStep { at: 0 }, "either reacts or has steps");
    refused(&small(), remove(&["a", "b", "c"]), "at least one");
    refused(&small(), remove(&["start"]), "what starts it");
    refused(&small(), remove(&["completed"]), "follows from its steps");
    refused(&small(), remove(&["nobody"]), "nothing to remove");
    let event = |event: &str, to: &str| SagaEdit::RenameEvent { event: event.into(), to: to.into() };
    refused(&reactions(), event("A", "B"), "already");
    refused(&reactions(), event("A", "baton.x"), "Baton's own");
    refused(&reactions(), event("Z", "Y"), "no reaction");
    let mut full = small();
    full.value_mut()["steps"] = (0..100).map(|number| json!({"name": format!("s{number}")})).collect();
    refused(&full, SagaEdit::AddStep { at: 3 }, "at most 100 steps");
    let process = super::super::small();
    refused(&process, SagaEdit::AddStep { at: 0 }, "this is a process");
    let mut saga = small();
    let moved = Edit::Move { positions: [("a".to_owned(), (0.0, 0.0))].into() };
    assert!(apply(&mut saga, &moved).is_err_and(|why| why.0.contains("this is a saga")));
}

#[test]
fn everything_at_once_can_go_and_leaves_an_empty_canvas() {
    let mut document = small();
    let all: Vec<String> = Scene::of(&document).nodes().iter().map(|node| node.id().to_owned()).collect();
    done(&mut document, SagaEdit::Remove { parts: all });
    assert_eq!(document.value(), &json!({"baton": "saga/1", "name": "small"}));
    assert!(Scene::of(&document).nodes().is_empty());
}

#[test]
fn an_undo_goes_with_its_step_and_alone() {
    let mut document = small();
    done(&mut document, remove(&["undo/a"]));
    assert_eq!(steps(&document), "a b! c");
    done(&mut document, remove(&["b", "undo/b"]));
    assert_eq!(steps(&document), "a c");
}

#[test]
fn an_emptied_time_out_is_none() {
    let mut document = small();
    let set = |field: &str| Edit::Set { pointer: format!("/steps/2/timeout/{field}"), value: None };
    apply(&mut document, &set("after")).expect("it can be emptied");
    let change = apply(&mut document, &set("then")).expect("it can be emptied");
    assert!(Saga::of(&document).step(2).is_some_and(|step| step.get("timeout").is_none()));
    assert_eq!((change.sentence.as_str(), change.touched.as_slice()), ("Changed then of C", &["c".to_owned()][..]));
    change.inverse().apply(&mut document);
    assert!(document.value().pointer("/steps/2/timeout/then").is_some());
}

/// The rules of the canvas and those of the language are written twice: the browser has no reader.
#[test]
fn the_limits_are_those_of_the_language() {
    let codes = |value: Value| -> Vec<String> {
        let found = definition::check(&value.to_string()).diagnostics;
        found.into_iter().map(|finding| finding.code.to_string()).collect()
    };
    let steps = |count: usize| -> Vec<Value> {
        let step = |number| json!({"name": format!("s{number}"), "send": "Do", "to": "x", "done": "Done"});
        (0..count).map(step).collect()
    };
    let saga = |steps: Vec<Value>| json!({"baton": "saga/1", "name": "s", "start": "A", "correlate": "=event.id", "steps": steps});
    let most = sagas::rules::STEPS_MAX;
    assert!(!codes(saga(steps(most))).contains(&"too-many".to_owned()));
    assert!(codes(saga(steps(most + 1))).contains(&"too-many".to_owned()));
    for name in sagas::rules::OWN_NAMES.into_iter().chain(["if-paid"]) {
        let mut one = steps(1);
        one[0]["name"] = json!(name);
        assert!(codes(saga(one)).contains(&"reserved".to_owned()), "{name}");
        assert!(sagas::rules::is_reserved(name));
    }
    let on = |count: usize| -> serde_json::Map<String, Value> {
        (0..count).map(|number| (format!("E{number}"), json!({"send": "Do", "to": "x"}))).collect()
    };
    let reacting = |count: usize| json!({"baton": "saga/1", "name": "s", "on": on(count)});
    let most = sagas::rules::REACTIONS_MAX;
    assert!(!codes(reacting(most)).contains(&"too-many".to_owned()));
    assert!(codes(reacting(most + 1)).contains(&"too-many".to_owned()));
}

#[test]
fn a_step_that_says_that_it_stays_is_drawn_without_an_undo_and_can_be_given_one() {
    let mut value = small().value().clone();
    value["steps"][0]["undo"] = json!("none");
    let mut document = Document::new(value);
    assert_eq!(steps(&document), "a b! c");
    done(&mut document, SagaEdit::AddUndo { step: 0 });
    assert_eq!(steps(&document), "a! b! c");
}
