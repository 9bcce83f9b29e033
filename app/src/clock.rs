//! Time on the screen: absolute times are UTC and final; relative ones follow one clock that the server starts.
//!
//! The first value comes with the page, so that the browser draws what the server drew; after that an interval moves
//! it. Views never read a clock themselves.

use std::time::Duration;

use chrono::Utc;
use leptos::prelude::*;

use crate::model::Instant;

const TICK: Duration = Duration::from_secs(5);

/// Milliseconds since 1970 as the screen sees them.
#[derive(Debug, Clone, Copy)]
pub struct Clock(RwSignal<i64>);

impl Clock {
    pub fn expect() -> Self {
        expect_context()
    }

    /// Changes with every tick: for what nobody says that it changed.
    pub fn tick(self) -> i64 {
        self.0.get()
    }

    /// How long ago (or how far ahead) `at` is, for people.
    pub fn relative(self, at: Instant) -> String {
        relative(at.timestamp_millis() - self.0.get())
    }

    /// How long ago what has happened is: the screen's clock is some seconds late, and nothing has happened in the future.
    pub fn relative_past(self, at: Instant) -> String {
        relative((at.timestamp_millis() - self.0.get()).min(0))
    }
}

/// Puts the clock into the context; called once, by the app.
pub fn provide_clock() {
    let now = RwSignal::new(SharedValue::new(|| Utc::now().timestamp_millis()).into_inner());
    provide_context(Clock(now));
    Effect::new(move |_| set_interval(move || now.set(Utc::now().timestamp_millis()), TICK));
}

/// `ahead_ms` is negative for the past.
fn relative(ahead_ms: i64) -> String {
    let span = duration(ahead_ms.abs());
    match ahead_ms {
        -2_000..=2_000 => "just now".to_owned(),
        ..-2_000 => format!("{span} ago"),
        _ => format!("in {span}"),
    }
}

/// A duration in its one or two largest units.
pub fn duration(ms: i64) -> String {
    const SECOND: i64 = 1_000;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match ms {
        ..SECOND => format!("{ms} ms"),
        SECOND..MINUTE if ms < 10 * SECOND && ms % SECOND >= 100 => {
            format!("{}.{} s", ms / SECOND, ms % SECOND / 100)
        }
        SECOND..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY if ms % HOUR >= MINUTE && ms < 10 * HOUR => format!("{} h {} min", ms / HOUR, ms % HOUR / MINUTE),
        HOUR..DAY => format!("{} h", ms / HOUR),
        _ => format!("{} d", ms / DAY),
    }
}

/// The number with separators: `1,284`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The number in at most four characters, for narrow places: `1.2M`.
pub fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..10_000 => format!("{}.{}k", number / 1_000, number % 1_000 / 100),
        10_000..1_000_000 => format!("{}k", number / 1_000),
        1_000_000..10_000_000 => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
        _ => format!("{}M", number / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_exact_enough() {
        let cases = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (1_450, "1.4 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (6_480_000, "1 h 48 min"),
            (86_400_000, "1 d"),
        ];
        for (ms, expected) in cases {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn relative_times_tell_past_from_future() {
        assert_eq!(relative(-1_500), "just now");
        assert_eq!(relative(-12_000), "12 s ago");
        assert_eq!(relative(8_000), "in 8 s");
    }

    #[test]
    fn numbers_are_grouped_or_shortened() {
        assert_eq!([grouped(7), grouped(1_284), grouped(1_234_567)], ["7", "1,284", "1,234,567"]);
        assert_eq!([short(999), short(1_284), short(1_234_567), short(318_000)], ["999", "1.2k", "1.2M", "318k"]);
    }
}
