//! The tables in memory, with the rules that the databases' statements enforce: order per key, fences, uniqueness.
//!
//! Each method is one statement or one short transaction of the real stores. Nothing here decides what a process does.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use baton_domain::{
    ids::{InstanceId, MessageId, TaskId, TimerId},
    lane::{LANES, lane_of},
    message::{Key, Message},
    process::Status,
};
use baton_server::{
    broken::{self, Fault},
    store::{
        StoreError,
        rows::{
            AttemptOutcome, AttemptResult, DeliveryState, DueDelivery, EarlyEvent, Fence, InstanceRow, Instant,
            NewDelivery, Outbound, Repair, Settlement, TaskRow, TimerRow, WaitRow,
        },
    },
};
use serde_json::Value;
use uuid::Uuid;

use super::stage::Node;

#[derive(Default)]
pub struct Tables {
    pub seq: i64,
    pub outbox: BTreeMap<i64, Row>,
    pub ids: BTreeMap<MessageId, i64>,
    pub deliveries: BTreeMap<i64, Delivery>,
    pub inbox: BTreeSet<(String, MessageId)>,
    pub instances: BTreeMap<InstanceId, InstanceRow>,
    pub started: BTreeMap<(String, String), InstanceId>,
    /// In the order of writing, with the numbers that were written.
    pub history: BTreeMap<InstanceId, Vec<(i64, Value)>>,
    pub timers: BTreeMap<TimerId, TimerRow>,
    pub tasks: BTreeMap<TaskId, TaskRow>,
    pub waits: Vec<WaitRow>,
    /// In the order of arrival.
    pub early: Vec<EarlyEvent>,
    leases: BTreeMap<u16, Lease>,
    nodes: BTreeMap<Uuid, (String, i64)>,
    tokens: i64,
    /// Where a reader by cursor stands: only with [`Fault::CursorReading`].
    cursors: BTreeMap<Node, i64>,
}

pub struct Row {
    pub message: Message,
    pub lane: u16,
    pub published: bool,
}

pub struct Delivery {
    pub seq: i64,
    pub message_id: MessageId,
    pub key: Key,
    pub destination: String,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_attempt_at: Option<Instant>,
    /// Set by an operator who mended the message.
    pub edited_payload: Option<Value>,
}

#[derive(Default, Clone)]
struct Lease {
    node: Option<Uuid>,
    token: i64,
    expires_ms: i64,
}

fn is_failed(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Retrying | DeliveryState::Dead)
}

impl Delivery {
    pub fn is_open(&self) -> bool {
        !matches!(self.state, DeliveryState::Delivered | DeliveryState::Discarded)
    }
}

impl Tables {
    /// Numbers are given at the insert, not at the commit: a row with a smaller one may appear later.
    pub fn next_seq(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }

    /// A committed insert; an id that is there already is left alone.
    pub fn insert(&mut self, seq: i64, message: Message) -> bool {
        if self.ids.contains_key(&message.id) {
            return false;
        }
        self.ids.insert(message.id, seq);
        let lane = lane_of(&message.key);
        self.outbox.insert(seq, Row { message, lane, published: false });
        true
    }

    pub fn message(&self, id: MessageId) -> Option<&Message> {
        self.ids.get(&id).and_then(|seq| self.outbox.get(seq)).map(|row| &row.message)
    }

    pub fn read_unpublished(&mut self, reader: Node, fence: &Fence, now: Instant, limit: u32) -> Vec<Outbound> {
        let after = match broken::is(Fault::CursorReading) {
            true => self.cursors.get(&reader).copied().unwrap_or(0),
            false => 0,
        };
        let mut held_back: HashSet<&Key> = HashSet::new();
        let mut batch = Vec::new();
        for (seq, row) in self.outbox.range(after + 1..).filter(|(_, row)| !row.published) {
            if row.message.deliver_after.is_some_and(|at| at > now) {
                held_back.insert(&row.message.key);
            } else if !held_back.contains(&row.message.key)
                && fence.lanes.binary_search(&row.lane).is_ok()
                && batch.len() < limit as usize
            {
                batch.push(Outbound { seq: *seq, lane: row.lane, message: row.message.clone(), bus_waits: true });
            }
        }
        if broken::is(Fault::CursorReading)
            && let Some(last) = batch.last()
        {
            let last = last.seq;
            self.cursors.insert(reader, last);
        }
        batch
    }

    /// Whether all of the fence's lanes are still held is the answer; rows of those that are were written.
    pub fn settle(&mut self, fence: &Fence, settlement: Settlement) -> Result<(), StoreError> {
        let holds = |lane: &u16| {
            broken::is(Fault::NoFencing)
                || self
                    .leases
                    .get(lane)
                    .is_some_and(|lease| lease.node == Some(fence.node) && lease.token <= fence.token)
        };
        let held: BTreeSet<u16> = fence.lanes.iter().copied().filter(holds).collect();
        let mut marked = HashSet::new();
        for seq in settlement.published {
            let Some(row) = self.outbox.get_mut(&seq) else { continue };
            if !row.published && held.contains(&row.lane) {
                row.published = true;
                marked.insert(seq);
            }
        }
        for new in settlement.deliveries.into_iter().filter(|new| marked.contains(&new.seq)) {
            self.insert_delivery(new);
        }
        self.sweep();
        if held.is_empty() || held.len() < fence.lanes.len() { Err(StoreError::Fenced) } else { Ok(()) }
    }

    fn insert_delivery(&mut self, new: NewDelivery) {
        if self.deliveries.values().any(|known| known.seq == new.seq && known.destination == new.destination) {
            return;
        }
        let id = self.deliveries.last_key_value().map_or(1, |(id, _)| id + 1);
        let NewDelivery { seq, message_id, key, destination, state, attempts, next_attempt_at, .. } = new;
        let edited_payload = None;
        let delivery = Delivery { seq, message_id, key, destination, state, attempts, next_attempt_at, edited_payload };
        self.deliveries.insert(id, delivery);
    }

    /// Whatever stands behind a failed delivery of its key is parked, and nothing else is.
    pub fn sweep(&mut self) -> u64 {
        let labelled = |delivery: &Delivery| is_failed(delivery.state) || delivery.state == DeliveryState::Parked;
        if !self.deliveries.values().any(labelled) {
            return 0;
        }
        let mut first_failed: BTreeMap<(String, Key), i64> = BTreeMap::new();
        for delivery in self.deliveries.values().filter(|delivery| is_failed(delivery.state)) {
            let place = (delivery.destination.clone(), delivery.key.clone());
            let first = first_failed.entry(place).or_insert(delivery.seq);
            *first = delivery.seq.min(*first);
        }
        let mut changed = 0;
        for delivery in self.deliveries.values_mut() {
            let place = (delivery.destination.clone(), delivery.key.clone());
            let behind = first_failed.get(&place).is_some_and(|first| *first < delivery.seq);
            let label = match (delivery.state, behind) {
                (DeliveryState::Queued, true) => DeliveryState::Parked,
                (DeliveryState::Parked, false) => DeliveryState::Queued,
                _ => continue,
            };
            delivery.state = label;
            changed += 1;
        }
        changed
    }

    pub fn open_deliveries(&self, pairs: &[(Key, String)]) -> HashSet<(Key, String)> {
        let is_open = |(key, destination): &&(Key, String)| {
            self.deliveries
                .values()
                .any(|delivery| delivery.is_open() && delivery.destination == *destination && delivery.key == *key)
        };
        pairs.iter().filter(is_open).cloned().collect()
    }

    pub fn has_open_deliveries(&self, destination: &str) -> bool {
        self.deliveries.values().any(|delivery| delivery.is_open() && delivery.destination == destination)
    }

    pub fn read_due(
        &self,
        fence: &Fence,
        destination: &str,
        now: Instant,
        limit: u32,
        busy: &[i64],
    ) -> Vec<DueDelivery> {
        let mut of: Vec<(&i64, &Delivery)> =
            self.deliveries.iter().filter(|(_, delivery)| delivery.destination == destination).collect();
        of.sort_by_key(|(_, delivery)| delivery.seq);
        let mut stopped: HashSet<&Key> = HashSet::new();
        let mut due = Vec::new();
        for (id, delivery) in of {
            if stopped.contains(&delivery.key) {
                continue;
            }
            if busy.contains(id) {
                stopped.insert(&delivery.key);
                continue;
            }
            let row = &self.outbox[&delivery.seq];
            let ready = match delivery.state {
                DeliveryState::Queued => true,
                DeliveryState::Retrying => delivery.next_attempt_at.is_some_and(|at| at <= now),
                _ => false,
            };
            if ready && fence.lanes.binary_search(&row.lane).is_ok() && due.len() < limit as usize {
                due.push(DueDelivery {
                    id: *id,
                    seq: delivery.seq,
                    destination: destination.to_owned(),
                    attempts: delivery.attempts,
                    edited_payload: delivery.edited_payload.clone(),
                    message: row.message.clone(),
                });
            }
            if is_failed(delivery.state) || delivery.state == DeliveryState::Parked {
                stopped.insert(&delivery.key);
            }
        }
        due
    }

    /// Returns the answers of those attempts that were written.
    pub fn record(&mut self, outcomes: Vec<AttemptOutcome>) -> Vec<Message> {
        let mut appended = Vec::new();
        for outcome in outcomes {
            let Some(delivery) = self.deliveries.get_mut(&outcome.id) else { continue };
            let open =
                matches!(delivery.state, DeliveryState::Queued | DeliveryState::Retrying | DeliveryState::Parked);
            if !open || delivery.attempts != outcome.attempts {
                continue;
            }
            delivery.attempts += 1;
            delivery.next_attempt_at = None;
            match outcome.result {
                AttemptResult::Delivered { answers } => {
                    delivery.state = DeliveryState::Delivered;
                    appended.extend(answers);
                }
                AttemptResult::Failed { next_attempt_at, .. } => {
                    delivery.state = DeliveryState::Retrying;
                    delivery.next_attempt_at = Some(next_attempt_at);
                }
                AttemptResult::Dead { .. } => delivery.state = DeliveryState::Dead,
            }
        }
        for answer in &appended {
            let seq = self.next_seq();
            self.insert(seq, answer.clone());
        }
        self.sweep();
        appended
    }

    /// What an operator does to all dead deliveries.
    pub fn repair_dead(&mut self, repair: &Repair) -> u64 {
        let mut touched = 0;
        for delivery in self.deliveries.values_mut().filter(|delivery| delivery.state == DeliveryState::Dead) {
            touched += 1;
            delivery.attempts = 0;
            match repair {
                Repair::Discard => delivery.state = DeliveryState::Discarded,
                Repair::Retry { edited_payload } => {
                    delivery.state = DeliveryState::Queued;
                    delivery.edited_payload = edited_payload.clone().or(delivery.edited_payload.take());
                }
            }
        }
        self.sweep();
        touched
    }

    /// `now_ms` is the database's own clock: nodes' calendars do not count.
    pub fn renew(&mut self, node: Uuid, name: &str, ttl_ms: i64, now_ms: i64) -> Fence {
        let namesakes: Vec<Uuid> =
            self.nodes.iter().filter(|(id, (named, _))| named == name && **id != node).map(|(id, _)| *id).collect();
        for id in &namesakes {
            self.nodes.remove(id);
        }
        self.nodes.insert(node, (name.to_owned(), now_ms + ttl_ms));
        let live = self.nodes.values().filter(|(_, expires)| *expires > now_ms).count().max(1);
        let share = usize::from(LANES).div_ceil(live);
        let token = self.tokens + 1;
        let mut mine = Vec::new();
        let mut changes_hands = false;
        for lane in 0..LANES {
            let lease = self.leases.entry(lane).or_default();
            if lease.node.is_some_and(|of| namesakes.contains(&of)) {
                lease.node = None;
            }
            if lease.node == Some(node) {
                if mine.len() < share {
                    lease.expires_ms = now_ms + ttl_ms;
                    mine.push(lane);
                } else {
                    (lease.node, lease.token, changes_hands) = (None, token, true);
                }
            }
        }
        for lane in 0..LANES {
            let lease = self.leases.entry(lane).or_default();
            let free = lease.node.is_none() || (lease.node != Some(node) && lease.expires_ms <= now_ms);
            if free && mine.len() < share && !mine.contains(&lane) {
                *lease = Lease { node: Some(node), token, expires_ms: now_ms + ttl_ms };
                changes_hands = true;
                mine.push(lane);
            }
        }
        if changes_hands {
            self.tokens = token;
        }
        mine.sort_unstable();
        let token = mine.iter().map(|lane| self.leases[lane].token).max().unwrap_or_default();
        Fence { node, token, lanes: mine }
    }

    pub fn release(&mut self, node: Uuid) {
        self.nodes.remove(&node);
        for lease in self.leases.values_mut().filter(|lease| lease.node == Some(node)) {
            lease.node = None;
        }
    }

    pub fn instances_waiting(&self, wait: &(String, String)) -> Vec<InstanceId> {
        let mut found: Vec<InstanceId> = self
            .waits
            .iter()
            .filter(|row| row.event_type == wait.0 && row.value == wait.1)
            .map(|row| row.instance)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The oldest event that is kept for this value, without some.
    pub fn kept_for(&self, wait: &(String, String), except: &[MessageId], now: Instant) -> Option<&Message> {
        let mut kept = self.early.iter().filter(|event| {
            event.message.message_type == wait.0 && event.values.contains(&wait.1) && event.expires_at > now
        });
        kept.find(|event| !except.contains(&event.message.id)).map(|event| &event.message)
    }

    /// Events that are kept although an instance waits for them and has never seen them.
    pub fn missed(&self, now: Instant) -> Vec<String> {
        let mut missed = Vec::new();
        for event in self.early.iter().filter(|event| event.expires_at > now) {
            let (id, event_type) = (event.message.id, &event.message.message_type);
            for wait in self.waits.iter().filter(|it| it.event_type == *event_type && event.values.contains(&it.value))
            {
                let history = self.history.get(&wait.instance).into_iter().flatten();
                if !history.map(|(_, fact)| fact.to_string()).any(|fact| fact.contains(&id.to_string())) {
                    missed.push(format!("{id} is kept while {} waits for {}", wait.instance, wait.value));
                }
            }
        }
        missed
    }

    /// Whether nothing can be sent at this instant: all is sent, or waits for its time or behind something that does.
    pub fn is_quiet(&self, now: Instant) -> bool {
        let mut held_back: HashSet<&Key> = HashSet::new();
        let waits = self.outbox.values().filter(|row| !row.published).all(|row| {
            if row.message.deliver_after.is_some_and(|at| at > now) {
                held_back.insert(&row.message.key);
            }
            held_back.contains(&row.message.key)
        });
        waits
            && self.timers.values().all(|timer| timer.due_at > now)
            && self.early.iter().all(|event| event.expires_at > now)
            && self.deliveries.values().filter(|delivery| delivery.is_open()).all(|delivery| match delivery.state {
                DeliveryState::Retrying => delivery.next_attempt_at.is_some_and(|at| at > now),
                state => state == DeliveryState::Parked,
            })
    }

    /// When something that waits for its time will be due.
    pub fn next_instant(&self, now: Instant) -> Option<Instant> {
        let timers = self.timers.values().map(|timer| timer.due_at);
        let delayed = self.outbox.values().filter(|row| !row.published).filter_map(|row| row.message.deliver_after);
        let retries = self.deliveries.values().filter_map(|delivery| delivery.next_attempt_at);
        let early = self.early.iter().map(|event| event.expires_at);
        timers.chain(delayed).chain(retries).chain(early).filter(|at| *at > now).min()
    }

    /// Whether somebody has to do something before anything goes on.
    pub fn waits_for_people(&self) -> bool {
        self.tasks.values().any(|task| task.ended_at.is_none())
            || self.instances.values().any(|row| row.status == Status::Suspended)
            || self.deliveries.values().any(|delivery| delivery.state == DeliveryState::Dead)
    }

    /// For people: what has not come to rest.
    pub fn open_work(&self) -> String {
        let unpublished: Vec<_> = self
            .outbox
            .iter()
            .filter(|(_, row)| !row.published)
            .map(|(seq, row)| (seq, row.lane, row.message.deliver_after))
            .collect();
        let deliveries: Vec<_> = self
            .deliveries
            .values()
            .filter(|delivery| delivery.is_open())
            .map(|delivery| (delivery.seq, &delivery.destination, delivery.state, delivery.attempts))
            .collect();
        let tasks = self.tasks.values().filter(|task| task.ended_at.is_none()).count();
        let timers = self.timers.len();
        let unheld: Vec<u16> =
            (0..LANES).filter(|lane| self.leases.get(lane).is_none_or(|it| it.node.is_none())).collect();
        format!(
            "unpublished {unpublished:?}, deliveries {deliveries:?}, {tasks} tasks, {timers} timers, lanes without a \
             node {unheld:?}"
        )
    }
}
