//! The database of applications that know nothing of Baton but its outbox table.
//!
//! Each keeps its aggregates as documents in a table of its own. A change and the event that tells of it are committed in
//! one transaction, with plain SQL: that is the whole outbox pattern from the producer's side.

use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

/// An aggregate as it is from now on, and the event that says so.
pub struct Change<'a> {
    pub id: &'a str,
    pub document: &'a Value,
    pub event: &'static str,
    pub source: &'static str,
    pub payload: &'a Value,
}

/// The table of one kind of aggregate, and the connection of the application that owns it.
pub struct Table {
    url: String,
    /// The aggregate type; it names the table too.
    aggregate: &'static str,
    connection: Connection,
}

enum Connection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Table {
    pub async fn open(url: &str, aggregate: &'static str) -> anyhow::Result<Self> {
        let connection = connect(url, aggregate).await?;
        Ok(Self { url: url.to_owned(), aggregate, connection })
    }

    /// Stores the aggregate and inserts the event, or neither. A failure is logged; the next try connects again.
    pub async fn commit(&mut self, change: &Change<'_>) {
        if let Err(error) = self.try_commit(change).await {
            tracing::warn!(%error, aggregate = self.aggregate, "the demo could not store a change; connecting again");
            if let Ok(again) = connect(&self.url, self.aggregate).await {
                self.connection = again;
            }
        }
    }

    async fn try_commit(&mut self, change: &Change<'_>) -> sqlx::Result<()> {
        let aggregate = self.aggregate;
        match &mut self.connection {
            Connection::Postgres(connection) => {
                let mut transaction = connection.begin().await?;
                let upsert = format!(
                    "insert into demo.{aggregate} values ($1, $2)
                     on conflict (id) do update set document = excluded.document"
                );
                sqlx::query(AssertSqlSafe(upsert))
                    .bind(change.id)
                    .bind(change.document)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query(
                    "insert into baton.outbox (type, source, aggregate_type, aggregate_id, payload)
                     values ($1, $2, $3, $4, $5)",
                )
                .bind(change.event)
                .bind(change.source)
                .bind(aggregate)
                .bind(change.id)
                .bind(change.payload)
                .execute(&mut *transaction)
                .await?;
                transaction.commit().await
            }
            Connection::Sqlite(connection) => {
                let mut transaction = connection.begin_with("begin immediate").await?;
                let upsert = format!(
                    "insert into demo_{aggregate} values (?1, ?2)
                     on conflict (id) do update set document = excluded.document"
                );
                let document = change.document.to_string();
                sqlx::query(AssertSqlSafe(upsert)).bind(change.id).bind(document).execute(&mut *transaction).await?;
                sqlx::query(
                    "insert into outbox (type, source, aggregate_type, aggregate_id, payload)
                     values (?1, ?2, ?3, ?4, ?5)",
                )
                .bind(change.event)
                .bind(change.source)
                .bind(aggregate)
                .bind(change.id)
                .bind(change.payload.to_string())
                .execute(&mut *transaction)
                .await?;
                transaction.commit().await
            }
        }
    }
}

async fn connect(url: &str, aggregate: &str) -> anyhow::Result<Connection> {
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await?;
        let create =
            format!("create table if not exists demo.{aggregate} (id text primary key, document jsonb not null)");
        // Two applications that begin at once must not both create the schema: PostgreSQL refuses the second.
        let mut transaction = connection.begin().await?;
        sqlx::query("select pg_advisory_xact_lock(hashtext('baton demo'))").execute(&mut *transaction).await?;
        sqlx::query("create schema if not exists demo").execute(&mut *transaction).await?;
        sqlx::query(AssertSqlSafe(create)).execute(&mut *transaction).await?;
        transaction.commit().await?;
        return Ok(Connection::Postgres(connection));
    }
    let options: SqliteConnectOptions = url.parse()?;
    let mut connection = SqliteConnection::connect_with(&options.busy_timeout(Duration::from_secs(10))).await?;
    let create = format!("create table if not exists demo_{aggregate} (id text primary key, document text not null)");
    sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await?;
    Ok(Connection::Sqlite(connection))
}
