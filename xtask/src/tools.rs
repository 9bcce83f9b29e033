//! Programs that are not Rust: a browser, Node, the wasm target. Found, else installed, else an error that says how.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use baton_testkit::install;

use crate::command::{output, root, run};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Makes sure that cargo can build for the browser.
pub fn ensure_wasm_target() -> Result<()> {
    let folder =
        output(Command::new("rustc").current_dir(root()).args(["--print", "target-libdir", "--target", WASM_TARGET]));
    if folder.is_ok_and(|folder| PathBuf::from(folder.trim()).is_dir()) {
        return Ok(());
    }
    run(Command::new("rustup").current_dir(root()).args(["target", "add", WASM_TARGET])).with_context(|| {
        format!("the Rust target {WASM_TARGET} is missing; install it with rustup, or your distribution's package")
    })
}

/// The program to run end-to-end tests with, or `None` for the browser that Playwright installed for itself.
pub fn chromium() -> Result<Option<PathBuf>> {
    if let Some(given) = env::var_os("BATON_CHROMIUM") {
        return Ok(Some(given.into()));
    }
    let find = || {
        let names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
        names.into_iter().find_map(install::on_path)
    };
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    if install::can_apt_get() {
        install::apt_get_install("chromium")?;
        return find().map(Some).context("the package chromium was installed, but there is no program of that name");
    }
    eprintln!("xtask: no Chromium found, installing Playwright's own");
    run(Command::new("npx").current_dir(end2end()).args(["playwright", "install", "chromium"]))
        .context("install Chromium, or set BATON_CHROMIUM to the browser's program")?;
    Ok(None)
}

/// Installs the packages of `end2end/` when its lock file is another one than at the last time.
pub fn npm_install() -> Result<()> {
    ensure!(
        install::on_path("npm").is_some(),
        "the end-to-end tests need Node 20 or later with npm (on Debian: apt-get install nodejs npm)"
    );
    let lock = fs::read(end2end().join("package-lock.json")).context("read end2end/package-lock.json")?;
    let installed = end2end().join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|at_last_time| at_last_time == lock) {
        return Ok(());
    }
    run(Command::new("npm").current_dir(end2end()).args(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&installed, lock).with_context(|| format!("write {}", installed.display()))
}

/// The folder of the end-to-end tests.
pub fn end2end() -> PathBuf {
    root().join("end2end")
}

/// binaryen's `wasm-opt`, where somebody installed it: from `PATH`, or as an npm package of the end-to-end tests.
pub fn wasm_opt() -> Option<PathBuf> {
    install::on_path("wasm-opt")
        .or_else(|| Some(end2end().join("node_modules/.bin/wasm-opt")).filter(|program| program.is_file()))
}
