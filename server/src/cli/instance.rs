//! `baton instance …`: what operators do to instances.

use std::io::Write;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::remote::{Server, lines};

/// How often the server is asked how far it is.
const FOLLOW: std::time::Duration = std::time::Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print instances, newest first, a line each: id, state, definition, business key, and where it stands
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many, up to 200
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
        #[command(flatten)]
        server: Server,
    },
    /// Print an instance as JSON, with its history
    Show {
        /// The instance
        id: Uuid,
        /// As it was after this event of its history
        #[arg(long, value_name = "N")]
        at: Option<u64>,
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
        /// The node where it stands, in place of its number
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
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
        /// The node where it stands, in place of its number
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
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
    /// Operate all instances that pass a filter, in the background
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
#[command(group(clap::ArgGroup::new("asked").required(true).multiple(true).args(FILTERS)))]
pub struct Many {
    /// What to do; `compensate` is to cancel and to undo
    #[arg(value_parser = ["retry", "suspend", "resume", "cancel", "compensate", "abandon", "skip", "move", "set", "migrate", "restart"])]
    operation: String,
    /// To migrate: the version that they are to run. To move: the node that the token enters. To set: the new values by
    /// name, as JSON
    #[arg(long, value_name = "VERSION|NODE|JSON", required_if_eq_any([("operation", "migrate"), ("operation", "move"), ("operation", "set")]))]
    to: Option<String>,
    /// To migrate: a node that is called otherwise in the new version; may be given several times
    #[arg(long = "map", value_name = "OLD=NEW", value_parser = rename)]
    mapping: Vec<(String, String)>,
    /// To skip or move: the node where the token stands. To restart: the step where new instances begin; the last time that
    /// each came to it counts
    #[arg(long, value_name = "NODE", required_if_eq_any([("operation", "skip"), ("operation", "move"), ("operation", "restart")]))]
    node: Option<String>,
    /// To skip: the port by which the step is left; may be left out when there is only one
    #[arg(long, value_name = "NAME")]
    port: Option<String>,
    /// To skip: variables to set on the way. To restart: variables that are other than they were then
    #[arg(long, value_name = "JSON")]
    set: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Why; stands in the histories and in the audit
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    server: Server,
}

/// The arguments of [`Filter`].
const FILTERS: [&str; 7] = ["kind", "definition", "version", "state", "business_key", "parent", "q"];

#[derive(Debug, Args, Serialize)]
pub struct Filter {
    /// Those of this kind
    #[arg(long, value_parser = ["process", "saga"])]
    kind: Option<String>,
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
    /// Those that this instance called
    #[arg(long, value_name = "ID")]
    parent: Option<Uuid>,
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
        Command::List { filter, limit, server } => return list(&filter, limit, &server).await,
        Command::Show { id, at, server } => return show(id, at, &server).await,
        Command::Many(many) => return operate_many(many).await,
        Command::Restart(asked) => return restart(asked).await,
        Command::Suspend { common } => ("suspend", common, json!({})),
        Command::Resume { common } => ("resume", common, json!({})),
        Command::Cancel { compensate, common } => ("cancel", common, json!({"compensate": compensate})),
        Command::Retry { token, common } => ("retry", common, json!({"token": token})),
        Command::Skip { token, node, port, set, common } => {
            let set = set.map(|text| object("--set", &text)).transpose()?.unwrap_or_default();
            ("skip", common, json!({"token": token, "node": node, "port": port, "set": set}))
        }
        Command::Move { to, token, node, common } => ("move", common, json!({"token": token, "node": node, "to": to})),
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

async fn operate_many(many: Many) -> anyhow::Result<()> {
    let operation = many_operation(&many)?;
    let Many { filter, reason, server, .. } = many;
    let batch = followed(&server, &json!({"operation": operation, "filter": filter, "reason": reason})).await?;
    print_batch(&batch);
    Ok(())
}

/// The operation with what it needs; what it does not read is refused, since it would be thought to count.
fn many_operation(many: &Many) -> anyhow::Result<Value> {
    let Many { operation, to, mapping, node, port, set, .. } = many;
    let reads: &[&str] = match operation.as_str() {
        "migrate" => &["--to", "--map"],
        "skip" => &["--node", "--port", "--set"],
        "move" => &["--to", "--node"],
        "restart" => &["--node", "--set"],
        "set" => &["--to"],
        _ => &[],
    };
    let given = [
        ("--to", to.is_some()),
        ("--map", !mapping.is_empty()),
        ("--node", node.is_some()),
        ("--port", port.is_some()),
        ("--set", set.is_some()),
    ];
    if let Some((odd, _)) = given.iter().find(|(name, given)| *given && !reads.contains(name)) {
        bail!("{odd} is not for `many {operation}`");
    }
    let to = to.as_deref().unwrap_or_default();
    let set = || -> anyhow::Result<Map<String, Value>> {
        Ok(set.as_deref().map(|text| object("--set", text)).transpose()?.unwrap_or_default())
    };
    Ok(match operation.as_str() {
        "restart" => json!({"restart": {"node": node, "variables": set()?}}),
        "migrate" => migration(to.parse().context("--to is no version")?, mapping.clone()),
        "skip" => json!({"skip": {"node": node, "port": port, "set": set()?}}),
        "move" => json!({"move": {"node": node, "to": to}}),
        "set" => json!({"set_variables": {"set": object("--to", to)?}}),
        simple => Value::from(simple),
    })
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

/// How far it is, and why instances refused.
pub fn print_batch(batch: &Value) {
    println!("{}: {} done, {} refused", batch["state"].as_str().unwrap_or_default(), batch["done"], batch["refused"]);
    print_refusals(batch);
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

async fn list(filter: &Filter, limit: Option<u32>, server: &Server) -> anyhow::Result<()> {
    let mut query = serde_json::to_value(filter)?;
    query["limit"] = limit.into();
    lines(&server.list(&["instances"], &query).await?, |instance| {
        let text = |field: &str| instance[field].as_str().unwrap_or_default().to_owned();
        let at: Vec<&str> = instance["at"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let definition = format!("{} v{}", text("definition"), instance["version"]);
        vec![text("id"), text("state"), definition, text("business_key"), at.join(",")]
    });
    Ok(())
}

async fn show(id: Uuid, at: Option<u64>, server: &Server) -> anyhow::Result<()> {
    let instance = server.list(&["instances", &id.to_string()], &json!({"at": at})).await?;
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

pub fn object(argument: &str, text: &str) -> anyhow::Result<Map<String, Value>> {
    match json_of(argument, text)? {
        Value::Object(fields) => Ok(fields),
        _ => bail!("{argument} is no JSON object: give names with their values, such as {{\"amount\": 3}}"),
    }
}
