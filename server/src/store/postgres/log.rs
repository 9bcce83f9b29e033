//! The log of PostgreSQL: logical replication of the outbox, by a publication and a slot of our own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{Executor, PgConnection};

use super::{Postgres, outbox, sql, tail};
use crate::{
    replication::{
        VERSION_MIN,
        slot::{self, SlotRow},
        stream::{Ended, Stream, may_be_plain},
    },
    store::{
        error::During,
        log::{Begins, Caught, Log, LogError, Opened, Slot, Standing},
        port::StoreError,
        rows::AuditRow,
    },
};

/// The publication of the outbox; there is one in each database.
pub(super) const PUBLICATION: &str = "baton_outbox";
const CREATE_PUBLICATION: &str = "CREATE PUBLICATION baton_outbox FOR TABLE baton.outbox WITH (publish = 'insert')";

struct PgLog {
    store: Postgres,
    slot: String,
    /// The slot is older than the publication, so nothing can be read from it.
    stale: Arc<AtomicBool>,
}

/// The log of `store`'s database, read from `slot` or the one that is named after the database.
pub(super) fn log(store: &Postgres, slot: Option<&str>) -> Option<Arc<dyn Log>> {
    let database = store.connect.get_database().unwrap_or(store.connect.get_username());
    let slot = slot.map_or_else(|| slot_of(database), str::to_owned);
    Some(Arc::new(PgLog { store: store.clone(), slot, stale: Arc::default() }))
}

/// Slots belong to the whole server, so each database has one of its own.
fn slot_of(database: &str) -> String {
    let mut slot = format!("baton_{}", slot::plain_name(database));
    slot.truncate(slot::NAME_MAX);
    slot
}

#[async_trait]
impl Log for PgLog {
    async fn check(&self) -> Result<(), LogError> {
        if !may_be_plain(&self.store.connect) {
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
            Some(row) if !row.is_ours => Err(self.other_slot(&row)),
            _ => Ok(()),
        }
    }

    async fn open(&self) -> Result<Opened, LogError> {
        self.check().await?;
        // What is written from here on comes by the log.
        self.store.handover.close();
        let begins = self.prepare().await?;
        let rows = tail::OutboxRows::default();
        let stream = Stream::begin(&self.store.connect, &self.slot, PUBLICATION, "baton log", rows).await;
        let stream = stream.map_err(|ended| self.ended(ended))?;
        let tail = Box::new(tail::PgTail::new(stream, self.store.clone(), self.slot.clone(), self.stale.clone()));
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
        let slot = |row: SlotRow| Slot {
            name: self.slot.clone(),
            active: row.active_pid.is_some(),
            lag_bytes: row.lag_bytes.unsigned_abs(),
            retained_bytes: row.retained_bytes.unsigned_abs(),
            lost: row.lost,
        };
        Ok(self.row().await?.map(slot))
    }

    async fn beat(&self) -> Result<(), StoreError> {
        let doing = "write a heartbeat into the log";
        let mut connection = self.store.pool.acquire().await.during(doing)?;
        slot::beat(&mut connection).await.during(doing)
    }

    async fn drop_slot(&self, audit: Option<AuditRow>) -> Result<bool, LogError> {
        let found = self.row().await?;
        let mut connection = self.store.pool.acquire().await.during("drop the slot")?;
        let dropped = match found {
            None => false,
            Some(row) if !row.is_ours => return Err(self.other_slot(&row)),
            Some(row) if row.active_pid.is_some() => return Err(LogError::InUse { name: self.slot.clone() }),
            Some(_) => {
                self.remove(&mut connection).await?;
                true
            }
        };
        connection.execute("DROP PUBLICATION IF EXISTS baton_outbox").await.during("drop the publication")?;
        if dropped && let Some(audit) = audit {
            outbox::insert_audit(&mut connection, &[audit]).await?;
        }
        Ok(dropped)
    }
}

impl PgLog {
    async fn row(&self) -> Result<Option<SlotRow>, StoreError> {
        let doing = "look at the slot";
        let mut connection = self.store.pool.acquire().await.during(doing)?;
        slot::find(&mut connection, &self.slot).await.during(doing)
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
        let (begins, is_read) = match self.row().await? {
            None => (Begins::Now, false),
            Some(row) if !row.is_ours => return Err(self.other_slot(&row)),
            Some(row) if row.lost || self.stale.swap(false, Ordering::Relaxed) => {
                (Begins::AfterALoss, row.active_pid.is_some())
            }
            Some(row) => (Begins::WhereItWas, row.active_pid.is_some()),
        };
        let mut connection = self.store.pool.acquire().await.during("prepare the slot")?;
        // By the lease it is our turn, and whoever reads is a node that stands still or a connection that broke.
        if is_read && !slot::throw_out(&mut connection, &self.slot).await.during("end the other reader")? {
            return Err(LogError::InUse { name: self.slot.clone() });
        }
        if begins == Begins::AfterALoss {
            self.remove(&mut connection).await?;
        }
        if begins != Begins::WhereItWas {
            slot::create(&self.store.connect, &self.slot).await.map_err(|source| LogError::Slot {
                name: self.slot.clone(),
                sql: slot::creation(&self.slot),
                source,
            })?;
        }
        Ok(begins)
    }

    async fn remove(&self, connection: &mut PgConnection) -> Result<(), LogError> {
        slot::remove(connection, &self.slot).await.during("drop the slot")?;
        Ok(())
    }

    fn other_slot(&self, row: &SlotRow) -> LogError {
        let database = &row.database;
        let owner =
            if database.is_empty() { "another program".to_owned() } else { format!("the database {database:?}") };
        LogError::OtherSlot { name: self.slot.clone(), owner }
    }

    fn ended(&self, ended: Ended) -> LogError {
        note_stale(&self.stale, &ended);
        LogError::Stream(ended.text)
    }
}

/// Where the publication was made again after the slot, the slot's place in the log is from before there was one.
pub(super) fn note_stale(stale: &AtomicBool, ended: &Ended) {
    if ended.is_stale {
        stale.store(true, Ordering::Relaxed);
    }
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
        assert_eq!(slot_of(&"x".repeat(80)).len(), slot::NAME_MAX);
    }
}
