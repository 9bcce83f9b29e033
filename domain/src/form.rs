//! Forms: what a person fills in where a JSON Schema says what is needed.
//!
//! [`fields`] turns the properties of an object schema into fields that a screen can draw; what cannot be drawn becomes
//! a field for JSON text, so that every schema has a form. [`read`] turns what was submitted back into a typed value
//! and holds it against the schema.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    diagnostic::{Diagnostic, pointer_token},
    schema::Schema,
};

/// One thing to fill in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The property's name; it is the name of the form's control too.
    pub name: String,
    /// Where the value stands in the result.
    pub pointer: String,
    pub label: String,
    pub help: Option<String>,
    pub kind: FieldKind,
    pub required: bool,
    pub default: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    Text,
    LongText,
    Integer,
    Number,
    Boolean,
    Date,
    DateTime,
    Choice(Vec<String>),
    /// Several values of one kind, one on each line.
    List(Box<FieldKind>),
    /// Anything else, as JSON text.
    Json,
}

/// The fields of an object schema: required ones first, each group in the order of the schema. A schema that does not
/// describe an object gives no fields.
pub fn fields(schema: &Value) -> Vec<Field> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let field = |name: &str, property: &Value| Field {
        name: name.to_owned(),
        pointer: format!("/{}", pointer_token(name)),
        label: property["title"].as_str().map_or_else(|| humanise(name), str::to_owned),
        help: property["description"].as_str().map(str::to_owned),
        kind: kind(property),
        required: required.contains(&name),
        default: property.get("default").cloned(),
    };
    let of_required = required.iter().filter_map(|name| properties.get_key_value(*name));
    let of_others = properties.iter().filter(|(name, _)| !required.contains(&name.as_str()));
    of_required.chain(of_others).map(|(name, property)| field(name, property)).collect()
}

/// The value that was submitted as (control's name, text) pairs, or everything that is wrong with it, with pointers
/// into the value. Empty controls count as absent; an absent field takes its default.
pub fn read(schema: &Value, submitted: &[(String, String)]) -> Result<Value, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut object = Map::new();
    for field in fields(schema) {
        let text = submitted.iter().rev().find(|(name, _)| *name == field.name).map(|(_, text)| text.trim());
        match text {
            None | Some("") if field.kind == FieldKind::Boolean => {
                // A box that is not ticked is not submitted at all.
                object.insert(field.name, Value::Bool(false));
            }
            None | Some("") => match (field.default, field.required) {
                (Some(default), _) => drop(object.insert(field.name, default)),
                (None, true) => {
                    found.push(Diagnostic::error("required", field.pointer, format!("{} is needed.", field.label)));
                }
                (None, false) => {}
            },
            Some(text) => match parse(&field.kind, text) {
                Ok(value) => drop(object.insert(field.name, value)),
                Err(expected) => {
                    let message = format!("{} has to be {expected}.", field.label);
                    found.push(Diagnostic::error("form", field.pointer, message));
                }
            },
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let value = Value::Object(object);
    let compiled = Schema::compile(schema).map_err(|why| vec![Diagnostic::error("schema", "", why)])?;
    let broken = compiled.check(&value);
    if broken.is_empty() { Ok(value) } else { Err(broken) }
}

fn kind(property: &Value) -> FieldKind {
    if let Some(options) = property["enum"].as_array() {
        let words: Option<Vec<String>> = options.iter().map(|option| option.as_str().map(str::to_owned)).collect();
        return words.map_or(FieldKind::Json, FieldKind::Choice);
    }
    match (property["type"].as_str(), property["format"].as_str()) {
        (Some("string"), Some("date")) => FieldKind::Date,
        (Some("string"), Some("date-time")) => FieldKind::DateTime,
        (Some("string"), _) if property["maxLength"].as_u64().is_some_and(|length| length > 200) => FieldKind::LongText,
        (Some("string"), _) => FieldKind::Text,
        (Some("integer"), _) => FieldKind::Integer,
        (Some("number"), _) => FieldKind::Number,
        (Some("boolean"), _) => FieldKind::Boolean,
        (Some("array"), _) => match kind(&property["items"]) {
            FieldKind::List(_) | FieldKind::Json | FieldKind::LongText => FieldKind::Json,
            item => FieldKind::List(Box::new(item)),
        },
        _ => FieldKind::Json,
    }
}

/// One control's text as a value, or what it should have been.
fn parse(kind: &FieldKind, text: &str) -> Result<Value, &'static str> {
    match kind {
        FieldKind::Text | FieldKind::LongText | FieldKind::Choice(_) => Ok(Value::from(text)),
        FieldKind::Integer => text.parse::<i64>().map(Value::from).map_err(|_| "a whole number such as 42"),
        FieldKind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => Err("a number such as 3.5"),
        },
        FieldKind::Boolean => match text {
            "true" | "on" | "yes" => Ok(Value::Bool(true)),
            "false" | "off" | "no" => Ok(Value::Bool(false)),
            _ => Err("yes or no"),
        },
        FieldKind::Date => match text.parse::<chrono::NaiveDate>() {
            Ok(_) => Ok(Value::from(text)),
            Err(_) => Err("a date such as 2026-11-23"),
        },
        FieldKind::DateTime => instant(text).map(Value::from).ok_or("a date and time such as 2026-11-23T09:30Z"),
        FieldKind::List(item) => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(|line| parse(item, line)).collect::<Result<_, _>>().map(Value::Array)
        }
        FieldKind::Json => serde_json::from_str(text).map_err(|_| "JSON"),
    }
}

/// A browser's `datetime-local` control leaves out seconds and zone; it is taken as UTC.
fn instant(text: &str) -> Option<String> {
    [text.to_owned(), format!("{text}Z"), format!("{text}:00Z")]
        .into_iter()
        .find(|candidate| chrono::DateTime::parse_from_rfc3339(candidate).is_ok())
}

/// `pre_approved-hotels` → `Pre approved hotels`.
fn humanise(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["from", "depart"],
            "properties": {
                "depart": {"type": "string", "format": "date"},
                "from": {"type": "string", "title": "Leaves from", "maxLength": 3},
                "guests": {"type": "integer", "minimum": 1, "default": 1},
                "hotels": {"type": "array", "items": {"type": "string"}},
                "class": {"enum": ["economy", "business"]},
                "insured": {"type": "boolean"},
                "extras": {"type": "object"},
            }
        })
    }

    fn submit(pairs: &[(&str, &str)]) -> Result<Value, Vec<Diagnostic>> {
        let pairs: Vec<_> = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        read(&schema(), &pairs)
    }

    #[test]
    fn required_fields_come_first_and_everything_can_be_drawn() {
        let fields = fields(&schema());
        let drawn: Vec<_> = fields.iter().map(|field| (field.name.as_str(), &field.kind, field.required)).collect();
        assert_eq!(drawn[0], ("from", &FieldKind::Text, true));
        assert_eq!(drawn[1], ("depart", &FieldKind::Date, true));
        let kind_of = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.kind.clone());
        assert_eq!(kind_of("hotels"), Some(FieldKind::List(Box::new(FieldKind::Text))));
        assert_eq!(kind_of("class"), Some(FieldKind::Choice(vec!["economy".into(), "business".into()])));
        assert_eq!(kind_of("extras"), Some(FieldKind::Json));
        assert_eq!(fields[0].label, "Leaves from");
    }

    #[test]
    fn what_is_submitted_becomes_typed_values() {
        let value = submit(&[
            ("from", "ICN"),
            ("depart", "2026-12-01"),
            ("hotels", "Lumen\n\n Parkside "),
            ("insured", "on"),
            ("extras", "{\"seat\": 12}"),
        ]);
        let expected = json!({"from": "ICN", "depart": "2026-12-01", "guests": 1, "hotels": ["Lumen", "Parkside"],
            "insured": true, "extras": {"seat": 12}});
        assert_eq!(value, Ok(expected));
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let found = submit(&[("depart", "tomorrow"), ("guests", "two")]).unwrap_err();
        let places: Vec<_> = found.iter().map(|one| (one.pointer.as_str(), one.code.as_str())).collect();
        assert_eq!(places, [("/from", "required"), ("/depart", "form"), ("/guests", "form")]);
    }

    #[test]
    fn what_the_schema_refuses_is_refused() {
        let found = submit(&[("from", "Incheon"), ("depart", "2026-12-01")]).unwrap_err();
        assert_eq!(found[0].pointer, "/from");
    }

    #[test]
    fn a_schema_that_is_no_object_has_no_fields() {
        assert_eq!(fields(&json!({"type": "string"})), []);
        assert_eq!(fields(&json!(true)), []);
    }
}
