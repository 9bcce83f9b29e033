//! Looks at the tables from outside, with SQL that both databases understand.

use std::{collections::HashMap, str::FromStr as _};

use serde_json::Value;
use sqlx::{
    PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use uuid::Uuid;

use super::invariants::{Command, Instance, Record, Sent};

/// A connection pool of another program on the same database.
#[derive(Clone)]
pub enum Database {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Database {
    pub async fn connect(url: &str) -> Self {
        if url.starts_with("postgres") {
            let options = PgConnectOptions::from_str(url).unwrap().options([("search_path", "baton,public")]);
            Self::Postgres(
                PgPoolOptions::new()
                    .max_connections(4)
                    .acquire_timeout(std::time::Duration::from_secs(3))
                    .connect_with(options)
                    .await
                    .unwrap(),
            )
        } else {
            let options = SqliteConnectOptions::from_str(url)
                .unwrap()
                .busy_timeout(std::time::Duration::from_secs(20))
                .create_if_missing(false);
            Self::Sqlite(SqlitePoolOptions::new().max_connections(2).connect_with(options).await.unwrap())
        }
    }

    /// All rows of a query whose columns are all text.
    pub async fn rows<const N: usize>(&self, sql: &'static str) -> Vec<[String; N]> {
        use sqlx::Row as _;
        match self {
            Self::Postgres(pool) => {
                let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
                rows.iter()
                    .map(|row| std::array::from_fn(|i| row.get::<Option<String>, _>(i).unwrap_or_default()))
                    .collect()
            }
            Self::Sqlite(pool) => {
                let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
                rows.iter()
                    .map(|row| std::array::from_fn(|i| row.get::<Option<String>, _>(i).unwrap_or_default()))
                    .collect()
            }
        }
    }

    pub async fn execute(&self, sql: &'static str) {
        match self {
            Self::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
            Self::Sqlite(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
        }
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        match self {
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }

    /// What is stored, for the checker: instances with their histories, and every command, which a participant named
    /// `participant` has to get.
    pub async fn record(&self) -> Record {
        let mut histories: HashMap<String, Vec<(i64, Value)>> = HashMap::new();
        let rows = "select cast(instance_id as text), cast(sequence as text), cast(event as text)
            from process_history h order by h.instance_id, h.sequence";
        for [instance, sequence, event] in self.rows::<3>(rows).await {
            let event = serde_json::from_str(&event).unwrap();
            histories.entry(instance).or_default().push((sequence.parse().unwrap(), event));
        }
        let instances =
            "select cast(i.id as text), status, idempotency_key, cast(sequence as text), cast(snapshot as text),
            cast((select count(*) from timer t where t.instance_id = i.id) as text),
            cast((select count(*) from task t where t.instance_id = i.id and t.ended_at is null) as text)
            from process_instance i";
        let instances = self.rows::<7>(instances).await.into_iter();
        let instances = instances.map(|[id, status, key, sequence, snapshot, timers, tasks]| Instance {
            history: histories.remove(&id).unwrap_or_default(),
            id: id.parse().unwrap(),
            status,
            idempotency_key: (!key.is_empty()).then_some(key),
            sequence: sequence.parse().unwrap(),
            snapshot: serde_json::from_str(&snapshot).unwrap(),
            timers: timers.parse().unwrap(),
            open_tasks: tasks.parse().unwrap(),
        });
        let mut record = Record { instances: instances.collect(), ..Record::default() };
        let commands = "select cast(id as text), source, causation_id, aggregate_type, aggregate_id
            from outbox where kind = 'command' order by seq";
        for [id, source, cause, aggregate_type, aggregate_id] in self.rows::<5>(commands).await {
            let (id, key) = (id.parse().unwrap(), format!("{aggregate_type}/{aggregate_id}"));
            record.messages.push(Sent { id, key, committed: true, receivers: vec!["participant".to_owned()] });
            record.commands.push(Command { id, source, causation_id: (!cause.is_empty()).then_some(cause) });
        }
        record
    }

    /// Whether a message was committed.
    pub async fn has_message(&self, id: Uuid) -> sqlx::Result<bool> {
        let count: i64 = match self {
            Self::Postgres(pool) => {
                sqlx::query_scalar("select count(*) from baton.outbox where id = $1").bind(id).fetch_one(pool).await?
            }
            Self::Sqlite(pool) => {
                let text = id.to_string();
                sqlx::query_scalar("select count(*) from outbox where id = ?1").bind(text).fetch_one(pool).await?
            }
        };
        Ok(count > 0)
    }

    /// How much there is left to do at one moment: messages that have not gone out, deliveries that are open, instances
    /// that have not ended.
    pub async fn unfinished(&self) -> i64 {
        self.count(match self {
            Self::Postgres(_) => {
                "select (select count(*) from outbox_pending) + (select count(*) from outbox_delayed)
                      + (select count(*) from delivery where state in ('queued', 'retrying', 'parked', 'dead'))
                      + (select count(*) from process_instance where ended_at is null)"
            }
            Self::Sqlite(_) => {
                "select (select count(*) from outbox where published_at is null)
                      + (select count(*) from delivery where state in ('queued', 'retrying', 'parked', 'dead'))
                      + (select count(*) from process_instance where ended_at is null)"
            }
        })
        .await
    }

    /// Inserts one event the way a foreign program does: plain SQL, a transaction of its own.
    pub async fn insert_event(&self, id: Uuid, key: &str, version: i64, commit: bool) -> sqlx::Result<()> {
        let payload = serde_json::json!({"n": version});
        match self {
            Self::Postgres(pool) => {
                let mut transaction = pool.begin().await?;
                sqlx::query(
                    "insert into baton.outbox (id, type, source, aggregate_type, aggregate_id, aggregate_version, payload)
                     values ($1, 'Counted', 'counter-service', 'counter', $2, $3, $4)",
                )
                .bind(id)
                .bind(key)
                .bind(version)
                .bind(&payload)
                .execute(&mut *transaction)
                .await?;
                if commit { transaction.commit().await } else { transaction.rollback().await }
            }
            Self::Sqlite(pool) => {
                let mut transaction = pool.begin_with("begin immediate").await?;
                sqlx::query(
                    "insert into outbox (id, type, source, aggregate_type, aggregate_id, aggregate_version, payload)
                     values (?1, 'Counted', 'counter-service', 'counter', ?2, ?3, ?4)",
                )
                .bind(id.to_string())
                .bind(key)
                .bind(version)
                .bind(payload.to_string())
                .execute(&mut *transaction)
                .await?;
                if commit { transaction.commit().await } else { transaction.rollback().await }
            }
        }
    }
}
