//! Parents and children: the messages between a process that calls another and the one that is called.
//!
//! They travel through the outbox like every other command and event, so nothing about them needs a transaction over two
//! instances. Their types begin with `baton.`, which no definition and no producer can use.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Definition, Rejection, State};
use crate::{
    ids::{InstanceId, MessageId},
    message::{Key, Message, MessageKind, PAYLOAD_BYTES_MAX, serialised_bytes},
};

/// Message types that begin like this are Baton's own.
pub const RESERVED: &str = "baton.";
/// The aggregate type of the messages between processes; its aggregate id is the child's.
pub const FAMILY: &str = "baton.process";
/// Command: start a child. Its payload is a [`ChildStart`].
pub const START_PROCESS: &str = "baton.StartProcess";
/// Command: cancel a child. Payload: `{reason, compensate}`.
pub const CANCEL_PROCESS: &str = "baton.CancelProcess";
/// Event: a child has ended. Payload: `{process, status, reason, output}`, output being its variables.
pub const PROCESS_ENDED: &str = "baton.ProcessEnded";
/// Event: a child could not be started. Payload: `{code, pointer, message}`.
pub const PROCESS_REFUSED: &str = "baton.ProcessRefused";

/// How deep processes call processes.
pub const CALL_DEPTH_MAX: u32 = 16;

/// The namespace of ids that follow from others (UUID version 5). Never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x52c7_1b0e_8d35_5f49_b6a2_3e90_c4d1_7f68);

/// Who called an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    pub instance: InstanceId,
    /// The command that started the child; the child's end answers it.
    pub command: MessageId,
    /// 1 for the child of an instance that somebody started.
    pub depth: u32,
}

/// What a parent asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildStart {
    pub process: String,
    /// The newest when absent.
    #[serde(default)]
    pub version: Option<u32>,
    pub input: Value,
    #[serde(default)]
    pub business_key: Option<String>,
    pub parent: Parent,
}

/// The id of the instance that `command` starts: the same whenever the command is handled, and in the order of time like
/// other instances' (the form of a UUIDv7, with a hash in the place of randomness).
pub(super) fn child_id(command: MessageId, now: DateTime<Utc>) -> InstanceId {
    let hash = Uuid::new_v5(&NAMESPACE, command.0.as_bytes()).as_u128();
    let ms = u128::from(now.timestamp_millis().unsigned_abs()) & 0xffff_ffff_ffff;
    let version_and_variant = (0x7 << 76) | (0b10 << 62);
    let random = hash & !(0xffff_ffff_ffff << 80) & !(0xf << 76) & !(0b11 << 62);
    InstanceId::from_uuid(Uuid::from_u128((ms << 80) | version_and_variant | random))
}

/// Whether the message is one between processes, which the engine takes without a route.
pub fn is_between_processes(message: &Message) -> bool {
    message.kind == MessageKind::Command && message.key.aggregate_type == FAMILY
}

/// The child that a message between processes is about.
pub fn child_of(message: &Message) -> Option<InstanceId> {
    let id: InstanceId = message.key.aggregate_id.parse().ok()?;
    // Only ids that an instance can have.
    (InstanceId::from_uuid(id.0) == id).then_some(id)
}

/// Tells the parent that its child has ended; `None` when there is no parent, or no end.
pub(super) fn ended(definition: &Definition, state: &State, now: DateTime<Utc>) -> Option<Message> {
    let (parent, ending) = (state.parent.as_ref()?, state.ended.as_ref()?);
    let payload = |output: Value| json!({"process": definition.name, "status": ending.status.as_str(), "reason": ending.reason, "output": output});
    let whole = payload(Value::Object(state.vars.clone()));
    // Variables have a smaller bound of their own, so this cuts off hardly ever.
    let payload = if serialised_bytes(&whole) > PAYLOAD_BYTES_MAX { payload(Value::Null) } else { whole };
    let id = MessageId(Uuid::new_v5(&NAMESPACE, state.instance.0.as_bytes()));
    let (child, definition) = (state.instance.to_string(), &definition.name);
    Some(answer(id, PROCESS_ENDED, definition, child, parent.instance.to_string(), parent.command, payload, now))
}

/// Tells whoever sent `start` that nothing was started.
pub fn refused(start: &Message, rejection: &Rejection, now: DateTime<Utc>) -> Message {
    let payload = json!({"code": rejection.code, "pointer": rejection.pointer, "message": rejection.message});
    let id = MessageId(Uuid::new_v5(&NAMESPACE, start.id.0.as_bytes()));
    let (child, parent) = (start.key.aggregate_id.clone(), start.correlation_id.clone().unwrap_or_default());
    answer(id, PROCESS_REFUSED, "baton", child, parent, start.id, payload, now)
}

#[expect(clippy::too_many_arguments, reason = "they are the fields of a message, used twice")]
fn answer(
    id: MessageId,
    message_type: &str,
    source: &str,
    child: String,
    parent: String,
    cause: MessageId,
    payload: Value,
    now: DateTime<Utc>,
) -> Message {
    Message {
        id,
        kind: MessageKind::Event,
        message_type: message_type.to_owned(),
        source: format!("process/{source}"),
        key: Key { aggregate_type: FAMILY.to_owned(), aggregate_id: child },
        aggregate_version: None,
        payload,
        headers: BTreeMap::new(),
        correlation_id: Some(parent),
        causation_id: Some(cause.to_string()),
        deliver_after: None,
        destination: None,
        created_at: now,
    }
}

/// The id of the command that cancels the child which `start` started: there is only one, so cancelling twice is one.
pub(super) fn cancel_id(start: MessageId) -> MessageId {
    let of_start = Uuid::new_v5(&NAMESPACE, start.0.as_bytes());
    MessageId(Uuid::new_v5(&of_start, b"cancel"))
}

/// What a cancellation says.
pub(super) fn cancel_payload(reason: &str, compensate: bool) -> Value {
    Value::Object(Map::from_iter([
        ("reason".to_owned(), Value::from(reason)),
        ("compensate".to_owned(), Value::from(compensate)),
    ]))
}

/// Processes that call each other in a circle would call for ever: the circle that leads from `name` back to it, if there
/// is one. `calls` says which processes a process calls.
pub fn call_cycle(name: &str, mut calls: impl FnMut(&str) -> Vec<String>) -> Option<Vec<String>> {
    let mut seen = Vec::new();
    let mut open: Vec<Vec<String>> = vec![vec![name.to_owned()]];
    while let Some(path) = open.pop() {
        let Some(last) = path.last() else { continue };
        for next in calls(last) {
            let mut longer = path.clone();
            longer.push(next.clone());
            if next == name {
                return Some(longer);
            }
            if !seen.contains(&next) {
                seen.push(next);
                open.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_have_ids_in_the_order_of_time_that_follow_from_the_command() {
        let command = MessageId(Uuid::from_u128(77));
        let at = |ms| DateTime::from_timestamp_millis(ms).expect("an instant");
        let id = child_id(command, at(1_700_000_000_000));
        assert_eq!(id, child_id(command, at(1_700_000_000_000)));
        assert_ne!(id, child_id(MessageId(Uuid::from_u128(78)), at(1_700_000_000_000)));
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(InstanceId::from_uuid(id.0), id);
        assert!(id < child_id(command, at(1_700_000_000_001)));
    }

    #[test]
    fn circles_of_calls_are_found() {
        let calls = |name: &str| -> Vec<String> {
            let called: &[&str] = match name {
                "a" => &["b", "c"],
                "b" => &["d"],
                "c" => &["d", "e"],
                "e" => &["a"],
                "f" => &["e"],
                _ => &[],
            };
            called.iter().map(|it| (*it).to_owned()).collect()
        };
        assert_eq!(call_cycle("a", calls), Some(["a", "c", "e", "a"].map(str::to_owned).to_vec()));
        assert_eq!(call_cycle("b", calls), None);
        assert_eq!(call_cycle("f", calls), None);
        assert_eq!(call_cycle("x", |_| vec!["x".to_owned()]), Some(vec!["x".to_owned(), "x".to_owned()]));
    }
}
