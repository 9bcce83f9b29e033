//! `baton definition apply` publishes the definitions in files, `test` runs their scenarios.
//!
//! Every file is read and checked here before the first one is sent, so a mistake in the last of them leaves the server
//! as it was.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use baton_domain::{
    definition::{self, DefinitionKind},
    diagnostic::{Diagnostic, Severity},
    simulation::{self, Coverage},
};
use reqwest::Method;
use serde_json::json;

use super::remote::Server;

struct Checked {
    kind: DefinitionKind,
    name: String,
    source: String,
}

pub async fn apply(server: &Server, files: &[PathBuf], note: Option<&str>, force: bool) -> anyhow::Result<()> {
    let definitions = files.iter().map(check).collect::<anyhow::Result<Vec<_>>>()?;
    for Checked { kind, name, source } in definitions {
        let collection = match kind {
            DefinitionKind::Process => "processes",
            DefinitionKind::Saga => "sagas",
        };
        let body = json!({"source": source, "note": note, "force": force});
        let (_, published) = server
            .call(Method::POST, &[collection, &name, "versions"], &[], &body)
            .await
            .with_context(|| format!("{name} was not published"))?;
        println!("{} {name}: version {}", kind.as_str(), published["version"]);
    }
    Ok(())
}

/// Runs the scenarios in these files.
pub fn test(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut failed = 0;
    for file in files {
        let source = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed = definition::parse(&source).map_err(|found| refused(file, "nothing was run", &found))?;
        let report = simulation::run(&parsed.definition, &parsed.scenarios);
        println!("{}: {}", parsed.definition.name(), report.sentence());
        for verdict in &report.scenarios {
            println!("  {} {}", if verdict.passed() { "passed" } else { "FAILED" }, verdict.name);
            verdict.failures.iter().for_each(|failure| println!("    {}: {}", failure.pointer, failure.message));
        }
        let Coverage { nodes_missing, edges_missing, .. } = &report.coverage;
        if !nodes_missing.is_empty() {
            println!("  not gone through: {}", nodes_missing.join(", "));
        }
        let edges: Vec<String> = edges_missing.iter().map(|(node, port)| format!("{node} by {port}")).collect();
        if !edges.is_empty() {
            println!("  not taken: {}", edges.join(", "));
        }
        failed += report.scenarios.iter().filter(|verdict| !verdict.passed()).count();
    }
    match failed {
        0 => Ok(()),
        1 => bail!("1 scenario came out otherwise"),
        failed => bail!("{failed} scenarios came out otherwise"),
    }
}

/// Prints an example that ships with Baton, or the names of all.
pub fn example(name: Option<&str>) -> anyhow::Result<()> {
    let shipped = definition::shipped();
    let names = || shipped.map(|(name, _)| name).join(", ");
    match name {
        None => shipped.iter().for_each(|(name, _)| println!("{name}")),
        Some(name) => {
            let found = shipped.into_iter().find(|(shipped, _)| *shipped == name);
            let (_, text) = found.with_context(|| format!("there is no example {name}; there are {}", names()))?;
            print!("{text}");
        }
    }
    Ok(())
}

fn check(file: &PathBuf) -> anyhow::Result<Checked> {
    let source = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    match definition::parse(&source) {
        Ok(parsed) => {
            for warning in &parsed.warnings {
                eprintln!("{}: {}", file.display(), line(warning));
            }
            let definition = parsed.definition;
            Ok(Checked { kind: definition.kind(), name: definition.name().to_owned(), source })
        }
        Err(found) => Err(refused(file, "nothing was published", &found)),
    }
}

/// What is wrong with the definition in a file.
fn refused(file: &Path, then: &str, found: &[Diagnostic]) -> anyhow::Error {
    let lines: Vec<String> = found.iter().map(|one| format!("  {}", line(one))).collect();
    anyhow!("{} is not a valid definition; {then}\n{}", file.display(), lines.join("\n"))
}

pub(super) fn line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = if diagnostic.pointer.is_empty() { String::new() } else { format!("{}: ", diagnostic.pointer) };
    format!("{severity}: {place}{} [{}]", diagnostic.message, diagnostic.code)
}
