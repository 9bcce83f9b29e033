//! Scenarios made of histories.

use serde_json::{Value, json};

use super::{definition, moves, shipped, tried};
use crate::{
    process::{Event, Operator, advance},
    simulation::{Move, Scenario, Unrecordable, recorded, run},
};

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

/// Every text of the data of a scenario.
fn data(scenario: &Scenario) -> Vec<String> {
    let mut found = Vec::new();
    for made in scenario.moves() {
        let value = made.to_value();
        ["start", "payload", "data", "business_key"].into_iter().for_each(|field| texts(&value[field], &mut found));
    }
    found
}

#[test]
fn every_shipped_scenario_can_be_had_back_from_its_history_masked() {
    for name in ["trip-booking", "order-fulfilment"] {
        let (definition, scenarios) = shipped(name);
        for scenario in &scenarios {
            let lines: Vec<String> = scenario.moves().map(|made| made.to_value().to_string()).collect();
            let trial = tried(&definition, &lines.iter().map(String::as_str).collect::<Vec<_>>());
            let history: Vec<Event> = trial.events().cloned().collect();
            let made =
                recorded(&definition, "again", &history).unwrap_or_else(|why| panic!("{}: {why}", scenario.name));
            assert_eq!(made.kept, [], "{}: nothing has to stay", scenario.name);
            assert_eq!(made.scenario.steps.len(), scenario.steps.len());
            // It goes the same way, and says so.
            let report = run(&definition, std::slice::from_ref(&made.scenario));
            assert_eq!(report.failures().count(), 0, "{report:?}");
            assert_eq!(report.coverage, run(&definition, std::slice::from_ref(scenario)).coverage);
            let before = data(scenario);
            let leaked: Vec<String> = data(&made.scenario).into_iter().filter(|text| before.contains(text)).collect();
            assert_eq!(leaked, Vec::<String>::new(), "{}", scenario.name);
        }
    }
}

#[test]
fn how_a_called_process_ended_that_was_given_up_is_recorded() {
    let calling = definition(super::CALLING);
    let lines = [
        "{start: {}}",
        "{answer: reserve, with: Reserved}",
        "{timer: pay}",
        "{answer: pay, with: cancelled}",
        "{answer: reserve, with: Released}",
    ];
    let history: Vec<Event> = tried(&calling, &lines).events().cloned().collect();
    let made = recorded(&calling, "given up", &history).expect("it can be repeated").scenario;
    let again: Vec<String> = made.moves().map(Move::sentence).collect();
    assert_eq!(again, moves(&lines).iter().map(Move::sentence).collect::<Vec<_>>());
    assert_eq!(run(&calling, &[made]).failures().count(), 0);
}

const LOANS: &str = "
baton: process/1
name: loans
input: {type: object, required: [grade, sum, who], properties: {grade: {enum: [a, b]}, sum: {type: number}, who: {type: string}}}
nodes:
  start: {kind: start, next: look}
  look:
    kind: decide
    cases: [{when: =input.grade == 'b', next: no}, {when: =input.sum > 1000.0, next: ask}]
    default: {next: yes}
  ask: {kind: approval, title: =input.who, assignee: boss, outcomes: {fine: {next: 'yes'}}}
  'yes': {kind: end}
  'no': {kind: end, outcome: failed}
";

#[test]
fn what_the_way_depends_on_stays_and_is_named() {
    let loans = definition(LOANS);
    let trial = tried(
        &loans,
        &["{start: {grade: a, sum: 2500.0, who: Kim Mina}, business_key: l-77}", "{choose: fine, at: ask}"],
    );
    let history: Vec<Event> = trial.events().cloned().collect();
    let made = recorded(&loans, "a loan", &history).expect("it can be repeated");
    let kept: Vec<(usize, &str)> = made.kept.iter().map(|it| (it.step, it.pointer.as_str())).collect();
    assert_eq!(kept, [(0, "/start/grade"), (0, "/start/sum")]);
    let start = made.scenario.steps[0].made.to_value();
    assert_eq!((&start["start"]["grade"], &start["start"]["sum"]), (&json!("a"), &json!(2500.0)));
    assert_ne!(start["start"]["who"], "Kim Mina");
    assert_ne!(start["business_key"], "l-77");
    assert_eq!(run(&loans, &[made.scenario]).failures().count(), 0);
}

#[test]
fn the_same_values_stay_the_same_and_the_order_of_numbers_and_dates_stays() {
    let (trip, _) = shipped("trip-booking");
    let trial = tried(
        &trip,
        &[
            "{start: {employee: kim@firm.example, manager: lee, from: ICN, to: FRA, depart: '2026-12-01', return: '2026-12-04'}}",
            "{answer: quotes, with: QuotesReceived, payload: {quotes: [{code: B2, carrier: x, price: 30}, {code: A1, carrier: y, price: 20}]}}",
            "{choose: other-route, at: employee, data: {code: B2}}",
        ],
    );
    let history: Vec<Event> = trial.events().cloned().collect();
    let made = recorded(&trip, "t", &history).expect("it can be repeated");
    let steps: Vec<Value> = made.scenario.moves().map(|made| made.to_value()).collect();
    assert_eq!(steps[0]["start"]["depart"], "2026-01-01");
    assert_eq!(steps[0]["start"]["return"], "2026-01-02");
    assert!(steps[0]["start"]["employee"].as_str().is_some_and(|it| it.ends_with("@example.com")));
    let quotes = &steps[1]["payload"]["quotes"];
    assert_eq!((&quotes[0]["price"], &quotes[1]["price"]), (&json!(2), &json!(1)));
    assert_eq!(quotes[0]["code"], steps[2]["data"]["code"]);
}

const DOCK: &str = "
baton: process/1
name: dock
input: {type: object, required: [ship]}
nodes:
  start: {kind: start, next: arrival}
  arrival: {kind: wait, match: {event: =event.payload.ship, with: =input.ship}, on: {Arrived: {next: done}}}
  done: {kind: end}
";

#[test]
fn what_came_early_and_was_found_by_its_value_is_an_answer() {
    let dock = definition(DOCK);
    let trial = tried(&dock, &["{start: {ship: Aurora}}"]);
    let answered =
        tried(&dock, &["{start: {ship: Aurora}}", "{answer: arrival, with: Arrived, payload: {ship: Aurora}}"]);
    let message = answered.events().find_map(|event| match event {
        Event::MessageReceived { message, .. } => Some(message.clone()),
        _ => None,
    });
    let state = trial.state().expect("it was started").clone();
    let mut history: Vec<Event> = trial.events().cloned().collect();
    let context =
        crate::process::Context { instance: state.instance, now: trial.now(), recorded: history.len() as u64 };
    let input = crate::process::Input::Early { message: message.expect("it was answered") };
    let process = trial.process().expect("it is one").clone();
    history.extend(advance(&process, Some(state), &input, &context).expect("it waits").1);
    let made = recorded(&dock, "early", &history).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(made.scenario.steps.len(), 2);
    assert_eq!(run(&dock, std::slice::from_ref(&made.scenario)).failures().count(), 0);
}

#[test]
fn what_operators_did_and_what_is_none_of_this_definition_makes_no_scenario() {
    let (trip, _) = shipped("trip-booking");
    let lines = ["{start: {employee: k, manager: l, from: a, to: b, depart: '2026-12-01', return: '2026-12-04'}}"];
    let trial = tried(&trip, &lines);
    let history: Vec<Event> = trial.events().cloned().collect();
    assert_eq!(recorded(&trip, "n", &[]), Err(Unrecordable::Empty));
    let (order, _) = shipped("order-fulfilment");
    let why = recorded(&order, "n", &history).unwrap_err();
    assert!(matches!(why, Unrecordable::Differs { fact: 1, .. }), "{why}");
    // An operator cancels it.
    let state = trial.state().expect("it was started").clone();
    let context =
        crate::process::Context { instance: state.instance, now: trial.now(), recorded: history.len() as u64 };
    let operator = Operator { by: "park".to_owned(), reason: "because".to_owned(), expected: None };
    let cancel = crate::process::Input::Cancel { operator, compensate: false };
    let process = trial.process().expect("it is one").clone();
    let (_, events) = advance(&process, Some(state), &cancel, &context).expect("it is live");
    let all: Vec<Event> = history.iter().cloned().chain(events).collect();
    let why = recorded(&trip, "n", &all).unwrap_err();
    assert_eq!(why, Unrecordable::Operated { fact: history.len() + 1, what: "Cancelled by park".to_owned() });
    assert_eq!(moves(&lines).len(), 1);
}
