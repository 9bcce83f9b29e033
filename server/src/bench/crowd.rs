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
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{
    Database,
    process::{FIVE_STEPS, actor, start_many},
    start, start_named,
    subscribers::{Silent, Sink},
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
    /// One of several relays: says that it is there, publishes until it is told that all is done, and says how many messages
    /// it had and how many of them came out of order.
    Relay,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Open => "open",
            Self::Relay => "relay",
        }
    }
}

/// The other program's part: one line on standard output when it is ready.
pub async fn play(stage: Stage, url: &str, count: usize) -> anyhow::Result<()> {
    if stage == Stage::Relay {
        return relay(url, count).await;
    }
    let node = start(url, vec![Arc::new(Silent)]).await?;
    let (name, source) = match stage {
        Stage::Hold => ("waiting", WAITING),
        Stage::Open | Stage::Relay => ("five-steps", FIVE_STEPS),
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
        Stage::Open | Stage::Relay => {
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

/// `number` tells the nodes apart: what is left by a node of the same name is taken over at once.
async fn relay(url: &str, number: usize) -> anyhow::Result<()> {
    let sink = Arc::new(Sink::default());
    let node = start_named(&format!("bench-{number}"), url, vec![sink.clone()]).await?;
    println!("ready");
    let mut line = String::new();
    BufReader::new(tokio::io::stdin()).read_line(&mut line).await.context("wait for the end")?;
    node.stop().await;
    println!("{} {}", sink.received(), sink.out_of_order());
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
    let Other { mut child, said: line, .. } = spawn(Stage::Hold, url, count).await?;
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
    let Other { mut child, said: line, .. } = spawn(Stage::Open, url, count).await?;
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

/// Messages per second from a full outbox to the in-process buses of `nodes` programs that share its lanes, in order per key.
pub async fn drain_by_nodes(nodes: usize, url: &str, database: &Database, count: usize) -> anyhow::Result<f64> {
    let mut others = Vec::new();
    for number in 0..nodes {
        others.push(spawn(Stage::Relay, url, number).await?);
    }
    database.until_shared(nodes as i64).await?;
    database.insert_pending(count).await?;
    let begun = Instant::now();
    while database.count("select exists (select from outbox_pending)::int::bigint").await? > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let elapsed = begun.elapsed();
    let mut received = 0;
    for other in others {
        let (had, out_of_order) = other.ask_for_count().await?;
        ensure!(had > 0, "one of the nodes had nothing to do");
        ensure!(out_of_order == 0, "{out_of_order} messages came out of order");
        received += had;
    }
    ensure!(received == count as u64, "{received} of {count} messages came");
    Ok(count as f64 / elapsed.as_secs_f64())
}

/// A program that plays a part.
struct Other {
    child: Child,
    /// The line that it said when it was ready.
    said: String,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Tells a relay that all is done: how many messages it had, and how many of them out of order.
    async fn ask_for_count(mut self) -> anyhow::Result<(u64, u64)> {
        let mut input = self.child.stdin.take().context("its input is piped")?;
        input.write_all(b"done\n").await.context("tell a node that all is done")?;
        let line = self.lines.next_line().await?.context("it ended without a word")?;
        self.child.wait().await.context("wait for a node")?;
        let (had, out_of_order) = line.split_once(' ').with_context(|| format!("it said {line:?}"))?;
        Ok((had.parse()?, out_of_order.parse()?))
    }
}

/// Starts this program for a stage.
async fn spawn(stage: Stage, url: &str, count: usize) -> anyhow::Result<Other> {
    let program = std::env::current_exe().context("find this program")?;
    let mut child = Command::new(program)
        .args(["bench", "--stage", stage.name(), "--postgres", url, "--count", &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start this program again")?;
    let output = child.stdout.take().context("its output is piped")?;
    let mut lines = BufReader::new(output).lines();
    let said = lines.next_line().await?.context("it ended before it was ready")?;
    Ok(Other { child, said, lines })
}
