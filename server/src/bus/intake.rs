//! Takes in what other systems publish: from a broker into the inbox and the outbox, in one transaction, then confirmed.
//!
//! From the outbox it takes the way of every message: order per key, the engine, routes. One node at a time takes in (the
//! one that holds lane 0), so order holds over several nodes too. What cannot be read becomes a failed message of its own
//! (see [`super::reading`]).

use std::{sync::Arc, time::Duration};

use baton_domain::message::Message;
use tokio_util::sync::CancellationToken;

use super::{
    Broker, Feed, Status,
    broker::Incoming,
    reading::{Address, read, unreadable},
};
use crate::{
    clock::Clock,
    nudge::Nudge,
    relay::{Leases, Pace},
    store::{Store, StoreError},
    take_in::take_in,
};

/// How often the broker hears that we are still at work.
const HOLD_EVERY: Duration = Duration::from_secs(3);
/// The lane whose holder takes in.
const LANE: u16 = 0;
/// How long to wait before looking again whether the lane is ours.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const IDLE_MAX: Duration = Duration::from_secs(1);

/// Takes in from one address.
pub struct Intake {
    pub broker: Arc<dyn Broker>,
    pub address: String,
    pub store: Arc<dyn Store>,
    pub leases: Arc<Leases>,
    pub relay: Nudge,
    pub status: Arc<Status>,
    pub clock: Clock,
}

impl Intake {
    /// Works until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut pace = Pace::new(IDLE_MAX);
        while !shutdown.is_cancelled() {
            if !self.is_ours() {
                let _ = shutdown.run_until_cancelled(tokio::time::timeout(LOOK_AGAIN, self.leases.changed())).await;
                continue;
            }
            let mut feed = self.broker.feed(&self.address);
            let ended = shutdown.run_until_cancelled(self.take_all(feed.as_mut(), &mut pace)).await;
            let Some(Err(error)) = ended else { continue };
            self.status.fails(&format!("Taking in from `{}`: {error}", self.address));
            let (wait, _) = pace.failed();
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }

    fn is_ours(&self) -> bool {
        self.leases.fence().is_some_and(|fence| fence.lanes.contains(&LANE))
    }

    /// Ends with an error, or when the lane is not ours any more.
    async fn take_all(&self, feed: &mut dyn Feed, pace: &mut Pace) -> Result<(), String> {
        loop {
            let next = async { feed.next().await.map_err(|failure| failure.error) };
            let batch = tokio::select! {
                batch = next => batch?,
                () = self.lost() => return Ok(()),
            };
            self.status.works();
            pace.worked();
            if !self.take(feed, batch).await {
                return Ok(());
            }
            feed.confirm().await.map_err(|failure| failure.error)?;
        }
    }

    async fn lost(&self) {
        while self.is_ours() {
            // A lease that runs out changes nothing that one could hear of.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.leases.changed()).await;
        }
    }

    /// Stores a batch, however long the database is away; `false` when the lane was lost meanwhile, and nothing of it may
    /// be confirmed.
    async fn take(&self, feed: &mut dyn Feed, batch: Vec<Incoming>) -> bool {
        let address = Address { bus: self.broker.name(), name: &self.address };
        let (now, count) = (self.clock.now(), batch.len());
        let messages: Vec<Vec<Message>> = batch.iter().map(|incoming| read(&address, incoming, now)).collect();
        let mut pace = Pace::new(IDLE_MAX);
        loop {
            let error = match self.store(&address, &batch, &messages).await {
                Ok(fresh) => {
                    let name = self.address.clone();
                    metrics::counter!("baton_bus_received_total", "address" => name.clone()).increment(count as u64);
                    let all: usize = messages.iter().map(Vec::len).sum();
                    let known = all.saturating_sub(fresh) as u64;
                    metrics::counter!("baton_bus_received_duplicates_total", "address" => name).increment(known);
                    if fresh > 0 {
                        self.relay.now();
                    }
                    return true;
                }
                Err(error) => error,
            };
            let (wait, first) = pace.failed();
            if first {
                tracing::warn!(%error, messages = count, "what came in from the bus waits for the database");
            }
            tokio::time::sleep(wait.min(HOLD_EVERY)).await;
            feed.hold().await;
            if !self.is_ours() {
                return false;
            }
        }
    }

    /// Returns how many were new.
    async fn store(
        &self,
        address: &Address<'_>,
        batch: &[Incoming],
        messages: &[Vec<Message>],
    ) -> Result<usize, StoreError> {
        let instead = |index: usize, why: &str| unreadable(address, &batch[index], why, self.clock.now());
        take_in(self.store.as_ref(), &consumer(address), messages, instead).await.map(|fresh| fresh.len())
    }
}

/// The name in the inbox.
fn consumer(address: &Address<'_>) -> String {
    format!("{}:{}", address.bus, address.name)
}
