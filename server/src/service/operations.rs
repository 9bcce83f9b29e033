//! What operators do to instances.

use baton_app::{
    model::*,
    port::{Actor, Answer},
};
use baton_domain::{
    ids::{InstanceId, MessageId},
    process::{
        Choices, Incident, IncidentKind, Input, Migration, Operator, Place, State, Token, TokenChoice, Undoable,
        Unsettled,
    },
};
use uuid::Uuid;

use super::{
    Service, convert,
    instances::{check_reason, summary},
};
use crate::engine::Item;

/// How many incidents a screen shows at most.
const INCIDENTS_MAX: usize = 50;

impl Service {
    pub(super) async fn operate_instance(
        &self,
        actor: Actor,
        id: Uuid,
        request: OperateRequest,
    ) -> Answer<InstanceSummary> {
        let OperateRequest { operate, reason, expected } = request;
        check_reason(&reason)?;
        // Says that there is no such instance before anything else.
        let row = self.instance_row(id).await?;
        let operator = Operator { by: actor.name, reason: reason.trim().to_owned(), expected };
        if let Operate::Migrate { to_version, .. } = &operate {
            self.registry_with(row.kind, &row.definition, *to_version).await?;
        }
        let item = item(InstanceId(id), operate, operator);
        self.engine.submit_one(item).await.map_err(convert::refusal)?;
        summary(&self.instance_row(id).await?)
    }
}

pub(super) fn item(instance: InstanceId, operate: Operate, operator: Operator) -> Item {
    let input = match operate {
        Operate::Migrate { to_version, mapping } => {
            let migration = Box::new(Migration { operator, to_version, mapping });
            return Item::Migrate { instance, migration };
        }
        Operate::Suspend => Input::Suspend(operator),
        Operate::Resume => Input::Resume(operator),
        Operate::Cancel { compensate } => Input::Cancel { operator, compensate },
        Operate::Retry { token } => Input::Retry { operator, token },
        Operate::Skip { token, node, port, set } => Input::Skip { operator, token, node, port, set },
        Operate::Move { token, node, to } => Input::Move { operator, token, node, to },
        Operate::SetVariables { token, set } => Input::SetVariables { operator, set, token },
        Operate::Settle { command, succeeded, payload } => {
            Input::Settle { operator, command: MessageId(command), succeeded, payload }
        }
        Operate::Abandon => Input::Abandon(operator),
    };
    Item::Operate { instance, input: Box::new(input) }
}

/// What an operator can do now, and why not where not.
pub(super) fn offered(choices: &Choices, versions: &[u32], history: &[HistoryItem]) -> Vec<Operation> {
    let alone = versions.is_empty().then(|| "No other version is published.".to_owned());
    let migrate = choices.migrate.clone().or(alone);
    let nowhere = !history.iter().any(|fact| fact.point.is_some());
    let nowhere = nowhere.then(|| "What was done before each of its steps was undone; start another one.".to_owned());
    let restart = choices.restart.clone().or(nowhere);
    let refused = |name| match name {
        OperationName::Retry => &choices.retry,
        OperationName::Skip => &choices.skip,
        OperationName::Move => &choices.relocate,
        OperationName::SetVariables => &choices.set_variables,
        OperationName::Settle => &choices.settle,
        OperationName::Suspend => &choices.suspend,
        OperationName::Resume => &choices.resume,
        OperationName::Abandon => &choices.abandon,
        OperationName::Migrate => &migrate,
        OperationName::Restart => &restart,
        OperationName::Compensate => &choices.compensate,
        OperationName::Cancel => &choices.cancel,
    };
    OperationName::ALL.map(|name| Operation { name, refused: refused(name).clone() }).into()
}

/// Nothing can be done to what was.
pub(super) fn none_in_the_past() -> Vec<Operation> {
    let refused = Some("You see it as it was; go to now first.".to_owned());
    OperationName::ALL.map(|name| Operation { name, refused: refused.clone() }).into()
}

pub(super) fn token_view(choice: TokenChoice) -> TokenView {
    let TokenChoice { token, node, index, incident, ports, skips_undo, targets, own } = choice;
    TokenView { token, node, index, incident, ports, skips_undo, targets, own }
}

/// What would be undone, what comes next first.
pub(super) fn undo(state: &State) -> Vec<UndoView> {
    let is_sent = |place: &Place| matches!(place, Place::Compensating { undo: Some(_) });
    let under_way = state.tokens.iter().any(|token| is_sent(token.waiting()));
    let stuck = state.incidents().any(|(_, incident)| incident.kind == IncidentKind::Undo);
    let how = |at| match at {
        0 if stuck => UndoState::Stuck,
        0 if under_way => UndoState::UnderWay,
        _ => UndoState::Ahead,
    };
    state.done.iter().rev().enumerate().map(|(at, step)| undo_view(step, how(at))).collect()
}

pub(super) fn undo_view(step: &Undoable, state: UndoState) -> UndoView {
    let Undoable { node, send, to, key, payload, .. } = step.clone();
    UndoView { node, send, to, key, payload, state }
}

pub(super) fn incidents(state: &State) -> Vec<IncidentView> {
    let view = |(token, incident): (&Token, &Incident)| IncidentView {
        token: token.id,
        node: incident.node.clone(),
        index: token.index,
        reason: incident.reason.clone(),
        advice: advice(incident.kind).to_owned(),
        data: incident.excerpt.clone(),
        at: incident.at,
    };
    state.incidents().take(INCIDENTS_MAX).map(view).collect()
}

fn advice(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::Step => {
            "Mend the cause or change the variables, then retry; or skip the step, or move the token elsewhere."
        }
        IncidentKind::Undo => "Mend the cause, then retry; or skip this undo, or abandon the undoing.",
        IncidentKind::Settlement => "Find out whether the command was done, and settle it; or retry to wait again.",
    }
}

pub(super) fn unanswered(unsettled: &Unsettled) -> UnansweredView {
    UnansweredView { command: unsettled.command().0, node: unsettled.node.clone(), answered: unsettled.reply.is_some() }
}
