//! What holds whatever happens.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::simulation::{Simulation, instance, trip_booking, trip_input};
use crate::{
    ids::{TaskId, TimerId},
    message::Message,
    process::{Context, Event, Input, State, Status, decide, evolve},
    strategies::any_json,
};

/// Something that the world does to a trip.
#[derive(Debug, Clone)]
enum Act {
    /// A participant answers command number n (counted backwards from the last), perhaps again.
    Answer {
        back: usize,
        choice: usize,
        by_correlation: bool,
    },
    /// The message that was received nth last comes again.
    Repeat {
        back: usize,
    },
    /// A timer fires, perhaps one that was cancelled long ago.
    Fire {
        number: usize,
    },
    /// A task is completed, perhaps one that is closed.
    Complete {
        number: usize,
        outcome: usize,
        good: bool,
    },
    Operate(&'static str),
    Garbage(Value),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0usize..4, 0usize..3, any::<bool>())
            .prop_map(|(back, choice, by_correlation)| Act::Answer { back, choice, by_correlation }),
        2 => (0usize..4).prop_map(|back| Act::Repeat { back }),
        2 => (0usize..12).prop_map(|number| Act::Fire { number }),
        5 => (0usize..12, 0usize..4, any::<bool>()).prop_map(|(number, outcome, good)| Act::Complete { number, outcome, good }),
        1 => prop::sample::select(vec!["suspend", "resume", "retry"]).prop_map(Act::Operate),
        1 => Just(Act::Operate("resume")),
        1 => any_json().prop_map(Act::Garbage),
    ]
}

/// Every timer and task that there ever was, and the messages that came.
#[derive(Default)]
struct Seen {
    timers: Vec<TimerId>,
    tasks: Vec<TaskId>,
    messages: Vec<Message>,
}

fn answer_to(trip: &mut Simulation, command: &Message, choice: usize, by_correlation: bool) -> Message {
    let answers: &[(&str, Value)] = match command.message_type.as_str() {
        "RequestQuotes" => &[
            (
                "QuotesReceived",
                json!({"quotes": [{"code": "A1", "carrier": "a", "price": 3}, {"code": "B2", "carrier": "b", "price": 2}]}),
            ),
            ("NoFlights", json!({})),
            ("QuotesReceived", json!({"quotes": [{"code": "A1"}]})),
        ],
        "BookFlight" => {
            &[("FlightBooked", json!({"pnr": "P"})), ("FlightRefused", json!({})), ("FlightBooked", json!({}))]
        }
        "BookHotel" => &[
            ("HotelBooked", json!({"hotel": "h", "confirmation": "c"})),
            ("NoHotelFree", json!({})),
            ("HotelBooked", json!(1)),
        ],
        _ => &[("FlightCancelled", json!({})), ("FlightCancelled", json!(null)), ("Unknown", json!({}))],
    };
    let (event_type, payload) = answers[choice % answers.len()].clone();
    let mut reply = trip.correlated(event_type, payload);
    if !by_correlation {
        reply.causation_id = Some(command.id.to_string());
    }
    reply
}

fn act(trip: &mut Simulation, seen: &mut Seen, act: &Act) {
    let nth = |count: usize, number: usize| (count > 0).then(|| number % count);
    // Rejections are fine; they change nothing, which the caller checks.
    let _ = match act {
        Act::Answer { back, choice, by_correlation } => {
            let Some(position) = nth(trip.sent.len(), *back) else { return };
            let command = trip.sent[trip.sent.len() - 1 - position].clone();
            let reply = answer_to(trip, &command, *choice, *by_correlation);
            seen.messages.push(reply.clone());
            trip.receive(&reply)
        }
        Act::Repeat { back } => {
            let Some(position) = nth(seen.messages.len(), *back) else { return };
            let message = seen.messages[seen.messages.len() - 1 - position].clone();
            trip.receive(&message)
        }
        Act::Fire { number } => {
            let Some(position) = nth(seen.timers.len(), *number) else { return };
            trip.put(Input::TimerFired { timer: seen.timers[position] })
        }
        Act::Complete { number, outcome, good } => {
            let Some(position) = nth(seen.tasks.len(), *number) else { return };
            let outcome = ["approve", "other-route", "reject", "done"][*outcome];
            let data = match (outcome, good) {
                ("other-route", true) => json!({"code": "A1"}),
                (_, true) => json!({}),
                (_, false) => json!({"code": "nowhere"}),
            };
            trip.put(Input::CompleteTask {
                task: seen.tasks[position],
                outcome: outcome.into(),
                data,
                by: "kim".into(),
            })
        }
        Act::Operate(operation) => trip.operate(operation),
        Act::Garbage(payload) => {
            let message = trip.correlated("QuotesReceived", payload.clone());
            trip.receive(&message)
        }
    };
    for timer in trip.timers.keys() {
        if !seen.timers.contains(timer) {
            seen.timers.push(*timer);
        }
    }
    for task in &trip.open_tasks {
        if !seen.tasks.contains(task) {
            seen.tasks.push(*task);
        }
    }
}

fn replay(history: &[Event]) -> State {
    history.iter().fold(None, |state, event| Some(evolve(state, event))).expect("a history has events")
}

/// Everything that always holds of an instance and of what the runtime keeps beside it.
pub fn check_invariants(trip: &Simulation) -> Result<(), TestCaseError> {
    let state = trip.state();
    prop_assert!(!state.is_orphan(), "{}", trip.trace());
    prop_assert_eq!(state, &replay(&trip.history));
    let open_timers: BTreeSet<TimerId> = state.open_timers().collect();
    for timer in trip.timers.keys() {
        prop_assert!(open_timers.contains(timer), "a timer is set that nobody waits for\n{}", trip.trace());
    }
    let open_tasks: Vec<TaskId> = state.tokens.iter().filter_map(|token| token.task()).collect();
    prop_assert_eq!(&open_tasks, &trip.open_tasks);
    let ids: BTreeSet<_> = trip.sent.iter().map(|command| command.id).collect();
    prop_assert_eq!(ids.len(), trip.sent.len(), "a command id was used twice");
    if state.ended.is_some() {
        prop_assert!(trip.timers.is_empty() && trip.open_tasks.is_empty() && state.tokens.is_empty());
    }
    let stored = serde_json::to_value(state).unwrap();
    prop_assert_eq!(&stored["v"], &json!(1));
    prop_assert_eq!(&serde_json::from_value::<State>(stored).unwrap(), state);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_order_repetition_loss_and_delay_leaves_a_sound_instance(
        acts in prop::collection::vec(any_act(), 1..40),
        cancelled_at in prop::option::weighted(0.2, 0usize..40),
    ) {
        let mut trip = Simulation::started(trip_booking(), trip_input());
        let mut seen = Seen { timers: trip.timers.keys().copied().collect(), ..Seen::default() };
        for (index, next) in acts.iter().enumerate() {
            let before = trip.state().clone();
            let events = trip.history.len();
            if cancelled_at == Some(index) {
                let _ = trip.operate("cancel");
            }
            act(&mut trip, &mut seen, next);
            if trip.history.len() == events {
                prop_assert_eq!(trip.state(), &before);
            }
            if before.status().is_terminal() {
                prop_assert_eq!(trip.state().status(), before.status());
                prop_assert_eq!(&trip.state().ended, &before.ended);
                prop_assert_eq!(&trip.state().vars, &before.vars);
            }
            check_invariants(&trip)?;
        }
    }

    #[test]
    fn a_trip_that_gets_its_answers_ends(choices in prop::collection::vec((0usize..3, 0usize..4), 60)) {
        let mut trip = Simulation::started(trip_booking(), trip_input());
        for (answer, outcome) in choices {
            if trip.state().ended.is_some() {
                break;
            }
            match trip.status() {
                Status::Running => {
                    let command = trip.sent.last().unwrap().clone();
                    // Only answers of a form that the process understands, so nothing gets stuck.
                    let reply = answer_to(&mut trip, &command, answer % 2, false);
                    trip.receive(&reply).unwrap();
                }
                Status::Waiting => {
                    let outcome = ["approve", "other-route", "reject", "done"][outcome];
                    let data = if outcome == "other-route" { json!({"code": "A1"}) } else { json!({}) };
                    let _ = trip.complete(outcome, data);
                }
                other => prop_assert!(false, "{other:?}\n{}", trip.trace()),
            }
            check_invariants(&trip)?;
        }
        // Sixty choices of which a quarter approve leave hardly any trip alive; one that is must still wait for somebody.
        prop_assert!(trip.state().ended.is_some() || !trip.state().is_orphan());
    }

    #[test]
    fn histories_survive_storage(acts in prop::collection::vec(any_act(), 1..20)) {
        let mut trip = Simulation::started(trip_booking(), trip_input());
        let mut seen = Seen::default();
        for next in &acts {
            act(&mut trip, &mut seen, next);
        }
        for event in &trip.history {
            let stored = serde_json::to_value(event).unwrap();
            prop_assert_eq!(&stored["v"], &json!(1));
            prop_assert_eq!(&stored["event"], &json!(event.name()));
            prop_assert_eq!(&serde_json::from_value::<Event>(stored).unwrap(), event);
        }
    }

    #[test]
    fn no_input_makes_a_start_panic(input in any_json(), key in prop::option::of(".{0,8}")) {
        let context = Context { instance: instance(), now: super::simulation::now(), recorded: 0 };
        let _ = decide(&trip_booking(), None, &Input::Start { input, business_key: key, by: "x".into(), parent: None }, &context);
    }

    #[test]
    fn no_history_makes_evolving_panic(acts in prop::collection::vec(any_act(), 1..12), order in any::<prop::sample::Index>()) {
        let mut trip = Simulation::started(trip_booking(), trip_input());
        let mut seen = Seen::default();
        for next in &acts {
            act(&mut trip, &mut seen, next);
        }
        // A history that begins in the middle, and one that is doubled.
        let middle = order.index(trip.history.len());
        let _ = replay(&trip.history[middle..]);
        let doubled: Vec<Event> = trip.history.iter().chain(&trip.history).cloned().collect();
        let ended = replay(&doubled).ended;
        if let Some(first) = &trip.state().ended {
            prop_assert_eq!(ended.as_ref(), Some(first));
        }
    }
}

#[test]
fn only_the_first_ending_of_a_history_counts() {
    let mut trip = Simulation::started(trip_booking(), trip_input());
    trip.operate("cancel").unwrap();
    let (token, node, at) = (1, "booked".to_owned(), super::simulation::now());
    let set = json!({"pnr": "x"}).as_object().unwrap().clone();
    let closed = Default::default();
    let another = Event::Ended { token, node, status: Status::Completed, set, reason: None, at, closed };
    let after = evolve(trip.state.clone(), &another);
    assert_eq!(&after, trip.state());
}

#[test]
fn stored_formats_of_another_version_are_refused() {
    let trip = Simulation::started(trip_booking(), trip_input());
    let mut state = serde_json::to_value(trip.state()).unwrap();
    state["v"] = json!(2);
    assert!(serde_json::from_value::<State>(state).unwrap_err().to_string().contains("format 2"));
    let mut event = serde_json::to_value(&trip.history[0]).unwrap();
    event["v"] = json!(2);
    assert!(serde_json::from_value::<Event>(event).unwrap_err().to_string().contains("format 2"));
}
