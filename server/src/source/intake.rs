//! Takes in from one source: read, take in (inbox and outbox in one transaction), settle over there, write the position down.
//!
//! A crash between any two of these repeats what came before: the same rows are read again, with the same ids, and the inbox
//! knows them. No transaction is open over there while ours is, and none here while something is marked over there. What
//! cannot be read becomes a failed message of its own (see [`super::unreadable`]) and is settled like every other row.

use std::{sync::Arc, time::Duration};

use baton_app::model::SourceSettings;
use baton_domain::message::Message;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Batch, Reader, SourceError, Surroundings, build, parse,
    unreadable::{message_of, note},
};
use crate::{
    changes::Changes,
    clock::Clock,
    nudge::Nudge,
    relay::{Leases, Pace},
    store::{
        Store, StoreError,
        rows::{SourceProgress, SourceRow},
    },
    take_in::take_in,
};

/// The lane whose holder takes in.
pub const LANE: u16 = 0;
/// A source that cannot be read is tried again so often at last.
const RETRY_MAX: Duration = Duration::from_secs(15);
const IDLE_MAX: Duration = Duration::from_secs(1);
/// How often what waits is counted while a source has more than it can take in at once.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// What every intake works with.
#[derive(Clone)]
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub leases: Arc<Leases>,
    pub relay: Nudge,
    pub changes: Arc<Changes>,
    pub clock: Clock,
    pub surroundings: Surroundings,
}

impl Parts {
    pub fn is_ours(&self) -> bool {
        self.leases.fence().is_some_and(|fence| fence.lanes.contains(&LANE))
    }
}

/// Why an intake ends or begins anew.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody changed or removed the source, or the lane is another node's: this intake has ended.
    #[error("the source is not ours any more")]
    Over,
}

/// Takes in from one source as it was stored.
pub struct Intake {
    pub parts: Parts,
    row: SourceRow,
    position: Option<Value>,
    counted_at: Option<tokio::time::Instant>,
}

impl Intake {
    pub fn new(parts: Parts, row: SourceRow) -> Self {
        let position = row.standing.position.clone();
        Self { parts, row, position, counted_at: None }
    }

    /// Works until `shutdown`, or until the source is not ours any more.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut pace = Pace::new(IDLE_MAX);
        let mut failures: u32 = 0;
        loop {
            let ended = shutdown.run_until_cancelled(self.read_on(&mut failures)).await;
            let error = match ended {
                None | Some(Ok(()) | Err(Stop::Over)) => return,
                Some(Err(error)) => error,
            };
            if failures == 0 {
                pace.worked();
            }
            let (soon, _) = pace.failed();
            failures += 1;
            let wait = if failures > 5 { RETRY_MAX } else { soon };
            match error {
                Stop::Store(error) => tracing::warn!(source = self.row.name, %error, "a source waits for the database"),
                Stop::Source(error) => {
                    if self.say(&error).await.is_err() {
                        return;
                    }
                }
                Stop::Over => return,
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Opens the source and takes in until something fails.
    async fn read_on(&mut self, failures: &mut u32) -> Result<(), Stop> {
        let settings = parse(&self.row.settings).map_err(|why| {
            SourceError::Failed(format!("The settings of this source cannot be read: {why}. Store them again."))
        })?;
        let source = build(&self.row.name, &settings, &self.parts.surroundings).await?;
        if *failures > 0 && !self.is_stored().await? {
            // Opening would make anew what whoever removed the source has given back.
            return Err(Stop::Over);
        }
        let mut reader = source.open(self.position.clone()).await?;
        let waiting = reader.waiting().await?;
        self.record(SourceProgress { waiting, ..self.progress() }).await?;
        let limit = limit(&settings);
        loop {
            let batch = reader.next(limit).await?;
            *failures = 0;
            self.take(reader.as_mut(), batch, limit).await?;
        }
    }

    /// One batch, from the outbox to what is remembered.
    pub async fn take(&mut self, reader: &mut dyn Reader, batch: Batch, limit: usize) -> Result<(), Stop> {
        if !self.parts.is_ours() {
            return Err(Stop::Over);
        }
        let (fresh, unreadable) = self.store(&batch).await?;
        reader.settle().await?;
        if batch.position.is_some() {
            self.position.clone_from(&batch.position);
        }
        let waiting = self.count(reader, batch.found.len() < limit).await?;
        let kept_bytes = reader.kept_bytes();
        if let Some(kept) = kept_bytes {
            metrics::gauge!("baton_source_log_kept_bytes", "source" => self.row.name.clone()).set(kept as f64);
        }
        self.record(SourceProgress {
            position: batch.position,
            taken: fresh,
            unreadable,
            taken_at: (fresh > 0).then(|| self.parts.clock.now()),
            waiting,
            kept_bytes,
            ..self.progress()
        })
        .await
    }

    /// How many were new, and how many of those are no messages.
    async fn store(&self, batch: &Batch) -> Result<(u64, u64), StoreError> {
        if batch.found.is_empty() {
            return Ok((0, 0));
        }
        let (name, now) = (self.row.name.as_str(), self.parts.clock.now());
        let groups: Vec<Vec<Message>> = batch.found.iter().map(|found| vec![message_of(name, found, now)]).collect();
        let instead = |index: usize, why: &str| note(name, &batch.found[index], why, now);
        let fresh = take_in(self.parts.store.as_ref(), &consumer(name), &groups, instead).await?;
        let readable = |id| batch.found.iter().any(|found| found.message.as_ref().is_ok_and(|one| one.id == id));
        let unreadable = if batch.found.iter().all(|found| found.message.is_ok()) {
            0
        } else {
            fresh.iter().filter(|id| !readable(**id)).count()
        };
        if !fresh.is_empty() {
            self.parts.relay.now();
            metrics::counter!("baton_source_taken_total", "source" => name.to_owned()).increment(fresh.len() as u64);
        }
        Ok((fresh.len() as u64, unreadable as u64))
    }

    async fn count(&mut self, reader: &mut dyn Reader, is_last: bool) -> Result<Option<u64>, SourceError> {
        let due = self.counted_at.is_none_or(|at| at.elapsed() > COUNT_EVERY);
        if !is_last && !due {
            return Ok(None);
        }
        self.counted_at = Some(tokio::time::Instant::now());
        reader.waiting().await
    }

    async fn is_stored(&self) -> Result<bool, StoreError> {
        let rows = self.parts.store.list_sources().await?;
        Ok(rows.iter().any(|row| row.name == self.row.name && row.mark == self.row.mark))
    }

    fn progress(&self) -> SourceProgress {
        SourceProgress::works(&self.row.name, &self.row.mark, self.parts.clock.now())
    }

    /// Writes down that the source cannot be read.
    async fn say(&self, error: &SourceError) -> Result<(), Stop> {
        tracing::warn!(source = self.row.name, class = error.class(), %error, "a source cannot be read");
        metrics::counter!("baton_source_failures_total", "source" => self.row.name.clone(), "class" => error.class())
            .increment(1);
        match self.record(SourceProgress { error: Some(error.to_string()), ..self.progress() }).await {
            Err(Stop::Over) => Err(Stop::Over),
            // It is said again with the next try.
            _ => Ok(()),
        }
    }

    async fn record(&self, progress: SourceProgress) -> Result<(), Stop> {
        let is_news = progress.taken > 0
            || progress.error.is_some()
            || progress.waiting.is_some()
            || progress.kept_bytes.is_some();
        if !self.parts.store.record_source(&progress).await? {
            return Err(Stop::Over);
        }
        if is_news {
            self.parts.changes.destinations();
        }
        Ok(())
    }
}

/// The name in the inbox.
pub fn consumer(source: &str) -> String {
    format!("source:{source}")
}

fn limit(settings: &SourceSettings) -> usize {
    let batch = match settings {
        SourceSettings::Table(table) => table.batch,
        SourceSettings::Documents(documents) => documents.batch,
    };
    batch.clamp(1, baton_domain::source::BATCH_MAX) as usize
}
