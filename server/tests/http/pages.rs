//! Pages and assets: headers, scripts, caching, and what does not exist.

use axum::{
    body::Body,
    http::{StatusCode, header},
};
use baton_app::port::AppError;
use leptos::prelude::FromServerFnError;
use serde_json::json;

use crate::support::{ADMIN_TOKEN, Answer, Baton, browser};

async fn page(baton: &Baton, session: &str, path: &str) -> Answer {
    baton.send(browser(path).header(header::COOKIE, session).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn pages_are_rendered_and_only_their_own_scripts_may_run() {
    let baton = Baton::start().await;
    let session = baton.sign_in(&[("token", ADMIN_TOKEN), ("name", "mina")]).await.session();

    let first = page(&baton, &session, "/").await;
    let second = page(&baton, &session, "/").await;

    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let policy = first.header(header::CONTENT_SECURITY_POLICY);
    let scripts = policy.split("; ").find(|part| part.starts_with("script-src ")).unwrap();
    assert!(
        !scripts.contains("unsafe-inline") && !scripts.contains("unsafe-eval'")
            || scripts.contains("'wasm-unsafe-eval'"),
        "{policy}"
    );
    assert!(!scripts.contains("'unsafe-inline'"), "{policy}");
    for part in
        ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(part), "{part} is missing in {policy}");
    }
    assert_ne!(policy, second.header(header::CONTENT_SECURITY_POLICY), "the nonce is used twice");
    let nonce = scripts.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    for script in first.text().split("<script").skip(1) {
        let tag = script.split('>').next().unwrap();
        assert!(tag.contains(nonce) || tag.contains("src="), "a script without the nonce: <script{tag}>");
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(first.header(name), value, "{name}");
    }
    baton.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_is_a_page_for_people() {
    let baton = Baton::start().await;
    let session = baton.sign_in(&[("token", ADMIN_TOKEN)]).await.session();
    let answer = page(&baton, &session, "/no/such/page").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.header(header::CONTENT_TYPE).starts_with("text/html"));
    baton.get("/no/such/page").await.problem(404, "not-found");
    baton.stop().await;
}

#[tokio::test]
async fn the_settings_page_says_what_is_kept_for_how_long() {
    let baton = Baton::start().await;
    let session = baton.sign_in(&[("token", ADMIN_TOKEN)]).await.session();
    let answer = page(&baton, &session, "/settings").await;
    assert_eq!(answer.status, StatusCode::OK);
    for words in ["Housekeeping", "Ended instances", "kept for 30 days", "kept for 365 days", "the file"] {
        assert!(answer.text().contains(words), "{words} is missing in {}", answer.text());
    }
    baton.stop().await;
}

#[tokio::test]
async fn the_icon_is_there_unasked() {
    let baton = Baton::start().await;
    let ask = || browser("/favicon.ico").body(Body::empty()).unwrap();
    let missing = baton.send(ask()).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(!missing.text().contains("bundle"), "{}", missing.text());
    let icons = baton.site().join("pkg/icons");
    std::fs::create_dir_all(&icons).unwrap();
    std::fs::write(icons.join("baton.svg"), "<svg/>").unwrap();
    let icon = baton.send(ask()).await;
    assert_eq!(
        (icon.status, icon.text(), icon.header(header::CONTENT_TYPE)),
        (StatusCode::OK, "<svg/>", "image/svg+xml")
    );
    baton.stop().await;
}

#[tokio::test]
async fn assets_come_compressed_and_are_not_sent_twice() {
    let baton = Baton::start().await;
    let pkg = baton.site().join("pkg");
    std::fs::create_dir_all(&pkg).unwrap();
    std::fs::write(pkg.join("baton.js"), "plain").unwrap();
    std::fs::write(pkg.join("baton.js.br"), "compressed").unwrap();
    let session = baton.sign_in(&[("token", ADMIN_TOKEN)]).await.session();
    let get = |path: &str| browser(path).header(header::COOKIE, &session);

    let plain = baton.send(get("/pkg/baton.js").body(Body::empty()).unwrap()).await;
    assert_eq!((plain.status, plain.text()), (StatusCode::OK, "plain"));
    assert!(plain.header(header::CONTENT_TYPE).starts_with("text/javascript"), "{:?}", plain.headers);
    let packed = get("/pkg/baton.js").header(header::ACCEPT_ENCODING, "gzip, br;q=0.9");
    let packed = baton.send(packed.body(Body::empty()).unwrap()).await;
    assert_eq!((packed.text(), packed.header(header::CONTENT_ENCODING)), ("compressed", "br"));

    let known = get("/pkg/baton.js").header(header::IF_NONE_MATCH, plain.header(header::ETAG));
    let known = baton.send(known.body(Body::empty()).unwrap()).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let kept = baton.send(get("/pkg/baton.js?v=1").body(Body::empty()).unwrap()).await;
    assert!(kept.header(header::CACHE_CONTROL).contains("immutable"));

    for outside in ["/pkg/../../baton.db", "/pkg/%2e%2e/%2e%2e/baton.db", "/pkg/..%2f..%2fbaton.db", "/pkg/none.js"] {
        let answer = baton.send(get(outside).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{outside}");
    }
    baton.stop().await;
}

const REFUND: &str = "baton: process/1
name: refund
input: {type: object, required: [order], properties: {order: {type: integer, minimum: 1}}, additionalProperties: false}
nodes: {start: {kind: start, next: done}, done: {kind: end}}
";

#[tokio::test]
async fn a_refused_server_function_says_whose_fault_it_was() {
    let baton = Baton::start().await;
    let published = baton.post("/api/v1/processes/refund/versions", json!({"source": REFUND})).await;
    assert_eq!(published.status, StatusCode::CREATED, "{}", published.text());
    let start = |form: &'static str| baton.post_raw("/sfn/start", "application/x-www-form-urlencoded", form);

    let broken = start("definition=refund&fields[order]=0").await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", broken.text());
    let AppError::Invalid(findings) = AppError::de(broken.body) else { panic!("another error") };
    assert_eq!(findings[0].pointer, "/order");
    let unreadable = start("definition=refund&version=newest").await;
    assert_eq!(unreadable.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", unreadable.text());
    assert_eq!(start("definition=none").await.status, StatusCode::NOT_FOUND);
    assert_eq!(start("definition=refund&fields[order]=7").await.status, StatusCode::OK);
    baton.stop().await;
}

#[tokio::test]
async fn a_conversation_leads_to_its_instance_only_where_there_is_one() {
    let baton = Baton::start().await;
    baton.post("/api/v1/processes/refund/versions", json!({"source": REFUND})).await;
    let instance = baton.post("/api/v1/processes/refund/instances", json!({"input": {"order": 7}})).await.json();
    let instance = instance["id"].as_str().unwrap();
    let stray = "0193aaaa-0000-7000-8000-000000000001";
    for id in [instance, stray] {
        let message = json!({"type": "Noted", "aggregate_type": "note", "aggregate_id": "1", "payload": {}, "correlation_id": id});
        assert_eq!(baton.post("/api/v1/messages", message).await.status, StatusCode::ACCEPTED);
    }
    let session = baton.sign_in(&[("token", ADMIN_TOKEN)]).await.session();

    for (id, leads) in [(instance, true), (stray, false)] {
        let shown = page(&baton, &session, &format!("/conversations/{id}")).await;
        assert!(shown.text().contains("Noted"), "{id}");
        assert_eq!(shown.text().contains(&format!("href=\"/instances/{id}\"")), leads, "{id}");
    }
    baton.stop().await;
}
