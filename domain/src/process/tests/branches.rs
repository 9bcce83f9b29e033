//! Forks, joins and loops.

use serde_json::{Value, json};

use super::simulation::{Simulation, code, names, park, process};
use crate::process::{Input, Place, Status};

/// Ask both, and go on when both have answered.
const BOTH: &str = r#"
baton: process/1
name: both
nodes:
  start: {kind: start, next: split}
  split:
    kind: fork
    branches: {left: {set: {l: 0}, next: ask-left}, right: {set: {r: 0}, next: ask-right}, none: {next: gather}}
    join: gather
    timeout: {after: PT1H, set: {late: true}, next: done}
  ask-left:
    kind: command
    send: AskLeft
    to: left
    undo: {send: ForgetLeft, done: LeftForgotten, timeout: {after: PT1M, then: stuck}}
    on: {Left: {set: {l: =event.payload.n}, next: gather}, timeout: {after: PT2H, then: wait}}
  ask-right:
    kind: command
    send: AskRight
    to: right
    on: {Right: {set: {r: =event.payload.n}, next: gather}, Never: {next: broken}, timeout: {after: PT2H, then: wait}}
  gather: {kind: join, set: {sum: =vars.l + vars.r}, next: done}
  done: {kind: end}
  broken: {kind: end, outcome: failed}
"#;

fn both() -> Simulation {
    Simulation::started(process(BOTH), json!({}))
}

#[test]
fn a_join_waits_for_all_branches() {
    let mut it = both();
    assert_eq!((it.status(), it.at()), (Status::Running, vec!["split", "ask-left", "ask-right"]));
    it.answer_to("AskRight", "Right", json!({"n": 2}));
    assert_eq!(it.at(), ["split", "ask-left"]);
    it.answer_to("AskLeft", "Left", json!({"n": 1}));
    assert_eq!(it.status(), Status::Completed);
    assert_eq!(it.state().vars["sum"], 3);
    assert!(it.timers.is_empty());
    insta::assert_snapshot!(it.trace());
}

#[test]
fn an_end_in_a_branch_ends_it_all() {
    let mut it = both();
    it.answer_to("AskRight", "Never", json!({}));
    assert_eq!((it.status(), it.timers.len()), (Status::Failed, 0));
    assert_eq!(names(&it.answer_to("AskLeft", "Left", json!({"n": 1}))), ["message_late"]);
}

#[test]
fn a_time_limit_gives_up_what_is_inside() {
    let mut it = both();
    it.answer_to("AskRight", "Right", json!({"n": 2}));
    let events = it.time_passes();
    assert_eq!(names(&events), ["step_unsettled", "timer_fired", "moved", "ended"]);
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
    assert_eq!(it.state().vars["late"], true);
}

#[test]
fn the_variables_of_branches_are_those_of_the_instance() {
    let mut it = both();
    assert_eq!(it.state().vars["l"], 0);
    it.answer_to("AskLeft", "Left", json!({"n": 9}));
    assert_eq!(it.state().vars["l"], 9);
}

#[test]
fn an_incident_in_one_branch_does_not_stop_the_other() {
    let mut it = both();
    it.answer_to("AskRight", "Right", json!({}));
    assert_eq!(it.status(), Status::Stuck);
    it.answer_to("AskLeft", "Left", json!({"n": 1}));
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["split", "ask-right"]));
    let skip = Input::Skip {
        operator: park(),
        token: None,
        node: None,
        port: Some("Right".into()),
        set: json!({"r": 5}).as_object().unwrap().clone(),
    };
    it.put(skip).unwrap();
    assert_eq!((it.status(), &it.state().vars["sum"]), (Status::Completed, &json!(6)));
}

#[test]
fn a_token_stays_inside_its_fork() {
    let mut it = both();
    let go = |token, to: &str| Input::Move { operator: park(), token: Some(token), node: None, to: to.into() };
    let left = it.state().tokens.iter().find(|token| token.node == "ask-left").unwrap().id;
    let rejection = it.put(go(1, "ask-left")).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("across-scopes", "/to"));
    assert_eq!(code(it.put(go(left, "split"))), "across-scopes");
    assert_eq!(
        code(it.put(Input::Move { operator: park(), token: None, node: None, to: "done".into() })),
        "token-required"
    );
    it.put(go(left, "ask-right")).unwrap();
    assert_eq!(it.at(), ["split", "ask-right", "ask-right"]);
    // Where the branch ends it may end.
    it.put(go(left, "gather")).unwrap();
    assert_eq!(it.at(), ["split", "ask-right"]);
    // The token of the fork gives up what is inside when it goes elsewhere.
    it.put(go(1, "gather")).unwrap();
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
}

const EACH: &str = r#"
baton: process/1
name: each
nodes:
  start: {kind: start, set: {all: outside}, next: loop}
  loop:
    kind: for-each
    over: =input.list
    as: item
    mode: parallel
    limit: 2
    do: price
    collect: =vars.price
    into: prices
    timeout: {after: P1D, next: late}
    next: done
  price:
    kind: command
    send: GetPrice
    to: shop
    key: =vars.item
    payload: {item: =vars.item, all: =vars.all}
    undo: {send: DropPrice, payload: {item: =vars.item}, done: Dropped, timeout: {after: PT1M, then: stuck}}
    fails: NoPrice
    on:
      Priced: {set: {price: =event.payload.price}, next: loop}
      NoPrice: {set: {why: ='no ' + vars.item}, next: undo}
      timeout: {after: PT1H, then: wait}
  undo: {kind: compensate, next: failed}
  failed: {kind: end, outcome: failed, reason: =vars.why}
  late: {kind: end, outcome: failed}
  done: {kind: end, set: {prices: =vars.prices}}
"#;

fn each(list: Value) -> Simulation {
    Simulation::started(process(EACH), json!({"list": list}))
}

fn price(it: &mut Simulation, item: &str, event_type: &str, price: u32) {
    let command = it.sent.iter().find(|it| it.key.aggregate_id == item).unwrap().id;
    let mut reply = it.event(event_type, json!({"price": price}));
    reply.causation_id = Some(command.to_string());
    it.receive(&reply).unwrap();
}

#[test]
fn a_loop_gathers_its_results_in_the_order_of_the_list() {
    let mut it = each(json!(["a", "b", "c"]));
    assert_eq!(it.sent.len(), 2);
    price(&mut it, "b", "Priced", 2);
    assert_eq!((it.sent.len(), it.sent[2].payload.clone()), (3, json!({"item": "c", "all": "outside"})));
    price(&mut it, "c", "Priced", 3);
    price(&mut it, "a", "Priced", 1);
    assert_eq!((it.status(), &it.state().vars["prices"]), (Status::Completed, &json!([1, 2, 3])));
    // What an item sets stays with it.
    assert_eq!(it.state().vars.get("price"), None);
    assert_eq!(it.state().vars.get("item"), None);
    assert!(it.timers.is_empty());
}

#[test]
fn one_by_one_is_one_by_one() {
    let text = EACH.replace("    mode: parallel\n    limit: 2\n", "");
    let mut it = Simulation::started(process(&text), json!({"list": ["a", "b"]}));
    assert_eq!(it.sent.len(), 1);
    price(&mut it, "a", "Priced", 1);
    assert_eq!(it.sent.len(), 2);
    price(&mut it, "b", "Priced", 2);
    assert_eq!(it.state().vars["prices"], json!([1, 2]));
}

#[test]
fn an_empty_list_is_over_at_once() {
    let it = each(json!([]));
    assert_eq!((it.status(), &it.state().vars["prices"]), (Status::Completed, &json!([])));
    assert!(it.timers.is_empty());
}

#[test]
fn what_is_no_list_or_too_long_a_one_is_an_incident_with_its_place() {
    let it = each(json!("abc"));
    assert_eq!(it.status(), Status::Stuck);
    let reason = it.state().incident().unwrap().reason.clone();
    assert!(reason.contains("/nodes/loop/over must yield a list, but yields a text"), "{reason}");
    let it = each(json!(vec![0; crate::process::ITEMS_MAX + 1]));
    let reason = it.state().incident().unwrap().reason.clone();
    assert!(reason.contains("/nodes/loop/over yields 100001 items, more than 100000"), "{reason}");
    let it = each(json!(null));
    assert!(it.state().incident().unwrap().reason.contains("/nodes/loop/over must yield a list, but yields null"));
    let it = Simulation::started(process(EACH), json!({}));
    assert!(it.state().incident().unwrap().reason.contains("list"), "{:?}", it.state().incident());
}

#[test]
fn a_failing_item_undoes_the_others_and_waits_for_those_under_way() {
    let mut it = each(json!(["a", "b", "c"]));
    price(&mut it, "a", "Priced", 1);
    price(&mut it, "c", "NoPrice", 0);
    // b is under way still.
    assert_eq!((it.status(), it.sent.len()), (Status::Compensating, 3));
    price(&mut it, "b", "Priced", 2);
    let undo = it.sent.last().unwrap().clone();
    // The variables of the item are those that it had.
    assert_eq!((undo.message_type.as_str(), &undo.payload), ("DropPrice", &json!({"item": "b"})));
    it.answer("Dropped", json!({}));
    assert_eq!(it.sent.last().unwrap().payload["item"], "a");
    it.answer("Dropped", json!({}));
    // What the failing item had set goes along.
    assert_eq!(it.state().ended.as_ref().unwrap().reason.as_deref(), Some("no c"));
}

#[test]
fn variables_of_an_item_can_be_changed_alone() {
    let mut it = each(json!(["a", "b"]));
    let token = it.state().tokens.iter().find(|token| token.index == Some(1)).unwrap().id;
    let set = json!({"item": "z"}).as_object().unwrap().clone();
    it.put(Input::SetVariables { operator: park(), set, token: Some(token) }).unwrap();
    let items: Vec<&Value> =
        it.state().tokens.iter().filter_map(|token| token.frame.as_ref()).map(|it| &it["item"]).collect();
    assert_eq!(items, ["a", "z"]);
    assert_eq!(it.state().vars.get("item"), None);
}

/// A loop inside a loop, with a fork in it.
const NESTED: &str = r#"
baton: process/1
name: nested
nodes:
  start: {kind: start, next: rows}
  rows: {kind: for-each, over: =input.rows, as: row, do: cells, collect: =vars.sums, into: all, next: done}
  cells: {kind: for-each, over: =vars.row, as: cell, do: split, collect: =vars.a + vars.b, into: sums, next: rows}
  split: {kind: fork, branches: {a: {next: add-a}, b: {next: add-b}}, join: gather}
  add-a: {kind: compute, set: {a: =vars.cell * 10}, next: gather}
  add-b: {kind: compute, set: {b: =vars.cell}, next: gather}
  gather: {kind: join, next: cells}
  done: {kind: end}
"#;

#[test]
fn loops_and_forks_nest() {
    let it = Simulation::started(process(NESTED), json!({"rows": [[1, 2], [], [3]]}));
    assert_eq!((it.status(), &it.state().vars["all"]), (Status::Completed, &json!([[11, 22], [], [33]])));
    assert_eq!(it.state().vars.len(), 1);
}

#[test]
fn a_long_loop_that_never_waits_takes_breaths() {
    let mut it = Simulation::started(process(NESTED), json!({"rows": [vec![1; 1_000]]}));
    let mut breaths = 0;
    while it.state().ended.is_none() {
        assert!(!it.state().is_orphan() && it.state().incident().is_none(), "{:?}", it.state().incident());
        it.time_passes();
        breaths += 1;
    }
    assert!(breaths > 3, "{breaths}");
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
    assert_eq!(it.state().vars["all"][0].as_array().unwrap().len(), 1_000);
}

#[test]
fn a_loop_of_a_hundred_thousand_items_fits_into_the_numbers_of_an_instance() {
    let list: Vec<u32> = (0..crate::process::ITEMS_MAX as u32).collect();
    let it = each(json!(list));
    let Place::ForEach(the_loop) = &it.state().tokens[0].place else { panic!("a loop") };
    assert_eq!((the_loop.left.len(), the_loop.begun), (99_998, 2));
    // A command and a timer for each item, and one timer for the loop.
    assert_eq!(it.state().sequence, 5);
    const { assert!(2 * crate::process::ITEMS_MAX as u32 + 1 < crate::ids::CHILD_MAX) };
}

#[test]
fn a_result_that_cannot_be_gathered_is_an_incident_of_its_item() {
    let text = EACH.replace("collect: =vars.price", "collect: =vars.nothing");
    let mut it = Simulation::started(process(&text), json!({"list": ["a"]}));
    price(&mut it, "a", "Priced", 1);
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["loop", "loop"]));
    let set = json!({"nothing": 4}).as_object().unwrap().clone();
    let token = it.state().incidents().next().unwrap().0.id;
    it.put(Input::SetVariables { operator: park(), set, token: Some(token) }).unwrap();
    it.operate("retry").unwrap();
    assert_eq!((it.status(), &it.state().vars["prices"]), (Status::Completed, &json!([4])));
}
