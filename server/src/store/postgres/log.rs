//! The log of PostgreSQL: logical replication of the outbox, by a publication and a slot of our own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pgwire_replication::{ReplicationClient, ReplicationConfig};
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{Postgres, outbox, sql, tail};
use crate::store::{
    error::During,
    log::{Begins, Caught, Log, LogError, Opened, Slot, Standing},
    port::StoreError,
    rows::AuditRow,
};

/// The publication of the outbox; there is one in each database.
pub(super) const PUBLICATION: &str = "baton_outbox";
const CREATE_PUBLICATION: &str = "CREATE PUBLICATION baton_outbox FOR TABLE baton.outbox WITH (publish = 'insert')";
/// The oldest version whose `pgoutput` passes messages on, such as those of [`Log::beat`].
const VERSION_MIN: i32 = 140_000;
/// How long the server may take to begin, and to let another reader's place go.
const START_WITHIN: Duration = Duration::from_secs(10);
/// How often what is confirmed is told to the server at most.
const CONFIRM_EVERY: Duration = Duration::from_millis(250);
/// Messages of the stream that wait in memory at most; more wait at the server.
const BUFFER: usize = 2_048;
/// The longest name of a slot, in bytes.
const SLOT_NAME_MAX: usize = 63;

struct PgLog {
    store: Postgres,
    slot: String,
    /// The slot is older than the publication, so nothing can be read from it.
    stale: Arc<AtomicBool>,
}

type SlotRow = (String, bool, Option<i32>, i64, i64, bool);

/// The log of `store`'s database, read from `slot` or the one that is named after the database.
pub(super) fn log(store: &Postgres, slot: Option<&str>) -> Option<Arc<dyn Log>> {
    let database = store.connect.get_database().unwrap_or(store.connect.get_username());
    let slot = slot.map_or_else(|| slot_of(database), str::to_owned);
    Some(Arc::new(PgLog { store: store.clone(), slot, stale: Arc::default() }))
}

/// Slots belong to the whole server, so each database has one of its own.
fn slot_of(database: &str) -> String {
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
    let mut slot: String = "baton_".chars().chain(database.to_lowercase().chars().map(plain)).collect();
    slot.truncate(SLOT_NAME_MAX);
    slot
}

#[async_trait]
impl Log for PgLog {
    async fn check(&self) -> Result<(), LogError> {
        if !matches!(self.store.connect.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer) {
            return Err(LogError::Encryption);
        }
        type Row = (i32, String, String, String, bool, bool, bool);
        let (version, found, level, user, may_replicate, has_publication, publishes): Row =
            sqlx::query_as(sql!("check_log"))
                .bind(PUBLICATION)
                .fetch_one(&self.store.pool)
                .await
                .during("look at the log")?;
        if version < VERSION_MIN {
            return Err(LogError::Version { found });
        }
        if level != "logical" {
            return Err(LogError::Level { found: level });
        }
        if !may_replicate {
            return Err(LogError::Role { user });
        }
        if has_publication && !publishes {
            return Err(LogError::OtherPublication { name: PUBLICATION.into(), sql: CREATE_PUBLICATION.into() });
        }
        if !has_publication {
            self.publish().await?;
        }
        match self.row().await? {
            Some((owner, false, ..)) => Err(self.other_slot(owner)),
            _ => Ok(()),
        }
    }

    async fn open(&self) -> Result<Opened, LogError> {
        self.check().await?;
        let begins = self.prepare().await?;
        let mut client = ReplicationClient::connect(self.config()).await.map_err(stream)?;
        match tokio::time::timeout(START_WITHIN, client.wait_started()).await {
            Ok(started) => started.map_err(stream)?,
            Err(_) => return Err(LogError::Stream(format!("no answer within {} s", START_WITHIN.as_secs()))),
        }
        let tail = Box::new(tail::PgTail::new(client, self.store.clone(), self.slot.clone(), self.stale.clone()));
        Ok(Opened { tail, begins })
    }

    async fn standing(&self, caught: &Caught) -> Result<Vec<Standing>, StoreError> {
        if caught.rows.is_empty() {
            return Ok(Vec::new());
        }
        let seqs: Vec<i64> = caught.rows.iter().map(|row| row.seq).collect();
        // What cannot be represented has no key that could be behind another.
        let key = |row: &crate::store::log::Logged| row.message.as_ref().ok().map(|row| row.message.key.clone());
        let keys: Vec<_> = caught.rows.iter().map(key).collect();
        let types: Vec<Option<&str>> = keys.iter().map(|key| key.as_ref().map(|key| &*key.aggregate_type)).collect();
        let ids: Vec<Option<&str>> = keys.iter().map(|key| key.as_ref().map(|key| &*key.aggregate_id)).collect();
        let transactions: Vec<i64> = caught.transactions.iter().map(|xid| i64::from(*xid)).collect();
        let mut wait = Duration::from_micros(500);
        loop {
            let mut connection = self.store.shelf.take().await.during("look where messages stand")?;
            let (visible, standing): (bool, Vec<String>) = sqlx::query_as(sql!("stand_logged"))
                .bind(&seqs)
                .bind(&types)
                .bind(&ids)
                .bind(&transactions)
                .fetch_one(&mut *connection)
                .await
                .during("look where messages stand")?;
            connection.put_back();
            if visible {
                return Ok(standing.iter().map(|letter| meaning(letter)).collect());
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(20));
        }
    }

    async fn slot(&self) -> Result<Option<Slot>, StoreError> {
        let slot = |(_, _, reader, lag, retained, lost): SlotRow| Slot {
            name: self.slot.clone(),
            active: reader.is_some(),
            lag_bytes: lag.unsigned_abs(),
            retained_bytes: retained.unsigned_abs(),
            lost,
        };
        Ok(self.row().await?.map(slot))
    }

    async fn beat(&self) -> Result<(), StoreError> {
        sqlx::query(sql!("beat_log")).execute(&self.store.pool).await.during("write a heartbeat into the log")?;
        Ok(())
    }

    async fn drop_slot(&self, audit: Option<AuditRow>) -> Result<bool, LogError> {
        let dropped = match self.row().await? {
            None => false,
            Some((owner, false, ..)) => return Err(self.other_slot(owner)),
            Some((_, _, Some(_), ..)) => return Err(LogError::InUse { name: self.slot.clone() }),
            Some(_) => {
                self.remove().await?;
                true
            }
        };
        let mut connection = self.store.pool.acquire().await.during("drop the slot")?;
        connection.execute("DROP PUBLICATION IF EXISTS baton_outbox").await.during("drop the publication")?;
        if dropped && let Some(audit) = audit {
            outbox::insert_audit(&mut connection, &[audit]).await?;
        }
        Ok(dropped)
    }
}

impl PgLog {
    async fn row(&self) -> Result<Option<SlotRow>, StoreError> {
        sqlx::query_as(sql!("read_slot"))
            .bind(&self.slot)
            .fetch_optional(&self.store.pool)
            .await
            .during("look at the slot")
    }

    async fn publish(&self) -> Result<(), LogError> {
        let made = sqlx::query(CREATE_PUBLICATION).execute(&self.store.pool).await;
        match made {
            Ok(_) => Ok(()),
            // Another node was first.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42710") => Ok(()),
            Err(source) => Err(LogError::Publication { sql: CREATE_PUBLICATION.into(), source }),
        }
    }

    /// A slot that nobody reads from.
    async fn prepare(&self) -> Result<Begins, LogError> {
        let (begins, reader) = match self.row().await? {
            None => (Begins::Now, None),
            Some((owner, false, ..)) => return Err(self.other_slot(owner)),
            Some((_, _, reader, _, _, lost)) if lost || self.stale.swap(false, Ordering::Relaxed) => {
                (Begins::AfterALoss, reader)
            }
            Some((_, _, reader, ..)) => (Begins::WhereItWas, reader),
        };
        if reader.is_some() {
            self.throw_out().await?;
        }
        if begins == Begins::AfterALoss {
            self.remove().await?;
        }
        if begins != Begins::WhereItWas {
            self.create().await?;
        }
        Ok(begins)
    }

    /// Ends whoever reads: by the lease it is our turn, and that one is a node that stands still or a connection that broke.
    async fn throw_out(&self) -> Result<(), LogError> {
        let ended = async {
            loop {
                let found: bool = sqlx::query_scalar(sql!("end_slot_reader"))
                    .bind(&self.slot)
                    .fetch_one(&self.store.pool)
                    .await
                    .during("end the other reader")?;
                if !found {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(START_WITHIN, ended).await;
        in_time.unwrap_or_else(|_| Err(LogError::InUse { name: self.slot.clone() }))
    }

    /// On a connection without a time limit: it waits for the transactions under way.
    async fn create(&self) -> Result<(), LogError> {
        let mut connection = PgConnection::connect_with(&self.store.connect).await.during("make the slot")?;
        let made = sqlx::query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')")
            .bind(&self.slot)
            .execute(&mut connection)
            .await;
        connection.close().await.ok();
        made.map(drop).map_err(|source| LogError::Slot {
            name: self.slot.clone(),
            sql: format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", self.slot),
            source,
        })
    }

    async fn remove(&self) -> Result<(), LogError> {
        sqlx::query("SELECT pg_drop_replication_slot($1)")
            .bind(&self.slot)
            .execute(&self.store.pool)
            .await
            .during("drop the slot")?;
        Ok(())
    }

    fn other_slot(&self, database: String) -> LogError {
        let owner =
            if database.is_empty() { "another program".to_owned() } else { format!("the database {database:?}") };
        LogError::OtherSlot { name: self.slot.clone(), owner }
    }

    fn config(&self) -> ReplicationConfig {
        let connect: &PgConnectOptions = &self.store.connect;
        // The driver tells the password in no other way.
        let url = connect.to_url_lossy();
        let password = url.password().map(percent_decoded).unwrap_or_default();
        let host = match connect.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => connect.get_host().to_owned(),
        };
        let database = connect.get_database().unwrap_or(connect.get_username());
        ReplicationConfig::new(host, connect.get_username(), password, database, &self.slot, PUBLICATION)
            .with_port(connect.get_port())
            .with_status_interval(CONFIRM_EVERY)
            .with_buffer_size(BUFFER)
            // How values are written depends on the session; the database or the role may have other ideas.
            .with_options("-c DateStyle=ISO,YMD -c TimeZone=UTC -c statement_timeout=0")
            .with_application_name("baton log")
    }
}

pub(super) fn stream(error: pgwire_replication::PgWireError) -> LogError {
    LogError::Stream(error.to_string())
}

/// As the driver encodes it: everything but letters and digits.
fn percent_decoded(text: &str) -> String {
    let form = format!("text={text}");
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

fn meaning(letter: &str) -> Standing {
    match letter {
        "o" => Standing::Published,
        "p" => Standing::Pending,
        "d" => Standing::Delayed,
        "b" => Standing::Alone { behind: true },
        _ => Standing::Alone { behind: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_named_after_its_database() {
        assert_eq!(slot_of("shop"), "baton_shop");
        assert_eq!(slot_of("Shop-2 (test)"), "baton_shop_2__test_");
        assert_eq!(slot_of(&"x".repeat(80)).len(), SLOT_NAME_MAX);
    }

    #[test]
    fn a_password_survives_the_way_through_an_address() {
        let connect: PgConnectOptions = "postgres://u:a%2Bb%20%25%C3%A4@localhost/db".parse().unwrap();
        let url = connect.to_url_lossy();
        assert_eq!(percent_decoded(url.password().unwrap()), "a+b %ä");
    }
}
