//! What happens next: one input, taken to the point where the instance waits again.

use serde_json::{Map, Value};

use super::{
    Arrival, Context, Correlation, Definition, Event, Input, Issued, Place, Rejection, State, Token, Undoable,
    Unsettled, ValueWait, again,
    definition::{Node, NodeKind, Retry, wait_values},
    evolve::evolve,
    family::{CALL_DEPTH_MAX, Parent},
    fire, operate,
    rejection::{invalid, refuse_suspended, rejection},
    walk::{Exit, Walk, is_end_of_child, waits_for_child, was_completed},
};
use crate::{
    diagnostic::Diagnostic,
    ids::{MessageId, TaskId},
    message::{
        ID_CHARS_MAX, Message, MessageKind, PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX, check_storable, serialised_bytes,
    },
};

/// The most events that an instance keeps because they came early, and the most arrivals that it keeps while suspended.
pub const KEPT_MAX: usize = 100;

/// What `input` leads to: the events to append, in order. Nothing is done yet.
///
/// An input that makes no sense in this state is a [`Rejection`]. One that makes sense but has nothing to change (a
/// message seen before, a timer whose node was left, an event that this process does not wait for) yields no events.
///
/// How messages find their token:
/// - A reply belongs to a command when its `causation_id` is the command's id. One that names another command of the
///   instance came too late for it and is recorded as such; no later command can consume it.
/// - Without a causation of this instance, the instance's id as `correlation_id` suffices.
/// - Else `match` values decide, for nodes that have them. One that came before any instance waited for its value is kept
///   by the runtime, and handed over as [`Input::Early`] once a `wait` node does.
/// - What no token waits for now, but some `wait` node may later, is buffered, and consumed when a token gets there. Only
///   `wait` nodes consume buffered events: a command cannot be answered before it was sent.
/// - While suspended, messages and timers are kept in order and take effect on resuming. Tasks cannot be completed then.
/// - In a saga, events that are about the same value belong to it as if they carried its id. One that would start it again
///   is recorded as late.
/// - For an ended instance, replies are recorded as late and change nothing else.
pub fn decide(
    definition: &Definition,
    state: Option<&State>,
    input: &Input,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    advance(definition, state.cloned(), input, context).map(|(_, events)| events)
}

/// [`decide`] and [`evolve`] in one, without copying the state: the state after all events, and the events.
pub fn advance(
    definition: &Definition,
    state: Option<State>,
    input: &Input,
    context: &Context,
) -> Result<(State, Vec<Event>), Rejection> {
    match (state, input) {
        (None, Input::Start { input, business_key, by, parent }) => {
            start(definition, input, business_key.as_deref(), by, parent.as_ref(), context)
        }
        (None, Input::Message { message }) => match &definition.correlation {
            Some(correlation) if correlation.is_started_by(message) => {
                start_by(definition, correlation, message, context)
            }
            _ => Err(rejection("not-started", "", "There is no such instance.")),
        },
        (Some(_), Input::Start { .. }) => {
            Err(rejection("already-started", "", "This instance has been started already."))
        }
        (None, _) => Err(rejection("not-started", "", "There is no such instance.")),
        (Some(state), input) => {
            let mut walk = Walk::new(definition, context, state);
            react(&mut walk, input)?;
            Ok(walk.finish())
        }
    }
}

fn react(walk: &mut Walk<'_>, input: &Input) -> Result<(), Rejection> {
    match input {
        Input::Start { .. } => Ok(()),
        Input::Message { message } => receive(walk, message),
        Input::Early { message } => {
            walk.is_early = true;
            receive(walk, message)
        }
        Input::TimerFired { timer } => {
            fire::fire(walk, *timer);
            Ok(())
        }
        Input::CompleteTask { task, outcome, data, by } => complete(walk, *task, outcome, data, by),
        Input::Suspend(operator) => operate::suspend(walk, operator),
        Input::Resume(operator) => operate::resume(walk, operator),
        Input::Cancel { operator, compensate } => operate::cancel(walk, operator, *compensate),
        Input::Retry { operator, token } => again::retry(walk, operator, *token),
        Input::Skip { operator, token, node, port, set } => {
            operate::skip(walk, operator, (*token, node.as_deref()), port.as_deref(), set)
        }
        Input::Move { operator, token, node, to } => operate::relocate(walk, operator, (*token, node.as_deref()), to),
        Input::SetVariables { operator, set, token } => operate::set_variables(walk, operator, set, *token),
        Input::Settle { operator, command, succeeded, payload } => {
            operate::settle(walk, operator, *command, *succeeded, payload)
        }
        Input::Abandon(operator) => operate::abandon(walk, operator),
    }
}

fn start(
    definition: &Definition,
    input: &Value,
    business_key: Option<&str>,
    by: &str,
    parent: Option<&Parent>,
    context: &Context,
) -> Result<(State, Vec<Event>), Rejection> {
    let input = checked_input(definition, input)?;
    if let Some(key) = business_key
        && (key.is_empty() || key.contains('\0') || key.chars().count() > ID_CHARS_MAX)
    {
        let message = format!("A business key has 1 to {ID_CHARS_MAX} characters, none of them NUL.");
        return Err(rejection("invalid-business-key", "/business_key", message));
    }
    if parent.is_some_and(|parent| parent.depth > CALL_DEPTH_MAX) {
        let message = format!("Processes call each other {CALL_DEPTH_MAX} deep at most.");
        return Err(rejection("too-deep", "/parent", message));
    }
    let started = Event::Started {
        instance: context.instance,
        definition: definition.name.clone(),
        input,
        business_key: business_key.map(str::to_owned),
        by: by.to_owned(),
        at: context.now,
        node: definition.start.clone(),
        trigger: None,
        parent: parent.cloned(),
    };
    Ok(begin(definition, started, None, context))
}

/// The input with the defaults of its schema, if it is one that the definition takes.
pub(super) fn checked_input(definition: &Definition, input: &Value) -> Result<Value, Rejection> {
    let input = match &definition.input {
        Some(schema) => schema.with_defaults(input),
        None => input.clone(),
    };
    let mut found = Vec::new();
    check_storable(&input, "", PAYLOAD_DEPTH_MAX, &mut found);
    if found.is_empty() {
        found = definition.check_input(&input);
    }
    if found.is_empty() && serialised_bytes(&input) > PAYLOAD_BYTES_MAX {
        found.push(Diagnostic::error("too-large", "", format!("At most {PAYLOAD_BYTES_MAX} bytes of JSON.")));
    }
    invalid("invalid-input", "/input", &found)?;
    Ok(input)
}

/// A saga starts by itself: its input is what the event says.
fn start_by(
    definition: &Definition,
    correlation: &Correlation,
    message: &Message,
    context: &Context,
) -> Result<(State, Vec<Event>), Rejection> {
    let value = correlation.value(message);
    let value = value.map_err(|failure| rejection("no-correlation", "", format!("`correlate`: {failure}")))?;
    let started = Event::Started {
        instance: context.instance,
        definition: definition.name.clone(),
        input: message.payload.clone(),
        business_key: Some(value),
        by: message.message_type.clone(),
        at: context.now,
        node: definition.start.clone(),
        trigger: Some(Box::new(message.clone())),
        parent: None,
    };
    Ok(begin(definition, started, Some(message.clone()), context))
}

fn begin(definition: &Definition, started: Event, cause: Option<Message>, context: &Context) -> (State, Vec<Event>) {
    let mut walk = Walk::new(definition, context, evolve(None, &started));
    walk.cause = cause;
    walk.events.push(started);
    walk.go(1, definition.start.clone());
    walk.finish()
}

/// How a message relates to the instance by its ids.
enum Relation {
    /// It was caused by this command.
    Reply(MessageId),
    /// It carries the instance's id.
    Correlated,
    /// By no id; perhaps by a value.
    None,
}

fn relation(definition: &Definition, state: &State, message: &Message) -> Relation {
    let instance = state.instance;
    let parse = |id: &Option<String>| id.as_deref().and_then(|id| id.parse::<MessageId>().ok());
    match (parse(&message.causation_id), parse(&message.correlation_id)) {
        (Some(cause), _) if instance.number_of(cause.0).is_some() => Relation::Reply(cause),
        (Some(id), _) | (_, Some(id)) if id.0 == instance.0 => Relation::Correlated,
        _ => match &definition.correlation {
            Some(correlation) if correlation.value(message).is_ok_and(|value| Some(value) == state.business_key) => {
                Relation::Correlated
            }
            _ => Relation::None,
        },
    }
}

pub(super) fn receive(walk: &mut Walk<'_>, message: &Message) -> Result<(), Rejection> {
    let concerns = message.kind == MessageKind::Event && walk.definition.awaits(&message.message_type);
    let starts = walk.definition.correlation.as_ref().is_some_and(|it| it.is_started_by(message));
    // What undoes a step is remembered with its replies; this version may know nothing of them.
    let undoing = walk.state.done.last().filter(|_| walk.state.compensation.is_some());
    let undoes = undoing.is_some_and(|undoable| undoable.replies().any(|it| it == message.message_type));
    if !(concerns || starts || undoes) || walk.state.knows(message.id) {
        return Ok(());
    }
    let relation = relation(walk.definition, &walk.state, message);
    let values = match relation {
        Relation::None | Relation::Correlated => wait_values(walk.definition, message),
        Relation::Reply(_) => Vec::new(),
    };
    if walk.state.ended.is_some() {
        if !matches!(relation, Relation::None) {
            walk.record(Event::MessageLate { message: Box::new(message.clone()) });
        }
        return Ok(());
    }
    let mail = Mail { definition: walk.definition, message, relation: &relation, values: &values };
    let accepting = walk.state.tokens.iter().find(|token| mail.is_for(token, walk.state.done.last())).cloned();
    let mut settled = walk.state.unsettled.iter().filter(|it| mail.settles(it));
    let settling = match accepting.as_ref().map(Token::waiting) {
        None => settled.next().cloned(),
        Some(Place::Wait { .. }) => settled.find(|it| walk.is_overheard(it, message)).cloned(),
        Some(_) => None,
    };
    if matches!(relation, Relation::None) && accepting.is_none() && settling.is_none() {
        return Ok(());
    }
    if walk.state.suspended {
        refuse_full(walk.state.held.len())?;
        let message = Box::new(message.clone());
        walk.record(Event::Held { arrival: Arrival::Message { message } });
        return Ok(());
    }
    walk.cause = Some(message.clone());
    match (accepting, settling) {
        (Some(token), settling) => {
            if let Some(entry) = settling {
                walk.settled(&entry, message, &relation);
            }
            walk.answered(&token, message, &relation);
        }
        (None, Some(entry)) if !walk.is_overheard(&entry, message) => {
            walk.settled(&entry, message, &relation);
            walk.proceed();
        }
        (None, settling) if is_awaited_later(walk.definition, &message.message_type) => {
            refuse_full(walk.state.buffer.len())?;
            if let Some(entry) = settling {
                walk.settled(&entry, message, &relation);
            }
            walk.keep(message);
            walk.proceed();
        }
        (None, _) => walk.record(Event::MessageLate { message: Box::new(message.clone()) }),
    }
    Ok(())
}

impl Walk<'_> {
    /// Keeps an event that came early, for as long as the definition says.
    pub(super) fn keep(&mut self, message: &Message) {
        let due_at = self.context.now + self.definition.early;
        // Without a number left there is no time limit; the bound on how many are kept remains.
        let timer = self.due_timer(&mut self.state.sequence.clone(), due_at).ok();
        self.record(Event::MessageBuffered { message: Box::new(message.clone()), timer });
    }

    /// What a token waits for has come.
    fn answered(&mut self, token: &Token, message: &Message, relation: &Relation) {
        match token.waiting() {
            Place::Compensating { undo: Some(_) } => self.undo_answered(token, message),
            Place::Call { .. } => self.called_back(token, message),
            Place::Command(issued) => self.command_answered(token, issued, message, relation),
            _ => self.take(token, message),
        }
    }

    fn command_answered(&mut self, token: &Token, issued: &Issued, message: &Message, relation: &Relation) {
        let command = self.definition.nodes.get(&token.node).and_then(Node::command);
        let is_refusal = command.is_some_and(|command| command.is_refusal(&message.message_type));
        let is_earlier = is_of_an_earlier_attempt(issued, relation);
        let is_retried = |retry: &Retry| retry.on.contains(&message.message_type);
        if command.and_then(|command| command.retry.as_ref()).is_some_and(is_retried) {
            // A refusal of what was, or will be, sent again anyhow.
            if is_earlier || issued.rest.is_some() {
                return self.record(Event::MessageLate { message: Box::new(message.clone()) });
            }
            if matches!(token.place, Place::Command(_)) && self.plan_retry(token, issued, Some(message), None) {
                return;
            }
        }
        if is_refusal && is_earlier && self.holds_up(&token.node).is_some() {
            // The later attempt is under way still, and may be done.
            self.keep_unsettled(token, issued.clone(), None);
        }
        self.take(token, message);
    }

    /// Answers that came while suspended settle the commands that they answer; nothing else follows from them.
    pub(super) fn settle_by(&mut self, held: &[Arrival]) {
        for arrival in held {
            let Arrival::Message { message } = arrival else { continue };
            let relation = relation(self.definition, &self.state, message);
            let values = wait_values(self.definition, message);
            let mail = Mail { definition: self.definition, message, relation: &relation, values: &values };
            if let Some(entry) = self.state.unsettled.iter().find(|it| mail.settles(it)).cloned() {
                self.settled(&entry, message, &relation);
                self.proceed();
            }
        }
    }

    /// It turns out what became of a command that was left without an answer.
    fn settled(&mut self, entry: &Unsettled, message: &Message, relation: &Relation) {
        let command = self.definition.nodes.get(&entry.node).and_then(Node::command);
        if self.definition.is_call(&entry.node) {
            match was_completed(message) {
                // It was faster than what cancelled it.
                true => drop(self.settle(entry, Some(Box::new(message.clone())), None)),
                false => self.note_settled(entry, false, Some(Box::new(message.clone()))),
            }
            return;
        }
        let is_refusal = command.is_none_or(|command| command.is_refusal(&message.message_type));
        let is_superseded = is_refusal && is_of_an_earlier_attempt(&entry.issued, relation);
        if self.is_overheard(entry, message) {
            if !is_superseded {
                // What it leads to besides is taken note of there.
                self.note_settled(entry, !is_refusal, None);
            }
        } else if is_superseded {
            self.record(Event::MessageLate { message: Box::new(message.clone()) });
        } else if is_refusal {
            self.note_settled(entry, false, Some(Box::new(message.clone())));
        } else {
            self.settle(entry, Some(Box::new(message.clone())), None);
        }
    }
}

/// Attempts, and questions, for one key are handled in order, so a refusal settles the attempts before it and none after.
fn is_of_an_earlier_attempt(issued: &Issued, relation: &Relation) -> bool {
    matches!(relation, Relation::Reply(cause) if issued.is_superseded(*cause))
}

/// A message, and how it relates to the instance.
struct Mail<'a> {
    definition: &'a Definition,
    message: &'a Message,
    relation: &'a Relation,
    values: &'a [String],
}

impl Mail<'_> {
    fn is_for(&self, token: &Token, undoable: Option<&Undoable>) -> bool {
        let is_awaited = match token.waiting() {
            Place::Command(_) | Place::Wait { .. } => self.is_in_on(&token.node),
            Place::Call { .. } => {
                return is_end_of_child(&self.message.message_type)
                    && matches!(self.relation, Relation::Reply(cause) if waits_for_child(token, *cause));
            }
            Place::Compensating { undo: Some(_) } => {
                undoable.is_some_and(|undoable| undoable.replies().any(|it| it == self.message.message_type))
            }
            _ => false,
        };
        is_awaited
            && match (token.issued(), self.relation) {
                (Some(issued), Relation::Reply(cause)) => issued.is_for(*cause),
                (None, Relation::Reply(_)) => true,
                (_, Relation::Correlated) => self.has_no_other_value(token.waits()),
                (_, Relation::None) => self.has_value(token.waits()),
            }
    }

    fn settles(&self, entry: &Unsettled) -> bool {
        if entry.reply.is_none() && self.definition.is_call(&entry.node) {
            return is_end_of_child(&self.message.message_type)
                && matches!(self.relation, Relation::Reply(cause) if entry.issued.is_for(*cause));
        }
        entry.reply.is_none()
            && self.is_in_on(&entry.node)
            && match self.relation {
                Relation::Reply(cause) => entry.issued.is_for(*cause),
                Relation::Correlated => self.has_no_other_value(&entry.issued.waits),
                Relation::None => self.has_value(&entry.issued.waits),
            }
    }

    fn is_in_on(&self, node: &str) -> bool {
        let awaits = self.definition.nodes.get(node).and_then(Node::awaits);
        awaits.is_some_and(|awaits| awaits.on.contains_key(&self.message.message_type))
    }

    fn has_value(&self, waits: &[ValueWait]) -> bool {
        waits.iter().any(|it| it.event_type == self.message.message_type && self.values.contains(&it.value))
    }

    /// Where several tokens wait for the same event, each by a value, the value decides which of them is meant.
    fn has_no_other_value(&self, waits: &[ValueWait]) -> bool {
        self.values.is_empty() || waits.is_empty() || self.has_value(waits)
    }
}

/// Whether a `wait` node may consume an event of this type that comes before a token gets there.
pub(super) fn is_awaited_later(definition: &Definition, event_type: &str) -> bool {
    definition.nodes.values().any(|node| match &node.kind {
        NodeKind::Wait { awaits } => awaits.on.contains_key(event_type),
        _ => false,
    })
}

fn refuse_full(kept: usize) -> Result<(), Rejection> {
    if kept < KEPT_MAX {
        return Ok(());
    }
    let message = format!("{KEPT_MAX} events are kept for this instance already; it takes more when it has gone on.");
    Err(rejection("buffer-full", "", message))
}

fn complete(walk: &mut Walk<'_>, task: TaskId, outcome: &str, data: &Value, by: &str) -> Result<(), Rejection> {
    let closed = |why: &str| Err(rejection("task-closed", "", format!("This task is closed: {why}.")));
    if walk.state.instance.number_of(task.0).is_none_or(|number| number > walk.state.sequence) {
        return Err(rejection("unknown-task", "", "This instance has no such task."));
    }
    if let Some(ending) = &walk.state.ended {
        return closed(&format!("the instance has ended as {}", ending.status.as_str()));
    }
    let Some(token) = walk.state.tokens.iter().find(|token| token.task() == Some(task)).cloned() else {
        return closed("it was completed before, or is no longer needed");
    };
    refuse_suspended(walk)?;
    let Some(NodeKind::Approval(approval)) = walk.definition.nodes.get(&token.node).map(|node| &node.kind) else {
        return closed("its node is gone");
    };
    let Some(chosen) = approval.outcomes.get(outcome) else {
        let known: Vec<&str> = approval.outcomes.keys().map(String::as_str).collect();
        let message =
            format!("`{}` cannot be chosen; choose one of: {}.", crate::fields::shorten(outcome, 60), known.join(", "));
        return Err(rejection("unknown-outcome", "/outcome", message));
    };
    // Nobody fills in a form that is not there.
    let data = if data.is_null() { Value::Object(Map::new()) } else { data.clone() };
    let mut found = Vec::new();
    check_storable(&data, "", PAYLOAD_DEPTH_MAX, &mut found);
    match &chosen.form {
        _ if !found.is_empty() => {}
        Some(form) => found = form.check(&data),
        None if data.as_object().is_none_or(|data| !data.is_empty()) => {
            found.push(Diagnostic::error(
                "unknown-field",
                "",
                format!("The outcome `{outcome}` has no form to fill in."),
            ));
        }
        None => {}
    }
    if found.is_empty() && serialised_bytes(&data) > PAYLOAD_BYTES_MAX {
        found.push(Diagnostic::error("too-large", "", format!("At most {PAYLOAD_BYTES_MAX} bytes of JSON.")));
    }
    invalid("invalid-form", "/data", &found)?;
    let closed = token.open().without(task.0);
    walk.record(Event::TaskCompleted {
        token: token.id,
        node: token.node.clone(),
        task,
        outcome: outcome.to_owned(),
        data: data.clone(),
        by: by.to_owned(),
        closed,
    });
    let exit = Exit { form: Some(data), ..Exit::by(outcome) };
    walk.leave_and_go(token.id, &token.node, exit);
    Ok(())
}
