//! A replication slot: a place in the log that PostgreSQL keeps until it is confirmed.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use super::sql;

/// The longest name of a slot or a publication, in bytes.
pub(crate) const NAME_MAX: usize = 63;
/// How long another reader may take to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// How a slot is.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct SlotRow {
    /// Whose it is; empty for a slot of physical replication.
    pub database: String,
    /// It is of this database, and of our plug-in.
    pub is_ours: bool,
    /// Who reads from it.
    pub active_pid: Option<i32>,
    /// Between what was confirmed and the end of the log, in bytes.
    pub lag_bytes: i64,
    /// What the server keeps of its log because of it, in bytes.
    pub retained_bytes: i64,
    /// The server gave up keeping it.
    pub lost: bool,
}

/// What a name may consist of: lower-case letters, digits and underscores.
pub(crate) fn plain_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
    text.to_lowercase().chars().map(plain).collect()
}

pub(crate) async fn find(connection: &mut PgConnection, name: &str) -> sqlx::Result<Option<SlotRow>> {
    sqlx::query_as(sql!("read_slot")).bind(name).fetch_optional(connection).await
}

/// What [`create`] runs.
pub(crate) fn creation(name: &str) -> String {
    format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
}

/// On a connection of its own without a time limit: it waits for the transactions under way.
pub(crate) async fn create(options: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect_with(options).await?;
    let made = connection.execute(AssertSqlSafe(creation(name))).await;
    connection.close().await.ok();
    made.map(drop)
}

/// Of a slot that nobody reads from.
pub(crate) async fn remove(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_drop_replication_slot($1)").bind(name).execute(connection).await.map(drop)
}

/// Ends whoever reads; `false` when that one would not end in time.
pub(crate) async fn throw_out(connection: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    let ended = async {
        loop {
            let found: bool =
                sqlx::query_scalar(sql!("end_slot_reader")).bind(name).fetch_one(&mut *connection).await?;
            if !found {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(END_WITHIN, ended).await {
        Ok(ended) => ended.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Moves a slot that nobody reads from on to `position`; `false` while it is still held by a connection that is ending.
pub(crate) async fn advance(connection: &mut PgConnection, name: &str, position: &str) -> sqlx::Result<bool> {
    let advanced = sqlx::query(sql!("advance_slot")).bind(name).bind(position).execute(connection).await;
    match advanced {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55006") => Ok(false),
        advanced => advanced.map(|_| true),
    }
}

/// Writes something into the log that means nothing, so that the reader has something to confirm.
pub(crate) async fn beat(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query(sql!("beat_log")).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_what_postgresql_takes() {
        assert_eq!(plain_name("Shop-2 (tést)"), "shop_2__t_st_");
    }
}
