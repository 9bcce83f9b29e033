//! The texts of forms: what a field shows for a value, and how a name reads as a label. What the texts mean is the
//! rules' ([`baton_domain::form`]).

use std::collections::BTreeMap;

use serde_json::Value;

/// The texts of a form by field.
pub type Texts = BTreeMap<String, String>;

/// `pre_approved-hotels` as a label: `Pre approved hotels`.
pub fn humanised(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The text that a field shows for a value.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            items.iter().map(text_of).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

/// The texts that a form would hold for an object.
pub fn texts_of(value: &Value) -> Texts {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text_of(value))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_shows_what_it_would_send() {
        let schema = json!({
            "type": "object",
            "required": ["to"],
            "properties": {
                "hotels": {"type": "array", "items": {"type": "string"}},
                "nights": {"type": "integer"},
                "refundable": {"type": "boolean"},
                "to": {"type": "string"},
                "extras": {"type": "object"},
            },
        });
        let input =
            json!({"to": "CDG", "nights": 3, "hotels": ["Ritz", "Ibis"], "refundable": false, "extras": {"seat": 12}});
        let texts: Vec<(String, String)> = texts_of(&input).into_iter().collect();
        assert_eq!(baton_domain::form::read(&schema, &texts), Ok(input));
    }
}
