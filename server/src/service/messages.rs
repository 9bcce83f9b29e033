//! Messages, failures and their repair.

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    ids::{InstanceId, MessageId},
    message::Message,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Service, convert, invalid, page_size, store_error};
use crate::store::rows::{self, MessageState};

/// How many messages a conversation shows at most.
const CONVERSATION_MAX: u32 = 500;

impl Service {
    pub(super) async fn append_messages(&self, messages: &[Message]) -> Answer<Accepted> {
        let appended = self.store.append(messages, None).await.map_err(store_error)?;
        if !appended.accepted.is_empty() {
            self.relay.now();
        }
        let ids = |ids: Vec<MessageId>| ids.into_iter().map(|id| id.0).collect();
        Ok(Accepted { accepted: ids(appended.accepted), duplicates: ids(appended.duplicates) })
    }

    pub(super) async fn list_messages(&self, query: MessageQuery) -> Answer<Page<MessageSummary>> {
        let filter = rows::MessageFilter {
            state: query
                .state
                .as_deref()
                .map(|word| convert::parse_word(word, "state", &MessageState::ALL, MessageState::as_str))
                .transpose()?,
            kind: query.kind.as_deref().map(convert::parse_kind).transpose()?,
            message_type: query.message_type,
            aggregate_type: query.aggregate_type,
            aggregate_id: query.aggregate_id,
            correlation_id: query.correlation_id,
            destination: query.destination,
            q: query.q,
            from: query.from,
            to: query.to,
            limit: page_size(query.limit)?,
            cursor: query.cursor,
        };
        let page = self.store.list_messages(&filter).await.map_err(store_error)?;
        Ok(convert::page(page, convert::message_summary))
    }

    pub(super) async fn read_message(&self, id: Uuid) -> Answer<MessageDetail> {
        let found = self.store.read_message(MessageId(id)).await.map_err(store_error)?;
        let Some((row, deliveries)) = found else {
            return Err(AppError::NotFound(format!(
                "There is no message {id}. It may have been removed after its retention."
            )));
        };
        let instance = self.instance_of(&row.message).await?;
        let message = &row.message;
        Ok(MessageDetail {
            aggregate_version: message.aggregate_version,
            payload: message.payload.clone(),
            headers: message.headers.clone(),
            deliver_after: message.deliver_after,
            destination: message.destination.clone(),
            deliveries: deliveries.into_iter().map(convert::delivery).collect(),
            instance,
            summary: convert::message_summary(row),
        })
    }

    async fn instance_of(&self, message: &Message) -> Answer<Option<Uuid>> {
        for candidate in crate::engine::step::candidates(message) {
            if self.store.read_instance(candidate).await.map_err(store_error)?.is_some() {
                return Ok(Some(candidate.0));
            }
        }
        Ok(None)
    }

    pub(super) async fn read_conversation(&self, correlation_id: String) -> Answer<Conversation> {
        let instance = match correlation_id.parse().map(InstanceId) {
            Ok(id) => self.store.read_instance(id).await.map_err(store_error)?.map(|_| id.0),
            Err(_) => None,
        };
        Ok(Conversation { messages: self.correlated(correlation_id).await?, instance })
    }

    /// All messages with one correlation id, oldest first.
    pub(super) async fn correlated(&self, correlation_id: String) -> Answer<Vec<MessageSummary>> {
        let mut messages = Vec::new();
        let mut filter =
            rows::MessageFilter { correlation_id: Some(correlation_id.clone()), limit: 200, ..Default::default() };
        while messages.len() < CONVERSATION_MAX as usize {
            let page = self.store.list_messages(&filter).await.map_err(store_error)?;
            messages.extend(page.items.into_iter().map(convert::message_summary));
            match page.next {
                Some(next) => filter.cursor = Some(next),
                None => break,
            }
        }
        // The message that began it carries no correlation id where its own id serves as one.
        if let Ok(id) = correlation_id.parse::<Uuid>()
            && !messages.iter().any(|message| message.id == id)
            && let Some((row, _)) = self.store.read_message(MessageId(id)).await.map_err(store_error)?
        {
            messages.push(convert::message_summary(row));
        }
        messages.truncate(CONVERSATION_MAX as usize);
        messages.sort_by_key(|message| message.seq);
        Ok(messages)
    }

    pub(super) async fn list_failures(&self) -> Answer<Vec<FailureGroup>> {
        let groups = self.store.list_failures().await.map_err(store_error)?;
        Ok(groups.into_iter().map(convert::failure_group).collect())
    }

    pub(super) async fn repair_deliveries(
        &self,
        actor: Actor,
        action: RepairAction,
        filter: RepairFilter,
        reason: Option<String>,
    ) -> Answer<RepairReport> {
        let (verb, repair) = match action {
            RepairAction::Retry => ("retry-delivery", rows::Repair::Retry { edited_payload: None }),
            RepairAction::Discard => ("discard-delivery", rows::Repair::Discard),
        };
        let subject = match filter.message {
            Some(id) => format!("message/{id}"),
            None => "messages".to_owned(),
        };
        let mut audit = self.audit(&actor, verb, subject, reason);
        audit.detail = serde_json::to_value(&filter).unwrap_or_default();
        self.apply_repair(filter, repair, audit).await
    }

    pub(super) async fn edit_delivery(&self, actor: Actor, id: Uuid, payload: Value) -> Answer<RepairReport> {
        let size = payload.to_string().len();
        if size > baton_domain::message::PAYLOAD_BYTES_MAX {
            return Err(invalid(
                "too-large",
                "/payload",
                format!("the payload has {size} bytes; at most {}", baton_domain::message::PAYLOAD_BYTES_MAX),
            ));
        }
        let mut audit = self.audit(&actor, "edit-delivery", format!("message/{id}"), None);
        audit.detail = payload.clone();
        let filter = RepairFilter { message: Some(id), ..Default::default() };
        self.apply_repair(filter, rows::Repair::Retry { edited_payload: Some(payload) }, audit).await
    }

    async fn apply_repair(
        &self,
        filter: RepairFilter,
        repair: rows::Repair,
        audit: rows::AuditRow,
    ) -> Answer<RepairReport> {
        if let Some(id) = filter.message {
            // Tells "nothing there" from "nothing to repair".
            if self.store.read_message(MessageId(id)).await.map_err(store_error)?.is_none() {
                return Err(AppError::NotFound(format!("There is no message {id}.")));
            }
        }
        let single = filter.message.is_some();
        let filter = rows::RepairFilter {
            message_id: filter.message.map(MessageId),
            destination: filter.destination,
            failure_class: filter.failure_class,
            message_type: filter.message_type,
        };
        let touched = self.store.repair(&filter, &repair, audit).await.map_err(store_error)?;
        if touched == 0 && single {
            return Err(AppError::Conflict {
                code: "nothing-failed".into(),
                message: "This message has no failed delivery: it was delivered, or somebody has repaired it already."
                    .into(),
            });
        }
        self.nudges.all();
        self.changes.messages([]);
        Ok(RepairReport { touched })
    }
}
