//! From what an attempt met to what is written down about it: pure.

use std::time::Duration;

use baton_domain::retry::Policy;
use chrono::{DateTime, Utc};

use super::Verdict;
use crate::store::rows::{AttemptOutcome, AttemptResult, Failure};

const CLASS_CHARS_MAX: usize = 100;
const ERROR_CHARS_MAX: usize = 2_000;

/// One attempt that was made: at which delivery, when, and how long it took.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub id: i64,
    /// Attempts before this one.
    pub attempts: u32,
    pub at: DateTime<Utc>,
    pub took: Duration,
}

/// What is written down. `seed` chooses the jitter; `ended` is the instant that the next attempt is counted from.
pub fn outcome(made: Made, verdict: Verdict, policy: &Policy, ended: DateTime<Utc>, seed: u64) -> AttemptOutcome {
    let attempt = made.attempts + 1;
    let result = match verdict {
        Verdict::Accepted { answers } => AttemptResult::Delivered { answers },
        Verdict::Failed { failure, retry_after } if policy.allows_another(attempt) => {
            let wait = policy.delay(attempt, seed).max(retry_after.unwrap_or_default());
            AttemptResult::Failed { failure: storable(failure), next_attempt_at: ended + wait }
        }
        Verdict::Failed { failure, .. } | Verdict::Hopeless(failure) => {
            AttemptResult::Dead { failure: storable(failure) }
        }
    };
    let duration_ms = i64::try_from(made.took.as_millis()).unwrap_or(i64::MAX);
    AttemptOutcome { id: made.id, attempts: made.attempts, at: made.at, duration_ms, result }
}

/// The failure without what databases refuse or nobody reads: errors quote what strangers sent.
pub fn storable(failure: Failure) -> Failure {
    Failure { class: bounded(failure.class, CLASS_CHARS_MAX), error: bounded(failure.error, ERROR_CHARS_MAX) }
}

fn bounded(text: String, chars_max: usize) -> String {
    if text.len() <= chars_max && !text.contains('\0') {
        return text;
    }
    text.chars().filter(|character| *character != '\0').take(chars_max).collect()
}

/// Spreads retries: something different for every delivery, attempt and moment.
pub fn seed(id: i64, at: DateTime<Utc>) -> u64 {
    (id as u64).rotate_left(32) ^ at.timestamp_subsec_nanos() as u64 ^ at.timestamp() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { attempts_max: 3, base_ms: 1_000, cap_ms: 60_000 };

    fn of(attempts: u32, verdict: Verdict) -> AttemptResult {
        let made = Made { id: 1, attempts, at: DateTime::UNIX_EPOCH, took: Duration::from_millis(7) };
        let outcome = outcome(made, verdict, &POLICY, DateTime::UNIX_EPOCH, 5);
        assert_eq!(outcome.duration_ms, 7);
        outcome.result
    }

    fn failed(retry_after: Option<Duration>) -> Verdict {
        Verdict::Failed { failure: Failure { class: "http-500".into(), error: "no\0pe".into() }, retry_after }
    }

    #[test]
    fn a_failure_is_tried_again_until_the_last_attempt() {
        for attempts in 0..2 {
            let AttemptResult::Failed { failure, next_attempt_at } = of(attempts, failed(None)) else { panic!() };
            assert_eq!(failure.error, "nope");
            assert!(next_attempt_at <= DateTime::UNIX_EPOCH + POLICY.ceiling(attempts + 1));
        }
        assert!(matches!(of(2, failed(None)), AttemptResult::Dead { .. }));
    }

    #[test]
    fn patience_that_was_asked_for_is_kept() {
        let AttemptResult::Failed { next_attempt_at, .. } = of(0, failed(Some(Duration::from_secs(90)))) else {
            panic!()
        };
        assert_eq!(next_attempt_at, DateTime::UNIX_EPOCH + Duration::from_secs(90));
    }

    #[test]
    fn the_hopeless_is_dead_at_once() {
        assert!(matches!(of(0, Verdict::Hopeless(super::super::unknown_destination("x"))), AttemptResult::Dead { .. }));
    }
}
