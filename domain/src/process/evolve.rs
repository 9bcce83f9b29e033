//! The only way state changes.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Attempt, Compensation, Ending, Event, Expiry, Issued, Loop, Place, Rest, State, Status, Token, Watched};
use crate::{
    format::V1,
    ids::{InstanceId, MessageId},
    message::serialised_bytes,
};

/// The state after `event`. Folding a whole history from `None` yields the snapshot, exactly.
///
/// A history begins with [`Event::Started`] or [`Event::RestartedFrom`] and has no second one. Should one not, nothing panics: what came before the
/// start is forgotten, and a second start changes nothing.
pub fn evolve(state: Option<State>, event: &Event) -> State {
    match (state, event) {
        (None, Event::Started { instance, definition, input, business_key, by, at, node, trigger, parent }) => State {
            instance: *instance,
            definition: definition.clone(),
            business_key: business_key.clone(),
            started_by: by.clone(),
            started_at: *at,
            input: input.clone(),
            recent: trigger.iter().map(|message| message.id).collect(),
            parent: parent.clone(),
            tokens: vec![first_token(node)],
            tokens_made: 1,
            ..nothing()
        },
        (
            None,
            Event::RestartedFrom {
                instance,
                origin,
                definition,
                input,
                vars,
                business_key,
                started_by,
                started_at,
                node,
                done,
                unsettled,
                ..
            },
        ) => State {
            instance: *instance,
            definition: definition.clone(),
            business_key: business_key.clone(),
            started_by: started_by.clone(),
            started_at: *started_at,
            input: input.clone(),
            vars: vars.clone(),
            restarted_from: Some(*origin),
            tokens: vec![first_token(node)],
            tokens_made: unsettled.iter().map(|it| it.watch).fold(1, u32::max),
            done: done.clone(),
            unsettled: unsettled.clone(),
            ..nothing()
        },
        (None, _) => nothing(),
        (Some(mut state), event) => {
            apply(&mut state, event);
            state
        }
    }
}

fn first_token(node: &str) -> Token {
    Token { id: 1, node: node.to_owned(), place: Place::Passing, parent: None, index: None, frame: None }
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
        tokens_made: 0,
        done: Vec::new(),
        unsettled: Vec::new(),
        compensation: None,
        sequence: 0,
        suspended: false,
        held: Vec::new(),
        buffer: Vec::new(),
        recent: VecDeque::new(),
        expiries: Vec::new(),
        parent: None,
        restarted_from: None,
        restarted_as: None,
        ended: None,
    }
}

/// [`evolve`] in place, for events after the first.
pub(super) fn apply(state: &mut State, event: &Event) {
    match event {
        Event::Started { .. } | Event::RestartedFrom { .. } => {}
        Event::Moved { token, to, set, .. } => {
            drop_inside(state, *token);
            set_variables(state, Some(*token), set);
            arrive(state, *token, to);
        }
        Event::CommandSent { token, command, timer, waits, forward, .. } => {
            count(state, command.id.0);
            count_timer(state, timer.map(|due| due.timer.0));
            if let Some(token) = state.token_mut(*token) {
                let mut issued = match std::mem::replace(&mut token.place, Place::Passing) {
                    Place::Command(before) => again(*before, command.id),
                    _ => Issued::new(command.id),
                };
                issued.timer = timer.map(|due| due.timer);
                issued.waits.extend(waits.iter().cloned());
                if forward.is_some() {
                    issued.forward.clone_from(forward);
                }
                token.place = Place::Command(Box::new(issued));
            }
        }
        Event::UndoSent { token, command, timer, waits, .. } => {
            count(state, command.id.0);
            count_timer(state, timer.map(|due| due.timer.0));
            if let Some(token) = state.token_mut(*token) {
                let mut issued = match std::mem::replace(&mut token.place, Place::Passing) {
                    Place::Compensating { undo: Some(before) } => again(*before, command.id),
                    _ => Issued::new(command.id),
                };
                issued.timer = timer.map(|due| due.timer);
                issued.waits.extend(waits.iter().cloned());
                token.place = Place::Compensating { undo: Some(Box::new(issued)) };
            }
        }
        Event::WaitBegan { token, timer, waits, .. } => {
            count_timer(state, timer.map(|due| due.timer.0));
            place(state, *token, Place::Wait { timer: timer.map(|due| due.timer), waits: waits.clone() });
        }
        Event::TaskOpened { token, task, timer, handovers, .. } => {
            count(state, task.task.0);
            count_timer(state, timer.map(|due| due.timer.0));
            handovers.iter().for_each(|handover| count(state, handover.due.timer.0));
            let (task, timer, handovers) = (task.task, timer.map(|due| due.timer), handovers.clone());
            place(state, *token, Place::Approval { task, timer, handovers });
        }
        Event::TaskEscalated { token, timer, .. } => {
            if let Some(Place::Approval { handovers, .. }) = state.token_mut(*token).map(|token| &mut token.place) {
                handovers.retain(|handover| handover.due.timer != *timer);
            }
        }
        Event::RetryPlanned { token, message, timer, .. } => {
            count(state, timer.timer.0);
            if let Some(message) = message {
                state.remember(message.id);
            }
            if let Some(Place::Command(issued)) = state.token_mut(*token).map(|token| &mut token.place) {
                issued.rest = Some(if message.is_some() { Rest::Refused } else { Rest::Unanswered });
                issued.timer = Some(timer.timer);
            }
        }
        Event::Called { token, child, command, timer, .. } => {
            count(state, command.id.0);
            count_timer(state, timer.map(|due| due.timer.0));
            let (command, child, timer) = (command.id, *child, timer.map(|due| due.timer));
            place(state, *token, Place::Call { command, child, timer });
        }
        Event::ChildGivenUp { .. } | Event::ParentTold { .. } => {}
        Event::TimerSet { token, timer, .. } => {
            count(state, timer.timer.0);
            place(state, *token, Place::Timer { timer: timer.timer });
        }
        Event::MessageReceived { token, message, .. } => {
            unbuffer(state, message.id);
            place(state, *token, Place::Passing);
        }
        Event::TimerFired { token, .. } | Event::TaskCompleted { token, .. } | Event::Skipped { token, .. } => {
            drop_inside(state, *token);
            place(state, *token, Place::Passing);
        }
        Event::Forked { token, join, branches, timer, .. } => {
            count_timer(state, timer.map(|due| due.timer.0));
            for branch in branches {
                set_variables(state, Some(*token), &branch.set);
                add_token(state, branch.token, &branch.to, Some(*token));
            }
            place(state, *token, Place::Fork { join: join.clone(), timer: timer.map(|due| due.timer) });
        }
        Event::Joined { token, .. } => state.tokens.retain(|it| it.id != *token),
        Event::LoopBegan { token, item, items, timer, .. } => {
            count_timer(state, timer.map(|due| due.timer.0));
            let left = items.iter().rev().cloned().collect();
            let (results, timer, item) = (Vec::new(), timer.map(|due| due.timer), item.clone());
            let it = Loop { left, begun: 0, item, results, result_bytes: 0, timer, pause: None };
            place(state, *token, Place::ForEach(Box::new(it)));
        }
        Event::ItemBegan { token, inner, index, to, .. } => {
            let begun = loop_mut(state, Some(*token)).and_then(|it| {
                it.begun += 1;
                Some(Map::from_iter([(it.item.clone(), it.left.pop()?)]))
            });
            if let Some(frame) = begun {
                add_token(state, *inner, to, Some(*token));
                if let Some(inner) = state.token_mut(*inner) {
                    (inner.index, inner.frame) = (Some(*index), Some(frame));
                }
            }
        }
        Event::ItemEnded { token, index, result, .. } => {
            let around = state.token(*token).and_then(|it| it.parent);
            state.tokens.retain(|it| it.id != *token);
            if let (Some(it), Some(result)) = (loop_mut(state, around), result) {
                let index = *index as usize;
                // No list is longer, whatever a history says.
                if index < super::ITEMS_MAX {
                    it.results.resize(it.results.len().max(index + 1), Value::Null);
                    it.result_bytes += serialised_bytes(result) + 1;
                    it.results[index] = result.clone();
                }
            }
        }
        Event::Gathered { token, .. } => place(state, *token, Place::Passing),
        Event::LoopPaused { token, timer, .. } => {
            count(state, timer.timer.0);
            if let Some(it) = loop_mut(state, Some(*token)) {
                it.pause = Some(timer.timer);
            }
        }
        Event::LoopWentOn { token, .. } => {
            if let Some(it) = loop_mut(state, Some(*token)) {
                it.pause = None;
            }
        }
        Event::Retried { token, .. } | Event::Resolved { token, .. } => {
            if let Some(token) = state.token_mut(*token) {
                token.place = match std::mem::replace(&mut token.place, Place::Passing) {
                    Place::Incident(incident) => match incident.attempt {
                        Attempt::Wait { place } => *place,
                        Attempt::Enter | Attempt::Leave { .. } => Place::Passing,
                    },
                    other => other,
                };
            }
        }
        Event::Relocated { token, to, .. } => {
            drop_inside(state, *token);
            arrive(state, *token, to);
        }
        Event::MessageBuffered { message, timer } => {
            state.buffer.push(message.as_ref().clone());
            if let Some(due) = timer {
                count(state, due.timer.0);
                state.expiries.push(Expiry { message: message.id, timer: due.timer });
            }
        }
        Event::MessageExpired { message, .. } => unbuffer(state, *message),
        Event::Held { arrival } => state.held.push(arrival.clone()),
        Event::MessageLate { message } => state.remember(message.id),
        Event::IncidentRaised { token, incident, .. } => place(state, *token, Place::Incident(incident.clone())),
        Event::Asked { token, about, query, timer, .. } => {
            count(state, query.id.0);
            count_timer(state, timer.map(|due| due.timer.0));
            if let Some(issued) = issued_mut(state, *token, *about) {
                issued.queries.push(query.id);
                issued.asked += 1;
                issued.timer = timer.map(|due| due.timer);
            }
        }
        Event::TimeNoted { token, about, .. } => {
            if let Some(issued) = issued_mut(state, *token, *about) {
                issued.timer = None;
                issued.asked = 0;
            }
        }
        Event::StepSucceeded { undo, .. } => state.done.push(undo.as_ref().clone()),
        Event::StepUnsettled { unsettled, .. } => {
            state.tokens_made = state.tokens_made.max(unsettled.watch);
            state.unsettled.push(unsettled.as_ref().clone());
        }
        Event::StepSettled { command, message, undo, failure, .. } => {
            if let Some(message) = message {
                state.remember(message.id);
            }
            state.done.extend(undo.as_deref().cloned());
            match state.unsettled.iter_mut().find(|it| it.command() == *command) {
                Some(known) if failure.is_some() => {
                    known.reply.clone_from(message);
                    known.issued.timer = None;
                    known.issued.waits.clear();
                }
                _ => state.unsettled.retain(|it| it.command() != *command),
            }
        }
        Event::SettlementAwaited { command, timer, .. } => {
            count(state, timer.timer.0);
            if let Some(issued) = issued_mut(state, None, *command) {
                issued.timer = Some(timer.timer);
            }
        }
        Event::CompensationBegan { token, cause, .. } => {
            // What the token's own variables were goes on beside those of the instance.
            for (name, value) in state.frames(*token).unwrap_or_default() {
                state.vars.insert(name, value);
            }
            state.tokens.retain(|other| other.id == *token);
            if let Some(token) = state.token_mut(*token) {
                (token.parent, token.frame) = (None, None);
                token.place = Place::Compensating { undo: None };
            }
            state.compensation = Some(Compensation { token: *token, cause: cause.clone() });
            state.suspended = false;
            state.held.clear();
        }
        Event::Undone { token, command, .. } | Event::UndoSkipped { token, command, .. } => {
            state.done.retain(|undoable| undoable.command != *command);
            place(state, *token, Place::Compensating { undo: None });
        }
        Event::Compensated { token, .. } => {
            state.compensation = None;
            place(state, *token, Place::Passing);
        }
        Event::VariablesSet { token, set, .. } => set_variables(state, *token, set),
        Event::Migrated { nodes, waits, .. } => {
            rename(state, nodes);
            waits.iter().for_each(|it| watch(state, it));
        }
        Event::Suspended { .. } => state.suspended = true,
        Event::Resumed { .. } => {
            state.suspended = false;
            state.held.clear();
        }
        Event::Cancelled { reason, at, .. } => {
            end(state, Ending { status: Status::Cancelled, node: None, reason: Some(reason.clone()), at: *at })
        }
        Event::Abandoned { reason, at, .. } => {
            end(state, Ending { status: Status::Failed, node: None, reason: Some(reason.clone()), at: *at });
        }
        Event::RestartedAs { instance, reason, at, .. } => {
            state.restarted_as = Some(*instance);
            let reason = Some(format!("Restarted as {instance}: {reason}"));
            end(state, Ending { status: Status::Cancelled, node: None, reason, at: *at });
        }
        Event::Ended { node, status, set, reason, at, .. } => {
            if state.ended.is_none() {
                set_variables(state, None, set);
            }
            end(state, Ending { status: *status, node: Some(node.clone()), reason: reason.clone(), at: *at });
        }
    }
}

fn add_token(state: &mut State, id: u32, node: &str, parent: Option<u32>) {
    state.tokens_made = state.tokens_made.max(id);
    state.tokens.push(Token { id, node: node.to_owned(), place: Place::Passing, parent, index: None, frame: None });
}

/// What a token waited for inside a fork or a loop is given up when it goes on.
fn drop_inside(state: &mut State, token: u32) {
    if state.children(token).next().is_some() {
        let inside: Vec<u32> = state.with_inside(token).iter().map(|it| it.id).filter(|id| *id != token).collect();
        state.tokens.retain(|it| !inside.contains(&it.id));
    }
}

fn loop_mut(state: &mut State, token: Option<u32>) -> Option<&mut Loop> {
    match &mut state.token_mut(token?)?.place {
        Place::ForEach(it) => Some(it),
        _ => None,
    }
}

/// The token comes to a node.
fn arrive(state: &mut State, token: u32, node: &str) {
    if let Some(token) = state.token_mut(token) {
        node.clone_into(&mut token.node);
        token.place = Place::Passing;
    }
}

/// Another attempt.
fn again(mut issued: Issued, command: MessageId) -> Issued {
    issued.earlier.push(std::mem::replace(&mut issued.command, command));
    (issued.asked, issued.rest, issued.queries_before) = (0, None, issued.queries.len());
    issued
}

/// A message is dealt with: it is not kept any longer, only remembered.
fn unbuffer(state: &mut State, message: MessageId) {
    state.buffer.retain(|buffered| buffered.id != message);
    state.expiries.retain(|expiry| expiry.message != message);
    state.remember(message);
}

/// The command that `about` is the first attempt of: the one that the token waits for, or else an unsettled one.
fn issued_mut(state: &mut State, token: Option<u32>, about: MessageId) -> Option<&mut Issued> {
    match token {
        Some(token) => match &mut state.token_mut(token)?.place {
            Place::Command(issued) | Place::Compensating { undo: Some(issued) } => Some(issued.as_mut()),
            _ => None,
        },
        None => state.unsettled.iter_mut().find(|it| it.command() == about).map(|it| &mut it.issued),
    }
}

/// Sets variables of the innermost frame around the token, or else of the instance.
fn set_variables(state: &mut State, token: Option<u32>, set: &Map<String, Value>) {
    if set.is_empty() {
        return;
    }
    let owner = token.and_then(|token| state.ancestry(token).find(|it| it.frame.is_some()).map(|it| it.id));
    let target = match owner.and_then(|owner| state.token_mut(owner)).and_then(|owner| owner.frame.as_mut()) {
        Some(frame) => frame,
        None => &mut state.vars,
    };
    for (name, value) in set {
        target.insert(name.clone(), value.clone());
    }
}

/// Nodes are called otherwise from now on, wherever they are named.
fn rename(state: &mut State, nodes: &BTreeMap<String, String>) {
    let rename = |node: &mut String| {
        if let Some(after) = nodes.get(node) {
            node.clone_from(after);
        }
    };
    for token in &mut state.tokens {
        rename(&mut token.node);
        match &mut token.place {
            Place::Fork { join, .. } => rename(join),
            Place::Incident(incident) => {
                rename(&mut incident.node);
                if let Attempt::Wait { place } = &mut incident.attempt
                    && let Place::Fork { join, .. } = place.as_mut()
                {
                    rename(join);
                }
            }
            _ => {}
        }
    }
    state.done.iter_mut().for_each(|undoable| rename(&mut undoable.node));
    state.unsettled.iter_mut().for_each(|entry| rename(&mut entry.node));
}

/// Adds to what is awaited by value.
fn watch(state: &mut State, watched: &Watched) {
    let State { tokens, unsettled, .. } = state;
    let token = tokens.iter_mut().find(|token| token.id == watched.token).and_then(Token::waits_mut);
    let unsettled = unsettled.iter_mut().find(|it| it.watch == watched.token).map(|it| &mut it.issued.waits);
    if let Some(waits) = token.or(unsettled) {
        waits.extend(watched.waits.iter().cloned());
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
        state.done.clear();
        state.unsettled.clear();
        state.compensation = None;
        state.held.clear();
        state.buffer.clear();
        state.expiries.clear();
    }
}
