//! A token's way from where it is to where it waits, recorded as events.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{
    Attempt, Closed, Context, Definition, DueTimer, Event, Incident, OfferedOutcome, OpenedTask, State, Status,
    ValueWait, command_id,
    definition::{
        Approval, Assignments, Awaits, Command, DEFAULT, NEXT, NodeKind, Outcome, Timeout, case_name, event_root,
        match_text,
    },
    evolve,
};
use crate::{
    expression::{Failure, Root, Scope, Template},
    fields::{NAME_CHARS_MAX, shorten},
    ids::{CHILD_MAX, TaskId, TimerId},
    message::{Key, Message, MessageKind, PAYLOAD_BYTES_MAX, serialised_bytes},
};

/// The most nodes that one decision enters. Validation refuses loops that never wait; this stops what it cannot see.
pub const ENTRIES_MAX: u32 = 1_000;
/// The most bytes that all variables of an instance have together, in JSON.
pub const VARIABLES_BYTES_MAX: usize = 1 << 20;
const EXCERPT_CHARS_MAX: usize = 1_000;
const TITLE_CHARS_MAX: usize = 500;

/// One decision in the making: the state so far, and the events that led to it.
pub(super) struct Walk<'a> {
    pub definition: &'a Definition,
    pub context: &'a Context,
    pub state: State,
    pub events: Vec<Event>,
    /// The message that set the decision off, for the commands that follow from it.
    pub cause: Option<Message>,
    /// The root `instance` of expressions.
    instance: Value,
    entries: u32,
}

/// What follows from entering or leaving a node.
enum Next {
    Enter(String),
    Rest,
}

impl<'a> Walk<'a> {
    pub fn new(definition: &'a Definition, context: &'a Context, state: State) -> Self {
        let instance = json!({
            "id": state.instance.to_string(),
            "definition": state.definition,
            "business_key": state.business_key,
            "started_by": state.started_by,
            "started_at": state.started_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        });
        Self { definition, context, state, events: Vec::new(), cause: None, instance, entries: 0 }
    }

    pub fn finish(self) -> (State, Vec<Event>) {
        (self.state, self.events)
    }

    /// Lets `event` happen.
    pub fn record(&mut self, event: Event) {
        evolve::apply(&mut self.state, &event);
        self.events.push(event);
    }

    /// Enters `node` and goes on to where the token waits.
    pub fn go(&mut self, token: u32, node: String) {
        let mut node = node;
        while let Next::Enter(next) = self.enter(token, &node) {
            node = next;
        }
    }

    /// Leaves `node` by `port` and goes on to where the token waits.
    pub fn leave_and_go(
        &mut self,
        token: u32,
        node: String,
        port: String,
        message: Option<&Message>,
        form: Option<Value>,
    ) {
        if let Next::Enter(next) = self.leave(token, &node, &port, message, form) {
            self.go(token, next);
        }
    }

    /// A message that the token waits for is consumed.
    pub fn take(&mut self, token: u32, node: String, message: &Message, early: bool, closed: Closed) {
        let (boxed, port) = (Box::new(message.clone()), message.message_type.clone());
        self.record(Event::MessageReceived { token, node: node.clone(), message: boxed, early, closed });
        self.leave_and_go(token, node, port, Some(message), None);
    }

    /// Tries again what failed.
    pub fn retry(&mut self, token: u32, node: String, attempt: Attempt) {
        match attempt {
            Attempt::Enter => self.go(token, node),
            Attempt::Leave { port, message, form } => {
                self.cause = message.as_deref().cloned();
                self.leave_and_go(token, node, port, message.as_deref(), form);
            }
        }
    }

    fn enter(&mut self, token: u32, name: &str) -> Next {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            let reason = format!("{ENTRIES_MAX} nodes were passed without coming to rest");
            return self.stick(token, name, Attempt::Enter, reason);
        }
        // The definition outlives the walk, so nodes can be read while the state changes.
        let definition = self.definition;
        let Some(node) = definition.nodes.get(name) else {
            return self.stick(token, name, Attempt::Enter, format!("there is no node `{name}`"));
        };
        let entered = match &node.kind {
            NodeKind::Start { .. } | NodeKind::Compute { .. } => return self.leave(token, name, NEXT, None, None),
            NodeKind::Decide { cases, .. } => {
                let scope = self.scope();
                let mut chosen = Ok(DEFAULT.to_owned());
                for (index, case) in cases.iter().enumerate() {
                    match case.when.test(&scope) {
                        Ok(false) => {}
                        Ok(true) => {
                            chosen = Ok(case_name(index));
                            break;
                        }
                        Err(failure) => {
                            chosen = Err(failure);
                            break;
                        }
                    }
                }
                drop(scope);
                match chosen {
                    Ok(port) => return self.leave(token, name, &port, None, None),
                    Err(failure) => Err(failure.to_string()),
                }
            }
            NodeKind::Command(command) => self.send(token, name, command),
            NodeKind::Wait { awaits } => {
                let early = self.state.buffer.iter().position(|message| awaits.on.contains_key(&message.message_type));
                if let Some(position) = early {
                    let message = self.state.buffer[position].clone();
                    self.cause = Some(message.clone());
                    let port = message.message_type.clone();
                    self.record(Event::MessageReceived {
                        token,
                        node: name.to_owned(),
                        message: Box::new(message.clone()),
                        early: true,
                        closed: Closed::default(),
                    });
                    return self.leave(token, name, &port, Some(&message), None);
                }
                self.wait(token, name, awaits)
            }
            NodeKind::Approval(approval) => self.ask(token, name, approval),
            NodeKind::Timer { until, .. } => {
                let due_at = until.resolve(self.context.now, &self.scope());
                due_at.map_err(|failure| failure.to_string()).and_then(|due_at| {
                    let timer = self.due_timer(&mut self.state.sequence.clone(), due_at)?;
                    self.record(Event::TimerSet { token, node: name.to_owned(), timer });
                    Ok(())
                })
            }
            NodeKind::End { outcome, set, reason } => self.end(token, name, *outcome, set, reason.as_ref()),
        };
        match entered {
            Ok(()) => Next::Rest,
            Err(reason) => self.stick(token, name, Attempt::Enter, reason),
        }
    }

    fn leave(&mut self, token: u32, name: &str, port: &str, message: Option<&Message>, form: Option<Value>) -> Next {
        let outcome = match self.definition.nodes.get(name).and_then(|node| node.port(port)) {
            Some(taken) => self.assign(&taken.set, message, form.as_ref()).map(|set| (taken.next.clone(), set)),
            None => Err(format!("`{name}` has no port `{port}`")),
        };
        match outcome {
            Ok((to, set)) => {
                self.record(Event::Moved { token, from: name.to_owned(), port: port.to_owned(), to: to.clone(), set });
                Next::Enter(to)
            }
            Err(reason) => {
                let attempt = match self.definition.nodes.get(name).is_some_and(|node| node.pauses()) {
                    true => Attempt::Leave { port: port.to_owned(), message: message.cloned().map(Box::new), form },
                    false => Attempt::Enter,
                };
                self.stick(token, name, attempt, reason)
            }
        }
    }

    /// Evaluates what is set; the variables as they become have to stay within their bound.
    fn assign(
        &self,
        assignments: &Assignments,
        message: Option<&Message>,
        form: Option<&Value>,
    ) -> Result<Map<String, Value>, String> {
        if assignments.is_empty() {
            return Ok(Map::new());
        }
        let event = message.map(event_root);
        let mut scope = self.scope();
        if let Some(event) = &event {
            scope = scope.with("event", Root::Json(event));
        }
        if let Some(form) = form {
            scope = scope.with("form", Root::Json(form));
        }
        let mut set = Map::new();
        for (name, template) in assignments {
            set.insert(name.clone(), template.evaluate(&scope).map_err(|failure| failure.to_string())?);
        }
        let kept = self.state.vars.iter().filter(|(name, _)| !set.contains_key(*name));
        let bytes: usize = kept.chain(&set).map(|(name, value)| name.len() + 4 + serialised_bytes(value)).sum();
        if bytes > VARIABLES_BYTES_MAX {
            return Err(format!("the variables would have {bytes} bytes together, more than {VARIABLES_BYTES_MAX}"));
        }
        Ok(set)
    }

    fn send(&mut self, token: u32, name: &str, command: &Command) -> Result<(), String> {
        let scope = self.scope();
        let evaluate = |template: &Template| template.evaluate(&scope).map_err(|failure| failure.to_string());
        let payload = evaluate(&command.payload)?;
        if serialised_bytes(&payload) > PAYLOAD_BYTES_MAX {
            return Err(format!("the payload has more than {PAYLOAD_BYTES_MAX} bytes"));
        }
        let aggregate_id = match &command.key {
            Some(key) => match_text(&evaluate(key)?).ok_or("the key must be a text or a number, and not too long")?,
            None => self.context.instance.to_string(),
        };
        let mut sequence = self.state.sequence;
        let number = next_number(&mut sequence)?;
        let timer = self.timeout(command.awaits.timeout.as_ref(), &mut sequence, &scope)?;
        let waits = value_waits(&command.awaits, &scope)?;
        drop(scope);
        let message = Message {
            id: command_id(self.context.instance, number),
            kind: MessageKind::Command,
            message_type: command.send.clone(),
            source: format!("process/{}", self.definition.name),
            key: Key { aggregate_type: command.to.clone(), aggregate_id },
            aggregate_version: None,
            payload,
            headers: self.cause.as_ref().map_or_else(BTreeMap::new, Message::trace_headers),
            correlation_id: Some(self.context.instance.to_string()),
            causation_id: self.cause.as_ref().map(|cause| cause.id.to_string()),
            deliver_after: None,
            destination: None,
            created_at: self.context.now,
        };
        self.record(Event::CommandSent { token, node: name.to_owned(), command: Box::new(message), timer, waits });
        Ok(())
    }

    fn wait(&mut self, token: u32, name: &str, awaits: &Awaits) -> Result<(), String> {
        let scope = self.scope();
        let timer = self.timeout(awaits.timeout.as_ref(), &mut self.state.sequence.clone(), &scope)?;
        let waits = value_waits(awaits, &scope)?;
        drop(scope);
        self.record(Event::WaitBegan { token, node: name.to_owned(), timer, waits });
        Ok(())
    }

    fn ask(&mut self, token: u32, name: &str, approval: &Approval) -> Result<(), String> {
        let scope = self.scope();
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
        self.record(Event::TaskOpened { token, node: name.to_owned(), task: Box::new(task), timer });
        Ok(())
    }

    fn end(
        &mut self,
        token: u32,
        name: &str,
        outcome: Outcome,
        set: &Assignments,
        reason: Option<&Template>,
    ) -> Result<(), String> {
        let set = self.assign(set, None, None)?;
        let reason = match reason {
            Some(reason) => match reason.evaluate(&self.scope()).map_err(|failure| failure.to_string())? {
                Value::Null => None,
                Value::String(text) => Some(shorten(&text, EXCERPT_CHARS_MAX)),
                other => Some(shorten(&other.to_string(), EXCERPT_CHARS_MAX)),
            },
            None => None,
        };
        let status = match outcome {
            Outcome::Completed => Status::Completed,
            Outcome::Failed => Status::Failed,
        };
        self.record(Event::Ended { token, node: name.to_owned(), status, set, reason, at: self.context.now });
        Ok(())
    }

    fn timeout(
        &self,
        timeout: Option<&Timeout>,
        sequence: &mut u32,
        scope: &Scope<'_>,
    ) -> Result<Option<DueTimer>, String> {
        let Some(timeout) = timeout else { return Ok(None) };
        let due_at = timeout.after.resolve(self.context.now, scope).map_err(|failure| failure.to_string())?;
        self.due_timer(sequence, due_at).map(Some)
    }

    fn due_timer(&self, sequence: &mut u32, due_at: DateTime<Utc>) -> Result<DueTimer, String> {
        Ok(DueTimer { timer: TimerId(self.context.instance.child(next_number(sequence)?)), due_at })
    }

    fn scope(&self) -> Scope<'_> {
        Scope::new()
            .with("input", Root::Json(&self.state.input))
            .with("vars", Root::Object(&self.state.vars))
            .with("instance", Root::Json(&self.instance))
            .with("now", Root::Instant(self.context.now))
    }

    /// The token cannot go on: it waits for an operator.
    fn stick(&mut self, token: u32, name: &str, attempt: Attempt, reason: String) -> Next {
        let excerpt = serde_json::to_string(&self.state.vars).unwrap_or_default();
        let excerpt = shorten(&excerpt, EXCERPT_CHARS_MAX);
        let incident = Incident { node: name.to_owned(), reason, attempt, excerpt, at: self.context.now };
        self.record(Event::IncidentRaised { token, node: name.to_owned(), incident: Box::new(incident) });
        Next::Rest
    }
}

fn value_waits(awaits: &Awaits, scope: &Scope<'_>) -> Result<Vec<ValueWait>, String> {
    let Some(matching) = &awaits.matching else { return Ok(Vec::new()) };
    let value = matching.with.evaluate(scope).map_err(|failure: Failure| failure.to_string())?;
    let value = match_text(&value).ok_or("the value to match must be a text, a number or a boolean")?;
    Ok(awaits.on.keys().map(|event_type| ValueWait { event_type: event_type.clone(), value: value.clone() }).collect())
}

/// The next child's number. An instance has a million of them; one that used them up is stuck, not wrong.
fn next_number(sequence: &mut u32) -> Result<u32, String> {
    if *sequence >= CHILD_MAX {
        return Err(format!("the instance has issued {CHILD_MAX} commands, timers and tasks; it cannot have more"));
    }
    *sequence += 1;
    Ok(*sequence)
}
