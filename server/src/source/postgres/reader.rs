//! Reads a table whose rows are marked or deleted when they were taken in.
//!
//! Rows that are still there are read again, whatever was committed when: nothing has to be remembered, and nothing that
//! commits late is left out.

use std::time::Duration;

use async_trait::async_trait;
use baton_domain::source::Plan;
use chrono::Utc;
use sqlx::PgConnection;

use super::statements::Statements;
use crate::source::{Batch, Reader, SourceError, rows::found_all};

/// What both readers read with.
pub struct Parts {
    pub connection: PgConnection,
    pub statements: Statements,
    pub plan: Plan,
    pub poll_ms: u32,
}

impl Parts {
    pub async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(self.poll_ms.into())).await;
    }
}

pub struct Writing {
    parts: Parts,
    /// The keys of what was returned last.
    returned: Vec<String>,
}

impl Writing {
    pub fn new(parts: Parts) -> Self {
        Self { parts, returned: Vec::new() }
    }
}

#[async_trait]
impl Reader for Writing {
    async fn next(&mut self, limit: usize) -> Result<Batch, SourceError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        loop {
            let Parts { connection, statements, plan, .. } = &mut self.parts;
            let rows = statements.read_first(connection, limit).await?;
            if rows.is_empty() {
                self.parts.pause().await;
                continue;
            }
            self.returned = rows.iter().map(|row| row.key.clone()).collect();
            let found = found_all(plan, rows.into_iter().map(|row| (row.key, row.json)), Utc::now())?;
            return Ok(Batch { found, position: None });
        }
    }

    async fn settle(&mut self) -> Result<(), SourceError> {
        let Parts { connection, statements, .. } = &mut self.parts;
        statements.settle(connection, &self.returned).await?;
        self.returned.clear();
        Ok(())
    }

    async fn waiting(&mut self) -> Result<Option<u64>, SourceError> {
        let Parts { connection, statements, .. } = &mut self.parts;
        statements.count(connection).await.map(Some)
    }
}
