//! What people read about an event.

use serde_json::{Map, Value};

use super::{Arrival, Branch, Cause, Event};

impl Event {
    /// Its name in snake_case, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Moved { .. } => "moved",
            Self::CommandSent { .. } => "command_sent",
            Self::WaitBegan { .. } => "wait_began",
            Self::TaskOpened { .. } => "task_opened",
            Self::TimerSet { .. } => "timer_set",
            Self::MessageReceived { .. } => "message_received",
            Self::TimerFired { .. } => "timer_fired",
            Self::TaskCompleted { .. } => "task_completed",
            Self::MessageBuffered { .. } => "message_buffered",
            Self::Held { .. } => "held",
            Self::MessageLate { .. } => "message_late",
            Self::IncidentRaised { .. } => "incident_raised",
            Self::Resolved { .. } => "resolved",
            Self::Retried { .. } => "retried",
            Self::TaskEscalated { .. } => "task_escalated",
            Self::MessageExpired { .. } => "message_expired",
            Self::RetryPlanned { .. } => "retry_planned",
            Self::Called { .. } => "called",
            Self::ChildGivenUp { .. } => "child_given_up",
            Self::ParentTold { .. } => "parent_told",
            Self::Asked { .. } => "asked",
            Self::TimeNoted { .. } => "time_noted",
            Self::Forked { .. } => "forked",
            Self::Joined { .. } => "joined",
            Self::LoopBegan { .. } => "loop_began",
            Self::ItemBegan { .. } => "item_began",
            Self::ItemEnded { .. } => "item_ended",
            Self::Gathered { .. } => "gathered",
            Self::LoopPaused { .. } => "loop_paused",
            Self::LoopWentOn { .. } => "loop_went_on",
            Self::StepSucceeded { .. } => "step_succeeded",
            Self::StepUnsettled { .. } => "step_unsettled",
            Self::StepSettled { .. } => "step_settled",
            Self::CompensationBegan { .. } => "compensation_began",
            Self::SettlementAwaited { .. } => "settlement_awaited",
            Self::UndoSent { .. } => "undo_sent",
            Self::Undone { .. } => "undone",
            Self::UndoSkipped { .. } => "undo_skipped",
            Self::Compensated { .. } => "compensated",
            Self::Abandoned { .. } => "abandoned",
            Self::VariablesSet { .. } => "variables_set",
            Self::Skipped { .. } => "skipped",
            Self::Relocated { .. } => "relocated",
            Self::Migrated { .. } => "migrated",
            Self::RestartedFrom { .. } => "restarted_from",
            Self::RestartedAs { .. } => "restarted_as",
            Self::Suspended { .. } => "suspended",
            Self::Resumed { .. } => "resumed",
            Self::Cancelled { .. } => "cancelled",
            Self::Ended { .. } => "ended",
        }
    }

    /// The node that it happened at; for a move, the one that was left.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Started { node, .. }
            | Self::RestartedFrom { node, .. }
            | Self::CommandSent { node, .. }
            | Self::WaitBegan { node, .. }
            | Self::TaskOpened { node, .. }
            | Self::TimerSet { node, .. }
            | Self::MessageReceived { node, .. }
            | Self::TimerFired { node, .. }
            | Self::TaskCompleted { node, .. }
            | Self::IncidentRaised { node, .. }
            | Self::Resolved { node, .. }
            | Self::Retried { node, .. }
            | Self::TaskEscalated { node, .. }
            | Self::RetryPlanned { node, .. }
            | Self::Called { node, .. }
            | Self::ChildGivenUp { node, .. }
            | Self::Asked { node, .. }
            | Self::TimeNoted { node, .. }
            | Self::Forked { node, .. }
            | Self::Joined { node, .. }
            | Self::LoopBegan { node, .. }
            | Self::ItemBegan { node, .. }
            | Self::ItemEnded { node, .. }
            | Self::Gathered { node, .. }
            | Self::LoopPaused { node, .. }
            | Self::LoopWentOn { node, .. }
            | Self::StepSucceeded { node, .. }
            | Self::StepUnsettled { node, .. }
            | Self::StepSettled { node, .. }
            | Self::CompensationBegan { node, .. }
            | Self::SettlementAwaited { node, .. }
            | Self::UndoSent { node, .. }
            | Self::Undone { node, .. }
            | Self::UndoSkipped { node, .. }
            | Self::Compensated { node, .. }
            | Self::Skipped { node, .. }
            | Self::Relocated { node, .. }
            | Self::Ended { node, .. } => Some(node),
            Self::Moved { from, .. } => Some(from),
            Self::MessageBuffered { .. }
            | Self::MessageExpired { .. }
            | Self::ParentTold { .. }
            | Self::Held { .. }
            | Self::MessageLate { .. }
            | Self::Migrated { .. }
            | Self::RestartedAs { .. }
            | Self::Suspended { .. }
            | Self::Resumed { .. }
            | Self::Abandoned { .. }
            | Self::VariablesSet { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// The variables that it sets.
    pub fn sets(&self) -> impl Iterator<Item = &Map<String, Value>> {
        let (own, branches): (_, &[Branch]) = match self {
            Self::Moved { set, .. } | Self::VariablesSet { set, .. } | Self::Ended { set, .. } => (Some(set), &[]),
            Self::Forked { branches, .. } => (None, branches),
            _ => (None, &[]),
        };
        own.into_iter().chain(branches.iter().map(|branch| &branch.set))
    }

    /// A short sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Started { by, .. } => format!("Started by {by}"),
            Self::Moved { from, port, to, .. } => format!("Went from {from} by {port} to {to}"),
            Self::CommandSent { command, .. } => {
                format!("Sent {} to {}", command.message_type, command.key.aggregate_type)
            }
            Self::WaitBegan { node, .. } => format!("Waits at {node}"),
            Self::TaskOpened { task, .. } => match (&task.assignee, &task.candidate_group) {
                (Some(assignee), _) => format!("Asked {assignee}: {}", task.title),
                (None, Some(group)) => format!("Asked the group {group}: {}", task.title),
                (None, None) => format!("Asked: {}", task.title),
            },
            Self::TimerSet { timer, .. } => format!("Waits until {}", timer.due_at.format("%Y-%m-%d %H:%M:%S UTC")),
            Self::MessageReceived { message, early: false, .. } => format!("Received {}", message.message_type),
            Self::MessageReceived { message, early: true, .. } => {
                format!("Took {}, which had come early", message.message_type)
            }
            Self::TimerFired { node, .. } => format!("Time is up at {node}"),
            Self::TaskCompleted { outcome, by, .. } => format!("{by} chose {outcome}"),
            Self::MessageBuffered { message, .. } => format!("{} came early and is kept", message.message_type),
            Self::Held { arrival: Arrival::Message { message } } => {
                format!("{} came while suspended and is kept", message.message_type)
            }
            Self::Held { arrival: Arrival::Timer { .. } } => "A timer fired while suspended and is kept".to_owned(),
            Self::MessageLate { message } => format!("{} came too late; nothing follows", message.message_type),
            Self::IncidentRaised { node, incident, .. } => format!("Stuck at {node}: {}", incident.reason),
            Self::Resolved { node, .. } => format!("{node} goes on by itself"),
            Self::Retried { node, by, .. } => format!("{by} tried {node} again"),
            Self::TaskEscalated { assignee, candidate_group, .. } => match (assignee, candidate_group) {
                (Some(assignee), _) => format!("The task goes to {assignee}, since nobody completed it"),
                (None, Some(group)) => format!("The task goes to the group {group}, since nobody completed it"),
                (None, None) => "Nobody completed the task in time".to_owned(),
            },
            Self::MessageExpired { message_type, .. } => {
                format!("{message_type}, which had come early, was not taken in time and is dropped")
            }
            Self::RetryPlanned { node, attempt, message, .. } => match message {
                Some(message) => {
                    format!("{} came; {node} will be tried again, for attempt {attempt}", message.message_type)
                }
                None => format!("Time is up at {node}; it will be tried again, for attempt {attempt}"),
            },
            Self::Called { command, child, .. } => {
                format!("Called {} as {child}", command.payload["process"].as_str().unwrap_or("a process"))
            }
            Self::ChildGivenUp { child, .. } => format!("Has {child} cancelled"),
            Self::ParentTold { .. } => "Told the process that called it".to_owned(),
            Self::Asked { node, query, .. } => format!("Asked with {} what became of {node}", query.message_type),
            Self::TimeNoted { node, .. } => format!("Time is up at {node}; waits on"),
            Self::Forked { node, branches, .. } => {
                let names: Vec<&str> = branches.iter().map(|branch| branch.name.as_str()).collect();
                format!("{node} went on along {}", names.join(", "))
            }
            Self::Joined { node, .. } => format!("A branch came to {node}"),
            Self::LoopBegan { node, items, .. } => format!("{node} began with {} items", items.len()),
            Self::ItemBegan { node, index, .. } => format!("{node} began item {}", index + 1),
            Self::ItemEnded { node, index, .. } => format!("{node} ended item {}", index + 1),
            Self::Gathered { node, .. } => format!("All of {node} is over"),
            Self::LoopPaused { node, .. } => format!("{node} takes a breath"),
            Self::LoopWentOn { node, .. } => format!("{node} goes on"),
            Self::StepSucceeded { node, undo, .. } => format!("{node} succeeded; {} would undo it", undo.send),
            Self::StepUnsettled { node, .. } => format!("Nobody knows yet whether {node} was done"),
            Self::StepSettled { node, succeeded, message, by, undo, failure, .. } => {
                let who = match (message, by) {
                    (Some(message), _) => message.message_type.clone(),
                    (None, Some(by)) => by.clone(),
                    (None, None) => "The answer".to_owned(),
                };
                match (succeeded, undo, failure) {
                    (false, ..) => format!("{who} says that {node} was not done"),
                    (true, Some(undo), _) => format!("{who} says that {node} was done; {} would undo it", undo.send),
                    (true, None, Some(failure)) => {
                        format!("{who} says that {node} was done; what would undo it fails: {failure}")
                    }
                    (true, None, None) => format!("{who} says that {node} was done"),
                }
            }
            Self::CompensationBegan { node, cause: Cause::Node, .. } => {
                format!("Undoes what was done, because of {node}")
            }
            Self::CompensationBegan { cause: Cause::Cancelled { by, .. }, .. } => {
                format!("Cancelled by {by}; undoes what was done")
            }
            Self::SettlementAwaited { node, timer, .. } => {
                format!("Waits for the answer of {node} until {}", timer.due_at.format("%Y-%m-%d %H:%M:%S UTC"))
            }
            Self::UndoSent { node, command, .. } => format!("Sent {} to undo {node}", command.message_type),
            Self::Undone { node, .. } => format!("{node} is undone"),
            Self::UndoSkipped { node, by, .. } => format!("{by} leaves {node} as it is, not undone"),
            Self::Compensated { .. } => "All is undone".to_owned(),
            Self::Abandoned { by, .. } => format!("{by} stopped the undoing"),
            Self::VariablesSet { set, by, .. } => {
                let names: Vec<&str> = set.keys().map(String::as_str).collect();
                format!("{by} changed {}", names.join(", "))
            }
            Self::Skipped { node, port, by, .. } => format!("{by} skipped {node} by {port}"),
            Self::Relocated { node, to, by, .. } => format!("{by} moved it from {node} to {to}"),
            Self::Migrated { from_version, to_version, by, .. } => {
                format!("{by} migrated it from version {from_version} to version {to_version}")
            }
            Self::RestartedFrom { origin, node, by, .. } => {
                format!("{by} restarted {} from fact {} of its history, at {node}", origin.instance, origin.sequence)
            }
            Self::RestartedAs { instance, sequence, by, .. } => {
                format!("{by} restarted it from fact {sequence} as {instance}")
            }
            Self::Suspended { by, .. } => format!("Suspended by {by}"),
            Self::Resumed { by, .. } => format!("Resumed by {by}"),
            Self::Cancelled { by, .. } => format!("Cancelled by {by}"),
            Self::Ended { status, reason: Some(reason), .. } => format!("Ended as {}: {reason}", status.as_str()),
            Self::Ended { status, reason: None, .. } => format!("Ended as {}", status.as_str()),
        }
    }
}
