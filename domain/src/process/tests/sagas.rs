//! Stateful sagas: they start by themselves, find their events by a value, and undo in reverse.

use serde_json::{Value, json};

use super::simulation::{Simulation, code, names};
use crate::{
    definition::{self, Definition as Any},
    diagnostic::Diagnostic,
    message::Message,
    process::{Definition, Event, Status},
};

fn order_fulfilment() -> Definition {
    steps_of(definition::shipped()[1].1)
}

/// The process that the steps of a saga make.
pub fn steps_of(text: &str) -> Definition {
    match definition::parse(text).unwrap_or_else(|found| panic!("{found:#?}")).definition {
        Any::Saga(saga) => saga.stateful.as_ref().expect("it has steps").process.clone(),
        Any::Process(_) => panic!("this is a process"),
    }
}

fn order() -> Value {
    json!({"order_id": "o-1", "items": [{"sku": "s-1", "count": 2}], "amount": 40})
}

pub fn placed() -> Simulation {
    let mut it = Simulation::new(order_fulfilment());
    let placed = it.event("OrderPlaced", order());
    it.receive(&placed).unwrap();
    it
}

/// An event of a participant that knows nothing of Baton: it says which order it is about, and no more.
fn about_the_order(it: &mut Simulation, event_type: &str) -> Vec<Event> {
    let event = it.event(event_type, json!({"order_id": "o-1", "payment_id": "p-9"}));
    it.receive(&event).unwrap()
}

#[test]
fn an_event_starts_it_and_the_first_command_goes_out() {
    let it = placed();
    assert_eq!((it.status(), it.at()), (Status::Running, vec!["reserve"]));
    assert_eq!(it.state().business_key.as_deref(), Some("o-1"));
    assert_eq!(it.state().started_by, "OrderPlaced");
    let command = &it.sent[0];
    assert_eq!((command.message_type.as_str(), command.key.aggregate_type.as_str()), ("ReserveStock", "stock"));
    assert_eq!(command.key.aggregate_id, "o-1");
    assert_eq!(command.payload, json!({"order_id": "o-1", "items": [{"sku": "s-1", "count": 2}]}));
    let Event::Started { trigger: Some(trigger), .. } = &it.history[0] else { panic!("{:?}", it.history[0]) };
    assert_eq!(command.causation_id, Some(trigger.id.to_string()));
}

#[test]
fn participants_that_know_only_the_order_complete_it() {
    let mut it = placed();
    for event_type in ["StockReserved", "PaymentCharged", "OrderShipped"] {
        about_the_order(&mut it, event_type);
    }
    assert_eq!(it.status(), Status::Completed);
    assert_eq!(it.sent_types(), ["ReserveStock", "ChargePayment", "ShipOrder"]);
    assert_eq!(it.sent[2].payload["payment_id"], "p-9");
    assert!(it.timers.is_empty() && it.waits.is_empty());
}

#[test]
fn another_orders_events_are_not_its_own() {
    let mut it = placed();
    let other = it.event("StockReserved", json!({"order_id": "o-2"}));
    assert_eq!(names(&it.receive(&other).unwrap()), [""; 0]);
    assert_eq!(it.at(), ["reserve"]);
}

#[test]
fn a_refused_shipment_undoes_charge_and_reservation_in_reverse() {
    let mut it = placed();
    for event_type in ["StockReserved", "PaymentCharged", "ShipmentRefused", "PaymentRefunded"] {
        about_the_order(&mut it, event_type);
    }
    assert_eq!(it.status(), Status::Compensating);
    about_the_order(&mut it, "StockReleased");
    assert_eq!(it.status(), Status::Compensated);
    let expected = ["ReserveStock", "ChargePayment", "ShipOrder", "RefundPayment", "ReleaseStock"];
    assert_eq!(it.sent_types(), expected);
    assert_eq!(it.sent[3].payload, json!({"order_id": "o-1", "payment_id": "p-9", "amount": 40}));
    insta::assert_snapshot!(it.trace());
}

#[test]
fn where_nothing_was_done_nothing_is_undone() {
    let mut it = placed();
    about_the_order(&mut it, "OutOfStock");
    assert_eq!((it.status(), it.sent.len()), (Status::Compensated, 1));
}

#[test]
fn a_time_out_means_unknown_and_asks() {
    let mut it = placed();
    about_the_order(&mut it, "StockReserved");
    it.time_passes();
    assert_eq!((it.status(), it.at()), (Status::Running, vec!["charge"]));
    assert_eq!(it.sent.last().unwrap().message_type, "QueryChargePayment");
    about_the_order(&mut it, "PaymentCharged");
    assert_eq!(it.at(), ["ship"]);
    // Nobody knows whether it was shipped, however often one asks: a person has to see to it.
    for _ in 0..4 {
        it.time_passes();
    }
    assert_eq!(it.status(), Status::Stuck);
    assert_eq!(it.sent_types().iter().filter(|it| **it == "QueryShipOrder").count(), 3);
}

#[test]
fn a_cancelled_order_that_may_be_on_its_way_is_not_refunded_before_that_is_known() {
    for answer in ["OrderShipped", "ShipmentRefused"] {
        let mut it = placed();
        about_the_order(&mut it, "StockReserved");
        about_the_order(&mut it, "PaymentCharged");
        it.operate("cancel and undo").unwrap();
        assert_eq!((it.status(), it.sent_types().last()), (Status::Compensating, Some(&"ShipOrder")));
        it.time_passes();
        assert_eq!(it.sent_types().last(), Some(&"QueryShipOrder"));
        about_the_order(&mut it, answer);
        assert_eq!(it.sent_types().last(), Some(&"RefundPayment"), "{answer}");
        about_the_order(&mut it, "PaymentRefunded");
        about_the_order(&mut it, "StockReleased");
        assert_eq!((it.status(), it.timers.len()), (Status::Cancelled, 0));
    }
}

#[test]
fn a_refund_that_is_refused_makes_it_stuck_until_somebody_decides() {
    for (operation, status) in [("skip", Status::Compensated), ("abandon", Status::Failed)] {
        let mut it = placed();
        for event_type in ["StockReserved", "PaymentCharged", "ShipmentRefused", "RefundRefused"] {
            about_the_order(&mut it, event_type);
        }
        assert_eq!(it.status(), Status::Stuck);
        it.operate(operation).unwrap();
        if operation == "skip" {
            about_the_order(&mut it, "StockReleased");
        }
        assert_eq!(it.status(), status, "{operation}");
    }
}

#[test]
fn a_second_start_for_the_same_order_is_recorded_and_changes_nothing() {
    let mut it = placed();
    let again = it.event("OrderPlaced", order());
    assert_eq!(names(&it.receive(&again).unwrap()), ["message_late"]);
    assert_eq!(names(&it.receive(&again).unwrap()), [""; 0], "it is recorded once");
    assert_eq!(it.sent.len(), 1);
}

#[test]
fn the_event_that_started_it_changes_nothing_when_it_comes_again() {
    let mut it = placed();
    let Event::Started { trigger: Some(trigger), .. } = &it.history[0] else { panic!("{:?}", it.history[0]) };
    let trigger = Message::clone(trigger);
    assert_eq!(names(&it.receive(&trigger).unwrap()), [""; 0]);
}

#[test]
fn an_event_without_the_value_is_refused() {
    let mut it = Simulation::new(order_fulfilment());
    let placed = it.event("OrderPlaced", json!({"amount": 1}));
    assert_eq!(code(it.receive(&placed)), "no-correlation");
    let other = it.event("StockReserved", order());
    assert_eq!(code(it.receive(&other)), "not-started");
}

#[test]
fn a_step_with_a_condition_is_left_out_where_it_does_not_hold() {
    let text = "
baton: saga/1
name: gift
correlate: =event.payload.order
start: [Placed, Imported]
steps:
  - {name: charge, send: Charge, to: payments, when: =input.amount > 0.0, done: [Charged, AlreadyCharged], failed: Declined, timeout: {after: PT1M, then: undo}, undo: {send: Refund, done: Refunded, timeout: {after: PT1M, then: wait}}}
  - {name: wrap, send: Wrap, to: warehouse, done: Wrapped, timeout: {after: PT1M, then: wait}}
";
    for (amount, first) in [(1.5, "Charge"), (0.0, "Wrap")] {
        let mut it = Simulation::new(steps_of(text));
        let started = it.event("Imported", json!({"order": 7, "amount": amount}));
        it.receive(&started).unwrap();
        assert_eq!(it.sent_types(), [first]);
        assert_eq!(it.sent[0].key.aggregate_id, "7");
    }
}

#[test]
fn a_charge_that_was_given_up_is_undone_only_once_it_is_known_to_have_happened() {
    let text = "
baton: saga/1
name: order
correlate: =event.payload.order
start: Placed
steps:
  - {name: charge, send: Charge, to: payments, done: Charged, failed: Declined, timeout: {after: PT1M, then: undo}, undo: {send: Refund, done: Refunded, timeout: {after: PT1M, then: wait}}}
  - {name: wrap, send: Wrap, to: warehouse, done: Wrapped, timeout: {after: PT1M, then: wait}}
";
    for (reply, sent) in [("Charged", vec!["Charge", "Refund"]), ("Declined", vec!["Charge"])] {
        let mut it = Simulation::new(steps_of(text));
        let started = it.event("Placed", json!({"order": "o"}));
        it.receive(&started).unwrap();
        it.time_passes();
        assert_eq!((it.status(), it.sent_types()), (Status::Compensating, vec!["Charge"]));
        let late = it.event(reply, json!({"order": "o"}));
        it.receive(&late).unwrap();
        assert_eq!(it.sent_types(), sent);
        if reply == "Charged" {
            it.answer("Refunded", json!({}));
        }
        assert_eq!(it.status(), Status::Compensated);
    }
}

fn found(steps: &str) -> Vec<(String, String)> {
    let text = format!("{{baton: saga/1, name: it, correlate: =event.payload.id, start: Begun, steps: [{steps}]}}");
    let diagnostics = definition::check(&text).diagnostics;
    diagnostics.into_iter().filter(Diagnostic::is_error).map(|it| (it.code, it.pointer)).collect()
}

#[test]
fn what_is_wrong_is_told_at_its_place_in_the_saga() {
    let fine = "{name: a, send: A, to: x, done: B, timeout: {after: PT1M, then: wait}}";
    assert_eq!(found(fine), []);
    for (steps, code, pointer) in [
        ("{name: a, to: x, done: B}", "missing-field", "/steps/0/send"),
        ("{name: a, send: A, to: x}", "missing-field", "/steps/0/done"),
        ("{name: a, send: A, to: x, done: [B, B2], failed: [C, B2]}", "ambiguous-event", "/steps/0/failed/1"),
        ("{name: a, send: A, to: x, done: B, undone: C}", "unknown-field", "/steps/0/undone"),
        ("{name: a, send: A, to: x, done: B, timeout: {after: PT1M}}", "timeout", "/steps/0/timeout/then"),
        (
            "{name: a, send: A, to: x, done: B, timeout: {after: soon, then: wait}}",
            "duration",
            "/steps/0/timeout/after",
        ),
        ("{name: a, send: A, to: x, done: B, undo: {send: U}}", "missing-field", "/steps/0/undo/done"),
        ("{name: a, send: A, to: x, done: B, set: {v: =event.}}", "expression", "/steps/0/set/v"),
        ("{name: a, send: A, to: x, done: [B, C], payload: {p: =form.x}}", "unknown-variable", "/steps/0/payload/p"),
        ("{name: a, send: A, to: x, done: B, when: =nobody.knows}", "unknown-variable", "/steps/0/when"),
        ("{name: completed, send: A, to: x, done: B}", "reserved", "/steps/0/name"),
        ("{name: Not Kebab, send: A, to: x, done: B}", "name", "/steps/0/name"),
    ] {
        let all = found(steps);
        assert!(all.contains(&(code.to_owned(), pointer.to_owned())), "{steps}: {all:?}");
    }
    let twice = format!("{fine}, {fine}");
    assert_eq!(found(&twice), [("duplicate-name".to_owned(), "/steps/1/name".to_owned())]);
}

#[test]
fn a_saga_of_one_aggregate_type_is_warned_of() {
    let steps = "{name: a, send: A, to: x, done: B}, {name: b, send: C, to: x, done: D}";
    let text = format!("{{baton: saga/1, name: it, correlate: =event.payload.id, start: Begun, steps: [{steps}]}}");
    let warnings = definition::parse(&text).unwrap().warnings;
    assert!(warnings.iter().any(|it| it.code == "one-aggregate" && it.pointer == "/steps"), "{warnings:?}");
}

#[test]
fn a_saga_reacts_or_has_steps() {
    let text = "{baton: saga/1, name: it, on: {A: {send: B, to: c}}, correlate: =event.id, start: A, steps: [{name: a, send: A, to: x, done: B}]}";
    let diagnostics = definition::check(text).diagnostics;
    assert!(diagnostics.iter().any(|it| it.code == "both-kinds" && it.pointer == "/on"), "{diagnostics:?}");
}
