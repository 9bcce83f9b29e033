//! `baton start`: starts an instance of a process.

use anyhow::Context;
use clap::Args;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::remote::Server;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The process
    name: String,
    /// Its input as JSON; @FILE reads it from a file
    #[arg(long, default_value = "{}", value_name = "JSON")]
    input: String,
    /// How people call this instance
    #[arg(long, value_name = "TEXT")]
    business_key: Option<String>,
    /// A second start with the same key starts nothing
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// The newest version when absent
    #[arg(long = "definition-version", value_name = "N")]
    version: Option<u32>,
    #[command(flatten)]
    server: Server,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let text = match arguments.input.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?,
        None => arguments.input,
    };
    let input: Value = serde_json::from_str(&text).context("--input is not valid JSON")?;
    let mut body = json!({"input": input});
    if let Some(key) = arguments.business_key {
        body["business_key"] = key.into();
    }
    if let Some(version) = arguments.version {
        body["version"] = version.into();
    }
    let headers: Vec<_> = arguments.idempotency_key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
    let (status, started) =
        arguments.server.call(Method::POST, &["processes", &arguments.name, "instances"], &headers, &body).await?;
    let id = started["id"].as_str().context("the server's answer has no id")?;
    println!("{id}");
    if status == StatusCode::OK {
        eprintln!("It was started before with this key.");
    }
    Ok(())
}
