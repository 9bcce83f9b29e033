//! What operators do to an instance. Each input names who does it and why, and is refused when the instance changed since
//! they looked.

use serde_json::{Map, Value};

use super::{
    Arrival, Cause, Definition, Event, Operator, PROCESS_ENDED, Place, Rejection, State, Token, Unsettled,
    definition::Node,
    ports::{DO, TIMEOUT},
    read::is_variable_name,
    rejection::{in_time, invalid, refuse_suspended, rejection},
    walk::Walk,
};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    fields::shorten,
    ids::MessageId,
    message::{Key, Message, MessageKind, PAYLOAD_DEPTH_MAX, check_storable},
};

pub(super) fn suspend(walk: &mut Walk<'_>, operator: &Operator) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    if walk.state.suspended {
        return Err(rejection("already-suspended", "", "This instance is suspended already."));
    }
    let Operator { by, reason, .. } = operator.clone();
    walk.record(Event::Suspended { by, reason, at: walk.context.now });
    Ok(())
}

pub(super) fn resume(walk: &mut Walk<'_>, operator: &Operator) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    if !walk.state.suspended {
        return Err(rejection("not-suspended", "", "This instance is not suspended."));
    }
    let held = std::mem::take(&mut walk.state.held);
    let Operator { by, reason, .. } = operator.clone();
    walk.record(Event::Resumed { by, reason, at: walk.context.now });
    take_held(walk, held);
    Ok(())
}

/// What came while suspended takes effect now.
fn take_held(walk: &mut Walk<'_>, held: Vec<Arrival>) {
    for arrival in held {
        match arrival {
            // Only a full buffer refuses one here; the sender is long gone, so it is recorded instead.
            Arrival::Message { message } => {
                if super::decide::receive(walk, &message).is_err() {
                    walk.record(Event::MessageLate { message });
                }
            }
            Arrival::Timer { timer } => super::fire::fire(walk, timer),
        }
    }
}

pub(super) fn cancel(walk: &mut Walk<'_>, operator: &Operator, compensate: bool) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    let Operator { by, reason, .. } = operator.clone();
    if !compensate {
        walk.give_up_children(&reason, false);
        let (at, closed) = (walk.context.now, walk.state.open());
        walk.record(Event::Cancelled { by, reason, at, closed });
        return Ok(());
    }
    if walk.state.compensation.is_some() {
        let message = "This instance is undoing what was done already; abandon that, or cancel without undoing.";
        return Err(rejection("compensating", "", message));
    }
    let Some(token) = walk.state.tokens.first().map(|token| token.id) else { return Ok(()) };
    let held = std::mem::take(&mut walk.state.held);
    walk.compensate(token, Cause::Cancelled { by, reason });
    take_held(walk, held);
    Ok(())
}

pub(super) fn skip(
    walk: &mut Walk<'_>,
    operator: &Operator,
    which: Which<'_>,
    port: Option<&str>,
    set: &Map<String, Value>,
) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    refuse_suspended(walk)?;
    let token = choose_token(walk, which)?;
    let Operator { by, reason, .. } = operator.clone();
    if matches!(token.waiting(), Place::Compensating { .. }) {
        return skip_undo(walk, &token, operator, port, set);
    }
    if matches!(token.place, Place::Fork { .. }) {
        let message = "A fork is not skipped: skip what its branches wait for, or move one of the tokens.";
        return Err(rejection("cannot-skip", "/token", message));
    }
    let port = choose_port(walk, &token.node, port)?;
    check_set(walk, set, "/set")?;
    let Some(to) = walk.definition.nodes.get(&token.node).and_then(|node| node.port(&port)) else {
        return Err(rejection("unknown-port", "/port", format!("`{}` has no such port.", token.node)));
    };
    let (to, closed) = (to.next.clone(), walk.withdraw(&token));
    let node = token.node.clone();
    walk.record(Event::Skipped { token: token.id, node: node.clone(), port: port.clone(), by, reason, closed });
    walk.record(Event::Moved { token: token.id, from: node, port, to: to.clone(), set: set.clone() });
    walk.go(token.id, to);
    Ok(())
}

fn skip_undo(
    walk: &mut Walk<'_>,
    token: &Token,
    operator: &Operator,
    port: Option<&str>,
    set: &Map<String, Value>,
) -> Result<(), Rejection> {
    if let Some(port) = port {
        let message = format!("An undo is left by no port, and not by `{}`.", shorten(port, 60));
        return Err(rejection("unknown-port", "/port", message));
    }
    if !set.is_empty() {
        return Err(rejection("unknown-variable", "/set", "Skipping an undo sets no variables."));
    }
    let undoable = match walk.state.done.last() {
        Some(undoable) if walk.state.unsettled.is_empty() => undoable.clone(),
        _ => {
            let message = "No undo is under way yet: say first what became of the commands that nobody answered.";
            return Err(rejection("unsettled", "", message));
        }
    };
    let Operator { by, reason, .. } = operator.clone();
    let (id, closed) = (token.id, token.open());
    let (node, command) = (undoable.node, undoable.command);
    walk.record(Event::UndoSkipped { token: id, node, command, by, reason, closed });
    walk.proceed();
    Ok(())
}

/// The port to skip by: the one that is named, or the only one besides `timeout`.
fn choose_port(walk: &Walk<'_>, node: &str, port: Option<&str>) -> Result<String, Rejection> {
    let names = skippable_ports(walk.definition, node);
    match port {
        Some(port) if names.iter().any(|it| it == port) => Ok(port.to_owned()),
        Some(port) => {
            let message = format!("`{node}` has no port `{}`; choose one of: {}.", shorten(port, 60), names.join(", "));
            Err(rejection("unknown-port", "/port", message))
        }
        None => match names.iter().filter(|name| *name != TIMEOUT).collect::<Vec<_>>().as_slice() {
            [only] => Ok((*only).clone()),
            [] => {
                Err(rejection("no-port", "/port", format!("No port leads on from `{node}`; move the token instead.")))
            }
            _ => {
                let message = format!("Say which way to go on from `{node}`; choose one of: {}.", names.join(", "));
                Err(rejection("port-required", "/port", message))
            }
        },
    }
}

/// The ports by which a step can be left without its having happened. The body of a loop is no way on.
pub(super) fn skippable_ports(definition: &Definition, node: &str) -> Vec<String> {
    let ports = definition.nodes.get(node).map_or_else(Vec::new, Node::ports);
    ports.into_iter().map(|(name, _)| name).filter(|name| name != DO).collect()
}

pub(super) fn relocate(walk: &mut Walk<'_>, operator: &Operator, which: Which<'_>, to: &str) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    refuse_suspended(walk)?;
    let token = choose_token(walk, which)?;
    if !walk.definition.nodes.contains_key(to) {
        let message = format!("There is no node `{}`.", shorten(to, 60));
        return Err(rejection("unknown-node", "/to", message));
    }
    check_scope(walk.definition, &walk.state, &token, to)?;
    if walk.state.compensation.is_some() {
        let message = "What was done is being undone; a token cannot be moved away from that. Abandon it first.";
        return Err(rejection("compensating", "", message));
    }
    let closed = walk.withdraw(&token);
    let Operator { by, reason, .. } = operator.clone();
    walk.record(Event::Relocated { token: token.id, node: token.node, to: to.to_owned(), by, reason, closed });
    walk.go(token.id, to.to_owned());
    Ok(())
}

/// A token stays inside its fork or loop, and outside of others: else a join would wait for ever. It may go to where the
/// inside ends.
pub(super) fn check_scope(definition: &Definition, state: &State, token: &Token, to: &str) -> Result<(), Rejection> {
    let around = token.parent.and_then(|parent| state.token(parent));
    let around = around.map(|around| around.node.as_str());
    let scopes = &definition.scopes;
    if scopes.is_anywhere(to) || scopes.around(to) == around || around.is_some_and(|it| scopes.ends(it, to)) {
        return Ok(());
    }
    let message = match (around, scopes.around(to)) {
        (_, Some(inside)) => format!("`{to}` is inside `{inside}`, where this token is not."),
        (Some(inside), None) => format!("This token is inside `{inside}`, and `{to}` is not."),
        (None, None) => format!("`{to}` cannot be reached."),
    };
    Err(rejection("across-scopes", "/to", message))
}

pub(super) fn set_variables(
    walk: &mut Walk<'_>,
    operator: &Operator,
    set: &Map<String, Value>,
    token: Option<u32>,
) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    if let Some(token) = token {
        find_token(walk, token)?;
    }
    if set.is_empty() {
        return Err(rejection("empty", "/set", "Name at least one variable."));
    }
    check_set(walk, set, "/set")?;
    let Operator { by, reason, .. } = operator.clone();
    walk.record(Event::VariablesSet { token, set: set.clone(), by, reason });
    Ok(())
}

pub(super) fn settle(
    walk: &mut Walk<'_>,
    operator: &Operator,
    command: MessageId,
    succeeded: bool,
    payload: &Value,
) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    refuse_suspended(walk)?;
    let Some(entry) = walk.state.unsettled.iter().find(|it| it.issued.is_for(command)).cloned() else {
        let message = "No command with this id was left without an answer.";
        return Err(rejection("not-unsettled", "/command", message));
    };
    let mut found = Vec::new();
    check_storable(payload, "", PAYLOAD_DEPTH_MAX, &mut found);
    invalid("invalid-payload", "/payload", &found)?;
    let reply = succeeded.then(|| Box::new(walk.imagined_reply(&entry, operator, payload)));
    if let Some(reason) = walk.settle(&entry, reply, Some((&operator.by, &operator.reason))) {
        let message = format!("What would undo it cannot be made out: {reason}. Give what the reply would have said.");
        return Err(rejection("undo-failed", "/payload", message));
    }
    walk.proceed();
    Ok(())
}

impl Walk<'_> {
    /// The reply that an operator stands in for.
    fn imagined_reply(&self, entry: &Unsettled, operator: &Operator, payload: &Value) -> Message {
        let command = self.definition.nodes.get(&entry.node).and_then(Node::command);
        let says_done = command.and_then(|it| it.awaits.on.keys().find(|event| !it.is_refusal(event)).cloned());
        let says_done = says_done.or_else(|| self.definition.is_call(&entry.node).then(|| PROCESS_ENDED.to_owned()));
        let (aggregate_type, aggregate_id) =
            entry.issued.forward.as_ref().map_or_else(Default::default, |it| (it.to.clone(), it.key.clone()));
        Message {
            id: entry.command(),
            kind: MessageKind::Event,
            message_type: says_done.unwrap_or_default(),
            source: format!("operator/{}", operator.by),
            key: Key { aggregate_type, aggregate_id },
            aggregate_version: None,
            payload: payload.clone(),
            headers: Default::default(),
            correlation_id: Some(self.context.instance.to_string()),
            causation_id: Some(entry.command().to_string()),
            deliver_after: None,
            destination: None,
            created_at: self.context.now,
        }
    }

    /// Takes a token from its place: what it, and those inside, leave undecided is remembered, and what is open there is
    /// taken back.
    pub(super) fn withdraw(&mut self, token: &Token) -> super::Closed {
        self.unsettle(token);
        self.withdraw_inside(token)
    }

    /// The same for a token that leaves nothing undecided itself.
    pub(super) fn withdraw_inside(&mut self, token: &Token) -> super::Closed {
        let all: Vec<Token> = self.state.with_inside(token.id).into_iter().cloned().collect();
        for inside in all.iter().filter(|it| it.id != token.id) {
            self.unsettle(inside);
        }
        all.iter().map(Token::open).fold(super::Closed::default(), super::Closed::and)
    }
}

pub(super) fn abandon(walk: &mut Walk<'_>, operator: &Operator) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    if walk.state.compensation.is_none() {
        return Err(rejection("not-compensating", "", "Nothing is being undone here."));
    }
    let (at, closed) = (walk.context.now, walk.state.open());
    let Operator { by, reason, .. } = operator.clone();
    walk.record(Event::Abandoned { by, reason, at, closed });
    Ok(())
}

pub(super) fn find_token(walk: &Walk<'_>, token: u32) -> Result<Token, Rejection> {
    let found = walk.state.token(token).cloned();
    found.ok_or_else(|| rejection("unknown-token", "/token", format!("This instance has no token {token} now.")))
}

/// A token by its number, or by the node where it stands; or neither.
pub(super) type Which<'a> = (Option<u32>, Option<&'a str>);

/// The token that is named; else the only one that failed, else the only one there is, at the node if one is named.
fn choose_token(walk: &Walk<'_>, (token, node): Which<'_>) -> Result<Token, Rejection> {
    let named = token.map(|token| find_token(walk, token)).transpose()?;
    let is_meant = |it: &Token| match (node, it.waiting()) {
        (None, _) => true,
        // It stands at the step that is being undone.
        (Some(node), Place::Compensating { .. }) => walk.state.done.last().is_some_and(|step| step.node == node),
        (Some(node), _) => it.node == node,
    };
    let all = named.as_ref().map_or(walk.state.tokens.as_slice(), std::slice::from_ref);
    let all: Vec<&Token> = all.iter().filter(|it| is_meant(it)).collect();
    let stuck: Vec<&Token> = all.iter().copied().filter(|it| matches!(it.place, Place::Incident(_))).collect();
    match (if stuck.is_empty() { &all } else { &stuck }).as_slice() {
        [] => match node {
            Some(node) => {
                let message = format!("No token stands at `{}`.", shorten(node, 60));
                Err(rejection("unknown-token", "/node", message))
            }
            None => Err(rejection("unknown-token", "/token", "This instance has no token.")),
        },
        [only] => Ok((*only).clone()),
        several => {
            let named: Vec<String> = several.iter().map(|it| format!("{} at {}", it.id, it.node)).take(20).collect();
            let message = format!("Say which token is meant; there are: {}.", named.join(", "));
            Err(rejection("token-required", "/token", message))
        }
    }
}

/// Whether these variables, which stand at `pointer` of the request, can be set.
pub(super) fn check_set(walk: &Walk<'_>, set: &Map<String, Value>, pointer: &str) -> Result<(), Rejection> {
    let mut found = Vec::new();
    for (name, value) in set {
        let at = format!("/{}", pointer_token(name));
        if !is_variable_name(name) {
            let message = format!("`{}` is no variable name.", shorten(name, 60));
            found.push(Diagnostic::error("variable-name", &at, message));
        }
        check_storable(value, &at, PAYLOAD_DEPTH_MAX, &mut found);
    }
    invalid("invalid-variables", pointer, &found)?;
    walk.check_size(set).map_err(|reason| rejection("too-large", pointer, format!("Too much: {reason}.")))
}
