//! From rows to messages.

use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use serde_json::Value;
use sqlx::{Row, postgres::PgRow};

use crate::store::convert;

/// Reads a message from the first sixteen columns of `read_unpublished.sql`. The error is a sentence for people: whoever
/// inserted it wrote something that the database allows and we cannot represent.
pub(super) fn message(row: &PgRow) -> Result<Message, String> {
    let payload =
        serde_json::from_str(text(row, 9)?).map_err(|error| format!("the payload cannot be read: {error}"))?;
    let headers = convert::headers(text(row, 10)?).map_err(|error| format!("the headers cannot be read: {error}"))?;
    fields(row, payload, headers).map_err(|error| format!("the row cannot be read: {error}"))
}

/// As [`message`], for people and for messages whose payload was replaced: an unreadable payload is shown as text,
/// unreadable headers are left out.
pub(super) fn message_leniently(row: &PgRow) -> Result<Message, sqlx::Error> {
    let payload: &str = row.try_get(9)?;
    let headers: &str = row.try_get(10)?;
    let payload = serde_json::from_str(payload).unwrap_or_else(|_| Value::String(payload.to_owned()));
    fields(row, payload, convert::headers(headers).unwrap_or_default())
}

fn text(row: &PgRow, column: usize) -> Result<&str, String> {
    row.try_get(column).map_err(|error| format!("the row cannot be read: {error}"))
}

fn fields(
    row: &PgRow,
    payload: Value,
    headers: std::collections::BTreeMap<String, String>,
) -> Result<Message, sqlx::Error> {
    let kind: &str = row.try_get(3)?;
    Ok(Message {
        id: MessageId(row.try_get(2)?),
        // A CHECK constraint leaves nothing else.
        kind: if kind == "command" { MessageKind::Command } else { MessageKind::Event },
        message_type: row.try_get(4)?,
        source: row.try_get(5)?,
        key: Key { aggregate_type: row.try_get(6)?, aggregate_id: row.try_get(7)? },
        aggregate_version: row.try_get(8)?,
        payload,
        headers,
        correlation_id: row.try_get(11)?,
        causation_id: row.try_get(12)?,
        deliver_after: row.try_get(13)?,
        destination: row.try_get(14)?,
        created_at: row.try_get(15)?,
    })
}

pub(super) fn lane(row: &PgRow) -> Result<u16, sqlx::Error> {
    let lane: i16 = row.try_get(1)?;
    Ok(lane.unsigned_abs())
}
