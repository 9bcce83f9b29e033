//! `baton log …`: the place in PostgreSQL's log from which the relay reads. Talks to the database itself, so that it works
//! whether or not a server runs.

use std::sync::Arc;

use anyhow::Context;
use chrono::Utc;
use clap::Subcommand;
use serde_json::Value;

use crate::{
    settings::Settings,
    store::{
        self,
        log::{Log, LogError},
        rows::AuditRow,
    },
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whether the log can be read, and how far the reader is
    Show,
    /// Give the place in the log up: PostgreSQL keeps none of it for Baton any more
    ///
    /// Refused while somebody reads from it. What was inserted and deleted in one transaction, and was not read yet, is lost.
    Drop,
}

pub async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let log = open(settings).await?;
    match command {
        Command::Show => show(log.as_ref()).await,
        Command::Drop => drop_slot(log.as_ref()).await,
    }
}

async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Log>> {
    let store = store::open(&settings.database_url, super::serve::store_options(settings)).await?;
    store.log(settings.log_slot.as_deref()).context(LogError::NoLog.to_string())
}

async fn show(log: &dyn Log) -> anyhow::Result<()> {
    match log.slot().await? {
        None => println!("There is no place in the log."),
        Some(slot) => {
            let reader = if slot.active { "somebody reads from it" } else { "nobody reads from it" };
            println!(
                "{}: {reader}, {} bytes behind, {} bytes kept{}.",
                slot.name,
                slot.lag_bytes,
                slot.retained_bytes,
                if slot.lost { ", given up by the server" } else { "" },
            );
        }
    }
    log.check().await?;
    println!("The log can be read.");
    Ok(())
}

async fn drop_slot(log: &dyn Log) -> anyhow::Result<()> {
    let audit = AuditRow {
        at: Utc::now(),
        actor: "command line".to_owned(),
        action: "drop log slot".to_owned(),
        subject: "relay".to_owned(),
        reason: None,
        detail: Value::Null,
    };
    match log.drop_slot(Some(audit)).await? {
        true => println!("Dropped. PostgreSQL keeps nothing of its log for Baton any more."),
        false => println!("There was nothing to drop."),
    }
    Ok(())
}
