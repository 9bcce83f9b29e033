//! Operations on many instances: each part is written down once, and what somebody stopped stays stopped.

use baton_server::store::rows::{BatchRow, BatchState};
use chrono::Utc;
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

on_both!(
    a_batch_comes_back_as_it_was_written,
    a_part_is_recorded_once,
    a_batch_is_paused_and_goes_on,
    a_cancelled_batch_stays_cancelled,
);

pub async fn begun(fixture: &Fixture) -> BatchRow {
    let row = BatchRow {
        id: Uuid::now_v7(),
        operation: json!("suspend"),
        filter: json!({"definition": "trip"}),
        actor: "robin".to_owned(),
        reason: "the airline is down".to_owned(),
        created_at: in_seconds(0),
        state: BatchState::Running,
        total: 120,
        done: 0,
        refused: 0,
        refusals: json!([]),
        position: None,
        ended_at: None,
    };
    fixture.store.insert_batch(&row, audit("suspend-many-instances", &format!("batch/{}", row.id))).await.unwrap();
    row
}

async fn read(fixture: &Fixture, id: Uuid) -> BatchRow {
    fixture.store.list_batches(Some(id), 1).await.unwrap().pop().unwrap()
}

async fn a_batch_comes_back_as_it_was_written(fixture: Fixture) {
    let (first, second) = (begun(&fixture).await, begun(&fixture).await);

    assert_eq!(read(&fixture, first.id).await, first);
    assert_eq!(fixture.store.next_batch().await.unwrap(), Some(first.clone()));
    assert_eq!(fixture.store.list_batches(None, 10).await.unwrap(), [second, first]);
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}audit").await, 2);
}

async fn a_part_is_recorded_once(fixture: Fixture) {
    let batch = begun(&fixture).await;
    let refusals = json!([{"instance": Uuid::nil(), "message": "it has ended"}]);
    let after = BatchRow { done: 49, refused: 1, refusals, position: Some("p1".to_owned()), ..batch.clone() };

    assert!(fixture.store.record_batch(&after, None).await.unwrap());
    assert!(!fixture.store.record_batch(&after, None).await.unwrap());
    assert_eq!(read(&fixture, batch.id).await, after);
    let ended =
        BatchRow { done: 119, position: None, state: BatchState::Ended, ended_at: Some(in_seconds(0)), ..after };
    assert!(fixture.store.record_batch(&ended, Some("p1")).await.unwrap());
    assert_eq!(read(&fixture, batch.id).await, ended);
    assert_eq!(fixture.store.next_batch().await.unwrap(), None);
}

async fn a_batch_is_paused_and_goes_on(fixture: Fixture) {
    let batch = begun(&fixture).await;
    let set = async |from, to| {
        let audit = audit("pause-batch", &format!("batch/{}", batch.id));
        fixture.store.set_batch_state(batch.id, from, to, audit).await.unwrap()
    };

    assert!(set(BatchState::Running, BatchState::Paused).await);
    assert!(!set(BatchState::Running, BatchState::Paused).await);
    assert_eq!(fixture.store.next_batch().await.unwrap(), None);
    // The part that was under way still counts.
    let after = BatchRow { done: 50, position: Some("p1".to_owned()), ..batch.clone() };
    assert!(fixture.store.record_batch(&after, None).await.unwrap());
    assert!(set(BatchState::Paused, BatchState::Running).await);
    assert_eq!(fixture.store.next_batch().await.unwrap(), Some(after));
    // What did not happen is not in the audit.
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}audit WHERE action = 'pause-batch'").await, 2);
}

async fn a_cancelled_batch_stays_cancelled(fixture: Fixture) {
    let batch = begun(&fixture).await;
    let audit = audit("cancel-batch", &format!("batch/{}", batch.id));
    assert!(fixture.store.set_batch_state(batch.id, BatchState::Running, BatchState::Cancelled, audit).await.unwrap());

    let late = BatchRow { done: 120, state: BatchState::Ended, ended_at: Some(Utc::now()), ..batch.clone() };
    fixture.store.record_batch(&late, None).await.unwrap();
    let cancelled = read(&fixture, batch.id).await;
    assert_eq!((cancelled.state, cancelled.done), (BatchState::Cancelled, 120));
    assert_eq!(fixture.store.next_batch().await.unwrap(), None);
}
