//! `baton instance …`: what operators do to instances.

use std::io::Write;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::remote::Server;

/// How often the server is asked how far it is.
const FOLLOW: std::time::Duration = std::time::Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print an instance as JSON
    Show {
        /// The instance
        id: Uuid,
        #[command(flatten)]
        server: Server,
    },
    /// Stop it until it is resumed
    Suspend {
        #[command(flatten)]
        common: Common,
    },
    /// Let it go on
    Resume {
        #[command(flatten)]
        common: Common,
    },
    /// End it for good
    Cancel {
        /// Undo what was done first
        #[arg(long)]
        compensate: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Try what failed again
    Retry {
        /// Only at this token
        #[arg(long = "at", id = "at", value_name = "TOKEN")]
        token: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Leave a step without its having happened, or leave an undo out
    Skip {
        /// The token whose step is left; may be left out when there is only one, or only one that failed
        #[arg(long = "at", id = "at", value_name = "TOKEN")]
        token: Option<u32>,
        /// The port by which it is left; may be left out when there is only one
        #[arg(long, value_name = "NAME")]
        port: Option<String>,
        /// Variables to set on the way
        #[arg(long, value_name = "JSON")]
        set: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Move a token to another node
    Move {
        /// The node that it enters
        #[arg(long, value_name = "NODE")]
        to: String,
        /// The token; may be left out when there is only one, or only one that failed
        #[arg(long = "at", id = "at", value_name = "TOKEN")]
        token: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Change variables
    Set {
        /// The new values by name
        #[arg(long = "to", value_name = "JSON")]
        set: String,
        /// The token whose own variables are meant, inside a for-each
        #[arg(long = "at", id = "at", value_name = "TOKEN")]
        token: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Say what became of a command that nobody answered
    Settle(Settle),
    /// Have it go on by another version of its definition
    Migrate {
        /// The version
        #[arg(long = "to", value_name = "VERSION")]
        to_version: u32,
        /// A node that is called otherwise in the new version; may be given several times
        #[arg(long = "map", value_name = "OLD=NEW", value_parser = rename)]
        mapping: Vec<(String, String)>,
        #[command(flatten)]
        common: Common,
    },
    /// Have a new instance take over from an earlier point of its history
    Restart(Restart),
    /// Operate all instances that pass a filter: retry, suspend, resume, cancel, compensate (cancel and undo), or migrate
    Many(Many),
    /// Stop undoing: it ends as failed
    Abandon {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("outcome").required(true).args(["done", "not_done"])))]
pub struct Settle {
    /// The command's id, as `unanswered` of the instance names it
    #[arg(long, value_name = "ID")]
    command: Uuid,
    /// It was done
    #[arg(long)]
    done: bool,
    /// It was not done
    #[arg(long)]
    not_done: bool,
    /// What its reply would have said, for an undo that reads it
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct Restart {
    /// The event of its history after which the new one begins, as `point` of the history says
    #[arg(long, value_name = "N")]
    at: u64,
    /// Variables that are other than they were then
    #[arg(long, value_name = "JSON")]
    variables: Option<String>,
    /// In place of its input
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// A second restart with the same key makes nothing
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct Many {
    /// What to do
    #[arg(value_parser = ["retry", "suspend", "resume", "cancel", "compensate", "migrate"])]
    operation: String,
    /// To migrate: the version of the definition that they are to run
    #[arg(long = "to", value_name = "VERSION", required_if_eq("operation", "migrate"))]
    to_version: Option<u32>,
    /// To migrate: a node that is called otherwise in the new version; may be given several times
    #[arg(long = "map", value_name = "OLD=NEW", value_parser = rename, requires = "to_version")]
    mapping: Vec<(String, String)>,
    #[command(flatten)]
    filter: Filter,
    /// Why; stands in the histories and in the audit
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Filter {
    /// Those of this definition
    #[arg(long, value_name = "NAME")]
    definition: Option<String>,
    /// Those that run this version of it
    #[arg(long, value_name = "VERSION")]
    version: Option<u32>,
    /// Those in this state
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Those with this business key
    #[arg(long, value_name = "KEY")]
    business_key: Option<String>,
    /// Those whose business key or id contains this
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
}

/// What every operation takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The instance
    id: Uuid,
    /// Why; stands in the history and in the audit
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How many events its history had when you looked; refused when there are more by now
    #[arg(long, value_name = "N")]
    expected: Option<u64>,
    #[command(flatten)]
    server: Server,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let (operation, common, body) = match command {
        Command::Show { id, server } => return show(id, &server).await,
        Command::Many(many) => return operate_many(many).await,
        Command::Restart(asked) => return restart(asked).await,
        Command::Suspend { common } => ("suspend", common, json!({})),
        Command::Resume { common } => ("resume", common, json!({})),
        Command::Cancel { compensate, common } => ("cancel", common, json!({"compensate": compensate})),
        Command::Retry { token, common } => ("retry", common, json!({"token": token})),
        Command::Skip { token, port, set, common } => {
            let set = set.map(|text| object("--set", &text)).transpose()?.unwrap_or_default();
            ("skip", common, json!({"token": token, "port": port, "set": set}))
        }
        Command::Move { to, token, common } => ("move", common, json!({"token": token, "to": to})),
        Command::Set { set, token, common } => {
            ("variables", common, json!({"token": token, "set": object("--to", &set)?}))
        }
        Command::Settle(Settle { command, done, payload, common, .. }) => {
            let payload = payload.map(|text| json_of("--payload", &text)).transpose()?.unwrap_or_default();
            ("settle", common, json!({"command": command, "succeeded": done, "payload": payload}))
        }
        Command::Migrate { to_version, mapping, common } => {
            ("migrate", common, json!({"to_version": to_version, "mapping": fields_of(mapping)}))
        }
        Command::Abandon { common } => ("abandon", common, json!({})),
    };
    let Common { id, reason, expected, server } = common;
    let mut body = body;
    body["reason"] = reason.into();
    body["expected"] = expected.into();
    let (_, after) = server.call(Method::POST, &["instances", &id.to_string(), operation], &[], &body).await?;
    println!("{}", after["state"].as_str().context("the server's answer has no state")?);
    Ok(())
}

/// Prints the id of the new instance.
async fn restart(Restart { at, variables, input, idempotency_key, common }: Restart) -> anyhow::Result<()> {
    let Common { id, reason, expected, server } = common;
    let variables = variables.map(|text| object("--variables", &text)).transpose()?.unwrap_or_default();
    let input = input.map(|text| json_of("--input", &text)).transpose()?;
    let body = json!({"at": at, "variables": variables, "input": input, "reason": reason, "expected": expected});
    let headers: Vec<_> = idempotency_key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
    let (status, started) =
        server.call(Method::POST, &["instances", &id.to_string(), "restart"], &headers, &body).await?;
    println!("{}", started["id"].as_str().context("the server's answer has no id")?);
    if status == StatusCode::OK {
        eprintln!("It was restarted before with this key.");
    }
    Ok(())
}

async fn operate_many(Many { operation, to_version, mapping, filter, reason, server }: Many) -> anyhow::Result<()> {
    let Filter { definition, version, state, business_key, q } = filter;
    let filter = json!({
        "definition": definition, "version": version, "state": state, "business_key": business_key, "q": q,
    });
    let operation = match (operation.as_str(), to_version) {
        ("migrate", Some(to_version)) => migration(to_version, mapping),
        (_, None) => Value::from(operation),
        (other, Some(_)) => bail!("--to is for `many migrate`, not for `many {other}`"),
    };
    let batch = followed(&server, &json!({"operation": operation, "filter": filter, "reason": reason})).await?;
    println!("{}: {} done, {} refused", batch["state"].as_str().unwrap_or_default(), batch["done"], batch["refused"]);
    print_refusals(&batch);
    Ok(())
}

/// The operation that has instances go on by another version.
pub fn migration(to_version: u32, mapping: Vec<(String, String)>) -> Value {
    json!({"migrate": {"to_version": to_version, "mapping": fields_of(mapping)}})
}

/// Begins an operation on many instances, and follows it until it ends or somebody holds it.
pub async fn followed(server: &Server, request: &Value) -> anyhow::Result<Value> {
    let (_, mut batch) = server.call(Method::POST, &["batches"], &[], request).await?;
    let id = batch["id"].as_str().context("the server's answer has no id")?.to_owned();
    while batch["state"] == "running" {
        tokio::time::sleep(FOLLOW).await;
        (_, batch) = server.call(Method::GET, &["batches", &id], &[], &Value::Null).await?;
    }
    Ok(batch)
}

/// Each reason once, with the first instance that gave it.
pub fn print_refusals(batch: &Value) {
    for refusal in batch["refusals"].as_array().into_iter().flatten() {
        let more = refusal["count"].as_u64().unwrap_or(1).saturating_sub(1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        println!(
            "{}{more}: {}",
            refusal["instance"].as_str().unwrap_or_default(),
            refusal["message"].as_str().unwrap_or_default()
        );
    }
}

async fn show(id: Uuid, server: &Server) -> anyhow::Result<()> {
    let (_, instance) = server.call(Method::GET, &["instances", &id.to_string()], &[], &Value::Null).await?;
    // A reader that has seen enough, such as `head`, is no failure.
    let _ = writeln!(std::io::stdout(), "{instance:#}");
    Ok(())
}

/// Reads `OLD=NEW`.
pub fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("give the old name and the new one, such as `ask=enquire`".to_owned()),
    }
}

/// The mapping as an object.
pub fn fields_of(mapping: Vec<(String, String)>) -> Map<String, Value> {
    mapping.into_iter().map(|(old, new)| (old, Value::from(new))).collect()
}

fn json_of(argument: &str, text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("{argument} is not valid JSON"))
}

fn object(argument: &str, text: &str) -> anyhow::Result<Map<String, Value>> {
    match json_of(argument, text)? {
        Value::Object(fields) => Ok(fields),
        _ => bail!("{argument} is no JSON object: give names with their values, such as {{\"amount\": 3}}"),
    }
}
