//! Definitions as files: what leaves comes back, what is no definition is refused, and nothing is stored.

use axum::http::{StatusCode, header};
use baton_domain::definition;
use serde_json::json;

use crate::support::Baton;

async fn with_trips() -> (Baton, &'static str) {
    let baton = Baton::start().await;
    let (_, text) = definition::shipped().into_iter().find(|(name, _)| *name == "trip-booking").unwrap();
    let answer = baton.post("/api/v1/processes/trip-booking/versions", json!({"source": text})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    (baton, text)
}

#[tokio::test]
async fn a_process_leaves_in_every_format_and_comes_back_as_it_was() {
    let (baton, text) = with_trips().await;
    let document = definition::parse(text).unwrap().value;
    for (format, kind, begins) in [
        ("yaml", "application/yaml", "# A process manager"),
        ("json", "application/json", "{"),
        ("bpmn", "application/xml", "<?xml"),
        ("svg", "image/svg+xml", "<svg"),
    ] {
        let file = baton.get(&format!("/api/v1/processes/trip-booking/export?format={format}&version=1")).await;
        assert_eq!(file.status, StatusCode::OK, "{}", file.text());
        assert_eq!(file.header(header::CONTENT_TYPE), kind);
        let name = format!("attachment; filename=\"trip-booking-v1.{format}\"");
        assert_eq!(file.header(header::CONTENT_DISPOSITION), name);
        assert!(file.text().starts_with(begins), "{:.100}", file.text());
        if format == "svg" {
            continue;
        }
        let back = baton.post_raw("/api/v1/import", "application/octet-stream", file.text().to_owned()).await;
        assert_eq!(back.status, StatusCode::OK, "{}", back.text());
        let back = back.json();
        assert_eq!(
            (&back["kind"], &back["name"], &back["findings"]),
            (&json!("process"), &json!("trip-booking"), &json!([]))
        );
        assert_eq!(back["check"]["document"], document, "{format}");
        assert_eq!(back["check"]["diagnostics"], json!([]));
    }
    let dark = baton.get("/api/v1/processes/trip-booking/export?format=svg&theme=dark").await;
    assert!(dark.text().contains("#121316"));
    assert_eq!(baton.get("/api/v1/processes/trip-booking/versions").await.json()["items"].as_array().unwrap().len(), 1);
    baton.stop().await;
}

#[tokio::test]
async fn a_file_gets_another_name_and_keeps_its_comments() {
    let (baton, text) = with_trips().await;
    let back = baton.post_raw("/api/v1/import?name=travel", "application/yaml", text).await.json();
    assert_eq!(back["source"], text.replace("name: trip-booking", "name: travel"));
    let json = definition::parse(text).unwrap().value.to_string();
    let back = baton.post_raw("/api/v1/import?name=travel", "application/json", json).await.json();
    assert!(back["source"].as_str().unwrap().starts_with("baton: process/1\nname: travel\n"), "{back}");
    baton.stop().await;
}

#[tokio::test]
async fn drafts_and_sagas_leave_too() {
    let (baton, text) = with_trips().await;
    let nothing = baton.get("/api/v1/processes/trip-booking/export?format=yaml&draft=true").await;
    assert!(nothing.status == StatusCode::OK || nothing.status == StatusCode::NOT_FOUND);
    let broken = "baton: process/1\nname: trip-booking\nnodes: [";
    baton.put("/api/v1/processes/trip-booking/draft", json!({"source": broken})).await;
    let draft = baton.get("/api/v1/processes/trip-booking/export?format=yaml&draft=true").await;
    assert_eq!(draft.text(), broken);
    for format in ["json", "bpmn", "svg"] {
        let refused = baton.get(&format!("/api/v1/processes/trip-booking/export?format={format}&draft=true")).await;
        refused.problem(409, "unreadable");
    }
    baton
        .get("/api/v1/processes/trip-booking/export?format=yaml&draft=true&version=1")
        .await
        .problem(400, "invalid-query");
    baton.get("/api/v1/processes/trip-booking/export?format=doc").await.problem(400, "invalid-query");
    baton.get("/api/v1/processes/trip-booking/export?format=yaml&version=9").await.problem(404, "not-found");
    baton.get("/api/v1/processes/nobody/export?format=yaml").await.problem(404, "not-found");
    assert_eq!(baton.get("/api/v1/processes/trip-booking/export?format=yaml").await.text(), text);

    let (_, saga) = definition::shipped().into_iter().find(|(name, _)| *name == "campaign-publishing").unwrap();
    baton.post("/api/v1/sagas/campaign-publishing/versions", json!({"source": saga})).await;
    assert_eq!(baton.get("/api/v1/sagas/campaign-publishing/export?format=yaml").await.text(), saga);
    assert!(
        baton.get("/api/v1/sagas/campaign-publishing/export?format=svg").await.text().contains("SubmitAdvertisement")
    );
    baton.get("/api/v1/sagas/campaign-publishing/export?format=bpmn").await.problem(409, "no-process");
    baton.stop().await;
}

#[tokio::test]
async fn what_is_no_definition_is_refused_with_the_reason() {
    let baton = Baton::start().await;
    for (file, code) in [
        ("", "no-definition"),
        ("hello", "no-definition"),
        ("a: [", "syntax"),
        ("[1, 2]", "no-definition"),
        ("baton: other/1", "no-definition"),
        ("<svg/>", "no-bpmn"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "syntax"),
        ("<a><b></a>", "syntax"),
    ] {
        let problem = baton.post_raw("/api/v1/import", "application/octet-stream", file).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], code, "{file}: {problem}");
    }
    let large = format!("<a>{}</a>", "x".repeat(5 << 20));
    let problem = baton.post_raw("/api/v1/import", "application/xml", large).await.problem(422, "invalid");
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("4194304"), "{problem}");
    let large = format!("baton: process/1\nname: {}", "x".repeat(2 << 20));
    let problem = baton.post_raw("/api/v1/import", "application/yaml", large).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["code"], "too-large");
    baton.post_raw("/api/v1/import", "application/xml", vec![0xff, 0xfe]).await.problem(400, "not-utf-8");
    baton.stop().await;
}
