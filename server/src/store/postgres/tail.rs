//! The stream of a replication slot, as messages: what comes between a commit and the relay.
//!
//! A transaction is sent when it has committed, whole, so that what is read may be acted on at once; its position is
//! confirmed only when all of it was done.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pgwire_replication::{Lsn, PgWireError, ReplicationClient, ReplicationEvent};

use super::{
    Postgres,
    log::stream,
    logged::Layout,
    pgoutput::{self, Message},
    sql,
};
use crate::store::log::{Caught, LogError, Position, Tail};

/// How long an orderly end may take; what was not confirmed then is told again.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

pub(super) struct PgTail {
    client: ReplicationClient,
    store: Postgres,
    slot: String,
    stale: Arc<AtomicBool>,
    /// Tables by number; those that are not the outbox have no layout.
    tables: HashMap<u32, Option<Layout>>,
    /// The transaction that is being received.
    transaction: Option<u32>,
    /// What was received and not returned yet.
    caught: Caught,
    confirmed: AtomicU64,
}

impl PgTail {
    pub(super) fn new(client: ReplicationClient, store: Postgres, slot: String, stale: Arc<AtomicBool>) -> Self {
        Self {
            client,
            store,
            slot,
            stale,
            tables: HashMap::new(),
            transaction: None,
            caught: Caught::default(),
            confirmed: AtomicU64::new(0),
        }
    }

    fn take(&mut self, event: ReplicationEvent) -> Result<(), LogError> {
        match event {
            ReplicationEvent::Begin { xid, .. } => self.transaction = Some(xid),
            ReplicationEvent::XLogData { data, .. } => self.take_row(&data)?,
            ReplicationEvent::Commit { end_lsn, .. } => {
                self.transaction = None;
                self.reach(end_lsn);
            }
            // Everything before it that concerns us was sent before it.
            ReplicationEvent::KeepAlive { wal_end, .. } if self.transaction.is_none() => self.reach(wal_end),
            _ => {}
        }
        Ok(())
    }

    fn reach(&mut self, position: Lsn) {
        let position = Position(position.as_u64());
        if position.0 > self.confirmed.load(Ordering::Relaxed) {
            self.caught.position = self.caught.position.max(Some(position));
        }
    }

    fn take_row(&mut self, data: &[u8]) -> Result<(), LogError> {
        match pgoutput::decode(data).map_err(|error| LogError::Stream(error.to_string()))? {
            Message::Relation(relation) => {
                let is_outbox = relation.schema == "baton" && relation.table == "outbox";
                let layout = is_outbox.then(|| Layout::of(&relation)).transpose().map_err(LogError::Stream)?;
                self.tables.insert(relation.id, layout);
            }
            Message::Insert { relation, values } => match self.tables.get(&relation) {
                Some(Some(layout)) => {
                    let row = layout.read(&values).map_err(LogError::Stream)?;
                    self.caught.rows.push(row);
                    if let Some(xid) = self.transaction
                        && self.caught.transactions.last() != Some(&xid)
                    {
                        self.caught.transactions.push(xid);
                    }
                }
                Some(None) => {}
                None => return Err(LogError::Stream(format!("a row of the table {relation}, which was not told of"))),
            },
            Message::Other => {}
        }
        Ok(())
    }

    fn ended(&self, error: PgWireError) -> LogError {
        let text = error.to_string();
        if text.contains("publication \"") && text.contains("does not exist") {
            // Made again after the slot: the slot's place in the log is from before there was one.
            self.stale.store(true, Ordering::Relaxed);
        }
        stream(error)
    }

    /// The server keeps reporting its place to an idle reader only now and then, so it is told by a connection that waits
    /// for the answer.
    async fn advance(&self) -> bool {
        let position = Lsn::from_u64(self.confirmed.load(Ordering::Relaxed)).to_string();
        let advanced =
            sqlx::query(sql!("advance_slot")).bind(&self.slot).bind(position).execute(&self.store.pool).await;
        match advanced {
            // Still held by the connection that is ending.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55006") => false,
            _ => true,
        }
    }
}

#[async_trait]
impl Tail for PgTail {
    async fn next(&mut self, limit: usize) -> Result<Caught, LogError> {
        while self.caught.rows.len() < limit {
            // The end of a transaction follows its rows at once.
            let has_some =
                self.transaction.is_none() && (!self.caught.rows.is_empty() || self.caught.position.is_some());
            let event = tokio::select! {
                biased;
                event = self.client.recv() => event,
                () = std::future::ready(()), if has_some => break,
            };
            match event.map_err(|error| self.ended(error))? {
                Some(event) => self.take(event)?,
                None => return Err(LogError::Stream("the stream ended".into())),
            }
        }
        Ok(std::mem::take(&mut self.caught))
    }

    fn confirm(&self, position: Position) {
        self.confirmed.fetch_max(position.0, Ordering::Relaxed);
        self.client.update_applied_lsn(Lsn::from_u64(position.0));
    }

    async fn close(mut self: Box<Self>) {
        let close = async {
            if self.client.shutdown().await.is_err() || self.confirmed.load(Ordering::Relaxed) == 0 {
                return;
            }
            while !self.advance().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(CLOSE_WITHIN, close).await.is_err() {
            tracing::debug!("the last position was not confirmed; some messages will be published again");
        }
    }
}
