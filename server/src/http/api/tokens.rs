//! API tokens.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    Api,
    extract::{Caller, Json, Result},
    problem::Error,
};

const NAME_CHARS_MAX: usize = 64;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Whose token it is: stands in the history and in the audit, and is the default source of messages.
    #[schema(example = "shop", min_length = 1, max_length = 64)]
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    name: String,
    /// Shown this once; only its hash is kept.
    token: String,
}

/// Make an API token
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "access",
    operation_id = "create_token",
    request_body = NewToken,
    responses((status = 201, description = "The token, this once", body = Token))
)]
pub async fn post(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewToken>,
) -> Result<(StatusCode, Json<Token>)> {
    let name = check_name(&body.name)?;
    let token = api.access.make_token(&name).await?;
    tracing::info!(by = caller.0.name, name, "an API token was made");
    Ok((StatusCode::CREATED, Json(Token { name, token })))
}

/// A name fit for an account, trimmed.
fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
    if !fits {
        let text = format!("A name has 1 to {NAME_CHARS_MAX} characters, on one line.");
        return Err(Error::invalid_at("/name", "wrong-format", text));
    }
    Ok(name.to_owned())
}
