//! Commands that write to the database themselves: `migrate`, `token create`, `token link`.

use std::sync::Arc;

use anyhow::Context;
use reqwest::Method;
use serde_json::json;

use super::remote::Server;
use crate::{
    http::auth::Access,
    settings::Settings,
    store::{self, Store},
};

/// `baton migrate`: opening a store brings its tables up to date.
pub async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let store = open(settings).await?;
    println!("The tables on {} are up to date.", store.dialect());
    Ok(())
}

/// `baton token create`: by the running server when there is a token for it, else in the database.
pub async fn create_token(settings: &Settings, server: &Server, name: &str) -> anyhow::Result<()> {
    if server.token.is_some() {
        let (_, made) = server.call(Method::POST, &["tokens"], &[], &json!({"name": name})).await?;
        let token = made["token"].as_str().context("the server's answer has no token")?;
        print_token(token);
        return Ok(());
    }
    let access = access(settings).await?;
    let token = access.make_token(name.trim()).await.map_err(|error| anyhow::anyhow!(error.detail))?;
    print_token(&token);
    Ok(())
}

/// `baton token link`.
pub async fn create_link(settings: &Settings) -> anyhow::Result<()> {
    let access = access(settings).await?;
    let link = access.make_link().await.map_err(|error| anyhow::anyhow!(error.detail))?;
    println!("{}/sign-in?link={link}", settings.address());
    eprintln!("The link works once, for 24 hours.");
    Ok(())
}

/// The token alone on standard output, so that scripts can take it.
fn print_token(token: &str) {
    println!("{token}");
    eprintln!("This is the only time it is shown. Use it as `Authorization: Bearer …`, or as BATON_TOKEN.");
}

async fn access(settings: &Settings) -> anyhow::Result<Access> {
    Ok(Access::new(open(settings).await?, settings))
}

async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let opened = store::open(&settings.database_url, super::serve::store_options(settings)).await;
    opened.context(
        "the database could not be opened (while a server runs on SQLite, only that server can write: stop it first, \
         or set BATON_TOKEN so that the server does it)",
    )
}
