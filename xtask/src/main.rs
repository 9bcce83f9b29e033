//! The commands of this repository: `cargo xtask run | test | dev | dist | bench | lint`.
//!
//! One file a command. [`site`] makes what the browser loads, [`command`] runs other programs, [`tools`] finds or
//! installs those that are not Rust. Nothing of Baton is linked in here, so that this program builds first and fast.

mod bench;
mod command;
mod dev;
mod dist;
mod house;
mod lint;
mod run;
mod site;
mod test;
mod tools;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The commands of this repository")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and start Baton; what follows `--` goes to it.
    Run {
        /// Arguments of the program `baton`, such as `demo` or `--listen 127.0.0.1:8080`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Test everything: lint, Rust tests on both databases, end-to-end tests in Chromium.
    Test {
        /// Only this part.
        #[arg(long, value_enum)]
        only: Option<test::Part>,
        /// Arguments of the test runner of that part.
        #[arg(last = true, requires = "only")]
        arguments: Vec<String>,
    },
    /// Like `run`, but build again, restart and reload the page on every change of the sources.
    Dev {
        /// Arguments of the program `baton`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build the release: one file with everything inside, `target/dist/baton`.
    Dist,
    /// Measure the figures that Baton holds itself to.
    Bench {
        /// Write the figures and their settings here, as flat JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Nothing but 1,000 messages a second for so many minutes beside the cleaner: whether tables stay as large as they are.
        #[arg(long, value_name = "MINUTES")]
        soak_minutes: Option<u32>,
        /// Arguments of `baton bench`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Formatting, clippy, and the rules of the house that no compiler checks.
    Lint,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Run { arguments } => run::run(&arguments),
        Task::Test { only, arguments } => test::run(only, &arguments),
        Task::Dev { arguments } => dev::run(&arguments),
        Task::Dist => dist::run(),
        Task::Bench { json, soak_minutes, arguments } => bench::run(json.as_deref(), soak_minutes, &arguments),
        Task::Lint => lint::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
