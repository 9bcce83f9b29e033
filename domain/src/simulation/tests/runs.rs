//! Scenarios run.

use serde_json::json;

use super::{definition, moves, shipped, value};
use crate::{
    definition::{self as definitions},
    simulation::{FAILED, Scenario, Step, read_scenarios, run},
};

/// A process with a little of everything.
const ERRAND: &str = "
baton: process/1
name: errand
input: {type: object, required: [who], properties: {who: {type: string}, count: {type: integer, default: 1}}}
nodes:
  start: {kind: start, next: buy}
  buy:
    kind: command
    send: Buy
    to: shop
    payload: {who: =input.who, count: =input.count}
    on:
      Bought: {set: {price: =event.payload.price}, next: dear}
      timeout: {after: PT5M, next: gave-up}
  dear:
    kind: decide
    cases: [{when: =vars.price > 100, next: ask}]
    default: {next: done}
  ask:
    kind: approval
    title: ='Pay ' + string(vars.price) + '?'
    assignee: =input.who
    outcomes:
      pay: {form: {type: object, required: [card], properties: {card: {type: string}}}, set: {card: =form.card}, next: done}
      leave: {next: gave-up}
  done: {kind: end}
  gave-up: {kind: end, outcome: failed, reason: Too much.}
";

/// Runs one scenario: what was found, as pointer and message.
#[track_caller]
fn check(scenario: &str, expected: &[(&str, &str)]) {
    let text = format!("{ERRAND}scenarios:\n  - name: s\n{}", scenario.replace('\n', "\n    "));
    let parsed = definitions::parse(&text).unwrap_or_else(|found| panic!("{found:#?}\n{text}"));
    let report = run(&parsed.definition, &parsed.scenarios);
    let found: Vec<(&str, &str)> =
        report.failures().map(|found| (found.pointer.as_str(), found.message.as_str())).collect();
    assert_eq!(found, expected, "{text}");
    assert!(report.failures().all(|found| found.code == FAILED && found.is_error()));
}

const BOUGHT: &str = "
steps:
  - {start: {who: kim}}
  - {answer: buy, with: Bought, payload: {price: 120}}
";

#[test]
fn every_shipped_scenario_passes_and_together_they_cover_everything() {
    for (name, _) in definitions::shipped() {
        let (definition, scenarios) = shipped(name);
        assert!(scenarios.len() > 1, "{name}");
        let report = run(&definition, &scenarios);
        assert_eq!(report.failures().collect::<Vec<_>>(), Vec::<&crate::diagnostic::Diagnostic>::new(), "{name}");
        assert!(report.coverage.nodes_missing.is_empty(), "{name}: {:?}", report.coverage);
        let missing = report.coverage.edges_missing.iter().filter(|(_, port)| port != "timeout").count();
        assert_eq!(missing, 0, "{name}: {:?}", report.coverage.edges_missing);
    }
}

#[test]
fn what_is_expected_and_comes_is_no_failure() {
    check("\nsteps: []", &[]);
    check(BOUGHT, &[]);
    check(
        &format!("{BOUGHT}expect: {{status: waiting, at: [ask], vars: {{price: 120}}, path: [buy, ask], sent: [Buy]}}"),
        &[],
    );
    check(
        &format!("{BOUGHT}  - {{choose: pay, at: ask, data: {{card: c-1}}}}\nexpect: {{status: completed, at: []}}"),
        &[],
    );
    check(
        "\nsteps:\n  - {start: {who: kim}}\n  - {wait: PT4M, expect: {at: [buy]}}\n  - {wait: PT1M}\nexpect: {status: failed, reason: Too much.}",
        &[],
    );
    check(
        "\nsteps:\n  - {start: {who: kim}, expect: {sent: [{send: Buy, to: shop, payload: {who: kim, count: 1}}]}}",
        &[],
    );
}

#[test]
fn what_comes_out_otherwise_is_told_with_its_place() {
    let expecting = |what: &str| format!("{BOUGHT}expect: {what}");
    check(
        &expecting("{status: completed}"),
        &[("/scenarios/0/expect/status", "s: Expected the status completed, but got waiting.")],
    );
    check(&expecting("{at: [done]}"), &[("/scenarios/0/expect/at", "s: Expected it to stand at done, but got ask.")]);
    check(
        &expecting("{path: [ask, buy]}"),
        &[("/scenarios/0/expect/path", "s: Expected it to pass buy there, but got the way start, buy, dear, ask.")],
    );
    check(
        &expecting("{vars: {price: 12, other: 1}}"),
        &[
            ("/scenarios/0/expect/vars/other", "s: Expected other to be 1, but got no such variable."),
            ("/scenarios/0/expect/vars/price", "s: Expected price to be 12, but got 120."),
        ],
    );
    check(&expecting("{sent: []}"), &[("/scenarios/0/expect/sent", "s: Expected 0 messages, but got Buy besides.")]);
    check(
        &expecting("{sent: [Buy, Sell]}"),
        &[("/scenarios/0/expect/sent/1", "s: Expected the message Sell, but got no more of them.")],
    );
    check(
        &expecting("{sent: [Sell]}"),
        &[("/scenarios/0/expect/sent/0", "s: Expected the message Sell, but got Buy.")],
    );
    check(
        &expecting("{sent: [{send: Buy, to: market}]}"),
        &[("/scenarios/0/expect/sent/0", "s: Expected Buy to market, but got shop.")],
    );
    check(
        &expecting("{sent: [{send: Buy, payload: {who: lee}}]}"),
        &[(
            "/scenarios/0/expect/sent/0",
            "s: Expected Buy with {\"who\":\"lee\"}, but got {\"count\":1,\"who\":\"kim\"}.",
        )],
    );
    check(&expecting("{reason: x}"), &[("/scenarios/0/expect/reason", "s: Expected the reason \"x\", but got none.")]);
    check(
        "\nsteps:\n  - {start: {who: kim}, expect: {at: [ask]}}\n  - {answer: buy, with: Bought, payload: {price: 1}}",
        &[("/scenarios/0/steps/0/expect/at", "s, step 1: Expected it to stand at ask, but got buy.")],
    );
}

#[test]
fn an_impossible_step_ends_it_and_nothing_more_is_said() {
    let after = |step: &str| format!("{BOUGHT}  - {step}\nexpect: {{status: completed}}");
    check(
        &after("{answer: buy, with: Bought}"),
        &[(
            "/scenarios/0/steps/2/answer",
            "s, step 3: Answer buy with Bought is impossible. No command is under way at `buy`: it stands at ask.",
        )],
    );
    check(
        &after("{choose: run, at: ask}"),
        &[(
            "/scenarios/0/steps/2/choose",
            "s, step 3: Choose run at ask is impossible. `run` cannot be chosen; choose one of: leave, pay.",
        )],
    );
    check(
        &after("{choose: pay, at: ask}"),
        &[(
            "/scenarios/0/steps/2/data/card",
            "s, step 3: Choose pay at ask is impossible. /card: \"card\" is a required property",
        )],
    );
    check(
        &after("{timer: ask}"),
        &[(
            "/scenarios/0/steps/2/timer",
            "s, step 3: Wait for the timer of ask is impossible. No timer is set at `ask`.",
        )],
    );
    check(
        &after("{event: Elsewhere}"),
        &[(
            "/scenarios/0/steps/2/event",
            "s, step 3: Elsewhere happens is impossible. Nothing here waits for Elsewhere.",
        )],
    );
    check(
        &after("{start: {who: kim}}"),
        &[("/scenarios/0/steps/2", "s, step 3: Start is impossible. This instance has been started already.")],
    );
    check(
        "\nsteps: [{start: {}}]",
        &[("/scenarios/0/steps/0/start/who", "s, step 1: Start is impossible. /who: \"who\" is a required property")],
    );
    check(
        "\nsteps: [{answer: buy, with: Bought}]",
        &[("/scenarios/0/steps/0", "s, step 1: Answer buy with Bought is impossible. It has not been started.")],
    );
}

#[test]
fn a_failing_expression_is_an_incident_that_the_expectation_tells() {
    let scenario = "\nsteps:\n  - {start: {who: kim}}\n  - {answer: buy, with: Bought, payload: {cost: 1}}\nexpect: {status: waiting}";
    let text = format!("{ERRAND}scenarios:\n  - name: s\n{}", scenario.replace('\n', "\n    "));
    let parsed = definitions::parse(&text).unwrap_or_else(|found| panic!("{found:#?}"));
    let report = run(&parsed.definition, &parsed.scenarios);
    let found: Vec<&str> = report.failures().map(|found| found.message.as_str()).collect();
    assert!(
        found[0].starts_with("s: Expected the status waiting, but got stuck (") && found[0].contains("price"),
        "{found:?}"
    );
}

#[test]
fn coverage_tells_what_no_scenario_goes_through() {
    let (definition, scenarios) = shipped("trip-booking");
    let report = run(&definition, &scenarios[..1]);
    let missing = |node: &str| report.coverage.nodes_missing.iter().any(|it| it == node);
    assert!(missing("cancel-flight") && missing("manager") && !missing("book-hotel"));
    let edge = |node: &str, port: &str| (node.to_owned(), port.to_owned());
    assert!(report.coverage.edges.contains(&edge("quotes", "QuotesReceived")));
    assert!(report.coverage.edges_missing.contains(&edge("quotes", "timeout")));
    assert_eq!(report.sentence(), "1 of 1 scenarios passed; 9 of 18 nodes, 8 of 25 edges");
    assert_eq!(run(&definition, &[]).coverage.nodes, Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_a_scenario_is_told_with_its_place() {
    let check = |scenarios: &str, expected: &[(&str, &str)]| {
        let mut found = Vec::new();
        read_scenarios(&value(&format!("scenarios: {scenarios}")), &mut found);
        let found: Vec<(&str, &str)> = found.iter().map(|it| (it.code.as_str(), it.pointer.as_str())).collect();
        assert_eq!(found, expected, "{scenarios}");
    };
    check("[]", &[]);
    check("{}", &[("wrong-type", "/scenarios")]);
    check("[1]", &[("wrong-type", "/scenarios/0")]);
    check("[{}]", &[("missing-field", "/scenarios/0/name"), ("missing-field", "/scenarios/0/steps")]);
    check("[{name: a, steps: []}, {name: a, steps: []}]", &[("duplicate-name", "/scenarios/1/name")]);
    check("[{name: a, steps: [], more: 1}]", &[("unknown-field", "/scenarios/0/more")]);
    check("[{name: a, steps: 1}]", &[("wrong-type", "/scenarios/0/steps")]);
    check("[{name: a, steps: [], now: soon}]", &[("instant", "/scenarios/0/now")]);
    let step = |step: &str, expected: &[(&str, &str)]| {
        check(&format!("[{{name: a, steps: [{step}]}}]"), expected);
    };
    step("{}", &[("move", "/scenarios/0/steps/0")]);
    step("{start: {}, wait: PT1M}", &[("move", "/scenarios/0/steps/0")]);
    step("{answer: buy}", &[("missing-field", "/scenarios/0/steps/0/with")]);
    step("{choose: pay}", &[("missing-field", "/scenarios/0/steps/0/at")]);
    step("{wait: soon}", &[("duration", "/scenarios/0/steps/0/wait")]);
    step("{wait: P100Y}", &[("duration", "/scenarios/0/steps/0/wait")]);
    step("{answer: buy, with: Bought, item: -1}", &[("wrong-type", "/scenarios/0/steps/0/item")]);
    step("{timer: buy, with: Bought}", &[("unknown-field", "/scenarios/0/steps/0/with")]);
    step("{timer: buy, expect: {status: done}}", &[("status", "/scenarios/0/steps/0/expect/status")]);
    step(
        "{timer: buy, expect: {sent: [1, {to: x}]}}",
        &[
            ("wrong-type", "/scenarios/0/steps/0/expect/sent/0"),
            ("missing-field", "/scenarios/0/steps/0/expect/sent/1/send"),
        ],
    );
    step(
        "{timer: buy, expect: {vars: 1, at: x, path: [1]}}",
        &[
            ("wrong-type", "/scenarios/0/steps/0/expect/vars"),
            ("wrong-type", "/scenarios/0/steps/0/expect/at"),
            ("wrong-type", "/scenarios/0/steps/0/expect/path/0"),
        ],
    );
}

#[test]
fn what_is_written_is_read_again() {
    for (name, _) in definitions::shipped() {
        for scenario in shipped(name).1 {
            let mut found = Vec::new();
            assert_eq!(Scenario::read(&scenario.to_value(), String::new(), &mut found), Some(scenario));
            assert_eq!(found, []);
        }
    }
    for made in moves(&[
        "{start: {a: 1}, business_key: k}",
        "{answer: n, with: E, payload: {x: [1]}, item: 3}",
        "{event: E}",
        "{choose: o, at: n, data: {a: b}, item: 0}",
        "{timer: n}",
        "{wait: P1DT2H}",
    ]) {
        let mut found = Vec::new();
        assert_eq!(Step::read(&made.to_value(), String::new(), &mut found), Some(Step::new(made)));
        assert_eq!(found, []);
    }
}

#[test]
fn a_broken_scenario_keeps_a_definition_from_being_run_but_means_nothing() {
    let broken = format!("{ERRAND}scenarios: [{{name: s}}]");
    let found = definitions::parse(&broken).unwrap_err();
    assert_eq!(found.iter().map(|it| it.pointer.as_str()).collect::<Vec<_>>(), ["/scenarios/0/steps"]);
    let with = format!("{ERRAND}scenarios: [{{name: s, steps: []}}]");
    assert_eq!(definition(&with), definition(ERRAND), "scenarios are no part of what it means");
    let schema = crate::schema::Schema::compile(&definitions::process_schema()).unwrap();
    assert_eq!(schema.check(&value(&with)), []);
    assert_eq!(schema.check(&value(&broken))[0].pointer, "/scenarios/0/steps");
    assert_eq!(schema.check(&json!({"baton": "process/1", "name": "n", "nodes": {"a": {"kind": "end"}}, "scenarios": [{"name": "s", "steps": [{}]}]})).len(), 1);
}
