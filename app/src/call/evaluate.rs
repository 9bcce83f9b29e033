//! Expressions, tried while they are written.

use leptos::{prelude::*, server_fn::codec::Json};

#[cfg(feature = "ssr")]
use super::context::signed_in;
use crate::port::Answer;

/// What an expression after `=`, or JSON with such in it, yields for a sample (JSON: the roots that expressions see).
#[server(prefix = "/sfn", endpoint = "evaluate", input = Json)]
pub async fn evaluate(text: String, sample: String) -> Answer<String> {
    signed_in()?.0.evaluate(text, sample).await
}
