//! `baton bench`: the figures that Baton holds itself to, measured inside the program that runs them.
//!
//! Every figure comes from a whole running [`Node`](crate::node::Node) on a real database; participants are consumers on
//! the in-process bus, and producers are other connections with plain SQL. `cargo xtask bench` starts the databases,
//! adds what can only be seen from outside, and prints the table.

mod brokers;
mod crowd;
mod database;
mod http;
mod process;
mod relay;
mod saga;
mod soak;
mod subscribers;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use baton_app::model::About;
use serde_json::{Value, json};

use self::database::Database;
pub use self::{
    crowd::{Stage, play},
    soak::{Soak, run as soak},
};
use crate::{
    bus::{self, BusTarget, Subscriber},
    cleaner,
    node::{Node, Options},
    relay as relay_service, store,
};

/// Flat keys and their values.
pub type Figures = BTreeMap<String, Value>;

#[derive(Debug, Clone)]
pub struct Plan {
    /// An empty database of a PostgreSQL that may be filled.
    pub postgres_url: Option<String>,
    /// A folder for SQLite files.
    pub sqlite_folder: Option<PathBuf>,
    /// Addresses of brokers that may be filled, as `BATON_BUS_URL` has them.
    pub bus_urls: Vec<String>,
    /// A tenth of the load, to see that it runs.
    pub quick: bool,
    /// Only what yields a figure whose key contains this.
    pub only: Option<String>,
}

impl Plan {
    /// Whether one of these figures is asked for.
    fn wants(&self, keys: &[String]) -> bool {
        self.only.as_ref().is_none_or(|only| keys.iter().any(|key| key.contains(only)))
    }
}

/// Measures everything, one thing after the other.
pub async fn run(plan: &Plan) -> anyhow::Result<Figures> {
    let share = |count: usize| if plan.quick { count / 10 } else { count };
    let mut figures = Figures::new();
    figures.insert("setting.drain_messages".into(), json!(share(200_000)));
    figures.insert("setting.relay_batch".into(), json!(relay_service::Config::default().batch));
    figures.insert("setting.process_instances".into(), json!(share(5_000)));
    figures.insert("setting.saga_instances".into(), json!(share(5_000)));
    figures.insert("setting.recovery_instances".into(), json!(share(10_000)));
    figures.insert("setting.waiting_instances".into(), json!(share(100_000)));
    if let Some(url) = &plan.postgres_url {
        measure(&mut figures, "postgres", url, plan, &share).await.context("measuring on PostgreSQL")?;
    }
    if let Some(folder) = &plan.sqlite_folder {
        let url = sqlite_url(folder);
        measure(&mut figures, "sqlite", &url, plan, &share).await.context("measuring on SQLite")?;
    }
    Ok(figures)
}

async fn measure(
    figures: &mut Figures,
    name: &str,
    url: &str,
    plan: &Plan,
    share: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    // Makes the tables.
    drop(store::open(url, store::OpenOptions::default()).await?);
    let database = Arc::new(Database::connect(url).await?);

    let seconds = if plan.quick { 3 } else { 15 };
    let drain = format!("relay.{name}.drain_per_s");
    if plan.wants(std::slice::from_ref(&drain)) {
        note(figures, &drain, relay::drain(url, &database, share(200_000)).await.context("draining")?);
        database.clear().await?;
    }

    let keys = percentiles(&format!("relay.{name}.latency_ms"));
    if plan.wants(&keys) {
        let measured = relay::latency(url, &database, 200, seconds).await.context("latency")?;
        note_both(figures, &keys, measured);
        database.clear().await?;
    }

    let keys = [format!("process.{name}.instances_per_s"), format!("engine.{name}.steps_per_s")];
    if plan.wants(&keys) {
        let processes = process::throughput(url, &database, share(5_000)).await.context("processes")?;
        note_both(figures, &keys, (processes.instances_per_s, processes.steps_per_s));
        database.clear().await?;
    }

    let keys = percentiles(&format!("process.{name}.start_to_complete_ms"));
    if plan.wants(&keys) {
        let measured = process::latency(url, database.clone(), 20, seconds).await.context("start to complete")?;
        note_both(figures, &keys, measured);
        database.clear().await?;
    }

    let saga = format!("saga.{name}.instances_per_s");
    if plan.wants(std::slice::from_ref(&saga)) {
        note(figures, &saga, saga::throughput(url, &database, share(5_000)).await.context("sagas")?);
        database.clear().await?;
    }

    let beside = format!("relay.{name}.drain_per_s_1m_published");
    if plan.wants(std::slice::from_ref(&beside)) {
        database.seed_published(share(1_000_000)).await?;
        let per_s = relay::drain(url, &database, share(200_000)).await.context("draining beside published rows")?;
        note(figures, &beside, per_s);
        database.clear().await?;
    }

    // Several programs at a time, and a log to read: that is PostgreSQL's.
    if name == "postgres" {
        measure_company(figures, url, plan, &database, share).await?;
        measure_log(figures, url, plan, &database, share).await?;
        measure_http(figures, url, plan, &database, share).await?;
        measure_brokers(figures, url, plan, &database, share).await?;
        measure_crowds(figures, name, url, plan, &database, share).await?;
    }
    Ok(())
}

/// Beside others: somebody who looks at the database as it was, and two more nodes.
async fn measure_company(
    figures: &mut Figures,
    url: &str,
    plan: &Plan,
    database: &Database,
    share: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    let held = "relay.postgres.drain_per_s_xmin_held".to_owned();
    if plan.wants(std::slice::from_ref(&held)) {
        let per_s = relay::drain_beside_idle_transaction(url, database, share(200_000)).await;
        note(figures, &held, per_s.context("draining beside an idle transaction")?);
        database.clear().await?;
    }
    let three = "relay.postgres.nodes3_drain_per_s".to_owned();
    if plan.wants(std::slice::from_ref(&three)) {
        let per_s = crowd::drain_by_nodes(3, url, database, share(200_000)).await;
        note(figures, &three, per_s.context("draining by three nodes")?);
        database.clear().await?;
    }
    Ok(())
}

/// To an HTTP endpoint.
async fn measure_http(
    figures: &mut Figures,
    url: &str,
    plan: &Plan,
    database: &Database,
    share: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    let key = "relay.http.per_s".to_owned();
    if plan.wants(std::slice::from_ref(&key)) {
        note(figures, &key, http::per_s(url, database, share(50_000)).await.context("sending to an endpoint")?);
        database.clear().await?;
    }
    Ok(())
}

/// With the log as the relay's source.
async fn measure_log(
    figures: &mut Figures,
    url: &str,
    plan: &Plan,
    database: &Database,
    share: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    let drain = "relay.postgres.logical_drain_per_s".to_owned();
    if plan.wants(std::slice::from_ref(&drain)) {
        let per_s = relay::logical_drain(url, database, share(200_000)).await.context("draining the log")?;
        note(figures, &drain, per_s);
        database.clear().await?;
        database.forget_log().await?;
    }
    let keys = ["p50", "p99"].map(|percent| format!("relay.postgres.latency_ms_{percent}_push"));
    if plan.wants(&keys) {
        let seconds = if plan.quick { 3 } else { 15 };
        let measured = relay::latency_by_log(url, database, 200, seconds).await.context("latency by the log")?;
        note_both(figures, &keys, measured);
        database.clear().await?;
        database.forget_log().await?;
    }
    Ok(())
}

/// Over each broker that there is. Kafka is played by its client: what is measured is our side of it.
async fn measure_brokers(
    figures: &mut Figures,
    url: &str,
    plan: &Plan,
    database: &Database,
    share: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    let mut urls = plan.bus_urls.clone();
    let kafka = brokers::MockKafka::start()?;
    urls.extend(kafka.url());
    for url_of_bus in urls {
        let target = BusTarget::parse(&url_of_bus).map_err(anyhow::Error::msg)?;
        let key = format!("relay.{}.per_s", brokers::name(&target));
        if plan.wants(std::slice::from_ref(&key)) {
            let per_s = brokers::drain(url, database, target, share(100_000)).await;
            note(figures, &key, per_s.with_context(|| key.clone())?);
            database.clear().await?;
        }
    }
    Ok(())
}

/// What needs programs of its own.
async fn measure_crowds(
    figures: &mut Figures,
    name: &str,
    url: &str,
    plan: &Plan,
    database: &Database,
    share: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    let keys = [format!("recovery.{name}.first_step_ms"), format!("recovery.{name}.all_steps_s")];
    if plan.wants(&keys) {
        let recovery = crowd::recovery(url, database, share(10_000)).await.context("recovery")?;
        note_both(figures, &keys, (recovery.first_step_ms, recovery.all_steps_s));
        database.clear().await?;
    }
    let memory = "memory.rss_mb".to_owned();
    if plan.wants(std::slice::from_ref(&memory)) {
        note(figures, &memory, crowd::memory(url, share(100_000)).await.context("memory")?);
        database.clear().await?;
    }
    Ok(())
}

fn percentiles(of: &str) -> [String; 2] {
    [format!("{of}_p50"), format!("{of}_p99")]
}

fn note_both(figures: &mut Figures, [first, second]: &[String; 2], (a, b): (f64, f64)) {
    note(figures, first, a);
    note(figures, second, b);
}

fn note(figures: &mut Figures, key: &str, value: f64) {
    eprintln!("  {key:<44} {value:>12.2}");
    figures.insert(key.to_owned(), json!((value * 100.0).round() / 100.0));
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("bench.db").display())
}

/// A node on `url` with these consumers beside the engine.
async fn start(url: &str, subscribers: Vec<Arc<dyn Subscriber>>) -> anyhow::Result<Node> {
    start_on(url, subscribers, bus::Config::memory()).await
}

/// The same under another name, as one of several.
async fn start_named(name: &str, url: &str, subscribers: Vec<Arc<dyn Subscriber>>) -> anyhow::Result<Node> {
    start_as(
        name,
        url,
        subscribers,
        bus::Config::memory(),
        relay_service::Config::default(),
        cleaner::Config::default(),
    )
    .await
}

/// The same, reading the database's log.
async fn start_reading_log(url: &str, subscribers: Vec<Arc<dyn Subscriber>>) -> anyhow::Result<Node> {
    let relay = relay_service::Config { source: relay_service::SourceMode::Log, ..relay_service::Config::default() };
    start_as("bench", url, subscribers, bus::Config::memory(), relay, cleaner::Config::default()).await
}

/// The same with a broker.
async fn start_on(url: &str, subscribers: Vec<Arc<dyn Subscriber>>, bus: bus::Config) -> anyhow::Result<Node> {
    start_as("bench", url, subscribers, bus, relay_service::Config::default(), cleaner::Config::default()).await
}

async fn start_as(
    name: &str,
    url: &str,
    subscribers: Vec<Arc<dyn Subscriber>>,
    bus: bus::Config,
    relay: relay_service::Config,
    cleaner: cleaner::Config,
) -> anyhow::Result<Node> {
    Node::start(Options {
        database_url: url.to_owned(),
        store: store::OpenOptions::default(),
        relay,
        cleaner,
        // The endpoint that is measured is on loopback.
        allow_private: true,
        lease_ttl: Duration::from_secs(15),
        node_name: name.to_owned(),
        about: About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store: String::new(),
            bus: "memory".to_owned(),
            bus_condition: None,
            log: None,
            node: name.to_owned(),
            settings: Vec::new(),
        },
        bus,
        subscribers,
    })
    .await
}
