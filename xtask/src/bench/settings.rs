//! What the figures were measured on: without it they mean nothing.

use std::{fs, path::Path, process::Command, thread};

use anyhow::Result;
use baton_testkit::{Postgres, postgres::psql};
use serde_json::{Value, json};

use super::Figures;
use crate::command::{output, root};

/// The machine, the database and the commit, under `setting.…`.
pub fn settings(postgres: &Postgres, folder: &Path) -> Result<Figures> {
    let url = postgres.url();
    let commit = output(Command::new("git").current_dir(root()).args(["describe", "--always", "--dirty"]));
    let filesystem = output(Command::new("stat").args(["--file-system", "--format=%T"]).arg(folder));
    let known = |text: Result<String>| text.map_or(Value::Null, |text| json!(text.trim()));
    Ok([
        ("setting.commit", known(commit)),
        ("setting.cores", json!(thread::available_parallelism().map_or(0, usize::from))),
        ("setting.memory_kib", memory_kib()),
        // On a file system in memory fsync costs nothing, and the figures say nothing.
        ("setting.filesystem", known(filesystem)),
        ("setting.postgres.version", json!(psql(&url, "SHOW server_version")?)),
        ("setting.postgres.fsync", json!(psql(&url, "SHOW fsync")?)),
        ("setting.postgres.synchronous_commit", json!(psql(&url, "SHOW synchronous_commit")?)),
        ("setting.postgres.shared_buffers", json!(psql(&url, "SHOW shared_buffers")?)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect())
}

fn memory_kib() -> Value {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(Value::Null, |kib| json!(kib))
}
