//! What goes wrong, said to whoever called: problem details (RFC 9457).
//!
//! Handlers return [`Error`]. It leaves the handler as a [`Problem`] among the response's extensions;
//! [`render`], the outermost layer, writes it down as JSON (or as a small page for browsers) and adds the request's
//! id. Whatever a library answered by itself (405, 413, …) under `/api` becomes a problem there too, so no error of
//! the API is anything else. The inside of the server is logged, never shown.

use std::time::Duration;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use baton_app::port::AppError;
use baton_domain::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::html;
use crate::store::StoreError;

pub const CONTENT_TYPE: &str = "application/problem+json";
/// Carries the request's id, also on answers that succeed.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Problem details for an error of the API (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable reference for this kind of problem: `/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid")]
    pub problem_type: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// Stable name of the problem in kebab-case.
    pub code: String,
    /// Names this very answer: the request's id, as it stands in the server's log.
    pub instance: Option<String>,
    /// Every finding, where there are several or where one place is to blame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Finding>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// JSON pointer (RFC 6901) into the body; empty for the whole of it.
    pub pointer: String,
    /// Stable name of the rule in kebab-case.
    pub code: String,
    pub message: String,
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { pointer: diagnostic.pointer, code: diagnostic.code, message: diagnostic.message }
    }
}

/// The one error of HTTP handlers.
#[derive(Debug)]
pub struct Error {
    pub status: StatusCode,
    pub code: String,
    pub detail: String,
    pub errors: Vec<Finding>,
    pub retry_after: Option<Duration>,
}

impl Error {
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// The request cannot be read at all.
    pub fn malformed(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// The request was understood and breaks rules; each finding says which.
    pub fn invalid(errors: Vec<Diagnostic>) -> Self {
        AppError::Invalid(errors).into()
    }

    /// One rule broken at one place.
    pub fn invalid_at(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Diagnostic::error(code, pointer, message)])
    }

    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub fn signed_out() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "signed-out",
            "Send `Authorization: Bearer TOKEN`, or sign in. `baton token create` makes a token.",
        )
    }

    pub fn too_large(limit_bytes: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!(
                "The body is larger than the limit of {limit_bytes} bytes. Send less at a time, or raise \
                 BATON_BODY_LIMIT_BYTES."
            ),
        )
    }

    /// Something inside failed. The cause goes to the log only.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed inside");
        Self::hidden()
    }

    fn hidden() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on the server. Its log says more under the id in `instance`.",
        )
    }

    fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }

    fn into_problem(self) -> Problem {
        Problem {
            problem_type: format!("/problems/{}", self.code),
            title: title(self.status).to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            instance: None,
            errors: self.errors,
        }
    }
}

impl From<AppError> for Error {
    fn from(error: AppError) -> Self {
        let detail = error.to_string();
        match error {
            AppError::SignedOut => Self::signed_out(),
            AppError::NotFound(detail) => Self::not_found(detail),
            AppError::Invalid(diagnostics) => Self {
                errors: diagnostics.into_iter().map(Into::into).collect(),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
            },
            AppError::KeyReused(detail) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
            }
            AppError::Conflict { code, message } => Self::conflict(&code, message),
            AppError::Unavailable(detail) => Self::unavailable(detail),
            AppError::Internal => Self::hidden(),
            AppError::Transport(_) => Self::internal(&error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        if let Some(notice) = error.notice() {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database is not available");
            return Self::unavailable(notice);
        }
        match &error {
            StoreError::Conflict { .. } => Self::conflict("changed-meanwhile", format!("{error}; try again")),
            _ => Self::internal(&error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = status.into_response();
        if let Some(after) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().max(1).into());
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"baton\""));
        }
        response.extensions_mut().insert(self.into_problem());
        response
    }
}

/// The id of a request, made by the outermost layer.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Writes problems down: JSON for programs, a small page for people.
pub async fn render(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = path == "/api" || path.starts_with("/api/");
    // Server functions answer in the encoding that the screens expect.
    let is_server_function = path.starts_with("/sfn/");
    let wants_page = !is_api
        && request.headers().get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    let id = request.extensions().get::<RequestId>().map(|id| format!("urn:uuid:{}", id.0));
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    let problem = match problem {
        Some(problem) => problem,
        None if is_api && needs_problem(&response) => generic(response.status()).into_problem(),
        None => return response,
    };
    if is_server_function && response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    let problem = Problem { instance: id, ..problem };
    let (content_type, body) = if wants_page {
        ("text/html; charset=utf-8", html::problem_page(&problem))
    } else {
        (CONTENT_TYPE, serde_json::to_string(&problem).unwrap_or_default())
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Response::from_parts(parts, Body::from(body))
}

fn needs_problem(response: &Response) -> bool {
    (response.status().is_client_error() || response.status().is_server_error())
        && response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|content_type| !content_type.as_bytes().starts_with(CONTENT_TYPE.as_bytes()))
}

/// What to say where a library answered by itself.
fn generic(status: StatusCode) -> Error {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("not-found", "There is nothing at this address. /api/openapi.json lists all calls."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method-not-allowed", "This address does not take this method; the header `Allow` says which it takes.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported-media-type", "This call does not take this content type."),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The body is larger than the limit."),
        status if status.is_server_error() => return Error { status, ..Error::hidden() },
        _ => ("bad-request", "The request cannot be understood."),
    };
    Error::new(status, code, detail)
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request cannot be read",
        StatusCode::UNAUTHORIZED => "Nobody is signed in",
        StatusCode::FORBIDDEN => "This is refused",
        StatusCode::NOT_FOUND => "There is no such thing",
        StatusCode::CONFLICT => "It cannot be done in the present state",
        StatusCode::UNPROCESSABLE_ENTITY => "The request is not valid",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        StatusCode::SERVICE_UNAVAILABLE => "Not available now",
        StatusCode::GATEWAY_TIMEOUT => "It took too long",
        status => status.canonical_reason().unwrap_or("It did not work"),
    }
}
