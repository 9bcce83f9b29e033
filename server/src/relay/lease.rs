//! The right of this node to work on lanes, renewed again and again.
//!
//! Two guards: by its own clock a node stops working when it could not renew in time (a hint, it saves double work);
//! and every write of a result checks the token in the database (the guarantee).

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    clock::Clock,
    nudge::Nudge,
    store::{Store, StoreError, rows::Fence},
};

/// How long a lease is good without being renewed, so how long messages of its lanes wait when a node is lost. Others look
/// every third of it: what a lost node did is taken over within 8 s.
pub const TTL: Duration = Duration::from_secs(6);
const RETRY: Duration = Duration::from_millis(250);

pub struct Leases {
    store: Arc<dyn Store>,
    node: Uuid,
    name: String,
    reads_log: bool,
    ttl: Duration,
    held: watch::Sender<Option<Held>>,
    nudge: Nudge,
    clock: Clock,
}

#[derive(Clone)]
struct Held {
    fence: Arc<Fence>,
    /// By this node's own steady clock, counted from before the renewal was asked for.
    until: Duration,
}

impl Leases {
    /// `node` must be new for every start: a restarted process is another node. `name` is for people.
    pub fn new(store: Arc<dyn Store>, node: Uuid, name: String, ttl: Duration, clock: Clock) -> Self {
        Self {
            store,
            node,
            name,
            reads_log: false,
            ttl,
            held: watch::Sender::new(None),
            nudge: Nudge::default(),
            clock,
        }
    }

    /// This node wants to read the log, which has one reader: it gets all lanes, or none.
    #[must_use]
    pub fn for_log(self) -> Self {
        Self { reads_log: true, ..self }
    }

    pub fn node(&self) -> Uuid {
        self.node
    }

    /// The lanes that this node may work on now.
    pub fn fence(&self) -> Option<Arc<Fence>> {
        let held = self.held.borrow();
        held.as_ref().filter(|held| self.clock.steady() < held.until).map(|held| Arc::clone(&held.fence))
    }

    /// Ends when the lanes held change.
    pub async fn changed(&self) {
        let mut held = self.held.subscribe();
        // The sender lives as long as `self`.
        let _ = held.changed().await;
    }

    /// Says that a lease seems to be lost, so that it is looked after at once.
    pub fn doubt(&self) {
        self.nudge.now();
    }

    /// Renews until `shutdown`, then gives everything back.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut failing = false;
        while !shutdown.is_cancelled() {
            let wait = match self.run_once().await {
                Ok(()) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("leases are renewed again");
                    }
                    self.ttl / 3
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "leases cannot be renewed; trying again");
                    }
                    RETRY.min(self.ttl / 3)
                }
            };
            let _ = shutdown.run_until_cancelled(self.nudge.wait(wait)).await;
        }
        if let Err(error) = self.release().await {
            tracing::warn!(%error, "leases were not given back; they expire by themselves");
        }
    }

    pub async fn run_once(&self) -> Result<(), StoreError> {
        let asked = self.clock.steady();
        let ttl_ms = i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX);
        let fence = self.store.renew_leases(self.node, &self.name, ttl_ms, self.reads_log).await?;
        metrics::gauge!("baton_relay_lanes").set(fence.lanes.len() as f64);
        self.held.send_modify(|held| {
            let until = asked + self.ttl;
            match held {
                Some(held) if *held.fence == fence => held.until = until,
                _ => *held = Some(Held { fence: Arc::new(fence), until }),
            }
        });
        Ok(())
    }

    /// Stops working and lets other nodes take over at once.
    pub async fn release(&self) -> Result<(), StoreError> {
        self.held.send_replace(None);
        self.store.release_leases(self.node).await
    }
}
