//! Destinations beside the bus: where routes send messages, over HTTP, with retries.
//!
//! The relay never calls an endpoint: it writes `delivery` rows, and one [`worker`] for each destination works them
//! off, so that a slow endpoint holds up nobody else. What to read next:
//!
//! - [`directory`]: destinations and routes as of now, and which message goes where
//! - [`service`]: starts and stops the workers
//! - [`worker`]: one destination's requests: order per key, retries, dead letters; [`hand`], [`breaker`] and [`limiter`] are
//!   its pure parts
//! - [`attempt`]: one attempt at a delivery; [`http`]: one request, and what its answer means; [`address`] and [`signature`] are parts of it

pub mod address;
pub mod answer;
pub mod attempt;
pub mod breaker;
pub mod bus_worker;
pub mod check;
pub mod directory;
pub mod hand;
pub mod http;
pub mod limiter;
pub mod outcome;
pub mod pattern;
pub mod record;
pub mod service;
pub mod signature;
pub mod sweeper;
pub mod worker;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use baton_domain::message::Message;
pub use directory::{Directory, Targets};
pub use http::HttpSender;
pub use service::Deliveries;
pub use sweeper::Sweeper;

use crate::{nudge::Nudge, store::rows::Failure};

/// The class of a delivery to a destination that does not exist.
pub const UNKNOWN_DESTINATION: &str = "unknown-destination";

/// What one attempt at a delivery met.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Taken; `answers` are messages that came back.
    Accepted { answers: Vec<Message> },
    /// Not taken; try again, not before `retry_after` when the receiver asked for that.
    Failed { failure: Failure, retry_after: Option<Duration> },
    /// Not taken, and trying again cannot help until somebody changes something.
    Hopeless(Failure),
}

/// A nudge for the worker of each destination.
#[derive(Default)]
pub struct Nudges(Mutex<HashMap<String, Nudge>>);

impl Nudges {
    pub fn of(&self, destination: &str) -> Nudge {
        let mut nudges = self.lock();
        match nudges.get(destination) {
            Some(nudge) => nudge.clone(),
            None => nudges.entry(destination.to_owned()).or_default().clone(),
        }
    }

    pub fn all(&self) {
        self.lock().values().for_each(Nudge::now);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Nudge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure of a delivery to a destination that nobody defined.
pub fn unknown_destination(name: &str) -> Failure {
    Failure {
        class: UNKNOWN_DESTINATION.to_owned(),
        error: format!("There is no destination `{name}`. Create it (or correct the route), then retry."),
    }
}
