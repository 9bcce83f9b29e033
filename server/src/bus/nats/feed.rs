//! What comes in from NATS: a durable consumer, read batch by batch.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    AckKind, Message as NatsMessage,
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
    context::GetStreamByNameErrorKind,
};
use async_trait::async_trait;
use futures::StreamExt;

use super::{Shared, session::Session, stream};
use crate::{
    bus::{Feed, broker::Incoming, unavailable},
    store::rows::Failure,
};

/// How many messages are taken in at a time.
const BATCH_MAX: usize = 200;
/// How long the server waits for our word about a message before it hands it out again.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// How long one request for messages stands at the server.
const ASK_FOR: Duration = Duration::from_secs(20);

pub struct NatsFeed {
    shared: Arc<Shared>,
    subject: String,
    open: Option<Open>,
}

struct Open {
    session: Arc<Session>,
    consumer: PullConsumer,
    held: Vec<NatsMessage>,
}

impl NatsFeed {
    pub fn new(shared: Arc<Shared>, subject: String) -> Self {
        Self { shared, subject, open: None }
    }

    async fn open(&self) -> Result<Open, Failure> {
        let session = self.shared.session().await?;
        let stream = self.stream(&session).await?;
        let durable = self.durable();
        let broke = |error: &dyn std::fmt::Display| {
            unavailable(format!("The consumer {durable} of the stream {stream} cannot be used: {error}"))
        };
        let handle = session.jetstream.get_stream_no_info(&stream).await.map_err(|error| broke(&error))?;
        let config = pull::Config {
            durable_name: Some(durable.clone()),
            description: Some("Baton takes these in".to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: BATCH_MAX as i64,
            filter_subject: self.subject.clone(),
            ..pull::Config::default()
        };
        let mut consumer: PullConsumer =
            handle.get_or_create_consumer(&durable, config).await.map_err(|error| broke(&error))?;
        let info = consumer.info().await.map_err(|error| broke(&error))?;
        if info.config.ack_policy != AckPolicy::Explicit {
            return Err(broke(
                &"it does not acknowledge each message. Delete it (`nats consumer rm`); it is made anew",
            ));
        }
        if info.num_ack_pending > 0 {
            // They were handed out before and come again after this time; what follows them must not come first.
            let wait = info.config.ack_wait + Duration::from_millis(500);
            tracing::info!(subject = self.subject, pending = info.num_ack_pending, "waits for what was under way");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = session.gone.cancelled() => return Err(broken()),
            }
        }
        Ok(Open { session, consumer, held: Vec::new() })
    }

    /// The stream that takes the subject; one is made when there is none.
    async fn stream(&self, session: &Session) -> Result<String, Failure> {
        let error = match session.jetstream.stream_by_subject(self.subject.clone()).await {
            Ok(name) => return Ok(name),
            Err(error) => error,
        };
        if error.kind() != GetStreamByNameErrorKind::NotFound {
            return Err(unavailable(format!("The stream of `{}` cannot be found: {error}", self.subject)));
        }
        let name = format!("{}_IN_{}", stream::name(&self.shared.prefix), plain(&self.subject));
        stream::create(&session.jetstream, &name, self.subject.clone(), "What Baton takes in").await?;
        Ok(name)
    }

    fn durable(&self) -> String {
        format!("{}-{}", self.shared.prefix.replace('.', "_"), plain(&self.subject))
    }
}

/// Letters, digits, `-` and `_` stay; wildcards have names; the rest is `_`.
fn plain(subject: &str) -> String {
    let words = subject.split('.').map(|word| match word {
        ">" => "all".to_owned(),
        "*" => "any".to_owned(),
        word => word.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect(),
    });
    words.collect::<Vec<String>>().join("_")
}

fn broken() -> Failure {
    unavailable("The connection to NATS broke.")
}

impl Open {
    async fn next(&mut self) -> Result<(), Failure> {
        let lost = |error: &dyn std::fmt::Display| unavailable(format!("NATS does not hand out messages: {error}"));
        loop {
            // Everything that is there at once; else whatever comes first.
            let there = self.consumer.fetch().max_messages(BATCH_MAX).messages().await.map_err(|error| lost(&error))?;
            self.held = collect(there).await.map_err(|error| lost(&error))?;
            if !self.held.is_empty() {
                return Ok(());
            }
            let first = self
                .consumer
                .batch()
                .max_messages(1)
                .expires(ASK_FOR)
                .messages()
                .await
                .map_err(|error| lost(&error))?;
            self.held = collect(first).await.map_err(|error| lost(&error))?;
            if !self.held.is_empty() {
                return Ok(());
            }
        }
    }
}

async fn collect(mut messages: pull::Batch) -> Result<Vec<NatsMessage>, async_nats::Error> {
    let mut held = Vec::new();
    while let Some(message) = messages.next().await {
        held.push(message?);
    }
    Ok(held)
}

fn incoming(message: &NatsMessage) -> Incoming {
    let place =
        message.info().map_or_else(|_| String::new(), |info| format!("{}#{}", info.stream, info.stream_sequence));
    let mut incoming = Incoming { place, body: message.payload.to_vec(), ..Incoming::default() };
    for (name, values) in message.headers.iter().flat_map(async_nats::HeaderMap::iter) {
        let Some(value) = values.last() else { continue };
        let name = name.to_string().to_ascii_lowercase();
        if name == "content-type" {
            incoming.content_type = Some(value.as_str().to_owned());
        } else if let Some(attribute) = name.strip_prefix("ce-") {
            let value = crate::cloudevents::decoded(value.as_str()).unwrap_or_else(|| value.as_str().to_owned());
            incoming.attributes.push((attribute.to_owned(), value));
        }
    }
    incoming
}

#[async_trait]
impl Feed for NatsFeed {
    async fn next(&mut self) -> Result<Vec<Incoming>, Failure> {
        // Taken out: an error, or being dropped half-way, begins anew.
        let mut open = match self.open.take().filter(|open| !open.session.gone.is_cancelled()) {
            Some(open) => open,
            None => self.open().await?,
        };
        let gone = open.session.gone.clone();
        tokio::select! {
            read = open.next() => read?,
            () = gone.cancelled() => return Err(broken()),
        }
        let batch = open.held.iter().map(incoming).collect();
        self.open = Some(open);
        Ok(batch)
    }

    async fn hold(&mut self) {
        for message in self.open.iter().flat_map(|open| &open.held) {
            // One that is not heard of comes again, and is known by then.
            let _ = message.ack_with(AckKind::Progress).await;
        }
    }

    async fn confirm(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        for message in open.held.drain(..) {
            message.ack().await.map_err(|error| unavailable(format!("NATS does not hear our word: {error}")))?;
        }
        open.session.client.flush().await.map_err(|_| broken())
    }
}
