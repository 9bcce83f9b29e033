//! The same scenarios in the simulation and in the real engine: after each step both have to be in the same state by the
//! same history, and in the end the same commands have to have been issued.

use std::time::Instant;

use baton_app::{model::*, port::Backend as _};
use baton_domain::{
    definition::{self, Definition},
    ids::{InstanceId, MessageId, TimerId},
    message::Message,
    process::{self, Event, Input, State},
    simulation::{Move, Scenario, Trial, begins_at, input, run},
};
use baton_server::engine::Item;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::fixture::{World, actor, event, eventually};

on_both!(scenarios:
    those_of_the_trip_booking,
    those_of_the_order_fulfilment,
    those_of_the_campaign_publishing,
    those_of_a_process_with_everything_in_it,
    a_failing_one_blocks_publishing_unless_forced,
    an_ended_instance_becomes_one,
);

pub async fn those_of_the_trip_booking(world: World) {
    both(world, shipped("trip-booking")).await;
}

pub async fn those_of_the_order_fulfilment(world: World) {
    both(world, shipped("order-fulfilment")).await;
}

pub async fn those_of_the_campaign_publishing(world: World) {
    both(world, shipped("campaign-publishing")).await;
}

/// Loops, branches, events that come early, timers, questions, retries, undoing, and a failing expression.
const EVERYTHING: &str = "
baton: process/1
name: everything
nodes:
  start: {kind: start, next: each}
  each: {kind: for-each, over: =input.items, as: it, mode: parallel, limit: 2, do: pack, next: both, collect: =vars.box, into: boxes}
  pack:
    kind: command
    send: Pack
    to: store
    payload: {n: =vars.it, at: =instance.id}
    on: {Packed: {set: {box: =event.payload.box}, next: each}}
    undo: {send: Unpack, done: Unpacked}
  both: {kind: fork, branches: {left: {next: news}, right: {set: {r: 1}, next: pause}}, join: together}
  news: {kind: wait, on: {Said: {set: {said: =event.payload.text}, next: together}}}
  pause: {kind: timer, for: PT1H, next: ask}
  ask:
    kind: command
    send: Ask
    to: oracle
    undo: none
    on:
      Answered: {set: {half: =event.payload.number / 2}, next: together}
      timeout: {after: PT1M, then: ask, ask: {send: AskAgain}, next: undo}
  together: {kind: join, next: done}
  undo: {kind: compensate, next: undone}
  undone: {kind: end, outcome: compensated}
  done: {kind: end, set: {over: true}}
scenarios:
  - name: all is well, and the news come early
    steps:
      - {start: {items: [1, 2, 3]}, business_key: k-1}
      - {event: Said, payload: {text: hello}}
      - {answer: pack, with: Packed, item: 1, payload: {box: b}}
      - {answer: pack, with: Packed, item: 0, payload: {box: a}}
      - {answer: pack, with: Packed, payload: {box: c}}
      - {timer: pause}
      - {answer: ask, with: Answered, payload: {number: 42}}
    expect: {status: completed, vars: {boxes: [a, b, c], half: 21, said: hello}}
  - name: nobody answers, and all is undone
    steps:
      - {start: {items: [1, 2]}}
      - {answer: pack, with: Packed, item: 0, payload: {box: a}}
      - {answer: pack, with: Packed, payload: {box: b}}
      - {wait: PT2H, expect: {status: compensating}}
      - {answer: pack, with: Unpacked}
      - {answer: pack, with: Unpacked}
    expect: {status: compensated}
  - name: an answer that makes no sense
    steps:
      - {start: {items: []}}
      - {wait: PT1H}
      - {answer: ask, with: Answered, payload: {number: many}}
      - {answer: news, with: Said, payload: {text: hello}}
    expect: {status: stuck}
";

pub async fn those_of_a_process_with_everything_in_it(world: World) {
    both(world, EVERYTHING.to_owned()).await;
}

fn shipped(name: &str) -> String {
    definition::shipped().into_iter().find(|(shipped, _)| *shipped == name).unwrap().1.to_owned()
}

async fn both(world: World, source: String) {
    let parsed = definition::parse(&source).unwrap();
    let report = run(&parsed.definition, &parsed.scenarios);
    assert_eq!(report.failures().collect::<Vec<_>>(), Vec::<&baton_domain::diagnostic::Diagnostic>::new());
    world.publish(&source).await;
    for (number, scenario) in parsed.scenarios.iter().enumerate() {
        let started = Instant::now();
        let scenario = of_its_own(scenario, number);
        let trial = Trial::new(parsed.definition.clone(), begins_at());
        match &parsed.definition {
            Definition::Saga(saga) if saga.stateful.is_none() => reactions(&world, trial, &scenario).await,
            _ => instance(&world, trial, &scenario).await,
        }
        println!("{}: {:?}", scenario.name, started.elapsed());
    }
    world.stop().await;
}

/// The same, about an order or campaign of its own: sagas of the same order are the same saga.
fn of_its_own(scenario: &Scenario, number: usize) -> Scenario {
    let mut text = scenario.to_value().to_string();
    for key in ["o-1", "c-1", "c-2"] {
        text = text.replace(&format!("\"{key}\""), &format!("\"{key}-{number}\""));
    }
    let mut found = Vec::new();
    let scenario = Scenario::read(&serde_json::from_str(&text).unwrap(), String::new(), &mut found);
    assert_eq!(found, []);
    scenario.unwrap()
}

/// Steps in both, one after the other.
async fn instance(world: &World, mut trial: Trial, scenario: &Scenario) {
    let process = trial.process().cloned().unwrap();
    let mut real: Option<Uuid> = None;
    for (number, made) in scenario.moves().enumerate() {
        let place = format!("{}, step {}: {}", scenario.name, number + 1, made.sentence());
        let turn = trial.make(made.clone()).unwrap_or_else(|refused| panic!("{place}: {refused}")).clone();
        let before = match real {
            Some(id) => Some(state(&history(world, id).await)),
            None => None,
        };
        match input(&process, before.as_ref(), made, MessageId(Uuid::now_v7()), Utc::now()) {
            _ if matches!(made, Move::Wait { .. } | Move::Timer { .. }) => {
                let instance = before.unwrap().instance;
                for fired in &turn.fired {
                    let number = InstanceId::of_child(fired.0).number_of(fired.0).unwrap();
                    world.submit(Item::Timer(TimerId(instance.child(number)))).await;
                }
            }
            Ok(Input::Start { input, business_key, .. }) => {
                let name = process.name.clone();
                let request =
                    StartRequest { definition: name, version: None, input, business_key, idempotency_key: None };
                real = Some(world.service().start(actor(), request).await.unwrap().id);
            }
            Ok(Input::Message { message }) => {
                world.append(&[*message]).await;
                if real.is_none() {
                    let key = trial.state().unwrap().business_key.clone();
                    let query = InstanceQuery { business_key: key, ..InstanceQuery::default() };
                    let found = eventually(&place, async || {
                        world.service().instances(query.clone()).await.unwrap().items.pop()
                    });
                    real = Some(found.await.id);
                }
            }
            Ok(Input::CompleteTask { task, outcome, data, .. }) => {
                world.service().complete_task(actor(), task.0, outcome, data).await.unwrap();
            }
            other => panic!("{place}: {other:?}"),
        }
        let expected: Vec<&Event> = trial.events().collect();
        let id = real.unwrap();
        let history = eventually(&place, async || {
            let history = history(world, id).await;
            (history.len() >= expected.len()).then_some(history)
        })
        .await;
        same(&place, &trial, &history);
    }
    world.until_quiet().await;
    let history = history(world, real.unwrap()).await;
    same(&format!("{}, in the end", scenario.name), &trial, &history);
    let own = InstanceId(real.unwrap());
    let issued = eventually("the commands", async || {
        let received = world.participant.received();
        let issued: Vec<Message> = received.into_iter().filter(|it| own.number_of(it.id.0).is_some()).collect();
        (issued.len() >= trial.sent().count()).then_some(issued)
    })
    .await;
    let mut issued: Vec<(u32, Value)> = issued.iter().map(|it| numbered(own, it)).collect();
    let simulated = trial.state().unwrap().instance;
    let mut expected: Vec<(u32, Value)> = trial.sent().map(|it| numbered(simulated, it)).collect();
    issued.sort_by_key(|(number, _)| *number);
    expected.sort_by_key(|(number, _)| *number);
    assert_eq!(issued, expected, "{}: what was issued", scenario.name);
}

fn numbered(instance: InstanceId, message: &Message) -> (u32, Value) {
    let whole = json!([message.message_type, message.key.aggregate_type, message.key.aggregate_id, message.payload]);
    (instance.number_of(message.id.0).unwrap(), alike(&whole, instance))
}

async fn history(world: &World, id: Uuid) -> Vec<Event> {
    let history = world.service().history(id, 0).await.unwrap();
    history.into_iter().map(|item| serde_json::from_value(item.data).unwrap()).collect()
}

fn state(history: &[Event]) -> State {
    history.iter().fold(None, |state, event| Some(process::evolve(state, event))).unwrap()
}

#[track_caller]
fn same(place: &str, trial: &Trial, history: &[Event]) {
    let (simulated, real) = (trial.state().unwrap(), state(history));
    assert_eq!(simulated.status(), real.status(), "{place}: status");
    let tokens = |state: &State| -> Vec<(u32, String)> {
        state.tokens.iter().map(|token| (token.id, token.node.clone())).collect()
    };
    assert_eq!(tokens(simulated), tokens(&real), "{place}: tokens");
    let own = |value: &Value, state: &State| alike(value, state.instance);
    let vars = |state: &State| own(&Value::Object(state.vars.clone()), state);
    assert_eq!(vars(simulated), vars(&real), "{place}: variables");
    let events: Vec<Value> =
        trial.events().map(|event| own(&serde_json::to_value(event).unwrap(), simulated)).collect();
    let recorded: Vec<Value> = history.iter().map(|event| own(&serde_json::to_value(event).unwrap(), &real)).collect();
    assert_eq!(events, recorded, "{place}: history");
    assert_eq!(
        own(&serde_json::to_value(simulated).unwrap(), simulated),
        own(&serde_json::to_value(&real).unwrap(), &real),
        "{place}: state"
    );
}

/// A value without what cannot be the same in both: instants, who did it, ids that are no child's of the instance, and of
/// events from outside everything but what they say.
fn alike(value: &Value, instance: InstanceId) -> Value {
    match value {
        Value::String(text) => match text.parse::<Uuid>() {
            Ok(id) if id == instance.0 => json!("instance"),
            Ok(id) => instance.number_of(id).map_or(json!("id"), |number| json!(format!("child {number}"))),
            Err(_) if DateTime::parse_from_rfc3339(text).is_ok() => json!("instant"),
            Err(_) => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| alike(item, instance)).collect(),
        Value::Object(fields) => {
            let is_event = fields.get("kind").is_some_and(|kind| kind == "event");
            let is_same = |name: &str| match name {
                "by" | "started_by" => false,
                "source" | "aggregate_type" | "aggregate_id" | "headers" => !is_event,
                _ => true,
            };
            let kept = fields.iter().filter(|(name, _)| is_same(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), alike(value, instance))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// A saga that remembers nothing: what each event leads to.
async fn reactions(world: &World, mut trial: Trial, scenario: &Scenario) {
    for made in scenario.moves() {
        let turn = trial.make(made.clone()).unwrap().clone();
        let received = turn.received.unwrap();
        let happened = event(&received.message_type, "campaign", "c", received.payload);
        world.append(std::slice::from_ref(&happened)).await;
        let caused_by = happened.id.to_string();
        let issued = eventually("the commands", async || {
            let received = world.participant.received();
            let issued: Vec<Message> =
                received.into_iter().filter(|it| it.causation_id.as_ref() == Some(&caused_by)).collect();
            (issued.len() >= turn.sent.len()).then_some(issued)
        })
        .await;
        let told = |messages: &[Message]| -> Vec<Value> {
            messages.iter().map(|it| json!([it.message_type, it.key, it.payload])).collect()
        };
        assert_eq!(told(&issued), told(&turn.sent), "{}", scenario.name);
    }
}

pub async fn a_failing_one_blocks_publishing_unless_forced(world: World) {
    let source = shipped("trip-booking").replace("{status: completed", "{status: failed").replace(
        "      status: completed\n      sent: [RequestQuotes, BookFlight, BookHotel]",
        "      status: failed\n      sent: [RequestQuotes, BookFlight, BookHotel]",
    );
    let kind = definition::DefinitionKind::Process;
    let publish = |failures| {
        let seen = Seen { failures, ..Seen::default() };
        world.service().publish(actor(), kind, "trip-booking".to_owned(), Some(source.clone()), None, seen)
    };
    let refused = publish(false).await.unwrap_err();
    let baton_app::port::AppError::Invalid(found) = refused else { panic!("{refused}") };
    let told: Vec<(&str, &str)> = found.iter().map(|it| (it.code.as_str(), it.pointer.as_str())).collect();
    assert_eq!(told, [("scenario-failed", "/scenarios"), ("scenario-failed", "/scenarios/0/expect/status")]);
    assert_eq!(
        found[1].message,
        "the employee approves the cheapest flight: Expected the status failed, but got completed."
    );
    assert!(
        world.service().definition(kind, "trip-booking".to_owned(), None, false).await.is_err(),
        "nothing is there"
    );

    assert_eq!(publish(true).await.unwrap().version, 1);
    let audit = world.service().audit(Some("process/trip-booking".to_owned())).await.unwrap();
    assert_eq!(
        audit[0].reason.as_deref(),
        Some("(By force: these scenarios came out otherwise: the employee approves the cheapest flight.)")
    );
    world.stop().await;
}

pub async fn an_ended_instance_becomes_one(world: World) {
    let trip = world.trip().await;
    let refused = world.service().make_scenario(actor(), trip, None).await.unwrap_err();
    assert!(refused.to_string().contains("has ended"), "{refused}");
    let quotes = world.command("RequestQuotes").await;
    world.answer(&quotes, "QuotesReceived", json!({"quotes": [{"code": "KE1", "carrier": "KE", "price": 870}]})).await;
    let task = world.task(trip, "employee").await;
    world.complete(&task, "approve", Value::Null).await.unwrap();
    let book = world.command("BookFlight").await;
    world.answer(&book, "FlightRefused", json!({})).await;
    world.until_state(trip, "failed").await;

    let made = world.service().make_scenario(actor(), trip, Some("as it went".to_owned())).await.unwrap();
    assert_eq!((made.name.as_str(), made.definition.as_str(), made.kept.len()), ("as it went", "trip-booking", 0));
    let kind = definition::DefinitionKind::Process;
    let draft = world.service().definition(kind, "trip-booking".to_owned(), None, true).await.unwrap();
    let parsed = definition::parse(&draft.source).unwrap();
    let scenario = parsed.scenarios.last().unwrap();
    assert_eq!((scenario.name.as_str(), scenario.steps.len()), ("as it went", 4));
    assert!(!scenario.to_value().to_string().contains("mina"), "{}", scenario.to_value());
    let report = world.service().run_scenarios(draft.source).await.unwrap();
    assert_eq!(report.failures().count(), 0);
    assert_eq!(report.scenarios.len(), parsed.scenarios.len());
    world.stop().await;
}
