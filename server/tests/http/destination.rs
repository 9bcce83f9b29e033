//! Destinations by API: limits, pausing with a reason, signing keys, the bus; what is refused, and where.

use axum::{
    Router,
    http::{Method, StatusCode},
    routing::post,
};
use serde_json::{Value, json};

use crate::support::Baton;

const KEYS: [&str; 2] = ["whsec_Zmlyc3Qga2V5IG9mIGFsbA==", "whsec_c2Vjb25kIGtleSBvZiBhbGw="];

fn settings(extra: Value) -> Value {
    let mut settings = json!({"kind": "http", "url": "http://127.0.0.1:9/in"});
    settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    settings
}

#[tokio::test]
async fn limits_and_policies_are_kept_and_shown() {
    let baton = Baton::start().await;
    let limits = json!({"rate_per_s": 2.5, "concurrency": 3, "order": "block", "breaker_failures": 5,
        "breaker_pause_ms": 1_500});
    let made = baton.put("/api/v1/destinations/shop", settings(limits.clone())).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    let shown = baton.get("/api/v1/destinations/shop").await.json();
    for (field, value) in limits.as_object().unwrap() {
        assert_eq!(&shown["settings"][field], value, "{field}");
    }
    assert_eq!(shown["breaker"]["state"], "closed");
    assert_eq!((&shown["blocked"], &shown["keys"]), (&json!(false), &json!([])));
    assert_eq!(shown["traffic"], json!({"delivered_per_min": 0, "delivered_last_hour": 0, "failed_last_hour": 0}));

    let back = baton.put("/api/v1/destinations/shop", shown["settings"].clone()).await;
    assert_eq!(back.json()["settings"], shown["settings"], "what is shown can be put back");
    baton.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_where_it_stands() {
    let baton = Baton::start_with(|settings| {
        settings.admin_token = Some(crate::support::ADMIN_TOKEN.to_owned());
        settings.allow_private_destinations = false;
    })
    .await;
    for (extra, pointer, says) in [
        (json!({"rate_per_s": 0}), "/rate_per_s", "0.01"),
        (json!({"rate_per_s": "fast"}), "/rate_per_s", "fast"),
        (json!({"concurrency": 0}), "/concurrency", "1 to 64"),
        (json!({"concurrency": 65}), "/concurrency", "1 to 64"),
        (json!({"order": "shuffle"}), "/order", "`shuffle`"),
        (json!({"breaker_failures": 0}), "/breaker_failures", "1 to 1000"),
        (json!({"breaker_pause_ms": 1}), "/breaker_pause_ms", "100 to 900000"),
        (
            json!({"secret": "env:BATON_TEST_NO_SUCH_VARIABLE"}),
            "/secret",
            "BATON_TEST_NO_SUCH_VARIABLE, which is not set",
        ),
        (json!({"secret": "file:/nowhere/at/all"}), "/secret", "/nowhere/at/all"),
        (json!({"secret": "hush"}), "/secret", "env:NAME"),
        (json!({"url": "http://10.1.2.3/"}), "/url", "BATON_ALLOW_PRIVATE_DESTINATIONS"),
        (json!({"colour": 1}), "/colour", "colour"),
    ] {
        let mut body = settings(extra.clone());
        if extra.get("url").is_none() {
            body["url"] = json!("https://example.org/in");
        }
        let problem = baton.put("/api/v1/destinations/shop", body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(says), "{problem}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
    }
    baton.get("/api/v1/destinations/shop").await.problem(404, "not-found");
    baton.stop().await;
}

#[tokio::test]
async fn who_paused_it_and_why_is_shown_and_in_the_audit() {
    let baton = Baton::start().await;
    baton.put("/api/v1/destinations/shop", settings(json!({}))).await;
    let paused = baton.post("/api/v1/destinations/shop/pause", json!({"reason": "their release"})).await;
    assert_eq!(paused.status, StatusCode::OK, "{}", paused.text());
    assert_eq!(paused.json()["paused"], true);
    assert_eq!(paused.json()["paused_by"]["reason"], "their release");
    let again = baton.post("/api/v1/destinations/shop/pause", json!({"reason": "another"})).await.json();
    assert_eq!(again["paused_by"]["reason"], "their release", "the first reason stands");
    let long = baton.post("/api/v1/destinations/shop/pause", json!({"reason": "x".repeat(1_001)})).await;
    assert_eq!(long.problem(422, "invalid")["errors"][0]["pointer"], "/reason");

    let resumed = baton.post("/api/v1/destinations/shop/resume", json!({"reason": "it is out"})).await.json();
    assert_eq!((&resumed["paused"], &resumed["paused_by"]), (&json!(false), &Value::Null));
    let audit = baton.get("/api/v1/audit?subject=destination/shop").await.json();
    let entries: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|it| (it["action"].clone(), it["reason"].clone())).collect();
    assert_eq!(
        entries[..2],
        [(json!("resume-destination"), json!("it is out")), (json!("pause-destination"), json!("their release"))]
    );
    baton.stop().await;
}

#[tokio::test]
async fn keys_are_rotated_without_being_shown() {
    let baton = Baton::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), KEYS[1]).unwrap();
    let reference = format!("file:{}", file.path().display());
    baton.put("/api/v1/destinations/shop", settings(json!({"secret": KEYS[0]}))).await;
    let path = "/api/v1/destinations/shop/keys";

    let rotated = baton.post(path, json!({"secret": reference, "old_for_s": 600, "reason": "yearly"})).await;
    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.text());
    let keys = rotated.json()["keys"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 2, "{keys}");
    assert_eq!(
        (&keys[0]["source"], &keys[0]["expires_at"], &keys[0]["problem"]),
        (&json!(reference), &Value::Null, &Value::Null)
    );
    assert_eq!(keys[1]["source"], "stored");
    assert!(keys[1]["expires_at"].is_string(), "{keys}");

    std::fs::remove_file(file.path()).unwrap();
    let shown = baton.get("/api/v1/destinations/shop").await;
    assert!(!shown.text().contains("whsec_"), "{}", shown.text());
    let problem = shown.json()["keys"][0]["problem"].clone();
    assert!(problem.as_str().unwrap().contains("cannot be read"), "{problem}");
    let edited = baton.put("/api/v1/destinations/shop", settings(json!({"concurrency": 2}))).await.json();
    assert_eq!(edited["keys"].as_array().unwrap().len(), 2, "an edit keeps them, also one that is missing now");

    for (body, pointer) in [
        (json!({"secret": "env:BATON_TEST_NO_SUCH_VARIABLE"}), "/secret"),
        (json!({"secret": KEYS[1], "old_for_s": 99_000_000}), "/old_for_s"),
        (json!({}), "/secret"),
    ] {
        assert_eq!(baton.post(path, body).await.problem(422, "invalid")["errors"][0]["pointer"], pointer);
    }
    let old = format!("{path}/old");
    let dropped = baton.call(Method::DELETE, &old, None).await;
    assert_eq!(dropped.json()["keys"].as_array().unwrap().len(), 1, "{}", dropped.text());
    baton.call(Method::DELETE, &old, None).await.problem(409, "no-old-keys");
    let unsigned = baton.put("/api/v1/destinations/shop", settings(json!({"secret": ""}))).await.json();
    assert_eq!((&unsigned["has_secret"], &unsigned["keys"]), (&json!(false), &json!([])));
    baton.post("/api/v1/destinations/nowhere/keys", json!({"secret": KEYS[0]})).await.problem(404, "not-found");
    baton.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_the_answer_and_is_stored_nowhere() {
    let baton = Baton::start().await;
    let app = Router::new().route("/in", post(|| async { (StatusCode::IM_A_TEAPOT, "short and stout") }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let endpoint = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    baton.put("/api/v1/destinations/pot", settings(json!({"url": url}))).await;

    let tested = baton.call(Method::POST, "/api/v1/destinations/pot/test", None).await.json();

    assert_eq!((&tested["accepted"], &tested["status"]), (&json!(false), &json!(418)), "{tested}");
    assert_eq!((&tested["failure_class"], &tested["body"]), (&json!("http-418"), &json!("short and stout")));
    assert!(tested["took_ms"].is_i64());
    assert_eq!(baton.get("/api/v1/messages").await.json()["items"], json!([]));
    endpoint.abort();
    baton.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_says_how_it_is() {
    let baton = Baton::start().await;
    let message = json!({"type": "Placed", "aggregate_type": "order", "aggregate_id": "1", "payload": null});
    baton.post("/api/v1/messages", message).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let bus = loop {
        let bus = baton.get("/api/v1/bus").await.json();
        // What waits and what went through are asked one after the other, and it may go through between them.
        if bus["traffic"]["delivered_last_hour"] == 1 && bus["oldest_open_at"].is_null() {
            break bus;
        }
        assert!(std::time::Instant::now() < deadline, "{bus}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert_eq!(bus["condition"], Value::Null, "in this process there is nothing to be connected to");
    assert_eq!(bus["queued"], json!(0), "{bus}");
    baton.stop().await;
}
