//! `/api/v1`: one file per resource. A handler authorises (by taking [`Caller`](super::extract::Caller)), parses,
//! delegates to the backend and returns; it decides nothing.

pub mod batches;
mod definitions;
pub mod destinations;
pub mod exchange;
pub mod instances;
pub mod log;
pub mod messages;
pub mod migrations;
pub mod operations;
pub mod overview;
pub mod processes;
pub mod repairs;
pub mod routes;
pub mod sagas;
pub mod scenarios;
pub mod schemas;
pub mod sources;
pub mod tasks;
pub mod tokens;

use baton_app::{
    model::{Page, REASON_CHARS_MAX},
    port::AppError,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Api, extract::Result, problem::Error};

/// All calls with their descriptions, relative to `/api/v1`. The stream is not here: it outlives any time limit.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(messages::list, messages::post))
        .routes(routes!(messages::read))
        .routes(routes!(messages::retry))
        .routes(routes!(messages::discard))
        .routes(routes!(messages::edit))
        .routes(routes!(repairs::failures))
        .routes(routes!(repairs::post))
        .routes(routes!(repairs::read))
        .routes(routes!(processes::list))
        .routes(routes!(processes::read))
        .routes(routes!(processes::read_draft, processes::put_draft, processes::discard_draft))
        .routes(routes!(processes::versions, processes::publish))
        .routes(routes!(processes::read_version))
        .routes(routes!(processes::start))
        .routes(routes!(exchange::process))
        .routes(routes!(exchange::saga))
        .routes(routes!(exchange::import))
        .routes(routes!(sagas::list))
        .routes(routes!(sagas::read))
        .routes(routes!(sagas::read_draft, sagas::put_draft, sagas::discard_draft))
        .routes(routes!(sagas::versions, sagas::publish))
        .routes(routes!(sagas::read_version))
        .routes(routes!(instances::list))
        .routes(routes!(instances::read))
        .routes(routes!(instances::history))
        .routes(routes!(operations::suspend))
        .routes(routes!(operations::resume))
        .routes(routes!(operations::cancel))
        .routes(routes!(operations::retry))
        .routes(routes!(operations::skip))
        .routes(routes!(operations::relocate))
        .routes(routes!(operations::variables))
        .routes(routes!(operations::settle))
        .routes(routes!(operations::abandon))
        .routes(routes!(operations::migrate))
        .routes(routes!(operations::restart))
        .routes(routes!(migrations::post))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::read))
        .routes(routes!(tasks::claim))
        .routes(routes!(tasks::complete))
        .routes(routes!(destinations::list))
        .routes(routes!(destinations::read, destinations::put, destinations::delete))
        .routes(routes!(destinations::test))
        .routes(routes!(destinations::pause))
        .routes(routes!(destinations::resume))
        .routes(routes!(destinations::rotate))
        .routes(routes!(destinations::drop_old_keys))
        .routes(routes!(destinations::bus))
        .routes(routes!(routes::list))
        .routes(routes!(routes::read, routes::put, routes::delete))
        .routes(routes!(sources::list))
        .routes(routes!(sources::preview))
        .routes(routes!(sources::tables))
        .routes(routes!(sources::presets))
        .routes(routes!(sources::read, sources::put, sources::delete))
        .routes(routes!(sources::pause))
        .routes(routes!(sources::resume))
        .routes(routes!(scenarios::run))
        .routes(routes!(scenarios::make))
        .routes(routes!(schemas::process))
        .routes(routes!(schemas::saga))
        .routes(routes!(tokens::post))
        .routes(routes!(overview::overview))
        .routes(routes!(overview::flow))
        .routes(routes!(overview::audit))
        .routes(routes!(overview::about))
        .routes(routes!(batches::post, batches::list))
        .routes(routes!(batches::read))
        .routes(routes!(batches::control))
        .routes(routes!(log::drop_slot))
        .routes(routes!(overview::nodes))
        .routes(routes!(overview::housekeeping))
        .routes(routes!(overview::message_types))
}

/// Why something is done. It stands in the history and in the audit.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reason {
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// A reason that may be left out.
fn optional_reason(reason: Option<String>) -> Result<Option<String>> {
    let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if reason.as_ref().is_some_and(|text| text.chars().count() > REASON_CHARS_MAX || text.contains('\0')) {
        let text = format!("A reason has at most {REASON_CHARS_MAX} characters, none of them NUL.");
        return Err(Error::invalid_at("/reason", "too-long", text));
    }
    Ok(reason)
}

/// A reason that has to be given.
fn required_reason(reason: Option<String>) -> Result<String> {
    optional_reason(reason)?
        .ok_or_else(|| Error::invalid_at("/reason", "missing-field", "Say why: the reason stands in the history."))
}

/// A list that fits into one page.
fn whole<T>(items: Vec<T>) -> Page<T> {
    Page { items, next: None }
}

/// What the backend finds wrong with a query: there is no body that it could point into.
fn about_query(error: AppError) -> Error {
    match error {
        AppError::Invalid(found) => {
            let sentences: Vec<String> = found.into_iter().map(|finding| finding.message).collect();
            Error::malformed("invalid-query", format!("The query is not valid: {}.", sentences.join("; ")))
        }
        other => other.into(),
    }
}

/// A page's size has the same bounds everywhere.
fn check_limit(limit: Option<u32>) -> Result<()> {
    match limit {
        None | Some(1..=200) => Ok(()),
        Some(other) => Err(Error::malformed("invalid-query", format!("`limit` is {other}; it goes from 1 to 200."))),
    }
}
