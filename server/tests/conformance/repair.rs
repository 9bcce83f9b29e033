//! What operators do to failed deliveries.

use baton_server::store::rows::{DeliveryState, Repair, RepairFilter};
use serde_json::json;

use crate::{
    delivery::{dead, delivered, failed, outcome},
    support::*,
};

on_both!(
    a_retried_delivery_gets_a_fresh_start_and_its_followers_come_after_it,
    a_second_click_on_retry_touches_nothing,
    what_is_not_failed_is_never_repaired,
    a_discarded_delivery_lets_its_followers_go,
    an_edited_payload_is_sent_instead_and_the_original_kept,
    a_repair_touches_what_its_filter_names,
    attempts_go_on_being_numbered_after_a_repair,
    a_report_from_before_the_repair_changes_nothing,
);

const RETRY: Repair = Repair::Retry { edited_payload: None };

async fn repair(fixture: &Fixture, filter: &RepairFilter, repair: &Repair) -> u64 {
    fixture.store.repair(filter, repair, audit("repair", "deliveries")).await.unwrap()
}

async fn a_retried_delivery_gets_a_fresh_start_and_its_followers_come_after_it(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("1"), event("1")]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();

    assert_eq!(repair(&fixture, &RepairFilter::default(), &RETRY).await, 1);

    assert_eq!(fixture.states(&ids).await, ["queued", "queued", "queued"]);
    let due = fixture.due(&fence, "crm").await;
    assert_eq!(
        due.iter().map(|delivery| (delivery.id, delivery.attempts)).collect::<Vec<_>>(),
        ids.iter().map(|id| (*id, 0)).collect::<Vec<_>>()
    );
    assert_eq!(fixture.store.list_audit(Some("deliveries"), 10).await.unwrap().len(), 1);
}

async fn a_second_click_on_retry_touches_nothing(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1")]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();

    assert_eq!(repair(&fixture, &RepairFilter::default(), &RETRY).await, 1);
    assert_eq!(repair(&fixture, &RepairFilter::default(), &RETRY).await, 0);
    assert_eq!(repair(&fixture, &RepairFilter::default(), &Repair::Discard).await, 0);
    assert_eq!(fixture.states(&ids).await, ["queued"]);
}

async fn what_is_not_failed_is_never_repaired(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("2"), event("3"), event("3")]).await;
    let outcomes = vec![outcome(ids[0], 0, delivered()), outcome(ids[2], 0, failed(60))];
    fixture.store.record_attempts(outcomes).await.unwrap();
    let before = fixture.states(&ids).await;
    assert_eq!(before, ["delivered", "queued", "retrying", "parked"]);

    let message_id = Some(fixture.due(&fence, "crm").await[0].message.id);
    let filter = RepairFilter { message_id, ..RepairFilter::default() };
    assert_eq!(fixture.store.count_repairable(&filter).await.unwrap(), 0);
    assert_eq!(repair(&fixture, &filter, &RETRY).await, 0);
    assert_eq!(repair(&fixture, &filter, &Repair::Discard).await, 0);
    assert_eq!(fixture.states(&ids).await, before);
    assert_eq!(repair(&fixture, &RepairFilter::default(), &Repair::Discard).await, 1, "only what is retrying");
    assert_eq!(fixture.states(&ids).await, ["delivered", "queued", "discarded", "queued"]);
}

async fn a_discarded_delivery_lets_its_followers_go(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    let ids = fixture.queue(&fence, "crm", &[message.clone(), event("1"), event("1")]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();

    assert_eq!(repair(&fixture, &RepairFilter::default(), &Repair::Discard).await, 1);

    assert_eq!(fixture.states(&ids).await, ["discarded", "queued", "queued"]);
    let (_, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
    assert!(deliveries[0].ended_at.is_some());
    assert_eq!(fixture.due(&fence, "crm").await.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), ids[1..]);
}

async fn an_edited_payload_is_sent_instead_and_the_original_kept(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    let ids = fixture.queue(&fence, "crm", std::slice::from_ref(&message)).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();
    let edited = json!({"order": "1", "fixed": true});

    repair(&fixture, &RepairFilter::default(), &Repair::Retry { edited_payload: Some(edited.clone()) }).await;
    let due = fixture.due(&fence, "crm").await;
    assert_eq!((due[0].edited_payload.as_ref(), &due[0].message.payload), (Some(&edited), &message.payload));
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();
    repair(&fixture, &RepairFilter::default(), &RETRY).await;

    assert_eq!(
        fixture.due(&fence, "crm").await[0].edited_payload,
        Some(edited.clone()),
        "a plain retry keeps the edit"
    );
    let (row, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
    assert_eq!((row.message.payload, deliveries[0].edited_payload.clone()), (message.payload, Some(edited)));
}

async fn a_repair_touches_what_its_filter_names(fixture: Fixture) {
    let fence = fixture.fence().await;
    let mut refund = event("3");
    refund.message_type = "Refunded".to_owned();
    let messages = [event("1"), event("2"), refund];
    let crm = fixture.queue(&fence, "crm", &messages).await;
    let shop = fixture.queue(&fence, "shop", &[event("4")]).await;
    let outcomes = vec![
        outcome(crm[0], 0, dead()),
        outcome(crm[1], 0, failed(60)),
        outcome(crm[2], 0, dead()),
        outcome(shop[0], 0, dead()),
    ];
    fixture.store.record_attempts(outcomes).await.unwrap();
    let text = |text: &str| Some(text.to_owned());

    let none = RepairFilter::default();
    for (filter, count) in [
        (none.clone(), 4),
        (RepairFilter { message_id: Some(messages[0].id), ..none.clone() }, 1),
        (RepairFilter { destination: text("crm"), ..none.clone() }, 3),
        (RepairFilter { failure_class: text("http-503"), ..none.clone() }, 1),
        (RepairFilter { message_type: text("Refunded"), ..none.clone() }, 1),
        (RepairFilter { message_type: text("Refunded"), destination: text("shop"), ..none.clone() }, 0),
        (RepairFilter { destination: text("nowhere"), ..none.clone() }, 0),
    ] {
        assert_eq!(fixture.store.count_repairable(&filter).await.unwrap(), count, "{filter:?}");
    }

    let filter = RepairFilter {
        destination: text("crm"),
        failure_class: text("http-400"),
        message_type: text("OrderPlaced"),
        ..none
    };
    assert_eq!(repair(&fixture, &filter, &RETRY).await, 1);
    assert_eq!(fixture.states(&crm).await, ["queued", "retrying", "dead"]);
    assert_eq!(fixture.states(&shop).await, ["dead"]);
}

async fn attempts_go_on_being_numbered_after_a_repair(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    let ids = fixture.queue(&fence, "crm", std::slice::from_ref(&message)).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, failed(-1))]).await.unwrap();
    fixture.store.record_attempts(vec![outcome(ids[0], 1, dead())]).await.unwrap();
    repair(&fixture, &RepairFilter::default(), &RETRY).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, delivered())]).await.unwrap();

    let (row, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();

    assert_eq!(deliveries[0].history.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((deliveries[0].state, deliveries[0].attempts, row.attempts), (DeliveryState::Delivered, 1, 3));
}

async fn a_report_from_before_the_repair_changes_nothing(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1")]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, failed(-1))]).await.unwrap();
    // An attempt is under way (the second) while the operator asks for a retry.
    repair(&fixture, &RepairFilter::default(), &RETRY).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 1, dead())]).await.unwrap();

    assert_eq!(fixture.states(&ids).await, ["queued"]);
}
