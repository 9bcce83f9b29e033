//! `domain` stays pure: what it depends on is checked from Cargo's own account of it.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

/// Crates that bring IO, a runtime, a database or a user interface with them.
const FORBIDDEN: [&str; 12] = [
    "tokio",
    "async-std",
    "smol",
    "sqlx",
    "sqlx-core",
    "leptos",
    "axum",
    "reqwest",
    "hyper",
    "mio",
    "baton-app",
    "baton-server",
];
/// Features that give otherwise pure crates a clock, randomness or the network, with the crates that have them.
const FORBIDDEN_FEATURES: [(&str, &str); 8] = [
    ("uuid", "v1"),
    ("uuid", "v4"),
    ("uuid", "v6"),
    ("uuid", "v7"),
    ("chrono", "wasmbind"),
    ("jsonschema", "resolve-http"),
    ("jsonschema", "resolve-file"),
    ("jsonschema", "default"),
];

#[test]
fn domain_depends_on_nothing_that_acts() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // Its own dependencies alone, as for a build of nothing else: normal ones only, not those of its tests.
    let output = Command::new(&cargo)
        .args([
            "tree",
            "--offline",
            "--package",
            "baton-domain",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("names are text");
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("baton-domain") && names.contains("cel") && names.len() > 20, "this is no tree:\n{tree}");
    let found: Vec<&&str> = names.iter().filter(|name| FORBIDDEN.contains(name)).collect();
    assert!(found.is_empty(), "domain must not depend on {found:?}");
}

#[test]
fn domain_asks_for_no_clock_and_no_randomness() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(&cargo)
        .args(["metadata", "--offline", "--format-version", "1", "--no-deps"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let domain = packages.iter().find(|package| package["name"] == "baton-domain").expect("domain is one of them");
    let dependencies = domain["dependencies"].as_array().expect("it has dependencies");
    assert!(dependencies.len() > 8);
    for dependency in dependencies.iter().filter(|dependency| dependency["kind"].is_null()) {
        let name = dependency["name"].as_str().unwrap_or_default();
        let uses_default = dependency["uses_default_features"] == true;
        for feature in dependency["features"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(!FORBIDDEN_FEATURES.contains(&(name, feature)), "domain must not use {name} with {feature}");
        }
        assert!(!(uses_default && FORBIDDEN_FEATURES.contains(&(name, "default"))), "{name} without defaults, please");
    }
}

/// What the canvas needs in the browser is small as long as it reads JSON and nothing else.
#[test]
fn the_canvas_uses_neither_expressions_nor_schemas_nor_the_layout() {
    const FORBIDDEN: [&str; 8] =
        ["expression::", "process::", "saga::", "schema::", "layout::", "definition::", "serde_saphyr", "dagre"];
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/designer")];
    let mut looked_at = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = path.read_dir().expect("it is a folder").map(|entry| entry.expect("it can be read").path());
            open.extend(entries.filter(|entry| !entry.ends_with("tests")));
            continue;
        }
        looked_at += 1;
        let text = std::fs::read_to_string(&path).expect("it is text");
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            // Lists of names, and nothing else.
            let line = line.replace("definition::wire::Wire", "");
            let found = FORBIDDEN.iter().find(|forbidden| line.contains(*forbidden));
            assert_eq!(found, None, "{}: {line}", path.display());
        }
    }
    assert!(looked_at > 25, "{looked_at} files");
}
