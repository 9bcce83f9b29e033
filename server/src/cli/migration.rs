//! `baton definition migrate`: has many instances go on by another version of their definition, in the background of the
//! server; a dry run looks at them page by page.

use anyhow::{Context, bail};
use clap::{ArgAction, Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    instance::{fields_of, followed, migration, print_refusals, rename},
    remote::Server,
};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Process,
    Saga,
}

#[derive(Debug, Args)]
pub struct Arguments {
    /// The definition
    name: String,
    /// What it is
    #[arg(long, value_enum, default_value = "process")]
    kind: Kind,
    /// The version that they are to run
    #[arg(long = "to", value_name = "VERSION")]
    to_version: u32,
    /// Only instances that run this version; those of every other one when left out
    #[arg(long = "from", value_name = "VERSION")]
    from_version: Option<u32>,
    /// A node that is called otherwise in the new version; may be given several times
    #[arg(long = "map", value_name = "OLD=NEW", value_parser = rename)]
    mapping: Vec<(String, String)>,
    /// Only instances in this state
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only the instance with this business key
    #[arg(long, value_name = "KEY")]
    business_key: Option<String>,
    /// Only say which can, and why the others cannot
    #[arg(long, action = ArgAction::SetTrue)]
    dry_run: bool,
    /// Why; stands in the histories and in the audit. Not needed for a dry run
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    #[command(flatten)]
    server: Server,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { name, kind, to_version, from_version, mapping, state, business_key, dry_run, reason, server } =
        arguments;
    let kind = match kind {
        Kind::Process => "process",
        Kind::Saga => "saga",
    };
    if !dry_run {
        let filter = json!({
            "kind": kind, "definition": name, "version": from_version, "state": state, "business_key": business_key,
        });
        let operation = migration(to_version, mapping);
        return migrate(&server, &json!({"operation": operation, "filter": filter, "reason": reason})).await;
    }
    let mut body = json!({
        "kind": kind, "definition": name, "from_version": from_version, "to_version": to_version,
        "mapping": fields_of(mapping), "filter": {"state": state, "business_key": business_key},
        "reason": reason, "dry_run": true,
    });
    let (mut well, mut not) = (0, 0);
    loop {
        let (_, report) = server.call(Method::POST, &["migrations"], &[], &body).await?;
        well += report["can"].as_u64().context("the server's answer has no count")?;
        for instance in report["cannot"].as_array().into_iter().flatten() {
            not += 1;
            println!("{}", readable(instance));
        }
        match &report["next"] {
            Value::Null => break,
            next => body["cursor"] = next.clone(),
        }
    }
    println!("{well} can go on by version {to_version}");
    cannot(not)
}

async fn migrate(server: &Server, request: &Value) -> anyhow::Result<()> {
    let batch = followed(server, request).await?;
    print_refusals(&batch);
    let version = &request["operation"]["migrate"]["to_version"];
    println!("{} go on by version {version}", batch["done"]);
    let state = batch["state"].as_str().unwrap_or_default();
    if state != "ended" {
        bail!("it is {state}: others of the {} instances were not asked", batch["total"]);
    }
    cannot(batch["refused"].as_u64().context("the server's answer has no count")?)
}

fn cannot(not: u64) -> anyhow::Result<()> {
    match not {
        0 => Ok(()),
        _ => bail!("{not} cannot, for the reasons above"),
    }
}

/// An instance that stays as it is, and what is in the way, a line each.
fn readable(instance: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = instance["business_key"].as_str().map_or_else(String::new, |key| format!(" ({key})"));
    let mut lines = vec![format!("{}{key}, version {}", text(&instance["instance"]), instance["version"])];
    for found in instance["diagnostics"].as_array().into_iter().flatten() {
        let pointer = text(&found["pointer"]);
        let place = if pointer.is_empty() { pointer } else { format!("{pointer}: ") };
        lines.push(format!("  {place}{} [{}]", text(&found["message"]), text(&found["code"])));
    }
    lines.join("\n")
}
