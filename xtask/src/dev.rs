//! `cargo xtask dev`: build, start, and do both again whenever a source changes.
//!
//! Sources are polled by their time of change: it needs no library, works on every file system, and a few hundred
//! files cost nothing. The page reloads itself: the live stream begins with the id of the build, which follows from the
//! time of the wasm bundle, and with `BATON_DEV=1` a page that comes back to another build than it knew reloads.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};

use crate::{
    command::{root, run as run_command, target, terminate},
    run::build_server,
    site::{self, Purpose},
};

const SOURCES: [&str; 7] = ["Cargo.toml", "Cargo.lock", "domain", "app", "server", "migrations", "style"];
const POLL_EVERY: Duration = Duration::from_millis(300);

/// Runs until it is interrupted. A build that fails leaves the last good server running.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut server: Option<Child> = None;
    loop {
        let seen = newest_change();
        match build() {
            Ok(()) => {
                if let Some(mut old) = server.take() {
                    terminate(&mut old)?;
                }
                server = Some(start(arguments)?);
            }
            Err(error) => eprintln!("xtask: {error:#}"),
        }
        eprintln!("xtask: waiting for changes");
        while newest_change() == seen {
            thread::sleep(POLL_EVERY);
            if let Some(status) = server.as_mut().and_then(|server| server.try_wait().transpose()).transpose()? {
                eprintln!("xtask: baton ended ({status}); it starts again with the next change");
                server = None;
            }
        }
    }
}

fn build() -> Result<()> {
    let site = site::build(Purpose::Dev)?;
    run_command(&mut build_server())?;
    // Another build for the page, also when only the server changed.
    let bundle = site.join(site::BUILD);
    let touched = File::options().append(true).open(&bundle).and_then(|file| file.set_modified(SystemTime::now()));
    touched.with_context(|| format!("touch {}", bundle.display()))
}

fn start(arguments: &[String]) -> Result<Child> {
    let program = target().join("debug/baton");
    Command::new(&program)
        .args(arguments)
        .env("BATON_SITE_DIR", site::folder())
        .env("BATON_DEV", "1")
        .spawn()
        .with_context(|| format!("start {}", program.display()))
}

/// How many sources there are and when the newest of them changed: it differs after every edit, addition or removal.
fn newest_change() -> (usize, Option<SystemTime>) {
    let mut seen = (0, None);
    for source in SOURCES {
        look_at(&root().join(source), &mut seen);
    }
    seen
}

fn look_at(path: &Path, seen: &mut (usize, Option<SystemTime>)) {
    // A file that went away between listing and looking is a change like any other.
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            look_at(&entry.path(), seen);
        }
    } else {
        seen.0 += 1;
        seen.1 = seen.1.max(metadata.modified().ok());
    }
}
