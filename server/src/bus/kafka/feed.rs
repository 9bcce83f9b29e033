//! What comes in from Kafka: a topic, read by the consumer group of the prefix.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::FutureExt;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer, StreamConsumer},
    message::{BorrowedMessage, Headers},
};

use super::{ATTRIBUTE_PREFIX, Shared};
use crate::{
    bus::{Feed, broker::Incoming, unavailable},
    store::rows::Failure,
};

/// How many messages are taken in at a time.
const BATCH_MAX: usize = 200;

pub struct KafkaFeed {
    shared: Arc<Shared>,
    topic: String,
    open: Option<Open>,
}

struct Open {
    consumer: Arc<StreamConsumer>,
    /// Partition → the last offset that was handed over.
    handed: BTreeMap<i32, i64>,
}

impl KafkaFeed {
    pub fn new(shared: Arc<Shared>, topic: String) -> Self {
        Self { shared, topic, open: None }
    }

    fn open(&self) -> Result<Open, Failure> {
        let consumer: StreamConsumer = (self.shared.config())
            .set("group.id", format!("{}-{}", self.shared.prefix, self.topic))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("session.timeout.ms", "10000")
            .set("allow.auto.create.topics", "true")
            .create()
            .map_err(|error| unavailable(format!("The client of Kafka cannot be made: {error}")))?;
        consumer.subscribe(&[&self.topic]).map_err(|error| self.shared.unreachable(&error))?;
        Ok(Open { consumer: Arc::new(consumer), handed: BTreeMap::new() })
    }
}

impl Open {
    async fn read(&mut self) -> Result<Vec<Incoming>, rdkafka::error::KafkaError> {
        let mut batch = Vec::new();
        let first = self.consumer.recv().await?;
        self.handed.insert(first.partition(), first.offset());
        batch.push(incoming(&first));
        while batch.len() < BATCH_MAX
            && let Some(next) = self.consumer.recv().now_or_never()
        {
            let next = next?;
            self.handed.insert(next.partition(), next.offset());
            batch.push(incoming(&next));
        }
        Ok(batch)
    }
}

fn incoming(message: &BorrowedMessage<'_>) -> Incoming {
    let mut incoming = Incoming {
        place: format!("{}/{}", message.partition(), message.offset()),
        body: message.payload().unwrap_or_default().to_vec(),
        ..Incoming::default()
    };
    for header in message.headers().iter().flat_map(|headers| headers.iter()) {
        let Some(Ok(value)) = header.value.map(std::str::from_utf8) else { continue };
        if header.key.eq_ignore_ascii_case("content-type") {
            incoming.content_type = Some(value.to_owned());
        } else if let Some(name) = header.key.strip_prefix(ATTRIBUTE_PREFIX) {
            incoming.attributes.push((name.to_owned(), value.to_owned()));
        }
    }
    incoming
}

#[async_trait]
impl Feed for KafkaFeed {
    async fn next(&mut self) -> Result<Vec<Incoming>, Failure> {
        // Taken out: after an error, or being dropped half-way, it begins anew at what was committed.
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let batch = open.read().await.map_err(|error| self.shared.unreachable(&error))?;
        self.open = Some(open);
        Ok(batch)
    }

    /// Nothing to say: the client keeps the group's session alive by itself.
    async fn hold(&mut self) {}

    async fn confirm(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut next = TopicPartitionList::new();
        for (partition, offset) in std::mem::take(&mut open.handed) {
            next.add_partition_offset(&self.topic, partition, Offset::Offset(offset + 1))
                .map_err(|error| unavailable(format!("Kafka does not hear our word: {error}")))?;
        }
        let consumer = Arc::clone(&open.consumer);
        let committed = tokio::task::spawn_blocking(move || consumer.commit(&next, CommitMode::Sync));
        match committed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(unavailable(format!("Kafka does not hear our word: {error}"))),
            Err(_) => Err(unavailable("The client of Kafka gave up.")),
        }
    }
}
