//! Commands: what they send, what they wait for, and what undoes them.

use chrono::TimeDelta;
use serde_json::{Map, Value};

use super::{
    super::{
        definition::{Ask, Awaits, Command, Match, Retry, Then, Timeout, Undo},
        family::RESERVED,
        ports::TIMEOUT,
    },
    read_port, read_set,
    values::{Form, read_expression, read_length, read_moment_field, read_template},
};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    expression::Template,
    fields::{Fields, NAME_CHARS_MAX, check_text, name_of, shorten},
};
/// How often an unanswered command is asked about, unless the definition says how often.
const ASKED_TIMES: u32 = 3;
/// The most often.
const ASKED_TIMES_MAX: u32 = 1_000;
/// The most attempts of a command.
const ATTEMPTS_MAX: u32 = 100;
/// How much longer each delay between attempts may be than the one before, and how long the longest, unless the
/// definition says so.
const FACTOR: f64 = 2.0;
const DELAY_MAX: TimeDelta = TimeDelta::hours(1);

pub(super) fn read_command(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Command> {
    let send = read_type(fields, "send", found);
    let to = fields.required_text("to", NAME_CHARS_MAX, found).map(str::to_owned);
    let key = read_template(fields, "key", found);
    let payload =
        read_template(fields, "payload", found).unwrap_or_else(|| Template::Literal(Value::Object(Map::new())));
    let awaits = read_awaits(fields, Allowed::Asking, found);
    let fails = read_types(fields, "fails", found);
    for (index, event_type) in fails.iter().enumerate().filter(|(_, it)| !awaits.on.contains_key(*it)) {
        let message = format!("`{}` is not among the events of `on`.", shorten(event_type, 60));
        found.push(Diagnostic::error("unknown-event", format!("{}/{index}", fields.at("fails")), message));
    }
    let stays = fields.optional("undo").is_some_and(says_none);
    let undo = fields.optional("undo").filter(|value| !says_none(value));
    let undo = undo.map(|value| read_undo(value, fields.at("undo"), found));
    if undo.is_some() && !awaits.on.is_empty() && awaits.on.keys().all(|it| fails.contains(it)) {
        let message = "Every event of `on` says that it failed, so there is never anything to undo.";
        found.push(Diagnostic::error("never-succeeds", fields.at("fails"), message));
    }
    let undo = match undo {
        Some(undo) => Some(undo?),
        None => None,
    };
    let retry = match fields.optional("retry") {
        Some(value) => Some(read_retry(value, fields.at("retry"), &awaits, found)?),
        None => None,
    };
    Some(Command { send: send?, to: to?, key, payload, awaits, fails, undo, stays, retry })
}

/// Whether an `undo` says that there is nothing to undo.
pub(super) fn says_none(undo: &Value) -> bool {
    undo == "none"
}

fn read_retry(value: &Value, pointer: String, awaits: &Awaits, found: &mut Vec<Diagnostic>) -> Option<Retry> {
    let mut fields = Fields::of(value, pointer, found)?;
    let on = match fields.optional("on") {
        Some(_) => read_types(&mut fields, "on", found),
        None => vec![TIMEOUT.to_owned()],
    };
    let is_known = |it: &str| if it == TIMEOUT { awaits.timeout.is_some() } else { awaits.on.contains_key(it) };
    for (index, event_type) in on.iter().enumerate().filter(|(_, it)| !is_known(it)) {
        let message = format!("`{}` is not among the events of `on`.", shorten(event_type, 60));
        found.push(Diagnostic::error("unknown-event", format!("{}/{index}", fields.at("on")), message));
    }
    fields.required("attempts", found);
    let attempts = read_number(&mut fields, "attempts", 2, ATTEMPTS_MAX, found);
    let delay = read_length(&mut fields, "delay", true, found);
    let factor = match fields.optional("factor").map(Value::as_f64) {
        None => FACTOR,
        Some(Some(factor)) if (1.0..=100.0).contains(&factor) => factor,
        Some(_) => {
            found.push(Diagnostic::error("number", fields.at("factor"), "Must be a number from 1 to 100."));
            FACTOR
        }
    };
    let max = read_length(&mut fields, "max", false, found).unwrap_or(DELAY_MAX);
    fields.finish(found);
    Some(Retry { on, attempts: attempts?, delay: delay?, factor, max })
}

/// A message type to send; those that begin with `baton.` are not for definitions.
fn read_type(fields: &mut Fields<'_>, field: &'static str, found: &mut Vec<Diagnostic>) -> Option<String> {
    let text = fields.required_text(field, NAME_CHARS_MAX, found)?;
    check_reserved(text, &fields.at(field), found);
    Some(text.to_owned())
}

fn check_reserved(message_type: &str, pointer: &str, found: &mut Vec<Diagnostic>) {
    if message_type.starts_with(RESERVED) {
        let message = format!("Message types that begin with `{RESERVED}` are Baton's own.");
        found.push(Diagnostic::error("reserved", pointer, message));
    }
}

/// One event type, or a list of them.
fn read_types(fields: &mut Fields<'_>, field: &'static str, found: &mut Vec<Diagnostic>) -> Vec<String> {
    let pointer = fields.at(field);
    let one = |value: &Value, at: &str, found: &mut Vec<Diagnostic>| {
        let text = check_text(value, at, NAME_CHARS_MAX, found)?;
        check_reserved(text, at, found);
        Some(text.to_owned())
    };
    match fields.optional(field) {
        None => Vec::new(),
        Some(Value::Array(items)) => {
            let items = items.iter().enumerate();
            items.filter_map(|(index, item)| one(item, &format!("{pointer}/{index}"), found)).collect()
        }
        Some(value) => one(value, &pointer, found).into_iter().collect(),
    }
}

pub(super) fn read_undo(value: &Value, pointer: String, found: &mut Vec<Diagnostic>) -> Option<Undo> {
    let mut fields = Fields::of(value, pointer, found)?;
    let send = read_type(&mut fields, "send", found);
    let to = fields.text("to", NAME_CHARS_MAX, found).map(str::to_owned);
    let key = read_template(&mut fields, "key", found);
    let payload = read_template(&mut fields, "payload", found);
    fields.required("done", found);
    let done = read_types(&mut fields, "done", found);
    if done.is_empty() && fields.optional("done").is_some_and(|value| value.as_array().is_some_and(Vec::is_empty)) {
        let message = "Name the event that says that it is undone.";
        found.push(Diagnostic::error("no-events", fields.at("done"), message));
    }
    let failed = read_types(&mut fields, "failed", found);
    for (index, event_type) in failed.iter().enumerate().filter(|(_, it)| done.contains(it)) {
        let message = format!("`{}` cannot say both that it is undone and that it is not.", shorten(event_type, 60));
        found.push(Diagnostic::error("ambiguous-event", format!("{}/{index}", fields.at("failed")), message));
    }
    let timeout =
        fields.optional("timeout").map(|value| read_timeout(value, fields.at("timeout"), Allowed::Undoing, found));
    if timeout.is_none() {
        let message = "Without `timeout` nobody notices when the undo is never answered.";
        found.push(Diagnostic::warning("no-timeout", fields.pointer.clone(), message));
    }
    fields.finish(found);
    let timeout = match timeout {
        Some(timeout) => Some(timeout?),
        None => None,
    };
    Some(Undo { send: send?, to, key, payload, done, failed, timeout })
}

/// What may be done about a time-out, by where it stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Allowed {
    /// `next`, and nothing else.
    Leaving,
    /// A command: `next`, `then`, `ask`.
    Asking,
    /// An undo: `then`, `ask`; there is nowhere to go.
    Undoing,
}

/// The fields `on` (with `timeout` among the events) and `match`.
pub(super) fn read_awaits(fields: &mut Fields<'_>, allowed: Allowed, found: &mut Vec<Diagnostic>) -> Awaits {
    let mut awaits = Awaits::default();
    let pointer = fields.at("on");
    awaits.matching = read_match(fields, found);
    let Some(value) = fields.required("on", found) else { return awaits };
    let Value::Object(map) = value else {
        found.push(Diagnostic::error("wrong-type", pointer, format!("Must be an object, not {}.", name_of(value))));
        return awaits;
    };
    for (event_type, value) in map {
        let at = format!("{pointer}/{}", pointer_token(event_type));
        if event_type == TIMEOUT {
            awaits.timeout = read_timeout(value, at, allowed, found);
            continue;
        }
        check_text(&Value::from(event_type.clone()), &at, NAME_CHARS_MAX, found);
        check_reserved(event_type, &at, found);
        if let Some((port, ())) = read_port(value, at, found, |_, _| ()) {
            awaits.on.insert(event_type.clone(), port);
        }
    }
    if awaits.on.is_empty() && map.keys().all(|key| key == TIMEOUT) {
        let message = "Name at least one event to wait for; only to let time pass, use a node of the kind `timer`.";
        found.push(Diagnostic::error("no-events", &pointer, message));
    } else if awaits.timeout.is_none() && !map.contains_key(TIMEOUT) {
        let message = "Without `timeout` an instance waits here for ever when nothing comes.";
        found.push(Diagnostic::warning("no-timeout", &pointer, message));
    }
    awaits
}

pub(super) fn read_timeout(
    value: &Value,
    pointer: String,
    allowed: Allowed,
    found: &mut Vec<Diagnostic>,
) -> Option<Timeout> {
    let mut fields = Fields::of(value, pointer, found)?;
    let after = read_moment_field(&mut fields, "after", true, Form::Length, found);
    let mut ask = None;
    let mut then = None;
    if allowed != Allowed::Leaving {
        ask = fields.optional("ask").map(|value| read_ask(value, fields.at("ask"), found));
        then = fields.text("then", NAME_CHARS_MAX, found);
    }
    let leads_on = allowed != Allowed::Undoing && (fields.has("next") || (ask.is_none() && then.is_none()));
    let port = leads_on.then(|| super::read_next(&mut fields, found));
    if !leads_on && allowed != Allowed::Undoing {
        // Known all the same, so that a `set` without `next` is told what it lacks.
        if !read_set(&mut fields, found).is_empty() {
            let message = "There is nothing to set on the way to: `next` is missing.";
            found.push(Diagnostic::error("missing-field", fields.at("next"), message));
        }
    }
    let pointer = fields.at("then");
    let then = match (then, ask, port) {
        (None | Some("ask"), Some(ask), port) => ask.map(|ask| Then::Ask(Box::new(Ask { otherwise: port, ..ask }))),
        (None, None, Some(port)) => Some(Then::Leave(port)),
        (Some("wait"), None, None) => Some(Then::Wait),
        (Some("stuck"), None, None) => Some(Then::Stuck),
        (Some("ask"), None, _) => {
            let message = "Say what to send to ask: `ask: {send: …}`.";
            found.push(Diagnostic::error("missing-field", fields.at("ask"), message));
            None
        }
        (None, None, None) => {
            let message = "Say what to do then: `then: wait`, `then: stuck`, or `ask: {send: …}`.";
            found.push(Diagnostic::error("missing-field", pointer, message));
            None
        }
        (Some("wait" | "stuck"), ..) => {
            let message = "`then` says what is done; beside it there can be neither `next` nor `ask`.";
            found.push(Diagnostic::error("timeout", pointer, message));
            None
        }
        (Some(other), ..) => {
            let message = format!("`{}` is not known here: write `wait`, `ask` or `stuck`.", shorten(other, 60));
            found.push(Diagnostic::error("timeout", pointer, message));
            None
        }
    };
    fields.finish(found);
    Some(Timeout { after: after?, then: then? })
}

/// A question; where to go otherwise stands beside it.
fn read_ask(value: &Value, pointer: String, found: &mut Vec<Diagnostic>) -> Option<Ask> {
    let mut fields = Fields::of(value, pointer, found)?;
    let send = read_type(&mut fields, "send", found);
    let to = fields.text("to", NAME_CHARS_MAX, found).map(str::to_owned);
    let key = read_template(&mut fields, "key", found);
    let payload = read_template(&mut fields, "payload", found);
    let times = read_number(&mut fields, "times", 1, ASKED_TIMES_MAX, found).unwrap_or(ASKED_TIMES);
    fields.finish(found);
    Some(Ask { send: send?, to, key, payload, times, otherwise: None })
}

/// A whole number within bounds, if it is there.
pub(super) fn read_number(
    fields: &mut Fields<'_>,
    field: &'static str,
    min: u32,
    max: u32,
    found: &mut Vec<Diagnostic>,
) -> Option<u32> {
    let value = fields.optional(field)?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|it| (min..=max).contains(it));
    if number.is_none() {
        let message = format!("Must be a whole number from {min} to {max}.");
        found.push(Diagnostic::error("number", fields.at(field), message));
    }
    number
}

fn read_match(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Match> {
    let value = fields.optional("match")?;
    let mut inner = Fields::of(value, fields.at("match"), found)?;
    let event = read_expression(&mut inner, "event", found);
    let with = read_expression(&mut inner, "with", found);
    inner.finish(found);
    Some(Match { event: event?, with: with? })
}
