//! Removes what nobody needs any more, kind after kind as [`Retention`] plans it, in small batches with a breath in between,
//! so that nobody notices; and sees to it that the next partitions are there before they are needed.
//!
//! Several nodes may do it at the same time: a row is gone once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::{
    retention::{Due, Retention},
    store::{
        Store, StoreError,
        rows::{CleanKind, Cleaned, Instant},
    },
};

#[derive(Debug, Clone)]
pub struct Config {
    pub retention: Retention,
    /// Rows that one transaction removes at most.
    pub batch: u32,
    /// Batches of one kind in a round at most: a backlog of one kind does not keep the others waiting.
    pub batches_max: u32,
    /// From one round to the next.
    pub interval: Duration,
    /// Between two batches of a round.
    pub breath: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            batch: 500,
            batches_max: 500,
            interval: Duration::from_secs(60),
            breath: Duration::from_millis(50),
        }
    }
}

/// What one round did.
#[derive(Debug, Default)]
pub struct Report {
    /// How many of each kind went; kinds of which nothing went are not in it.
    pub removed: BTreeMap<CleanKind, u64>,
    pub partitions_made: u64,
    pub partitions_dropped: u64,
    /// There was more than a round takes.
    pub more: bool,
    /// What stayed because of an error, and the error.
    pub failed: Vec<(&'static str, StoreError)>,
}

impl Report {
    pub fn total(&self) -> u64 {
        self.removed.values().sum()
    }
}

/// The last round of this node, for people.
#[derive(Debug, Clone)]
pub struct Round {
    pub began_at: Instant,
    pub ended_at: Instant,
    pub removed: BTreeMap<CleanKind, u64>,
    pub partitions_dropped: u64,
    /// What stayed, and why.
    pub errors: Vec<String>,
    pub next_at: Instant,
}

#[derive(Debug, Default)]
pub struct Status(Mutex<Option<Round>>);

impl Status {
    pub fn last(&self) -> Option<Round> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, round: Round) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(round);
    }
}

pub struct Cleaner {
    store: Arc<dyn Store>,
    config: Config,
    status: Arc<Status>,
}

impl Cleaner {
    pub fn new(store: Arc<dyn Store>, config: Config) -> Self {
        Self { store, config, status: Arc::default() }
    }

    pub fn status(&self) -> Arc<Status> {
        self.status.clone()
    }

    pub async fn run(&self, shutdown: CancellationToken) {
        let mut pause = self.config.interval;
        while shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            let began_at = Utc::now();
            let Some(report) = shutdown.run_until_cancelled(self.run_once()).await else { return };
            pause = if report.more { self.config.breath } else { self.config.interval };
            self.tell(began_at, report, pause);
        }
    }

    /// One round: removes everything that is old enough, within its bound. Where one kind fails the others go all the same,
    /// unless the database is away.
    pub async fn run_once(&self) -> Report {
        let now = Utc::now();
        let mut report = Report::default();
        match self.store.prepare_partitions(now).await {
            Ok(made) => report.partitions_made = made,
            Err(error) => report.failed.push(("partitions", error)),
        }
        for due in self.config.retention.plan(now) {
            let is_away = report.failed.iter().any(|(_, error)| matches!(error, StoreError::Unavailable { .. }));
            if is_away {
                break;
            }
            if let Err(error) = self.clean(due, &mut report).await {
                report.failed.push((due.kind.as_str(), error));
            }
        }
        report
    }

    async fn clean(&self, Due { kind, before }: Due, report: &mut Report) -> Result<(), StoreError> {
        for _ in 0..self.config.batches_max {
            let cleaned = self.store.clean(kind, before, self.config.batch).await?;
            if cleaned.is_nothing() {
                return Ok(());
            }
            let Cleaned { rows, partitions } = cleaned;
            *report.removed.entry(kind).or_default() += rows;
            report.partitions_dropped += partitions;
            metrics::counter!("baton_cleaner_removed_total", "kind" => kind.as_str()).increment(rows);
            metrics::counter!("baton_cleaner_partitions_dropped_total").increment(partitions);
            tokio::time::sleep(self.config.breath).await;
        }
        report.more = true;
        Ok(())
    }

    fn tell(&self, began_at: Instant, report: Report, pause: Duration) {
        if report.total() > 0 || report.partitions_dropped > 0 {
            let Report { removed, partitions_dropped, .. } = &report;
            tracing::info!(?removed, partitions_dropped, "removed what is old");
        }
        for (what, error) in &report.failed {
            tracing::warn!(what, %error, "what is old stays for now");
        }
        let ended_at = Utc::now();
        self.status.note(Round {
            began_at,
            ended_at,
            removed: report.removed,
            partitions_dropped: report.partitions_dropped,
            errors: report.failed.iter().map(|(what, error)| format!("{what}: {error}")).collect(),
            next_at: ended_at + TimeDelta::from_std(pause).unwrap_or_default(),
        });
    }
}
