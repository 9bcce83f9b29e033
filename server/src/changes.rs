//! The hub of what changed on this node, for the stream of server-sent events and the live flow.
//!
//! Everybody who changes something says so here; the hub coalesces and broadcasts a few times a second. It holds no
//! truth: a listener that misses something refetches.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use baton_app::model::{Change, FlowItem};
use chrono::Utc;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::{nudge::Nudge, store::rows::Parked};

/// How many lines of the flow are kept for pages that open.
pub const FLOW_MAX: usize = 300;
/// How many lines or ids one change carries at most.
const BATCH_MAX: usize = 100;
const CHANNEL_MAX: usize = 256;
const PARKED: &str = "parked";
const INTERVAL: Duration = Duration::from_millis(150);

pub struct Changes {
    waiting: Mutex<Waiting>,
    sender: broadcast::Sender<Change>,
    nudge: Nudge,
}

#[derive(Default)]
struct Waiting {
    recent: VecDeque<FlowItem>,
    flow: VecDeque<FlowItem>,
    messages: bool,
    instances: HashSet<Uuid>,
    tasks: bool,
    definitions: bool,
    destinations: bool,
}

impl Default for Changes {
    fn default() -> Self {
        Self { waiting: Mutex::default(), sender: broadcast::channel(CHANNEL_MAX).0, nudge: Nudge::default() }
    }
}

impl Changes {
    /// Messages moved; `items` are the newest lines of the flow, oldest first.
    pub fn messages(&self, items: impl IntoIterator<Item = FlowItem>) {
        self.note(|waiting| {
            waiting.messages = true;
            for item in items {
                push_bounded(&mut waiting.flow, item.clone(), BATCH_MAX);
                push_bounded(&mut waiting.recent, item, FLOW_MAX);
            }
        });
    }

    /// These wait behind a failure now. Those that the flow still shows get another line; older ones are in nobody's
    /// sight.
    pub fn parked(&self, parked: &[Parked]) {
        if parked.is_empty() {
            return;
        }
        let at = Utc::now();
        let mut places: HashMap<Uuid, &str> =
            parked.iter().map(|parked| (parked.message.0, parked.destination.as_str())).collect();
        let mut lines: Vec<FlowItem> = Vec::new();
        for line in self.lock().recent.iter().rev() {
            // The newest line of a message is the one that it is told by.
            if let Some(place) = places.remove(&line.id)
                && line.state != PARKED
            {
                let to = if line.to.is_empty() { vec![place.to_owned()] } else { line.to.clone() };
                lines.push(FlowItem { at, to, state: PARKED.to_owned(), took_ms: None, ..line.clone() });
            }
        }
        lines.reverse();
        self.messages(lines);
    }

    pub fn instances(&self, ids: impl IntoIterator<Item = Uuid>) {
        self.note(|waiting| waiting.instances.extend(ids));
    }

    pub fn tasks(&self) {
        self.note(|waiting| waiting.tasks = true);
    }

    pub fn definitions(&self) {
        self.note(|waiting| waiting.definitions = true);
    }

    pub fn destinations(&self) {
        self.note(|waiting| waiting.destinations = true);
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// The newest lines of the flow, oldest first.
    pub fn recent(&self) -> Vec<FlowItem> {
        self.lock().recent.iter().cloned().collect()
    }

    /// Broadcasts what has gathered, at most once per interval, until `shutdown`.
    pub async fn run(&self, shutdown: tokio_util::sync::CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = self.nudge.wait(Duration::from_secs(3600)) => {}
            }
            for change in self.take() {
                // Nobody listening is fine.
                let _ = self.sender.send(change);
            }
            tokio::select! { () = shutdown.cancelled() => break, () = tokio::time::sleep(INTERVAL) => {} }
        }
    }

    fn take(&self) -> Vec<Change> {
        let mut waiting = self.lock();
        let mut changes = Vec::new();
        if std::mem::take(&mut waiting.messages) {
            changes.push(Change::Messages { flow: waiting.flow.drain(..).collect() });
        }
        if !waiting.instances.is_empty() {
            let all = std::mem::take(&mut waiting.instances);
            let ids = if all.len() > BATCH_MAX { Vec::new() } else { all.into_iter().collect() };
            changes.push(Change::Instances { ids });
        }
        for (flag, change) in [
            (std::mem::take(&mut waiting.tasks), Change::Tasks),
            (std::mem::take(&mut waiting.definitions), Change::Definitions),
            (std::mem::take(&mut waiting.destinations), Change::Destinations),
        ] {
            if flag {
                changes.push(change);
            }
        }
        changes
    }

    fn note(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.lock());
        self.nudge.now();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(item);
}
