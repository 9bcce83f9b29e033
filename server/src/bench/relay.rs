//! How fast and how soon messages leave the outbox.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use baton_domain::ids::MessageId;
use sqlx::Connection as _;
use uuid::Uuid;

use super::{Database, start, start_reading_log, subscribers::Sink};
use crate::node::Node;

/// Messages per second from a full outbox to the in-process bus, in order per key.
pub async fn drain(url: &str, database: &Database, count: usize) -> anyhow::Result<f64> {
    database.seed_pending(count).await?;
    let sink = Arc::new(Sink::default());
    let begun = Instant::now();
    let node = start(url, vec![sink.clone()]).await?;
    sink.until(count as u64).await;
    // Until the last batch is marked, not only published.
    while database.unpublished().await? > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let elapsed = begun.elapsed();
    node.stop().await;
    ensure!(sink.out_of_order() == 0, "{} messages came out of order", sink.out_of_order());
    Ok(count as f64 / elapsed.as_secs_f64())
}

/// The same while somebody holds a transaction open in which they have read, and does nothing in it: no dead row of the queue
/// that arises meanwhile can be cleaned away. As many rows as are measured have died in it before.
pub async fn drain_beside_idle_transaction(url: &str, database: &Database, count: usize) -> anyhow::Result<f64> {
    let idle = database.hold_snapshot().await?;
    drain(url, database, count).await?;
    let per_s = drain(url, database, count).await;
    idle.close().await?;
    per_s
}

/// Messages per second from a full log to the in-process bus, in order per key. The log is all there is of them: each was
/// inserted and deleted in one transaction, so the outbox is empty.
pub async fn logical_drain(url: &str, database: &Database, count: usize) -> anyhow::Result<f64> {
    // Makes the place in the log from which the next node reads.
    let node = start_reading_log(url, Vec::new()).await?;
    until_reading(&node).await?;
    node.stop().await;
    database.seed_log(count).await?;
    let sink = Arc::new(Sink::default());
    let begun = Instant::now();
    let node = start_reading_log(url, vec![sink.clone()]).await?;
    sink.until(count as u64).await;
    let elapsed = begun.elapsed();
    node.stop().await;
    ensure!(sink.out_of_order() == 0, "{} messages came out of order", sink.out_of_order());
    Ok(count as f64 / elapsed.as_secs_f64())
}

async fn until_reading(node: &Node) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !node.service.log.as_ref().is_some_and(|view| view.status.is_reading()) {
        ensure!(Instant::now() < deadline, "the log is not read");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// From before the insert of another program to the arrival at the consumer, in milliseconds: the median and the 99th
/// percentile, at `per_s` inserts a second.
pub async fn latency(url: &str, database: &Database, per_s: u32, seconds: u32) -> anyhow::Result<(f64, f64)> {
    let sink = Arc::new(Sink::default());
    let node = start(url, vec![sink.clone()]).await?;
    measure_latency(node, &sink, database, per_s, seconds).await
}

/// The same for a node that reads the log.
pub async fn latency_by_log(url: &str, database: &Database, per_s: u32, seconds: u32) -> anyhow::Result<(f64, f64)> {
    let sink = Arc::new(Sink::default());
    let node = start_reading_log(url, vec![sink.clone()]).await?;
    until_reading(&node).await?;
    measure_latency(node, &sink, database, per_s, seconds).await
}

async fn measure_latency(
    node: Node,
    sink: &Sink,
    database: &Database,
    per_s: u32,
    seconds: u32,
) -> anyhow::Result<(f64, f64)> {
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut sent: HashMap<MessageId, Instant> = HashMap::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_s);
    for n in 0..i64::from(per_s * seconds) {
        ticks.tick().await;
        let id = Uuid::now_v7();
        sent.insert(MessageId(id), Instant::now());
        database.insert(id, n).await?;
    }
    sink.until(u64::from(per_s * seconds)).await;
    node.stop().await;
    let arrivals = sink.arrivals();
    let mut took: Vec<f64> = Vec::with_capacity(sent.len());
    for (id, at) in sent {
        let Some(arrival) = arrivals.get(&id) else { anyhow::bail!("message {id} did not arrive") };
        took.push(arrival.duration_since(at).as_secs_f64() * 1_000.0);
    }
    took.sort_unstable_by(f64::total_cmp);
    Ok((percentile(&took, 50), percentile(&took, 99)))
}

/// The nearest-rank percentile of ascending values.
pub fn percentile(ascending: &[f64], percent: usize) -> f64 {
    let rank = (ascending.len() * percent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_taken_by_nearest_rank() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&values, 50), 100.0);
        assert_eq!(percentile(&values, 99), 198.0);
        assert_eq!(percentile(&[7.0], 99), 7.0);
    }
}
