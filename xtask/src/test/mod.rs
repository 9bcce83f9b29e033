//! `cargo xtask test`: everything, in stages, the quickest to fail first; it stops after a stage that failed.
//!
//! Whatever a stage needs is found, started or installed; nothing is skipped because it is missing. The last line
//! counts the tests of all stages.

mod stages;
mod tally;

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use baton_testkit::{
    Durability, Postgres,
    postgres::{URL_VARIABLE, drop_abandoned},
};
use clap::ValueEnum;

use crate::{
    lint,
    site::{self, Purpose},
};
use tally::Tally;

const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// A part of the tests that can be run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Formatting, clippy, the rules of the house.
    Lint,
    /// Unit, property and conformance tests, on SQLite and PostgreSQL.
    Rust,
    /// End-to-end tests in Chromium.
    E2e,
}

/// Runs all parts, or only one; `arguments` go to the test runner of that one.
pub fn run(only: Option<Part>, arguments: &[String]) -> Result<()> {
    let mut report = Report::default();
    let outcome = run_parts(only, arguments, &mut report);
    report.print();
    outcome?;
    if report.tally.failed > 0 {
        bail!("{} tests failed", report.tally.failed);
    }
    Ok(())
}

fn run_parts(only: Option<Part>, arguments: &[String], report: &mut Report) -> Result<()> {
    let wanted = |part| only.is_none_or(|only| only == part);
    if wanted(Part::Lint) {
        report.stage("lint", || lint::run().map(|()| Tally::default()))?;
    }
    if !wanted(Part::Rust) && !wanted(Part::E2e) {
        return Ok(());
    }
    let postgres = Postgres::start(Durability::Throwaway).context("start PostgreSQL for the tests")?;
    let _sweeper = Sweeper::start(postgres.url());
    let environment = [(URL_VARIABLE, postgres.url())];
    if wanted(Part::Rust) {
        // Once, before many tests want it at the same time.
        baton_testkit::nats::program()?;
        baton_testkit::rabbitmq::script()?;
        report.stage("rust tests", || stages::rust(&environment, arguments))?;
    }
    if wanted(Part::E2e) {
        report.stage("site", || site::build(Purpose::Run).map(|_| Tally::default()))?;
        report.stage("end-to-end tests", || stages::end_to_end(&environment, arguments))?;
    }
    Ok(())
}

/// Drops the databases of tests that have ended, until it is dropped itself. A run makes about a thousand, each of
/// several megabytes.
struct Sweeper {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Sweeper {
    fn start(url: String) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(SWEEP_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                if let Err(error) = drop_abandoned(&url) {
                    eprintln!("xtask: the databases of ended tests stay: {error:#}");
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How long each stage took, and what all of them counted.
#[derive(Default)]
struct Report {
    stages: Vec<(&'static str, Duration)>,
    tally: Tally,
}

impl Report {
    /// Runs a stage. Tests that failed are an error here too, so that the stages after it do not run.
    fn stage(&mut self, name: &'static str, run: impl FnOnce() -> Result<Tally>) -> Result<()> {
        eprintln!("xtask: {name}");
        let started = Instant::now();
        let outcome = run();
        self.stages.push((name, started.elapsed()));
        let tally = outcome.with_context(|| format!("stage: {name}"))?;
        self.tally += tally;
        if tally.failed > 0 {
            bail!("stage: {name}: {} of {} tests failed", tally.failed, tally.failed + tally.passed);
        }
        Ok(())
    }

    fn print(&self) {
        println!();
        for (name, took) in &self.stages {
            println!("{name:<20} {:>7.1} s", took.as_secs_f64());
        }
        println!("{}", self.tally);
    }
}
