//! Buses: where the relay publishes.
//!
//! [`Bus`] is the port; [`memory`] is the embedded adapter, whose subscribers live in this process. A [`Broker`] outside it
//! ([`nats`], [`rabbitmq`], Kafka) is one more subscriber there ([`broker`]), and [`intake`] takes in what comes the other way.

use std::sync::Arc;

use async_trait::async_trait;
use baton_domain::message::Message;

use crate::store::rows::Failure;

pub mod broker;
mod chains;
pub mod intake;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod memory;
mod naming;
pub mod nats;
pub mod rabbitmq;
pub mod reading;
pub mod target;

pub use broker::{Broker, Condition, Feed, Incoming, ORIGIN_HEADER, Outlet, Status};
pub use memory::MemoryBus;
pub use naming::routing_key;
pub use target::{BusKind, BusTarget};

/// The class of a failure that is not about the message: the bus (or the subscriber's database) is away as a whole.
/// Whoever publishes leaves the message as it is, counts no attempt, and comes back later.
pub const UNAVAILABLE: &str = "unavailable";
/// The class of a message that was not handled because an earlier one of its key failed in the same call.
pub const BEHIND_FAILURE: &str = "behind-failure";
/// The class of a command that nobody takes.
pub const UNROUTABLE: &str = "unroutable";

/// Which bus there is beside the one in this process, and what comes in from it.
#[derive(Debug, Clone)]
pub struct Config {
    pub target: BusTarget,
    /// What the names of everything that Baton has on the broker begin with.
    pub prefix: String,
    /// Subjects, queues or topics to take messages in from.
    pub subscribe: Vec<String>,
}

impl Config {
    pub fn memory() -> Self {
        Self { target: BusTarget::memory(), prefix: "baton".to_owned(), subscribe: Vec::new() }
    }
}

/// The broker that `config` names; `None` when there is none. Nothing is connected before it is needed.
pub fn broker(config: &Config) -> anyhow::Result<Option<Arc<dyn Broker>>> {
    let Config { target, prefix, subscribe } = config;
    match target.kind {
        BusKind::Memory => {
            anyhow::ensure!(subscribe.is_empty(), "BATON_BUS_SUBSCRIBE needs a broker: set BATON_BUS_URL");
            Ok(None)
        }
        BusKind::Nats => Ok(Some(Arc::new(nats::Nats::new(target.clone(), prefix.clone(), subscribe)?))),
        BusKind::RabbitMq => Ok(Some(Arc::new(rabbitmq::RabbitMq::new(target.clone(), prefix.clone(), subscribe)?))),
        #[cfg(feature = "kafka")]
        BusKind::Kafka => Ok(Some(Arc::new(kafka::Kafka::new(target.clone(), prefix.clone(), subscribe)?))),
        #[cfg(not(feature = "kafka"))]
        BusKind::Kafka => anyhow::bail!("this program was built without Kafka: build it with --features kafka"),
    }
}

/// Publishes messages.
///
/// Guarantee: `Ok` for a message means that the bus has taken responsibility for it durably (for `memory`: every
/// subscriber that wanted it has handled and committed it). Crash case: a message may have been taken although no
/// answer came back; it is then published again with the same id, and receivers deduplicate.
///
/// Order: messages of one key are handed over in the order given. When one of them fails, the later ones of its key in
/// the same call are not handed over; they fail with [`BEHIND_FAILURE`] (or with a class of their own). So a caller may
/// hand in many messages of one key at once, and park the later ones behind the one that failed.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// One result per message, in the order given.
    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>>;
}

/// A consumer in this process.
#[async_trait]
pub trait Subscriber: Send + Sync + 'static {
    /// The consumer's name in the inbox.
    fn name(&self) -> &str;

    /// Whether it takes this message at all. A command that nobody takes is unroutable.
    fn wants(&self, message: &Message) -> bool;

    /// Handles messages durably before it returns; one result per message, in the order given. Handling the same
    /// message again must change nothing.
    ///
    /// Once a message of a key fails, the later ones of that key in the same call must not be handled: they fail with
    /// [`behind_failure`]. When nothing can be handled now (the database is away), all fail with [`unavailable`].
    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>>;
}

/// The failure of a message that was left out because an earlier one of its key failed.
pub fn behind_failure() -> Failure {
    Failure {
        class: BEHIND_FAILURE.to_owned(),
        error: "An earlier message of the same key failed; this one waits for it.".to_owned(),
    }
}

/// A failure of one message.
fn failure(class: &str, error: impl Into<String>) -> Failure {
    Failure { class: class.to_owned(), error: error.into() }
}

/// The failure of everything while the bus or a subscriber cannot work at all; `error` says why, for people.
pub fn unavailable(error: impl std::fmt::Display) -> Failure {
    Failure { class: UNAVAILABLE.to_owned(), error: error.to_string() }
}
