//! Trying again: what an operator says about incidents, and the commands that are sent more than once.

use super::{
    Attempt, Event, IncidentKind, Operator, Place, Rejection, Token, Unsettled,
    definition::{Node, Then},
    operate::find_token,
    rejection::{in_time, refuse_suspended, rejection},
    walk::{IDEMPOTENCY_HEADER, Letter, Walk, next_number},
};

pub(super) fn retry(walk: &mut Walk<'_>, operator: &Operator, token: Option<u32>) -> Result<(), Rejection> {
    in_time(walk, operator)?;
    refuse_suspended(walk)?;
    if let Some(token) = token {
        find_token(walk, token)?;
    }
    let stuck = walk.state.incidents().map(|(it, _)| it).filter(|it| token.is_none_or(|token| it.id == token));
    let stuck: Vec<Token> = stuck.cloned().collect();
    if stuck.is_empty() {
        return Err(rejection("no-incident", "", "Nothing failed here, so there is nothing to try again."));
    }
    for token in stuck {
        // Trying another one again may have ended it all.
        let still = walk.state.token(token.id).is_some_and(|it| it.place == token.place);
        let (true, Place::Incident(incident)) = (still, token.place.clone()) else { continue };
        let Operator { by, reason, .. } = operator.clone();
        walk.record(Event::Retried { token: token.id, node: incident.node.clone(), by, reason });
        match incident.attempt {
            Attempt::Wait { .. } => walk.try_again(token.id, incident.kind),
            attempt => walk.retry(token.id, &token.node, attempt),
        }
    }
    Ok(())
}

impl Walk<'_> {
    /// What was waited for in vain is asked for, or sent once more.
    fn try_again(&mut self, token: u32, kind: IncidentKind) {
        let Some(token) = self.state.token(token).cloned() else { return };
        let tried = match &token.place {
            Place::Command(_) => self.ask_or_repeat(&token),
            Place::Compensating { undo: Some(issued) } => match self.state.done.last().cloned() {
                Some(undoable) => self.send_undo(&token, &undoable, &issued.waits, Some(issued.first())),
                None => Ok(()),
            },
            Place::ForEach(_) => return self.go_round(token.id, &token.node),
            _ => {
                let waiting = self.state.unsettled.iter().filter(|it| it.reply.is_none() && it.issued.timer.is_none());
                for entry in waiting.cloned().collect::<Vec<Unsettled>>() {
                    // Whether or not it can be asked for, it is waited for.
                    let _ = self.pursue(&entry);
                }
                self.await_settlements();
                self.proceed();
                return;
            }
        };
        if let Err(reason) = tried {
            let node = match &token.place {
                Place::Compensating { .. } => self.state.done.last().map(|it| it.node.clone()),
                _ => None,
            };
            let attempt = Attempt::Wait { place: Box::new(token.place.clone()) };
            self.raise(token.id, &node.unwrap_or(token.node), kind, attempt, reason);
        }
    }

    fn ask_or_repeat(&mut self, token: &Token) -> Result<(), String> {
        let (Place::Command(issued), Some(command)) =
            (&token.place, self.definition.nodes.get(&token.node).and_then(Node::command))
        else {
            return Err(format!("there is no command at `{}`", token.node));
        };
        let Some(forward) = &issued.forward else { return Err("what was sent is not known any more".to_owned()) };
        if let Some(timeout) = &command.awaits.timeout
            && let Then::Ask(ask) = &timeout.then
        {
            return self.inquire(Some(token.id), &token.node, ask, timeout, forward);
        }
        self.repeat(token)
    }

    /// Sends the same command once more, as another message that names the first.
    pub(super) fn repeat(&mut self, token: &Token) -> Result<(), String> {
        let (Place::Command(issued), Some(command)) =
            (&token.place, self.definition.nodes.get(&token.node).and_then(Node::command))
        else {
            return Err(format!("there is no command at `{}`", token.node));
        };
        let Some(forward) = &issued.forward else { return Err("what was sent is not known any more".to_owned()) };
        let mut sequence = self.state.sequence;
        let number = next_number(&mut sequence)?;
        let timer = self.timeout(command.awaits.timeout.as_ref(), &mut sequence, &self.scope(&self.vars(token.id)))?;
        let (key, payload) = (forward.key.clone(), forward.payload.clone());
        let mut message = self.message(number, Letter { send: &command.send, to: &forward.to, key, payload })?;
        message.headers.insert(IDEMPOTENCY_HEADER.to_owned(), issued.first().to_string());
        let (id, node, command) = (token.id, token.node.clone(), Box::new(message));
        self.record(Event::CommandSent { token: id, node, command, timer, waits: Vec::new(), forward: None });
        Ok(())
    }
}
