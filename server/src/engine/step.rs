//! What a batch of items leads to: pure functions from items, definitions and loaded rows to changes.
//!
//! Two stages, both off the async threads because expressions run in them: [`Step::prepare`] before the transaction
//! (whom does a message concern, what do sagas make of it), [`Step::decide`] inside it, on locked rows.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId},
    message::{Key, Message},
    process::{self, Context, Definition, Input, NodeKind, Operator, Parent, Rejection, State},
    saga,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    CONSUMER,
    early::Early,
    record::{Working, apply, asked_for, change, encode},
    registry::{ImplicitStart, Snapshot, WaitValue},
    scheduler,
    work::{Done, Item, Outcome, Refusal, Start},
};
use crate::{
    broken::{self, Fault},
    bus::{BEHIND_FAILURE, behind_failure},
    store::rows::{AuditRow, Changes, Claim, Decided, Failure, InstanceRow, Instant, Loaded, TaskState},
};

/// A batch on its way through the two stages.
pub struct Step {
    registry: Arc<Snapshot>,
    items: Vec<Prepared>,
    now: Instant,
}

struct Prepared {
    item: Item,
    /// For a message: the instances that its ids may lead to.
    candidates: Vec<InstanceId>,
    /// For a message: what instances may wait for it by.
    waits: Vec<WaitValue>,
    /// For a message: the stateful sagas that it starts, if they have not begun yet.
    starts: Vec<ImplicitStart>,
    /// For a message: the commands of stateless sagas, or why a saga can do nothing with it.
    reactions: Result<Vec<Message>, Refusal>,
}

/// What to tell afterwards, once the changes are committed.
#[derive(Debug, Default)]
pub struct Finished {
    /// One per item, in their order.
    pub outcomes: Vec<Outcome>,
    pub sent: bool,
    pub timers: bool,
    pub tasks: bool,
    pub instances: Vec<InstanceId>,
}

/// The instances that a message may belong to by its ids: a reply names the command that caused it, or carries the
/// instance's id as its correlation id.
pub fn candidates(message: &Message) -> Vec<InstanceId> {
    let mut found = Vec::new();
    for id in [&message.causation_id, &message.correlation_id].into_iter().flatten() {
        if let Ok(id) = id.parse::<Uuid>() {
            let instance = InstanceId::of_child(id);
            if !found.contains(&instance) {
                found.push(instance);
            }
        }
    }
    found
}

impl Step {
    /// Evaluates what does not need the database.
    pub fn prepare(registry: Arc<Snapshot>, items: Vec<Item>, now: Instant) -> Self {
        let items = items
            .into_iter()
            .map(|item| {
                let mut prepared = Prepared {
                    item,
                    candidates: Vec::new(),
                    waits: Vec::new(),
                    starts: Vec::new(),
                    reactions: Ok(Vec::new()),
                };
                if let Item::Message(message) = &prepared.item {
                    prepared.reactions = react(&registry, message, now);
                    if process::is_between_processes(message) {
                        prepared.candidates.extend(process::child_of(message));
                    }
                    if registry.is_awaited(&message.message_type) {
                        prepared.candidates.extend(candidates(message));
                        prepared.waits = registry.wait_values(message);
                    }
                    match registry.correlate(message) {
                        Ok(correlated) => {
                            prepared.candidates.extend(correlated.instances);
                            prepared.starts = correlated.starts;
                        }
                        Err(error) => prepared.reactions = Err(Refusal::Failed { class: "no-correlation", error }),
                    }
                }
                prepared
            })
            .collect();
        Self { registry, items, now }
    }

    /// What the transaction has to lock and load.
    pub fn claim(&self) -> Claim {
        let mut claim = Claim { consumer: CONSUMER.to_owned(), ..Claim::default() };
        for prepared in &self.items {
            match &prepared.item {
                Item::Message(message) => {
                    // A message that a saga cannot react to is not taken in, so that it can be tried again.
                    if prepared.reactions.is_ok() {
                        claim.messages.push(message.id);
                        claim.instances.extend(&prepared.candidates);
                        claim.waits.extend(prepared.waits.iter().map(|it| it.wait.clone()));
                    }
                }
                Item::Start(start) => {
                    if let Some(key) = &start.idempotency_key {
                        claim.starts.push((start.definition.clone(), key.clone()));
                    }
                }
                Item::Restart(asked) => {
                    claim.instances.push(asked.original);
                    if let Some(key) = &asked.idempotency_key {
                        claim.starts.push((asked.definition.clone(), key.clone()));
                    }
                }
                Item::Timer(timer) => claim.timers.push(*timer),
                Item::Offer { wait } => claim.waits.push(wait.clone()),
                Item::CompleteTask { task, .. } => claim.tasks.push(*task),
                Item::Operate { instance, .. } | Item::Migrate { instance, .. } => claim.instances.push(*instance),
            }
        }
        claim.instances.sort_unstable();
        claim.instances.dedup();
        claim
    }

    /// Decides every item in order, each on the state that the ones before it left. `tell` hears of it when that is done,
    /// which is after a look at what came early, where that matters.
    pub fn decide(self, loaded: Loaded, tell: impl FnOnce(Finished) + Send + 'static) -> Decided {
        let mut work = Work::new(self.registry, loaded, self.now);
        let outcomes = self.items.into_iter().map(|prepared| work.handle(prepared)).collect();
        work.settle(outcomes, Box::new(tell))
    }
}

fn react(registry: &Snapshot, message: &Message, now: Instant) -> Result<Vec<Message>, Refusal> {
    let mut commands = Vec::new();
    for definition in registry.sagas_for(&message.message_type) {
        let reacted = saga::react(definition, message, now).map_err(|failure| Refusal::Failed {
            class: "reaction-failed",
            error: format!("saga {}: {failure}", definition.name),
        })?;
        commands.extend(reacted);
    }
    Ok(commands)
}

pub(super) struct Work {
    registry: Arc<Snapshot>,
    pub(super) loaded: Loaded,
    now: Instant,
    pub(super) instances: HashMap<InstanceId, Working>,
    /// Instances started in this batch by (definition, idempotency key).
    started: HashMap<(String, String), InstanceId>,
    taken: HashSet<MessageId>,
    /// Keys of which a message failed in this batch: what follows has to wait for it.
    failed: HashSet<Key>,
    pub(super) changes: Changes,
    pub(super) early: Early,
}

impl Work {
    fn new(registry: Arc<Snapshot>, loaded: Loaded, now: Instant) -> Self {
        Self {
            registry,
            loaded,
            now,
            instances: HashMap::new(),
            started: HashMap::new(),
            taken: HashSet::new(),
            failed: HashSet::new(),
            changes: Changes { now: Some(now), ..Changes::default() },
            early: Early::default(),
        }
    }

    fn handle(&mut self, prepared: Prepared) -> Outcome {
        let Prepared { item, candidates, waits, starts, reactions } = prepared;
        match item {
            Item::Message(message) => {
                let outcome = self.take_in(&message, candidates, &waits, starts, reactions);
                if outcome.is_err() {
                    self.failed.insert(message.key.clone());
                }
                outcome
            }
            Item::Start(start) => self.start(&start, None),
            Item::Timer(timer) => {
                let Some(row) = self.loaded.timers.iter().find(|row| row.id == timer) else {
                    // Fired or cancelled by somebody else meanwhile.
                    return Ok(Done::Handled);
                };
                let instance = row.instance;
                self.changes.timers_gone.push(timer);
                match self.advance(instance, &Input::TimerFired { timer }) {
                    // A timer whose instance is gone or has no use for it any more is just over.
                    Err(Refusal::Unknown { .. } | Refusal::Rejected(_)) => Ok(Done::Handled),
                    other => other,
                }
            }
            Item::CompleteTask { task, outcome, data, by } => self.complete(task, outcome, data, by),
            Item::Operate { instance, input } => {
                self.advance(instance, &input)?;
                if let Some((name, operator)) = input.operation() {
                    let (by, reason) = (operator.by.clone(), operator.reason.clone());
                    let detail = asked_for(&input);
                    self.audit(by, format!("{name}-instance"), format!("instance/{instance}"), Some(reason), detail);
                }
                Ok(Done::Handled)
            }
            Item::Offer { wait } => {
                self.offer(wait);
                Ok(Done::Handled)
            }
            Item::Migrate { instance, migration } => self.migrate(instance, &migration),
            Item::Restart(asked) => self.restart(&asked),
        }
    }

    fn take_in(
        &mut self,
        message: &Arc<Message>,
        candidates: Vec<InstanceId>,
        waits: &[WaitValue],
        starts: Vec<ImplicitStart>,
        reactions: Result<Vec<Message>, Refusal>,
    ) -> Outcome {
        let reactions = reactions?;
        let fresh = self.loaded.fresh.contains(&message.id) && self.taken.insert(message.id);
        if !fresh && !broken::is(Fault::NoInbox) {
            return Ok(Done::Handled);
        }
        if fresh && self.failed.contains(&message.key) {
            self.changes.messages_refused.push(message.id);
            let Failure { error, .. } = behind_failure();
            return Err(Refusal::Failed { class: BEHIND_FAILURE, error });
        }
        if process::is_between_processes(message) {
            return self.between_processes(message);
        }
        self.changes.messages.extend(reactions);
        let mut concerned = candidates;
        for instance in waits.iter().flat_map(|it| self.waiting(&it.wait)) {
            if !concerned.contains(&instance) {
                concerned.push(instance);
            }
        }
        for start in starts {
            if let Err(refusal) = self.prepare_start(start, message) {
                self.changes.messages_refused.push(message.id);
                return Err(refusal);
            }
        }
        let input = Input::Message { message: Box::new(Message::clone(message)) };
        let mut is_taken = false;
        for instance in concerned {
            let before = self.recorded(instance);
            match self.advance(instance, &input) {
                Ok(_) => is_taken |= self.recorded(instance) > before,
                // An id that leads nowhere is no fault of the message.
                Err(Refusal::Unknown { .. }) => {}
                Err(refusal) => {
                    self.changes.messages_refused.push(message.id);
                    return Err(refusal);
                }
            }
        }
        if !is_taken {
            self.keep_early(message, waits);
        }
        Ok(Done::Handled)
    }

    /// How many events of this batch the instance has.
    pub(super) fn recorded(&self, instance: InstanceId) -> usize {
        self.instances.get(&instance).map_or(0, |working| working.history.len())
    }

    /// Makes room for the instance that the message may start, unless it is there.
    fn prepare_start(&mut self, start: ImplicitStart, message: &Message) -> Result<(), Refusal> {
        self.bring(start.instance)?;
        let ImplicitStart { instance, saga, version, definition, value } = start;
        self.instances.entry(instance).or_insert_with(|| Working {
            row: InstanceRow {
                id: instance,
                kind: DefinitionKind::Saga,
                definition: saga,
                version,
                status: process::Status::Running,
                business_key: Some(value),
                sequence: 0,
                snapshot: Value::Null,
                incident: None,
                started_by: message.message_type.clone(),
                created_at: self.now,
                updated_at: self.now,
                ended_at: None,
                parent: None,
            },
            state: None,
            definition,
            expected_sequence: None,
            idempotency_key: None,
            history: Vec::new(),
        });
        Ok(())
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn send(&mut self, message: Message) {
        self.changes.messages.push(message);
    }

    /// Whether there is such an instance already, now that the messages are claimed.
    pub(super) fn knows(&self, instance: InstanceId) -> bool {
        self.instances.contains_key(&instance) || self.loaded.instances.contains_key(&instance)
    }

    /// A message that was claimed is not taken in after all.
    pub(super) fn refuse(&mut self, message: &Message, refusal: Refusal) -> Refusal {
        self.changes.messages_refused.push(message.id);
        refusal
    }

    pub(super) fn start(&mut self, start: &Start, parent: Option<Parent>) -> Outcome {
        let key = start.idempotency_key.as_ref().map(|key| (start.definition.clone(), key.clone()));
        if let Some(instance) = self.started_with(key.as_ref()) {
            return Ok(Done::Started { instance, created: false });
        }
        let Some((version, definition)) = self.registry.process(&start.definition, start.version) else {
            let what = match start.version {
                Some(version) => format!("version {version} of the process {:?}", start.definition),
                None => format!("the process {:?}", start.definition),
            };
            return Err(Refusal::Unknown { what });
        };
        let working = Working {
            row: InstanceRow {
                id: start.instance,
                kind: DefinitionKind::Process,
                definition: start.definition.clone(),
                version,
                status: process::Status::Running,
                business_key: start.business_key.clone(),
                sequence: 0,
                snapshot: Value::Null,
                incident: None,
                started_by: start.by.clone(),
                created_at: self.now,
                updated_at: self.now,
                ended_at: None,
                parent: parent.as_ref().map(|parent| parent.instance),
            },
            state: None,
            definition,
            expected_sequence: None,
            idempotency_key: start.idempotency_key.clone(),
            history: Vec::new(),
        };
        self.instances.insert(start.instance, working);
        let input = Input::Start {
            input: start.input.clone(),
            business_key: start.business_key.clone(),
            by: start.by.clone(),
            parent,
        };
        if let Err(refusal) = self.advance(start.instance, &input) {
            self.instances.remove(&start.instance);
            return Err(refusal);
        }
        if let Some(key) = key {
            self.started.insert(key, start.instance);
        }
        Ok(Done::Started { instance: start.instance, created: true })
    }

    /// The instance that was started with this (definition, key) before.
    pub(super) fn started_with(&self, key: Option<&(String, String)>) -> Option<InstanceId> {
        let key = key?;
        self.loaded.started.get(key).or_else(|| self.started.get(key)).copied()
    }

    /// An instance that begins in this batch, with the (definition, key) that it is known by from now on.
    pub(super) fn put(&mut self, instance: InstanceId, working: Working, key: Option<(String, String)>) {
        self.instances.insert(instance, working);
        self.started.extend(key.map(|key| (key, instance)));
    }

    fn complete(&mut self, task: TaskId, outcome: String, data: Value, by: String) -> Outcome {
        let Some(row) = self.loaded.tasks.get(&task) else {
            return Err(Refusal::Unknown { what: format!("the task {task}") });
        };
        if let (TaskState::Claimed, Some(claimed_by)) = (row.state, &row.claimed_by)
            && *claimed_by != by
        {
            return Err(Refusal::Rejected(Rejection {
                code: "task-claimed",
                pointer: String::new(),
                message: format!("{claimed_by} has claimed this task; only {claimed_by} can complete it."),
                findings: Vec::new(),
            }));
        }
        let (instance, detail) = (row.instance, json!({"outcome": outcome}));
        self.advance(instance, &Input::CompleteTask { task, outcome, data, by: by.clone() })?;
        self.audit(by, "complete-task".to_owned(), format!("task/{task}"), None, detail);
        Ok(Done::Handled)
    }

    /// Puts one input to one instance and takes down what follows.
    pub(super) fn advance(&mut self, instance: InstanceId, input: &Input) -> Outcome {
        let (working, context) = self.working(instance)?;
        // The copy is what remains when the input is refused.
        let overlooking = broken::is(Fault::UndoOverlooks).then(|| overlook(&working.definition));
        let definition = overlooking.as_ref().unwrap_or(working.definition.as_ref());
        let (state, events) =
            process::advance(definition, working.state.clone(), input, &context).map_err(Refusal::Rejected)?;
        let (state, events) = match broken::is(Fault::UndoOvertakes) {
            true => settle_unsettled(&working.definition, state, events, &context),
            false => (state, events),
        };
        self.note(instance, state, &events, &context);
        Ok(Done::Handled)
    }

    /// A known instance, and the moment of its next decision.
    pub(super) fn working(&mut self, instance: InstanceId) -> Result<(&mut Working, Context), Refusal> {
        self.bring(instance)?;
        let now = self.now;
        let Some(working) = self.instances.get_mut(&instance) else {
            return Err(Refusal::Unknown { what: format!("the instance {instance}") });
        };
        let before = u64::try_from(working.expected_sequence.unwrap_or(0)).unwrap_or(0);
        let recorded = before + working.history.len() as u64;
        Ok((working, Context { instance, now, recorded }))
    }

    /// Takes down what was decided: the state afterwards, the events, and what follows from them.
    pub(super) fn note(&mut self, instance: InstanceId, state: State, events: &[process::Event], context: &Context) {
        let Some(working) = self.instances.get_mut(&instance) else { return };
        working.state = Some(state);
        for event in events {
            for effect in process::effects(&working.definition, event, context) {
                apply(&mut self.changes, working, effect, self.now);
            }
            working.history.push(encode(event));
        }
    }

    pub(super) fn registry(&self) -> Arc<Snapshot> {
        self.registry.clone()
    }

    /// Makes a loaded instance ready to work on.
    fn bring(&mut self, instance: InstanceId) -> Result<(), Refusal> {
        if self.instances.contains_key(&instance) {
            return Ok(());
        }
        let Some(row) = self.loaded.instances.remove(&instance) else { return Ok(()) };
        let Some(definition) = self.registry.runs(row.kind, &row.definition, row.version) else {
            return Err(Refusal::Failed {
                class: "unknown-version",
                error: format!("version {} of {} is not known on this node", row.version, row.definition),
            });
        };
        let state: State = serde_json::from_value(row.snapshot.clone()).map_err(|error| Refusal::Failed {
            class: "unreadable-snapshot",
            error: format!("the snapshot of instance {instance} cannot be read: {error}"),
        })?;
        let expected_sequence = Some(row.sequence);
        let working = Working {
            row,
            state: Some(state),
            definition,
            expected_sequence,
            idempotency_key: None,
            history: Vec::new(),
        };
        self.instances.insert(instance, working);
        Ok(())
    }

    pub(super) fn audit(
        &mut self,
        actor: String,
        action: String,
        subject: String,
        reason: Option<String>,
        detail: Value,
    ) {
        self.changes.audit.push(AuditRow { at: self.now, actor, action, subject, reason, detail });
    }

    pub(super) fn finish(mut self, outcomes: Vec<Outcome>) -> (Changes, Finished) {
        let mut instances: Vec<Working> =
            self.instances.into_values().filter(|working| !working.history.is_empty()).collect();
        // Written in the order in which they were locked.
        instances.sort_unstable_by_key(|working| working.row.id);
        let changed = instances.iter().map(|working| working.row.id).collect();
        self.changes.instances = instances.into_iter().map(|working| change(working, self.now)).collect();
        let finished = Finished {
            outcomes,
            sent: !self.changes.messages.is_empty(),
            // The scheduler looks often enough to see the others in time.
            timers: self.changes.timers_set.iter().any(|timer| timer.due_at < self.now + scheduler::SLEEP_MAX),
            tasks: !(self.changes.tasks_opened.is_empty()
                && self.changes.tasks_reassigned.is_empty()
                && self.changes.tasks_closed.is_empty()),
            instances: changed,
        };
        (self.changes, finished)
    }
}

/// The defect [`Fault::UndoOverlooks`]: what has no undo is said to stay.
fn overlook(definition: &Definition) -> Definition {
    let mut parts = process::definition::Parts::clone(definition);
    for node in parts.nodes.values_mut() {
        if let NodeKind::Command(command) = &mut node.kind {
            command.stays = command.undo.is_none();
        }
    }
    Definition::new(parts)
}

/// The defect [`Fault::UndoOvertakes`].
fn settle_unsettled(
    definition: &Definition,
    mut state: State,
    mut events: Vec<process::Event>,
    context: &Context,
) -> (State, Vec<process::Event>) {
    while let Some(unsettled) = state.unsettled.first() {
        let operator = Operator { by: String::new(), reason: String::new(), expected: None };
        let command = unsettled.command();
        let input = Input::Settle { operator, command, succeeded: true, payload: Value::Null };
        let Ok((next, more)) = process::advance(definition, Some(state.clone()), &input, context) else { break };
        state = next;
        events.extend(more);
    }
    (state, events)
}
