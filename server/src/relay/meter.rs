//! How many messages a second go out, for the overview.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Over how many full seconds the rate is taken.
const WINDOW_S: u64 = 5;

pub struct Meter {
    started: Instant,
    /// (second since the start, how many), ascending.
    seconds: Mutex<VecDeque<(u64, u64)>>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { started: Instant::now(), seconds: Mutex::default() }
    }
}

impl Meter {
    pub fn add(&self, count: u64) {
        self.add_at(self.started.elapsed().as_secs(), count);
    }

    /// The mean over the last full seconds.
    pub fn per_s(&self) -> f64 {
        self.per_s_at(self.started.elapsed().as_secs())
    }

    fn add_at(&self, second: u64, count: u64) {
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        match seconds.back_mut() {
            Some((last, so_far)) if *last == second => *so_far += count,
            _ => seconds.push_back((second, count)),
        }
        while seconds.front().is_some_and(|(first, _)| first + WINDOW_S < second) {
            seconds.pop_front();
        }
    }

    fn per_s_at(&self, now: u64) -> f64 {
        let window = WINDOW_S.min(now);
        if window == 0 {
            return 0.0;
        }
        let seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let count: u64 =
            seconds.iter().filter(|(at, _)| (now - window..now).contains(at)).map(|(_, count)| count).sum();
        count as f64 / window as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;

    #[test]
    fn the_rate_is_the_mean_of_full_seconds() {
        let meter = Meter::default();
        assert_eq!(meter.per_s_at(0), 0.0);
        meter.add_at(0, 100);
        meter.add_at(0, 100);
        meter.add_at(1, 400);
        assert_eq!(meter.per_s_at(2), 300.0);
        meter.add_at(6, 7);
        assert_eq!(meter.per_s_at(6), 80.0);
        assert_eq!(meter.per_s_at(7), 1.4);
        assert_eq!(meter.per_s_at(60), 0.0);
    }
}
