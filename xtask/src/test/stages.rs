//! The stages that run tests, and how each runner is started.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use baton_testkit::postgres;

use super::tally::Tally;
use crate::{
    command::{cargo_with, output, run, target},
    run::build_server,
    site, tools,
};

/// What a release has is tested too, assets inside, Kafka and MongoDB; all stages build the same.
const RELEASED: &str = "--features=baton-server/embed,baton-server/kafka,baton-server/mongodb";

type Environment<'a> = &'a [(&'static str, String)];

/// Unit, property and conformance tests with cargo-nextest where it is installed (it is faster and its output is
/// easier to read), else with what everybody has.
pub fn rust(environment: Environment<'_>, arguments: &[String]) -> Result<Tally> {
    let nextest = output(&mut cargo_with(["nextest", "--version"])).is_ok();
    let mut command = if nextest {
        cargo_with(["nextest", "run", "--workspace", RELEASED, "--no-fail-fast", "--color=never"])
    } else {
        eprintln!("xtask: cargo-nextest is not installed, using cargo test");
        cargo_with(["test", "--workspace", RELEASED, "--no-fail-fast", "--color=never"])
    };
    command.args(arguments).envs(environment.iter().cloned());
    let mut tally = count(&mut command, if nextest { Tally::from_nextest } else { Tally::from_cargo_test })?;
    if arguments.is_empty() {
        tally += broken_builds(nextest)?;
    }
    // nextest leaves out the examples in comments.
    if nextest && arguments.is_empty() {
        tally += count(
            &mut cargo_with(["test", "--workspace", RELEASED, "--doc", "--quiet", "--color=never"]),
            Tally::from_cargo_test,
        )?;
    }
    Ok(tally)
}

/// The simulation must find every defect that is built in on purpose. One more build of the server, for the feature.
fn broken_builds(nextest: bool) -> Result<Tally> {
    let feature = ["--workspace", "--test", "simulation", "--features", "baton-server/broken-builds"];
    match nextest {
        true => {
            let mut command = cargo_with(["nextest", "run", "--no-fail-fast", "--color=never"]);
            count(command.args(feature).args(["-E", "test(faulty::)"]), Tally::from_nextest)
        }
        false => {
            let mut command = cargo_with(["test", "--color=never"]);
            count(command.args(feature).args(["--", "faulty::"]), Tally::from_cargo_test)
        }
    }
}

/// The specs of `end2end/` against the debug build of the server.
pub fn end_to_end(environment: Environment<'_>, arguments: &[String]) -> Result<Tally> {
    tools::npm_install()?;
    let browser = tools::chromium()?;
    run(&mut build_server())?;
    run(Command::new("npx").current_dir(tools::end2end()).args(["--no-install", "tsc", "--noEmit"]))?;
    let mut command = Command::new("npx");
    command.current_dir(tools::end2end()).args(["--no-install", "playwright", "test"]).args(arguments);
    command.envs(environment.iter().cloned());
    command.env("BATON_BIN", target().join("debug/baton")).env("BATON_SITE_DIR", site::folder());
    command.env("BATON_PSQL", postgres::binaries()?.join("psql"));
    if let Some(program) = browser {
        command.env("BATON_CHROMIUM", program);
    }
    count(&mut command, Tally::from_playwright)
}

/// Runs a test runner, passes its output on, and counts. A runner that fails without a failed test is an error.
fn count(command: &mut Command, read: fn(&str) -> Tally) -> Result<Tally> {
    command.env("NO_COLOR", "1").env_remove("FORCE_COLOR").stdin(Stdio::null());
    // nextest reports on standard error, the others on standard output: one pipe for both keeps their order.
    let (reader, writer) = std::io::pipe().context("make a pipe for the test runner")?;
    command.stdout(writer.try_clone().context("share the pipe")?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("start {}", command.get_program().display()))?;
    // The command keeps the writing ends until they are replaced; the reader would wait for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut tally = Tally::default();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("read the test runner's output")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally += read(&line);
    }
    let status = child.wait().context("wait for the test runner")?;
    if !status.success() && tally.failed == 0 {
        bail!("{} failed ({status})", command.get_program().display());
    }
    Ok(tally)
}
