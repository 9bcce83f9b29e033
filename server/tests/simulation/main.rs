//! Baton in a simulation: thousands of schedules, each made of one seed, with everything that goes wrong in production.
//!
//! The real relay, leases, bus, bus worker and sweeper, the real step of the engine and the real domain run on a store in
//! memory and a clock of their own. Chance decides who goes on: programs insert and commit late or not at all, nodes
//! are killed at any point between two writes or frozen for longer than their lease, requests and answers get lost, come
//! late or twice, people and operators interfere, clocks jump. Then nothing fails any more, everything has to come to
//! rest, and [`invariants`] says whether it is as it must be.
//!
//! A seed that fails is printed with its schedule and with the command that plays it again. What to read next:
//! [`stage`] (who goes on), [`scenario`] (what happens), [`run`] (trouble, then calm), [`node`] (what is real), [`store`]
//! and [`tables`] (the database), [`outside`] (everybody else).

mod chance;
mod errand;
mod node;
mod outside;
mod run;
mod scenario;
mod stage;
mod store;
mod tables;
mod world;

#[path = "../support/invariants.rs"]
mod invariants;

#[cfg(feature = "broken-builds")]
mod faulty;

use std::{collections::BTreeSet, env, time::Instant};

use invariants::Instance;
use run::{Outcome, run};
use scenario::{BRANCHES, CALLS, ERRANDS, GUESTS, MESSAGES, ORDERS, SAGAS, Scenario, TALLY};
use serde_json::Value;

/// The lines of a failing schedule that are printed; all of them when one seed is played again.
const SCHEDULE_LINES: usize = 150;

#[test]
fn messages_arrive_in_order_whatever_happens() {
    let seen = play(&MESSAGES, 700);
    seen.expect_kills_at(&[
        "relay: read, not published",
        "bus: about to publish",
        "bus: published",
        "relay: published, not marked",
        "relay: marked",
        "deliveries: about to send",
        "deliveries: arrived, not answered",
        "deliveries: attempted, not recorded",
        "leases: about to renew",
    ]);
}

#[test]
fn processes_take_each_step_once_whatever_happens() {
    let seen = play(&ERRANDS, 600);
    seen.expect_kills_at(&[
        "engine: about to begin",
        "engine: decided, not committed",
        "engine: committed, not answered",
        "relay: published, not marked",
        "deliveries: attempted, not recorded",
    ]);
}

#[test]
fn what_was_done_is_undone_once_whatever_happens() {
    let seen = play(&ORDERS, 300);
    assert!(seen.compensated * 10 > seen.instances, "next to nothing was undone");
    assert!(seen.undone > 0 && seen.restarted > 0);
}

#[test]
fn branches_and_loops_are_undone_as_well() {
    let seen = play(&BRANCHES, 150);
    assert!(seen.compensated > 0 && seen.undone > seen.compensated);
}

#[test]
fn a_child_is_undone_before_what_its_parent_did() {
    let seen = play(&CALLS, 200);
    assert!(seen.compensated > 0 && seen.undone > seen.compensated);
    assert!(seen.awaited_children * 20 > seen.instances, "undoing next to never waited for a child");
    assert!(seen.undone_children * 100 > seen.instances, "next to no child that had completed was undone");
}

#[test]
fn a_saga_starts_once_for_what_it_is_about() {
    let seen = play(&SAGAS, 250);
    assert!(seen.instances > 0 && seen.undone > 0);
}

#[test]
fn what_is_repeated_late_is_handled_once() {
    play(&TALLY, 100);
}

#[test]
fn what_comes_before_its_wait_is_taken_once_or_told_of() {
    let seen = play(&GUESTS, 300);
    assert!(seen.early * 20 > seen.instances, "next to nothing came early");
    assert!(seen.unclaimed > 0, "everything was taken");
}

#[test]
fn a_seed_always_leads_to_the_same_schedule() {
    for seed in 0..10 {
        let (once, again) = (run(&ERRANDS, seed, 100_000), run(&ERRANDS, seed, 100_000));
        assert!(once.schedule.lines().count() > 100, "nothing happened");
        assert_eq!(once.schedule, again.schedule);
    }
}

/// What was met over all seeds, to show that the trouble really took place.
#[derive(Default)]
struct Seen {
    seeds: u64,
    turns: u64,
    killed_at: BTreeSet<&'static str>,
    frozen: usize,
    messages: usize,
    receipts: usize,
    instances: usize,
    completed: usize,
    compensated: usize,
    /// Steps that participants undid.
    undone: usize,
    /// Instances that took over from others.
    restarted: usize,
    /// Events that had come before anybody waited for them by value, and were taken.
    early: usize,
    /// Those that nobody took.
    unclaimed: usize,
    /// Children that were given up and said later that they had ended.
    awaited_children: usize,
    /// Children that had completed and were undone.
    undone_children: usize,
}

impl Seen {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.turns += outcome.turns;
        self.killed_at.extend(&outcome.killed_at);
        self.frozen += outcome.frozen;
        self.messages += outcome.record.messages.len();
        self.receipts += outcome.record.receipts.len();
        self.instances += outcome.record.instances.len();
        let ended_as = |status| outcome.record.instances.iter().filter(|it| it.status == status).count();
        self.completed += ended_as("completed");
        self.compensated += ended_as("compensated");
        let took_over =
            |it: &&Instance| it.history.first().is_some_and(|(_, event)| event["event"] == "restarted_from");
        self.restarted += outcome.record.instances.iter().filter(took_over).count();
        let facts = || outcome.record.instances.iter().flat_map(|it| &it.history);
        self.early += facts().filter(|(_, event)| event["early"] == true).count();
        let is_end_of_child = |event: &Value| event["event"] == "step_settled" && event["node"] == "book";
        self.awaited_children += facts().filter(|(_, event)| is_end_of_child(event)).count();
        self.unclaimed += outcome.record.by_value.iter().map(|event| event.unclaimed).sum::<usize>();
        let undone = || outcome.record.deeds.iter().filter(|deed| deed.is_undo && deed.succeeded);
        self.undone += undone().count();
        self.undone_children += undone().filter(|deed| deed.step == "Book").count();
    }

    /// Every point between two writes must have been one at which a node was killed.
    fn expect_kills_at(&self, points: &[&'static str]) {
        // One seed alone does not meet them all.
        let missed: Vec<_> = points.iter().filter(|point| !self.killed_at.contains(*point)).collect();
        assert!(self.seeds < 200 || missed.is_empty(), "no node was ever killed at {missed:?}");
    }
}

/// Plays `count` seeds (or what `BATON_SIM_SEED` and `BATON_SIM_SEEDS` say), and fails with the first that is wrong.
fn play(scenario: &'static Scenario, count: u64) -> Seen {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a seed is a number"));
    let (seeds, lines) = match (number("BATON_SIM_SEED"), number("BATON_SIM_SEEDS")) {
        (Some(seed), _) => (seed..seed + 1, usize::MAX),
        (None, count_wanted) => (0..count_wanted.unwrap_or(count), SCHEDULE_LINES),
    };
    let (mut seen, begun) = (Seen::default(), Instant::now());
    for seed in seeds {
        let outcome = run(scenario, seed, lines);
        assert!(outcome.violations.is_empty(), "{}", failure(scenario, seed, &outcome));
        seen.add(&outcome);
    }
    assert!(seen.receipts > seen.messages / 2, "next to nothing was delivered");
    assert!(
        seen.instances == 0 || (seen.completed + seen.compensated) * 4 > seen.instances,
        "next to nothing was completed"
    );
    println!(
        "{}: {} seeds in {:.1} s: {} turns, {} messages, {} receipts, {} instances ({} completed, {} compensated, {} restarted), {} times frozen, \
         killed at {} points",
        scenario.name,
        seen.seeds,
        begun.elapsed().as_secs_f64(),
        seen.turns,
        seen.messages,
        seen.receipts,
        seen.instances,
        seen.completed,
        seen.compensated,
        seen.restarted,
        seen.frozen,
        seen.killed_at.len()
    );
    seen
}

fn failure(scenario: &Scenario, seed: u64, outcome: &Outcome) -> String {
    let violations: Vec<String> = outcome.violations.iter().take(8).map(ToString::to_string).collect();
    format!(
        "seed {seed} of `{}`:\n{}\n\nthe end of its schedule:\n{}\n\nplay it again:\n  BATON_SIM_SEED={seed} cargo \
         nextest run --workspace --test simulation --no-capture {}\n",
        scenario.name,
        violations.join("\n"),
        outcome.schedule,
        scenario.test
    )
}
