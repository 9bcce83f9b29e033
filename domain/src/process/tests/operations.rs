//! What operators do, and what they may not do.

use serde_json::{Map, Value, json};

use super::simulation::{Simulation, code, names, park, process};
use crate::process::{Input, Operator, Status};

const ERRAND: &str = r#"
baton: process/1
name: errand
nodes:
  start: {kind: start, next: ask}
  ask:
    kind: command
    send: Ask
    to: oracle
    undo: {send: Forget, done: Forgotten, timeout: {after: PT1M, then: stuck}}
    on: {Yes: {set: {answer: =event.payload.text}, next: check}, No: {next: done}, timeout: {after: PT1M, then: stuck}}
  check: {kind: decide, cases: [{when: =vars.answer.size() > 2, next: pause}], default: {next: done}}
  pause: {kind: timer, for: PT1H, next: sign}
  sign: {kind: wait, on: {Signed: {next: done}, timeout: {after: P1D, next: done}}}
  done: {kind: end}
"#;

fn errand() -> Simulation {
    Simulation::started(process(ERRAND), json!({}))
}

fn set(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn skip(
    it: &mut Simulation,
    port: Option<&str>,
    variables: Value,
) -> Result<Vec<crate::process::Event>, crate::process::Rejection> {
    it.put(Input::Skip {
        operator: park(),
        token: None,
        node: None,
        port: port.map(str::to_owned),
        set: set(variables),
    })
}

fn go(it: &mut Simulation, to: &str) -> Result<Vec<crate::process::Event>, crate::process::Rejection> {
    it.put(Input::Move { operator: park(), token: None, node: None, to: to.to_owned() })
}

#[test]
fn a_step_is_skipped_by_a_port_with_the_variables_that_the_operator_gives() {
    let mut it = errand();
    let rejection = skip(&mut it, None, json!({})).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("port-required", "/port"));
    let rejection = skip(&mut it, Some("Maybe"), json!({})).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("unknown-port", "/port"));
    let rejection = skip(&mut it, Some("Yes"), json!({"a b": 1})).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("invalid-variables", "/set/a b"));
    skip(&mut it, Some("Yes"), json!({"answer": "yes"})).unwrap();
    assert_eq!((it.at(), it.timers.len()), (vec!["pause"], 1));
    // The command was sent, and may have been done: that is not forgotten.
    assert_eq!(it.state().unsettled.len(), 1);
    it.answer_to("Ask", "Yes", json!({"text": "yes"}));
    assert_eq!(it.state().done.len(), 1);
    // What has only one way on needs no port.
    skip(&mut it, None, json!({})).unwrap();
    assert_eq!(it.at(), ["sign"]);
}

#[test]
fn changed_variables_and_a_retry_resolve_an_incident() {
    let mut it = errand();
    it.answer("Yes", json!({"text": 7}));
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["check"]));
    let change = |it: &mut Simulation, variables: Value| {
        it.put(Input::SetVariables { operator: park(), set: set(variables), token: None })
    };
    assert_eq!(code(change(&mut it, json!({}))), "empty");
    assert_eq!(code(change(&mut it, json!({"answer": "a\u{0}"}))), "invalid-variables");
    assert_eq!(code(change(&mut it, json!({"answer": "x".repeat(1 << 20)}))), "too-large");
    change(&mut it, json!({"answer": "certainly"})).unwrap();
    it.operate("retry").unwrap();
    assert_eq!(it.at(), ["pause"]);
}

#[test]
fn a_token_is_moved_and_leaves_nothing_open_behind() {
    let mut it = errand();
    let rejection = go(&mut it, "nowhere").unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("unknown-node", "/to"));
    assert_eq!(names(&go(&mut it, "sign").unwrap()), ["step_unsettled", "relocated", "wait_began"]);
    assert_eq!((it.at(), it.timers.len()), (vec!["sign"], 1));
    go(&mut it, "done").unwrap();
    assert_eq!(it.status(), Status::Completed);
    assert_eq!(code(go(&mut it, "sign")), "instance-ended");
}

#[test]
fn a_failed_step_can_be_left_behind() {
    let mut it = errand();
    it.answer("Yes", json!({"text": 7}));
    go(&mut it, "sign").unwrap();
    assert_eq!(it.status(), Status::Waiting);
}

#[test]
fn two_operators_at_once_do_not_undo_each_others_work() {
    let mut it = errand();
    let looked = it.history.len() as u64;
    let operator = Operator { expected: Some(looked), ..park() };
    it.put(Input::Suspend(operator.clone())).unwrap();
    let rejection = it.put(Input::Cancel { operator: operator.clone(), compensate: false }).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("changed-meanwhile", ""));
    let operator = Operator { expected: Some(looked + 1), ..park() };
    it.put(Input::Resume(operator)).unwrap();
}

#[test]
fn operations_that_make_no_sense_are_refused_and_change_nothing() {
    let mut it = errand();
    let before = it.state().clone();
    let unknown = |token| Input::Skip { operator: park(), token: Some(token), node: None, port: None, set: Map::new() };
    let rejection = it.put(unknown(9)).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("unknown-token", "/token"));
    assert_eq!(code(it.put(Input::Retry { operator: park(), token: Some(9) })), "unknown-token");
    assert_eq!(code(it.put(Input::Retry { operator: park(), token: Some(1) })), "no-incident");
    assert_eq!(it.state(), &before);
    it.operate("suspend").unwrap();
    assert_eq!(code(skip(&mut it, Some("No"), json!({}))), "suspended");
    assert_eq!(code(go(&mut it, "done")), "suspended");
    it.operate("cancel").unwrap();
    for operation in ["suspend", "resume", "cancel", "cancel and undo", "retry", "skip", "abandon"] {
        assert_eq!(code(it.operate(operation)), "instance-ended", "{operation}");
    }
}

#[test]
fn a_token_is_named_by_the_node_where_it_stands() {
    let mut it = errand();
    let skip = |node: &str| Input::Skip {
        operator: park(),
        token: None,
        node: Some(node.to_owned()),
        port: Some("Yes".to_owned()),
        set: set(json!({"answer": "certainly"})),
    };
    let rejection = it.put(skip("elsewhere")).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("unknown-token", "/node"));
    it.put(skip("ask")).unwrap();
    // Who asks for it once more does not skip the next step.
    assert_eq!((code(it.put(skip("ask"))), it.at()), ("unknown-token", vec!["pause"]));
    let go =
        |node: &str| Input::Move { operator: park(), token: None, node: Some(node.to_owned()), to: "sign".to_owned() };
    assert_eq!(code(it.put(go("ask"))), "unknown-token");
    it.put(go("pause")).unwrap();
    assert_eq!(it.at(), ["sign"]);
}

#[test]
fn inputs_have_a_form_in_json() {
    let input: Input = serde_json::from_value(
        json!({"do": "skip", "by": "park", "reason": "r", "expected": 3, "port": "No", "set": {"a": 1}}),
    )
    .unwrap();
    let operator = Operator { by: "park".into(), reason: "r".into(), expected: Some(3) };
    assert_eq!(
        input,
        Input::Skip { operator, token: None, node: None, port: Some("No".into()), set: set(json!({"a": 1})) }
    );
    assert_eq!(serde_json::from_value::<Input>(serde_json::to_value(&input).unwrap()).unwrap(), input);
}
