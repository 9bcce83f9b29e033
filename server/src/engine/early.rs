//! Events that come before any instance waits for them by value (ADR 0030): kept, and taken by the first that does.
//!
//! A step that keeps such an event, or has an instance begin to wait by value, is not decided at once: it says what has to be
//! looked up ([`Look`]), and goes on with what was found. Everything here is pure.

use std::collections::{HashMap, HashSet};

use baton_domain::{
    ids::{InstanceId, MessageId},
    message::Message,
    process::{Input, Place},
};

use super::{
    registry::WaitValue,
    step::{Finished, Work},
    work::Outcome,
};
use crate::store::rows::{Decided, EarlyEvent, Look, Looked};

/// (event type, value)
type Wait = (String, String);

/// What is known of early events while a batch is decided.
#[derive(Default)]
pub(super) struct Early {
    /// Kept, and found for somebody who waits; oldest first.
    found: HashMap<Wait, Vec<Message>>,
    /// Nothing (more) is kept for these.
    exhausted: HashSet<Wait>,
    /// For what this batch is about to keep it was looked.
    checked: HashSet<Wait>,
    /// Who had no use for which event.
    declined: HashSet<(MessageId, InstanceId)>,
    /// Instances that have waited since before this batch, where there may be something for them.
    offered: Vec<(InstanceId, Wait)>,
}

impl Work {
    /// The instances that wait for it, those included that began to in this batch.
    pub(super) fn waiting(&self, wait: &Wait) -> Vec<InstanceId> {
        let mut found: Vec<InstanceId> = self.loaded.waits.get(wait).cloned().unwrap_or_default();
        let new = self.changes.waits_set.iter().filter(|row| (&row.event_type, &row.value) == (&wait.0, &wait.1));
        for row in new {
            if !found.contains(&row.instance) {
                found.push(row.instance);
            }
        }
        found
    }

    /// Nobody took it, and somebody may come to wait for it by value.
    pub(super) fn keep_early(&mut self, message: &Message, waits: &[WaitValue]) {
        let Some(early) = waits.iter().map(|it| it.early).max() else { return };
        self.changes.early_kept.push(EarlyEvent {
            message: message.clone(),
            values: waits.iter().map(|it| it.wait.1.clone()).collect(),
            expires_at: self.now() + early,
        });
    }

    /// Something is kept for those who wait for this.
    pub(super) fn offer(&mut self, wait: Wait) {
        for instance in self.waiting(&wait) {
            self.early.offered.push((instance, wait.clone()));
        }
    }

    /// Hands out what came early, as far as it is known, and finishes when nothing is left to be looked up.
    pub(super) fn settle(mut self, outcomes: Vec<Outcome>, tell: Box<dyn FnOnce(Finished) + Send>) -> Decided {
        while let Some((instance, wait, message)) = self.next_early() {
            self.hand_over(instance, &wait, message);
        }
        let wanted = self.wanted();
        let kept = self.unchecked();
        if wanted.is_empty() && kept.is_empty() {
            let (changes, finished) = self.finish(outcomes);
            tell(finished);
            return Decided::Done(changes);
        }
        let found = self.early.found.values().flatten().map(|message| message.id);
        let except = self.changes.early_taken.iter().copied().chain(found).collect();
        let (asked, checked) = (wanted.clone(), kept.clone());
        let then = move |looked: Looked| {
            self.take_note(asked, checked, looked);
            self.settle(outcomes, tell)
        };
        Decided::Look(Look { wanted, except, kept }, Box::new(then))
    }

    fn take_note(&mut self, asked: Vec<Wait>, checked: Vec<Wait>, looked: Looked) {
        let is_found = |wait: &Wait| looked.found.iter().any(|(found, _)| found == wait);
        self.early.exhausted.extend(asked.into_iter().filter(|wait| !is_found(wait)));
        for (wait, message) in looked.found {
            self.early.found.entry(wait).or_default().push(message);
        }
        self.early.checked.extend(checked);
        let now = self.now();
        for event in &mut self.changes.early_kept {
            let is_full =
                |(event_type, value): &Wait| *event_type == event.message.message_type && event.values.contains(value);
            if looked.full.iter().any(is_full) {
                event.expires_at = now;
            }
        }
    }

    /// Where there may be something for an instance: at `wait` nodes. A command is not answered before it was sent.
    fn open_waits(&self) -> impl Iterator<Item = (InstanceId, Wait)> {
        let new = self.changes.waits_set.iter().filter(|row| {
            let state = self.instances.get(&row.instance).and_then(|working| working.state.as_ref());
            let token = state.and_then(|state| state.tokens.iter().find(|token| token.id == row.token));
            token.is_some_and(|token| matches!(token.waiting(), Place::Wait { .. }))
        });
        let new = new.map(|row| (row.instance, (row.event_type.clone(), row.value.clone())));
        new.chain(self.early.offered.iter().cloned())
    }

    /// Somebody who waits, and what came early for them: what was kept before, then what came in this batch.
    fn next_early(&self) -> Option<(InstanceId, Wait, Message)> {
        self.open_waits().find_map(|(instance, wait)| {
            let kept = self.changes.early_kept.iter().filter(|event| {
                event.message.message_type == wait.0 && event.values.contains(&wait.1) && event.expires_at > self.now()
            });
            let known = self.early.found.get(&wait).into_iter().flatten().chain(kept.map(|event| &event.message));
            let message = known.into_iter().find(|it| !self.early.declined.contains(&(it.id, instance)))?.clone();
            Some((instance, wait, message))
        })
    }

    fn hand_over(&mut self, instance: InstanceId, wait: &Wait, message: Message) {
        let (id, before) = (message.id, self.recorded(instance));
        // One that is full of other events, or has handled this very one, leaves it to others.
        let _ = self.advance(instance, &Input::Early { message: Box::new(message) });
        if self.recorded(instance) == before {
            self.early.declined.insert((id, instance));
            return;
        }
        let kept = self.changes.early_kept.len();
        self.changes.early_kept.retain(|event| event.message.id != id);
        if self.changes.early_kept.len() == kept {
            self.changes.early_taken.push(id);
        }
        self.early.offered.retain(|offered| offered != &(instance, wait.clone()));
        self.early.found.values_mut().for_each(|found| found.retain(|message| message.id != id));
    }

    fn wanted(&self) -> Vec<Wait> {
        // What is known was handed out: who still waits, waits for something else.
        let is_open = |wait: &Wait| !self.early.exhausted.contains(wait);
        let mut wanted: Vec<Wait> = self.open_waits().map(|(_, wait)| wait).filter(is_open).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn unchecked(&self) -> Vec<Wait> {
        let kept = self
            .changes
            .early_kept
            .iter()
            .flat_map(|event| event.values.iter().map(|value| (event.message.message_type.clone(), value.clone())));
        let mut kept: Vec<Wait> = kept.filter(|wait| !self.early.checked.contains(wait)).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}
