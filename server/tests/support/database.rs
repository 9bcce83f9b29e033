//! Looks at the tables from outside, with SQL that both databases understand.

use std::str::FromStr as _;

use sqlx::{
    PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use uuid::Uuid;

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
            Self::Postgres(PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap())
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
