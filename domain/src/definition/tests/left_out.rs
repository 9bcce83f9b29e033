//! Steps that stay done where others are undone, and nodes that no way leads to.

use super::*;

const UNDO: &str = "undo: {send: U, done: V, timeout: {after: PT1H, then: stuck}}";

/// A command that goes on to `next` and to `no` when it is refused.
fn command(name: &str, more: &str, next: &str, no: &str) -> String {
    format!(
        "{name}: {{kind: command, send: A, to: a, fails: No, {more} on: {{Done: {{next: {next}}}, No: {{next: {no}}}, timeout: {{after: PT1H, then: stuck}}}}}}"
    )
}

fn with_undo() -> String {
    format!("{UNDO},")
}

#[track_caller]
fn left_out(nodes: &[String], expected: &[&str]) {
    let nodes = nodes.join(", ") + ", back: {kind: compensate, next: done}";
    warnings(&nodes, &expected.iter().map(|node| ("missing-compensation", *node)).collect::<Vec<_>>());
}

#[test]
fn a_command_that_stays_done_while_others_are_undone_is_warned_about() {
    let undone = || command("first", &with_undo(), "second", "done");
    left_out(&[undone(), command("second", "", "third", "back"), command("third", "", "done", "back")], &["second"]);
    left_out(&[undone(), command("second", &with_undo(), "third", "back"), command("third", "", "done", "back")], &[]);
    // That is as it shall be.
    left_out(&[undone(), command("second", "undo: none,", "third", "back"), command("third", "", "done", "back")], &[]);
    // It comes back here after it was done.
    left_out(
        &[undone(), command("second", "", "pause", "back"), "pause: {kind: timer, for: PT1S, next: second}".to_owned()],
        &["second"],
    );
    // Before an undoing that everything can lead to, and in a branch.
    left_out(
        &[
            command("first", "", "second", "done"),
            command("second", &with_undo(), "third", "done"),
            command("third", "", "done", "back"),
        ],
        &["first"],
    );
    let fork = "first: {kind: fork, branches: {a: {next: second}, b: {next: third}}, join: gather}, gather: {kind: join, next: fourth}".to_owned();
    left_out(
        &[
            fork,
            command("second", &with_undo(), "gather", "back"),
            command("third", "", "gather", "back"),
            command("fourth", "", "done", "back"),
        ],
        &["third"],
    );
}

#[test]
fn a_call_that_stays_done_while_others_are_undone_is_warned_about() {
    let call = |undo: &str, on: &str| {
        format!("second: {{kind: call, process: p, {undo} on: {{completed: {{next: third}}, failed: {{next: {on}}}}}}}")
    };
    let undone = || command("first", &with_undo(), "second", "done");
    let last = || command("third", "", "done", "back");
    left_out(&[undone(), call("", "done"), last()], &["second"]);
    for undo in ["undo: none,", "undo: {send: U, to: t, done: V, timeout: {after: PT1H, then: stuck}},"] {
        left_out(&[undone(), call(undo, "done"), last()], &[]);
    }
    // What did not complete leaves nothing behind.
    let text =
        [undone(), call("", "back").replace("third", "done")].join(", ") + ", back: {kind: compensate, next: done}";
    warnings(&text, &[]);
    // One that is undone is something to undo.
    let undo = "undo: {send: U, to: t, done: V, timeout: {after: PT1H, then: stuck}},";
    left_out(&[call(undo, "done").replace("second:", "first:"), last()], &[]);
}

#[test]
fn what_undoes_a_call_says_to_whom_it_goes() {
    let text = "first: {kind: call, process: p, undo: {send: U, done: V, timeout: {after: PT1H, then: stuck}}, \
                on: {completed: {next: done}, failed: {next: done}}}";
    let found: Vec<_> = parse(&with_nodes(text)).unwrap_err().into_iter().map(|it| (it.code, it.pointer)).collect();
    assert_eq!(found, [("missing-field".to_owned(), "/nodes/first/undo/to".to_owned())]);
}

#[test]
fn where_nothing_is_undone_nothing_is_left_out() {
    let text = [command("first", "", "second", "done"), command("second", &with_undo(), "done", "done")].join(", ");
    warnings(&text, &[]);
    let text = [command("first", "", "second", "done"), command("second", "", "done", "back")].join(", ");
    warnings(&(text + ", back: {kind: compensate, next: done}"), &[("nothing-to-undo", "back")]);
}

#[test]
fn a_step_of_a_saga_that_stays_done_is_warned_about() {
    let warned = |steps: &[&str]| -> Vec<String> {
        let steps: Vec<String> = steps
            .iter()
            .enumerate()
            .map(|(at, more)| format!("{{name: s{at}, send: A{at}, to: t{at}, done: D{at}, failed: F{at}, timeout: {{after: PT1M, then: ask}} {more}}}"))
            .collect();
        let steps = steps.join(", ");
        let text = format!("{{baton: saga/1, name: it, correlate: =event.payload.id, start: Begun, steps: [{steps}]}}");
        parse(&text).unwrap().warnings.into_iter().map(|it| format!("{} {}", it.code, it.pointer)).collect()
    };
    let undo = format!(", {UNDO}");
    assert_eq!(warned(&[&undo, "", ""]), ["missing-compensation /steps/1"]);
    assert_eq!(warned(&[&undo, &undo, ""]), [""; 0]);
    assert_eq!(warned(&[&undo, ", undo: none", ""]), [""; 0]);
    assert_eq!(warned(&["", "", ""]), ["nothing-to-undo /steps"]);
}

#[test]
fn that_there_is_nothing_to_undo_is_kept() {
    let text = with_nodes(&command("first", "undo: none,", "done", "done"));
    let parsed = parse(&text).unwrap();
    assert_eq!(parsed.value["nodes"]["first"]["undo"], json!("none"));
    assert_eq!(Schema::compile(&process_schema()).unwrap().check(&parsed.value), []);
    assert_eq!(parse(&write(&parsed.value).unwrap()).unwrap().definition, parsed.definition);
    let through_bpmn = crate::bpmn::import(&crate::bpmn::export(&parsed.value).unwrap());
    assert_eq!(through_bpmn.document.unwrap()["nodes"]["first"]["undo"], json!("none"));
    let saga = "{baton: saga/1, name: it, correlate: =event.payload.id, start: Begun, \
        steps: [{name: a, send: A, to: x, done: B, timeout: {after: PT1M, then: ask}, undo: none}]}";
    assert_eq!(Schema::compile(&saga_schema()).unwrap().check(&parse(saga).unwrap().value), []);
    errors(&command("first", "undo: nothing,", "done", "done"), &[("wrong-type", "first/undo")]);
}

#[test]
fn an_open_port_off_the_way_does_not_hide_what_nothing_leads_to() {
    errors(
        "first: {kind: timer, for: PT1S, next: done}, new: {kind: compute}, behind: {kind: compute, next: done}",
        &[("missing-field", "new/next"), ("unreachable", "behind"), ("unreachable", "new")],
    );
    errors(
        "first: {kind: timer, for: PT1S, next: done}, odd: {kind: teleport}",
        &[("unknown-kind", "odd/kind"), ("unreachable", "odd")],
    );
    // Here it may lead to what is missing.
    errors("first: {kind: compute}, behind: {kind: compute, next: done}", &[("missing-field", "first/next")]);
    errors("first: {kind: teleport}, behind: {kind: compute, next: done}", &[("unknown-kind", "first/kind")]);
}
