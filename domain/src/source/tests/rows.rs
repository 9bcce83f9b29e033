//! What rows mean.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    super::{Plan, envelope::tests::write},
    OUTBOX, settings, shape,
};
use crate::message::{Message, MessageKind};

const EVENT: &str = "0193a1f0-0000-7000-8000-000000000001";

fn now() -> DateTime<Utc> {
    "2026-11-30T10:00:00Z".parse().unwrap()
}

/// A row of [`OUTBOX`], with some of it replaced, as `mapping` reads it.
fn read_with(columns: &[&str], mapping: &Value, changes: &Value) -> Result<Message, String> {
    let mut row = json!({
        "id": 7, "event": EVENT, "type": "OrderPlaced", "aggregate": "order", "aggregate_id": "o-1",
        "payload": {"total": 12}, "headers": {"traceparent": "00-1-2-01"}, "at": "2026-11-30T09:00:00+01:00", "sent": false,
    });
    row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let settings = settings(&json!({"mapping": mapping}));
    let plan = Plan::of("shop", &settings.mapping, &shape(columns)).map_err(|found| found[0].message.clone())?;
    plan.convert(row.as_object().unwrap(), now())
}

fn read(mapping: Value, changes: Value) -> Result<Message, String> {
    read_with(&OUTBOX, &mapping, &changes)
}

/// With the payload in a column of bytes or text.
fn payload_of(type_name: &str, encoding: &str, payload: &Value) -> Result<Value, String> {
    let columns =
        OUTBOX.map(|column| if column.starts_with("payload") { format!("payload:{type_name}") } else { column.into() });
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let read = read_with(&columns, &json!({"encoding": encoding}), &json!({"payload": payload}));
    read.map(|message| message.payload)
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{digits}")
}

#[test]
fn a_row_becomes_a_message() {
    let message = read(json!({}), json!({})).unwrap();
    assert_eq!(message.id.to_string(), EVENT);
    assert_eq!(message.kind, MessageKind::Event);
    assert_eq!(message.message_type, "OrderPlaced");
    assert_eq!(message.source, "shop");
    assert_eq!((message.key.aggregate_type.as_str(), message.key.aggregate_id.as_str()), ("order", "o-1"));
    assert_eq!(message.payload, json!({"total": 12}));
    assert_eq!(message.headers["traceparent"], "00-1-2-01");
    assert_eq!(message.created_at, "2026-11-30T08:00:00Z".parse::<DateTime<Utc>>().unwrap());
}

#[test]
fn ids_that_are_no_uuids_are_made_the_same_each_time() {
    let id = |mapping: Value, changes: Value| read(mapping, changes).unwrap().id;
    let by_key = id(json!({"id": null}), json!({}));
    assert_eq!(by_key, id(json!({"id": null}), json!({"payload": {"other": 1}})));
    assert_ne!(by_key, id(json!({"id": null}), json!({"id": 8})));
    let by_text = id(json!({"id": "type"}), json!({}));
    assert_eq!(by_text, id(json!({"id": "type"}), json!({"id": 9})));
    let plan =
        |source: &str| Plan::of(source, &settings(&json!({"mapping": {"id": null}})).mapping, &shape(&OUTBOX)).unwrap();
    let row = json!({"id": 7, "type": "T", "aggregate": "a", "aggregate_id": "1"});
    let convert = |source: &str| plan(source).convert(row.as_object().unwrap(), now()).unwrap().id;
    assert_ne!(convert("shop"), convert("other"));
    for (text, expected) in
        [("0193A1F0-0000-7000-8000-000000000001", EVENT), ("0193a1f0000070008000000000000001", EVENT)]
    {
        assert_eq!(id(json!({}), json!({"event": text})).to_string(), expected);
    }
}

#[test]
fn values_are_taken_from_where_the_mapping_says() {
    type Part = fn(Message) -> String;
    let message_type: Part = |message| message.message_type;
    let aggregate: Part = |message| message.key.aggregate_id;
    for (mapping, changes, part, expected) in [
        (json!({"type": "'Fixed'"}), json!({}), message_type, "Fixed"),
        (json!({"type": "header:kind"}), json!({"headers": {"kind": "FromHeader"}}), message_type, "FromHeader"),
        (json!({"type": "header:none | type"}), json!({}), message_type, "OrderPlaced"),
        (json!({"type": "header:none | payload#/t | 'Else'"}), json!({}), message_type, "Else"),
        (json!({"type": "payload#/t"}), json!({"payload": {"t": "Inside"}}), message_type, "Inside"),
        (json!({"type": "payload#/t/0"}), json!({"payload": {"t": ["First"]}}), message_type, "First"),
        (json!({"type_after": "."}), json!({"type": "com.shop.Placed"}), message_type, "Placed"),
        (json!({"type_after": "."}), json!({"type": "Placed"}), message_type, "Placed"),
        (json!({"type_after": ":"}), json!({"type": "urn:message:Shop:Placed"}), message_type, "Placed"),
        (json!({"aggregate_id": "id"}), json!({}), aggregate, "7"),
        (json!({"aggregate_id": "sent"}), json!({"sent": true}), aggregate, "true"),
        (json!({"aggregate_id": "payload#/total"}), json!({}), aggregate, "12"),
        (json!({"aggregate_id": "header:n"}), json!({"headers": {"n": 5}}), aggregate, "5"),
        (json!({"kind": "'command'"}), json!({}), |message| message.kind.to_string(), "command"),
        (json!({"aggregate_version": "id"}), json!({}), |message| message.aggregate_version.unwrap().to_string(), "7"),
        (json!({"correlation_id": "id"}), json!({}), |message| message.correlation_id.unwrap(), "7"),
        (json!({"causation_id": "event"}), json!({}), |message| message.causation_id.unwrap(), EVENT),
    ] {
        let message = read(mapping.clone(), changes).unwrap_or_else(|error| panic!("{mapping}: {error}"));
        assert_eq!(part(message), expected, "{mapping}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    for (mapping, changes, says) in [
        (json!({}), json!({"type": null}), "type: nothing is there"),
        (json!({}), json!({"type": ""}), "type: nothing is there"),
        (json!({}), json!({"aggregate_id": null}), "aggregate_id: nothing is there"),
        (json!({}), json!({"event": null}), "id: nothing is there"),
        (json!({"id": null}), json!({"id": null}), "the key `id` is empty"),
        (json!({"type": "payload"}), json!({}), "name a place in it"),
        (json!({"type": "header:none"}), json!({}), "`header:none`"),
        (json!({"kind": "type"}), json!({}), "/kind"),
        (json!({}), json!({"type": "x".repeat(201)}), "at most 200 characters"),
        (json!({}), json!({"type": "baton.StartProcess"}), "Baton's own"),
        (json!({}), json!({"aggregate": "baton.process"}), "Baton's own"),
        (json!({}), json!({"payload": {"text": "a\u{0}b"}}), "NUL"),
        (json!({}), json!({"payload": "x".repeat(1 << 20)}), "at most 1048576 bytes"),
        (json!({}), json!({"headers": [1]}), "headers: `headers` holds a list"),
        (json!({}), json!({"headers": {"long": "x".repeat(4_097)}}), "at most 4096 characters"),
        (json!({}), json!({"at": "yesterday"}), "created_at: `yesterday` is no instant"),
        (json!({}), json!({"at": "infinity"}), "is no instant"),
        (json!({"aggregate_version": "type"}), json!({}), "aggregate_version: `OrderPlaced` is no whole number"),
    ] {
        let error = read(mapping.clone(), changes.clone()).expect_err(&format!("{mapping} {changes}"));
        assert!(error.contains(says), "{mapping} {changes}: {error}");
    }
}

#[test]
fn payloads_are_read_in_every_encoding() {
    for (type_name, encoding, payload, expected) in [
        ("json", "json", json!({"n": 1}), json!({"n": 1})),
        ("json", "json", json!("a text"), json!("a text")),
        ("json", "json", json!("12"), json!("12")),
        ("text", "json", json!("{\"n\": 1}"), json!({"n": 1})),
        ("text", "json", json!("12"), json!(12)),
        ("text", "text", json!("{\"n\": 1}"), json!("{\"n\": 1}")),
        ("json", "text", json!({"n": 1}), json!("{\"n\":1}")),
        ("bytes", "bytes", json!(hex(b"{\"n\": 1}")), json!({"n": 1})),
        ("bytes", "bytes", json!(hex(b"hello")), json!("hello")),
        ("bytes", "bytes", json!(hex(&[0xff, 0])), json!({"base64": BASE64_STANDARD.encode([0xff, 0])})),
        ("bytes", "bytes", json!(hex(b"a\0b")), json!({"base64": BASE64_STANDARD.encode(b"a\0b")})),
        ("bytes", "bytes", json!("\\x"), json!("")),
        ("bytes", "bytes", json!("\\x7B7D"), json!({})),
    ] {
        assert_eq!(payload_of(type_name, encoding, &payload), Ok(expected), "{type_name} {encoding} {payload}");
    }
    for (type_name, encoding, payload, says) in [
        ("text", "json", json!("hello"), "this is not JSON"),
        ("text", "json", json!(""), "this is not JSON"),
        ("bytes", "bytes", json!("\\x7"), "no bytes"),
        ("bytes", "bytes", json!("\\xzz"), "no bytes"),
        ("bytes", "wolverine", json!(hex(b"{}")), "no envelope of Wolverine"),
        ("bytes", "wolverine", json!(""), "no envelope of Wolverine"),
    ] {
        let error = payload_of(type_name, encoding, &payload).unwrap_err();
        assert!(error.contains(says), "{type_name} {encoding} {payload}: {error}");
    }
    let nothing = read(json!({}), json!({"payload": null}));
    assert_eq!(nothing.unwrap().payload, Value::Null);
}

#[test]
fn instants_are_read_however_they_are_written() {
    for (at, expected) in [
        (json!("2026-11-30T09:00:00.5+00:00"), "2026-11-30T09:00:00.5Z"),
        (json!("2026-11-30T09:00:00"), "2026-11-30T09:00:00Z"),
        (json!("2026-11-30T09:00:00.123456"), "2026-11-30T09:00:00.123456Z"),
        (json!("2026-11-30 09:00:00"), "2026-11-30T09:00:00Z"),
        (json!(1_796_029_200), "2026-11-30T09:00:00Z"),
        (json!(1_796_029_200_500_i64), "2026-11-30T09:00:00.5Z"),
        (json!("1796029200500"), "2026-11-30T09:00:00.5Z"),
        (Value::Null, "2026-11-30T10:00:00Z"),
    ] {
        let mut row = json!({"id": 7, "event": EVENT, "type": "T", "aggregate": "a", "aggregate_id": "1"});
        row["at"] = at.clone();
        let plan = Plan::of("shop", &settings(&json!({})).mapping, &shape(&OUTBOX)).unwrap();
        let message = plan.convert(row.as_object().unwrap(), now()).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!(message.created_at, expected.parse::<DateTime<Utc>>().unwrap(), "{at}");
    }
}

#[test]
fn an_envelope_of_wolverine_brings_its_headers_along() {
    let sent_at = "2026-11-30T07:00:00Z".parse().unwrap();
    let bytes = write(sent_at, &[("correlation-id", "c-1"), ("content-type", "application/json")], b"{\"n\":1}");
    let columns = ["id:uuid", "message_type:text", "body:bytes"];
    let mapping = json!({"key": "id", "order": null, "id": null, "type": "message_type", "type_after": ".", "headers": null,
        "aggregate_type": "'w'", "aggregate_id": "header:correlation-id", "payload": "body", "encoding": "wolverine",
        "created_at": null});
    let mapping = settings(&json!({"mapping": mapping})).mapping;
    let plan = Plan::of("shop", &mapping, &shape(&columns)).unwrap();
    let row = json!({"id": EVENT, "message_type": "Shop.Placed", "body": hex(&bytes)});
    let message = plan.convert(row.as_object().unwrap(), now()).unwrap();
    assert_eq!(message.payload, json!({"n": 1}));
    assert_eq!(message.key.aggregate_id, "c-1");
    assert_eq!(message.message_type, "Placed");
    assert_eq!(message.headers["content-type"], "application/json");
    assert_eq!(message.created_at, sent_at);
}

#[test]
fn text_columns_hold_json_too() {
    let columns = OUTBOX.map(|column| match column {
        "payload:json?" => "payload:text",
        "headers:json?" => "headers:text",
        other => other,
    });
    let read = |mapping: Value, changes: Value| read_with(&columns, &mapping, &changes);
    let fine =
        read(json!({"type": "payload#/t"}), json!({"payload": "{\"t\": \"Inside\"}", "headers": "{\"a\": \"b\"}"}));
    let fine = fine.unwrap();
    assert_eq!((fine.message_type.as_str(), fine.headers["a"].as_str()), ("Inside", "b"));
    let whole =
        read(json!({"payload": "payload#/message | payload"}), json!({"payload": "{\"n\": 1}", "headers": "{}"}));
    assert_eq!(whole.unwrap().payload, json!({"n": 1}));
    let broken = read(json!({}), json!({"payload": "{}", "headers": "a=b"})).unwrap_err();
    assert!(broken.contains("headers: `headers` is not JSON"), "{broken}");
    let place = read(json!({"type": "payload#/t"}), json!({"payload": "no", "headers": "{}"})).unwrap_err();
    assert!(place.contains("`payload` is not JSON"), "{place}");
}
