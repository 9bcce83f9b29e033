//! Stateful sagas: steps with what undoes them, read by turning them into a process.
//!
//! There is one engine. A saga with steps is a process whose nodes follow from them: a command a step, which leads to the
//! next one when it is done, and to `compensation` when it failed. So everything that holds for processes holds for
//! sagas: what is checked, how time-outs and late replies are taken, how the undoing goes, what operators can do. What is
//! wrong is found by the process's own reader, and its place is translated back into the saga.

use serde_json::{Map, Value, json};

use super::Stateful;
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    fields::{Fields, NAME_CHARS_MAX, check_text},
    process::{
        Correlation,
        read::{self, check_name, read_expression},
    },
};

/// The most steps of a saga.
const STEPS_MAX: usize = 100;
const START: &str = "start";
const COMPENSATION: &str = "compensation";
const COMPLETED: &str = "completed";
const COMPENSATED: &str = "compensated";
/// Names of nodes that are not steps.
const OWN_NAMES: [&str; 4] = [START, COMPENSATION, COMPLETED, COMPENSATED];
/// Begins the name of the node that decides whether a step is taken.
const CONDITION: &str = "if-";

/// What leads back from a node of the process to the saga.
struct Origin {
    node: String,
    step: usize,
    /// The fields of the step whose value did not come from the document.
    filled_in: Vec<&'static str>,
    done: Vec<String>,
    /// Whether `done` was written as a list, and `failed`.
    listed: (bool, bool),
    failed: Vec<String>,
}

/// Reads the fields `correlate`, `start` and `steps`.
pub(super) fn read(
    name: &str,
    title: Option<&str>,
    fields: &mut Fields<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Stateful> {
    let correlate = read_expression(fields, "correlate", found);
    if let Some(correlate) = &correlate {
        for root in correlate.roots().filter(|root| *root != "event") {
            let message = format!("There is no `{root}` here: what belongs together is told by the `event` alone.");
            found.push(Diagnostic::error("unknown-variable", "/correlate", message));
        }
    }
    let starts = match fields.required("start", found) {
        Some(value) => read_types(value, "/start", found).0,
        None => Vec::new(),
    };
    let steps = match fields.required("steps", found)? {
        Value::Array(steps) if steps.is_empty() => {
            found.push(Diagnostic::error("no-steps", "/steps", "A saga has at least one step."));
            return None;
        }
        Value::Array(steps) if steps.len() > STEPS_MAX => {
            found.push(Diagnostic::error("too-many", "/steps", format!("There can be at most {STEPS_MAX} steps.")));
            return None;
        }
        Value::Array(steps) => steps,
        _ => {
            found.push(Diagnostic::error("wrong-type", "/steps", "Must be a list of steps."));
            return None;
        }
    };
    let names = read_names(steps, found)?;
    let mut nodes = Map::new();
    let mut origins = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let next = names.get(index + 1).map_or(COMPLETED.to_owned(), |next| entry(steps, index + 1, next));
        origins.push(compile(&mut nodes, step, index, &names[index], &next, found)?);
    }
    nodes.insert(START.into(), json!({"kind": "start", "next": entry(steps, 0, &names[0])}));
    nodes.insert(COMPENSATION.into(), json!({"kind": "compensate", "title": "Undo", "next": COMPENSATED}));
    nodes.insert(COMPLETED.into(), json!({"kind": "end", "title": "Completed"}));
    nodes.insert(COMPENSATED.into(), json!({"kind": "end", "title": "Compensated", "outcome": "compensated"}));
    let can_fail = nodes.values().any(leads_to_compensation);
    if !can_fail {
        nodes.remove(COMPENSATION);
        nodes.remove(COMPENSATED);
    }
    let mut document = json!({"name": name, "nodes": nodes});
    if let Some(title) = title {
        document["title"] = title.into();
    }
    let mut in_process = Vec::new();
    let process = read::read(&document, &mut in_process);
    found.extend(in_process.into_iter().filter_map(|diagnostic| translate(diagnostic, &origins)));
    let correlation = Correlation { value: correlate?, starts: starts.clone() };
    let process = process?.correlated_by(correlation);
    warn_of_one_aggregate(&process, found);
    Some(Stateful { starts, steps: names, process })
}

/// The names of all steps, each once.
fn read_names(steps: &[Value], found: &mut Vec<Diagnostic>) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let pointer = format!("/steps/{index}");
        let mut fields = Fields::of(step, pointer.clone(), found)?;
        let name = fields.required_text("name", read::DEFINITION_NAME_CHARS_MAX, found)?;
        let at = fields.at("name");
        check_name(name, &at, found);
        if OWN_NAMES.contains(&name) || name.starts_with(CONDITION) {
            let own = OWN_NAMES.join("`, `");
            let message =
                format!("A step cannot be called `{own}`, nor begin with `{CONDITION}`: histories use these.");
            found.push(Diagnostic::error("reserved", at, message));
            return None;
        }
        if names.iter().any(|known| known == name) {
            found.push(Diagnostic::error("duplicate-name", at, format!("There is another step called `{name}`.")));
            return None;
        }
        names.push(name.to_owned());
    }
    Some(names)
}

/// The node at which a step begins.
fn entry(steps: &[Value], index: usize, name: &str) -> String {
    let conditional = steps[index].get("when").is_some_and(|when| !when.is_null());
    if conditional { format!("{CONDITION}{name}") } else { name.to_owned() }
}

/// Adds the nodes of one step.
fn compile(
    nodes: &mut Map<String, Value>,
    step: &Value,
    index: usize,
    name: &str,
    next: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<Origin> {
    let mut fields = Fields::of(step, format!("/steps/{index}"), found)?;
    fields.optional("name");
    let mut node = Map::from_iter([("kind".to_owned(), Value::from("command"))]);
    let mut filled_in = vec!["kind", "on", "fails"];
    for field in ["title", "description", "send", "to", "key", "payload", "undo", "retry"] {
        if let Some(value) = fields.optional(field) {
            node.insert(field.to_owned(), value.clone());
        }
    }
    // The participants know what the saga is about, not its instance.
    for (field, value) in [("key", "=instance.business_key"), ("payload", "=input")] {
        if !node.contains_key(field) {
            node.insert(field.to_owned(), value.into());
            filled_in.push(field);
        }
    }
    let set = fields.optional("set").cloned();
    let (done, done_listed) = match fields.required("done", found) {
        Some(value) => read_types(value, &fields.at("done"), found),
        None => (Vec::new(), false),
    };
    let (failed, failed_listed) = match fields.optional("failed") {
        Some(value) => read_types(value, &fields.at("failed"), found),
        None => (Vec::new(), false),
    };
    let mut on = Map::new();
    for event_type in &done {
        let mut port = json!({"next": next});
        if let Some(set) = &set {
            port["set"] = set.clone();
        }
        on.insert(event_type.clone(), port);
    }
    for (at, event_type) in failed.iter().enumerate() {
        if done.contains(event_type) {
            let message = format!("`{event_type}` cannot say both that the step is done and that it failed.");
            let pointer = if failed_listed { format!("{}/{at}", fields.at("failed")) } else { fields.at("failed") };
            found.push(Diagnostic::error("ambiguous-event", pointer, message));
        }
        on.insert(event_type.clone(), json!({"next": COMPENSATION}));
    }
    if let Some(timeout) = fields.optional("timeout") {
        on.insert("timeout".to_owned(), compile_timeout(timeout, &node, &fields.at("timeout"), found)?);
    }
    if let Some(when) = fields.optional("when") {
        let case = json!({"when": when, "next": name});
        let title = format!("{}?", step.get("title").and_then(Value::as_str).unwrap_or(name));
        let decide = json!({"kind": "decide", "title": title, "cases": [case], "default": {"next": next}});
        nodes.insert(format!("{CONDITION}{name}"), decide);
    }
    fields.finish(found);
    node.insert("on".to_owned(), Value::Object(on));
    node.insert("fails".to_owned(), failed.clone().into());
    nodes.insert(name.to_owned(), Value::Object(node));
    let listed = (done_listed, failed_listed);
    Some(Origin { node: name.to_owned(), step: index, filled_in, done, listed, failed })
}

/// `then: undo` leads to the compensation; `then: ask` asks by a command of its own unless it says which.
fn compile_timeout(
    timeout: &Value,
    node: &Map<String, Value>,
    pointer: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let Value::Object(written) = timeout else {
        found.push(Diagnostic::error("wrong-type", pointer, "Must be an object with `after` and `then`."));
        return None;
    };
    let mut compiled = written.clone();
    if let Some(place) = ["next", "set"].into_iter().find(|field| written.contains_key(*field)) {
        let message = "A step leads to the next one by itself; say `then: ask`, `wait`, `undo` or `stuck`.";
        found.push(Diagnostic::error("unknown-field", format!("{pointer}/{place}"), message));
        return None;
    }
    match written.get("then").and_then(Value::as_str) {
        Some("undo") => {
            compiled.remove("then");
            compiled.insert("next".to_owned(), COMPENSATION.into());
        }
        Some("ask") if !written.contains_key("ask") => {
            let send = node.get("send").and_then(Value::as_str).unwrap_or_default();
            compiled.insert("ask".to_owned(), json!({"send": format!("Query{send}")}));
        }
        Some("ask" | "wait" | "stuck") => {}
        _ => {
            let message = "A time-out means that nobody knows whether it was done. Say what to do then: `ask` the \
                           participant, `wait` on, `undo` (once it is known), or be `stuck`, for a person to see to it.";
            found.push(Diagnostic::error("timeout", format!("{pointer}/then"), message));
            return None;
        }
    }
    Some(Value::Object(compiled))
}

/// One event type or a list of them, and whether it was a list.
fn read_types(value: &Value, pointer: &str, found: &mut Vec<Diagnostic>) -> (Vec<String>, bool) {
    let one = |value: &Value, at: &str, found: &mut Vec<Diagnostic>| {
        check_text(value, at, NAME_CHARS_MAX, found).map(str::to_owned)
    };
    match value {
        Value::Array(items) if items.is_empty() => {
            found.push(Diagnostic::error("no-events", pointer, "Name at least one event."));
            (Vec::new(), true)
        }
        Value::Array(items) => {
            let types = items.iter().enumerate();
            (types.filter_map(|(index, item)| one(item, &format!("{pointer}/{index}"), found)).collect(), true)
        }
        value => (one(value, pointer, found).into_iter().collect(), false),
    }
}

fn leads_to_compensation(node: &Value) -> bool {
    let ports = node.get("on").and_then(Value::as_object);
    ports.is_some_and(|ports| ports.values().any(|port| port.get("next").is_some_and(|next| next == COMPENSATION)))
}

/// A diagnostic of the process at its place in the saga; `None` for what concerns only how the process was made.
fn translate(mut diagnostic: Diagnostic, origins: &[Origin]) -> Option<Diagnostic> {
    let Some(rest) = diagnostic.pointer.strip_prefix("/nodes/") else {
        // Name and title have been looked at already.
        let about_nodes = diagnostic.pointer == "/nodes";
        diagnostic.pointer = "/steps".to_owned();
        return about_nodes.then_some(diagnostic);
    };
    let (node, rest) = rest.split_once('/').map_or((rest, ""), |(node, rest)| (node, rest));
    if let Some(step) = origins.iter().find(|origin| node.strip_prefix(CONDITION) == Some(&origin.node)) {
        diagnostic.pointer = format!("/steps/{}/when", step.step);
        return Some(diagnostic);
    }
    let Some(origin) = origins.iter().find(|origin| origin.node == node) else {
        // `compensation` where no step has an undo.
        diagnostic.pointer = "/steps".to_owned();
        return Some(diagnostic);
    };
    let here = format!("/steps/{}", origin.step);
    diagnostic.pointer = match rest.split_once('/') {
        _ if rest.is_empty() => here,
        None if rest == "on" => here,
        Some(("fails", _)) => format!("{here}/failed"),
        None if rest == "fails" => format!("{here}/failed"),
        Some(("on", port)) => {
            let (event, inner) = port.split_once('/').map_or((port, ""), |(event, inner)| (event, inner));
            let position = |types: &[String]| types.iter().position(|it| pointer_token(it) == event);
            match (position(&origin.done), position(&origin.failed)) {
                _ if event == "timeout" => format!("{here}/timeout/{inner}").trim_end_matches('/').to_owned(),
                // What is set is written once for all events.
                (Some(0), _) if inner.starts_with("set") => format!("{here}/{inner}"),
                (Some(_), _) if inner.starts_with("set") => return None,
                (Some(at), _) if origin.listed.0 => format!("{here}/done/{at}"),
                (Some(_), _) => format!("{here}/done"),
                (None, Some(at)) if origin.listed.1 => format!("{here}/failed/{at}"),
                (None, _) => format!("{here}/failed"),
            }
        }
        _ if origin.filled_in.contains(&rest) => here,
        _ => format!("{here}/{rest}"),
    };
    Some(diagnostic)
}

/// A saga covers for a wrong boundary when all that it coordinates is of one kind.
fn warn_of_one_aggregate(process: &crate::process::Definition, found: &mut Vec<Diagnostic>) {
    let mut receivers: Vec<&str> =
        process.nodes.values().filter_map(|node| node.command()).map(|it| it.to.as_str()).collect();
    let count = receivers.len();
    receivers.sort_unstable();
    receivers.dedup();
    if count > 1 && receivers.len() == 1 {
        found.push(Diagnostic::warning("one-aggregate", "/steps", super::ONE_AGGREGATE));
    }
}
