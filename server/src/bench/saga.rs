//! How many sagas of three steps are completed in a second.

use std::{sync::Arc, time::Instant};

use baton_app::port::Backend as _;
use baton_domain::{
    definition::DefinitionKind,
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use chrono::Utc;
use uuid::Uuid;

use super::{
    Database,
    process::{Site, until_completed},
};
use crate::service::Service;

/// How many producers append at a time, and how many events each in one call.
const PRODUCERS: usize = 8;
const BATCH: usize = 50;

const THREE_STEPS: &str = "
baton: saga/1
name: three-steps
correlate: =event.payload.order
start: OrderPlaced
steps:
  - {name: one,   send: DoOne,   to: worker, payload: {n: =input.order}, done: DidOne,   failed: [OneFailed], undo: {send: UndoOne, done: UndidOne}}
  - {name: two,   send: DoTwo,   to: worker, payload: {n: =input.order}, done: DidTwo,   failed: [TwoFailed], undo: {send: UndoTwo, done: UndidTwo}}
  - {name: three, send: DoThree, to: worker, payload: {n: =input.order}, done: DidThree, failed: [ThreeFailed]}
";

/// Instances per second, from the first event that starts one to the last completion.
pub async fn throughput(url: &str, database: &Database, count: usize) -> anyhow::Result<f64> {
    let site = Site::open(url, DefinitionKind::Saga, "three-steps", THREE_STEPS).await?;
    let begun = Instant::now();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| tokio::spawn(place_orders(site.service.clone(), (producer..count).step_by(PRODUCERS))))
        .collect();
    for producer in producers {
        producer.await??;
    }
    let elapsed = until_completed(database, count, begun).await?;
    site.close().await;
    Ok(count as f64 / elapsed.as_secs_f64())
}

async fn place_orders(service: Arc<Service>, numbers: impl Iterator<Item = usize>) -> anyhow::Result<()> {
    let orders: Vec<Message> = numbers.map(order_placed).collect();
    for batch in orders.chunks(BATCH) {
        service.append(batch).await?;
    }
    Ok(())
}

fn order_placed(number: usize) -> Message {
    Message {
        id: MessageId(Uuid::now_v7()),
        kind: MessageKind::Event,
        message_type: "OrderPlaced".to_owned(),
        source: "bench".to_owned(),
        key: Key { aggregate_type: "order".to_owned(), aggregate_id: number.to_string() },
        aggregate_version: None,
        payload: serde_json::json!({"order": number.to_string()}),
        headers: Default::default(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: Utc::now(),
    }
}
