//! What processes do, input by input.

use serde_json::json;

use super::simulation::{Simulation, code, instance, names, now, process, trip_booking, trip_input};
use crate::{
    ids::TaskId,
    message::{Message, MessageKind},
    process::{Event, Input, OfferedOutcome, Place, Status, wait_values},
};

fn quotes() -> serde_json::Value {
    json!({"quotes": [
        {"code": "KE905", "carrier": "Korean Air", "price": 910, "departs": "2026-12-01T10:00:00Z"},
        {"code": "LH713", "carrier": "Lufthansa", "price": 640, "departs": "2026-12-01T12:00:00Z"},
    ]})
}

/// The trip, up to the employee's approval.
fn quoted() -> Simulation {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    trip.answer("QuotesReceived", quotes());
    trip
}

#[test]
fn a_trip_takes_the_cheapest_route_and_is_booked() {
    let mut trip = quoted();
    trip.complete("approve", json!(null)).unwrap();
    trip.answer("FlightBooked", json!({"pnr": "X7K2PQ"}));
    trip.answer("HotelBooked", json!({"hotel": "Grand Central", "confirmation": "H1"}));
    insta::assert_snapshot!(trip.trace());
    assert_eq!(trip.state().vars["route"]["code"], "LH713");
    assert_eq!(trip.state().vars["confirmation"], "H1");
    assert!(trip.timers.is_empty() && trip.open_tasks.is_empty());
    let sent: Vec<_> = trip.sent.iter().map(|it| (it.message_type.as_str(), it.payload.clone())).collect();
    insta::assert_json_snapshot!(sent);
}

#[test]
fn another_route_goes_to_the_manager() {
    let mut trip = quoted();
    trip.complete("other-route", json!({"code": "XX1"})).unwrap();
    assert_eq!(trip.at(), ["employee"]);
    trip.complete("other-route", json!({"code": "KE905", "why": "miles"})).unwrap();
    assert_eq!(trip.at(), ["manager"]);
    trip.complete("reject", json!({"reason": "too dear"})).unwrap();
    assert_eq!(trip.at(), ["employee"]);
    assert_eq!(trip.state().vars["route"]["code"], "LH713");
    trip.complete("other-route", json!({"code": "KE905"})).unwrap();
    trip.complete("approve", json!({})).unwrap();
    assert_eq!(trip.sent.last().unwrap().payload["code"], "KE905");
    insta::assert_snapshot!(trip.trace());
}

#[test]
fn no_hotel_cancels_the_flight() {
    let mut trip = quoted();
    trip.complete("approve", json!(null)).unwrap();
    trip.answer("FlightBooked", json!({"pnr": "X7K2PQ"}));
    trip.answer("NoHotelFree", json!({}));
    assert_eq!(trip.sent.last().unwrap().message_type, "CancelFlight");
    assert_eq!(trip.sent.last().unwrap().payload["pnr"], "X7K2PQ");
    trip.answer("FlightCancelled", json!({}));
    insta::assert_snapshot!(trip.trace());
    assert_eq!(trip.status(), Status::Failed);
}

#[test]
fn a_cancellation_that_is_not_answered_goes_to_a_person() {
    let mut trip = quoted();
    trip.complete("approve", json!(null)).unwrap();
    trip.time_passes();
    assert_eq!(trip.at(), ["cancel-flight"]);
    trip.time_passes();
    assert_eq!(trip.at(), ["cancel-by-hand"]);
    trip.complete("done", json!(null)).unwrap();
    assert_eq!(trip.state().ended.as_ref().unwrap().reason.as_deref(), Some("The airline did not answer."));
}

#[test]
fn commands_are_messages_that_lead_back() {
    let trip = quoted();
    let command = &trip.sent[0];
    assert_eq!(command.kind, MessageKind::Command);
    assert_eq!(command.source, "process/trip-booking");
    assert_eq!(
        (command.key.aggregate_type.as_str(), command.key.aggregate_id.clone()),
        ("flights", instance().to_string())
    );
    assert_eq!(command.correlation_id, Some(instance().to_string()));
    assert_eq!(command.created_at, now());
    assert_eq!(instance().number_of(command.id.0), Some(1));
}

#[test]
fn a_command_names_the_event_that_led_to_it() {
    let mut trip = quoted();
    trip.complete("approve", json!(null)).unwrap();
    let mut reply = trip.reply("FlightBooked", json!({"pnr": "P"}));
    reply.headers.insert("traceparent".into(), "00-1-2-01".into());
    reply.headers.insert("other".into(), "x".into());
    trip.receive(&reply).unwrap();
    let command = trip.sent.last().unwrap();
    assert_eq!(command.causation_id, Some(reply.id.to_string()));
    assert_eq!(command.headers.len(), 1);
    assert_eq!(command.headers["traceparent"], "00-1-2-01");
}

#[test]
fn a_start_that_breaks_the_schema_is_rejected_with_its_place() {
    let mut trip = Simulation::new(trip_booking());
    let mut input = trip_input();
    input["depart"] = json!("soon");
    let rejection = trip.start(input).unwrap_err();
    assert_eq!((rejection.code, rejection.pointer.as_str()), ("invalid-input", "/input/depart"));
    let rejection = trip.start(json!({"colour": 1})).unwrap_err();
    assert!(rejection.message.contains("employee") && rejection.message.contains("colour"), "{rejection}");
    assert!(trip.state.is_none());
    let mut input = trip_input();
    input["from"] = json!("a\0b");
    assert_eq!(trip.start(input).unwrap_err().pointer, "/input/from");
}

#[test]
fn defaults_of_the_input_are_filled_in() {
    let trip = quoted();
    assert_eq!(trip.state().input["hotels"][0], "Grand Central");
}

#[test]
fn what_has_not_begun_takes_nothing_and_nothing_begins_twice() {
    let mut trip = Simulation::new(trip_booking());
    assert_eq!(code(trip.operate("cancel")), "not-started");
    trip.start(trip_input()).unwrap();
    assert_eq!(code(trip.start(trip_input())), "already-started");
}

#[test]
fn a_repeated_reply_changes_nothing() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    let reply = trip.reply("QuotesReceived", quotes());
    assert!(!trip.receive(&reply).unwrap().is_empty());
    assert_eq!(trip.receive(&reply).unwrap(), []);
}

#[test]
fn a_reply_to_a_command_that_was_given_up_is_late() {
    let mut trip = quoted();
    trip.complete("approve", json!(null)).unwrap();
    let late = trip.reply("FlightBooked", json!({"pnr": "P"}));
    trip.time_passes();
    let before = trip.status();
    assert_eq!(names(&trip.receive(&late).unwrap()), ["message_late"]);
    assert_eq!(trip.receive(&late).unwrap(), []);
    assert_eq!((trip.status(), trip.at()), (before, vec!["cancel-flight"]));
}

#[test]
fn a_reply_for_an_ended_instance_is_recorded_and_changes_nothing() {
    let mut trip = quoted();
    let reply = trip.reply("QuotesReceived", quotes());
    trip.complete("give-up", json!(null)).unwrap();
    assert_eq!(trip.status(), Status::Failed);
    assert_eq!(names(&trip.receive(&reply).unwrap()), ["message_late"]);
    assert_eq!(trip.status(), Status::Failed);
    assert_eq!(trip.receive(&reply).unwrap(), []);
    for operation in ["suspend", "resume", "cancel", "retry"] {
        assert_eq!(code(trip.operate(operation)), "instance-ended");
    }
}

#[test]
fn strangers_commands_and_unknown_events_are_ignored() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    let stranger = trip.event("QuotesReceived", quotes());
    let unknown = trip.correlated("SomethingElse", json!({}));
    let own_command = trip.sent[0].clone();
    let mut other_instance = trip.event("QuotesReceived", quotes());
    other_instance.causation_id = Some("0193ffff-0000-7000-8000-000000000001".into());
    for message in [stranger, unknown, own_command, other_instance] {
        assert_eq!(trip.receive(&message).unwrap(), [], "{}", message.message_type);
    }
}

#[test]
fn the_correlation_alone_is_enough_for_a_reply() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    let reply = trip.correlated("QuotesReceived", quotes());
    assert_eq!(names(&trip.receive(&reply).unwrap())[0], "message_received");
}

#[test]
fn a_task_is_completed_once_only() {
    let mut trip = quoted();
    let task = trip.open_tasks[0];
    let complete = |trip: &mut Simulation, task| {
        trip.put(Input::CompleteTask { task, outcome: "approve".into(), data: json!(null), by: "kim".into() })
    };
    complete(&mut trip, task).unwrap();
    assert_eq!(code(complete(&mut trip, task)), "task-closed");
    assert_eq!(code(complete(&mut trip, TaskId(instance().child(999)))), "unknown-task");
    assert_eq!(code(complete(&mut trip, TaskId(uuid::Uuid::nil()))), "unknown-task");
}

#[test]
fn an_approval_after_cancellation_is_rejected() {
    let mut trip = quoted();
    let task = trip.open_tasks[0];
    trip.operate("cancel").unwrap();
    assert!(trip.open_tasks.is_empty() && trip.timers.is_empty());
    let outcome =
        trip.put(Input::CompleteTask { task, outcome: "approve".into(), data: json!(null), by: "kim".into() });
    let rejection = outcome.unwrap_err();
    assert_eq!(rejection.code, "task-closed");
    assert!(rejection.message.contains("cancelled"), "{rejection}");
    assert_eq!(trip.status(), Status::Cancelled);
}

#[test]
fn what_a_form_does_not_allow_is_rejected_with_its_place() {
    let mut trip = quoted();
    let rejected = |trip: &mut Simulation, outcome: &str, data| {
        let rejection = trip.complete(outcome, data).unwrap_err();
        (rejection.code, rejection.pointer)
    };
    assert_eq!(rejected(&mut trip, "explode", json!({})), ("unknown-outcome", "/outcome".into()));
    assert_eq!(rejected(&mut trip, "other-route", json!({"code": 7})), ("invalid-form", "/data/code".into()));
    assert_eq!(rejected(&mut trip, "other-route", json!(null)), ("invalid-form", "/data/code".into()));
    assert_eq!(rejected(&mut trip, "approve", json!({"x": 1})), ("invalid-form", "/data".into()));
    assert_eq!(rejected(&mut trip, "other-route", json!({"code": "a\0"})), ("invalid-form", "/data/code".into()));
    assert_eq!(trip.at(), ["employee"]);
}

#[test]
fn a_timer_that_fires_after_its_node_was_left_is_ignored() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    let timer = *trip.timers.keys().next().unwrap();
    trip.answer("QuotesReceived", quotes());
    assert_eq!(trip.put(Input::TimerFired { timer }).unwrap(), []);
}

#[test]
fn suspending_holds_what_comes_until_it_is_resumed() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    trip.operate("suspend").unwrap();
    assert_eq!(trip.status(), Status::Suspended);
    assert_eq!(code(trip.operate("suspend")), "already-suspended");
    assert_eq!(code(trip.operate("retry")), "suspended");
    let reply = trip.reply("QuotesReceived", quotes());
    assert_eq!(names(&trip.receive(&reply).unwrap()), ["held"]);
    assert_eq!(trip.receive(&reply).unwrap(), []);
    assert_eq!(names(&trip.time_passes()), ["held"]);
    // The reply came first, so the timer that fired afterwards finds its node left.
    let events = trip.operate("resume").unwrap();
    assert_eq!(names(&events)[..2], ["resumed", "message_received"]);
    assert_eq!(trip.at(), ["employee"]);
    assert_eq!(code(trip.operate("resume")), "not-suspended");
    trip.operate("suspend").unwrap();
    assert_eq!(code(trip.complete("approve", json!(null))), "suspended");
    trip.operate("resume").unwrap();
    trip.complete("approve", json!(null)).unwrap();
}

#[test]
fn a_timer_that_fired_while_suspended_takes_effect_on_resuming() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    trip.operate("suspend").unwrap();
    trip.time_passes();
    trip.operate("resume").unwrap();
    assert_eq!(trip.state().ended.as_ref().unwrap().node.as_deref(), Some("no-flight"));
}

#[test]
fn an_expression_that_fails_makes_an_incident_that_can_be_retried() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    trip.answer("QuotesReceived", json!({"quotes": [{"code": "A"}]}));
    assert_eq!((trip.status(), trip.at()), (Status::Stuck, vec!["cheapest"]));
    let incident = trip.state().incident().unwrap();
    assert!(incident.reason.contains("no field `price`"), "{}", incident.reason);
    assert!(incident.excerpt.contains("quotes"), "{}", incident.excerpt);
    let events = trip.operate("retry").unwrap();
    assert_eq!(names(&events), ["retried", "incident_raised"]);
    assert_eq!(trip.status(), Status::Stuck);
    trip.operate("cancel").unwrap();
    assert_eq!(trip.status(), Status::Cancelled);
}

#[test]
fn a_retry_after_a_failed_reply_sends_no_command_again() {
    let mut trip = quoted();
    trip.complete("approve", json!(null)).unwrap();
    let sent = trip.sent.len();
    trip.answer("FlightBooked", json!({"nothing": 1}));
    assert_eq!((trip.status(), trip.at()), (Status::Stuck, vec!["book-flight"]));
    assert!(trip.timers.is_empty());
    trip.operate("retry").unwrap();
    assert_eq!((trip.status(), trip.sent.len()), (Status::Stuck, sent));
}

#[test]
fn a_retry_without_an_incident_is_rejected() {
    assert_eq!(code(quoted().operate("retry")), "no-incident");
}

const WAITING: &str = r#"
baton: process/1
name: waiting
nodes:
  start: {kind: start, next: ask}
  ask: {kind: command, send: Ask, to: oracle, on: {Answered: {set: {answer: =event.payload.value}, next: pause}, timeout: {after: PT1M, next: ask}}}
  pause: {kind: timer, for: PT1H, next: sign}
  sign: {kind: wait, on: {Signed: {set: {by: =event.payload.by}, next: done}, timeout: {after: P1D, next: gone}}}
  done: {kind: end}
  gone: {kind: end, outcome: failed, reason: ='nobody signed ' + vars.answer}
"#;

#[test]
fn an_event_that_comes_early_is_kept_for_the_node_that_waits_for_it() {
    let mut it = Simulation::started(process(WAITING), json!({}));
    let signed = it.correlated("Signed", json!({"by": "kim"}));
    assert_eq!(names(&it.receive(&signed).unwrap()), ["message_buffered"]);
    assert_eq!(it.receive(&signed).unwrap(), []);
    it.answer("Answered", json!({"value": "yes"}));
    assert_eq!((it.status(), it.at()), (Status::Waiting, vec!["pause"]));
    let events = it.time_passes();
    assert!(matches!(events[2], Event::MessageReceived { early: true, .. }), "{events:?}");
    assert_eq!(it.status(), Status::Completed);
    assert_eq!(it.state().vars["by"], "kim");
    assert!(it.timers.is_empty());
}

#[test]
fn a_late_reply_is_not_taken_for_the_reply_to_a_later_command() {
    let mut it = Simulation::started(process(WAITING), json!({}));
    let late = it.reply("Answered", json!({"value": "old"}));
    it.time_passes();
    assert_eq!(it.sent.len(), 2);
    assert_ne!(it.sent[0].id, it.sent[1].id);
    assert_eq!(names(&it.receive(&late).unwrap()), ["message_late"]);
    it.answer("Answered", json!({"value": "new"}));
    assert_eq!(it.state().vars["answer"], "new");
}

#[test]
fn a_full_buffer_refuses_visibly() {
    let mut it = Simulation::started(process(WAITING), json!({}));
    for _ in 0..super::super::KEPT_MAX {
        let signed = it.correlated("Signed", json!({"by": "kim"}));
        it.receive(&signed).unwrap();
    }
    let signed = it.correlated("Signed", json!({"by": "kim"}));
    assert_eq!(code(it.receive(&signed)), "buffer-full");
}

#[test]
fn an_instance_that_nobody_signs_fails_with_a_computed_reason() {
    let mut it = Simulation::started(process(WAITING), json!({}));
    it.answer("Answered", json!({"value": "yes"}));
    it.time_passes();
    assert_eq!(it.at(), ["sign"]);
    it.time_passes();
    assert_eq!(it.state().ended.as_ref().unwrap().reason.as_deref(), Some("nobody signed yes"));
}

const MATCHING: &str = r#"
baton: process/1
name: matching
input: {type: object, required: [booking]}
nodes:
  start: {kind: start, next: ask}
  ask:
    kind: command
    send: Confirm
    to: desk
    key: =input.booking
    match: {event: =event.payload.booking, with: =input.booking}
    on: {Confirmed: {next: done}, timeout: {after: PT1M, next: done}}
  done: {kind: end}
"#;

#[test]
fn participants_that_know_no_ids_are_matched_by_value() {
    let mut it = Simulation::started(process(MATCHING), json!({"booking": 77}));
    assert_eq!(it.waits, [(1, "Confirmed".to_owned(), "77".to_owned())]);
    assert_eq!(it.sent[0].key.aggregate_id, "77");
    let other = it.event("Confirmed", json!({"booking": 78}));
    assert_eq!(it.receive(&other).unwrap(), []);
    let event = it.event("Confirmed", json!({"booking": 77}));
    assert_eq!(wait_values(&it.definition, &event), ["77"]);
    it.receive(&event).unwrap();
    assert_eq!((it.status(), it.waits.len()), (Status::Completed, 0));
    let useless = Message { payload: json!(7), ..event };
    assert_eq!(wait_values(&it.definition, &useless), [""; 0]);
}

#[test]
fn what_was_kept_for_a_value_is_taken_as_early() {
    let wait =
        MATCHING.replace("kind: command\n    send: Confirm\n    to: desk\n    key: =input.booking", "kind: wait");
    let mut it = Simulation::started(process(&wait), json!({"booking": 77}));
    let early = |message| Input::Early { message: Box::new(message) };
    let other = it.event("Confirmed", json!({"booking": 78}));
    assert_eq!(it.put(early(other)).unwrap(), [], "it is not about this one");
    let event = it.event("Confirmed", json!({"booking": 77}));
    let events = it.put(early(event.clone())).unwrap();
    assert!(matches!(&events[0], Event::MessageReceived { early: true, .. }), "{events:?}");
    assert_eq!((it.status(), it.waits.len()), (Status::Completed, 0));
    assert_eq!(it.put(early(event)).unwrap(), [], "it knows it");
}

const MOMENTS: &str = r#"
baton: process/1
name: moments
nodes:
  start: {kind: start, next: first}
  first: {kind: timer, until: ='2026-12-01', next: second}
  second: {kind: timer, for: "=duration('90s')", next: third}
  third: {kind: timer, for: =input.wait, next: done}
  done: {kind: end}
"#;

#[test]
fn timers_are_due_when_they_say() {
    let mut it = Simulation::started(process(MOMENTS), json!({"wait": "PT2H"}));
    let due = |it: &Simulation| it.timers.values().next().unwrap().to_rfc3339();
    assert_eq!(due(&it), "2026-12-01T00:00:00+00:00");
    it.time_passes();
    assert_eq!(due(&it), "2026-12-01T00:01:30.001+00:00");
    it.time_passes();
    assert_eq!(due(&it), "2026-12-01T02:01:30.002+00:00");
    it.time_passes();
    assert_eq!(it.status(), Status::Completed);
    let it = Simulation::started(process(MOMENTS), json!({"wait": 5}));
    let mut it = it;
    it.time_passes();
    it.time_passes();
    assert_eq!(it.status(), Status::Stuck);
    assert!(it.state().incident().unwrap().reason.contains("duration such as"));
}

#[test]
fn an_approval_can_time_out_and_its_task_is_withdrawn() {
    let mut it = Simulation::started(
        process(
            "{baton: process/1, name: asking, nodes: {start: {kind: start, next: ask}, ask: {kind: approval, title: Really?, \
             group: clerks, due: PT1H, timeout: {after: PT2H, set: {late: true}, next: done}, outcomes: {yes: {next: done}}}, \
             done: {kind: end}}}",
        ),
        json!({}),
    );
    let Place::Approval { task, .. } = it.state().tokens[0].place.clone() else { panic!("no approval") };
    it.time_passes();
    assert!(it.open_tasks.is_empty());
    assert_eq!(it.state().vars["late"], true);
    let outcome = it.put(Input::CompleteTask { task, outcome: "yes".into(), data: json!(null), by: "kim".into() });
    assert_eq!(code(outcome), "task-closed");
}

#[test]
fn a_task_offers_outcomes_with_their_titles_and_those_stored_as_pairs_are_still_read() {
    let it = Simulation::started(
        process(
            "{baton: process/1, name: asking, nodes: {start: {kind: start, next: ask}, ask: {kind: approval, title: Really?, \
             group: clerks, outcomes: {no: {next: done}, yes: {title: Go ahead, form: {type: object}, next: done}}}, \
             done: {kind: end}}}",
        ),
        json!({}),
    );
    let Some(Event::TaskOpened { task, .. }) = it.history.last() else { panic!("no task: {:?}", it.history) };
    let outcome = |name: &str, form: Option<serde_json::Value>, title: Option<&str>| OfferedOutcome {
        name: name.to_owned(),
        form,
        title: title.map(str::to_owned),
    };
    let form = json!({"type": "object"});
    assert_eq!(task.outcomes, [outcome("no", None, None), outcome("yes", Some(form.clone()), Some("Go ahead"))]);

    let mut stored = serde_json::to_value(it.history.last()).unwrap();
    stored["task"]["outcomes"] = json!([["no", null], ["yes", {"type": "object"}]]);
    let Event::TaskOpened { task, .. } = serde_json::from_value(stored).unwrap() else { panic!("another event") };
    assert_eq!(task.outcomes, [outcome("no", None, None), outcome("yes", Some(form), None)]);
}

#[test]
fn what_runs_too_long_is_stopped_as_an_incident() {
    let mut it = Simulation::new(process(
        "{baton: process/1, name: heavy, nodes: {start: {kind: start, next: work}, work: {kind: compute, \
         set: {x: '=input.list.map(a, input.list.map(b, input.list.map(c, a + b + c))).size()'}, next: done}, done: {kind: end}}}",
    ));
    it.start(json!({"list": (0..3_000).collect::<Vec<_>>()})).unwrap();
    assert_eq!(it.status(), Status::Stuck);
    assert!(it.state().incident().unwrap().reason.contains("takes too long"));
}

#[test]
fn variables_cannot_grow_without_end() {
    let mut it = Simulation::started(
        process(
            "{baton: process/1, name: hoarder, nodes: {start: {kind: start, next: ask}, ask: {kind: command, send: Ask, to: a, \
             on: {More: {set: {a: =event.payload, b: =event.payload, c: =event.payload, d: =event.payload, e: =event.payload}, \
             next: ask}, Enough: {next: done}}}, done: {kind: end}}}",
        ),
        json!({}),
    );
    it.answer("More", json!("x".repeat(250_000)));
    assert_eq!(it.status(), Status::Stuck);
    assert!(it.state().incident().unwrap().reason.contains("variables would have"), "{:?}", it.state().incident());
}
