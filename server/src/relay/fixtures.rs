//! Messages for tests.

use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use chrono::DateTime;
use serde_json::json;
use uuid::Uuid;

/// Event number `number` of the aggregate `order/{key}`.
pub fn a_message(number: u128, key: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(number)),
        kind: MessageKind::Event,
        message_type: "OrderPlaced".into(),
        source: "shop".into(),
        key: Key { aggregate_type: "order".into(), aggregate_id: key.into() },
        aggregate_version: None,
        payload: json!({"number": number as u64}),
        headers: Default::default(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: DateTime::UNIX_EPOCH,
    }
}
