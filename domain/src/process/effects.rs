//! What to do about an event of the history.

use serde_json::Value;

use super::{Closed, Context, Definition, DueTimer, Effect, Event, ValueWait};

/// What the runtime does about a newly appended `event`, in the transaction that appends it. Only new events have
/// effects: replaying a history sends nothing again.
///
/// Events carry all that is needed; the definition and the moment are taken so that later kinds of event may need less.
pub fn effects(_definition: &Definition, event: &Event, _context: &Context) -> Vec<Effect> {
    let mut effects = Vec::new();
    match event {
        Event::CommandSent { token, command, timer, waits, .. } => {
            effects.push(Effect::Send(command.clone()));
            set_timer(timer.as_ref(), &mut effects);
            await_values(*token, waits, &mut effects);
        }
        Event::WaitBegan { token, timer, waits, .. } => {
            set_timer(timer.as_ref(), &mut effects);
            await_values(*token, waits, &mut effects);
        }
        Event::TaskOpened { task, timer, handovers, .. } => {
            effects.push(Effect::OpenTask(task.clone()));
            set_timer(timer.as_ref(), &mut effects);
            handovers.iter().for_each(|handover| set_timer(Some(&handover.due), &mut effects));
        }
        Event::TaskEscalated { task, assignee, candidate_group, .. } => effects.push(Effect::ReassignTask {
            task: *task,
            assignee: assignee.clone(),
            candidate_group: candidate_group.clone(),
        }),
        Event::MessageBuffered { timer, .. } => set_timer(timer.as_ref(), &mut effects),
        Event::RetryPlanned { timer, closed, .. } => {
            close(closed, &mut effects);
            set_timer(Some(timer), &mut effects);
        }
        Event::Called { command, timer, .. } => {
            effects.push(Effect::Send(command.clone()));
            set_timer(timer.as_ref(), &mut effects);
        }
        Event::ChildGivenUp { command, .. } => effects.push(Effect::Send(command.clone())),
        Event::ParentTold { message } => effects.push(Effect::Send(message.clone())),
        Event::UndoSent { token, command, timer, waits, .. } => {
            effects.push(Effect::Send(command.clone()));
            set_timer(timer.as_ref(), &mut effects);
            await_values(*token, waits, &mut effects);
        }
        Event::Asked { query, timer, .. } => {
            effects.push(Effect::Send(query.clone()));
            set_timer(timer.as_ref(), &mut effects);
        }
        Event::TimerSet { timer, .. } | Event::SettlementAwaited { timer, .. } | Event::LoopPaused { timer, .. } => {
            set_timer(Some(timer), &mut effects);
        }
        Event::Forked { timer, .. } | Event::LoopBegan { timer, .. } => set_timer(timer.as_ref(), &mut effects),
        Event::StepUnsettled { unsettled, .. } => {
            await_values(unsettled.watch, &unsettled.issued.waits, &mut effects);
        }
        Event::RestartedFrom { unsettled, .. } => {
            unsettled.iter().for_each(|it| await_values(it.watch, &it.issued.waits, &mut effects));
        }
        Event::Migrated { waits, .. } => {
            waits.iter().for_each(|it| await_values(it.token, &it.waits, &mut effects));
        }
        Event::MessageReceived { closed, .. }
        | Event::TimerFired { closed, .. }
        | Event::Gathered { closed, .. }
        | Event::StepSettled { closed, .. }
        | Event::CompensationBegan { closed, .. }
        | Event::UndoSkipped { closed, .. }
        | Event::Abandoned { closed, .. }
        | Event::Skipped { closed, .. }
        | Event::Relocated { closed, .. }
        | Event::Cancelled { closed, .. }
        | Event::RestartedAs { closed, .. }
        | Event::Ended { closed, .. } => close(closed, &mut effects),
        Event::TaskCompleted { task, outcome, data, by, closed, .. } => {
            let (outcome, by) = (Some(outcome.clone()), Some(by.clone()));
            effects.push(Effect::CloseTask { task: *task, outcome, data: data.clone(), by });
            close(closed, &mut effects);
        }
        Event::Started { .. }
        | Event::Moved { .. }
        | Event::MessageExpired { .. }
        | Event::Held { .. }
        | Event::MessageLate { .. }
        | Event::IncidentRaised { .. }
        | Event::Resolved { .. }
        | Event::Retried { .. }
        | Event::Suspended { .. }
        | Event::Resumed { .. }
        | Event::TimeNoted { .. }
        | Event::StepSucceeded { .. }
        | Event::Joined { .. }
        | Event::ItemBegan { .. }
        | Event::ItemEnded { .. }
        | Event::LoopWentOn { .. }
        | Event::Undone { .. }
        | Event::Compensated { .. }
        | Event::VariablesSet { .. } => {}
    }
    effects
}

fn set_timer(timer: Option<&DueTimer>, effects: &mut Vec<Effect>) {
    effects.extend(timer.map(|due| Effect::SetTimer { timer: due.timer, due_at: due.due_at }));
}

fn await_values(token: u32, waits: &[ValueWait], effects: &mut Vec<Effect>) {
    effects.extend(waits.iter().map(|wait| Effect::Await {
        token,
        event_type: wait.event_type.clone(),
        value: wait.value.clone(),
    }));
}

fn close(closed: &Closed, effects: &mut Vec<Effect>) {
    effects.extend(closed.timers.iter().map(|timer| Effect::CancelTimer { timer: *timer }));
    effects.extend(closed.tasks.iter().map(|task| Effect::CloseTask {
        task: *task,
        outcome: None,
        data: Value::Null,
        by: None,
    }));
    effects.extend(closed.waits.iter().map(|token| Effect::Forget { token: *token }));
}
