//! The types of the messages that were seen, for whoever names one.

use baton_domain::definition::wire::Wire;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::signed_in;
use crate::port::Answer;

#[server(prefix = "/sfn", endpoint = "message_types")]
pub async fn message_types() -> Answer<Wire> {
    signed_in()?.0.message_types().await
}
