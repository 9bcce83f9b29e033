//! Variables that are read before they are set.

use super::*;

/// The findings about variables of a process with these nodes are exactly `expected`, each the code's first word and the
/// pointer below `/nodes`.
#[track_caller]
fn unset(nodes: &str, expected: &[(&str, &str)]) {
    let found = messages(nodes);
    let found: Vec<(&str, &str)> = found.iter().map(|(code, pointer, _)| (code.as_str(), pointer.as_str())).collect();
    assert_eq!(found, expected, "{nodes}");
}

/// Code, pointer and message.
fn messages(nodes: &str) -> Vec<(String, String, String)> {
    let found = check(&with_nodes(nodes)).diagnostics;
    assert!(!found.iter().any(Diagnostic::is_error), "{found:#?}");
    let about = found.into_iter().filter_map(|it| {
        let code = it.code.strip_suffix("unset-variable")?;
        let code = if code.is_empty() { "unset" } else { "maybe" };
        Some((code.to_owned(), it.pointer.trim_start_matches("/nodes/").to_owned(), it.message))
    });
    about.collect()
}

#[track_caller]
fn says(nodes: &str, expected: &str) {
    let found = messages(nodes);
    assert!(found.iter().any(|(_, _, message)| message.contains(expected)), "{found:#?}");
}

/// A node that sets variables to something.
fn set(name: &str, variables: &str, next: &str) -> String {
    format!("{name}: {{kind: compute, set: {{{variables}}}, next: {next}}}")
}

/// A node that waits and reads `x`.
fn read(name: &str, next: &str) -> String {
    format!(
        "{name}: {{kind: call, process: other, input: =vars.x, on: {{completed: {{next: {next}}}, failed: {{next: done}}}}}}"
    )
}

fn decide(name: &str, when: &str, then: &str, otherwise: &str) -> String {
    format!("{name}: {{kind: decide, cases: [{{when: \"={when}\", next: {then}}}], default: {{next: {otherwise}}}}}")
}

fn nodes(nodes: &[String]) -> String {
    nodes.join(", ")
}

#[test]
fn what_is_read_was_set_before() {
    unset(&nodes(&[set("first", "x: 1", "b"), read("b", "done")]), &[]);
    let later = nodes(&[read("first", "b"), set("b", "x: 1", "done")]);
    unset(&later, &[("unset", "first/input")]);
    says(&later, "set only later, at `b`");
    // Beside each other nothing is seen of each other.
    let together = set("first", "x: 1, y: =vars.x", "done");
    unset(&together, &[("unset", "first/set/y")]);
    says(&together, "set only when this node is left");
    // What sets a variable may read what it was.
    unset(&nodes(&[set("first", "x: 1", "b"), set("b", "x: =vars.x + 1", "done")]), &[]);
    says(
        &nodes(&[decide("first", "input.a", "b", "c"), set("b", "x: 1", "done"), read("c", "done")]),
        "on other ways, at `b`",
    );
}

#[test]
fn what_only_some_ways_set_is_told_with_one_that_does_not() {
    let some = nodes(&[decide("first", "input.a", "b", "c"), set("b", "x: 1", "c"), read("c", "done")]);
    unset(&some, &[("maybe", "c/input")]);
    says(&some, "not where `first` is left by `default`");
    unset(
        &nodes(&[
            decide("first", "input.a", "b", "b2"),
            set("b", "x: 1", "c"),
            set("b2", "x: 2", "c"),
            read("c", "done"),
        ]),
        &[],
    );
    // A way that ends is no way to what comes after.
    unset(&nodes(&[decide("first", "input.a", "b", "done"), set("b", "x: 1", "c"), read("c", "done")]), &[]);
    let late =
        "first: {kind: command, send: A, to: a, on: {B: {set: {x: 1}, next: b}, timeout: {after: PT1M, next: b}}}";
    let late = nodes(&[late.to_owned(), read("b", "done")]);
    unset(&late, &[("maybe", "b/input")]);
    says(&late, "not where `first` is left by `timeout`");
}

#[test]
fn each_port_sets_its_own() {
    let ask = |outcomes: &str, timeout: &str| {
        let ask = format!(
            "first: {{kind: approval, title: t, group: g, outcomes: {{{outcomes}}}, timeout: {{after: P1D, {timeout}}}}}"
        );
        nodes(&[ask, read("b", "done")])
    };
    unset(&ask("yes: {set: {x: =form.a}, next: b}, no: {set: {x: 1}, next: b}", "set: {x: 2}, next: b"), &[]);
    unset(&ask("yes: {set: {x: =form.a}, next: b}, no: {next: b}", "next: done"), &[("maybe", "b/input")]);
    unset(&ask("yes: {set: {x: =form.a}, next: b}", "next: done"), &[]);
    let call = "first: {kind: call, process: other, on: {completed: {set: {x: =event.payload.output}, next: b}, failed: {next: b}}}";
    unset(&nodes(&[call.to_owned(), read("b", "done")]), &[("maybe", "b/input")]);
    // An escalation is prepared when the task is opened.
    unset(
        "first: {kind: approval, title: t, group: g, escalate: {after: P1D, group: =vars.x}, outcomes: {yes: {set: {x: 1}, next: done}}}",
        &[("unset", "first/escalate/group")],
    );
}

#[test]
fn the_reason_of_an_end_is_made_before_the_end_sets_anything() {
    unset(
        &nodes(&[
            decide("first", "input.a", "stop", "done"),
            "stop: {kind: end, set: {x: 1}, reason: =vars.x}".to_owned(),
        ]),
        &[("unset", "stop/reason")],
    );
}

#[test]
fn loops_of_the_graph_come_to_rest() {
    let pause = "pause: {kind: timer, for: PT1S, next: b}".to_owned();
    // Set on the way round only.
    unset(
        &nodes(&[
            set("first", "a: 1", "b"),
            read("b", "c"),
            decide("c", "input.a", "d", "done"),
            set("d", "x: 1", "pause"),
            pause.clone(),
        ]),
        &[("maybe", "b/input")],
    );
    unset(&nodes(&[set("first", "x: 1", "b"), read("b", "c"), decide("c", "input.a", "pause", "done"), pause]), &[]);
}

#[test]
fn what_is_asked_for_is_known() {
    unset(
        &nodes(&[
            decide("first", "input.a", "b", "c"),
            set("b", "x: 1", "c"),
            set("c", "y: \"=has(vars.x) ? vars.x : 0\"", "done"),
        ]),
        &[],
    );
    unset(
        &nodes(&[
            decide("first", "input.a", "b", "c"),
            set("b", "x: 1", "c"),
            decide("c", "has(vars.x)", "d", "done"),
            read("d", "done"),
        ]),
        &[],
    );
    unset(
        &nodes(&[
            decide("first", "input.a", "b", "c"),
            set("b", "x: 1", "c"),
            decide("c", "'x' in vars", "d", "done"),
            read("d", "done"),
        ]),
        &[],
    );
    // Whether something else is there says nothing.
    unset(
        &nodes(&[
            decide("first", "input.a", "b", "c"),
            set("b", "x: {}", "c"),
            set("c", "y: \"=has(vars.x.a) ? vars.x.a : 0\"", "done"),
        ]),
        &[("maybe", "c/set/y")],
    );
}

#[test]
fn all_branches_of_a_fork_set_what_they_set() {
    let fork = |branches: &str, more: &[String], after: &str| {
        let more = nodes(more);
        format!(
            "first: {{kind: fork, branches: {{{branches}}}, join: gather, timeout: {{after: PT1H, {after}}}}}, gather: {{kind: join, next: b}}, {more}"
        )
    };
    let here = "a: {next: one}, b: {next: gather}";
    let rest = |next: &str| format!("rest: {{kind: timer, for: PT1S, next: {next}}}");
    // One branch sets it for sure.
    unset(&fork(here, &[set("one", "x: 1", "gather"), read("b", "done")], "next: done"), &[]);
    // Or on one of its ways only; a way that ends does not come here.
    let choose =
        |otherwise: &str| [decide("one", "input.a", "two", otherwise), set("two", "x: 1", "gather"), read("b", "done")];
    unset(&fork(here, &choose("gather"), "next: done"), &[("maybe", "b/input")]);
    unset(&fork(here, &choose("done"), "next: done"), &[]);
    // On the first way all branches set theirs before any goes on.
    unset(
        &fork(
            "a: {set: {x: 1}, next: gather}, b: {next: b2}",
            &[read("b2", "gather"), "b: {kind: compute, next: done}".to_owned()],
            "next: done",
        ),
        &[],
    );
    // Later, nobody knows who is first.
    let race = fork(
        "a: {next: one}, b: {next: b2}",
        &[set("one", "x: 1", "gather"), read("b2", "gather"), read("b", "done")],
        "next: done",
    );
    unset(&race, &[("maybe", "b2/input")]);
    says(&race, "another branch of `first` sets it, at the same time");
    // When the time is up, the first way was gone for sure, and the rest perhaps.
    let late = |first: &str, more: &[String]| {
        fork(&format!("a: {{set: {{{first}}}, next: one}}"), more, "set: {y: =vars.x}, next: done")
    };
    unset(&late("x: 1", &["one: {kind: timer, for: PT1S, next: gather}".to_owned(), set("b", "c: 1", "done")]), &[]);
    unset(
        &late("z: 1", &[set("one", "x: 1", "rest"), rest("gather"), set("b", "c: 1", "done")]),
        &[("maybe", "first/timeout/set/y")],
    );
}

#[test]
fn forks_inside_forks_and_loops_are_gone_through() {
    let outer = "first: {kind: fork, branches: {a: {next: inner}, b: {next: gather}}, join: gather}, \
        inner: {kind: fork, branches: {c: {next: one}, d: {next: two}}, join: met}, met: {kind: join, next: each}, \
        one: {kind: timer, for: PT1S, set: {x: 1}, next: met}, two: {kind: timer, for: PT1S, set: {y: 1}, next: met}, \
        each: {kind: for-each, over: '=[vars.x, vars.y]', as: item, do: three, collect: =vars.z + vars.item + vars.x, into: zs, next: gather}, \
        three: {kind: timer, for: PT1S, set: {z: =vars.item}, next: each}, gather: {kind: join, next: last}, ";
    unset(&format!("{outer}last: {{kind: compute, set: {{s: '=[vars.x, vars.y, vars.zs]'}}, next: done}}"), &[]);
    unset(
        &format!("{outer}last: {{kind: compute, set: {{s: '=[vars.x, vars.z]'}}, next: done}}"),
        &[("unset", "last/set/s")],
    );
}

#[test]
fn an_item_has_variables_of_its_own() {
    let each = |more: &str, body: &str, after: &str| {
        format!("first: {{kind: for-each, over: =input.list, as: item, do: one, {more} next: b}}, {body}, {after}")
    };
    let body = set("one", "x: =vars.item", "nap") + ", nap: {kind: timer, for: PT1S, next: first}";
    unset(&each("collect: =vars.x, into: all,", &body, &set("b", "y: =vars.all", "done")), &[]);
    let gone = each("collect: =vars.x, into: all,", &body, &set("b", "y: =vars.x", "done"));
    unset(&gone, &[("unset", "b/set/y")]);
    says(&gone, "each item of `first` has its own");
    unset(&each("", &body, &set("b", "y: =vars.item", "done")), &[("unset", "b/set/y")]);
    // What is collected was set by every way through the body.
    let some = nodes(&[
        decide("one", "vars.item", "two", "first"),
        "two: {kind: timer, for: PT1S, set: {x: 1}, next: first}".to_owned(),
    ]);
    let some = each("collect: =vars.x, into: all,", &some, &set("b", "y: 1", "done"));
    unset(&some, &[("maybe", "first/collect")]);
    says(&some, "not where `one` is left by `default`");
    // Results are there after the loop, not where it sets variables itself.
    unset(
        &each("collect: =vars.x, into: all, set: {y: =vars.all},", &body, &set("b", "y: 1", "done")),
        &[("unset", "first/set/y")],
    );
    // What undoes takes the item's variables along.
    let back = set("one", "x: =vars.item", "two")
        + ", two: {kind: command, send: A, to: a, undo: {send: U, done: V, timeout: {after: PT1M, then: stuck}}, on: {B: {next: first}, C: {next: back}, timeout: {after: PT1M, then: stuck}}}"
        + ", back: {kind: compensate, set: {y: =vars.x}, next: done}";
    unset(&each("", &back, &set("b", "y: 1", "done")), &[]);
}

#[test]
fn an_undo_is_made_ready_after_the_port() {
    let command = |on: &str, timeout: &str| {
        format!(
            "first: {{kind: command, send: A, to: a, fails: No, undo: {{send: U, done: V, payload: {{x: =vars.x}}, timeout: {{after: PT1M, then: stuck}}}}, on: {{{on}, No: {{next: done}}, timeout: {{after: PT1M, {timeout}}}}}}}"
        )
    };
    unset(&command("B: {set: {x: 1}, next: done}", "then: stuck"), &[]);
    unset(
        &command("B: {set: {x: 1}, next: done}, C: {next: done}", "then: stuck"),
        &[("maybe", "first/undo/payload/x")],
    );
    // The late answer of a command is no port that sets anything.
    let late = command("B: {set: {x: 1}, next: done}", "next: done");
    unset(&late, &[("maybe", "first/undo/payload/x")]);
    says(&late, "not where `first` is left by `timeout`");
    let retried = late.replace("fails: No", "fails: No, retry: {attempts: 2, delay: PT1S}");
    unset(&retried, &[("maybe", "first/undo/payload/x")]);
    unset(&command("B: {set: {x: 1}, next: done}", "set: {x: null}, next: done"), &[]);
}

#[test]
fn a_graph_that_does_not_hold_together_is_only_asked_whether_anything_sets_it() {
    let found = found(&with_nodes(
        "first: {kind: compute, set: {y: =vars.x, z: =vars.q}, next: b}, b: {kind: compute, set: {x: 1}, next: nowhere}",
    ));
    let found: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(found, ["unknown-node", "unset-variable"]);
}

#[test]
fn steps_of_sagas_see_what_steps_before_them_set() {
    let warned = |steps: &str| -> Vec<(String, String)> {
        let text = format!("{{baton: saga/1, name: it, correlate: =event.payload.id, start: Begun, steps: [{steps}]}}");
        found(&text).into_iter().filter(|(code, _)| code.ends_with("unset-variable")).collect()
    };
    let step = |name: &str, more: &str| {
        format!("{{name: {name}, send: A, to: {name}, done: B, timeout: {{after: PT1M, then: ask}}, {more}}}")
    };
    let undo = "undo: {send: U, done: V, payload: {x: =vars.x}, timeout: {after: PT1M, then: stuck}}";
    let sets = step("a", &format!("set: {{x: =event.payload}}, failed: No, {undo}"));
    assert_eq!(warned(&format!("{sets}, {}", step("b", "payload: =vars.x, failed: No, when: =vars.x > 1"))), []);
    // A step that is left out sets nothing.
    let perhaps = step("a", "set: {x: =event.payload}, when: =input.a");
    assert_eq!(
        warned(&format!("{perhaps}, {}", step("b", "payload: =vars.x"))),
        [("maybe-unset-variable".to_owned(), "/steps/1/payload".to_owned())]
    );
    assert_eq!(
        warned(&format!("{}, {}", step("a", "payload: =vars.x"), step("b", "set: {x: 1}"))),
        [("unset-variable".to_owned(), "/steps/0/payload".to_owned())]
    );
}

#[test]
fn a_turn_long_ago_is_told_all_the_way_down() {
    let chain = (0..240).map(|at| {
        let decide = decide(&format!("d{at}"), "input.a", &format!("s{at}"), &format!("s{at}"));
        let next = if at == 239 { "done".to_owned() } else { format!("d{}", at + 1) };
        decide + ", " + &set(&format!("s{at}"), &format!("v{at}: 1, w{at}: =vars.x"), &next)
    });
    let first = decide("first", "input.a", "b", "d0");
    let found = messages(&nodes(&[first, set("b", "x: 1", "d0"), chain.collect::<Vec<_>>().join(", ")]));
    assert_eq!(found.len(), 240);
    assert!(found.iter().all(|(code, _, message)| code == "maybe" && message.contains("`first` is left by `default`")));
}
