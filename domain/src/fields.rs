//! Reading a JSON object field by field, so that every mistake in it is reported at once and with its place.

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, pointer_token};

/// The most characters that a name (message type, aggregate type, destination) can have.
pub const NAME_CHARS_MAX: usize = 200;

/// The fields of one object. Whatever was not asked for when [`Fields::finish`] is called is an unknown field.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    pub pointer: String,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// `None`, with a diagnostic, when `value` is no object.
    pub fn of(value: &'a Value, pointer: impl Into<String>, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let pointer = pointer.into();
        match value {
            Value::Object(map) => Some(Self { map, pointer, asked: Vec::new() }),
            other => {
                found.push(Diagnostic::error(
                    "wrong-type",
                    pointer,
                    format!("Must be an object, not {}.", name_of(other)),
                ));
                None
            }
        }
    }

    /// The pointer of a field of this object.
    pub fn at(&self, field: &str) -> String {
        format!("{}/{}", self.pointer, pointer_token(field))
    }

    /// Whether the field is there; it need not be asked for.
    pub fn has(&self, field: &str) -> bool {
        self.map.contains_key(field)
    }

    /// The field's value, `None` when it is absent or null.
    pub fn optional(&mut self, field: &'static str) -> Option<&'a Value> {
        self.asked.push(field);
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// The field's value (null included); its absence is an error.
    pub fn required(&mut self, field: &'static str, found: &mut Vec<Diagnostic>) -> Option<&'a Value> {
        self.asked.push(field);
        let value = self.map.get(field);
        if value.is_none() {
            found.push(Diagnostic::error("missing-field", self.at(field), format!("The field `{field}` is required.")));
        }
        value
    }

    /// A text of 1 to `chars_max` characters, if the field is there.
    pub fn text(&mut self, field: &'static str, chars_max: usize, found: &mut Vec<Diagnostic>) -> Option<&'a str> {
        let value = self.optional(field)?;
        check_text(value, &self.at(field), chars_max, found)
    }

    /// A text of 1 to `chars_max` characters that has to be there.
    pub fn required_text(
        &mut self,
        field: &'static str,
        chars_max: usize,
        found: &mut Vec<Diagnostic>,
    ) -> Option<&'a str> {
        let value = self.required(field, found)?;
        check_text(value, &self.at(field), chars_max, found)
    }

    /// An object whose keys are free, if the field is there.
    pub fn map(&mut self, field: &'static str, found: &mut Vec<Diagnostic>) -> Option<&'a Map<String, Value>> {
        match self.optional(field)? {
            Value::Object(map) => Some(map),
            other => {
                found.push(Diagnostic::error(
                    "wrong-type",
                    self.at(field),
                    format!("Must be an object, not {}.", name_of(other)),
                ));
                None
            }
        }
    }

    /// Reports every field that nobody asked for.
    pub fn finish(self, found: &mut Vec<Diagnostic>) {
        for field in self.map.keys().filter(|field| !self.asked.contains(&field.as_str())) {
            found.push(Diagnostic::error(
                "unknown-field",
                self.at(field),
                format!("Unknown field `{}`. Known here: {}.", shorten(field, 60), self.asked.join(", ")),
            ));
        }
    }
}

/// Checks that `value` is a text of 1 to `chars_max` characters.
pub(crate) fn check_text<'a>(
    value: &'a Value,
    pointer: &str,
    chars_max: usize,
    found: &mut Vec<Diagnostic>,
) -> Option<&'a str> {
    let Value::String(text) = value else {
        found.push(Diagnostic::error("wrong-type", pointer, format!("Must be a text, not {}.", name_of(value))));
        return None;
    };
    if text.is_empty() {
        found.push(Diagnostic::error("empty", pointer, "Must not be empty."));
        return None;
    }
    // A character has at most four bytes, so most texts need no counting.
    if text.len() > chars_max && text.chars().count() > chars_max {
        found.push(Diagnostic::error("too-long", pointer, format!("Must have at most {chars_max} characters.")));
        return None;
    }
    Some(text)
}

/// What people call a JSON value's type.
pub(crate) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The first `chars_max` characters of `text`, with an ellipsis when something was cut off.
pub(crate) fn shorten(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
