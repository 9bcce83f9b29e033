//! RabbitMQ, over AMQP 0-9-1.
//!
//! Messages go to one durable topic exchange named by the prefix, with `<kind>.<aggregate type>.<type>` as the routing key,
//! persistent, as CloudEvents in binary mode. Queues are for those who want them to declare and bind: a message that no
//! queue takes is returned, and that is a failure. What comes in is read from queues, confirmed after it was stored.
//!
//! What to read next: [`session`] (one connection), [`wave`] (how order is kept), [`feed`] (what comes in).

mod feed;
mod session;
mod wave;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use baton_domain::message::Message;
use tokio::sync::Mutex;

use self::{
    session::Session,
    wave::{Sent, waves},
};
use super::{Broker, Bus, Feed, behind_failure, failure, target::BusTarget};
use crate::store::rows::Failure;

const NAME: &str = "rabbitmq";
/// How often one call begins anew because a message was larger than the broker said it takes.
const SIZES_LEARNT_MAX: u32 = 8;

/// A RabbitMQ server or cluster.
pub struct RabbitMq {
    shared: Arc<Shared>,
    /// One call at a time: a message that is returned is told from its neighbours only at the end of a wave.
    publisher: Mutex<Option<Session>>,
    /// The largest body that the broker takes, as far as it has said so: it closes the channel over one that is larger.
    body_bytes_max: AtomicUsize,
}

struct Shared {
    target: BusTarget,
    exchange: String,
}

impl RabbitMq {
    /// Nothing is connected before it is needed.
    pub fn new(target: BusTarget, exchange: String, queues: &[String]) -> anyhow::Result<Self> {
        for queue in queues {
            anyhow::ensure!(
                !queue.is_empty() && queue.len() <= 255,
                "BATON_BUS_SUBSCRIBE has `{queue}`, which is no name of a queue (1 to 255 bytes)"
            );
        }
        let shared = Arc::new(Shared { target, exchange });
        Ok(Self { shared, publisher: Mutex::default(), body_bytes_max: AtomicUsize::new(usize::MAX) })
    }

    /// One wave: at most one message of each key. What was neither stored nor refused is left for another try.
    async fn send(&self, kept: &mut Option<Session>, wave: &[&Arc<Message>]) -> Attempt {
        let session = match session(kept, &self.shared).await {
            Ok(session) => session,
            Err(failure) => return Attempt { results: vec![Some(Err(failure)); wave.len()], alone: false },
        };
        let body_bytes_max = self.body_bytes_max.load(Ordering::Relaxed);
        let Sent { results, broke } = wave::send(session, &self.shared.exchange, wave, body_bytes_max).await;
        let Some(broke) = broke else { return Attempt { results, alone: false } };
        *kept = None;
        let is_alone = wave.len() == 1;
        let (unknown, alone) = match (session::too_large(&broke), session::not_allowed(&broke)) {
            (Some(bytes_max), _) if bytes_max < body_bytes_max => {
                self.body_bytes_max.store(bytes_max, Ordering::Relaxed);
                (None, false)
            }
            // It does not say over which one it closed the channel.
            (None, Some(_)) if !is_alone => (None, true),
            (None, Some(text)) => (Some(Err(unauthorised(&text))), false),
            _ => (Some(Err(session::classify(&broke))), false),
        };
        Attempt { results: results.into_iter().map(|result| result.or_else(|| unknown.clone())).collect(), alone }
    }
}

/// What became of a wave that was sent.
struct Attempt {
    /// `None`: nobody knows, and it has to be sent again.
    results: Vec<Option<Result<(), Failure>>>,
    /// One of those may not be published, and which one is found out by sending each by itself.
    alone: bool,
}

fn unauthorised(text: &str) -> Failure {
    failure(
        "unauthorised",
        format!(
            "RabbitMQ does not let this user publish the message: {text}. Give it the permission (`rabbitmqctl \
             set_permissions`, `set_topic_permissions`), then retry."
        ),
    )
}

/// The connection there is, or a new one.
async fn session<'a>(kept: &'a mut Option<Session>, shared: &Shared) -> Result<&'a Session, Failure> {
    if kept.as_ref().is_none_or(|session| !session.works()) {
        *kept = None;
        *kept = Some(Session::open(&shared.target, &shared.exchange).await?);
    }
    kept.as_ref().ok_or_else(|| super::unavailable("There is no connection to RabbitMQ."))
}

#[async_trait]
impl Bus for RabbitMq {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let mut kept = self.publisher.lock().await;
        let mut results: Vec<Result<(), Failure>> = vec![Err(behind_failure()); messages.len()];
        let mut failed = std::collections::HashSet::new();
        for wave in waves(messages) {
            let mut left: Vec<usize> =
                wave.into_iter().filter(|index| !failed.contains(&messages[*index].key)).collect();
            let mut alone = false;
            let mut rounds = 0;
            while !left.is_empty() && (alone || rounds <= SIZES_LEARNT_MAX) {
                let others = if alone { left.split_off(1) } else { Vec::new() };
                let batch: Vec<&Arc<Message>> = left.iter().map(|index| &messages[*index]).collect();
                let attempt = self.send(&mut kept, &batch).await;
                (alone, rounds) = (alone | attempt.alone, rounds + 1);
                let mut again = Vec::new();
                for (index, result) in left.into_iter().zip(attempt.results) {
                    match result {
                        Some(result) => results[index] = result,
                        None => again.push(index),
                    }
                    if results[index].is_err() {
                        failed.insert(&messages[index].key);
                    }
                }
                for index in &again {
                    failed.remove(&messages[*index].key);
                }
                left = [again, others].concat();
                alone &= rounds <= messages.len() as u32 * 2;
            }
            for index in left {
                results[index] =
                    Err(failure("refused", "RabbitMQ closes the channel over this message again and again."));
                failed.insert(&messages[index].key);
            }
        }
        results
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn check(&self) -> Result<(), Failure> {
        // While somebody publishes, that tells.
        let Ok(mut kept) = self.publisher.try_lock() else { return Ok(()) };
        session(&mut kept, &self.shared).await?.check()
    }

    fn feed(&self, address: &str) -> Box<dyn Feed> {
        Box::new(feed::RabbitFeed::new(Arc::clone(&self.shared), address.to_owned()))
    }
}
