//! Kafka, with the cargo feature `kafka`.
//!
//! Messages go to one topic named by the prefix, keyed by `aggregate type/aggregate id`, so that a key has one partition and
//! with it an order; acknowledged by all replicas in sync, by an idempotent producer; as CloudEvents in binary mode. What
//! comes in is read by a consumer group, whose offsets are committed after everything before them was stored.

mod feed;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use baton_domain::message::Message;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer},
};

use super::{Broker, Bus, Feed, chains, failure, target::BusTarget, unavailable};
use crate::{cloudevents, store::rows::Failure};

const NAME: &str = "kafka";
/// How long a message may take to be stored, connecting included.
const STORED_WITHIN: Duration = Duration::from_secs(5);
/// How long a topic that was just created may be unknown to the brokers.
const UNKNOWN_AFTER: Duration = Duration::from_secs(2);
const ASK_WITHIN: Duration = Duration::from_secs(4);
/// What the client takes at most; the payloads at the door are far smaller, and the broker has a limit of its own.
const MESSAGE_BYTES_MAX: &str = "4000000";
/// What the names of attributes begin with, by the Kafka binding of CloudEvents.
const ATTRIBUTE_PREFIX: &str = "ce_";

/// A Kafka cluster.
pub struct Kafka {
    shared: Arc<Shared>,
    producer: Mutex<Option<FutureProducer>>,
}

struct Shared {
    target: BusTarget,
    prefix: String,
}

impl Kafka {
    /// Nothing is connected before it is needed. What is published here must not come in again.
    pub fn new(target: BusTarget, prefix: String, topics: &[String]) -> anyhow::Result<Self> {
        for topic in topics {
            anyhow::ensure!(
                *topic != prefix,
                "BATON_BUS_SUBSCRIBE has `{topic}`, the topic that Baton itself publishes to: messages would go round. Let \
                 the others publish elsewhere, or set another BATON_BUS_PREFIX"
            );
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            anyhow::ensure!(
                !topic.is_empty() && topic.chars().all(is_name),
                "BATON_BUS_SUBSCRIBE has `{topic}`, which is no name of a topic (letters, digits, `.`, `_`, `-`)"
            );
        }
        Ok(Self { shared: Arc::new(Shared { target, prefix }), producer: Mutex::default() })
    }

    fn producer(&self) -> Result<FutureProducer, Failure> {
        let mut kept = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        // After a fatal error the client takes nothing any more.
        if let Some(producer) = kept.as_ref().filter(|producer| producer.client().fatal_error().is_none()) {
            return Ok(producer.clone());
        }
        let producer: FutureProducer = self
            .shared
            .config()
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .set("message.timeout.ms", STORED_WITHIN.as_millis().to_string())
            .set("message.max.bytes", MESSAGE_BYTES_MAX)
            // Else a topic that is not there is found out only after the message has timed out, as a broker that is away.
            .set("topic.metadata.propagation.max.ms", UNKNOWN_AFTER.as_millis().to_string())
            .create()
            .map_err(|error| unavailable(format!("The client of Kafka cannot be made: {error}")))?;
        *kept = Some(producer.clone());
        Ok(producer)
    }
}

impl Shared {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.target.hosts.join(","))
            .set("client.id", "baton")
            .set("broker.address.family", "any")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            .set("socket.connection.setup.timeout.ms", "4000");
        if let (Some(user), Some(password)) = (&self.target.user, &self.target.password) {
            config
                .set("security.protocol", "SASL_PLAINTEXT")
                .set("sasl.mechanisms", "PLAIN")
                .set("sasl.username", user)
                .set("sasl.password", password);
        }
        config
    }

    fn unreachable(&self, why: &dyn std::fmt::Display) -> Failure {
        unavailable(format!(
            "Kafka at {} cannot be reached ({why}). Is it running, and are address, user and password in BATON_BUS_URL right?",
            self.target.hosts()
        ))
    }

    /// What an error means for whoever published.
    fn classify(&self, error: &KafkaError, bytes: usize) -> Failure {
        use RDKafkaErrorCode::*;
        let topic = &self.prefix;
        match error.rdkafka_error_code() {
            Some(MessageSizeTooLarge | InvalidMessageSize) => failure(
                "too-large",
                format!(
                    "The payload has {bytes} bytes, more than Kafka takes at a time. Raise max.message.bytes of the topic \
                     `{topic}` (4 MB at most), or put the data elsewhere and send a reference; then retry or discard."
                ),
            ),
            Some(TopicAuthorizationFailed | ClusterAuthorizationFailed) => failure(
                "unauthorised",
                format!(
                    "Kafka does not let this user write to the topic `{topic}`. Allow it (`kafka-acls`), then retry."
                ),
            ),
            Some(UnknownTopic | UnknownTopicOrPartition | UnknownPartition) => unavailable(format!(
                "Kafka has no topic `{topic}`. Create it, or let the broker create topics; publishing goes on by itself."
            )),
            Some(NotEnoughReplicas | NotEnoughReplicasAfterAppend) => unavailable(format!(
                "Too few replicas of `{topic}` are in sync. Bring brokers back; publishing goes on by itself."
            )),
            Some(InvalidMessage | InvalidTimestamp | InvalidRecord | PolicyViolation) => {
                failure("refused", format!("Kafka refused the message: {error}"))
            }
            _ => self.unreachable(error),
        }
    }
}

#[async_trait]
impl Bus for Kafka {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let producer = match self.producer() {
            Ok(producer) => producer,
            Err(failure) => return vec![Err(failure); messages.len()],
        };
        let (producer, shared) = (&producer, &self.shared);
        chains::publish(messages, |message| async move { send(producer, shared, &message).await }).await
    }
}

/// Returns when the partition has stored the message.
async fn send(producer: &FutureProducer, shared: &Shared, message: &Message) -> Result<(), Failure> {
    let (attributes, body) = cloudevents::to_attributes(message);
    let mut headers = OwnedHeaders::new_with_capacity(attributes.len() + 1)
        .insert(Header { key: "content-type", value: Some("application/json") });
    for (name, value) in &attributes {
        headers = headers.insert(Header { key: &format!("{ATTRIBUTE_PREFIX}{name}"), value: Some(value.as_str()) });
    }
    let key = format!("{}/{}", message.key.aggregate_type, message.key.aggregate_id);
    let record = FutureRecord::to(&shared.prefix).key(&key).payload(&body).headers(headers);
    match producer.send(record, STORED_WITHIN).await {
        Ok(_) => Ok(()),
        Err((error, _)) => Err(shared.classify(&error, body.len())),
    }
}

#[async_trait]
impl Broker for Kafka {
    async fn check(&self) -> Result<(), Failure> {
        let (producer, shared) = (self.producer()?, Arc::clone(&self.shared));
        let asked = tokio::task::spawn_blocking(move || {
            let asked = producer.client().fetch_metadata(Some(&shared.prefix), ASK_WITHIN);
            let metadata = asked.map_err(|error| shared.unreachable(&error))?;
            match metadata.topics().iter().find_map(|topic| topic.error()) {
                Some(error) => Err(shared.classify(&KafkaError::MetadataFetch(error.into()), 0)),
                None => Ok(()),
            }
        });
        asked.await.map_err(|_| unavailable("The client of Kafka gave up."))?
    }

    fn feed(&self, address: &str) -> Box<dyn Feed> {
        Box::new(feed::KafkaFeed::new(Arc::clone(&self.shared), address.to_owned()))
    }
}
