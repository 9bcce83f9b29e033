//! Sagas: they start by themselves when an event is observed.
//!
//! Stateless ones remember nothing: [`react`] maps an event to commands. Stateful ones have steps with what undoes them;
//! they run as a process that is made of the steps ([`Stateful::process`]).

mod read;
mod steps;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    expression::{Expression, Failure, Root, Scope, Template},
    ids::{InstanceId, MessageId},
    message::{HOPS_HEADER, Key, Message, MessageKind, PAYLOAD_BYTES_MAX, serialised_bytes},
    process::{
        self,
        definition::{event_root, match_text},
    },
};

pub(crate) use read::read;

const ONE_AGGREGATE: &str = "All commands go to one aggregate type. A saga coordinates several aggregates; what concerns \
                             one belongs inside it, where it is consistent at once.";

/// The namespace of the ids that commands of sagas get (UUID version 5). Never changes: receivers deduplicate by them.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_94e5_3a0b_5c6e_9d0a_7f4a_2b8c_1e37);

/// A saga, ready to react with. Cheap to clone, immutable, and safe to share between threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition(Arc<Parts>);

/// What a [`Definition`] consists of.
#[derive(Debug, PartialEq)]
pub struct Parts {
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    /// By event type; empty in a stateful saga.
    pub on: BTreeMap<String, Reaction>,
    /// What a saga with steps is.
    pub stateful: Option<Stateful>,
}

/// A saga that remembers what was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Stateful {
    /// The types of the events that start it.
    pub starts: Vec<String>,
    /// The names of the steps, in their order; they are nodes of the process.
    pub steps: Vec<String>,
    /// What runs.
    pub process: process::Definition,
}

impl Deref for Definition {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What is done about an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// Only when this holds.
    pub when: Option<Expression>,
    /// The type of the command.
    pub send: String,
    /// The aggregate type that receives it.
    pub to: String,
    /// The aggregate id that receives it; the event's aggregate id when there is none.
    pub key: Option<Template>,
    /// The event's payload when there is none.
    pub payload: Option<Template>,
}

/// Why a saga could not react to an event. The event is not lost: whoever handles it tries again, and says so when that
/// does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReactionFailure {
    #[error("the condition for {event_type}: {source}")]
    Condition { event_type: String, source: Failure },
    #[error("the payload for {event_type}: {source}")]
    Payload { event_type: String, source: Failure },
    #[error("the payload for {event_type} has more than {PAYLOAD_BYTES_MAX} bytes")]
    PayloadTooLarge { event_type: String },
    #[error("the key for {event_type}: {source}")]
    Key { event_type: String, source: Failure },
    #[error("the key for {event_type} must be a text or a number, and not too long")]
    WrongKey { event_type: String },
}

/// The commands that `definition` issues because of `event`; none when it does not react to it.
///
/// The same event always leads to the same command with the same id, whoever computes it and how often: receivers
/// deduplicate by it. The command carries the event's id as its causation and the event's correlation (the event itself
/// when it has none).
pub fn react(definition: &Definition, event: &Message, now: DateTime<Utc>) -> Result<Vec<Message>, ReactionFailure> {
    let Some(reaction) = definition.on.get(&event.message_type).filter(|_| event.kind == MessageKind::Event) else {
        return Ok(Vec::new());
    };
    let event_type = || event.message_type.clone();
    let root = event_root(event);
    let scope = Scope::new().with("event", Root::Json(&root)).with("now", Root::Instant(now));
    if let Some(when) = &reaction.when {
        let holds = when.test(&scope);
        if !holds.map_err(|source| ReactionFailure::Condition { event_type: event_type(), source })? {
            return Ok(Vec::new());
        }
    }
    let payload = match &reaction.payload {
        Some(payload) => {
            payload.evaluate(&scope).map_err(|source| ReactionFailure::Payload { event_type: event_type(), source })?
        }
        None => event.payload.clone(),
    };
    if serialised_bytes(&payload) > PAYLOAD_BYTES_MAX {
        return Err(ReactionFailure::PayloadTooLarge { event_type: event_type() });
    }
    let aggregate_id = match &reaction.key {
        Some(key) => {
            let key = key.evaluate(&scope);
            let key: Value = key.map_err(|source| ReactionFailure::Key { event_type: event_type(), source })?;
            match_text(&key).ok_or_else(|| ReactionFailure::WrongKey { event_type: event_type() })?
        }
        None => event.key.aggregate_id.clone(),
    };
    let mut headers = event.trace_headers();
    // A saga has no state to notice that it runs in a circle with a participant; the count of hops goes with it.
    if let Some(hops) = event.headers.get(HOPS_HEADER) {
        headers.insert(HOPS_HEADER.to_owned(), hops.clone());
    }
    Ok(vec![Message {
        id: reaction_id(&definition.name, event),
        kind: MessageKind::Command,
        message_type: reaction.send.clone(),
        source: format!("saga/{}", definition.name),
        key: Key { aggregate_type: reaction.to.clone(), aggregate_id },
        aggregate_version: None,
        payload,
        headers,
        correlation_id: Some(event.correlation_id.clone().unwrap_or_else(|| event.id.to_string())),
        causation_id: Some(event.id.to_string()),
        deliver_after: None,
        destination: None,
        created_at: now,
    }])
}

/// The id of the instance of a stateful saga that is about `value`. It follows from these two, so that two starting events
/// that race mean the same instance.
pub fn instance_id(saga: &str, value: &str) -> InstanceId {
    InstanceId::from_uuid(Uuid::new_v5(&NAMESPACE, format!("instance/{saga}/{value}").as_bytes()))
}

fn reaction_id(saga: &str, event: &Message) -> MessageId {
    MessageId(Uuid::new_v5(&NAMESPACE, format!("{saga}/{}/{}", event.id, event.message_type).as_bytes()))
}

impl Parts {
    /// The aggregate types that receive commands, each once.
    pub fn receivers(&self) -> BTreeSet<&str> {
        let commands = self.stateful.iter().flat_map(|it| it.process.nodes.values()).filter_map(process::Node::command);
        self.on.values().map(|reaction| reaction.to.as_str()).chain(commands.map(|it| it.to.as_str())).collect()
    }
}

#[cfg(test)]
mod tests;
