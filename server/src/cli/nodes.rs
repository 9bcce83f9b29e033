//! `baton nodes`: the servers that work on the database.

use clap::Args;
use serde_json::json;

use super::remote::{Server, lines};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    server: Server,
}

pub async fn run(Arguments { server }: Arguments) -> anyhow::Result<()> {
    lines(&server.list(&["nodes"], &json!({})).await?, |node| {
        let is = |field: &str| node[field].as_bool() == Some(true);
        let state = if is("alive") { "alive" } else { "silent" };
        let name = node["name"].as_str().unwrap_or_default();
        let here = if is("here") { "answers" } else { "" };
        vec![name.to_owned(), state.to_owned(), format!("{} lanes", node["lanes"]), here.to_owned()]
    });
    Ok(())
}
