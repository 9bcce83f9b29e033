//! `baton definition export` and `import`: definitions as files.

use std::{fs, path::PathBuf};

use anyhow::{Context, anyhow, bail};
use baton_app::model::{FILE_BYTES_MAX, Format, Imported};
use baton_domain::{definition::DefinitionKind, diagnostic::Severity};
use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::{definition::line, remote::Server};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FileFormat {
    Yaml,
    Json,
    /// BPMN 2.0 XML with diagram data; processes only
    Bpmn,
    /// The diagram
    Svg,
}

#[derive(Debug, Args)]
pub struct Export {
    /// What the definition is called
    name: String,
    #[arg(long, value_enum, default_value = "yaml")]
    format: FileFormat,
    /// It is a saga
    #[arg(long)]
    saga: bool,
    /// The newest one when left out
    #[arg(long, value_name = "NUMBER", conflicts_with = "draft")]
    version: Option<u32>,
    /// The draft
    #[arg(long)]
    draft: bool,
    /// Where to write it; to standard output when left out
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

pub async fn export(arguments: Export) -> anyhow::Result<()> {
    let Export { name, format, saga, version, draft, output, server } = arguments;
    let format = match format {
        FileFormat::Yaml => Format::Yaml,
        FileFormat::Json => Format::Json,
        FileFormat::Bpmn => Format::Bpmn,
        FileFormat::Svg => Format::Svg,
    };
    let version = version.map(|version| version.to_string());
    let mut query = vec![("format", format.as_str())];
    query.extend(version.as_deref().map(|version| ("version", version)));
    query.extend(draft.then_some(("draft", "true")));
    let collection = if saga { "sagas" } else { "processes" };
    let text = server
        .file(&[collection, &name, "export"], &query)
        .await
        .with_context(|| format!("{name} was not exported"))?;
    match output {
        Some(file) => fs::write(&file, text).with_context(|| format!("cannot write {}", file.display())),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

#[derive(Debug, Args)]
pub struct Import {
    file: PathBuf,
    /// What the definition is to be called; as the file calls it when left out
    #[arg(long)]
    name: Option<String>,
    /// Print the definition instead of saving it
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    server: Server,
}

pub async fn import(arguments: Import) -> anyhow::Result<()> {
    let Import { file, name, print, server } = arguments;
    let shown = file.display();
    let size = fs::metadata(&file).with_context(|| format!("cannot read {shown}"))?.len();
    if size > FILE_BYTES_MAX as u64 {
        bail!("{shown} has {size} bytes; a file has at most {FILE_BYTES_MAX}");
    }
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {shown}"))?;
    let query: Vec<(&str, &str)> = name.as_deref().map(|name| ("name", name)).into_iter().collect();
    let answer = server.send(&["import"], &query, text).await.with_context(|| format!("{shown} was not imported"))?;
    let imported: Imported =
        serde_json::from_value(answer).map_err(|error| anyhow!("an answer that is not understood: {error}"))?;
    for finding in &imported.findings {
        let severity = match finding.severity {
            Severity::Error => "left out",
            Severity::Warning => "look at",
        };
        let place = [&finding.element, &finding.name].map(String::as_str).join(" ").trim().to_owned();
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        eprintln!("{severity}: {place}{} [{}]", finding.message, finding.code);
    }
    imported.check.diagnostics.iter().for_each(|diagnostic| eprintln!("{}", line(diagnostic)));
    let Imported { kind, name, source, .. } = imported;
    if print {
        print!("{source}");
        return Ok(());
    }
    let collection = match kind {
        DefinitionKind::Process => "processes",
        DefinitionKind::Saga => "sagas",
    };
    let body: Value = json!({"source": source});
    server
        .call(Method::PUT, &[collection, &name, "draft"], &[], &body)
        .await
        .with_context(|| format!("{name} was not saved"))?;
    println!("{} {name}: saved as the draft", kind.as_str());
    Ok(())
}
