//! Lengths of time as definitions write them: ISO 8601 durations such as `PT5M`, `P2D`, `P1DT12H` or `PT0.5S`.
//!
//! Years and months are refused, since they have no fixed length. A day is 24 hours.

use chrono::TimeDelta;

/// The longest duration there is: ten years of 365 days.
pub const DURATION_MAX: TimeDelta = TimeDelta::days(3_650);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    #[error("`{0}` is no ISO 8601 duration such as PT5M, PT12H or P2D")]
    Malformed(String),
    #[error("years and months have no fixed length; write days or weeks")]
    Calendar,
    #[error("a duration can be at most ten years (P3650D)")]
    TooLong,
}

/// Reads an ISO 8601 duration.
pub fn parse(text: &str) -> Result<TimeDelta, InvalidDuration> {
    let malformed = || InvalidDuration::Malformed(crate::fields::shorten(text, 60));
    let rest = text.strip_prefix('P').ok_or_else(malformed)?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return Err(malformed()),
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return Err(malformed());
    }
    let mut total_ms = 0_f64;
    for (part, units) in [(date, "YMWD"), (time, "HMS")] {
        let mut part = part;
        let mut units_left = units;
        while !part.is_empty() {
            let end = part.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
            let unit = part[end..].chars().next().ok_or_else(malformed)?;
            let position = units_left.find(unit).ok_or_else(malformed)?;
            units_left = &units_left[position + 1..];
            // Only digits and dots can be here, so neither a sign nor "inf" gets through.
            let number: f64 = part[..end].parse().map_err(|_| malformed())?;
            part = &part[end + 1..];
            total_ms += number
                * match (units, unit) {
                    ("YMWD", 'W') => 604_800_000.0,
                    ("YMWD", 'D') => 86_400_000.0,
                    ("YMWD", _) => return Err(InvalidDuration::Calendar),
                    (_, 'H') => 3_600_000.0,
                    (_, 'M') => 60_000.0,
                    _ => 1_000.0,
                };
        }
    }
    if total_ms > DURATION_MAX.num_milliseconds() as f64 {
        return Err(InvalidDuration::TooLong);
    }
    Ok(TimeDelta::milliseconds(total_ms.round() as i64))
}

/// Writes a duration in ISO 8601, to the millisecond; the inverse of [`parse`] for what is not negative.
pub fn format(duration: TimeDelta) -> String {
    let total_ms = duration.num_milliseconds();
    if total_ms == 0 {
        return "PT0S".to_owned();
    }
    let (sign, ms) = if total_ms < 0 { ("-", total_ms.unsigned_abs()) } else { ("", total_ms.unsigned_abs()) };
    let (days, hours, minutes, ms) = (ms / 86_400_000, ms / 3_600_000 % 24, ms / 60_000 % 60, ms % 60_000);
    let mut text = format!("{sign}P");
    if days > 0 {
        text += &format!("{days}D");
    }
    if hours + minutes + ms > 0 {
        text.push('T');
    }
    if hours > 0 {
        text += &format!("{hours}H");
    }
    if minutes > 0 {
        text += &format!("{minutes}M");
    }
    if ms > 0 {
        let fraction = format!(".{:03}", ms % 1_000);
        text += &format!("{}{}S", ms / 1_000, fraction.trim_end_matches('0').trim_end_matches('.'));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str) -> f64 {
        parse(text).unwrap().num_milliseconds() as f64 / 1_000.0
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(seconds("PT5M"), 300.0);
        assert_eq!(seconds("P2D"), 172_800.0);
        assert_eq!(seconds("P1W"), 604_800.0);
        assert_eq!(seconds("P1DT12H30M"), 131_400.0);
        assert_eq!(seconds("PT0.25S"), 0.25);
        assert_eq!(seconds("PT1.5H"), 5_400.0);
        assert_eq!(seconds("PT0S"), 0.0);
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "", "P", "PT", "5M", "P5", "PT5", "PT5X", "P1DT", "PT1S1M", "PT1M1M", "-PT5M", "PT-5M", "PT1..5S", "PT.S",
            "pt5m",
        ] {
            assert!(matches!(parse(text), Err(InvalidDuration::Malformed(_))), "{text}");
        }
        assert_eq!(parse("P1M"), Err(InvalidDuration::Calendar));
        assert_eq!(parse("P1Y"), Err(InvalidDuration::Calendar));
        assert_eq!(parse("P3651D"), Err(InvalidDuration::TooLong));
        assert_eq!(parse(&format!("PT{}S", "9".repeat(400))), Err(InvalidDuration::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0_i64..315_360_000_000) {
            let duration = TimeDelta::milliseconds(ms);
            prop_assert_eq!(parse(&format(duration)).unwrap(), duration);
        }

        #[test]
        fn nothing_makes_it_panic(text in "(P|T|[0-9.YMWDHS-]|\\PC){0,20}") {
            let _ = parse(&text);
        }
    }
}
