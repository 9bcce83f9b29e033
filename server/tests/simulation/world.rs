//! Everything of one run: the tables, the participants, and what the outside knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
    process::is_between_processes,
};
use baton_server::{
    destination::Verdict,
    engine::{
        CONSUMER,
        registry::{Registry, Snapshot},
    },
    store::rows::{BUS, Failure},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    chance::Chance,
    errand::Errand,
    invariants::{ByValue, Command, Deed, Instance, Receipt, Record, Sent},
    node::id_of,
    scenario::Scenario,
    stage::{Node, OUTSIDE, Stage, Topic},
    store::{MemoryStore, SetUp, Witness},
    tables::Tables,
};

/// An answer of a participant.
pub struct Answer {
    pub message_type: String,
    pub payload: Value,
}

pub struct World {
    pub stage: Arc<Stage>,
    pub scenario: &'static Scenario,
    pub registry: Arc<Snapshot>,
    tables: Arc<Mutex<Tables>>,
    witness: Arc<Mutex<Witness>>,
    set_up: Arc<SetUp>,
    outside: Mutex<Outside>,
    /// From now on nothing fails any more.
    calm: AtomicBool,
    /// How much of the outside is still at work.
    busy: AtomicUsize,
}

/// What the outside has done, got and knows.
#[derive(Default)]
struct Outside {
    committed: Vec<(MessageId, Key)>,
    rolled_back: Vec<(MessageId, Key)>,
    receipts: Vec<Receipt>,
    /// By receiver and command: participants deduplicate, and the same command gets the same answer.
    answered: BTreeMap<(String, MessageId), Option<Message>>,
    starts: Vec<(String, Uuid)>,
    deeds: Vec<Deed>,
    /// Given up by an operator: message and destination.
    given_up: BTreeSet<(MessageId, String)>,
    up: BTreeMap<Node, u64>,
    lives: u64,
}

impl World {
    pub fn new(stage: Arc<Stage>, scenario: &'static Scenario) -> Arc<Self> {
        let (registry, set_up) = scenario.set_up();
        Arc::new(Self {
            stage,
            scenario,
            registry,
            tables: Arc::default(),
            witness: Arc::default(),
            set_up,
            outside: Mutex::default(),
            calm: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
        })
    }

    pub fn store(&self, node: Node) -> MemoryStore {
        MemoryStore {
            stage: self.stage.clone(),
            node,
            tables: self.tables.clone(),
            witness: self.witness.clone(),
            set_up: self.set_up.clone(),
        }
    }

    pub fn with_tables<T>(&self, look: impl FnOnce(&mut Tables) -> T) -> T {
        look(&mut self.tables.lock().unwrap())
    }

    pub fn fresh_id(&self) -> Uuid {
        self.stage.draw(|chance| id_of(chance.next(), chance.next()))
    }

    /// Whether something goes wrong that does so once in `n` times.
    pub fn happens(&self, n: usize) -> bool {
        let unlucky = self.stage.draw(|chance| chance.one_in(n));
        unlucky && !self.calm.load(Ordering::Relaxed)
    }

    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
        self.stage.note(OUTSIDE, "-- from now on nothing fails any more --");
    }

    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub fn engine_wants(&self, message: &Message) -> bool {
        is_between_processes(message)
            || (message.kind == MessageKind::Event && self.registry.concerns(&message.message_type))
    }

    // ------------------------------------------------------------ who is up

    /// Returns which life of the node this is.
    pub fn goes_up(&self, node: Node) -> u64 {
        let mut outside = self.outside.lock().unwrap();
        outside.lives += 1;
        let life = outside.lives;
        outside.up.insert(node, life);
        life
    }

    pub fn goes_down(&self, node: Node) {
        self.outside.lock().unwrap().up.remove(&node);
    }

    pub fn life(&self, node: Node) -> Option<u64> {
        self.outside.lock().unwrap().up.get(&node).copied()
    }

    pub fn any_up(&self) -> Option<Node> {
        let up: Vec<Node> = self.outside.lock().unwrap().up.keys().copied().collect();
        (!up.is_empty()).then(|| up[self.stage.draw(|chance| chance.below(up.len()))])
    }

    /// Has a call to a node made, as over HTTP; `None` when the node dies before it answers.
    pub async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        node: Node,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let life = self.life(node)?;
        let slot = Arc::new(Mutex::new(None));
        let answer = slot.clone();
        self.stage.enter(node, async move {
            let answered = call.await;
            *answer.lock().unwrap() = Some(answered);
        });
        loop {
            self.stage.sleep(OUTSIDE, "caller: wait", 20).await;
            if let Some(answered) = slot.lock().unwrap().take() {
                return Some(answered);
            }
            if self.life(node) != Some(life) {
                return None;
            }
        }
    }

    // ------------------------------------------------------------ the outside at work

    pub fn begin(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub fn end(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Another program's transaction: rows get their numbers before it commits, and it may not commit at all.
    pub async fn insert(&self, messages: Vec<Message>, commit: bool) {
        let seqs: Vec<i64> = messages.iter().map(|_| self.with_tables(Tables::next_seq)).collect();
        self.stage.gate(OUTSIDE, "producer: inserted, not committed").await;
        if self.stage.draw(|chance| chance.one_in(4)) {
            let pause = self.stage.draw(|chance| chance.between(1, 400));
            self.stage.sleep(OUTSIDE, "producer: commits late", pause).await;
        }
        let mut outside = self.outside.lock().unwrap();
        for (seq, message) in seqs.into_iter().zip(messages) {
            let fact = (message.id, message.key.clone());
            if !commit {
                outside.rolled_back.push(fact);
            } else if self.with_tables(|tables| tables.insert(seq, message)) {
                outside.committed.push(fact);
            }
        }
        drop(outside);
        self.stage.changed(Topic::Outbox);
        self.stage.note(OUTSIDE, if commit { "producer: committed" } else { "producer: rolled back" });
    }

    /// A message arrives. The same command always gets the same answer.
    pub fn arrive(&self, receiver: &str, message: &Message) -> Option<Message> {
        let mut outside = self.outside.lock().unwrap();
        outside.receipts.push(Receipt { receiver: receiver.to_owned(), id: message.id.0 });
        let known = (receiver.to_owned(), message.id);
        if let Some(answer) = outside.answered.get(&known) {
            return answer.clone();
        }
        let answer = match Errand::of(message) {
            Some(errand) => self.stage.draw(|chance| errand.run(message, &mut outside.deeds, chance)),
            None => self.stage.draw(|chance| (self.scenario.answer)(message, chance)),
        };
        let answer = answer.map(|answer| self.reply(message, answer));
        outside.answered.insert(known, answer.clone());
        answer
    }

    fn reply(&self, to: &Message, answer: Answer) -> Message {
        Message {
            id: MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, to.id.0.as_bytes())),
            kind: MessageKind::Event,
            message_type: answer.message_type,
            source: to.key.aggregate_type.clone(),
            // Answers have no order among each other: a participant writes two of them at the same time.
            key: Key { aggregate_type: to.key.aggregate_type.clone(), aggregate_id: to.id.to_string() },
            aggregate_version: None,
            payload: answer.payload,
            headers: BTreeMap::new(),
            correlation_id: to.correlation_id.clone(),
            causation_id: Some(to.id.to_string()),
            deliver_after: None,
            destination: None,
            created_at: self.stage.calendar(),
        }
    }

    /// A participant puts its answer into the outbox by itself, sometime; perhaps it says the same twice.
    pub fn reply_later(self: &Arc<Self>, reply: Message) {
        let world = self.clone();
        self.begin();
        self.stage.enter(OUTSIDE, async move {
            let delay = world.stage.draw(|chance| chance.between(0, 300) * chance.between(0, 5));
            world.stage.sleep(OUTSIDE, "participant: thinks", delay).await;
            if world.happens(10) {
                let again = Message { id: MessageId(world.fresh_id()), ..reply.clone() };
                world.insert(vec![again], true).await;
            }
            world.insert(vec![reply], true).await;
            world.end();
        });
    }

    /// An HTTP request to a participant over a bad network.
    pub async fn request(self: &Arc<Self>, node: Node, destination: &str, message: &Message) -> Verdict {
        let stage = &self.stage;
        stage.gate(node, "deliveries: about to send").await;
        let failed = |class: &str| Verdict::Failed {
            failure: Failure { class: class.to_owned(), error: String::new() },
            retry_after: None,
        };
        if self.happens(14) {
            return failed("http-503");
        }
        if self.happens(14) {
            stage.sleep(node, "deliveries: no answer", 150).await;
            return failed("timeout");
        }
        if self.happens(20) {
            // It was given up, and arrives after all.
            let (world, message, to) = (self.clone(), message.clone(), destination.to_owned());
            self.begin();
            stage.enter(OUTSIDE, async move {
                let delay = world.stage.draw(|chance| chance.between(100, 6_000));
                world.stage.sleep(OUTSIDE, "network: a late request", delay).await;
                world.arrive(&to, &message);
                world.end();
            });
            return failed("timeout");
        }
        if self.happens(80) {
            let failure = Failure { class: "http-422".to_owned(), error: String::new() };
            return Verdict::Hopeless(failure);
        }
        let reply = self.arrive(destination, message);
        stage.gate(node, "deliveries: arrived, not answered").await;
        if self.happens(12) {
            return failed("timeout");
        }
        let mut answers = Vec::new();
        if let Some(reply) = reply {
            if (self.scenario.answers_later)(message) { self.reply_later(reply) } else { answers.push(reply) }
        }
        Verdict::Accepted { answers }
    }

    pub fn started(&self, key: String, instance: Uuid) {
        self.outside.lock().unwrap().starts.push((key, instance));
    }

    pub fn give_up(&self, message: MessageId, destination: String) {
        self.outside.lock().unwrap().given_up.insert((message, destination));
    }

    // ------------------------------------------------------------ afterwards

    /// What the checker reads.
    pub fn record(&self) -> Record {
        let outside = self.outside.lock().unwrap();
        let tables = self.tables.lock().unwrap();
        let witness = self.witness.lock().unwrap();
        let receivers = |message: &Message| self.receivers(message, &outside.given_up);
        let mut record =
            Record { starts: outside.starts.clone(), revived: witness.revived.clone(), ..Record::default() };
        record.missed.clone_from(&witness.missed);
        let taken_in = witness.taken_in.iter().filter(|(consumer, _)| consumer == CONSUMER);
        for message in taken_in.filter_map(|(_, id)| tables.message(*id)) {
            if !self.registry.wait_values(message).is_empty() {
                let unclaimed = witness.unclaimed.iter().filter(|id| **id == message.id).count();
                record.by_value.push(ByValue { id: message.id.0, unclaimed });
            }
        }
        let producers: BTreeSet<MessageId> = outside.committed.iter().map(|(id, _)| *id).collect();
        let lost = |id: &MessageId| !tables.ids.contains_key(id);
        // Per key the order of commits is that of the numbers: a key has one writer at a time.
        for row in tables.outbox.values() {
            let message = &row.message;
            record.messages.push(Sent {
                id: message.id.0,
                key: order_of(message, &tables),
                committed: true,
                receivers: receivers(message),
            });
            if message.kind == MessageKind::Command {
                record.commands.push(Command {
                    id: message.id.0,
                    source: message.source.clone(),
                    causation_id: message.causation_id.clone(),
                });
            }
        }
        assert!(!producers.iter().any(lost), "a committed message is gone from the table in memory");
        for (id, key) in outside.rolled_back.iter().filter(|(id, _)| !tables.ids.contains_key(id)) {
            let key = format!("{}/{}", key.aggregate_type, key.aggregate_id);
            record.messages.push(Sent { id: id.0, key, committed: false, receivers: Vec::new() });
        }
        record.deeds = outside.deeds.clone();
        record.receipts = outside.receipts.clone();
        record
            .receipts
            .extend(witness.taken_in.iter().map(|(consumer, id)| Receipt { receiver: consumer.clone(), id: id.0 }));
        let keys: BTreeMap<Uuid, String> = tables.started.iter().map(|((_, key), id)| (id.0, key.clone())).collect();
        for (id, row) in &tables.instances {
            record.instances.push(Instance {
                id: id.0,
                status: row.status.as_str().to_owned(),
                idempotency_key: keys.get(&id.0).cloned(),
                sequence: row.sequence,
                snapshot: row.snapshot.clone(),
                history: tables.history.get(id).cloned().unwrap_or_default(),
                timers: tables.timers.values().filter(|timer| timer.instance == *id).count() as u64,
                open_tasks: tables.tasks.values().filter(|task| task.instance == *id && task.ended_at.is_none()).count()
                    as u64,
            });
        }
        record
    }

    /// Who has to get a message, without those for whom it was given up.
    fn receivers(&self, message: &Message, given_up: &BTreeSet<(MessageId, String)>) -> Vec<String> {
        let mut receivers = Vec::new();
        let routed = self.scenario.routed(message);
        let on_bus = message.kind == MessageKind::Event || routed.is_empty();
        receivers.extend(routed.into_iter().filter(|to| !given_up.contains(&(message.id, (*to).to_owned()))));
        if on_bus && !given_up.contains(&(message.id, BUS.to_owned())) {
            receivers.extend(self.scenario.subscribers.iter().filter(|name| (self.scenario.wants)(name, message)));
            if self.engine_wants(message) {
                receivers.push("engine");
            }
        }
        receivers.into_iter().map(str::to_owned).collect()
    }
}

/// What a message is in order with: its key, and for a reaction of a saga the key of its cause as well. Events of two
/// aggregates are handled in any order, and so are the commands that follow, even when they go to one receiver.
fn order_of(message: &Message, tables: &Tables) -> String {
    let key = format!("{}/{}", message.key.aggregate_type, message.key.aggregate_id);
    let cause = message.causation_id.as_deref().filter(|_| message.source.starts_with("saga/"));
    let cause = cause.and_then(|cause| cause.parse().ok()).and_then(|cause| tables.message(cause));
    match cause {
        Some(cause) => format!("{key} because of {}/{}", cause.key.aggregate_type, cause.key.aggregate_id),
        None => key,
    }
}

/// What a definition's registry is read from, once for all runs.
pub fn registry(store: &MemoryStore) -> Arc<Snapshot> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime to read definitions with");
    let registry = Registry::default();
    runtime.block_on(registry.reload(store)).expect("the definitions are in memory");
    registry.snapshot()
}

/// How long the outside waits before it tries again.
pub const PATIENCE_MS: i64 = 200;

impl World {
    pub fn draw<T>(&self, of: impl FnOnce(&mut Chance) -> T) -> T {
        self.stage.draw(of)
    }
}
