//! Samples of inputs, to try expressions with.

use super::{super::sample::sample, *};

#[test]
fn a_sample_fits_its_schema() {
    let schema = json!({"type": "object", "properties": {
        "who": {"type": "string", "title": "Who", "minLength": 6}, "when": {"type": "string", "format": "date"},
        "n": {"type": "integer", "minimum": 3}, "is": {"type": "boolean"}, "kind": {"enum": ["a", "b"]},
        "list": {"type": "array", "minItems": 2, "items": {"type": "number", "examples": [2.5]}}, "city": {"default": "Seoul"},
    }});
    let made = sample(Some(&schema));
    assert!(crate::schema::Schema::compile(&schema).unwrap().check(&made["input"]).is_empty(), "{made}");
    assert_eq!(made["input"]["list"], json!([2.5, 2.5]));
    assert_eq!(sample(None)["input"], json!({}));
}

#[test]
fn a_schema_without_end_makes_a_sample_with_one() {
    let mut schema =
        json!({"type": "array", "minItems": 1_000_000, "items": {"type": "string", "minLength": 1_000_000}});
    for _ in 0..50 {
        schema = json!({"type": "object", "properties": {"a": schema}});
    }
    assert!(sample(Some(&schema)).to_string().len() < 1_000);
}
