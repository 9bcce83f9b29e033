//! Tables in SQLite: in Baton's own file, or in another one on this machine.
//!
//! SQLite has one writer at a time, so rows become visible in the order of their numbers: a cursor over them skips nothing, as
//! long as no number is given twice (`AUTOINCREMENT`).

mod reader;
mod shape;
mod statements;

use std::{path::Path, path::PathBuf, time::Duration};

use async_trait::async_trait;
use baton_app::model::{SourceReport, SourceTable};
use baton_domain::{
    diagnostic::Diagnostic,
    source::{Mode, Plan, Shape, TableSource, check},
};
use chrono::Utc;
use serde_json::Value;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use self::statements::Statements;
use super::{
    Found, Reader, Source, SourceError,
    rows::{OWN_TABLE, found_all, report},
};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A table in a file.
pub struct SqliteTable {
    /// The source's name.
    pub name: String,
    pub settings: TableSource,
    pub path: PathBuf,
}

impl SqliteTable {
    async fn look(&self, connection: &mut SqliteConnection) -> Result<(Shape, Vec<Diagnostic>), SourceError> {
        let Some(shape) = shape::read(connection, &self.settings.table).await? else {
            let message = format!("There is no table \"{}\" in this file.", self.settings.table);
            return Err(SourceError::Mapping(vec![Diagnostic::error("missing-table", "/table", message)]));
        };
        let mut diagnostics = check(&self.settings, &shape);
        if shape::is_own(connection, &self.settings.table).await? {
            diagnostics.push(Diagnostic::error("own-table", "/table", OWN_TABLE));
        }
        if self.settings.schema.is_some() {
            let message = "SQLite has no schemas: leave it out.";
            diagnostics.push(Diagnostic::error("schema", "/schema", message));
        }
        Ok((shape, diagnostics))
    }

    async fn sound(&self, connection: &mut SqliteConnection) -> Result<(Plan, Statements), SourceError> {
        let (shape, diagnostics) = self.look(connection).await?;
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(SourceError::Mapping(diagnostics));
        }
        let plan = Plan::of(&self.name, &self.settings.mapping, &shape).map_err(SourceError::Mapping)?;
        Ok((plan, Statements::new(&self.settings, &shape)))
    }
}

#[async_trait]
impl Source for SqliteTable {
    async fn check(&self) -> Result<SourceReport, SourceError> {
        let mut connection = open(&self.path, true).await?;
        let (shape, diagnostics) = self.look(&mut connection).await?;
        let waiting = if diagnostics.iter().any(Diagnostic::is_error) || self.settings.mode == Mode::ReadOnly {
            None
        } else {
            Some(Statements::new(&self.settings, &shape).count(&mut connection).await?)
        };
        connection.close().await.ok();
        Ok(report(&shape, diagnostics, waiting))
    }

    async fn preview(&self, limit: u32) -> Result<Vec<Found>, SourceError> {
        let mut connection = open(&self.path, true).await?;
        let (plan, statements) = self.sound(&mut connection).await?;
        let rows = statements.read(&mut connection, None, i64::from(limit)).await?;
        connection.close().await.ok();
        found_all(&plan, rows.into_iter().map(|row| (row.key, row.json)), Utc::now())
    }

    async fn open(&self, position: Option<Value>) -> Result<Box<dyn Reader>, SourceError> {
        let mut connection = open(&self.path, self.settings.mode == Mode::ReadOnly).await?;
        let (plan, statements) = self.sound(&mut connection).await?;
        let poll = Duration::from_millis(self.settings.poll_ms.into());
        Ok(Box::new(reader::FileReader::new(connection, statements, plan, poll, self.settings.mode, position)?))
    }
}

/// The tables of a file, without SQLite's own and Baton's.
pub async fn tables(path: &Path) -> Result<Vec<SourceTable>, SourceError> {
    let mut connection = open(path, true).await?;
    let names = shape::list(&mut connection).await?;
    connection.close().await.ok();
    Ok(names.into_iter().map(|name| SourceTable { schema: None, name }).collect())
}

async fn open(path: &Path, looking: bool) -> Result<SqliteConnection, SourceError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(looking)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    SqliteConnection::connect_with(&options).await.map_err(|error| {
        SourceError::Unreachable(format!(
            "The file of the database cannot be opened: {error}. Is it there, and may this server {} it?",
            if looking { "read" } else { "write" }
        ))
    })
}

/// What an error of a statement means.
fn explain(error: &sqlx::Error) -> SourceError {
    let sqlx::Error::Database(answer) = error else {
        return SourceError::Unreachable(format!(
            "The file of the database cannot be read: {error}. It is tried again."
        ));
    };
    let code: u32 = answer.code().and_then(|code| code.parse().ok()).unwrap_or(1);
    let message = answer.message();
    match code & 0xff {
        // BUSY, LOCKED
        5 | 6 => {
            SourceError::Unreachable(format!("Another program keeps the file locked: {message}. It is tried again."))
        }
        // PERM, READONLY
        3 | 8 => SourceError::Permission(format!(
            "This server may not write to the file: {message}. Give it the right to, on the file and its folder, or take the \
             mode read_only."
        )),
        // ERROR: a column or the table is gone
        1 => SourceError::Failed(format!("The table has changed: {message}. Look at the mapping again.")),
        _ => SourceError::Failed(format!("SQLite says: {message}. It is tried again.")),
    }
}
