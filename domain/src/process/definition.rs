//! What a process definition means, once read: nodes, the ports that edges leave from, and everything compiled.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use chrono::TimeDelta;
use serde_json::{Map, Value};

pub use super::moment::Moment;
pub(super) use super::moment::read_moment;
use super::scopes::Scopes;
use crate::{
    diagnostic::Diagnostic,
    expression::{Expression, Failure, Root, Scope, Template},
    message::{Message, MessageKind},
    schema::Schema,
};

/// How long an event that came early is kept, unless a definition says how long.
pub const EARLY: TimeDelta = TimeDelta::hours(24);

/// A process definition, ready to decide with. Cheap to clone, immutable, and safe to share between threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition(Arc<Parts>);

/// What a [`Definition`] consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    /// What the input of a start must look like; it draws the start form too.
    pub input: Option<Schema>,
    pub nodes: BTreeMap<String, Node>,
    /// The node that an instance begins at.
    pub start: String,
    /// How long an event that came before a node waits for it is kept.
    pub early: TimeDelta,
    /// Where the designer put nodes: the centre of each.
    pub layout: BTreeMap<String, (f64, f64)>,
    /// Inside which fork or loop each node is; worked out by [`Definition::new`].
    pub scopes: Scopes,
    /// How events start an instance and find it again: in a saga. A process is started explicitly.
    pub correlation: Option<Correlation>,
}

/// What makes a saga's events belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// Evaluated on an event (root `event`).
    pub value: Expression,
    /// The types of the events that start an instance.
    pub starts: Vec<String>,
}

impl Correlation {
    /// The value that `message` is about.
    ///
    /// # Errors
    ///
    /// The expression fails, or yields nothing to tell instances apart by: an object, a list, null, or an empty text.
    pub fn value(&self, message: &Message) -> Result<String, Failure> {
        let event = event_root(message);
        let value = self.value.evaluate(&Scope::new().with("event", Root::Json(&event)))?;
        match_text(&value).ok_or_else(|| self.value.wrong_type("a text or a number", &value))
    }

    pub fn is_started_by(&self, message: &Message) -> bool {
        message.kind == MessageKind::Event && self.starts.contains(&message.message_type)
    }
}

/// A step of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What people call it; its name when there is none.
    pub title: Option<String>,
    pub kind: NodeKind,
}

/// What a node does, and the ports that lead on from it.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    Start {
        port: Port,
    },
    /// Sends a command and waits for one of its replies.
    Command(Box<Command>),
    /// Waits for one of several events.
    Wait {
        awaits: Awaits,
    },
    /// Takes the first case that holds, or else the default.
    Decide {
        cases: Vec<Case>,
        default: Port,
    },
    /// Sets variables.
    Compute {
        port: Port,
    },
    /// Asks a person.
    Approval(Box<Approval>),
    /// Waits for a length of time or until an instant.
    Timer {
        until: Moment,
        port: Port,
    },
    /// Undoes what succeeded so far, in reverse order.
    Compensate {
        port: Port,
    },
    /// Goes on along several branches at once.
    Fork(Box<Fork>),
    /// Waits until all branches of its fork have come.
    Join {
        port: Port,
    },
    /// Goes through its body once for each item of a list.
    ForEach(Box<ForEach>),
    /// Starts another process and waits until it has ended.
    Call(Box<Call>),
    End {
        outcome: Outcome,
        set: Assignments,
        reason: Option<Template>,
    },
}

/// Where an edge leaves a node: what it sets on the way, and where it leads.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Port {
    pub set: Assignments,
    pub next: String,
}

/// Variables and what they are set to; all are evaluated before the first is set.
pub type Assignments = Vec<(String, Template)>;

#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The type of the command.
    pub send: String,
    /// The aggregate type that receives it.
    pub to: String,
    /// The aggregate id that receives it; the instance's id when there is none.
    pub key: Option<Template>,
    pub payload: Template,
    pub awaits: Awaits,
    /// Those events of `on` that say that it was not done: then there is nothing to undo.
    pub fails: Vec<String>,
    pub undo: Option<Undo>,
    /// It says that there is nothing to undo: `undo: none`.
    pub stays: bool,
    pub retry: Option<Retry>,
}

impl Command {
    /// Whether this reply says that it was not done.
    pub fn is_refusal(&self, event_type: &str) -> bool {
        let is_retried = |retry: &Retry| retry.on.iter().any(|it| it == event_type);
        self.fails.iter().any(|it| it == event_type) || self.retry.as_ref().is_some_and(is_retried)
    }
}

/// When and how often a command is sent again: as another message that names the first, so that receivers can
/// deduplicate.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Replies that are worth another attempt, and `timeout`.
    pub on: Vec<String>,
    /// How many attempts there are, the first included.
    pub attempts: u32,
    /// The longest delay before the second attempt.
    pub delay: TimeDelta,
    /// How much longer each delay may be than the one before.
    pub factor: f64,
    /// No delay is longer.
    pub max: TimeDelta,
}

impl Retry {
    /// How long to wait after attempt number `attempt` (1 is the first): anything up to the ceiling of that attempt, chosen
    /// by `seed` alone.
    pub fn delay_after(&self, attempt: u32, seed: u64) -> TimeDelta {
        let (base, max) = (self.delay.num_milliseconds() as f64, self.max.num_milliseconds() as f64);
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let ceiling_ms = (base * self.factor.powi(exponent)).min(max).max(0.0) as u64;
        let delay_ms = crate::retry::spread(ceiling_ms, seed ^ u64::from(attempt).rotate_left(32));
        TimeDelta::milliseconds(i64::try_from(delay_ms).unwrap_or(i64::MAX))
    }
}

/// What takes back what a command did, or a called process. The command that undoes is made ready when the step succeeds, so that whatever
/// happens to the variables afterwards does not matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// The type of the command.
    pub send: String,
    /// The aggregate type that receives it; that of the step's command when there is none.
    pub to: Option<String>,
    /// The aggregate id that receives it; that of the step's command, or the id of the instance that was called, when there
    /// is none.
    pub key: Option<Template>,
    /// The payload of the step's command, or `{"instance": …}` for one that was called, when there is none.
    pub payload: Option<Template>,
    /// The events that say that it is undone; at least one.
    pub done: Vec<String>,
    /// The events that say that it could not be undone: a person has to see to it.
    pub failed: Vec<String>,
    /// Never [`Then::Leave`].
    pub timeout: Option<Timeout>,
}

impl Undo {
    /// The types of all its replies.
    pub fn replies(&self) -> impl Iterator<Item = &str> {
        self.done.iter().chain(&self.failed).map(String::as_str)
    }
}

/// The events that a node waits for, and how long.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Awaits {
    /// By event type.
    pub on: BTreeMap<String, Port>,
    pub timeout: Option<Timeout>,
    pub matching: Option<Match>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Timeout {
    pub after: Moment,
    pub then: Then,
}

/// What is done about a time-out. For a command it means that nobody knows whether it was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Go on by this port. Where something can be undone, the command stays unsettled: its late reply counts when it comes
    /// to undoing.
    Leave(Port),
    /// Note it, and wait on.
    Wait,
    /// Have a person see to it.
    Stuck,
    /// Ask what became of it.
    Ask(Box<Ask>),
}

/// A question about a command under way. A reply to it is a reply to the command.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The type of the command that asks.
    pub send: String,
    /// Aggregate type, aggregate id and payload are those of the command that it asks about when there are none.
    pub to: Option<String>,
    pub key: Option<Template>,
    pub payload: Option<Template>,
    /// How often it is asked, `after` between each and the next.
    pub times: u32,
    /// Where to go when nobody answers; a person has to see to it when there is none.
    pub otherwise: Option<Port>,
}

impl Timeout {
    /// The port that it leads through, if any.
    pub fn port(&self) -> Option<&Port> {
        match &self.then {
            Then::Leave(port) => Some(port),
            Then::Ask(ask) => ask.otherwise.as_ref(),
            Then::Wait | Then::Stuck => None,
        }
    }
}

/// Correlation by value, for participants that pass on neither the command's id nor the instance's.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Evaluated on an event (root `event`).
    pub event: Expression,
    /// Evaluated when the wait begins.
    pub with: Expression,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub when: Expression,
    pub port: Port,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub title: Template,
    pub assignee: Option<Template>,
    pub group: Option<Template>,
    pub due: Option<Moment>,
    /// To whom the task goes when it is still open.
    pub escalate: Vec<Escalation>,
    pub outcomes: BTreeMap<String, ApprovalOutcome>,
    pub timeout: Option<Timeout>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// Counted from when the task was opened.
    pub after: Moment,
    /// At least one of both. They take the place of those before.
    pub assignee: Option<Template>,
    pub group: Option<Template>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub process: String,
    /// The newest when absent.
    pub version: Option<u32>,
    pub input: Template,
    /// That of the caller when absent.
    pub business_key: Option<Template>,
    /// By how the child ended (`completed`, `failed`, `cancelled`, `compensated`), and `refused` for one that could not be
    /// started.
    pub on: BTreeMap<String, Port>,
    /// When it is over, the child is cancelled.
    pub timeout: Option<Timeout>,
    /// What takes back what a child did that completed. Its `to` is never `None`.
    pub undo: Option<Undo>,
    /// It says that there is nothing to undo: `undo: none`.
    pub stays: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalOutcome {
    pub title: Option<String>,
    /// What a person has to fill in to choose this outcome.
    pub form: Option<Schema>,
    pub port: Port,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fork {
    /// By name; at least one. All of them set their variables before the first goes on.
    pub branches: BTreeMap<String, Port>,
    /// The node where they come together.
    pub join: String,
    /// When it is over, the branches are given up.
    pub timeout: Option<Timeout>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ForEach {
    /// Yields the list.
    pub over: Template,
    /// The variable that has the item, for each its own.
    pub item: String,
    /// How many items are under way at once; one after the other for 1.
    pub limit: u32,
    /// Leads to the first node of the body; the body ends where it leads back to this node.
    pub body: Port,
    /// Evaluated at the end of each item; the results are gathered in the order of the list.
    pub collect: Option<Template>,
    /// The variable that has the results.
    pub into: Option<String>,
    /// When it is over, the items under way are given up.
    pub timeout: Option<Timeout>,
    pub port: Port,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    Failed,
    /// What had been done was undone.
    Compensated,
}

impl Definition {
    /// Works out what is inside of what, and takes everything else for granted: what is read is checked by
    /// [`parse`](crate::definition::parse).
    pub fn new(mut parts: Parts) -> Self {
        parts.scopes = Scopes::of(&parts.nodes, &parts.start, &mut Vec::new());
        Self(Arc::new(parts))
    }

    /// The same process, started by events.
    pub(crate) fn correlated_by(mut self, correlation: Correlation) -> Self {
        if let Some(parts) = Arc::get_mut(&mut self.0) {
            parts.correlation = Some(correlation);
        }
        self
    }

    /// [`wait_values`].
    pub fn match_values(&self, message: &Message) -> Vec<String> {
        wait_values(self, message)
    }

    /// What is wrong with `input` as the input of a start; pointers are relative to it.
    pub fn check_input(&self, input: &Value) -> Vec<Diagnostic> {
        self.input.as_ref().map_or_else(Vec::new, |schema| schema.check(input))
    }

    /// Whether this node calls another process.
    pub fn is_call(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|node| matches!(node.kind, NodeKind::Call(_)))
    }

    /// The processes that it calls.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.nodes.values().filter_map(|node| match &node.kind {
            NodeKind::Call(call) => Some(call.process.as_str()),
            _ => None,
        })
    }

    /// Whether any node waits for events of this type.
    pub fn awaits(&self, event_type: &str) -> bool {
        self.nodes.values().any(|node| node.awaited().any(|awaited| awaited == event_type))
    }

    /// The types of all events that some node waits for, each once.
    pub fn awaited_types(&self) -> Vec<&str> {
        let mut types: Vec<&str> = self.nodes.values().flat_map(Node::awaited).collect();
        types.sort_unstable();
        types.dedup();
        types
    }
}

/// The values that instances may be waiting for `message` by: what the `match.event` expressions of all nodes that wait
/// for its type yield. An instance that awaits (its type, one of these values) is meant. A failing expression yields
/// nothing: the event is of a form that this node does not wait for.
pub fn wait_values(definition: &Definition, message: &Message) -> Vec<String> {
    let matches: Vec<&Match> = definition
        .nodes
        .values()
        .filter(|node| node.awaited().any(|awaited| awaited == message.message_type))
        .filter_map(|node| node.awaits()?.matching.as_ref())
        .collect();
    if matches.is_empty() {
        return Vec::new();
    }
    let event = event_root(message);
    let scope = Scope::new().with("event", Root::Json(&event));
    let mut values: Vec<String> =
        matches.iter().filter_map(|it| it.event.evaluate(&scope).ok().as_ref().and_then(match_text)).collect();
    values.sort_unstable();
    values.dedup();
    values
}

impl Deref for Definition {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What the root `event` is in expressions.
pub(crate) fn event_root(message: &Message) -> Value {
    let mut event = Map::new();
    event.insert("id".into(), Value::from(message.id.to_string()));
    event.insert("type".into(), Value::from(message.message_type.clone()));
    event.insert("source".into(), Value::from(message.source.clone()));
    event.insert("aggregate_type".into(), Value::from(message.key.aggregate_type.clone()));
    event.insert("aggregate_id".into(), Value::from(message.key.aggregate_id.clone()));
    event.insert("aggregate_version".into(), Value::from(message.aggregate_version));
    event.insert("correlation_id".into(), Value::from(message.correlation_id.clone()));
    event.insert("causation_id".into(), Value::from(message.causation_id.clone()));
    event.insert("headers".into(), message.headers.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))).collect());
    event.insert("created_at".into(), Value::from(message.created_at.to_rfc3339()));
    event.insert("payload".into(), message.payload.clone());
    Value::Object(event)
}

/// The text that a correlation value is stored and compared as; objects, lists and null correlate nothing.
pub(crate) fn match_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() && text.chars().count() <= crate::message::ID_CHARS_MAX => {
            Some(text.clone())
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
