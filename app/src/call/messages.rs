//! Messages: browse and repair.

use leptos::{prelude::*, server_fn::codec::Json};
use uuid::Uuid;

#[cfg(feature = "ssr")]
use super::context::{given, json, signed_in};
#[cfg(feature = "ssr")]
use crate::model::RepairFilter;
use crate::{
    model::{
        Conversation, FailureGroup, MessageDetail, MessageQuery, MessageSummary, Page, RepairAction, RepairReport,
    },
    port::Answer,
    read::Encoded,
};

#[server(prefix = "/sfn", endpoint = "messages", input = Json)]
pub async fn list_messages(query: MessageQuery) -> Answer<Encoded<Page<MessageSummary>>> {
    signed_in()?.0.messages(query).await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "message", input = Json)]
pub async fn get_message(id: Uuid) -> Answer<Encoded<MessageDetail>> {
    signed_in()?.0.message(id).await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "conversation", input = Json)]
pub async fn get_conversation(correlation_id: String) -> Answer<Encoded<Conversation>> {
    signed_in()?.0.conversation(correlation_id).await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "failures", input = Json)]
pub async fn list_failures() -> Answer<Encoded<Vec<FailureGroup>>> {
    signed_in()?.0.failures().await.and_then(Encoded::of)
}

/// Retries or discards the failed deliveries that match; fields left empty match everything.
#[server(prefix = "/sfn", endpoint = "repair")]
pub async fn repair_messages(
    action: RepairAction,
    message: Option<Uuid>,
    destination: Option<String>,
    failure_class: Option<String>,
    message_type: Option<String>,
    reason: Option<String>,
) -> Answer<RepairReport> {
    let (backend, actor) = signed_in()?;
    let filter = RepairFilter {
        message,
        destination: given(destination),
        failure_class: given(failure_class),
        message_type: given(message_type),
    };
    backend.repair(actor, action, filter, given(reason)).await
}

/// Retries a message's failed deliveries with another payload.
#[server(prefix = "/sfn", endpoint = "edit-and-retry")]
pub async fn edit_and_retry(id: Uuid, payload: String) -> Answer<RepairReport> {
    let (backend, actor) = signed_in()?;
    backend.edit_and_retry(actor, id, json("payload", &payload)?).await
}
