//! `cargo xtask lint`: formatting, clippy, and the rules of the house.

use anyhow::Result;

use crate::{
    command::{cargo_with, run as run_command},
    house, tools,
};

/// Stops at the first finding.
pub fn run() -> Result<()> {
    tools::ensure_wasm_target()?;
    house::check()?;
    for arguments in [
        &["fmt", "--all", "--check"][..],
        // With the assets inside, as in a release: the only code that nothing else here compiles.
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--features=baton-server/embed,baton-server/kafka,baton-server/mongodb",
            "--",
            "-D",
            "warnings",
        ],
        &["check", "--quiet", "--package=baton-domain", "--target=wasm32-unknown-unknown"],
        &[
            "clippy",
            "--quiet",
            "--package=baton-app",
            "--lib",
            "--features=hydrate",
            "--target=wasm32-unknown-unknown",
            "--",
            "-D",
            "warnings",
        ],
    ] {
        eprintln!("xtask: cargo {}", arguments.join(" "));
        run_command(&mut cargo_with(arguments))?;
    }
    Ok(())
}
