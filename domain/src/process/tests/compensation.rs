//! Undoing: in reverse order of success, each step once, and never before its command is settled.

use serde_json::json;

use super::simulation::{Simulation, code, names, park, process};
use crate::process::{Event, IncidentKind, Input, Place, Status, walk::IDEMPOTENCY_HEADER};

/// Reserve, charge, ship; when one of them fails, what was done is undone.
const ORDER: &str = r#"
baton: process/1
name: order
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: ReserveStock
    to: stock
    key: =input.order
    payload: {sku: =input.sku}
    fails: OutOfStock
    undo: {send: ReleaseStock, done: StockReleased, failed: ReleaseRefused, timeout: {after: PT5M, then: stuck}}
    on:
      StockReserved: {set: {place: =event.payload.place}, next: charge}
      OutOfStock: {next: undo}
      timeout: {after: PT10M, ask: {send: QueryStock, times: 2}}
  charge:
    kind: command
    send: Charge
    to: payments
    key: =input.order
    payload: {amount: 7}
    fails: [Declined]
    undo: {send: Refund, to: refunds, key: =event.payload.payment, payload: {payment: =event.payload.payment, place: =vars.place}, done: [Refunded], timeout: {after: PT5M, then: wait}}
    on:
      Charged: {next: ship}
      Declined: {next: undo}
      timeout: {after: PT10M, set: {why: no answer}, next: undo}
  ship:
    kind: command
    send: Ship
    to: shipping
    on: {Shipped: {next: done}, Refused: {next: undo}, timeout: {after: P1D, then: wait}}
  undo: {kind: compensate, set: {undone: true}, next: failed}
  done: {kind: end}
  failed: {kind: end, outcome: compensated, reason: ='it was ' + string(vars.undone)}
"#;

fn order() -> Simulation {
    Simulation::started(process(ORDER), json!({"order": "o-1", "sku": "s-1"}))
}

fn shipping() -> Simulation {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "shelf 3"}));
    it.answer("Charged", json!({"payment": "p-9"}));
    it
}

#[test]
fn what_succeeded_is_undone_in_reverse_order() {
    let mut it = shipping();
    assert_eq!(it.state().done.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["reserve", "charge"]);
    it.answer("Refused", json!({}));
    assert_eq!((it.status(), it.at()), (Status::Compensating, vec!["undo"]));
    let refund = it.sent.last().unwrap().clone();
    assert_eq!((refund.message_type.as_str(), refund.key.aggregate_type.as_str()), ("Refund", "refunds"));
    assert_eq!(refund.key.aggregate_id, "p-9");
    assert_eq!(refund.payload, json!({"payment": "p-9", "place": "shelf 3"}));
    it.answer("Refunded", json!({}));
    // Without anything said, the undo goes where the command went and says what it said.
    let release = it.sent.last().unwrap().clone();
    assert_eq!((release.message_type.as_str(), release.key.aggregate_type.as_str()), ("ReleaseStock", "stock"));
    assert_eq!((release.key.aggregate_id.as_str(), &release.payload), ("o-1", &json!({"sku": "s-1"})));
    it.answer("StockReleased", json!({}));
    assert_eq!(it.status(), Status::Compensated);
    assert_eq!(it.state().ended.as_ref().unwrap().reason.as_deref(), Some("it was true"));
    assert!(it.timers.is_empty());
    insta::assert_snapshot!(it.trace());
}

#[test]
fn variables_that_change_later_do_not_change_an_undo() {
    let mut it = shipping();
    let set = json!({"place": "elsewhere"}).as_object().unwrap().clone();
    it.put(Input::SetVariables { operator: park(), set, token: None }).unwrap();
    it.answer("Refused", json!({}));
    assert_eq!(it.sent.last().unwrap().payload["place"], "shelf 3");
}

#[test]
fn a_step_that_failed_is_not_undone() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.answer("Declined", json!({}));
    assert_eq!(it.sent_types(), ["ReserveStock", "Charge", "ReleaseStock"]);
    it.answer("StockReleased", json!({}));
    assert_eq!(it.status(), Status::Compensated);
}

#[test]
fn with_nothing_done_there_is_nothing_to_undo() {
    let mut it = order();
    it.answer("OutOfStock", json!({}));
    assert_eq!((it.status(), it.sent_types()), (Status::Compensated, vec!["ReserveStock"]));
}

#[test]
fn undoing_waits_for_a_command_that_nobody_answered() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.time_passes();
    // Charge may have been done: nothing is undone before that is known.
    assert_eq!((it.status(), it.sent_types()), (Status::Compensating, vec!["ReserveStock", "Charge"]));
    let [unsettled] = it.state().unsettled.as_slice() else { panic!("one command is unsettled") };
    assert_eq!((unsettled.node.as_str(), unsettled.command()), ("charge", it.sent[1].id));
    let events = it.answer_to("Charge", "Charged", json!({"payment": "p-9"}));
    assert_eq!(names(&events), ["step_settled", "undo_sent"]);
    assert_eq!(it.sent_types()[2..], ["Refund"]);
    it.answer("Refunded", json!({}));
    it.answer("StockReleased", json!({}));
    assert_eq!(it.status(), Status::Compensated);
    assert!(it.timers.is_empty());
}

#[test]
fn a_late_refusal_leaves_nothing_to_undo() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.time_passes();
    it.answer_to("Charge", "Declined", json!({}));
    assert_eq!(it.sent_types(), ["ReserveStock", "Charge", "ReleaseStock"]);
}

#[test]
fn an_answer_that_never_comes_is_a_matter_for_a_person() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.time_passes();
    it.time_passes();
    assert_eq!(it.status(), Status::Stuck);
    assert_eq!(it.state().incident().unwrap().kind, IncidentKind::Settlement);
    assert!(it.timers.is_empty());
    assert_eq!(code(it.operate("skip")), "unsettled");
    let command = it.sent[1].id;
    let settle = |it: &mut Simulation, succeeded, payload| {
        it.put(Input::Settle { operator: park(), command, succeeded, payload })
    };
    // The undo reads the reply, which the operator has to stand in for.
    let rejection = settle(&mut it, true, json!({})).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("undo-failed", "/payload"));
    settle(&mut it, true, json!({"payment": "p-7"})).unwrap();
    assert_eq!(it.status(), Status::Compensating);
    assert_eq!(it.sent.last().unwrap().payload["payment"], "p-7");
    assert_eq!(code(settle(&mut it, false, json!({}))), "not-unsettled");
    // The real answer comes after all; it was decided already.
    let events = it.answer_to("Charge", "Charged", json!({"payment": "p-7"}));
    assert_eq!(names(&events), ["message_late"]);
}

#[test]
fn the_answer_settles_an_instance_that_is_stuck_for_want_of_it() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.time_passes();
    it.time_passes();
    let events = it.answer_to("Charge", "Declined", json!({}));
    assert_eq!(names(&events), ["step_settled", "resolved", "undo_sent"]);
    assert_eq!(it.status(), Status::Compensating);
}

#[test]
fn a_retry_waits_for_the_answer_once_more() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.time_passes();
    it.time_passes();
    assert_eq!(names(&it.operate("retry").unwrap()), ["retried", "settlement_awaited"]);
    assert_eq!((it.status(), it.timers.len()), (Status::Compensating, 1));
}

#[test]
fn an_unanswered_command_is_asked_about_as_often_as_it_says() {
    let mut it = order();
    assert_eq!(names(&it.time_passes()), ["asked"]);
    let query = it.sent.last().unwrap().clone();
    assert_eq!((query.message_type.as_str(), query.key.aggregate_id.as_str()), ("QueryStock", "o-1"));
    assert_eq!(query.payload, json!({"sku": "s-1"}));
    it.time_passes();
    assert_eq!((it.status(), it.sent.len()), (Status::Running, 3));
    it.time_passes();
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["reserve"]));
    assert_eq!(it.state().incident().unwrap().kind, IncidentKind::Step);
    // The answer to the question counts, even now.
    let reply = it.reply("StockReserved", json!({"place": "x"}));
    it.receive(&reply).unwrap();
    assert_eq!((it.status(), it.at()), (Status::Running, vec!["charge"]));
    assert_eq!(it.state().done[0].command, it.sent[0].id);
}

#[test]
fn a_stuck_command_that_is_retried_is_asked_about_again() {
    let mut it = order();
    (0..3).for_each(|_| drop(it.time_passes()));
    assert_eq!(names(&it.operate("retry").unwrap()), ["retried", "asked"]);
    assert_eq!((it.status(), it.timers.len()), (Status::Running, 1));
}

#[test]
fn then_wait_waits_on_and_says_so() {
    let mut it = shipping();
    assert_eq!(names(&it.time_passes()), ["time_noted"]);
    assert_eq!((it.status(), it.at(), it.timers.len()), (Status::Running, vec!["ship"], 0));
    it.answer("Shipped", json!({}));
    assert_eq!(it.status(), Status::Completed);
}

#[test]
fn an_undo_that_fails_makes_the_instance_stuck_until_somebody_sees_to_it() {
    let failing = || {
        let mut it = order();
        it.answer("StockReserved", json!({"place": "x"}));
        it.answer("Declined", json!({}));
        it.answer("ReleaseRefused", json!({}));
        assert_eq!(it.status(), Status::Stuck);
        assert_eq!(it.state().incident().unwrap().kind, IncidentKind::Undo);
        it
    };
    let mut it = failing();
    assert_eq!(names(&it.operate("retry").unwrap()), ["retried", "undo_sent"]);
    let [.., first, second] = it.sent.as_slice() else { panic!("two undos") };
    assert_eq!(second.headers[IDEMPOTENCY_HEADER], first.id.to_string());
    assert_eq!(first.headers.get(IDEMPOTENCY_HEADER), None);
    assert_eq!(first.payload, second.payload);
    it.answer("StockReleased", json!({}));
    assert_eq!(it.status(), Status::Compensated);

    let mut it = failing();
    assert_eq!(names(&it.operate("skip").unwrap())[0], "undo_skipped");
    assert_eq!(it.status(), Status::Compensated);

    let mut it = failing();
    it.operate("abandon").unwrap();
    assert_eq!(it.status(), Status::Failed);
    assert!(it.timers.is_empty());
    assert_eq!(code(it.operate("abandon")), "instance-ended");
    assert_eq!(code(order().operate("abandon")), "not-compensating");
}

#[test]
fn an_undo_that_nobody_answers_makes_the_instance_stuck_and_the_answer_frees_it() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.answer("Declined", json!({}));
    it.time_passes();
    assert_eq!((it.status(), it.timers.len()), (Status::Stuck, 0));
    it.operate("retry").unwrap();
    // The first attempt is answered; so is the second, which is late then.
    let (first, second) = (it.sent[it.sent.len() - 2].id, it.sent.last().unwrap().id);
    let mut reply = it.event("StockReleased", json!({}));
    reply.causation_id = Some(first.to_string());
    it.receive(&reply).unwrap();
    assert_eq!(it.status(), Status::Compensated);
    let mut reply = it.event("StockReleased", json!({}));
    reply.causation_id = Some(second.to_string());
    assert_eq!(names(&it.receive(&reply).unwrap()), ["message_late"]);
}

#[test]
fn an_undo_may_be_waited_for_without_end() {
    let mut it = shipping();
    it.answer("Refused", json!({}));
    assert_eq!(names(&it.time_passes()), ["time_noted"]);
    assert_eq!((it.status(), it.timers.len()), (Status::Compensating, 0));
    assert!(!it.state().is_orphan());
}

#[test]
fn a_cancellation_can_undo_first() {
    let mut it = shipping();
    it.operate("cancel and undo").unwrap();
    assert_eq!(code(it.operate("cancel and undo")), "compensating");
    it.answer_to("Ship", "Refused", json!({}));
    it.answer_to("Refund", "Refunded", json!({}));
    it.answer_to("ReleaseStock", "StockReleased", json!({}));
    let ending = it.state().ended.clone().unwrap();
    assert_eq!((ending.status, ending.reason.as_deref()), (Status::Cancelled, Some("because")));
}

#[test]
fn no_undo_overtakes_a_command_that_nothing_undoes() {
    for answer in ["Shipped", "Refused"] {
        let mut it = shipping();
        it.operate("cancel and undo").unwrap();
        // It may be shipped yet, so the money stays where it is.
        assert_eq!((it.status(), it.sent_types().last()), (Status::Compensating, Some(&"Ship")));
        let [unsettled] = it.state().unsettled.as_slice() else { panic!("one command is unsettled") };
        assert_eq!((unsettled.node.as_str(), it.timers.len()), ("ship", 1));
        let events = it.answer_to("Ship", answer, json!({}));
        assert_eq!(names(&events), ["step_settled", "undo_sent"]);
        assert!(matches!(&events[0], Event::StepSettled { undo: None, .. }), "{events:?}");
        it.answer("Refunded", json!({}));
        it.answer("StockReleased", json!({}));
        assert_eq!((it.status(), it.timers.len()), (Status::Cancelled, 0));
    }
}

#[test]
fn a_command_that_nothing_undoes_is_settled_by_a_person_when_nobody_answers() {
    let mut it = shipping();
    it.operate("cancel and undo").unwrap();
    // As long as its own time-out, which is a day.
    let before = it.now;
    it.time_passes();
    assert!(it.now - before > chrono::TimeDelta::days(1));
    assert_eq!((it.status(), it.sent_types().last()), (Status::Stuck, Some(&"Ship")));
    assert_eq!(it.state().incident().unwrap().kind, IncidentKind::Settlement);
    assert_eq!(it.state().incident().unwrap().node, "ship");
    let mut abandoned = it.clone();
    abandoned.operate("abandon").unwrap();
    assert_eq!((abandoned.status(), abandoned.sent_types().last()), (Status::Failed, Some(&"Ship")));
    let command = it.sent[2].id;
    it.put(Input::Settle { operator: park(), command, succeeded: false, payload: json!({}) }).unwrap();
    assert_eq!((it.status(), it.sent_types().last()), (Status::Compensating, Some(&"Refund")));
}

#[test]
fn a_command_that_is_said_to_stay_is_not_waited_for() {
    let staying = ORDER.replace("send: Ship\n", "send: Ship\n    undo: none\n");
    let mut it = Simulation::started(process(&staying), json!({"order": "o-1", "sku": "s-1"}));
    it.answer("StockReserved", json!({"place": "shelf 3"}));
    it.answer("Charged", json!({"payment": "p-9"}));
    it.operate("cancel and undo").unwrap();
    assert_eq!((it.status(), it.sent_types().last()), (Status::Compensating, Some(&"Refund")));
    assert_eq!(names(&it.answer_to("Ship", "Shipped", json!({}))), ["message_late"]);
}

#[test]
fn where_nothing_has_to_be_undone_nothing_is_waited_for() {
    const PLAIN_FIRST: &str = r#"
baton: process/1
name: plain
nodes:
  start: {kind: start, next: ask}
  ask: {kind: command, send: Ask, to: shop, on: {Answered: {next: buy}, timeout: {after: PT1M, next: undo}}}
  buy:
    kind: command
    send: Buy
    to: shop
    undo: {send: Return, done: Returned, timeout: {after: PT5M, then: wait}}
    on: {Bought: {next: done}, timeout: {after: PT1M, next: undo}}
  undo: {kind: compensate, next: done}
  done: {kind: end}
"#;
    let mut it = Simulation::started(process(PLAIN_FIRST), json!({}));
    it.operate("cancel and undo").unwrap();
    assert_eq!((it.status(), it.timers.len()), (Status::Cancelled, 0));
    let mut it = Simulation::started(process(PLAIN_FIRST), json!({}));
    it.time_passes();
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
}

/// A command that nothing undoes, and a `wait` for the very event that answers it.
const PATIENT: &str = r#"
baton: process/1
name: patient
nodes:
  start: {kind: start, next: pay}
  pay: {kind: command, send: Pay, to: bank, undo: {send: Repay, done: Repaid, timeout: {after: PT5M, then: wait}},
        on: {Paid: {next: ship}, timeout: {after: PT1M, then: wait}}}
  ship: {kind: command, send: Ship, to: shipping, fails: Refused,
         on: {Shipped: {next: done}, Refused: {next: undo}, timeout: {after: PT1M, next: remind}}}
  remind: {kind: command, send: Remind, to: shipping, on: {Reminded: {next: arrive}, timeout: {after: PT1M, next: arrive}}}
  arrive: {kind: wait, on: {Shipped: {next: done}, timeout: {after: PT1M, next: undo}}}
  undo: {kind: compensate, next: undone}
  done: {kind: end}
  undone: {kind: end, outcome: compensated}
"#;

fn reminding() -> Simulation {
    let mut it = Simulation::started(process(PATIENT), json!({}));
    it.answer("Paid", json!({}));
    it.time_passes();
    assert_eq!(it.at(), ["remind"]);
    assert_eq!(it.state().unsettled.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["ship"]);
    it
}

#[test]
fn a_late_answer_is_heard_by_whoever_waits_for_it_as_well() {
    // It comes after the wait has begun.
    let mut it = reminding();
    it.answer("Reminded", json!({}));
    assert_eq!(
        names(&it.answer_to("Ship", "Shipped", json!({}))),
        ["step_settled", "message_received", "moved", "ended"]
    );
    assert_eq!(it.status(), Status::Completed);
    // It comes before.
    let mut it = reminding();
    let shipped = it.reply_to("Ship", "Shipped", json!({}));
    assert_eq!(names(&it.receive(&shipped).unwrap()), ["step_settled", "message_buffered"]);
    assert_eq!(it.receive(&shipped).unwrap(), []);
    assert!(it.state().unsettled.is_empty());
    it.answer_to("Remind", "Reminded", json!({}));
    assert_eq!((it.status(), it.timers.len()), (Status::Completed, 0));
    // It comes while what was done is about to be undone.
    let mut it = reminding();
    it.operate("cancel and undo").unwrap();
    it.answer_to("Remind", "Reminded", json!({}));
    assert_eq!(it.sent_types().last(), Some(&"Remind"));
    it.answer_to("Ship", "Shipped", json!({}));
    assert_eq!(it.sent_types().last(), Some(&"Repay"));
    it.answer("Repaid", json!({}));
    assert_eq!((it.status(), it.timers.len()), (Status::Cancelled, 0));
}

#[test]
fn a_cancellation_waits_for_the_command_under_way() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.operate("cancel and undo").unwrap();
    assert_eq!(it.sent_types(), ["ReserveStock", "Charge"]);
    it.answer_to("Charge", "Charged", json!({"payment": "p"}));
    it.answer_to("Refund", "Refunded", json!({}));
    it.answer_to("ReleaseStock", "StockReleased", json!({}));
    assert_eq!((it.status(), it.timers.len()), (Status::Cancelled, 0));
}

#[test]
fn while_undoing_waits_an_unanswered_command_is_asked_about() {
    let mut it = order();
    it.operate("cancel and undo").unwrap();
    assert_eq!(names(&it.time_passes()), ["asked"]);
    assert_eq!(it.sent.last().unwrap().message_type, "QueryStock");
    it.time_passes();
    it.time_passes();
    assert_eq!(it.status(), Status::Stuck);
    let reply = it.reply("OutOfStock", json!({}));
    it.receive(&reply).unwrap();
    assert_eq!(it.status(), Status::Cancelled);
}

#[test]
fn a_cancelled_instance_that_was_suspended_takes_what_it_held() {
    let mut it = order();
    it.operate("suspend").unwrap();
    it.answer("StockReserved", json!({"place": "x"}));
    it.operate("cancel and undo").unwrap();
    assert_eq!((it.status(), it.sent_types().last()), (Status::Compensating, Some(&"ReleaseStock")));
}

#[test]
fn a_plain_cancellation_undoes_nothing_and_stops_an_undoing() {
    let mut it = shipping();
    it.operate("cancel").unwrap();
    assert_eq!((it.status(), it.sent.len()), (Status::Cancelled, 3));
    let mut it = shipping();
    it.answer("Refused", json!({}));
    it.operate("cancel").unwrap();
    assert_eq!((it.status(), it.timers.len()), (Status::Cancelled, 0));
}

#[test]
fn a_reply_that_cannot_be_undone_is_an_incident_and_is_not_forgotten() {
    let mut it = order();
    it.answer("StockReserved", json!({"place": "x"}));
    it.answer("Charged", json!({"nothing": 1}));
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["charge"]));
    it.operate("cancel and undo").unwrap();
    // It was done, but how to undo it is not known: a person has to say.
    assert_eq!(it.status(), Status::Stuck);
    assert_eq!(it.state().incident().unwrap().kind, IncidentKind::Settlement);
    assert_eq!(it.sent_types(), ["ReserveStock", "Charge"]);
    let command = it.sent[1].id;
    let payload = json!({"payment": "p-3"});
    it.put(Input::Settle { operator: park(), command, succeeded: true, payload }).unwrap();
    assert_eq!(it.sent.last().unwrap().key.aggregate_id, "p-3");
}

#[test]
fn a_step_whose_way_on_fails_is_done_all_the_same() {
    let mut it = order();
    it.answer("StockReserved", json!({"no place": 1}));
    assert_eq!((it.status(), it.at()), (Status::Stuck, vec!["reserve"]));
    it.operate("cancel and undo").unwrap();
    assert_eq!((it.status(), it.sent_types().last()), (Status::Compensating, Some(&"ReleaseStock")));
}

const MATCHING: &str = r#"
baton: process/1
name: matching
nodes:
  start: {kind: start, next: book}
  book:
    kind: command
    send: Book
    to: desk
    match: {event: =event.payload.ref, with: =input.ref}
    undo: {send: Unbook, done: Unbooked, timeout: {after: PT1M, then: stuck}}
    on: {Booked: {next: undo}, timeout: {after: PT1M, next: undo}}
  undo: {kind: compensate, next: done}
  done: {kind: end, outcome: failed}
"#;

#[test]
fn undone_by_value_where_nobody_knows_ids() {
    let mut it = Simulation::started(process(MATCHING), json!({"ref": 7}));
    let booked = it.event("Booked", json!({"ref": 7}));
    it.receive(&booked).unwrap();
    assert_eq!(it.waits, [(1, "Unbooked".to_owned(), "7".to_owned())]);
    let other = it.event("Unbooked", json!({"ref": 8}));
    assert_eq!(it.receive(&other).unwrap(), []);
    let unbooked = it.event("Unbooked", json!({"ref": 7}));
    it.receive(&unbooked).unwrap();
    assert_eq!((it.status(), it.waits.len()), (Status::Failed, 0));
}

#[test]
fn an_unsettled_command_is_still_found_by_its_value() {
    let mut it = Simulation::started(process(MATCHING), json!({"ref": 7}));
    it.time_passes();
    assert_eq!(it.waits, [(2, "Booked".to_owned(), "7".to_owned())]);
    let booked = it.event("Booked", json!({"ref": 7}));
    it.receive(&booked).unwrap();
    assert_eq!(it.sent_types(), ["Book", "Unbook"]);
    it.time_passes();
    assert_eq!(it.status(), Status::Stuck);
    it.operate("retry").unwrap();
    assert_eq!(it.waits, [(1, "Unbooked".to_owned(), "7".to_owned())]);
    let unbooked = it.event("Unbooked", json!({"ref": 7}));
    it.receive(&unbooked).unwrap();
    assert_eq!((it.status(), it.waits.len(), it.timers.len()), (Status::Failed, 0, 0));
}

#[test]
fn an_instance_remembers_a_bounded_number_of_steps_to_undo() {
    let mut it = Simulation::started(process(MATCHING), json!({"ref": 7}));
    let undoable = {
        let booked = it.event("Booked", json!({"ref": 7}));
        it.receive(&booked).unwrap();
        it.state().done[0].clone()
    };
    let mut it = order();
    it.state.as_mut().unwrap().done = vec![undoable; crate::process::UNDO_MAX];
    it.answer("StockReserved", json!({"place": "x"}));
    assert!(it.state().incident().unwrap().reason.contains("steps that can be undone"));
    assert_eq!(it.sent_types(), ["ReserveStock"]);
    assert!(matches!(it.state().tokens[0].place, Place::Incident(_)));
    assert!(matches!(it.history.last(), Some(Event::IncidentRaised { .. })));
}
