//! Server functions: what screens ask and tell. Each takes the signed-in account and the [`Backend`] out of the
//! context and delegates; none decides anything. Reads take JSON; writes take forms, so that they also work by an
//! ordinary POST while the script is not there (yet).

mod batches;
#[cfg(feature = "ssr")]
mod begun;
mod compare;
#[cfg(feature = "ssr")]
mod compared;
mod definitions;
mod destinations;
mod evaluate;
mod exchange;
mod instances;
mod message_types;
mod messages;
mod migrate;
mod operate;
mod overview;
mod scenarios;
mod sources;
mod tasks;

pub use batches::*;
pub use compare::*;
pub use definitions::*;
pub use destinations::*;
pub use evaluate::*;
pub use exchange::*;
pub use instances::*;
pub use message_types::*;
pub use messages::*;
pub use migrate::*;
pub use operate::*;
pub use overview::*;
pub use scenarios::*;
pub use sources::*;
pub use tasks::*;

#[cfg(feature = "ssr")]
mod context {
    pub use super::begun::begun;

    use std::sync::Arc;

    use baton_domain::{diagnostic::Diagnostic, form};
    use leptos::prelude::use_context;
    use serde_json::Value;

    use crate::{
        form::Texts,
        port::{Actor, Answer, AppError, Backend, Respond},
    };

    /// The backend and who asks; an error when nobody is signed in.
    pub fn signed_in() -> Answer<(Arc<dyn Backend>, Actor)> {
        let actor = use_context::<Actor>().ok_or(AppError::SignedOut)?;
        let backend = use_context::<Arc<dyn Backend>>().ok_or(AppError::Internal)?;
        Ok((backend, actor))
    }

    /// Goes on at another page when a form was posted without script; with script the page itself goes there.
    pub fn go_on_at(respond: Option<Respond>, path: &str) {
        if let Some(respond) = respond {
            (respond.redirect)(path);
        }
    }

    /// What a text field that holds JSON means.
    pub fn json(field: &str, text: &str) -> Answer<Value> {
        let wrong = |error| Diagnostic::error("not-json", format!("/{field}"), format!("this is not JSON: {error}"));
        serde_json::from_str(text).map_err(|error| AppError::Invalid(vec![wrong(error)]))
    }

    /// What the texts of a form mean; nothing where there is no form.
    pub fn texts_to_value(schema: Option<&Value>, texts: &Texts) -> Answer<Value> {
        let empty = || Value::Object(serde_json::Map::new());
        let submitted: Vec<(String, String)> = texts.clone().into_iter().collect();
        schema.map_or_else(|| Ok(empty()), |schema| form::read(schema, &submitted).map_err(AppError::Invalid))
    }

    /// A text field that was left empty says nothing.
    pub fn given(text: Option<String>) -> Option<String> {
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}
