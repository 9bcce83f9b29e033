//! What holds for every request, whoever makes it: an id and a line in the log, security headers, the host's name,
//! limits on size and time, and that a panic ends one request and not the server.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::Limited;
use leptos::nonce::Nonce;
use tower_http::csrf::ProtectionError;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    Api,
    problem::{Error, REQUEST_ID, RequestId},
};

/// How long a request may take, streams aside.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The nonce of a response's content security policy; pages give it to their scripts.
#[derive(Debug, Clone)]
pub struct PageNonce(pub Arc<str>);

/// Gives the request an id and a nonce, logs it, counts it, and puts the security headers on the answer.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let nonce = PageNonce(Nonce::new().as_inner().clone());
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(nonce.clone());
    let method = request.method().clone();
    // The path without the query: sign-in links and searches stay out of the log.
    let span = tracing::info_span!("request", id, %method, path = request.uri().path());
    let started = std::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = started.elapsed();
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, took_ms = took.as_millis() as u64, "answered"));
    let headers = response.headers_mut();
    put(headers, REQUEST_ID, &id);
    put(headers, header::CONTENT_SECURITY_POLICY, &policy(&nonce.0));
    put(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(headers, header::X_FRAME_OPTIONS, "DENY");
    put(headers, header::REFERRER_POLICY, "same-origin");
    put(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    put(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(headers, HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    if !headers.contains_key(header::CACHE_CONTROL) {
        put(headers, header::CACHE_CONTROL, "no-store");
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

/// Counts requests by route, so that ids in paths do not become labels. Runs inside the router, where the route is
/// known.
pub async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("baton_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("baton_http_request_seconds", "route" => route).record(started.elapsed().as_secs_f64());
    response
}

/// Refuses names that are not this server's. A page that makes its own name point to this machine (DNS rebinding) is
/// same-origin to the browser, but its name gives it away.
pub async fn check_host(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/healthz" || api.hosts.allows(&request) {
        return next.run(request).await;
    }
    Error::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown-host",
        "This server is not called by this name. Add the name to BATON_HOSTS, or set BATON_PUBLIC_URL.",
    )
    .into_response()
}

/// The names by which the server may be called.
pub struct Hosts {
    /// `None` lets every name pass: reachable from elsewhere, and no names configured.
    names: Option<Vec<String>>,
}

impl Hosts {
    pub fn new(settings: &crate::settings::Settings) -> Self {
        let configured = settings.hosts.iter().map(|name| name.trim().to_ascii_lowercase()).filter(|n| !n.is_empty());
        let public = settings.public_url.iter().filter_map(|url| url.host_str()).map(str::to_ascii_lowercase);
        let mut names: Vec<String> = configured.chain(public).collect();
        if names.is_empty() && !settings.listen.ip().is_loopback() {
            return Self { names: None };
        }
        names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        names.push(match settings.listen.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        });
        Self { names: Some(names) }
    }

    fn allows(&self, request: &Request) -> bool {
        let Some(names) = &self.names else { return true };
        let given =
            request.uri().authority().cloned().or_else(|| {
                request.headers().get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok())
            });
        given.is_some_and(|given| names.iter().any(|name| given.host().eq_ignore_ascii_case(name)))
    }
}

/// Refuses bodies over the limit: at once where the length is said, else as soon as too much has come.
pub async fn limit_body(State(api): State<Api>, request: Request, next: Next) -> Response {
    let limit_bytes = api.settings.body_limit_bytes;
    let said =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|length| length > limit_bytes) {
        return Error::too_large(limit_bytes).into_response();
    }
    let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
    next.run(request.map(|body| Body::new(Limited::new(body, limit)))).await
}

pub async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Error::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            format!(
                "No answer within {} seconds. Whether the request took effect is not known; repeating it with the same \
                 ids or idempotency key is safe.",
                TIMEOUT.as_secs()
            ),
        )
        .into_response(),
    }
}

/// What is answered to a write that another site's page sent.
pub fn refuse_cross_site(_: ProtectionError) -> Response {
    Error::new(
        StatusCode::FORBIDDEN,
        "cross-site",
        "A page of another site may not write here. Programs send `Authorization: Bearer TOKEN` instead of a cookie.",
    )
    .into_response()
}

/// What is answered when a handler panicked.
pub fn after_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    Error::internal(&Panicked(text.to_owned())).into_response()
}

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);
