//! The place in the database's log from which the relay reads.

use axum::{extract::State, http::StatusCode};

use crate::http::{
    Api,
    extract::{Caller, Result},
};

/// Give the place in the log up
///
/// PostgreSQL then keeps none of its log for Baton. Refused while somebody reads from there: start every node with
/// `BATON_RELAY_SOURCE=poll` first. How it is stands in `GET /about`.
#[utoipa::path(
    delete,
    path = "/log/slot",
    tag = "operation",
    operation_id = "drop_log_slot",
    responses((status = 204, description = "It is gone"))
)]
pub async fn drop_slot(State(api): State<Api>, Caller(actor): Caller) -> Result<StatusCode> {
    api.backend.drop_log_slot(actor).await?;
    Ok(StatusCode::NO_CONTENT)
}
