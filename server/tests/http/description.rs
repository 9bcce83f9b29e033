//! The OpenAPI document: whole, consistent, and the same as what is served.

use std::collections::{BTreeSet, HashSet};

use axum::http::StatusCode;
use baton_server::http;
use serde_json::Value;

use crate::support::Baton;

/// The calls of the contract in design.md.
const CONTRACT: [&str; 69] = [
    "POST /api/v1/messages",
    "GET /api/v1/messages",
    "GET /api/v1/messages/{id}",
    "POST /api/v1/messages/{id}/retry",
    "POST /api/v1/messages/{id}/discard",
    "POST /api/v1/messages/{id}/edit",
    "POST /api/v1/repairs",
    "GET /api/v1/repairs/{id}",
    "GET /api/v1/processes",
    "GET /api/v1/processes/{name}",
    "PUT /api/v1/processes/{name}/draft",
    "GET /api/v1/processes/{name}/draft",
    "DELETE /api/v1/processes/{name}/draft",
    "POST /api/v1/processes/{name}/versions",
    "GET /api/v1/processes/{name}/versions",
    "GET /api/v1/processes/{name}/versions/{version}",
    "POST /api/v1/processes/{name}/instances",
    "GET /api/v1/sagas",
    "GET /api/v1/sagas/{name}",
    "PUT /api/v1/sagas/{name}/draft",
    "GET /api/v1/sagas/{name}/draft",
    "DELETE /api/v1/sagas/{name}/draft",
    "POST /api/v1/sagas/{name}/versions",
    "GET /api/v1/sagas/{name}/versions",
    "GET /api/v1/sagas/{name}/versions/{version}",
    "GET /api/v1/processes/{name}/export",
    "GET /api/v1/sagas/{name}/export",
    "POST /api/v1/import",
    "GET /api/v1/instances",
    "GET /api/v1/instances/{id}",
    "GET /api/v1/instances/{id}/history",
    "POST /api/v1/instances/{id}/suspend",
    "POST /api/v1/instances/{id}/resume",
    "POST /api/v1/instances/{id}/cancel",
    "POST /api/v1/instances/{id}/retry",
    "GET /api/v1/tasks",
    "GET /api/v1/tasks/{id}",
    "POST /api/v1/tasks/{id}/claim",
    "POST /api/v1/tasks/{id}/complete",
    "GET /api/v1/destinations",
    "GET /api/v1/destinations/{name}",
    "PUT /api/v1/destinations/{name}",
    "DELETE /api/v1/destinations/{name}",
    "POST /api/v1/destinations/{name}/test",
    "POST /api/v1/destinations/{name}/pause",
    "POST /api/v1/destinations/{name}/resume",
    "POST /api/v1/destinations/{name}/keys",
    "DELETE /api/v1/destinations/{name}/keys/old",
    "GET /api/v1/bus",
    "GET /api/v1/routes",
    "GET /api/v1/routes/{name}",
    "PUT /api/v1/routes/{name}",
    "DELETE /api/v1/routes/{name}",
    "GET /api/v1/sources",
    "GET /api/v1/sources/{name}",
    "PUT /api/v1/sources/{name}",
    "DELETE /api/v1/sources/{name}",
    "POST /api/v1/sources/preview",
    "POST /api/v1/sources/tables",
    "GET /api/v1/sources/presets",
    "POST /api/v1/sources/{name}/pause",
    "POST /api/v1/sources/{name}/resume",
    "GET /api/v1/schemas/process.json",
    "GET /api/v1/schemas/saga.json",
    "POST /api/v1/tokens",
    "GET /api/v1/stream",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
];

fn document() -> Value {
    serde_json::to_value(http::description()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    found
}

#[test]
fn every_call_of_the_contract_is_described() {
    let document = document();
    let described: BTreeSet<_> = operations(&document).into_iter().map(|(call, _)| call).collect();
    for call in CONTRACT {
        assert!(described.contains(call), "{call} is not described");
    }
}

#[test]
fn every_call_says_what_it_does_what_it_takes_and_how_it_fails() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let mut ids = HashSet::new();
    for (call, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{call} has no summary");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{call}: {}", operation["tags"]);
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{call} has somebody else's id");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{call} never succeeds");
        let problem = &responses["default"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{call}");
        assert!(operation["security"].is_array(), "{call} does not say how to authenticate");
        let declared: HashSet<_> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        let in_path: HashSet<_> = call
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(str::to_owned)
            .collect();
        assert_eq!(declared, in_path, "{call}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value, seen: &mut usize) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads outside"));
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                    *seen += 1;
                }
                map.values().for_each(|value| walk(value, document, seen));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, document, seen)),
            _ => {}
        }
    }
    let document = document();
    let mut seen = 0;
    walk(&document, &document, &mut seen);
    assert!(seen > 60, "only {seen} references were seen");
}

#[tokio::test]
async fn what_is_served_is_the_description() {
    let baton = Baton::start().await;
    let answer = baton.get("/api/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), document());
    baton.stop().await;
}
