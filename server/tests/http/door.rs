//! Nothing but `/healthz` (and the sign-in page) answers a stranger.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use baton_app::port::AppError;
use baton_server::http;
use leptos::server_fn::error::FromServerFnError;

use crate::support::{ADMIN_TOKEN, Baton, browser};

/// A path with something in place of each parameter.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|segment| match segment {
            "{version}" => "1",
            segment if segment.starts_with('{') || segment.starts_with(':') => "0192f000-0000-7000-8000-000000000000",
            segment => segment,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Method and path of every call that the description names.
fn calls() -> Vec<(Method, String)> {
    let document = serde_json::to_value(http::description()).unwrap();
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            calls.push((method.to_uppercase().parse().unwrap(), filled(path)));
        }
    }
    assert!(calls.len() > 40, "the description has only {} calls", calls.len());
    calls
}

#[tokio::test]
async fn every_call_refuses_a_stranger() {
    let baton = Baton::start().await;
    for (method, path) in calls() {
        let answer =
            baton.send(Request::builder().method(method.clone()).uri(&path).body(Body::empty()).unwrap()).await;
        if path == "/healthz" {
            assert_eq!(answer.status, StatusCode::OK);
            continue;
        }
        answer.problem(401, "signed-out");
        assert!(answer.header(header::WWW_AUTHENTICATE).starts_with("Bearer"), "{method} {path}");
    }
    for path in ["/api", "/api/v1", "/api/v2/messages", "/metrics", "/readyz", "/pkg/baton.js", "/pkg/../Cargo.toml"] {
        let answer = baton.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for method in [Method::OPTIONS, Method::HEAD, Method::PATCH] {
        let request = Request::builder().method(method.clone()).uri("/api/v1/messages").body(Body::empty()).unwrap();
        assert_eq!(baton.send(request).await.status, StatusCode::UNAUTHORIZED, "{method}");
    }
    baton.stop().await;
}

#[tokio::test]
async fn every_page_leads_a_stranger_to_the_sign_in_page() {
    let baton = Baton::start().await;
    let paths = http::pages::paths();
    assert!(paths.len() > 5, "{paths:?}");
    for path in paths.iter().map(|path| filled(path)).chain(["/no/such/page".to_owned(), "/messages?q=x".to_owned()]) {
        let answer = baton.send(browser(&path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header(header::LOCATION).starts_with("/sign-in"), "{path}");
    }
    let answer = baton.send(browser("/messages?q=x").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header(header::LOCATION), "/sign-in?next=%2Fmessages%3Fq%3Dx");
    baton.stop().await;
}

#[tokio::test]
async fn every_server_function_refuses_a_stranger_in_its_own_words() {
    let baton = Baton::start().await;
    let functions: Vec<_> = leptos::server_fn::axum::server_fn_paths().collect();
    assert!(functions.len() > 5, "{functions:?}");
    for (path, method) in functions {
        assert!(path.starts_with("/sfn/"), "{path}");
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = baton.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(AppError::de(answer.body.clone()), AppError::SignedOut, "{path}");
    }
    baton.stop().await;
}

#[tokio::test]
async fn a_wrong_token_or_session_is_nobody() {
    let baton = Baton::start().await;
    for value in ["Bearer wrong", "Bearer", "Bearer ", "Basic YWRtaW46", ADMIN_TOKEN, "Bearer baton_AAAA"] {
        let request = Request::get("/api/v1/messages").header(header::AUTHORIZATION, value);
        baton.send(request.body(Body::empty()).unwrap()).await.problem(401, "signed-out");
    }
    for cookie in ["baton_session=wrong", "baton_session=", "session=x"] {
        let request = Request::get("/api/v1/messages").header(header::COOKIE, cookie);
        baton.send(request.body(Body::empty()).unwrap()).await.problem(401, "signed-out");
    }
    // A wrong token beside a good session is not let in by the session.
    let session = baton.sign_in(&[("token", ADMIN_TOKEN)]).await.session();
    let request =
        Request::get("/api/v1/messages").header(header::COOKIE, session).header(header::AUTHORIZATION, "Bearer x");
    baton.send(request.body(Body::empty()).unwrap()).await.problem(401, "signed-out");
    baton.stop().await;
}

#[tokio::test]
async fn writes_from_another_site_are_refused_and_tokens_are_exempt() {
    let baton = Baton::start().await;
    let session = baton.sign_in(&[("token", ADMIN_TOKEN)]).await.session();
    let write = |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/v1/tokens").header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(r#"{"name":"x"}"#)).unwrap()
    };
    for foreign in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer = baton.send(write(&[("cookie", &session), foreign])).await;
        answer.problem(403, "cross-site");
    }
    for own in [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:4400")] {
        assert_eq!(baton.send(write(&[("cookie", &session), own])).await.status, StatusCode::CREATED, "{own:?}");
    }
    let token = format!("Bearer {ADMIN_TOKEN}");
    let answer = baton.send(write(&[("authorization", &token), ("origin", "https://tools.example")])).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    // A form of another site cannot sign anybody in or out either.
    for path in ["/sign-in", "/sign-out"] {
        let request = Request::post(path).header("origin", "https://evil.example").header("cookie", &session);
        assert_eq!(baton.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    baton.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_this_servers_is_refused() {
    let baton = Baton::start_with(|settings| {
        settings.admin_token = Some(ADMIN_TOKEN.to_owned());
        settings.hosts = vec!["baton.internal".to_owned()];
    })
    .await;
    let get = |host: &str| crate::support::admin(Method::GET, "/api/v1/messages").header(header::HOST, host);
    for host in ["evil.example", "localhost.evil.example:4400", "127.0.0.1.evil.example"] {
        baton.send(get(host).body(Body::empty()).unwrap()).await.problem(421, "unknown-host");
    }
    for host in ["localhost:4400", "127.0.0.1:4400", "[::1]:4400", "LOCALHOST", "baton.internal"] {
        assert_eq!(baton.send(get(host).body(Body::empty()).unwrap()).await.status, StatusCode::OK, "{host}");
    }
    baton.stop().await;
}
