//! Trials made by hand.

use serde_json::{Value, json};

use super::{definition, moves, shipped, tried};
use crate::{
    process::Status,
    simulation::{Move, Question, QuestionKind, Trial, begins_at, questions, show},
};

const START: &str =
    "{start: {employee: kim, manager: lee, from: ICN, to: FRA, depart: '2026-12-01', return: '2026-12-04'}}";

fn asked(trial: &Trial) -> Vec<Question> {
    questions(trial, &[])
}

fn choices(question: &Question) -> Vec<&str> {
    question.choices.iter().map(|choice| choice.title.as_str()).collect()
}

/// Makes the first choice of the first question, again and again, until nothing is open.
fn played_out(mut trial: Trial, known: &[crate::simulation::Scenario]) -> Trial {
    for _ in 0..100 {
        let open = questions(&trial, known);
        let Some(choice) = open.first().map(|question| question.choices[0].clone()) else { return trial };
        let line = choice.made.to_string();
        let made = moves(&[line.as_str()]).remove(0);
        trial.make(made).unwrap_or_else(|refused| panic!("{line}: {refused}"));
    }
    panic!("it goes on for ever");
}

#[test]
fn what_is_open_can_be_answered_as_offered_until_it_ends() {
    for name in ["trip-booking", "order-fulfilment"] {
        let (definition, known) = shipped(name);
        let trial = played_out(Trial::new(definition.clone(), begins_at()), &known);
        let state = trial.state().expect("it was started");
        assert!(state.status().is_terminal(), "{name}: {:?}", state.status());
    }
}

#[test]
fn the_beginning_offers_what_the_schema_asks_for() {
    let (trip, _) = shipped("trip-booking");
    let trial = Trial::new(trip, begins_at());
    let question = asked(&trial).remove(0);
    assert_eq!((question.kind, choices(&question)), (QuestionKind::Start, vec!["Start"]));
    let choice = &question.choices[0];
    assert_eq!(choice.made["start"]["employee"], "employee");
    assert_eq!(choice.made["start"]["depart"], "2026-01-05");
    assert!(choice.schema.is_some() && choice.data == "start");
    let (order, _) = shipped("order-fulfilment");
    let question = asked(&Trial::new(order, begins_at())).remove(0);
    assert_eq!(question.choices[0].made, json!({"event": "OrderPlaced", "payload": {"order_id": ""}}));
    let (campaign, _) = shipped("campaign-publishing");
    let question = asked(&Trial::new(campaign, begins_at())).remove(0);
    assert_eq!(choices(&question), ["CampaignActivated", "PublishingConfirmed", "PublishingRejected"]);
}

#[test]
fn a_command_an_approval_and_the_time_are_open_questions() {
    let (trip, known) = shipped("trip-booking");
    let trial = tried(&trip, &[START]);
    let open = asked(&trial);
    assert_eq!((open[0].kind, open[0].title.as_str()), (QuestionKind::Command, "RequestQuotes to flights"));
    assert_eq!(open[0].payload["to"], "FRA");
    assert_eq!(choices(&open[0]), ["NoFlights", "QuotesReceived", "Wait until 2026-01-05T09:05:00Z"]);
    assert_eq!(open[0].choices[1].made["payload"], json!({"quotes": ""}), "what is read of it");
    let with_known = questions(&trial, &known);
    assert_eq!(with_known[0].choices[1].made["payload"]["quotes"][1]["code"], "KE901", "as it was made up before");
    assert_eq!((open[1].kind, choices(&open[1])), (QuestionKind::Timer, vec!["Wait PT5M until the next timer"]));
    let trial = tried(
        &trip,
        &[START, "{answer: quotes, with: QuotesReceived, payload: {quotes: [{code: A1, carrier: A, price: 3}]}}"],
    );
    let open = asked(&trial);
    assert_eq!(open[0].title, "Approve flight A1 with A for 3 (kim)");
    assert_eq!(choices(&open[0]), ["Approve", "Do not travel", "Ask for another route"]);
    assert!(open[0].choices[2].schema.is_some() && open[0].choices[2].data == "data");
}

#[test]
fn time_stands_still_until_a_move_says_otherwise() {
    let (trip, _) = shipped("trip-booking");
    let trial = tried(&trip, &[START, "{wait: PT4M59S}"]);
    assert_eq!(trial.state().map(|it| it.status()), Some(Status::Running));
    assert_eq!((trial.now() - begins_at()).num_seconds(), 299);
    let trial = tried(&trip, &[START, "{wait: PT5M}"]);
    assert_eq!(trial.state().map(|it| it.status()), Some(Status::Failed));
    let trial = tried(&trip, &[START, "{timer: quotes}"]);
    assert_eq!((trial.now() - begins_at()).num_seconds(), 300);
    assert_eq!(trial.state().and_then(|it| it.ended.as_ref()).map(|it| it.at), Some(trial.now()));
}

#[test]
fn a_refused_move_changes_nothing() {
    let (trip, _) = shipped("trip-booking");
    let mut trial = tried(&trip, &[START]);
    let before = (trial.state().cloned(), trial.now(), trial.turns().len());
    for line in [
        "{answer: quotes, with: FlightBooked}",
        "{answer: employee, with: QuotesReceived}",
        "{choose: approve, at: employee}",
        "{timer: employee}",
        "{event: NoSuchThing}",
        START,
    ] {
        trial.make(moves(&[line]).remove(0)).expect_err(line);
        assert_eq!((trial.state().cloned(), trial.now(), trial.turns().len()), before, "{line}");
    }
}

#[test]
fn the_same_moves_lead_to_the_same_and_a_step_back_is_one_less() {
    let (definition, scenarios) = shipped("trip-booking");
    for scenario in &scenarios {
        let moves: Vec<Move> = scenario.moves().cloned().collect();
        let all = show(&definition, &moves, moves.len(), begins_at(), &scenarios);
        assert_eq!((all.turns.len(), &all.refused), (moves.len(), &None));
        for at in 0..=moves.len() {
            let looked_back = show(&definition, &moves, at, begins_at(), &scenarios);
            let gone_back = show(&definition, &moves[..at], at, begins_at(), &scenarios);
            assert_eq!(looked_back.stand, gone_back.stand, "{}, {at}", scenario.name);
            assert_eq!(looked_back.turns, all.turns);
        }
    }
}

#[test]
fn an_impossible_move_is_told_and_those_before_stay() {
    let (definition, _) = shipped("trip-booking");
    let shown = show(&definition, &moves(&[START, "{timer: employee}", "{timer: quotes}"]), 3, begins_at(), &[]);
    assert_eq!(shown.turns.len(), 1);
    assert_eq!(shown.refused.as_deref(), Some("Wait for the timer of employee: No timer is set at `employee`."));
    assert_eq!(shown.stand.under_way, ["quotes"]);
}

#[test]
fn what_is_shown_tells_messages_variables_and_incidents() {
    let (definition, _) = shipped("trip-booking");
    let lines = [START, "{answer: quotes, with: QuotesReceived, payload: {quotes: [{code: A1}]}}"];
    let shown = show(&definition, &moves(&lines), 2, begins_at(), &[]);
    let turn = &shown.turns[1];
    assert_eq!(turn.received.as_ref().map(|it| it.message_type.as_str()), Some("QuotesReceived"));
    assert_eq!(turn.set["quotes"], json!([{"code": "A1"}]));
    assert_eq!(shown.turns[0].sent[0].message_type, "RequestQuotes");
    assert_eq!(shown.stand.status.as_deref(), Some("stuck"));
    assert_eq!(shown.stand.failed, ["cheapest"]);
    assert!(shown.stand.incidents[0].starts_with("cheapest: "), "{:?}", shown.stand.incidents);
    assert!(!shown.stand.covered.nodes.is_empty());
}

const BRANCHES: &str = "
baton: process/1
name: branches
nodes:
  start: {kind: start, next: each}
  each: {kind: for-each, over: =input.items, as: it, mode: parallel, limit: 2, do: pack, next: both, collect: =vars.box, into: boxes}
  pack: {kind: command, send: Pack, to: store, payload: =vars.it, on: {Packed: {set: {box: =event.payload.box}, next: each}}}
  both: {kind: fork, branches: {left: {next: news}, right: {next: child}}, join: together}
  news: {kind: wait, on: {Said: {set: {said: =event.payload.text}, next: together}}}
  child: {kind: call, process: other, input: {a: 1}, on: {completed: {set: {got: =event.payload.output.x}, next: together}, failed: {next: together}}}
  together: {kind: join, next: done}
  done: {kind: end}
";

#[test]
fn items_branches_events_and_called_processes_are_answered_by_hand() {
    let branches = definition(BRANCHES);
    let begun = ["{start: {items: [{n: 1}, {n: 2}, {n: 3}]}}"];
    let trial = tried(&branches, &begun);
    let open = asked(&trial);
    assert_eq!(
        open.iter().map(|it| it.title.as_str()).collect::<Vec<_>>(),
        ["Pack to store (item 1)", "Pack to store (item 2)"]
    );
    assert_eq!(open[1].choices[0].made, json!({"answer": "pack", "with": "Packed", "payload": {"box": ""}, "item": 1}));
    let packed = [
        begun[0],
        "{answer: pack, with: Packed, item: 1, payload: {box: b}}",
        "{answer: pack, with: Packed, item: 0, payload: {box: a}}",
        "{answer: pack, with: Packed, item: 2, payload: {box: c}}",
    ];
    let trial = tried(&branches, &packed);
    let vars = |trial: &Trial| Value::Object(trial.state().expect("it was started").vars.clone());
    assert_eq!(vars(&trial)["boxes"], json!(["a", "b", "c"]));
    let open = asked(&trial);
    assert_eq!(open.iter().map(|it| it.kind).collect::<Vec<_>>(), [QuestionKind::Wait, QuestionKind::Call]);
    assert_eq!(open[1].payload, json!({"a": 1}));
    let mut all = packed.to_vec();
    all.extend(["{event: Said, payload: {text: hi}}", "{answer: child, with: completed, payload: {x: 7}}"]);
    let trial = tried(&branches, &all);
    assert_eq!(trial.state().map(|it| it.status()), Some(Status::Completed));
    assert_eq!((&vars(&trial)["said"], &vars(&trial)["got"]), (&json!("hi"), &json!(7)));
    assert_eq!(
        show(&branches, &moves(&all), all.len(), begins_at(), &[]).stand.covered.nodes_missing,
        Vec::<String>::new()
    );
    let mut failed = packed.to_vec();
    failed.extend(["{answer: news, with: Said, payload: {text: hi}}", "{answer: child, with: cancelled}"]);
    assert_eq!(tried(&branches, &failed).state().map(|it| it.status()), Some(Status::Completed));
    let mut refused = packed.to_vec();
    refused.push("{answer: child, with: refused}");
    assert_eq!(tried(&branches, &refused).state().map(|it| it.status()), Some(Status::Stuck));
}

#[test]
fn a_called_process_that_was_given_up_is_asked_about_until_it_has_ended() {
    let calling = definition(super::CALLING);
    let lines = ["{start: {}}", "{answer: reserve, with: Reserved}", "{timer: pay}"];
    let open = asked(&tried(&calling, &lines));
    let call = open.iter().find(|it| it.kind == QuestionKind::Call).expect("it is asked about");
    assert_eq!((call.node.as_str(), call.title.as_str()), ("pay", "Given up, and not known yet to have ended"));
    assert_eq!(choices(call), ["completed", "failed", "cancelled", "compensated", "refused"]);
    for end in choices(call) {
        let ended = format!("{{answer: pay, with: {end}}}");
        let trial = tried(&calling, &[&lines[..], &[&ended, "{answer: reserve, with: Released}"]].concat());
        assert_eq!(trial.state().map(|it| it.status()), Some(Status::Compensated), "{end}");
    }
}

#[test]
fn a_process_that_goes_round_by_timers_is_stopped() {
    let round = definition(
        "{baton: process/1, name: round, nodes: {start: {kind: start, next: t}, t: {kind: timer, for: PT1S, next: stop},
          stop: {kind: decide, cases: [{when: =false, next: done}], default: {next: t}}, done: {kind: end}}}",
    );
    let mut trial = tried(&round, &["{start: {}}", "{wait: PT10S}"]);
    assert_eq!((trial.now() - begins_at()).num_seconds(), 10);
    let refused = trial.make(moves(&["{wait: P1D}"]).remove(0)).expect_err("too many");
    assert_eq!(refused.message, "More than 1000 timers fire in this time.");
    assert_eq!((trial.now() - begins_at()).num_seconds(), 10);
}
