//! Rules of the house that no compiler checks: who may depend on what.
//!
//! `domain` acts on nothing, so it may depend on nothing that acts; `app` knows the server only through a port; and
//! there is one sqlx, because two of them do not share a connection.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::command::{cargo_with, output, root};

/// What a package of ours must not depend on, directly or not. (A clock in `domain` is refused by clippy, see
/// `domain/clippy.toml`.)
const FORBIDDEN: [(&str, &[&str]); 3] = [
    (
        "baton-domain",
        &["tokio", "async-std", "mio", "sqlx", "sqlx-core", "leptos", "axum", "hyper", "reqwest", "baton-app"],
    ),
    ("baton-lab", &["tokio", "leptos", "sqlx", "sqlx-core", "axum", "reqwest", "baton-app", "baton-server"]),
    ("baton-app", &["sqlx", "sqlx-core", "reqwest", "baton-server"]),
];

/// Checks every rule; an error names the first that is broken.
pub fn check() -> Result<()> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("read Cargo.lock")?;
    let versions = versions_in_lock(&lock, "sqlx-core");
    ensure!(versions.len() == 1, "Cargo.lock has to have one sqlx-core, but it has {versions:?}");
    for (package, forbidden) in FORBIDDEN {
        let tree = output(&mut cargo_with([
            "tree",
            "--locked",
            "--edges=normal",
            "--prefix=none",
            "--format={p}",
            "--target=all",
            "--package",
            package,
        ]))?;
        let found = found_in_tree(&tree, forbidden);
        ensure!(found.is_empty(), "{package} must not depend on {found:?}; see docs/ARCHITECTURE.md for the direction");
    }
    Ok(())
}

fn versions_in_lock<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while let Some(line) = lines.next() {
        if line == name {
            versions.extend(lines.next());
        }
    }
    versions
}

/// `tree` has one line for each package: its name, a space, its version.
fn found_in_tree<'a>(tree: &str, forbidden: &[&'a str]) -> Vec<&'a str> {
    let has = |package: &str| tree.lines().any(|line| line.split(' ').next() == Some(package));
    forbidden.iter().copied().filter(|package| has(package)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_of_a_package_is_seen() {
        let lock = "name = \"sqlx-core\"\nversion = \"0.8.6\"\n\nname = \"sqlx-core\"\nversion = \"0.9.0\"\n\nname = \"sqlx\"\nversion = \"1\"\n";
        assert_eq!(versions_in_lock(lock, "sqlx-core"), ["version = \"0.8.6\"", "version = \"0.9.0\""]);
    }

    #[test]
    fn a_forbidden_dependency_is_seen_by_its_whole_name() {
        let tree = "baton-domain v0.1.0 (/somewhere)\ntokio-util v0.7.1\nserde v1.0.0\nsqlx v0.9.0\n";
        assert_eq!(found_in_tree(tree, &["tokio", "sqlx"]), ["sqlx"]);
    }
}
