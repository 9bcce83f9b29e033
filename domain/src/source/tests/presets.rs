//! Presets, held against the tables that they are for.

use super::{
    super::{Dialect, PRESETS, Preset, check},
    shape,
};

#[test]
fn presets_fit_the_tables_of_their_systems() {
    for (name, columns, warnings) in [
        (
            "debezium",
            &["id:uuid", "aggregatetype:text", "aggregateid:text", "type:text", "payload:json?"][..],
            &["no-order"][..],
        ),
        (
            "eventuate-tram",
            &["id:text", "destination:text", "headers:text", "payload:text", "published:int?", "creation_time:int?"],
            &[],
        ),
        (
            "masstransit",
            &[
                "SequenceNumber:int",
                "EnqueueTime:time?",
                "SentTime:time",
                "Headers:text?",
                "Properties:text?",
                "InboxMessageId:uuid?",
                "InboxConsumerId:uuid?",
                "OutboxId:uuid?",
                "MessageId:uuid",
                "ContentType:text",
                "MessageType:text",
                "Body:text",
                "ConversationId:uuid?",
                "CorrelationId:uuid?",
                "InitiatorId:uuid?",
                "RequestId:uuid?",
            ],
            &[],
        ),
        (
            "wolverine",
            &[
                "id:uuid",
                "owner_id:int",
                "destination:text",
                "deliver_by:time?",
                "body:bytes",
                "attempts:int?",
                "message_type:text",
            ],
            &["no-order"],
        ),
        (
            "watermill",
            &["offset:int", "uuid:text", "created_at:time", "payload:json?", "metadata:json?", "transaction_id:xid8"],
            &[],
        ),
    ] {
        let mut shape = shape(columns);
        if name == "watermill" {
            shape.unique = vec![vec!["transaction_id".into(), "offset".into()]];
        }
        assert_eq!(shape.dialect, Dialect::Postgres);
        let found = check(&Preset::find(name).unwrap().settings(), &shape);
        let codes: Vec<&str> = found.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, warnings, "{name}: {found:?}");
    }
}

#[test]
fn presets_have_names_of_their_own() {
    for preset in &PRESETS {
        assert_eq!(Preset::find(preset.name).map(|found| found.title), Some(preset.title));
        let text = serde_json::to_value(preset.settings()).unwrap();
        assert_eq!(serde_json::from_value::<super::TableSource>(text).unwrap(), preset.settings());
    }
}
