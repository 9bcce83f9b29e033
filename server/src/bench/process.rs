//! Processes of five command steps: how many are completed in a second, and how soon one is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use baton_app::{
    model::{Seen, StartRequest},
    port::{Actor, Backend as _},
};
use baton_domain::definition::DefinitionKind;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Database, relay::percentile, start, subscribers::Worker};
use crate::{node::Node, service::Service};

/// How many callers start instances at a time.
const CALLERS: usize = 64;
const GIVE_UP: Duration = Duration::from_secs(300);

pub const FIVE_STEPS: &str = "
baton: process/1
name: five-steps
input: {type: object, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: one}
  one:   {kind: command, send: DoOne,   to: worker, payload: {n: =input.n}, on: {DidOne:   {next: two},   timeout: {after: PT1H, next: late}}}
  two:   {kind: command, send: DoTwo,   to: worker, payload: {n: =input.n}, on: {DidTwo:   {next: three}, timeout: {after: PT1H, next: late}}}
  three: {kind: command, send: DoThree, to: worker, payload: {n: =input.n}, on: {DidThree: {next: four},  timeout: {after: PT1H, next: late}}}
  four:  {kind: command, send: DoFour,  to: worker, payload: {n: =input.n}, on: {DidFour:  {next: five},  timeout: {after: PT1H, next: late}}}
  five:  {kind: command, send: DoFive,  to: worker, payload: {n: =input.n}, on: {DidFive:  {next: done},  timeout: {after: PT1H, next: late}}}
  done:  {kind: end, outcome: completed}
  late:  {kind: end, outcome: failed}
";

/// How many processes and how many steps in a second.
pub struct Throughput {
    pub instances_per_s: f64,
    /// A step is one transaction's worth of one instance: its start, or something that it took in.
    pub steps_per_s: f64,
}

/// From the first start to the last completion.
pub async fn throughput(url: &str, database: &Database, count: usize) -> anyhow::Result<Throughput> {
    let site = Site::open(url, DefinitionKind::Process, "five-steps", FIVE_STEPS).await?;
    let begun = Instant::now();
    start_many(&site.service, "five-steps", count).await?;
    let elapsed = until_completed(database, count, begun).await?;
    let steps = database
        .count("select count(*) from process_history where event ->> 'event' in ('started', 'message_received')")
        .await?;
    site.close().await;
    let per_s = |number: f64| number / elapsed.as_secs_f64();
    Ok(Throughput { instances_per_s: per_s(count as f64), steps_per_s: per_s(steps as f64) })
}

/// Milliseconds from before the call that starts an instance until another connection knows it completed: the median and
/// the 99th percentile, at `per_s` starts a second.
pub async fn latency(url: &str, database: Arc<Database>, per_s: u32, seconds: u32) -> anyhow::Result<(f64, f64)> {
    let site = Site::open(url, DefinitionKind::Process, "five-steps", FIVE_STEPS).await?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_s);
    let (begun, watched) = mpsc::unbounded_channel();
    let watch = tokio::spawn(async move { database.watch(watched).await });
    for n in 0..per_s * (seconds + 1) {
        ticks.tick().await;
        let at = Instant::now();
        let (service, begun) = (site.service.clone(), begun.clone());
        tokio::spawn(async move {
            let started = start_one(&service, "five-steps", n as usize).await;
            match started {
                Ok(id) => drop(begun.send((id, at))),
                Err(error) => tracing::error!(%error, "an instance was not started"),
            }
        });
    }
    drop(begun);
    let mut took = watch.await??;
    ensure!(took.len() == (per_s * (seconds + 1)) as usize, "only {} instances were started", took.len());
    site.close().await;
    // The first second warms up connections and caches.
    let mut took = took.split_off(per_s as usize);
    took.sort_unstable_by(f64::total_cmp);
    Ok((percentile(&took, 50), percentile(&took, 99)))
}

/// A running node with a definition published and a worker that does what the definition asks for.
pub struct Site {
    node: Node,
    worker: Arc<Worker>,
    pub service: Arc<Service>,
}

impl Site {
    pub async fn open(url: &str, kind: DefinitionKind, name: &str, source: &str) -> anyhow::Result<Self> {
        let worker = Arc::new(Worker::default());
        let node = start(url, vec![worker.clone()]).await?;
        let service = node.service.clone();
        worker.employ(Some(service.clone()));
        service.publish(actor(), kind, name.to_owned(), Some(source.to_owned()), None, Seen::default()).await?;
        Ok(Self { node, worker, service })
    }

    pub async fn close(self) {
        self.worker.employ(None);
        drop(self.service);
        self.node.stop().await;
    }
}

pub async fn start_many(service: &Arc<Service>, definition: &'static str, count: usize) -> anyhow::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let callers = (0..CALLERS).map(|_| {
        let (service, next) = (service.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return anyhow::Ok(());
                }
                start_one(&service, definition, n).await?;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await??;
    }
    Ok(())
}

pub async fn start_one(service: &Service, definition: &str, n: usize) -> anyhow::Result<Uuid> {
    let request = StartRequest {
        definition: definition.to_owned(),
        version: None,
        input: serde_json::json!({"n": n}),
        business_key: None,
        idempotency_key: None,
    };
    Ok(service.start(actor(), request).await?.id)
}

/// How long it took from `begun` until `count` instances are completed.
pub async fn until_completed(database: &Database, count: usize, begun: Instant) -> anyhow::Result<Duration> {
    loop {
        let completed = database.count("select count(*) from process_instance where status = 'completed'").await?;
        if completed >= count as i64 {
            return Ok(begun.elapsed());
        }
        ensure!(begun.elapsed() < GIVE_UP, "only {completed} of {count} instances were completed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn actor() -> Actor {
    Actor { name: "bench".to_owned() }
}
