//! Brokers: buses outside this process.
//!
//! A broker takes part in the bus of this process as one more consumer ([`Outlet`]), beside the engine: a message is
//! published when both have it, and the rules about order and failures are those of every consumer. What comes in from it
//! goes the other way, through [`super::intake`].

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use baton_domain::{message::Message, process::is_between_processes};
use chrono::{DateTime, Utc};

use super::{Bus, Subscriber};
use crate::store::rows::Failure;

/// The header of a message that came in from a broker: its name, and the subject, queue or topic.
pub const ORIGIN_HEADER: &str = "baton-origin";

/// A bus outside this process.
///
/// Guarantee of [`Bus::publish`]: `Ok` for a message means that the broker has stored it. Crash case: one that was stored
/// without our hearing of it is published again with the same id.
#[async_trait]
pub trait Broker: Bus {
    /// Connects if need be, and looks whether everything is there and as it must be. Called again and again.
    async fn check(&self) -> Result<(), Failure>;

    /// What comes in from `address`: a subject, a queue or a topic, as the broker calls it.
    fn feed(&self, address: &str) -> Box<dyn Feed>;
}

/// Messages that come in over one address, in the broker's order, held by it until they are confirmed.
#[async_trait]
pub trait Feed: Send {
    /// Waits for what comes next, at least one. The broker may hand out what was not confirmed before again, so two calls
    /// without [`Feed::confirm`] between them are a mistake; after an error everything begins anew.
    async fn next(&mut self) -> Result<Vec<Incoming>, Failure>;

    /// Says that we still work on what `next` returned. Called every few seconds while that takes long.
    async fn hold(&mut self);

    /// Says that we are responsible for everything that `next` returned from here on.
    async fn confirm(&mut self) -> Result<(), Failure>;
}

/// One message as a broker hands it over.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// Where it stands at the broker, the same whenever it is handed over again.
    pub place: String,
    pub content_type: Option<String>,
    /// Attributes of CloudEvents by their names, without the prefix of the broker's binding.
    pub attributes: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// How a broker is, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    pub connected: bool,
    /// Since when it is so; `None` before the first try.
    pub since: Option<DateTime<Utc>>,
    /// Why not, or the last thing that went wrong, and when.
    pub error: Option<(DateTime<Utc>, String)>,
}

/// What the bus is called and how it is; shared by everybody who knows or asks.
#[derive(Debug, Default)]
pub struct Status {
    condition: Mutex<Condition>,
}

impl Status {
    pub fn now(&self) -> Condition {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn works(&self) {
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if !condition.connected {
            (condition.connected, condition.since) = (true, Some(Utc::now()));
        }
        metrics::gauge!("baton_bus_connected").set(1.0);
    }

    pub fn fails(&self, error: &str) {
        let now = Utc::now();
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if condition.connected || condition.error.as_ref().is_none_or(|(_, before)| before != error) {
            tracing::warn!(error, "the bus does not work");
        }
        if condition.connected || condition.since.is_none() {
            condition.since = Some(now);
        }
        (condition.connected, condition.error) = (false, Some((now, error.to_owned())));
        metrics::gauge!("baton_bus_connected").set(0.0);
    }
}

/// A broker as a consumer on the bus of this process.
pub struct Outlet {
    broker: Arc<dyn Broker>,
    status: Arc<Status>,
}

impl Outlet {
    pub fn new(broker: Arc<dyn Broker>, status: Arc<Status>) -> Self {
        Self { broker, status }
    }
}

#[async_trait]
impl Subscriber for Outlet {
    fn name(&self) -> &str {
        self.broker.name()
    }

    /// Everything but what came from there, which would go round for ever, and what processes say to each other.
    fn wants(&self, message: &Message) -> bool {
        !is_between_processes(message) && !came_from(message, self.broker.name())
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let results = self.broker.publish(&messages).await;
        match results
            .iter()
            .find_map(|result| result.as_ref().err().filter(|failure| failure.class == super::UNAVAILABLE))
        {
            Some(failure) => self.status.fails(&failure.error),
            None => self.status.works(),
        }
        let stored = results.iter().filter(|result| result.is_ok()).count();
        metrics::counter!("baton_bus_stored_total", "bus" => self.broker.name()).increment(stored as u64);
        results
    }
}

/// Whether the message came in from the broker of this name.
fn came_from(message: &Message, broker: &str) -> bool {
    let origin = message.headers.get(ORIGIN_HEADER);
    origin.is_some_and(|origin| origin.split_once(' ').map_or(origin.as_str(), |(name, _)| name) == broker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::fixtures::a_message;

    #[test]
    fn a_status_says_since_when_and_keeps_the_last_error() {
        let status = Status::default();
        assert_eq!(status.now(), Condition::default());
        status.fails("gone");
        let away = status.now();
        assert!(!away.connected && away.since.is_some());
        status.fails("still gone");
        assert_eq!(status.now().since, away.since, "it is away since the first failure");
        status.works();
        let back = status.now();
        status.works();
        assert_eq!(status.now(), back, "nothing changes while nothing happens");
        assert!(back.connected && back.since >= away.since);
        assert_eq!(back.error.map(|(_, error)| error).as_deref(), Some("still gone"));
    }

    #[test]
    fn nothing_goes_back_to_where_it_came_from() {
        let mut message = a_message(1, "k");
        assert!(!came_from(&message, "nats"));
        message.headers.insert(ORIGIN_HEADER.into(), "nats orders.>".into());
        assert!(came_from(&message, "nats"));
        assert!(!came_from(&message, "kafka"));
    }
}
