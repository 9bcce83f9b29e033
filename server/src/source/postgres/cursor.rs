//! Reads a table that nothing may be written to, and leaves out nothing that commits late.
//!
//! A cursor "everything behind the last row" skips for ever what a transaction inserted early and committed late: numbers are
//! given when a row is inserted, and rows are seen when it commits. So this one goes by transactions. It remembers the
//! **horizon**: the number of a transaction of which is known that all smaller ones had ended when the table was read last
//! (`pg_snapshot_xmin`). Whatever could not be seen then was inserted by the transaction with that number or a later one, so
//! the next **round** reads all rows of those, in the order of the table. Rows of transactions that had committed already are
//! read twice; those of the last round are known here, all others the inbox knows.
//!
//! A round goes page by page, and remembers the horizon that it began with: what commits during the round is either seen by a
//! later page or belongs to the next round.
//!
//! Cost: a column of the type `xid8` with an index makes a round read only what is new. Without it PostgreSQL's own number of
//! each row (`xmin`) tells, and that has no index: a round reads the whole table, but only when a transaction of that server has ended since
//! the last one. While some transaction of that database stays open for long, its rows and all later ones are read each round.
//!
//! Limits: `xmin` has 32 bits, so a row that was inserted some 4,000,000,000 transactions ago may be read once more; and an
//! updated row counts as new. Both bring the same id, which the inbox refuses as long as it keeps it. A standby that takes over
//! without the last transactions gives their numbers again: then read the table anew.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{connect::explain, reader::Parts, sql, statements::RawRow};
use crate::source::{Batch, Reader, SourceError, rows::found_all};

/// So many keys of the last round are known here; the inbox knows the rest.
const KNOWN_MAX: usize = 50_000;
/// A horizon that moved without any row is written down so often.
const REMEMBER_EVERY: Duration = Duration::from_secs(5);
/// Further back than this, ages of 32 bits cannot be compared.
const AGE_MAX: u64 = 2_000_000_000;

/// What has to be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    version: u32,
    /// Rows of this transaction and of later ones are not known to be read; `None`: no row is.
    horizon: Option<u64>,
    /// The round that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    round: Option<Round>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    /// The horizon when it has ended.
    next: u64,
    /// The last row that was read: its place, and what tells it from others there.
    after: Option<(String, String)>,
}

const VERSION: u32 = 1;

pub struct Cursor {
    parts: Parts,
    position: Position,
    /// What could be seen when the last round began.
    seen: Option<String>,
    /// The keys of the last round, and of this one.
    known: HashSet<String>,
    this_round: HashSet<String>,
    remembered_at: Instant,
    remembered: Option<u64>,
}

impl Cursor {
    pub fn new(parts: Parts, position: Option<Value>) -> Result<Self, SourceError> {
        let position = match position {
            None => Position { version: VERSION, horizon: None, round: None },
            Some(stored) => serde_json::from_value(stored).ok().filter(|it: &Position| it.version == VERSION).ok_or_else(|| {
                SourceError::Position(
                    "How far this table was read is written down in a form that this version does not know. Remove the source \
                     and create it again to read from the beginning."
                        .to_owned(),
                )
            })?,
        };
        let remembered = position.horizon;
        Ok(Self {
            parts,
            position,
            seen: None,
            known: HashSet::new(),
            this_round: HashSet::new(),
            remembered_at: Instant::now(),
            remembered,
        })
    }

    /// The horizon of now, the number above all transactions that have ended, and what can be seen.
    async fn snapshot(&mut self) -> Result<(u64, u64, String), SourceError> {
        let row: (String, String, String) = sqlx::query_as(sql!("read_snapshot"))
            .fetch_one(&mut self.parts.connection)
            .await
            .map_err(|error| explain(&error))?;
        let number = |text: &str| {
            text.parse()
                .map_err(|_| SourceError::Failed(format!("PostgreSQL says `{text}` where it numbers transactions.")))
        };
        Ok((number(&row.0)?, number(&row.1)?, row.2))
    }

    /// Begins a round; `false` when nothing can have been written since the last one.
    async fn begin(&mut self) -> Result<bool, SourceError> {
        let (horizon, highest, seen) = self.snapshot().await?;
        if self.position.horizon.is_some_and(|last| last > highest) {
            return Err(SourceError::Position(
                "The numbers of transactions in that database are smaller than they were: it is another one, or was restored. \
                 Nothing is read, since what is new cannot be told. Remove the source and create it again to read from the \
                 beginning; what was taken in already is known by its id."
                    .to_owned(),
            ));
        }
        // The text has the open transactions too: one that ends between two others moves no bound.
        if self.seen.as_ref() == Some(&seen) {
            return Ok(false);
        }
        self.seen = Some(seen);
        self.position.round = Some(Round { next: horizon, after: None });
        Ok(true)
    }

    /// The next page of the round; the round has ended when it is not full.
    async fn page(&mut self, limit: usize) -> Result<Vec<RawRow>, SourceError> {
        let Some(round) = self.position.round.clone() else { return Ok(Vec::new()) };
        let since = self.position.horizon.filter(|since| round.next.saturating_sub(*since) < AGE_MAX);
        let since = since.map(|since| since.to_string());
        let Parts { connection, statements, .. } = &mut self.parts;
        let rows = statements
            .read_since(connection, since.as_deref(), round.after.as_ref(), i64::try_from(limit).unwrap_or(i64::MAX))
            .await?;
        if let Some(last) = rows.last().filter(|_| rows.len() >= limit) {
            self.position.round = Some(Round { after: Some((last.place.clone(), last.within.clone())), ..round });
        } else {
            self.position = Position { horizon: Some(round.next), round: None, ..self.position };
        }
        Ok(self.fresh(rows))
    }

    /// Those that were not read in the last round.
    fn fresh(&mut self, rows: Vec<RawRow>) -> Vec<RawRow> {
        let mut fresh = Vec::with_capacity(rows.len());
        for row in rows {
            if self.this_round.len() < KNOWN_MAX {
                self.this_round.insert(row.key.clone());
            }
            if !self.known.contains(&row.key) {
                fresh.push(row);
            }
        }
        if self.position.round.is_none() {
            self.known = std::mem::take(&mut self.this_round);
        }
        fresh
    }

    fn remember(&mut self) -> Option<Value> {
        (self.remembered_at, self.remembered) = (Instant::now(), self.position.horizon);
        Some(serde_json::to_value(&self.position).expect("a position has a JSON form"))
    }
}

#[async_trait]
impl Reader for Cursor {
    async fn next(&mut self, limit: usize) -> Result<Batch, SourceError> {
        loop {
            if self.position.round.is_none() && !self.begin().await? {
                self.parts.pause().await;
                continue;
            }
            let rows = self.page(limit).await?;
            if !rows.is_empty() {
                let found = found_all(&self.parts.plan, rows.into_iter().map(|row| (row.key, row.json)), Utc::now())?;
                return Ok(Batch { found, position: self.remember() });
            }
            if self.position.round.is_none() {
                if self.remembered != self.position.horizon && self.remembered_at.elapsed() > REMEMBER_EVERY {
                    return Ok(Batch { found: Vec::new(), position: self.remember() });
                }
                self.parts.pause().await;
            }
        }
    }

    async fn settle(&mut self) -> Result<(), SourceError> {
        Ok(())
    }
}
