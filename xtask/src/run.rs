//! `cargo xtask run`: from a fresh checkout to the first page.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{
    command::{cargo_with, run as run_command, target},
    site::{self, Purpose},
};

/// Builds the site and the server, then becomes the server: signals and the exit code are its own.
pub fn run(arguments: &[String]) -> Result<()> {
    let site = site::build(Purpose::Run)?;
    run_command(&mut build_server())?;
    let program = target().join("debug/baton");
    let error = Command::new(&program).args(arguments).env("BATON_SITE_DIR", site).exec();
    Err(error).with_context(|| format!("start {}", program.display()))
}

/// The debug build of the server: it takes half as long as a release build, and serves a person well. It is built with
/// the features that the whole workspace asks for, as the tests are: cargo builds most dependencies once for both.
pub fn build_server() -> Command {
    cargo_with([
        "build",
        "--workspace",
        "--bin=baton",
        "--features=baton-server/embed,baton-server/kafka,baton-server/mongodb",
    ])
}
