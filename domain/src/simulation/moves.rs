//! What can be done to an instance under simulation.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use crate::{
    diagnostic::Diagnostic,
    duration,
    fields::{Fields, NAME_CHARS_MAX, shorten},
    message::ID_CHARS_MAX,
};

/// One thing that happens from outside. Which one it is, the field that it is written with says.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// `{start: INPUT, business_key}`: somebody starts a process.
    Start { input: Value, business_key: Option<String> },
    /// `{answer: NODE, with: EVENT, payload, item}`: what was sent at a node, or is being undone there, is answered. A called
    /// process is answered with how it ended (`completed`, `failed`, …, `refused`); its payload is the output.
    Answer { node: String, item: Option<u32>, event: String, payload: Value },
    /// `{event: EVENT, payload}`: an event happens that belongs to the instance, or starts it.
    Event { event: String, payload: Value },
    /// `{choose: OUTCOME, at: NODE, data, item}`: a person completes a task.
    Choose { node: String, item: Option<u32>, outcome: String, data: Value },
    /// `{timer: NODE}`: time passes until the next timer of a node is due. Others that are due before fire before it.
    Timer { node: String },
    /// `{wait: DURATION}`: time passes, and whatever becomes due fires.
    Wait { length: TimeDelta },
}

/// The fields that say which move it is.
const KINDS: [&str; 6] = ["start", "answer", "event", "choose", "timer", "wait"];
/// No wait is longer, so that instants stay such that they can be written.
const WAIT_DAYS_MAX: i64 = 3_660;

impl Move {
    /// The move in the form in which definitions have it.
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                fields.insert(name.to_owned(), value);
            }
        };
        match self {
            Self::Start { input, business_key } => {
                put("start", if input.is_null() { json!({}) } else { input.clone() });
                put("business_key", json!(business_key));
            }
            Self::Answer { node, item, event, payload } => {
                put("answer", json!(node));
                put("with", json!(event));
                put("payload", payload.clone());
                put("item", json!(item));
            }
            Self::Event { event, payload } => {
                put("event", json!(event));
                put("payload", payload.clone());
            }
            Self::Choose { node, item, outcome, data } => {
                put("choose", json!(outcome));
                put("at", json!(node));
                put("data", data.clone());
                put("item", json!(item));
            }
            Self::Timer { node } => put("timer", json!(node)),
            Self::Wait { length } => put("wait", json!(duration::format(*length))),
        }
        Value::Object(fields)
    }

    /// Reads a move; the fields that are none of its own are left to the caller.
    pub(super) fn read(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let given: Vec<&str> = KINDS.into_iter().filter(|kind| fields.has(kind)).collect();
        let [kind] = given.as_slice() else {
            let message = format!("Say with one of these what happens: {}.", KINDS.join(", "));
            found.push(Diagnostic::error("move", fields.pointer.clone(), message));
            return None;
        };
        let any = |fields: &mut Fields<'_>, field| fields.optional(field).cloned().unwrap_or_default();
        Some(match *kind {
            "start" => Self::Start {
                input: any(fields, "start"),
                business_key: fields.text("business_key", ID_CHARS_MAX, found).map(str::to_owned),
            },
            "answer" => Self::Answer {
                node: name(fields, "answer", found)?,
                event: name(fields, "with", found)?,
                payload: any(fields, "payload"),
                item: item(fields, found),
            },
            "event" => Self::Event { event: name(fields, "event", found)?, payload: any(fields, "payload") },
            "choose" => Self::Choose {
                outcome: name(fields, "choose", found)?,
                node: name(fields, "at", found)?,
                data: any(fields, "data"),
                item: item(fields, found),
            },
            "timer" => Self::Timer { node: name(fields, "timer", found)? },
            _ => Self::Wait { length: length(fields, found)? },
        })
    }

    /// A sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Start { business_key: Some(key), .. } => format!("Start {key}"),
            Self::Start { business_key: None, .. } => "Start".to_owned(),
            Self::Answer { node, event, .. } => format!("Answer {node} with {event}"),
            Self::Event { event, .. } => format!("{event} happens"),
            Self::Choose { node, outcome, .. } => format!("Choose {outcome} at {node}"),
            Self::Timer { node } => format!("Wait for the timer of {node}"),
            Self::Wait { length } => format!("Wait {}", duration::format(*length)),
        }
    }
}

fn name(fields: &mut Fields<'_>, field: &'static str, found: &mut Vec<Diagnostic>) -> Option<String> {
    fields.required_text(field, NAME_CHARS_MAX, found).map(str::to_owned)
}

/// Which item of a loop it is about, counted from 0.
fn item(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<u32> {
    let value = fields.optional("item")?;
    let item = value.as_u64().and_then(|item| u32::try_from(item).ok());
    if item.is_none() {
        let message = "Must be the number of an item of the loop, counted from 0.";
        found.push(Diagnostic::error("wrong-type", fields.at("item"), message));
    }
    item
}

fn length(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<TimeDelta> {
    let text = fields.required_text("wait", NAME_CHARS_MAX, found)?;
    let length = duration::parse(text).ok().filter(|it| *it >= TimeDelta::zero() && it.num_days() <= WAIT_DAYS_MAX);
    if length.is_none() {
        let message = format!("`{}` is no length of time up to ten years; write PT5M, for example.", shorten(text, 60));
        found.push(Diagnostic::error("duration", fields.at("wait"), message));
    }
    length
}
