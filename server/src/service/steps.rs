//! The steps of a saga's instance: how far each is, and how far what undoes it.

use std::collections::BTreeMap;

use baton_app::model::{Progress, StepState, StepUndo, StepView, UndoView};
use baton_domain::process::{self, State, definition::Command};

/// The steps in their order. `undo` has what was done and what is undone, the last first.
pub(super) fn steps(
    names: &[String],
    definition: &process::Definition,
    state: &State,
    (progress, walked): (&BTreeMap<String, Progress>, &[String]),
    undo: &[UndoView],
) -> Vec<StepView> {
    let view = |name: &String| {
        let node = definition.nodes.get(name)?;
        let command = node.command()?;
        let left_by = walked.iter().rev().find_map(|edge| edge.strip_prefix(name.as_str())?.strip_prefix('/'));
        let state = match progress.get(name) {
            _ if state.unsettled.iter().any(|entry| entry.node == *name) => StepState::Unanswered,
            Some(Progress::UnderWay) if stands_at(state, name) => StepState::UnderWay,
            Some(Progress::Failed) if stands_at(state, name) => StepState::Stuck,
            _ => left_by.map_or(StepState::Ahead, |port| how(command, port)),
        };
        let undoing = undo.iter().find(|step| step.node == *name);
        let undo = match (&command.undo, undoing) {
            (_, Some(step)) => Some(StepUndo { send: step.send.clone(), state: Some(step.state) }),
            (Some(undo), None) => Some(StepUndo { send: undo.send.clone(), state: None }),
            (None, None) => None,
        };
        let title = node.title.clone();
        let (name, send, to) = (name.clone(), command.send.clone(), command.to.clone());
        Some(StepView { name, title, send, to, state, undo })
    };
    names.iter().filter_map(view).collect()
}

/// While it undoes, a token stands where it stood when that began.
fn stands_at(state: &State, name: &str) -> bool {
    state.compensation.is_none() && state.tokens.iter().any(|token| token.node == name)
}

fn how(command: &Command, port: &str) -> StepState {
    match port {
        "timeout" => StepState::Unanswered,
        port if command.is_refusal(port) => StepState::Refused,
        _ => StepState::Done,
    }
}
