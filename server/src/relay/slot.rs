//! Looks after the place in the database's log: how far behind its reader is, and that an idle one keeps nothing back.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::Leases;
use crate::store::{
    StoreError,
    log::{Log, Slot},
};

/// How reading the log goes, for people.
#[derive(Debug, Default)]
pub struct LogStatus {
    reads: AtomicBool,
    error: Mutex<Option<String>>,
    slot: Mutex<Option<Slot>>,
}

impl LogStatus {
    /// Whether this node reads the log now.
    pub fn is_reading(&self) -> bool {
        self.reads.load(Ordering::Relaxed)
    }

    /// Why it could not be read the last time; `None` while it can.
    pub fn error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The place in the log as it was seen last.
    pub fn slot(&self) -> Option<Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn reads(&self) {
        self.reads.store(true, Ordering::Relaxed);
        metrics::gauge!("baton_log_reading").set(1.0);
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn stopped(&self) {
        self.reads.store(false, Ordering::Relaxed);
        metrics::gauge!("baton_log_reading").set(0.0);
    }

    pub(super) fn fails(&self, why: &str) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }
}

#[derive(Debug, Clone)]
pub struct SlotConfig {
    /// How often it looks, and so how much of the log an idle reader keeps back.
    pub every: Duration,
    /// A reader that is further behind than this many bytes is an alarm.
    pub lag_max_bytes: u64,
    /// Whether this node wants to read the log; otherwise a place in it is one that was forgotten.
    pub reads_log: bool,
}

impl Default for SlotConfig {
    fn default() -> Self {
        Self { every: Duration::from_secs(10), lag_max_bytes: 1_000_000_000, reads_log: false }
    }
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotReport {
    pub slot: Option<Slot>,
    /// It is further behind than it should be, or keeps the log back for nobody.
    pub alarm: bool,
    /// A heartbeat was written.
    pub beat: bool,
}

pub struct SlotWatch {
    pub log: Arc<dyn Log>,
    pub leases: Arc<Leases>,
    pub status: Arc<LogStatus>,
    pub config: SlotConfig,
}

impl SlotWatch {
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut alarmed = false;
        while !shutdown.is_cancelled() {
            match self.run_once().await {
                Ok(report) => {
                    if let Some(slot) = report.slot.filter(|_| report.alarm && !alarmed) {
                        self.warn(&slot);
                    }
                    alarmed = report.alarm;
                }
                Err(error) => tracing::debug!(%error, "the place in the log was not looked at"),
            }
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(self.config.every)).await;
        }
    }

    pub async fn run_once(&self) -> Result<SlotReport, StoreError> {
        let slot = self.log.slot().await?;
        let (lag, retained) = slot.as_ref().map_or((0, 0), |slot| (slot.lag_bytes, slot.retained_bytes));
        metrics::gauge!("baton_log_slot_lag_bytes").set(lag as f64);
        metrics::gauge!("baton_log_slot_retained_bytes").set(retained as f64);
        self.status.slot.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&slot);
        let alarm = slot.as_ref().is_some_and(|slot| {
            slot.lost || slot.lag_bytes > self.config.lag_max_bytes || !(self.config.reads_log || slot.active)
        });
        // One of the nodes is enough: the one that reads.
        let is_reader = self.config.reads_log && self.leases.fence().is_some_and(|fence| fence.is_whole());
        let beat = is_reader && lag > 0;
        if beat {
            self.log.beat().await?;
        }
        Ok(SlotReport { slot, alarm, beat })
    }

    fn warn(&self, slot: &Slot) {
        let Slot { name, lag_bytes, retained_bytes, lost, .. } = slot;
        if *lost {
            tracing::warn!(slot = name, "PostgreSQL has given up the log that the relay had still to read");
        } else if self.config.reads_log {
            tracing::warn!(
                slot = name,
                lag_bytes,
                retained_bytes,
                "the relay is far behind in the log, which PostgreSQL keeps"
            );
        } else {
            tracing::warn!(
                slot = name,
                retained_bytes,
                "PostgreSQL keeps its log for a reader that is not there: read it with BATON_RELAY_SOURCE=log, or drop the \
                 slot with `baton log drop`"
            );
        }
    }
}
