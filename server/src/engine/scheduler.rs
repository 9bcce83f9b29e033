//! The scheduler: hands timers to the engine when they are due.
//!
//! It claims nothing itself: the engine's transaction takes a timer, so two schedulers that see the same one do no harm.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::{Engine, Item, Refusal};
use crate::{
    nudge::Nudge,
    store::{Store, StoreError},
};

/// How many timers are handed over at a time.
const BATCH_MAX: u32 = 256;
/// How long it sleeps at most, so that timers are seen that another node set before it died, and those that are due so late
/// that nobody nudges for them.
pub const SLEEP_MAX: Duration = Duration::from_secs(5);
/// How long it waits before it tries again what could not be done.
const RETRY: Duration = Duration::from_secs(1);

pub struct Scheduler {
    pub store: Arc<dyn Store>,
    pub engine: Engine,
    /// Nudged when a timer was set that is due before the next look.
    pub nudge: Nudge,
}

/// What one look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub fired: usize,
    /// Timers that could not be handled now; they are tried again.
    pub refused: usize,
}

impl Scheduler {
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let sleep = self.turn().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the scheduler waits for the database");
                RETRY
            });
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = self.nudge.wait(sleep) => {}
            }
        }
    }

    /// Fires what is due, if anything is; returns how long to sleep then. While nothing is due it asks one cheap question.
    async fn turn(&self) -> Result<Duration, StoreError> {
        let next = self.store.next_timer_at().await?;
        let sleep = next.map_or(SLEEP_MAX, |at| (at - Utc::now()).to_std().unwrap_or(Duration::ZERO).min(SLEEP_MAX));
        if sleep > Duration::ZERO {
            return Ok(sleep);
        }
        let report = self.run_once().await?;
        // There may be more.
        Ok(if report.refused > 0 { RETRY } else { Duration::ZERO })
    }

    /// Fires what is due now.
    pub async fn run_once(&self) -> Result<Report, StoreError> {
        let due = self.store.read_due_timers(Utc::now(), BATCH_MAX).await?;
        if due.is_empty() {
            return Ok(Report::default());
        }
        let outcomes = self.engine.submit(due.into_iter().map(Item::Timer).collect()).await;
        let mut report = Report { fired: outcomes.len(), refused: 0 };
        for refusal in outcomes.into_iter().filter_map(Result::err) {
            report.refused += 1;
            if !matches!(refusal, Refusal::Unavailable(_)) {
                tracing::error!(%refusal, "a timer could not be handled");
            }
        }
        Ok(report)
    }
}
