use baton_domain::{
    ids::MessageId,
    message::{Key, MessageKind},
};
use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap()
}

fn a_message() -> Message {
    Message {
        id: MessageId(Uuid::from_u128(7)),
        kind: MessageKind::Command,
        message_type: "BookFlight".into(),
        source: "process/trip-booking".into(),
        key: Key { aggregate_type: "flights".into(), aggregate_id: "서울/1 %".into() },
        aggregate_version: Some(12),
        payload: json!({"from": "ICN", "price": 12.5}),
        headers: BTreeMap::from([
            ("traceparent".into(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            (HOPS_HEADER.into(), "2".into()),
            ("X-Internal".into(), "stays here".into()),
        ]),
        correlation_id: Some("c-1".into()),
        causation_id: Some("m-1".into()),
        deliver_after: None,
        destination: None,
        created_at: now(),
    }
}

/// What a receiver that sends the event straight back would hand in.
fn expected_back(message: &Message) -> Message {
    let mut back = message.clone();
    back.headers.retain(|name, _| name != "X-Internal");
    back.headers.insert("ce-time".into(), message.created_at.to_rfc3339_opts(SecondsFormat::Micros, true));
    back
}

fn read_back_binary(message: &Message) -> Message {
    let (headers, body) = to_binary(message);
    assert_eq!(form_of(&headers), Some(Form::Binary));
    read(Form::Binary, &headers, &body, now()).unwrap().remove(0)
}

/// The pointers of what is found in a structured event made of `changes` to a good one (null removes).
fn findings(changes: Value) -> Vec<String> {
    let mut event = json!({"specversion": "1.0", "id": "a", "source": "/shop", "type": "Paid", "subject": "order/1"});
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    match from_structured(&event, now()) {
        Ok(_) => Vec::new(),
        Err(found) => {
            found.into_iter().map(|diagnostic| format!("{} {}", diagnostic.pointer, diagnostic.code)).collect()
        }
    }
}

#[test]
fn a_structured_event_has_the_attributes_of_the_specification() {
    let event = to_structured(&a_message());
    assert_eq!(
        event,
        json!({
            "specversion": "1.0",
            "id": "00000000-0000-0000-0000-000000000007",
            "source": "/baton/process/trip-booking",
            "type": "BookFlight",
            "subject": "flights/서울/1 %",
            "time": "2023-11-14T22:13:20.123456Z",
            "datacontenttype": "application/json",
            "batonkind": "command",
            "aggregatetype": "flights",
            "aggregateid": "서울/1 %",
            "aggregateversion": 12,
            "correlationid": "c-1",
            "causationid": "m-1",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "batonhops": "2",
            "data": {"from": "ICN", "price": 12.5},
        })
    );
}

#[test]
fn a_message_survives_both_modes() {
    let message = a_message();
    assert_eq!(from_structured(&to_structured(&message), now()).unwrap(), expected_back(&message));
    assert_eq!(read_back_binary(&message), expected_back(&message));
}

#[test]
fn header_values_are_percent_encoded() {
    let (headers, _) = to_binary(&a_message());
    assert_eq!(headers["ce-aggregateid"], "%EC%84%9C%EC%9A%B8/1%20%25");
    assert_eq!(headers["content-type"], "application/json");
    assert!(!headers.contains_key("ce-datacontenttype"), "it is the content type");
}

#[test]
fn a_foreign_id_is_the_same_for_the_same_source_and_id_only() {
    let id = |source: &str, id: &str| {
        let event = json!({"specversion": "1.0", "id": id, "source": source, "type": "Paid", "subject": "order/1"});
        from_structured(&event, now()).unwrap().id
    };
    assert_eq!(id("/shop", "42"), id("/shop", "42"));
    assert_ne!(id("/shop", "42"), id("/shop", "43"));
    assert_ne!(id("/shop", "42"), id("/shop4", "2"));
    assert_eq!(id("/shop", "00000000-0000-0000-0000-000000000009").0, Uuid::from_u128(9));
}

#[test]
fn the_aggregate_comes_from_extensions_or_from_the_subject() {
    let key = |event: Value| {
        let mut whole = json!({"specversion": "1.0", "id": "1", "source": "/shop", "type": "Paid"});
        whole.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        let key = from_structured(&whole, now()).unwrap().key;
        (key.aggregate_type, key.aggregate_id)
    };
    assert_eq!(key(json!({"subject": "order/1/2"})), ("order".into(), "1/2".into()));
    assert_eq!(
        key(json!({"subject": "whatever", "aggregatetype": "order", "aggregateid": "7"})),
        ("order".into(), "7".into())
    );
}

#[test]
fn unknown_extensions_become_headers() {
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "T", "subject": "a/1",
        "tracestate": "x=1", "partitionkey": 5, "urgent": true});
    let message = from_structured(&event, now()).unwrap();
    assert_eq!(message.headers["tracestate"], "x=1");
    assert_eq!(message.headers["partitionkey"], "5");
    assert_eq!(message.headers["urgent"], "true");
    assert_eq!(message.kind, MessageKind::Event);
    assert_eq!(message.payload, Value::Null);
}

#[test]
fn every_mistake_is_found_at_its_attribute() {
    assert_eq!(findings(json!({})), [""; 0]);
    assert_eq!(findings(json!({"specversion": "0.3"})), ["/specversion wrong-version"]);
    assert_eq!(findings(json!({"id": null, "source": ""})), ["/source missing-field", "/id missing-field"]);
    assert_eq!(findings(json!({"type": null})), ["/type missing-field"]);
    assert_eq!(findings(json!({"subject": "order"})), ["/subject missing-aggregate"]);
    assert_eq!(findings(json!({"batonkind": "wish"})), ["/batonkind wrong-format"]);
    assert_eq!(findings(json!({"aggregateversion": "two"})), ["/aggregateversion wrong-type"]);
    assert_eq!(findings(json!({"data_base64": "AA=="})), ["/data_base64 not-json"]);
    assert_eq!(findings(json!({"datacontenttype": "text/xml"})), ["/datacontenttype not-json"]);
    assert_eq!(findings(json!({"nested": {"a": 1}})), ["/nested wrong-type"]);
    assert_eq!(findings(json!({"data": {"a": "nul \u{0} inside"}})), ["/data/a nul-character"]);
}

#[test]
fn a_batch_says_which_event_is_wrong() {
    let good = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "T", "subject": "a/1"});
    let mut bad = good.clone();
    bad["subject"] = json!("nothing");
    let found = from_batch(&json!([good, bad]), now()).unwrap_err();
    assert_eq!(found[0].pointer, "/1/subject");
    assert_eq!(from_batch(&json!([good, good]), now()).unwrap().len(), 2);
    assert_eq!(from_batch(&json!(vec![good; BATCH_MAX + 1]), now()).unwrap_err()[0].code, "too-many");
}

#[test]
fn the_form_follows_from_the_headers() {
    let form = |pairs: &[(&'static str, &'static str)]| {
        let headers =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        form_of(&headers.collect())
    };
    assert_eq!(form(&[("content-type", "application/cloudevents+json; charset=utf-8")]), Some(Form::Structured));
    assert_eq!(form(&[("content-type", "Application/CloudEvents-Batch+JSON")]), Some(Form::Batch));
    assert_eq!(form(&[("content-type", "application/json"), ("ce-specversion", "1.0")]), Some(Form::Binary));
    assert_eq!(form(&[("content-type", "application/json")]), None);
}

proptest! {
    #[test]
    fn any_text_survives_percent_encoding(text: String) {
        let encoded = encode(&text, is_plain_in_header);
        prop_assert!(HeaderValue::try_from(&encoded).is_ok());
        prop_assert_eq!(decode(&encoded), Some(text));
    }

    #[test]
    fn no_body_makes_reading_panic(body: Vec<u8>, form in prop_oneof![Just(Form::Structured), Just(Form::Batch), Just(Form::Binary)]) {
        let _ = read(form, &HeaderMap::new(), &body, now());
    }

    #[test]
    fn any_source_survives(source in "[^\0]{1,40}") {
        let mut message = a_message();
        message.source = source;
        prop_assume!(!message.source.starts_with('/') && !message.source.contains("://") && !message.source.starts_with("urn:"));
        prop_assert_eq!(read_back_binary(&message).source, message.source);
    }
}
