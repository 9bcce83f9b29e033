//! For whoever runs the server: health, readiness and metrics, outside `/api`.

use axum::{extract::State, http::header, response::IntoResponse};
use baton_app::model::LogCondition;
use chrono::Utc;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Json, Result},
};
use crate::metrics;

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    status: &'static str,
    /// How the broker is, where there is one: messages wait in the outbox while it is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "connected")]
    bus: Option<&'static str>,
    /// How reading the database's log goes, where it is read: `read`, `read-by-another`, or `away` (the outbox is read
    /// instead), and `behind` when its reader is further behind than it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "read")]
    log: Option<&'static str>,
    /// Between what was confirmed and the end of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_lag_bytes: Option<u64>,
}

/// Is the process alive?
///
/// Answers without looking at anything else. Needs no credentials.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    security(()),
    responses((status = 200, description = "It is", body = Health))
)]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok", bus: None, log: None, log_lag_bytes: None })
}

/// Can it work?
///
/// Asks the database. 503 says that it is away, or that its disk was full a moment ago. A broker that is away is told, and
/// is no reason to send nobody here: what is handed in waits in the outbox.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses((status = 200, description = "It can", body = Health))
)]
pub async fn readyz(State(api): State<Api>) -> Result<Json<Health>> {
    api.store.ping().await?;
    let about = api.backend.about().await?;
    let bus = about.bus_condition.map(|condition| if condition.connected { "connected" } else { "away" });
    let log = about.log.as_ref().filter(|log| log.wanted).map(|log| match log {
        LogCondition { behind: true, .. } => "behind",
        LogCondition { reading: true, .. } => "read",
        LogCondition { read_by_another: true, .. } => "read-by-another",
        LogCondition { .. } => "away",
    });
    Ok(Json(Health { status: "ready", bus, log, log_lag_bytes: about.log.map(|log| log.lag_bytes) }))
}

/// Metrics for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "The text exposition format", body = String, content_type = "text/plain"))
)]
pub async fn metrics(State(api): State<Api>) -> Result<impl IntoResponse> {
    let counts = api.store.counts(Utc::now()).await?;
    let text = metrics::render(&counts, Utc::now());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
