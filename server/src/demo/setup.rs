//! What the world needs in Baton, made over its HTTP API: destinations, routes and the shipped definitions.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{
    World,
    participants::{NAMES, Participants},
};

/// How long to wait for the server to answer at all.
const READY_MAX: Duration = Duration::from_secs(30);

/// A client of Baton's HTTP API.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    pub fn new(world: &World) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build()?;
        Ok(Self { http, base: format!("{}/api/v1", world.baton_url), token: world.token.clone() })
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(self.http.get(format!("{}{path}", self.base)), path).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body), path).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.http.put(format!("{}{path}", self.base)).json(body), path).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, path: &str) -> anyhow::Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await.with_context(|| format!("calling {path}"))?;
        let status = answer.status();
        let body = answer.text().await?;
        if !status.is_success() {
            bail!("{path} answered {status}: {body}");
        }
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(&body)? })
    }
}

pub async fn apply(client: &Client, participants: &Participants) -> anyhow::Result<()> {
    wait_until_ready(client).await?;
    for name in NAMES {
        let settings = json!({
            "kind": "http", "url": format!("{participants}/{name}"),
            "timeout_ms": 5000, "attempts_max": 6, "backoff_base_ms": 400,
        });
        client.put(&format!("/destinations/{name}"), &settings).await?;
        let route = json!({"kind": "command", "aggregate_type": name, "to": name});
        client.put(&format!("/routes/{name}-commands"), &route).await?;
    }
    for (name, source) in baton_domain::definition::shipped() {
        let kind = if source.contains("baton: saga/") { "sagas" } else { "processes" };
        client.put(&format!("/{kind}/{name}/draft"), &json!({"source": source})).await?;
        let note = json!({"note": "shipped with Baton"});
        client.post(&format!("/{kind}/{name}/versions"), &note).await?;
    }
    Ok(())
}

async fn wait_until_ready(client: &Client) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + READY_MAX;
    loop {
        match client.get("/destinations").await {
            Ok(_) => return Ok(()),
            Err(error) if tokio::time::Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
