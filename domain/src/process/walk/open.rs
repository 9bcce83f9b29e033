//! What a token opens at the node that it comes to, and waits for: a reply, an event, a person.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Walk, next_number, value_waits};
use crate::{
    expression::{Scope, Template},
    fields::{NAME_CHARS_MAX, shorten},
    ids::TaskId,
    message::{Key, Message, MessageKind, PAYLOAD_BYTES_MAX, serialised_bytes},
    process::{
        DueTimer, Event, Forward, Handover, OfferedOutcome, OpenedTask, Place, State, Token, UNDO_MAX, command_id,
        definition::{Approval, Ask, Awaits, Command, Timeout, match_text},
    },
};

/// The header of a repeated command: the id of its first attempt, by which receivers deduplicate.
pub const IDEMPOTENCY_HEADER: &str = "baton-idempotency-key";

const TITLE_CHARS_MAX: usize = 500;

/// What a command says, and to whom.
pub(in crate::process) struct Letter<'a> {
    pub send: &'a str,
    pub to: &'a str,
    pub key: String,
    pub payload: Value,
}

impl Walk<'_> {
    pub(super) fn send(&mut self, token: u32, name: &str, command: &Command) -> Result<(), String> {
        self.check_remembered(name)?;
        let vars = self.vars(token);
        let scope = self.scope(&vars);
        let payload = evaluate(&command.payload, &scope)?;
        let key = match &command.key {
            Some(key) => read_key(&evaluate(key, &scope)?)?,
            None => self.context.instance.to_string(),
        };
        let mut sequence = self.state.sequence;
        let number = next_number(&mut sequence)?;
        let timer = self.timeout(command.awaits.timeout.as_ref(), &mut sequence, &scope)?;
        let waits = value_waits(&command.awaits, &scope)?;
        drop(scope);
        let forward = command.is_needed_again().then(|| {
            let (command_id, to, value) = (command_id(self.context.instance, number), &command.to, waits.first());
            let value = value.map(|wait| wait.value.clone());
            let (key, payload, to) = (key.clone(), payload.clone(), to.clone());
            Box::new(Forward { command: command_id, to, key, payload, value })
        });
        let letter = Letter { send: &command.send, to: &command.to, key, payload };
        let command = Box::new(self.message(number, letter)?);
        self.record(Event::CommandSent { token, node: name.to_owned(), command, timer, waits, forward });
        Ok(())
    }

    /// Whether it can be remembered of one more command, or call, what becomes of it.
    pub(super) fn check_remembered(&self, name: &str) -> Result<(), String> {
        let State { done, unsettled, tokens, .. } = &self.state;
        let kept = done.len() + unsettled.len();
        let is_kept = |node: &str| self.undo_of(node).is_some() || self.holds_up(node).is_some();
        if kept + tokens.len() < UNDO_MAX || !is_kept(name) {
            return Ok(());
        }
        let is_pending =
            |it: &&Token| matches!(it.waiting(), Place::Command(_) | Place::Call { .. }) && is_kept(&it.node);
        if kept + tokens.iter().filter(is_pending).count() < UNDO_MAX {
            return Ok(());
        }
        Err(format!(
            "the instance remembers {UNDO_MAX} steps that can be undone, or that nobody answered; it cannot have more"
        ))
    }

    /// Asks what became of a command, and sets the timer for the next time.
    pub(in crate::process) fn question(
        &self,
        ask: &Ask,
        timeout: &Timeout,
        about: &Forward,
        scope: &Scope<'_>,
    ) -> Result<(Box<Message>, Option<DueTimer>), String> {
        let key = match &ask.key {
            Some(key) => read_key(&evaluate(key, scope)?)?,
            None => about.key.clone(),
        };
        let payload = match &ask.payload {
            Some(payload) => evaluate(payload, scope)?,
            None => about.payload.clone(),
        };
        let mut sequence = self.state.sequence;
        let number = next_number(&mut sequence)?;
        let timer = self.timeout(Some(timeout), &mut sequence, scope)?;
        let to = ask.to.as_deref().unwrap_or(&about.to);
        Ok((Box::new(self.message(number, Letter { send: &ask.send, to, key, payload })?), timer))
    }

    /// The command that child number `number` is.
    pub(in crate::process) fn message(&self, number: u32, letter: Letter<'_>) -> Result<Message, String> {
        if serialised_bytes(&letter.payload) > PAYLOAD_BYTES_MAX {
            return Err(format!("the payload has more than {PAYLOAD_BYTES_MAX} bytes"));
        }
        Ok(Message {
            id: command_id(self.context.instance, number),
            kind: MessageKind::Command,
            message_type: letter.send.to_owned(),
            source: format!("process/{}", self.definition.name),
            key: Key { aggregate_type: letter.to.to_owned(), aggregate_id: letter.key },
            aggregate_version: None,
            payload: letter.payload,
            headers: self.cause.as_ref().map_or_else(BTreeMap::new, Message::trace_headers),
            correlation_id: Some(self.context.instance.to_string()),
            causation_id: self.cause.as_ref().map(|cause| cause.id.to_string()),
            deliver_after: None,
            destination: None,
            created_at: self.context.now,
        })
    }

    pub(super) fn wait(&mut self, token: u32, name: &str, awaits: &Awaits) -> Result<(), String> {
        let vars = self.vars(token);
        let scope = self.scope(&vars);
        let timer = self.timeout(awaits.timeout.as_ref(), &mut self.state.sequence.clone(), &scope)?;
        let waits = value_waits(awaits, &scope)?;
        drop(scope);
        self.record(Event::WaitBegan { token, node: name.to_owned(), timer, waits });
        Ok(())
    }

    pub(super) fn ask(&mut self, token: u32, name: &str, approval: &Approval) -> Result<(), String> {
        let vars = self.vars(token);
        let scope = self.scope(&vars);
        let title = approval.title.evaluate(&scope).map_err(|failure| failure.to_string())?;
        let title = match title {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let person = |template: &Option<Template>, what: &str| match template {
            None => Ok(None),
            Some(template) => match template.evaluate(&scope).map_err(|failure| failure.to_string())? {
                Value::Null => Ok(None),
                Value::String(name) if !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX => Ok(Some(name)),
                other => Err(format!("the {what} must be a name, not {}", shorten(&other.to_string(), 60))),
            },
        };
        let assignee = person(&approval.assignee, "assignee")?;
        let candidate_group = person(&approval.group, "group")?;
        let due_at = match &approval.due {
            Some(due) => Some(due.resolve(self.context.now, &scope).map_err(|failure| failure.to_string())?),
            None => None,
        };
        let mut sequence = self.state.sequence;
        let task = TaskId(self.context.instance.child(next_number(&mut sequence)?));
        let timer = self.timeout(approval.timeout.as_ref(), &mut sequence, &scope)?;
        let mut handovers = Vec::new();
        for escalation in &approval.escalate {
            let due_at = escalation.after.resolve(self.context.now, &scope).map_err(|failure| failure.to_string())?;
            let due = self.due_timer(&mut sequence, due_at)?;
            let assignee = person(&escalation.assignee, "assignee")?;
            let candidate_group = person(&escalation.group, "group")?;
            handovers.push(Handover { due, assignee, candidate_group });
        }
        drop(scope);
        let outcomes = approval
            .outcomes
            .iter()
            .map(|(name, outcome)| OfferedOutcome {
                name: name.clone(),
                form: outcome.form.as_ref().map(|form| form.source().clone()),
                title: outcome.title.clone(),
            })
            .collect();
        let title = shorten(&title, TITLE_CHARS_MAX);
        let task = OpenedTask { task, node: name.to_owned(), title, assignee, candidate_group, due_at, outcomes };
        self.record(Event::TaskOpened { token, node: name.to_owned(), task: Box::new(task), timer, handovers });
        Ok(())
    }
}

impl Command {
    /// Whether what it said has to be remembered: to undo it, or to ask about it.
    fn is_needed_again(&self) -> bool {
        use crate::process::definition::Then;
        let asks = self.awaits.timeout.as_ref().is_some_and(|it| matches!(it.then, Then::Ask(_) | Then::Stuck));
        self.undo.is_some() || self.retry.is_some() || asks
    }
}

pub(in crate::process) fn evaluate(template: &Template, scope: &Scope<'_>) -> Result<Value, String> {
    template.evaluate(scope).map_err(|failure| failure.to_string())
}

pub(in crate::process) fn read_key(value: &Value) -> Result<String, String> {
    match_text(value).ok_or_else(|| "the key must be a text or a number, and not too long".to_owned())
}
