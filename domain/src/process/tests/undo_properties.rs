//! What holds of undoing whatever happens, in any process: replies in any order, twice, late or never, and operators in
//! between, migrations included.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::{
    properties::check_invariants,
    simulation::{Simulation, park, process},
};
use crate::{
    ids::MessageId,
    message::Message,
    process::{Definition, Event, Input, PROCESS_ENDED, Restart, START_PROCESS, Status, evolve, is_entry},
};

/// A part of a process.
#[derive(Debug, Clone)]
enum Block {
    Step { has_undo: bool, retry: &'static str, timeout: &'static str, undo_timeout: &'static str },
    Call,
    Nap,
    Fork { branches: Vec<Vec<Block>>, has_timeout: bool },
    Each { items: usize, limit: usize, body: Vec<Block>, has_timeout: bool },
}

fn any_blocks() -> impl Strategy<Value = Vec<Block>> {
    let timeout = prop::sample::select(vec![
        "{after: PT1M, next: undo}",
        "{after: PT1M, then: wait}",
        "{after: PT1M, then: stuck}",
        "{after: PT1M, ask: {send: Query, times: 2}}",
        "{after: PT1M, ask: {send: Query, times: 1}, next: undo}",
    ]);
    let retry = prop::sample::select(vec!["", "", "timeout", "refusal", "refusal, timeout"]);
    let undo_timeout = prop::sample::select(vec![
        "{after: PT1M, then: wait}",
        "{after: PT1M, then: stuck}",
        "{after: PT1M, ask: {send: Query}}",
    ]);
    let leaf = prop_oneof![
        6 => (prop::bool::weighted(0.8), retry, timeout, undo_timeout)
            .prop_map(|(has_undo, retry, timeout, undo_timeout)| Block::Step { has_undo, retry, timeout, undo_timeout }),
        1 => Just(Block::Call),
        1 => Just(Block::Nap),
    ];
    let block = leaf.prop_recursive(2, 8, 3, |inner| {
        let blocks = prop::collection::vec(inner.clone(), 0..3);
        let body = prop::collection::vec(inner, 1..3);
        prop_oneof![
            (prop::collection::vec(blocks, 1..3), prop::bool::weighted(0.3))
                .prop_map(|(branches, has_timeout)| Block::Fork { branches, has_timeout }),
            (0usize..4, 1usize..3, body, prop::bool::weighted(0.3))
                .prop_map(|(items, limit, body, has_timeout)| Block::Each { items, limit, body, has_timeout }),
        ]
    });
    prop::collection::vec(block, 1..5)
}

/// Writes the nodes of a definition.
#[derive(Default)]
struct Writer {
    text: String,
    /// What the names of nodes begin with.
    prefix: &'static str,
    count: usize,
}

impl Writer {
    /// Returns the name of the first node.
    fn blocks(&mut self, blocks: &[Block], next: &str) -> String {
        let mut next = next.to_owned();
        for block in blocks.iter().rev() {
            next = self.block(block, &next);
        }
        next
    }

    fn block(&mut self, block: &Block, next: &str) -> String {
        self.count += 1;
        let index = self.count;
        let name = format!("{}{index}", self.prefix);
        let boundary = |has: &bool| if *has { ", timeout: {after: PT3M, next: undo}" } else { "" };
        let node = match block {
            Block::Nap => format!("{{kind: timer, for: PT30S, next: {next}}}"),
            Block::Call => format!(
                "{{kind: call, process: other, on: {{completed: {{next: {next}}}, failed: {{next: undo}}}}, \
                 timeout: {{after: PT2M, next: undo}}}}"
            ),
            Block::Step { has_undo, retry, timeout, undo_timeout } => {
                let retry = match *retry {
                    "" => String::new(),
                    on => format!(
                        "retry: {{on: [{}], attempts: 3, delay: PT5S}}, ",
                        on.replace("refusal", &format!("Failed-{index}"))
                    ),
                };
                let undo = match has_undo {
                    true => format!(
                        "undo: {{send: Undo-{index}, done: Undone-{index}, failed: Kept-{index}, timeout: {undo_timeout}}}, "
                    ),
                    false => String::new(),
                };
                format!(
                    "{{kind: command, send: Do-{index}, to: worker, payload: {{of: {index}}}, fails: Failed-{index}, {retry}{undo}\
                     on: {{Done-{index}: {{next: {next}}}, Failed-{index}: {{next: undo}}, timeout: {timeout}}}}}"
                )
            }
            Block::Fork { branches, has_timeout } => {
                let join = format!("{name}-join");
                let branches: Vec<String> = branches
                    .iter()
                    .enumerate()
                    .map(|(number, blocks)| format!("b{number}: {{next: {}}}", self.blocks(blocks, &join)))
                    .collect();
                self.text += &format!("  {join}: {{kind: join, next: {next}}}\n");
                let timeout = boundary(has_timeout);
                format!("{{kind: fork, branches: {{{}}}, join: {join}{timeout}}}", branches.join(", "))
            }
            Block::Each { items, limit, body, has_timeout } => {
                let body = self.blocks(body, &name);
                let mode = if *limit == 1 { String::new() } else { format!("mode: parallel, limit: {limit}, ") };
                let (list, timeout) = (json!((0..*items).collect::<Vec<_>>()), boundary(has_timeout));
                format!(
                    "{{kind: for-each, over: {list}, as: item, {mode}do: {body}, collect: =vars.item * 2, into: doubled, \
                     next: {next}{timeout}}}"
                )
            }
        };
        self.text += &format!("  {name}: {node}\n");
        name
    }
}

/// Two versions that differ only in what nodes are called: `n1` and so on, or `m1` and so on.
fn definition(prefix: &'static str, blocks: &[Block], undo_at_end: bool) -> Definition {
    let mut writer = Writer { prefix, ..Writer::default() };
    let first = writer.blocks(blocks, if undo_at_end { "undo" } else { "done" });
    let mut text = format!("baton: process/1\nname: any\nnodes:\n  start: {{kind: start, next: {first}}}\n");
    text += &writer.text;
    if !undo_at_end {
        text += "  done: {kind: end}\n";
    }
    if text.contains("next: undo") {
        text += "  undo: {kind: compensate, next: undone}\n  undone: {kind: end, outcome: compensated}\n";
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
    Skip {
        token: usize,
        port: usize,
    },
    Move {
        token: usize,
        to: usize,
    },
    /// On to the other version, and later back again.
    Migrate,
    /// As a new instance, from one of the nodes that it came to.
    Restart {
        point: usize,
    },
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
        1 => (0usize..4, 0usize..3).prop_map(|(token, port)| Act::Skip { token, port }),
        1 => (0usize..4, 0usize..12).prop_map(|(token, to)| Act::Move { token, to }),
        1 => Just(Act::Migrate),
        2 => (0usize..12).prop_map(|point| Act::Restart { point }),
    ]
}

/// What participants did, as only they know it. They deduplicate by the first attempt, and answer as they did before.
#[derive(Default)]
struct World {
    /// Command (first attempt) → whether it was done.
    dealt: BTreeMap<MessageId, bool>,
    /// Attempt → whether it was done.
    attempts: BTreeMap<MessageId, bool>,
    /// Command (first attempt) → the position of the last attempt that came. Attempts come in the order in which they were
    /// sent, as all messages of one key do.
    newest: BTreeMap<MessageId, usize>,
    answers: Vec<Message>,
    /// What instances that were restarted had undone.
    undone: Vec<MessageId>,
    /// What operators left so in them.
    skipped: Vec<MessageId>,
}

fn first_of(command: &Message) -> MessageId {
    let key = command.headers.get(crate::process::walk::IDEMPOTENCY_HEADER);
    key.map_or(command.id, |key| key.parse().unwrap())
}

fn act(it: &mut Simulation, world: &mut World, versions: &[Definition; 2], act: &Act) {
    let _ = match act {
        Act::Answer { back, well, by_correlation } => {
            if it.sent.is_empty() {
                return;
            }
            let position = it.sent.len() - 1 - back % it.sent.len();
            let mut command = it.sent[position].clone();
            let cause = command.id;
            if command.message_type == "Query" {
                let about = it.history.iter().find_map(|event| match event {
                    Event::Asked { about, query, .. } if query.id == cause => Some(*about),
                    _ => None,
                });
                // A question of an instance that was restarted is answered to that one.
                let Some(about) = about else { return };
                command = it.sent.iter().find(|it| it.id == about).unwrap().clone();
                // It comes after what was sent before it for the same key.
                let first = first_of(&command);
                let before = it.sent[..position].iter().rev();
                let last = before.filter(|it| it.message_type == command.message_type).find(|it| first_of(it) == first);
                if !world.attempts.contains_key(&last.unwrap().id) {
                    return;
                }
            }
            let is_alone = it.sent.iter().filter(|it| it.message_type == command.message_type).count() == 1;
            if command.message_type == START_PROCESS {
                let status = if *well { "completed" } else { "failed" };
                let answer = Message {
                    causation_id: Some(cause.to_string()),
                    ..it.event(PROCESS_ENDED, json!({"status": status}))
                };
                world.answers.push(answer.clone());
                let _ = it.receive(&answer);
                return;
            }
            let Some((kind, number)) = command.message_type.split_once('-') else { return };
            if it.sent[position].id == command.id {
                let newest = world.newest.entry(first_of(&command)).or_insert(position);
                if *newest > position {
                    return;
                }
                *newest = position;
            }
            // An attempt is dealt with once; what was done by an earlier one is not done again.
            let first = first_of(&command);
            let done_before = world.dealt.get(&first) == Some(&true);
            // A question is answered for all attempts that came.
            let done = match it.sent[position].id == command.id {
                true => *world.attempts.entry(command.id).or_insert(done_before || *well),
                false => done_before,
            };
            if done || !done_before {
                world.dealt.insert(first, done);
            }
            let answer = match (kind, done) {
                ("Do", true) => "Done",
                ("Do", false) => "Failed",
                (_, true) => "Undone",
                (_, false) => "Kept",
            };
            let mut answer = it.correlated(&format!("{answer}-{number}"), json!({}));
            // Without the cause, nobody can tell the items of a loop apart; what is held may find the next one begun.
            if !by_correlation || !is_alone || it.state().suspended {
                answer.causation_id = Some(cause.to_string());
            }
            if it.id().number_of(cause.0).is_none() {
                // The command of an instance that was restarted: its answer goes to that one.
                return;
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
        Act::Skip { token, port } => {
            let Some(token) = it.state().tokens.get(*token).cloned() else { return };
            let ports = it.definition.nodes[&token.node].ports();
            let port = ports.get(*port).map(|(name, _)| name.clone());
            it.put(Input::Skip { operator: park(), token: Some(token.id), node: None, port, set: Default::default() })
        }
        Act::Move { token, to } => {
            let Some(token) = it.state().tokens.get(*token).map(|it| it.id) else { return };
            let to = it.definition.nodes.keys().nth(to % it.definition.nodes.len()).unwrap().clone();
            if to == "start" {
                return;
            }
            it.put(Input::Move { operator: park(), token: Some(token), node: None, to })
        }
        Act::Migrate => {
            let other = if it.definition == versions[0] { &versions[1] } else { &versions[0] };
            let (names, others) = (it.definition.nodes.keys(), other.nodes.keys());
            let mapping: Vec<(String, String)> = names.cloned().zip(others.cloned()).collect();
            let mapping: Vec<(&str, &str)> = mapping.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
            let other = other.clone();
            let migrated = it.migrate(&other, &mapping);
            // Nothing but their names tells the versions apart, so nothing can be in the way.
            if let Err(rejection) = &migrated {
                let refuses = it.state().ended.is_some() || it.state().compensation.is_some();
                assert!(refuses, "{rejection}\n{}", it.trace());
            }
            migrated
        }
        Act::Restart { point } => {
            let (mut state, mut points) = (None, Vec::new());
            for (event, at) in it.history.iter().zip(1..) {
                let after = evolve(state, event);
                if is_entry(&after, event) {
                    points.push(at);
                }
                state = Some(after);
            }
            let at = points[point % points.len()];
            let asked = Restart { operator: park(), at, variables: Default::default(), input: None, batch: None };
            let before = it.clone();
            match it.restart(&asked) {
                Ok(next) => {
                    check_invariants(it).unwrap();
                    assert_eq!(it.state().restarted_as, Some(next.id()));
                    if before.state().ended.is_some() {
                        assert_eq!(it.state().ended, before.state().ended);
                    }
                    world.undone.extend(undone(it));
                    world.skipped.extend(skipped(it));
                    *it = next;
                }
                Err(rejection) => {
                    assert_eq!((it.state(), &it.history), (before.state(), &before.history), "{rejection}");
                    let refused = ["not-at-rest", "compensating", "undone-since"];
                    assert!(refused.contains(&rejection.code), "{rejection}\n{}", it.trace());
                }
            }
            return;
        }
        Act::Settle => {
            let Some(entry) = it.state().unsettled.first() else { return };
            let command = entry.command();
            // Operators look before they speak: the last attempt has come.
            if !world.attempts.contains_key(&entry.issued.command) {
                return;
            }
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

/// Which were left as they are.
fn skipped(it: &Simulation) -> impl Iterator<Item = MessageId> {
    it.history.iter().filter_map(|event| match event {
        Event::UndoSkipped { command, .. } => Some(*command),
        _ => None,
    })
}

/// The commands that nobody answered, whether or not a token waits for them still.
#[derive(Default)]
struct UnderWay {
    commands: BTreeSet<MessageId>,
    /// What each token waits for.
    awaited: BTreeMap<u32, MessageId>,
}

impl UnderWay {
    fn take_note(&mut self, event: &Event) {
        match event {
            Event::RestartedFrom { unsettled, .. } => self.commands.extend(unsettled.iter().map(|it| it.command())),
            Event::CommandSent { token, command, .. } => {
                let first = first_of(command);
                self.commands.insert(first);
                self.awaited.insert(*token, first);
            }
            // Whatever comes to the token now is about something else, or about an earlier attempt.
            Event::StepUnsettled { token, .. } | Event::Moved { token, .. } => {
                self.awaited.remove(token);
            }
            Event::MessageReceived { token, .. } | Event::RetryPlanned { token, message: Some(_), .. } => {
                if let Some(answered) = self.awaited.get(token) {
                    self.commands.remove(answered);
                }
            }
            Event::StepSettled { command, failure: None, .. } => {
                self.commands.remove(command);
            }
            _ => {}
        }
    }
}

fn check(it: &Simulation, world: &World) -> Result<(), TestCaseError> {
    check_invariants(it)?;
    // No undo is sent while it is not known whether its command was done.
    let mut settled: Vec<(MessageId, String)> = Vec::new();
    let mut open: Option<MessageId> = None;
    let mut under_way = UnderWay::default();
    for event in &it.history {
        under_way.take_note(event);
        match event {
            Event::RestartedFrom { done, .. } => {
                settled.extend(done.iter().map(|undo| (undo.command, undo.send.clone())));
            }
            Event::StepSucceeded { undo, .. } | Event::StepSettled { undo: Some(undo), .. } => {
                settled.push((undo.command, undo.send.clone()));
            }
            Event::UndoSent { command, .. } => {
                let (last, send) = settled.last().cloned().expect("something to undo");
                let commands = &under_way.commands;
                prop_assert!(commands.is_empty(), "an undo overtook {:?}\n{}", commands, it.trace());
                prop_assert_eq!(&command.message_type, &send, "not in reverse order\n{}", it.trace());
                prop_assert!(open.is_none_or(|open| open == last), "two undos at once\n{}", it.trace());
                prop_assert_ne!(world.dealt.get(&last), None, "an undo overtook its command\n{}", it.trace());
                open = Some(last);
            }
            Event::Undone { command, .. } | Event::UndoSkipped { command, .. } => {
                prop_assert_eq!(settled.pop().map(|it| it.0), Some(*command), "not in reverse order\n{}", it.trace());
                open = None;
            }
            _ => {}
        }
    }
    let undone = undone(it);
    let mut once = [undone.as_slice(), &world.undone].concat();
    let count = once.len();
    once.sort_unstable();
    once.dedup();
    prop_assert_eq!(once.len(), count, "undone twice\n{}", it.trace());
    // Where undoing ran to its end, every step that was done and can be undone is undone, or was skipped.
    let ran = it.history.iter().rev().find_map(|event| match event {
        Event::Compensated { .. } => Some(true),
        Event::CommandSent { .. } => Some(false),
        Event::Cancelled { .. } => {
            Some(it.history.iter().any(|event| matches!(event, Event::CompensationBegan { .. })))
        }
        _ => None,
    });
    if ran == Some(true) && it.status() != Status::Cancelled {
        // What was sent by those that this one took over from is among it.
        for command in &it.sent {
            let first = first_of(command);
            let mut commands = it.definition.nodes.values().filter_map(|node| node.command());
            let can_be_undone = commands.any(|it| it.send == command.message_type && it.undo.is_some());
            let done = world.dealt.get(&first) == Some(&true);
            if can_be_undone && done && !skipped(it).chain(world.skipped.iter().copied()).any(|it| it == first) {
                prop_assert!(once.contains(&first), "{} stayed done\n{}", command.message_type, it.trace());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_success_is_undone_once_in_reverse_and_never_too_early(
        blocks in any_blocks(),
        undo_at_end in any::<bool>(),
        acts in prop::collection::vec(any_act(), 1..60),
    ) {
        let versions = ["n", "m"].map(|prefix| definition(prefix, &blocks, undo_at_end));
        let mut it = Simulation::started(versions[0].clone(), json!({}));
        let mut world = World::default();
        for next in &acts {
            act(&mut it, &mut world, &versions, next);
            check(&it, &world)?;
        }
    }
}
