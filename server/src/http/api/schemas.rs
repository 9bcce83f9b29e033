//! The JSON Schemas that definitions are written to.

use axum::{http::header, response::IntoResponse};
use baton_domain::definition;
use serde_json::Value;

use crate::http::extract::Caller;

/// The JSON Schema of process definitions
#[utoipa::path(
    get,
    path = "/schemas/process.json",
    tag = "schemas",
    operation_id = "process_schema",
    responses((status = 200, description = "The schema", body = Value, content_type = "application/schema+json"))
)]
pub async fn process(_: Caller) -> impl IntoResponse {
    schema(&definition::process_schema())
}

/// The JSON Schema of saga definitions
#[utoipa::path(
    get,
    path = "/schemas/saga.json",
    tag = "schemas",
    operation_id = "saga_schema",
    responses((status = 200, description = "The schema", body = Value, content_type = "application/schema+json"))
)]
pub async fn saga(_: Caller) -> impl IntoResponse {
    schema(&definition::saga_schema())
}

fn schema(schema: &Value) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/schema+json")], schema.to_string())
}
