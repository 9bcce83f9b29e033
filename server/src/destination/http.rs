//! One request to an HTTP endpoint, and what came of it.
//!
//! Redirects are never followed, proxies of the environment never used, and names are resolved by a resolver of our
//! own: each of the three could lead a request to an address that was not checked.

use std::{
    error::Error,
    io, iter,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use baton_app::model::{CloudEventsMode, DestinationSettings, TestReport};
use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use chrono::{DateTime, Utc};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde_json::json;
use uuid::Uuid;

use super::{
    Verdict,
    address::{AddressError, Resolver, refuse_literal},
    answer, signature,
};
use crate::{cloudevents, store::rows::Failure};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer with more bytes than this is not taken in.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How much of a refusal's body is read, to show its beginning.
const REFUSAL_BYTES_MAX: usize = 4_096;
const REFUSAL_CHARS_SHOWN: usize = 300;
/// However long a receiver asks us to wait, this is the longest.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

pub struct HttpSender {
    client: Client,
    allow_private: bool,
}

impl HttpSender {
    /// `allow_private` lets requests go to loopback and private addresses (`BATON_ALLOW_PRIVATE_DESTINATIONS`).
    pub fn new(allow_private: bool) -> anyhow::Result<Self> {
        // Somebody else may have installed it before; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(std::sync::Arc::new(Resolver { allow_private }))
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("baton/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("set up the HTTP client")?;
        Ok(Self { client, allow_private })
    }

    /// Sends `message` and says what came of it. Never an error: whatever goes wrong is a verdict.
    pub async fn send(&self, settings: &DestinationSettings, message: &Message) -> Verdict {
        match self.exchange(settings, message).await {
            Ok((status, headers, body)) if status.is_success() => judge_answer(message, &headers, body),
            Ok((status, headers, body)) => judge_refusal(status, &headers, body.bytes()),
            Err(failure) => Verdict::Failed { failure, retry_after: None },
        }
    }

    /// Sends a message that says it is a test. What comes back is shown, not taken in.
    pub async fn test(&self, settings: &DestinationSettings) -> TestReport {
        let begun = Instant::now();
        let result = self.exchange(settings, &test_message()).await;
        let took_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let (status, body, failure) = match result {
            Ok((status, _, body)) if status.is_success() => (Some(status), Some(body), None),
            Ok((status, headers, body)) => {
                let failure = match judge_refusal(status, &headers, body.bytes()) {
                    Verdict::Failed { failure, .. } | Verdict::Hopeless(failure) => Some(failure),
                    Verdict::Accepted { .. } => None,
                };
                (Some(status), Some(body), failure)
            }
            Err(failure) => (None, None, Some(failure)),
        };
        let answered = || status.map_or_else(String::new, |status| format!("The endpoint answered {status}."));
        TestReport {
            accepted: failure.is_none(),
            answer: failure.as_ref().map_or_else(answered, |failure| failure.error.clone()),
            status: status.map(|status| status.as_u16()),
            failure_class: failure.map(|failure| failure.class),
            body: body.map(|body| excerpt(body.bytes())).filter(|text| !text.is_empty()),
            took_ms,
        }
    }

    async fn exchange(
        &self,
        settings: &DestinationSettings,
        message: &Message,
    ) -> Result<(StatusCode, HeaderMap, Body), Failure> {
        let (url, timeout_ms) = (self.check(&settings.url)?, settings.timeout_ms);
        let host = url.host_str().unwrap_or_default().to_owned();
        let (headers, body) = encode(message, settings).await?;
        let request = self.client.post(url).headers(headers).body(body);
        let failed = |error: reqwest::Error| classify(&error, &host, timeout_ms);
        let response = request.timeout(Duration::from_millis(u64::from(timeout_ms))).send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes_max = if status.is_success() { ANSWER_BYTES_MAX } else { REFUSAL_BYTES_MAX };
        let body = read(response, bytes_max).await.map_err(failed)?;
        Ok((status, headers, body))
    }

    fn check(&self, url: &str) -> Result<Url, Failure> {
        let url = Url::parse(url).map_err(|error| invalid_url(format!("it cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid_url(format!("`{}` is not supported, only `http` and `https`", url.scheme())));
        }
        if !self.allow_private {
            refuse_literal(&url).map_err(|error| of_address(&error))?;
        }
        Ok(url)
    }
}

/// As much of a body as was read.
enum Body {
    Whole(Vec<u8>),
    /// There was more than allowed; this is its beginning.
    Cut(Vec<u8>),
}

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) | Self::Cut(bytes) => bytes,
        }
    }
}

async fn read(mut response: Response, bytes_max: usize) -> Result<Body, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk[..chunk.len().min(bytes_max - bytes.len() + 1)]);
        if bytes.len() > bytes_max {
            bytes.truncate(bytes_max);
            return Ok(Body::Cut(bytes));
        }
    }
    Ok(Body::Whole(bytes))
}

async fn encode(message: &Message, settings: &DestinationSettings) -> Result<(HeaderMap, Vec<u8>), Failure> {
    let (mut headers, body) = match settings.mode {
        CloudEventsMode::Binary => cloudevents::to_binary(message),
        CloudEventsMode::Structured => {
            let content_type = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
            let body =
                serde_json::to_vec(&cloudevents::to_structured(message)).expect("a JSON value always serialises");
            (HeaderMap::from_iter([(CONTENT_TYPE, content_type)]), body)
        }
    };
    for name in ["traceparent", "tracestate"] {
        if let Some(value) = message.headers.get(name).and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    let (id, now) = (message.id.to_string(), Utc::now());
    let signatures = signature::signatures(settings, &id, now, &body)
        .await
        .map_err(|error| Failure { class: "secret".to_owned(), error: format!("Not sent: {error}.") })?;
    if let Some(signatures) = signatures {
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", now.timestamp().to_string()), ("webhook-signature", signatures)]
        {
            headers.insert(name, HeaderValue::try_from(value).expect("digits and base64 are plain ASCII"));
        }
    }
    Ok((headers, body))
}

fn judge_answer(delivered: &Message, headers: &HeaderMap, body: Body) -> Verdict {
    let taken = match body {
        Body::Whole(body) => answer::take_in(delivered, headers, &body, Utc::now()),
        // Only an acknowledgement: nobody reads its body.
        Body::Cut(_) if cloudevents::form_of(headers).is_none() => Ok(Vec::new()),
        Body::Cut(_) => Err(Failure {
            class: "answer-too-large".to_owned(),
            error: format!(
                "The endpoint accepted the message, but its answer has more than {ANSWER_BYTES_MAX} bytes and was not \
                 taken in. Answer with fewer events, and send the others as messages of their own."
            ),
        }),
    };
    match taken {
        Ok(answers) => Verdict::Accepted { answers },
        Err(failure) => Verdict::Failed { failure, retry_after: None },
    }
}

fn judge_refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Verdict {
    let failure = if status.is_redirection() {
        let to = headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        Failure {
            class: "redirect".to_owned(),
            error: format!(
                "The endpoint answered {status} and points to {to}. Redirects are not followed: set the URL."
            ),
        }
    } else {
        let text = excerpt(body);
        let colon = if text.is_empty() { "" } else { ": " };
        Failure {
            class: format!("http-{}", status.as_u16()),
            error: format!("The endpoint answered {status}{colon}{text}"),
        }
    };
    let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    Verdict::Failed { failure, retry_after: asks.then(|| retry_after(headers, Utc::now())).flatten() }
}

/// The beginning of a body, for people.
fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(REFUSAL_CHARS_SHOWN).collect()
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), bounded.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(value).ok()?.to_utc() - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// What the error of a request means to the one who set up the destination.
fn classify(error: &reqwest::Error, host: &str, timeout_ms: u32) -> Failure {
    let chain = || causes(error);
    if let Some(error) = chain().find_map(|error| error.downcast_ref::<AddressError>()) {
        return of_address(error);
    }
    let cause = chain().last().map_or_else(String::new, ToString::to_string);
    let (class, error) = if chain().any(is_tls) {
        ("tls", format!("No secure connection to `{host}`: {cause}. Check the endpoint's certificate and the URL."))
    } else if error.is_timeout() {
        ("timeout", format!("`{host}` did not answer within {timeout_ms} ms. It may have handled the message."))
    } else if error.is_connect() {
        ("connect", format!("Cannot connect to `{host}`: {cause}. Check that the endpoint is up and the URL is right."))
    } else {
        ("connection-lost", format!("The connection to `{host}` broke: {cause}. It may have handled the message."))
    };
    Failure { class: class.to_owned(), error }
}

/// The error, its cause, the cause of that, and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error| (**error).source())
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    // The source of an `io::Error` is the source of what it wraps, not what it wraps.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| is_tls(wrapped))
}

fn of_address(error: &AddressError) -> Failure {
    let class = match error {
        AddressError::Private { .. } => "private-address",
        AddressError::Unresolved { .. } => "dns",
    };
    Failure { class: class.to_owned(), error: format!("Not sent: {error}.") }
}

fn invalid_url(what: String) -> Failure {
    Failure { class: "invalid-url".to_owned(), error: format!("The destination's URL is not valid: {what}.") }
}

/// Marked by its type, its aggregate and its payload.
fn test_message() -> Message {
    Message {
        id: MessageId(Uuid::now_v7()),
        kind: MessageKind::Event,
        message_type: "ConnectionTest".to_owned(),
        source: "baton".to_owned(),
        key: Key { aggregate_type: "baton".to_owned(), aggregate_id: "test".to_owned() },
        aggregate_version: None,
        payload: json!({"test": true, "note": "Somebody pressed Test in Baton. Accept it and do nothing."}),
        headers: Default::default(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: Utc::now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_may_ask_for_patience_within_bounds() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().to_utc();
        let wait = |value: &'static str| {
            let headers = HeaderMap::from_iter([(axum::http::header::RETRY_AFTER, HeaderValue::from_static(value))]);
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Mon, 23 Nov 2026 09:00:30 GMT"), Some(30));
        assert_eq!(wait("Mon, 23 Nov 2026 08:00:00 GMT"), Some(0));
        assert_eq!(wait("999999999"), Some(900));
        assert_eq!(wait("soon"), None);
    }
}
