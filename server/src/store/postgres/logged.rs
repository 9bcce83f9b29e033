//! From a row of the outbox in the log to a message: pure. All values are texts, as the session was told to write them.

use std::collections::HashMap;

use baton_domain::{
    ids::MessageId,
    lane::lane_of,
    message::{Key, Message, MessageKind},
};
use chrono::DateTime;

use crate::{
    replication::pgoutput::{Relation, Value},
    store::{
        convert,
        log::Logged,
        rows::{Instant, Outbound},
    },
};

/// The columns of the outbox that are read. `lane` is not among them: it is computed, and the log has stored columns only.
const COLUMNS: [&str; 15] = [
    "seq",
    "id",
    "kind",
    "type",
    "source",
    "aggregate_type",
    "aggregate_id",
    "aggregate_version",
    "payload",
    "headers",
    "correlation_id",
    "causation_id",
    "deliver_after",
    "destination",
    "created_at",
];

/// Where the outbox has its columns.
pub(super) struct Layout([usize; COLUMNS.len()]);

impl Layout {
    /// The error names the column that is missing.
    pub(super) fn of(relation: &Relation) -> Result<Self, String> {
        let places: HashMap<&str, usize> =
            relation.columns.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let mut layout = [0; COLUMNS.len()];
        for (place, name) in layout.iter_mut().zip(COLUMNS) {
            *place = *places.get(name).ok_or_else(|| format!("the publication leaves out the column {name:?}"))?;
        }
        Ok(Self(layout))
    }

    /// The error says what is wrong with the row as a whole; a message that cannot be represented is in [`Logged`].
    pub(super) fn read(&self, values: &[Value<'_>]) -> Result<Logged, String> {
        let row = Row { layout: self, values };
        let seq = row.required(0)?;
        let seq = seq.parse().map_err(|_| format!("the column \"seq\" cannot be {seq:?}"))?;
        Ok(Logged { seq, message: row.message(seq) })
    }
}

struct Row<'a> {
    layout: &'a Layout,
    values: &'a [Value<'a>],
}

impl<'a> Row<'a> {
    fn text(&self, column: usize) -> Result<Option<&'a str>, String> {
        match self.values.get(self.layout.0[column]) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            None => Err(format!("the row has no column {:?}", COLUMNS[column])),
        }
    }

    fn required(&self, column: usize) -> Result<&'a str, String> {
        self.text(column)?.ok_or_else(|| format!("the column {:?} is null", COLUMNS[column]))
    }

    fn owned(&self, column: usize) -> Result<Option<String>, String> {
        Ok(self.text(column)?.map(str::to_owned))
    }

    fn message(&self, seq: i64) -> Result<Outbound, String> {
        let odd = |column: usize, text: &str| format!("the column {:?} cannot be {text:?}", COLUMNS[column]);
        let id = self.required(1)?;
        let key = Key { aggregate_type: self.required(5)?.to_owned(), aggregate_id: self.required(6)?.to_owned() };
        let version = self.text(7)?;
        let (deliver_after, created_at) = (self.text(12)?, self.required(14)?);
        let message = Message {
            id: MessageId(id.parse().map_err(|_| odd(1, id))?),
            // A CHECK constraint leaves nothing else.
            kind: if self.required(2)? == "command" { MessageKind::Command } else { MessageKind::Event },
            message_type: self.required(3)?.to_owned(),
            source: self.required(4)?.to_owned(),
            aggregate_version: version.map(|text| text.parse().map_err(|_| odd(7, text))).transpose()?,
            payload: serde_json::from_str(self.required(8)?)
                .map_err(|error| format!("the payload cannot be read: {error}"))?,
            headers: convert::headers(self.required(9)?)
                .map_err(|error| format!("the headers cannot be read: {error}"))?,
            correlation_id: self.owned(10)?,
            causation_id: self.owned(11)?,
            deliver_after: deliver_after.map(|text| instant(text).ok_or_else(|| odd(12, text))).transpose()?,
            destination: self.owned(13)?,
            created_at: instant(created_at).ok_or_else(|| odd(14, created_at))?,
            key,
        };
        Ok(Outbound { seq, lane: lane_of(&message.key), message, bus_waits: true })
    }
}

/// `2026-11-24 02:16:00.123+00`: the ISO style of a session in UTC.
fn instant(text: &str) -> Option<Instant> {
    DateTime::parse_from_str(&format!("{text}:00"), "%Y-%m-%d %H:%M:%S%.f%:z").ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROW: [Value<'static>; 15] = [
        Value::Text("41"),
        Value::Text("01936f3e-0000-7000-8000-000000000001"),
        Value::Text("command"),
        Value::Text("PayOrder"),
        Value::Text("shop"),
        Value::Text("order"),
        Value::Text("7"),
        Value::Text("3"),
        Value::Text(r#"{"amount": 3}"#),
        Value::Text(r#"{"depth": 1}"#),
        Value::Null,
        Value::Text("because"),
        Value::Text("2026-11-24 02:16:00+00"),
        Value::Null,
        Value::Text("2026-11-24 02:16:00.123456+00"),
    ];

    /// The columns are where the table happens to have them.
    fn outbox() -> Relation {
        let columns = COLUMNS.iter().rev().map(|name| (*name).to_owned()).collect();
        Relation { id: 1, schema: "baton".into(), table: "outbox".into(), columns }
    }

    fn read(change: impl FnOnce(&mut [Value<'static>; 15])) -> Result<Logged, String> {
        let mut row = ROW;
        change(&mut row);
        row.reverse();
        Layout::of(&outbox()).unwrap().read(&row)
    }

    #[test]
    fn a_row_becomes_the_message_it_is() {
        let logged = read(|_| {}).unwrap();
        let outbound = logged.message.unwrap();
        let message = outbound.message;
        assert_eq!((logged.seq, outbound.seq, outbound.lane), (41, 41, lane_of(&message.key)));
        assert_eq!((message.kind, message.message_type.as_str()), (MessageKind::Command, "PayOrder"));
        assert_eq!((message.source.as_str(), message.key.aggregate_id.as_str()), ("shop", "7"));
        assert_eq!((message.aggregate_version, message.payload), (Some(3), json!({"amount": 3})));
        assert_eq!(message.headers["depth"], "1");
        assert_eq!((message.correlation_id, message.causation_id.as_deref()), (None, Some("because")));
        assert_eq!(message.deliver_after.unwrap().to_rfc3339(), "2026-11-24T02:16:00+00:00");
        assert_eq!(message.created_at.timestamp_subsec_micros(), 123_456);
    }

    #[test]
    fn a_column_that_is_not_published_is_named() {
        let mut relation = outbox();
        relation.columns.retain(|name| name != "payload");
        assert_eq!(Layout::of(&relation).err().unwrap(), "the publication leaves out the column \"payload\"");
    }

    #[test]
    fn what_cannot_be_represented_is_told_with_its_row() {
        let unreadable = read(|row| row[8] = Value::Text("1e999")).unwrap();
        assert_eq!(unreadable.seq, 41);
        assert!(unreadable.message.unwrap_err().starts_with("the payload cannot be read"));
        let odd = read(|row| row[14] = Value::Text("yesterday")).unwrap();
        assert_eq!(odd.message.unwrap_err(), "the column \"created_at\" cannot be \"yesterday\"");
        assert_eq!(read(|row| row[0] = Value::Null).err().unwrap(), "the column \"seq\" is null");
        assert!(Layout::of(&outbox()).unwrap().read(&ROW[..3]).is_err());
    }
}
