//! A database that goes away and comes back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use baton_domain::message::Message;
use baton_server::{
    bus::{Bus, MemoryBus},
    store::{OpenOptions, open, rows::Failure},
};
use baton_testkit::{Postgres, postgres::Durability};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};

use crate::{
    sink::Sink,
    world::{Recorder, Setup, World, addressed, event, first_of_each, until},
};

/// A bus that answers only when it has been told to.
struct Held {
    inner: MemoryBus,
    calls: Semaphore,
    entered: Notify,
}

#[async_trait]
impl Bus for Held {
    fn name(&self) -> &'static str {
        "held"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let results = self.inner.publish(messages).await;
        self.entered.notify_one();
        self.calls.acquire().await.unwrap().forget();
        results
    }
}

/// The database stops after messages were published and requests made, before that is written down. When it is back
/// the results are written as they were: nothing is published again, nothing lost, and everybody goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_loses_nothing() {
    let mut postgres = Postgres::start(Durability::Throwaway).unwrap();
    let store = open(&postgres.fresh_database().unwrap(), OpenOptions::default()).await.unwrap();
    let recorder = Arc::new(Recorder::default());
    let inner = MemoryBus::default();
    inner.subscribe(recorder.clone());
    let bus = Arc::new(Held { inner, calls: Semaphore::new(0), entered: Notify::new() });
    let setup = Setup {
        recorder: recorder.clone(),
        bus: Some(bus.clone()),
        lease_ttl: Duration::from_secs(4),
        ..Setup::default()
    };
    let world = World::start_with(store, setup).await;
    let sink = Sink::start().await;
    world.put_destination("sink", sink.settings(json!({}))).await;
    let messages: Vec<Message> = (0..50).map(|number| event(&format!("k{}", number % 7), number)).collect();
    world.append(&messages).await;
    bus.entered.notified().await;

    tokio::task::block_in_place(|| postgres.interrupt().unwrap());
    bus.calls.add_permits(1_000);
    until("the lease has run out", async || world.leases.fence().is_none()).await;
    assert_eq!(recorder.taken().len(), 50);
    tokio::task::block_in_place(|| postgres.resume().unwrap());

    let later = [event("k0", 100), addressed("sink", "k0", 101)];
    until("the database takes messages again", async || world.store.append(&later, None).await.is_ok()).await;
    world.until_quiet().await;
    until("the endpoint has its message", async || sink.accepted() == [later[1].id]).await;
    let taken = recorder.taken();
    assert_eq!(first_of_each(taken.iter().copied()).len(), 51);
    assert_eq!(taken.len(), 51, "what had been published was not published again");
}
