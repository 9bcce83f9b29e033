//! Tables and rows, by tables of cases.

mod checks;
mod presets;
mod rows;
mod terms;

use serde_json::{Value, json};

use super::{Column, ColumnKind, Dialect, Shape, TableSource};

/// `name:type` for each column, `?` behind it where it may be empty; the first column is the primary key.
pub fn shape(columns: &[&str]) -> Shape {
    let columns: Vec<Column> = columns
        .iter()
        .map(|text| {
            let (name, type_name) = text.split_once(':').unwrap();
            let nullable = type_name.ends_with('?');
            let type_name = type_name.trim_end_matches('?').to_owned();
            Column { name: name.to_owned(), kind: kind(&type_name), type_name, nullable }
        })
        .collect();
    let unique = vec![vec![columns[0].name.clone()]];
    Shape { dialect: Dialect::Postgres, columns, unique }
}

fn kind(type_name: &str) -> ColumnKind {
    match type_name {
        "text" => ColumnKind::Text,
        "json" => ColumnKind::Json,
        "uuid" => ColumnKind::Uuid,
        "int" => ColumnKind::Integer,
        "real" => ColumnKind::Number,
        "bytes" => ColumnKind::Bytes,
        "bool" => ColumnKind::Boolean,
        "time" => ColumnKind::Instant,
        "xid8" => ColumnKind::Transaction,
        _ => ColumnKind::Other,
    }
}

/// An ordinary outbox.
pub const OUTBOX: [&str; 9] = [
    "id:int",
    "event:uuid",
    "type:text",
    "aggregate:text",
    "aggregate_id:text",
    "payload:json?",
    "headers:json?",
    "at:time",
    "sent:bool",
];

/// Settings for [`OUTBOX`] that are fine, with some of them replaced (`null` takes one away).
pub fn settings(changes: &Value) -> TableSource {
    let mut settings = json!({
        "table": "outbox",
        "mode": "mark",
        "mark": {"column": "sent"},
        "mapping": {
            "key": "id", "order": "id", "id": "event", "type": "type", "aggregate_type": "aggregate",
            "aggregate_id": "aggregate_id", "payload": "payload", "headers": "headers", "created_at": "at",
        },
    });
    merge(&mut settings, changes);
    serde_json::from_value(settings).unwrap()
}

fn merge(into: &mut Value, changes: &Value) {
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => _ = into.as_object_mut().unwrap().remove(name),
            Value::Object(_) if into[name].is_object() => merge(&mut into[name], change),
            other => into[name] = other.clone(),
        }
    }
}
