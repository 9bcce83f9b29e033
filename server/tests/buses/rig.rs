//! A broker under test, and what the tests ask of it.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use baton_server::{
    bus::{self, BEHIND_FAILURE, Broker, BusTarget, UNAVAILABLE, UNROUTABLE},
    store::rows::Failure,
};
use chrono::DateTime;
use serde_json::json;
use uuid::Uuid;

use crate::support::arrivals::{self, Arrival};

/// Everything that a test waits for happens within this, or the test fails.
pub const DEADLINE: Duration = Duration::from_secs(90);
/// The address that messages come in over.
pub const INBOUND: &str = "inbound";

/// What another client finds at the broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub id: Uuid,
    pub key: String,
    pub n: i64,
    pub message_type: String,
}

/// A real server, and another client of it.
#[allow(async_fn_in_trait, reason = "only used here")]
pub trait Rig {
    /// Whether a message that is published again with the same id is stored once.
    const DEDUPLICATES: bool;

    /// The address for Baton, past the proxy when there is one.
    fn url(&self) -> String;
    /// The same address with a user that is not let in.
    fn wrong_url(&self) -> String;
    /// The port that clients connect to.
    fn port(&self) -> u16;
    /// SIGKILL.
    fn kill(&mut self);
    /// Starts it again with its data.
    fn resume(&mut self);
    /// Everything that Baton has published, in the order in which it is stored; it is left there where that is possible.
    /// `at_least` is how many there must be.
    async fn stored(&self, at_least: usize) -> Vec<Stored>;
    /// Another system publishes over [`INBOUND`]: bodies and what their content type says.
    async fn put(&self, messages: &[(Option<&str>, Vec<u8>)]);
    /// How many messages stand there unconfirmed; zero when Baton has taken them all in.
    async fn unconfirmed(&self) -> usize;
}

/// An adapter for the rig, as `BATON_BUS_URL` would make it.
pub fn broker(url: &str) -> Arc<dyn Broker> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    bus::broker(&config(url)).unwrap().expect("a broker")
}

pub fn config(url: &str) -> bus::Config {
    bus::Config { target: BusTarget::parse(url).unwrap(), prefix: "baton".into(), subscribe: vec![INBOUND.into()] }
}

/// Event `n` of the aggregate `order/{key}`.
pub fn event(key: &str, n: i64) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId(Uuid::now_v7()),
        kind: MessageKind::Event,
        message_type: "OrderPlaced".into(),
        source: "shop".into(),
        key: Key { aggregate_type: "order".into(), aggregate_id: key.into() },
        aggregate_version: Some(n),
        payload: json!({"n": n, "text": "grüße"}),
        headers: [("traceparent".to_owned(), "00-ab-cd-01".to_owned())].into(),
        correlation_id: Some("c 1".into()),
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: DateTime::UNIX_EPOCH,
    })
}

/// `count` events over `keys` keys in turn, counted per key from 0.
pub fn events(count: usize, keys: usize) -> Vec<Arc<Message>> {
    (0..count).map(|n| event(&format!("k{}", n % keys), (n / keys) as i64)).collect()
}

/// An event of another system, in structured mode.
pub fn foreign(id: &str, key: &str, n: i64) -> Vec<u8> {
    let event = json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "Counted",
        "subject": format!("counter/{key}"), "aggregateversion": n, "data": {"n": n}});
    event.to_string().into_bytes()
}

/// How publishing goes.
#[derive(Default)]
pub struct Progress {
    pub stored: AtomicUsize,
    /// Calls in which something was not stored.
    pub failed: AtomicUsize,
}

/// How many messages are published at a time, and may be there twice when that fails.
pub const BATCH: usize = 200;

/// Publishes until everything is stored.
pub async fn publish_all(broker: &Arc<dyn Broker>, messages: &[Arc<Message>]) {
    publish_noting(broker, messages, &Progress::default()).await;
}

/// Publishes until everything is stored, as the relay does: what failed is offered again, in order.
pub async fn publish_noting(broker: &Arc<dyn Broker>, messages: &[Arc<Message>], progress: &Progress) {
    let deadline = Instant::now() + DEADLINE;
    let mut pending = messages.to_vec();
    while !pending.is_empty() {
        assert!(Instant::now() < deadline, "{} messages were not stored in time", pending.len());
        let batch = &pending[..pending.len().min(BATCH)];
        let results = broker.publish(batch).await;
        assert_eq!(results.len(), batch.len());
        let stored: HashSet<MessageId> = (batch.iter().zip(&results))
            .filter_map(|(message, result)| match result {
                Ok(()) => Some(message.id),
                Err(failure) => {
                    // A broker that has just come back may not have its queues yet: the relay tries such a message again too.
                    let passing = [UNAVAILABLE, BEHIND_FAILURE, UNROUTABLE];
                    assert!(passing.contains(&failure.class.as_str()), "{failure:?}");
                    None
                }
            })
            .collect();
        let failed = stored.len() < batch.len();
        pending.retain(|message| !stored.contains(&message.id));
        progress.stored.fetch_add(stored.len(), Ordering::SeqCst);
        if failed {
            progress.failed.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Nothing lost, order of first arrival per key, and nothing twice.
pub fn check(sent: &[Arc<Message>], stored: &[Stored]) {
    check_repeating(sent, stored, 0);
}

/// The same, with repeats under the same id.
pub fn check_repeating(sent: &[Arc<Message>], stored: &[Stored], repeats_max: usize) {
    let of_message = |message: &Arc<Message>| Arrival {
        id: message.id.0,
        key: message.key.aggregate_id.clone(),
        number: message.payload["n"].as_u64().unwrap_or_default(),
    };
    let of_stored =
        |stored: &Stored| Arrival { id: stored.id, key: stored.key.clone(), number: stored.n.unsigned_abs() };
    let sent: Vec<Arrival> = sent.iter().map(of_message).collect();
    arrivals::check(&sent, &stored.iter().map(of_stored).collect::<Vec<_>>(), repeats_max);
}

pub fn class(result: &Result<(), Failure>) -> &str {
    result.as_ref().map_or_else(|failure| failure.class.as_str(), |()| "stored")
}

/// Polls until `done`, within [`DEADLINE`].
pub async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !done().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
