//! Undoing what was done: in reverse order of success, one step after the other, each once.
//!
//! What will undo a step is made ready when the step succeeds ([`Undoable`]) and remembered in the state. A command that
//! was left without an answer, by a time-out or because everything else is given up, is neither done nor not done: it is
//! remembered as [`Unsettled`]. Undoing first waits until every such command is settled, so that no undo overtakes a
//! command: neither the one that it takes back nor a later one, which counts on what is taken back. Only what is said to
//! stay (`undo: none`) is not waited for. A child that is given up is such a command, too: it has to say first that it has
//! ended, with what it did itself undone.

use chrono::TimeDelta;
use serde_json::{Map, Value};

use super::{
    Attempt, Cause, Event, Forward, IncidentKind, Issued, Place, Rest, State, Token, Undoable, Unsettled, ValueWait,
    decide::is_awaited_later,
    definition::{Command, NodeKind, Undo, event_root},
    ports::NEXT,
    walk::{Exit, IDEMPOTENCY_HEADER, Letter, Walk, evaluate, next_number, read_key},
};
use crate::{
    expression::Root,
    ids::MessageId,
    message::{Message, PAYLOAD_BYTES_MAX, serialised_bytes},
};

/// How long undoing waits for the answer of an unsettled command whose step says nothing about time. Then a person is
/// told; the answer still counts when it comes.
const SETTLEMENT_PATIENCE: TimeDelta = TimeDelta::hours(1);

impl<'a> Walk<'a> {
    /// What undoes what a node does, if anything does.
    pub fn undo_of(&self, node: &str) -> Option<&'a Undo> {
        self.definition.nodes.get(node)?.undo()
    }

    fn is_refusal(&self, node: &str, port: &str) -> bool {
        self.definition.nodes.get(node).is_none_or(|node| node.is_refusal(port))
    }

    /// A node's command, if it has to be known whether that was done before anything is undone. Where nothing has an undo,
    /// nothing has to be.
    pub(super) fn holds_up(&self, node: &str) -> Option<&'a Command> {
        let command = self.definition.nodes.get(node)?.command()?;
        (command.undo.is_some() || (!command.stays && self.may_undo())).then_some(command)
    }

    /// Whether anything is, or could be, to be undone.
    pub(super) fn may_undo(&self) -> bool {
        !self.state.done.is_empty() || self.definition.nodes.values().any(|node| node.undo().is_some())
    }

    /// What will undo the step that is left so; `None` when it did nothing that can be undone.
    pub(super) fn undoable(
        &self,
        token: u32,
        node: &str,
        exit: &Exit,
        set: &Map<String, Value>,
    ) -> Result<Option<Undoable>, String> {
        let (Some(message), Some(forward), Some(undo)) = (&exit.message, &exit.forward, self.undo_of(node)) else {
            return Ok(None);
        };
        if self.is_refusal(node, &exit.port) {
            return Ok(None);
        }
        let mut vars = self.vars(token);
        if !set.is_empty() {
            vars.to_mut().extend(set.clone());
        }
        self.make_undoable(node, undo, forward, message, &vars).map(Some)
    }

    fn make_undoable(
        &self,
        node: &str,
        undo: &Undo,
        forward: &Forward,
        message: &Message,
        vars: &Map<String, Value>,
    ) -> Result<Undoable, String> {
        let event = event_root(message);
        let scope = self.scope(vars).with("event", Root::Json(&event));
        let key = match &undo.key {
            Some(key) => read_key(&evaluate(key, &scope)?)?,
            None => forward.key.clone(),
        };
        let payload = match &undo.payload {
            Some(payload) => evaluate(payload, &scope)?,
            None => forward.payload.clone(),
        };
        if serialised_bytes(&payload) > PAYLOAD_BYTES_MAX {
            return Err(format!("the payload of the undo has more than {PAYLOAD_BYTES_MAX} bytes"));
        }
        Ok(Undoable {
            node: node.to_owned(),
            command: forward.command,
            send: undo.send.clone(),
            to: undo.to.clone().unwrap_or_else(|| forward.to.clone()),
            key,
            payload,
            done: undo.done.clone(),
            failed: undo.failed.clone(),
            value: forward.value.clone(),
        })
    }

    /// Remembers what a token leaves undecided when it is taken from its place before the answer came.
    pub fn unsettle(&mut self, token: &Token) {
        self.leave_child(token, "its caller went on without it");
        let (issued, reply) = match token.waiting() {
            Place::Command(_) if self.holds_up(&token.node).is_none() => return,
            // The last attempt was refused: there is nothing to undo.
            Place::Command(issued) if issued.rest == Some(Rest::Refused) => return,
            Place::Command(issued) => (issued.as_ref().clone(), None),
            // The answer came, but leaving failed: the step is done all the same.
            Place::Incident(incident) => match (&incident.attempt, self.undo_of(&token.node)) {
                (Attempt::Leave { port, message: Some(message), forward: Some(forward), .. }, Some(undo))
                    if !self.is_refusal(&token.node, port) =>
                {
                    let vars = self.vars(token.id);
                    if let Ok(undoable) = self.make_undoable(&token.node, undo, forward, message, &vars) {
                        drop(vars);
                        let (token, node, undo) = (token.id, token.node.clone(), Box::new(undoable));
                        return self.record(Event::StepSucceeded { token, node, undo });
                    }
                    let issued = Issued { forward: Some(forward.clone()), ..Issued::new(forward.command) };
                    (issued, Some(message.clone()))
                }
                _ => return,
            },
            _ => return,
        };
        self.keep_unsettled(token, issued, reply);
    }

    pub(super) fn keep_unsettled(&mut self, token: &Token, issued: Issued, reply: Option<Box<Message>>) {
        let mut issued = Issued { timer: None, asked: 0, rest: None, ..issued };
        if self.undo_of(&token.node).is_none() {
            // What a `wait` node will want by its value is left to it.
            issued.waits.retain(|wait| !is_awaited_later(self.definition, &wait.event_type));
        }
        let unsettled = Unsettled {
            node: token.node.clone(),
            watch: self.state.next_token(),
            issued,
            frame: self.state.frames(token.id).unwrap_or_default(),
            reply,
        };
        let (token, node) = (token.id, token.node.clone());
        self.record(Event::StepUnsettled { token, node, unsettled: Box::new(unsettled) });
    }

    /// Gives up everything else and begins to undo; `token` goes on when that is done.
    pub fn compensate(&mut self, token: u32, cause: Cause) {
        let tokens = self.state.tokens.clone();
        for other in &tokens {
            self.unsettle(other);
        }
        let closed = tokens.iter().map(Token::open).fold(super::Closed::default(), super::Closed::and);
        let node = self.state.token(token).map_or_else(String::new, |token| token.node.clone());
        self.record(Event::CompensationBegan { token, node, cause, at: self.context.now, closed });
        self.await_settlements();
        self.proceed();
    }

    /// Whether undoing has to wait: something is, or may be, to be undone, and something may be done yet.
    fn is_held_up(&self) -> bool {
        let can_be_undone = |entry: &Unsettled| self.undo_of(&entry.node).is_some();
        let State { done, unsettled, .. } = &self.state;
        !unsettled.is_empty() && (!done.is_empty() || unsettled.iter().any(can_be_undone))
    }

    /// Says until when each unsettled command is waited for.
    pub(super) fn await_settlements(&mut self) {
        if !self.is_held_up() {
            return;
        }
        let unsettled = self.state.unsettled.iter().filter(|it| it.reply.is_none() && it.issued.timer.is_none());
        for entry in unsettled.cloned().collect::<Vec<_>>() {
            let vars = self.over(entry.frame.clone());
            let scope = self.scope(&vars);
            let after = self.definition.nodes.get(&entry.node).and_then(|node| match &node.kind {
                NodeKind::Call(call) => call.timeout.as_ref(),
                _ => node.command()?.awaits.timeout.as_ref(),
            });
            let due_at = after.and_then(|timeout| timeout.after.resolve(self.context.now, &scope).ok());
            let due_at = due_at.unwrap_or(self.context.now + SETTLEMENT_PATIENCE);
            drop(scope);
            // Without a number left there is no timer; the instance is seen to be compensating, and can be operated.
            if let Ok(timer) = self.due_timer(&mut self.state.sequence.clone(), due_at) {
                let command = entry.command();
                self.record(Event::SettlementAwaited { node: entry.node, command, timer });
            }
        }
    }

    /// Goes on undoing as far as that goes without waiting.
    pub fn proceed(&mut self) {
        let Some(compensation) = self.state.compensation.clone() else { return };
        let Some(token) = self.state.token(compensation.token).cloned() else { return };
        if !matches!(token.waiting(), Place::Compensating { undo: None }) {
            return;
        }
        let answered: Vec<Unsettled> = self.state.unsettled.iter().filter(|it| it.reply.is_some()).cloned().collect();
        for entry in answered {
            if let Some(reason) = self.settle(&entry, entry.reply.clone(), None) {
                return self.raise_settlement(&token, &entry.node, reason);
            }
        }
        if self.is_held_up() {
            return;
        }
        if matches!(token.place, Place::Incident(_)) {
            // What it was about has come.
            self.record(Event::Resolved { token: token.id, node: token.node.clone() });
        }
        let last = self.state.done.last().cloned();
        match (last, compensation.cause) {
            (Some(undoable), _) => {
                if let Err(reason) = self.send_undo(&token, &undoable, &[], None) {
                    let attempt = Attempt::Wait { place: Box::new(Place::Compensating { undo: None }) };
                    self.raise(token.id, &undoable.node, IncidentKind::Undo, attempt, reason);
                }
            }
            (None, Cause::Node) => {
                self.record(Event::Compensated { token: token.id, node: token.node.clone() });
                self.leave_and_go(token.id, &token.node, Exit::by(NEXT));
            }
            (None, Cause::Cancelled { by, reason }) => {
                let (at, closed) = (self.context.now, self.state.open());
                self.record(Event::Cancelled { by, reason, at, closed });
            }
        }
    }

    /// Sends the command that undoes the step. `registered` is what its replies are awaited by already; `before` the first
    /// attempt, if this is another one.
    pub(super) fn send_undo(
        &mut self,
        token: &Token,
        undoable: &Undoable,
        registered: &[ValueWait],
        before: Option<MessageId>,
    ) -> Result<(), String> {
        let mut sequence = self.state.sequence;
        let number = next_number(&mut sequence)?;
        let timeout = self.undo_of(&undoable.node).and_then(|undo| undo.timeout.as_ref());
        let timer = self.timeout(timeout, &mut sequence, &self.scope(&self.state.vars))?;
        let waits = match (&undoable.value, registered) {
            (Some(value), []) => {
                undoable.replies().map(|it| ValueWait { event_type: it.to_owned(), value: value.clone() }).collect()
            }
            _ => Vec::new(),
        };
        let (key, payload) = (undoable.key.clone(), undoable.payload.clone());
        let mut command = self.message(number, Letter { send: &undoable.send, to: &undoable.to, key, payload })?;
        if let Some(first) = before {
            command.headers.insert(IDEMPOTENCY_HEADER.to_owned(), first.to_string());
        }
        let (node, command) = (undoable.node.clone(), Box::new(command));
        self.record(Event::UndoSent { token: token.id, node, command, timer, waits });
        Ok(())
    }

    /// A reply to the undo under way.
    pub(super) fn undo_answered(&mut self, token: &Token, message: &Message) {
        let Some(undoable) = self.state.done.last().cloned() else { return };
        let undone = undoable.done.contains(&message.message_type);
        let boxed = Box::new(message.clone());
        let closed = if undone { token.open() } else { super::Closed { waits: Vec::new(), ..token.open() } };
        let (id, node) = (token.id, undoable.node.clone());
        self.record(Event::MessageReceived { token: id, node: node.clone(), message: boxed, early: false, closed });
        if undone {
            self.record(Event::Undone { token: id, node, command: undoable.command });
            return self.proceed();
        }
        let reason = format!("{} says that `{}` could not be undone", message.message_type, undoable.node);
        let mut place = token.waiting().clone();
        if let Place::Compensating { undo: Some(issued) } = &mut place {
            issued.timer = None;
        }
        self.raise(id, &undoable.node, IncidentKind::Undo, Attempt::Wait { place: Box::new(place) }, reason);
    }

    /// Takes note of what became of an unsettled command: `reply` says that it was done, or else it was not. Returns why
    /// it cannot be made out how to undo it, if so; nothing is recorded then that was recorded before.
    pub(super) fn settle(
        &mut self,
        entry: &Unsettled,
        reply: Option<Box<Message>>,
        operator: Option<(&str, &str)>,
    ) -> Option<String> {
        let mut undo = None;
        let mut failure = None;
        if let (Some(reply), Some(definition), Some(forward)) =
            (&reply, self.undo_of(&entry.node), &entry.issued.forward)
        {
            let vars = self.over(entry.frame.clone());
            match self.make_undoable(&entry.node, definition, forward, reply, &vars) {
                Ok(undoable) => undo = Some(Box::new(undoable)),
                Err(reason) => failure = Some(reason),
            }
        }
        if failure.is_some() && (entry.reply.is_some() || operator.is_some()) {
            return failure;
        }
        let (by, why) = operator.map(|(by, reason)| (by.to_owned(), reason.to_owned())).unzip();
        self.record(Event::StepSettled {
            node: entry.node.clone(),
            command: entry.command(),
            succeeded: reply.is_some(),
            message: reply.filter(|_| operator.is_none() && entry.reply.is_none()),
            undo,
            failure,
            by,
            reason: why,
            closed: entry.open(),
        });
        None
    }

    /// Whether a message that answers an unsettled command is heard by whoever else waits for it, too. What is to be undone
    /// has its answer to itself.
    pub(super) fn is_overheard(&self, entry: &Unsettled, message: &Message) -> bool {
        self.undo_of(&entry.node).is_none() && is_awaited_later(self.definition, &message.message_type)
    }

    /// Takes note of what became of an unsettled command where nothing is to be undone of it.
    pub(super) fn note_settled(&mut self, entry: &Unsettled, succeeded: bool, message: Option<Box<Message>>) {
        let (undo, failure, by, reason) = (None, None, None, None);
        let (node, command, closed) = (entry.node.clone(), entry.command(), entry.open());
        self.record(Event::StepSettled { node, command, succeeded, message, undo, failure, by, reason, closed });
    }

    /// An unsettled command keeps the compensation waiting.
    pub(super) fn raise_settlement(&mut self, token: &Token, node: &str, reason: String) {
        if !matches!(token.place, Place::Incident(_)) {
            let attempt = Attempt::Wait { place: Box::new(Place::Compensating { undo: None }) };
            self.raise(token.id, node, IncidentKind::Settlement, attempt, reason);
        }
    }
}

impl Undoable {
    /// The types of all replies to the undo.
    pub fn replies(&self) -> impl Iterator<Item = &str> {
        self.done.iter().chain(&self.failed).map(String::as_str)
    }
}
