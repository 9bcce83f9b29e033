//! `baton batch …`: operations on many instances that were begun, here or elsewhere.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    instance::print_batch,
    remote::{Server, lines},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the newest ones, a line each: id, state, operation, how many were asked of how many, and why
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Print how far one is, and why instances refused
    Show(One),
    /// Hold it; what is done stays done
    Pause(One),
    /// Let it go on
    Resume(One),
    /// End it; what is done stays done
    Cancel(One),
}

#[derive(Debug, clap::Args)]
pub struct One {
    /// The operation, as `list` names it
    id: Uuid,
    #[command(flatten)]
    server: Server,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let (One { id, server }, control) = match command {
        Command::List { server } => return list(&server).await,
        Command::Show(one) => (one, None),
        Command::Pause(one) => (one, Some("pause")),
        Command::Resume(one) => (one, Some("resume")),
        Command::Cancel(one) => (one, Some("cancel")),
    };
    let id = id.to_string();
    let (_, batch) = match control {
        Some(control) => server.call(Method::POST, &["batches", &id, control], &[], &Value::Null).await?,
        None => server.call(Method::GET, &["batches", &id], &[], &Value::Null).await?,
    };
    print_batch(&batch);
    Ok(())
}

async fn list(server: &Server) -> anyhow::Result<()> {
    lines(&server.list(&["batches"], &json!({})).await?, |batch| {
        let number = |field: &str| batch[field].as_u64().unwrap_or_default();
        let asked = number("done") + number("refused");
        let text = |field: &str| batch[field].as_str().unwrap_or_default().to_owned();
        // Operations that need to be told more are objects of one field.
        let operation = match &batch["operation"] {
            Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        let progress = format!("{asked}/{}", number("total").max(asked));
        vec![text("id"), text("state"), operation, progress, text("reason")]
    });
    Ok(())
}
