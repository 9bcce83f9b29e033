//! One attempt at a delivery: the request, what is to be written down of it, and what it says about the endpoint.

use std::{panic::AssertUnwindSafe, sync::Arc};

use baton_app::model::DestinationSettings;
use baton_domain::{message::Key, retry::Policy};
use futures::FutureExt;
use tokio::time::Instant;

use super::{
    Verdict,
    breaker::{Word, word_of},
    directory::Endpoint,
    outcome::{Made, outcome, seed},
    record::Ended,
    service::Parts,
    unknown_destination,
};
use crate::{
    relay::flow_item,
    store::rows::{AttemptResult, DueDelivery, Failure},
};

/// No back-off is longer.
pub const BACKOFF_MAX_MS: u64 = 15 * 60 * 1_000;
/// A request that ended.
pub struct Attempt {
    pub key: Key,
    pub ended: Ended,
    /// What it says about the endpoint.
    pub word: Word,
    /// It was the one try of an open breaker.
    pub is_try: bool,
}

/// Never fails: whatever goes wrong is an outcome, a panic too.
pub async fn attempt(
    parts: Arc<Parts>,
    endpoint: Option<Arc<Endpoint>>,
    mut delivery: DueDelivery,
    is_try: bool,
) -> Attempt {
    if let Some(payload) = delivery.edited_payload.take() {
        delivery.message.payload = payload;
    }
    let (at, begun) = (parts.clock.now(), Instant::now());
    let settings = endpoint.as_ref().and_then(|endpoint| endpoint.settings.as_ref());
    let (verdict, policy) = match settings {
        Some(settings) => {
            let sending = AssertUnwindSafe(parts.sender.send(settings, &delivery.message)).catch_unwind();
            (sending.await.unwrap_or_else(|_| panicked()), policy(settings))
        }
        None => (Verdict::Hopeless(unknown_destination(&delivery.destination)), Policy::default()),
    };
    let word = word_of(&verdict);
    let made = Made { id: delivery.id, attempts: delivery.attempts, at, took: begun.elapsed() };
    let ended = parts.clock.now();
    let outcome = outcome(made, verdict, &policy, ended, seed(delivery.id, ended));
    let state = match outcome.result {
        AttemptResult::Delivered { .. } => "published",
        AttemptResult::Failed { .. } => "retrying",
        AttemptResult::Dead { .. } => "dead",
    };
    let flow = flow_item(&delivery.message, vec![delivery.destination], state, ended);
    Attempt { key: delivery.message.key, ended: Ended { outcome, flow }, word, is_try }
}

fn policy(settings: &DestinationSettings) -> Policy {
    let base_ms = u64::from(settings.backoff_base_ms);
    Policy { attempts_max: settings.attempts_max, base_ms, cap_ms: BACKOFF_MAX_MS }
}

fn panicked() -> Verdict {
    let error = "Sending panicked. This is a defect in Baton; please report it.".to_owned();
    Verdict::Failed { failure: Failure { class: "panic".to_owned(), error }, retry_after: None }
}
