//! How long what is kept, and what is due to go: pure, no store and no clock.
//!
//! The spans hang together. A message that stands in the outbox may be delivered again, so that it was taken in must be known
//! for at least as long; and the instance of a saga may begin again with the same id once it is gone, and then its commands
//! have the ids of the first time, so it is kept for at least as long as anybody here remembers those. What is asked for
//! against that is refused ([`Contradiction`]); what is not asked for follows the rest.

use chrono::TimeDelta;

use crate::store::rows::{CleanKind, Instant};

/// What brokers keep and may hand over again, in days: no inbox forgets sooner.
pub const INBOX_DAYS_MIN: u32 = 7;
/// Ended instances are kept for so many days unless somebody says otherwise.
const INSTANCE_DAYS: u32 = 30;
/// What charts and doors need is younger than a day.
const SHORT: TimeDelta = TimeDelta::days(7);

/// Days that an operator asks for; 0 is for ever. What is absent follows the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub messages: u32,
    pub attempts: Option<u32>,
    pub inbox: Option<u32>,
    pub instances: Option<u32>,
    pub audit: u32,
}

/// How long what is kept; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Published messages, from when they were published.
    pub messages: Option<TimeDelta>,
    /// Attempts of deliveries that have ended. They go with their message in any case.
    pub attempts: Option<TimeDelta>,
    /// That a message was taken in.
    pub inbox: Option<TimeDelta>,
    /// Instances that have ended, with their history and tasks, from their last event.
    pub instances: Option<TimeDelta>,
    /// The audit, operations on many instances, and types of messages that are not seen any more.
    pub audit: Option<TimeDelta>,
}

/// Two settings that cannot both be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{longer} is {} and {shorter} is {}: {why}. Make {longer} {}, or {shorter} {longer_days} or less",
    shown(*longer_days), shown(*shorter_days), enough(*shorter_days)
)]
pub struct Contradiction {
    /// What would have to be kept longer, and for how many days it is.
    longer: &'static str,
    longer_days: u32,
    /// Than what.
    shorter: &'static str,
    shorter_days: u32,
    why: &'static str,
}

fn shown(days: u32) -> String {
    if days == 0 { "0 (for ever)".to_owned() } else { days.to_string() }
}

fn enough(days: u32) -> String {
    if days == 0 { "0 too".to_owned() } else { format!("{days} or more (0 is for ever)") }
}

const MESSAGES: &str = "--retention-days (BATON_RETENTION_DAYS)";
const ATTEMPTS: &str = "--attempt-retention-days (BATON_ATTEMPT_RETENTION_DAYS)";
const INBOX: &str = "--inbox-retention-days (BATON_INBOX_RETENTION_DAYS)";
const INSTANCES: &str = "--instance-retention-days (BATON_INSTANCE_RETENTION_DAYS)";

/// Something that is due to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub kind: CleanKind,
    /// What is older than this.
    pub before: Instant,
}

impl Days {
    /// The spans in force; an error names the two settings that contradict each other.
    pub fn retention(self) -> Result<Retention, Contradiction> {
        let Self { messages, attempts, inbox, instances, audit } = self;
        let attempts = attempts.unwrap_or(messages);
        let inbox = inbox.unwrap_or(longest(messages, INBOX_DAYS_MIN));
        let instances = instances.unwrap_or(longest(inbox, INSTANCE_DAYS));
        at_least(
            (INBOX, inbox),
            (MESSAGES, messages),
            "a message that stands in the outbox may be delivered again, so that it was taken in must be known for as long",
        )?;
        at_least(
            (INSTANCES, instances),
            (INBOX, inbox),
            "a saga's instance may begin again once it is gone, and then its commands would pass for those of the first time",
        )?;
        at_least((MESSAGES, messages), (ATTEMPTS, attempts), "attempts go with their message")?;
        let span = |days: u32| (days > 0).then(|| TimeDelta::days(i64::from(days)));
        Ok(Retention {
            messages: span(messages),
            attempts: span(attempts),
            inbox: span(inbox),
            instances: span(instances),
            audit: span(audit),
        })
    }
}

/// 0 is for ever.
fn longest(a: u32, b: u32) -> u32 {
    if a == 0 || b == 0 { 0 } else { a.max(b) }
}

fn at_least(
    (longer, longer_days): (&'static str, u32),
    (shorter, shorter_days): (&'static str, u32),
    why: &'static str,
) -> Result<(), Contradiction> {
    if longest(longer_days, shorter_days) == longer_days {
        return Ok(());
    }
    Err(Contradiction { longer, longer_days, shorter, shorter_days, why })
}

impl Retention {
    /// What is due at `now`, in the order in which it goes. What is kept for ever is not in it.
    pub fn plan(&self, now: Instant) -> Vec<Due> {
        let due = |kind| {
            let before = now.checked_sub_signed(self.span(kind)?)?;
            Some(Due { kind, before })
        };
        CleanKind::ALL.into_iter().filter_map(due).collect()
    }

    /// How long what of this kind is kept.
    pub fn span(&self, kind: CleanKind) -> Option<TimeDelta> {
        match kind {
            CleanKind::Attempts => self.attempts,
            CleanKind::Messages => self.messages,
            CleanKind::Inbox => self.inbox,
            CleanKind::Instances => self.instances,
            CleanKind::Audit | CleanKind::Batches | CleanKind::Types => self.audit,
            CleanKind::Minutes | CleanKind::Credentials => Some(SHORT),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let days = Days { messages: 30, attempts: None, inbox: None, instances: None, audit: 365 };
        days.retention().expect("what nobody asked for follows the rest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: Days = Days { messages: 30, attempts: None, inbox: None, instances: None, audit: 365 };

    fn days(span: Option<TimeDelta>) -> i64 {
        span.map_or(0, |span| span.num_days())
    }

    /// Attempts, messages, inbox, instances.
    fn spans(asked: Days) -> [i64; 4] {
        let kept = asked.retention().unwrap();
        [days(kept.attempts), days(kept.messages), days(kept.inbox), days(kept.instances)]
    }

    fn refusal(asked: Days) -> String {
        asked.retention().unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_asked_for_follows_the_rest() {
        assert_eq!(spans(DAYS), [30, 30, 30, 30]);
        assert_eq!(spans(Days { messages: 90, ..DAYS }), [90, 90, 90, 90]);
        assert_eq!(spans(Days { messages: 3, ..DAYS }), [3, 3, 7, 30], "brokers hand over again what is a week old");
        assert_eq!(spans(Days { messages: 0, ..DAYS }), [0, 0, 0, 0]);
        assert_eq!(spans(Days { messages: 3, inbox: Some(60), ..DAYS }), [3, 3, 60, 60]);
        assert_eq!(spans(Days { attempts: Some(2), instances: Some(0), ..DAYS }), [2, 30, 30, 0]);
        assert_eq!(days(DAYS.retention().unwrap().audit), 365);
    }

    #[test]
    fn an_inbox_that_forgets_before_the_outbox_is_refused() {
        let error = refusal(Days { inbox: Some(10), ..DAYS });
        assert!(
            error.contains("BATON_INBOX_RETENTION_DAYS) is 10 and --retention-days (BATON_RETENTION_DAYS) is 30"),
            "{error}"
        );
        assert!(error.contains("30 or more") && error.contains("10 or less"), "{error}");
        let error = refusal(Days { messages: 0, inbox: Some(10), instances: Some(0), ..DAYS });
        assert!(error.contains("is 0 (for ever)") && error.contains("0 too"), "{error}");
    }

    #[test]
    fn an_instance_that_goes_before_its_commands_are_forgotten_is_refused() {
        let error = refusal(Days { instances: Some(29), ..DAYS });
        assert!(error.contains("BATON_INSTANCE_RETENTION_DAYS) is 29"), "{error}");
        assert!(error.contains("BATON_INBOX_RETENTION_DAYS) is 30"), "{error}");
        assert!(refusal(Days { messages: 3, instances: Some(6), ..DAYS }).contains("is 7"));
        assert!(Days { messages: 3, instances: Some(7), ..DAYS }.retention().is_ok());
    }

    #[test]
    fn attempts_cannot_outlive_their_message() {
        let error = refusal(Days { attempts: Some(31), ..DAYS });
        assert!(error.contains("BATON_ATTEMPT_RETENTION_DAYS) is 31"), "{error}");
        assert!(refusal(Days { attempts: Some(0), ..DAYS }).contains("attempts go with their message"));
    }

    #[test]
    fn what_is_due_comes_in_order_and_what_is_kept_for_ever_does_not_come() {
        let now: Instant = "2026-11-30T12:00:00Z".parse().unwrap();
        let plan = Days { messages: 3, instances: Some(0), audit: 0, ..DAYS }.retention().unwrap().plan(now);
        let kinds: Vec<_> = plan.iter().map(|due| due.kind.as_str()).collect();
        assert_eq!(kinds, ["attempts", "messages", "inbox", "minutes", "credentials"]);
        assert_eq!(plan[1].before, "2026-11-27T12:00:00Z".parse::<Instant>().unwrap());
        assert_eq!(plan[2].before, "2026-11-23T12:00:00Z".parse::<Instant>().unwrap());
        assert_eq!(Retention::default().plan(now).len(), CleanKind::ALL.len());
    }
}
