//! Instances that begin again from an earlier point of another one's history.

use serde_json::{Map, Value, json};

use super::{
    properties::check_invariants,
    sagas::placed,
    simulation::{Simulation, names, park, process},
};
use crate::process::{Entries, Event, Input, Operator, Parent, Rejection, Restart, Status, choices, evolve, is_entry};

const STAY: &str = r#"
baton: process/1
name: stay
input: {type: object, required: [nights], properties: {nights: {type: integer}}, additionalProperties: false}
nodes:
  start: {kind: start, next: hold}
  hold:
    kind: command
    send: Hold
    to: rooms
    undo: {send: Release, done: Released, failed: Kept}
    on: {Held: {set: {room: =event.payload.room}, next: pay}}
  pay:
    kind: command
    send: Pay
    to: payments
    payload: {nights: =input.nights, room: =vars.room}
    undo: {send: GiveBack, done: GivenBack, failed: Spent}
    on: {Paid: {next: split}, Declined: {next: take-back}, timeout: {after: PT1H, then: stuck}}
    fails: Declined
  split: {kind: fork, branches: {a: {next: nap}, b: {next: wake}}, join: both}
  nap: {kind: timer, for: PT1H, next: both}
  wake: {kind: timer, for: PT2H, next: both}
  both: {kind: join, next: arrive}
  arrive: {kind: wait, on: {Arrived: {next: done}}}
  take-back: {kind: compensate, next: given-up}
  given-up: {kind: end, outcome: compensated}
  done: {kind: end}
"#;

fn stay() -> Simulation {
    Simulation::started(process(STAY), json!({"nights": 2}))
}

/// Stuck at the payment, which nobody answered.
fn unpaid() -> Simulation {
    let mut it = stay();
    it.answer("Held", json!({"room": 12}));
    it.time_passes();
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["pay"]));
    it
}

/// Completed.
fn completed() -> Simulation {
    let mut it = stay();
    it.answer("Held", json!({"room": 12}));
    it.answer("Paid", json!({}));
    it.time_passes();
    it.time_passes();
    let arrived = it.correlated("Arrived", json!({}));
    it.receive(&arrived).unwrap();
    assert_eq!(it.status(), Status::Completed);
    it
}

fn from(at: u64) -> Restart {
    Restart { operator: park(), at, variables: Map::new(), input: None, batch: None }
}

/// The number of the event by which it came to a node.
fn entry(it: &Simulation, node: &str) -> u64 {
    let is_there = |event: &Event| match event {
        Event::Moved { to, .. } | Event::Relocated { to, .. } => to == node,
        Event::Started { node: to, .. } | Event::RestartedFrom { node: to, .. } => to == node,
        _ => false,
    };
    it.history.iter().position(is_there).expect("it came there") as u64 + 1
}

fn set(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Refused, and nothing was changed.
fn refused(it: &mut Simulation, asked: &Restart) -> Rejection {
    let before = it.clone();
    let Err(rejection) = it.restart(asked) else { panic!("restarted") };
    assert_eq!((it.state(), &it.history), (before.state(), &before.history));
    rejection
}

fn code(it: &mut Simulation, asked: &Restart) -> (&'static str, String) {
    let rejection = refused(it, asked);
    (rejection.code, rejection.pointer)
}

#[test]
fn a_stuck_one_ends_and_a_new_one_takes_its_step_again_with_what_was_changed() {
    let mut it = unpaid();
    let at = entry(&it, "pay");
    let asked = Restart { variables: set(json!({"room": 7})), input: Some(json!({"nights": 3})), ..from(at) };
    let mut next = it.restart(&asked).unwrap();

    assert_eq!(names(&it.history)[it.history.len() - 2..], ["step_unsettled", "restarted_as"]);
    assert_eq!((it.status(), it.timers.len(), it.state().restarted_as), (Status::Cancelled, 0, Some(next.id())));
    assert_eq!(names(&next.history), ["restarted_from", "command_sent"]);
    let (before, again) = (&next.sent[1], &next.sent[2]);
    assert_eq!((&before.message_type, &before.payload), (&"Pay".to_owned(), &json!({"nights": 2, "room": 12})));
    assert_eq!((&again.message_type, &again.payload), (&"Pay".to_owned(), &json!({"nights": 3, "room": 7})));
    assert_ne!(before.id, again.id);
    let state = next.state();
    assert_eq!(state.restarted_from.map(|it| (it.instance, it.sequence)), Some((it.id(), at)));
    assert_eq!((state.business_key.as_deref(), state.started_by.as_str()), (Some("trip 7"), "kim"));
    check_invariants(&it).unwrap();
    check_invariants(&next).unwrap();

    // The room, the payment that nobody answered, and the new one are all undone by the new instance.
    next.answer("Paid", json!({}));
    next.operate("cancel and undo").unwrap();
    let command = next.state().unsettled[0].command();
    assert_eq!(command, next.sent[1].id);
    next.put(Input::Settle { operator: park(), command, succeeded: true, payload: json!({}) }).unwrap();
    next.answer("GivenBack", json!({}));
    next.answer("GivenBack", json!({}));
    next.answer("Released", json!({}));
    assert_eq!(next.status(), Status::Cancelled);
    assert_eq!(next.sent_types()[3..], ["GiveBack", "GiveBack", "Release"]);
    check_invariants(&next).unwrap();
}

#[test]
fn what_has_ended_stays_as_it_ended() {
    let mut it = completed();
    let before = it.state().clone();
    let mut next = it.restart(&from(entry(&it, "hold"))).unwrap();
    assert_eq!((&it.state().ended, &it.state().vars), (&before.ended, &before.vars));
    assert_eq!(names(&it.history).last(), Some(&"restarted_as"));
    assert_eq!((next.at(), next.status()), (vec!["hold"], Status::Running));
    // What it did is in force still, and is undone with what the new one does.
    next.answer("Held", json!({"room": 9}));
    next.answer("Declined", json!({}));
    assert_eq!(next.sent_types()[4..], ["Release"]);
    next.answer("Released", json!({}));
    next.answer("GivenBack", json!({}));
    next.answer("Released", json!({}));
    assert_eq!(next.status(), Status::Compensated);
    assert_eq!(next.sent_types()[4..], ["Release", "GiveBack", "Release"]);
    // A late answer to the original is noted there and changes nothing.
    let late = it.reply_to("Hold", "Held", json!({}));
    assert_eq!(names(&it.receive(&late).unwrap()), ["message_late"]);
    assert_eq!(it.state().restarted_as, Some(next.id()));
}

#[test]
fn what_was_undone_is_not_undone_again() {
    let mut it = stay();
    it.answer("Held", json!({"room": 12}));
    it.answer("Declined", json!({}));
    it.answer("Released", json!({}));
    assert_eq!(it.status(), Status::Compensated);
    let at = entry(&it, "pay");
    let rejection = refused(&mut it, &from(at));
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("undone-since", "/at"));
    assert!(rejection.message.contains("`hold`"), "{rejection}");
    let next = it.restart(&from(entry(&it, "hold"))).unwrap();
    assert!(next.state().done.is_empty());
}

#[test]
fn an_abandoned_one_hands_over_what_could_not_be_undone() {
    let mut it = stay();
    it.answer("Held", json!({"room": 12}));
    it.answer("Declined", json!({}));
    it.answer("Kept", json!({}));
    let at = entry(&it, "pay");
    assert_eq!(code(&mut it, &from(at)), ("compensating", String::new()));
    it.operate("abandon").unwrap();
    let next = it.restart(&from(at)).unwrap();
    assert_eq!(next.state().done.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["hold"]);
}

#[test]
fn an_event_that_came_early_goes_along() {
    let mut it = stay();
    let arrived = it.correlated("Arrived", json!({}));
    it.receive(&arrived).unwrap();
    it.operate("suspend").unwrap();
    let mut next = it.restart(&from(1)).unwrap();
    assert_eq!(names(&next.history), ["restarted_from", "message_buffered", "moved", "command_sent"]);
    next.answer("Held", json!({"room": 1}));
    next.answer("Paid", json!({}));
    next.time_passes();
    next.time_passes();
    assert_eq!(next.status(), Status::Completed);
    check_invariants(&next).unwrap();
}

#[test]
fn an_answer_that_came_while_suspended_settles_its_command() {
    for (answer, done, last) in [("Held", 1, "step_settled"), ("Nothing", 0, "step_unsettled")] {
        let mut it = stay();
        it.operate("suspend").unwrap();
        it.answer(answer, json!({"room": 12}));
        let next = it.restart(&from(2)).unwrap();
        assert_eq!(names(&it.history)[it.history.len() - 2], last);
        assert_eq!((next.state().done.len(), next.state().unsettled.len()), (done, 1 - done));
        check_invariants(&it).unwrap();
    }
}

#[test]
fn a_new_one_is_restarted_again_and_the_old_one_is_not() {
    let mut it = unpaid();
    let mut next = it.restart(&from(entry(&it, "pay"))).unwrap();
    let rejection = refused(&mut it, &from(1));
    assert_eq!(rejection.code, "already-restarted");
    assert!(rejection.message.contains(&next.id().to_string()), "{rejection}");
    next.operate("suspend").unwrap();
    let third = next.restart(&from(1)).unwrap();
    assert_eq!(third.at(), ["pay"]);
    // Two payments that nobody answered, and the room.
    assert_eq!((third.state().unsettled.len(), third.state().done.len()), (2, 1));
    let watches: Vec<u32> = third.state().unsettled.iter().map(|it| it.watch).collect();
    assert_eq!((watches, third.state().tokens_made), (vec![2, 3], 3));
    check_invariants(&third).unwrap();
}

#[test]
fn it_is_restarted_from_where_one_token_stands_alone() {
    let mut it = completed();
    let inside = names(&it.history).iter().position(|name| *name == "forked").unwrap() as u64 + 1;
    let rejection = refused(&mut it, &from(inside));
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("no-point", "/at"));
    assert!(rejection.message.contains("`split`"), "{rejection}");
    let paid = names(&it.history).iter().rposition(|name| *name == "step_succeeded").unwrap() as u64 + 1;
    assert!(refused(&mut it, &from(paid)).message.contains("the next one had not begun"));
    let last = it.history.len() as u64;
    assert!(refused(&mut it, &from(last)).message.contains("had ended by then"));
    for at in [0, last + 1] {
        assert_eq!(code(&mut it, &from(at)), ("unknown-event", "/at".to_owned()));
    }
    // After the fork it is alone again, and before it.
    assert_eq!(it.clone().restart(&from(entry(&it, "arrive"))).unwrap().at(), ["arrive"]);
    assert_eq!(it.clone().restart(&from(entry(&it, "split"))).unwrap().state().tokens.len(), 3);
}

#[test]
fn the_points_to_choose_between_are_those_that_are_accepted() {
    let it = completed();
    let (mut state, mut nodes) = (None, Vec::new());
    for (event, at) in it.history.iter().zip(1..) {
        let after = evolve(state, event);
        if is_entry(&after, event) {
            nodes.push(after.tokens[0].node.clone());
            it.clone().restart(&from(at)).unwrap();
        }
        state = Some(after);
    }
    assert_eq!(nodes, ["start", "hold", "pay", "split", "both", "arrive", "done"]);
}

/// What the history says about going back to nodes by their names.
fn entries(it: &Simulation) -> Entries {
    let mut entries = Entries::default();
    it.history.iter().for_each(|event| entries.note(event));
    assert_eq!(entries.recorded(), it.history.len() as u64);
    entries
}

#[test]
fn a_node_stands_for_the_last_time_that_it_came_there() {
    let mut it = completed();
    for node in ["start", "hold", "pay", "split", "both", "arrive", "done"] {
        let at = entries(&it).last(node).unwrap();
        let next = it.clone().restart(&from(at)).unwrap();
        assert!(matches!(&next.history[0], Event::RestartedFrom { node: begins, .. } if begins == node), "{node}");
        // The branches of the fork came to the join one by one, before it was over.
        assert!(at == entry(&it, node) || (node == "both" && at > entry(&it, node)), "{node}: {at}");
    }
    for node in ["nap", "take-back", "nowhere"] {
        let rejection = entries(&it).last(node).unwrap_err();
        assert_eq!((rejection.code, rejection.pointer.as_str()), ("no-point", "/node"), "{node}");
        assert!(rejection.message.contains(&format!("`{node}`")), "{rejection}");
    }
    assert_eq!(entries(&it).batch(), None);
    let batch = Some(uuid::Uuid::from_u128(7));
    let next = it.restart(&Restart { batch, ..from(entry(&it, "pay")) }).unwrap();
    assert_eq!((entries(&next).batch(), entries(&next).last("pay").unwrap()), (batch, 1));

    // Moved back to the payment: the second time counts, under the name that it has now.
    let mut it = unpaid();
    let first = entry(&it, "pay");
    it.put(Input::Move { operator: park(), token: None, node: None, to: "hold".into() }).unwrap();
    it.answer("Held", json!({"room": 12}));
    it.time_passes();
    let to = process(&STAY.replace("  pay:", "  charge:").replace("next: pay}", "next: charge}"));
    it.migrate(&to, &[("pay", "charge")]).unwrap();
    let second = entries(&it).last("charge").unwrap();
    assert!(second > first && entries(&it).last("pay").is_err(), "{second} {first}");
    assert_eq!(it.restart(&from(second)).unwrap().at(), ["charge"]);
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_place() {
    let mut it = unpaid();
    let at = entry(&it, "pay");
    let input = |value| Restart { input: Some(value), ..from(at) };
    assert_eq!(code(&mut it, &input(json!({"nights": "two"}))), ("invalid-input", "/input/nights".to_owned()));
    assert_eq!(code(&mut it, &input(json!({"nights": 1, "a": 1}))).0, "invalid-input");
    let variables = |value| Restart { variables: set(value), ..from(at) };
    assert_eq!(code(&mut it, &variables(json!({"a b": 1}))), ("invalid-variables", "/variables/a b".to_owned()));
    assert_eq!(code(&mut it, &variables(json!({"a": "x".repeat(1 << 20)}))), ("too-large", "/variables".to_owned()));
    let late = Restart { operator: Operator { expected: Some(1), ..park() }, ..from(at) };
    assert_eq!(code(&mut it, &late), ("changed-meanwhile", String::new()));
}

#[test]
fn what_goes_on_by_itself_what_was_called_and_a_saga_are_not_restarted() {
    let mut it = stay();
    assert_eq!(code(&mut it, &from(2)), ("not-at-rest", String::new()));
    let offered = choices(Some(&it.definition), it.state()).restart;
    assert!(offered.unwrap().contains("suspend"));

    let mut child = Simulation::new(process(STAY));
    let parent = Parent { instance: it.id(), command: it.sent[0].id, depth: 1 };
    let input = json!({"nights": 2});
    child.put(Input::Start { input, business_key: None, by: "x".into(), parent: Some(parent) }).unwrap();
    child.operate("cancel").unwrap();
    assert_eq!(code(&mut child, &from(2)), ("called", String::new()));

    let mut saga = placed();
    saga.operate("cancel").unwrap();
    assert_eq!(code(&mut saga, &from(1)), ("saga", String::new()));
}

#[test]
fn a_point_from_before_a_migration_is_found_under_the_new_names() {
    let mut it = unpaid();
    let at = entry(&it, "pay");
    let to = process(&STAY.replace("  pay:", "  charge:").replace("next: pay}", "next: charge}"));
    it.migrate(&to, &[("pay", "charge")]).unwrap();
    assert_eq!(it.restart(&from(at)).unwrap().at(), ["charge"]);
}

#[test]
fn a_call_that_is_given_up_is_cancelled() {
    let mut it = Simulation::started(
        process(
            "
baton: process/1
name: basket
nodes:
  start: {kind: start, next: order}
  order: {kind: call, process: order, on: {completed: {next: done}, failed: {next: done}}}
  done: {kind: end}
",
        ),
        json!({}),
    );
    it.operate("suspend").unwrap();
    let next = it.restart(&from(2)).unwrap();
    assert_eq!(it.sent_types(), ["baton.StartProcess", "baton.CancelProcess"]);
    assert_eq!(next.sent_types()[2..], ["baton.StartProcess"]);
}
