//! Starts a worker for every destination, and stops it when there is nothing left for it to do.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use baton_app::model::{Breaker, TestReport};
use baton_domain::retry::Policy;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Directory, HttpSender, Nudges, Sweeper, breaker::Breakers, bus_worker::BusWorker, worker::Worker};
use crate::{
    bus::Bus,
    changes::Changes,
    clock::Clock,
    nudge::Nudge,
    relay::Leases,
    store::{
        Store, StoreError,
        rows::{BUS, ENGINE},
    },
};

/// How often destinations without a row, but with deliveries that wait, are looked for.
const POLL: Duration = Duration::from_secs(30);

/// Everything that workers work with.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub sender: Arc<HttpSender>,
    pub directory: Arc<Directory>,
    pub leases: Arc<Leases>,
    pub nudges: Arc<Nudges>,
    pub sweeper: Arc<Sweeper>,
    pub changes: Arc<Changes>,
    /// The relay's: answers of endpoints are new messages.
    pub relay_nudge: Nudge,
    /// How often and when messages are offered again that the bus refused.
    pub bus_retry: Policy,
    pub clock: Clock,
}

/// The workers of all destinations, the bus included.
pub struct Deliveries {
    parts: Arc<Parts>,
    breakers: Breakers,
}

struct Running {
    stop: CancellationToken,
    worker: JoinHandle<()>,
}

impl Deliveries {
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), breakers: Breakers::default() }
    }

    /// Sends a message that says it is a test, now, past every queue. One that is accepted closes the circuit breaker.
    /// `None` when there is no such destination.
    pub async fn test(&self, destination: &str) -> Option<TestReport> {
        let snapshot = self.parts.directory.snapshot();
        let settings = snapshot.endpoint(destination)?.settings.as_ref()?;
        let report = self.parts.sender.test(settings).await;
        if report.accepted && self.breakers.of(destination).lock().close() {
            metrics::gauge!("baton_destination_breaker_open", "destination" => destination.to_owned()).set(0.0);
            self.parts.changes.destinations();
            self.parts.nudges.of(destination).now();
        }
        Some(report)
    }

    /// Has the labels of what waits behind failures looked at.
    pub fn sweep(&self) {
        self.parts.sweeper.nudge().now();
    }

    /// How the circuit breaker of a destination is on this node.
    pub fn breaker(&self, destination: &str) -> Breaker {
        self.breakers.of(destination).lock().view()
    }

    /// Works until `shutdown`, then waits until every worker has written down what it had under way.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut running: HashMap<String, Running> = HashMap::new();
        let bus_stop = shutdown.child_token();
        let bus_worker = tokio::spawn(BusWorker::new(Arc::clone(&self.parts)).run(bus_stop));
        let mut snapshots = self.parts.directory.subscribe();
        loop {
            self.adjust(&mut running, &shutdown).await;
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = snapshots.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        for (_, worker) in running {
            // A worker that panicked has been logged by its task already.
            let _ = worker.worker.await;
        }
        let _ = bus_worker.await;
    }

    async fn adjust(&self, running: &mut HashMap<String, Running>, shutdown: &CancellationToken) {
        let wanted = match self.wanted().await {
            Ok(wanted) => wanted,
            Err(error) => return tracing::warn!(%error, "workers of destinations stay as they are"),
        };
        running.retain(|name, worker| {
            let keep = wanted.contains(name) && !worker.worker.is_finished();
            if !keep {
                worker.stop.cancel();
            }
            keep
        });
        for name in wanted {
            running.entry(name).or_insert_with_key(|name| {
                let stop = shutdown.child_token();
                let worker = Worker::new(Arc::clone(&self.parts), name.clone(), self.breakers.of(name));
                Running { worker: tokio::spawn(worker.run(stop.clone())), stop }
            });
        }
        // Settings may have changed: paused, resumed, another URL.
        self.parts.nudges.all();
    }

    /// Every destination there is, and those that are gone but still have deliveries (their worker says so, once each).
    async fn wanted(&self) -> Result<BTreeSet<String>, StoreError> {
        let snapshot = self.parts.directory.snapshot();
        let open = self.parts.store.count_deliveries().await?;
        let waiting = open.into_iter().filter(|counts| counts.queued + counts.retrying > 0);
        let mut wanted: BTreeSet<String> = waiting.map(|counts| counts.destination).collect();
        wanted.extend(snapshot.names().map(str::to_owned));
        wanted.remove(BUS);
        // The engine looks after its own.
        wanted.remove(ENGINE);
        Ok(wanted)
    }
}
