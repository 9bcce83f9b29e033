//! A row, read as a message.
//!
//! Rows come as JSON objects by column: bytes as `\x` and hexadecimal digits, instants as RFC 3339 or as the database writes
//! them, columns of a JSON type as what they hold.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    check::{ColumnKind, Shape},
    envelope,
    settings::{Encoding, Mapping},
    term::{Take, Term},
};
use crate::{
    diagnostic::Diagnostic,
    fields::{name_of, shorten},
    message::{Message, accept},
};

/// Ids that follow from a key are hashed in this namespace (chosen once, at random).
const NAMESPACE: Uuid = Uuid::from_u128(0x6c5b_1f0e_93a7_4b0d_8a44_2e6f_17d9_c3b5);
/// Numbers above it are milliseconds since 1970, those below seconds.
const SECONDS_MAX: i64 = 100_000_000_000;

/// A mapping that was understood, for a table of a known shape.
#[derive(Debug, Clone)]
pub struct Plan {
    source: String,
    key: String,
    id: Option<Take>,
    kind: Option<Take>,
    message_type: Take,
    type_after: Option<String>,
    aggregate_type: Take,
    aggregate_id: Take,
    aggregate_version: Option<Take>,
    payload: Take,
    encoding: Encoding,
    headers: Option<String>,
    correlation_id: Option<Take>,
    causation_id: Option<Take>,
    created_at: Option<Take>,
    /// Columns whose values are JSON already.
    json: BTreeSet<String>,
}

impl Plan {
    /// `source` is the name of the source: the same key in another source is another message.
    pub fn of(source: &str, mapping: &Mapping, shape: &Shape) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let optional = |field: &str, text: &Option<String>, found: &mut Vec<Diagnostic>| {
            text.as_deref().and_then(|text| take(field, text, found))
        };
        let id = optional("id", &mapping.id, &mut found);
        let kind = optional("kind", &mapping.kind, &mut found);
        let message_type = take("type", &mapping.message_type, &mut found);
        let aggregate_type = take("aggregate_type", &mapping.aggregate_type, &mut found);
        let aggregate_id = take("aggregate_id", &mapping.aggregate_id, &mut found);
        let aggregate_version = optional("aggregate_version", &mapping.aggregate_version, &mut found);
        let payload = take("payload", &mapping.payload, &mut found);
        let correlation_id = optional("correlation_id", &mapping.correlation_id, &mut found);
        let causation_id = optional("causation_id", &mapping.causation_id, &mut found);
        let created_at = optional("created_at", &mapping.created_at, &mut found);
        let (Some(message_type), Some(aggregate_type), Some(aggregate_id), Some(payload), true) =
            (message_type, aggregate_type, aggregate_id, payload, found.is_empty())
        else {
            return Err(found);
        };
        let json = shape.columns.iter().filter(|column| column.kind == ColumnKind::Json);
        Ok(Self {
            source: source.to_owned(),
            key: mapping.key.clone(),
            id,
            kind,
            message_type,
            type_after: mapping.type_after.clone().filter(|text| !text.is_empty()),
            aggregate_type,
            aggregate_id,
            aggregate_version,
            payload,
            encoding: mapping.encoding,
            headers: mapping.headers.clone(),
            correlation_id,
            causation_id,
            created_at,
            json: json.map(|column| column.name.clone()).collect(),
        })
    }

    /// A column that the mapping names and `row` has not: the table has changed since it was looked at.
    pub fn missing_in(&self, row: &Map<String, Value>) -> Option<&str> {
        let takes = [&self.message_type, &self.aggregate_type, &self.aggregate_id, &self.payload];
        let optional =
            [&self.id, &self.kind, &self.aggregate_version, &self.correlation_id, &self.causation_id, &self.created_at];
        let takes = takes.into_iter().chain(optional.into_iter().flatten());
        let named = takes.flat_map(Take::columns).map(|(name, _)| name).chain(self.headers.as_deref());
        named.chain([self.key.as_str()]).find(|name| !row.contains_key(*name))
    }

    /// The row's message; or why it is none, for people.
    ///
    /// The id is the row's where that is a UUID, else a hash of it (or of the key) and the source's name: the same each time.
    pub fn convert(&self, row: &Map<String, Value>, now: DateTime<Utc>) -> Result<Message, String> {
        let mut reading = Reading { plan: self, row, headers: BTreeMap::new(), sent_at: None, body: None };
        reading.read_headers()?;
        reading.open_envelope()?;
        let message = accept(&reading.wire()?, self.id_of(&reading)?, &self.source, now);
        let mut message = message.map_err(|found| {
            let all: Vec<String> = found.iter().map(|one| format!("{}: {}", one.pointer, one.message)).collect();
            all.join(" ")
        })?;
        if let Some(at) = reading.created_at()? {
            message.created_at = at;
        }
        Ok(message)
    }

    fn id_of(&self, reading: &Reading<'_>) -> Result<Uuid, String> {
        let given = match &self.id {
            Some(take) => {
                reading.text("id", take)?.ok_or("id: nothing is there; every message needs an id of its own")?
            }
            None => {
                let key = self.row_text(reading.row, &self.key)?;
                key.ok_or_else(|| format!("the key `{}` is empty", self.key))?
            }
        };
        Ok(Uuid::parse_str(&given)
            .unwrap_or_else(|_| Uuid::new_v5(&NAMESPACE, format!("{}\0{given}", self.source).as_bytes())))
    }

    fn row_text(&self, row: &Map<String, Value>, column: &str) -> Result<Option<String>, String> {
        row.get(column).map_or(Ok(None), |value| as_text(column, value))
    }
}

/// The id of what stands for a row that is no message.
pub fn nothing_of(source: &str, place: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{source}\0unreadable\0{place}").as_bytes())
}

fn take(field: &str, text: &str, found: &mut Vec<Diagnostic>) -> Option<Take> {
    let taken = Take::parse(text);
    taken.map_err(|error| found.push(Diagnostic::error("term", format!("/mapping/{field}"), error.to_string()))).ok()
}

/// One row while it is read.
struct Reading<'a> {
    plan: &'a Plan,
    row: &'a Map<String, Value>,
    headers: BTreeMap<String, String>,
    /// What an envelope says about itself.
    sent_at: Option<DateTime<Utc>>,
    body: Option<Value>,
}

impl Reading<'_> {
    fn read_headers(&mut self) -> Result<(), String> {
        let Some(column) = &self.plan.headers else { return Ok(()) };
        let value = match self.row.get(column) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(text)) if !self.plan.json.contains(column) => {
                serde_json::from_str(text).map_err(|error| format!("headers: `{column}` is not JSON ({error})"))?
            }
            Some(value) => value.clone(),
        };
        match value {
            Value::Null => Ok(()),
            Value::Object(map) => {
                for (name, value) in map {
                    match value {
                        Value::Null => {}
                        Value::String(text) => _ = self.headers.insert(name, text),
                        other => _ = self.headers.insert(name, other.to_string()),
                    }
                }
                Ok(())
            }
            other => Err(format!("headers: `{column}` holds {}, not an object of names and values", name_of(&other))),
        }
    }

    fn open_envelope(&mut self) -> Result<(), String> {
        if self.plan.encoding != Encoding::Wolverine {
            return Ok(());
        }
        let value = self.value(&self.plan.payload)?.ok_or("payload: there is no envelope")?;
        let bytes = bytes_of(&value).map_err(|why| format!("payload: {why}"))?;
        let envelope =
            envelope::read(&bytes).map_err(|why| format!("payload: this is no envelope of Wolverine: {why}"))?;
        self.sent_at = envelope.sent_at;
        self.body = Some(of_bytes(envelope.data));
        for (name, value) in envelope.headers {
            self.headers.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// As `POST /messages` would take it, so that its limits hold here too.
    fn wire(&self) -> Result<Value, String> {
        let plan = self.plan;
        let message_type = self.required("type", &plan.message_type)?;
        let message_type = match &plan.type_after {
            Some(mark) => message_type.rsplit(mark.as_str()).next().unwrap_or_default().to_owned(),
            None => message_type,
        };
        let mut wire = json!({
            "type": message_type,
            "aggregate_type": self.required("aggregate_type", &plan.aggregate_type)?,
            "aggregate_id": self.required("aggregate_id", &plan.aggregate_id)?,
            "payload": self.payload()?,
            "headers": self.headers,
        });
        for (field, take) in
            [("kind", &plan.kind), ("correlation_id", &plan.correlation_id), ("causation_id", &plan.causation_id)]
        {
            if let Some(text) = take.as_ref().map_or(Ok(None), |take| self.text(field, take))? {
                wire[field] = text.into();
            }
        }
        if let Some(take) = &plan.aggregate_version
            && let Some(text) = self.text("aggregate_version", take)?
        {
            let number: i64 =
                text.parse().map_err(|_| format!("aggregate_version: `{}` is no whole number", shorten(&text, 60)))?;
            wire["aggregate_version"] = number.into();
        }
        Ok(wire)
    }

    fn payload(&self) -> Result<Value, String> {
        if let Some(body) = &self.body {
            return Ok(body.clone());
        }
        let Some(value) = self.value(&self.plan.payload)? else { return Ok(Value::Null) };
        match (self.plan.encoding, value) {
            (Encoding::Text, Value::String(text)) => Ok(Value::String(text)),
            (Encoding::Text, other) => Ok(Value::String(other.to_string())),
            (Encoding::Bytes, value) => Ok(of_bytes(&bytes_of(&value).map_err(|why| format!("payload: {why}"))?)),
            (Encoding::Json, Value::String(text)) if !self.is_json(&self.plan.payload) => serde_json::from_str(&text)
                .map_err(|error| {
                    format!("payload: this is not JSON ({error}); choose another encoding if it never is")
                }),
            (Encoding::Json | Encoding::Wolverine, value) => Ok(value),
        }
    }

    /// Whether what `take` finds is JSON already: it comes out of a column of that type, or out of a place in one.
    fn is_json(&self, take: &Take) -> bool {
        take.terms().iter().find(|term| matches!(self.term(term), Ok(Some(_)))).is_some_and(|term| match term {
            Term::Column { name, pointer } => pointer.is_some() || self.plan.json.contains(name),
            Term::Header(_) | Term::Text(_) => false,
        })
    }

    fn created_at(&self) -> Result<Option<DateTime<Utc>>, String> {
        let Some(take) = &self.plan.created_at else { return Ok(self.sent_at) };
        let Some(text) = self.text("created_at", take)? else { return Ok(self.sent_at) };
        instant(&text).map(Some).ok_or_else(|| format!("created_at: `{}` is no instant", shorten(&text, 60)))
    }

    fn required(&self, field: &str, take: &Take) -> Result<String, String> {
        self.text(field, take)?.ok_or_else(|| format!("{field}: nothing is there under `{take}`"))
    }

    fn text(&self, field: &str, take: &Take) -> Result<Option<String>, String> {
        let Some(value) = self.value(take)? else { return Ok(None) };
        as_text(field, &value)
    }

    fn value(&self, take: &Take) -> Result<Option<Value>, String> {
        for term in take.terms() {
            if let Some(value) = self.term(term)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn term(&self, term: &Term) -> Result<Option<Value>, String> {
        let value = match term {
            Term::Text(text) => Some(Value::String(text.clone())),
            Term::Header(name) => self.headers.get(name).map(|value| Value::String(value.clone())),
            Term::Column { name, pointer: None } => self.row.get(name).cloned(),
            Term::Column { name, pointer: Some(pointer) } => self.inside(name)?.pointer(pointer).cloned(),
        };
        // An empty text says as little as nothing where alternatives are given; as a payload it stands for itself.
        Ok(value.filter(|value| !value.is_null()))
    }

    /// What a column holds, as JSON.
    fn inside(&self, column: &str) -> Result<Value, String> {
        let not_json =
            |error: serde_json::Error| format!("`{column}` is not JSON ({error}), so there are no places in it");
        match self.row.get(column) {
            None => Ok(Value::Null),
            Some(Value::String(text)) if !self.plan.json.contains(column) => match text.strip_prefix("\\x") {
                Some(_) => {
                    let bytes = bytes_of(&Value::String(text.clone())).map_err(|why| format!("`{column}`: {why}"))?;
                    serde_json::from_slice(&bytes).map_err(not_json)
                }
                None => serde_json::from_str(text).map_err(not_json),
            },
            Some(value) => Ok(value.clone()),
        }
    }
}

/// Texts, numbers and truth values as a text; nothing for null and empty texts.
fn as_text(field: &str, value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("{field}: {} is there; name a place in it, as in body#/id", name_of(value)))
        }
    }
}

fn bytes_of(value: &Value) -> Result<Vec<u8>, String> {
    let Value::String(text) = value else { return Err(format!("this is {}, and not bytes", name_of(value))) };
    let Some(digits) = text.strip_prefix("\\x") else { return Ok(text.clone().into_bytes()) };
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.ok_or_else(|| "these are no bytes in hexadecimal".to_owned())
}

fn of_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text).unwrap_or_else(|_| {
            // A NUL in a text is refused everywhere.
            if text.contains('\0') { json!({"base64": BASE64_STANDARD.encode(bytes)}) } else { text.into() }
        }),
        Err(_) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    }
}

/// RFC 3339, the same without a zone (UTC then) or with a blank, seconds or milliseconds since 1970.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(number) = text.parse::<i64>() {
        return if number.abs() > SECONDS_MAX {
            DateTime::from_timestamp_millis(number)
        } else {
            DateTime::from_timestamp(number, 0)
        };
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let naive = |format: &str| NaiveDateTime::parse_from_str(text, format).ok();
    naive("%Y-%m-%dT%H:%M:%S%.f").or_else(|| naive("%Y-%m-%d %H:%M:%S%.f")).map(|at| at.and_utc())
}
