//! Reads a table in SQLite.

use std::time::Duration;

use async_trait::async_trait;
use baton_domain::source::{Mode, Plan};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::SqliteConnection;

use super::statements::Statements;
use crate::source::{Batch, Reader, SourceError, rows::found_all};

/// What has to be remembered with the mode `read_only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    version: u32,
    /// The number of the last row.
    after: i64,
}

const VERSION: u32 = 1;

pub struct FileReader {
    connection: SqliteConnection,
    statements: Statements,
    plan: Plan,
    poll: Duration,
    mode: Mode,
    after: Option<i64>,
    /// The keys of what was returned last.
    returned: Vec<String>,
}

impl FileReader {
    pub fn new(
        connection: SqliteConnection,
        statements: Statements,
        plan: Plan,
        poll: Duration,
        mode: Mode,
        position: Option<Value>,
    ) -> Result<Self, SourceError> {
        let after = match position.filter(|_| mode == Mode::ReadOnly) {
            None => None,
            Some(stored) => {
                let position = serde_json::from_value(stored).ok().filter(|it: &Position| it.version == VERSION);
                let unknown = "How far this table was read is written down in a form that this version does not know. Remove \
                               the source and create it again to read from the beginning.";
                Some(position.ok_or_else(|| SourceError::Position(unknown.to_owned()))?.after)
            }
        };
        Ok(Self { connection, statements, plan, poll, mode, after, returned: Vec::new() })
    }
}

#[async_trait]
impl Reader for FileReader {
    async fn next(&mut self, limit: usize) -> Result<Batch, SourceError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        loop {
            let rows = self.statements.read(&mut self.connection, self.after, limit).await?;
            let Some(last) = rows.last() else {
                tokio::time::sleep(self.poll).await;
                continue;
            };
            let position = if self.mode == Mode::ReadOnly {
                let after =
                    last.key.parse().map_err(|_| SourceError::Failed(format!("`{}` is no number.", last.key)))?;
                self.after = Some(after);
                let position = Position { version: VERSION, after };
                Some(serde_json::to_value(position).expect("a position has a JSON form"))
            } else {
                self.returned = rows.iter().map(|row| row.key.clone()).collect();
                None
            };
            let found = found_all(&self.plan, rows.into_iter().map(|row| (row.key, row.json)), Utc::now())?;
            return Ok(Batch { found, position });
        }
    }

    async fn settle(&mut self) -> Result<(), SourceError> {
        self.statements.settle(&mut self.connection, &self.returned).await?;
        self.returned.clear();
        Ok(())
    }

    async fn waiting(&mut self) -> Result<Option<u64>, SourceError> {
        match self.mode {
            Mode::ReadOnly | Mode::Log => Ok(None),
            Mode::Mark | Mode::Delete => self.statements.count(&mut self.connection).await.map(Some),
        }
    }
}
