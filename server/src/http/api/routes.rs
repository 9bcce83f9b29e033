//! Routes: which messages go to which destination.

use axum::{extract::State, http::StatusCode};
use baton_app::model::{Page, Route, RouteSettings};

use super::whole;
use crate::http::{
    Api,
    extract::{Caller, Json, Name, Result},
    problem::Error,
};

/// All routes
#[utoipa::path(
    get,
    path = "/routes",
    tag = "routes",
    operation_id = "list_routes",
    responses((status = 200, description = "Them all, by name", body = Page<Route>))
)]
pub async fn list(State(api): State<Api>, _: Caller) -> Result<Json<Page<Route>>> {
    Ok(Json(whole(api.backend.routes().await?)))
}

/// One route
#[utoipa::path(
    get,
    path = "/routes/{name}",
    tag = "routes",
    operation_id = "read_route",
    params(("name" = String, Path)),
    responses((status = 200, description = "The route", body = Route))
)]
pub async fn read(State(api): State<Api>, _: Caller, Name(name): Name) -> Result<Json<Route>> {
    let found = api.backend.routes().await?.into_iter().find(|route| route.name == name);
    found.map(Json).ok_or_else(|| Error::not_found(format!("There is no route `{name}`.")))
}

/// Create or replace a route
///
/// `type` and `aggregate_type` are patterns in which `*` stands for anything; what is absent matches everything.
#[utoipa::path(
    put,
    path = "/routes/{name}",
    tag = "routes",
    operation_id = "put_route",
    params(("name" = String, Path)),
    request_body = RouteSettings,
    responses((status = 200, description = "The route afterwards", body = Route))
)]
pub async fn put(
    State(api): State<Api>,
    Caller(actor): Caller,
    Name(name): Name,
    Json(settings): Json<RouteSettings>,
) -> Result<Json<Route>> {
    Ok(Json(api.backend.put_route(actor, name, settings).await?))
}

/// Remove a route
#[utoipa::path(
    delete,
    path = "/routes/{name}",
    tag = "routes",
    operation_id = "delete_route",
    params(("name" = String, Path)),
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(State(api): State<Api>, Caller(actor): Caller, Name(name): Name) -> Result<StatusCode> {
    api.backend.delete_route(actor, name).await?;
    Ok(StatusCode::NO_CONTENT)
}
