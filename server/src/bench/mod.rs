//! `baton bench`: the figures that Baton holds itself to, measured inside the program that runs them.
//!
//! Every figure comes from a whole running [`Node`](crate::node::Node) on a real database; participants are consumers on
//! the in-process bus, and producers are other connections with plain SQL. `cargo xtask bench` starts the databases,
//! adds what can only be seen from outside, and prints the table.

mod crowd;
mod database;
mod process;
mod relay;
mod saga;
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

pub use self::crowd::{Stage, play};
use self::database::Database;
use crate::{
    bus::Subscriber,
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
    /// A tenth of the load, to see that it runs.
    pub quick: bool,
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

    let per_s = relay::drain(url, &database, share(200_000)).await.context("draining")?;
    note(figures, &format!("relay.{name}.drain_per_s"), per_s);

    let seconds = if plan.quick { 3 } else { 15 };
    database.clear().await?;
    let (p50, p99) = relay::latency(url, &database, 200, seconds).await.context("latency")?;
    note(figures, &format!("relay.{name}.latency_ms_p50"), p50);
    note(figures, &format!("relay.{name}.latency_ms_p99"), p99);

    database.clear().await?;
    let processes = process::throughput(url, &database, share(5_000)).await.context("processes")?;
    note(figures, &format!("process.{name}.instances_per_s"), processes.instances_per_s);
    note(figures, &format!("engine.{name}.steps_per_s"), processes.steps_per_s);

    database.clear().await?;
    let (p50, p99) = process::latency(url, database.clone(), 20, seconds).await.context("start to complete")?;
    note(figures, &format!("process.{name}.start_to_complete_ms_p50"), p50);
    note(figures, &format!("process.{name}.start_to_complete_ms_p99"), p99);

    database.clear().await?;
    let per_s = saga::throughput(url, &database, share(5_000)).await.context("sagas")?;
    note(figures, &format!("saga.{name}.instances_per_s"), per_s);

    database.clear().await?;
    database.seed_published(share(1_000_000)).await?;
    let per_s = relay::drain(url, &database, share(200_000)).await.context("draining beside published rows")?;
    note(figures, &format!("relay.{name}.drain_per_s_1m_published"), per_s);
    database.clear().await?;

    // Several programs at a time: that is PostgreSQL's.
    if name == "postgres" {
        let recovery = crowd::recovery(url, &database, share(10_000)).await.context("recovery")?;
        note(figures, &format!("recovery.{name}.first_step_ms"), recovery.first_step_ms);
        note(figures, &format!("recovery.{name}.all_steps_s"), recovery.all_steps_s);
        database.clear().await?;
        let megabytes = crowd::memory(url, share(100_000)).await.context("memory")?;
        note(figures, "memory.rss_mb", megabytes);
        database.clear().await?;
    }
    Ok(())
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
    Node::start(Options {
        database_url: url.to_owned(),
        store: store::OpenOptions::default(),
        relay: relay_service::Config::default(),
        cleaner: cleaner::Config::default(),
        allow_private: false,
        lease_ttl: Duration::from_secs(15),
        node_name: "bench".to_owned(),
        about: About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store: String::new(),
            bus: "memory".to_owned(),
            node: "bench".to_owned(),
            settings: Vec::new(),
        },
        subscribers,
    })
    .await
}
