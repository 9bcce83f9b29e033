//! Called processes that completed, and are undone by their caller.

use serde_json::{Value, json};

use super::{
    properties::check_invariants,
    simulation::{Simulation, names, park, process},
};
use crate::process::{CANCEL_PROCESS, Event, Input, PROCESS_ENDED, PROCESS_REFUSED, START_PROCESS, Status, child_of};

/// Reserves, calls, and pays; what was declined is undone.
const TRIP: &str = "
baton: process/1
name: trip
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: Reserve
    to: stock
    undo: {send: Release, done: Released}
    on: {Reserved: {next: stay}}
  stay:
    kind: call
    process: stay
    input: {}
    undo:
      send: GiveBackRoom
      to: rooms
      payload: {room: =event.payload.output.room}
      done: RoomGivenBack
      failed: RoomKept
      timeout: {after: PT1H, then: stuck}
    on: {completed: {set: {nights: =event.payload.output.nights}, next: pay}, failed: {next: take-back}}
    timeout: {after: PT1H, next: take-back}
  pay: {kind: command, send: Pay, to: payments, undo: none, fails: Declined, on: {Paid: {next: done}, Declined: {next: take-back}}}
  take-back: {kind: compensate, next: given-up}
  given-up: {kind: end, outcome: compensated}
  done: {kind: end}
";

/// The other process is under way.
fn called() -> Simulation {
    let mut it = Simulation::started(process(TRIP), json!({}));
    it.answer("Reserved", json!({}));
    assert_eq!((it.at(), it.sent_types()), (vec!["stay"], vec!["Reserve", START_PROCESS]));
    it
}

fn output() -> Value {
    json!({"room": 12, "nights": 2})
}

fn ends(it: &mut Simulation, status: &str, output: Value) -> Vec<Event> {
    let ended = it.reply_to(START_PROCESS, PROCESS_ENDED, json!({"status": status, "reason": null, "output": output}));
    it.receive(&ended).unwrap()
}

fn child(it: &Simulation) -> String {
    child_of(&it.sent[1]).unwrap().to_string()
}

#[test]
fn what_completed_is_undone_in_its_turn() {
    let mut it = called();
    let events = ends(&mut it, "completed", output());
    assert_eq!(names(&events)[..3], ["message_received", "step_succeeded", "moved"]);
    it.answer("Declined", json!({}));
    let undo = it.sent.last().unwrap().clone();
    assert_eq!((undo.message_type.as_str(), &undo.payload), ("GiveBackRoom", &json!({"room": 12})));
    assert_eq!((undo.key.aggregate_type.as_str(), undo.key.aggregate_id), ("rooms", child(&it)));
    it.answer("RoomGivenBack", json!({}));
    it.answer("Released", json!({}));
    assert_eq!(it.status(), Status::Compensated);
    assert_eq!(it.sent_types()[2..], ["Pay", "GiveBackRoom", "Release"]);
    check_invariants(&it).unwrap();

    // An undo that is refused, or not answered, is seen to.
    for refuses in [true, false] {
        let mut it = called();
        ends(&mut it, "completed", output());
        it.answer("Declined", json!({}));
        match refuses {
            true => drop(it.answer("RoomKept", json!({}))),
            false => drop(it.time_passes()),
        }
        assert_eq!((it.status(), it.state().incident().unwrap().node.as_str()), (Status::Stuck, "stay"));
    }
}

#[test]
fn it_says_which_instance_was_called_unless_the_definition_says_more() {
    let text = TRIP.replace("      payload: {room: =event.payload.output.room}\n", "");
    let mut it = Simulation::started(process(&text), json!({}));
    it.answer("Reserved", json!({}));
    ends(&mut it, "completed", output());
    it.answer("Declined", json!({}));
    assert_eq!(it.sent.last().unwrap().payload, json!({"instance": child(&it)}));
}

#[test]
fn what_did_not_complete_has_nothing_to_undo() {
    for status in ["failed", "cancelled", "compensated"] {
        let mut it = called();
        ends(&mut it, status, output());
        assert_eq!((it.sent_types()[2..].to_vec(), it.state().done.len()), (vec!["Release"], 1), "{status}");
    }
    let mut it = called();
    it.operate("cancel and undo").unwrap();
    let refused = it.reply_to(START_PROCESS, PROCESS_REFUSED, json!({"code": "unknown-process", "message": "no"}));
    assert_eq!(names(&it.receive(&refused).unwrap()), ["step_settled", "undo_sent"]);
    assert_eq!(it.sent_types()[2..], [CANCEL_PROCESS, "Release"]);
    // Nor has a call that was skipped.
    let mut it = called();
    let (set, port) = (json!({"nights": 1}).as_object().unwrap().clone(), Some("completed".to_owned()));
    it.put(Input::Skip { operator: park(), token: None, node: None, port, set }).unwrap();
    assert_eq!(it.state().done.len(), 1);
}

#[test]
fn one_that_was_given_up_and_completed_all_the_same_is_undone() {
    let given_up: [fn(&mut Simulation); 2] =
        [|it| drop(it.time_passes()), |it| drop(it.operate("cancel and undo").unwrap())];
    for give_up in given_up {
        let mut it = called();
        give_up(&mut it);
        assert_eq!((it.sent_types()[2..].to_vec(), it.state().unsettled.len()), (vec![CANCEL_PROCESS], 1));
        assert_eq!(names(&ends(&mut it, "completed", output())), ["step_settled", "undo_sent"]);
        let undo = it.sent.last().unwrap();
        assert_eq!((undo.message_type.as_str(), &undo.payload), ("GiveBackRoom", &json!({"room": 12})));
        assert_eq!(names(&ends(&mut it, "completed", output())), ["message_late"], "it is said once");
        it.answer("RoomGivenBack", json!({}));
        it.answer("Released", json!({}));
        assert!(it.state().ended.is_some());
        check_invariants(&it).unwrap();
    }
    // Also where nothing else was done.
    let (before, after) = TRIP.split_once("  reserve:\n").unwrap();
    let stay = after.split_once("  stay:\n").unwrap().1;
    let text = format!("{}  stay:\n{stay}", before.replace("next: reserve", "next: stay"));
    let mut it = Simulation::started(process(&text), json!({}));
    it.operate("cancel and undo").unwrap();
    assert_eq!(it.status(), Status::Compensating);
    assert_eq!(names(&ends(&mut it, "cancelled", output())), ["step_settled", "cancelled"]);
}

#[test]
fn a_person_says_what_became_of_one_that_is_silent() {
    let mut it = called();
    it.operate("cancel and undo").unwrap();
    it.time_passes();
    assert_eq!(it.status(), Status::Stuck);
    let command = it.state().unsettled[0].command();
    let settle = |payload| Input::Settle { operator: park(), command, succeeded: true, payload };
    let rejection = it.put(settle(json!({}))).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("undo-failed", "/payload"));
    it.put(settle(json!({"output": output()}))).unwrap();
    assert_eq!(it.sent.last().unwrap().payload, json!({"room": 12}));
}

#[test]
fn one_whose_undo_cannot_be_made_out_is_seen_to() {
    // What the undo says is made out when the call is left.
    let mut it = called();
    ends(&mut it, "completed", json!({"nights": 2}));
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["stay"]));
    // And when it had been given up: the reply is kept, and a person says more.
    let mut it = called();
    it.operate("cancel and undo").unwrap();
    ends(&mut it, "completed", json!({"nights": 2}));
    assert_eq!((it.status(), it.state().unsettled.len()), (Status::Stuck, 1));
    assert_eq!(names(&ends(&mut it, "completed", output())), ["message_late"]);
    let command = it.state().unsettled[0].command();
    let payload = json!({"output": output()});
    it.put(Input::Settle { operator: park(), command, succeeded: true, payload }).unwrap();
    assert_eq!(it.sent.last().unwrap().message_type, "GiveBackRoom");
    // One that completed, whose way on is broken, is done all the same.
    let mut it = called();
    ends(&mut it, "completed", json!({"room": 12}));
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["stay"]));
    it.operate("cancel and undo").unwrap();
    assert_eq!(it.sent_types()[2..], ["GiveBackRoom"]);
}

#[test]
fn it_migrates_to_a_call_that_can_be_undone_as_well() {
    let undo = TRIP.split("    undo:\n").nth(1).unwrap().split("    on: {completed").next().unwrap();
    let without = process(&TRIP.replace(&format!("    undo:\n{undo}"), ""));
    let codes = |it: &Simulation, to| {
        let found = it.clone().migrate(to, &[]).unwrap_err().findings;
        found.into_iter().map(|it| it.code).collect::<Vec<_>>()
    };
    let mut it = called();
    assert_eq!(codes(&it, &without), ["other-undo"]);
    it.clone().migrate(&process(TRIP), &[]).unwrap();
    // What is done keeps its undo.
    let mut done = it.clone();
    ends(&mut done, "completed", output());
    done.migrate(&without, &[]).unwrap();
    done.answer("Declined", json!({}));
    assert_eq!(done.sent.last().unwrap().message_type, "GiveBackRoom");
    // One that was given up, and may have completed, is undone as the version says that is run then.
    it.put(Input::Move { operator: park(), token: None, node: None, to: "pay".into() }).unwrap();
    assert_eq!(codes(&it, &without), ["other-undo"]);
    let mut before = Simulation::started(without, json!({}));
    before.answer("Reserved", json!({}));
    before.clone().migrate(&process(TRIP), &[]).unwrap();
    before.put(Input::Move { operator: park(), token: None, node: None, to: "pay".into() }).unwrap();
    before.migrate(&process(TRIP), &[]).unwrap();
    before.operate("cancel and undo").unwrap();
    ends(&mut before, "completed", output());
    assert_eq!(before.sent.last().unwrap().message_type, "GiveBackRoom");
}
