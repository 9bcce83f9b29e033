//! Points in time, as definitions write them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    duration,
    expression::{Expression, Failure, Scope},
};

/// A point in time, as a definition writes it: after a length of time, at an instant, or computed to either.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment {
    After(TimeDelta),
    At(DateTime<Utc>),
    Computed(Expression),
}

impl Moment {
    /// The instant that is meant when the wait begins at `now`. An expression may yield a duration or a timestamp, or a
    /// text in the form of either (a date alone is its first moment in UTC).
    pub fn resolve(&self, now: DateTime<Utc>, scope: &Scope<'_>) -> Result<DateTime<Utc>, Failure> {
        match self {
            Self::After(length) => Ok(now + *length),
            Self::At(instant) => Ok(*instant),
            Self::Computed(expression) => {
                let value = expression.evaluate(scope)?;
                let text = value.as_str().ok_or_else(|| expression.wrong_type(EXPECTED, &value))?;
                match read_moment(text) {
                    Some(Self::After(length)) => Ok(now + length),
                    Some(Self::At(instant)) => Ok(instant),
                    _ => Err(expression.wrong_type(EXPECTED, &value)),
                }
            }
        }
    }
}

const EXPECTED: &str = "a duration such as PT5M or an instant such as 2026-11-23T09:00:00Z";

/// Reads an ISO 8601 duration, an RFC 3339 instant or a date; never [`Moment::Computed`].
pub(super) fn read_moment(text: &str) -> Option<Moment> {
    if let Ok(length) = duration::parse(text) {
        return Some(Moment::After(length));
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(Moment::At(instant.to_utc()));
    }
    let date = text.parse::<chrono::NaiveDate>().ok()?;
    Some(Moment::At(date.and_hms_opt(0, 0, 0)?.and_utc()))
}
