//! The only way state changes.

use std::collections::VecDeque;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Arrival, Closed, Ending, Event, Place, State, Status, Token};
use crate::{format::V1, ids::InstanceId};

/// The state after `event`. Folding a whole history from `None` yields the snapshot, exactly.
///
/// A history begins with [`Event::Started`] and has no second one. Should one not, nothing panics: what came before the
/// start is forgotten, and a second start changes nothing.
pub fn evolve(state: Option<State>, event: &Event) -> State {
    match (state, event) {
        (None, Event::Started { instance, definition, input, business_key, by, at, node }) => State {
            instance: *instance,
            definition: definition.clone(),
            business_key: business_key.clone(),
            started_by: by.clone(),
            started_at: *at,
            input: input.clone(),
            tokens: vec![Token { id: 1, node: node.clone(), place: Place::Passing }],
            ..nothing()
        },
        (None, _) => nothing(),
        (Some(mut state), event) => {
            apply(&mut state, event);
            state
        }
    }
}

fn nothing() -> State {
    State {
        v: V1,
        instance: InstanceId(Uuid::nil()),
        definition: String::new(),
        business_key: None,
        started_by: String::new(),
        started_at: chrono::DateTime::UNIX_EPOCH,
        input: Value::Null,
        vars: Map::new(),
        tokens: Vec::new(),
        sequence: 0,
        suspended: false,
        held: Vec::new(),
        buffer: Vec::new(),
        recent: VecDeque::new(),
        ended: None,
    }
}

/// [`evolve`] in place, for events after the first.
pub(super) fn apply(state: &mut State, event: &Event) {
    match event {
        Event::Started { .. } => {}
        Event::Moved { token, to, set, .. } => {
            set_variables(state, set);
            if let Some(token) = state.token_mut(*token) {
                token.node.clone_from(to);
                token.place = Place::Passing;
            }
        }
        Event::CommandSent { token, command, timer, waits, .. } => {
            count(state, command.id.0);
            count_timer(state, timer.map(|due| due.timer.0));
            let timer = timer.map(|due| due.timer);
            place(state, *token, Place::Command { command: command.id, timer, waits: waits.clone() });
        }
        Event::WaitBegan { token, timer, waits, .. } => {
            count_timer(state, timer.map(|due| due.timer.0));
            place(state, *token, Place::Wait { timer: timer.map(|due| due.timer), waits: waits.clone() });
        }
        Event::TaskOpened { token, task, timer, .. } => {
            count(state, task.task.0);
            count_timer(state, timer.map(|due| due.timer.0));
            place(state, *token, Place::Approval { task: task.task, timer: timer.map(|due| due.timer) });
        }
        Event::TimerSet { token, timer, .. } => {
            count(state, timer.timer.0);
            place(state, *token, Place::Timer { timer: timer.timer });
        }
        Event::MessageReceived { token, message, .. } => {
            state.buffer.retain(|buffered| buffered.id != message.id);
            state.remember(message.id);
            place(state, *token, Place::Passing);
        }
        Event::TimerFired { token, .. } | Event::TaskCompleted { token, .. } | Event::Retried { token, .. } => {
            place(state, *token, Place::Passing);
        }
        Event::MessageBuffered { message } => state.buffer.push(message.as_ref().clone()),
        Event::Held { arrival } => state.held.push(arrival.clone()),
        Event::MessageLate { message } => state.remember(message.id),
        Event::IncidentRaised { token, incident, .. } => place(state, *token, Place::Incident(incident.clone())),
        Event::Suspended { .. } => state.suspended = true,
        Event::Resumed { .. } => {
            state.suspended = false;
            state.held.clear();
        }
        Event::Cancelled { reason, at, .. } => {
            end(state, Ending { status: Status::Cancelled, node: None, reason: Some(reason.clone()), at: *at })
        }
        Event::Ended { node, status, set, reason, at, .. } => {
            if state.ended.is_none() {
                set_variables(state, set);
            }
            end(state, Ending { status: *status, node: Some(node.clone()), reason: reason.clone(), at: *at });
        }
    }
}

fn set_variables(state: &mut State, set: &Map<String, Value>) {
    for (name, value) in set {
        state.vars.insert(name.clone(), value.clone());
    }
}

fn place(state: &mut State, token: u32, place: Place) {
    if let Some(token) = state.token_mut(token) {
        token.place = place;
    }
}

fn count_timer(state: &mut State, timer: Option<Uuid>) {
    if let Some(timer) = timer {
        count(state, timer);
    }
}

fn count(state: &mut State, child: Uuid) {
    if let Some(number) = state.instance.number_of(child) {
        state.sequence = state.sequence.max(number);
    }
}

/// Terminal states never change: only the first ending counts.
fn end(state: &mut State, ending: Ending) {
    if state.ended.is_none() {
        state.ended = Some(ending);
        state.suspended = false;
        state.tokens.clear();
        state.held.clear();
        state.buffer.clear();
    }
}

impl Closed {
    /// Both together.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.timers.extend(other.timers);
        self.tasks.extend(other.tasks);
        self.waits.extend(other.waits);
        self
    }

    /// Without the timer or task that closed itself by firing or being completed.
    pub(super) fn without(mut self, child: Uuid) -> Self {
        self.timers.retain(|timer| timer.0 != child);
        self.tasks.retain(|task| task.0 != child);
        self
    }
}

impl Arrival {
    /// Whether this is the timer.
    pub(super) fn is_timer(&self, wanted: crate::ids::TimerId) -> bool {
        matches!(self, Self::Timer { timer } if *timer == wanted)
    }
}
