//! The relay's loop: pass after pass while there is work, then waiting for a nudge or for its own curiosity.

use std::{
    collections::{BTreeSet, HashSet},
    pin::pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use baton_domain::{
    message::{Key, Message},
    retry::Policy,
};
use tokio_util::sync::CancellationToken;

use super::{
    Leases, LogStatus, Meter, Pace,
    census::Census,
    flow_item,
    plan::{Plan, Settled, plan, settle},
    stream::{Reader, Source},
    watch::Watch,
};
use crate::{
    broken::{self, Fault},
    bus::Bus,
    changes::Changes,
    clock::Clock,
    destination::{Directory, Nudges, Sweeper},
    nudge::Nudge,
    store::{
        Store, StoreError,
        log::Log,
        rows::{BUS, DeliveryState, Failure, Fence, Outbound, Parked, Settlement},
    },
};

/// How many lines one pass adds to the live flow at most.
const FLOW_MAX: usize = 100;

/// Batches smaller than this are written down together with the next one where that follows within [`TOGETHER_WITHIN`]: a
/// chain of messages, each of which causes the next, does not need a mark for each.
const TOGETHER_MAX: usize = 16;
/// A crash publishes again what was not written down, so this is short.
const TOGETHER_WITHIN: Duration = Duration::from_millis(5);

/// Where messages are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SourceMode {
    /// The outbox is asked again and again; an idle relay is woken by inserts.
    Poll,
    /// PostgreSQL's log is read, and tells of every commit at once.
    Log,
}

#[derive(Debug, Clone)]
pub struct Config {
    /// Messages in one pass at most.
    pub batch: u32,
    /// Delete rows that went out instead of marking them.
    pub delete_published: bool,
    /// The longest wait between two looks at an empty outbox.
    pub idle_max: Duration,
    /// Whether the outbox is asked, or the database's log read.
    pub source: SourceMode,
    /// The place in the log, if it is not to have its default name.
    pub log_slot: Option<String>,
    /// A reader of the log that is further behind is an alarm.
    pub log_lag_max_bytes: u64,
    /// How often and when messages are offered again that the bus refused.
    pub bus_retry: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch: 500,
            delete_published: false,
            idle_max: Duration::from_millis(80),
            source: SourceMode::Poll,
            log_slot: None,
            log_lag_max_bytes: 1_000_000_000,
            bus_retry: Policy::default(),
        }
    }
}

pub struct Relay {
    pub(crate) store: Arc<dyn Store>,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) directory: Arc<Directory>,
    pub(super) leases: Arc<Leases>,
    nudges: Arc<Nudges>,
    sweeper: Arc<Sweeper>,
    changes: Arc<Changes>,
    meter: Arc<Meter>,
    nudge: Nudge,
    pub(super) clock: Clock,
    pub(super) config: Config,
    census: Census,
    /// The log to read, where it is not the outbox that is read.
    pub(super) source: Option<Source>,
    /// See [`Relay::note_polled`].
    pub(super) polled: Mutex<HashSet<i64>>,
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages read.
    pub read: usize,
    /// Rows settled: out, or with their remaining work in deliveries.
    pub settled: usize,
    /// Deliveries written for destinations and for failures.
    pub deliveries: usize,
    /// Nothing was done because no lane is ours now.
    pub without_lease: bool,
    /// The lease was lost meanwhile; whoever has it now does the work again.
    pub fenced: bool,
    /// Some messages were left because the bus does not work as a whole.
    pub unavailable: Option<String>,
}

/// A batch that went out, and what is to be written down of it.
pub(super) struct Sent {
    pub fence: Arc<Fence>,
    pub plan: Plan,
    pub settlement: Settlement,
    pub begun: Instant,
}

impl Sent {
    /// Whether the next batch may be published before this one is written down.
    ///
    /// Order per key holds: everything of this one is on its way, so what comes next may follow. Where something failed it
    /// may not, and is not even read before the failure is written down, behind which it will be parked.
    fn may_be_followed(&self) -> bool {
        self.settlement.published.len() == self.plan.rows.len() && self.settlement.deliveries.is_empty()
    }

    /// For how long what went out may wait for what goes out next, to be written down together.
    fn may_wait(&self) -> Duration {
        match self.plan.rows.len() < TOGETHER_MAX {
            true => TOGETHER_WITHIN.saturating_sub(self.begun.elapsed()),
            false => Duration::ZERO,
        }
    }

    /// Whether this can be written down together with what went out before it.
    fn joins(&self, before: Option<&Self>) -> bool {
        self.plan.rows.len() < TOGETHER_MAX
            && self.may_be_followed()
            && before.is_some_and(|before| before.fence == self.fence)
    }

    fn join(&mut self, before: Option<Self>) {
        let Some(mut before) = before else { return };
        before.plan.rows.append(&mut self.plan.rows);
        self.plan.rows = before.plan.rows;
        self.settlement.published.extend(before.settlement.published);
        self.settlement.published.sort_unstable();
        self.begun = before.begun;
    }
}

/// What a pass left to be written down while the next one publishes.
#[derive(Default)]
pub(super) struct UnderWay(pub Option<Sent>);

/// Everything that a relay works with.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub directory: Arc<Directory>,
    pub leases: Arc<Leases>,
    pub nudges: Arc<Nudges>,
    pub sweeper: Arc<Sweeper>,
    pub changes: Arc<Changes>,
    pub meter: Arc<Meter>,
    /// Nudged by whoever appends to the outbox on this node.
    pub nudge: Nudge,
    pub clock: Clock,
}

impl Relay {
    pub fn new(parts: Parts, config: Config) -> Self {
        let Parts { store, bus, directory, leases, nudges, sweeper, changes, meter, nudge, clock } = parts;
        Self {
            store,
            bus,
            directory,
            leases,
            nudges,
            sweeper,
            changes,
            meter,
            nudge,
            clock,
            config,
            census: Census::default(),
            source: None,
            polled: Mutex::default(),
        }
    }

    /// Reads `log` while all lanes are held, and the outbox otherwise.
    #[must_use]
    pub fn reading(self, log: Arc<dyn Log>, status: Arc<LogStatus>) -> Self {
        Self { source: Some(Source { log, status }), ..self }
    }

    /// Works until `shutdown`; a pass that has begun is finished first.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut pace = Pace::new(self.config.idle_max);
        let mut watch = Watch::default();
        let mut under_way = UnderWay::default();
        let mut reader = self.source.as_ref().map(Reader::new);
        while !shutdown.is_cancelled() {
            if let (Some(reader), Some(source)) = (&mut reader, &self.source)
                && let Some(tail) = reader.ready(self.whole_fence().is_some()).await
            {
                let begun = Instant::now();
                let ended = self.stream(source, tail, &mut under_way, &shutdown).await;
                reader.ended(&ended, begun.elapsed());
                continue;
            }
            let wait = match self.pass(Some(&mut under_way), &shutdown).await {
                Ok(report) if report.unavailable.is_none() => {
                    if pace.worked() {
                        tracing::info!("the relay works again");
                    }
                    if report.without_lease {
                        let _ = shutdown.run_until_cancelled(self.leases.changed()).await;
                        continue;
                    }
                    if report.read > 0 {
                        watch.found();
                        pace.quicken();
                        continue;
                    }
                    watch.looked();
                    pace.idle()
                }
                Ok(report) => patience(&mut pace, report.unavailable.as_deref().unwrap_or("the bus is away")),
                Err(error) => patience(&mut pace, &error.to_string()),
            };
            self.wait(wait, &mut pace, &mut watch, &shutdown).await;
        }
        if let Some(sent) = under_way.0
            && let Err(error) = self.write_down(&sent, &shutdown).await
        {
            tracing::warn!(%error, "stopped before the last batch was written down; it will be published again");
        }
    }

    /// One pass over the outbox.
    pub async fn run_once(&self) -> Result<Report, StoreError> {
        self.pass(None, &CancellationToken::new()).await
    }

    /// `under_way` is for those who go on with another pass at once: what went out is then written down while the next
    /// pass reads and publishes, so that a chain of messages does not wait for the marks of each.
    pub(super) async fn pass(
        &self,
        mut under_way: Option<&mut UnderWay>,
        shutdown: &CancellationToken,
    ) -> Result<Report, StoreError> {
        let before = under_way.as_mut().and_then(|under_way| under_way.0.take());
        let except = before.as_ref().map_or_else(Vec::new, |sent| sent.settlement.published.clone());
        let mut next = pin!(self.publish_next(&except));
        let wait = before.as_ref().map_or(Duration::ZERO, Sent::may_wait);
        let at_once = match wait.is_zero() {
            true => None,
            false => tokio::time::timeout(wait, &mut next).await.ok(),
        };
        let (held_before, published) = match at_once {
            Some(Ok((report, Some(mut sent)))) if sent.joins(before.as_ref()) => {
                sent.join(before);
                under_way.map(|under_way| under_way.0.replace(sent));
                return Ok(report);
            }
            Some(published) => (self.write_down_any(before.as_ref(), shutdown).await, published),
            None => tokio::join!(self.write_down_any(before.as_ref(), shutdown), next),
        };
        let (report, sent) = published?;
        // What went out is written down whatever became of the batch before it.
        let held = match (sent, under_way) {
            (None, _) => Ok(true),
            (Some(sent), Some(under_way)) if sent.may_be_followed() => {
                under_way.0 = Some(sent);
                Ok(true)
            }
            (Some(sent), _) => self.write_down(&sent, shutdown).await,
        };
        let fenced = !held_before? | !held? | report.fenced;
        Ok(Report { fenced, ..report })
    }

    /// Reads what may go, without the rows `except`, and publishes it.
    async fn publish_next(&self, except: &[i64]) -> Result<(Report, Option<Sent>), StoreError> {
        let Some(fence) = self.leases.fence().filter(|fence| !fence.lanes.is_empty()) else {
            return Ok((Report { without_lease: true, ..Report::default() }, None));
        };
        let begun = Instant::now();
        let batch = self.store.read_unpublished(&fence, self.clock.now(), self.config.batch, except).await?;
        if batch.is_empty() {
            metrics::gauge!("baton_relay_lag_seconds").set(0.0);
            return Ok((Report::default(), None));
        }
        let read = batch.len();
        let mut plan = self.plan(batch).await?;
        // By our own clock the lease may have run out while the database was slow.
        if self.leases.fence().as_ref() != Some(&fence) {
            return Ok((Report { read, fenced: true, ..Report::default() }, None));
        }
        if broken::is(Fault::MarkBeforePublish) {
            return Ok((self.mark_then_publish(&fence, plan).await?, None));
        }
        let results = self.bus.publish(&plan.publish).await;
        debug_assert_eq!(results.len(), plan.publish.len());
        let Settled { settlement, unavailable } =
            settle(&mut plan, results, &self.config.bus_retry, self.clock.now(), self.config.delete_published);
        let report = Report {
            read,
            settled: settlement.published.len(),
            deliveries: settlement.deliveries.len(),
            unavailable: unavailable.map(|failure: Failure| failure.error),
            ..Report::default()
        };
        self.note_polled(&settlement.published);
        let sent = (!settlement.published.is_empty()).then_some(Sent { fence, plan, settlement, begun });
        Ok((report, sent))
    }

    async fn write_down_any(&self, sent: Option<&Sent>, shutdown: &CancellationToken) -> Result<bool, StoreError> {
        match sent {
            Some(sent) => self.write_down(sent, shutdown).await,
            None => Ok(true),
        }
    }

    /// Writes down what went out and tells everybody; `false` when the lanes were lost.
    pub(super) async fn write_down(&self, sent: &Sent, shutdown: &CancellationToken) -> Result<bool, StoreError> {
        let parked = match self.write(&sent.fence, &sent.settlement, shutdown).await {
            Err(StoreError::Fenced) => {
                tracing::warn!("lost lanes while publishing; another node publishes those messages again");
                self.leases.doubt();
                return Ok(false);
            }
            written => written?,
        };
        self.tell(&sent.plan, &sent.settlement, sent.begun);
        self.note_types(&sent.plan).await;
        self.changes.parked(&parked);
        Ok(true)
    }

    /// Nothing of the relay's own depends on it: what cannot be noted now is noted with the next message of its type.
    async fn note_types(&self, plan: &Plan) {
        let today = self.clock.now().date_naive();
        let new = self.census.new_of(plan.rows.iter().map(|row| &*row.message), today);
        if new.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_types(&new).await {
            tracing::warn!(%error, "new types of messages were not noted");
            self.census.forget(&new);
        }
    }

    /// The defect [`Fault::MarkBeforePublish`].
    async fn mark_then_publish(&self, fence: &Fence, mut plan: Plan) -> Result<Report, StoreError> {
        let taken = vec![Ok(()); plan.publish.len()];
        let settled = settle(&mut plan, taken, &self.config.bus_retry, self.clock.now(), false);
        self.store.settle(fence, settled.settlement).await?;
        self.bus.publish(&plan.publish).await;
        Ok(Report { read: plan.rows.len(), settled: plan.rows.len(), ..Report::default() })
    }

    pub(super) async fn plan(&self, batch: Vec<Outbound>) -> Result<Plan, StoreError> {
        let parked = match batch.iter().any(|row| row.bus_waits) {
            true => self.keys_parked_at_bus(batch.iter().map(|row| &row.message.key).collect()).await?,
            false => HashSet::new(),
        };
        let mut snapshot = self.directory.snapshot();
        if batch.iter().any(|row| snapshot.targets(&row.message).destinations.iter().any(|target| !target.known)) {
            // It may have been created on another node a moment ago.
            self.directory.reload().await?;
            snapshot = self.directory.snapshot();
        }
        Ok(plan(batch, &snapshot, &parked))
    }

    /// Those of `keys` with an earlier message that the bus has not taken yet.
    ///
    /// Asked after the batch was read: reading puts away what cannot be read, and what comes behind that waits.
    pub(super) async fn keys_parked_at_bus(&self, keys: HashSet<&Key>) -> Result<HashSet<Key>, StoreError> {
        if keys.is_empty() || !self.store.has_open_deliveries(BUS).await? {
            return Ok(HashSet::new());
        }
        let pairs: Vec<(Key, String)> = keys.into_iter().map(|key| (key.clone(), BUS.to_owned())).collect();
        Ok(self.store.open_deliveries(&pairs).await?.into_iter().map(|(key, _)| key).collect())
    }

    /// Writes the result. While the database is away, or after a deadlock, it is remembered and tried again: publishing once
    /// more would only make duplicates.
    async fn write(
        &self,
        fence: &Fence,
        settlement: &Settlement,
        shutdown: &CancellationToken,
    ) -> Result<Vec<Parked>, StoreError> {
        let mut pace = Pace::new(self.config.idle_max);
        loop {
            let error = match self.store.settle(fence, settlement.clone()).await {
                Err(error) if error.passes() && !shutdown.is_cancelled() => error,
                other => return other,
            };
            let (wait, first) = pace.failed();
            if first {
                tracing::warn!(%error, messages = settlement.published.len(), "published, not written down yet");
            }
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }

    /// Lets everybody know: workers that have something to do now, pages, figures.
    fn tell(&self, plan: &Plan, settlement: &Settlement, begun: Instant) {
        let now = self.clock.now();
        let destinations: BTreeSet<&str> =
            settlement.deliveries.iter().map(|delivery| delivery.destination.as_str()).collect();
        for destination in destinations {
            self.nudges.of(destination).now();
        }
        if settlement.deliveries.iter().any(|delivery| delivery.state != DeliveryState::Queued) {
            self.sweeper.nudge().now();
        }
        self.meter.add(settlement.published.len() as u64);
        metrics::counter!("baton_relay_published_total").increment(settlement.published.len() as u64);
        metrics::histogram!("baton_relay_pass_seconds").record(begun.elapsed());
        if let Some(first) = plan.rows.first() {
            let since = first.message.deliver_after.unwrap_or(first.message.created_at);
            metrics::gauge!("baton_relay_lag_seconds").set((now - since).as_seconds_f64().max(0.0));
        }
        let rows = &plan.rows[plan.rows.len().saturating_sub(FLOW_MAX)..];
        let untaken = settlement.published.len() < plan.rows.len();
        self.changes.messages(rows.iter().filter_map(|row| {
            if untaken && settlement.published.binary_search(&row.seq).is_err() {
                return None;
            }
            let (to, state) = whereabouts(&row.message, row.seq, row.bus, row.destinations, settlement);
            Some(flow_item(&row.message, to, state, now))
        }));
    }

    async fn wait(&self, wait: Duration, pace: &mut Pace, watch: &mut Watch, shutdown: &CancellationToken) {
        let mut wait = wait;
        loop {
            match shutdown.run_until_cancelled(self.nudge.wait(watch.at_most(wait))).await {
                None => return,
                Some(true) => {
                    pace.quicken();
                    watch.forget();
                    return;
                }
                Some(false) => {}
            }
            // A reader of the log is not asleep: it tries to open it again.
            if self.source.is_some() || watch.must_look(self.store.as_ref(), self.clock.now()).await {
                return;
            }
            let alone = || self.leases.fence().is_some_and(|fence| fence.is_whole());
            if watch.is_drowsy() && alone() {
                let woken = async {
                    tokio::select! { () = self.nudge.heard() => {} () = shutdown.cancelled() => {} }
                };
                if watch.doze(self.store.as_ref(), &self.clock, alone, woken).await {
                    pace.quicken();
                    watch.forget();
                    return;
                }
            }
            wait = pace.idle();
        }
    }
}

/// Where a message went in this pass, and what it is now.
fn whereabouts(
    message: &Message,
    seq: i64,
    bus: bool,
    destinations: usize,
    settlement: &Settlement,
) -> (Vec<String>, &'static str) {
    if destinations == 0 && settlement.deliveries.is_empty() {
        return (vec![BUS.to_owned()], "published");
    }
    let mut to: Vec<String> = bus.then(|| BUS.to_owned()).into_iter().collect();
    let mut state = "published";
    for delivery in settlement.deliveries.iter().filter(|delivery| delivery.seq == seq) {
        debug_assert_eq!(delivery.message_id, message.id);
        if delivery.destination != BUS {
            to.push(delivery.destination.clone());
        }
        state = match (state, delivery.state) {
            ("dead", _) | (_, DeliveryState::Dead) => "dead",
            ("retrying", _) | (_, DeliveryState::Retrying) => "retrying",
            ("parked", _) | (_, DeliveryState::Parked) => "parked",
            _ => "delivering",
        };
    }
    (to, state)
}

pub(super) fn patience(pace: &mut Pace, why: &str) -> Duration {
    let (wait, first) = pace.failed();
    if first {
        tracing::warn!(error = why, "the relay cannot work now; nothing is lost, it tries again");
    }
    wait
}
