//! Processes that other processes call: what the engine does about the commands between them.
//!
//! A call is a command like any other: it stands in the outbox of the step that called, and comes here through the bus.
//! What is answered goes back the same way.

use std::sync::Arc;

use baton_domain::{
    message::Message,
    process::{self, CANCEL_PROCESS, ChildStart, Input, Operator, Rejection, START_PROCESS},
};

use super::{
    registry::Snapshot,
    step::Work,
    work::{Done, Item, Outcome, Refusal, Start},
};

/// Whether one of the items calls a process that is not in the snapshot.
pub fn calls_unknown(registry: &Snapshot, items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Message(message) if message.message_type == START_PROCESS && process::is_between_processes(message) => {
            read_start(message).is_ok_and(|start| registry.process(&start.process, start.version).is_none())
        }
        _ => false,
    })
}

fn read_start(message: &Message) -> Result<ChildStart, Rejection> {
    serde_json::from_value(message.payload.clone()).map_err(|error| Rejection {
        code: "invalid-start",
        pointer: String::new(),
        message: format!("This is no call of a process: {error}."),
        findings: Vec::new(),
    })
}

impl Work {
    /// A command from one process to another.
    pub(super) fn between_processes(&mut self, message: &Arc<Message>) -> Outcome {
        match message.message_type.as_str() {
            START_PROCESS => self.start_child(message),
            CANCEL_PROCESS => self.cancel_child(message),
            other => Err(self.refuse(
                message,
                Refusal::Failed {
                    class: "unknown-command",
                    error: format!("`{other}` is nothing that a process can be asked for"),
                },
            )),
        }
    }

    /// Starts a child, or answers why not.
    fn start_child(&mut self, message: &Arc<Message>) -> Outcome {
        let Some(instance) = process::child_of(message) else {
            let error = format!("{:?} is no id of an instance", message.key.aggregate_id);
            return Err(self.refuse(message, Refusal::Failed { class: "invalid-start", error }));
        };
        if self.knows(instance) {
            return Ok(Done::Handled);
        }
        let started = read_start(message).map_err(Refusal::Rejected).and_then(|child| {
            let start = Start {
                instance,
                definition: child.process,
                version: child.version,
                input: child.input,
                business_key: child.business_key,
                idempotency_key: None,
                by: message.source.clone(),
            };
            self.start(&start, Some(child.parent))
        });
        let rejection = match started {
            Ok(_) => return Ok(Done::Handled),
            Err(Refusal::Rejected(rejection)) => rejection,
            Err(Refusal::Unknown { what }) => Rejection {
                code: "unknown-process",
                pointer: "/process".to_owned(),
                message: format!("{what} is not known."),
                findings: Vec::new(),
            },
            Err(refusal) => return Err(self.refuse(message, refusal)),
        };
        let answer = process::refused(message, &rejection, self.now());
        self.send(answer);
        Ok(Done::Handled)
    }

    /// One that has ended, or was never started, needs no cancelling.
    fn cancel_child(&mut self, message: &Arc<Message>) -> Outcome {
        let Some(instance) = process::child_of(message) else { return Ok(Done::Handled) };
        let reason = message.payload["reason"].as_str().unwrap_or("its caller gave it up").to_owned();
        let compensate = message.payload["compensate"].as_bool().unwrap_or(false);
        let operator = Operator { by: message.source.clone(), reason, expected: None };
        match self.advance(instance, &Input::Cancel { operator, compensate }) {
            Ok(_) | Err(Refusal::Unknown { .. } | Refusal::Rejected(_)) => Ok(Done::Handled),
            Err(refusal) => Err(self.refuse(message, refusal)),
        }
    }
}
