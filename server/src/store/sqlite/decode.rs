//! From rows to messages.

use std::{borrow::Cow, collections::BTreeMap};

use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use serde_json::Value;
use sqlx::{Row, sqlite::SqliteRow};

use super::types::{At, Id};
use crate::store::convert;

/// Reads a message from the fifteen columns of `read_unpublished.sql`. The error is a sentence for people: whoever
/// inserted it wrote something that the database allows and we cannot represent (text that is no UTF-8, for one).
pub(super) fn message(row: &SqliteRow) -> Result<Message, String> {
    let strict = |column| row.try_get::<&str, _>(column).map_err(|error| format!("the row cannot be read: {error}"));
    let payload = serde_json::from_str(strict(8)?).map_err(|error| format!("the payload cannot be read: {error}"))?;
    let headers = convert::headers(strict(9)?).map_err(|error| format!("the headers cannot be read: {error}"))?;
    for column in [3, 4, 5, 6, 10, 11, 13] {
        row.try_get::<Option<&str>, _>(column).map_err(|error| format!("the row cannot be read: {error}"))?;
    }
    fields(row, payload, headers).map_err(|error| format!("the row cannot be read: {error}"))
}

/// As [`message`], for people and for messages whose payload was replaced: whatever is no UTF-8 is shown as well as it
/// can be, an unreadable payload as text; unreadable headers are left out.
pub(super) fn message_leniently(row: &SqliteRow) -> Result<Message, sqlx::Error> {
    let payload = lossy(row, 8)?;
    let payload = serde_json::from_str(&payload).unwrap_or_else(|_| Value::String(payload.into_owned()));
    let headers = convert::headers(&lossy(row, 9)?).unwrap_or_default();
    fields(row, payload, headers)
}

pub(super) fn lossy(row: &SqliteRow, column: usize) -> Result<Cow<'_, str>, sqlx::Error> {
    row.try_get(column).map(String::from_utf8_lossy)
}

fn fields(row: &SqliteRow, payload: Value, headers: BTreeMap<String, String>) -> Result<Message, sqlx::Error> {
    let text = |column| lossy(row, column).map(Cow::into_owned);
    let optional = |column| {
        let bytes: Option<&[u8]> = row.try_get(column)?;
        Ok::<_, sqlx::Error>(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    Ok(Message {
        id: MessageId(row.try_get::<Id, _>(1)?.0),
        // A CHECK constraint leaves nothing else.
        kind: if lossy(row, 2)? == "command" { MessageKind::Command } else { MessageKind::Event },
        message_type: text(3)?,
        source: text(4)?,
        key: Key { aggregate_type: text(5)?, aggregate_id: text(6)? },
        aggregate_version: row.try_get(7)?,
        payload,
        headers,
        correlation_id: optional(10)?,
        causation_id: optional(11)?,
        deliver_after: row.try_get::<Option<At>, _>(12)?.map(|at| at.0),
        destination: optional(13)?,
        created_at: row.try_get::<At, _>(14)?.0,
    })
}
