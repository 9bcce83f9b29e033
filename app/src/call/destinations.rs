//! Destinations and routes: where messages go beside the bus.

use leptos::{prelude::*, server_fn::codec::Json};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{given, signed_in};
#[cfg(feature = "ssr")]
use crate::model::{DestinationSettings, RouteSettings};
use crate::{
    model::{CloudEventsMode, Destination, Route, TestReport},
    port::Answer,
    read::Encoded,
};

#[server(prefix = "/sfn", endpoint = "destinations", input = Json)]
pub async fn list_destinations() -> Answer<Encoded<Vec<Destination>>> {
    signed_in()?.0.destinations().await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "routes", input = Json)]
pub async fn list_routes() -> Answer<Encoded<Vec<Route>>> {
    signed_in()?.0.routes().await.and_then(Encoded::of)
}

/// The form of an HTTP destination: a control `settings[…]` for each field.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HttpForm {
    url: String,
    mode: CloudEventsMode,
    /// Empty: the one that is there stays.
    secret: Option<String>,
    timeout_ms: u32,
    attempts_max: u32,
    backoff_base_ms: u32,
    concurrency: u32,
}

/// Creates or changes an HTTP destination.
#[server(prefix = "/sfn", endpoint = "put-destination")]
pub async fn put_destination(name: String, settings: HttpForm) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let HttpForm { url, mode, secret, timeout_ms, attempts_max, backoff_base_ms, concurrency } = settings;
    let secret = given(secret);
    let settings =
        DestinationSettings::Http { url, mode, secret, timeout_ms, attempts_max, backoff_base_ms, concurrency };
    backend.put_destination(actor, name, settings).await.map(drop)
}

#[server(prefix = "/sfn", endpoint = "delete-destination")]
pub async fn delete_destination(name: String) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.delete_destination(actor, name).await
}

#[server(prefix = "/sfn", endpoint = "pause-destination")]
pub async fn pause_destination(name: String, paused: bool) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.pause_destination(actor, name, paused).await.map(drop)
}

#[server(prefix = "/sfn", endpoint = "test-destination")]
pub async fn test_destination(name: String) -> Answer<TestReport> {
    let (backend, actor) = signed_in()?;
    backend.test_destination(actor, name).await
}

#[server(prefix = "/sfn", endpoint = "put-route")]
pub async fn put_route(
    name: String,
    kind: Option<String>,
    message_type: Option<String>,
    aggregate_type: Option<String>,
    to: String,
) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let (kind, message_type, aggregate_type) = (given(kind), given(message_type), given(aggregate_type));
    backend.put_route(actor, name, RouteSettings { kind, message_type, aggregate_type, to }).await.map(drop)
}

#[server(prefix = "/sfn", endpoint = "delete-route")]
pub async fn delete_route(name: String) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.delete_route(actor, name).await
}
