//! Bad input, and what it gets: a clear error, and nothing half done.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use futures::stream;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Baton, admin};

fn message(n: u32) -> Value {
    json!({"type": "OrderPlaced", "aggregate_type": "order", "aggregate_id": format!("order-{n}"), "payload": {"n": n}})
}

/// How many messages there are at all.
async fn count(baton: &Baton) -> usize {
    let answer = baton.get("/api/v1/messages?limit=200").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn malformed_json_says_line_and_column() {
    let baton = Baton::start().await;
    let answer = baton.post_raw("/api/v1/messages", "application/json", "{\n  \"type\": ,\n}").await;
    let problem = answer.problem(400, "malformed-json");
    assert!(problem["detail"].as_str().unwrap().contains("line 2, column 11"), "{problem}");
    for broken in ["", "{", "[1,]", "nul", "{\"a\":1} trailing", "\u{feff}{}"] {
        baton.post_raw("/api/v1/messages", "application/json", broken).await.problem(400, "malformed-json");
    }
    let deep = "[".repeat(100_000);
    baton.post_raw("/api/v1/messages", "application/json", deep).await.problem(400, "malformed-json");
    baton.stop().await;
}

#[tokio::test]
async fn one_bad_message_keeps_the_whole_batch_out() {
    let baton = Baton::start().await;
    let mut bad = message(1);
    bad.as_object_mut().unwrap().remove("payload");
    bad["colour"] = json!("red");

    let answer = baton.post("/api/v1/messages", json!([message(0), message(2), message(3), bad])).await;

    let problem = answer.problem(422, "invalid");
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert!(pointers.contains(&"/3/payload") && pointers.contains(&"/3/colour"), "{problem}");
    assert_eq!(count(&baton).await, 0);
    baton.stop().await;
}

#[tokio::test]
async fn a_batch_has_bounds_and_a_duplicate_is_said() {
    let baton = Baton::start().await;
    baton.post("/api/v1/messages", json!([])).await.problem(422, "invalid");
    let many: Vec<_> = (0..1_001).map(message).collect();
    baton.post("/api/v1/messages", json!(many)).await.problem(422, "invalid");
    assert_eq!(count(&baton).await, 0);

    let id = Uuid::now_v7();
    let mut first = message(1);
    first["id"] = json!(id);
    let answer = baton.post("/api/v1/messages", first.clone()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    assert_eq!(answer.json(), json!({"accepted": [id], "duplicates": []}));
    let again = baton.post("/api/v1/messages", first).await;
    assert_eq!((again.status, again.json()), (StatusCode::ACCEPTED, json!({"accepted": [], "duplicates": [id]})));
    assert_eq!(count(&baton).await, 1);
    let thousand: Vec<_> = (0..1_000).map(message).collect();
    assert_eq!(baton.post("/api/v1/messages", json!(thousand)).await.status, StatusCode::ACCEPTED);
    baton.stop().await;
}

#[tokio::test]
async fn one_id_for_two_messages_of_a_batch_is_refused_and_a_repetition_is_not() {
    let baton = Baton::start().await;
    let (id, other) = (Uuid::now_v7(), Uuid::now_v7());
    let with = |id: Uuid, n: u32| {
        let mut message = message(n);
        message["id"] = json!(id);
        message
    };
    let answer = baton.post("/api/v1/messages", json!([with(id, 1), with(id, 2), with(other, 3)])).await;
    let problem = answer.problem(422, "invalid");
    assert_eq!((&problem["errors"][0]["pointer"], problem["errors"].as_array().unwrap().len()), (&json!("/1/id"), 1));
    assert_eq!(count(&baton).await, 0);

    let twice = baton.post("/api/v1/messages", json!([with(id, 1), with(id, 1)])).await;
    assert_eq!(twice.json(), json!({"accepted": [id], "duplicates": [id]}));
    let later = baton.post("/api/v1/messages", json!([with(id, 2), with(other, 3)])).await;
    assert_eq!(
        later.json(),
        json!({"accepted": [other], "duplicates": [id]}),
        "an earlier request's id is a repetition"
    );
    baton.stop().await;
}

#[tokio::test]
async fn a_cursor_that_was_not_handed_out_is_refused() {
    let baton = Baton::start().await;
    for list in ["messages", "instances", "tasks"] {
        let problem = baton.get(&format!("/api/v1/{list}?cursor=zzz")).await.problem(400, "invalid-query");
        assert!(problem["detail"].as_str().unwrap().contains("cursor"), "{problem}");
    }
    baton.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_the_limit_whether_its_length_is_said_or_not() {
    let baton = Baton::start_with(|settings| {
        settings.admin_token = Some(crate::support::ADMIN_TOKEN.to_owned());
        settings.body_limit_bytes = 4_096;
    })
    .await;
    let body = format!("[\"{}\"]", "x".repeat(5_000));
    let said = baton
        .send(
            admin(Method::POST, "/api/v1/messages")
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::CONTENT_LENGTH, body.len())
                .body(Body::from(body.clone()))
                .unwrap(),
        )
        .await
        .problem(413, "too-large");
    assert!(said["detail"].as_str().unwrap().contains("4096"), "{said}");
    let chunks: Vec<_> = body.as_bytes().chunks(500).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
    let streamed = Body::from_stream(stream::iter(chunks));
    baton.post_raw("/api/v1/messages", "application/json", streamed).await.problem(413, "too-large");
    assert_eq!(count(&baton).await, 0);
    baton.stop().await;
}

#[tokio::test]
async fn a_payload_of_one_mebibyte_is_taken_and_one_byte_more_is_not() {
    let baton = Baton::start().await;
    let with = |bytes: usize| {
        let mut large = message(1);
        // Two quotes make up the rest.
        large["payload"] = json!("x".repeat(bytes - 2));
        large
    };
    let answer = baton.post("/api/v1/messages", with(1 << 20)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = answer.json()["accepted"][0].as_str().unwrap().to_owned();
    let read = baton.get(&format!("/api/v1/messages/{id}")).await.json();
    assert_eq!(read["payload"].as_str().unwrap().len(), (1 << 20) - 2);
    let problem = baton.post("/api/v1/messages", with((1 << 20) + 1)).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/payload");
    baton.stop().await;
}

#[tokio::test]
async fn addresses_methods_types_and_parameters_that_are_wrong_are_problems() {
    let baton = Baton::start().await;
    baton.get("/api/v1/nothing").await.problem(404, "not-found");
    baton.get("/api/v2").await.problem(404, "not-found");
    baton.get("/api").await.problem(404, "not-found");
    let wrong_method = baton.call(Method::DELETE, "/api/v1/messages", None).await;
    wrong_method.problem(405, "method-not-allowed");
    assert!(wrong_method.header(header::ALLOW).contains("POST"), "{:?}", wrong_method.headers);
    baton.post_raw("/api/v1/messages", "text/plain", "hi").await.problem(415, "unsupported-media-type");
    baton.post_raw("/api/v1/repairs", "text/plain", "hi").await.problem(415, "unsupported-media-type");
    let unknown = baton.get("/api/v1/messages?stat=dead").await.problem(400, "invalid-query");
    assert!(unknown["detail"].as_str().unwrap().contains("`stat`"), "{unknown}");
    baton.get("/api/v1/messages?limit=0").await.problem(400, "invalid-query");
    baton.get("/api/v1/messages?limit=many").await.problem(400, "invalid-query");
    let no_id = baton.get("/api/v1/messages/not-an-id").await.problem(404, "not-found");
    assert!(no_id["detail"].as_str().unwrap().contains("not-an-id"), "{no_id}");
    baton.get(&format!("/api/v1/messages/{}", Uuid::now_v7())).await.problem(404, "not-found");
    baton.get(&format!("/api/v1/instances/{}", Uuid::now_v7())).await.problem(404, "not-found");
    baton.get("/api/v1/messages/%ff").await.problem(400, "malformed-path");
    baton.post(&format!("/api/v1/messages/{}/retry", Uuid::now_v7()), json!({})).await.problem(404, "not-found");
    baton.stop().await;
}

#[tokio::test]
async fn unknown_fields_are_an_error_everywhere() {
    let baton = Baton::start().await;
    let id = Uuid::now_v7();
    for (method, path, body) in [
        (Method::POST, "/api/v1/tokens".to_owned(), json!({"name": "x", "colour": 1})),
        (Method::POST, "/api/v1/repairs".to_owned(), json!({"action": "retry", "filter": {}, "colour": 1})),
        (Method::POST, "/api/v1/repairs".to_owned(), json!({"action": "retry", "filter": {"colour": 1}})),
        (Method::POST, "/api/v1/processes/x/instances".to_owned(), json!({"input": {}, "colour": 1})),
        (Method::POST, format!("/api/v1/instances/{id}/suspend"), json!({"reason": "x", "colour": 1})),
        (Method::POST, format!("/api/v1/instances/{id}/migrate"), json!({"reason": "x", "to_version": 2, "colour": 1})),
        (Method::POST, "/api/v1/migrations".to_owned(), json!({"definition": "x", "to_version": 2, "colour": 1})),
        (Method::POST, "/api/v1/migrations".to_owned(), json!({"to_version": 2, "filter": {"colour": 1}})),
        (Method::POST, format!("/api/v1/tasks/{id}/complete"), json!({"outcome": "x", "colour": 1})),
        (Method::PUT, "/api/v1/routes/x".to_owned(), json!({"to": "x", "colour": 1})),
        (Method::PUT, "/api/v1/destinations/x".to_owned(), json!({"kind": "http", "url": "http://a", "colour": 1})),
        (Method::POST, "/api/v1/processes/x/versions".to_owned(), json!({"colour": 1})),
    ] {
        let problem = baton.call(method, &path, Some(body)).await.problem(422, "invalid");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains("colour"), "{path}: {problem}");
    }
    baton.stop().await;
}

#[tokio::test]
async fn cloudevents_come_in_structured_binary_and_batched() {
    let baton = Baton::start().await;
    let event = |id: &str| {
        json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "OrderPlaced",
            "subject": "order/42", "data": {"n": 1}})
    };
    let structured = baton.post_raw("/api/v1/messages", "application/cloudevents+json", event("a").to_string()).await;
    assert_eq!(structured.status, StatusCode::ACCEPTED, "{}", structured.text());
    let batch = json!([event("b"), event("a")]).to_string();
    let batched = baton.post_raw("/api/v1/messages", "application/cloudevents-batch+json; charset=utf-8", batch).await;
    assert_eq!(batched.status, StatusCode::ACCEPTED, "{}", batched.text());
    assert_eq!(batched.json()["duplicates"], structured.json()["accepted"], "the same event is the same message");
    let binary = admin(Method::POST, "/api/v1/messages")
        .header(header::CONTENT_TYPE, "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "c")
        .header("ce-source", "/shop")
        .header("ce-type", "OrderPlaced")
        .header("ce-subject", "order/42")
        .body(Body::from(r#"{"n": 2}"#))
        .unwrap();
    let binary = baton.send(binary).await;
    assert_eq!(binary.status, StatusCode::ACCEPTED, "{}", binary.text());
    assert_eq!(count(&baton).await, 3);
    let wrong = json!({"specversion": "1.0", "id": "d"}).to_string();
    baton.post_raw("/api/v1/messages", "application/cloudevents+json", wrong).await.problem(422, "invalid");
    baton.stop().await;
}

#[tokio::test]
async fn html_and_scripts_are_kept_as_the_text_that_they_are() {
    let baton = Baton::start().await;
    let script = "<script>alert(1)</script>'\"; drop table outbox; -- \u{202e}🚆";
    let sent = json!({"type": script, "source": script, "aggregate_type": script, "aggregate_id": script,
        "payload": {script: script}, "headers": {"x": script}, "correlation_id": script});

    let answer = baton.post("/api/v1/messages", sent.clone()).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = answer.json()["accepted"][0].as_str().unwrap().to_owned();
    let read = baton.get(&format!("/api/v1/messages/{id}")).await;
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    let read = read.json();
    for field in ["type", "source", "aggregate_type", "aggregate_id", "payload", "correlation_id"] {
        assert_eq!(read[field], sent[field], "{field}");
    }
    baton.stop().await;
}
