//! How many requests a second: pure, with the clock as an argument.
//!
//! Requests are spread evenly (the generic cell rate algorithm of ITU-T I.371), so that no second has more of them than
//! another. What a slow timer makes late may be caught up with, within [`SLACK`].

use std::time::Duration;

/// Requests that are due within this time may go at once. No second has more than those beyond its rate.
const SLACK: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, PartialEq)]
pub struct Limiter {
    interval: Duration,
    /// When the next one is due, on a clock that only goes on.
    due: Duration,
}

impl Limiter {
    /// `per_s` is more than 0.
    pub fn new(per_s: f64) -> Self {
        Self { interval: interval(per_s), due: Duration::ZERO }
    }

    /// Another rate; what went out counts.
    pub fn set_rate(&mut self, per_s: f64) {
        self.interval = interval(per_s);
    }

    /// One request goes out now, or may at the instant that is returned.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let earliest = self.due.saturating_sub(SLACK.saturating_sub(self.interval));
        if now < earliest {
            return Err(earliest);
        }
        self.due = self.due.max(now) + self.interval;
        Ok(())
    }
}

fn interval(per_s: f64) -> Duration {
    Duration::try_from_secs_f64(1.0 / per_s).unwrap_or(Duration::MAX)
}

/// How many of a whole rate fall to a node that works on `lanes` of the lanes there are.
pub fn share(per_s: f64, lanes: usize) -> f64 {
    per_s * lanes.max(1) as f64 / f64::from(baton_domain::lane::LANES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many go out within `ms` when somebody asks every `step_us` microseconds.
    fn sent(limiter: &mut Limiter, from_ms: u64, ms: u64, step_us: u64) -> u64 {
        let asked = (from_ms * 1_000..(from_ms + ms) * 1_000).step_by(step_us as usize);
        asked.filter(|at| limiter.take(Duration::from_micros(*at)).is_ok()).count() as u64
    }

    #[test]
    fn a_slow_rate_is_spread_evenly() {
        let mut limiter = Limiter::new(10.0);
        assert_eq!(limiter.take(Duration::ZERO), Ok(()));
        assert_eq!(limiter.take(Duration::from_millis(30)), Err(Duration::from_millis(100)));
        assert_eq!(limiter.take(Duration::from_millis(100)), Ok(()));
        assert_eq!(sent(&mut limiter, 200, 1_000, 1_000), 10);
    }

    #[test]
    fn nothing_is_saved_up_while_nothing_is_sent() {
        let mut limiter = Limiter::new(2.0);
        assert!(limiter.take(Duration::ZERO).is_ok());
        assert_eq!(sent(&mut limiter, 60_000, 1_000, 1_000), 2);
    }

    #[test]
    fn a_timer_that_is_late_does_not_cost_the_rate() {
        let mut limiter = Limiter::new(2_000.0);
        // Woken every 4 ms, it sends what became due meanwhile.
        let mut total = 0;
        for wake in 0..250 {
            while limiter.take(Duration::from_millis(wake * 4)).is_ok() {
                total += 1;
            }
        }
        assert!((1_980..=2_040).contains(&total), "{total}");
    }

    #[test]
    fn another_rate_counts_from_the_next_one_on() {
        let mut limiter = Limiter::new(1.0);
        assert!(limiter.take(Duration::ZERO).is_ok());
        limiter.set_rate(100.0);
        assert_eq!(limiter.take(Duration::from_millis(10)), Err(Duration::from_millis(990)));
        assert_eq!(sent(&mut limiter, 1_000, 1_000, 500), 101);
    }

    #[test]
    fn nodes_share_the_rate_by_their_lanes() {
        assert_eq!(share(64.0, 64), 64.0);
        assert_eq!(share(64.0, 16) + share(64.0, 48), 64.0);
        assert!(share(1.0, 0) > 0.0);
    }
}
