//! Long because it is one table of cases through one helper: what is found in which text. What needs more has a file of its own.

use proptest::prelude::*;
use serde_json::json;

use super::*;

mod assigned;
mod left_out;

use crate::{diagnostic::Severity, schema::Schema, strategies::any_json};

/// What is wrong with a text: code and pointer of each error and warning.
fn found(text: &str) -> Vec<(String, String)> {
    check(text).diagnostics.into_iter().map(|it| (it.code, it.pointer)).collect()
}

/// A process with `nodes` (flow style, without braces) beside a start that leads to `first` and an end called `done`.
fn with_nodes(nodes: &str) -> String {
    format!(
        "{{baton: process/1, name: it, nodes: {{start: {{kind: start, next: first}}, {nodes}, done: {{kind: end}}}}}}"
    )
}

/// The errors of a process with these nodes are exactly `expected`, each a code and a pointer below `/nodes`.
#[track_caller]
fn errors(nodes: &str, expected: &[(&str, &str)]) {
    let text = with_nodes(nodes);
    let found: Vec<(String, String)> = check(&text)
        .diagnostics
        .into_iter()
        .filter(Diagnostic::is_error)
        .map(|it| (it.code, it.pointer.trim_start_matches("/nodes/").to_owned()))
        .collect();
    let expected: Vec<(String, String)> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(found, expected, "{text}");
    assert_eq!(parse(&text).is_err(), !expected.is_empty());
}

#[track_caller]
fn warnings(nodes: &str, expected: &[(&str, &str)]) {
    let found: Vec<(String, String)> = parse(&with_nodes(nodes))
        .unwrap_or_else(|found| panic!("{found:#?}"))
        .warnings
        .into_iter()
        .map(|it| (it.code, it.pointer.trim_start_matches("/nodes/").to_owned()))
        .collect();
    assert_eq!(found, expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>());
}

#[test]
fn the_shipped_definitions_parse_without_a_warning() {
    for (name, text) in shipped() {
        let parsed = parse(text).unwrap_or_else(|found| panic!("{name}: {found:#?}"));
        assert_eq!(parsed.definition.name(), name);
        assert_eq!(parsed.warnings, [], "{name}");
    }
}

#[test]
fn a_node_that_cannot_be_read_hides_nothing_else() {
    let text = "{baton: process/1, name: it, nodes: {start: {kind: start, next: odd}, \
        odd: {kind: teleport, next: limbo, payload: {next: nobody}}, \
        choose: {kind: decide, cases: [{next: odd}], default: {next: choose}}, \
        pause: {kind: timer, for: PT1M, next: nowhere}}, layout: {odd: [0, 0], ghost: [1, 1]}}";
    let mut found = found(text);
    found.sort();
    let expected = [
        ("missing-field", "/nodes/choose/cases/0/when"),
        ("no-end", "/nodes"),
        ("unknown-kind", "/nodes/odd/kind"),
        ("unknown-node", "/layout/ghost"),
        ("unknown-node", "/nodes/odd/next"),
        ("unknown-node", "/nodes/pause/next"),
    ];
    assert_eq!(found, expected.map(|(code, pointer)| (code.to_owned(), pointer.to_owned())));
}

#[test]
fn an_end_that_cannot_be_read_is_not_missed() {
    errors(
        "first: {kind: timer, for: PT1M, next: last}, last: {kind: end, outcome: perhaps}",
        &[("outcome", "last/outcome")],
    );
    let text =
        "{baton: process/1, name: it, nodes: {start: {kind: start, next: last}, last: {kind: end, outcome: perhaps}}}";
    assert_eq!(found(text), [("outcome".to_owned(), "/nodes/last/outcome".to_owned())]);
}

#[test]
fn json_is_read_as_well_as_yaml() {
    for (_, text) in shipped() {
        let yaml = parse(text).unwrap();
        let json = parse(&yaml.value.to_string()).unwrap();
        assert_eq!(json, yaml);
    }
}

#[test]
fn the_published_schemas_agree_with_the_parser() {
    let process = Schema::compile(&process_schema()).unwrap();
    let saga = Schema::compile(&saga_schema()).unwrap();
    for (name, text) in shipped() {
        let parsed = parse(text).unwrap();
        let schema = if parsed.definition.kind() == DefinitionKind::Process { &process } else { &saga };
        assert_eq!(schema.check(&parsed.value), [], "{name}");
    }
    // What the parser refuses for its shape, the schema refuses too.
    for nodes in [
        "first: {kind: jump, next: done}",
        "first: {kind: compute}",
        "first: {kind: compute, next: done, colour: red}",
        "first: {kind: timer, next: done}",
        "first: {kind: timer, for: PT1S, until: '2026-12-01', next: done}",
        "first: {kind: decide, cases: [], default: {next: done}}",
        "first: {kind: decide, cases: [{when: =true, next: done}]}",
        "first: {kind: approval, title: x, outcomes: {}}",
        "first: {kind: command, send: A, on: {B: {next: done}}}",
        "first: {kind: wait, on: {}}",
        "first: {kind: end, outcome: great}",
        "first: {kind: compensate}",
        "first: {kind: fork, branches: {}, join: done}",
        "first: {kind: fork, branches: {a: {next: done}}}",
        "first: {kind: join}",
        "first: {kind: call, process: other, on: {}}",
        "first: {kind: call, process: other, on: {completed: {next: done}, exploded: {next: done}}}",
        "first: {kind: call, on: {completed: {next: done}}}",
        "first: {kind: approval, title: x, group: g, escalate: [], outcomes: {a: {next: done}}}",
        "first: {kind: approval, title: x, group: g, escalate: {after: PT1S}, outcomes: {a: {next: done}}}",
        "first: {kind: command, send: A, to: a, retry: {attempts: 1, delay: PT1S}, on: {C: {next: done}, timeout: {after: PT1S, next: done}}}",
        "first: {kind: for-each, over: abc, as: it, do: done, next: done}",
        "first: {kind: for-each, over: =input.x, as: it, do: done, next: done, collect: 1}",
        "first: {kind: for-each, over: =input.x, as: it, mode: fast, do: done, next: done}",
        "first: {kind: for-each, over: =input.x, as: it, mode: parallel, limit: 1001, do: done, next: done}",
        "first: {kind: for-each, over: =input.x, as: it, do: done}",
        "first: {kind: command, send: A, to: a, undo: {send: B}, on: {C: {next: done}}}",
        "first: {kind: command, send: A, to: a, undo: {send: B, done: C, timeout: {after: PT1S, next: done}}, on: {C: {next: done}}}",
        "first: {kind: command, send: A, to: a, on: {C: {next: done}, timeout: {after: PT1S}}}",
        "first: {kind: command, send: A, to: a, on: {C: {next: done}, timeout: {after: PT1S, ask: {send: B, times: 0}}}}",
        "first: {kind: wait, on: {C: {next: done}, timeout: {after: PT1S, then: wait}}}",
        "First: {kind: end}",
    ] {
        let checked = check(&with_nodes(nodes));
        assert!(checked.diagnostics.iter().any(Diagnostic::is_error), "{nodes}");
        assert_ne!(process.check(&checked.value.unwrap()), [], "{nodes}");
    }
    assert_ne!(saga.check(&json!({"baton": "saga/1", "name": "a", "on": {"E": {"send": "C"}}})), []);
    assert_ne!(saga.check(&json!({"baton": "saga/1", "name": "a", "on": {}})), []);
    // And what has every feature passes both.
    let parsed = parse(include_str!("tests/everything.yaml")).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(process.check(&parsed.value), []);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    errors(
        "first: {kind: command, send: Ask, to: a, payload: {x: '=1 +'}, on: {Yes: {next: nowhere}, timeout: {after: 5 min, next: done}}},
         lonely: {kind: compute, set: {'a-b': 1}, next: done, colour: red}",
        &[
            ("expression", "first/payload/x"),
            ("duration", "first/on/timeout/after"),
            ("variable-name", "lonely/set/a-b"),
            ("unknown-field", "lonely/colour"),
            ("unknown-node", "first/on/Yes/next"),
        ],
    );
}

#[test]
fn edges_lead_somewhere() {
    errors("first: {kind: compute, next: nowhere}", &[("unknown-node", "first/next")]);
    errors("first: {kind: timer, for: PT1S, next: start}", &[("to-start", "first/next")]);
    errors("first: {kind: compute}", &[("missing-field", "first/next")]);
    errors("first: {kind: compute, next: done}, other: {kind: compute, next: done}", &[("unreachable", "other")]);
    errors("first: {kind: compute, next: done}, other: {kind: start, next: done}", &[("several-starts", "start")]);
}

#[test]
fn a_process_has_a_start_and_an_end() {
    assert_eq!(
        found("{baton: process/1, name: it, nodes: {a: {kind: timer, for: PT1S, next: a}}}"),
        [("no-start".to_owned(), "/nodes".to_owned()), ("no-end".to_owned(), "/nodes".to_owned())]
    );
}

#[test]
fn a_loop_that_never_waits_is_refused() {
    errors(
        "first: {kind: decide, cases: [{when: =input.x, next: second}], default: {next: done}}, second: {kind: compute, next: first}",
        &[("endless-loop", "first")],
    );
    errors("first: {kind: compute, next: first}", &[("unreachable", "done"), ("endless-loop", "first")]);
    errors(
        "first: {kind: decide, cases: [{when: =input.x, next: pause}], default: {next: done}}, pause: {kind: timer, for: PT1S, next: first}",
        &[],
    );
}

#[test]
fn a_node_without_a_way_to_an_end_is_warned_about() {
    warnings(
        "first: {kind: decide, cases: [{when: =input.x, next: round}], default: {next: done}}, round: {kind: timer, for: PT1S, next: round}",
        &[("no-way-out", "round")],
    );
}

#[test]
fn waiting_for_ever_is_warned_about() {
    warnings("first: {kind: command, send: A, to: a, on: {B: {next: done}}}", &[("no-timeout", "first/on")]);
    warnings("first: {kind: approval, title: x, outcomes: {ok: {next: done}}}", &[("no-assignee", "first")]);
}

#[test]
fn a_command_without_replies_is_refused() {
    errors("first: {kind: command, send: A, to: a}", &[("missing-field", "first/on"), ("unreachable", "done")]);
    errors(
        "first: {kind: command, send: A, to: a, on: {timeout: {after: PT1S, next: done}}}",
        &[("no-events", "first/on")],
    );
}

#[test]
fn approvals_need_outcomes_and_sound_forms() {
    errors(
        "first: {kind: approval, title: x, outcomes: {}}",
        &[("no-outcomes", "first/outcomes"), ("unreachable", "done")],
    );
    errors(
        "first: {kind: approval, title: x, outcomes: {ok: {form: {type: colour}, next: done}}}",
        &[("schema", "first/outcomes/ok/form")],
    );
    errors("first: {kind: approval, title: x, outcomes: {Not OK: {next: done}}}", &[("name", "first/outcomes/Not OK")]);
    errors(
        "first: {kind: approval, title: x, outcomes: {timeout: {next: done}}}",
        &[("name", "first/outcomes/timeout")],
    );
}

#[test]
fn a_decision_needs_a_default() {
    errors("first: {kind: decide, cases: [{when: =true, next: done}]}", &[("no-default", "first/default")]);
    errors(
        "first: {kind: decide, cases: [{when: yes, next: done}], default: {next: done}}",
        &[("expression", "first/cases/0/when")],
    );
}

#[test]
fn durations_and_instants_are_read_where_they_belong() {
    errors("first: {kind: timer, for: soon, next: done}", &[("duration", "first/for")]);
    errors("first: {kind: timer, for: PT0S, next: done}", &[("duration", "first/for")]);
    errors("first: {kind: timer, for: P1M, next: done}", &[("duration", "first/for")]);
    errors("first: {kind: timer, until: PT5M, next: done}", &[("duration", "first/until")]);
    errors("first: {kind: timer, for: PT1S, until: '2026-12-01', next: done}", &[("timer", "first")]);
    errors("first: {kind: timer, next: done}", &[("timer", "first")]);
    errors("first: {kind: timer, until: '2026-12-01T09:00:00+09:00', next: done}", &[]);
}

#[test]
fn expressions_may_use_what_their_place_knows() {
    errors("first: {kind: compute, set: {x: =event.payload}, next: done}", &[("unknown-variable", "first/set/x")]);
    errors(
        "first: {kind: compute, set: {x: =form.a + nonsense}, next: done}",
        &[("unknown-variable", "first/set/x"), ("unknown-variable", "first/set/x")],
    );
    errors(
        "first: {kind: wait, match: {event: =vars.x, with: =event.id}, on: {A: {set: {x: =event.payload}, next: done}}}",
        &[("unknown-variable", "first/match/event"), ("unknown-variable", "first/match/with")],
    );
    errors(
        "first: {kind: approval, title: =form.x, outcomes: {ok: {set: {x: =form.x}, next: done}}}",
        &[("unknown-variable", "first/title")],
    );
    warnings("first: {kind: compute, set: {x: =vars.y}, next: done}", &[("unset-variable", "first/set/x")]);
}

#[test]
fn names_are_kebab_case() {
    for (name, good) in [
        ("trip", true),
        ("trip-2", true),
        ("Trip", false),
        ("trip_booking", false),
        ("-a", false),
        ("a--b", false),
        ("2a", false),
        ("a b", false),
        ("été", false),
    ] {
        let text = format!(
            "{{baton: process/1, name: '{name}', nodes: {{start: {{kind: start, next: done}}, done: {{kind: end}}}}}}"
        );
        assert_eq!(parse(&text).is_ok(), good, "{name}");
    }
}

#[test]
fn an_invalid_input_schema_and_layout_are_reported() {
    let text = "{baton: process/1, name: it, input: {type: colour}, nodes: {start: {kind: start, next: done}, done: {kind: end}},
                 layout: {start: [1, 2], done: [1], ghost: [1, 2]}}";
    assert_eq!(
        found(text),
        [("schema", "/input"), ("layout", "/layout/done"), ("unknown-node", "/layout/ghost")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}

#[test]
fn where_nodes_stand_is_no_difference_in_meaning() {
    use Difference::{Layout, Meaning, None};
    let base = json!({"name": "a", "nodes": {"start": {}}, "layout": {"start": [0, 0]}});
    for (other, expected) in [
        (base.clone(), None),
        (json!({"name": "a", "nodes": {"start": {}}, "layout": {"start": [9, 0]}}), Layout),
        (json!({"name": "a", "nodes": {"start": {}}}), Layout),
        (json!({"name": "b", "nodes": {"start": {}}, "layout": {"start": [0, 0]}}), Meaning),
        (json!({"nodes": {"start": {}}, "layout": {"start": [0, 0]}}), Meaning),
        (json!({"name": "a", "nodes": {"start": {"layout": 1}}, "layout": {"start": [0, 0]}}), Meaning),
        (json!({"name": "a", "nodes": {"start": {}}, "scenarios": [], "layout": {"start": [0, 0]}}), Meaning),
        (json!([]), Meaning),
    ] {
        assert_eq!(difference(&base, &other), expected, "{other}");
        assert_eq!(difference(&other, &base), expected, "{other}");
    }
}

#[test]
fn what_is_no_definition_says_what_it_should_be() {
    assert_eq!(found("[1, 2]"), [("wrong-type".to_owned(), String::new())]);
    assert_eq!(found("{name: x}"), [("missing-field".to_owned(), "/baton".to_owned())]);
    assert_eq!(found("{baton: process/0}"), [("unknown-format".to_owned(), "/baton".to_owned())]);
    assert_eq!(found("{baton: workflow/2}"), [("unknown-format".to_owned(), "/baton".to_owned())]);
    for newer in ["process/2", "saga/12"] {
        assert_eq!(found(&format!("{{baton: {newer}}}")), [("newer-format".to_owned(), "/baton".to_owned())]);
        assert!(super::newer(&json!({ "baton": newer })).is_some());
    }
    for known in [json!({ "baton": "process/1" }), json!({ "baton": 2 }), json!([])] {
        assert_eq!(super::newer(&known), None);
    }
    assert_eq!(found(""), [("wrong-type".to_owned(), String::new())]);
    let checked = check("{\"a\": ");
    assert_eq!((checked.value, checked.diagnostics[0].code.as_str()), (None, "syntax"));
    assert!(check("a: [1\nb: 2").diagnostics[0].message.contains("line"));
    assert_eq!(found("a: 1\na: 2")[0].0, "syntax");
    assert_eq!(found("a: \"x\\0y\""), [("nul-character".to_owned(), "/a".to_owned())]);
}

#[test]
fn texts_that_stand_for_far_more_than_they_are_get_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![below; 9].join(", "));
    }
    assert_eq!(found(&bomb)[0].0, "syntax");
    assert_eq!(found(&"[".repeat(50_000))[0].0, "syntax");
    assert_eq!(found(&format!("{{\"a\": {}", "[".repeat(50_000)))[0].0, "syntax");
    assert_eq!(found(&"x".repeat(SOURCE_BYTES_MAX + 1))[0].0, "too-large");
    let nested = (0..90).fold("1".to_owned(), |inner, _| format!("[{inner}]"));
    assert_eq!(found(&nested)[0].0, "too-deep");
    let nodes: Vec<String> = (0..501).map(|number| format!("n{number}: {{kind: end}}")).collect();
    assert_eq!(found(&format!("{{baton: process/1, name: it, nodes: {{{}}}}}", nodes.join(", ")))[0].0, "too-many");
}

#[test]
fn yaml_texts_are_not_taken_for_something_else() {
    let parsed = parse(&with_nodes(
        "first: {kind: compute, set: {a: on, b: no, c: 2026-12-01, d: 1e3, e: '1', f: 012}, next: done}",
    ))
    .unwrap();
    let set = &parsed.value["nodes"]["first"]["set"];
    assert_eq!(
        (&set["a"], &set["b"], &set["c"], &set["e"]),
        (&json!("on"), &json!("no"), &json!("2026-12-01"), &json!("1"))
    );
}

#[test]
fn sagas_are_checked_like_processes() {
    let text = "{baton: saga/1, name: it, on: {A: {send: B, to: b, key: '=vars.x', when: 'x', payload: ['=1 +']}, C: {to: b}}}";
    assert_eq!(
        found(text),
        [
            ("expression", "/on/A/when"),
            ("unknown-variable", "/on/A/key"),
            ("expression", "/on/A/payload/0"),
            ("missing-field", "/on/C/send"),
        ]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let text = "{baton: saga/1, name: it, on: {A: {send: B, to: b}, C: {send: D, to: b}}}";
    let parsed = parse(text).unwrap();
    assert_eq!(
        parsed.warnings.iter().map(|it| (it.severity, it.code.as_str())).collect::<Vec<_>>(),
        [(Severity::Warning, "one-aggregate")]
    );
}

#[test]
fn what_has_errors_can_still_be_drawn() {
    let checked = check(&with_nodes("first: {kind: compute, set: {x: =nonsense}, next: done}"));
    assert!(checked.definition.is_some() && checked.diagnostics.iter().any(Diagnostic::is_error));
}

/// Something like a definition: right words in wrong places.
fn almost_a_definition() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "start", "command", "wait", "decide", "compute", "approval", "timer", "end", "a", "b", "=vars.a", "=1 +",
        "PT5M", "timeout", "done", "",
    ]);
    let leaf = prop_oneof![4 => word.prop_map(Value::from), 1 => any_json()];
    let key = prop::sample::select(vec![
        "kind", "next", "send", "to", "on", "set", "timeout", "after", "cases", "when", "default", "outcomes", "form",
        "title", "match", "event", "with", "for", "until", "a", "b", "payload", "outcome", "reason",
    ]);
    let inner = leaf.prop_recursive(3, 30, 5, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            5 => prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    (prop::sample::select(vec!["process/1", "saga/1"]), prop::collection::btree_map("[a-d]", inner, 0..5)).prop_map(
        |(baton, nodes)| {
            let nodes = Value::Object(nodes.into_iter().collect());
            json!({"baton": baton, "name": "it", "nodes": nodes, "on": nodes})
        },
    )
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(value in almost_a_definition()) {
        let checked = check(&value.to_string());
        if checked.definition.is_none() {
            prop_assert!(checked.diagnostics.iter().any(Diagnostic::is_error));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = check(&text);
    }

    #[test]
    fn no_yaml_makes_it_panic(text in "(- |[a-z]{1,3}: |\\{|\\}|\\[|\\]|, |&a |\\*a|!!str |\\||>|\n|\n  |'|\"|#|[a-z=]{1,5}){0,60}") {
        let _ = check(&text);
    }
}

#[test]
fn undoing_is_checked_with_its_place() {
    let command = |more: &str| {
        format!("first: {{kind: command, send: A, to: a, {more}, on: {{Done: {{next: done}}, No: {{next: done}}}}}}")
    };
    errors(&command("fails: Never"), &[("unknown-event", "first/fails/0")]);
    errors(&command("fails: [No, Done], undo: {send: B, done: C}"), &[("never-succeeds", "first/fails")]);
    errors(&command("undo: {send: B, done: []}"), &[("no-events", "first/undo/done")]);
    errors(&command("undo: {send: B, done: [C], failed: [D, C]}"), &[("ambiguous-event", "first/undo/failed/1")]);
    errors(&command("undo: {send: B, done: C, key: =form.x}"), &[("unknown-variable", "first/undo/key")]);
    errors(&command("undo: {send: baton.B, done: C}"), &[("reserved", "first/undo/send")]);
    let timeout = |more: &str| {
        format!(
            "first: {{kind: command, send: A, to: a, on: {{Done: {{next: done}}, timeout: {{after: PT1M, {more}}}}}}}"
        )
    };
    errors(&timeout("then: ask"), &[("missing-field", "first/on/timeout/ask")]);
    errors(&timeout("then: run"), &[("timeout", "first/on/timeout/then")]);
    errors(&timeout("then: wait, next: done"), &[("timeout", "first/on/timeout/then")]);
    errors(&timeout("ask: {send: Q, times: 1001}"), &[("number", "first/on/timeout/ask/times")]);
    errors(&timeout("ask: {send: Q, payload: {x: =event}}"), &[("unknown-variable", "first/on/timeout/ask/payload/x")]);
    errors(
        "first: {kind: command, send: baton.A, to: a, on: {baton.B: {next: done}}}",
        &[("reserved", "first/send"), ("reserved", "first/on/baton.B")],
    );
}

#[test]
fn undoing_where_nothing_can_be_undone_is_warned_about() {
    warnings("first: {kind: compensate, next: done}", &[("nothing-to-undo", "first")]);
    warnings(
        "first: {kind: command, send: A, to: a, undo: {send: B, done: C, timeout: {after: PT1H, then: stuck}}, \
         on: {Done: {next: back}, timeout: {after: PT1H, then: stuck}}}, back: {kind: compensate, next: done}",
        &[],
    );
    warnings(
        "first: {kind: command, send: A, to: a, undo: {send: B, done: C}, on: {Done: {next: done}, timeout: {after: PT1H, then: stuck}}}",
        &[("no-timeout", "first/undo")],
    );
}

/// A fork called `first` with these branches and this join, and more nodes.
fn forked(branches: &str, more: &str) -> String {
    format!("first: {{kind: fork, branches: {{{branches}}}, join: gather}}, gather: {{kind: join, next: done}}, {more}")
}

#[test]
fn forks_and_joins_belong_together() {
    let nap = |name: &str, next: &str| format!("{name}: {{kind: timer, for: PT1S, next: {next}}}");
    errors(&forked("a: {next: nap}, b: {next: gather}", &nap("nap", "gather")), &[]);
    // An end in a branch ends it all.
    errors(&forked("a: {next: nap}, b: {next: gather}", &nap("nap", "done")), &[]);
    errors(
        &forked("a: {next: nap}, b: {next: gather}", &nap("nap", "nap")),
        &[("join-never", "first/branches/a/next")],
    );
    errors("first: {kind: fork, branches: {a: {next: done}}, join: done}", &[("not-a-join", "first/join")]);
    errors("first: {kind: fork, branches: {a: {next: done}}, join: nowhere}", &[("unknown-node", "first/join")]);
    errors(
        "first: {kind: fork, branches: {a: {next: nowhere}}, join: gather}, gather: {kind: join, next: done}",
        &[("unknown-node", "first/branches/a/next")],
    );
    errors(
        "first: {kind: fork, branches: {timeout: {next: gather}}, join: gather}, gather: {kind: join, next: done}",
        &[("name", "first/branches/timeout")],
    );
    errors("first: {kind: join, next: done}", &[("join-without-fork", "first")]);
    errors(
        "first: {kind: decide, cases: [{when: =input.x, next: gather}], default: {next: split}}, \
         split: {kind: fork, branches: {a: {next: gather}}, join: gather}, gather: {kind: join, next: done}",
        &[("join-from-outside", "first/cases/0/next")],
    );
    errors(
        &forked(
            "a: {next: second}, b: {next: gather}",
            "second: {kind: fork, branches: {c: {next: gather}}, join: gather}",
        ),
        &[("shared-join", "second/join"), ("join-from-outside", "second/branches/c/next")],
    );
    // A way out of a branch, other than by its join.
    errors(
        &format!("{}, {}", forked("a: {next: nap}, b: {next: gather}", &nap("nap", "later")), nap("later", "done"))
            .replace("gather: {kind: join, next: done}", "gather: {kind: join, next: later}"),
        &[("across-scopes", "gather/next")],
    );
}

#[test]
fn a_body_leads_back_to_its_loop_and_nowhere_else() {
    let each =
        |more: &str| format!("first: {{kind: for-each, over: =input.list, as: it, do: body, next: done}}, {more}");
    errors(&each("body: {kind: timer, for: PT1S, next: first}"), &[]);
    errors(&each("body: {kind: timer, for: PT1S, next: body}"), &[("body-never-returns", "first/do")]);
    errors(&each("body: {kind: timer, for: PT1S, next: done}"), &[("body-never-returns", "first/do")]);
    errors("first: {kind: for-each, over: =input.list, as: it, do: first, next: done}", &[("empty-body", "first/do")]);
    errors(
        "first: {kind: for-each, over: =input.list, as: it, do: body, next: after}, after: {kind: timer, for: PT1S, next: done}, \
         body: {kind: decide, cases: [{when: =vars.it > 1, next: after}], default: {next: first}}",
        &[("across-scopes", "body/cases/0/next")],
    );
    errors(
        "first: {kind: for-each, over: abc, as: it, do: body, next: done}, body: {kind: timer, for: PT1S, next: first}",
        &[("no-list", "first/over")],
    );
    errors(
        "first: {kind: for-each, over: =input.x, as: 1x, do: body, next: done}, body: {kind: timer, for: PT1S, next: first}",
        &[("variable-name", "first/as")],
    );
    errors(
        "first: {kind: for-each, over: =input.x, as: x, limit: 3, do: body, next: done}, body: {kind: timer, for: PT1S, next: first}",
        &[("limit", "first/limit")],
    );
    errors(
        "first: {kind: for-each, over: =input.x, as: x, into: y, do: body, next: done}, body: {kind: timer, for: PT1S, next: first}",
        &[("missing-field", "first/collect")],
    );
}

#[test]
fn loops_through_forks_and_bodies_have_to_wait_somewhere() {
    let round = |branches: &str, more: &str| {
        format!(
            "first: {{kind: fork, branches: {{{branches}}}, join: gather}}, {more} \
             gather: {{kind: join, next: choose}}, choose: {{kind: decide, cases: [{{when: =input.x, next: first}}], default: {{next: done}}}}"
        )
    };
    errors(&round("a: {next: gather}, b: {next: gather}", ""), &[("endless-loop", "choose")]);
    errors(&round("a: {next: gather}, b: {next: nap}", "nap: {kind: timer, for: PT1S, next: gather},"), &[]);
    let each = |body: &str| {
        format!(
            "first: {{kind: for-each, over: =input.list, as: it, do: body, next: choose}}, body: {body}, \
             choose: {{kind: decide, cases: [{{when: =input.x, next: first}}], default: {{next: done}}}}"
        )
    };
    errors(&each("{kind: compute, next: first}"), &[("endless-loop", "choose")]);
    errors(&each("{kind: timer, for: PT1S, next: first}"), &[]);
    // A loop inside the body.
    errors(
        "first: {kind: for-each, over: =input.list, as: it, do: body, next: done}, \
         body: {kind: decide, cases: [{when: =input.x, next: more}], default: {next: first}}, more: {kind: compute, next: body}",
        &[("endless-loop", "body")],
    );
}

#[test]
fn calls_retries_and_escalations_are_checked_with_their_place() {
    errors("first: {kind: call, process: it, on: {completed: {next: done}}}", &[("calls-itself", "first/process")]);
    errors("first: {kind: call, process: It, on: {completed: {next: done}}}", &[("name", "first/process")]);
    errors(
        "first: {kind: call, process: other, on: {failed: {next: done}}}",
        &[("missing-field", "first/on/completed")],
    );
    errors(
        "first: {kind: call, process: other, on: {completed: {next: done}, lost: {next: done}}}",
        &[("unknown-ending", "first/on/lost")],
    );
    errors(
        "first: {kind: call, process: other, on: {completed: {next: nowhere}}}",
        &[("unknown-node", "first/on/completed/next")],
    );
    warnings("first: {kind: call, process: other, on: {completed: {next: done}}}", &[("no-failed", "first/on")]);
    let retried = |retry: &str| {
        format!(
            "first: {{kind: command, send: A, to: a, retry: {{{retry}}}, on: {{Done: {{next: done}}, No: {{next: done}}}}}}"
        )
    };
    errors(&retried("attempts: 3, delay: PT1S"), &[("unknown-event", "first/retry/on/0")]);
    errors(&retried("on: Busy, attempts: 3, delay: PT1S"), &[("unknown-event", "first/retry/on/0")]);
    errors(&retried("on: No, attempts: 101, delay: PT1S"), &[("number", "first/retry/attempts")]);
    errors(&retried("on: No, attempts: 3, delay: =input.x"), &[("duration", "first/retry/delay")]);
    errors(&retried("on: No, attempts: 3, delay: PT1S, factor: 0.5"), &[("number", "first/retry/factor")]);
    errors(&retried("on: No, attempts: 3, delay: PT1S"), &[]);
    let asked = |escalate: &str| {
        format!("first: {{kind: approval, title: x, group: g, escalate: {escalate}, outcomes: {{a: {{next: done}}}}}}")
    };
    errors(&asked("{after: PT1S}"), &[("no-assignee", "first/escalate")]);
    errors(&asked("[{after: PT1S, group: a}, {after: soon, group: b}]"), &[("duration", "first/escalate/1/after")]);
    errors(&asked("{after: PT1S, group: =event.x}"), &[("unknown-variable", "first/escalate/group")]);
}
