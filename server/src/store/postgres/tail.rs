//! The stream of the outbox's slot, as messages.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_trait::async_trait;

use super::{Postgres, log::note_stale, logged::Layout};
use crate::{
    replication::{
        pgoutput::{Relation, Value},
        slot,
        stream::{Rows, Stream},
    },
    store::log::{Caught, LogError, Logged, Position, Tail},
};

/// How long an orderly end may take; what was not confirmed then is told again.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Tables by number; those that are not the outbox have no layout.
#[derive(Default)]
pub(super) struct OutboxRows(HashMap<u32, Option<Layout>>);

impl Rows for OutboxRows {
    type Row = Logged;

    fn table(&mut self, relation: Relation) -> Result<(), String> {
        let is_outbox = relation.schema == "baton" && relation.table == "outbox";
        let layout = is_outbox.then(|| Layout::of(&relation)).transpose()?;
        self.0.insert(relation.id, layout);
        Ok(())
    }

    fn row(&mut self, relation: u32, values: &[Value<'_>]) -> Result<Option<Logged>, String> {
        let layout = self.0.get(&relation);
        let layout = layout.ok_or_else(|| format!("a row of the table {relation}, which was not told of"))?;
        layout.as_ref().map(|layout| layout.read(values)).transpose()
    }
}

pub(super) struct PgTail {
    stream: Stream<OutboxRows>,
    store: Postgres,
    slot: String,
    stale: Arc<AtomicBool>,
}

impl PgTail {
    pub(super) fn new(stream: Stream<OutboxRows>, store: Postgres, slot: String, stale: Arc<AtomicBool>) -> Self {
        Self { stream, store, slot, stale }
    }
}

#[async_trait]
impl Tail for PgTail {
    async fn next(&mut self, limit: usize) -> Result<Caught, LogError> {
        let read = self.stream.next(limit).await.map_err(|ended| {
            note_stale(&self.stale, &ended);
            LogError::Stream(ended.text)
        })?;
        Ok(Caught { rows: read.rows, transactions: read.transactions, position: read.position.map(Position) })
    }

    fn confirm(&self, position: Position) {
        self.stream.confirm(position.0);
    }

    async fn close(self: Box<Self>) {
        let Self { stream, store, slot, .. } = *self;
        let close = async {
            let Some(position) = stream.close().await else { return Ok(()) };
            let mut connection = store.pool.acquire().await?;
            while !slot::advance(&mut connection, &slot, &position).await? {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok::<_, sqlx::Error>(())
        };
        if !matches!(tokio::time::timeout(CLOSE_WITHIN, close).await, Ok(Ok(()))) {
            tracing::debug!("the last position was not confirmed; some messages will be published again");
        }
    }
}
