//! Buses: where the relay publishes.
//!
//! [`Bus`] is the port; [`memory`] is the embedded adapter, whose subscribers live in this process. Others (NATS,
//! RabbitMQ, Kafka) come beside it.

use std::sync::Arc;

use async_trait::async_trait;
use baton_domain::message::Message;

use crate::store::rows::Failure;

pub mod memory;

pub use memory::MemoryBus;

/// The class of a failure that is not about the message: the bus (or the subscriber's database) is away as a whole.
/// Whoever publishes leaves the message as it is, counts no attempt, and comes back later.
pub const UNAVAILABLE: &str = "unavailable";
/// The class of a message that was not handled because an earlier one of its key failed in the same call.
pub const BEHIND_FAILURE: &str = "behind-failure";
/// The class of a command that nobody takes.
pub const UNROUTABLE: &str = "unroutable";

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

/// The failure of everything while the bus or a subscriber cannot work at all; `error` says why, for people.
pub fn unavailable(error: impl std::fmt::Display) -> Failure {
    Failure { class: UNAVAILABLE.to_owned(), error: error.to_string() }
}
