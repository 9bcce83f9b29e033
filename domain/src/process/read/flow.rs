//! Forks, joins, loops and calls.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    super::{
        definition::{Call, ForEach, Fork, NodeKind, Port},
        ports::{COMPLETED, FAILED, REFUSED, TIMEOUT},
    },
    check_name,
    command::{Allowed, read_number, read_timeout, read_undo, says_none},
    is_variable_name, read_next, read_port,
    values::read_template,
};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    expression::Template,
    fields::{Fields, NAME_CHARS_MAX, shorten},
};

/// The most branches of a fork.
const BRANCHES_MAX: usize = 100;
/// How many items of a parallel loop are under way at once, unless the definition says how many; and the most.
const LIMIT: u32 = 10;
const LIMIT_MAX: u32 = 1_000;

pub(super) fn read_fork(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<NodeKind> {
    let pointer = fields.at("branches");
    let mut branches = BTreeMap::new();
    match fields.required("branches", found) {
        Some(Value::Object(map)) if !map.is_empty() && map.len() <= BRANCHES_MAX => {
            for (name, value) in map {
                let at = format!("{pointer}/{}", pointer_token(name));
                check_name(name, &at, found);
                if name == TIMEOUT {
                    let message = "`timeout` is no branch; write it beside `branches`.";
                    found.push(Diagnostic::error("name", &at, message));
                }
                if let Some((port, ())) = read_port(value, at, found, |_, _| ()) {
                    branches.insert(name.clone(), port);
                }
            }
        }
        Some(_) => {
            let message = format!("Must be an object with 1 to {BRANCHES_MAX} branches.");
            found.push(Diagnostic::error("branches", pointer, message));
        }
        None => {}
    }
    let join = fields.required_text("join", NAME_CHARS_MAX, found).unwrap_or_default().to_owned();
    let timeout = fields.optional(TIMEOUT);
    let timeout = timeout.and_then(|value| read_timeout(value, fields.at(TIMEOUT), Allowed::Leaving, found));
    Some(NodeKind::Fork(Box::new(Fork { branches, join, timeout })))
}

pub(super) fn read_for_each(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<NodeKind> {
    let over = fields.required("over", found).map(|value| Template::compile(value, &fields.at("over"), found));
    match &over {
        None | Some(Template::Expression(_) | Template::List(_) | Template::Literal(Value::Array(_))) => {}
        // What is wrong with an expression that does not compile has been said.
        Some(Template::Literal(Value::Null)) if !fields.optional("over").is_none_or(Value::is_null) => {}
        Some(_) => {
            found.push(Diagnostic::error("no-list", fields.at("over"), "Must be a list, or yield one: `over: =…`."))
        }
    }
    let item = read_variable(fields, "as", true, found);
    let into = read_variable(fields, "into", false, found);
    let collect = read_template(fields, "collect", found);
    for (field, given, other) in [("into", into.is_some(), "collect"), ("collect", collect.is_some(), "into")] {
        if given && fields.optional(other).is_none() {
            let message = format!("`{field}` needs `{other}`: what is gathered, and the variable that has it.");
            found.push(Diagnostic::error("missing-field", fields.at(other), message));
        }
    }
    let limit = read_number(fields, "limit", 1, LIMIT_MAX, found);
    let limit = match fields.text("mode", NAME_CHARS_MAX, found) {
        Some("parallel") => limit.unwrap_or(LIMIT),
        None | Some("sequential") => {
            if limit.is_some() {
                let message = "Only with `mode: parallel` several items are under way at once.";
                found.push(Diagnostic::error("limit", fields.at("limit"), message));
            }
            1
        }
        Some(other) => {
            let message = format!("`{}` is no mode: write `sequential` or `parallel`.", shorten(other, 60));
            found.push(Diagnostic::error("mode", fields.at("mode"), message));
            1
        }
    };
    let body = fields.required_text("do", NAME_CHARS_MAX, found).unwrap_or_default().to_owned();
    let body = Port { set: Vec::new(), next: body };
    let timeout = fields.optional(TIMEOUT);
    let timeout = timeout.and_then(|value| read_timeout(value, fields.at(TIMEOUT), Allowed::Leaving, found));
    let port = read_next(fields, found);
    let each = ForEach { over: over?, item: item?, limit, body, collect, into, timeout, port };
    Some(NodeKind::ForEach(Box::new(each)))
}

/// How a called process can end, and `refused` for one that could not be started.
const ENDINGS: [&str; 5] = [COMPLETED, FAILED, "cancelled", "compensated", REFUSED];

pub(super) fn read_call(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<NodeKind> {
    let process = fields.required_text("process", NAME_CHARS_MAX, found).map(str::to_owned);
    if let Some(process) = &process {
        check_name(process, &fields.at("process"), found);
    }
    let version = read_number(fields, "version", 1, u32::MAX, found);
    let input = read_template(fields, "input", found).unwrap_or_else(|| Template::Literal(Value::Object(Map::new())));
    let business_key = read_template(fields, "business_key", found);
    let pointer = fields.at("on");
    let mut on = BTreeMap::new();
    fields.required("on", found);
    if let Some(map) = fields.map("on", found) {
        for (ending, value) in map {
            let at = format!("{pointer}/{}", pointer_token(ending));
            if !ENDINGS.contains(&ending.as_str()) {
                let message = format!("`{}` is no end; known are: {}.", shorten(ending, 60), ENDINGS.join(", "));
                found.push(Diagnostic::error("unknown-ending", at, message));
            } else if let Some((port, ())) = read_port(value, at, found, |_, _| ()) {
                on.insert(ending.clone(), port);
            }
        }
        if !map.contains_key(COMPLETED) {
            let message = "Say where to go when it is completed: `completed: {next: …}`.";
            found.push(Diagnostic::error("missing-field", format!("{pointer}/{COMPLETED}"), message));
        }
        if !map.contains_key(FAILED) {
            let message =
                "Without `failed` an operator has to see to it whenever the called process does not complete.";
            found.push(Diagnostic::warning("no-failed", pointer, message));
        }
    }
    let timeout = fields.optional(TIMEOUT);
    let timeout = timeout.and_then(|value| read_timeout(value, fields.at(TIMEOUT), Allowed::Leaving, found));
    let stays = fields.optional("undo").is_some_and(says_none);
    let undo = match fields.optional("undo").filter(|value| !says_none(value)) {
        Some(value) => {
            let undo = read_undo(value, fields.at("undo"), found)?;
            if undo.to.is_none() {
                let message = "Say who takes back what the called process did: `to: …`.";
                found.push(Diagnostic::error("missing-field", format!("{}/to", fields.at("undo")), message));
            }
            Some(undo)
        }
        None => None,
    };
    let call = Call { process: process?, version, input, business_key, on, timeout, undo, stays };
    Some(NodeKind::Call(Box::new(call)))
}

/// The name of a variable.
fn read_variable(
    fields: &mut Fields<'_>,
    field: &'static str,
    required: bool,
    found: &mut Vec<Diagnostic>,
) -> Option<String> {
    let name = match required {
        true => fields.required_text(field, NAME_CHARS_MAX, found)?,
        false => fields.text(field, NAME_CHARS_MAX, found)?,
    };
    if !is_variable_name(name) {
        let message = format!("`{}` is no variable name.", shorten(name, 60));
        found.push(Diagnostic::error("variable-name", fields.at(field), message));
    }
    Some(name.to_owned())
}
