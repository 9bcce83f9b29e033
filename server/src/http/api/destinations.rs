//! Destinations: where messages go beside the bus.

use axum::{extract::State, http::StatusCode};
use baton_app::model::{BusView, Destination, DestinationSettings, KeyRotation, Page, TestReport};

use super::{Reason, optional_reason, whole};
use crate::http::{
    Api,
    extract::{Caller, Json, Name, OptionalJson, Result},
    problem::Error,
};

/// All destinations
#[utoipa::path(
    get,
    path = "/destinations",
    tag = "destinations",
    operation_id = "list_destinations",
    responses((status = 200, description = "Them all, by name", body = Page<Destination>))
)]
pub async fn list(State(api): State<Api>, _: Caller) -> Result<Json<Page<Destination>>> {
    Ok(Json(whole(api.backend.destinations().await?)))
}

/// One destination
#[utoipa::path(
    get,
    path = "/destinations/{name}",
    tag = "destinations",
    operation_id = "read_destination",
    params(("name" = String, Path)),
    responses((status = 200, description = "The destination; its secret is never shown", body = Destination))
)]
pub async fn read(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<Json<Destination>> {
    let found = api.backend.destinations().await?.into_iter().find(|destination| destination.name == name);
    found.map(Json).ok_or_else(|| Error::not_found(format!("There is no destination `{name}`.")))
}

/// Create or replace a destination
#[utoipa::path(
    put,
    path = "/destinations/{name}",
    tag = "destinations",
    operation_id = "put_destination",
    params(("name" = String, Path)),
    request_body = DestinationSettings,
    responses((status = 200, description = "The destination afterwards", body = Destination))
)]
pub async fn put(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    Json(settings): Json<DestinationSettings>,
) -> Result<Json<Destination>> {
    Ok(Json(api.backend.put_destination(actor, name, settings).await?))
}

/// Remove a destination
#[utoipa::path(
    delete,
    path = "/destinations/{name}",
    tag = "destinations",
    operation_id = "delete_destination",
    params(("name" = String, Path)),
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(State(api): State<Api>, Caller(actor): Caller, Name(name): Name) -> Result<StatusCode> {
    api.backend.delete_destination(actor, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a test message to a destination
#[utoipa::path(
    post,
    path = "/destinations/{name}/test",
    tag = "destinations",
    operation_id = "test_destination",
    params(("name" = String, Path)),
    responses((status = 200, description = "What it met", body = TestReport))
)]
pub async fn test(State(api): State<Api>, Caller(actor): Caller, Name(name): Name) -> Result<Json<TestReport>> {
    Ok(Json(api.backend.test_destination(actor, name).await?))
}

/// Stop sending to a destination; its messages wait
///
/// Pausing one that is paused changes nothing, not even the reason.
#[utoipa::path(
    post,
    path = "/destinations/{name}/pause",
    tag = "destinations",
    operation_id = "pause_destination",
    params(("name" = String, Path)),
    request_body = Option<Reason>,
    responses((status = 200, description = "The destination afterwards", body = Destination))
)]
pub async fn pause(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<Destination>> {
    Ok(Json(api.backend.pause_destination(actor, name, true, optional_reason(body.reason)?).await?))
}

/// Send to a paused destination again
#[utoipa::path(
    post,
    path = "/destinations/{name}/resume",
    tag = "destinations",
    operation_id = "resume_destination",
    params(("name" = String, Path)),
    request_body = Option<Reason>,
    responses((status = 200, description = "The destination afterwards", body = Destination))
)]
pub async fn resume(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<Destination>> {
    Ok(Json(api.backend.pause_destination(actor, name, false, optional_reason(body.reason)?).await?))
}

/// Sign with another key
///
/// The key before it signs along (the header has a signature by each) until it expires, so that receivers can change over
/// one by one.
#[utoipa::path(
    post,
    path = "/destinations/{name}/keys",
    tag = "destinations",
    operation_id = "rotate_destination_key",
    params(("name" = String, Path)),
    request_body = KeyRotation,
    responses((status = 200, description = "The destination afterwards; its keys without what is secret", body = Destination))
)]
pub async fn rotate(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    Json(rotation): Json<KeyRotation>,
) -> Result<Json<Destination>> {
    let rotation = KeyRotation { reason: optional_reason(rotation.reason)?, ..rotation };
    Ok(Json(api.backend.rotate_key(actor, name, rotation).await?))
}

/// Stop signing with the keys from before, now
#[utoipa::path(
    delete,
    path = "/destinations/{name}/keys/old",
    tag = "destinations",
    operation_id = "drop_old_destination_keys",
    params(("name" = String, Path)),
    request_body = Option<Reason>,
    responses((status = 200, description = "The destination afterwards", body = Destination))
)]
pub async fn drop_old_keys(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    OptionalJson(body): OptionalJson<Reason>,
) -> Result<Json<Destination>> {
    Ok(Json(api.backend.drop_old_keys(actor, name, optional_reason(body.reason)?).await?))
}

/// The bus, how it is, and what is open there
#[utoipa::path(
    get,
    path = "/bus",
    tag = "destinations",
    operation_id = "read_bus",
    responses((status = 200, description = "Connected or away, since when, and its last error", body = BusView))
)]
pub async fn bus(State(api): State<Api>, _: Caller) -> Result<Json<BusView>> {
    Ok(Json(api.backend.bus().await?))
}
