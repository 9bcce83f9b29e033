//! Operations on many instances at once: all that pass the filter are asked, and those that refuse are told.

use baton_app::{
    model::*,
    port::{AppError, Backend as _},
};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{World, actor, eventually};

on_both!(batches:
    all_that_pass_the_filter_are_operated,
    those_that_refuse_are_told_and_stay_as_they_are,
    a_batch_without_a_filter_or_a_reason_is_refused,
    an_ended_batch_takes_no_more,
);

const STAY: &str = "
baton: process/1
name: stay
nodes:
  start: {kind: start, next: wait}
  wait: {kind: wait, on: {GuestArrived: {next: done}}}
  done: {kind: end}
";

/// More than are asked in one go.
const MANY: usize = 120;

async fn many(world: &World) -> Vec<Uuid> {
    world.publish(STAY).await;
    let mut started = Vec::new();
    for _ in 0..MANY {
        started.push(world.start_with("stay", json!({}), None).await.unwrap().id);
    }
    started
}

fn all(operation: BatchOperate) -> BatchRequest {
    let filter = BatchFilter { definition: Some("stay".to_owned()), ..BatchFilter::default() };
    BatchRequest { operation, filter, reason: "the hotel burns".to_owned() }
}

async fn ended(world: &World, request: BatchRequest) -> BatchView {
    let batch = world.service().start_batch(actor(), request).await.unwrap();
    eventually("the batch has ended", async || {
        let batch = world.service().batch(batch.id).await.unwrap();
        (batch.state == "ended").then_some(batch)
    })
    .await
}

pub async fn all_that_pass_the_filter_are_operated(world: World) {
    let instances = many(&world).await;
    world.publish(&STAY.replace("name: stay", "name: other")).await;
    let other = world.start_with("other", json!({}), None).await.unwrap().id;

    let batch = ended(&world, all(BatchOperate::Suspend)).await;
    assert_eq!((batch.total, batch.done, batch.refused), (MANY as u64, MANY as u64, 0));
    for instance in instances {
        let detail = world.service().instance(instance).await.unwrap();
        assert_eq!(detail.summary.state, "suspended");
        assert!(detail.history.last().unwrap().data.to_string().contains("the hotel burns"));
    }
    assert_eq!(world.service().instance(other).await.unwrap().summary.state, "waiting");
    let audit = world.service().audit(Some(format!("batch/{}", batch.id))).await.unwrap();
    assert_eq!(audit[0].action, "suspend-many-instances");
    world.stop().await;
}

pub async fn those_that_refuse_are_told_and_stay_as_they_are(world: World) {
    let instances = many(&world).await;
    world.operate(instances[3], Operate::Suspend).await.unwrap();
    world.operate(instances[7], Operate::Cancel { compensate: false }).await.unwrap();

    let batch = ended(&world, all(BatchOperate::Suspend)).await;
    assert_eq!((batch.done, batch.refused), (MANY as u64 - 2, 2));
    let mut refused: Vec<Uuid> = batch.refusals.iter().map(|it| it.instance).collect();
    refused.sort_unstable();
    assert_eq!(refused, [instances[3], instances[7]]);
    assert!(batch.refusals.iter().any(|it| it.message.contains("cancelled")), "{:?}", batch.refusals);
    assert_eq!(world.service().instance(instances[7]).await.unwrap().summary.state, "cancelled");
    world.stop().await;
}

pub async fn a_batch_without_a_filter_or_a_reason_is_refused(world: World) {
    let everything = BatchRequest { filter: BatchFilter::default(), ..all(BatchOperate::Cancel) };
    let for_nothing = BatchRequest { reason: " ".to_owned(), ..all(BatchOperate::Cancel) };
    let unknown = BatchFilter { state: Some("asleep".to_owned()), ..BatchFilter::default() };
    let unknown = BatchRequest { filter: unknown, ..all(BatchOperate::Cancel) };
    for (request, pointer) in [(everything, "/filter"), (for_nothing, "/reason"), (unknown, "/filter/state")] {
        match world.service().start_batch(actor(), request).await.unwrap_err() {
            AppError::Invalid(found) => assert_eq!(found[0].pointer, pointer),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.service().batches().await.unwrap(), []);
    world.stop().await;
}

pub async fn an_ended_batch_takes_no_more(world: World) {
    let batch = ended(&world, all(BatchOperate::Retry)).await;
    assert_eq!((batch.total, batch.done, batch.refused), (0, 0, 0));
    let error = world.service().control_batch(actor(), batch.id, BatchControl::Pause).await.unwrap_err();
    assert!(matches!(&error, AppError::Conflict { code, .. } if code == "batch-state"), "{error:?}");
    world.stop().await;
}
