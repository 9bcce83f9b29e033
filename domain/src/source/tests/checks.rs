//! What is said about mappings that do not fit.

use serde_json::{Value, json};

use super::{
    super::{Dialect, Shape, check},
    OUTBOX, settings, shape,
};

/// `pointer code` of each finding; warnings with a question mark.
fn said(changes: &Value, shape: &Shape) -> Vec<String> {
    let found = check(&settings(changes), shape);
    found.iter().map(|one| format!("{} {}{}", one.pointer, one.code, if one.is_error() { "" } else { "?" })).collect()
}

fn one(changes: Value, expected: &str) {
    assert_eq!(said(&changes, &shape(&OUTBOX)), [expected], "{changes}");
}

#[test]
fn a_mapping_that_fits_has_no_findings() {
    assert_eq!(said(&json!({}), &shape(&OUTBOX)), [""; 0]);
    assert_eq!(said(&json!({"mode": "delete", "mark": null}), &shape(&OUTBOX)), [""; 0]);
}

#[test]
fn every_mistake_is_said_where_it_is() {
    for (changes, expected) in [
        (json!({"mapping": {"type": "typ"}}), "/mapping/type missing-column"),
        (json!({"mapping": {"type": "Type"}}), "/mapping/type missing-column"),
        (json!({"mapping": {"type": "header:x | typ"}}), "/mapping/type missing-column"),
        (json!({"mapping": {"type": "'x"}}), "/mapping/type term"),
        (json!({"mapping": {"type": ""}}), "/mapping/type term"),
        (json!({"mapping": {"type": "payload"}}), "/mapping/type wrong-type"),
        (json!({"mapping": {"aggregate_type": "nothing"}}), "/mapping/aggregate_type missing-column"),
        (json!({"mapping": {"aggregate_id": "payload"}}), "/mapping/aggregate_id wrong-type"),
        (json!({"mapping": {"aggregate_id": "id#/x"}}), "/mapping/aggregate_id wrong-type"),
        (json!({"mapping": {"payload": "sent"}}), "/mapping/payload wrong-type"),
        (json!({"mapping": {"encoding": "bytes"}}), "/mapping/payload wrong-type"),
        (json!({"mapping": {"encoding": "wolverine"}}), "/mapping/payload wrong-type"),
        (json!({"mapping": {"headers": "at"}}), "/mapping/headers wrong-type"),
        (json!({"mapping": {"headers": "head"}}), "/mapping/headers missing-column"),
        (json!({"mapping": {"created_at": "sent"}}), "/mapping/created_at wrong-type"),
        (json!({"mapping": {"aggregate_version": "at"}}), "/mapping/aggregate_version wrong-type"),
        (json!({"mapping": {"kind": "at"}}), "/mapping/kind wrong-type"),
        (json!({"mapping": {"key": "type"}}), "/mapping/key no-key"),
        (json!({"mapping": {"key": "payload"}}), "/mapping/key wrong-type"),
        (json!({"mapping": {"key": "nr"}}), "/mapping/key missing-column"),
        (json!({"mapping": {"order": "payload"}}), "/mapping/order wrong-type"),
        (json!({"mapping": {"order": "event"}}), "/mapping/order wrong-type"),
        (json!({"mapping": {"order": null}}), "/mapping/order no-order?"),
        (json!({"mark": null}), "/mark no-mark"),
        (json!({"mode": "delete"}), "/mark no-mark"),
        (json!({"mark": {"column": "send"}}), "/mark/column missing-column"),
        (json!({"mark": {"column": "at"}}), "/mark/column no-mark"),
        (json!({"mark": {"column": "payload"}}), "/mark/column wrong-type"),
        (json!({"mark": {"column": "event"}}), "/mark/column wrong-type"),
        (json!({"mark": {"to": "true"}}), "/mark wrong-type"),
        (json!({"mark": {"column": "id", "to": "x"}}), "/mark/to wrong-type"),
        (json!({"mark": {"column": "type", "to": "SENT"}}), "/mark/from no-mark"),
        (json!({"mark": {"column": "type", "from": "NEW"}}), "/mark/to no-mark"),
        (json!({"mark": {"column": "type", "from": "NEW", "to": "NEW"}}), "/mark/to no-mark"),
        (json!({"transaction": "id"}), "/transaction transaction"),
        (json!({"mode": "read_only", "mark": null}), "/mode scan?"),
        (json!({"mode": "read_only", "mark": null, "transaction": "id"}), "/transaction wrong-type"),
        (json!({"mode": "read_only", "mark": null, "transaction": "tx"}), "/transaction missing-column"),
        (json!({"mode": "log"}), "/mark no-mark"),
        (json!({"mode": "log", "mark": null, "transaction": "id"}), "/transaction transaction"),
        (json!({"poll_ms": 5}), "/poll_ms range"),
        (json!({"poll_ms": 60_001}), "/poll_ms range"),
        (json!({"batch": 0}), "/batch range"),
        (json!({"batch": 1_001}), "/batch range"),
    ] {
        one(changes, expected);
    }
}

#[test]
fn the_log_has_an_order_of_its_own_and_only_postgresql_has_one() {
    let changes = json!({"mode": "log", "mark": null, "mapping": {"order": null}});
    assert_eq!(said(&changes, &shape(&OUTBOX)), [""; 0]);
    let mut file = shape(&OUTBOX);
    file.dialect = Dialect::Sqlite { numbers: Some("id".into()) };
    assert_eq!(said(&changes, &file), ["/mode no-log"]);
}

#[test]
fn what_may_be_meant_is_said() {
    let found = check(&settings(&json!({"mapping": {"aggregate_id": "agregate_id"}})), &shape(&OUTBOX));
    assert!(found[0].message.contains("Is `aggregate_id` meant?"), "{}", found[0].message);
    let found = check(&settings(&json!({"mapping": {"type": "zzzzzz"}})), &shape(&OUTBOX));
    assert!(found[0].message.contains("It has: id, event, type"), "{}", found[0].message);
    let found = check(&settings(&json!({"mapping": {"key": "type"}})), &shape(&OUTBOX));
    assert!(found[0].message.contains("`id` is: take that"), "{}", found[0].message);
}

#[test]
fn rows_without_a_usable_key_are_refused() {
    let mut bare = shape(&OUTBOX);
    bare.unique.clear();
    assert_eq!(said(&json!({}), &bare), ["/mapping/key no-key"]);
    let mut pair = shape(&OUTBOX);
    pair.unique = vec![vec!["id".into(), "type".into()]];
    assert_eq!(said(&json!({}), &pair), ["/mapping/key no-key"]);
    let mut empty = shape(&OUTBOX);
    empty.columns[0].nullable = true;
    assert_eq!(said(&json!({}), &empty), ["/mapping/key no-key"]);
    // Together with the transaction it is enough to read by.
    let mut with =
        shape(&["id:int", "event:uuid", "type:text", "aggregate:text", "aggregate_id:text", "payload:json", "tx:xid8"]);
    with.unique = vec![vec!["tx".into(), "id".into()]];
    let changes = json!({"mode": "read_only", "mark": null, "transaction": "tx", "mapping": {"headers": null, "created_at": null}});
    assert_eq!(said(&changes, &with), [""; 0]);
}

#[test]
fn sqlite_is_read_by_numbers_that_are_never_given_twice() {
    let mut file = shape(&OUTBOX);
    file.dialect = Dialect::Sqlite { numbers: None };
    let changes = json!({"mode": "read_only", "mark": null});
    assert_eq!(said(&changes, &file), ["/mode no-order"]);
    file.dialect = Dialect::Sqlite { numbers: Some("id".into()) };
    assert_eq!(said(&changes, &file), [""; 0]);
    assert_eq!(said(&json!({"mapping": {"order": null}}), &file), [""; 0]);
}
