//! JSON Schema, as it guards start inputs and task forms. Offline and linear in time, so that a schema can do no harm.

use std::{fmt, sync::Arc};

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::diagnostic::Diagnostic;

/// The most findings of one validation; a document with thousands of mistakes is explained by the first ones.
const FINDINGS_MAX: usize = 20;

/// A compiled JSON Schema beside the document that it was compiled from. Cheap to clone.
#[derive(Clone)]
pub struct Schema {
    source: Arc<Value>,
    validator: Arc<Validator>,
}

impl Schema {
    /// Compiles a schema of draft 2020-12 (or the one that `$schema` names). References to other documents are refused;
    /// patterns are matched by an engine without backtracking, and so without look-around.
    pub fn compile(source: &Value) -> Result<Self, String> {
        if !source.is_object() && !source.is_boolean() {
            return Err("A JSON Schema is an object.".to_owned());
        }
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
            .should_validate_formats(true)
            .build(source)
            .map_err(|error| format!("This is no valid JSON Schema: {error}."))?;
        Ok(Self { source: Arc::new(source.clone()), validator: Arc::new(validator) })
    }

    pub fn source(&self) -> &Value {
        &self.source
    }

    /// `value` with the fields that it lacks and the schema has a `default` for (at the top level only).
    pub fn with_defaults(&self, value: &Value) -> Value {
        let mut value = value.clone();
        let properties = self.source.get("properties").and_then(Value::as_object);
        if let (Value::Object(fields), Some(properties)) = (&mut value, properties) {
            for (name, property) in properties {
                if let Some(default) = property.get("default")
                    && !fields.contains_key(name)
                {
                    fields.insert(name.clone(), default.clone());
                }
            }
        }
        value
    }

    /// Every way in which `value` breaks the schema, with pointers into `value`.
    pub fn check(&self, value: &Value) -> Vec<Diagnostic> {
        self.validator
            .iter_errors(value)
            .take(FINDINGS_MAX)
            .map(|error| {
                let message = crate::fields::shorten(&error.to_string(), 400);
                Diagnostic::error("schema", error.instance_path().to_string(), message)
            })
            .collect()
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_breach_has_its_place() {
        let schema = Schema::compile(&json!({
            "type": "object",
            "required": ["from"],
            "properties": {"depart": {"type": "string", "format": "date"}, "nights": {"type": "integer", "minimum": 1}}
        }))
        .unwrap();
        assert_eq!(schema.check(&json!({"from": "ICN", "depart": "2026-11-23", "nights": 2})), []);
        let found = schema.check(&json!({"depart": "soon", "nights": 0}));
        let mut pointers: Vec<&str> = found.iter().map(|it| it.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["", "/depart", "/nights"]);
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(Schema::compile(&json!({"type": "colour"})).is_err());
        assert!(Schema::compile(&json!({"type": "string", "pattern": "("})).is_err());
        assert!(Schema::compile(&json!("string")).is_err());
    }

    #[test]
    fn references_elsewhere_and_backtracking_patterns_are_refused() {
        assert!(Schema::compile(&json!({"$ref": "https://example.com/schema.json"})).is_err());
        assert!(Schema::compile(&json!({"$ref": "file:///etc/passwd"})).is_err());
        assert!(Schema::compile(&json!({"type": "string", "pattern": "(?=a)b"})).is_err());
    }
}
