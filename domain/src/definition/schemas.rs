//! The published JSON Schemas of definitions. They help editors; what counts is [`super::parse`], which knows more.

use std::sync::LazyLock;

use serde_json::Value;

/// The JSON Schema of process definitions, served at `/api/v1/schemas/process.json`.
pub fn process_schema() -> Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../schemas/process.json")));
    SCHEMA.clone()
}

/// The JSON Schema of saga definitions, served at `/api/v1/schemas/saga.json`.
pub fn saga_schema() -> Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../schemas/saga.json")));
    SCHEMA.clone()
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("the schemas are part of the source and tested")
}
