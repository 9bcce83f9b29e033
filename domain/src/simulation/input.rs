//! Moves as inputs of the engine. The tests hand the same ones to a real engine.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Move, trial::Refused};
use crate::{
    ids::{MessageId, TaskId},
    message::{Key, Message, MessageKind},
    process::{self, Input, Place, Rejection, State, Token},
};

/// Who does what is done by hand.
const BY: &str = "simulation";

/// The tokens at a node; while a step is undone, the one that undoes it.
pub(super) fn tokens_at<'a>(state: &'a State, node: &'a str) -> impl Iterator<Item = &'a Token> {
    let undone = state.done.last().filter(|_| state.compensation.is_some()).map(|it| it.node.as_str());
    state.tokens.iter().filter(move |token| match token.waiting() {
        Place::Compensating { undo: Some(_) } => undone == Some(node) || token.node == node,
        _ => token.node == node,
    })
}

/// The number of the item that a token is about, counted from 0, in the innermost loop around it.
pub(super) fn item_of(state: &State, token: &Token) -> Option<u32> {
    std::iter::successors(Some(token), |it| state.token(it.parent?)).find_map(|it| it.index)
}

/// What the engine is given when this happens to an instance in this state. Time that passes is nobody's input.
///
/// # Errors
///
/// Nothing waits for it.
pub fn input(
    definition: &process::Definition,
    state: Option<&State>,
    made: &Move,
    id: MessageId,
    now: DateTime<Utc>,
) -> Result<Input, Refused> {
    match made {
        Move::Start { input, business_key } => {
            let input = if input.is_null() { json!({}) } else { input.clone() };
            Ok(Input::Start { input, business_key: business_key.clone(), by: BY.to_owned(), parent: None })
        }
        Move::Event { event, payload } => {
            let mut message = event_message(id, event, payload, now);
            match state {
                Some(state) if definition.awaits(event) => {
                    message.correlation_id = Some(state.instance.to_string());
                }
                Some(_) => return Err(refused("/event", format!("Nothing here waits for {event}."))),
                None => {}
            }
            Ok(Input::Message { message: Box::new(message) })
        }
        Move::Answer { node, item, event, payload } => {
            let state = state.ok_or_else(|| refused("", "It has not been started.".to_owned()))?;
            let message = answer(definition, state, node, *item, event, payload, (id, now))?;
            Ok(Input::Message { message: Box::new(message) })
        }
        Move::Choose { node, item, outcome, data } => {
            let state = state.ok_or_else(|| refused("", "It has not been started.".to_owned()))?;
            let mut tasks = tokens_at(state, node).filter(|token| is_item(state, token, *item)).filter_map(Token::task);
            let task: TaskId = tasks.next().ok_or_else(|| refused("/at", nothing_at(state, node, "task is open")))?;
            Ok(Input::CompleteTask { task, outcome: outcome.clone(), data: data.clone(), by: BY.to_owned() })
        }
        Move::Timer { .. } | Move::Wait { .. } => Err(refused("", "Time passes by itself.".to_owned())),
    }
}

fn is_item(state: &State, token: &Token, item: Option<u32>) -> bool {
    item.is_none() || item_of(state, token) == item
}

fn nothing_at(state: &State, node: &str, what: &str) -> String {
    let at: Vec<&str> = state.tokens.iter().map(|token| token.node.as_str()).collect();
    match (&state.ended, at.is_empty()) {
        (Some(ending), _) => format!("No {what} at `{node}`: it has ended as {}.", ending.status.as_str()),
        (None, _) => format!("No {what} at `{node}`: it stands at {}.", at.join(", ")),
    }
}

fn answer(
    definition: &process::Definition,
    state: &State,
    node: &str,
    item: Option<u32>,
    event: &str,
    payload: &Value,
    (id, now): (MessageId, DateTime<Utc>),
) -> Result<Message, Refused> {
    let message = event_message(id, event, payload, now);
    let caused_by = |command: MessageId| Message { causation_id: Some(command.to_string()), ..message.clone() };
    for token in tokens_at(state, node).filter(|token| is_item(state, token, item)) {
        match token.waiting() {
            Place::Command(issued) | Place::Compensating { undo: Some(issued) } => {
                let replies = replies(definition, state, token);
                if !replies.iter().any(|known| known == event) {
                    let message = format!("`{node}` is not answered with {event}, but with {}.", replies.join(", "));
                    return Err(refused("/with", message));
                }
                return Ok(caused_by(issued.command));
            }
            Place::Call { command, child, .. } => {
                let (event, payload) = ended(event, payload);
                let key = Key { aggregate_type: process::FAMILY.to_owned(), aggregate_id: child.to_string() };
                return Ok(Message { message_type: event.to_owned(), payload, key, ..caused_by(*command) });
            }
            Place::Wait { .. } => {
                if !definition.nodes.get(node).is_some_and(|it| it.awaited().any(|known| known == event)) {
                    return Err(refused("/with", format!("`{node}` does not wait for {event}.")));
                }
                return Ok(Message { correlation_id: Some(state.instance.to_string()), ..message });
            }
            _ => {}
        }
    }
    let Some(unsettled) = state.unsettled.iter().find(|it| it.node == node) else {
        return Err(refused("/answer", nothing_at(state, node, "command is under way")));
    };
    let message = caused_by(unsettled.issued.command);
    if definition.is_call(node) {
        let (event, payload) = ended(event, payload);
        return Ok(Message { message_type: event.to_owned(), payload, ..message });
    }
    Ok(message)
}

/// The types of the events that answer what a token waits for.
pub(super) fn replies(definition: &process::Definition, state: &State, token: &Token) -> Vec<String> {
    let node = definition.nodes.get(&token.node);
    match token.waiting() {
        Place::Compensating { undo: Some(_) } => {
            let undoable = state.done.last();
            undoable.map_or_else(Vec::new, |it| it.done.iter().chain(&it.failed).cloned().collect())
        }
        Place::Call { .. } => ends_of_child(),
        _ => node.and_then(|node| node.awaits()).map_or_else(Vec::new, |awaits| awaits.on.keys().cloned().collect()),
    }
}

/// How a called process may end.
fn ends_of_child() -> Vec<String> {
    ["completed", "failed", "cancelled", "compensated", "refused"].map(str::to_owned).to_vec()
}

/// The answers that say what became of what was left without one.
pub(super) fn late_replies(definition: &process::Definition, node: &str) -> Vec<String> {
    if definition.is_call(node) {
        return ends_of_child();
    }
    let awaits = definition.nodes.get(node).and_then(|node| node.awaits());
    awaits.map_or_else(Vec::new, |awaits| awaits.on.keys().cloned().collect())
}

/// What a called process says at its end.
fn ended<'a>(how: &'a str, output: &Value) -> (&'a str, Value) {
    if how == "refused" {
        let payload = json!({"code": "refused", "pointer": "", "message": "refused by hand"});
        return (process::PROCESS_REFUSED, payload);
    }
    let output = if output.is_null() { json!({}) } else { output.clone() };
    (process::PROCESS_ENDED, json!({"process": "", "status": how, "reason": null, "output": output}))
}

pub(super) fn event_message(id: MessageId, event: &str, payload: &Value, now: DateTime<Utc>) -> Message {
    Message {
        id,
        kind: MessageKind::Event,
        message_type: event.to_owned(),
        source: BY.to_owned(),
        key: Key { aggregate_type: BY.to_owned(), aggregate_id: "1".to_owned() },
        aggregate_version: None,
        payload: if payload.is_null() { json!({}) } else { payload.clone() },
        headers: BTreeMap::new(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: now,
    }
}

pub(super) fn refused(pointer: &str, message: String) -> Refused {
    Refused { pointer: pointer.to_owned(), message }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        // Where the engine points to, as moves have it.
        let moved = [("/input", "/start"), ("/outcome", "/choose")];
        let known = moved.into_iter().find_map(|(from, to)| Some((rejection.pointer.strip_prefix(from)?, to)));
        let pointer = known.map_or(rejection.pointer.clone(), |(rest, to)| format!("{to}{rest}"));
        Self { pointer, message: rejection.message }
    }
}
