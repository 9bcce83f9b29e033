//! The relay as a reader of the log: messages come when they are committed, in the order of their commits.
//!
//! The log says what was committed and when, the tables say where it stands. A batch is published and written down by the
//! same ways as one that was read from the outbox, and confirmed after that. Whatever the log does not bring, or cannot
//! bring yet, is still read from the outbox: at the beginning, when a delayed message is due, and once a second while the
//! log is silent.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use baton_domain::{
    lane::lane_of,
    message::{Key, Message},
};
use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    LogStatus, Pace, Relay,
    plan::{Settled, settle},
    service::{Sent, UnderWay, patience},
    sort::{Known, Sorted, sort},
};
use crate::store::{
    StoreError,
    log::{Begins, Caught, Log, LogError, Opened, Standing, Tail},
    rows::{Fence, Outbound},
};

/// How long the log may be silent before the outbox is looked at all the same.
const SILENT: Duration = Duration::from_secs(1);
/// Rows that were deleted after they went out are remembered up to this number, for when the log tells of them.
const POLLED_MAX: usize = 100_000;

/// The log to read, and where to tell how that goes.
pub(super) struct Source {
    pub log: Arc<dyn Log>,
    pub status: Arc<LogStatus>,
}

/// Why reading the log ended.
#[derive(Debug)]
pub(super) enum Ended {
    Shutdown,
    /// Another node has lanes now; it is not ours to read the log any more.
    Lanes,
    Failed(String),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Opens the log again and again, beside the relay's other work: that may wait for the transactions of others.
pub(super) struct Reader<'a> {
    source: &'a Source,
    opening: Option<JoinHandle<Result<Opened, LogError>>>,
    /// Not before then.
    again_at: Option<Instant>,
    pace: Pace,
    /// This node has read before, so a place in the log that is gone is a loss.
    has_read: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, opening: None, again_at: None, pace: Pace::new(Duration::ZERO), has_read: false }
    }

    /// The log, once it is open and as long as it is `ours` to read.
    pub(super) async fn ready(&mut self, ours: bool) -> Option<Box<dyn Tail>> {
        if !ours {
            self.opening.take().inspect(JoinHandle::abort);
            return None;
        }
        match &mut self.opening {
            None if self.again_at.is_none_or(|at| at <= Instant::now()) => {
                let log = self.source.log.clone();
                self.opening = Some(tokio::spawn(async move { log.open().await }));
                None
            }
            Some(opening) if opening.is_finished() => {
                let opened = opening.await;
                self.opening = None;
                match opened {
                    Ok(Ok(opened)) => Some(self.begin(opened)),
                    Ok(Err(error)) => self.fail(&error.to_string()),
                    Err(error) => self.fail(&error.to_string()),
                }
            }
            _ => None,
        }
    }

    fn begin(&mut self, Opened { tail, begins }: Opened) -> Box<dyn Tail> {
        match begins {
            Begins::WhereItWas => tracing::info!("reading the log"),
            Begins::Now if !self.has_read => tracing::info!("reading the log, from a place made now"),
            Begins::Now | Begins::AfterALoss => tracing::error!(
                "the place in the log was gone and was made again; what was committed meanwhile is read from the outbox, but \
                 messages that were inserted and deleted in one transaction meanwhile are lost"
            ),
        }
        self.has_read = true;
        self.source.status.reads();
        tail
    }

    /// Notes why reading ended; it is tried again a little later.
    pub(super) fn ended(&mut self, ended: &Ended, read_for: Duration) {
        self.source.status.stopped();
        match ended {
            Ended::Shutdown => {}
            Ended::Lanes => tracing::info!("the log is another node's to read now"),
            Ended::Failed(why) => {
                if read_for > Duration::from_secs(10) {
                    self.pace.worked();
                }
                self.fail::<()>(why);
            }
        }
    }

    fn fail<T>(&mut self, why: &str) -> Option<T> {
        let (wait, first) = self.pace.failed();
        if first {
            tracing::warn!(error = why, "the log cannot be read now; the outbox is read instead, nothing waits for it");
        }
        self.source.status.fails(why);
        self.again_at = Some(Instant::now() + wait);
        None
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.opening.take().inspect(JoinHandle::abort);
        self.source.status.stopped();
    }
}

/// What of the outbox has to be read beside the log.
struct Rest {
    /// Something should be read from there now.
    look: bool,
    /// When the next message is due that waits for its instant.
    due: Option<DateTime<Utc>>,
    /// When to look all the same, if the log stays silent.
    look_at: tokio::time::Instant,
}

impl Relay {
    /// Reads the log until it cannot or must not any more.
    pub(super) async fn stream(
        &self,
        source: &Source,
        mut tail: Box<dyn Tail>,
        under_way: &mut UnderWay,
        shutdown: &CancellationToken,
    ) -> Ended {
        let ended = match self.follow(source, tail.as_mut(), under_way, shutdown).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        };
        // The lanes may have been given back already.
        if shutdown.is_cancelled() {
            tail.close().await;
        }
        ended
    }

    async fn follow(
        &self,
        source: &Source,
        tail: &mut dyn Tail,
        under_way: &mut UnderWay,
        shutdown: &CancellationToken,
    ) -> Result<std::convert::Infallible, Ended> {
        let mut rest = Rest { look: true, due: None, look_at: tokio::time::Instant::now() };
        loop {
            if rest.look || rest.due.is_some_and(|due| due <= self.clock.now()) {
                self.empty_outbox(under_way, shutdown).await?;
                let due = self.store.next_deliver_after(self.clock.now()).await?;
                rest = Rest { look: false, due, look_at: tokio::time::Instant::now() + SILENT };
            }
            let fence = self.whole_fence().ok_or(Ended::Lanes)?;
            let until_due = rest.due.map(|due| (due - self.clock.now()).to_std().unwrap_or_default());
            let wait = rest.look_at.saturating_duration_since(tokio::time::Instant::now());
            let caught = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Err(Ended::Shutdown),
                caught = tail.next(self.config.batch as usize) => caught?,
                () = tokio::time::sleep(until_due.map_or(wait, |until| until.min(wait))) => {
                    rest.look = self.store.has_unpublished(self.clock.now()).await?;
                    rest.look_at = tokio::time::Instant::now() + SILENT;
                    continue;
                }
            };
            let position = caught.position;
            if !caught.rows.is_empty() {
                rest.look_at = tokio::time::Instant::now() + SILENT;
            }
            self.publish_caught(source, &fence, caught, &mut rest, shutdown).await?;
            if let Some(position) = position {
                tail.confirm(position);
            }
        }
    }

    /// The right to all lanes: only with it the log is ours to read.
    pub(super) fn whole_fence(&self) -> Option<Arc<Fence>> {
        self.leases.fence().filter(|fence| fence.is_whole())
    }

    /// Passes over the outbox until one has read all that may go. What is committed after that comes by the log.
    async fn empty_outbox(&self, under_way: &mut UnderWay, shutdown: &CancellationToken) -> Result<(), Ended> {
        let mut pace = Pace::new(self.config.idle_max);
        loop {
            if shutdown.is_cancelled() {
                return Err(Ended::Shutdown);
            }
            let report = self.pass(Some(under_way), shutdown).await?;
            if report.without_lease || report.fenced {
                return Err(Ended::Lanes);
            }
            match report.unavailable {
                Some(why) => {
                    let wait = patience(&mut pace, &why);
                    let _ = shutdown.run_until_cancelled(tokio::time::sleep(wait)).await;
                }
                None if report.read < self.config.batch as usize => break,
                None => _ = pace.worked(),
            }
        }
        // What went out has to stand in the tables before the log's messages are held against them.
        match under_way.0.take() {
            Some(sent) if !self.write_down(&sent, shutdown).await? => Err(Ended::Lanes),
            _ => Ok(()),
        }
    }

    /// Does with what was caught what has to be done with it; returns when all of it was.
    async fn publish_caught(
        &self,
        source: &Source,
        fence: &Arc<Fence>,
        caught: Caught,
        rest: &mut Rest,
        shutdown: &CancellationToken,
    ) -> Result<(), Ended> {
        if caught.rows.is_empty() {
            return Ok(());
        }
        let standing = shutdown.run_until_cancelled(source.log.standing(&caught)).await.ok_or(Ended::Shutdown)??;
        let alone =
            caught.rows.iter().zip(&standing).filter(|(_, standing)| matches!(standing, Standing::Alone { .. }));
        let keys: HashSet<&Key> = alone.filter_map(|(row, _)| Some(&row.message.as_ref().ok()?.message.key)).collect();
        let parked = self.keys_parked_at_bus(keys).await?;
        let snapshot = self.directory.snapshot();
        let known = Known { snapshot: &snapshot, parked: &parked, now: self.clock.now() };
        let sorted = {
            let mut polled = self.polled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sort(caught.rows, &standing, &known, &mut polled)
        };
        let Sorted { mut go, alone, back, look, due, unreadable } = sorted;
        rest.look |= look;
        rest.due = [rest.due, due].into_iter().flatten().min();
        for (seq, why) in unreadable {
            metrics::counter!("baton_log_unreadable_total").increment(1);
            tracing::error!(seq, why, "a message that was only in the log cannot be read; it is left out");
        }
        self.put_back(&back).await?;
        let mut pace = Pace::new(self.config.idle_max);
        while !go.is_empty() {
            let (left, unavailable) = self.publish_logged(fence, go, &alone, rest, shutdown).await?;
            go = left;
            if let Some(why) = unavailable {
                let wait = patience(&mut pace, &why);
                shutdown.run_until_cancelled(tokio::time::sleep(wait)).await.ok_or(Ended::Shutdown)?;
            }
        }
        if pace.worked() {
            tracing::info!("the relay works again");
        }
        Ok(())
    }

    /// Publishes and writes down; returns what the bus did not take because it does not work as a whole, and why.
    async fn publish_logged(
        &self,
        fence: &Arc<Fence>,
        batch: Vec<Outbound>,
        alone: &HashSet<i64>,
        rest: &mut Rest,
        shutdown: &CancellationToken,
    ) -> Result<(Vec<Outbound>, Option<String>), Ended> {
        let begun = Instant::now();
        let mut plan = self.plan(batch).await?;
        // By our own clock the lease may have run out while the database or the bus was slow.
        if self.leases.fence().as_ref() != Some(fence) {
            return Err(Ended::Lanes);
        }
        let results = self.bus.publish(&plan.publish).await;
        let Settled { mut settlement, unavailable } =
            settle(&mut plan, results, &self.config.bus_retry, self.clock.now(), self.config.delete_published);
        let done: HashSet<i64> = settlement.published.iter().copied().collect();
        let left = plan.rows.iter().filter(|row| !done.contains(&row.seq));
        let left: Vec<Outbound> = left.map(|row| outbound(row.seq, &row.message)).collect();
        // What is left to do about a message is written beside its row, so it has to have one.
        let without_row: HashSet<i64> =
            settlement.deliveries.iter().map(|delivery| delivery.seq).filter(|seq| alone.contains(seq)).collect();
        settlement.deliveries.retain(|delivery| !without_row.contains(&delivery.seq));
        let back: Vec<Message> =
            (plan.rows.iter().filter(|row| without_row.contains(&row.seq))).map(|row| (*row.message).clone()).collect();
        rest.look |= !back.is_empty();
        self.put_back(&back).await?;
        settlement.published.sort_unstable();
        let sent = Sent { fence: fence.clone(), plan, settlement, begun };
        match self.write_down(&sent, shutdown).await? {
            true => Ok((left, unavailable.map(|failure| failure.error))),
            false => Err(Ended::Lanes),
        }
    }

    /// Puts messages that are only in the log into the outbox. One that is there already stays as it is.
    async fn put_back(&self, messages: &[Message]) -> Result<(), Ended> {
        if !messages.is_empty() {
            self.store.append(messages, None).await?;
        }
        Ok(())
    }

    /// Remembers what went out by way of the outbox and leaves no trace there.
    pub(super) fn note_polled(&self, seqs: &[i64]) {
        if self.source.is_none() || !self.config.delete_published {
            return;
        }
        let mut polled = self.polled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if polled.len() + seqs.len() > POLLED_MAX {
            polled.clear();
        }
        polled.extend(seqs);
    }
}

fn outbound(seq: i64, message: &Arc<Message>) -> Outbound {
    Outbound { seq, lane: lane_of(&message.key), message: (**message).clone(), bus_waits: true }
}
