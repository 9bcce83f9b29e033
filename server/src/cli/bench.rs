//! `baton bench`: measures, and writes the figures as one flat JSON object.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::bench::{self, Plan, Soak, Stage};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Where the figures go; `-` is standard output
    #[arg(long, default_value = "-", value_name = "FILE")]
    json: PathBuf,
    /// An empty database of a PostgreSQL that may be filled
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// A folder for SQLite files
    #[arg(long, value_name = "FOLDER")]
    sqlite: Option<PathBuf>,
    /// A broker that may be filled, as BATON_BUS_URL has it; may be given several times
    #[arg(long = "bus", value_name = "URL")]
    buses: Vec<String>,
    /// A tenth of the load, to see that it runs
    #[arg(long)]
    quick: bool,
    /// Measure only what yields a figure whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Nothing but a long load on PostgreSQL beside the cleaner, for so many seconds
    #[arg(long, value_name = "SECONDS", requires = "postgres")]
    soak_seconds: Option<u32>,
    /// How many messages a second that load has
    #[arg(long, value_name = "N", default_value = "1000")]
    soak_per_s: u32,
    /// Play a part for a measurement that needs a program of its own
    #[arg(long, hide = true, requires = "postgres", requires = "count")]
    stage: Option<Stage>,
    #[arg(long, hide = true)]
    count: Option<usize>,
}

pub async fn run(
    Arguments { json, postgres, sqlite, buses, quick, only, soak_seconds, soak_per_s, stage, count }: Arguments,
) -> anyhow::Result<()> {
    if let (Some(stage), Some(url), Some(count)) = (stage, &postgres, count) {
        return bench::play(stage, url, count).await;
    }
    let figures = match (soak_seconds, &postgres) {
        (Some(seconds), Some(url)) => bench::soak(url, Soak { seconds, per_s: soak_per_s }).await?,
        _ => {
            let plan = Plan { postgres_url: postgres, sqlite_folder: sqlite, bus_urls: buses, quick, only };
            bench::run(&plan).await?
        }
    };
    let figures = serde_json::to_string_pretty(&figures)?;
    if json.as_os_str() == "-" {
        println!("{figures}");
        return Ok(());
    }
    std::fs::write(&json, figures).with_context(|| format!("cannot write {}", json.display()))
}
