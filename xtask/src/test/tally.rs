//! Counting tests by what their runners print.

use std::{fmt, ops::AddAssign};

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl Tally {
    /// A line of cargo-nextest. It shows what failed tests printed, among it libtest's own result, which must not count
    /// again.
    pub fn from_nextest(line: &str) -> Self {
        let line = line.trim();
        if !line.starts_with("Summary [") {
            return Self::default();
        }
        // A test that took too long, or could not be started, is counted apart from the failed ones.
        let failed = ["failed", "timed out", "exec failed"].map(|word| number_before(line, word)).iter().sum();
        Self { passed: number_before(line, "passed"), failed }
    }

    /// A line of cargo test.
    pub fn from_cargo_test(line: &str) -> Self {
        if !line.starts_with("test result: ") {
            return Self::default();
        }
        Self { passed: number_before(line, "passed"), failed: number_before(line, "failed") }
    }

    /// A line of Playwright's list reporter, which ends in lines such as `3 failed` and `12 passed (1.2m)`.
    pub fn from_playwright(line: &str) -> Self {
        let line = line.trim();
        let mut words = line.split(' ');
        let Some(number) = words.next().and_then(|word| word.parse().ok()) else { return Self::default() };
        match (words.next(), words.next()) {
            (Some("passed"), rest) if rest.is_none_or(|rest| rest.starts_with('(')) => {
                Self { passed: number, failed: 0 }
            }
            // A test that passes at the second try only, one that never ran: neither shows that the thing works.
            (Some("failed" | "flaky" | "interrupted"), None) => Self { passed: 0, failed: number },
            (Some("did"), Some("not")) if line.ends_with("did not run") => Self { passed: 0, failed: number },
            _ => Self::default(),
        }
    }
}

/// The number right before `word` in a list such as `3 passed (1 slow), 2 failed; 0 ignored`; zero without one.
fn number_before(line: &str, word: &str) -> u32 {
    let mut parts = line.split([',', ';', ':', '.']).map(|part| part.trim());
    parts
        .find_map(|part| {
            let (number, rest) = part.split_once(' ')?;
            (rest == word || rest.strip_prefix(word).is_some_and(|rest| rest.starts_with(" ("))).then_some(number)
        })
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(counted: Tally, passed: u32, failed: u32) {
        assert_eq!(counted, Tally { passed, failed });
    }

    #[test]
    fn nextest_is_counted_by_its_summary() {
        check(Tally::from_nextest("     Summary [   3.907s] 5 tests run: 5 passed, 0 skipped"), 5, 0);
        let line =
            "Summary [ 1.0s] 9 tests run: 5 passed (1 slow, 1 leaky), 2 failed, 1 timed out, 1 exec failed, 3 skipped";
        check(Tally::from_nextest(line), 5, 4);
        check(Tally::from_nextest("        PASS [   0.006s] (1/5) baton-testkit 3 passed"), 0, 0);
        check(Tally::from_nextest("    test result: FAILED. 0 passed; 1 failed; 0 ignored"), 0, 0);
    }

    #[test]
    fn cargo_test_is_counted_by_each_result() {
        check(
            Tally::from_cargo_test("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"),
            12,
            0,
        );
        check(Tally::from_cargo_test("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured"), 2, 1);
    }

    #[test]
    fn playwright_is_counted_by_its_last_lines() {
        check(Tally::from_playwright("  12 passed (1.2m)"), 12, 0);
        check(Tally::from_playwright("  3 failed"), 0, 3);
        check(Tally::from_playwright("  1 flaky"), 0, 1);
        check(Tally::from_playwright("  4 did not run"), 0, 4);
        check(Tally::from_playwright("  1 skipped"), 0, 0);
        check(Tally::from_playwright("  ✓  1 smoke.spec.ts:3:1 › 2 passed"), 0, 0);
    }
}
