//! A limit on wrong attempts to sign in, by address. Kept in memory: a restart forgives.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Wrong attempts that one address has in [`WINDOW`].
pub const FAILURES_MAX: usize = 10;
pub const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at a time.
const ADDRESSES_MAX: usize = 10_000;

#[derive(Default)]
pub struct Attempts(Mutex<HashMap<IpAddr, Vec<Instant>>>);

impl Attempts {
    /// How long `address` has to wait before it may try again, if it has to.
    pub fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent: Vec<_> =
            failures.get(&address)?.iter().filter(|at| now.duration_since(**at) < WINDOW).copied().collect();
        let first = recent.len().checked_sub(FAILURES_MAX).map(|index| recent[index])?;
        Some(WINDOW - now.duration_since(first))
    }

    pub fn failed(&self, address: IpAddr, now: Instant) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_MAX && !failures.contains_key(&address) {
            failures.retain(|_, at| at.last().is_some_and(|last| now.duration_since(*last) < WINDOW));
            if failures.len() >= ADDRESSES_MAX {
                failures.clear();
            }
        }
        let list = failures.entry(address).or_default();
        list.retain(|at| now.duration_since(*at) < WINDOW);
        list.push(now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn after_ten_failures_an_address_waits_out_the_minute_and_others_do_not() {
        let attempts = Attempts::default();
        let (one, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::BROADCAST));
        let start = Instant::now();
        for second in 0..FAILURES_MAX as u64 {
            assert_eq!(attempts.wait(one, start), None);
            attempts.failed(one, start + Duration::from_secs(second));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(attempts.wait(one, later), Some(Duration::from_secs(40)));
        assert_eq!(attempts.wait(other, later), None);
        assert_eq!(attempts.wait(one, start + Duration::from_secs(61)), None);
    }
}
