//! Taking in: what other systems publish has its effect exactly once, in order per key, and what cannot be read is shown.

use std::{sync::Arc, time::Duration};

use baton_domain::message::Key;
use baton_server::{
    bus::{Broker, Status, intake::Intake},
    clock::Clock,
    nudge::Nudge,
    relay::Leases,
    store::{
        OpenOptions, Store, open,
        rows::{MessageFilter, MessageRow},
    },
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::rig::{INBOUND, Rig, broker, foreign, until};

crate::on_all! {
    what_comes_in_is_taken_in_once_and_in_order,
    a_broker_killed_while_taking_in_loses_and_doubles_nothing,
    what_cannot_be_read_stands_in_the_outbox_and_holds_up_nobody,
    another_node_goes_on_where_the_first_one_stopped,
}

/// A node that does nothing but take in.
struct Taker {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn database() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    (folder, open(&url, OpenOptions::default()).await.unwrap())
}

impl Taker {
    async fn start(store: Arc<dyn Store>, broker: Arc<dyn Broker>) -> Self {
        let ttl = Duration::from_secs(60);
        let leases = Arc::new(Leases::new(store.clone(), Uuid::now_v7(), "test".into(), ttl, Clock::default()));
        leases.run_once().await.unwrap();
        let intake = Intake {
            broker,
            address: INBOUND.into(),
            store,
            leases,
            relay: Nudge::default(),
            status: Arc::new(Status::default()),
            clock: Clock::default(),
        };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(intake.run(shutdown.clone()));
        Self { shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// The outbox in the order of taking in.
async fn outbox(store: &Arc<dyn Store>) -> Vec<MessageRow> {
    let mut filter = MessageFilter { limit: 200, ..MessageFilter::default() };
    let mut rows = Vec::new();
    loop {
        let page = store.list_messages(&filter).await.unwrap();
        rows.extend(page.items);
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    rows.sort_by_key(|row| row.seq);
    rows
}

/// `count` events over `keys` keys stand in the outbox exactly once, ascending for each key.
#[track_caller]
fn check_taken(rows: &[MessageRow], count: i64, keys: i64) {
    assert_eq!(rows.len() as i64, count);
    for key in 0..keys {
        let of_key = Key { aggregate_type: "counter".into(), aggregate_id: format!("k{key}") };
        let found =
            rows.iter().filter(|row| row.message.key == of_key).map(|row| row.message.aggregate_version.unwrap());
        let expected = (0..count).filter(|n| n % keys == key);
        assert!(found.eq(expected), "k{key}: {:?}", rows.iter().map(|row| &row.message.key).collect::<Vec<_>>());
    }
}

async fn put_numbers(rig: &impl Rig, from: i64, to: i64, keys: i64) {
    let numbers = from..to;
    let event = |n| foreign(&format!("number {n}"), &format!("k{}", n % keys), n);
    rig.put(&numbers.map(|n| (Some("application/cloudevents+json"), event(n))).collect::<Vec<_>>()).await;
}

async fn what_comes_in_is_taken_in_once_and_in_order(rig: impl Rig) {
    let (_folder, store) = database().await;
    let bus = broker(&rig.url());
    let taker = Taker::start(store.clone(), bus.clone()).await;
    put_numbers(&rig, 0, 300, 7).await;
    // Its sender did not hear that it was stored.
    put_numbers(&rig, 290, 300, 7).await;
    until("everything is taken in", || async { outbox(&store).await.len() >= 300 }).await;
    until("everything is confirmed", || async { rig.unconfirmed().await == 0 }).await;
    let rows = outbox(&store).await;
    check_taken(&rows, 300, 7);
    assert!(rows[0].message.headers["baton-origin"].ends_with(INBOUND), "{:?}", rows[0].message.headers);
    assert!(rows[0].message.headers["baton-origin"].starts_with(bus.name()));
    taker.stop().await;
    assert_eq!(rig.unconfirmed().await, 0);
}

async fn a_broker_killed_while_taking_in_loses_and_doubles_nothing(mut rig: impl Rig) {
    let (_folder, store) = database().await;
    let taker = Taker::start(store.clone(), broker(&rig.url())).await;
    put_numbers(&rig, 0, 400, 5).await;
    until("some are taken in", || async { !outbox(&store).await.is_empty() }).await;
    rig.kill();
    rig.resume();
    put_numbers(&rig, 400, 600, 5).await;
    until("everything is taken in", || async { outbox(&store).await.len() >= 600 }).await;
    until("everything is confirmed", || async { rig.unconfirmed().await == 0 }).await;
    check_taken(&outbox(&store).await, 600, 5);
    taker.stop().await;
    assert_eq!(rig.unconfirmed().await, 0);
}

async fn what_cannot_be_read_stands_in_the_outbox_and_holds_up_nobody(rig: impl Rig) {
    let (_folder, store) = database().await;
    let taker = Taker::start(store.clone(), broker(&rig.url())).await;
    let malformed = br#"{"specversion":"1.0","type":"T"}"#;
    rig.put(&[
        (None, b"not json".to_vec()),
        (Some("text/plain"), b"hello".to_vec()),
        (Some("application/cloudevents+json"), malformed.to_vec()),
    ])
    .await;
    put_numbers(&rig, 0, 3, 1).await;
    until("everything is taken in", || async { outbox(&store).await.len() >= 6 }).await;
    until("everything is confirmed", || async { rig.unconfirmed().await == 0 }).await;
    let rows = outbox(&store).await;
    // Without a key they have no order on some brokers.
    let (unreadable, read): (Vec<_>, Vec<_>) =
        rows.iter().map(|row| &row.message).partition(|message| message.message_type == "baton.Unreadable");
    assert_eq!(unreadable.len(), 3);
    assert!(unreadable.iter().any(|message| message.payload["body"]["text"] == "not json"));
    assert_eq!(read.iter().map(|message| message.payload["n"].as_i64()).collect::<Vec<_>>(), [0, 1, 2].map(Some));
    taker.stop().await;
    assert_eq!(rig.unconfirmed().await, 0);
}

/// Killed in the middle: what was handed out to it comes to the other one first.
async fn another_node_goes_on_where_the_first_one_stopped(rig: impl Rig) {
    let (_folder, store) = database().await;
    let first = Taker::start(store.clone(), broker(&rig.url())).await;
    put_numbers(&rig, 0, 500, 5).await;
    until("some are taken in", || async { !outbox(&store).await.is_empty() }).await;
    first.task.abort();
    let _ = first.task.await;
    let second = Taker::start(store.clone(), broker(&rig.url())).await;
    put_numbers(&rig, 500, 600, 5).await;
    until("everything is taken in", || async { outbox(&store).await.len() >= 600 }).await;
    until("everything is confirmed", || async { rig.unconfirmed().await == 0 }).await;
    check_taken(&outbox(&store).await, 600, 5);
    second.stop().await;
    assert_eq!(rig.unconfirmed().await, 0);
}
