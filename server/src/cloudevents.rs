//! CloudEvents 1.0 and our messages: the mapping, both ways, as pure functions.
//!
//! | CloudEvents | message |
//! | --- | --- |
//! | `id` | id; one that is no UUID becomes a UUIDv5 of source and id, so a repeat is still a duplicate |
//! | `source` | source; ours leave as `/baton/…` |
//! | `type` | type |
//! | `subject` | `aggregate_type/aggregate_id`, unless the extensions `aggregatetype` and `aggregateid` say it |
//! | `batonkind`, `aggregateversion`, `correlationid`, `causationid`, `batonhops` | the fields and the header of that name |
//! | `time` | written: created-at; read: kept as the header `ce-time` |
//! | any other extension (`traceparent`, …) | a header of that name |
//! | `data` | the payload, always JSON |
//!
//! Sources: CloudEvents 1.0.2, its JSON event format, and its HTTP protocol binding (structured, binary, batched).

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use baton_domain::{
    diagnostic::Diagnostic,
    message::{HOPS_HEADER, Message, accept},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use percent::{decode, encode};

mod percent;
#[cfg(test)]
mod tests;

pub const STRUCTURED: &str = "application/cloudevents+json";
pub const BATCH: &str = "application/cloudevents-batch+json";
/// The most events in one batch.
pub const BATCH_MAX: usize = 1_000;

/// Messages of Baton's own components leave with this in front of their source, which makes it a URI reference.
const SOURCE_PREFIX: &str = "/baton/";
/// Ids that are no UUIDs are hashed in this namespace (chosen once, at random).
const ID_NAMESPACE: Uuid = Uuid::from_u128(0x5d1c_3f0e_9f0b_4f0a_8f6e_2b7a_51c9_d4e3);
/// What the specification defines, and what we map to fields: never taken from or written to headers.
const RESERVED: [&str; 17] = [
    "id",
    "source",
    "specversion",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "data",
    "data_base64",
    "batonkind",
    "batonhops",
    "aggregatetype",
    "aggregateid",
    "aggregateversion",
    "correlationid",
    "causationid",
    "dataschema",
];
/// The attribute beside each field of a message, to speak of the place that the sender knows.
const FIELDS: [(&str, &str); 9] = [
    ("id", "id"),
    ("kind", "batonkind"),
    ("aggregate_type", "aggregatetype"),
    ("aggregate_id", "aggregateid"),
    ("aggregate_version", "aggregateversion"),
    ("payload", "data"),
    ("correlation_id", "correlationid"),
    ("causation_id", "causationid"),
    ("headers", ""),
];

type Found = Vec<Diagnostic>;

// ---------------------------------------------------------------- writing

/// The event as one JSON object (structured mode, `application/cloudevents+json`).
pub fn to_structured(message: &Message) -> Value {
    let mut event = Map::new();
    for (name, value) in attributes(message) {
        event.insert(name.to_owned(), Value::String(value));
    }
    if let Some(version) = message.aggregate_version {
        // An Integer of CloudEvents has 32 bits; a larger one travels as a string.
        event.insert(
            "aggregateversion".to_owned(),
            i32::try_from(version).map_or_else(|_| json!(version.to_string()), |version| json!(version)),
        );
    }
    event.insert("data".to_owned(), message.payload.clone());
    Value::Object(event)
}

/// The event as HTTP headers (`ce-…`, content type) and a body, which is the payload alone (binary mode).
pub fn to_binary(message: &Message) -> (HeaderMap, Vec<u8>) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let version = message.aggregate_version.map(|version| ("aggregateversion", version.to_string()));
    for (name, value) in attributes(message).into_iter().chain(version) {
        if name == "datacontenttype" {
            continue;
        }
        let name = HeaderName::try_from(format!("ce-{name}")).expect("attribute names are lower-case alphanumerics");
        let value = HeaderValue::try_from(encode(&value, is_plain_in_header)).expect("what is not plain is encoded");
        headers.insert(name, value);
    }
    let body = serde_json::to_vec(&message.payload).expect("a JSON value always serialises");
    (headers, body)
}

/// The attributes of an event in the binary mode of a protocol whose headers hold any text, without a prefix, and the body.
pub fn to_attributes(message: &Message) -> (Vec<(String, String)>, Vec<u8>) {
    let version = message.aggregate_version.map(|version| ("aggregateversion", version.to_string()));
    let attributes = attributes(message).into_iter().chain(version).filter(|(name, _)| *name != "datacontenttype");
    let body = serde_json::to_vec(&message.payload).expect("a JSON value always serialises");
    (attributes.map(|(name, value)| (name.to_owned(), value)).collect(), body)
}

/// A value of a header in binary mode, percent-decoded.
pub fn decoded(value: &str) -> Option<String> {
    decode(value.trim_matches('"'))
}

/// Every attribute but `data` and `aggregateversion`, as text.
fn attributes(message: &Message) -> Vec<(&str, String)> {
    let mut attributes = vec![
        ("specversion", "1.0".to_owned()),
        ("id", message.id.to_string()),
        ("source", source_uri(&message.source)),
        ("type", message.message_type.clone()),
        ("subject", format!("{}/{}", message.key.aggregate_type, message.key.aggregate_id)),
        ("time", message.created_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        ("datacontenttype", "application/json".to_owned()),
        ("batonkind", message.kind.as_str().to_owned()),
        ("aggregatetype", message.key.aggregate_type.clone()),
        ("aggregateid", message.key.aggregate_id.clone()),
    ];
    for (name, value) in [("correlationid", &message.correlation_id), ("causationid", &message.causation_id)] {
        if let Some(value) = value {
            attributes.push((name, value.clone()));
        }
    }
    for (name, value) in &message.headers {
        if name == HOPS_HEADER {
            attributes.push(("batonhops", value.clone()));
        } else if is_extension_name(name) && !value.is_empty() {
            attributes.push((name, value.clone()));
        }
    }
    attributes
}

fn source_uri(source: &str) -> String {
    // A source that came in as an absolute URI or path leaves as it came.
    if source.starts_with('/') || source.contains("://") || source.starts_with("urn:") {
        encode(source, |byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`'))
    } else {
        format!("{SOURCE_PREFIX}{}", encode(source, |byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)))
    }
}

fn is_extension_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && !RESERVED.contains(&name)
}

/// HTTP binding, section 3.1.3.2: printable ASCII but space, double quote and percent goes as it is.
fn is_plain_in_header(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'%'
}

// ---------------------------------------------------------------- reading

/// How events stand in an HTTP request or answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Structured,
    Batch,
    Binary,
}

/// The form that the headers announce; `None` when this is not about CloudEvents at all.
pub fn form_of(headers: &HeaderMap) -> Option<Form> {
    match media_type(headers).as_deref() {
        Some(STRUCTURED) => Some(Form::Structured),
        Some(BATCH) => Some(Form::Batch),
        _ if headers.contains_key("ce-specversion") => Some(Form::Binary),
        _ => None,
    }
}

/// Reads the events of a request or an answer in the form that [`form_of`] found. All of them or none.
pub fn read(form: Form, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Vec<Message>, Found> {
    match form {
        Form::Binary => Ok(vec![from_binary(headers, body, now)?]),
        Form::Structured => Ok(vec![from_structured(&parse(body)?, now)?]),
        Form::Batch => from_batch(&parse(body)?, now),
    }
}

/// One event in the JSON event format. Pointers of diagnostics lead into `event`.
pub fn from_structured(event: &Value, now: DateTime<Utc>) -> Result<Message, Found> {
    let Value::Object(event) = event else {
        return Err(vec![Diagnostic::error("wrong-type", "", "A CloudEvent is a JSON object.")]);
    };
    let mut found = Found::new();
    let mut attributes = BTreeMap::new();
    for (name, value) in event {
        match value {
            Value::Null => {}
            _ if name == "data" => {}
            Value::String(text) => _ = attributes.insert(name.clone(), text.clone()),
            Value::Bool(_) | Value::Number(_) => _ = attributes.insert(name.clone(), value.to_string()),
            Value::Array(_) | Value::Object(_) => found.push(Diagnostic::error(
                "wrong-type",
                format!("/{}", baton_domain::diagnostic::pointer_token(name)),
                "An attribute of a CloudEvent is a text, a number or a boolean; put everything else into `data`.",
            )),
        }
    }
    let data = event.get("data").cloned().unwrap_or(Value::Null);
    finish(attributes, data, now, found)
}

/// A list of events in the JSON batch format.
pub fn from_batch(events: &Value, now: DateTime<Utc>) -> Result<Vec<Message>, Found> {
    let Value::Array(events) = events else {
        return Err(vec![Diagnostic::error("wrong-type", "", "A batch of CloudEvents is a JSON array.")]);
    };
    if events.len() > BATCH_MAX {
        let text = format!("A batch has at most {BATCH_MAX} events; this one has {}.", events.len());
        return Err(vec![Diagnostic::error("too-many", "", text)]);
    }
    let mut messages = Vec::with_capacity(events.len());
    let mut found = Found::new();
    for (index, event) in events.iter().enumerate() {
        match from_structured(event, now) {
            Ok(message) => messages.push(message),
            Err(diagnostics) => found.extend(diagnostics.into_iter().map(|mut diagnostic| {
                diagnostic.pointer = format!("/{index}{}", diagnostic.pointer);
                diagnostic
            })),
        }
    }
    if found.is_empty() { Ok(messages) } else { Err(found) }
}

/// One event in binary mode. Pointers of diagnostics name the attribute (`/type` is the header `ce-type`).
pub fn from_binary(headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Message, Found> {
    let mut found = Found::new();
    let mut attributes = BTreeMap::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        match std::str::from_utf8(value.as_bytes()).ok().and_then(decoded) {
            Some(value) => _ = attributes.insert(name.to_owned(), value),
            None => found.push(Diagnostic::error(
                "wrong-format",
                format!("/{name}"),
                format!("The header `ce-{name}` is not percent-encoded UTF-8."),
            )),
        }
    }
    binary(attributes, media_type(headers), body, now, found)
}

/// One event in the binary mode of another protocol: its attributes by name, as they are.
pub fn from_attributes(
    attributes: BTreeMap<String, String>,
    media_type: Option<String>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Message, Found> {
    binary(attributes, media_type, body, now, Found::new())
}

fn binary(
    mut attributes: BTreeMap<String, String>,
    media_type: Option<String>,
    body: &[u8],
    now: DateTime<Utc>,
    mut found: Found,
) -> Result<Message, Found> {
    if let Some(media_type) = media_type {
        attributes.insert("datacontenttype".to_owned(), media_type);
    }
    let data = match body {
        [] => Value::Null,
        body => parse(body).unwrap_or_else(|diagnostics| {
            found.extend(diagnostics);
            Value::Null
        }),
    };
    finish(attributes, data, now, found)
}

fn finish(
    attributes: BTreeMap<String, String>,
    data: Value,
    now: DateTime<Utc>,
    mut found: Found,
) -> Result<Message, Found> {
    let wire = to_wire(attributes, data, &mut found);
    // Which id it is does not matter where none was given: that has been found already.
    match accept(&wire, Uuid::nil(), "", now) {
        Ok(message) if found.is_empty() => Ok(message),
        Ok(_) => Err(found),
        Err(diagnostics) => {
            found.extend(diagnostics.into_iter().map(at_attribute));
            // What is missing is said once, in the words of CloudEvents.
            found.dedup_by(|later, earlier| later.pointer == earlier.pointer);
            Err(found)
        }
    }
}

/// The message in the form of `POST /messages`, so that one door judges all.
fn to_wire(mut attributes: BTreeMap<String, String>, data: Value, found: &mut Found) -> Value {
    if attributes.remove("specversion").as_deref() != Some("1.0") {
        found.push(Diagnostic::error("wrong-version", "/specversion", "The attribute `specversion` must be `1.0`."));
    }
    check_data(&mut attributes, found);
    let mut wire = Map::new();
    for required in ["type", "source", "id"] {
        if attributes.get(required).is_none_or(String::is_empty) {
            let text = format!("The attribute `{required}` is required.");
            found.push(Diagnostic::error("missing-field", format!("/{required}"), text));
            attributes.remove(required);
        }
    }
    let source = attributes.remove("source").unwrap_or_default();
    if let Some(id) = attributes.remove("id") {
        let id = id.parse().unwrap_or_else(|_| foreign_id(&source, &id));
        wire.insert("id".to_owned(), Value::String(id.to_string()));
    }
    if !source.is_empty() {
        wire.insert("source".to_owned(), Value::String(read_source(source)));
    }
    let subject = attributes.remove("subject");
    let of_subject = subject.as_deref().and_then(|subject| subject.split_once('/'));
    let aggregate_type = attributes.remove("aggregatetype").or_else(|| of_subject.map(|(first, _)| first.to_owned()));
    let aggregate_id = attributes.remove("aggregateid").or_else(|| of_subject.map(|(_, rest)| rest.to_owned()));
    match (aggregate_type, aggregate_id) {
        (Some(aggregate_type), Some(aggregate_id)) => {
            wire.insert("aggregate_type".to_owned(), Value::String(aggregate_type));
            wire.insert("aggregate_id".to_owned(), Value::String(aggregate_id));
        }
        _ => {
            found.push(Diagnostic::error(
                "missing-aggregate",
                "/subject",
                "Say what the event is about: a subject `type/id`, or the extensions `aggregatetype` and `aggregateid`.",
            ));
            // Something the door accepts, so that it judges the rest.
            wire.insert("aggregate_type".to_owned(), json!("-"));
            wire.insert("aggregate_id".to_owned(), json!("-"));
        }
    }
    for (attribute, field) in
        [("type", "type"), ("batonkind", "kind"), ("correlationid", "correlation_id"), ("causationid", "causation_id")]
    {
        if let Some(value) = attributes.remove(attribute) {
            wire.insert(field.to_owned(), Value::String(value));
        }
    }
    if let Some(version) = attributes.remove("aggregateversion") {
        wire.insert(
            "aggregate_version".to_owned(),
            version.parse::<i64>().map_or(json!(version), |number| json!(number)),
        );
    }
    let mut headers = Map::new();
    for (from, to) in [("batonhops", HOPS_HEADER), ("time", "ce-time")] {
        if let Some(value) = attributes.remove(from) {
            headers.insert(to.to_owned(), Value::String(value));
        }
    }
    headers.extend(attributes.into_iter().map(|(name, value)| (name, Value::String(value))));
    if !headers.is_empty() {
        wire.insert("headers".to_owned(), Value::Object(headers));
    }
    wire.insert("payload".to_owned(), data);
    Value::Object(wire)
}

/// Payloads are JSON: anything that says it is something else is refused rather than guessed at.
fn check_data(attributes: &mut BTreeMap<String, String>, found: &mut Found) {
    if attributes.remove("data_base64").is_some() {
        found.push(Diagnostic::error("not-json", "/data_base64", "Payloads are JSON: send `data` instead."));
    }
    if let Some(media_type) = attributes.remove("datacontenttype")
        && !is_json(&media_type)
    {
        let text = format!("Payloads are JSON, not `{media_type}`: send `application/json`.");
        found.push(Diagnostic::error("not-json", "/datacontenttype", text));
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

/// The id of an event whose id is no UUID: the same (source, id) always gives the same one.
fn foreign_id(source: &str, id: &str) -> Uuid {
    // Lengths in front, so that no two pairs give the same text.
    Uuid::new_v5(&ID_NAMESPACE, format!("{}:{source}{id}", source.len()).as_bytes())
}

fn read_source(source: String) -> String {
    source.strip_prefix(SOURCE_PREFIX).filter(|rest| !rest.is_empty()).and_then(decode).unwrap_or(source)
}

fn at_attribute(mut diagnostic: Diagnostic) -> Diagnostic {
    for (field, attribute) in FIELDS {
        if let Some(rest) = diagnostic.pointer.strip_prefix('/').and_then(|pointer| pointer.strip_prefix(field))
            && (rest.is_empty() || rest.starts_with('/'))
        {
            let slash = if attribute.is_empty() { "" } else { "/" };
            diagnostic.pointer = format!("{slash}{attribute}{rest}");
            break;
        }
    }
    diagnostic
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The JSON document of an event or a batch.
pub fn parse(body: &[u8]) -> Result<Value, Found> {
    serde_json::from_slice(body)
        .map_err(|error| vec![Diagnostic::error("malformed-json", "", format!("The body is not JSON: {error}."))])
}
