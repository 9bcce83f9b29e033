//! Calling other processes, trying again, handing over, and dropping what came too early.

use serde_json::{Value, json};

use super::simulation::{Simulation, code, instance, names, now, park, process};
use crate::{
    message::{Message, MessageKind},
    process::{
        CALL_DEPTH_MAX, CANCEL_PROCESS, ChildStart, Context, Event, FAMILY, Input, PROCESS_ENDED, PROCESS_REFUSED,
        Parent, Place, Rejection, Restart, START_PROCESS, Status, child_of, decide, is_between_processes, refused,
        walk::IDEMPOTENCY_HEADER,
    },
};

const CALLER: &str = r#"
baton: process/1
name: caller
nodes:
  start: {kind: start, next: pay}
  pay:
    kind: call
    process: payment
    version: 3
    input: {amount: =input.amount}
    business_key: ='pay ' + string(input.amount)
    on:
      completed: {set: {paid: =event.payload.output.sum}, next: done}
      failed: {set: {why: =event.payload.reason}, next: broken}
      cancelled: {next: done}
    timeout: {after: PT1H, next: broken}
  done: {kind: end}
  broken: {kind: end, outcome: failed}
"#;

fn caller() -> Simulation {
    Simulation::started(process(CALLER), json!({"amount": 5}))
}

fn answer(it: &mut Simulation, event_type: &str, payload: Value) {
    let message = it.reply_to(START_PROCESS, event_type, payload);
    it.receive(&message).unwrap();
}

#[test]
fn a_call_starts_a_child_and_takes_what_it_yields() {
    let mut it = caller();
    let start = it.sent[0].clone();
    assert!(is_between_processes(&start));
    assert_eq!((start.message_type.as_str(), start.key.aggregate_type.as_str()), (START_PROCESS, FAMILY));
    let child = child_of(&start).unwrap();
    assert!(matches!(it.state().tokens[0].place, Place::Call { child: it, .. } if it == child));
    let asked: ChildStart = serde_json::from_value(start.payload.clone()).unwrap();
    assert_eq!((asked.process.as_str(), asked.version, asked.input), ("payment", Some(3), json!({"amount": 5})));
    assert_eq!(asked.business_key.as_deref(), Some("pay 5"));
    assert_eq!(asked.parent, Parent { instance: instance(), command: start.id, depth: 1 });
    answer(&mut it, PROCESS_ENDED, json!({"status": "completed", "reason": null, "output": {"sum": 6}}));
    assert_eq!((it.status(), &it.state().vars["paid"]), (Status::Completed, &json!(6)));
    assert!(it.timers.is_empty());
}

#[test]
fn however_a_child_ends_there_is_a_way_on_or_an_incident() {
    let ended = |status: &str| {
        let mut it = caller();
        answer(&mut it, PROCESS_ENDED, json!({"status": status, "reason": "so", "output": {"sum": 1}}));
        it
    };
    assert_eq!(ended("failed").state().vars["why"], "so");
    assert_eq!(ended("cancelled").status(), Status::Completed);
    // Without a port of its own, it has failed.
    assert_eq!(ended("compensated").status(), Status::Failed);
    let mut it = caller();
    answer(&mut it, PROCESS_REFUSED, json!({"code": "unknown-process", "message": "no such process"}));
    assert_eq!(it.status(), Status::Stuck);
    assert!(it.state().incident().unwrap().reason.contains("no such process"));
    // A retry calls once more, and another child.
    it.operate("retry").unwrap();
    assert_ne!(child_of(&it.sent[0]), child_of(&it.sent[1]));
    assert_eq!(it.timers.len(), 1);
}

#[test]
fn a_child_that_nobody_waits_for_any_more_is_cancelled() {
    let cancelled = |it: &Simulation| {
        let [start, cancel] = it.sent.as_slice() else { panic!("a start and a cancellation") };
        assert_eq!((cancel.message_type.as_str(), &cancel.key), (CANCEL_PROCESS, &start.key));
        cancel.payload["compensate"].as_bool().unwrap()
    };
    let mut it = caller();
    it.time_passes();
    assert_eq!(it.status(), Status::Failed);
    assert!(cancelled(&it));
    let mut it = caller();
    it.operate("cancel").unwrap();
    assert!(!cancelled(&it));
    let mut it = caller();
    it.operate("cancel and undo").unwrap();
    assert!(cancelled(&it));
    assert_eq!(it.status(), Status::Cancelled);
    let mut it = caller();
    it.put(Input::Move { operator: park(), token: None, node: None, to: "done".into() }).unwrap();
    assert!(cancelled(&it));
    // The child's end comes too late.
    let late = it.reply_to(START_PROCESS, PROCESS_ENDED, json!({"status": "cancelled"}));
    assert_eq!(names(&it.receive(&late).unwrap()), ["message_late"]);
}

/// Reserves, then calls; gives the child up after an hour and undoes what was reserved.
const RESERVING: &str = r#"
baton: process/1
name: reserving
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: Reserve
    to: stock
    payload: {}
    undo: {send: Release, done: Released}
    on: {Reserved: {next: pay}}
  pay:
    kind: call
    process: payment
    input: {}
    on: {completed: {next: done}, failed: {next: undo}}
    timeout: {after: PT1H, next: undo}
  undo: {kind: compensate, next: broken}
  done: {kind: end}
  broken: {kind: end, outcome: failed}
"#;

fn paying() -> Simulation {
    let mut it = Simulation::started(process(RESERVING), json!({}));
    it.answer("Reserved", json!({}));
    it
}

fn child_ends(it: &mut Simulation, status: &str) -> Vec<&'static str> {
    let ended = it.reply_to(START_PROCESS, PROCESS_ENDED, json!({"status": status, "reason": null, "output": {}}));
    names(&it.receive(&ended).unwrap())
}

#[test]
fn nothing_is_undone_before_a_child_that_was_given_up_has_ended() {
    let given_up: [fn(&mut Simulation); 2] =
        [|it| drop(it.time_passes()), |it| drop(it.operate("cancel and undo").unwrap())];
    for give_up in given_up {
        for status in ["cancelled", "compensated", "failed", "completed"] {
            let mut it = paying();
            give_up(&mut it);
            assert_eq!(it.sent_types(), ["Reserve", START_PROCESS, CANCEL_PROCESS]);
            assert_eq!((it.status(), it.state().unsettled.len(), it.timers.len()), (Status::Compensating, 1, 1));
            assert_eq!(child_ends(&mut it, status), ["step_settled", "undo_sent"]);
            assert_eq!((it.sent_types()[3], it.timers.len()), ("Release", 0));
            let Some(Event::StepSettled { node, succeeded, .. }) = it.history.iter().rev().nth(1) else { panic!() };
            assert_eq!((node.as_str(), *succeeded), ("pay", status == "completed"));
            // It is said once.
            assert_eq!(child_ends(&mut it, status), ["message_late"]);
            it.answer("Released", json!({}));
            assert!(it.state().ended.is_some());
        }
    }
}

#[test]
fn a_child_that_could_not_be_started_has_ended_too() {
    let mut it = paying();
    it.time_passes();
    let refused = it.reply_to(START_PROCESS, PROCESS_REFUSED, json!({"code": "unknown-process", "message": "no"}));
    assert_eq!(names(&it.receive(&refused).unwrap()), ["step_settled", "undo_sent"]);
}

#[test]
fn a_child_that_does_not_end_is_told_of_and_can_be_settled() {
    let mut it = paying();
    it.operate("cancel and undo").unwrap();
    // As long as the call would have waited.
    assert_eq!(it.timers.values().copied().collect::<Vec<_>>(), [it.now + chrono::TimeDelta::hours(1)]);
    it.time_passes();
    assert_eq!((it.status(), it.sent.len()), (Status::Stuck, 3));
    assert!(it.state().incident().unwrap().reason.contains("`pay`: nobody answered in time"));
    let mut late = it.clone();
    assert!(child_ends(&mut late, "cancelled").contains(&"undo_sent"));
    let command = it.state().unsettled[0].command();
    let payload = json!({});
    let settled = it.put(Input::Settle { operator: park(), command, succeeded: false, payload }).unwrap();
    assert!(names(&settled).contains(&"undo_sent"));
}

#[test]
fn a_child_that_ended_before_undoing_began_holds_nothing_up() {
    let text = RESERVING
        .replace("PT1H, next: undo}", "PT1H, next: nap}")
        .replace("  done:", "  nap: {kind: timer, for: PT1H, next: undo}\n  done:");
    let mut it = Simulation::started(process(&text), json!({}));
    it.answer("Reserved", json!({}));
    it.time_passes();
    assert_eq!((it.status(), it.state().unsettled.len()), (Status::Waiting, 1));
    let mut early = it.clone();
    assert_eq!(child_ends(&mut early, "cancelled"), ["step_settled"]);
    early.time_passes();
    assert_eq!(early.sent_types()[3..], ["Release"]);
    // Else it is waited for then.
    it.time_passes();
    assert_eq!((it.sent.len(), it.status()), (3, Status::Compensating));
    child_ends(&mut it, "cancelled");
    assert_eq!(it.sent_types()[3..], ["Release"]);
}

#[test]
fn a_call_that_was_given_up_migrates_to_a_call_alone() {
    let mut it = paying();
    it.put(Input::Move { operator: park(), token: None, node: None, to: "reserve".into() }).unwrap();
    assert_eq!(it.state().unsettled.len(), 1);
    let other = process(&RESERVING.replace("next: pay}", "next: settle}").replace("  pay:", "  settle:"));
    let found = it.clone().migrate(&other, &[("pay", "reserve")]).unwrap_err().findings;
    assert_eq!(found.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["other-kind"]);
    it.migrate(&other, &[("pay", "settle")]).unwrap();
    assert_eq!(child_ends(&mut it, "cancelled"), ["step_settled"]);
    assert!(it.state().unsettled.is_empty());
}

#[test]
fn a_restarted_instance_does_not_wait_for_a_child_of_the_one_before() {
    for operation in ["suspend", "cancel"] {
        let mut it = paying();
        it.operate(operation).unwrap();
        let is_call = |event: &Event| matches!(event, Event::Moved { to, .. } if to == "pay");
        let called = it.history.iter().position(is_call).expect("it was called");
        let asked = Restart {
            operator: park(),
            at: called as u64 + 1,
            variables: Default::default(),
            input: None,
            batch: None,
        };
        let next = it.restart(&asked).unwrap();
        assert_eq!(it.sent_types()[2..], [CANCEL_PROCESS], "{operation}");
        assert_eq!((next.at(), next.state().unsettled.len(), next.state().done.len()), (vec!["pay"], 0, 1));
    }
}

#[test]
fn a_child_tells_its_parent_how_it_ended() {
    let text = "{baton: process/1, name: payment, nodes: {start: {kind: start, set: {sum: 6}, next: nap}, \
                nap: {kind: timer, for: PT1S, next: done}, done: {kind: end, reason: paid}}}";
    let start = caller().sent[0].clone();
    let asked: ChildStart = serde_json::from_value(start.payload.clone()).unwrap();
    let mut child = Simulation::new(process(text));
    let by = "process/caller".to_owned();
    child.put(Input::Start { input: asked.input, business_key: None, by, parent: Some(asked.parent) }).unwrap();
    assert_eq!(child.state().parent.as_ref().unwrap().instance, instance());
    assert_eq!(child.sent.len(), 0);
    let events = child.time_passes();
    assert_eq!(names(&events)[2..], ["ended", "parent_told"]);
    assert_eq!(child.sent.len(), 1);
    let told = child.sent[0].clone();
    assert_eq!((told.kind, told.message_type.as_str()), (MessageKind::Event, PROCESS_ENDED));
    assert_eq!(told.causation_id, Some(start.id.to_string()));
    assert_eq!(told.correlation_id, Some(instance().to_string()));
    let expected = json!({"process": "payment", "status": "completed", "reason": "paid", "output": {"sum": 6}});
    assert_eq!(told.payload, expected);
    // It is told once only.
    assert_eq!(code(child.operate("cancel")), "instance-ended");
    let mut it = caller();
    it.receive(&told).unwrap();
    assert_eq!(it.status(), Status::Completed);
}

#[test]
fn a_refused_start_answers_and_calls_do_not_go_too_deep() {
    let start = caller().sent[0].clone();
    let rejection =
        Rejection { code: "unknown-process", pointer: "/process".into(), message: "no".into(), findings: Vec::new() };
    let answer = refused(&start, &rejection, now());
    assert_eq!(answer.causation_id, Some(start.id.to_string()));
    assert_eq!(answer.correlation_id, start.correlation_id);
    let parent = Parent { instance: instance(), command: start.id, depth: CALL_DEPTH_MAX + 1 };
    let input = Input::Start { input: json!({}), business_key: None, by: "x".into(), parent: Some(parent) };
    let context = Context { instance: instance(), now: now(), recorded: 0 };
    assert_eq!(code(decide(&process(CALLER), None, &input, &context)), "too-deep");
}

const STUBBORN: &str = r#"
baton: process/1
name: stubborn
nodes:
  start: {kind: start, next: ask}
  ask:
    kind: command
    send: Ask
    to: oracle
    payload: {question: =vars.q}
    retry: {on: [Busy, timeout], attempts: 3, delay: PT10S, factor: 3, max: PT20S}
    undo: {send: Forget, done: Forgotten, timeout: {after: PT1M, then: stuck}}
    on: {Answered: {next: done}, Busy: {next: busy}, timeout: {after: PT1M, next: lost}}
  done: {kind: end}
  busy: {kind: end, outcome: failed, reason: busy}
  lost: {kind: compensate, next: gone}
  gone: {kind: end, outcome: failed, reason: lost}
"#;

fn stubborn() -> Simulation {
    let text = STUBBORN.replace("next: ask}", "set: {q: why}, next: ask}");
    Simulation::started(process(&text), json!({}))
}

#[test]
fn a_refused_command_is_tried_again_after_a_while() {
    let mut it = stubborn();
    assert_eq!(names(&it.answer("Busy", json!({}))), ["retry_planned"]);
    let due = *it.timers.values().next().unwrap();
    assert!(due >= it.now && due <= it.now + chrono::TimeDelta::seconds(10), "{due}");
    // The delay follows from the instance alone.
    let mut again = stubborn();
    again.answer("Busy", json!({}));
    assert_eq!(again.timers, it.timers);
    let set = json!({"q": "what"}).as_object().unwrap().clone();
    it.put(Input::SetVariables { operator: park(), set, token: None }).unwrap();
    assert_eq!(names(&it.time_passes()), ["command_sent"]);
    let [first, second] = it.sent.as_slice() else { panic!("two attempts") };
    assert_ne!(first.id, second.id);
    assert_eq!((first.headers.len(), &second.headers[IDEMPOTENCY_HEADER]), (0, &first.id.to_string()));
    // It says what it said.
    assert_eq!((&first.payload, &first.key), (&second.payload, &second.key));
    it.answer("Busy", json!({}));
    it.time_passes();
    it.answer("Busy", json!({}));
    assert_eq!((it.sent.len(), it.status()), (3, Status::Failed));
    assert_eq!(it.state().ended.as_ref().unwrap().reason.as_deref(), Some("busy"));
    assert!(it.timers.is_empty());
}

#[test]
fn a_reply_to_any_attempt_counts() {
    let mut it = stubborn();
    assert_eq!(names(&it.time_passes()), ["retry_planned"]);
    it.time_passes();
    let mut reply = it.event("Answered", json!({}));
    reply.causation_id = Some(it.sent[0].id.to_string());
    it.receive(&reply).unwrap();
    assert_eq!(it.status(), Status::Completed);
    // Also while the next attempt is waited for.
    let mut it = stubborn();
    it.time_passes();
    it.answer("Answered", json!({}));
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
}

#[test]
fn a_refusal_of_an_attempt_that_was_repeated_already_decides_nothing() {
    let mut it = stubborn();
    it.time_passes();
    it.time_passes();
    let mut reply = it.event("Busy", json!({}));
    reply.causation_id = Some(it.sent[0].id.to_string());
    assert_eq!(names(&it.receive(&reply).unwrap()), ["message_late"]);
    assert_eq!(it.status(), Status::Running);
}

#[test]
fn attempts_that_nobody_answered_are_settled_before_anything_is_undone() {
    let mut it = stubborn();
    for _ in 0..5 {
        it.time_passes();
    }
    assert_eq!((it.sent.len(), it.status(), it.state().unsettled.len()), (3, Status::Compensating, 1));
    let mut reply = it.event("Answered", json!({}));
    reply.causation_id = Some(it.sent[1].id.to_string());
    it.receive(&reply).unwrap();
    assert_eq!(it.sent_types()[3..], ["Forget"]);
    assert_eq!(it.sent.last().unwrap().payload, json!({"question": "why"}));
}

#[test]
fn what_was_refused_last_needs_no_undo() {
    let mut it = stubborn();
    it.answer("Busy", json!({}));
    it.operate("cancel and undo").unwrap();
    assert_eq!(it.status(), Status::Cancelled);
}

const PATIENT: &str = r#"
baton: process/1
name: patient
nodes:
  start: {kind: start, next: sign}
  sign:
    kind: approval
    title: Sign
    assignee: kim
    escalate:
      - {after: P1D, assignee: =input.boss}
      - {after: P2D, group: bosses}
    outcomes: {sign: {next: done}}
  done: {kind: end}
"#;

#[test]
fn a_task_that_nobody_completes_goes_to_somebody_else() {
    let mut it = Simulation::started(process(PATIENT), json!({"boss": "lee"}));
    assert_eq!(it.timers.len(), 2);
    assert_eq!(names(&it.time_passes()), ["task_escalated"]);
    assert_eq!(names(&it.time_passes()), ["task_escalated"]);
    assert_eq!(it.reassigned, [(Some("lee".to_owned()), None), (None, Some("bosses".to_owned()))]);
    assert_eq!((it.status(), it.at(), it.timers.len()), (Status::Waiting, vec!["sign"], 0));
    it.complete("sign", json!(null)).unwrap();
    assert_eq!(it.status(), Status::Completed);
    // Completed in time, it goes to nobody.
    let mut it = Simulation::started(process(PATIENT), json!({"boss": "lee"}));
    it.complete("sign", json!(null)).unwrap();
    assert_eq!((it.timers.len(), it.reassigned.len()), (0, 0));
}

#[test]
fn to_whom_a_task_would_go_has_to_be_a_name() {
    let it = Simulation::started(process(PATIENT), json!({"boss": 7}));
    assert_eq!(it.status(), Status::Stuck);
    assert!(it.state().incident().unwrap().reason.contains("the assignee must be a name"));
}

const EARLY: &str = r#"
baton: process/1
name: early
early: PT1H
nodes:
  start: {kind: start, next: nap}
  nap: {kind: timer, for: PT3H, next: sign}
  sign: {kind: wait, on: {Signed: {next: done}, timeout: {after: P1D, next: done}}}
  done: {kind: end}
"#;

#[test]
fn what_came_too_early_is_dropped_visibly() {
    let mut it = Simulation::started(process(EARLY), json!({}));
    let signed = it.correlated("Signed", json!({}));
    it.receive(&signed).unwrap();
    assert_eq!(it.timers.len(), 2);
    assert_eq!(names(&it.time_passes()), ["message_expired"]);
    assert_eq!((it.state().buffer.len(), it.state().expiries.len()), (0, 0));
    assert!(it.trace().contains("Signed, which had come early, was not taken in time and is dropped"));
    // It is not taken for another one when it comes again.
    assert_eq!(it.receive(&signed).unwrap(), []);
    // One that is in time is taken, and its time limit is, too.
    let in_time = it.correlated("Signed", json!({}));
    it.now += chrono::TimeDelta::minutes(90);
    it.receive(&in_time).unwrap();
    it.time_passes();
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
}

#[test]
fn an_event_is_kept_for_a_day_unless_said_otherwise() {
    let mut it = Simulation::started(process(&EARLY.replace("early: PT1H\n", "")), json!({}));
    let signed = it.correlated("Signed", json!({}));
    it.receive(&signed).unwrap();
    assert_eq!(it.timers.values().max(), Some(&(it.now + crate::process::EARLY)));
    it.operate("cancel").unwrap();
    assert!(it.timers.is_empty());
}

#[test]
fn nobody_else_can_say_what_processes_say_to_each_other() {
    let forged =
        json!({"type": START_PROCESS, "kind": "command", "aggregate_type": FAMILY, "aggregate_id": "x", "payload": {}});
    let found = crate::message::accept(&forged, uuid::Uuid::from_u128(1), "x", now()).unwrap_err();
    let places: Vec<_> = found.iter().map(|it| (it.code.as_str(), it.pointer.as_str())).collect();
    assert_eq!(places, [("reserved", "/type"), ("reserved", "/aggregate_type")]);
    let not_a_child = Message {
        key: crate::message::Key { aggregate_type: FAMILY.into(), aggregate_id: "x".into() },
        ..caller().sent[0].clone()
    };
    assert_eq!(child_of(&not_a_child), None);
}
