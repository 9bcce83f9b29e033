//! Buses: where the relay publishes.
//!
//! [`Bus`] is the port; `memory` is the embedded adapter, whose subscribers live in this process. Others (NATS,
//! RabbitMQ, Kafka) come beside it.

use std::sync::Arc;

use async_trait::async_trait;
use baton_domain::message::Message;

use crate::store::rows::Failure;

/// Publishes messages.
///
/// Guarantee: `Ok` for a message means that the bus has taken responsibility for it durably (for `memory`: every
/// subscriber that wanted it has handled and committed it). Crash case: a message may have been taken although no
/// answer came back; it is then published again with the same id, and receivers deduplicate.
/// Messages of one key are handed over in the order given; when one fails, the later ones of its key in the same call
/// may have been taken, so the caller sends one key's messages only after its earlier ones succeeded.
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
    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>>;
}
