//! What comes in from RabbitMQ: a queue, read with a bound on what is under way.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use lapin::{
    Channel, Connection, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use sha2::{Digest, Sha256};

use super::{
    Shared,
    session::{classify, connect, said},
    wave::ATTRIBUTE_PREFIX,
};
use crate::{
    bus::{Feed, broker::Incoming, unavailable},
    store::rows::Failure,
};

/// How many messages are taken in at a time, and handed out without our word at most.
const BATCH_MAX: u16 = 200;
/// The other way in which the binding lets names of attributes begin.
const OTHER_PREFIX: &str = "cloudEvents:";

pub struct RabbitFeed {
    shared: Arc<Shared>,
    queue: String,
    open: Option<Open>,
}

struct Open {
    /// Closed when it is dropped.
    _connection: Connection,
    channel: Channel,
    consumer: Consumer,
    /// The tag of the last one that was handed over.
    last: Option<u64>,
}

impl RabbitFeed {
    pub fn new(shared: Arc<Shared>, queue: String) -> Self {
        Self { shared, queue, open: None }
    }

    async fn open(&self) -> Result<Open, Failure> {
        let connection = connect(&self.shared.target).await?;
        let broke = |error: lapin::Error| {
            let failure = classify(&error);
            unavailable(format!("The queue `{}`: {}", self.queue, failure.error))
        };
        let probe = connection.create_channel().await.map_err(broke)?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        // One that is there is taken as it is. Asking for one that is not closes the channel.
        let there = probe.queue_declare(self.queue.as_str().into(), passive, FieldTable::default()).await;
        let channel = connection.create_channel().await.map_err(broke)?;
        match there {
            Ok(_) => {}
            Err(error) if said(&error).is_some_and(|(code, _)| code == 404) => {
                let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
                let mut arguments = FieldTable::default();
                // Two readers at a time would break the order.
                arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
                channel.queue_declare(self.queue.as_str().into(), durable, arguments).await.map_err(broke)?;
                tracing::info!(queue = self.queue, "made a queue on RabbitMQ");
            }
            Err(error) => return Err(broke(error)),
        }
        channel.basic_qos(BATCH_MAX, BasicQosOptions::default()).await.map_err(broke)?;
        let (tag, options) = ("".into(), BasicConsumeOptions::default());
        let consumer = channel
            .basic_consume(self.queue.as_str().into(), tag, options, FieldTable::default())
            .await
            .map_err(broke)?;
        Ok(Open { _connection: connection, channel, consumer, last: None })
    }
}

fn incoming(delivery: Delivery) -> Incoming {
    let properties = &delivery.properties;
    let id = properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
    // A queue numbers nothing: what is handed out again is known by what it is.
    let hash: String = Sha256::digest(&delivery.data).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let mut attributes = Vec::new();
    for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        let name = name.to_string();
        let Some(name) = name.strip_prefix(ATTRIBUTE_PREFIX).or_else(|| name.strip_prefix(OTHER_PREFIX)) else {
            continue;
        };
        if let Some(value) = text(value) {
            attributes.push((name.to_owned(), value));
        }
    }
    Incoming {
        place: format!("{} {id} {hash}", delivery.routing_key),
        content_type: properties.content_type().as_ref().map(ToString::to_string),
        attributes,
        body: delivery.data,
    }
}

fn text(value: &AMQPValue) -> Option<String> {
    Some(match value {
        AMQPValue::LongString(text) => text.to_string(),
        AMQPValue::ShortString(text) => text.to_string(),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(value) => value.to_string(),
        AMQPValue::ShortInt(value) => value.to_string(),
        AMQPValue::LongInt(value) => value.to_string(),
        AMQPValue::LongLongInt(value) => value.to_string(),
        _ => return None,
    })
}

#[async_trait]
impl Feed for RabbitFeed {
    async fn next(&mut self) -> Result<Vec<Incoming>, Failure> {
        // Taken out: an error, or being dropped half-way, begins anew, and the broker puts back what was under way.
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let ended = || unavailable(format!("RabbitMQ hands out nothing more from `{}`.", self.queue));
        let mut batch = vec![open.consumer.next().await.ok_or_else(ended)?.map_err(|error| classify(&error))?];
        while batch.len() < usize::from(BATCH_MAX)
            && let Some(Some(next)) = open.consumer.next().now_or_never()
        {
            batch.push(next.map_err(|error| classify(&error))?);
        }
        if batch.iter().any(|delivery| delivery.exchange.as_str() == self.shared.exchange) {
            // Nothing of it is confirmed, so it stays there.
            return Err(unavailable(format!(
                "The queue `{}` is bound to `{}`, which Baton itself publishes to: messages would go round. Unbind it, or \
                 set another BATON_BUS_PREFIX; nothing is taken in from it until then.",
                self.queue, self.shared.exchange
            )));
        }
        open.last = batch.last().map(|delivery| delivery.delivery_tag);
        self.open = Some(open);
        Ok(batch.into_iter().map(incoming).collect())
    }

    /// Nothing to say: what is handed out stays so as long as the connection.
    async fn hold(&mut self) {}

    async fn confirm(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let Some(last) = open.last.take() else { return Ok(()) };
        let all = BasicAckOptions { multiple: true };
        open.channel.basic_ack(last, all).await.map_err(|error| classify(&error))
    }
}
