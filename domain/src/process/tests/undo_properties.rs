//! What holds of undoing whatever happens: replies in any order, twice, late or never, and operators in between.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{
    properties::check_invariants,
    simulation::{Simulation, instance, park, process},
};
use crate::{
    ids::MessageId,
    process::{Definition, Event, Input, Status},
};

/// A line of steps, each with its undo, that goes to `undo` when one of them fails.
#[derive(Debug, Clone)]
struct Line {
    steps: Vec<Step>,
    /// Whether the end of the line undoes everything too.
    undo_at_end: bool,
}

#[derive(Debug, Clone)]
struct Step {
    has_undo: bool,
    timeout: &'static str,
    undo_timeout: &'static str,
}

fn any_line() -> impl Strategy<Value = Line> {
    let timeout = prop::sample::select(vec![
        "{after: PT1M, next: undo}",
        "{after: PT1M, then: wait}",
        "{after: PT1M, then: stuck}",
        "{after: PT1M, ask: {send: Query, times: 2}}",
        "{after: PT1M, ask: {send: Query, times: 1}, next: undo}",
    ]);
    let undo_timeout = prop::sample::select(vec![
        "{after: PT1M, then: wait}",
        "{after: PT1M, then: stuck}",
        "{after: PT1M, ask: {send: QueryUndo}}",
    ]);
    let step = (prop::bool::weighted(0.8), timeout, undo_timeout).prop_map(|(has_undo, timeout, undo_timeout)| Step {
        has_undo,
        timeout,
        undo_timeout,
    });
    (prop::collection::vec(step, 1..5), any::<bool>()).prop_map(|(steps, undo_at_end)| Line { steps, undo_at_end })
}

fn definition(line: &Line) -> Definition {
    let mut text = "baton: process/1\nname: line\nnodes:\n  start: {kind: start, next: s0}\n".to_owned();
    for (index, step) in line.steps.iter().enumerate() {
        let next = match index + 1 {
            next if next < line.steps.len() => format!("s{next}"),
            _ if line.undo_at_end => "undo".to_owned(),
            _ => "done".to_owned(),
        };
        let undo = match step.has_undo {
            true => format!(
                "undo: {{send: Undo{index}, payload: {{of: {index}}}, done: Undone{index}, failed: Kept{index}, timeout: {}}}, ",
                step.undo_timeout
            ),
            false => String::new(),
        };
        text += &format!(
            "  s{index}: {{kind: command, send: Do{index}, to: worker, fails: Failed{index}, {undo}on: {{Done{index}: {{next: {next}}}, \
             Failed{index}: {{next: undo}}, timeout: {}}}}}\n",
            step.timeout
        );
    }
    text += "  undo: {kind: compensate, next: undone}\n  undone: {kind: end, outcome: compensated}\n";
    if !line.undo_at_end {
        text += "  done: {kind: end}\n";
    }
    process(&text)
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Act {
    /// The participant deals with command number n, counted from the last, and answers.
    Answer {
        back: usize,
        well: bool,
        by_correlation: bool,
    },
    /// An answer comes once more.
    Repeat {
        back: usize,
    },
    Time,
    Operate(&'static str),
    Settle,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => (0usize..6, prop::bool::weighted(0.75), prop::bool::weighted(0.1))
            .prop_map(|(back, well, by_correlation)| Act::Answer { back, well, by_correlation }),
        2 => (0usize..4).prop_map(|back| Act::Repeat { back }),
        4 => Just(Act::Time),
        1 => prop::sample::select(vec!["suspend", "resume", "retry", "skip", "abandon", "cancel and undo", "cancel"])
            .prop_map(Act::Operate),
        2 => prop::sample::select(vec!["resume", "retry"]).prop_map(Act::Operate),
        1 => Just(Act::Settle),
    ]
}

/// What participants did, as only they know it. They deduplicate by the first attempt, and answer as they did before.
#[derive(Default)]
struct World {
    /// Command (first attempt) → whether it was done.
    dealt: BTreeMap<MessageId, bool>,
    answers: Vec<crate::message::Message>,
}

fn first_of(command: &crate::message::Message) -> MessageId {
    let key = command.headers.get(crate::process::walk::IDEMPOTENCY_HEADER);
    key.map_or(command.id, |key| key.parse().unwrap())
}

fn act(it: &mut Simulation, world: &mut World, act: &Act) {
    let _ = match act {
        Act::Answer { back, well, by_correlation } => {
            let position = it.sent.len() - 1 - back % it.sent.len();
            let mut command = it.sent[position].clone();
            if command.message_type.starts_with("Query") {
                // The question is about the command of that key that came before it; it is answered for that.
                let undo = command.message_type == "QueryUndo";
                let about = it.sent[..position]
                    .iter()
                    .rev()
                    .find(|it| it.message_type.starts_with(if undo { "Undo" } else { "Do" }) && it.key == command.key);
                let cause = command.id;
                command = about.unwrap().clone();
                if !world.dealt.contains_key(&first_of(&command)) {
                    return;
                }
                command.causation_id = Some(cause.to_string());
            }
            let (kind, number) = command.message_type.split_at(command.message_type.len() - 1);
            let done = *world.dealt.entry(first_of(&command)).or_insert(*well);
            let answer = match (kind, done) {
                ("Do", true) => "Done",
                ("Do", false) => "Failed",
                (_, true) => "Undone",
                (_, false) => "Kept",
            };
            // A refused undo may be tried again.
            if answer == "Kept" {
                world.dealt.remove(&first_of(&command));
            }
            let mut answer = it.correlated(&format!("{answer}{number}"), json!({}));
            if !by_correlation {
                let is_query = it.sent[position].message_type.starts_with("Query");
                let cause = if is_query { it.sent[position].id } else { command.id };
                answer.causation_id = Some(cause.to_string());
            }
            world.answers.push(answer.clone());
            it.receive(&answer)
        }
        Act::Repeat { back } if !world.answers.is_empty() => {
            let answer = world.answers[world.answers.len() - 1 - back % world.answers.len()].clone();
            it.receive(&answer)
        }
        Act::Repeat { .. } => return,
        Act::Time if it.timers.is_empty() => return,
        Act::Time => Ok(it.time_passes()),
        Act::Operate(operation) => it.operate(operation),
        Act::Settle => {
            let Some(entry) = it.state().unsettled.first() else { return };
            let command = entry.command();
            // Operators look before they speak.
            let Some(succeeded) = world.dealt.get(&command).copied() else { return };
            it.put(Input::Settle { operator: park(), command, succeeded, payload: json!({}) })
        }
    };
}

/// Which steps' commands were undone, by first attempt, in order.
fn undone(it: &Simulation) -> Vec<MessageId> {
    it.history
        .iter()
        .filter_map(|event| match event {
            Event::Undone { command, .. } => Some(*command),
            _ => None,
        })
        .collect()
}

fn check(it: &Simulation, world: &World) -> Result<(), TestCaseError> {
    check_invariants(it)?;
    // No undo is sent while it is not known whether its command was done.
    let mut settled: Vec<MessageId> = Vec::new();
    let mut open: Option<MessageId> = None;
    for event in &it.history {
        match event {
            Event::StepSucceeded { undo, .. } => settled.push(undo.command),
            Event::StepSettled { undo: Some(undo), .. } => settled.push(undo.command),
            Event::UndoSent { .. } => {
                let last = *settled.last().expect("something to undo");
                prop_assert!(open.is_none_or(|open| open == last), "two undos at once\n{}", it.trace());
                prop_assert_ne!(world.dealt.get(&last), None, "an undo overtook its command\n{}", it.trace());
                open = Some(last);
            }
            Event::Undone { command, .. } | Event::UndoSkipped { command, .. } => {
                prop_assert_eq!(settled.pop(), Some(*command), "not in reverse order\n{}", it.trace());
                open = None;
            }
            _ => {}
        }
    }
    let undone = undone(it);
    let mut once = undone.clone();
    once.sort_unstable();
    once.dedup();
    prop_assert_eq!(once.len(), undone.len(), "undone twice\n{}", it.trace());
    // Where undoing ran to its end, every step that was done and can be undone is undone, or was skipped.
    let ran = it.history.iter().any(|event| matches!(event, Event::Compensated { .. }))
        || (it.status() == Status::Cancelled
            && it.history.iter().any(|event| matches!(event, Event::CompensationBegan { .. }))
            && !it.history.iter().any(|event| matches!(event, Event::Abandoned { .. })));
    if ran && it.status() == Status::Compensated {
        for event in &it.history {
            let Event::CommandSent { command, node, .. } = event else { continue };
            let can_be_undone = it.definition.nodes[node].command().is_some_and(|it| it.undo.is_some());
            let done = world.dealt.get(&first_of(command)) == Some(&true);
            let skipped = it
                .history
                .iter()
                .any(|event| matches!(event, Event::UndoSkipped { command: it, .. } if *it == first_of(command)));
            if can_be_undone && done && !skipped {
                prop_assert!(undone.contains(&first_of(command)), "{node} stayed done\n{}", it.trace());
            }
        }
    }
    prop_assert_eq!(instance(), it.state().instance);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_success_is_undone_once_in_reverse_and_never_too_early(
        line in any_line(),
        acts in prop::collection::vec(any_act(), 1..50),
    ) {
        let mut it = Simulation::started(definition(&line), json!({}));
        let mut world = World::default();
        for next in &acts {
            act(&mut it, &mut world, next);
            check(&it, &world)?;
        }
    }
}
