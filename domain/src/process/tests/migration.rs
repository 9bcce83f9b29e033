//! Instances that go on by another version of their definition, and what keeps them from it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    properties::check_invariants,
    sagas::steps_of,
    simulation::{Simulation, code, names, park, process},
};
use crate::process::{Definition, Event, Input, Mapping, Migration, Operator, PROCESS_ENDED, Status, obstacles};

const ORDER: &str = r#"
baton: process/1
name: order
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: Reserve
    to: stock
    undo: {send: Release, done: Released, failed: Kept, timeout: {after: PT1M, then: stuck}}
    on: {Reserved: {next: sign}, timeout: {after: PT1H, next: sign}}
  sign: {kind: wait, on: {Signed: {set: {who: =event.payload.who}, next: done}}, match: {event: =event.payload.order, with: =input.order}}
  done: {kind: end}
"#;

fn order() -> Simulation {
    Simulation::started(process(ORDER), json!({"order": 7}))
}

/// An order that has been reserved, and waits to be signed.
fn reserved() -> Simulation {
    let mut it = order();
    it.answer("Reserved", json!({}));
    it
}

/// Another version of the text: each `before` is replaced by its `after`.
fn changed(text: &str, changes: &[(&str, &str)]) -> Definition {
    let text = changes.iter().fold(text.to_owned(), |text, (before, after)| {
        assert!(text.contains(before), "{before} is not in it");
        text.replace(before, after)
    });
    process(&text)
}

fn mapping(names: &[(&str, &str)]) -> Mapping {
    names.iter().map(|(before, after)| ((*before).to_owned(), (*after).to_owned())).collect()
}

/// What is in the way, as code and place. A refusal tells the first of it, and changes nothing.
fn in_the_way(it: &mut Simulation, to: &Definition, names: &[(&str, &str)]) -> Vec<(String, String)> {
    let before = it.state().clone();
    let found = obstacles(&it.definition, to, &before, &mapping(names));
    let rejection = it.migrate(to, names).expect_err("something is in the way");
    assert_eq!(rejection.pointer, found[0].pointer);
    assert!(rejection.findings == found || rejection.code == found[0].code, "{rejection:?}");
    assert_eq!(it.state(), &before);
    found.into_iter().map(|it| (it.code, it.pointer)).collect()
}

#[track_caller]
fn refused(it: &mut Simulation, to: &Definition, names: &[(&str, &str)], expected: &[(&str, &str)]) {
    let found = in_the_way(it, to, names);
    let found: Vec<(&str, &str)> = found.iter().map(|(code, at)| (code.as_str(), at.as_str())).collect();
    assert_eq!(found, expected);
}

/// A process of one node after the start, which leads to `done`, and what else is needed.
fn single(node: &str, more: &str) -> Definition {
    let done = "  done: {kind: end}\n";
    process(&format!(
        "baton: process/1\nname: single\nnodes:\n  start: {{kind: start, next: it}}\n  it: {node}\n{more}{done}"
    ))
}

#[test]
fn a_waiting_instance_goes_on_along_the_edges_of_the_new_version() {
    let mut it = reserved();
    let to = changed(
        ORDER,
        &[
            ("next: done}}, match", "next: pause}}, match"),
            ("  done:", "  pause: {kind: timer, for: PT1H, next: done}\n  done:"),
        ],
    );
    let events = it.migrate(&to, &[]).unwrap();
    assert_eq!(events[0].sentence(), "park migrated it from version 1 to version 2");
    assert_eq!((names(&events), it.at()), (vec!["migrated"], vec!["sign"]));
    let signed = it.event("Signed", json!({"order": 7, "who": "kim"}));
    assert_eq!(names(&it.receive(&signed).unwrap()), ["message_received", "moved", "timer_set"]);
    assert_eq!((it.at(), &it.state().vars["who"]), (vec!["pause"], &json!("kim")));
    check_invariants(&it).unwrap();
}

#[test]
fn nodes_that_are_called_otherwise_are_found_by_the_mapping() {
    let mut it = order();
    let to = changed(ORDER, &[("reserve:", "hold:"), ("next: reserve", "next: hold"), ("sign", "countersign")]);
    let events = it.migrate(&to, &[("reserve", "hold")]).unwrap();
    let stored = serde_json::to_value(&events[0]).unwrap();
    assert_eq!(
        stored,
        json!({"v": 1, "event": "migrated", "from_version": 1, "to_version": 2, "nodes": {"reserve": "hold"},
            "by": "park", "reason": "because"})
    );
    assert_eq!(serde_json::from_value::<Event>(stored).unwrap(), events[0]);
    assert_eq!(it.at(), ["hold"]);
    it.answer("Reserved", json!({}));
    assert_eq!((it.at(), it.state().done[0].node.as_str()), (vec!["countersign"], "hold"));
    check_invariants(&it).unwrap();
}

#[test]
fn a_token_without_a_place_in_the_new_version_is_refused() {
    let mut it = order();
    let to = changed(ORDER, &[("reserve:", "hold:"), ("next: reserve", "next: hold")]);
    refused(&mut it, &to, &[], &[("no-target", "/mapping/reserve")]);
    refused(&mut it, &to, &[("reserve", "a/b")], &[("unknown-node", "/mapping/reserve")]);
    refused(&mut it, &to, &[("reserve", "done")], &[("other-kind", "/mapping/reserve")]);
    refused(&mut it, &to, &[("a/b", "hold"), ("reserve", "hold")], &[("unknown-node", "/mapping/a~1b")]);
}

#[test]
fn what_a_command_waits_for_must_still_be_taken() {
    for (before, after, found) in [
        ("on: {Reserved: {", "on: {Held: {", ("not-awaited", "/mapping/reserve")),
        ("send: Reserve\n", "send: Hold\n", ("other-command", "/mapping/reserve")),
        ("to: stock", "to: store", ("other-command", "/mapping/reserve")),
        (", timeout: {after: PT1H, next: sign}}", "}", ("no-timeout", "/tokens/1")),
        (
            "undo: {send: Release, done: Released, failed: Kept, timeout: {after: PT1M, then: stuck}}",
            "payload: {}",
            ("other-undo", "/mapping/reserve"),
        ),
    ] {
        refused(&mut order(), &changed(ORDER, &[(before, after)]), &[], &[found]);
    }
    // More than that may be taken, and handled otherwise.
    let more = changed(ORDER, &[("on: {Reserved: {next: sign}", "on: {Reserved: {next: done}, SoldOut: {next: done}")]);
    let mut it = order();
    it.migrate(&more, &[]).unwrap();
    it.answer("SoldOut", json!({}));
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
}

#[test]
fn an_undo_that_comes_too_late_is_refused() {
    // What was sent is kept only where it may be needed again.
    let text = "{kind: command, send: Do, to: a, UNDOon: {Done: {next: done}}}";
    let undo = "undo: {send: Undo, done: Undone}, ";
    let mut it = Simulation::started(single(&text.replace("UNDO", ""), ""), json!({}));
    refused(&mut it, &single(&text.replace("UNDO", undo), ""), &[], &[("other-undo", "/mapping/it")]);
}

#[test]
fn what_is_awaited_by_value_goes_on_being_awaited() {
    let mut it = reserved();
    let without = changed(ORDER, &[(", match: {event: =event.payload.order, with: =input.order}", "")]);
    refused(&mut it, &without, &[], &[("no-match", "/tokens/1")]);
    let other = changed(ORDER, &[("{Signed:", "{Countersigned:")]);
    refused(&mut it, &other, &[], &[("not-awaited", "/mapping/sign")]);
    // What the new version awaits besides is awaited by the same value.
    let more = changed(ORDER, &[("}}, match", "}, Declined: {next: done}}, match")]);
    it.migrate(&more, &[]).unwrap();
    let awaited: Vec<(&str, &str)> =
        it.waits.iter().map(|(_, event, value)| (event.as_str(), value.as_str())).collect();
    assert_eq!(awaited, [("Signed", "7"), ("Declined", "7")]);
    let declined = it.event("Declined", json!({"order": 7}));
    it.receive(&declined).unwrap();
    assert_eq!((it.status(), it.waits.len()), (Status::Completed, 0));
    check_invariants(&it).unwrap();
}

#[test]
fn a_task_must_offer_what_it_offers() {
    let text = "{kind: approval, title: Well?, assignee: kim, outcomes: {yes: {next: done}, no: {form: {type: object}, next: done}}, \
                timeout: {after: P1D, next: done}}";
    let with = |before: &str, after: &str| single(&text.replace(before, after), "");
    let started = || Simulation::started(single(text, ""), json!({}));
    refused(&mut started(), &with("yes:", "certainly:"), &[], &[("other-outcomes", "/mapping/it")]);
    let form = with("{type: object}", "{type: object, required: [why]}");
    refused(&mut started(), &form, &[], &[("other-outcomes", "/mapping/it")]);
    refused(&mut started(), &with(", timeout: {after: P1D, next: done}", ""), &[], &[("no-timeout", "/tokens/1")]);
    let mut it = started();
    it.migrate(&with("{yes: {next: done}", "{yes: {set: {well: true}, next: done}"), &[]).unwrap();
    it.complete("yes", json!({})).unwrap();
    assert_eq!((it.status(), &it.state().vars["well"]), (Status::Completed, &json!(true)));
}

#[test]
fn timers_and_calls_go_on() {
    let timer = |set: &str| single(&format!("{{kind: timer, for: PT1H, {set}next: done}}"), "");
    let mut it = Simulation::started(timer(""), json!({}));
    it.migrate(&timer("set: {late: true}, "), &[]).unwrap();
    it.time_passes();
    assert_eq!((it.status(), &it.state().vars["late"]), (Status::Completed, &json!(true)));

    let call = |process: &str, more: &str| {
        single(&format!("{{kind: call, process: {process}, on: {{completed: {{next: done}}{more}}}}}"), "")
    };
    let (failed, cancelled) = (", failed: {next: done}", ", cancelled: {next: done}");
    let mut it = Simulation::started(call("pay", failed), json!({}));
    refused(&mut it, &call("payment", failed), &[], &[("other-process", "/mapping/it")]);
    refused(&mut it, &call("pay", cancelled), &[], &[("not-awaited", "/mapping/it")]);
    it.migrate(&call("pay", &format!("{failed}{cancelled}")), &[]).unwrap();
    it.answer(PROCESS_ENDED, json!({"status": "cancelled"}));
    assert_eq!(it.status(), Status::Completed);
}

const INSIDE: &str = r#"
baton: process/1
name: inside
nodes:
  start: {kind: start, next: split}
  split: {kind: fork, branches: {a: {next: all}, b: {next: ask}}, join: gather, timeout: {after: P1D, next: done}}
  all: {kind: for-each, over: "=[1, 2, 3]", as: item, do: each, collect: =vars.item * 2, into: doubled, next: gather}
  each: {kind: command, send: Each, to: a, payload: =vars.item, on: {Done: {next: all}}}
  ask: {kind: command, send: Ask, to: b, on: {Yes: {next: gather}}}
  gather: {kind: join, next: done}
  done: {kind: end}
"#;

fn inside() -> Simulation {
    Simulation::started(process(INSIDE), json!({}))
}

#[test]
fn forks_and_loops_go_on_under_other_names() {
    let to = changed(
        INSIDE,
        &[
            ("split", "both"),
            ("gather", "together"),
            ("all", "every"),
            ("each:", "one:"),
            ("do: each", "do: one"),
            ("ask", "enquire"),
        ],
    );
    let mut it = inside();
    it.answer_to("Each", "Done", json!({}));
    let renamed = [("split", "both"), ("all", "every"), ("each", "one"), ("ask", "enquire")];
    it.migrate(&to, &renamed).unwrap();
    assert_eq!(it.at(), ["both", "every", "enquire", "one"]);
    for _ in 0..2 {
        it.answer_to("Each", "Done", json!({}));
    }
    assert_eq!((it.at(), &it.state().vars["doubled"]), (vec!["both", "enquire"], &json!([2, 4, 6])));
    it.answer_to("Ask", "Yes", json!({}));
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
    check_invariants(&it).unwrap();
}

#[test]
fn what_is_inside_stays_inside() {
    let apart = changed(
        INSIDE,
        &[
            ("b: {next: ask}", "b: {next: gather}"),
            ("next: split}", "next: ask}"),
            ("{Yes: {next: gather}}", "{Yes: {next: split}}"),
        ],
    );
    refused(&mut inside(), &apart, &[], &[("across-scopes", "/mapping/ask")]);
    let join = changed(INSIDE, &[("gather", "together")]);
    let named = [("gather", "done")];
    refused(&mut inside(), &join, &named, &[("other-join", "/mapping/gather")]);
    let item = changed(INSIDE, &[("as: item", "as: thing"), ("vars.item", "vars.thing")]);
    refused(&mut inside(), &item, &[], &[("other-loop", "/mapping/all")]);
    let gathering = changed(INSIDE, &[("collect: =vars.item * 2, into: doubled, ", "")]);
    refused(&mut inside(), &gathering, &[], &[("other-loop", "/mapping/all")]);
    let endless = changed(INSIDE, &[(", timeout: {after: P1D, next: done}", "")]);
    refused(&mut inside(), &endless, &[], &[("no-timeout", "/tokens/1")]);
}

#[test]
fn a_new_version_gets_a_stuck_instance_going() {
    let decide = |when: &str| {
        single(
            &format!("{{kind: decide, cases: [{{when: {when}, next: done}}], default: {{next: other}}}}"),
            "  other: {kind: end, outcome: failed}\n",
        )
    };
    let mut it = Simulation::started(decide("=input.amount > 5"), json!({"sum": 7}));
    assert_eq!(it.status(), Status::Stuck);
    it.migrate(&decide("=input.sum > 5"), &[]).unwrap();
    assert_eq!(it.status(), Status::Stuck);
    it.operate("retry").unwrap();
    assert_eq!(it.status(), Status::Completed);

    // It got its answer, but cannot leave: the way by which it would is needed.
    let ask = |on: &str| single(&format!("{{kind: command, send: Do, to: a, on: {{{on}}}}}"), "");
    let mut it = Simulation::started(ask("Done: {set: {n: =event.payload.n}, next: done}"), json!({}));
    it.answer("Done", json!({}));
    assert_eq!(it.status(), Status::Stuck);
    refused(&mut it, &ask("Over: {next: done}"), &[], &[("no-port", "/mapping/it")]);
    it.migrate(&ask("Done: {next: done}"), &[]).unwrap();
    it.operate("retry").unwrap();
    assert_eq!(it.status(), Status::Completed);
}

#[test]
fn what_is_done_is_undone_though_the_new_version_knows_nothing_of_it() {
    let mut it = reserved();
    let to = process(
        "baton: process/1\nname: order\nnodes:\n  start: {kind: start, next: sign}\n  sign: {kind: wait, on: {Signed: {next: done}}, \
         match: {event: =event.payload.order, with: =input.order}}\n  done: {kind: end}\n",
    );
    it.migrate(&to, &[]).unwrap();
    it.operate("cancel and undo").unwrap();
    assert_eq!(it.sent_types(), ["Reserve", "Release"]);
    assert_eq!(code(it.migrate(&process(ORDER), &[])), "compensating");
    it.answer("Released", json!({}));
    assert_eq!(it.status(), Status::Cancelled);
    check_invariants(&it).unwrap();
}

#[test]
fn an_unanswered_command_must_still_be_known() {
    let mut it = order();
    it.time_passes();
    assert_eq!((it.at(), it.state().unsettled.len()), (vec!["sign"], 1));
    let hold = changed(ORDER, &[("reserve:", "hold:"), ("next: reserve", "next: hold")]);
    refused(&mut it, &hold, &[], &[("no-target", "/mapping/reserve")]);
    refused(&mut it, &hold, &[("reserve", "done")], &[("other-kind", "/mapping/reserve")]);
    let undo = "    undo: {send: Release, done: Released, failed: Kept, timeout: {after: PT1M, then: stuck}}\n";
    refused(&mut it, &changed(ORDER, &[(undo, "")]), &[], &[("other-undo", "/mapping/reserve")]);
    it.migrate(&hold, &[("reserve", "hold")]).unwrap();
    it.answer_to("Reserve", "Reserved", json!({}));
    assert_eq!((it.state().unsettled.len(), it.state().done[0].node.as_str()), (0, "hold"));
    check_invariants(&it).unwrap();
}

#[test]
fn nothing_migrates_while_undoing_or_after_the_end() {
    let mut it = reserved();
    let to = process(ORDER);
    it.operate("cancel and undo").unwrap();
    refused(&mut it, &to, &[], &[("compensating", "")]);
    it.answer("Released", json!({}));
    assert_eq!(code(it.migrate(&to, &[])), "instance-ended");
    let found = obstacles(&to, &to, it.state(), &BTreeMap::new());
    assert_eq!(found.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["instance-ended"]);
}

#[test]
fn a_suspended_instance_migrates_and_takes_in_what_was_held() {
    let mut it = reserved();
    it.operate("suspend").unwrap();
    let signed = it.event("Signed", json!({"order": 7, "who": "kim"}));
    it.receive(&signed).unwrap();
    it.migrate(&changed(ORDER, &[("who: =event.payload.who", "by: =event.payload.who")]), &[]).unwrap();
    assert_eq!(it.status(), Status::Suspended);
    it.operate("resume").unwrap();
    assert_eq!((it.status(), &it.state().vars["by"]), (Status::Completed, &json!("kim")));
}

#[test]
fn two_operators_at_once_and_the_version_that_it_runs_are_refused() {
    let mut it = reserved();
    let to = process(ORDER);
    let operator = Operator { expected: Some(it.history.len() as u64), ..park() };
    let migration = |to_version| Migration { operator: operator.clone(), to_version, mapping: Mapping::new() };
    let rejection = it.migrate_by(&to, &migration(1)).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("same-version", "/to_version"));
    it.put(Input::Suspend(operator.clone())).unwrap();
    assert_eq!(code(it.migrate_by(&to, &migration(2))), "changed-meanwhile");
}

#[test]
fn a_saga_migrates_by_the_names_of_its_steps() {
    let saga = |steps: &str| {
        steps_of(&format!("baton: saga/1\nname: pay\ncorrelate: =event.payload.id\nstart: Placed\nsteps:\n{steps}"))
    };
    let charge = |name: &str| format!("  - {{name: {name}, send: Charge, to: payments, done: Charged}}\n");
    let mut it = Simulation::new(saga(&charge("charge")));
    let placed = it.event("Placed", json!({"id": "o-1"}));
    it.receive(&placed).unwrap();
    let to = saga(&(charge("pay") + "  - {name: ship, send: Ship, to: shipping, done: Shipped}\n"));
    refused(&mut it, &to, &[], &[("no-target", "/mapping/charge")]);
    it.migrate(&to, &[("charge", "pay")]).unwrap();
    let charged = it.event("Charged", json!({"id": "o-1"}));
    it.receive(&charged).unwrap();
    assert_eq!((it.at(), it.sent_types()), (vec!["ship"], vec!["Charge", "Ship"]));
    check_invariants(&it).unwrap();
}

#[test]
fn many_tokens_in_the_same_way_are_one_obstacle() {
    let text = "{kind: for-each, over: =input.items, as: item, mode: parallel, limit: 400, do: each, next: done}";
    let each = |name: &str| format!("  {name}: {{kind: command, send: Each, to: a, on: {{Done: {{next: it}}}}}}\n");
    let items: Vec<Value> = (0..400).map(Value::from).collect();
    let mut it = Simulation::started(single(text, &each("each")), json!({"items": items}));
    assert_eq!(it.at().len(), 401);
    let to = single(&text.replace("do: each", "do: one"), &each("one"));
    refused(&mut it, &to, &[], &[("no-target", "/mapping/each")]);
    it.migrate(&to, &[("each", "one")]).unwrap();
}
