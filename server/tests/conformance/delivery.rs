//! Deliveries: in order for each key and destination, each attempt written down once.

use std::collections::HashSet;

use baton_domain::message::Message;
use baton_server::store::rows::{
    AttemptOutcome, AttemptResult, DeliveryState, NewDelivery, Parked, Recorded, Settlement, Swept,
};
use serde_json::json;

use crate::support::*;

on_both!(
    deliveries_come_in_the_order_of_the_outbox,
    what_follows_one_under_way_waits,
    a_failed_attempt_parks_what_follows_its_key_and_nothing_else,
    a_retry_that_works_lets_the_followers_go_in_order,
    a_dead_delivery_keeps_its_key_parked,
    what_is_queued_behind_a_failed_one_starts_parked,
    a_retrying_delivery_waits_for_its_instant,
    an_attempt_reported_twice_counts_once,
    answers_are_appended_with_the_attempt_that_brought_them,
    answers_to_an_attempt_that_does_not_count_are_ignored,
    open_deliveries_are_found_by_key_and_destination,
    the_sweep_makes_labels_true_and_then_does_nothing,
    an_error_text_of_any_kind_is_kept,
    attempts_are_numbered_and_kept,
);

pub fn outcome(id: i64, attempts: u32, result: AttemptResult) -> AttemptOutcome {
    AttemptOutcome { id, attempts, at: now(), duration_ms: 12, result }
}

pub fn delivered() -> AttemptResult {
    AttemptResult::Delivered { answers: vec![] }
}

pub fn failed(seconds: i64) -> AttemptResult {
    AttemptResult::Failed { failure: failure("http-503"), next_attempt_at: in_seconds(seconds) }
}

pub fn dead() -> AttemptResult {
    AttemptResult::Dead { failure: failure("http-400") }
}

async fn record(fixture: &Fixture, id: i64, attempts: u32, result: AttemptResult) -> Recorded {
    fixture.store.record_attempts(vec![outcome(id, attempts, result)]).await.unwrap()
}

async fn due(fixture: &Fixture, fence: &baton_server::store::rows::Fence) -> Vec<i64> {
    fixture.due(fence, "crm").await.iter().map(|delivery| delivery.id).collect()
}

async fn deliveries_come_in_the_order_of_the_outbox(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("2"), event("1")];
    let ids = fixture.queue(&fence, "crm", &messages).await;
    fixture.queue(&fence, "other", &[event("9")]).await;

    let due = fixture.due(&fence, "crm").await;

    assert_eq!(due.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), ids);
    assert_eq!(due.iter().map(|delivery| delivery.message.clone()).collect::<Vec<_>>(), messages);
    assert!(due.iter().all(|delivery| delivery.attempts == 0 && delivery.edited_payload.is_none()));
    let two = fixture.store.read_due_deliveries(&fence, "crm", now(), 2, &[]).await.unwrap();
    assert_eq!(two.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), ids[..2]);
}

async fn what_follows_one_under_way_waits(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("2"), event("1"), event("3")]).await;

    let due = fixture.store.read_due_deliveries(&fence, "crm", now(), 10, &[ids[0], ids[3]]).await.unwrap();

    assert_eq!(due.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [ids[1]]);
}

async fn a_failed_attempt_parks_what_follows_its_key_and_nothing_else(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("1"), event("2"), event("1")];
    let ids = fixture.queue(&fence, "crm", &messages).await;
    let other = fixture.queue(&fence, "other", &[event("1")]).await;

    let recorded = record(&fixture, ids[0], 0, failed(60)).await;

    let told: HashSet<_> = recorded.parked.into_iter().map(|it| (it.message, it.destination)).collect();
    assert_eq!(told, [1, 3].map(|index| (messages[index].id, "crm".to_owned())).into());

    assert_eq!(fixture.states(&ids).await, ["retrying", "parked", "queued", "parked"]);
    assert_eq!(due(&fixture, &fence).await, [ids[2]]);
    assert_eq!(fixture.states(&other).await, ["queued"]);
}

async fn a_retry_that_works_lets_the_followers_go_in_order(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("1"), event("1")]).await;
    record(&fixture, ids[0], 0, failed(-1)).await;
    assert_eq!(due(&fixture, &fence).await, [ids[0]], "it is due again, what follows is not");

    record(&fixture, ids[0], 1, delivered()).await;

    assert_eq!(fixture.states(&ids).await, ["delivered", "queued", "queued"]);
    assert_eq!(due(&fixture, &fence).await, ids[1..]);
}

async fn a_dead_delivery_keeps_its_key_parked(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("1"), event("2")]).await;

    record(&fixture, ids[0], 0, dead()).await;

    assert_eq!(fixture.states(&ids).await, ["dead", "parked", "queued"]);
    assert_eq!(due(&fixture, &fence).await, [ids[2]]);
    fixture.store.sweep_parked().await.unwrap();
    assert_eq!(fixture.states(&ids).await, ["dead", "parked", "queued"], "until somebody decides");
}

async fn what_is_queued_behind_a_failed_one_starts_parked(fixture: Fixture) {
    let fence = fixture.fence().await;
    let first = fixture.queue(&fence, "crm", &[event("1")]).await;
    record(&fixture, first[0], 0, failed(60)).await;

    let later = [event("1"), event("2")];
    fixture.append(&later).await;
    let rows = fixture.store.read_unpublished(&fence, now(), 10, &[]).await.unwrap();
    let settlement = Settlement {
        published: rows.iter().map(|row| row.seq).collect(),
        deliveries: rows.iter().map(|row| delivery(row.seq, &row.message, "crm")).collect(),
        ..Settlement::default()
    };
    let parked = fixture.store.settle(&fence, settlement).await.unwrap();

    assert_eq!(parked, [Parked { message: later[0].id, destination: "crm".to_owned() }]);
    let found = async |message: &Message| fixture.store.read_message(message.id).await.unwrap().unwrap().1[0].state;
    assert_eq!([found(&later[0]).await, found(&later[1]).await], [DeliveryState::Parked, DeliveryState::Queued]);
}

async fn a_retrying_delivery_waits_for_its_instant(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("2")]).await;
    let at = in_seconds(60);
    let failed = AttemptResult::Failed { failure: failure("timeout"), next_attempt_at: at };
    record(&fixture, ids[0], 0, failed).await;

    assert_eq!(due(&fixture, &fence).await, [ids[1]]);
    assert_eq!(fixture.store.next_attempt_at("crm").await.unwrap(), Some(at));
    assert_eq!(fixture.store.next_attempt_at("other").await.unwrap(), None);
    let later = fixture.store.read_due_deliveries(&fence, "crm", at, 10, &[]).await.unwrap();
    assert_eq!(
        later.iter().map(|delivery| (delivery.id, delivery.attempts)).collect::<Vec<_>>(),
        [(ids[0], 1), (ids[1], 0)]
    );
}

async fn an_attempt_reported_twice_counts_once(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1")]).await;

    record(&fixture, ids[0], 0, failed(60)).await;
    record(&fixture, ids[0], 0, failed(-5)).await;
    record(&fixture, ids[0], 0, delivered()).await;
    assert_eq!(fixture.states(&ids).await, ["retrying"]);
    record(&fixture, ids[0], 1, delivered()).await;
    record(&fixture, ids[0], 2, failed(60)).await;

    assert_eq!(fixture.states(&ids).await, ["delivered"], "what has ended stays so");
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}attempt").await, 2);
    assert_eq!(fixture.number("SELECT CAST(sum(failed) AS bigint) FROM {baton}message_minute").await, 1);
}

async fn answers_are_appended_with_the_attempt_that_brought_them(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("2")]).await;
    let (one, two) = (event("answer-1"), event("answer-2"));
    let with = |answers: Vec<Message>| AttemptResult::Delivered { answers };

    let recorded = fixture
        .store
        .record_attempts(vec![
            outcome(ids[1], 0, with(vec![two.clone(), one.clone()])),
            outcome(ids[0], 0, with(vec![one.clone()])),
        ])
        .await
        .unwrap();

    assert_eq!(recorded.answers.accepted, [one.id, two.id]);
    assert_eq!(recorded.answers.duplicates, [one.id]);
    assert_eq!(fixture.unpublished(&fence).await.len(), 2);
}

async fn answers_to_an_attempt_that_does_not_count_are_ignored(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1")]).await;

    let answers = AttemptResult::Delivered { answers: vec![event("answer")] };
    let recorded = fixture.store.record_attempts(vec![outcome(ids[0], 3, answers)]).await.unwrap();

    assert_eq!(recorded, Recorded::default());
    assert_eq!(fixture.unpublished(&fence).await, []);
    assert_eq!(fixture.states(&ids).await, ["queued"]);
}

async fn open_deliveries_are_found_by_key_and_destination(fixture: Fixture) {
    let fence = fixture.fence().await;
    assert!(!fixture.store.has_open_deliveries("crm").await.unwrap());
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("2"), event("3"), event("4")]).await;
    record(&fixture, ids[0], 0, failed(60)).await;
    record(&fixture, ids[1], 0, dead()).await;
    record(&fixture, ids[2], 0, delivered()).await;

    let pairs: Vec<_> = ["1", "2", "3", "4", "5"]
        .into_iter()
        .flat_map(|order| [(key(order), "crm".to_owned()), (key(order), "bus".to_owned())])
        .collect();
    let open = fixture.store.open_deliveries(&pairs).await.unwrap();

    assert_eq!(open, ["1", "2", "4"].map(|order| (key(order), "crm".to_owned())).into());
    assert!(fixture.store.has_open_deliveries("crm").await.unwrap());
    assert!(!fixture.store.has_open_deliveries("bus").await.unwrap());
    assert!(fixture.store.open_deliveries(&[]).await.unwrap().is_empty());
}

async fn the_sweep_makes_labels_true_and_then_does_nothing(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("1"), event("2"), event("2")];
    let ids = fixture.queue(&fence, "crm", &messages).await;
    record(&fixture, ids[0], 0, failed(60)).await;
    // As a crash between two transactions, or a race with the relay, may leave it:
    fixture.sql(&format!("UPDATE {{baton}}delivery SET state = 'queued' WHERE id = {}", ids[1])).await.unwrap();
    fixture.sql(&format!("UPDATE {{baton}}delivery SET state = 'parked' WHERE id = {}", ids[3])).await.unwrap();
    assert_eq!(due(&fixture, &fence).await, [ids[2]], "order never depends on a label");

    let parked = vec![Parked { message: messages[1].id, destination: "crm".to_owned() }];
    assert_eq!(fixture.store.sweep_parked().await.unwrap(), Swept { changed: 2, parked });

    assert_eq!(fixture.states(&ids).await, ["retrying", "parked", "queued", "queued"]);
    assert_eq!(fixture.store.sweep_parked().await.unwrap(), Swept::default());
}

async fn an_error_text_of_any_kind_is_kept(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    let ids = fixture.queue(&fence, "crm", std::slice::from_ref(&message)).await;
    let mut failure = failure("http-500");
    failure.error = format!("nul \0 <script> ü {}", "ü".repeat(10_000));

    record(&fixture, ids[0], 0, AttemptResult::Dead { failure }).await;

    let (_, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
    let kept = deliveries[0].failure.clone().unwrap().error;
    assert!(kept.starts_with("nul \u{fffd} <script> ü"), "{kept}");
    assert!(kept.len() <= 4_002, "bounded");
}

async fn attempts_are_numbered_and_kept(fixture: Fixture) {
    let fence = fixture.fence().await;
    let mut message = event("1");
    message.payload = json!([]);
    fixture.append(std::slice::from_ref(&message)).await;
    let seq = fixture.unpublished(&fence).await[0].0;
    let first = NewDelivery {
        state: DeliveryState::Retrying,
        attempts: 1,
        next_attempt_at: Some(in_seconds(-1)),
        failure: Some(failure("unroutable")),
        ..delivery(seq, &message, "bus")
    };
    let settlement = Settlement { published: vec![seq], deliveries: vec![first], delete: false, now: None };
    fixture.store.settle(&fence, settlement).await.unwrap();
    let id = fixture.due(&fence, "bus").await[0].id;

    record(&fixture, id, 1, failed(-1)).await;
    record(&fixture, id, 2, delivered()).await;

    let (row, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
    let history: Vec<_> =
        deliveries[0].history.iter().map(|attempt| (attempt.number, attempt.failure.clone())).collect();
    assert_eq!(history, [(1, Some(failure("unroutable"))), (2, Some(failure("http-503"))), (3, None)]);
    assert_eq!(deliveries[0].history[1].duration_ms, 12);
    assert_eq!((row.attempts, row.last_error), (3, Some("http-503 happened".to_owned())));
    assert!(deliveries[0].ended_at.is_some());
}
