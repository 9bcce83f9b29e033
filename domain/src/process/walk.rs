//! A token's way from where it is to where it waits, recorded as events.

use std::{borrow::Cow, collections::VecDeque};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{
    Attempt, Closed, Context, Definition, DueTimer, Event, Forward, Incident, IncidentKind, Place, State, Status,
    Token, ValueWait,
    definition::{Assignments, Awaits, NodeKind, Outcome, Timeout, event_root, match_text},
    evolve, family,
    ports::{DEFAULT, NEXT, case_name},
};
use crate::{
    expression::{Failure, Root, Scope, Template},
    fields::shorten,
    ids::{CHILD_MAX, TimerId},
    message::{Message, serialised_bytes},
};

mod branch;
mod call;
mod open;

pub use branch::ITEMS_MAX;
pub(super) use call::{is_end_of_child, waits_for_child, was_completed};
pub use open::IDEMPOTENCY_HEADER;
pub(super) use open::{Letter, evaluate, read_key};

/// The most nodes that one decision enters. Validation refuses loops that never wait; this stops what it cannot see.
pub const ENTRIES_MAX: u32 = 1_000;
/// The most bytes that all variables of an instance have together, in JSON.
pub const VARIABLES_BYTES_MAX: usize = 1 << 20;
/// The most steps that can be undone which an instance remembers.
pub const UNDO_MAX: usize = 10_000;
const EXCERPT_CHARS_MAX: usize = 1_000;

/// One decision in the making: the state so far, and the events that led to it.
pub(super) struct Walk<'a> {
    pub definition: &'a Definition,
    pub context: &'a Context,
    pub state: State,
    pub events: Vec<Event>,
    /// The message that set the decision off, for the commands that follow from it.
    pub cause: Option<Message>,
    /// Whether that message came before anybody waited for it.
    pub is_early: bool,
    /// The root `instance` of expressions.
    instance: Value,
    entries: u32,
    had_ended: bool,
    /// Tokens that stand before a node which they are about to enter.
    ready: VecDeque<(u32, String)>,
}

/// What follows from entering or leaving a node.
enum Next {
    Enter(String),
    Rest,
}

/// By which port a node is left, and what there is to read on the way.
#[derive(Default)]
pub(super) struct Exit {
    pub port: String,
    pub message: Option<Box<Message>>,
    pub form: Option<Value>,
    /// The command that `message` answers, where it may have to be undone.
    pub forward: Option<Box<Forward>>,
}

impl Exit {
    pub fn by(port: &str) -> Self {
        Self { port: port.to_owned(), ..Self::default() }
    }
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
        let had_ended = state.ended.is_some();
        let (events, ready) = (Vec::new(), VecDeque::new());
        let (cause, is_early) = (None, false);
        Self { definition, context, state, events, cause, is_early, instance, entries: 0, had_ended, ready }
    }

    pub fn finish(mut self) -> (State, Vec<Event>) {
        if !self.had_ended
            && let Some(message) = family::ended(self.definition, &self.state, self.context.now)
        {
            self.record(Event::ParentTold { message: Box::new(message) });
        }
        (self.state, self.events)
    }

    /// Lets `event` happen.
    pub fn record(&mut self, event: Event) {
        evolve::apply(&mut self.state, &event);
        self.events.push(event);
    }

    /// Enters `node` and goes on to where the token, and those that it becomes, wait.
    pub fn go(&mut self, token: u32, node: String) {
        self.ready.push_back((token, node));
        self.run();
    }

    /// Has every token that is ready go on.
    fn run(&mut self) {
        while let Some((token, mut node)) = self.ready.pop_front() {
            // What another one did meanwhile may have taken it away.
            if !self.state.token(token).is_some_and(|it| matches!(it.place, Place::Passing)) {
                continue;
            }
            while let Next::Enter(next) = self.enter(token, &node) {
                node = next;
            }
        }
    }

    /// Leaves `node` and goes on to where the token waits.
    pub fn leave_and_go(&mut self, token: u32, node: &str, exit: Exit) {
        if let Next::Enter(next) = self.leave(token, node, exit) {
            self.go(token, next);
        }
    }

    /// A message that the token waits for is consumed.
    pub fn take(&mut self, token: &Token, message: &Message) {
        let forward = token.issued().and_then(|issued| issued.forward.clone());
        let (boxed, closed) = (Box::new(message.clone()), token.open());
        let (id, node) = (token.id, token.node.clone());
        self.record(Event::MessageReceived { token: id, node, message: boxed.clone(), early: self.is_early, closed });
        let port = message.message_type.clone();
        self.leave_and_go(id, &token.node, Exit { port, message: Some(boxed), form: None, forward });
    }

    /// Tries again what failed, unless it waits for something.
    pub fn retry(&mut self, token: u32, node: &str, attempt: Attempt) {
        match attempt {
            Attempt::Enter => self.go(token, node.to_owned()),
            Attempt::Leave { port, message, form, forward } => {
                self.cause = message.as_deref().cloned();
                self.leave_and_go(token, node, Exit { port, message, form, forward });
            }
            Attempt::Wait { .. } => {}
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
            NodeKind::Start { .. } | NodeKind::Compute { .. } => return self.leave(token, name, Exit::by(NEXT)),
            NodeKind::Decide { cases, .. } => {
                let vars = self.vars(token);
                let scope = self.scope(&vars);
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
                    Ok(port) => return self.leave(token, name, Exit::by(&port)),
                    Err(failure) => Err(failure.to_string()),
                }
            }
            NodeKind::Command(command) => self.send(token, name, command),
            NodeKind::Wait { awaits } => {
                let early = self.state.buffer.iter().position(|message| awaits.on.contains_key(&message.message_type));
                if let Some(position) = early {
                    let message = Box::new(self.state.buffer[position].clone());
                    self.cause = Some(message.as_ref().clone());
                    let expiry = self.state.expiries.iter().find(|it| it.message == message.id).map(|it| it.timer);
                    self.record(Event::MessageReceived {
                        token,
                        node: name.to_owned(),
                        message: message.clone(),
                        early: true,
                        closed: Closed { timers: expiry.into_iter().collect(), ..Closed::default() },
                    });
                    let port = message.message_type.clone();
                    return self.leave(token, name, Exit { port, message: Some(message), ..Exit::default() });
                }
                self.wait(token, name, awaits)
            }
            NodeKind::Approval(approval) => self.ask(token, name, approval),
            NodeKind::Timer { until, .. } => {
                let due_at = until.resolve(self.context.now, &self.scope(&self.vars(token)));
                due_at.map_err(|failure| failure.to_string()).and_then(|due_at| {
                    let timer = self.due_timer(&mut self.state.sequence.clone(), due_at)?;
                    self.record(Event::TimerSet { token, node: name.to_owned(), timer });
                    Ok(())
                })
            }
            NodeKind::Call(call) => self.call(token, name, call),
            NodeKind::Fork(fork) => self.fork(token, name, fork),
            NodeKind::Join { .. } => return self.join(token, name),
            NodeKind::ForEach(each) => self.each(token, name, each),
            NodeKind::Compensate { .. } => {
                self.compensate(token, super::Cause::Node);
                return Next::Rest;
            }
            NodeKind::End { outcome, set, reason } => self.end(token, name, *outcome, set, reason.as_ref()),
        };
        match entered {
            Ok(()) => Next::Rest,
            Err(reason) => self.stick(token, name, Attempt::Enter, reason),
        }
    }

    fn leave(&mut self, token: u32, name: &str, exit: Exit) -> Next {
        let (message, form) = (exit.message.as_deref(), exit.form.as_ref());
        let outcome = match self.definition.nodes.get(name).and_then(|node| node.port(&exit.port)) {
            Some(taken) => self
                .assign(token, &taken.set, message, form)
                .and_then(|set| Ok((taken.next.clone(), self.undoable(token, name, &exit, &set)?, set))),
            None => Err(format!("`{name}` has no port `{}`", exit.port)),
        };
        match outcome {
            Ok((to, undo, set)) => {
                if let Some(undo) = undo {
                    self.record(Event::StepSucceeded { token, node: name.to_owned(), undo: Box::new(undo) });
                }
                self.record(Event::Moved { token, from: name.to_owned(), port: exit.port, to: to.clone(), set });
                Next::Enter(to)
            }
            Err(reason) => {
                let attempt = match self.definition.nodes.get(name).is_some_and(|node| node.pauses()) {
                    true => {
                        let Exit { port, message, form, forward } = exit;
                        Attempt::Leave { port, message, form, forward }
                    }
                    false => Attempt::Enter,
                };
                self.stick(token, name, attempt, reason)
            }
        }
    }

    /// Evaluates what is set; the variables as they become have to stay within their bound.
    pub fn assign(
        &self,
        token: u32,
        assignments: &Assignments,
        message: Option<&Message>,
        form: Option<&Value>,
    ) -> Result<Map<String, Value>, String> {
        if assignments.is_empty() {
            return Ok(Map::new());
        }
        let event = message.map(event_root);
        let vars = self.vars(token);
        let mut scope = self.scope(&vars);
        if let Some(event) = &event {
            scope = scope.with("event", Root::Json(event));
        }
        if let Some(form) = form {
            scope = scope.with("form", Root::Json(form));
        }
        let mut set = Map::new();
        for (name, template) in assignments {
            set.insert(name.clone(), evaluate(template, &scope)?);
        }
        self.check_size(&set)?;
        Ok(set)
    }

    /// Whether all variables, those inside loops too, stay within their bound when these are set.
    pub fn check_size(&self, set: &Map<String, Value>) -> Result<(), String> {
        let frames = self.state.tokens.iter().filter_map(|token| token.frame.as_ref()).flatten();
        let kept = self.state.vars.iter().filter(|(name, _)| !set.contains_key(*name));
        let bytes: usize =
            kept.chain(frames).chain(set).map(|(name, value)| name.len() + 4 + serialised_bytes(value)).sum();
        if bytes > VARIABLES_BYTES_MAX {
            return Err(format!("the variables would have {bytes} bytes together, more than {VARIABLES_BYTES_MAX}"));
        }
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
        let set = self.assign(token, set, None, None)?;
        let reason = match reason {
            Some(reason) => match evaluate(reason, &self.scope(&self.vars(token)))? {
                Value::Null => None,
                Value::String(text) => Some(shorten(&text, EXCERPT_CHARS_MAX)),
                other => Some(shorten(&other.to_string(), EXCERPT_CHARS_MAX)),
            },
            None => None,
        };
        let status = match outcome {
            Outcome::Completed => Status::Completed,
            Outcome::Failed => Status::Failed,
            Outcome::Compensated => Status::Compensated,
        };
        self.give_up_children("its caller has ended", true);
        let (at, closed) = (self.context.now, self.state.open());
        self.record(Event::Ended { token, node: name.to_owned(), status, set, reason, at, closed });
        Ok(())
    }

    pub fn timeout(
        &self,
        timeout: Option<&Timeout>,
        sequence: &mut u32,
        scope: &Scope<'_>,
    ) -> Result<Option<DueTimer>, String> {
        let Some(timeout) = timeout else { return Ok(None) };
        let due_at = timeout.after.resolve(self.context.now, scope).map_err(|failure| failure.to_string())?;
        self.due_timer(sequence, due_at).map(Some)
    }

    pub fn due_timer(&self, sequence: &mut u32, due_at: DateTime<Utc>) -> Result<DueTimer, String> {
        Ok(DueTimer { timer: TimerId(self.context.instance.child(next_number(sequence)?)), due_at })
    }

    /// The variables as the token sees them.
    pub fn vars(&self, token: u32) -> Cow<'_, Map<String, Value>> {
        match self.state.frames(token) {
            None => Cow::Borrowed(&self.state.vars),
            Some(frames) => Cow::Owned(self.over(frames)),
        }
    }

    /// The variables of the instance under others.
    pub fn over(&self, frame: Map<String, Value>) -> Map<String, Value> {
        let mut vars = self.state.vars.clone();
        vars.extend(frame);
        vars
    }

    pub fn scope<'s>(&'s self, vars: &'s Map<String, Value>) -> Scope<'s> {
        Scope::new()
            .with("input", Root::Json(&self.state.input))
            .with("vars", Root::Object(vars))
            .with("instance", Root::Json(&self.instance))
            .with("now", Root::Instant(self.context.now))
    }

    /// The token cannot go on: it waits for an operator.
    fn stick(&mut self, token: u32, name: &str, attempt: Attempt, reason: String) -> Next {
        self.raise(token, name, IncidentKind::Step, attempt, reason);
        Next::Rest
    }

    pub fn raise(&mut self, token: u32, node: &str, kind: IncidentKind, attempt: Attempt, reason: String) {
        let excerpt = serde_json::to_string(self.vars(token).as_ref()).unwrap_or_default();
        let (excerpt, at) = (shorten(&excerpt, EXCERPT_CHARS_MAX), self.context.now);
        let incident = Box::new(Incident { kind, node: node.to_owned(), reason, attempt, excerpt, at });
        self.record(Event::IncidentRaised { token, node: node.to_owned(), incident });
    }
}

pub(super) fn value_waits(awaits: &Awaits, scope: &Scope<'_>) -> Result<Vec<ValueWait>, String> {
    let Some(matching) = &awaits.matching else { return Ok(Vec::new()) };
    let value = matching.with.evaluate(scope).map_err(|failure: Failure| failure.to_string())?;
    let value = match_text(&value).ok_or("the value to match must be a text, a number or a boolean")?;
    Ok(awaits.on.keys().map(|event_type| ValueWait { event_type: event_type.clone(), value: value.clone() }).collect())
}

/// The next child's number. An instance has a million of them; one that used them up is stuck, not wrong.
pub(super) fn next_number(sequence: &mut u32) -> Result<u32, String> {
    if *sequence >= CHILD_MAX {
        return Err(format!("the instance has issued {CHILD_MAX} commands, timers and tasks; it cannot have more"));
    }
    *sequence += 1;
    Ok(*sequence)
}
