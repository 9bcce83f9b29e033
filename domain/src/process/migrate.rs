//! Migration: an instance goes on by another version of its definition.
//!
//! Nothing is begun again and nothing is made up for: what the tokens wait for stays as it is, and the new version only
//! says what follows. So each token needs a node in the new version that takes what the token waits for; where the new
//! version calls that node otherwise, the operator's mapping says how. Steps that are done keep the undo that was made
//! ready for them, whether or not the new version knows them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Attempt, Context, Definition, Event, Forward, Issued, Operator, Place, Rejection, State, Token, Unsettled,
    ValueWait, Watched,
    definition::{Approval, Awaits, Call, Command, Node, NodeKind, Undo},
    ports::TIMEOUT,
    rejection::{in_time, invalid, rejection},
    walk::Walk,
};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    fields::shorten,
};

/// The most obstacles that are told at once.
const OBSTACLES_MAX: usize = 100;

const UNDOING: &str = "What was done is being undone, by what is remembered of it; no version changes that.";

/// Node of the old version → node of the new one that takes its place. What is not named keeps its name.
pub type Mapping = BTreeMap<String, String>;

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    #[serde(flatten)]
    pub operator: Operator,
    pub to_version: u32,
    #[serde(default)]
    pub mapping: Mapping,
}

/// Has an instance go on by another version, `to` being the one that [`Migration::to_version`] names: the state
/// afterwards, and what is to be appended to the history.
///
/// # Errors
///
/// It has ended, has changed since the operator looked, runs that version already, or something is in the way: then the
/// rejection names each of [`obstacles`]. Nothing is changed.
pub fn migrate(
    (from_version, from): (u32, &Definition),
    to: &Definition,
    state: State,
    migration: &Migration,
    context: &Context,
) -> Result<(State, Vec<Event>), Rejection> {
    let mut walk = Walk::new(to, context, state);
    let Migration { operator, to_version, mapping } = migration;
    in_time(&walk, operator)?;
    if from_version == *to_version {
        return Err(rejection("same-version", "/to_version", format!("This instance runs version {to_version}.")));
    }
    if walk.state.compensation.is_some() {
        return Err(rejection("compensating", "", UNDOING));
    }
    let findings = obstacles(from, to, &walk.state, mapping);
    invalid("cannot-migrate", "", &findings).map_err(|refused| Rejection { findings, ..refused })?;
    let Operator { by, reason, .. } = operator.clone();
    let nodes = renamed(to, &walk.state, mapping);
    let waits = more_waits(to, &walk.state, &nodes);
    walk.record(Event::Migrated { from_version, to_version: *to_version, nodes, waits, by, reason });
    Ok(walk.finish())
}

/// All that keeps an instance in this state from going on by `to`; nothing when it can. Pointers lead into the request
/// (`/mapping/NODE`, for what the node's place in the new version is wrong with) or to what the instance waits for
/// (`/tokens/ID`, `/unanswered/COMMAND`, `/undo/NODE`).
pub fn obstacles(from: &Definition, to: &Definition, state: &State, mapping: &Mapping) -> Vec<Diagnostic> {
    let nodes = renamed(to, state, mapping);
    let mut check = Check { from, to, state, mapping, nodes, found: Vec::new(), seen: BTreeSet::new() };
    check.whole();
    check.found
}

/// The names that change: the mapping, and the joins of forks, which follow from the forks.
fn renamed(to: &Definition, state: &State, mapping: &Mapping) -> Mapping {
    let mut nodes = mapping.clone();
    for token in &state.tokens {
        let Place::Fork { join, .. } = &token.place else { continue };
        let fork = to.nodes.get(mapping.get(&token.node).unwrap_or(&token.node));
        if let Some(NodeKind::Fork(fork)) = fork.map(|node| &node.kind) {
            nodes.entry(join.clone()).or_insert_with(|| fork.join.clone());
        }
    }
    nodes.retain(|before, after| before != after);
    nodes
}

/// What the new version awaits besides, under the values that are awaited already.
fn more_waits(to: &Definition, state: &State, nodes: &Mapping) -> Vec<Watched> {
    let more = |token: u32, node: &str, waits: &[ValueWait]| {
        let value = &waits.first()?.value;
        let awaits = to.nodes.get(nodes.get(node).map_or(node, String::as_str))?.awaits()?;
        let known = |event_type: &&String| waits.iter().any(|wait| wait.event_type == **event_type);
        let new = awaits.on.keys().filter(|event_type| !known(event_type));
        let waits: Vec<ValueWait> =
            new.map(|event_type| ValueWait { event_type: event_type.clone(), value: value.clone() }).collect();
        (!waits.is_empty()).then_some(Watched { token, waits })
    };
    let tokens = state.tokens.iter().filter_map(|token| more(token.id, &token.node, token.waits()));
    let unsettled = state.unsettled.iter().filter_map(|it| more(it.watch, &it.node, &it.issued.waits));
    tokens.chain(unsettled).collect()
}

struct Check<'a> {
    from: &'a Definition,
    to: &'a Definition,
    state: &'a State,
    mapping: &'a Mapping,
    /// [`renamed`]
    nodes: Mapping,
    found: Vec<Diagnostic>,
    /// (pointer, code) of what was found: 1,000 tokens at one node have one obstacle.
    seen: BTreeSet<(String, &'static str)>,
}

impl Check<'_> {
    fn whole(&mut self) {
        if let Some(ending) = &self.state.ended {
            let message = format!("This instance has ended as {}; that is final.", ending.status.as_str());
            return self.add("instance-ended", String::new(), message);
        }
        if self.state.compensation.is_some() {
            return self.add("compensating", String::new(), UNDOING.to_owned());
        }
        for (before, after) in self.mapping {
            if !self.from.nodes.contains_key(before) {
                let message = format!("The version that it runs has no node `{}`.", shorten(before, 60));
                self.add("unknown-node", of_node(before), message);
            }
            if !self.to.nodes.contains_key(after) {
                let message = format!("The new version has no node `{}`.", shorten(after, 60));
                self.add("unknown-node", of_node(before), message);
            }
        }
        let (state, from, to) = (self.state, self.from, self.to);
        for token in &state.tokens {
            let Some(new) = to.nodes.get(self.target(&token.node)) else {
                self.no_target(&token.node, "a token stands there");
                continue;
            };
            self.scope(token);
            self.place(token, from.nodes.get(&token.node), new);
        }
        for entry in &state.unsettled {
            self.unsettled(entry);
        }
        self.undo_replies();
    }

    fn target<'s>(&'s self, node: &'s str) -> &'s str {
        self.nodes.get(node).map_or(node, String::as_str)
    }

    fn add(&mut self, code: &'static str, pointer: String, message: String) {
        if self.found.len() < OBSTACLES_MAX && self.seen.insert((pointer.clone(), code)) {
            self.found.push(Diagnostic::error(code, pointer, message));
        }
    }

    /// A mapping to a node that is not there has been told already.
    fn no_target(&mut self, node: &str, why: &str) {
        if !self.mapping.contains_key(node) {
            let message = format!("The new version has no node `{node}`, and {why}: say which node takes its place.");
            self.add("no-target", of_node(node), message);
        }
    }

    /// As with a token that is moved, only that what is around it may be called otherwise.
    fn scope(&mut self, token: &Token) {
        let around = token.parent.and_then(|parent| self.state.token(parent)).map(|it| self.target(&it.node));
        let (scopes, to) = (&self.to.scopes, self.target(&token.node));
        if scopes.is_anywhere(to) || scopes.around(to) == around || around.is_some_and(|it| scopes.ends(it, to)) {
            return;
        }
        let inside =
            |scope: Option<&str>| scope.map_or("not inside a fork or loop".into(), |it| format!("inside `{it}`"));
        let message = format!("`{to}` is {}, and the token is {}.", inside(scopes.around(to)), inside(around));
        self.add("across-scopes", of_node(&token.node), message);
    }

    fn place(&mut self, token: &Token, old: Option<&Node>, new: &Node) {
        match (token.waiting(), old.map(|node| &node.kind), &new.kind) {
            (Place::Incident(incident), _, _) => {
                // What failed before anything was opened is entered again, whatever stands there then.
                if let Attempt::Leave { port, message, forward, .. } = &incident.attempt {
                    if message.is_some() {
                        self.answered(token, port, forward.as_deref(), old, new);
                    }
                    self.way_on(token, port, new);
                }
            }
            (Place::Command(issued), Some(NodeKind::Command(old)), NodeKind::Command(command)) => {
                self.command(token, issued, old, command);
            }
            (Place::Wait { timer, .. }, Some(NodeKind::Wait { awaits: old }), NodeKind::Wait { awaits }) => {
                self.events(&token.node, old, awaits);
                self.time_limit(token, timer.is_some(), new.port(TIMEOUT).is_some());
                self.by_value(of_token(token.id), token.waits(), awaits);
            }
            (Place::Approval { timer, .. }, Some(NodeKind::Approval(old)), NodeKind::Approval(approval)) => {
                self.outcomes(&token.node, old, approval);
                self.time_limit(token, timer.is_some(), new.port(TIMEOUT).is_some());
            }
            (Place::Call { timer, .. }, Some(NodeKind::Call(old)), NodeKind::Call(call)) => {
                self.call(&token.node, old, call);
                self.time_limit(token, timer.is_some(), new.port(TIMEOUT).is_some());
            }
            (Place::Fork { join, timer }, _, NodeKind::Fork(fork)) => {
                if self.target(join) != fork.join {
                    let message = format!("The branches of `{}` come together at `{}`.", token.node, fork.join);
                    self.add("other-join", of_node(join), message);
                }
                self.time_limit(token, timer.is_some(), new.port(TIMEOUT).is_some());
            }
            (Place::ForEach(it), Some(NodeKind::ForEach(old)), NodeKind::ForEach(each)) => {
                if it.item != each.item || old.collect.is_some() != each.collect.is_some() {
                    let message = format!(
                        "`{}` has begun with its items as `{}`{}; a loop that names or gathers them otherwise cannot go on with them.",
                        token.node,
                        it.item,
                        if old.collect.is_some() { ", gathering results" } else { "" }
                    );
                    self.add("other-loop", of_node(&token.node), message);
                }
                self.time_limit(token, it.timer.is_some(), new.port(TIMEOUT).is_some());
            }
            (Place::Timer { .. }, _, NodeKind::Timer { .. }) => {}
            _ => {
                let (was, is) = (old.map_or("unknown", Node::kind_name), new.kind_name());
                let message = format!("`{}` is of the kind {was}, and {is} takes its place.", token.node);
                self.add("other-kind", of_node(&token.node), message);
            }
        }
    }

    fn command(&mut self, token: &Token, issued: &Issued, old: &Command, new: &Command) {
        self.same_command(&token.node, old, new);
        self.events(&token.node, &old.awaits, &new.awaits);
        self.undo(&token.node, issued.forward.is_some(), old.undo.as_ref(), new.undo.as_ref());
        // Between two attempts the timer is no time limit.
        let limited = issued.timer.is_some() && issued.rest.is_none();
        self.time_limit(token, limited, new.awaits.timeout.is_some());
        self.by_value(of_token(token.id), &issued.waits, &new.awaits);
    }

    /// It may have to be sent once more, under the id of its first attempt.
    fn same_command(&mut self, node: &str, old: &Command, new: &Command) {
        if (&old.send, &old.to) != (&new.send, &new.to) {
            let message = format!(
                "`{node}` has sent {} to {}, and what takes its place sends {} to {}.",
                old.send, old.to, new.send, new.to
            );
            self.add("other-command", of_node(node), message);
        }
    }

    /// The answer came already; what it says of the command's undoing is said when the token leaves.
    fn answered(&mut self, token: &Token, port: &str, forward: Option<&Forward>, old: Option<&Node>, new: &Node) {
        let old = old.filter(|old| old.kind_name() == new.kind_name() && !old.is_refusal(port));
        if let Some(old) = old {
            self.undo(&token.node, forward.is_some(), old.undo(), new.undo());
        }
    }

    fn way_on(&mut self, token: &Token, port: &str, new: &Node) {
        if new.port(port).is_none() {
            let node = &token.node;
            let message =
                format!("A token is about to leave `{node}` by `{port}`, which what takes its place has not.");
            self.add("no-port", of_node(node), message);
        }
    }

    fn events(&mut self, node: &str, old: &Awaits, new: &Awaits) {
        let missing: Vec<&str> = old.on.keys().filter(|it| !new.on.contains_key(*it)).map(String::as_str).collect();
        if !missing.is_empty() {
            let message = format!("`{node}` awaits {}, and what takes its place does not.", missing.join(", "));
            self.add("not-awaited", of_node(node), message);
        }
    }

    fn outcomes(&mut self, node: &str, old: &Approval, new: &Approval) {
        let form = |approval: &Approval, name: &str| {
            approval.outcomes.get(name).map(|it| it.form.as_ref().map(|form| form.source().clone()))
        };
        let other: Vec<&str> =
            old.outcomes.keys().map(String::as_str).filter(|name| form(old, name) != form(new, name)).collect();
        if !other.is_empty() {
            let message = format!(
                "Somebody was asked at `{node}` and can choose {}; what takes its place has not got that, or another form for it.",
                other.join(", ")
            );
            self.add("other-outcomes", of_node(node), message);
        }
    }

    fn call(&mut self, node: &str, old: &Call, new: &Call) {
        // Which instance was called is known as long as it is waited for.
        self.undo(node, true, old.undo.as_ref(), new.undo.as_ref());
        if old.process != new.process {
            let message =
                format!("`{node}` has called {}, and what takes its place calls {}.", old.process, new.process);
            self.add("other-process", of_node(node), message);
        }
        let missing: Vec<&str> = old.on.keys().filter(|it| !new.on.contains_key(*it)).map(String::as_str).collect();
        if !missing.is_empty() {
            let message =
                format!("`{node}` has a way on for {}, and what takes its place has none.", missing.join(", "));
            self.add("not-awaited", of_node(node), message);
        }
    }

    fn time_limit(&mut self, token: &Token, is_set: bool, is_known: bool) {
        if is_set && !is_known {
            let message = format!("A time limit is set at `{}`, and what takes its place has none.", token.node);
            self.add("no-timeout", of_token(token.id), message);
        }
    }

    fn by_value(&mut self, pointer: String, waits: &[ValueWait], new: &Awaits) {
        if let (Some(wait), None) = (waits.first(), &new.matching) {
            let message = format!(
                "{} is awaited by the value {}, and the new version matches none.",
                wait.event_type, wait.value
            );
            self.add("no-match", pointer, message);
        }
    }

    /// Whoever answers must find what undoes it. `is_known` is whether it was kept what was sent.
    fn undo(&mut self, node: &str, is_known: bool, old: Option<&Undo>, new: Option<&Undo>) {
        let message = match (old, new, is_known) {
            (Some(undo), None, true) => {
                format!("{} would undo what `{node}` has sent, and what takes its place has no undo.", undo.send)
            }
            (_, Some(undo), false) => {
                format!("What `{node}` has sent was not kept, so {} could not undo it.", undo.send)
            }
            _ => return,
        };
        self.add("other-undo", of_node(node), message);
    }

    /// A command that nobody answered: its reply has to be known as one, and to be undone if it was done. A child that was
    /// given up says to any call that it has ended.
    fn unsettled(&mut self, entry: &Unsettled) {
        let (from, to) = (self.from, self.to);
        if from.is_call(&entry.node) && to.is_call(self.target(&entry.node)) {
            let old = from.nodes.get(&entry.node).and_then(Node::undo);
            let new = to.nodes.get(self.target(&entry.node)).and_then(Node::undo);
            return self.undo(&entry.node, entry.issued.forward.is_some(), old, new);
        }
        let old = from.nodes.get(&entry.node).and_then(Node::command);
        let Some(new) = to.nodes.get(self.target(&entry.node)) else {
            return self.no_target(&entry.node, "it is not known yet whether it was done");
        };
        let (Some(old), Some(command)) = (old, new.command()) else {
            let message = format!("`{}` has sent a command, and what takes its place sends none.", entry.node);
            return self.add("other-kind", of_node(&entry.node), message);
        };
        self.same_command(&entry.node, old, command);
        self.events(&entry.node, &old.awaits, &command.awaits);
        self.undo(&entry.node, entry.issued.forward.is_some(), old.undo.as_ref(), command.undo.as_ref());
        let pointer = format!("/unanswered/{}", entry.command());
        self.by_value(pointer, &entry.issued.waits, &command.awaits);
    }

    /// What is said by value of an undo has to be read by some node of the new version.
    fn undo_replies(&mut self) {
        let to = self.to;
        let reads = |event_type: &str| {
            let awaits = |node: &&Node| node.awaited().any(|it| it == event_type);
            to.nodes.values().filter(awaits).any(|node| node.awaits().is_some_and(|it| it.matching.is_some()))
        };
        for undoable in self.state.done.iter().filter(|it| it.value.is_some()) {
            if let Some(deaf) = undoable.replies().find(|it| !reads(it)) {
                let message = format!(
                    "{} would undo `{}`, and no node of the new version reads by which value {deaf} answers it.",
                    undoable.send, undoable.node
                );
                self.add("no-match", format!("/undo/{}", pointer_token(&undoable.node)), message);
            }
        }
    }
}

fn of_node(node: &str) -> String {
    format!("/mapping/{}", pointer_token(node))
}

fn of_token(token: u32) -> String {
    format!("/tokens/{token}")
}
