//! The relay dies between publishing and writing the result; and messages that are deleted once they are out.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use baton_domain::message::Message;
use baton_server::{
    bus::{Bus, MemoryBus, unavailable},
    relay::Config,
    store::rows::Failure,
};
use serde_json::json;

use crate::{
    on_both,
    sink::{Reply, Sink},
    world::{Database, Recorder, Setup, World, addressed, event, first_of_each, until},
};

on_both!(
    killed_between_publishing_and_writing_it_publishes_again,
    an_absent_bus_leaves_messages_where_they_are,
    published_messages_are_deleted_when_told_so,
    a_stopped_worker_writes_down_what_it_had_under_way,
);

/// A bus that works, but whose answer is not heard the first time.
struct LostAnswer {
    inner: MemoryBus,
    published: AtomicUsize,
}

#[async_trait]
impl Bus for LostAnswer {
    fn name(&self) -> &'static str {
        "lost-answer"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let results = self.inner.publish(messages).await;
        if self.published.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
        results
    }
}

async fn killed_between_publishing_and_writing_it_publishes_again(database: Database) {
    let recorder = Arc::new(Recorder::default());
    let inner = MemoryBus::default();
    inner.subscribe(recorder.clone());
    let bus = Arc::new(LostAnswer { inner, published: AtomicUsize::default() });
    let messages: Vec<Message> = (0..20).map(|number| event(&format!("k{}", number % 3), number)).collect();
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();

    let store = database.open().await;
    let setup = || Setup { recorder: recorder.clone(), bus: Some(bus.clone()), ..Setup::default() };
    let mut first = World::build(store.clone(), setup()).await;
    first.append(&messages).await;
    first.run_relay();
    until("the bus has taken them", async || recorder.taken().len() == 20).await;
    first.kill();
    assert_eq!(store.counts(chrono::Utc::now()).await.unwrap().pending, 20, "nothing was written down");

    // A node of the same name takes its lanes back at once.
    let second = World::start_with(store, setup()).await;
    second.until_quiet().await;
    assert_eq!(recorder.taken().len(), 40, "at least once");
    assert_eq!(first_of_each(recorder.taken()), ids);
}

/// A bus that is away, then back.
struct Absent {
    inner: MemoryBus,
    back: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Bus for Absent {
    fn name(&self) -> &'static str {
        "absent"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.back.load(Ordering::SeqCst) {
            true => self.inner.publish(messages).await,
            false => vec![Err(unavailable("gone fishing")); messages.len()],
        }
    }
}

async fn an_absent_bus_leaves_messages_where_they_are(database: Database) {
    let recorder = Arc::new(Recorder::default());
    let inner = MemoryBus::default();
    inner.subscribe(recorder.clone());
    let bus = Arc::new(Absent { inner, back: AtomicBool::default(), asked: AtomicUsize::default() });
    let setup = Setup { recorder: recorder.clone(), bus: Some(bus.clone()), ..Setup::default() };
    let world = World::start_with(database.open().await, setup).await;
    let messages: Vec<Message> = (0..10).map(|number| event("a", number)).collect();
    world.append(&messages).await;
    until("it was tried three times", async || bus.asked.load(Ordering::SeqCst) >= 3).await;
    let counts = world.store.counts(chrono::Utc::now()).await.unwrap();
    assert_eq!((counts.pending, counts.deliveries.values().sum::<u64>()), (10, 0), "no failure is anybody's fault");

    bus.back.store(true, Ordering::SeqCst);
    world.until_quiet().await;
    assert_eq!(recorder.taken(), messages.iter().map(|message| message.id).collect::<Vec<_>>());
}

async fn published_messages_are_deleted_when_told_so(database: Database) {
    let setup = Setup { config: Config { delete_published: true, ..Config::default() }, ..Setup::default() };
    let world = World::start_with(database.open().await, setup).await;
    let sink = Sink::start().await;
    sink.judge(|_, before| if before == 0 { Reply::status(500) } else { Reply::ok() });
    world.put_destination("sink", sink.settings(json!({}))).await;
    let (plain, delivered) = (event("a", 1), addressed("sink", "a", 2));
    world.append(&[plain.clone(), delivered.clone()]).await;
    until("both are out", async || !world.recorder.taken().is_empty() && sink.accepted() == [delivered.id]).await;
    world.until_quiet().await;
    assert!(world.message(plain.id).await.is_none(), "the row is gone");
    let (_, deliveries) = world.message(delivered.id).await.expect("what has deliveries is kept for the retention");
    assert_eq!(deliveries[0].history.len(), 2);
}

async fn a_stopped_worker_writes_down_what_it_had_under_way(database: Database) {
    let store = database.open().await;
    let mut world = World::start_with(store, Setup::default()).await;
    let sink = Sink::start().await;
    sink.judge(|_, _| Reply::ok().after(std::time::Duration::from_millis(300)));
    world.put_destination("sink", sink.settings(json!({}))).await;
    let message = addressed("sink", "a", 1);
    world.append(std::slice::from_ref(&message)).await;
    until("the request is under way", async || sink.most_at_a_time().0 == 1).await;
    world.stop().await;
    assert_eq!(world.state(message.id, "sink").await, "delivered 1");
}
