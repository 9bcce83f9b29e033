//! How much went through, from counts by minute: pure.

use baton_app::model::{Instant, Traffic};
use chrono::TimeDelta;

/// What is summed up.
pub const WINDOW: TimeDelta = TimeDelta::minutes(60);

/// From (begin of a minute, delivered, failed). The last minute is the present one so far and so much of the one before as
/// is missing.
pub fn sum(minutes: impl Iterator<Item = (Instant, u64, u64)>, now: Instant) -> Traffic {
    let (mut traffic, mut present, mut before) = (Traffic::default(), 0, 0);
    let minute_of = |at: Instant| at.timestamp().div_euclid(60);
    for (minute, delivered, failed) in minutes {
        match minute_of(now) - minute_of(minute) {
            ..=0 => present += delivered,
            1 => before += delivered,
            2..60 => {}
            60.. => continue,
        }
        traffic.delivered_last_hour += delivered;
        traffic.failed_last_hour += failed;
    }
    let gone_s = now.timestamp().rem_euclid(60) as u64;
    traffic.delivered_per_min = present + before * (60 - gone_s) / 60;
    traffic
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(minute: i64, second: i64) -> Instant {
        DateTime::from_timestamp(minute * 60 + second, 0).unwrap()
    }

    #[test]
    fn the_last_minute_is_part_of_two() {
        let minutes = [(at(99, 0), 60, 3), (at(100, 0), 10, 1)];
        let per_min = |second| sum(minutes.into_iter(), at(100, second)).delivered_per_min;
        assert_eq!([per_min(0), per_min(30), per_min(59)], [70, 40, 11]);
        assert_eq!(sum(minutes.into_iter(), at(102, 0)).delivered_per_min, 0);
    }

    #[test]
    fn an_hour_is_summed_up_and_no_more() {
        let minutes = (0..200).map(|minute| (at(minute, 0), 2, 1));
        let traffic = sum(minutes, at(199, 59));
        assert_eq!((traffic.delivered_last_hour, traffic.failed_last_hour), (120, 60));
        assert_eq!(sum([].into_iter(), at(1, 1)), Traffic::default());
    }
}
