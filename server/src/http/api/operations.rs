//! What operators do to instances: one call for each operation. All take a reason, which stands in the history and in the
//! audit, and `expected`, the number of events that the history had when they looked.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use baton_app::model::{InstanceSummary, Operate, OperateRequest, RestartRequest, Started};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{processes::idempotency_key, required_reason};
use crate::http::{
    Api,
    extract::{Caller, Id, Json, OptionalJson, Result},
    problem::Error,
};

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Plain {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cancel {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// Undo what was done first.
    compensate: bool,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// The token whose step is to be tried again; every one that failed when absent.
    token: Option<u32>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Skip {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// The token whose step is left; the only one that failed, or the only one, when absent.
    token: Option<u32>,
    /// The node where it stands, in place of its number.
    node: Option<String>,
    /// The port by which it is left; the only one besides `timeout` when absent.
    port: Option<String>,
    /// Variables to set on the way, in place of what the port sets.
    set: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Move {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// The token to move; the only one that failed, or the only one, when absent.
    token: Option<u32>,
    /// The node where it stands, in place of its number.
    node: Option<String>,
    /// The node that it enters.
    #[schema(required = true)]
    to: Option<String>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SetVariables {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// The token whose own variables are meant, inside a `for-each`; those of the instance when absent.
    token: Option<u32>,
    /// The new values by name.
    #[schema(required = true)]
    set: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settle {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// The id of the command that nobody answered.
    #[schema(required = true)]
    command: Option<Uuid>,
    /// Whether it was done.
    #[schema(required = true)]
    succeeded: Option<bool>,
    /// What its reply would have said, for an undo that reads it.
    payload: Value,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Migrate {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// The version that it is to run.
    #[schema(required = true)]
    to_version: Option<u32>,
    /// Node of the version that it runs → node of the new one, where it is called otherwise.
    mapping: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Restart {
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Refuse when the history has more events than this by now.
    expected: Option<u64>,
    /// The event of its history after which the new instance begins. Those that have a `point` can be chosen.
    #[schema(required = true, minimum = 1)]
    at: Option<u64>,
    /// Variables that are other than they were then, by name.
    variables: Map<String, Value>,
    /// In place of the input; has to fit the input schema of the version. The same input when absent.
    input: Option<Value>,
}

/// Stop an instance until it is resumed
#[utoipa::path(
    post,
    path = "/instances/{id}/suspend",
    tag = "instances",
    operation_id = "suspend_instance",
    params(("id" = Uuid, Path)),
    request_body = Plain,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn suspend(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Plain>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::Suspend;
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Let a suspended instance go on
#[utoipa::path(
    post,
    path = "/instances/{id}/resume",
    tag = "instances",
    operation_id = "resume_instance",
    params(("id" = Uuid, Path)),
    request_body = Plain,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn resume(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Plain>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::Resume;
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// End an instance for good
#[utoipa::path(
    post,
    path = "/instances/{id}/cancel",
    tag = "instances",
    operation_id = "cancel_instance",
    params(("id" = Uuid, Path)),
    request_body = Cancel,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Cancel>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::Cancel { compensate: body.compensate };
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Try what failed in an instance again
#[utoipa::path(
    post,
    path = "/instances/{id}/retry",
    tag = "instances",
    operation_id = "retry_instance",
    params(("id" = Uuid, Path)),
    request_body = Retry,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn retry(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Retry>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::Retry { token: body.token };
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Leave a step without its having happened, or leave an undo out
#[utoipa::path(
    post,
    path = "/instances/{id}/skip",
    tag = "instances",
    operation_id = "skip_instance",
    params(("id" = Uuid, Path)),
    request_body = Skip,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn skip(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Skip>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::Skip { token: body.token, node: body.node, port: body.port, set: body.set };
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Move a token to another node
#[utoipa::path(
    post,
    path = "/instances/{id}/move",
    tag = "instances",
    operation_id = "move_instance",
    params(("id" = Uuid, Path)),
    request_body = Move,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn relocate(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Move>,
) -> Result<Json<InstanceSummary>> {
    let to = required(body.to, "/to", "Name the node to move to.")?;
    let operate = Operate::Move { token: body.token, node: body.node, to };
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Change variables of an instance
#[utoipa::path(
    post,
    path = "/instances/{id}/variables",
    tag = "instances",
    operation_id = "set_instance_variables",
    params(("id" = Uuid, Path)),
    request_body = SetVariables,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn variables(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<SetVariables>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::SetVariables { token: body.token, set: body.set };
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Say what became of a command that nobody answered
#[utoipa::path(
    post,
    path = "/instances/{id}/settle",
    tag = "instances",
    operation_id = "settle_instance",
    params(("id" = Uuid, Path)),
    request_body = Settle,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn settle(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Settle>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::Settle {
        command: required(body.command, "/command", "Name the command by its id.")?,
        succeeded: required(body.succeeded, "/succeeded", "Say whether it was done.")?,
        payload: body.payload,
    };
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Stop undoing: the instance ends as failed
#[utoipa::path(
    post,
    path = "/instances/{id}/abandon",
    tag = "instances",
    operation_id = "abandon_instance",
    params(("id" = Uuid, Path)),
    request_body = Plain,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn abandon(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Plain>,
) -> Result<Json<InstanceSummary>> {
    let operate = Operate::Abandon;
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Have an instance go on by another version of its definition
///
/// What it waits for stays as it is; the new version says what follows. Refused with all that is in the way.
#[utoipa::path(
    post,
    path = "/instances/{id}/migrate",
    tag = "migrations",
    operation_id = "migrate_instance",
    params(("id" = Uuid, Path)),
    request_body = Migrate,
    responses((status = 200, description = "The instance afterwards", body = InstanceSummary))
)]
pub async fn migrate(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<Migrate>,
) -> Result<Json<InstanceSummary>> {
    let to_version = required(body.to_version, "/to_version", "Name the version that it is to run.")?;
    let operate = Operate::Migrate { to_version, mapping: body.mapping };
    perform(&api, caller, id, operate, body.reason, body.expected).await
}

/// Restart an instance from an earlier point, as a new one
///
/// The new instance begins at the node where the only token stood then, enters it anew, and takes over: what can be
/// undone goes along, and an original that has not ended ends. With the header `Idempotency-Key`, the same request again
/// makes nothing and answers 200 with the first one's instance.
#[utoipa::path(
    post,
    path = "/instances/{id}/restart",
    tag = "instances",
    operation_id = "restart_instance",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 200 characters")
    ),
    request_body = Restart,
    responses(
        (status = 201, description = "The new instance", body = Started),
        (status = 200, description = "It was restarted before with this key", body = Started)
    )
)]
pub async fn restart(
    State(api): State<Api>,
    Caller(actor): Caller,
    Id(id): Id,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<Restart>,
) -> Result<impl IntoResponse> {
    let idempotency_key = idempotency_key(&headers)?;
    let Restart { reason, expected, at, variables, input } = body;
    let at = required(at, "/at", "Name the event of the history to begin after.")?;
    let reason = required_reason(reason)?;
    let request = RestartRequest { at, variables, input, reason, expected, idempotency_key };
    let started = api.backend.restart(actor, id, request).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, format!("/api/v1/instances/{}", started.id))], Json(started)))
}

pub(super) fn required<T>(given: Option<T>, pointer: &str, say: &str) -> Result<T> {
    given.ok_or_else(|| Error::invalid_at(pointer, "missing-field", say))
}

async fn perform(
    api: &Api,
    Caller(actor): Caller,
    id: Uuid,
    operate: Operate,
    reason: Option<String>,
    expected: Option<u64>,
) -> Result<Json<InstanceSummary>> {
    let request = OperateRequest { operate, reason: required_reason(reason)?, expected };
    Ok(Json(api.backend.operate(actor, id, request).await?))
}
