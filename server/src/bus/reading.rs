//! What a broker hands over, read as messages: pure.
//!
//! CloudEvents in structured, batch or binary mode. What is none of these, or breaks a rule, becomes an event
//! [`UNREADABLE`] with everything there is about it. The relay does not publish that event; it stands among the failures
//! until somebody discards it.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use baton_domain::{
    diagnostic::Diagnostic,
    ids::MessageId,
    message::{Key, Message, MessageKind, PAYLOAD_BYTES_MAX},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::broker::{Incoming, ORIGIN_HEADER};
use crate::{cloudevents, store::rows::Failure};

/// The type of the event that stands for what could not be read.
pub const UNREADABLE: &str = "baton.Unreadable";
/// The class of its failure.
const CLASS: &str = "unreadable";
/// How much of a body is kept: base64 makes it a third longer, and it has to fit into a payload.
pub const KEPT_BYTES_MAX: usize = PAYLOAD_BYTES_MAX / 2;
/// Their ids are hashed in this namespace (chosen once, at random).
const NAMESPACE: Uuid = Uuid::from_u128(0x1b0c_7a52_4d0e_4c55_9f3a_88d1_20b7_6ee9);

/// Where something came from.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// The broker.
    pub bus: &'a str,
    pub name: &'a str,
}

/// The messages of one delivery; exactly one [`UNREADABLE`] when it cannot be read.
pub fn read(address: &Address<'_>, incoming: &Incoming, now: DateTime<Utc>) -> Vec<Message> {
    match read_events(incoming, now) {
        Ok(mut messages) => {
            for message in &mut messages {
                mark(message, address);
            }
            messages
        }
        Err(found) => {
            let why: Vec<String> =
                found.iter().take(8).map(|found| format!("{}{}", at(found), found.message)).collect();
            vec![unreadable(address, incoming, &why.join(" "), now)]
        }
    }
}

fn read_events(incoming: &Incoming, now: DateTime<Utc>) -> Result<Vec<Message>, Vec<Diagnostic>> {
    let essence = incoming.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let binary = incoming.attributes.iter().any(|(name, _)| name == "specversion");
    match essence.to_ascii_lowercase().as_str() {
        cloudevents::STRUCTURED => structured(&incoming.body, now),
        cloudevents::BATCH => cloudevents::from_batch(&cloudevents::parse(&incoming.body)?, now),
        _ if binary => {
            let attributes: BTreeMap<String, String> = incoming.attributes.iter().cloned().collect();
            let media_type = incoming.content_type.clone();
            Ok(vec![cloudevents::from_attributes(attributes, media_type, &incoming.body, now)?])
        }
        // Nothing says what it is: the JSON event format, as NATS prescribes for messages without headers.
        "" | "application/json" => structured(&incoming.body, now),
        other => {
            let text = format!("This is no CloudEvent: its content type is `{other}`, and it has no `specversion`.");
            Err(vec![Diagnostic::error("no-cloudevent", "", text)])
        }
    }
}

fn structured(body: &[u8], now: DateTime<Utc>) -> Result<Vec<Message>, Vec<Diagnostic>> {
    Ok(vec![cloudevents::from_structured(&cloudevents::parse(body)?, now)?])
}

fn at(found: &Diagnostic) -> String {
    if found.pointer.is_empty() { String::new() } else { format!("{}: ", found.pointer) }
}

fn mark(message: &mut Message, address: &Address<'_>) {
    message.headers.insert(ORIGIN_HEADER.to_owned(), origin(address));
}

fn origin(address: &Address<'_>) -> String {
    format!("{} {}", address.bus, address.name)
}

/// The event that stands for what cannot be taken, with the reason.
pub fn unreadable(address: &Address<'_>, incoming: &Incoming, why: &str, now: DateTime<Utc>) -> Message {
    let place = format!("{} {} {}", address.bus, address.name, incoming.place);
    let id = Uuid::new_v5(&NAMESPACE, place.as_bytes());
    let mut kept = &incoming.body[..incoming.body.len().min(KEPT_BYTES_MAX)];
    let text = std::str::from_utf8(kept).or_else(|error| {
        // A cut may go through a character.
        kept = &kept[..if error.error_len().is_none() { error.valid_up_to() } else { kept.len() }];
        std::str::from_utf8(kept)
    });
    let body = match text.ok().filter(|text| !text.contains('\0')) {
        Some(text) => json!({"text": text}),
        None => json!({"base64": BASE64_STANDARD.encode(kept)}),
    };
    let attributes: BTreeMap<&str, String> = (incoming.attributes.iter().take(64))
        .map(|(name, value)| (name.as_str(), value.replace('\0', "\u{fffd}").chars().take(1_000).collect()))
        .collect();
    let payload = json!({
        "error": why,
        "bus": address.bus,
        "address": address.name,
        "place": incoming.place,
        "content_type": incoming.content_type,
        "attributes": attributes,
        "body": body,
        "body_bytes": incoming.body.len(),
        "body_bytes_kept": kept.len(),
    });
    stand_in(id, &origin(address), payload, now)
}

/// An event that stands for something unreadable; `origin` is where it came from, and `payload` names `address` and `error`.
pub fn stand_in(id: Uuid, origin: &str, payload: Value, now: DateTime<Utc>) -> Message {
    Message {
        id: MessageId(id),
        kind: MessageKind::Event,
        message_type: UNREADABLE.to_owned(),
        source: "baton".to_owned(),
        // A key of its own: nothing waits behind it.
        key: Key { aggregate_type: "baton.unreadable".to_owned(), aggregate_id: id.to_string() },
        aggregate_version: None,
        payload,
        headers: BTreeMap::from([(ORIGIN_HEADER.to_owned(), origin.to_owned())]),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: now,
    }
}

/// What to write down as the failure of a message that stands for something unreadable; `None` for every other.
pub fn failure_of(message: &Message) -> Option<Failure> {
    if message.message_type != UNREADABLE || !message.headers.contains_key(ORIGIN_HEADER) {
        return None;
    }
    let text = |name: &str| message.payload.get(name).and_then(Value::as_str).unwrap_or_default();
    Some(Failure {
        class: CLASS.to_owned(),
        error: format!(
            "What came in from `{}` could not be read: {} The payload shows it as it came. Have its sender correct it and \
             send it again, then discard this one.",
            text("address"),
            text("error")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Address<'_> = Address { bus: "nats", name: "orders" };

    fn incoming(content_type: Option<&str>, attributes: &[(&str, &str)], body: &str) -> Incoming {
        Incoming {
            place: "7".into(),
            content_type: content_type.map(Into::into),
            attributes: attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.into(),
        }
    }

    fn read_one(incoming: &Incoming) -> Message {
        let mut messages = read(&ADDRESS, incoming, DateTime::UNIX_EPOCH);
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    const EVENT: &str =
        r#"{"specversion":"1.0","id":"1","source":"/shop","type":"Placed","subject":"order/7","data":{"n":1}}"#;

    #[test]
    fn events_are_read_in_every_mode() {
        let whole = read_one(&incoming(Some("application/cloudevents+json"), &[], EVENT));
        let bare = read_one(&incoming(None, &[], EVENT));
        let attributes =
            [("specversion", "1.0"), ("id", "1"), ("source", "/shop"), ("type", "Placed"), ("subject", "order/7")];
        let binary = read_one(&incoming(Some("application/json"), &attributes, r#"{"n":1}"#));
        assert_eq!(whole, bare);
        assert_eq!(whole, binary);
        assert_eq!(whole.headers[ORIGIN_HEADER], "nats orders");
        assert_eq!(whole.key.aggregate_id, "7");
        let batch =
            read(&ADDRESS, &incoming(Some(cloudevents::BATCH), &[], &format!("[{EVENT},{EVENT}]")), whole.created_at);
        assert_eq!(batch.len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_kept_with_the_reason() {
        for (content_type, body, reason) in [
            (None, "not json", "not JSON"),
            (Some("text/plain"), "hello", "no CloudEvent"),
            (None, r#"{"specversion":"1.0","id":"1","source":"/s","type":"T"}"#, "subject"),
        ] {
            let note = read_one(&incoming(content_type, &[], body));
            assert_eq!(note.message_type, UNREADABLE);
            assert_eq!(note.payload["body"]["text"], body);
            let failure = failure_of(&note).unwrap();
            assert!(failure.error.contains(reason), "{}", failure.error);
            // Read again it is the same, so the inbox knows it.
            assert_eq!(note.id, read_one(&incoming(content_type, &[], body)).id);
        }
        let huge = read_one(&incoming(None, &[], &"é".repeat(3 << 20)));
        assert!(huge.payload.to_string().len() < PAYLOAD_BYTES_MAX);
        assert_eq!(huge.payload["body_bytes"], 6 << 20);
        let mut bytes = incoming(None, &[], "");
        bytes.body = vec![0xff, 0x00];
        assert_eq!(read_one(&bytes).payload["body"]["base64"], "/wA=");
    }
}
