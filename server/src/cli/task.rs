//! `baton task …`: what waits for a person.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    instance::object,
    remote::{Server, lines},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print tasks, a line each: id, state, instance, who it is for, and what it is about
    List {
        /// Those in this state: open, done or all
        #[arg(long, value_name = "STATE", value_parser = ["open", "done", "all"])]
        state: Option<String>,
        /// Those for this person
        #[arg(long, value_name = "NAME")]
        assignee: Option<String>,
        /// Those of this instance
        #[arg(long, value_name = "ID")]
        instance: Option<Uuid>,
        /// How many, up to 200
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
        #[command(flatten)]
        server: Server,
    },
    /// Say that you see to it, so that nobody else does
    Claim {
        /// The task
        id: Uuid,
        #[command(flatten)]
        server: Server,
    },
    /// Decide it by one of its outcomes
    Complete {
        /// The task
        id: Uuid,
        /// The outcome
        #[arg(long, value_name = "NAME")]
        outcome: String,
        /// What is filled in, where the outcome has a form
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
        #[command(flatten)]
        server: Server,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { state, assignee, instance, limit, server } => {
            let query = json!({"state": state, "assignee": assignee, "instance": instance, "limit": limit});
            lines(&server.list(&["tasks"], &query).await?, |task| {
                let who = task["claimed_by"].as_str().or(task["assignee"].as_str()).unwrap_or("anybody");
                let text = |field: &str| task[field].as_str().unwrap_or_default().to_owned();
                vec![text("id"), text("state"), text("instance"), who.to_owned(), text("title")]
            });
            Ok(())
        }
        Command::Claim { id, server } => put(&server, id, "claim", &json!({})).await,
        Command::Complete { id, outcome, data, server } => {
            let data = data.map(|text| object("--data", &text)).transpose()?.unwrap_or_default();
            put(&server, id, "complete", &json!({"outcome": outcome, "data": data})).await
        }
    }
}

/// Prints the state that the task is in now.
async fn put(server: &Server, id: Uuid, what: &str, body: &Value) -> anyhow::Result<()> {
    let (_, task) = server.call(Method::POST, &["tasks", &id.to_string(), what], &[], body).await?;
    println!("{}", task["state"].as_str().unwrap_or_default());
    Ok(())
}
