//! A first guess at data that somebody has to make up.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::{
    expression::Template,
    process::{
        self, NodeKind,
        definition::{Assignments, Port},
    },
};

const DEPTH_MAX: usize = 8;

/// A value that a JSON Schema would take, in so far as that can be guessed; required fields alone.
pub(super) fn of_schema(schema: &Value, name: &str, now: DateTime<Utc>) -> Value {
    value_of(schema, name, now, DEPTH_MAX)
}

fn value_of(schema: &Value, name: &str, now: DateTime<Utc>, depth: usize) -> Value {
    let given = schema.get("default").or_else(|| schema.get("const"));
    let given = given.or_else(|| schema.pointer("/examples/0")).or_else(|| schema.pointer("/enum/0"));
    if let Some(given) = given {
        return given.clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required
                .map(|field| (field.to_owned(), value_of(&schema["properties"][field], field, now, depth - 1)))
                .collect()
        }
        Some("array") => {
            let count = schema["minItems"].as_u64().unwrap_or(0).min(10);
            (0..count).map(|_| value_of(&schema["items"], name, now, depth - 1)).collect()
        }
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(false),
        Some("null") => Value::Null,
        Some("string") => match schema["format"].as_str() {
            Some("date") => json!(now.date_naive().to_string()),
            Some("date-time") => json!(now.to_rfc3339_opts(SecondsFormat::Secs, true)),
            Some("time") => json!("09:00:00Z"),
            Some("email") => json!(format!("{name}@example.com")),
            Some("uri") => json!("https://example.com/"),
            Some("uuid") => json!("00000000-0000-4000-8000-000000000000"),
            _ => text(schema, name),
        },
        _ if schema["properties"].is_object() => value_of(
            &json!({"type": "object", "required": schema["required"], "properties": schema["properties"]}),
            name,
            now,
            depth,
        ),
        _ => Value::Null,
    }
}

/// The name itself, as long as it has to be.
fn text(schema: &Value, name: &str) -> Value {
    let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(0)).unwrap_or(0).min(200);
    let most = usize::try_from(schema["maxLength"].as_u64().unwrap_or(200)).unwrap_or(200);
    let name = if name.is_empty() { "text" } else { name };
    let long: String = name.chars().cycle().take(name.chars().count().max(least).min(most)).collect();
    json!(long)
}

/// The fields of the payload that a node reads of an event which it waits for, empty.
pub(super) fn of_event(definition: &process::Definition, node: &str, event: &str) -> Value {
    let mut read = Map::new();
    let Some(node) = definition.nodes.get(node) else { return json!({}) };
    if let Some(port) = node.port(event) {
        in_port(port, &mut read);
    }
    if let NodeKind::Command(command) = &node.kind
        && let Some(undo) = command.undo.as_ref().filter(|_| !command.is_refusal(event))
    {
        undo.payload.iter().chain(&undo.key).for_each(|template| in_template(template, &mut read));
    }
    if let Some(matching) = node.awaits().and_then(|awaits| awaits.matching.as_ref()) {
        in_source(matching.event.source(), &mut read);
    }
    Value::Object(read)
}

fn in_port(port: &Port, read: &mut Map<String, Value>) {
    in_assignments(&port.set, read);
}

fn in_assignments(set: &Assignments, read: &mut Map<String, Value>) {
    set.iter().for_each(|(_, template)| in_template(template, read));
}

pub(super) fn in_template(template: &Template, read: &mut Map<String, Value>) {
    template.each_expression("", &mut |expression, _| in_source(expression.source(), read));
}

/// What is written as `event.payload.name`.
pub(super) fn in_source(source: &str, read: &mut Map<String, Value>) {
    for rest in source.split("event.payload.").skip(1) {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !name.is_empty() {
            read.entry(name).or_insert_with(|| json!(""));
        }
    }
}
