//! How long to wait before looking again: soon for a while after work, then less and less often, and with growing
//! patience while nothing works. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(1);
/// So often the first wait is repeated before waits grow: where something happened, more is likely to come.
const ALERT: u32 = 16;
const FAILURE_FIRST: Duration = Duration::from_millis(100);
const FAILURE_MAX: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Pace {
    idle_max: Duration,
    idle: Duration,
    alert: u32,
    failures: u32,
}

impl Pace {
    pub fn new(idle_max: Duration) -> Self {
        Self { idle_max, idle: FIRST, alert: ALERT, failures: 0 }
    }

    /// There was work, or somebody says that there is.
    pub fn quicken(&mut self) {
        (self.idle, self.alert) = (FIRST, ALERT);
    }

    /// Something worked. Returns whether the time before it did not.
    pub fn worked(&mut self) -> bool {
        std::mem::take(&mut self.failures) > 0
    }

    /// There was nothing to do: how long to wait now.
    pub fn idle(&mut self) -> Duration {
        let wait = self.idle.min(self.idle_max);
        if self.alert > 0 {
            self.alert -= 1;
            return wait;
        }
        self.idle = (self.idle * 2).min(self.idle_max);
        wait
    }

    /// It did not work: how long to wait now, and whether it is the first time in a row.
    pub fn failed(&mut self) -> (Duration, bool) {
        let wait = (FAILURE_FIRST * (1 << self.failures.min(10))).min(FAILURE_MAX);
        self.failures += 1;
        (wait, self.failures == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_after_a_while_until_there_is_work() {
        let mut pace = Pace::new(Duration::from_millis(80));
        assert!((0..ALERT).all(|_| pace.idle() == FIRST));
        let idle: Vec<_> = (0..9).map(|_| pace.idle().as_millis()).collect();
        assert_eq!(idle, [1, 2, 4, 8, 16, 32, 64, 80, 80]);
        pace.quicken();
        assert_eq!(pace.idle().as_millis(), 1);
    }

    #[test]
    fn failures_are_met_with_patience_and_forgotten() {
        let mut pace = Pace::new(Duration::from_millis(80));
        assert!(!pace.worked());
        assert_eq!(pace.failed(), (Duration::from_millis(100), true));
        assert_eq!(pace.failed(), (Duration::from_millis(200), false));
        for _ in 0..40 {
            pace.failed();
        }
        assert_eq!(pace.failed().0, FAILURE_MAX);
        assert!(pace.worked());
        assert_eq!(pace.failed(), (Duration::from_millis(100), true));
    }
}
