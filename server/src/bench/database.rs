//! Another program on the same database: fills it, empties it, and counts, with plain SQL.

use std::{
    collections::HashMap,
    str::FromStr as _,
    time::{Duration, Instant},
};

use anyhow::ensure;
use baton_domain::lane::LANES;
use sqlx::{
    PgConnection, PgPool, SqliteConnection, SqlitePool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

/// How long an instance may take before a measurement is given up.
const GIVE_UP: Duration = Duration::from_secs(300);

pub enum Database {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

/// How many keys messages are spread over.
const KEYS: i64 = 1_000;

impl Database {
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        Ok(if url.starts_with("postgres") {
            let options = PgConnectOptions::from_str(url)?.options([("search_path", "baton")]);
            Self::Postgres(PgPoolOptions::new().max_connections(4).connect_with(options).await?)
        } else {
            let options = SqliteConnectOptions::from_str(url)?.busy_timeout(Duration::from_secs(30));
            Self::Sqlite(SqlitePoolOptions::new().max_connections(2).connect_with(options).await?)
        })
    }

    /// `count` unpublished messages over many keys, versions ascending per key, in tables as they are some time later.
    pub async fn seed_pending(&self, count: usize) -> anyhow::Result<()> {
        self.insert_pending(count).await?;
        if let Self::Postgres(pool) = self {
            sqlx::raw_sql("vacuum analyze outbox").execute(pool).await?;
            sqlx::raw_sql("vacuum analyze outbox_pending").execute(pool).await?;
        }
        Ok(())
    }

    /// `count` unpublished messages over many keys, versions ascending per key, in one transaction.
    pub async fn insert_pending(&self, count: usize) -> anyhow::Result<()> {
        match self {
            Self::Postgres(pool) => {
                sqlx::query(
                    "insert into outbox (type, source, aggregate_type, aggregate_id, aggregate_version, payload)
                     select 'Counted', 'bench', 'counter', (n % $2)::text, n / $2,
                            json_build_object('n', n, 'note', 'one of many messages')::jsonb
                     from generate_series(0, $1 - 1) as n order by n",
                )
                .bind(count as i64)
                .bind(KEYS)
                .execute(pool)
                .await?;
            }
            Self::Sqlite(pool) => {
                sqlx::query(
                    "with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ?1 - 1)
                     insert into outbox (type, source, aggregate_type, aggregate_id, aggregate_version, payload)
                     select 'Counted', 'bench', 'counter', n % ?2, n / ?2,
                            json_object('n', n, 'note', 'one of many messages') from numbers",
                )
                .bind(count as i64)
                .bind(KEYS)
                .execute(pool)
                .await?;
            }
        }
        Ok(())
    }

    /// `count` messages of which the log is all there is: inserted and deleted at once, ten thousand in a transaction.
    pub async fn seed_log(&self, count: usize) -> anyhow::Result<()> {
        let Self::Postgres(pool) = self else { anyhow::bail!("SQLite has no log") };
        const AT_ONCE: i64 = 10_000;
        for from in (0..count as i64).step_by(AT_ONCE as usize) {
            let mut transaction = pool.begin().await?;
            sqlx::query(
                "insert into outbox (type, source, aggregate_type, aggregate_id, aggregate_version, payload)
                 select 'Counted', 'bench', 'counter', (n % $3)::text, n / $3,
                        json_build_object('n', n, 'note', 'one of many messages')::jsonb
                 from generate_series($1, $2) as n order by n",
            )
            .bind(from)
            .bind((from + AT_ONCE).min(count as i64) - 1)
            .bind(KEYS)
            .execute(&mut *transaction)
            .await?;
            sqlx::raw_sql("delete from outbox").execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Gives the place in the log up, so that what follows writes a log that nobody reads.
    pub async fn forget_log(&self) -> anyhow::Result<()> {
        if let Self::Postgres(pool) = self {
            sqlx::raw_sql("select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active")
                .execute(pool)
                .await?;
        }
        Ok(())
    }

    /// `count` messages that went out long ago.
    pub async fn seed_published(&self, count: usize) -> anyhow::Result<()> {
        self.seed_pending(count).await?;
        match self {
            Self::Postgres(pool) => {
                sqlx::raw_sql(
                    "with gone as (delete from outbox_pending returning seq)
                     insert into outbox_published (seq, published_at) select seq, now() from gone",
                )
                .execute(pool)
                .await?;
                for table in ["outbox", "outbox_pending", "outbox_published"] {
                    let sql = format!("vacuum analyze {table}");
                    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await?;
                }
            }
            Self::Sqlite(pool) => {
                sqlx::raw_sql("update outbox set published_at = created_at; analyze").execute(pool).await?;
            }
        }
        Ok(())
    }

    /// One message, the way a foreign program inserts it.
    pub async fn insert(&self, id: Uuid, n: i64) -> anyhow::Result<()> {
        match self {
            Self::Postgres(pool) => {
                sqlx::query(
                    "insert into outbox (id, type, source, aggregate_type, aggregate_id, payload)
                     values ($1, 'Counted', 'bench', 'counter', ($2 % 1000)::text, '{\"n\": 1}')",
                )
                .bind(id)
                .bind(n)
                .execute(pool)
                .await?;
            }
            Self::Sqlite(pool) => {
                sqlx::query(
                    "insert into outbox (id, type, source, aggregate_type, aggregate_id, payload)
                     values (?1, 'Counted', 'bench', 'counter', ?2 % 1000, '{\"n\": 1}')",
                )
                .bind(id.to_string())
                .bind(n)
                .execute(pool)
                .await?;
            }
        }
        Ok(())
    }

    pub async fn count(&self, sql: &'static str) -> anyhow::Result<i64> {
        Ok(match self {
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await?,
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await?,
        })
    }

    /// Inserts an event `reply` for every command `command` there is; how many.
    pub async fn answer_all(&self, command: &str, reply: &str) -> anyhow::Result<u64> {
        const COLUMNS: &str = "(type, source, aggregate_type, aggregate_id, payload, correlation_id, causation_id)";
        Ok(match self {
            Self::Postgres(pool) => {
                let sql = format!(
                    "insert into outbox {COLUMNS} select $2, 'bench', aggregate_type, aggregate_id, '{{}}', \
                     correlation_id, id::text from outbox where type = $1 order by seq"
                );
                sqlx::query(sqlx::AssertSqlSafe(sql)).bind(command).bind(reply).execute(pool).await?.rows_affected()
            }
            Self::Sqlite(pool) => {
                let sql = format!(
                    "insert into outbox {COLUMNS} select ?2, 'bench', aggregate_type, aggregate_id, '{{}}', \
                     correlation_id, id from outbox where type = ?1 order by seq"
                );
                sqlx::query(sqlx::AssertSqlSafe(sql)).bind(command).bind(reply).execute(pool).await?.rows_affected()
            }
        })
    }

    /// Watches instances, each with when it was begun, until the last one is completed: the milliseconds that each took.
    ///
    /// By one connection of its own. PostgreSQL tells it, for asking again and again takes from the machine that is measured,
    /// and adds half of what lies between two questions; the telling is part of the last step's commit. SQLite is asked, for
    /// all of them at once, once a millisecond.
    pub async fn watch(&self, begun: UnboundedReceiver<(Uuid, Instant)>) -> anyhow::Result<Vec<f64>> {
        match self {
            Self::Postgres(pool) => listen(pool, begun).await,
            Self::Sqlite(pool) => ask(pool, begun).await,
        }
    }

    /// How many messages have not gone out yet.
    pub async fn unpublished(&self) -> anyhow::Result<i64> {
        self.count(match self {
            Self::Postgres(_) => "select count(*) from outbox_pending",
            Self::Sqlite(_) => "select count(*) from outbox where published_at is null",
        })
        .await
    }

    /// How many messages have not reached all of their destinations yet.
    pub async fn undelivered(&self) -> anyhow::Result<i64> {
        const OPEN: &str = "select count(*) from delivery where state in ('queued', 'retrying', 'parked', 'dead')";
        Ok(self.unpublished().await? + self.count(OPEN).await?)
    }

    /// A connection with a transaction that has read and does nothing more, until the connection is closed.
    pub async fn hold_snapshot(&self) -> anyhow::Result<PgConnection> {
        let Self::Postgres(pool) = self else { anyhow::bail!("only PostgreSQL keeps dead rows for others") };
        let mut connection = pool.acquire().await?.detach();
        sqlx::raw_sql("begin isolation level repeatable read; select count(*) from lane_lease")
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }

    /// Waits until `count` nodes share the lanes: each has no more than its share, rounded up.
    pub async fn until_shared(&self, count: i64) -> anyhow::Result<()> {
        let begun = Instant::now();
        let lanes = i64::from(LANES);
        let even = lanes - (count - 1) * ((lanes + count - 1) / count);
        let sql = "select count(*) from (select l.node from lane_lease l join node n on n.id = l.node \
                   where n.expires_at > now() group by l.node having count(*) >= $1) as even";
        let Self::Postgres(pool) = self else { anyhow::bail!("SQLite serves one node") };
        while sqlx::query_scalar::<_, i64>(sql).bind(even).fetch_one(pool).await? < count {
            ensure!(begun.elapsed() < GIVE_UP, "{count} nodes do not share the lanes");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Removes all messages and instances.
    pub async fn clear(&self) -> anyhow::Result<()> {
        const TABLES: [&str; 9] =
            ["attempt", "delivery", "inbox", "timer", "task", "wait", "process_history", "process_instance", "outbox"];
        match self {
            Self::Postgres(pool) => {
                let sql = format!("truncate {} cascade", TABLES.join(", "));
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await?;
            }
            Self::Sqlite(pool) => {
                let sql: String = TABLES.iter().map(|table| format!("delete from {table}; ")).collect();
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await?;
            }
        }
        Ok(())
    }
}

/// What tells of an instance that is completed, while it is watched.
const TELL: &str = "
    create or replace function bench_completed() returns trigger language plpgsql as
        $$ begin perform pg_notify('bench_completed', new.id::text); return null; end $$;
    create or replace trigger bench_completed after update on process_instance for each row
        when (new.status = 'completed' and old.status <> 'completed') execute function bench_completed()";
const TELL_NO_MORE: &str = "
    drop trigger bench_completed on process_instance;
    drop function bench_completed()";

async fn listen(pool: &PgPool, mut begun: UnboundedReceiver<(Uuid, Instant)>) -> anyhow::Result<Vec<f64>> {
    sqlx::raw_sql(TELL).execute(pool).await?;
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("bench_completed").await?;
    // Which of the two is heard of first is chance.
    let (mut open, mut completed): (HashMap<Uuid, Instant>, HashMap<Uuid, Instant>) = Default::default();
    let (mut took, mut is_over) = (Vec::new(), false);
    let millis = |begun: Instant, completed: Instant| (completed - begun).as_secs_f64() * 1_000.0;
    while !is_over || !open.is_empty() {
        tokio::select! {
            told = listener.recv() => {
                let (id, now) = (told?.payload().parse()?, Instant::now());
                match open.remove(&id) {
                    Some(at) => took.push(millis(at, now)),
                    None => drop(completed.insert(id, now)),
                }
            }
            started = begun.recv(), if !is_over => match started {
                Some((id, at)) => match completed.remove(&id) {
                    Some(now) => took.push(millis(at, now)),
                    None => drop(open.insert(id, at)),
                },
                None => is_over = true,
            },
            () = tokio::time::sleep(GIVE_UP) => anyhow::bail!("{} instances were not completed", open.len()),
        }
    }
    sqlx::raw_sql(TELL_NO_MORE).execute(pool).await?;
    Ok(took)
}

async fn ask(pool: &SqlitePool, mut begun: UnboundedReceiver<(Uuid, Instant)>) -> anyhow::Result<Vec<f64>> {
    let mut connection = pool.acquire().await?;
    let mut open: HashMap<Uuid, Instant> = HashMap::new();
    let mut took = Vec::new();
    loop {
        if open.is_empty() {
            match begun.recv().await {
                Some((id, at)) => drop(open.insert(id, at)),
                None => return Ok(took),
            }
        }
        while let Ok((id, at)) = begun.try_recv() {
            open.insert(id, at);
        }
        for id in completed(&mut connection, open.keys().copied().collect()).await? {
            took.extend(open.remove(&id).map(|at| at.elapsed().as_secs_f64() * 1_000.0));
        }
        let oldest = open.values().map(Instant::elapsed).max();
        ensure!(oldest.is_none_or(|age| age < GIVE_UP), "{} instances were not completed", open.len());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Which of these instances are completed.
async fn completed(connection: &mut SqliteConnection, ids: Vec<Uuid>) -> anyhow::Result<Vec<Uuid>> {
    let found: Vec<String> = sqlx::query_scalar(
        "select id from process_instance where id in (select value from json_each(?1)) and status = 'completed'",
    )
    .bind(serde_json::to_string(&ids)?)
    .fetch_all(connection)
    .await?;
    Ok(found.iter().map(|id| id.parse()).collect::<Result<_, _>>()?)
}
