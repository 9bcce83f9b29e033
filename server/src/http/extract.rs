//! Reading requests: JSON bodies, query parameters and ids, each with an error that says where and what.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use baton_app::port::Actor;
use baton_domain::diagnostic::pointer_token;
use serde::{Serialize, de::DeserializeOwned};
use serde_path_to_error::Segment;
use uuid::Uuid;

use super::{Api, problem::Error};

pub type Result<T> = std::result::Result<T, Error>;

/// Who calls. Only [`super::auth`] puts it there, so a handler that takes it cannot run for a stranger.
pub struct Caller(pub Actor);

impl FromRequestParts<Api> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self> {
        parts.extensions.get::<Actor>().cloned().map(Self).ok_or_else(Error::signed_out)
    }
}

/// A JSON body, and the answer's.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let kind = content_type(request.headers());
        if !kind.is_some_and(|kind| is_json(&kind)) {
            return Err(unsupported("application/json"));
        }
        let bytes = bytes(request, api).await?;
        parse_json(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A JSON body that may be left out altogether.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Api> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let kind = content_type(request.headers());
        let bytes = bytes(request, api).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !kind.is_some_and(|kind| is_json(&kind)) {
            return Err(unsupported("application/json"));
        }
        parse_json(&bytes).map(Self)
    }
}

/// The body as it came, no larger than the limit.
pub struct Raw {
    /// Without parameters, in lower case.
    pub content_type: Option<String>,
    pub bytes: Bytes,
}

impl FromRequest<Api> for Raw {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let content_type = content_type(request.headers());
        Ok(Self { content_type, bytes: bytes(request, api).await? })
    }
}

/// Query parameters. Those that are there without a value count as absent, as forms send them.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self> {
        params(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn params<T: DeserializeOwned>(query: &str) -> Result<T> {
    let given: Vec<&str> =
        query.split('&').filter(|pair| pair.split_once('=').is_some_and(|(_, value)| !value.is_empty())).collect();
    let uri: Uri = format!("/?{}", given.join("&"))
        .parse()
        .map_err(|_| Error::malformed("malformed-query", "The query cannot be read."))?;
    Query::try_from_uri(&uri).map(|Query(value)| value).map_err(|rejection| {
        let text = rejection.body_text();
        let why = text.trim_start_matches("Failed to deserialize query string: ");
        let is_instant = why.split_once(": ").is_some_and(|(name, _)| INSTANTS.contains(&name));
        let example = if is_instant { " An instant looks like 2026-11-23T09:30:00Z." } else { "" };
        Error::malformed("invalid-query", format!("The query is not valid: {why}.{example}"))
    })
}

/// The query parameters that are instants.
const INSTANTS: [&str; 2] = ["from", "to"];

/// The id in the path. What is no id names nothing, so it is not found.
pub struct Id(pub Uuid);

impl FromRequestParts<Api> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Api) -> Result<Self> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Error::malformed("malformed-path", rejection.body_text()))?;
        text.parse().map(Self).map_err(|_| Error::not_found(format!("`{text}` is not an id; ids are UUIDs.")))
    }
}

/// The name in the path, percent-decoded. Whether it is a good name is for the backend to say.
pub struct Name(pub String);

impl FromRequestParts<Api> for Name {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Api) -> Result<Self> {
        Path::<String>::from_request_parts(parts, state)
            .await
            .map(|Path(name)| Self(name))
            .map_err(|rejection| Error::malformed("malformed-path", rejection.body_text()))
    }
}

async fn bytes(request: Request, api: &Api) -> Result<Bytes> {
    let limit_bytes = api.settings.body_limit_bytes;
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::too_large(limit_bytes),
        _ => Error::malformed("incomplete-body", "The body could not be read to its end."),
    })
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

pub fn is_json(content_type: &str) -> bool {
    content_type == "application/json" || (content_type.starts_with("application/") && content_type.ends_with("+json"))
}

pub fn unsupported(expected: &str) -> Error {
    Error::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        format!("This call takes `Content-Type: {expected}`."),
    )
}

/// Reads JSON into `T`. A body that is no JSON is malformed (line and column); one of the wrong shape is invalid
/// (pointer).
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = error.path().iter().fold(String::new(), |before, segment| match segment {
            Segment::Seq { index } => format!("{before}/{index}"),
            Segment::Map { key } => format!("{before}/{}", pointer_token(key)),
            // A variant is a place of its own only where its name is a field.
            Segment::Enum { variant } if has_field(bytes, &before, variant) => {
                format!("{before}/{}", pointer_token(variant))
            }
            Segment::Enum { .. } | Segment::Unknown => before,
        });
        let error = error.into_inner();
        match unknown_variant(&error.to_string()) {
            Some(word) => json_error(&tag_of(bytes, &pointer, word), &error),
            None => json_error(&pointer, &error),
        }
    })?;
    deserializer.end().map_err(|error| json_error("", &error))?;
    Ok(value)
}

/// The word in serde's complaint about one that is not among those that are possible.
fn unknown_variant(text: &str) -> Option<&str> {
    text.strip_prefix("unknown variant `")?.split('`').next()
}

fn has_field(bytes: &[u8], pointer: &str, name: &str) -> bool {
    let body: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    body.pointer(pointer).is_some_and(|value| value.get(name).is_some())
}

/// Where the word stands that should have said which variant an object is: serde points at the object as a whole.
fn tag_of(bytes: &[u8], pointer: &str, word: &str) -> String {
    let body: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let fields = body.pointer(pointer).and_then(|value| value.as_object());
    let mut tags = fields.into_iter().flatten().filter(|(_, value)| value.as_str() == Some(word)).map(|(name, _)| name);
    match (tags.next(), tags.next()) {
        (Some(tag), None) => format!("{pointer}/{}", pointer_token(tag)),
        _ => pointer.to_owned(),
    }
}

fn json_error(pointer: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    // serde_json ends its texts with the place, which is said in front here.
    let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
    match error.classify() {
        serde_json::error::Category::Data => {
            let code = match why {
                why if why.starts_with("unknown field") => "unknown-field",
                why if why.starts_with("missing field") => "missing-field",
                why if why.starts_with("unknown variant") => "wrong-value",
                _ => "wrong-type",
            };
            // A field that is missing is looked for where it would stand.
            let missing = why.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
            let pointer =
                missing.map_or_else(|| pointer.to_owned(), |field| format!("{pointer}/{}", pointer_token(field)));
            let why = match unknown_variant(why) {
                Some(word) => {
                    let known = why.split_once("expected ").map_or("something else", |(_, known)| known);
                    format!("`{word}` is not known here; expected {known}")
                }
                None => upper_first(why),
            };
            // What was looked at twice, to find out which variant it is, has no line any more.
            let place = if error.line() == 0 { String::new() } else { format!(" (line {})", error.line()) };
            Error::invalid_at(pointer, code, format!("{why}{place}."))
        }
        _ => Error::malformed(
            "malformed-json",
            format!("The body is not valid JSON: line {}, column {}: {why}.", error.line(), error.column()),
        ),
    }
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use baton_app::model::MessageQuery;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read into")]
    struct Example {
        items: Vec<Item>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read into")]
    struct Item {
        count: u8,
    }

    #[test]
    fn malformed_json_says_line_and_column() {
        let error = parse_json::<Example>(b"{\n  \"items\": [,]\n}").unwrap_err();
        assert_eq!((error.status, error.code.as_str()), (StatusCode::BAD_REQUEST, "malformed-json"));
        assert!(error.detail.contains("line 2, column 13"), "{}", error.detail);
        let trailing = parse_json::<Example>(b"{\"items\":[]} x").unwrap_err();
        assert_eq!(trailing.code, "malformed-json");
    }

    #[test]
    fn the_wrong_shape_says_where() {
        for (body, pointer, code) in [
            (r#"{"items":[{"count":1},{"count":"x"}]}"#, "/items/1/count", "wrong-type"),
            (r#"{"items":[{"count":1,"other":2}]}"#, "/items/0/other", "unknown-field"),
            (r#"{"items":[{}]}"#, "/items/0/count", "missing-field"),
            (r#"[]"#, "", "wrong-type"),
        ] {
            let error = parse_json::<Example>(body.as_bytes()).unwrap_err();
            assert_eq!(error.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
            assert_eq!((error.errors[0].pointer.as_str(), error.errors[0].code.as_str()), (pointer, code), "{body}");
        }
    }

    #[test]
    fn a_word_that_is_none_of_those_possible_is_pointed_at() {
        use baton_app::model::{DestinationSettings, RepairAction};
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "only read into")]
        struct Repair {
            action: RepairAction,
        }
        let wrong = |error: Error| (error.errors[0].pointer.clone(), error.errors[0].message.clone());
        for (found, pointer, word) in [
            (wrong(parse_json::<Repair>(br#"{"action":"explode"}"#).unwrap_err()), "/action", "explode"),
            (wrong(parse_json::<DestinationSettings>(br#"{"kind":"ftp","url":""}"#).unwrap_err()), "/kind", "ftp"),
        ] {
            assert_eq!(found.0, pointer);
            assert!(found.1.contains(&format!("`{word}` is not known here; expected")), "{}", found.1);
        }
        assert_eq!(wrong(parse_json::<DestinationSettings>(b"{}").unwrap_err()).0, "/kind");
        for (field, value) in [("order", r#""shuffle""#), ("rate_per_s", r#""fast""#), ("concurrency", "-1")] {
            let body = format!(r#"{{"kind":"http","url":"http://a","{field}":{value}}}"#);
            let found = wrong(parse_json::<DestinationSettings>(body.as_bytes()).unwrap_err());
            assert_eq!(found.0, format!("/{field}"), "{}", found.1);
        }
    }

    #[test]
    fn an_instant_that_is_none_is_answered_with_one() {
        let error = params::<MessageQuery>("from=yesterday").unwrap_err();
        assert!(error.detail.contains("2026-11-23T09:30:00Z"), "{}", error.detail);
        assert!(!params::<MessageQuery>("limit=many").unwrap_err().detail.contains("2026"));
    }

    #[test]
    fn unknown_query_parameters_are_refused_and_empty_ones_ignored() {
        let query: MessageQuery = params("state=&type=OrderPlaced&q=a%20b").unwrap();
        assert_eq!(query.message_type.as_deref(), Some("OrderPlaced"));
        assert_eq!(query.q.as_deref(), Some("a b"));
        assert_eq!(query.state, None);
        let error = params::<MessageQuery>("stat=dead").unwrap_err();
        assert!(error.detail.contains("unknown field `stat`"), "{}", error.detail);
        assert!(params::<MessageQuery>("limit=many").is_err());
    }
}
