//! What happened to an instance, as people read it: its history, and how far it had got at any moment of it.

use std::collections::{BTreeMap, BTreeSet};

use baton_app::model::*;
use baton_domain::process::{self, Event, Place, State, Status, Undoable};
use serde_json::{Map, Value};

use super::operations;
use crate::store::rows::Instant;

/// An event of a history, read.
pub(super) struct Recorded {
    pub sequence: i64,
    pub at: Instant,
    pub event: Event,
    pub data: Value,
}

/// The history from `state` on, as people read it.
pub(super) fn story(mut state: Option<State>, events: Vec<Recorded>) -> Vec<HistoryItem> {
    let mut items: Vec<HistoryItem> = Vec::new();
    // After which of them each step that can be undone was done.
    let mut done = BTreeMap::new();
    for recorded in events {
        match &recorded.event {
            Event::StepSucceeded { undo, .. } | Event::StepSettled { undo: Some(undo), .. } => {
                done.insert(undo.command, items.len());
            }
            // Where it was done, and is not any more, nothing can begin again.
            Event::Undone { command, .. } => {
                let since = done.get(command).copied().unwrap_or_default();
                items[since..].iter_mut().for_each(|item| item.point = None);
            }
            _ => {}
        }
        let (after, item) = told(state.take(), recorded);
        state = Some(after);
        items.push(item);
    }
    items
}

/// The state after an event, and the event as people read it.
pub(super) fn told(state: Option<State>, recorded: Recorded) -> (State, HistoryItem) {
    let Recorded { sequence, at, event, data } = recorded;
    let variable = |state: Option<&State>, name: &str| state.and_then(|it| it.vars.get(name)).cloned();
    let names: BTreeSet<&String> = event.sets().flat_map(Map::keys).collect();
    let before: Vec<_> = names.into_iter().map(|name| (name.clone(), variable(state.as_ref(), name))).collect();
    let after = process::evolve(state, &event);
    let changed = before.into_iter().filter_map(|(name, before)| {
        let value = variable(Some(&after), &name).filter(|value| before.as_ref() != Some(value))?;
        Some(VariableChange { name, before, after: value })
    });
    let item = HistoryItem {
        sequence,
        at,
        event: event.name().to_owned(),
        title: event.sentence(),
        node: event.node().map(str::to_owned),
        point: process::is_entry(&after, &event).then(|| after.tokens[0].node.clone()),
        changes: changed.collect(),
        data,
    };
    (after, item)
}

/// How an instance was.
pub(super) struct Past {
    pub state: State,
    pub journey: Journey,
    pub view: PastView,
}

/// Which way an instance went.
#[derive(Default)]
pub(super) struct Journey {
    progress: BTreeMap<String, Progress>,
    walked: Vec<String>,
    /// The version that it was migrated to last.
    pub version: Option<u32>,
    /// Steps that succeeded and are not undone, and those that are or were left as they are, in that order.
    undoable: Vec<Undoable>,
    undone: Vec<UndoView>,
}

impl Journey {
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Moved { from, port, .. } => {
                self.progress.insert(from.clone(), Progress::Done);
                let edge = format!("{from}/{port}");
                if !self.walked.contains(&edge) {
                    self.walked.push(edge);
                }
            }
            Event::Ended { node, status, .. } => {
                let how = if *status == Status::Failed { Progress::Failed } else { Progress::Done };
                self.progress.insert(node.clone(), how);
            }
            Event::RestartedFrom { done, .. } => self.undoable.extend(done.iter().cloned()),
            Event::Migrated { to_version, nodes, .. } => self.migrate(*to_version, nodes),
            Event::StepSucceeded { undo, .. } => self.undoable.push(undo.as_ref().clone()),
            Event::StepSettled { undo: Some(undo), .. } => self.undoable.push(undo.as_ref().clone()),
            Event::Undone { node, .. } => self.settle(node, UndoState::Done),
            Event::UndoSkipped { node, .. } => self.settle(node, UndoState::Skipped),
            _ => {}
        }
    }

    /// What was gone through is shown under the names of the new version.
    fn migrate(&mut self, version: u32, nodes: &BTreeMap<String, String>) {
        self.version = Some(version);
        let renamed = |node: &str| nodes.get(node).map_or(node, String::as_str).to_owned();
        self.progress = self.progress.iter().map(|(node, how)| (renamed(node), *how)).collect();
        for edge in &mut self.walked {
            if let Some((from, port)) = edge.split_once('/') {
                *edge = format!("{}/{port}", renamed(from));
            }
        }
        self.undoable.iter_mut().for_each(|step| step.node = renamed(&step.node));
        self.undone.iter_mut().for_each(|step| step.node = renamed(&step.node));
    }

    /// The last step of a node that is not undone is it now.
    fn settle(&mut self, node: &str, how: UndoState) {
        if let Some(at) = self.undoable.iter().rposition(|step| step.node == node) {
            self.undone.push(operations::undo_view(&self.undoable.remove(at), how));
        }
    }

    /// The steps in the order of undoing, with how far that is.
    pub fn undo(&self, state: &State) -> Vec<UndoView> {
        self.undone.iter().cloned().chain(operations::undo(state)).collect()
    }

    /// How far each node is, and the edges that were walked.
    pub fn seen(mut self, state: &State) -> (BTreeMap<String, Progress>, Vec<String>) {
        for token in &state.tokens {
            let how = if matches!(token.place, Place::Incident(_)) { Progress::Failed } else { Progress::UnderWay };
            self.progress.insert(token.node.clone(), how);
        }
        (self.progress, self.walked)
    }
}
