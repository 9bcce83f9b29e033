//! The door: what a producer may hand in as a message, and what is said about anything else.

use std::{collections::BTreeMap, io, str::FromStr};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Key, Message, MessageKind};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    fields::{Fields, NAME_CHARS_MAX, check_text, name_of, shorten},
    ids::MessageId,
    process::RESERVED,
};

/// The most characters of an aggregate id, and of correlation and causation ids.
pub const ID_CHARS_MAX: usize = 400;
/// The most bytes of a payload in compact JSON; exactly that many are accepted.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// How deep objects and lists may be nested in a payload.
pub const PAYLOAD_DEPTH_MAX: usize = 64;
/// The most headers of a message.
pub const HEADERS_MAX: usize = 64;
/// The most characters of a header's value.
pub const HEADER_CHARS_MAX: usize = 4_096;

/// Reads one message in the wire form of `POST /messages`.
///
/// `fresh_id` and `default_source` stand in for what the producer left out (`kind` defaults to `event`). Every mistake
/// is reported, each with a JSON pointer into `value`; a message with any mistake is not accepted.
pub fn accept(
    value: &Value,
    fresh_id: Uuid,
    default_source: &str,
    now: DateTime<Utc>,
) -> Result<Message, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let message = read(value, fresh_id, default_source, now, &mut found);
    match message {
        Some(message) if found.is_empty() => Ok(message),
        _ => Err(found),
    }
}

fn read(
    value: &Value,
    fresh_id: Uuid,
    default_source: &str,
    now: DateTime<Utc>,
    found: &mut Vec<Diagnostic>,
) -> Option<Message> {
    check_storable(value, "", PAYLOAD_DEPTH_MAX + 1, found);
    if !found.is_empty() {
        return None;
    }
    let mut fields = Fields::of(value, "", found)?;
    let id = parsed(&mut fields, "id", "a UUID", found).unwrap_or(MessageId(fresh_id));
    let kind = parsed(&mut fields, "kind", "`event` or `command`", found).unwrap_or(MessageKind::Event);
    let message_type = fields.required_text("type", NAME_CHARS_MAX, found);
    refuse_reserved(message_type, fields.at("type"), found);
    let source = fields.text("source", NAME_CHARS_MAX, found).unwrap_or(default_source).to_owned();
    let aggregate_type = fields.required_text("aggregate_type", NAME_CHARS_MAX, found);
    refuse_reserved(aggregate_type, fields.at("aggregate_type"), found);
    let aggregate_id = fields.required_text("aggregate_id", ID_CHARS_MAX, found);
    let aggregate_version = version(&mut fields, found);
    let payload = fields.required("payload", found);
    if let Some(payload) = payload
        && serialised_bytes(payload) > PAYLOAD_BYTES_MAX
    {
        found.push(Diagnostic::error(
            "too-large",
            "/payload",
            format!("The payload must have at most {PAYLOAD_BYTES_MAX} bytes of compact JSON."),
        ));
    }
    let headers = headers(&mut fields, found);
    let correlation_id = fields.text("correlation_id", ID_CHARS_MAX, found).map(str::to_owned);
    let causation_id = fields.text("causation_id", ID_CHARS_MAX, found).map(str::to_owned);
    let deliver_after = parsed(&mut fields, "deliver_after", "an instant such as 2026-11-23T09:00:00Z", found);
    let destination = fields.text("destination", NAME_CHARS_MAX, found).map(str::to_owned);
    fields.finish(found);
    Some(Message {
        id,
        kind,
        message_type: message_type?.to_owned(),
        source,
        key: Key { aggregate_type: aggregate_type?.to_owned(), aggregate_id: aggregate_id?.to_owned() },
        aggregate_version,
        payload: payload?.clone(),
        headers,
        correlation_id,
        causation_id,
        deliver_after,
        destination,
        created_at: now,
    })
}

/// What processes say to each other is for Baton alone to say.
fn refuse_reserved(name: Option<&str>, pointer: String, found: &mut Vec<Diagnostic>) {
    if name.is_some_and(|name| name.starts_with(RESERVED)) {
        let message = format!("Names that begin with `{RESERVED}` are Baton's own.");
        found.push(Diagnostic::error("reserved", pointer, message));
    }
}

/// A text field in the form that `T` is written in.
fn parsed<T: FromStr>(
    fields: &mut Fields<'_>,
    field: &'static str,
    expected: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let text = fields.text(field, ID_CHARS_MAX, found)?;
    let value = text.parse().ok();
    if value.is_none() {
        found.push(Diagnostic::error(
            "wrong-format",
            fields.at(field),
            format!("`{}` is not {expected}.", shorten(text, 60)),
        ));
    }
    value
}

fn version(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<i64> {
    let value = fields.optional("aggregate_version")?;
    let version = value.as_i64().filter(|version| *version >= 0);
    if version.is_none() {
        found.push(Diagnostic::error(
            "wrong-type",
            fields.at("aggregate_version"),
            "Must be a whole number from 0 to 9223372036854775807.",
        ));
    }
    version
}

fn headers(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let Some(map) = fields.map("headers", found) else { return BTreeMap::new() };
    let pointer = fields.at("headers");
    if map.len() > HEADERS_MAX {
        found.push(Diagnostic::error("too-many", pointer, format!("There can be at most {HEADERS_MAX} headers.")));
        return BTreeMap::new();
    }
    let mut headers = BTreeMap::new();
    for (name, value) in map {
        let at = format!("{pointer}/{}", pointer_token(name));
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
            found.push(Diagnostic::error(
                "wrong-format",
                at,
                format!("A header's name has 1 to {NAME_CHARS_MAX} characters."),
            ));
            continue;
        }
        match value {
            // An empty value is as good as any other; only its name has to be there.
            Value::String(text) if text.is_empty() => {
                headers.insert(name.clone(), String::new());
            }
            other => {
                if let Some(text) = check_text(other, &at, HEADER_CHARS_MAX, found) {
                    headers.insert(name.clone(), text.to_owned());
                }
            }
        }
    }
    headers
}

/// Reports what no database would store: NUL characters (PostgreSQL's jsonb and text refuse them) and nesting below
/// `depth_max`.
pub fn check_storable(value: &Value, pointer: &str, depth_max: usize, found: &mut Vec<Diagnostic>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if text.contains('\0') {
                found.push(Diagnostic::error("nul-character", pointer, NUL));
            }
        }
        Value::Array(_) | Value::Object(_) if depth_max == 0 => {
            found.push(Diagnostic::error(
                "too-deep",
                pointer,
                format!("Objects and lists may be nested {PAYLOAD_DEPTH_MAX} deep at most; this {} is deeper.", {
                    name_of(value).trim_start_matches("a ").trim_start_matches("an ")
                }),
            ));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                // The pointer of a plain item is only needed for a finding, and most items are plain.
                if needs_look(item) {
                    check_storable(item, &format!("{pointer}/{index}"), depth_max - 1, found);
                }
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                if key.contains('\0') {
                    found.push(Diagnostic::error("nul-character", pointer, NUL));
                }
                if needs_look(item) {
                    check_storable(item, &format!("{pointer}/{}", pointer_token(key)), depth_max - 1, found);
                }
            }
        }
    }
}

const NUL: &str = "A text must not contain the NUL character (U+0000): databases refuse it.";

fn needs_look(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// How many bytes `value` has in compact JSON, counted without building the text.
pub fn serialised_bytes(value: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).expect("a JSON value always serialises, and counting cannot fail");
    counter.0
}

#[cfg(test)]
mod tests;
