//! From the JSON of a saga to [`Definition`], reporting everything that is wrong with it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Definition, ONE_AGGREGATE, Parts, Reaction, steps};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    expression::{Expression, SOURCE_BYTES_MAX, Template, compile_expression},
    fields::{Fields, NAME_CHARS_MAX, check_text, shorten},
    process::read::{DEFINITION_NAME_CHARS_MAX, check_name},
};

/// The most events that a saga reacts to.
const REACTIONS_MAX: usize = 200;
const ROOTS: [&str; 2] = ["event", "now"];
/// Fields of stateful sagas.
const STATEFUL: [&str; 3] = ["correlate", "start", "steps"];

/// Reads a saga, except for the field `baton`, which the caller has looked at. It may be used only when none of the
/// diagnostics in `found` is an error.
pub(crate) fn read(value: &Value, found: &mut Vec<Diagnostic>) -> Option<Definition> {
    let mut fields = Fields::of(value, "", found)?;
    fields.optional("baton");
    let name = fields.required_text("name", DEFINITION_NAME_CHARS_MAX, found).map(str::to_owned);
    if let Some(name) = &name {
        check_name(name, "/name", found);
    }
    let title = fields.text("title", NAME_CHARS_MAX, found).map(str::to_owned);
    let description = fields.text("description", 4_000, found).map(str::to_owned);
    // Read by `simulation`: they are no part of what the definition means.
    fields.optional("scenarios");
    if STATEFUL.iter().any(|field| fields.has(field)) {
        if fields.optional("on").is_some() {
            let message = "A saga either reacts (`on`) or has `steps`; make two of it.";
            found.push(Diagnostic::error("both-kinds", "/on", message));
        }
        let called = name.clone().unwrap_or_default();
        let stateful = steps::read(&called, title.as_deref(), &mut fields, found);
        fields.finish(found);
        let (on, stateful) = (BTreeMap::new(), Some(stateful?));
        return Some(Definition(Arc::new(Parts { name: name?, title, description, on, stateful })));
    }
    if !fields.has("on") {
        let message = "A saga has `steps`, or reacts to events (`on`). Begin with one of them.";
        found.push(Diagnostic::error("empty-saga", "", message));
        fields.finish(found);
        return None;
    }
    let on = match fields.required("on", found) {
        Some(Value::Object(map)) if map.len() <= REACTIONS_MAX => map,
        Some(Value::Object(_)) => {
            let message = format!("There can be at most {REACTIONS_MAX} reactions.");
            found.push(Diagnostic::error("too-many", "/on", message));
            return None;
        }
        Some(_) => {
            found.push(Diagnostic::error("wrong-type", "/on", "Must be an object of event types and reactions."));
            return None;
        }
        None => return None,
    };
    fields.finish(found);
    if on.is_empty() {
        found.push(Diagnostic::error("no-events", "/on", "Name at least one event to react to."));
    }
    let mut reactions = BTreeMap::new();
    for (event_type, value) in on {
        let pointer = format!("/on/{}", pointer_token(event_type));
        check_text(&Value::from(event_type.clone()), &pointer, NAME_CHARS_MAX, found);
        if let Some(reaction) = read_reaction(value, &pointer, found) {
            reactions.insert(event_type.clone(), reaction);
        }
    }
    let definition = Definition(Arc::new(Parts { name: name?, title, description, on: reactions, stateful: None }));
    if definition.on.len() > 1 && definition.receivers().len() == 1 {
        found.push(Diagnostic::warning("one-aggregate", "/on", ONE_AGGREGATE));
    }
    Some(definition)
}

fn read_reaction(value: &Value, pointer: &str, found: &mut Vec<Diagnostic>) -> Option<Reaction> {
    let mut fields = Fields::of(value, pointer, found)?;
    let when = fields.text("when", SOURCE_BYTES_MAX + 1, found).and_then(|text| {
        let at = fields.at("when");
        let Some(source) = text.strip_prefix('=') else {
            let message = format!("An expression is expected here; write `={}`.", shorten(text, 60));
            found.push(Diagnostic::error("expression", at, message));
            return None;
        };
        let expression = compile_expression(source, &at, found)?;
        check_roots(&expression, &at, found);
        Some(expression)
    });
    let send = fields.required_text("send", NAME_CHARS_MAX, found).map(str::to_owned);
    let to = fields.required_text("to", NAME_CHARS_MAX, found).map(str::to_owned);
    let key = read_template(&mut fields, "key", found);
    let payload = read_template(&mut fields, "payload", found);
    fields.finish(found);
    Some(Reaction { when, send: send?, to: to?, key, payload })
}

fn read_template(fields: &mut Fields<'_>, field: &'static str, found: &mut Vec<Diagnostic>) -> Option<Template> {
    let value = fields.optional(field)?;
    let pointer = fields.at(field);
    let template = Template::compile(value, &pointer, found);
    template.each_expression(&pointer, &mut |expression, at| check_roots(expression, at, found));
    Some(template)
}

fn check_roots(expression: &Expression, pointer: &str, found: &mut Vec<Diagnostic>) {
    for root in expression.roots().filter(|root| !ROOTS.contains(root)) {
        let message = format!("There is no `{root}` here: a saga remembers nothing. Known are: {}.", ROOTS.join(", "));
        found.push(Diagnostic::error("unknown-variable", pointer, message));
    }
}
