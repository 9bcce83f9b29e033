//! A running node: everything that acts, put together, started and stopped as one.
//!
//! Nothing listens here; the HTTP server stands in front of [`Node::service`].

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use baton_app::model::About;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    batch::Batches,
    bus::{self, Broker, Bus, Outlet, Status, Subscriber, intake::Intake, memory::MemoryBus},
    changes::Changes,
    cleaner::{self, Cleaner},
    clock::Clock,
    destination::{Deliveries, Directory, HttpSender, Nudges, Sweeper, service as deliveries},
    engine::{Engine, keeper::Keeper, registry::Registry, scheduler::Scheduler},
    nudge::Nudge,
    relay::{self, Leases, LogStatus, Meter, Relay, SlotConfig, SlotWatch, SourceMode},
    service::{HousekeepingView, LogView, Service, SourceView},
    source::{self, Sources, Surroundings},
    store::{self, Store, log::LogError, rows::ENGINE},
};

/// How often definitions published by other nodes are looked for.
const REGISTRY_RELOAD: Duration = Duration::from_secs(5);
/// How often a broker is asked how it is.
const BROKER_CHECK: Duration = Duration::from_secs(3);

pub struct Options {
    pub database_url: String,
    pub store: store::OpenOptions,
    pub relay: relay::Config,
    pub cleaner: cleaner::Config,
    /// Whether destinations may have private addresses.
    pub allow_private: bool,
    pub lease_ttl: Duration,
    /// Who this node is, to people; the same after a restart.
    pub node_name: String,
    pub about: About,
    /// The bus beside the one in this process.
    pub bus: bus::Config,
    /// Further consumers on the in-process bus, beside the engine.
    pub subscribers: Vec<Arc<dyn Subscriber>>,
}

/// A node at work. Dropping it without [`Node::stop`] leaves its leases to expire.
pub struct Node {
    pub service: Arc<Service>,
    pub store: Arc<dyn Store>,
    shutdown: CancellationToken,
    /// The engine stops after everything that hands work to it, and so do the leases.
    engine_shutdown: CancellationToken,
    tasks: TaskTracker,
    engine_tasks: TaskTracker,
}

impl Node {
    /// Opens the database (and brings its tables up to date), reads what is defined, and starts all services.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let broker = bus::broker(&options.bus)?;
        let store = store::open(&options.database_url, options.store).await?;
        let log = store.log(options.relay.log_slot.as_deref());
        let reads_log = options.relay.source == SourceMode::Log;
        if reads_log {
            log.as_ref().ok_or(LogError::NoLog)?.check().await?;
        }
        let registry = Arc::new(Registry::default());
        registry.reload(store.as_ref()).await.context("reading the definitions")?;
        let directory = Arc::new(Directory::load(store.clone()).await.context("reading destinations and routes")?);

        let (changes, clock) = (Arc::new(Changes::default()), Clock::default());
        let (relay_nudge, timer_nudge) = (Nudge::default(), Nudge::default());
        let (engine, runner) =
            Engine::new(store.clone(), registry.clone(), changes.clone(), relay_nudge.clone(), timer_nudge.clone());
        let bus = Arc::new(MemoryBus::default());
        bus.subscribe(Arc::new(engine.clone()));
        for subscriber in options.subscribers {
            bus.subscribe(subscriber);
        }
        let status = Arc::new(Status::default());
        if let Some(broker) = &broker {
            bus.subscribe(Arc::new(Outlet::new(broker.clone(), status.clone())));
        }
        let bus: Arc<dyn Bus> = bus;

        let nudges = Arc::new(Nudges::default());
        let sweeper = Arc::new(Sweeper::new(store.clone(), nudges.clone(), changes.clone()));
        let leases = Leases::new(store.clone(), Uuid::now_v7(), options.node_name, options.lease_ttl, clock.clone());
        let leases = Arc::new(if reads_log { leases.for_log() } else { leases });
        let meter = Arc::new(Meter::default());
        let sender = Arc::new(HttpSender::new(options.allow_private)?);
        let deliveries = Arc::new(Deliveries::new(deliveries::Parts {
            store: store.clone(),
            bus: bus.clone(),
            sender,
            directory: directory.clone(),
            leases: leases.clone(),
            nudges: nudges.clone(),
            sweeper: sweeper.clone(),
            changes: changes.clone(),
            relay_nudge: relay_nudge.clone(),
            bus_retry: options.relay.bus_retry,
            clock: clock.clone(),
        }));
        let log_status = Arc::new(LogStatus::default());
        let lag_max_bytes = options.relay.log_lag_max_bytes;
        let mut relay = Relay::new(
            relay::Parts {
                store: store.clone(),
                bus,
                directory: directory.clone(),
                leases: leases.clone(),
                nudges: nudges.clone(),
                sweeper: sweeper.clone(),
                changes: changes.clone(),
                meter: meter.clone(),
                nudge: relay_nudge.clone(),
                clock: clock.clone(),
            },
            options.relay,
        );
        if let Some(log) = log.clone().filter(|_| reads_log) {
            relay = relay.reading(log, log_status.clone());
        }
        let slot_watch = log.clone().map(|log| SlotWatch {
            log,
            leases: leases.clone(),
            status: log_status.clone(),
            config: SlotConfig { lag_max_bytes, reads_log, ..SlotConfig::default() },
        });
        let scheduler = Scheduler { store: store.clone(), engine: engine.clone(), nudge: timer_nudge };
        let retention = options.cleaner.retention;
        let cleaner = Cleaner::new(store.clone(), options.cleaner);
        let batches =
            Batches { store: store.clone(), engine: engine.clone(), leases: leases.clone(), nudge: Nudge::default() };
        let keeper = Keeper {
            store: store.clone(),
            engine: engine.clone(),
            leases: leases.clone(),
            changes: changes.clone(),
            clock: clock.clone(),
            nudge: nudges.of(ENGINE),
        };
        let surroundings = Surroundings { own_url: options.database_url.clone(), allow_private: options.allow_private };
        let sources = Sources {
            parts: source::intake::Parts {
                store: store.clone(),
                leases: leases.clone(),
                relay: relay_nudge.clone(),
                changes: changes.clone(),
                clock: clock.clone(),
                surroundings: surroundings.clone(),
            },
            nudge: Nudge::default(),
        };
        let service = Arc::new(Service {
            sources: SourceView { nudge: sources.nudge.clone(), surroundings },
            batches: batches.nudge.clone(),
            store: store.clone(),
            engine,
            directory: directory.clone(),
            deliveries: deliveries.clone(),
            changes: changes.clone(),
            relay: relay_nudge.clone(),
            nudges,
            meter,
            allow_private: options.allow_private,
            about: options.about,
            bus_status: broker.is_some().then(|| status.clone()),
            housekeeping: HousekeepingView { retention, status: cleaner.status() },
            log: log.map(|log| LogView { log, status: log_status, wanted: reads_log, lag_max_bytes }),
        });

        let (shutdown, engine_shutdown) = (CancellationToken::new(), CancellationToken::new());
        let (tasks, engine_tasks) = (TaskTracker::new(), TaskTracker::new());
        engine_tasks.spawn(runner.run(engine_shutdown.clone()));
        let stop = || shutdown.clone();
        if let Some(broker) = broker {
            for address in options.bus.subscribe {
                let intake = Intake {
                    broker: broker.clone(),
                    address,
                    store: store.clone(),
                    leases: leases.clone(),
                    relay: relay_nudge.clone(),
                    status: status.clone(),
                    clock: clock.clone(),
                };
                tasks.spawn(intake.run(stop()));
            }
            tasks.spawn(keep_checking(broker, status, stop()));
        }
        // Leases are given back last: what was published under them still has to be written down.
        let token = engine_shutdown.clone();
        engine_tasks.spawn(async move { leases.run(token).await });
        let token = stop();
        tasks.spawn(async move { relay.run(token).await });
        if let Some(watch) = slot_watch {
            let token = stop();
            tasks.spawn(async move { watch.run(token).await });
        }
        let token = stop();
        tasks.spawn(async move { deliveries.run(token).await });
        let token = stop();
        tasks.spawn(async move { sweeper.run(token).await });
        let token = stop();
        tasks.spawn(async move { directory.run(token).await });
        tasks.spawn(scheduler.run(stop()));
        tasks.spawn(batches.run(stop()));
        tasks.spawn(keeper.run(stop()));
        tasks.spawn(sources.run(stop()));
        let token = stop();
        tasks.spawn(async move { cleaner.run(token).await });
        let token = stop();
        tasks.spawn(async move { changes.run(token).await });
        tasks.spawn(keep_reloading(registry, store.clone(), stop()));
        tasks.close();
        engine_tasks.close();
        Ok(Self { service, store, shutdown, engine_shutdown, tasks, engine_tasks })
    }

    /// Finishes what is under way, gives the leases back, and ends everything.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
        self.engine_shutdown.cancel();
        self.engine_tasks.wait().await;
    }
}

async fn keep_reloading(registry: Arc<Registry>, store: Arc<dyn Store>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(tokio::time::sleep(REGISTRY_RELOAD)).await.is_some() {
        if let Err(error) = registry.refresh(store.as_ref()).await {
            tracing::debug!(%error, "the definitions stay as they were");
        }
    }
}

/// Connects to the broker also while nothing is published, so that people see how it is.
async fn keep_checking(broker: Arc<dyn Broker>, status: Arc<Status>, shutdown: CancellationToken) {
    loop {
        match shutdown.run_until_cancelled(broker.check()).await {
            None => return,
            Some(Ok(())) => status.works(),
            Some(Err(failure)) => status.fails(&failure.error),
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(BROKER_CHECK)).await.is_none() {
            return;
        }
    }
}

/// The default name of a node: the host's, and where it listens.
pub fn default_name(listen: &str) -> String {
    let host = std::fs::read_to_string(PathBuf::from("/proc/sys/kernel/hostname")).unwrap_or_default();
    let host = host.trim();
    if host.is_empty() { format!("baton@{listen}") } else { format!("{host}@{listen}") }
}
