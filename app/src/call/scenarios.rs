//! Scenarios made of what instances went through.

use leptos::prelude::*;
use uuid::Uuid;

#[cfg(feature = "ssr")]
use super::context::{go_on_at, signed_in};
#[cfg(feature = "ssr")]
use crate::link;
use crate::port::Answer;

/// Makes a scenario of an instance that has ended, in the draft of its definition. Goes on at the draft.
#[server(prefix = "/sfn", endpoint = "make-scenario")]
pub async fn make_scenario(instance: Uuid) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    let made = backend.make_scenario(actor, instance, None).await?;
    go_on_at(respond, &format!("{}?draft=1", link::definition(made.kind, &made.definition)));
    Ok(())
}
