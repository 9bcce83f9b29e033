//! Removes what nobody needs any more: published messages and inbox rows older than the operator's retention, in small
//! batches with a breath in between, so that nobody notices.
//!
//! Several nodes may do it at the same time: a row is gone once.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

#[derive(Debug, Clone)]
pub struct Config {
    /// Days that published messages are kept; 0 keeps them for ever.
    pub retention_days: u32,
    /// Rows of each kind that one transaction removes at most.
    pub batch: u32,
    /// From one round to the next.
    pub interval: Duration,
    /// Between two batches of a round.
    pub breath: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { retention_days: 7, batch: 500, interval: Duration::from_secs(60), breath: Duration::from_millis(50) }
    }
}

pub struct Cleaner {
    store: Arc<dyn Store>,
    config: Config,
}

impl Cleaner {
    pub fn new(store: Arc<dyn Store>, config: Config) -> Self {
        Self { store, config }
    }

    pub async fn run(&self, shutdown: CancellationToken) {
        if self.config.retention_days == 0 {
            return;
        }
        while shutdown.run_until_cancelled(tokio::time::sleep(self.config.interval)).await.is_some() {
            match shutdown.run_until_cancelled(self.run_once()).await {
                Some(Ok(removed)) if removed > 0 => tracing::info!(removed, "removed old messages"),
                Some(Err(error)) => tracing::warn!(%error, "old messages stay for now"),
                _ => {}
            }
        }
    }

    /// One round: removes everything that is old enough. Returns how many rows went.
    pub async fn run_once(&self) -> Result<u64, StoreError> {
        let before = Utc::now() - TimeDelta::days(i64::from(self.config.retention_days));
        let mut removed = 0;
        loop {
            let gone = self.store.clean(before, self.config.batch).await?;
            removed += gone;
            metrics::counter!("baton_cleaner_removed_total").increment(gone);
            if gone < u64::from(self.config.batch) {
                return Ok(removed);
            }
            tokio::time::sleep(self.config.breath).await;
        }
    }
}
