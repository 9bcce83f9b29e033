//! Destinations and routes: where messages go beside the bus.

#[cfg(feature = "ssr")]
use baton_domain::diagnostic::Diagnostic;
use leptos::{prelude::*, server_fn::codec::Json};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{given, signed_in};
use crate::{
    model::{BusView, CloudEventsMode, Destination, OrderPolicy, Route, TestReport},
    port::Answer,
    read::Encoded,
};
#[cfg(feature = "ssr")]
use crate::{
    model::{DestinationSettings, KeyRotation, RouteSettings},
    port::AppError,
};

/// The bus, and all destinations.
#[server(prefix = "/sfn", endpoint = "destinations", input = Json)]
pub async fn list_destinations() -> Answer<Encoded<(BusView, Vec<Destination>)>> {
    let (backend, _) = signed_in()?;
    Encoded::of((backend.bus().await?, backend.destinations().await?))
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
    /// Only where there is none yet; replacing one is another form.
    secret: Option<String>,
    timeout_ms: u32,
    attempts_max: u32,
    backoff_base_ms: u32,
    concurrency: u32,
    /// Empty: no limit.
    rate_per_s: Option<String>,
    order: OrderPolicy,
    /// Empty: no circuit breaker.
    breaker_failures: Option<String>,
    breaker_pause_ms: u32,
}

/// Creates or changes an HTTP destination.
#[server(prefix = "/sfn", endpoint = "put-destination")]
pub async fn put_destination(name: String, settings: HttpForm) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let settings = DestinationSettings {
        mode: settings.mode,
        secret: given(settings.secret),
        timeout_ms: settings.timeout_ms,
        attempts_max: settings.attempts_max,
        backoff_base_ms: settings.backoff_base_ms,
        concurrency: settings.concurrency,
        rate_per_s: number("rate_per_s", settings.rate_per_s)?,
        order: settings.order,
        breaker_failures: number("breaker_failures", settings.breaker_failures)?,
        breaker_pause_ms: settings.breaker_pause_ms,
        ..DestinationSettings::http(settings.url)
    };
    backend.put_destination(actor, name, settings).await.map(drop)
}

/// What a text field for a number means; nothing when it was left empty.
#[cfg(feature = "ssr")]
fn number<T: std::str::FromStr>(field: &str, text: Option<String>) -> Answer<Option<T>> {
    let wrong = |text: &str| {
        let message = format!("{text:?} is not a number that fits here");
        AppError::Invalid(vec![Diagnostic::error("number", format!("/{field}"), message)])
    };
    given(text).map(|text| text.parse().map_err(|_| wrong(&text))).transpose()
}

/// Signs with another key; the one before signs along for `old_for_s` seconds.
#[server(prefix = "/sfn", endpoint = "rotate-key")]
pub async fn rotate_key(name: String, secret: String, old_for_s: u32, reason: Option<String>) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let rotation = KeyRotation { secret: secret.trim().to_owned(), old_for_s, reason: given(reason) };
    backend.rotate_key(actor, name, rotation).await.map(drop)
}

#[server(prefix = "/sfn", endpoint = "drop-old-keys")]
pub async fn drop_old_keys(name: String, reason: Option<String>) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.drop_old_keys(actor, name, given(reason)).await.map(drop)
}

#[server(prefix = "/sfn", endpoint = "delete-destination")]
pub async fn delete_destination(name: String) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.delete_destination(actor, name).await
}

#[server(prefix = "/sfn", endpoint = "pause-destination")]
pub async fn pause_destination(name: String, paused: bool, reason: Option<String>) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.pause_destination(actor, name, paused, given(reason)).await.map(drop)
}

/// The name, and what the test there met.
#[server(prefix = "/sfn", endpoint = "test-destination")]
pub async fn test_destination(name: String) -> Answer<(String, TestReport)> {
    let (backend, actor) = signed_in()?;
    let report = backend.test_destination(actor, name.clone()).await?;
    Ok((name, report))
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
