//! `cargo xtask bench`: the figures, each with the settings that it was measured with.
//!
//! The load runs inside the program that it measures (`baton bench`), against a PostgreSQL that is started here with
//! fsync on and a SQLite file on the same disk. What can only be seen from outside, the cost of idling and the size of
//! what the browser loads, is measured here. The result is flat: `relay.postgres.drain_per_s`, `setting.cores`, …

mod designer;
mod idle;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use baton_testkit::{Durability, Nats, Postgres, RabbitMq};
use serde_json::{Value, json};

use crate::{command::output, dist};

/// Flat keys and their values, in alphabetical order.
type Figures = BTreeMap<String, Value>;

/// Measures, prints a table, and writes the same as JSON. With `soak_minutes` only a load of that length is measured.
pub fn run(json_file: Option<&Path>, soak_minutes: Option<u32>, arguments: &[String]) -> Result<()> {
    let (program, site) = dist::build()?;

    let folder = env::temp_dir().join(format!("baton-bench-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
    let measured = match soak_minutes {
        Some(minutes) => soak(&program, &folder, minutes, arguments),
        None => measure(&program, &site, &folder, arguments),
    };
    fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;

    let figures = measured?;
    print(&figures);
    if let Some(file) = json_file {
        let text = serde_json::to_string_pretty(&figures).context("write the figures as JSON")?;
        fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

fn measure(program: &Path, site: &Path, folder: &Path, arguments: &[String]) -> Result<Figures> {
    let postgres = Postgres::start(Durability::Durable)?;
    let mut figures = settings::settings(&postgres, folder)?;
    figures.extend(sizes(site)?);
    eprintln!("xtask: measuring what idling costs");
    figures.extend(idle::measure(program, site, &postgres, folder)?);
    eprintln!("xtask: measuring the canvas");
    figures.extend(designer::measure(program, site, folder)?);
    eprintln!("xtask: measuring under load");
    let (nats, rabbitmq) = (Nats::start("")?, RabbitMq::start("")?);
    let buses = [nats.url(), rabbitmq.url()];
    figures.extend(under_load(program, &postgres.fresh_database()?, folder, &buses, arguments)?);
    Ok(figures)
}

fn soak(program: &Path, folder: &Path, minutes: u32, arguments: &[String]) -> Result<Figures> {
    let postgres = Postgres::start(Durability::Durable)?;
    let mut figures = settings::settings(&postgres, folder)?;
    let seconds = (minutes * 60).to_string();
    let mut command = Command::new(program);
    command.args(["bench", "--json", "-", "--postgres", &postgres.fresh_database()?]);
    command.args(["--soak-seconds", &seconds]).args(arguments);
    figures.extend(figures_of(&mut command)?);
    Ok(figures)
}

/// `baton bench` prints its figures on standard output, as one flat JSON object; its progress goes to standard error.
fn under_load(
    program: &Path,
    postgres_url: &str,
    folder: &Path,
    buses: &[String],
    arguments: &[String],
) -> Result<Figures> {
    let mut command = Command::new(program);
    command.args(["bench", "--json", "-", "--postgres", postgres_url, "--sqlite"]).arg(folder);
    command.args(buses.iter().flat_map(|url| ["--bus", url])).args(arguments);
    figures_of(&mut command)
}

fn figures_of(command: &mut Command) -> Result<Figures> {
    let text = output(command.stderr(std::process::Stdio::inherit()))?;
    let figures: Figures = serde_json::from_str(&text).context("read the figures of baton bench")?;
    ensure!(figures.values().all(|value| !value.is_object() && !value.is_array()), "figures are flat");
    Ok(figures)
}

/// What a browser loads at its first visit, compressed as the server sends it.
fn sizes(site: &Path) -> Result<Figures> {
    let bytes = |name: &str| {
        let file = site.join("pkg").join(name);
        fs::metadata(&file).map(|metadata| metadata.len()).with_context(|| format!("look at {}", file.display()))
    };
    let (wasm, script, style) = (bytes("baton_bg.wasm.br")?, bytes("baton.js.br")?, bytes("baton.css.br")?);
    let manifest = site.join("pkg/__wasm_split_manifest.json");
    let text = fs::read(&manifest).with_context(|| format!("read {}", manifest.display()))?;
    let parts: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_slice(&text).context("read the parts of the bundle")?;
    let of_page = |page: &str| {
        let own =
            parts.iter().find(|(name, _)| name.starts_with(page)).with_context(|| format!("no part is for {page}"))?;
        own.1.iter().map(|part| bytes(&format!("{part}.wasm.br"))).sum::<Result<u64>>()
    };
    // The program and what the page adds to it.
    let (first, designer) = (wasm + of_page("flow_")?, wasm + of_page("designer")?);
    Ok([
        ("wasm.brotli_bytes".to_owned(), json!(first)),
        ("wasm.main_brotli_bytes".to_owned(), json!(wasm)),
        ("wasm.designer_brotli_bytes".to_owned(), json!(designer)),
        ("first_load.brotli_bytes".to_owned(), json!(first + script + style)),
    ]
    .into())
}

fn print(figures: &Figures) {
    let width = figures.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in figures {
        let shown = match value {
            Value::Number(number) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap_or_default()),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        println!("{name:<width$}  {shown:>16}");
    }
}
