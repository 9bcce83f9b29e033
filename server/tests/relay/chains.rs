//! Chains: each message causes the next ones, as the steps of a process do. There the relay is handed what was written, and
//! writes down what went out together.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use baton_domain::{ids::MessageId, message::Message};
use baton_server::{
    bus::{MemoryBus, Subscriber, behind_failure},
    nudge::Nudge,
    store::{Store, rows::Failure},
};
use uuid::Uuid;

use crate::{
    arrivals::{self, Arrival},
    on_both,
    world::{Database, Setup, World, event, failure, toss, until},
};

on_both!(
    chains_go_in_order_and_once_whatever_is_refused,
    a_chain_goes_on_where_a_killed_node_left_it,
    a_chain_is_written_down_in_few_strokes,
);

const SEED: u64 = 7;
const KEYS: u64 = 6;
const LINKS: u64 = 40;

/// Takes events. Each with an even number causes two of the same key: one that causes nothing, and the next link.
struct Links {
    store: Arc<dyn Store>,
    relay: Mutex<Nudge>,
    /// One offer in so many is refused; 0: none.
    refuses: u64,
    offers: AtomicU64,
    taken: Mutex<Vec<Arrival>>,
}

impl Links {
    fn new(store: Arc<dyn Store>, refuses: u64) -> Arc<Self> {
        Arc::new(Self {
            store,
            relay: Mutex::default(),
            refuses,
            offers: AtomicU64::default(),
            taken: Mutex::default(),
        })
    }

    async fn world(self: &Arc<Self>) -> World {
        let bus = MemoryBus::default();
        bus.subscribe(self.clone());
        let setup = Setup { bus: Some(Arc::new(bus)), ..Setup::default() };
        let mut world = World::build(self.store.clone(), setup).await;
        *self.relay.lock().unwrap() = world.relay_nudge.clone();
        world.run();
        world
    }

    fn taken(&self) -> Vec<Arrival> {
        self.taken.lock().unwrap().clone()
    }

    async fn receive_one(&self, message: &Message) -> Result<(), Failure> {
        let arrival = arrival(message);
        let offer = self.offers.fetch_add(1, Ordering::SeqCst);
        if self.refuses > 0 && toss(&[SEED, offer]).is_multiple_of(self.refuses) {
            return Err(failure("refused"));
        }
        let (key, number) = (arrival.key.clone(), arrival.number);
        self.taken.lock().unwrap().push(arrival);
        if number.is_multiple_of(2) && number < 2 * LINKS {
            for next in [number + 1, number + 2] {
                self.store.append(&[link(&key, next)], None).await.expect("append");
                self.relay.lock().unwrap().now();
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Subscriber for Links {
    fn name(&self) -> &str {
        "links"
    }

    fn wants(&self, _: &Message) -> bool {
        true
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let mut results: Vec<Result<(), Failure>> = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            let is_behind = (0..at).any(|before| results[before].is_err() && messages[before].key == message.key);
            results.push(if is_behind { Err(behind_failure()) } else { self.receive_one(message).await });
        }
        results
    }
}

/// Always the same message for the same link: written twice it is there once.
fn link(key: &str, number: u64) -> Message {
    let mut message = event(key, number);
    let key: u64 = key.parse().unwrap();
    message.id = MessageId(Uuid::from_u64_pair(toss(&[key, number]), key << 32 | number));
    message
}

fn arrival(message: &Message) -> Arrival {
    let number = message.payload["number"].as_u64().unwrap();
    Arrival { id: message.id.0, key: message.key.aggregate_id.clone(), number }
}

fn all() -> Vec<Arrival> {
    let numbers = |key: u64| (0..=2 * LINKS).map(move |number| arrival(&link(&key.to_string(), number)));
    (0..KEYS).flat_map(numbers).collect()
}

async fn begin(world: &World) {
    for key in 0..KEYS {
        world.append(&[link(&key.to_string(), 0)]).await;
    }
}

async fn until_all(links: &Links) {
    until("the last links are taken", async || {
        let taken = links.taken();
        (0..KEYS).all(|key| taken.iter().any(|it| it.number == 2 * LINKS && it.key == key.to_string()))
    })
    .await;
}

async fn chains_go_in_order_and_once_whatever_is_refused(database: Database) {
    let links = Links::new(database.open().await, 9);
    let world = links.world().await;
    begin(&world).await;
    until_all(&links).await;
    world.until_quiet().await;
    arrivals::check(&all(), &links.taken(), 0);
}

async fn a_chain_goes_on_where_a_killed_node_left_it(database: Database) {
    let links = Links::new(database.open().await, 0);
    let mut world = links.world().await;
    begin(&world).await;
    for part in 1..=4 {
        let taken = part * all().len() / 5;
        until("a part is taken", async || links.taken().len() >= taken).await;
        world.kill();
        // A node of the same name takes its lanes back at once.
        world = links.world().await;
    }
    until_all(&links).await;
    world.until_quiet().await;
    // What waited to be written down, what was being published, and what the store has in hand.
    arrivals::check(&all(), &links.taken(), 4 * 64);
}

async fn a_chain_is_written_down_in_few_strokes(database: Database) {
    let links = Links::new(database.open().await, 0);
    let world = links.world().await;
    world.append(&[link("0", 0)]).await;
    until("the last link is taken", async || links.taken().iter().any(|it| it.number == 2 * LINKS)).await;
    world.until_quiet().await;
    let mut strokes: Vec<_> = world.list().await.into_iter().map(|row| row.published_at.expect("it is out")).collect();
    let messages = strokes.len();
    strokes.sort_unstable();
    strokes.dedup();
    assert!(strokes.len() < messages * 3 / 4, "{} strokes for {messages} messages", strokes.len());
}
