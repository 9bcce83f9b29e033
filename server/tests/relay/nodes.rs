//! Several nodes on one PostgreSQL.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use baton_domain::message::Message;
use baton_server::{
    bus::{Bus, MemoryBus},
    store::{
        StoreError,
        rows::{Failure, Settlement},
    },
};
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    sink::Sink,
    world::{Database, Recorder, Setup, World, addressed, by_key, event, first_of_each, until},
};

/// A bus that stops in the middle of its first call until it is told to go on.
#[derive(Default)]
struct Hesitating {
    inner: MemoryBus,
    hesitated: AtomicBool,
    seen: Mutex<Vec<Arc<Message>>>,
    go_on: Notify,
}

#[async_trait]
impl Bus for Hesitating {
    fn name(&self) -> &'static str {
        "hesitating"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        self.seen.lock().unwrap().extend_from_slice(messages);
        if !self.hesitated.swap(true, Ordering::SeqCst) {
            self.go_on.notified().await;
        }
        self.inner.publish(messages).await
    }
}

fn setup(name: &str, recorder: &Arc<Recorder>, lease_ttl: Duration) -> Setup {
    Setup { node_name: name.into(), recorder: recorder.clone(), lease_ttl, ..Setup::default() }
}

/// One node stands still while it publishes, another takes over; when the first wakes up, its result is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_node_is_fenced() {
    let database = Database::postgres();
    let ttl = Duration::from_millis(400);
    let (old_recorder, new_recorder) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let bus = Arc::new(Hesitating::default());
    bus.inner.subscribe(old_recorder.clone());
    // Its leases are not renewed: nobody runs them.
    let old =
        World::build(database.open().await, Setup { bus: Some(bus.clone()), ..setup("old", &old_recorder, ttl) }).await;
    let old_fence = old.leases.fence().unwrap();
    let messages: Vec<Message> = (0..10).map(|number| event(&format!("k{}", number % 3), number)).collect();
    old.append(&messages).await;
    let pass = tokio::spawn({
        let relay = old.relay.clone();
        async move { relay.run_once().await }
    });
    until("the old node publishes", async || bus.seen.lock().unwrap().len() == 10).await;

    let _new = World::start_with(database.open().await, setup("new", &new_recorder, ttl)).await;
    until("the new node has taken over", async || new_recorder.taken().len() == 10).await;
    assert!(old.leases.fence().is_none(), "by its own clock the old node knows that its time is over");

    bus.go_on.notify_one();
    let report = pass.await.unwrap().unwrap();
    assert!(report.fenced, "{report:?}");
    let late = Settlement { published: vec![1, 2, 3], ..Settlement::default() };
    assert!(matches!(old.store.settle(&old_fence, late).await, Err(StoreError::Fenced)));
    assert_eq!(first_of_each(new_recorder.taken()).len(), 10);
    // What it does from now on, it does with new leases.
    assert!(old.relay.run_once().await.unwrap().without_lease);
}

/// Two nodes share the lanes; everything arrives in order per key, each request is made by one of them only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_the_work() {
    let database = Database::postgres();
    let ttl = Duration::from_millis(900);
    let recorders = [Arc::new(Recorder::default()), Arc::new(Recorder::default())];
    let store = database.open().await;
    let one = World::start_with(store.clone(), setup("one", &recorders[0], ttl)).await;
    let two = World::start_with(store, setup("two", &recorders[1], ttl)).await;
    until("each has half of the lanes", async || {
        let lanes = [&one, &two].map(|world| world.leases.fence().map_or(0, |fence| fence.lanes.len()));
        lanes == [32, 32]
    })
    .await;
    let sink = Sink::start().await;
    one.put_destination("sink", sink.settings(json!({}))).await;
    two.directory.reload().await.unwrap();
    let mut messages: Vec<Message> = (0..200).map(|number| event(&format!("k{}", number % 40), number)).collect();
    for (number, message) in messages.iter_mut().enumerate() {
        if number % 2 == 0 {
            *message = addressed("sink", &message.key.aggregate_id, number as u64);
        }
    }
    one.append(&messages).await;
    one.until_quiet().await;

    let taken = recorders.each_ref().map(|recorder| recorder.messages());
    assert!(taken.iter().all(|taken| taken.len() > 10), "both worked");
    let to_bus = messages.iter().filter(|message| message.destination.is_none());
    assert_eq!(by_key(taken.iter().flatten().map(Arc::as_ref)), by_key(to_bus));
    let to_sink = messages.iter().filter(|message| message.destination.is_some());
    let received = sink.received();
    assert_eq!(by_key(received.iter().map(|one| &one.message)), by_key(to_sink));
}
