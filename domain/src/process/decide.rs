//! What happens next: one input, taken to the point where the instance waits again.

use serde_json::{Map, Value};

use super::{
    Arrival, Closed, Context, Definition, Event, Input, Place, Rejection, State, Token,
    definition::{NEXT, NodeKind, TIMEOUT, wait_values},
    evolve::evolve,
    walk::Walk,
};
use crate::{
    diagnostic::Diagnostic,
    ids::{InstanceId, MessageId, TaskId, TimerId},
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
/// - Else `match` values decide, for nodes that have them.
/// - What no token waits for now, but some `wait` node may later, is buffered, and consumed when a token gets there. Only
///   `wait` nodes consume buffered events: a command cannot be answered before it was sent.
/// - While suspended, messages and timers are kept in order and take effect on resuming. Tasks cannot be completed then.
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
        (None, Input::Start { input, business_key, by }) => {
            start(definition, input, business_key.as_deref(), by, context)
        }
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
        Input::TimerFired { timer } => {
            fire(walk, *timer);
            Ok(())
        }
        Input::CompleteTask { task, outcome, data, by } => complete(walk, *task, outcome, data, by),
        Input::Suspend { by, reason } => {
            live(walk)?;
            if walk.state.suspended {
                return Err(rejection("already-suspended", "", "This instance is suspended already."));
            }
            walk.record(Event::Suspended { by: by.clone(), reason: reason.clone(), at: walk.context.now });
            Ok(())
        }
        Input::Resume { by, reason } => {
            live(walk)?;
            if !walk.state.suspended {
                return Err(rejection("not-suspended", "", "This instance is not suspended."));
            }
            let held = std::mem::take(&mut walk.state.held);
            walk.record(Event::Resumed { by: by.clone(), reason: reason.clone(), at: walk.context.now });
            for arrival in held {
                match arrival {
                    // Only a full buffer refuses one here; the sender is long gone, so it is recorded instead.
                    Arrival::Message { message } => {
                        if receive(walk, &message).is_err() {
                            walk.record(Event::MessageLate { message });
                        }
                    }
                    Arrival::Timer { timer } => fire(walk, timer),
                }
            }
            Ok(())
        }
        Input::Cancel { by, reason } => {
            live(walk)?;
            let closed = walk.state.tokens.iter().map(Token::open).fold(Closed::default(), Closed::and);
            let (by, reason, at) = (by.clone(), reason.clone(), walk.context.now);
            walk.record(Event::Cancelled { by, reason, at, closed });
            Ok(())
        }
        Input::Retry { by, reason } => {
            live(walk)?;
            refuse_suspended(walk)?;
            let stuck: Vec<Token> = walk.state.incidents().map(|(token, _)| token.clone()).collect();
            if stuck.is_empty() {
                return Err(rejection("no-incident", "", "Nothing failed here, so there is nothing to try again."));
            }
            for Token { id, node, place } in stuck {
                let Place::Incident(incident) = place else { continue };
                let (by, reason) = (by.clone(), reason.clone());
                walk.record(Event::Retried { token: id, node: node.clone(), by, reason });
                walk.retry(id, node, incident.attempt);
            }
            Ok(())
        }
    }
}

fn start(
    definition: &Definition,
    input: &Value,
    business_key: Option<&str>,
    by: &str,
    context: &Context,
) -> Result<(State, Vec<Event>), Rejection> {
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
    if let Some(key) = business_key
        && (key.is_empty() || key.contains('\0') || key.chars().count() > ID_CHARS_MAX)
    {
        let message = format!("A business key has 1 to {ID_CHARS_MAX} characters, none of them NUL.");
        return Err(rejection("invalid-business-key", "/business_key", message));
    }
    let started = Event::Started {
        instance: context.instance,
        definition: definition.name.clone(),
        input,
        business_key: business_key.map(str::to_owned),
        by: by.to_owned(),
        at: context.now,
        node: definition.start.clone(),
    };
    let mut walk = Walk::new(definition, context, evolve(None, &started));
    walk.events.push(started);
    walk.go(1, definition.start.clone());
    Ok(walk.finish())
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

fn relation(instance: InstanceId, message: &Message) -> Relation {
    let parse = |id: &Option<String>| id.as_deref().and_then(|id| id.parse::<MessageId>().ok());
    match (parse(&message.causation_id), parse(&message.correlation_id)) {
        (Some(cause), _) if instance.number_of(cause.0).is_some() => Relation::Reply(cause),
        (Some(id), _) | (_, Some(id)) if id.0 == instance.0 => Relation::Correlated,
        _ => Relation::None,
    }
}

fn receive(walk: &mut Walk<'_>, message: &Message) -> Result<(), Rejection> {
    let concerns = message.kind == MessageKind::Event && walk.definition.awaits(&message.message_type);
    if !concerns || walk.state.knows(message.id) {
        return Ok(());
    }
    let relation = relation(walk.state.instance, message);
    let values = match relation {
        Relation::None => wait_values(walk.definition, message),
        Relation::Reply(_) | Relation::Correlated => Vec::new(),
    };
    if walk.state.ended.is_some() {
        if !matches!(relation, Relation::None) {
            walk.record(Event::MessageLate { message: Box::new(message.clone()) });
        }
        return Ok(());
    }
    let accepting =
        walk.state.tokens.iter().find(|token| accepts(walk.definition, token, message, &relation, &values)).cloned();
    if matches!(relation, Relation::None) && accepting.is_none() {
        return Ok(());
    }
    if walk.state.suspended {
        refuse_full(walk.state.held.len())?;
        let message = Box::new(message.clone());
        walk.record(Event::Held { arrival: Arrival::Message { message } });
        return Ok(());
    }
    match accepting {
        Some(token) => {
            walk.cause = Some(message.clone());
            walk.take(token.id, token.node.clone(), message, false, token.open());
        }
        None if is_awaited_later(walk.definition, &message.message_type) => {
            refuse_full(walk.state.buffer.len())?;
            walk.record(Event::MessageBuffered { message: Box::new(message.clone()) });
        }
        None => walk.record(Event::MessageLate { message: Box::new(message.clone()) }),
    }
    Ok(())
}

fn accepts(definition: &Definition, token: &Token, message: &Message, relation: &Relation, values: &[String]) -> bool {
    let awaits = definition.nodes.get(&token.node).and_then(|node| node.awaits());
    if !awaits.is_some_and(|awaits| awaits.on.contains_key(&message.message_type)) {
        return false;
    }
    match (&token.place, relation) {
        (Place::Command { command, .. }, Relation::Reply(cause)) => command == cause,
        (Place::Wait { .. }, Relation::Reply(_))
        | (Place::Command { .. } | Place::Wait { .. }, Relation::Correlated) => true,
        (Place::Command { waits, .. } | Place::Wait { waits, .. }, Relation::None) => {
            waits.iter().any(|wait| wait.event_type == message.message_type && values.contains(&wait.value))
        }
        (Place::Passing | Place::Approval { .. } | Place::Timer { .. } | Place::Incident(_), _) => false,
    }
}

/// Whether a `wait` node may consume an event of this type that comes before a token gets there.
fn is_awaited_later(definition: &Definition, event_type: &str) -> bool {
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

/// A timer that no token waits for any more is ignored: its node was left in the meantime.
fn fire(walk: &mut Walk<'_>, timer: TimerId) {
    let Some(token) = walk.state.tokens.iter().find(|token| token.timer() == Some(timer)).cloned() else { return };
    if walk.state.suspended {
        if !walk.state.held.iter().any(|held| held.is_timer(timer)) {
            walk.record(Event::Held { arrival: Arrival::Timer { timer } });
        }
        return;
    }
    let closed = token.open().without(timer.0);
    let port = if matches!(token.place, Place::Timer { .. }) { NEXT } else { TIMEOUT };
    let (id, node) = (token.id, token.node);
    walk.record(Event::TimerFired { token: id, node: node.clone(), timer, closed });
    walk.leave_and_go(id, node, port.to_owned(), None, None);
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
    walk.leave_and_go(token.id, token.node, outcome.to_owned(), None, Some(data));
    Ok(())
}

fn live(walk: &Walk<'_>) -> Result<(), Rejection> {
    match &walk.state.ended {
        None => Ok(()),
        Some(ending) => {
            let message = format!("This instance has ended as {}; that is final.", ending.status.as_str());
            Err(rejection("instance-ended", "", message))
        }
    }
}

fn refuse_suspended(walk: &Walk<'_>) -> Result<(), Rejection> {
    if walk.state.suspended {
        return Err(rejection("suspended", "", "This instance is suspended; resume it first."));
    }
    Ok(())
}

/// A rejection with the first finding's place and all findings' sentences, if there are any.
fn invalid(code: &'static str, prefix: &str, found: &[Diagnostic]) -> Result<(), Rejection> {
    let Some(first) = found.first() else { return Ok(()) };
    let sentences: Vec<String> = found
        .iter()
        .take(10)
        .map(|it| if it.pointer.is_empty() { it.message.clone() } else { format!("{}: {}", it.pointer, it.message) })
        .collect();
    Err(rejection(code, &format!("{prefix}{}", first.pointer), sentences.join("; ")))
}

fn rejection(code: &'static str, pointer: &str, message: impl Into<String>) -> Rejection {
    Rejection { code, pointer: pointer.to_owned(), message: message.into() }
}
