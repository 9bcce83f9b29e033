//! What a timer leads to.

use super::{
    Arrival, Attempt, Closed, Event, Forward, Handover, IncidentKind, Issued, Place, Token, Unsettled,
    definition::{Ask, Then, Timeout},
    ports::{NEXT, TIMEOUT},
    walk::{Exit, Walk},
};
use crate::{
    ids::{TaskId, TimerId},
    message::Message,
};

/// A timer that nothing waits for any more is ignored: its node was left in the meantime.
pub(super) fn fire(walk: &mut Walk<'_>, timer: TimerId) {
    let token = walk.state.tokens.iter().find(|token| token.timers().any(|it| it == timer)).cloned();
    let unsettled = walk.state.unsettled.iter().find(|it| it.issued.timer == Some(timer)).cloned();
    let expiry = walk.state.expiries.iter().find(|it| it.timer == timer).copied();
    if token.is_none() && unsettled.is_none() && expiry.is_none() {
        return;
    }
    if walk.state.suspended {
        if !walk.state.held.iter().any(|held| held.is_timer(timer)) {
            walk.record(Event::Held { arrival: Arrival::Timer { timer } });
        }
        return;
    }
    match (token, unsettled) {
        (Some(token), _) => match &token.place {
            Place::Command(issued) if issued.rest.is_some() => walk.rested(&token, timer),
            Place::Command(issued) => walk.command_unanswered(&token, issued, timer),
            Place::Compensating { undo: Some(issued) } => walk.undo_unanswered(&token, issued, timer),
            Place::Approval { task, handovers, .. } if handovers.iter().any(|it| it.due.timer == timer) => {
                walk.escalate(&token, *task, handovers, timer);
            }
            Place::ForEach(it) if it.pause == Some(timer) => walk.breathed(&token, timer),
            place => {
                let port = if matches!(place, Place::Timer { .. }) { NEXT } else { TIMEOUT };
                walk.leave_child(&token, "its caller did not wait any longer");
                walk.time_is_up(&token, timer);
                walk.leave_and_go(token.id, &token.node, Exit::by(port));
            }
        },
        (None, Some(entry)) => walk.settlement_overdue(&entry, timer),
        (None, None) => {
            if let Some(expiry) = expiry {
                let kept = walk.state.buffer.iter().find(|it| it.id == expiry.message);
                let message_type = kept.map_or_else(String::new, |it| it.message_type.clone());
                walk.record(Event::MessageExpired { message: expiry.message, message_type, timer });
            }
        }
    }
}

impl Walk<'_> {
    fn time_is_up(&mut self, token: &Token, timer: TimerId) {
        let closed = self.withdraw_inside(token).without(timer.0);
        self.record(Event::TimerFired { token: token.id, node: token.node.clone(), timer, closed });
    }

    /// A time-out means that nobody knows whether the command was done.
    fn command_unanswered(&mut self, token: &Token, issued: &Issued, timer: TimerId) {
        let command = self.definition.nodes.get(&token.node).and_then(|node| node.command());
        let Some((command, timeout)) = command.and_then(|it| Some((it, it.awaits.timeout.as_ref()?))) else {
            return self.note(Some(token.id), &token.node, issued, timer);
        };
        let may_ask = matches!(&timeout.then, Then::Ask(ask) if issued.asked < ask.times && issued.forward.is_some());
        if !may_ask && self.plan_retry(token, issued, None, Some(timer)) {
            return;
        }
        let reason = match (&timeout.then, &issued.forward) {
            (Then::Wait, _) => return self.note(Some(token.id), &token.node, issued, timer),
            (Then::Ask(ask), Some(forward)) if issued.asked < ask.times => {
                match self.inquire(Some(token.id), &token.node, ask, timeout, forward) {
                    Ok(()) => return,
                    Err(reason) => reason,
                }
            }
            (then, _) if matches!(then, Then::Leave(_)) || timeout.port().is_some() => {
                self.time_is_up(token, timer);
                if self.holds_up(&token.node).is_some() {
                    self.keep_unsettled(token, issued.clone(), None);
                }
                return self.leave_and_go(token.id, &token.node, Exit::by(TIMEOUT));
            }
            _ => format!("nobody answered {} in time; nobody knows whether it was done", command.send),
        };
        self.wait_stuck(token, timer, IncidentKind::Step, &token.node, reason);
    }

    /// Has a command sent again later, if its definition says so; whether it does.
    pub(super) fn plan_retry(
        &mut self,
        token: &Token,
        issued: &Issued,
        refusal: Option<&Message>,
        fired: Option<TimerId>,
    ) -> bool {
        let command = self.definition.nodes.get(&token.node).and_then(|node| node.command());
        let Some(retry) = command.and_then(|command| command.retry.as_ref()) else { return false };
        let why = refusal.map_or(TIMEOUT, |message| message.message_type.as_str());
        let attempt = u32::try_from(issued.earlier.len()).unwrap_or(u32::MAX).saturating_add(1);
        if attempt >= retry.attempts || issued.forward.is_none() || !retry.on.iter().any(|it| it == why) {
            return false;
        }
        let seed = issued.first().0.as_u64_pair();
        let due_at = self.context.now + retry.delay_after(attempt, seed.0 ^ seed.1);
        let Ok(timer) = self.due_timer(&mut self.state.sequence.clone(), due_at) else { return false };
        let closed = Closed { timers: token.timers().filter(|it| Some(*it) != fired).collect(), ..Closed::default() };
        let (token, node, message) = (token.id, token.node.clone(), refusal.cloned().map(Box::new));
        self.record(Event::RetryPlanned { token, node, attempt: attempt + 1, message, timer, closed });
        true
    }

    /// The time between two attempts is over.
    fn rested(&mut self, token: &Token, timer: TimerId) {
        if let Err(reason) = self.repeat(token) {
            self.wait_stuck(token, timer, IncidentKind::Step, &token.node, reason);
        }
    }

    fn escalate(&mut self, token: &Token, task: TaskId, handovers: &[Handover], timer: TimerId) {
        let Some(handover) = handovers.iter().find(|it| it.due.timer == timer).cloned() else { return };
        let Handover { assignee, candidate_group, .. } = handover;
        let (token, node) = (token.id, token.node.clone());
        self.record(Event::TaskEscalated { token, node, task, timer, assignee, candidate_group });
    }

    fn undo_unanswered(&mut self, token: &Token, issued: &Issued, timer: TimerId) {
        let Some(undoable) = self.state.done.last().cloned() else { return };
        let timeout = self.undo_of(&undoable.node).and_then(|undo| undo.timeout.as_ref());
        let reason = match timeout.map(|timeout| (timeout, &timeout.then)) {
            None | Some((_, Then::Wait)) => return self.note(Some(token.id), &undoable.node, issued, timer),
            Some((timeout, Then::Ask(ask))) if issued.asked < ask.times => {
                let (command, to, value) = (issued.first(), undoable.to.clone(), undoable.value.clone());
                let (key, payload) = (undoable.key.clone(), undoable.payload.clone());
                let about = Forward { command, to, key, payload, value };
                match self.inquire(Some(token.id), &undoable.node, ask, timeout, &about) {
                    Ok(()) => return,
                    Err(reason) => reason,
                }
            }
            Some(_) => format!("nobody answered {} in time; `{}` may not be undone", undoable.send, undoable.node),
        };
        self.wait_stuck(token, timer, IncidentKind::Undo, &undoable.node, reason);
    }

    /// The answer of a command that keeps the compensation waiting is overdue: it is asked for, or a person is told.
    fn settlement_overdue(&mut self, entry: &Unsettled, timer: TimerId) {
        if self.state.compensation.is_none() {
            return self.note(None, &entry.node, &entry.issued, timer);
        }
        let reason = match self.pursue(entry) {
            Ok(true) => return,
            Ok(false) => "nobody answered in time; say what became of it".to_owned(),
            Err(reason) => reason,
        };
        self.note(None, &entry.node, &entry.issued, timer);
        let token = self.state.compensation.as_ref().and_then(|it| self.state.token(it.token)).cloned();
        if let Some(token) = token {
            self.raise_settlement(&token, &entry.node, format!("`{}`: {reason}", entry.node));
        }
    }

    /// Asks what became of an unsettled command, if its definition says how and it was not asked too often.
    ///
    /// One that was handed over is not asked about: a question names the instance that asks, so what this instance did at
    /// the same step would be the answer.
    pub(super) fn pursue(&mut self, entry: &Unsettled) -> Result<bool, String> {
        if self.context.instance.number_of(entry.command().0).is_none() {
            return Ok(false);
        }
        let command = self.definition.nodes.get(&entry.node).and_then(|node| node.command());
        let timeout = command.and_then(|command| command.awaits.timeout.as_ref());
        let (Some(timeout), Some(forward)) = (timeout, &entry.issued.forward) else { return Ok(false) };
        match &timeout.then {
            Then::Ask(ask) if entry.issued.asked < ask.times => {
                self.inquire(None, &entry.node, ask, timeout, forward).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// Sends a question about a command; the next is due when the time-out has passed once more.
    pub(super) fn inquire(
        &mut self,
        token: Option<u32>,
        node: &str,
        ask: &Ask,
        timeout: &Timeout,
        about: &Forward,
    ) -> Result<(), String> {
        let frame = self.state.unsettled.iter().find(|it| token.is_none() && it.command() == about.command);
        let vars = match (token, frame) {
            (Some(token), _) => self.vars(token).into_owned(),
            (None, Some(entry)) => self.over(entry.frame.clone()),
            (None, None) => self.state.vars.clone(),
        };
        let (query, timer) = self.question(ask, timeout, about, &self.scope(&vars))?;
        self.record(Event::Asked { token, node: node.to_owned(), about: about.command, query, timer });
        Ok(())
    }

    fn note(&mut self, token: Option<u32>, node: &str, issued: &Issued, timer: TimerId) {
        self.record(Event::TimeNoted { token, node: node.to_owned(), about: issued.first(), timer });
    }

    /// A person is told; the answer still counts when it comes.
    fn wait_stuck(&mut self, token: &Token, timer: TimerId, kind: IncidentKind, node: &str, reason: String) {
        let mut place = token.place.clone();
        if let Place::Command(issued) | Place::Compensating { undo: Some(issued) } = &mut place {
            (issued.timer, issued.rest) = (None, None);
            issued.asked = 0;
        }
        let closed = Closed::default();
        self.record(Event::TimerFired { token: token.id, node: node.to_owned(), timer, closed });
        self.raise(token.id, node, kind, Attempt::Wait { place: Box::new(place) }, reason);
    }
}
