//! The closed door: nothing but `/healthz` and the sign-in page answers without a session or a token.
//!
//! [`guard`] runs before everything else that could answer. It finds out who calls, by bearer token or by session
//! cookie, and puts the [`Actor`] into the request; handlers and server functions take it from there. What to read
//! next: [`access`] for secrets and sessions, [`pages`] for signing in and out, [`attempts`] for the limit on guessing.

pub mod access;
pub mod attempts;
pub mod pages;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use baton_app::port::{Actor, AppError};
use leptos::server_fn::error::FromServerFnError;

pub use self::access::{Access, Visit};
use super::{Api, problem::Error};

pub const COOKIE: &str = "baton_session";

/// Lets known callers through as themselves, and strangers only to what is open.
pub async fn guard(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let found = match bearer(request.headers()) {
        Some(token) => api.access.by_token(token).await.map(|actor| actor.map(|actor| (actor, None))),
        None => match session_secret(request.headers()) {
            Some(secret) => api
                .access
                .by_session(&secret)
                .await
                .map(|visit| visit.map(|Visit { actor, renewed }| (actor, renewed.then_some(secret)))),
            None => Ok(None),
        },
    };
    match found {
        Ok(Some((actor, renewed))) => {
            if request.headers().contains_key(header::AUTHORIZATION) {
                // A page of another origin cannot set this header, so what proves where a request comes from is
                // not needed, and a client that happens to send it must not be refused for it.
                request.headers_mut().remove(header::ORIGIN);
                request.headers_mut().remove("sec-fetch-site");
            }
            request.extensions_mut().insert(actor);
            let mut response = next.run(request).await;
            if let Some(secret) = renewed
                && !response.headers().contains_key(header::SET_COOKIE)
            {
                response.headers_mut().insert(header::SET_COOKIE, api.access.cookie(&secret));
            }
            response
        }
        _ if is_open(request.method(), request.uri().path()) => next.run(request).await,
        Ok(None) => refuse(&request),
        Err(error) => error.into_response(),
    }
}

/// What answers without a session or a token: health, and the sign-in page with its style, font and icon.
fn is_open(method: &Method, path: &str) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match path {
        "/healthz" | "/door.css" | "/favicon.ico" => reads,
        "/sign-in" => reads || *method == Method::POST,
        // Its font and icon; the app's bundle and style stay behind the door.
        _ => reads && ["/pkg/fonts/", "/pkg/icons/"].iter().any(|folder| path.starts_with(folder)),
    }
}

fn refuse(request: &Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/sfn/") {
        let body = AppError::SignedOut.ser();
        return (
            StatusCode::UNAUTHORIZED,
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body,
        )
            .into_response();
    }
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD)
        && !["/api", "/pkg/", "/readyz", "/metrics"].iter().any(|prefix| path.starts_with(prefix));
    if is_page {
        let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
        return Redirect::to(&pages::sign_in_path(wanted)).into_response();
    }
    Error::signed_out().into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?;
    // Whatever else stands there is a wrong token, not none: it must not fall back to the cookie.
    let text = value.to_str().unwrap_or_default();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
}

pub fn session_secret(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == COOKIE && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

/// The account of the person or program that signed in with the admin token.
pub fn admin() -> Actor {
    Actor { name: "admin".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark; baton_session=abc; x=y"));
        assert_eq!(session_secret(&headers).as_deref(), Some("abc"));
        headers.clear();
        headers.append(header::COOKIE, HeaderValue::from_static("not_baton_session=abc; baton_session="));
        assert_eq!(session_secret(&headers), None);
    }

    #[test]
    fn another_scheme_is_a_wrong_token_not_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert_eq!(bearer(&headers), Some(""));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer  t"));
        assert_eq!(bearer(&headers), Some("t"));
    }
}
