//! Addresses of pages: every filter and selection stands in the URL.

use std::fmt::Write;

use baton_domain::definition::DefinitionKind;
use leptos_router::params::ParamsMap;
use uuid::Uuid;

/// `path` with a query of the parameters that are not empty.
pub fn link(path: &str, params: &[(&str, &str)]) -> String {
    let mut url = path.to_owned();
    for (name, value) in params.iter().filter(|(_, value)| !value.is_empty()) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        encode(value, &mut url);
    }
    url
}

/// The address of the same list with one parameter changed (removed when `value` is empty), back on its first page.
pub fn with_param(path: &str, query: &ParamsMap, name: &str, value: &str) -> String {
    let kept = query.latest_values().filter(|(key, _)| *key != name && *key != "cursor");
    let mut params: Vec<(&str, &str)> = kept.map(|(key, value)| (key.as_ref(), value)).collect();
    params.push((name, value));
    link(path, &params)
}

pub fn message(id: Uuid) -> String {
    format!("/messages/{id}")
}

pub fn conversation(correlation_id: &str) -> String {
    let mut url = "/conversations/".to_owned();
    encode(correlation_id, &mut url);
    url
}

pub fn instance(id: Uuid) -> String {
    format!("/instances/{id}")
}

pub fn task(id: Uuid) -> String {
    format!("/tasks/{id}")
}

/// Where all definitions of a kind are listed.
pub fn definitions(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::Process => "/processes",
        DefinitionKind::Saga => "/sagas",
    }
}

pub fn definition(kind: DefinitionKind, name: &str) -> String {
    match kind {
        DefinitionKind::Process => process(name),
        DefinitionKind::Saga => saga(name),
    }
}

pub fn process(name: &str) -> String {
    let mut url = "/processes/".to_owned();
    encode(name, &mut url);
    url
}

pub fn saga(name: &str) -> String {
    let mut url = "/sagas/".to_owned();
    encode(name, &mut url);
    url
}

/// Percent-encodes everything but unreserved characters (RFC 3986, section 2.3).
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => into.push(char::from(byte)),
            _ => write!(into, "%{byte:02X}").expect("writing into a string cannot fail"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parameters_are_left_out_and_others_are_encoded() {
        assert_eq!(link("/messages", &[("state", ""), ("q", "a b&c=é")]), "/messages?q=a%20b%26c%3D%C3%A9");
        assert_eq!(link("/messages", &[]), "/messages");
    }

    #[test]
    fn changing_a_parameter_keeps_the_others_and_goes_back_to_the_first_page() {
        let mut query = ParamsMap::new();
        query.insert("state", "dead".to_owned());
        query.insert("cursor", "xyz".to_owned());
        assert_eq!(with_param("/messages", &query, "kind", "event"), "/messages?state=dead&kind=event");
        assert_eq!(with_param("/messages", &query, "state", ""), "/messages");
    }

    #[test]
    fn a_correlation_id_with_a_slash_stays_one_segment() {
        assert_eq!(conversation("order/7"), "/conversations/order%2F7");
    }
}
