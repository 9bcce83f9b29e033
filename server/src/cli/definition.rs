//! `baton definition apply`: publishes the definitions in files.
//!
//! Every file is read and checked here before the first one is sent, so a mistake in the last of them leaves the server
//! as it was.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use baton_domain::{
    definition::{self, DefinitionKind},
    diagnostic::{Diagnostic, Severity},
};
use reqwest::Method;
use serde_json::json;

use super::remote::Server;

struct Checked {
    kind: DefinitionKind,
    name: String,
    source: String,
}

pub async fn apply(server: &Server, files: &[PathBuf], note: Option<&str>) -> anyhow::Result<()> {
    let definitions = files.iter().map(check).collect::<anyhow::Result<Vec<_>>>()?;
    for Checked { kind, name, source } in definitions {
        let collection = match kind {
            DefinitionKind::Process => "processes",
            DefinitionKind::Saga => "sagas",
        };
        let body = json!({"source": source, "note": note});
        let (_, published) = server
            .call(Method::POST, &[collection, &name, "versions"], &[], &body)
            .await
            .with_context(|| format!("{name} was not published"))?;
        println!("{} {name}: version {}", kind.as_str(), published["version"]);
    }
    Ok(())
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
        Err(found) => {
            let lines: Vec<String> = found.iter().map(|one| format!("  {}", line(one))).collect();
            bail!("{} is not a valid definition; nothing was published\n{}", file.display(), lines.join("\n"))
        }
    }
}

pub(super) fn line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = if diagnostic.pointer.is_empty() { String::new() } else { format!("{}: ", diagnostic.pointer) };
    format!("{severity}: {place}{} [{}]", diagnostic.message, diagnostic.code)
}
