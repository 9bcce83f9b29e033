//! What is removed, and what never is.

use baton_domain::ids::MessageId;
use baton_server::store::rows::{Claim, Settlement};
use uuid::Uuid;

use crate::{
    delivery::{dead, delivered, outcome},
    support::*,
};

on_both!(
    the_database_answers,
    old_published_messages_go_in_batches,
    what_is_open_or_unpublished_stays,
    an_inbox_row_stays_as_long_as_its_message,
);

async fn the_database_answers(fixture: Fixture) {
    fixture.store.ping().await.unwrap();
}

/// Publishes everything, long ago.
async fn publish(fixture: &Fixture) {
    let fence = fixture.fence().await;
    let published = fixture.unpublished(&fence).await.iter().map(|row| row.0).collect();
    let now = Some(at("2026-01-01T00:00:00Z"));
    fixture.store.settle(&fence, Settlement { published, now, ..Settlement::default() }).await.unwrap();
}

async fn old_published_messages_go_in_batches(fixture: Fixture) {
    let messages: Vec<_> = (0..5).map(|number| event(&number.to_string())).collect();
    fixture.append(&messages).await;
    publish(&fixture).await;
    let before = at("2026-01-01T00:00:01Z");

    assert_eq!(fixture.store.clean(at("2026-01-01T00:00:00Z"), 10).await.unwrap(), 0, "not old enough");
    assert_eq!(fixture.store.clean(before, 3).await.unwrap(), 3);
    assert!(fixture.store.read_message(messages[2].id).await.unwrap().is_none(), "oldest first");
    assert!(fixture.store.read_message(messages[3].id).await.unwrap().is_some());
    assert_eq!(fixture.store.clean(before, 3).await.unwrap(), 2);
    assert_eq!(fixture.store.clean(before, 3).await.unwrap(), 0);
}

async fn what_is_open_or_unpublished_stays(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("2"), event("3"), event("4")];
    let ids = fixture.queue(&fence, "crm", &messages[..3]).await;
    fixture.append(&messages[3..]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, delivered()), outcome(ids[1], 0, dead())]).await.unwrap();

    assert_eq!(fixture.store.clean(in_seconds(60), 10).await.unwrap(), 1);

    let mut there = Vec::new();
    for message in &messages {
        there.push(fixture.store.read_message(message.id).await.unwrap().is_some());
    }
    assert_eq!(there, [false, true, true, true]);
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}delivery").await, 2, "deliveries go with their message");
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}attempt").await, 1, "and attempts with their delivery");
}

async fn an_inbox_row_stays_as_long_as_its_message(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    let ids = fixture.queue(&fence, "bus", std::slice::from_ref(&message)).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();
    let foreign = MessageId(Uuid::now_v7());
    let claim = || Claim { consumer: "engine".to_owned(), messages: vec![message.id, foreign], ..Claim::default() };
    assert_eq!(fixture.load(claim()).await.fresh.len(), 2);

    assert_eq!(fixture.store.clean(in_seconds(60), 10).await.unwrap(), 1);

    let fresh = fixture.load(claim()).await.fresh;
    assert_eq!(fresh, [foreign].into(), "a repaired delivery still finds that it was taken in");
}
