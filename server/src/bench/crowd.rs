//! Many instances at once: what the server needs to hold them, and how it comes back to them after a crash.
//!
//! Both run in a program of their own, so that its memory is its own and it can be killed.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use baton_app::{model::Seen, port::Backend as _};
use baton_domain::definition::DefinitionKind;
use clap::ValueEnum;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{
    Database,
    process::{FIVE_STEPS, actor, start_many},
    start,
    subscribers::Silent,
};

const WAITING: &str = "
baton: process/1
name: waiting
input: {type: object, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: it}
  it:    {kind: wait, on: {ItHappened: {next: done}}}
  done:  {kind: end, outcome: completed}
";

/// What the program that is started for this does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Starts instances that wait for an event, and says how many bytes of memory it has afterwards.
    Hold,
    /// Starts instances that wait for an answer, says so, and waits to be killed.
    Open,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Open => "open",
        }
    }
}

/// The other program's part: one line on standard output when it is ready.
pub async fn play(stage: Stage, url: &str, count: usize) -> anyhow::Result<()> {
    let node = start(url, vec![Arc::new(Silent)]).await?;
    let (name, source) = match stage {
        Stage::Hold => ("waiting", WAITING),
        Stage::Open => ("five-steps", FIVE_STEPS),
    };
    let service = node.service.clone();
    service
        .publish(actor(), DefinitionKind::Process, name.to_owned(), Some(source.to_owned()), None, Seen::default())
        .await?;
    start_many(&service, name, count).await?;
    match stage {
        Stage::Hold => {
            // What a burst of starts needed for a moment is given back by then.
            tokio::time::sleep(Duration::from_secs(5)).await;
            println!("{}", resident_bytes()?);
            drop(service);
            node.stop().await;
        }
        Stage::Open => {
            let database = Database::connect(url).await?;
            while database.unpublished().await? > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            println!("ready");
            std::future::pending::<()>().await;
        }
    }
    Ok(())
}

fn resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.context("VmRSS is not in /proc/self/status")? * 1_024)
}

/// Megabytes of a server that has started `count` instances, all of which wait.
pub async fn memory(url: &str, count: usize) -> anyhow::Result<f64> {
    let (mut child, line) = spawn(Stage::Hold, url, count).await?;
    child.wait().await.context("wait for the program that holds instances")?;
    Ok(line.parse::<f64>().with_context(|| format!("it said {line:?} instead of its memory"))? / 1e6)
}

/// How a server comes back.
pub struct Recovery {
    /// Milliseconds from the start of the server until it has taken its first step.
    pub first_step_ms: f64,
    /// Seconds from the start of the server until every instance has taken its step.
    pub all_steps_s: f64,
}

/// Kills a server with `count` open instances, has all of their commands answered while it is away, and starts it again.
pub async fn recovery(url: &str, database: &Database, count: usize) -> anyhow::Result<Recovery> {
    let (mut child, line) = spawn(Stage::Open, url, count).await?;
    ensure!(line == "ready", "the program that opens instances said {line:?}");
    child.kill().await.context("kill the program that opened instances")?;
    let answered = database.answer_all("DoOne", "DidOne").await?;
    ensure!(answered == count as u64, "{answered} of {count} commands were there to be answered");

    const TAKEN: &str = "select count(*) from outbox where type = 'DoTwo'";
    let begun = Instant::now();
    let node = start(url, vec![Arc::new(Silent)]).await?;
    let mut first = None;
    let all = loop {
        let taken = database.count(TAKEN).await?;
        if taken > 0 {
            first.get_or_insert_with(|| begun.elapsed());
        }
        if taken >= count as i64 {
            break begun.elapsed();
        }
        ensure!(begun.elapsed() < Duration::from_secs(120), "only {taken} of {count} instances went on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    node.stop().await;
    ensure!(database.count(TAKEN).await? == count as i64, "a step was taken twice");
    let first = first.unwrap_or(all);
    Ok(Recovery { first_step_ms: first.as_secs_f64() * 1_000.0, all_steps_s: all.as_secs_f64() })
}

/// Starts this program for a stage; the line is what it says when it is ready.
async fn spawn(stage: Stage, url: &str, count: usize) -> anyhow::Result<(Child, String)> {
    let program = std::env::current_exe().context("find this program")?;
    let mut child = Command::new(program)
        .args(["bench", "--stage", stage.name(), "--postgres", url, "--count", &count.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start this program again")?;
    let output = child.stdout.take().context("its output is piped")?;
    let line = BufReader::new(output).lines().next_line().await?.context("it ended before it was ready")?;
    Ok((child, line))
}
