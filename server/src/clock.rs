//! What time it is: passed in, so that the simulation can run the real services on a clock of its own.
//!
//! Two clocks, because they answer different questions. [`Clock::now`] is the machine's calendar: it is stored and
//! compared with what is stored, and somebody may set it forward or back. [`Clock::steady`] only ever goes on: it says
//! how long something took, and whether a lease has run out.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

/// Another time than the machine's.
pub trait Time: Send + Sync + 'static {
    fn now(&self) -> DateTime<Utc>;
    /// Since some instant that never changes.
    fn steady(&self) -> Duration;
}

/// The machine's clock, unless it was made of something else.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Time>>);

impl Clock {
    pub fn of(time: Arc<dyn Time>) -> Self {
        Self(Some(time))
    }

    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            None => Utc::now(),
            Some(time) => time.now(),
        }
    }

    pub fn steady(&self) -> Duration {
        static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            None => BEGINNING.elapsed(),
            Some(time) => time.steady(),
        }
    }
}
