//! A long load beside a cleaner that has to keep up with it: whether tables stay as large as they are.
//!
//! Everything that grows is made to turn over: messages of another program, some of which the bus refuses at first (deliveries and
//! attempts), and processes (instances, history, timers, inbox). What is removed is a few seconds old, so that after the first of
//! the run's thirds as much goes as comes, and from then on nothing should grow.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use baton_app::{model::Seen, port::Backend as _};
use baton_domain::{definition::DefinitionKind, ids::MessageId, message::Message};
use chrono::TimeDelta;
use serde_json::json;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::task::JoinSet;

use super::{
    Figures, note,
    process::{FIVE_STEPS, actor, start_one},
    relay::percentile,
    start_as,
    subscribers::Worker,
};
use crate::{
    bus::{self, Subscriber},
    cleaner,
    node::Node,
    relay as relay_service,
    retention::Retention,
    store::rows::{Failure, TableSize},
};

/// Programs that insert, each with a connection of its own.
const WRITERS: u32 = 16;
const KEYS: u32 = 1_000;
const INSTANCES_PER_S: u32 = 10;
/// One message in so many is refused once.
const REFUSED_ONE_IN: u64 = 200;
/// How often the tables are measured, if the run is long enough for that.
const SAMPLE: Duration = Duration::from_secs(60);
const SAMPLES_MIN: u32 = 9;
const TABLES_MAX: u32 = 100;
/// How many tables have figures of their own.
const TABLES_TOLD: usize = 8;

#[derive(Debug, Clone, Copy)]
pub struct Soak {
    pub seconds: u32,
    pub per_s: u32,
}

impl Soak {
    /// How long anything is kept: a tenth of the run, a minute at most.
    fn kept(self) -> Duration {
        Duration::from_secs(u64::from(self.seconds / 10).clamp(2, 60))
    }

    fn sample(self) -> Duration {
        SAMPLE.min(Duration::from_secs(self.seconds.into()) / SAMPLES_MIN)
    }

    fn cleaner(self) -> cleaner::Config {
        let kept = TimeDelta::from_std(self.kept()).ok();
        let retention = Retention { messages: kept, attempts: kept, inbox: kept, instances: kept, audit: kept };
        cleaner::Config { retention, interval: self.kept() / 6, ..cleaner::Config::default() }
    }
}

/// What the tables took at one moment.
struct Sample {
    at: Duration,
    tables: Vec<TableSize>,
}

impl Sample {
    fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.bytes).sum()
    }

    fn dead(&self) -> u64 {
        self.tables.iter().filter_map(|table| table.dead).sum()
    }
}

/// On an empty database of a PostgreSQL.
pub async fn run(url: &str, soak: Soak) -> anyhow::Result<Figures> {
    ensure!(soak.seconds >= 20 && soak.per_s >= WRITERS, "a soak takes 20 s at 16 messages a second, or more");
    let worker = Arc::new(Worker::default());
    let subscribers: Vec<Arc<dyn Subscriber>> = vec![worker.clone(), Arc::new(Reluctant::default())];
    let relay = relay_service::Config::default();
    let node = start_as("bench", url, subscribers, bus::Config::memory(), relay, soak.cleaner()).await?;
    let service = node.service.clone();
    worker.employ(Some(service.clone()));
    let source = Some(FIVE_STEPS.to_owned());
    service.publish(actor(), DefinitionKind::Process, "five-steps".into(), source, None, Seen::default()).await?;

    let options: PgConnectOptions = url.parse()?;
    let pool = PgPoolOptions::new()
        .max_connections(WRITERS + 1)
        .min_connections(WRITERS)
        .connect_with(options.application_name("soak").options([("search_path", "baton")]))
        .await?;
    let begun = Instant::now();
    let until = begun + Duration::from_secs(soak.seconds.into());
    let mut writers: JoinSet<anyhow::Result<Vec<f64>>> =
        (0..WRITERS).map(|writer| insert(pool.clone(), writer, soak.per_s, until)).collect();
    let mut starter = tokio::spawn(keep_starting(node.service.clone(), until));
    let samples = sample(&node, begun, soak).await?;
    let mut took = Vec::new();
    while let Some(written) = writers.join_next().await {
        took.append(&mut written??);
    }
    (&mut starter).await??;
    let elapsed = begun.elapsed();
    let inserted = took.len();
    let left: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&pool).await?;
    let waiting: i64 = sqlx::query_scalar("select count(*) from outbox_pending").fetch_one(&pool).await?;
    let instances: i64 = sqlx::query_scalar("select count(*) from process_instance").fetch_one(&pool).await?;
    worker.employ(None);
    drop(service);
    node.stop().await;

    ensure!(left < inserted as i64 / 2, "{left} of {inserted} messages are still there: nothing was cleaned");
    took.sort_unstable_by(f64::total_cmp);
    let mut figures = Figures::new();
    figures.insert("setting.soak_seconds".into(), json!(soak.seconds));
    figures.insert("setting.soak_per_s".into(), json!(soak.per_s));
    figures.insert("setting.soak_kept_s".into(), json!(soak.kept().as_secs()));
    let mut tell = |key: &str, value: f64| note(&mut figures, &format!("soak.postgres.{key}"), value);
    let sizes: Vec<(Duration, u64)> = samples.iter().map(|sample| (sample.at, sample.bytes())).collect();
    tell("size_growth_ratio", growth(&sizes, elapsed).context("too few samples")?);
    tell("dead_tuples_max", samples.iter().map(Sample::dead).max().unwrap_or_default() as f64);
    tell("insert_ms_p50", percentile(&took, 50));
    tell("insert_ms_p99", percentile(&took, 99));
    tell("inserted_per_s", inserted as f64 / elapsed.as_secs_f64());
    tell("messages_left", left as f64);
    tell("messages_waiting", waiting as f64);
    tell("instances_left", instances as f64);
    for (number, sample) in samples.iter().enumerate() {
        tell(&format!("sample_{number:02}.at_s"), sample.at.as_secs_f64());
        tell(&format!("sample_{number:02}.mb"), sample.bytes() as f64 / 1e6);
        tell(&format!("sample_{number:02}.dead_tuples"), sample.dead() as f64);
    }
    for table in samples.last().map(|sample| &*sample.tables).unwrap_or_default().iter().take(TABLES_TOLD) {
        tell(&format!("table.{}.mb", table.name), table.bytes as f64 / 1e6);
        tell(&format!("table.{}.dead_tuples", table.name), table.dead.unwrap_or_default() as f64);
    }
    Ok(figures)
}

/// Inserts one message after the other, each in a transaction of its own, as its turn comes: the milliseconds from that turn until it
/// was committed, so that whoever is held up is not let off the waiting.
async fn insert(pool: PgPool, writer: u32, per_s: u32, until: Instant) -> anyhow::Result<Vec<f64>> {
    let mut connection = pool.acquire().await?;
    let begin = tokio::time::Instant::now() + Duration::from_secs(1) * writer / per_s;
    let mut turns = tokio::time::interval_at(begin, Duration::from_secs(1) * WRITERS / per_s);
    let mut took = Vec::new();
    for n in 0_u32.. {
        let turn = turns.tick().await;
        if turn.into_std() >= until {
            break;
        }
        sqlx::query(
            "insert into outbox (type, source, aggregate_type, aggregate_id, payload)
             values ('Soaked', 'bench', 'counter', $1::text, json_build_object('n', $2, 'note', 'one of many')::jsonb)",
        )
        .bind(((n * WRITERS + writer) % KEYS).to_string())
        .bind(i64::from(n))
        .execute(&mut *connection)
        .await?;
        took.push(turn.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(took)
}

async fn keep_starting(service: Arc<crate::service::Service>, until: Instant) -> anyhow::Result<()> {
    let mut turns = tokio::time::interval(Duration::from_secs(1) / INSTANCES_PER_S);
    for n in 0.. {
        if turns.tick().await.into_std() >= until {
            break;
        }
        start_one(&service, "five-steps", n).await?;
    }
    Ok(())
}

/// Measures the tables until the run is over, and prints what it finds.
async fn sample(node: &Node, begun: Instant, soak: Soak) -> anyhow::Result<Vec<Sample>> {
    let count = soak.seconds.div_ceil(u32::try_from(soak.sample().as_secs().max(1))?);
    let mut turns = tokio::time::interval_at(tokio::time::Instant::now() + soak.sample(), soak.sample());
    let mut samples = Vec::new();
    for _ in 0..count {
        turns.tick().await;
        if begun.elapsed() > Duration::from_secs(soak.seconds.into()) + soak.sample() / 2 {
            break;
        }
        let sample = Sample { at: begun.elapsed(), tables: node.store.table_sizes(TABLES_MAX).await? };
        print(&sample);
        samples.push(sample);
    }
    Ok(samples)
}

fn print(sample: &Sample) {
    eprintln!(
        "  after {:.0} s: {:.1} MB, {} dead rows",
        sample.at.as_secs_f64(),
        sample.bytes() as f64 / 1e6,
        sample.dead()
    );
    for TableSize { name, bytes, rows, dead } in &sample.tables {
        let (rows, dead) = (rows.unwrap_or_default(), dead.unwrap_or_default());
        eprintln!("    {name:<24} {:>10.2} MB {rows:>10} rows {dead:>9} dead", *bytes as f64 / 1e6);
    }
}

/// The mean of the last third by that of the middle one: 1 says that nothing grows any more.
fn growth(samples: &[(Duration, u64)], whole: Duration) -> Option<f64> {
    let mean = |from: Duration, to: Duration| {
        let within: Vec<u64> =
            samples.iter().filter(|(at, _)| *at > from && *at <= to).map(|(_, bytes)| *bytes).collect();
        (!within.is_empty()).then(|| within.iter().sum::<u64>() as f64 / within.len() as f64)
    };
    let (first, second) = (whole / 3, whole * 2 / 3);
    Some(mean(second, whole + SAMPLE)? / mean(first, second)?)
}

/// Refuses some messages the first time.
#[derive(Default)]
struct Reluctant {
    seen: Mutex<(u64, HashSet<MessageId>)>,
}

#[async_trait]
impl Subscriber for Reluctant {
    fn name(&self) -> &str {
        "bench-reluctant"
    }

    fn wants(&self, message: &Message) -> bool {
        message.message_type == "Soaked"
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, refused) = &mut *seen;
        let answer = |message: &Arc<Message>| {
            if refused.remove(&message.id) {
                return Ok(());
            }
            *count += 1;
            if *count % REFUSED_ONE_IN == 0 {
                refused.insert(message.id);
                return Err(Failure { class: "busy".to_owned(), error: "not now".to_owned() });
            }
            Ok(())
        };
        messages.iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_compares_the_last_third_with_the_middle_one() {
        let at = |second: u64, bytes: u64| (Duration::from_secs(second), bytes);
        let flat = [at(10, 1), at(40, 90), at(60, 110), at(80, 105), at(90, 95)];
        assert_eq!(growth(&flat, Duration::from_secs(90)), Some(1.0));
        let growing = [at(10, 1), at(45, 100), at(90, 150)];
        assert_eq!(growth(&growing, Duration::from_secs(90)), Some(1.5));
        assert_eq!(growth(&growing[..2], Duration::from_secs(90)), None);
    }
}
