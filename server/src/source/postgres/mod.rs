//! Tables in PostgreSQL.
//!
//! A look ([`Source::check`], [`Source::preview`]) has a connection of its own whose transactions are read-only; a
//! [`reader`] keeps one while it reads. What to read next: [`statements`] for the SQL, which is made for the table,
//! [`cursor`] for how a table is read that nothing may be written to, [`log`] for how one is read without asking it.

mod connect;
mod cursor;
mod log;
mod logged;
mod reader;
mod shape;
mod statements;

use async_trait::async_trait;
use baton_app::model::{SourceReport, SourceTable};
use baton_domain::{
    diagnostic::Diagnostic,
    source::{Mode, Plan, Shape, TableSource, check},
};
use chrono::Utc;
use serde_json::Value;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use self::{connect::open_looking, statements::Statements};
pub use self::{log::name_of as slot_name, statements::quote};
use super::{
    Found, Reader, Source, SourceError,
    rows::{OWN_TABLE, found_all, report},
};

/// The SQL text of `queries/<name>.sql`.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../queries/", $name, ".sql"))
    };
}
use sql;

/// A table of a database that was found.
pub struct PgTable {
    /// The source's name.
    pub name: String,
    pub settings: TableSource,
    pub options: PgConnectOptions,
    /// What tells this Baton from others that read there.
    pub owner: String,
}

/// A table that was looked at.
struct Looked {
    table: shape::Table,
    diagnostics: Vec<Diagnostic>,
}

impl PgTable {
    fn schema(&self) -> &str {
        self.settings.schema.as_deref().unwrap_or("public")
    }

    async fn look(&self, connection: &mut PgConnection) -> Result<Looked, SourceError> {
        let mark = self.settings.mark.as_ref().map(|mark| mark.column.as_str());
        let table = shape::read(connection, self.schema(), &self.settings.table, mark).await?;
        let Some(table) = table else {
            return Err(SourceError::Mapping(vec![self.missing(connection).await?]));
        };
        table.rights.check(self.settings.mode)?;
        let mut diagnostics = check(&self.settings, &table.shape);
        if self.settings.mode == Mode::Log {
            diagnostics.extend(log::check(connection, &self.place(), table.oid).await?);
        }
        if self.schema() == "baton" {
            diagnostics.push(Diagnostic::error("own-table", "/schema", OWN_TABLE));
        }
        Ok(Looked { table, diagnostics })
    }

    /// What is said about a table that is not there.
    async fn missing(&self, connection: &mut PgConnection) -> Result<Diagnostic, SourceError> {
        let tables = shape::list(connection).await?;
        let lower = self.settings.table.to_lowercase();
        let alike = tables.iter().find(|table| table.name.to_lowercase() == lower);
        let hint = alike.map_or_else(String::new, |table| {
            format!(" There is \"{}\" in the schema {}.", table.name, table.schema.as_deref().unwrap_or_default())
        });
        let message = format!(
            "There is no table \"{}\" in the schema {} (names are taken as they are spelled), or this user may not see it.{hint}",
            self.settings.table,
            self.schema()
        );
        Ok(Diagnostic::error("missing-table", "/table", message))
    }

    fn place(&self) -> log::Place {
        log::Place {
            options: self.options.clone(),
            schema: self.schema().to_owned(),
            settings: self.settings.clone(),
            slot: log::name_of(&self.owner, &self.name),
        }
    }

    fn statements(&self, shape: &Shape, types: &shape::Types) -> Statements {
        Statements::new(self.schema(), &self.settings, shape, types)
    }
}

#[async_trait]
impl Source for PgTable {
    async fn check(&self) -> Result<SourceReport, SourceError> {
        let mut connection = open_looking(&self.options).await?;
        let Looked { table, diagnostics } = self.look(&mut connection).await?;
        let sound = !diagnostics.iter().any(Diagnostic::is_error);
        let waiting = match self.settings.mode {
            Mode::ReadOnly | Mode::Log => None,
            _ if !sound => None,
            _ => Some(self.statements(&table.shape, &table.types).count(&mut connection).await?),
        };
        connection.close().await.ok();
        Ok(report(&table.shape, diagnostics, waiting))
    }

    async fn preview(&self, limit: u32) -> Result<Vec<Found>, SourceError> {
        let mut connection = open_looking(&self.options).await?;
        let Looked { table, diagnostics } = self.look(&mut connection).await?;
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(SourceError::Mapping(diagnostics));
        }
        let plan = Plan::of(&self.name, &self.settings.mapping, &table.shape).map_err(SourceError::Mapping)?;
        let statements = self.statements(&table.shape, &table.types);
        let rows = statements.read_first(&mut connection, i64::from(limit)).await?;
        connection.close().await.ok();
        found_all(&plan, rows.into_iter().map(|row| (row.key, row.json)), Utc::now())
    }

    async fn open(&self, position: Option<Value>) -> Result<Box<dyn Reader>, SourceError> {
        let mut connection = connect::open(&self.options).await?;
        let Looked { table, diagnostics } = self.look(&mut connection).await?;
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(SourceError::Mapping(diagnostics));
        }
        let plan = Plan::of(&self.name, &self.settings.mapping, &table.shape).map_err(SourceError::Mapping)?;
        let statements = self.statements(&table.shape, &table.types);
        let parts = reader::Parts { connection, statements, plan, poll_ms: self.settings.poll_ms };
        Ok(match self.settings.mode {
            Mode::Mark | Mode::Delete => Box::new(reader::Writing::new(parts)),
            Mode::ReadOnly => Box::new(cursor::Cursor::new(parts, position)?),
            Mode::Log => Box::new(log::LogReader::open(parts, self.place(), table.oid, table.shape, position).await?),
        })
    }

    async fn leave(&self, position: Option<&Value>) -> Result<(), SourceError> {
        match self.settings.mode {
            Mode::Log => log::leave(&self.place(), position).await,
            Mode::Mark | Mode::Delete | Mode::ReadOnly => Ok(()),
        }
    }
}

/// The tables that the user of `options` may read.
pub async fn tables(options: &PgConnectOptions) -> Result<Vec<SourceTable>, SourceError> {
    let mut connection = open_looking(options).await?;
    let tables = shape::list(&mut connection).await?;
    connection.close().await.ok();
    Ok(tables)
}
