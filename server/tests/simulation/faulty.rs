//! Proof of the checker: builds that are broken on purpose, each of which must be found, and found for what it is.

use baton_server::broken::{Broken, Fault};

use super::{
    invariants::{Invariant, Violation},
    run::run,
    scenario::{BRANCHES, ERRANDS, GUESTS, MESSAGES, ORDERS, Scenario, TALLY},
};

/// The defect must be found within so many seeds.
const SEEDS_MAX: u64 = 60;

#[test]
fn marking_before_publishing_loses_messages() {
    must_fail(Fault::MarkBeforePublish, &MESSAGES, Invariant::CommittedIsDelivered);
}

#[test]
fn reading_with_a_cursor_skips_what_commits_late() {
    must_fail(Fault::CursorReading, &MESSAGES, Invariant::CommittedIsDelivered);
}

#[test]
fn writing_without_fences_overwrites_what_others_did() {
    must_fail(Fault::NoFencing, &ERRANDS, Invariant::HistoryIsTheSnapshot);
}

#[test]
fn without_the_inbox_a_step_is_taken_twice() {
    must_fail(Fault::NoInbox, &TALLY, Invariant::NoStepDoubled);
}

#[test]
fn replaying_with_effects_issues_commands_again() {
    must_fail(Fault::EffectsOnReplay, &ERRANDS, Invariant::NoStepDoubled);
}

#[test]
fn taking_a_time_out_for_an_answer_undoes_what_is_not_done_yet() {
    must_fail(Fault::UndoOvertakes, &ORDERS, Invariant::UndoAfterForward);
}

/// Two rules find it, the one in the history of the instance and the other by what participants did.
#[test]
fn overlooking_commands_that_nothing_undoes_lets_an_undo_overtake_them() {
    must_fail_saying(Fault::UndoOverlooks, &BRANCHES, Invariant::UndoAfterForward, "was not answered");
    must_fail_saying(Fault::UndoOverlooks, &BRANCHES, Invariant::UndoAfterForward, "was overtaken by an undo");
}

#[test]
fn keeping_events_without_a_lock_on_their_value_misses_who_waits() {
    must_fail(Fault::BlindToEarly, &GUESTS, Invariant::EarlyIsTakenOnce);
}

/// The same seeds that the sound build passes, until one breaks the invariant.
fn must_fail(fault: Fault, scenario: &'static Scenario, expected: Invariant) {
    must_fail_saying(fault, scenario, expected, "");
}

fn must_fail_saying(fault: Fault, scenario: &'static Scenario, expected: Invariant, saying: &str) {
    let broken = Broken::by(fault);
    for seed in 0..SEEDS_MAX {
        let outcome = run(scenario, seed, 0);
        let is_it = |violation: &&Violation| violation.invariant == expected && violation.detail.contains(saying);
        if let Some(violation) = outcome.violations.iter().find(is_it) {
            println!("{fault:?}: seed {seed} of `{}`: {violation}", scenario.name);
            drop(broken);
            let sound = run(scenario, seed, 0);
            assert!(sound.violations.is_empty(), "the sound build fails as well: {}", sound.violations[0]);
            return;
        }
    }
    panic!("{fault:?} was not found in {SEEDS_MAX} seeds of `{}`", scenario.name);
}
