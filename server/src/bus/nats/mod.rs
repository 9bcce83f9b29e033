//! NATS JetStream.
//!
//! Messages go to the subjects `PREFIX.<kind>.<aggregate type>.<type>` of one stream, as CloudEvents in the binary mode of
//! the NATS binding, with their id as `Nats-Msg-Id`: within the stream's duplicate window a repeat is stored once. What
//! comes in is read by a durable consumer.
//!
//! What to read next: [`session`] (one connection), [`stream`] (what must be there), [`feed`] (what comes in).

mod feed;
mod session;
mod stream;

use std::sync::Arc;

use async_nats::{
    HeaderMap,
    jetstream::{self, ErrorCode, context::PublishErrorKind, message::PublishMessage},
};
use async_trait::async_trait;
use baton_domain::message::Message;
use tokio::sync::Mutex;

use self::session::Session;
use super::{
    Broker, Bus, Feed, chains, failure,
    naming::{overlap, routing_key},
    target::BusTarget,
    unavailable,
};
use crate::{cloudevents, store::rows::Failure};

const NAME: &str = "nats";

/// A NATS server or cluster.
pub struct Nats {
    shared: Arc<Shared>,
}

/// What the bus and its feeds have in common.
struct Shared {
    target: BusTarget,
    prefix: String,
    session: Mutex<Option<Arc<Session>>>,
}

impl Nats {
    /// Nothing is connected before it is needed. `subscriptions` must not select what is published here.
    pub fn new(target: BusTarget, prefix: String, subscriptions: &[String]) -> anyhow::Result<Self> {
        let own = format!("{prefix}.>");
        for subject in subscriptions {
            anyhow::ensure!(
                !overlap(subject, &own),
                "BATON_BUS_SUBSCRIBE has `{subject}`, which selects what Baton itself publishes under `{own}`: messages \
                 would go round. Let the others publish elsewhere, or set another BATON_BUS_PREFIX"
            );
            anyhow::ensure!(
                !subject.is_empty() && subject.split('.').all(|word| !word.is_empty()) && !subject.contains(' '),
                "BATON_BUS_SUBSCRIBE has `{subject}`, which is no NATS subject such as orders.>"
            );
        }
        Ok(Self { shared: Arc::new(Shared { target, prefix, session: Mutex::default() }) })
    }
}

impl Shared {
    /// The connection there is, or a new one with the stream looked after.
    async fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut kept = self.session.lock().await;
        if let Some(session) = kept.as_ref().filter(|session| !session.gone.is_cancelled()) {
            return Ok(Arc::clone(session));
        }
        *kept = None;
        let session = Session::open(&self.target).await?;
        stream::ensure(&session.jetstream, &self.prefix).await?;
        let session = Arc::new(session);
        *kept = Some(Arc::clone(&session));
        Ok(session)
    }
}

#[async_trait]
impl Bus for Nats {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let session = match self.shared.session().await {
            Ok(session) => session,
            Err(failure) => return vec![Err(failure); messages.len()],
        };
        let (session, prefix) = (&session, &self.shared.prefix);
        chains::publish(messages, |message| async move { send(session, prefix, &message).await }).await
    }
}

#[async_trait]
impl Broker for Nats {
    async fn check(&self) -> Result<(), Failure> {
        self.shared.session().await.map(drop)
    }

    fn feed(&self, address: &str) -> Box<dyn Feed> {
        Box::new(feed::NatsFeed::new(Arc::clone(&self.shared), address.to_owned()))
    }
}

/// Returns when the stream has stored the message.
async fn send(session: &Session, prefix: &str, message: &Message) -> Result<(), Failure> {
    let subject = format!("{prefix}.{}", routing_key(message));
    let (attributes, body) = cloudevents::to_binary(message);
    let mut headers = HeaderMap::new();
    for (name, value) in &attributes {
        headers.insert(name.as_str(), value.to_str().unwrap_or_default());
    }
    let bytes = body.len();
    let publish = PublishMessage::build()
        .payload(body.into())
        .headers(headers)
        .message_id(message.id.to_string())
        .expected_stream(stream::name(prefix));
    let mut denied = session.denied.subscribe();
    let acknowledged = async { session.jetstream.send_publish(subject.clone(), publish).await?.await };
    let refused = async {
        while let Ok(refused) = denied.recv().await {
            if refused == subject {
                return;
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        acknowledged = acknowledged => acknowledged.map(drop).map_err(|error| classify(session, &error, bytes)),
        () = session.gone.cancelled() => Err(unavailable("The connection to NATS broke.")),
        () = refused => Err(failure("unauthorised", format!(
            "NATS does not let this user publish to `{subject}`. Allow `{prefix}.>` in the user's permissions, then retry."
        ))),
    }
}

fn classify(session: &Session, error: &jetstream::context::PublishError, bytes: usize) -> Failure {
    let said = std::error::Error::source(error).and_then(|source| source.downcast_ref::<jetstream::Error>());
    match (error.kind(), said) {
        (PublishErrorKind::MaxPayloadExceeded, _) => too_large(bytes, "the server's max_payload"),
        (_, Some(said)) => match said.error_code() {
            ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => too_large(bytes, "the stream's maximum message size"),
            ErrorCode::STREAM_STORE_FAILED if said.to_string().contains("per subject") => failure(
                "full",
                format!(
                    "The stream has no room for this subject ({said}). Raise its limit or purge the subject, then retry."
                ),
            ),
            ErrorCode::STREAM_STORE_FAILED
            | ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED
            | ErrorCode::MEMORY_RESOURCES_EXCEEDED => unavailable(format!(
                "NATS has no room ({said}). Raise the limits of the stream or the account, or let consumers catch up; \
                 publishing goes on by itself."
            )),
            ErrorCode::STREAM_NOT_MATCH => {
                session.gone.cancel();
                unavailable(
                    "Another stream takes these subjects. Remove them from it, or set another BATON_BUS_PREFIX.",
                )
            }
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                unavailable("NATS runs without JetStream (for this account). Start it with -js, or enable it.")
            }
            _ => failure("refused", format!("NATS refused the message: {said}")),
        },
        (kind, None) => {
            // Whatever it was, a new connection finds out, and looks after the stream.
            session.gone.cancel();
            match kind {
                PublishErrorKind::StreamNotFound => unavailable("No stream takes the message; it is made again."),
                PublishErrorKind::TimedOut => unavailable("NATS did not acknowledge in time."),
                _ => unavailable(format!("NATS did not take the message: {error}")),
            }
        }
    }
}

fn too_large(bytes: usize, limit: &str) -> Failure {
    failure(
        "too-large",
        format!(
            "The payload has {bytes} bytes, more than NATS takes at a time. Raise {limit}, or put the data elsewhere and send \
             a reference; then retry or discard."
        ),
    )
}
