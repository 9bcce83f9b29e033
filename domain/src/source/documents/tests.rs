use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::{DocumentMode, DocumentSource, check, key_text};
use crate::source::{Encoding, Plan};

fn settings() -> DocumentSource {
    DocumentSource::example("env:SHOP_DOCUMENTS", "shop", "orders")
}

/// The one finding about the settings after `change`, as `pointer code`; empty when there is none.
fn finding(change: impl FnOnce(&mut DocumentSource)) -> String {
    let mut settings = settings();
    change(&mut settings);
    let found: Vec<String> = check(&settings).iter().map(|one| format!("{} {}", one.pointer, one.code)).collect();
    found.join(", ")
}

#[test]
fn the_example_is_right_and_is_read_as_it_was_written() {
    assert_eq!(finding(|_| {}), "");
    let written = serde_json::to_value(settings()).unwrap();
    assert_eq!(serde_json::from_value::<DocumentSource>(written).unwrap(), settings());
    let short = json!({
        "server": "env:SHOP_DOCUMENTS", "database": "shop", "collection": "orders", "mode": "pull",
        "mapping": {
            "key": "id", "type": "type", "aggregate_type": "'order'", "aggregate_id": "$document#/_id",
            "payload": "payload", "created_at": "occurred_at",
        },
    });
    assert_eq!(serde_json::from_value::<DocumentSource>(short).unwrap(), settings());
}

#[test]
fn every_mistake_is_found_where_it_stands() {
    assert_eq!(finding(|s| s.server = "mongodb://u:secret@host".into()), "/server no-reference");
    assert_eq!(finding(|s| s.server = "env:".into()), "/server no-reference");
    assert_eq!(finding(|s| s.server = "file:/run/secrets/shop".into()), "");
    for name in ["", "a.b", "a b", "$a", &"x".repeat(64)] {
        assert_eq!(finding(|s| s.database = name.into()), "/database wrong-name", "{name}");
    }
    assert_eq!(finding(|s| s.collection = "a.b".into()), "");
    for name in ["", "system.users", "a$b"] {
        assert_eq!(finding(|s| s.collection = name.into()), "/collection wrong-name", "{name}");
    }
    assert_eq!(finding(|s| s.events = "meta.outbox".into()), "");
    for path in ["", "outbox.", ".outbox", "$outbox", "outbox.0", "_id"] {
        assert_eq!(finding(|s| s.events = path.into()), "/events wrong-name", "{path}");
    }
    assert_eq!(finding(|s| s.mapping.key = "meta.id".into()), "");
    assert_eq!(finding(|s| s.mapping.key = "$id".into()), "/mapping/key wrong-name");
    assert_eq!(finding(|s| s.published_at = Some("done".into())), "/published_at no-mark");
    assert_eq!(finding(|s| s.mode = DocumentMode::Mark), "");
    let marks = |name: &str| {
        finding(|s| {
            s.mode = DocumentMode::Mark;
            s.published_at = Some(name.into());
        })
    };
    assert_eq!(marks("done.at"), "");
    assert_eq!(marks("id"), "/published_at no-mark");
    assert_eq!(marks("$now"), "/published_at wrong-name");
    assert_eq!(finding(|s| s.mapping.aggregate_id = "$document".into()), "/mapping/aggregate_id term");
    assert_eq!(finding(|s| s.mapping.message_type = "'open".into()), "/mapping/type term");
    assert_eq!(finding(|s| s.mapping.message_type = "$type".into()), "/mapping/type missing-column");
    assert_eq!(finding(|s| s.mapping.order = Some("n".into())), "/mapping/order no-order");
    assert_eq!(finding(|s| s.mapping.encoding = Encoding::Wolverine), "/mapping/encoding wrong-type");
    assert_eq!(finding(|s| s.mapping.encoding = Encoding::Text), "");
    assert_eq!(finding(|s| s.batch = 0), "/batch range");
    assert_eq!(finding(|s| s.poll_ms = 60_001), "/poll_ms range");
}

#[test]
fn only_the_fields_that_are_needed_are_read() {
    let mut settings = settings();
    settings.events = "meta.outbox".into();
    settings.mapping.aggregate_id = "$document#/meta/number | $document#/a~1b/0".into();
    assert_eq!(settings.fields(), BTreeSet::from(["_id", "meta", "a/b"].map(str::to_owned)));
}

fn converted(settings: &DocumentSource, row: Value) -> Result<crate::message::Message, String> {
    let (mapping, shape) = settings.for_plan();
    let plan = Plan::of("shop", &mapping, &shape).unwrap();
    let row: Map<String, Value> = serde_json::from_value(row).unwrap();
    plan.convert(&row, DateTime::UNIX_EPOCH)
}

#[test]
fn an_event_is_read_like_a_row() {
    let row = json!({
        "$document": {"_id": "o-1"}, "$key": key_text("o-1", "7"), "id": 7, "type": "OrderPlaced",
        "payload": {"total": "12.50"}, "occurred_at": "2026-11-30T09:00:00.5Z",
    });
    let message = converted(&settings(), row.clone()).unwrap();
    assert_eq!(message.message_type, "OrderPlaced");
    assert_eq!((message.key.aggregate_type.as_str(), message.key.aggregate_id.as_str()), ("order", "o-1"));
    assert_eq!(message.payload, json!({"total": "12.50"}));
    assert_eq!(message.created_at.to_rfc3339(), "2026-11-30T09:00:00.500+00:00");
    assert_eq!(message.source, "shop");
    // Read again it is the same; the same number in another document is another event.
    assert_eq!(converted(&settings(), row.clone()).unwrap().id, message.id);
    let mut other = row;
    other["$key"] = key_text("o-2", "7").into();
    assert_ne!(converted(&settings(), other).unwrap().id, message.id);
}

#[test]
fn a_payload_that_is_a_text_stays_one() {
    let row = |payload: Value| json!({"$document": {"_id": 1}, "$key": "1/1", "type": "T", "payload": payload});
    assert_eq!(converted(&settings(), row("no JSON".into())).unwrap().payload, "no JSON");
    assert_eq!(converted(&settings(), row(json!([1]))).unwrap().payload, json!([1]));
}

#[test]
fn a_uuid_is_the_id_and_whatever_else_is_told_apart_by_document() {
    let id = "0197f0a2-7b1c-7000-8000-000000000001";
    assert_eq!(key_text("o-1", id), id);
    assert_eq!(key_text("o-1", "1"), "o-1/1");
    let row = json!({"$document": {"_id": 1}, "$key": id, "type": "T"});
    assert_eq!(converted(&settings(), row).unwrap().id.to_string(), id);
}

#[test]
fn what_is_missing_is_said() {
    let row = json!({"$document": {"_id": 1}, "$key": "1/1", "payload": {}});
    assert_eq!(converted(&settings(), row).unwrap_err(), "type: nothing is there under `type`");
}
