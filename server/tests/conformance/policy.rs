//! What waits behind a failed delivery, by the destination's settings; and what went through, by minute.

use baton_domain::message::Message;
use baton_server::store::rows::{
    CleanKind, DeliveryState, DestinationMinuteRow, DestinationRow, Fence, NewDelivery, Settlement,
};
use chrono::{DurationRound, TimeDelta};
use serde_json::json;

use crate::{
    delivery::{dead, delivered, failed, outcome},
    support::*,
};

on_both!(
    with_skip_a_dead_delivery_holds_nothing_up_and_one_that_is_tried_again_does,
    with_skip_nothing_starts_parked_behind_a_dead_one,
    with_block_a_failure_holds_up_every_key_until_it_is_settled,
    another_policy_lets_go_or_holds_up_what_is_there,
    what_goes_through_is_counted_by_destination_and_minute,
);

async fn set_policy(fixture: &Fixture, order: &str) {
    let row = DestinationRow {
        name: "crm".into(),
        settings: json!({"kind": "http", "url": "http://a", "order": order}),
        paused: false,
        updated_at: now(),
    };
    fixture.store.put_destination(&row, audit("put-destination", "crm")).await.unwrap();
}

async fn due(fixture: &Fixture, fence: &Fence) -> Vec<i64> {
    fixture.due(fence, "crm").await.iter().map(|delivery| delivery.id).collect()
}

async fn with_skip_a_dead_delivery_holds_nothing_up_and_one_that_is_tried_again_does(fixture: Fixture) {
    set_policy(&fixture, "skip").await;
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("1"), event("1")]).await;

    let recorded = fixture.store.record_attempts(vec![outcome(ids[0], 0, failed(60))]).await.unwrap();
    assert_eq!(recorded.parked.len(), 2);
    assert_eq!(fixture.states(&ids).await, ["retrying", "parked", "parked"]);
    assert_eq!(due(&fixture, &fence).await, [0; 0]);

    fixture.store.record_attempts(vec![outcome(ids[0], 1, dead())]).await.unwrap();
    assert_eq!(fixture.states(&ids).await, ["dead", "queued", "queued"]);
    assert_eq!(due(&fixture, &fence).await, ids[1..]);
    fixture.store.sweep_parked().await.unwrap();
    assert_eq!(fixture.states(&ids).await, ["dead", "queued", "queued"]);

    fixture.store.record_attempts(vec![outcome(ids[1], 0, failed(60))]).await.unwrap();
    assert_eq!(fixture.states(&ids).await, ["dead", "retrying", "parked"]);
    assert_eq!(due(&fixture, &fence).await, [0; 0]);
}

async fn with_skip_nothing_starts_parked_behind_a_dead_one(fixture: Fixture) {
    set_policy(&fixture, "skip").await;
    let fence = fixture.fence().await;
    let first = fixture.queue(&fence, "crm", &[event("1")]).await;
    fixture.store.record_attempts(vec![outcome(first[0], 0, dead())]).await.unwrap();

    let later = fixture.queue(&fence, "crm", &[event("1")]).await;

    assert_eq!(fixture.states(&later).await, ["queued"]);
    assert_eq!(due(&fixture, &fence).await, later);
}

async fn with_block_a_failure_holds_up_every_key_until_it_is_settled(fixture: Fixture) {
    set_policy(&fixture, "block").await;
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("2"), event("3")]).await;
    let other = fixture.queue(&fence, "shop", &[event("1")]).await;
    assert_eq!(due(&fixture, &fence).await, ids, "nothing has failed yet");

    let outcomes = vec![outcome(ids[1], 0, failed(-5)), outcome(ids[2], 0, failed(-5))];
    fixture.store.record_attempts(outcomes).await.unwrap();
    assert_eq!(
        due(&fixture, &fence).await,
        [ids[1]],
        "the first that failed, and nothing that came before or after it"
    );
    assert_eq!(fixture.due(&fence, "shop").await[0].id, other[0], "another destination is another matter");

    fixture.store.record_attempts(vec![outcome(ids[1], 1, dead())]).await.unwrap();
    assert_eq!(due(&fixture, &fence).await, [0; 0], "until somebody decides");
    fixture
        .sql(&format!("UPDATE {{baton}}delivery SET state = 'queued', attempts = 0 WHERE id = {}", ids[1]))
        .await
        .unwrap();
    assert_eq!(due(&fixture, &fence).await, [ids[2]], "the other one is still to be settled");
    fixture.store.record_attempts(vec![outcome(ids[2], 1, delivered())]).await.unwrap();
    assert_eq!(due(&fixture, &fence).await, ids[..2]);
}

async fn another_policy_lets_go_or_holds_up_what_is_there(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("1"), event("2")]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();
    for (policy, states, let_go) in [
        ("park", ["dead", "parked", "queued"], vec![ids[2]]),
        ("skip", ["dead", "queued", "queued"], vec![ids[1], ids[2]]),
        ("block", ["dead", "parked", "queued"], vec![]),
        ("park", ["dead", "parked", "queued"], vec![ids[2]]),
    ] {
        set_policy(&fixture, policy).await;
        fixture.store.sweep_parked().await.unwrap();
        assert_eq!(fixture.states(&ids).await, states, "{policy}");
        assert_eq!(due(&fixture, &fence).await, let_go, "{policy}");
    }
}

async fn what_goes_through_is_counted_by_destination_and_minute(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("2"), event("3")]).await;
    let shop = fixture.queue(&fence, "shop", &[event("1")]).await;
    let outcomes = vec![
        outcome(ids[0], 0, delivered()),
        outcome(ids[1], 0, failed(60)),
        outcome(ids[2], 0, dead()),
        outcome(shop[0], 0, delivered()),
    ];
    fixture.store.record_attempts(outcomes.clone()).await.unwrap();
    fixture.store.record_attempts(outcomes).await.unwrap();
    fixture.store.record_attempts(vec![outcome(ids[1], 1, delivered())]).await.unwrap();
    refused_by_the_bus(&fixture, &fence, event("4")).await;

    let minute = now().duration_trunc(TimeDelta::minutes(1)).unwrap();
    let count = |destination: &str, delivered, failed| DestinationMinuteRow {
        destination: destination.into(),
        minute,
        delivered,
        failed,
    };
    let all = [count("bus", 0, 1), count("crm", 2, 2), count("shop", 1, 0)];
    assert_eq!(fixture.store.destination_minutes(minute).await.unwrap(), all);
    assert_eq!(fixture.store.destination_minutes(minute + TimeDelta::minutes(1)).await.unwrap(), []);

    let long_ago = (chrono::Utc::now() - TimeDelta::days(3)).format("%Y-%m-%dT%H:%M:00.000Z").to_string();
    fixture.sql(&format!("UPDATE {{baton}}destination_minute SET minute = '{long_ago}'")).await.unwrap();
    fixture.store.clean(CleanKind::Minutes, chrono::Utc::now() - TimeDelta::days(7), 100).await.unwrap();
    assert_eq!(
        fixture.number("SELECT count(DISTINCT destination) FROM {baton}destination_minute").await,
        3,
        "within the retention"
    );
    fixture.store.clean(CleanKind::Minutes, chrono::Utc::now(), 100).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}destination_minute").await, 0);
}

async fn refused_by_the_bus(fixture: &Fixture, fence: &Fence, message: Message) {
    fixture.append(std::slice::from_ref(&message)).await;
    let seq = fixture.unpublished(fence).await[0].0;
    let refused = NewDelivery {
        state: DeliveryState::Retrying,
        attempts: 1,
        next_attempt_at: Some(in_seconds(60)),
        failure: Some(failure("unroutable")),
        ..delivery(seq, &message, "bus")
    };
    let settlement = Settlement { published: vec![seq], deliveries: vec![refused], delete: false, now: Some(now()) };
    fixture.store.settle(fence, settlement).await.unwrap();
}
