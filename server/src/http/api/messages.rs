//! Messages: taking them in, browsing them, repairing one.

use std::collections::HashMap;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use baton_app::model::{
    Accepted, MessageDetail, MessageQuery, MessageSummary, Page, RepairAction, RepairFilter, RepairReport,
};
use baton_domain::{
    diagnostic::Diagnostic,
    ids::MessageId,
    message::{Message, accept},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{about_query, check_limit, optional_reason};
use crate::{
    cloudevents,
    http::{
        Api,
        extract::{Caller, Id, Json, OptionalJson, Params, Raw, Result, is_json, parse_json, unsupported},
        problem::Error,
    },
};

/// Messages in one request.
pub const BATCH_MAX: usize = 1_000;

/// A message as a producer hands it in. What is left out gets a default.
#[derive(ToSchema)]
#[schema(as = NewMessage)]
#[allow(dead_code, reason = "describes what `baton_domain::message::accept` reads")]
pub struct NewMessage {
    /// Its id everywhere; receivers deduplicate by it. A fresh one when absent.
    id: Option<Uuid>,
    /// `event` (default) or `command`.
    kind: Option<String>,
    #[schema(rename = "type", example = "OrderPlaced")]
    r#type: String,
    /// Who sends it; the token's account when absent.
    source: Option<String>,
    #[schema(example = "order")]
    aggregate_type: String,
    /// With the aggregate type it is the key that order is kept by.
    #[schema(example = "order-42")]
    aggregate_id: String,
    #[schema(minimum = 0)]
    aggregate_version: Option<i64>,
    /// Any JSON, up to 1 MiB in compact form.
    payload: Value,
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    headers: Option<Map<String, Value>>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    /// Not before this instant.
    #[schema(value_type = Option<String>, format = DateTime)]
    deliver_after: Option<DateTime<Utc>>,
    /// The one destination that it is meant for, instead of what the routes say.
    destination: Option<String>,
}

/// One message or a list of them.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the body")]
pub enum NewMessages {
    One(Box<NewMessage>),
    Many(Vec<NewMessage>),
}

/// Hand messages in
///
/// For producers without access to the database. One message, a list of up to 1,000, or CloudEvents 1.0 (structured,
/// binary or a batch). All or nothing: one bad message and none is written; every finding names its place. An id that is
/// known from an earlier request is a repetition: named under `duplicates`, not looked at further. Different messages with
/// one id in the same request are refused.
#[utoipa::path(
    post,
    path = "/messages",
    tag = "messages",
    operation_id = "post_messages",
    request_body(
        content(
            (NewMessages = "application/json"),
            (Value = "application/cloudevents+json"),
            (Value = "application/cloudevents-batch+json")
        )
    ),
    responses((status = 202, description = "They are in the outbox", body = Accepted))
)]
pub async fn post(
    State(api): State<Api>,
    Caller(actor): Caller,
    headers: HeaderMap,
    raw: Raw,
) -> Result<(StatusCode, Json<Accepted>)> {
    let messages = read_messages(&headers, &raw, &actor.name)?;
    refuse_two_of_one_id(&messages)?;
    Ok((StatusCode::ACCEPTED, Json(api.backend.append(&messages).await?)))
}

/// An id that was in an earlier request marks a repetition, and nobody looks at the rest of it: that is what makes a
/// producer's retry safe. Two different messages of one id in the same request are a mistake, and one would be lost.
fn refuse_two_of_one_id(messages: &[Message]) -> Result<()> {
    let mut known: HashMap<MessageId, usize> = HashMap::with_capacity(messages.len());
    let mut found = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        match known.get(&message.id) {
            None => drop(known.insert(message.id, index)),
            Some(&first) if messages[first] == *message => {}
            Some(first) => {
                let text = format!("The message at /{first} has this id too, and is another one. Give each its own.");
                found.push(Diagnostic::error("repeated-id", format!("/{index}/id"), text));
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Error::invalid(found)) }
}

fn read_messages(headers: &HeaderMap, raw: &Raw, default_source: &str) -> Result<Vec<Message>> {
    let now = Utc::now();
    let found = match raw.content_type.as_deref() {
        Some(cloudevents::STRUCTURED) => {
            cloudevents::from_structured(&parse_json(&raw.bytes)?, now).map(|one| vec![one])
        }
        Some(cloudevents::BATCH) => cloudevents::from_batch(&parse_json(&raw.bytes)?, now),
        _ if headers.contains_key("ce-specversion") => {
            cloudevents::from_binary(headers, &raw.bytes, now).map(|one| vec![one])
        }
        Some(kind) if is_json(kind) => match parse_json::<Value>(&raw.bytes)? {
            Value::Array(items) => accept_all(&items, default_source, now),
            one => accept(&one, Uuid::now_v7(), default_source, now).map(|one| vec![one]),
        },
        _ => return Err(unsupported("application/json or application/cloudevents+json")),
    };
    found.map_err(Error::invalid)
}

fn accept_all(
    items: &[Value],
    default_source: &str,
    now: DateTime<Utc>,
) -> std::result::Result<Vec<Message>, Vec<Diagnostic>> {
    if items.is_empty() {
        return Err(vec![Diagnostic::error("empty", "", "The list has no message.")]);
    }
    if items.len() > BATCH_MAX {
        let text = format!("The list has {} messages; send at most {BATCH_MAX} at a time.", items.len());
        return Err(vec![Diagnostic::error("too-many", "", text)]);
    }
    let mut found = Vec::new();
    let mut messages = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match accept(item, Uuid::now_v7(), default_source, now) {
            Ok(message) => messages.push(message),
            Err(wrong) => found.extend(wrong.into_iter().map(|one| one.under(&format!("/{index}")))),
        }
    }
    if found.is_empty() { Ok(messages) } else { Err(found) }
}

/// Browse messages, newest first
#[utoipa::path(
    get,
    path = "/messages",
    tag = "messages",
    operation_id = "list_messages",
    params(MessageQuery),
    responses((status = 200, description = "A page", body = Page<MessageSummary>))
)]
pub async fn list(
    State(api): State<Api>,
    _: Caller,
    Params(query): Params<MessageQuery>,
) -> Result<Json<Page<MessageSummary>>> {
    check_limit(query.limit)?;
    api.backend.messages(query).await.map(Json).map_err(about_query)
}

/// One message with its deliveries and attempts
#[utoipa::path(
    get,
    path = "/messages/{id}",
    tag = "messages",
    operation_id = "read_message",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The message", body = MessageDetail))
)]
pub async fn read(State(api): State<Api>, _: Caller, Id(id): Id) -> Result<Json<MessageDetail>> {
    Ok(Json(api.backend.message(id).await?))
}

/// Which of a message's failed deliveries, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RepairOne {
    /// All of its failed deliveries when absent.
    destination: Option<String>,
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Try a message's failed deliveries again
#[utoipa::path(
    post,
    path = "/messages/{id}/retry",
    tag = "messages",
    operation_id = "retry_message",
    params(("id" = Uuid, Path)),
    request_body = Option<RepairOne>,
    responses((status = 200, description = "How many deliveries were put back", body = RepairReport))
)]
pub async fn retry(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<RepairOne>,
) -> Result<Json<RepairReport>> {
    repair_one(&api, caller, RepairAction::Retry, id, body).await
}

/// Give a message's failed deliveries up
///
/// Its followers go on.
#[utoipa::path(
    post,
    path = "/messages/{id}/discard",
    tag = "messages",
    operation_id = "discard_message",
    params(("id" = Uuid, Path)),
    request_body = Option<RepairOne>,
    responses((status = 200, description = "How many deliveries were given up", body = RepairReport))
)]
pub async fn discard(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    OptionalJson(body): OptionalJson<RepairOne>,
) -> Result<Json<RepairReport>> {
    repair_one(&api, caller, RepairAction::Discard, id, body).await
}

async fn repair_one(
    api: &Api,
    Caller(actor): Caller,
    action: RepairAction,
    id: Uuid,
    body: RepairOne,
) -> Result<Json<RepairReport>> {
    let filter = RepairFilter { message: Some(id), destination: body.destination, ..RepairFilter::default() };
    let report = api.backend.repair(actor, action, filter, optional_reason(body.reason)?).await?;
    if report.touched == 0 {
        // Says what is not there; a message that is there has nothing to repair.
        api.backend.message(id).await?;
        return Err(nothing_failed());
    }
    Ok(Json(report))
}

fn nothing_failed() -> Error {
    Error::conflict("nothing-failed", "No delivery of this message has failed (or it was repaired already).")
}

/// The payload that is sent instead of the original.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    payload: Value,
}

/// Try a message's failed deliveries again with another payload
///
/// The original is kept beside it.
#[utoipa::path(
    post,
    path = "/messages/{id}/edit",
    tag = "messages",
    operation_id = "edit_message",
    params(("id" = Uuid, Path)),
    request_body = Edit,
    responses((status = 200, description = "How many deliveries were put back", body = RepairReport))
)]
pub async fn edit(
    State(api): State<Api>,
    Caller(actor): Caller,
    Id(id): Id,
    Json(body): Json<Edit>,
) -> Result<Json<RepairReport>> {
    let report = api.backend.edit_and_retry(actor, id, body.payload).await?;
    if report.touched == 0 {
        api.backend.message(id).await?;
        return Err(nothing_failed());
    }
    Ok(Json(report))
}
