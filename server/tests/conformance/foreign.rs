//! Programs that are not Baton insert into the outbox with plain SQL.

use baton_domain::message::MessageKind;
use baton_server::store::rows::{DeliveryState, Repair, RepairFilter};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::{
    delivery::{dead, outcome},
    support::*,
};

on_both!(
    four_columns_are_enough,
    ids_are_accepted_in_either_case,
    what_we_cannot_use_is_refused_by_the_database,
    a_message_that_cannot_be_read_is_put_away_and_stops_nobody,
    a_message_that_cannot_be_read_may_be_sent_with_another_payload,
    headers_that_are_no_text_are_taken_as_text,
    foreign_writes_are_noticed_where_that_is_cheap,
);

const INSERT: &str = "INSERT INTO {baton}outbox (type, aggregate_type, aggregate_id, payload";

async fn four_columns_are_enough(fixture: Fixture) {
    let fence = fixture.fence().await;
    for order in ["1", "2"] {
        fixture
            .sql(&format!("{INSERT}) VALUES ('OrderPlaced', 'order', '{order}', '{{\"total\": 12.50}}')"))
            .await
            .unwrap();
    }

    let read = fixture.store.read_unpublished(&fence, in_seconds(1), 10, &[]).await.unwrap();

    assert_eq!(read.len(), 2);
    assert_ne!(read[0].message.id, read[1].message.id);
    for (row, order) in read.iter().zip(["1", "2"]) {
        let message = &row.message;
        assert_eq!((message.id.0.get_version_num(), message.id.0.get_variant()), (4, uuid::Variant::RFC4122));
        assert_eq!((message.kind, message.key.clone()), (MessageKind::Event, key(order)));
        assert_eq!(message.payload, json!({"total": 12.50}));
        assert_eq!((message.source.as_str(), message.headers.len()), ("", 0));
        assert!((now() - message.created_at).num_seconds().abs() < 60, "{}", message.created_at);
    }
}

async fn ids_are_accepted_in_either_case(fixture: Fixture) {
    let message = event("1");
    let upper = message.id.to_string().to_uppercase();
    fixture.sql(&format!("{INSERT}, id) VALUES ('A', 'order', '1', '{{}}', '{upper}')")).await.unwrap();

    assert!(fixture.store.read_message(message.id).await.unwrap().is_some());
    let appended = fixture.store.append(std::slice::from_ref(&message), None).await.unwrap();
    assert_eq!(appended.duplicates, [message.id], "the same id, however it is written");
    let fence = fixture.fence().await;
    fixture.queue(&fence, "crm", &[]).await;
    let (_, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
    assert_eq!(deliveries.iter().map(|delivery| delivery.message_id).collect::<Vec<_>>(), [message.id]);
    fixture.store.record_attempts(vec![outcome(deliveries[0].id, 0, dead())]).await.unwrap();
    let filter = RepairFilter { message_id: Some(message.id), ..RepairFilter::default() };
    assert_eq!(fixture.store.count_repairable(&filter).await.unwrap(), 1);
}

async fn what_we_cannot_use_is_refused_by_the_database(fixture: Fixture) {
    let long = "x".repeat(401);
    let mut bad = vec![
        (", kind) VALUES ('A', 'b', 'c', '{}', 'query')".to_owned(), "kind"),
        (") VALUES ('', 'b', 'c', '{}')".to_owned(), "type"),
        (") VALUES ('A', '', 'c', '{}')".to_owned(), "aggregate_type"),
        (format!(") VALUES ('A', 'b', '{long}', '{{}}')"), "aggregate_id"),
        (") VALUES ('A', 'b', 'c', '{')".to_owned(), "json"),
        (") VALUES ('A', 'b', 'c', NULL)".to_owned(), "payload"),
        (", headers) VALUES ('A', 'b', 'c', '{}', '[]')".to_owned(), "headers"),
        (", id) VALUES ('A', 'b', 'c', '{}', 'no-uuid')".to_owned(), "id"),
        (format!(", correlation_id) VALUES ('A', 'b', 'c', '{{}}', '{long}')"), "correlation_id"),
        (", destination) VALUES ('A', 'b', 'c', '{}', '')".to_owned(), "destination"),
    ];
    if fixture.is_postgres() {
        bad.push((", deliver_after) VALUES ('A', 'b', 'c', '{}', 'infinity')".to_owned(), "deliver_after"));
    } else {
        for instant in [
            "2026-01-31 12:00:00",
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.000+09:00",
            "2026-02-31T12:00:00.000Z",
            "soon",
        ] {
            bad.push((format!(", deliver_after) VALUES ('A', 'b', 'c', '{{}}', '{instant}')"), "deliver_after_is_utc"));
        }
        bad.push((", created_at) VALUES ('A', 'b', 'c', '{}', 'yesterday')".to_owned(), "created_at_is_utc"));
        bad.push((
            ", id) VALUES ('A', 'b', 'c', '{}', 'zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz')".to_owned(),
            "outbox_id",
        ));
    }
    for (values, named) in bad {
        let error = fixture.sql(&format!("{INSERT}{values}")).await.expect_err(&values).to_string();
        assert!(error.contains(named), "{values}: {error}");
    }
    let fence = fixture.fence().await;
    assert_eq!(fixture.unpublished(&fence).await, []);
}

/// Allowed by both databases, but nested deeper than we read.
fn too_deep() -> String {
    format!("{}{}", "[".repeat(200), "]".repeat(200))
}

async fn a_message_that_cannot_be_read_is_put_away_and_stops_nobody(fixture: Fixture) {
    let fence = fixture.fence().await;
    let id = event("1").id;
    fixture.sql(&format!("{INSERT}, id) VALUES ('Odd', 'order', '1', '{}', '{id}')", too_deep())).await.unwrap();
    if !fixture.is_postgres() {
        fixture.sql(&format!("{INSERT}) VALUES (CAST(x'ff41' AS TEXT), 'order', '9', '{{}}')")).await.unwrap();
    }
    let good = event("1");
    fixture.append(std::slice::from_ref(&good)).await;

    let one_by_one = fixture.store.read_unpublished(&fence, now(), 1, &[]).await.unwrap();

    assert_eq!(one_by_one.iter().map(|row| row.message.id).collect::<Vec<_>>(), [good.id], "whatever stands before it");
    let (row, deliveries) = fixture.store.read_message(id).await.unwrap().expect("people can still look at it");
    assert_eq!(row.message.payload, json!(too_deep()));
    assert_eq!((deliveries[0].destination.as_str(), deliveries[0].state), ("bus", DeliveryState::Dead));
    assert_eq!(deliveries[0].failure.as_ref().unwrap().class, "unreadable");
    assert!(fixture.store.has_open_deliveries("bus").await.unwrap());
    let failures = fixture.store.list_failures().await.unwrap();
    assert_eq!(failures.iter().map(|group| group.count).sum::<u64>(), if fixture.is_postgres() { 1 } else { 2 });
}

async fn a_message_that_cannot_be_read_may_be_sent_with_another_payload(fixture: Fixture) {
    let fence = fixture.fence().await;
    fixture.sql(&format!("{INSERT}) VALUES ('Odd', 'order', '1', '{}')", too_deep())).await.unwrap();
    assert_eq!(fixture.unpublished(&fence).await, []);

    let retry = Repair::Retry { edited_payload: None };
    fixture.store.repair(&RepairFilter::default(), &retry, audit("retry", "x")).await.unwrap();
    assert!(fixture.due(&fence, "bus").await.is_empty(), "nothing has changed about it");
    let retry = Repair::Retry { edited_payload: Some(json!({"fixed": true})) };
    assert_eq!(fixture.store.repair(&RepairFilter::default(), &retry, audit("retry", "x")).await.unwrap(), 1);

    let due = fixture.due(&fence, "bus").await;
    assert_eq!(due[0].edited_payload, Some(json!({"fixed": true})));
    assert_eq!(due[0].message.message_type, "Odd");
}

async fn headers_that_are_no_text_are_taken_as_text(fixture: Fixture) {
    let fence = fixture.fence().await;
    let headers = r#"{"a": "x", "b": 1, "c": [true]}"#;
    fixture.sql(&format!("{INSERT}, headers) VALUES ('A', 'b', 'c', '{{}}', '{headers}')")).await.unwrap();

    let read = fixture.store.read_unpublished(&fence, now(), 1, &[]).await.unwrap();

    let found: Vec<_> = read[0].message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, [("a", "x"), ("b", "1"), ("c", "[true]")]);
}

async fn foreign_writes_are_noticed_where_that_is_cheap(fixture: Fixture) {
    let before = fixture.store.foreign_writes().await.unwrap();
    if fixture.is_postgres() {
        assert_eq!(before, None);
        return;
    }
    fixture.append(&[event("1")]).await;
    assert_eq!(fixture.store.foreign_writes().await.unwrap(), before, "our own are none");
    fixture.sql(&format!("{INSERT}) VALUES ('A', 'b', 'c', '{{}}')")).await.unwrap();
    let after = fixture.store.foreign_writes().await.unwrap();
    assert_ne!(after, before);
    assert_eq!(fixture.store.foreign_writes().await.unwrap(), after);
}

/// What only several writers at a time can do: PostgreSQL.
mod postgres_only {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_that_commits_late_is_not_skipped() {
        let fixture = Fixture::postgres().await;
        let fence = fixture.fence().await;
        let mut late = PgConnection::connect(&fixture.url).await.unwrap();
        let mut transaction = late.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload) VALUES ('Late', 'b', 'c', '{}')",
        )
        .execute(&mut *transaction)
        .await
        .unwrap();
        let early = event("1");
        fixture.append(std::slice::from_ref(&early)).await;
        let read = fixture.unpublished(&fence).await;
        assert_eq!(read.iter().map(|row| row.1).collect::<Vec<_>>(), [early.id]);
        let settlement = baton_server::store::rows::Settlement { published: vec![read[0].0], ..Default::default() };
        fixture.store.settle(&fence, settlement).await.unwrap();

        transaction.commit().await.unwrap();

        let read = fixture.store.read_unpublished(&fence, in_seconds(1), 10, &[]).await.unwrap();
        assert_eq!(read.iter().map(|row| row.message.message_type.as_str()).collect::<Vec<_>>(), ["Late"]);
        assert!(read[0].seq < fixture.number("SELECT max(seq) FROM baton.outbox").await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_producer_needs_no_more_than_usage_and_insert() {
        let fixture = Fixture::postgres().await;
        let role = format!("producer_{}", uuid::Uuid::now_v7().simple());
        for statement in [
            format!("CREATE ROLE {role} LOGIN"),
            format!("GRANT USAGE ON SCHEMA baton TO {role}"),
            format!("GRANT INSERT ON baton.outbox TO {role}"),
        ] {
            fixture.sql(&statement).await.unwrap();
        }
        let mut connection = PgConnection::connect(&fixture.url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("SET ROLE {role}"))).execute(&mut connection).await.unwrap();

        sqlx::query(
            "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload) VALUES ('A', 'b', 'c', '{}')",
        )
        .execute(&mut connection)
        .await
        .expect("insert is enough");

        sqlx::query("SELECT 1 FROM baton.outbox").fetch_all(&mut connection).await.expect_err("it may not read");
        let fence = fixture.fence().await;
        assert_eq!(fixture.unpublished(&fence).await.len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn numbers_too_large_for_us_are_put_away() {
        let fixture = Fixture::postgres().await;
        let fence = fixture.fence().await;
        fixture.sql(&format!("{INSERT}) VALUES ('Odd', 'order', '1', '[1e400]')")).await.unwrap();

        assert_eq!(fixture.unpublished(&fence).await, []);

        assert_eq!(fixture.store.list_failures().await.unwrap()[0].failure_class, "unreadable");
    }
}
