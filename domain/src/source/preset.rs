//! The outbox tables of known systems, as they create them.

use super::settings::{Encoding, Mapping, Mark, Mode, TableSource, default_batch, default_poll_ms};

/// Settings to begin with for the table of a known system.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Stable.
    pub name: &'static str,
    pub title: &'static str,
    /// What one should know before choosing it.
    pub note: &'static str,
    settings: fn() -> TableSource,
}

impl Preset {
    pub fn settings(&self) -> TableSource {
        (self.settings)()
    }

    pub fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

pub const PRESETS: [Preset; 5] = [
    Preset {
        name: "debezium",
        title: "Debezium outbox event router",
        note: "Rows are deleted when they were taken in. The table has no column that grows, so the order within a key is that of \
               the transactions. Where rows are deleted in the transaction that inserts them, take the mode log: nothing else \
               ever sees them, and the order is that of the commits.",
        settings: debezium,
    },
    Preset {
        name: "eventuate-tram",
        title: "Eventuate Tram",
        note: "Rows are marked as published, as Eventuate's own relay would; stop that one first.",
        settings: eventuate,
    },
    Preset {
        name: "masstransit",
        title: "MassTransit (Entity Framework outbox)",
        note: "Rows are deleted when they were taken in. Switch MassTransit's delivery off (DisableDeliveryService) first. \
               Messages are ordered by their correlation id or conversation.",
        settings: masstransit,
    },
    Preset {
        name: "wolverine",
        title: "Wolverine",
        note: "Envelopes are read with JSON bodies; compressed or encrypted ones come as bytes. Rows are deleted when they were \
               taken in. Wolverine sends what it stores itself: take this table only where its own sending does not run.",
        settings: wolverine,
    },
    Preset {
        name: "watermill",
        title: "Watermill (PostgreSQL)",
        note: "Nothing is written to the table: its own subscribers go on beside Baton. Put the topic into the table's name, \
               watermill_TOPIC, and name the topic as the aggregate type.",
        settings: watermill,
    },
];

fn table(table: &str, mode: Mode, mapping: Mapping) -> TableSource {
    TableSource {
        database: None,
        schema: None,
        table: table.to_owned(),
        mode,
        mark: None,
        transaction: None,
        mapping,
        poll_ms: default_poll_ms(),
        batch: default_batch(),
    }
}

fn mapping(key: &str, message_type: &str, aggregate: (&str, &str), payload: &str) -> Mapping {
    Mapping {
        key: key.to_owned(),
        order: None,
        id: None,
        kind: None,
        message_type: message_type.to_owned(),
        type_after: None,
        aggregate_type: aggregate.0.to_owned(),
        aggregate_id: aggregate.1.to_owned(),
        aggregate_version: None,
        payload: payload.to_owned(),
        encoding: Encoding::Json,
        headers: None,
        correlation_id: None,
        causation_id: None,
        created_at: None,
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn debezium() -> TableSource {
    table("outbox", Mode::Delete, mapping("id", "type", ("aggregatetype", "aggregateid"), "payload"))
}

fn eventuate() -> TableSource {
    let aggregate =
        ("header:event-aggregate-type | destination", "header:event-aggregate-id | header:PARTITION_ID | id");
    let message_type = "header:event-type | header:command_type | header:reply_type | 'Message'";
    TableSource {
        schema: some("eventuate"),
        mark: Some(Mark { column: "published".to_owned(), from: some("0"), to: some("1") }),
        ..table(
            "message",
            Mode::Mark,
            Mapping {
                // Its ids begin with the milliseconds of their making and a counter.
                order: some("id"),
                type_after: some("."),
                headers: some("headers"),
                created_at: some("creation_time"),
                ..mapping("id", message_type, aggregate, "payload")
            },
        )
    }
}

fn masstransit() -> TableSource {
    let aggregate = ("'masstransit'", "CorrelationId | ConversationId | MessageId");
    table(
        "OutboxMessage",
        Mode::Delete,
        Mapping {
            order: some("SequenceNumber"),
            id: some("MessageId"),
            type_after: some(":"),
            headers: some("Headers"),
            correlation_id: some("CorrelationId | ConversationId"),
            created_at: some("SentTime"),
            ..mapping("SequenceNumber", "Body#/messageType/0 | MessageType", aggregate, "Body#/message | Body")
        },
    )
}

fn wolverine() -> TableSource {
    let aggregate = ("'wolverine'", "header:group-id | header:saga-id | header:correlation-id | id");
    TableSource {
        schema: some("public"),
        ..table(
            "wolverine_outgoing_envelopes",
            Mode::Delete,
            Mapping {
                type_after: some("."),
                encoding: Encoding::Wolverine,
                correlation_id: some("header:correlation-id"),
                ..mapping("id", "message_type", aggregate, "body")
            },
        )
    }
}

fn watermill() -> TableSource {
    TableSource {
        transaction: some("transaction_id"),
        ..table(
            "watermill_topic",
            Mode::ReadOnly,
            Mapping {
                order: some("offset"),
                id: some("uuid"),
                headers: some("metadata"),
                correlation_id: some("header:correlation_id"),
                created_at: some("created_at"),
                ..mapping(
                    "offset",
                    "header:name | header:type | 'Message'",
                    ("'topic'", "header:partition_key | header:correlation_id | uuid"),
                    "payload",
                )
            },
        )
    }
}
