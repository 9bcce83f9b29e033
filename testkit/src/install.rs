//! Finding programs, and installing a Debian package when one is missing and we are allowed to.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use anyhow::{Context, Result, bail, ensure};

use crate::user;

/// Two threads must not run the package manager at once: it takes a lock and the second one fails.
static APT: Mutex<()> = Mutex::new(());

/// The first directory of `PATH` that has `program`, with the program's name appended.
pub fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Where downloaded programs are kept: beside what cargo builds, so that both go at once.
pub fn tools_folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")).join("testkit")
}

/// Whether [`apt_get_install`] can work here: a Debian-like system, and we are root.
pub fn can_apt_get() -> bool {
    user::is_root() && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

/// Installs a Debian package without its recommendations. Prints what it does, because it takes a while and changes
/// the machine.
pub fn apt_get_install(package: &str) -> Result<()> {
    ensure!(can_apt_get(), "installing the Debian package {package} takes root on a Debian-like system");
    let _only_one = APT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    eprintln!("testkit: installing the Debian package {package}");
    for arguments in [&["update", "-qq"][..], &["install", "-y", "-qq", "--no-install-recommends", package]] {
        let output = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output()
            .context("run apt-get")?;
        if !output.status.success() {
            bail!("apt-get {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    Ok(())
}
