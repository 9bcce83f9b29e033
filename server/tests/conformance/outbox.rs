//! The outbox: what is appended is read in order, published once, and never before its time.

use std::collections::BTreeMap;

use baton_domain::message::MessageKind;
use baton_server::store::{
    StoreError,
    rows::{DeliveryState, NewDelivery, Settlement},
};
use serde_json::json;

use crate::support::*;

on_both!(
    messages_come_back_in_order_and_as_they_were_written,
    a_message_appended_twice_is_written_once,
    what_comes_in_again_is_taken_in_once_even_when_it_has_left_the_outbox,
    a_batch_that_comes_in_with_one_bad_message_leaves_nothing_behind,
    a_batch_with_one_bad_message_writes_nothing,
    an_audit_is_written_with_the_messages_it_is_about,
    a_settled_message_is_not_read_again,
    settling_twice_changes_nothing,
    settling_with_delete_keeps_only_what_has_deliveries,
    a_failure_on_the_bus_becomes_a_delivery_with_its_attempt,
    a_delayed_message_waits_and_holds_its_key_back,
    a_delayed_message_holds_back_only_what_is_behind_it,
    the_batch_is_bounded,
    minutes_count_what_was_published_and_what_failed,
);

async fn messages_come_back_in_order_and_as_they_were_written(fixture: Fixture) {
    let fence = fixture.fence().await;
    let mut full = event("1");
    full.kind = MessageKind::Command;
    full.aggregate_version = Some(7);
    full.payload =
        json!({"text": "ü <b> \" \\ 'x'", "list": [1, 2.5, null, true, {"deep": [[]]}], "big": 9007199254740993i64});
    full.headers = BTreeMap::from([("traceparent".to_owned(), "00-a-b-01".to_owned())]);
    full.correlation_id = Some("c".to_owned());
    full.causation_id = Some("d".to_owned());
    full.destination = Some("crm".to_owned());
    full.deliver_after = Some(in_seconds(-60));
    let messages = [event("1"), full, event("2"), event("1")];

    fixture.append(&messages).await;

    let read = fixture.store.read_unpublished(&fence, now(), 10, &[]).await.unwrap();
    assert_eq!(read.iter().map(|row| row.message.clone()).collect::<Vec<_>>(), messages);
    assert!(read.is_sorted_by_key(|row| row.seq));
    for row in read {
        assert_eq!(row.lane, baton_domain::lane::lane_of(&row.message.key), "both sides agree on lanes");
    }
}

async fn what_comes_in_again_is_taken_in_once_even_when_it_has_left_the_outbox(fixture: Fixture) {
    let fence = fixture.fence().await;
    let (one, two, ours) = (event("1"), event("1"), event("1"));
    fixture.append(std::slice::from_ref(&ours)).await;

    let batch = [two.clone(), one.clone(), two.clone(), ours.clone()];
    assert_eq!(fixture.store.take_in("nats:orders", &batch).await.unwrap(), [two.id, one.id]);

    // In the order given, which is not that of the ids.
    let read = fixture.unpublished(&fence).await;
    assert_eq!(read.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [ours.id, two.id, one.id]);
    let published = read.into_iter().map(|(seq, _)| seq).collect();
    let settlement = Settlement { published, deliveries: Vec::new(), delete: true, now: Some(now()) };
    fixture.store.settle(&fence, settlement).await.unwrap();
    assert!(fixture.store.take_in("nats:orders", &batch).await.unwrap().is_empty());
    assert!(fixture.unpublished(&fence).await.is_empty());
    // Another address is another consumer.
    assert_eq!(fixture.store.take_in("nats:other", std::slice::from_ref(&one)).await.unwrap(), [one.id]);
}

async fn a_batch_that_comes_in_with_one_bad_message_leaves_nothing_behind(fixture: Fixture) {
    let fence = fixture.fence().await;
    let (good, mut bad) = (event("1"), event("2"));
    bad.message_type = "x".repeat(201);

    let refused = fixture.store.take_in("nats:orders", &[good.clone(), bad]).await;

    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert!(fixture.unpublished(&fence).await.is_empty());
    // It is not known either: it comes again, alone.
    assert_eq!(fixture.store.take_in("nats:orders", std::slice::from_ref(&good)).await.unwrap(), [good.id]);
}

async fn a_message_appended_twice_is_written_once(fixture: Fixture) {
    let (one, two) = (event("1"), event("2"));
    fixture.append(std::slice::from_ref(&one)).await;

    let appended = fixture.store.append(&[two.clone(), one.clone(), two.clone()], None).await.unwrap();

    assert_eq!(appended.accepted, [two.id]);
    assert_eq!(appended.duplicates, [one.id, two.id]);
    let fence = fixture.fence().await;
    assert_eq!(fixture.unpublished(&fence).await.len(), 2);
}

async fn a_batch_with_one_bad_message_writes_nothing(fixture: Fixture) {
    let mut bad = event("2");
    bad.message_type = "x".repeat(201);

    let error = fixture.store.append(&[event("1"), bad], None).await.unwrap_err();

    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    let fence = fixture.fence().await;
    assert_eq!(fixture.unpublished(&fence).await, []);
    fixture.append(&[event("3")]).await;
}

async fn an_audit_is_written_with_the_messages_it_is_about(fixture: Fixture) {
    fixture.store.append(&[event("1")], Some(audit("insert-message", "order/1"))).await.unwrap();
    let mut bad = event("2");
    bad.message_type = "x".repeat(201);
    fixture.store.append(&[bad], Some(audit("insert-message", "order/2"))).await.unwrap_err();

    let audits = fixture.store.list_audit(None, 10).await.unwrap();

    assert_eq!(audits.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["order/1"]);
}

async fn a_settled_message_is_not_read_again(fixture: Fixture) {
    let fence = fixture.fence().await;
    fixture.append(&[event("1"), event("2"), event("3")]).await;
    let read = fixture.unpublished(&fence).await;

    let published = vec![read[0].0, read[2].0];
    fixture.store.settle(&fence, Settlement { published, ..Settlement::default() }).await.unwrap();

    assert_eq!(fixture.unpublished(&fence).await, [read[1]]);
}

async fn settling_twice_changes_nothing(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    fixture.append(std::slice::from_ref(&message)).await;
    let seq = fixture.unpublished(&fence).await[0].0;
    let settlement = Settlement {
        published: vec![seq],
        deliveries: vec![delivery(seq, &message, "crm")],
        delete: false,
        now: Some(at("2026-01-31T12:00:00Z")),
    };

    fixture.store.settle(&fence, settlement.clone()).await.unwrap();
    let again = Settlement { now: Some(at("2026-01-31T12:05:00Z")), ..settlement };
    fixture.store.settle(&fence, again).await.unwrap();

    let (row, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
    assert_eq!(row.published_at, Some(at("2026-01-31T12:00:00Z")), "the first time counts");
    assert_eq!(deliveries.len(), 1);
    let minutes = fixture.store.minutes(at("2026-01-31T00:00:00Z")).await.unwrap();
    assert_eq!(minutes.iter().map(|minute| minute.published).sum::<u64>(), 1);
}

async fn settling_with_delete_keeps_only_what_has_deliveries(fixture: Fixture) {
    let fence = fixture.fence().await;
    let (gone, kept) = (event("1"), event("2"));
    fixture.append(&[gone.clone(), kept.clone()]).await;
    let rows = fixture.unpublished(&fence).await;

    let settlement = Settlement {
        published: rows.iter().map(|row| row.0).collect(),
        deliveries: vec![delivery(rows[1].0, &kept, "crm")],
        delete: true,
        now: None,
    };
    fixture.store.settle(&fence, settlement).await.unwrap();

    assert!(fixture.store.read_message(gone.id).await.unwrap().is_none());
    assert!(fixture.store.read_message(kept.id).await.unwrap().is_some());
    assert_eq!(fixture.due(&fence, "crm").await.len(), 1);
    assert_eq!(fixture.unpublished(&fence).await, []);
    let minutes = fixture.store.minutes(in_seconds(-120)).await.unwrap();
    assert_eq!(minutes.iter().map(|minute| minute.published).sum::<u64>(), 2);
}

async fn a_failure_on_the_bus_becomes_a_delivery_with_its_attempt(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    fixture.append(std::slice::from_ref(&message)).await;
    let seq = fixture.unpublished(&fence).await[0].0;
    let retry_at = in_seconds(30);
    let failed = NewDelivery {
        state: DeliveryState::Retrying,
        attempts: 1,
        next_attempt_at: Some(retry_at),
        failure: Some(failure("timeout")),
        ..delivery(seq, &message, "bus")
    };

    let settlement = Settlement { published: vec![seq], deliveries: vec![failed], delete: false, now: None };
    fixture.store.settle(&fence, settlement).await.unwrap();

    let (_, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
    assert_eq!(deliveries[0].state, DeliveryState::Retrying);
    assert_eq!(deliveries[0].failure, Some(failure("timeout")));
    assert_eq!(deliveries[0].next_attempt_at, Some(retry_at));
    assert_eq!(deliveries[0].history.len(), 1);
    assert_eq!(deliveries[0].history[0].failure, Some(failure("timeout")));
    assert_eq!(fixture.store.next_attempt_at("bus").await.unwrap(), Some(retry_at));
}

async fn a_delayed_message_waits_and_holds_its_key_back(fixture: Fixture) {
    let fence = fixture.fence().await;
    let due_at = in_seconds(60);
    let mut delayed = event("1");
    delayed.deliver_after = Some(due_at);
    let (follower, other) = (event("1"), event("2"));
    fixture.append(&[delayed.clone(), follower.clone(), other.clone()]).await;

    let early = fixture.unpublished(&fence).await;
    let late = fixture.store.read_unpublished(&fence, due_at, 10, &[]).await.unwrap();

    assert_eq!(early.iter().map(|row| row.1).collect::<Vec<_>>(), [other.id]);
    assert_eq!(late.iter().map(|row| row.message.id).collect::<Vec<_>>(), [delayed.id, follower.id, other.id]);
    assert_eq!(fixture.store.next_deliver_after(now()).await.unwrap(), Some(due_at));
    assert_eq!(fixture.store.next_deliver_after(due_at).await.unwrap(), None);
}

async fn a_delayed_message_holds_back_only_what_is_behind_it(fixture: Fixture) {
    let fence = fixture.fence().await;
    let before = event("1");
    let mut far = event("1");
    far.deliver_after = Some(in_seconds(60));
    let mut due_but_behind = event("1");
    due_but_behind.deliver_after = Some(in_seconds(-60));
    fixture.append(&[before.clone(), far, due_but_behind]).await;

    let read = fixture.unpublished(&fence).await;

    assert_eq!(read.iter().map(|row| row.1).collect::<Vec<_>>(), [before.id]);
}

async fn the_batch_is_bounded(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages: Vec<_> = (0..20).map(|number| event(&number.to_string())).collect();
    fixture.append(&messages).await;

    let read = fixture.store.read_unpublished(&fence, now(), 7, &[]).await.unwrap();

    assert_eq!(
        read.iter().map(|row| row.message.id).collect::<Vec<_>>(),
        messages[..7].iter().map(|m| m.id).collect::<Vec<_>>()
    );
}

async fn minutes_count_what_was_published_and_what_failed(fixture: Fixture) {
    let fence = fixture.fence().await;
    for (minute, count) in [("2026-01-31T12:00:59.999Z", 2), ("2026-01-31T12:01:00Z", 3), ("2026-01-31T12:01:30Z", 1)] {
        let messages: Vec<_> = (0..count).map(|number| event(&number.to_string())).collect();
        fixture.append(&messages).await;
        let published: Vec<i64> = fixture.unpublished(&fence).await.iter().map(|row| row.0).collect();
        let failed = NewDelivery {
            state: DeliveryState::Dead,
            attempts: 1,
            failure: Some(failure("unroutable")),
            ..delivery(published[0], &messages[0], "bus")
        };
        let settlement = Settlement { published, deliveries: vec![failed], delete: false, now: Some(at(minute)) };
        fixture.store.settle(&fence, settlement).await.unwrap();
    }

    let minutes = fixture.store.minutes(at("2026-01-31T12:00:00Z")).await.unwrap();

    let found: Vec<_> = minutes.iter().map(|row| (row.minute, row.published, row.failed)).collect();
    assert_eq!(found, [(at("2026-01-31T12:00:00Z"), 2, 1), (at("2026-01-31T12:01:00Z"), 4, 2)]);
    assert_eq!(fixture.store.minutes(at("2026-01-31T12:01:00Z")).await.unwrap().len(), 1);
}
