//! What must be true of a history of Baton, whatever happened to it: one checker for the simulation and for the tests
//! on real databases.
//!
//! It knows no table and no service: it reads a [`Record`], which is what producers know to be committed, what receivers
//! got in which order, and what was stored when everything had come to rest. It never decides what a process does
//! either; histories are replayed with the domain's own `evolve`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
};

use baton_domain::{
    ids::InstanceId,
    process::{Arrival, Event, State, evolve},
};
use serde_json::Value;
use uuid::Uuid;

/// The header that names the first attempt of a command that is sent once more.
const IDEMPOTENCY_HEADER: &str = "baton-idempotency-key";

/// What is known at the end of a run.
#[derive(Debug, Default)]
pub struct Record {
    /// Per key in the order of commits (the order between keys means nothing).
    pub messages: Vec<Sent>,
    /// In the order of arrival.
    pub receipts: Vec<Receipt>,
    pub instances: Vec<Instance>,
    /// Every command in the outbox.
    pub commands: Vec<Command>,
    /// What participants of sagas did, in order.
    pub deeds: Vec<Deed>,
    /// Idempotency key and instance of each start that was answered.
    pub starts: Vec<(String, Uuid)>,
    /// Instances whose terminal state was seen to change.
    pub revived: Vec<String>,
    /// Events that were seen to be kept while somebody waited for them.
    pub missed: Vec<String>,
    /// Events that the engine took in and that instances may wait for by value.
    pub by_value: Vec<ByValue>,
    /// The metric.
    pub orphans: u64,
}

/// A message that a producer tried to send.
#[derive(Debug, Clone)]
pub struct Sent {
    pub id: Uuid,
    pub key: String,
    pub committed: bool,
    /// Who has to get it; those for whom an operator gave it up are left out.
    pub receivers: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Receipt {
    pub receiver: String,
    pub id: Uuid,
}

/// An instance with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct Instance {
    pub id: Uuid,
    pub status: String,
    pub idempotency_key: Option<String>,
    pub sequence: i64,
    pub snapshot: Value,
    /// Numbers and events in the order of writing.
    pub history: Vec<(i64, Value)>,
    pub timers: u64,
    pub open_tasks: u64,
}

/// What became of an event that instances may wait for by value, beside what their histories say.
#[derive(Debug, Clone)]
pub struct ByValue {
    pub id: Uuid,
    /// How many times it was told of as one that nobody took.
    pub unclaimed: usize,
}

/// What a participant did about a step, the first time that it was asked to.
#[derive(Debug, Clone)]
pub struct Deed {
    pub instance: Uuid,
    pub step: String,
    /// The first attempt of the command.
    pub command: Uuid,
    pub is_undo: bool,
    pub succeeded: bool,
}

/// A command as it stands in the outbox.
#[derive(Debug, Clone)]
pub struct Command {
    pub id: Uuid,
    /// `process/…` or `saga/…`.
    pub source: String,
    pub causation_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Committed means delivered at least once.
    CommittedIsDelivered,
    /// Rolled back means never.
    RolledBackIsNever,
    /// Per key and receiver, what is delivered for the first time comes in order.
    FirstDeliveriesInOrder,
    /// Nothing is received that nobody sent.
    NothingInvented,
    /// When all is quiet an instance has ended, is stuck or suspended for everybody to see, or waits for a person or a
    /// timer.
    ComesToAnEnd,
    /// Terminal states never change.
    TerminalIsFinal,
    /// No live instance that nothing would ever wake.
    NoOrphan,
    /// No message, task or timer is handled twice, no command issued twice or without a history that says so.
    NoStepDoubled,
    /// Where what was done was undone, each step that succeeded and has an undo was effectively undone exactly once.
    UndoneOnce,
    /// No undo before its own forward step, and every other command of the instance, is settled; and in reverse order of
    /// success.
    UndoAfterForward,
    /// A start with a key makes one instance, and the one that was answered.
    OneInstancePerStart,
    /// A history has no gaps, and replayed it is the snapshot.
    HistoryIsTheSnapshot,
    /// An event that came before anybody waited for it by value is taken by one instance or told of, never both, never
    /// neither; and it is not kept from somebody who waits.
    EarlyIsTakenOnce,
}

#[derive(Debug, Clone)]
pub struct Violation {
    pub invariant: Invariant,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.detail)
    }
}

/// Everything that is not as it must be.
pub fn check(record: &Record) -> Vec<Violation> {
    let mut found = Found::default();
    check_deliveries(record, &mut found);
    let issued = check_instances(record, &mut found);
    check_commands(record, &issued, &mut found);
    check_undos(record, &mut found);
    check_starts(record, &mut found);
    check_early(record, &mut found);
    for revived in &record.revived {
        found.add(Invariant::TerminalIsFinal, revived.clone());
    }
    if record.orphans > 0 {
        found.add(Invariant::NoOrphan, format!("{} orphans are counted", record.orphans));
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, invariant: Invariant, detail: String) {
        self.0.push(Violation { invariant, detail });
    }
}

fn check_deliveries(record: &Record, found: &mut Found) {
    let mut first: HashMap<(&str, Uuid), usize> = HashMap::new();
    for (at, receipt) in record.receipts.iter().enumerate() {
        first.entry((&receipt.receiver, receipt.id)).or_insert(at);
    }
    let sent: HashMap<Uuid, &Sent> = record.messages.iter().map(|sent| (sent.id, sent)).collect();
    let mut told = HashSet::new();
    for receipt in &record.receipts {
        let problem = match sent.get(&receipt.id) {
            Some(sent) if sent.committed => continue,
            Some(_) => Invariant::RolledBackIsNever,
            None => Invariant::NothingInvented,
        };
        if told.insert(receipt.id) {
            found.add(problem, format!("{} got {}", receipt.receiver, receipt.id));
        }
    }
    // Per receiver and key: where the latest first delivery so far was.
    let mut latest: BTreeMap<(&str, &str), (usize, Uuid)> = BTreeMap::new();
    for sent in record.messages.iter().filter(|sent| sent.committed) {
        for receiver in &sent.receivers {
            let Some(at) = first.get(&(receiver.as_str(), sent.id)) else {
                let detail = format!("{receiver} never got {} of {}", sent.id, sent.key);
                found.add(Invariant::CommittedIsDelivered, detail);
                continue;
            };
            let latest = latest.entry((receiver, &sent.key)).or_insert((*at, sent.id));
            if *at < latest.0 {
                let detail =
                    format!("{receiver} got {} of {} before {}, which was sent earlier", sent.id, sent.key, latest.1);
                found.add(Invariant::FirstDeliveriesInOrder, detail);
            } else {
                *latest = (*at, sent.id);
            }
        }
    }
}

fn check_early(record: &Record, found: &mut Found) {
    for missed in &record.missed {
        found.add(Invariant::EarlyIsTakenOnce, missed.clone());
    }
    // Per event: whose histories speak of it, and how many of them took it as one that had come early. What an instance has
    // kept goes along to the one that takes over from it, so these count as one.
    let mut noted: HashMap<Uuid, (BTreeSet<Uuid>, usize)> = HashMap::new();
    let took_over: HashMap<Uuid, Uuid> = record.instances.iter().filter_map(|it| Some((it.id, origin(it)?))).collect();
    for instance in &record.instances {
        let first = std::iter::successors(Some(instance.id), |id| took_over.get(id).copied()).last();
        let first = first.unwrap_or(instance.id);
        // What it kept itself came to it by its id, or to several at once.
        let mut own = HashSet::new();
        for event in instance.history.iter().filter_map(|(_, fact)| serde_json::from_value::<Event>(fact.clone()).ok())
        {
            let (message, early) = match &event {
                Event::MessageReceived { message, early, .. } => (message, *early && !own.contains(&message.id)),
                Event::MessageBuffered { message, .. }
                | Event::MessageLate { message }
                | Event::Held { arrival: Arrival::Message { message } }
                | Event::StepSettled { message: Some(message), .. } => (message, false),
                _ => continue,
            };
            let entry = noted.entry(message.id.0).or_default();
            entry.0.insert(first);
            entry.1 += usize::from(early);
            own.insert(message.id);
        }
    }
    for event in &record.by_value {
        let (instances, early) = noted.get(&event.id).cloned().unwrap_or_default();
        let detail = match (instances.len(), event.unclaimed) {
            (0, 0) => "vanished".to_owned(),
            (0, 1) => continue,
            (taken, 0) if early == 0 || taken == 1 => continue,
            (taken, told) => format!("was taken by {taken} instances and told of {told} times"),
        };
        found.add(Invariant::EarlyIsTakenOnce, format!("{} {detail}", event.id));
    }
}

/// The instance that this one took over from.
fn origin(instance: &Instance) -> Option<Uuid> {
    match serde_json::from_value(instance.history.first()?.1.clone()).ok()? {
        Event::RestartedFrom { origin, .. } => Some(origin.instance.0),
        _ => None,
    }
}

/// Returns the commands that histories say were issued.
fn check_instances(record: &Record, found: &mut Found) -> HashSet<Uuid> {
    let mut issued = HashSet::new();
    for instance in &record.instances {
        let Some(state) = replay(instance, &mut issued, found) else { continue };
        let stored = serde_json::to_value(&state).expect("a state has a JSON form");
        if stored != instance.snapshot || instance.sequence != instance.history.len() as i64 {
            let detail = format!(
                "{} at {}: {} events make {stored}\n  stored is {}",
                instance.id,
                instance.sequence,
                instance.history.len(),
                instance.snapshot
            );
            found.add(Invariant::HistoryIsTheSnapshot, detail);
        }
        if state.is_orphan() {
            found.add(Invariant::NoOrphan, format!("{} is {} with nothing to wake it", instance.id, instance.status));
        }
        if state.status().as_str() != instance.status {
            let detail = format!("{} is {} and says {}", instance.id, state.status().as_str(), instance.status);
            found.add(Invariant::HistoryIsTheSnapshot, detail);
        }
        let visible = state.status().is_terminal()
            || matches!(instance.status.as_str(), "stuck" | "suspended")
            || instance.timers > 0
            || instance.open_tasks > 0;
        if !visible {
            let detail = format!("{} is {} for ever: {:?}", instance.id, instance.status, state.tokens);
            found.add(Invariant::ComesToAnEnd, detail);
        }
        if state.status().is_terminal() && instance.timers + instance.open_tasks > 0 {
            let detail = format!("{} has ended and keeps timers or tasks", instance.id);
            found.add(Invariant::TerminalIsFinal, detail);
        }
    }
    issued
}

fn replay(instance: &Instance, issued: &mut HashSet<Uuid>, found: &mut Found) -> Option<State> {
    let mut state: Option<State> = None;
    let mut handled: HashSet<(&'static str, Uuid)> = HashSet::new();
    let mut unwinding = Unwinding::default();
    for (position, (number, event)) in instance.history.iter().enumerate() {
        if *number != position as i64 + 1 {
            let detail = format!("{}: event {} has the number {number}", instance.id, position + 1);
            found.add(Invariant::HistoryIsTheSnapshot, detail);
        }
        let event: Event = match serde_json::from_value(event.clone()) {
            Ok(event) => event,
            Err(error) => {
                found.add(Invariant::HistoryIsTheSnapshot, format!("{}: {error} in {event}", instance.id));
                return None;
            }
        };
        // After the end the caller is told, and it is only taken note of what came too late, and who took over.
        let ended = state.as_ref().is_some_and(|state| state.status().is_terminal());
        let is_afterwards =
            matches!(event, Event::MessageLate { .. } | Event::RestartedAs { .. } | Event::ParentTold { .. });
        if ended && !is_afterwards {
            let detail = format!("{}: {} after its end", instance.id, event.name());
            found.add(Invariant::TerminalIsFinal, detail);
        }
        unwinding.take_note(instance.id, &event, found);
        let once = match &event {
            Event::MessageReceived { message, .. } | Event::StepSettled { message: Some(message), .. } => {
                Some(("message", message.id.0))
            }
            Event::CommandSent { command, .. }
            | Event::UndoSent { command, .. }
            | Event::Called { command, .. }
            | Event::ChildGivenUp { command, .. }
            | Event::Asked { query: command, .. } => {
                issued.insert(command.id.0);
                Some(("command", command.id.0))
            }
            Event::TaskCompleted { task, .. } => Some(("task", task.0)),
            Event::TimerFired { timer, .. } => Some(("timer", timer.0)),
            Event::ParentTold { .. } => Some(("end", instance.id)),
            _ => None,
        };
        if let Some((what, id)) = once
            && !handled.insert((what, id))
        {
            found.add(Invariant::NoStepDoubled, format!("{}: {what} {id} twice in one history", instance.id));
        }
        state = Some(evolve(state, &event));
    }
    if state.is_none() {
        found.add(Invariant::HistoryIsTheSnapshot, format!("{} has no history", instance.id));
    }
    state
}

/// Commands of processes are those of their histories; a saga reacts once to an event.
fn check_commands(record: &Record, issued: &HashSet<Uuid>, found: &mut Found) {
    let mut stored = HashSet::new();
    let mut reactions = HashSet::new();
    let instances: HashSet<Uuid> = record.instances.iter().map(|instance| instance.id).collect();
    for command in &record.commands {
        stored.insert(command.id);
        if issued.contains(&command.id) {
            continue;
        }
        if command.source.starts_with("process/") || instances.contains(&InstanceId::of_child(command.id).0) {
            let detail = format!("{} of {} is in no history", command.id, command.source);
            found.add(Invariant::NoStepDoubled, detail);
        }
        // A reaction of a saga that remembers nothing.
        if command.source.starts_with("saga/")
            && let Some(cause) = &command.causation_id
            && !reactions.insert((command.source.as_str(), cause.as_str()))
        {
            let detail = format!("{} reacted twice to {cause}", command.source);
            found.add(Invariant::NoStepDoubled, detail);
        }
    }
    for missing in issued.difference(&stored).collect::<BTreeSet<_>>() {
        let detail = format!("command {missing} stands in a history and was never put into the outbox");
        found.add(Invariant::CommittedIsDelivered, detail);
    }
}

/// What the histories of undoing say.
#[derive(Default)]
struct Unwinding {
    /// Steps that are known to have succeeded and are not undone, in the order of success.
    done: Vec<Uuid>,
    /// What had an undo and is undone or was left so by an operator.
    over: HashSet<Uuid>,
    skipped: HashSet<Uuid>,
    /// Which step's command each command undoes.
    undoes: HashMap<Uuid, Uuid>,
    ran_to_its_end: bool,
    /// Commands, by their first attempt, that nobody answered, whether or not a token waits for them still.
    under_way: BTreeSet<Uuid>,
    /// Which of them each token waits for.
    awaited: HashMap<u32, Uuid>,
}

impl Unwinding {
    fn take_note(&mut self, instance: Uuid, event: &Event, found: &mut Found) {
        self.note_commands(event);
        if let (Event::UndoSent { command, .. }, Some(early)) = (event, self.under_way.first()) {
            let detail = format!("{instance}: the undo {} while {early} was not answered", command.id);
            found.add(Invariant::UndoAfterForward, detail);
        }
        match event {
            Event::RestartedFrom { done, .. } => self.done.extend(done.iter().map(|undo| undo.command.0)),
            Event::StepSucceeded { undo, .. } | Event::StepSettled { undo: Some(undo), .. } => {
                self.done.push(undo.command.0);
            }
            Event::UndoSent { command, .. } => match self.done.last() {
                Some(step) => {
                    self.undoes.insert(command.id.0, *step);
                }
                None => {
                    let detail = format!("{instance}: the undo {} with nothing that is known to be done", command.id);
                    found.add(Invariant::UndoAfterForward, detail);
                }
            },
            Event::Undone { command, .. } | Event::UndoSkipped { command, .. } => {
                if self.done.pop() != Some(command.0) {
                    let detail = format!("{instance}: {command} was undone out of order");
                    found.add(Invariant::UndoAfterForward, detail);
                }
                if !self.over.insert(command.0) {
                    found.add(Invariant::UndoneOnce, format!("{instance}: {command} was undone twice"));
                }
                if matches!(event, Event::UndoSkipped { .. }) {
                    self.skipped.insert(command.0);
                }
            }
            Event::Compensated { .. } => {
                self.ran_to_its_end = true;
                for left in self.done.drain(..) {
                    found.add(Invariant::UndoneOnce, format!("{instance}: {left} was never undone"));
                }
            }
            _ => {}
        }
    }
}

impl Unwinding {
    /// Those that are said to stay (`undo: none`) need not be answered; the definitions of the tests have none.
    fn note_commands(&mut self, event: &Event) {
        match event {
            Event::RestartedFrom { unsettled, .. } => {
                self.under_way.extend(unsettled.iter().map(|it| it.command().0));
            }
            Event::CommandSent { token, command, .. } => {
                let first = command.headers.get(IDEMPOTENCY_HEADER).and_then(|first| first.parse().ok());
                let first = first.unwrap_or(command.id.0);
                self.under_way.insert(first);
                self.awaited.insert(*token, first);
            }
            // A child is at work until it says that it has ended.
            Event::Called { token, command, .. } => {
                self.under_way.insert(command.id.0);
                self.awaited.insert(*token, command.id.0);
            }
            // What comes to the token from now on is about something else, or about an earlier attempt.
            Event::StepUnsettled { token, .. } | Event::Moved { token, .. } => {
                self.awaited.remove(token);
            }
            Event::MessageReceived { token, .. } | Event::RetryPlanned { token, message: Some(_), .. } => {
                if let Some(answered) = self.awaited.get(token) {
                    self.under_way.remove(answered);
                }
            }
            Event::StepSettled { command, failure: None, .. } => {
                self.under_way.remove(&command.0);
            }
            _ => {}
        }
    }
}

/// What participants did, against what histories say.
fn check_undos(record: &Record, found: &mut Found) {
    // What is out of order was found when the histories were replayed.
    let mut known = Found::default();
    let histories: Vec<(Unwinding, HashSet<Uuid>)> =
        record.instances.iter().map(|it| unwound(it, &mut known)).collect();
    // A step may be undone by the instance that took over from the one that did it.
    let undoes: HashMap<Uuid, Uuid> =
        histories.iter().flat_map(|(unwinding, _)| &unwinding.undoes).map(|(undo, step)| (*undo, *step)).collect();
    let children = children(record);
    let mut steps = HashSet::new();
    let mut forward: HashMap<Uuid, &Deed> = HashMap::new();
    let mut undone: HashMap<Uuid, u32> = HashMap::new();
    let mut undoing: HashSet<Uuid> = HashSet::new();
    for deed in &record.deeds {
        if deed.is_undo {
            undoing.insert(deed.instance);
        } else {
            if undoing.contains(&deed.instance) {
                let detail = format!("{}: {} was overtaken by an undo", deed.instance, deed.step);
                found.add(Invariant::UndoAfterForward, detail);
            }
            if !steps.insert((deed.instance, deed.step.as_str())) {
                found.add(Invariant::NoStepDoubled, format!("{}: {} was done twice", deed.instance, deed.step));
            }
            forward.insert(deed.command, deed);
            continue;
        }
        let step = undoes.get(&deed.command);
        if let Some((command, completed)) = step.and_then(|step| children.get_key_value(step)) {
            if !completed {
                let detail = format!("{}: {} undid a child that had not completed", deed.instance, deed.step);
                found.add(Invariant::UndoAfterForward, detail);
            }
            *undone.entry(*command).or_default() += u32::from(deed.succeeded);
            continue;
        }
        let step = step.and_then(|step| forward.get(step));
        if step.is_none_or(|step| !step.succeeded || step.step != deed.step) {
            let detail = format!("{}: {} was undone before it was done", deed.instance, deed.step);
            found.add(Invariant::UndoAfterForward, detail);
        }
        if let Some(step) = step.filter(|_| deed.succeeded) {
            *undone.entry(step.command).or_default() += 1;
        }
    }
    for (command, times) in undone.iter().filter(|(_, times)| **times > 1) {
        let step = forward.get(command).map_or_else(|| format!("the call {command}"), |deed| deed.step.clone());
        found.add(Invariant::UndoneOnce, format!("{step} was undone {times} times"));
    }
    let is_undone = |command: &Uuid| undone.get(command).is_some_and(|times| *times > 0);
    for (unwinding, undoable) in histories.iter().filter(|(unwinding, _)| unwinding.ran_to_its_end) {
        for command in undoable.difference(&unwinding.skipped).filter(|command| !is_undone(command)) {
            if let Some(deed) = forward.get(command).filter(|deed| deed.succeeded) {
                found.add(Invariant::UndoneOnce, format!("{}: {} stayed done", deed.instance, deed.step));
            }
            if children.get(command) == Some(&true) {
                found.add(Invariant::UndoneOnce, format!("the call {command} stayed done"));
            }
        }
    }
}

/// The commands that called other processes, and whether what they started has completed.
fn children(record: &Record) -> HashMap<Uuid, bool> {
    let completed: HashSet<Uuid> =
        record.instances.iter().filter(|it| it.status == "completed").map(|it| it.id).collect();
    let events = record.instances.iter().flat_map(|it| &it.history);
    let calls = events.filter_map(|(_, event)| match serde_json::from_value(event.clone()).ok()? {
        Event::Called { command, child, .. } => Some((command.id.0, completed.contains(&child.0))),
        _ => None,
    });
    calls.collect()
}

/// What the history says of undoing, and the commands of the steps that could be undone.
fn unwound(instance: &Instance, found: &mut Found) -> (Unwinding, HashSet<Uuid>) {
    let mut unwinding = Unwinding::default();
    let mut undoable = HashSet::new();
    for (_, event) in &instance.history {
        let Ok(event) = serde_json::from_value::<Event>(event.clone()) else { continue };
        match &event {
            Event::RestartedFrom { done, .. } => undoable.extend(done.iter().map(|undo| undo.command.0)),
            Event::StepSucceeded { undo, .. } | Event::StepSettled { undo: Some(undo), .. } => {
                undoable.insert(undo.command.0);
            }
            _ => {}
        }
        unwinding.take_note(instance.id, &event, found);
    }
    (unwinding, undoable)
}

fn check_starts(record: &Record, found: &mut Found) {
    let mut by_key: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for instance in &record.instances {
        if let Some(key) = &instance.idempotency_key {
            by_key.entry(key).or_default().push(instance.id);
        }
    }
    for (key, made) in &by_key {
        if made.len() > 1 {
            found.add(Invariant::OneInstancePerStart, format!("{key} made {made:?}"));
        }
    }
    for (key, answered) in &record.starts {
        if by_key.get(key.as_str()).is_none_or(|made| !made.contains(answered)) {
            found
                .add(Invariant::OneInstancePerStart, format!("{key} was answered with {answered}, which is not there"));
        }
    }
}
