//! Restart: a new instance takes over from an earlier point of another one's history.
//!
//! Nothing of the original is taken back or changed. The new instance begins at the node where the original's only token
//! stood then, with the variables of then, and enters that node anew, so what is sent has new ids. Whatever of the
//! original is still in force (steps that can be undone, commands that nobody answered) is handed over, so that it is
//! undone by the new instance, once, or by nobody. An original that has not ended ends with it: there are never two that
//! do the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Arrival, Context, Definition, Event, KEPT_MAX, Operator, Place, Rejection, State, Status, Token, Undoable,
    Unsettled,
    decide::{checked_input, is_awaited_later},
    evolve::{self, evolve},
    operate::check_set,
    rejection::{as_seen, rejection},
    walk::Walk,
};
use crate::{
    ids::{InstanceId, MessageId},
    message::Message,
};

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    #[serde(flatten)]
    pub operator: Operator,
    /// The event of the history after which the new instance begins, counted from 1.
    pub at: u64,
    /// Variables that are other than they were.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// Takes the place of the original's input.
    #[serde(default)]
    pub input: Option<Value>,
    /// The operation on many instances that asks for it.
    #[serde(default)]
    pub batch: Option<Uuid>,
}

/// Where an instance was restarted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub instance: InstanceId,
    /// The event of its history, counted from 1.
    pub sequence: u64,
}

/// What a history tells about going back to one of its events. Read it to its end with [`note`](Self::note).
#[derive(Debug, Clone)]
pub struct Replay {
    at: u64,
    recorded: u64,
    now: Option<State>,
    /// The state after event `at`, its nodes called as they are called now.
    then: Option<State>,
    /// Whether event `at` left the token with its step ahead of it, or in the midst of it.
    is_point: bool,
    /// The state before it ended, if it has.
    living: Option<State>,
    /// What was undone after event `at`.
    undone: Vec<MessageId>,
}

/// The points of a history by the names of their nodes, for who asks many instances to begin anew at one node. Read the
/// history to its end with [`note`](Self::note).
#[derive(Debug, Clone, Default)]
pub struct Entries {
    recorded: u64,
    now: Option<State>,
    /// The event by which it came to a node last.
    last: BTreeMap<String, u64>,
    batch: Option<Uuid>,
}

/// What a restart leads to: the state and the new events of both instances.
#[derive(Debug, Clone, PartialEq)]
pub struct Restarted {
    pub original: (State, Vec<Event>),
    pub instance: (State, Vec<Event>),
}

impl Replay {
    /// Of going back to the event `at`, counted from 1.
    pub fn new(at: u64) -> Self {
        let undone = Vec::new();
        Self { at, recorded: 0, now: None, then: None, is_point: false, living: None, undone }
    }

    /// How many events were noted.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// How the instance was after event `at`; `None` when there is no such event.
    pub fn then(&self) -> Option<&State> {
        self.then.as_ref()
    }

    /// Takes note of the next event of the history.
    pub fn note(&mut self, event: &Event) {
        self.recorded += 1;
        let before = self.now.take();
        if ends(event) && before.as_ref().is_some_and(|it| it.ended.is_none()) {
            self.living.clone_from(&before);
        }
        let after = evolve(before, event);
        if self.recorded == self.at {
            self.is_point = is_point(&after, event);
            self.then = Some(after.clone());
        } else if let Some(then) = &mut self.then {
            match event {
                // The new instance runs the version that the original runs now.
                Event::Migrated { .. } => evolve::apply(then, event),
                Event::Undone { command, .. } => self.undone.push(*command),
                _ => {}
            }
        }
        self.now = Some(after);
    }
}

impl Entries {
    /// How many events were noted.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// The operation on many instances by which it took over from another one.
    pub fn batch(&self) -> Option<Uuid> {
        self.batch
    }

    /// Takes note of the next event of the history.
    pub fn note(&mut self, event: &Event) {
        self.recorded += 1;
        let after = evolve(self.now.take(), event);
        match event {
            Event::Migrated { nodes, .. } => self.rename(nodes),
            Event::RestartedFrom { batch, .. } => self.batch = *batch,
            _ => {}
        }
        if is_entry(&after, event) {
            self.last.insert(after.tokens[0].node.clone(), self.recorded);
        }
        self.now = Some(after);
    }

    /// Nodes are asked for by the names of the version that the instance runs now.
    fn rename(&mut self, nodes: &BTreeMap<String, String>) {
        for (node, at) in std::mem::take(&mut self.last) {
            let last = self.last.entry(nodes.get(&node).cloned().unwrap_or(node)).or_default();
            *last = at.max(*last);
        }
    }

    /// The event, counted from 1, by which it came to `node` last, where a new instance could begin.
    ///
    /// # Errors
    ///
    /// It never came there, or only inside of a fork or loop.
    pub fn last(&self, node: &str) -> Result<u64, Rejection> {
        self.last.get(node).copied().ok_or_else(|| {
            let message = format!("It did not come to `{node}` outside of forks and loops.");
            rejection("no-point", "/node", message)
        })
    }
}

fn ends(event: &Event) -> bool {
    matches!(event, Event::Ended { .. } | Event::Cancelled { .. } | Event::Abandoned { .. } | Event::RestartedAs { .. })
}

/// Whether `event` brought a token to a node, which it has not entered yet.
fn is_arrival(event: &Event) -> bool {
    matches!(event, Event::Started { .. } | Event::Moved { .. } | Event::Relocated { .. } | Event::RestartedFrom { .. })
}

/// Whether a new instance could begin after `event`, which led to `state`.
fn is_point(state: &State, event: &Event) -> bool {
    standing(state).is_ok_and(|token| is_arrival(event) || !matches!(token.place, Place::Passing))
}

/// Whether a token came to a node by `event`, which led to `state`, where a new instance could begin: these are the points
/// that people choose between.
pub fn is_entry(state: &State, event: &Event) -> bool {
    is_arrival(event) && standing(state).is_ok()
}

/// The only token, outside of forks and loops.
fn standing(state: &State) -> Result<&Token, String> {
    if state.ended.is_some() {
        return Err("it had ended by then; choose a point before that".to_owned());
    }
    if state.compensation.is_some() {
        return Err("what was done was being undone then; choose a point before that began".to_owned());
    }
    match state.tokens.as_slice() {
        [only] if only.parent.is_none() && !matches!(only.place, Place::Fork { .. } | Place::ForEach(_)) => Ok(only),
        tokens => {
            let around = tokens.iter().find(|it| matches!(it.place, Place::Fork { .. } | Place::ForEach(_)));
            let around = around.map_or_else(String::new, |it| format!(" `{}`", it.node));
            Err(format!(
                "it was inside the fork or loop{around} then; choose a point before that began, or after it was over"
            ))
        }
    }
}

/// Why an instance in this state cannot be restarted from anywhere.
pub(super) fn refuse(definition: Option<&Definition>, state: &State) -> Result<(), Rejection> {
    if definition.is_some_and(|it| it.correlation.is_some()) {
        let message = "A saga has one instance for each value, and events about the value go to that one; retry, skip \
                       or move its steps instead.";
        return Err(rejection("saga", "", message));
    }
    if let Some(instance) = state.restarted_as {
        let message = format!("It was restarted as {instance} already; operate, or restart, that one.");
        return Err(rejection("already-restarted", "", message));
    }
    if let Some(parent) = &state.parent {
        let message = format!("{} called it and goes by how it ends; restart that one instead.", parent.instance);
        return Err(rejection("called", "", message));
    }
    if state.ended.is_some() {
        return Ok(());
    }
    if state.compensation.is_some() {
        let message = "What was done is being undone; wait for its end, or abandon that, and choose a point then.";
        return Err(rejection("compensating", "", message));
    }
    match state.status() {
        Status::Suspended | Status::Stuck => Ok(()),
        _ => {
            let message = "It goes on by itself, and two would do the same: suspend or cancel it first.";
            Err(rejection("not-at-rest", "", message))
        }
    }
}

/// Has a new instance, `new`, take over from the point that `replay` went back to. `state` is the original's now, and
/// `context` is about it.
///
/// # Errors
///
/// It has changed since the operator, or `replay`, looked; it cannot be restarted now; the point is none; or what is
/// changed breaks a rule. Nothing is changed then.
pub fn restart(
    definition: &Definition,
    state: State,
    replay: &Replay,
    asked: &Restart,
    new: InstanceId,
    context: &Context,
) -> Result<Restarted, Rejection> {
    let Restart { operator, at, variables, input, batch } = asked;
    as_seen(context, operator)?;
    as_seen(context, &Operator { expected: Some(replay.recorded), ..operator.clone() })?;
    refuse(Some(definition), &state)?;
    let Some(then) = &replay.then else {
        let message = format!("The history of this instance has the events 1 to {}.", context.recorded);
        return Err(rejection("unknown-event", "/at", message));
    };
    let node = begins_at(definition, replay, then)?;
    let input = match input {
        Some(input) => checked_input(definition, input)?,
        None => then.input.clone(),
    };
    check_set(&Walk::new(definition, context, then.clone()), variables, "/variables")?;
    let mut vars = then.vars.clone();
    vars.extend(variables.clone());

    let Operator { by, reason, .. } = operator.clone();
    let mut walk = Walk::new(definition, context, state);
    let Handed { done, unsettled, early } = hand_over(&mut walk, replay.living.as_ref());
    let closed = walk.state.open();
    walk.record(Event::RestartedAs {
        instance: new,
        sequence: *at,
        by: by.clone(),
        reason: reason.clone(),
        at: context.now,
        closed,
    });
    let origin = Origin { instance: context.instance, sequence: *at };
    let begun = Event::RestartedFrom {
        instance: new,
        origin,
        definition: then.definition.clone(),
        input,
        vars,
        business_key: then.business_key.clone(),
        started_by: then.started_by.clone(),
        started_at: then.started_at,
        node: node.clone(),
        done,
        unsettled,
        batch: *batch,
        by,
        reason,
        at: context.now,
    };
    let original = walk.finish();
    let context = Context { instance: new, now: context.now, recorded: 0 };
    Ok(Restarted { original, instance: begin(definition, begun, node, early, &context) })
}

/// The node where the new instance begins.
fn begins_at(definition: &Definition, replay: &Replay, then: &State) -> Result<String, Rejection> {
    let at = replay.at;
    let refused = |code, why: &str| Err(rejection(code, "/at", format!("At event {at} {why}.")));
    let token = match standing(then) {
        Ok(token) => token,
        Err(why) => return refused("no-point", &why),
    };
    if !replay.is_point {
        return refused("no-point", "a step was over and the next one had not begun; choose the event after it");
    }
    if let Some(step) = then.done.iter().find(|step| replay.undone.contains(&step.command)) {
        return refused(
            "undone-since",
            &format!(
                "`{}` was done, which was undone since; choose a point before that step, or start another instance",
                step.node
            ),
        );
    }
    let scopes = &definition.scopes;
    match definition.nodes.contains_key(&token.node) {
        true if scopes.is_anywhere(&token.node) || scopes.around(&token.node).is_none() => Ok(token.node.clone()),
        true => refused("no-point", &format!("it stood at `{}`, which is inside a fork or loop now", token.node)),
        false => refused("no-point", &format!("it stood at `{}`, which its version does not have", token.node)),
    }
}

/// What the new instance takes over.
struct Handed {
    done: Vec<Undoable>,
    unsettled: Vec<Unsettled>,
    /// Events that came before a node waited for them.
    early: Vec<Message>,
}

/// What is still in force of the original: of an ended one, as it was when it ended.
fn hand_over(walk: &mut Walk<'_>, living: Option<&State>) -> Handed {
    let mut before = living.filter(|_| walk.state.ended.is_some()).map(|living| {
        // What is left undecided is only made out here; the history of what has ended says no more about it.
        Walk::new(walk.definition, walk.context, living.clone())
    });
    let walk = before.as_mut().unwrap_or(walk);
    for token in walk.state.tokens.clone() {
        walk.unsettle(&token);
    }
    let held = walk.state.held.clone();
    walk.settle_by(&held);
    let State { done, unsettled, buffer, .. } = &walk.state;
    let held = held.iter().filter_map(|arrival| match arrival {
        Arrival::Message { message } => Some(message.as_ref()),
        Arrival::Timer { .. } => None,
    });
    let early = buffer
        .iter()
        .chain(held)
        .filter(|it| is_awaited_later(walk.definition, &it.message_type) && !walk.state.recent.contains(&it.id));
    let early = early.take(KEPT_MAX).cloned().collect();
    // A child tells the instance that called it of its end, not this one. Token 1 is the new instance's own.
    let commands = unsettled.iter().filter(|it| !walk.definition.is_call(&it.node));
    let renumbered = commands.zip(2..).map(|(entry, watch)| {
        let mut entry = Unsettled { watch, ..entry.clone() };
        entry.issued.timer = None;
        entry
    });
    Handed { done: done.clone(), unsettled: renumbered.collect(), early }
}

fn begin(
    definition: &Definition,
    begun: Event,
    node: String,
    early: Vec<Message>,
    context: &Context,
) -> (State, Vec<Event>) {
    let mut walk = Walk::new(definition, context, evolve(None, &begun));
    walk.events.push(begun);
    for message in early {
        walk.keep(&message);
    }
    walk.go(1, node);
    walk.finish()
}
