//! A sample of what a definition may be started with: something to try expressions with. That of a process is made from
//! the schema of its input, that of a saga from its scenarios and from what its expressions read.

use serde_json::{Map, Value, json};

use super::{complete::mentioned, document::Document};

/// How deep a schema is followed.
const DEPTH_MAX: usize = 6;
/// Of texts that have to be long, and of lists: those may stand in lists.
const LENGTH_MAX: u64 = 40;
const ITEMS_MAX: u64 = 3;

/// What the expressions of a document can be tried with.
pub fn sample_of(document: &Document) -> Value {
    if document.is_saga() { of_saga(document) } else { sample(document.value().get("input")) }
}

/// Each field that is read somewhere says its name, unless a scenario has something better.
fn of_saga(document: &Document) -> Value {
    let scenarios = document.value().get("scenarios").and_then(Value::as_array).into_iter().flatten();
    let moves: Vec<&Value> = scenarios.filter_map(|scenario| scenario.get("steps")?.as_array()).flatten().collect();
    let payloads = |field: &str| {
        let moves = moves.iter().filter(|it| it.get(field).is_some());
        moves.filter_map(|it| it.get("payload")?.as_object()).collect::<Vec<_>>()
    };
    let read = |path: &[&str], better: Vec<&Map<String, Value>>| {
        let named = mentioned(document, path).into_iter().map(|name| (name.text.clone(), json!(name.text)));
        let better = better.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        Value::Object(named.chain(better).collect())
    };
    let started = payloads("event").into_iter().take(1).collect::<Vec<_>>();
    let answered = payloads("answer");
    let came = if answered.is_empty() { started.clone() } else { answered };
    json!({
        "input": read(&["input"], started), "vars": read(&["vars"], Vec::new()),
        "event": {
            "type": "SomethingHappened", "aggregate_type": "order", "aggregate_id": "o-1",
            "payload": read(&["event", "payload"], came),
        },
        "instance": {"id": "0198c0de-0000-7000-8000-000000000001", "business_key": "o-1"},
    })
}

/// What expressions can be tried with: an input that fits the schema as far as that can be guessed, and room for the rest.
pub fn sample(schema: Option<&Value>) -> Value {
    let input = schema.map_or_else(|| json!({}), |schema| of(schema, 0));
    json!({"input": input, "vars": {}, "event": {"type": "SomethingHappened", "payload": {}}, "form": {}})
}

fn of(schema: &Value, depth: usize) -> Value {
    let first = |field: &str| schema.get(field).and_then(Value::as_array).and_then(|all| all.first());
    let given =
        first("examples").or_else(|| schema.get("default")).or_else(|| schema.get("const")).or_else(|| first("enum"));
    if let Some(given) = given {
        return given.clone();
    }
    let bound = |field: &str| schema.get(field).and_then(Value::as_u64);
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.as_array()?.first()?.as_str()));
    match kind {
        Some("string") => json!(text(schema, bound("minLength").unwrap_or(0).min(LENGTH_MAX))),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") if depth < DEPTH_MAX => {
            let item = schema.get("items").map_or(Value::Null, |items| of(items, depth + 1));
            Value::Array(vec![item; bound("minItems").unwrap_or(1).clamp(1, ITEMS_MAX) as usize])
        }
        Some("array") => json!([]),
        _ => {
            let properties = schema.get("properties").and_then(Value::as_object).filter(|_| depth < DEPTH_MAX);
            let fields = properties.into_iter().flatten().map(|(name, schema)| (name.clone(), of(schema, depth + 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn text(schema: &Value, length_min: u64) -> String {
    let mut text = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2027-01-15".to_owned(),
        Some("date-time") => "2027-01-15T09:30:00Z".to_owned(),
        Some("time") => "09:30:00Z".to_owned(),
        Some("email") => "kim@example.org".to_owned(),
        Some("uri") => "https://example.org/".to_owned(),
        _ => schema.get("title").and_then(Value::as_str).unwrap_or("text").to_owned(),
    };
    while (text.chars().count() as u64) < length_min {
        text.push('x');
    }
    text
}
