//! Running other programs: cargo above all.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// `cargo` in the workspace's folder, with an environment like that of a person's shell.
///
/// `cargo xtask` is itself run by cargo, which describes the package `xtask` in variables. Some build scripts (ring's)
/// are run again when those change; without removing them, every change between `cargo xtask` and plain `cargo` would
/// build half of the workspace again.
pub fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let describes_xtask = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_");
        if describes_xtask || ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "LD_LIBRARY_PATH"].contains(&text) {
            command.env_remove(&name);
        }
    }
    command
}

/// `cargo` with these arguments.
pub fn cargo_with<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = cargo();
    command.args(arguments);
    command
}

/// Runs it to its end, its output being ours; an error says which command failed.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs it silently and returns what it printed; an error has what it complained of.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed: {}", shown(command), String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("read what {} printed", shown(command)))
}

/// Asks a server to end (SIGTERM), and ends it when it has not within ten seconds.
pub fn terminate(child: &mut Child) -> Result<()> {
    run(Command::new("kill").arg(child.id().to_string()))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().context("look whether the server ended")?.is_none() {
        if Instant::now() > deadline {
            child.kill().context("end the server")?;
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
