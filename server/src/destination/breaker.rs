//! The circuit breaker of a destination: pure, with the clock as an argument.
//!
//! Failures of the endpoint as a whole, so many in a row, open it: nothing is sent, what waits waits, and no attempt is
//! counted. After a pause one delivery is tried. If that fails the pause begins again, twice as long, and the delivery
//! is as it was; if it does not, everything goes on. Whatever an endpoint answers that is about one message shows that
//! it works.
//!
//! Each node has its own, in memory: after a restart it is closed, and finds out anew.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use baton_app::model::{self, BreakerState, DestinationSettings};
use chrono::{DateTime, Utc};

use super::Verdict;
use crate::store::rows::Failure;

/// No pause is longer, unless the settings ask for more or the endpoint does.
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Failures in a row that open it.
    pub failures_max: u32,
    pub pause: Duration,
}

impl Config {
    /// `None`: there is none.
    pub fn of(settings: &DestinationSettings) -> Option<Self> {
        let pause = Duration::from_millis(u64::from(settings.breaker_pause_ms));
        settings.breaker_failures.map(|failures_max| Self { failures_max, pause })
    }

    fn pause_after(&self, tries: u32) -> Duration {
        self.pause.saturating_mul(1 << tries.min(16)).min(PAUSE_MAX.max(self.pause))
    }
}

#[derive(Debug, Default)]
pub struct Breaker {
    config: Option<Config>,
    state: State,
    /// In a row.
    failures: u32,
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        tries: u32,
    },
    HalfOpen {
        since: DateTime<Utc>,
        tries: u32,
    },
}

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    Everything,
    /// One delivery, which decides.
    OneTry,
    /// Nothing before then.
    NothingUntil(DateTime<Utc>),
    /// Nothing before the try under way has ended.
    NothingYet,
}

/// What an attempt says about the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It answers, whatever it says about this message.
    Works,
    /// It does not, for any message; it may ask to be left alone for a while.
    Fails { error: String, retry_after: Option<Duration> },
    /// The endpoint was not asked.
    Nothing,
}

impl Breaker {
    /// Closes it: somebody changed something, or it begins.
    pub fn configure(&mut self, config: Option<Config>) {
        *self = Self { config, ..Self::default() };
    }

    pub fn may(&self, now: DateTime<Utc>) -> May {
        match self.state {
            State::Closed => May::Everything,
            State::Open { until, .. } if now < until => May::NothingUntil(until),
            State::Open { .. } => May::OneTry,
            State::HalfOpen { .. } => May::NothingYet,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Closes it when it is not: somebody knows better, such as whoever pressed Test and had an answer. Returns whether it
    /// was open.
    pub fn close(&mut self) -> bool {
        let was_open = !self.is_closed();
        if was_open {
            self.configure(self.config);
        }
        was_open
    }

    /// The one try begins.
    pub fn begin_try(&mut self) {
        if let State::Open { since, tries, .. } = self.state {
            self.state = State::HalfOpen { since, tries };
        }
    }

    /// An attempt ended; `is_try`: it was the one that decides. Returns whether the breaker opened or closed by it.
    pub fn heard(&mut self, word: Word, is_try: bool, now: DateTime<Utc>) -> bool {
        let Some(config) = self.config else { return false };
        match (self.state, word) {
            (State::Closed, Word::Works) => {
                self.failures = 0;
                false
            }
            (State::Closed, Word::Fails { error, retry_after }) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures < config.failures_max {
                    return false;
                }
                self.open(&config, now, error, retry_after, now, 0);
                true
            }
            // One that was under way when it opened may come back late with good news.
            (State::Open { .. } | State::HalfOpen { .. }, Word::Works) => {
                self.configure(Some(config));
                true
            }
            (State::HalfOpen { since, tries }, Word::Fails { error, retry_after }) if is_try => {
                self.failures = self.failures.saturating_add(1);
                self.open(&config, since, error, retry_after, now, tries.saturating_add(1));
                false
            }
            (State::HalfOpen { since, tries }, Word::Nothing) if is_try => {
                self.state = State::Open { since, until: now + config.pause_after(tries), tries };
                false
            }
            (State::Open { .. } | State::HalfOpen { .. }, Word::Fails { error, .. }) => {
                self.error = Some(error);
                false
            }
            (_, Word::Nothing) => false,
        }
    }

    fn open(
        &mut self,
        config: &Config,
        since: DateTime<Utc>,
        error: String,
        retry_after: Option<Duration>,
        now: DateTime<Utc>,
        tries: u32,
    ) {
        let pause = config.pause_after(tries).max(retry_after.unwrap_or_default());
        self.state = State::Open { since, until: now + pause, tries };
        self.error = Some(error);
    }

    /// For people.
    pub fn view(&self) -> model::Breaker {
        let state = match (self.config, self.state) {
            (None, _) => BreakerState::Off,
            (_, State::Closed) => BreakerState::Closed,
            (_, State::Open { .. }) => BreakerState::Open,
            (_, State::HalfOpen { .. }) => BreakerState::HalfOpen,
        };
        let (since, next_try_at) = match self.state {
            State::Closed => (None, None),
            State::Open { since, until, .. } => (Some(since), Some(until)),
            State::HalfOpen { since, .. } => (Some(since), None),
        };
        model::Breaker { state, failures: self.failures, since, next_try_at, error: self.error.clone() }
    }
}

/// What came of an attempt, as far as it is about the endpoint.
pub fn word_of(verdict: &Verdict) -> Word {
    match verdict {
        Verdict::Accepted { .. } => Word::Works,
        Verdict::Failed { failure, retry_after } if is_about_endpoint(failure) => {
            Word::Fails { error: failure.error.clone(), retry_after: *retry_after }
        }
        Verdict::Failed { failure, .. } if failure.class == "panic" => Word::Nothing,
        Verdict::Failed { .. } => Word::Works,
        Verdict::Hopeless(_) => Word::Nothing,
    }
}

/// Whether other messages would meet the same. A 404 may be about what the message names, so it is not counted.
fn is_about_endpoint(failure: &Failure) -> bool {
    match failure.class.strip_prefix("http-") {
        Some(status) => status.starts_with('5') || matches!(status, "401" | "403" | "407" | "408" | "429"),
        None => matches!(
            failure.class.as_str(),
            "connect"
                | "connection-lost"
                | "timeout"
                | "dns"
                | "tls"
                | "private-address"
                | "invalid-url"
                | "redirect"
                | "secret"
        ),
    }
}

/// The breakers of all destinations on this node.
#[derive(Default)]
pub struct Breakers(Mutex<HashMap<String, Shared>>);

/// One of them, shared by the worker that asks it and those who show it.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Breaker>>);

impl Breakers {
    pub fn of(&self, destination: &str) -> Shared {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(destination) {
            Some(breaker) => breaker.clone(),
            None => all.entry(destination.to_owned()).or_default().clone(),
        }
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Config = Config { failures_max: 3, pause: Duration::from_secs(10) };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn fails() -> Word {
        Word::Fails { error: "gone".into(), retry_after: None }
    }

    fn breaker() -> Breaker {
        let mut breaker = Breaker::default();
        breaker.configure(Some(CONFIG));
        breaker
    }

    /// Open since second 0.
    fn open() -> Breaker {
        let mut breaker = breaker();
        let changed: Vec<_> = (0..3).map(|_| breaker.heard(fails(), false, at(0))).collect();
        assert_eq!(changed, [false, false, true]);
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_others_do_not() {
        let mut breaker = breaker();
        for word in [fails(), fails(), Word::Works, fails(), Word::Nothing, fails()] {
            breaker.heard(word, false, at(0));
            assert_eq!(breaker.may(at(0)), May::Everything);
        }
        assert!(breaker.heard(fails(), false, at(0)));
        assert_eq!(breaker.may(at(9)), May::NothingUntil(at(10)));
        let seen = breaker.view();
        assert_eq!((seen.state, seen.failures, seen.error.as_deref()), (BreakerState::Open, 3, Some("gone")));
        assert_eq!((seen.since, seen.next_try_at), (Some(at(0)), Some(at(10))));
    }

    #[test]
    fn one_delivery_is_tried_and_decides() {
        let mut breaker = open();
        assert_eq!(breaker.may(at(10)), May::OneTry);
        breaker.begin_try();
        assert_eq!(breaker.may(at(11)), May::NothingYet);
        assert_eq!(breaker.view().state, BreakerState::HalfOpen);
        assert!(breaker.heard(Word::Works, true, at(11)));
        assert_eq!(breaker.may(at(11)), May::Everything);
        assert_eq!(breaker.view(), model::Breaker { state: BreakerState::Closed, ..model::Breaker::default() });
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let mut breaker = open();
        let mut now = 10;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            breaker.begin_try();
            breaker.heard(fails(), true, at(now));
            let May::NothingUntil(until) = breaker.may(at(now)) else { panic!() };
            pauses.push(until.timestamp() - now);
            now = until.timestamp();
        }
        assert_eq!(pauses, [20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(breaker.view().since, Some(at(0)), "it has been away since the beginning");
    }

    #[test]
    fn an_endpoint_that_asks_for_patience_gets_it() {
        let mut breaker = breaker();
        for _ in 0..3 {
            let word = Word::Fails { error: "busy".into(), retry_after: Some(Duration::from_secs(60)) };
            breaker.heard(word, false, at(0));
        }
        assert_eq!(breaker.may(at(59)), May::NothingUntil(at(60)));
    }

    #[test]
    fn late_answers_from_before_close_it_but_do_not_prolong_it() {
        let mut breaker = open();
        breaker.heard(fails(), false, at(5));
        assert_eq!(breaker.may(at(10)), May::OneTry);
        breaker.begin_try();
        breaker.heard(fails(), false, at(11));
        assert_eq!(breaker.may(at(11)), May::NothingYet, "only the try decides");
        assert!(breaker.heard(Word::Works, false, at(12)));
        assert_eq!(breaker.may(at(12)), May::Everything);
    }

    #[test]
    fn a_try_that_did_not_reach_the_endpoint_is_followed_by_another() {
        let mut breaker = open();
        breaker.begin_try();
        breaker.heard(Word::Nothing, true, at(10));
        assert_eq!(breaker.may(at(10)), May::NothingUntil(at(20)));
    }

    #[test]
    fn without_one_nothing_is_ever_held_back() {
        let mut breaker = Breaker::default();
        assert!(!(0..100).any(|_| breaker.heard(fails(), false, at(0))));
        assert_eq!((breaker.may(at(0)), breaker.view().state), (May::Everything, BreakerState::Off));
    }

    #[test]
    fn what_is_about_one_message_is_not_about_the_endpoint() {
        let word = |class: &str| {
            let failure = Failure { class: class.into(), error: "no".into() };
            matches!(word_of(&Verdict::Failed { failure, retry_after: None }), Word::Fails { .. })
        };
        for class in ["connect", "timeout", "dns", "tls", "secret", "http-500", "http-503", "http-429", "http-401"] {
            assert!(word(class), "{class}");
        }
        for class in ["http-400", "http-404", "http-409", "http-422", "answer-invalid", "loop", "panic"] {
            assert!(!word(class), "{class}");
        }
        assert_eq!(word_of(&Verdict::Hopeless(super::super::unknown_destination("x"))), Word::Nothing);
    }
}
