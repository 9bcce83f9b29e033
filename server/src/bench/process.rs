//! How many processes of five command steps are completed in a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use baton_app::{
    model::StartRequest,
    port::{Actor, Backend as _},
};
use baton_domain::definition::DefinitionKind;

use super::{Database, start, subscribers::Worker};

/// How many callers start instances at a time.
const CALLERS: usize = 64;
const GIVE_UP: Duration = Duration::from_secs(300);

const FIVE_STEPS: &str = "
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

/// Instances per second, from the first start to the last completion.
pub async fn throughput(url: &str, database: &Database, count: usize) -> anyhow::Result<f64> {
    let worker = Arc::new(Worker::default());
    let node = start(url, vec![worker.clone()]).await?;
    let service = node.service.clone();
    worker.employ(Some(service.clone()));
    let actor = Actor { name: "bench".to_owned() };
    service
        .publish(actor.clone(), DefinitionKind::Process, "five-steps".to_owned(), Some(FIVE_STEPS.to_owned()), None)
        .await?;

    let begun = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (service, actor, next) = (service.clone(), actor.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return Ok(());
                    }
                    let request = StartRequest {
                        definition: "five-steps".to_owned(),
                        version: None,
                        input: serde_json::json!({"n": n}),
                        business_key: None,
                        idempotency_key: None,
                    };
                    service.start(actor.clone(), request).await?;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await?.map_err(|error: baton_app::port::AppError| anyhow::anyhow!(error))?;
    }
    loop {
        let completed = database.count("select count(*) from process_instance where status = 'completed'").await?;
        if completed >= count as i64 {
            break;
        }
        ensure!(begun.elapsed() < GIVE_UP, "only {completed} of {count} instances were completed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let elapsed = begun.elapsed();
    drop(service);
    worker.employ(None);
    node.stop().await;
    Ok(count as f64 / elapsed.as_secs_f64())
}
