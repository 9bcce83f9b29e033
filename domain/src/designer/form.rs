//! Forms drawn field by field: what each field of a JSON Schema is, and the changes that a person makes to one.
//!
//! Whatever a schema says beyond that (limits, descriptions, fields of other forms) stays as it is.

use serde_json::{Map, Value, json};

use crate::form::{FieldKind, fields};

/// The most fields that are drawn; a larger schema is written as JSON.
pub const FIELDS_MAX: usize = 60;

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Text,
    LongText,
    Integer,
    Number,
    Flag,
    Date,
    DateTime,
    Choice,
    List,
    /// What only JSON can say; it stays as it is.
    Other,
}

impl Shape {
    pub const ALL: [Self; 10] = [
        Self::Text,
        Self::LongText,
        Self::Integer,
        Self::Number,
        Self::Flag,
        Self::Date,
        Self::DateTime,
        Self::Choice,
        Self::List,
        Self::Other,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long text",
            Self::Integer => "whole number",
            Self::Number => "number",
            Self::Flag => "yes or no",
            Self::Date => "date",
            Self::DateTime => "date and time",
            Self::Choice => "choice",
            Self::List => "list of texts",
            Self::Other => "anything (JSON)",
        }
    }

    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.word() == word)
    }

    fn schema(self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::LongText => json!({"type": "string", "maxLength": 2_000}),
            Self::Integer => json!({"type": "integer"}),
            Self::Number => json!({"type": "number"}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Date => json!({"type": "string", "format": "date"}),
            Self::DateTime => json!({"type": "string", "format": "date-time"}),
            Self::Choice => json!({"enum": ["one", "other"]}),
            Self::List => json!({"type": "array", "items": {"type": "string"}}),
            Self::Other => json!({}),
        }
    }
}

/// A field as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    pub name: String,
    /// As it was written; empty when the name serves.
    pub title: String,
    pub shape: Shape,
    pub required: bool,
    pub choices: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A field that is called anything free.
    Add,
    Remove(String),
    Rename {
        field: String,
        to: String,
    },
    /// An empty one takes it away.
    Title {
        field: String,
        to: String,
    },
    Reshape {
        field: String,
        to: Shape,
    },
    Require {
        field: String,
        is: bool,
    },
    Choices {
        field: String,
        to: Vec<String>,
    },
}

/// The fields, in the order in which the form has them. None when there is more to the schema than fields of an object:
/// then it is written as JSON.
pub fn drawn(schema: Option<&Value>) -> Option<Vec<Drawn>> {
    let Some(schema) = schema.filter(|schema| !schema.is_null()) else { return Some(Vec::new()) };
    let known = ["type", "properties", "required", "title", "description", "additionalProperties", "$schema"];
    let map = schema.as_object()?;
    let is_object = map.get("type").is_none_or(|kind| kind == "object");
    let properties = match map.get("properties") {
        None => 0,
        Some(properties) => properties.as_object()?.len(),
    };
    if !is_object || properties > FIELDS_MAX || map.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let drawn = fields(schema).into_iter().map(|field| {
        let property = &schema["properties"][&field.name];
        let (shape, choices) = match field.kind {
            FieldKind::Text => (Shape::Text, Vec::new()),
            FieldKind::LongText => (Shape::LongText, Vec::new()),
            FieldKind::Integer => (Shape::Integer, Vec::new()),
            FieldKind::Number => (Shape::Number, Vec::new()),
            FieldKind::Boolean => (Shape::Flag, Vec::new()),
            FieldKind::Date => (Shape::Date, Vec::new()),
            FieldKind::DateTime => (Shape::DateTime, Vec::new()),
            FieldKind::Choice(choices) => (Shape::Choice, choices),
            FieldKind::List(item) if *item == FieldKind::Text => (Shape::List, Vec::new()),
            FieldKind::List(_) | FieldKind::Json => (Shape::Other, Vec::new()),
        };
        let title = property["title"].as_str().unwrap_or_default().to_owned();
        Drawn { name: field.name, title, shape, required: field.required, choices }
    });
    Some(drawn.collect())
}

/// The schema afterwards, or why not.
pub fn change(schema: Option<&Value>, change: &Change) -> Result<Value, String> {
    let mut schema = match schema {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::from_iter([("type".to_owned(), json!("object"))]),
    };
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    let properties = properties.as_object_mut().ok_or("`properties` has to be an object.")?;
    match change {
        Change::Add => {
            if properties.len() >= FIELDS_MAX {
                return Err(format!("There can be {FIELDS_MAX} fields here; more are written as JSON."));
            }
            let free = (1..).map(|n| format!("field_{n}")).find(|name| !properties.contains_key(name));
            properties.insert(free.unwrap_or_default(), Shape::Text.schema());
        }
        Change::Remove(field) => {
            properties.remove(field);
            require(&mut schema, field, None);
        }
        Change::Rename { field, to } => {
            let is_name = to.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && to.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name {
                return Err(format!("{to:?} is no name for expressions: use letters, digits and _, such as order_id."));
            }
            if properties.contains_key(to) {
                return Err(format!("There is a field {to} already."));
            }
            let property = properties.remove(field).ok_or_else(|| gone(field))?;
            properties.insert(to.clone(), property);
            require(&mut schema, field, Some(to));
        }
        Change::Title { field, to } => {
            let property = property(properties, field)?;
            match to.trim() {
                "" => drop(property.remove("title")),
                title => drop(property.insert("title".to_owned(), json!(title))),
            }
        }
        Change::Reshape { field, to } => {
            let property = property(properties, field)?;
            for other in ["type", "format", "enum", "maxLength", "items", "default", "minimum", "maximum", "pattern"] {
                property.remove(other);
            }
            property.extend(to.schema().as_object().cloned().unwrap_or_default());
        }
        Change::Require { field, is } => {
            property(properties, field)?;
            require(&mut schema, field, is.then_some(field));
        }
        Change::Choices { field, to } => {
            let mut choices: Vec<&str> = Vec::new();
            for choice in to.iter().map(|choice| choice.trim()).filter(|choice| !choice.is_empty()) {
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
            if choices.is_empty() {
                return Err("A choice needs something to choose from.".to_owned());
            }
            property(properties, field)?.insert("enum".to_owned(), json!(choices));
        }
    }
    Ok(Value::Object(schema))
}

fn gone(field: &str) -> String {
    format!("There is no field {field} any more.")
}

fn property<'a>(properties: &'a mut Map<String, Value>, field: &str) -> Result<&'a mut Map<String, Value>, String> {
    let property = properties.get_mut(field).ok_or_else(|| gone(field))?;
    if !property.is_object() {
        // `true` is a schema too: anything.
        *property = json!({});
    }
    property.as_object_mut().ok_or_else(|| gone(field))
}

/// Puts another in the place of `field` among those that are required, or it away; one that was not there comes last.
fn require(schema: &mut Map<String, Value>, field: &str, instead: Option<&str>) {
    let before = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let was = before.iter().any(|it| it == field);
    let mut after: Vec<Value> = before
        .into_iter()
        .filter_map(|it| if it == field { instead.map(|instead| json!(instead)) } else { Some(it) })
        .collect();
    // A field that is renamed stays what it was.
    if let Some(instead) = instead.filter(|instead| !was && *instead == field) {
        after.push(json!(instead));
    }
    match after.is_empty() {
        true => drop(schema.remove("required")),
        false => drop(schema.insert("required".to_owned(), Value::Array(after))),
    }
}
