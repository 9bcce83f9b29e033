//! JSON Schema, as it guards start inputs and task forms. Offline and linear in time, so that a schema can do no harm.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jsonschema::{PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, pointer_token};

/// The most findings of one validation; a document with thousands of mistakes is explained by the first ones.
const FINDINGS_MAX: usize = 20;

/// The most parts of a schema after its references have been replaced by what they refer to.
const UNFOLDED_MAX: usize = 20_000;

/// How long a chain of references can be.
const REFERENCES_DEPTH_MAX: usize = 32;

/// A compiled JSON Schema beside the document that it was compiled from. Cheap to clone.
#[derive(Clone)]
pub struct Schema {
    source: Arc<Value>,
    validator: Arc<Validator>,
}

impl Schema {
    /// Compiles a schema of draft 2020-12 (or the one that `$schema` names). References to other documents are refused, and so are
    /// recursive ones;
    /// patterns are matched by an engine without backtracking, and so without look-around.
    pub fn compile(source: &Value) -> Result<Self, String> {
        if !source.is_object() && !source.is_boolean() {
            return Err("A JSON Schema is an object.".to_owned());
        }
        unfold(source, source, &mut Vec::new(), &mut BTreeMap::new())?;
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

    /// Every way in which `value` breaks the schema, with pointers into `value`: for a property that is missing, to
    /// where it would stand.
    pub fn check(&self, value: &Value) -> Vec<Diagnostic> {
        self.validator
            .iter_errors(value)
            .take(FINDINGS_MAX)
            .map(|error| {
                let message = crate::fields::shorten(&error.to_string(), 400);
                Diagnostic::error("schema", place(&error), message)
            })
            .collect()
    }
}

fn place(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::Required { property: Value::String(name) } => format!("{path}/{}", pointer_token(name)),
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => match unexpected.as_slice() {
            [name] => format!("{path}/{}", pointer_token(name)),
            _ => path,
        },
        _ => path,
    }
}

/// How many values a schema has once every reference in it is replaced by what it refers to; an error when that never
/// ends or is too much. Without this, thirty definitions that each refer twice to the next take hours to check.
fn unfold<'a>(
    value: &'a Value,
    root: &'a Value,
    open: &mut Vec<&'a str>,
    known: &mut BTreeMap<&'a str, usize>,
) -> Result<usize, String> {
    let mut size = 1_usize;
    match value {
        Value::Array(items) => {
            for item in items {
                size = size.saturating_add(unfold(item, root, open, known)?);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                size = size.saturating_add(match (name.as_str(), field) {
                    ("$ref", Value::String(target)) => unfold_reference(target, root, open, known)?,
                    ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                        return Err(format!("`{name}` is not supported here; use `$ref`."));
                    }
                    _ => unfold(field, root, open, known)?,
                });
            }
        }
        _ => {}
    }
    if size > UNFOLDED_MAX {
        return Err(format!("With its references this schema has more than {UNFOLDED_MAX} parts."));
    }
    Ok(size)
}

fn unfold_reference<'a>(
    target: &'a str,
    root: &'a Value,
    open: &mut Vec<&'a str>,
    known: &mut BTreeMap<&'a str, usize>,
) -> Result<usize, String> {
    if let Some(size) = known.get(target) {
        return Ok(*size);
    }
    if open.contains(&target) {
        return Err(format!("The reference `{target}` leads back to itself; schemas cannot be recursive here."));
    }
    let referred = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    let Some(referred) = referred else {
        return Err(format!("The reference `{target}` must lead to a place in this schema, such as `#/$defs/name`."));
    };
    if open.len() >= REFERENCES_DEPTH_MAX {
        return Err(format!("References can lead to references {REFERENCES_DEPTH_MAX} times in a row at most."));
    }
    open.push(target);
    let size = unfold(referred, root, open, known)?;
    open.pop();
    known.insert(target, size);
    Ok(size)
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
        assert_eq!(pointers, ["/depart", "/from", "/nights"]);
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

    #[test]
    fn references_that_never_end_or_multiply_are_refused() {
        assert!(Schema::compile(&json!({"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}})).is_ok());
        for endless in [
            json!({"$ref": "#"}),
            json!({"properties": {"a": {"$ref": "#"}}}),
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
            json!({"$dynamicRef": "#"}),
            json!({"$ref": "#nowhere"}),
        ] {
            assert!(Schema::compile(&endless).is_err(), "{endless}");
        }
        let chain = (0..20_000).map(|n| (format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n + 1)})));
        let chain = json!({"$defs": Value::Object(chain.collect()), "$ref": "#/$defs/d0"});
        assert!(Schema::compile(&chain).unwrap_err().contains("in a row"));
        let mut definitions = serde_json::Map::new();
        for level in 0..30 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(format!("d{level}"), json!({"anyOf": [next.clone(), next]}));
        }
        definitions.insert("d30".to_owned(), json!({"type": "string"}));
        let bomb = json!({"$defs": definitions, "$ref": "#/$defs/d0"});
        assert!(Schema::compile(&bomb).unwrap_err().contains("parts"));
    }
}
