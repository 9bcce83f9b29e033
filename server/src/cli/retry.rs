//! `baton retry`: tries failed deliveries again.

use anyhow::bail;
use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::{Which, remote::Server};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Why; stands in the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    server: Server,
}

pub async fn run(Arguments { which, reason, server }: Arguments) -> anyhow::Result<()> {
    let Which { message, destination, failure_class, message_type, all } = which;
    if all && (message.is_some() || destination.is_some() || failure_class.is_some() || message_type.is_some()) {
        bail!("--all is for every failed delivery; leave it out to retry only some");
    }
    let filter = json!({
        "message": message, "destination": destination, "failure_class": failure_class, "type": message_type,
    });
    let body = json!({"action": "retry", "filter": filter, "reason": reason});
    let (_, repair) = server.call(Method::POST, &["repairs"], &[], &body).await?;
    let touched = repair["touched"].as_u64().unwrap_or_default();
    match touched {
        0 => println!("Nothing has failed there."),
        1 => println!("1 delivery is tried again."),
        many => println!("{many} deliveries are tried again."),
    }
    Ok(())
}
