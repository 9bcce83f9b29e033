//! How long to wait before a failed delivery is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Exponential back-off with full jitter, bounded in number and in length.
///
/// Source: Marc Brooker, *Exponential Backoff And Jitter*, AWS Architecture Blog, 2015: `sleep = random(0, min(cap,
/// base * 2^attempt))` finishes contended work with the fewest calls of the schemes compared there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How often a delivery is attempted in all, the first time included. After that many it is dead.
    pub attempts_max: u32,
    /// The ceiling of the first delay.
    pub base_ms: u64,
    /// No delay is longer.
    pub cap_ms: u64,
}

impl Default for Policy {
    /// Ten attempts over about ten minutes: long enough for a deployment, short enough to be noticed.
    fn default() -> Self {
        Self { attempts_max: 10, base_ms: 500, cap_ms: 120_000 }
    }
}

impl Policy {
    /// Whether a delivery that failed `attempts` times so far is tried again.
    pub fn allows_another(&self, attempts: u32) -> bool {
        attempts < self.attempts_max
    }

    /// The longest delay that can follow the failure of attempt number `attempt` (1 is the first).
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(63);
        Duration::from_millis(self.base_ms.saturating_mul(1 << doublings).min(self.cap_ms))
    }

    /// The delay after the failure of attempt number `attempt` (1 is the first): anything from nothing to the ceiling,
    /// chosen by `seed` alone, so that the same failure of the same delivery always yields the same delay.
    pub fn delay(&self, attempt: u32, seed: u64) -> Duration {
        let ceiling_ms = self.ceiling(attempt).as_millis() as u64;
        Duration::from_millis(spread(ceiling_ms, seed ^ u64::from(attempt).rotate_left(32)))
    }
}

/// A number from 0 to `ceiling`, evenly spread over all seeds.
pub(crate) fn spread(ceiling: u64, seed: u64) -> u64 {
    // Maps the random number onto 0 ..= ceiling without the bias of a remainder (Lemire, 2019).
    ((u128::from(split_mix(seed)) * (u128::from(ceiling) + 1)) >> 64) as u64
}

/// One step of SplitMix64 (Steele, Lea and Flood, 2014): turns any seed, however regular, into evenly spread bits.
fn split_mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy { attempts_max: 5, base_ms: 100, cap_ms: 1_000 };

    #[test]
    fn ceilings_double_until_the_cap() {
        let ceilings: Vec<u128> = (1..=6).map(|attempt| POLICY.ceiling(attempt).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_000, 1_000]);
    }

    #[test]
    fn delays_are_spread_over_the_whole_range() {
        let delays: Vec<u128> = (0..1_000).map(|seed| POLICY.delay(4, seed).as_millis()).collect();
        let mean = delays.iter().sum::<u128>() / 1_000;
        assert!((350..450).contains(&mean), "mean {mean} is far from half of 800");
        assert!(delays.iter().any(|ms| *ms < 80) && delays.iter().any(|ms| *ms > 720));
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        assert!(POLICY.allows_another(4));
        assert!(!POLICY.allows_another(5));
    }

    proptest! {
        #[test]
        fn a_delay_is_bounded_and_repeatable(attempt in 0u32.., seed: u64, base_ms: u64, cap_ms: u64) {
            let policy = Policy { attempts_max: 3, base_ms, cap_ms };
            let delay = policy.delay(attempt, seed);
            prop_assert!(delay <= Duration::from_millis(cap_ms));
            prop_assert_eq!(delay, policy.delay(attempt, seed));
        }
    }
}
