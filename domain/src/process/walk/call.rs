//! Calling other processes, and giving up those that were called.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Exit, Letter, UNDO_MAX, Walk, evaluate, next_number};
use crate::{
    ids::MessageId,
    message::{ID_CHARS_MAX, Key, Message, MessageKind},
    process::{
        Attempt, Event, Forward, IncidentKind, Issued, Place, Token,
        definition::{Call, NodeKind, match_text},
        family::{
            CANCEL_PROCESS, ChildStart, FAMILY, PROCESS_ENDED, PROCESS_REFUSED, Parent, START_PROCESS, cancel_id,
            cancel_payload, child_id,
        },
        ports::{COMPLETED, FAILED, REFUSED},
    },
};

impl Walk<'_> {
    pub(super) fn call(&mut self, token: u32, name: &str, call: &Call) -> Result<(), String> {
        self.check_remembered(name)?;
        let vars = self.vars(token);
        let scope = self.scope(&vars);
        let input = evaluate(&call.input, &scope)?;
        let business_key = match &call.business_key {
            Some(key) => match_text(&evaluate(key, &scope)?).map(Some).ok_or_else(|| {
                format!("the business key must be a text or a number of at most {ID_CHARS_MAX} characters")
            })?,
            None => self.state.business_key.clone(),
        };
        let mut sequence = self.state.sequence;
        let number = next_number(&mut sequence)?;
        let timer = self.timeout(call.timeout.as_ref(), &mut sequence, &scope)?;
        drop(scope);
        let command = crate::process::command_id(self.context.instance, number);
        let depth = self.state.parent.as_ref().map_or(0, |parent| parent.depth) + 1;
        let parent = Parent { instance: self.context.instance, command, depth };
        let start = ChildStart { process: call.process.clone(), version: call.version, input, business_key, parent };
        let payload = serde_json::to_value(start).map_err(|error| error.to_string())?;
        let child = child_id(command, self.context.now);
        let letter = Letter { send: START_PROCESS, to: FAMILY, key: child.to_string(), payload };
        let command = Box::new(self.message(number, letter)?);
        self.record(Event::Called { token, node: name.to_owned(), child, command, timer });
        Ok(())
    }

    /// A child has ended, or was never started.
    pub(in crate::process) fn called_back(&mut self, token: &Token, message: &Message) {
        let Some(NodeKind::Call(call)) = self.definition.nodes.get(&token.node).map(|node| &node.kind) else {
            return self.take(token, message);
        };
        let text = |field: &str| message.payload[field].as_str().unwrap_or_default().to_owned();
        let has = |port: &str| call.on.contains_key(port);
        let (port, otherwise) = if message.message_type == PROCESS_ENDED {
            let status = text("status");
            let port = match status.as_str() {
                status if has(status) => Some(status.to_owned()),
                // However it ended, it was not completed.
                status if status != COMPLETED && has(FAILED) => Some(FAILED.to_owned()),
                _ => None,
            };
            let reason = text("reason");
            let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            (port, format!("`{}` ended as {status}{because}, for which there is no way on", call.process))
        } else {
            let port = has(REFUSED).then(|| REFUSED.to_owned());
            (port, format!("`{}` could not be started: {}", call.process, text("message")))
        };
        let (id, node, closed) = (token.id, token.node.clone(), token.open());
        let boxed = Box::new(message.clone());
        self.record(Event::MessageReceived { token: id, node, message: boxed.clone(), early: false, closed });
        match port {
            Some(port) => {
                let forward = said(token);
                self.leave_and_go(id, &token.node, Exit { port, message: Some(boxed), forward, ..Exit::default() });
            }
            None => self.raise(id, &token.node, IncidentKind::Step, Attempt::Enter, otherwise),
        }
    }

    /// The child that a token waits for is cancelled, and its caller goes on. Should anything have to be undone, it has to
    /// be known first that the child has ended: till then it may do more, and what it did counts on what was before it.
    pub(in crate::process) fn leave_child(&mut self, token: &Token, reason: &str) {
        let Place::Call { command, .. } = token.place else { return };
        self.give_up_child(token, reason, true);
        if self.may_undo() && self.state.done.len() + self.state.unsettled.len() < UNDO_MAX {
            self.keep_unsettled(token, Issued { forward: said(token), ..Issued::new(command) }, None);
        }
    }

    /// The child that a token waits for is not waited for any more: it is cancelled.
    fn give_up_child(&mut self, token: &Token, reason: &str, compensate: bool) {
        let Place::Call { command, child, .. } = &token.place else { return };
        let message = Message {
            id: cancel_id(*command),
            kind: MessageKind::Command,
            message_type: CANCEL_PROCESS.to_owned(),
            source: format!("process/{}", self.definition.name),
            key: Key { aggregate_type: FAMILY.to_owned(), aggregate_id: child.to_string() },
            aggregate_version: None,
            payload: cancel_payload(reason, compensate),
            headers: BTreeMap::new(),
            correlation_id: Some(self.context.instance.to_string()),
            causation_id: Some(command.to_string()),
            deliver_after: None,
            destination: None,
            created_at: self.context.now,
        };
        let (token, node, child) = (token.id, token.node.clone(), *child);
        self.record(Event::ChildGivenUp { token, node, child, command: Box::new(message) });
    }

    /// The instance ends: so do its children.
    pub(in crate::process) fn give_up_children(&mut self, reason: &str, compensate: bool) {
        for token in self.state.tokens.clone() {
            self.give_up_child(&token, reason, compensate);
        }
    }
}

/// What a call said, for whoever undoes it, in this version of its definition or another: which instance was called.
fn said(token: &Token) -> Option<Box<Forward>> {
    let Place::Call { command, child, .. } = token.place else { return None };
    let (to, key) = (FAMILY.to_owned(), child.to_string());
    Some(Box::new(Forward { command, to, payload: json!({"instance": key}), key, value: None }))
}

/// Whether a message of this type says that a child has ended, or was never started.
pub(in crate::process) fn is_end_of_child(message_type: &str) -> bool {
    [PROCESS_ENDED, PROCESS_REFUSED].contains(&message_type)
}

/// Whether a child was completed, says this message about its end.
pub(in crate::process) fn was_completed(message: &Message) -> bool {
    message.message_type == PROCESS_ENDED && message.payload["status"] == COMPLETED
}

/// Whether this id is that of a command to start a child, for which the token waits.
pub(in crate::process) fn waits_for_child(token: &Token, cause: MessageId) -> bool {
    matches!(&token.place, Place::Call { command, .. } if *command == cause)
}
