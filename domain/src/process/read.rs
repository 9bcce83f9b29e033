//! From the JSON of a definition to [`Definition`], reporting everything that is wrong with it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    definition::{
        Approval, ApprovalOutcome, Assignments, Case, Definition, EARLY, Escalation, Node, NodeKind, Outcome, Parts,
        Port,
    },
    ports::TIMEOUT,
    validate,
};

mod command;
mod flow;
pub(super) mod unread;
mod values;

use command::{Allowed, read_awaits, read_command, read_timeout};
use unread::Unread;
pub(crate) use values::read_expression;
use values::{Form, read_moment_field, read_template};

use crate::{
    diagnostic::{Diagnostic, pointer_token},
    expression::Template,
    fields::{Fields, NAME_CHARS_MAX, name_of, shorten},
    schema::Schema,
};

/// The most nodes of a definition.
pub const NODES_MAX: usize = 500;
/// The most characters of the name of a definition or node.
pub const DEFINITION_NAME_CHARS_MAX: usize = 100;
/// The most characters of a title, description or reason.
const TEXT_CHARS_MAX: usize = 4_000;
/// The most escalations of an approval.
const ESCALATIONS_MAX: usize = 20;
const KINDS: &str =
    "start, command, wait, decide, compute, approval, timer, call, fork, join, for-each, compensate, end";

/// Reads a definition, except for the field `baton`, which the caller has looked at. A definition comes back whenever
/// its shape could be read; it may be used only when none of the diagnostics in `found` is an error.
pub fn read(value: &Value, found: &mut Vec<Diagnostic>) -> Option<Definition> {
    let mut fields = Fields::of(value, "", found)?;
    fields.optional("baton");
    let name = fields.required_text("name", DEFINITION_NAME_CHARS_MAX, found).map(str::to_owned);
    if let Some(name) = &name {
        check_name(name, "/name", found);
    }
    let title = fields.text("title", NAME_CHARS_MAX, found).map(str::to_owned);
    let description = fields.text("description", TEXT_CHARS_MAX, found).map(str::to_owned);
    let input = fields.optional("input").and_then(|schema| compile_schema(schema, "/input", found));
    let nodes = match fields.required("nodes", found) {
        Some(value) => read_nodes(value, found),
        None => None,
    };
    let early = values::read_length(&mut fields, "early", false, found).unwrap_or(EARLY);
    // Read by `simulation`: they are no part of what the definition means.
    fields.optional("scenarios");
    let layout = fields.map("layout", found).map_or_else(BTreeMap::new, |map| read_layout(map, found));
    fields.finish(found);
    let (nodes, unread) = nodes?;
    let start = validate::validate(name.as_deref(), &nodes, &unread, &layout, found)?;
    if !unread.is_empty() {
        return None;
    }
    let (name, scopes) = (name?, Default::default());
    Some(Definition::new(Parts {
        name,
        title,
        description,
        input,
        nodes,
        start,
        early,
        layout,
        scopes,
        correlation: None,
    }))
}

/// Names are kebab-case, so that they can stand in addresses and file names as they are.
pub(crate) fn check_name(name: &str, pointer: &str, found: &mut Vec<Diagnostic>) {
    let kebab = name
        .split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    if !kebab || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        found.push(Diagnostic::error(
            "name",
            pointer,
            format!(
                "`{}` is no name: use lower-case letters, digits and single hyphens, as in `trip-booking`.",
                shorten(name, 60)
            ),
        ));
    }
}

/// The nodes that could be read, and those that could not.
fn read_nodes(value: &Value, found: &mut Vec<Diagnostic>) -> Option<(BTreeMap<String, Node>, Unread)> {
    let Value::Object(map) = value else {
        found.push(Diagnostic::error("wrong-type", "/nodes", format!("Must be an object, not {}.", name_of(value))));
        return None;
    };
    if map.len() > NODES_MAX {
        found.push(Diagnostic::error("too-many", "/nodes", format!("There can be at most {NODES_MAX} nodes.")));
        return None;
    }
    let mut nodes = BTreeMap::new();
    let mut unread = Unread::default();
    for (name, value) in map {
        let pointer = format!("/nodes/{}", pointer_token(name));
        check_name(name, &pointer, found);
        if name.len() > DEFINITION_NAME_CHARS_MAX {
            let message = format!("A name has at most {DEFINITION_NAME_CHARS_MAX} characters.");
            found.push(Diagnostic::error("too-long", &pointer, message));
        }
        match read_node(value, &pointer, found) {
            Some(node) => {
                nodes.insert(name.clone(), node);
            }
            None => unread.add(name, value, &pointer),
        }
    }
    Some((nodes, unread))
}

fn read_node(value: &Value, pointer: &str, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut fields = Fields::of(value, pointer, found)?;
    let kind = fields.required_text("kind", NAME_CHARS_MAX, found)?.to_owned();
    fields.text("description", TEXT_CHARS_MAX, found);
    let is_approval = kind == "approval";
    let title = if is_approval { None } else { fields.text("title", NAME_CHARS_MAX, found).map(str::to_owned) };
    let kind = match kind.as_str() {
        "start" => NodeKind::Start { port: read_next(&mut fields, found) },
        "compute" => NodeKind::Compute { port: read_next(&mut fields, found) },
        "call" => flow::read_call(&mut fields, found)?,
        "fork" => flow::read_fork(&mut fields, found)?,
        "join" => NodeKind::Join { port: read_next(&mut fields, found) },
        "for-each" => flow::read_for_each(&mut fields, found)?,
        "compensate" => NodeKind::Compensate { port: read_next(&mut fields, found) },
        "command" => NodeKind::Command(Box::new(read_command(&mut fields, found)?)),
        "wait" => NodeKind::Wait { awaits: read_awaits(&mut fields, Allowed::Leaving, found) },
        "decide" => read_decide(&mut fields, found)?,
        "approval" => NodeKind::Approval(Box::new(read_approval(&mut fields, found)?)),
        "timer" => read_timer(&mut fields, found)?,
        "end" => read_end(&mut fields, found)?,
        unknown => {
            let message = format!("Unknown kind `{}`. Known are: {KINDS}.", shorten(unknown, 60));
            found.push(Diagnostic::error("unknown-kind", format!("{pointer}/kind"), message));
            return None;
        }
    };
    fields.finish(found);
    Some(Node { title, kind })
}

/// The fields `set` and `next`, directly in a node.
fn read_next(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Port {
    let set = read_set(fields, found);
    let next = fields.required_text("next", NAME_CHARS_MAX, found).unwrap_or_default().to_owned();
    Port { set, next }
}

/// An object with `set` and `next`, and whatever `more` reads.
fn read_port<T>(
    value: &Value,
    pointer: String,
    found: &mut Vec<Diagnostic>,
    more: impl FnOnce(&mut Fields<'_>, &mut Vec<Diagnostic>) -> T,
) -> Option<(Port, T)> {
    let mut fields = Fields::of(value, pointer, found)?;
    let more = more(&mut fields, found);
    let port = read_next(&mut fields, found);
    fields.finish(found);
    Some((port, more))
}

pub(super) fn read_set(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Assignments {
    let Some(map) = fields.map("set", found) else { return Vec::new() };
    let pointer = fields.at("set");
    map.iter()
        .map(|(name, value)| {
            let at = format!("{pointer}/{}", pointer_token(name));
            if !is_variable_name(name) {
                let message = format!(
                    "`{}` is no variable name: use letters, digits and underscores, beginning with a letter.",
                    shorten(name, 60)
                );
                found.push(Diagnostic::error("variable-name", &at, message));
            }
            (name.clone(), Template::compile(value, &at, found))
        })
        .collect()
}

fn read_decide(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<NodeKind> {
    let pointer = fields.at("cases");
    let cases = match fields.required("cases", found) {
        Some(Value::Array(items)) if !items.is_empty() => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let at = format!("{pointer}/{index}");
                let (port, when) = read_port(item, at, found, |fields, found| {
                    fields.text("title", NAME_CHARS_MAX, found);
                    read_expression(fields, "when", found)
                })?;
                Some(Case { when: when?, port })
            })
            .collect::<Vec<_>>(),
        Some(_) => {
            found.push(Diagnostic::error("wrong-type", pointer, "Must be a list of at least one case."));
            Vec::new()
        }
        None => Vec::new(),
    };
    let pointer = fields.at("default");
    let default = match fields.optional("default") {
        Some(value) => read_port(value, pointer, found, |_, _| ()).map(|(port, ())| port),
        None => {
            let message = "Say where to go when no case holds: `default: {next: …}`.";
            found.push(Diagnostic::error("no-default", pointer, message));
            None
        }
    };
    // A case that could not be read keeps its place, so that edges from the others are still checked.
    let cases = cases.into_iter().collect::<Option<Vec<_>>>()?;
    Some(NodeKind::Decide { cases, default: default? })
}

fn read_approval(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Approval> {
    let title = fields.required("title", found).map(|value| Template::compile(value, &fields.at("title"), found));
    let assignee = read_template(fields, "assignee", found);
    let group = read_template(fields, "group", found);
    let due = read_moment_field(fields, "due", false, Form::Either, found);
    let escalate = read_escalations(fields, found);
    let timeout =
        fields.optional("timeout").and_then(|value| read_timeout(value, fields.at("timeout"), Allowed::Leaving, found));
    let pointer = fields.at("outcomes");
    let mut outcomes = BTreeMap::new();
    match fields.required("outcomes", found) {
        Some(Value::Object(map)) if !map.is_empty() => {
            for (name, value) in map {
                let at = format!("{pointer}/{}", pointer_token(name));
                check_name(name, &at, found);
                if name == TIMEOUT {
                    let message = "`timeout` cannot be chosen by a person; write it beside `outcomes`.";
                    found.push(Diagnostic::error("name", &at, message));
                }
                let read = read_port(value, at, found, |fields, found| {
                    let title = fields.text("title", NAME_CHARS_MAX, found).map(str::to_owned);
                    let form = fields.optional("form").and_then(|form| compile_schema(form, &fields.at("form"), found));
                    (title, form)
                });
                if let Some((port, (title, form))) = read {
                    outcomes.insert(name.clone(), ApprovalOutcome { title, form, port });
                }
            }
        }
        Some(_) => {
            let message = "Must be an object with at least one outcome to choose.";
            found.push(Diagnostic::error("no-outcomes", pointer, message));
        }
        None => {}
    }
    if assignee.is_none() && group.is_none() {
        let message = "Without `assignee` or `group` anybody who may complete tasks can complete this one.";
        found.push(Diagnostic::warning("no-assignee", fields.pointer.clone(), message));
    }
    Some(Approval { title: title?, assignee, group, due, escalate, outcomes, timeout })
}

/// One escalation, or a list of them.
fn read_escalations(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Vec<Escalation> {
    let pointer = fields.at("escalate");
    match fields.optional("escalate") {
        None => Vec::new(),
        Some(Value::Array(items)) if !items.is_empty() && items.len() <= ESCALATIONS_MAX => {
            let items = items.iter().enumerate();
            items.filter_map(|(index, item)| read_escalation(item, format!("{pointer}/{index}"), found)).collect()
        }
        Some(Value::Array(_)) => {
            let message = format!("Must be 1 to {ESCALATIONS_MAX} escalations.");
            found.push(Diagnostic::error("too-many", pointer, message));
            Vec::new()
        }
        Some(value) => read_escalation(value, pointer, found).into_iter().collect(),
    }
}

fn read_escalation(value: &Value, pointer: String, found: &mut Vec<Diagnostic>) -> Option<Escalation> {
    let mut fields = Fields::of(value, pointer, found)?;
    let after = read_moment_field(&mut fields, "after", true, Form::Length, found);
    let assignee = read_template(&mut fields, "assignee", found);
    let group = read_template(&mut fields, "group", found);
    if assignee.is_none() && group.is_none() {
        let message = "Say to whom the task goes: `assignee` or `group`.";
        found.push(Diagnostic::error("no-assignee", fields.pointer.clone(), message));
    }
    fields.finish(found);
    Some(Escalation { after: after?, assignee, group })
}

fn read_timer(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<NodeKind> {
    let length = read_moment_field(fields, "for", false, Form::Length, found);
    let instant = read_moment_field(fields, "until", false, Form::Instant, found);
    let port = read_next(fields, found);
    let given = [fields.optional("for").is_some(), fields.optional("until").is_some()];
    if given[0] == given[1] {
        let message = "Give either `for` (a duration) or `until` (an instant).";
        found.push(Diagnostic::error("timer", fields.pointer.clone(), message));
        return None;
    }
    Some(NodeKind::Timer { until: length.or(instant)?, port })
}

fn read_end(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<NodeKind> {
    let pointer = fields.at("outcome");
    let outcome = match fields.text("outcome", NAME_CHARS_MAX, found) {
        None | Some("completed") => Some(Outcome::Completed),
        Some("failed") => Some(Outcome::Failed),
        Some("compensated") => Some(Outcome::Compensated),
        Some(other) => {
            let message =
                format!("`{}` is no outcome: write `completed`, `failed` or `compensated`.", shorten(other, 60));
            found.push(Diagnostic::error("outcome", pointer, message));
            None
        }
    };
    let set = read_set(fields, found);
    let reason = read_template(fields, "reason", found);
    Some(NodeKind::End { outcome: outcome?, set, reason })
}

pub(super) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= DEFINITION_NAME_CHARS_MAX
}

fn compile_schema(value: &Value, pointer: &str, found: &mut Vec<Diagnostic>) -> Option<Schema> {
    Schema::compile(value).map_err(|message| found.push(Diagnostic::error("schema", pointer, message))).ok()
}

fn read_layout(map: &Map<String, Value>, found: &mut Vec<Diagnostic>) -> BTreeMap<String, (f64, f64)> {
    let mut layout = BTreeMap::new();
    for (node, value) in map {
        let position = match value.as_array().map(Vec::as_slice) {
            Some([x, y]) => x.as_f64().zip(y.as_f64()),
            _ => None,
        };
        match position.filter(|(x, y)| x.abs() <= 1e6 && y.abs() <= 1e6) {
            Some(position) => {
                layout.insert(node.clone(), position);
            }
            None => found.push(Diagnostic::error(
                "layout",
                format!("/layout/{}", pointer_token(node)),
                "Must be a position of two numbers up to a million: [x, y].",
            )),
        }
    }
    layout
}
