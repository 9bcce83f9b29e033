//! From stored text to the enums of the code, and what both adapters derive from rows in the same way.

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
};

use baton_domain::{
    definition::DefinitionKind,
    ids::MessageId,
    message::{Message, MessageKind},
    process::Status,
};
use serde::de::Error as _;
use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{
    port::{Decide, StoreError},
    rows::{
        Appended, AttemptOutcome, AttemptResult, BatchState, CredentialKind, Decided, DeliveryState, DestinationCounts,
        DestinationMinuteRow, EARLY_PER_VALUE_MAX, Failure, Instant, Loaded, MessageRow, MessageState, NewDelivery,
        TaskState, Unclaimed,
    },
};

/// The failure class of a message that was inserted by somebody else and cannot be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// A stored value outside the set that this version knows.
pub(super) fn corrupt(what: &'static str, text: &str) -> StoreError {
    StoreError::Corrupt { what, source: serde_json::Error::custom(format!("unexpected value {text:?}")) }
}

macro_rules! parse {
    ($name:ident, $type:ty, $all:expr, $what:literal) => {
        pub(super) fn $name(text: &str) -> Result<$type, StoreError> {
            $all.into_iter().find(|known| known.as_str() == text).ok_or_else(|| corrupt($what, text))
        }
    };
}

parse!(message_kind, MessageKind, [MessageKind::Event, MessageKind::Command], "message kind");
parse!(delivery_state, DeliveryState, DeliveryState::ALL, "delivery state");
parse!(batch_state, BatchState, BatchState::ALL, "state of a batch");
parse!(task_state, TaskState, TaskState::ALL, "task state");
parse!(status, Status, Status::ALL, "instance status");
parse!(credential_kind, CredentialKind, CredentialKind::ALL, "credential kind");

pub(super) fn json(what: &'static str, text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Corrupt { what, source })
}

pub(super) fn json_opt(what: &'static str, text: Option<&str>) -> Result<Option<Value>, StoreError> {
    text.map(|text| json(what, text)).transpose()
}

/// Headers as written by anybody: values that are no strings are taken as their JSON text.
pub(super) fn headers(text: &str) -> Result<BTreeMap<String, String>, serde_json::Error> {
    let values: BTreeMap<String, Value> = serde_json::from_str(text)?;
    Ok(values
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect())
}

/// The first occurrence of an id that the database accepted counts as accepted, every other one as a duplicate.
pub(super) fn appended(messages: &[Message], inserted: impl IntoIterator<Item = MessageId>) -> Appended {
    let mut left: HashMap<MessageId, ()> = inserted.into_iter().map(|id| (id, ())).collect();
    let (accepted, duplicates) = messages.iter().map(|message| message.id).partition(|id| left.remove(id).is_some());
    Appended { accepted, duplicates }
}

/// The state of a message over the states of its deliveries: the worst one that is open.
pub(super) fn message_state(published: bool, has: impl Fn(DeliveryState) -> bool) -> MessageState {
    if has(DeliveryState::Dead) {
        MessageState::Dead
    } else if has(DeliveryState::Retrying) {
        MessageState::Retrying
    } else if has(DeliveryState::Parked) {
        MessageState::Parked
    } else if has(DeliveryState::Queued) {
        MessageState::Delivering
    } else if published {
        MessageState::Published
    } else {
        MessageState::Pending
    }
}

/// Runs the pure part of a step.
pub(super) async fn run(decide: Decide, loaded: Loaded) -> Result<Decided, StoreError> {
    compute(move || decide(loaded)).await
}

/// Runs what computes and may take its time, so that nobody else waits for it. A panic in it is an error like any other:
/// the caller rolls back.
///
/// It stays on this thread where the runtime can hand its other work to another one: going to a thread for it and back
/// takes longer than most steps.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    let work = move || std::panic::catch_unwind(AssertUnwindSafe(work));
    let outcome = if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        Ok(tokio::task::block_in_place(work))
    } else {
        tokio::task::spawn_blocking(work).await
    };
    match outcome {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(panic)) => Err(StoreError::Panicked { message: panic_text(panic.as_ref()) }),
        // Only at shutdown of the runtime: the thread never ran.
        Err(error) => Err(StoreError::Panicked { message: error.to_string() }),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// What an attempt's result means for the columns of a delivery.
pub(super) struct AttemptParts<'a> {
    pub state: DeliveryState,
    pub next_attempt_at: Option<Instant>,
    pub class: Option<&'a str>,
    pub error: Option<String>,
}

pub(super) fn attempt_parts(outcome: &AttemptOutcome) -> AttemptParts<'_> {
    let (state, next_attempt_at, failure) = match &outcome.result {
        AttemptResult::Delivered { .. } => (DeliveryState::Delivered, None, None),
        AttemptResult::Failed { failure, next_attempt_at } => {
            (DeliveryState::Retrying, Some(*next_attempt_at), Some(failure))
        }
        AttemptResult::Dead { failure } => (DeliveryState::Dead, None, Some(failure)),
    };
    let class = failure.map(|failure| failure.class.as_str());
    AttemptParts { state, next_attempt_at, class, error: failure.map(|failure| error_text(&failure.error)) }
}

/// The answers of those attempts that were written down, in order.
pub(super) fn answers(outcomes: Vec<AttemptOutcome>, written: impl Fn(i64) -> bool) -> Vec<Message> {
    outcomes
        .into_iter()
        .filter(|outcome| written(outcome.id))
        .flat_map(|outcome| match outcome.result {
            AttemptResult::Delivered { answers } => answers,
            AttemptResult::Failed { .. } | AttemptResult::Dead { .. } => Vec::new(),
        })
        .collect()
}

/// The longest error text that is kept, in bytes.
const ERROR_TEXT_MAX: usize = 4_000;

/// An error text that any database takes: bounded, and without the NUL that PostgreSQL refuses.
pub(super) fn error_text(text: &str) -> String {
    let end = text.floor_char_boundary(ERROR_TEXT_MAX);
    text[..end].replace('\0', "\u{fffd}")
}

/// A message as it is kept.
pub(super) fn message_text(message: &Message) -> String {
    serde_json::to_string(message).expect("a message has string keys and finite numbers only")
}

pub(super) fn message(text: &str) -> Result<Message, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Corrupt { what: "an early event", source })
}

/// From (value, message, why it is kept no longer); a message that was kept for several values is one.
pub(super) fn unclaimed(rows: Vec<(String, String, String)>) -> Result<Vec<Unclaimed>, StoreError> {
    let mut found: Vec<Unclaimed> = Vec::new();
    for (value, text, why) in rows {
        let message = message(&text)?;
        if found.iter().any(|known| known.message.id == message.id) {
            continue;
        }
        let why = match why.as_str() {
            "over" => format!("nothing came to wait for {value:?} as long as it was kept"),
            "full" => format!("{EARLY_PER_VALUE_MAX} events are kept for {value:?} already"),
            _ => format!("more events are kept than may be, and nothing waits for {value:?} yet"),
        };
        found.push(Unclaimed::new(message, &why));
    }
    Ok(found)
}

/// From (destination, state, count, oldest), grouped by destination.
pub(super) fn destination_counts(
    rows: Vec<(String, String, i64, Instant)>,
) -> Result<Vec<DestinationCounts>, StoreError> {
    let mut counts: Vec<DestinationCounts> = Vec::new();
    for (destination, state, count, oldest) in rows {
        if counts.last().is_none_or(|last| last.destination != destination) {
            counts.push(DestinationCounts { destination, ..DestinationCounts::default() });
        }
        let entry = counts.last_mut().expect("one was pushed if there was none");
        let count = count.unsigned_abs();
        match delivery_state(&state)? {
            DeliveryState::Queued => entry.queued = count,
            DeliveryState::Retrying => entry.retrying = count,
            DeliveryState::Parked => entry.parked = count,
            DeliveryState::Dead => entry.dead = count,
            DeliveryState::Delivered | DeliveryState::Discarded => {}
        }
        entry.oldest_open_at = Some(entry.oldest_open_at.map_or(oldest, |known| known.min(oldest)));
    }
    Ok(counts)
}

/// From (destination, minute, delivered, failed).
pub(super) fn destination_minute(
    (destination, minute, delivered, failed): (String, Instant, i64, i64),
) -> DestinationMinuteRow {
    DestinationMinuteRow { destination, minute, delivered: delivered.unsigned_abs(), failed: failed.unsigned_abs() }
}

pub(super) fn definition_kind_text(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::Process => "process",
        DefinitionKind::Saga => "saga",
    }
}

pub(super) fn definition_kind(text: &str) -> Result<DefinitionKind, StoreError> {
    match text {
        "process" => Ok(DefinitionKind::Process),
        "saga" => Ok(DefinitionKind::Saga),
        other => Err(corrupt("definition kind", other)),
    }
}

pub(super) fn failure(class: Option<String>, error: Option<String>) -> Option<Failure> {
    class.map(|class| Failure { class, error: error.unwrap_or_default() })
}

/// What a list shows of one delivery.
#[derive(sqlx::FromRow)]
pub(super) struct DeliverySummary {
    pub seq: i64,
    pub state: String,
    pub attempts_total: i32,
    pub last_error: Option<String>,
    pub next_attempt_at: Option<Instant>,
}

/// Writes into each message what its deliveries say about it.
pub(super) fn summarise(messages: &mut [MessageRow], summaries: &[DeliverySummary]) -> Result<(), StoreError> {
    let mut of: HashMap<i64, Vec<(DeliveryState, &DeliverySummary)>> = HashMap::new();
    for summary in summaries {
        of.entry(summary.seq).or_default().push((delivery_state(&summary.state)?, summary));
    }
    for message in messages {
        let Some(deliveries) = of.get(&message.seq) else { continue };
        message.state = message_state(true, |state| deliveries.iter().any(|(is, _)| *is == state));
        if let Some((_, most)) = deliveries.iter().max_by_key(|(_, delivery)| delivery.attempts_total) {
            message.attempts = most.attempts_total.unsigned_abs();
            message.last_error = most.last_error.clone();
        }
        message.next_attempt_at = deliveries.iter().filter_map(|(_, delivery)| delivery.next_attempt_at).min();
    }
    Ok(())
}

/// Up to this number of rows is counted; beyond, an estimate is good enough for people and costs nothing.
pub(super) const COUNTED_MAX: i64 = 100_000;

/// From `{"state": count}`.
pub(super) fn delivery_counts(text: Option<&str>) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    counts("delivery counts", text, |state| delivery_state(state).map(DeliveryState::as_str))
}

/// From `{"status": count}`.
pub(super) fn instance_counts(text: Option<&str>) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    counts("instance counts", text, |state| status(state).map(Status::as_str))
}

fn counts(
    what: &'static str,
    text: Option<&str>,
    name: fn(&str) -> Result<&'static str, StoreError>,
) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    let Some(text) = text else { return Ok(BTreeMap::new()) };
    let counts: BTreeMap<String, u64> =
        serde_json::from_str(text).map_err(|source| StoreError::Corrupt { what, source })?;
    counts.into_iter().map(|(state, count)| Ok((name(&state)?, count))).collect()
}

/// When a new delivery is tried next, and its failure's class and text: whatever failed has a class.
pub(super) fn new_delivery_parts(
    delivery: &NewDelivery,
    now: Instant,
) -> (Option<Instant>, Option<&str>, Option<String>) {
    let next_attempt_at = (delivery.state == DeliveryState::Retrying).then(|| delivery.next_attempt_at.unwrap_or(now));
    let failed = matches!(delivery.state, DeliveryState::Retrying | DeliveryState::Dead);
    let class = delivery.failure.as_ref().map(|failure| failure.class.as_str());
    let error = delivery.failure.as_ref().map(|failure| error_text(&failure.error));
    (next_attempt_at, class.or(failed.then_some("unknown")), error)
}

/// Whether a token of the snapshot (`baton_domain::process::State` as JSON) waits for a reply or an event.
pub(super) fn awaits_message(snapshot: &Value) -> bool {
    let tokens = snapshot["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kinds = ["command", "wait", "compensating", "call"];
    tokens.iter().any(|token| token["place"]["kind"].as_str().is_some_and(|kind| kinds.contains(&kind)))
}

#[cfg(test)]
mod tests {
    use baton_domain::{
        definition::{Definition, parse},
        ids::InstanceId,
        process::{Context, Input, Operator, State, advance},
    };
    use uuid::Uuid;

    use super::awaits_message;

    /// Reads what the domain really writes, so that the two cannot drift apart.
    fn awaits(node: &str) -> bool {
        awaits_message(&serde_json::to_value(started(node)).expect("a snapshot"))
    }

    fn started(node: &str) -> State {
        advance(&process(node), None, &start(), &context()).expect("it starts").0
    }

    fn start() -> Input {
        Input::Start { input: serde_json::json!({}), business_key: None, by: "test".into(), parent: None }
    }

    fn context() -> Context {
        Context { instance: InstanceId::from_uuid(Uuid::from_u128(1 << 20)), now: chrono::Utc::now(), recorded: 0 }
    }

    fn process(node: &str) -> baton_domain::process::Definition {
        let text = format!(
            "baton: process/1\nname: one\nnodes:\n  start: {{kind: start, next: it}}\n  it: {node}\n  done: {{kind: end, outcome: completed}}\n"
        );
        let Definition::Process(process) = parse(&text).expect("a valid definition").definition else {
            panic!("a process")
        };
        process
    }

    #[test]
    fn what_waits_for_a_message_is_no_orphan() {
        assert!(awaits("{kind: command, send: Do, to: worker, on: {Done: {next: done}}}"));
        assert!(awaits("{kind: wait, on: {Done: {next: done}}}"));
        assert!(!awaits("{kind: timer, for: PT1H, next: done}"));
        assert!(awaits(
            "{kind: for-each, over: [1], as: n, do: ask, next: done}\n  ask: {kind: command, send: Do, to: worker, on: {Done: {next: it}}}"
        ));
        assert!(awaits("{kind: call, process: other, on: {completed: {next: done}, failed: {next: done}}}"));
        assert!(!awaits("{kind: approval, title: Go on?, outcomes: {yes: {next: done}}}"));
    }
    #[test]
    fn undoing_waits_for_messages() {
        let node = "{kind: command, send: Do, to: worker, on: {Done: {next: done}}, \
                    undo: {send: Undo, done: Undone, timeout: {after: PT1H, then: stuck}}}";
        let operator = Operator { by: "test".into(), reason: "test".into(), expected: None };
        let input = Input::Cancel { operator, compensate: true };
        let (state, _) = advance(&process(node), Some(started(node)), &input, &context()).expect("it is cancelled");
        assert!(awaits_message(&serde_json::to_value(state).expect("a snapshot")));
    }
}
