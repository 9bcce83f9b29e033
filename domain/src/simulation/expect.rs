//! What should have come of a trial so far.

use serde_json::{Map, Value, json};

use super::{Move, Trial, coverage};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    fields::{Fields, NAME_CHARS_MAX, check_text, shorten},
    message::Message,
    process::{START_PROCESS, Status},
};

const LIST_MAX: usize = 2_000;
const EXCERPT_CHARS_MAX: usize = 200;

/// What is expected; what is not said may be anything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expect {
    pub status: Option<Status>,
    /// Variables that have exactly these values; there may be others.
    pub vars: Map<String, Value>,
    /// The nodes where it stands, in any order.
    pub at: Option<Vec<String>>,
    /// Nodes that were entered in this order; there may be others between them.
    pub path: Option<Vec<String>>,
    /// Everything that was issued since the start, in order; after a step, by that step.
    pub sent: Option<Vec<Sent>>,
    /// Why it ended, where that is said.
    pub reason: Option<String>,
}

/// A message that was issued.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub message_type: String,
    pub to: Option<String>,
    pub key: Option<String>,
    /// Fields that the payload has; there may be others.
    pub payload: Option<Value>,
}

impl Expect {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(value: &Value, pointer: String, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(value, pointer, found)?;
        let status = fields.text("status", NAME_CHARS_MAX, found).and_then(|text| {
            let known = Status::ALL.into_iter().find(|status| status.as_str() == text);
            if known.is_none() {
                let all = Status::ALL.map(Status::as_str).join(", ");
                let message = format!("`{}` is no status; there are {all}.", shorten(text, 60));
                found.push(Diagnostic::error("status", fields.at("status"), message));
            }
            known
        });
        let vars = fields.map("vars", found).cloned().unwrap_or_default();
        let at = names(&mut fields, "at", found);
        let path = names(&mut fields, "path", found);
        let reason = fields.text("reason", NAME_CHARS_MAX * 10, found).map(str::to_owned);
        let place = fields.at("sent");
        let sent = list(&mut fields, "sent", found).map(|items| {
            let items = items.iter().enumerate();
            items.filter_map(|(index, item)| Sent::read(item, format!("{place}/{index}"), found)).collect()
        });
        fields.finish(found);
        Some(Self { status, vars, at, path, sent, reason })
    }

    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                fields.insert(name.to_owned(), value);
            }
        };
        put("status", json!(self.status));
        put("reason", json!(self.reason));
        put("at", json!(self.at));
        put("path", json!(self.path));
        put("sent", self.sent.as_ref().map_or(Value::Null, |sent| sent.iter().map(Sent::to_value).collect()));
        if !self.vars.is_empty() {
            put("vars", Value::Object(self.vars.clone()));
        }
        Value::Object(fields)
    }

    /// What a trial is like now, in so far as a scenario should insist on it: how it stands and what it issued.
    pub fn of(trial: &Trial) -> Self {
        let state = trial.state();
        let at = state.filter(|state| state.ended.is_none()).map(|state| {
            let mut at: Vec<String> = state.tokens.iter().map(|token| token.node.clone()).collect();
            at.sort();
            at
        });
        let message_type = |message: &Message| message.message_type.clone();
        Self {
            status: state.map(|state| state.status()),
            at,
            sent: Some(trial.sent().filter(|it| is_shown(it)).map(|it| Sent::of_type(message_type(it))).collect()),
            ..Self::default()
        }
    }

    /// Everything that is not as expected; pointers are relative to the expectation. `since` is the first turn whose
    /// messages count.
    pub(super) fn check(&self, trial: &Trial, since: usize) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut differs = |pointer: &str, expected: String, got: String| {
            let message = format!("Expected {}, but got {}.", expected, got);
            found.push(Diagnostic::error(super::FAILED, pointer, message));
        };
        let state = trial.state();
        let status = state.map_or("nothing: it has not been started", |state| state.status().as_str());
        if let Some(expected) = self.status.map(Status::as_str).filter(|expected| *expected != status) {
            let why =
                state.and_then(|state| state.incident()).map_or_else(String::new, |it| format!(" ({})", it.reason));
            differs("/status", format!("the status {expected}"), format!("{status}{why}"));
        }
        if let Some(expected) = &self.at {
            let sorted = |names: &mut Vec<String>| names.sort();
            let mut got: Vec<String> =
                state.map_or_else(Vec::new, |state| state.tokens.iter().map(|token| token.node.clone()).collect());
            let mut expected = expected.clone();
            sorted(&mut got);
            sorted(&mut expected);
            if got != expected {
                differs("/at", format!("it to stand at {}", listed(&expected)), listed(&got));
            }
        }
        if let Some(expected) = &self.path {
            let went = coverage::path(trial.events());
            let mut rest = went.iter();
            if let Some(missing) = expected.iter().find(|name| !rest.any(|it| it == *name)) {
                let way = shorten(&went.join(", "), EXCERPT_CHARS_MAX);
                differs("/path", format!("it to pass {missing} there"), format!("the way {way}"));
            }
        }
        if let Some(expected) = &self.reason {
            let got = state.and_then(|state| state.ended.as_ref()).and_then(|ending| ending.reason.clone());
            if got.as_deref() != Some(expected) {
                differs(
                    "/reason",
                    format!("the reason {expected:?}"),
                    got.map_or("none".to_owned(), |it| format!("{it:?}")),
                );
            }
        }
        for (name, expected) in &self.vars {
            let got = state.and_then(|state| state.vars.get(name));
            if got != Some(expected) {
                let got = got.map_or("no such variable".to_owned(), excerpt);
                differs(&format!("/vars/{}", pointer_token(name)), format!("{name} to be {}", excerpt(expected)), got);
            }
        }
        if let Some(expected) = &self.sent {
            let turns = trial.turns().iter().skip(since);
            let sent: Vec<&Message> = turns.flat_map(|turn| &turn.sent).filter(|it| is_shown(it)).collect();
            for index in 0..expected.len().max(sent.len()) {
                let (wanted, got) = (expected.get(index), sent.get(index));
                let pointer = format!("/sent/{}", index.min(expected.len().saturating_sub(1)));
                match (wanted, got) {
                    (Some(wanted), Some(got)) => match wanted.differs(got) {
                        None => continue,
                        Some((wanted, got)) => differs(&pointer, wanted, got),
                    },
                    (Some(wanted), None) => {
                        differs(&pointer, format!("the message {}", wanted.message_type), "no more of them".to_owned());
                    }
                    (None, got) => {
                        let got = got.map_or_else(String::new, |it| it.message_type.clone());
                        differs("/sent", format!("{} messages", expected.len()), format!("{got} besides"));
                    }
                }
                // What comes after is in another place now, too.
                break;
            }
        }
        found
    }
}

/// Whether a message counts as issued for those who write scenarios: what is told to those that call it does not.
pub(super) fn is_shown(message: &Message) -> bool {
    message.kind == crate::message::MessageKind::Command
}

impl Sent {
    pub(super) fn of_type(message_type: String) -> Self {
        Self { message_type, to: None, key: None, payload: None }
    }

    fn read(value: &Value, pointer: String, found: &mut Vec<Diagnostic>) -> Option<Self> {
        if value.is_string() {
            return check_text(value, &pointer, NAME_CHARS_MAX, found).map(|it| Self::of_type(it.to_owned()));
        }
        let mut fields = Fields::of(value, pointer, found)?;
        let message_type = fields.required_text("send", NAME_CHARS_MAX, found).map(str::to_owned);
        let to = fields.text("to", NAME_CHARS_MAX, found).map(str::to_owned);
        let key = fields.text("key", NAME_CHARS_MAX * 5, found).map(str::to_owned);
        let payload = fields.optional("payload").cloned();
        fields.finish(found);
        Some(Self { message_type: message_type?, to, key, payload })
    }

    fn to_value(&self) -> Value {
        if *self == Self::of_type(self.message_type.clone()) {
            return self.message_type.clone().into();
        }
        let all = json!({"send": self.message_type, "to": self.to, "key": self.key, "payload": self.payload});
        let Value::Object(mut fields) = all else { return Value::Null };
        fields.retain(|_, value| !value.is_null());
        Value::Object(fields)
    }

    /// What was expected and what was got instead.
    fn differs(&self, got: &Message) -> Option<(String, String)> {
        if self.message_type != got.message_type {
            let hint = if got.message_type == START_PROCESS { " (a call)" } else { "" };
            return Some((format!("the message {}", self.message_type), format!("{}{hint}", got.message_type)));
        }
        let texts = [("to", &self.to, &got.key.aggregate_type), ("with key", &self.key, &got.key.aggregate_id)];
        for (what, expected, got) in texts {
            if let Some(expected) = expected.as_ref().filter(|expected| *expected != got) {
                return Some((format!("{} {what} {expected}", self.message_type), got.clone()));
            }
        }
        let expected = self.payload.as_ref().filter(|expected| !contains(&got.payload, expected))?;
        Some((format!("{} with {}", self.message_type, excerpt(expected)), excerpt(&got.payload)))
    }
}

/// Whether `value` has everything that is expected; objects may have more fields.
fn contains(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| value.get(name).is_some_and(|value| contains(value, expected)))
        }
        (value, expected) => value == expected,
    }
}

fn excerpt(value: &Value) -> String {
    shorten(&value.to_string(), EXCERPT_CHARS_MAX)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nowhere".to_owned() } else { names.join(", ") }
}

fn list<'a>(fields: &mut Fields<'a>, field: &'static str, found: &mut Vec<Diagnostic>) -> Option<&'a [Value]> {
    match fields.optional(field)? {
        Value::Array(items) if items.len() <= LIST_MAX => Some(items),
        _ => {
            let message = format!("Must be a list of at most {LIST_MAX}.");
            found.push(Diagnostic::error("wrong-type", fields.at(field), message));
            None
        }
    }
}

fn names(fields: &mut Fields<'_>, field: &'static str, found: &mut Vec<Diagnostic>) -> Option<Vec<String>> {
    let place = fields.at(field);
    let items = list(fields, field, found)?.iter().enumerate();
    let name = |(index, item)| check_text(item, &format!("{place}/{index}"), NAME_CHARS_MAX, found).map(str::to_owned);
    Some(items.filter_map(name).collect())
}

/// A trial with these moves made: as far as they could be, and why no further.
pub(super) fn play<'a>(trial: &mut Trial, moves: impl Iterator<Item = &'a Move>) -> Option<super::Refused> {
    for made in moves {
        if let Err(refused) = trial.make(made.clone()) {
            return Some(refused);
        }
    }
    None
}
