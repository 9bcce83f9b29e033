//! `cargo xtask dist`: the release, one file with the site inside.

use std::fs;

use anyhow::{Context, Result};

use crate::{
    command::{cargo_with, run as run_command, target},
    site::{self, Purpose},
};

/// Builds `target/dist/baton`.
pub fn run() -> Result<()> {
    site::build(Purpose::Dist)?;
    run_command(&mut cargo_with(["build", "--release", "--package=baton-server", "--bin=baton", "--features=embed"]))?;
    let (built, folder) = (target().join("release/baton"), target().join("dist"));
    let program = folder.join("baton");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let size_bytes = fs::copy(&built, &program).with_context(|| format!("copy {}", built.display()))?;
    println!("{} ({:.1} MB)", program.display(), size_bytes as f64 / 1e6);
    Ok(())
}
