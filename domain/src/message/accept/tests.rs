use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::strategies::any_json;

fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn check(value: Value) -> Result<Message, Vec<(String, String)>> {
    accept(&value, Uuid::from_u128(7), "api", now())
        .map_err(|found| found.into_iter().map(|it| (it.code, it.pointer)).collect())
}

fn minimal() -> Value {
    json!({"type": "OrderPlaced", "aggregate_type": "order", "aggregate_id": "7", "payload": {"total": 3}})
}

/// `minimal()` with one field set.
fn with(field: &str, value: Value) -> Value {
    let mut message = minimal();
    message[field] = value;
    message
}

fn refused(value: Value, code: &str, pointer: &str) {
    assert_eq!(check(value).unwrap_err(), [(code.to_owned(), pointer.to_owned())]);
}

#[test]
fn a_minimal_message_gets_defaults() {
    let message = check(minimal()).unwrap();
    assert_eq!(message.id, MessageId(Uuid::from_u128(7)));
    assert_eq!(message.kind, MessageKind::Event);
    assert_eq!(message.source, "api");
    assert_eq!(message.created_at, now());
    assert_eq!(message.payload, json!({"total": 3}));
}

#[test]
fn a_full_message_is_taken_as_it_is() {
    let message = check(json!({
        "id": "a8098c1a-f86e-11da-bd1a-00112444be1e", "kind": "command", "type": "BookFlight", "source": "trips",
        "aggregate_type": "flights", "aggregate_id": "f-1", "aggregate_version": 4, "payload": null,
        "headers": {"traceparent": "00-ab", "empty": ""}, "correlation_id": "c", "causation_id": "d",
        "deliver_after": "2026-11-24T09:00:00+01:00", "destination": "flights-http",
    }))
    .unwrap();
    assert_eq!(message.kind, MessageKind::Command);
    assert_eq!(message.aggregate_version, Some(4));
    assert_eq!(message.headers["traceparent"], "00-ab");
    assert_eq!(message.headers["empty"], "");
    assert_eq!(message.deliver_after, Some("2026-11-24T08:00:00Z".parse().unwrap()));
    assert_eq!(message.destination.as_deref(), Some("flights-http"));
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let found =
        check(json!({"type": "", "aggregate_id": 7, "payload": 1, "colour": "red", "kind": "wish"})).unwrap_err();
    let expected = [
        ("wrong-format", "/kind"),
        ("empty", "/type"),
        ("missing-field", "/aggregate_type"),
        ("wrong-type", "/aggregate_id"),
        ("unknown-field", "/colour"),
    ];
    assert_eq!(found, expected.map(|(code, pointer)| (code.to_owned(), pointer.to_owned())));
}

#[test]
fn limits_are_kept() {
    assert!(check(with("type", json!("é".repeat(200)))).is_ok());
    refused(with("type", json!("é".repeat(201))), "too-long", "/type");
    assert!(check(with("aggregate_id", json!("x".repeat(400)))).is_ok());
    refused(with("aggregate_id", json!("x".repeat(401))), "too-long", "/aggregate_id");
    refused(with("aggregate_version", json!(-1)), "wrong-type", "/aggregate_version");
    refused(with("aggregate_version", json!(1.5)), "wrong-type", "/aggregate_version");
    refused(with("id", json!("7")), "wrong-format", "/id");
    refused(with("deliver_after", json!("tomorrow")), "wrong-format", "/deliver_after");
    refused(with("headers", json!({"a/b": 1})), "wrong-type", "/headers/a~1b");
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (n.to_string(), json!("x"))).collect();
    refused(with("headers", Value::Object(many)), "too-many", "/headers");
}

#[test]
fn a_payload_of_exactly_one_mebibyte_is_accepted() {
    let text = "x".repeat(PAYLOAD_BYTES_MAX - 2);
    assert!(check(with("payload", json!(text))).is_ok());
    refused(with("payload", json!(format!("{text}x"))), "too-large", "/payload");
}

#[test]
fn nul_characters_are_refused_wherever_they_hide() {
    refused(with("aggregate_id", json!("a\0b")), "nul-character", "/aggregate_id");
    refused(with("payload", json!({"a": [1, {"b": "\0"}]})), "nul-character", "/payload/a/1/b");
    refused(with("payload", json!({"a": {"\0": 1}})), "nul-character", "/payload/a");
    refused(with("headers", json!({"h": "\0"})), "nul-character", "/headers/h");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    assert!(check(with("payload", nested(PAYLOAD_DEPTH_MAX))).is_ok());
    assert_eq!(check(with("payload", nested(PAYLOAD_DEPTH_MAX + 1))).unwrap_err()[0].0, "too-deep");
}

#[test]
fn what_is_no_object_is_no_message() {
    refused(json!([minimal()]), "wrong-type", "");
    refused(json!("x"), "wrong-type", "");
}

#[test]
fn counting_bytes_agrees_with_serialising() {
    let value = json!({"a": [1, 2.5, "é\n"], "b": {"c": null}});
    assert_eq!(serialised_bytes(&value), value.to_string().len());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(value in any_json()) {
        if let Err(found) = check(value) {
            prop_assert!(!found.is_empty());
        }
    }
}
