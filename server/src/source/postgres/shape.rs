//! What a table looks like, and what its user may do with it.

use std::collections::HashMap;

use baton_app::model::SourceTable;
use baton_domain::source::{Column, ColumnKind, Dialect, Mode, Shape};
use sqlx::{PgConnection, postgres::types::Oid};

use super::{connect::explain, sql};
use crate::source::SourceError;

/// The type of each column, as a cast needs it.
pub type Types = HashMap<String, String>;

pub struct Table {
    pub oid: Oid,
    pub shape: Shape,
    pub types: Types,
    pub rights: Rights,
}

pub struct Rights {
    user: String,
    table: String,
    select: bool,
    delete: bool,
    update: bool,
}

impl Rights {
    pub fn check(&self, mode: Mode) -> Result<(), SourceError> {
        let missing = match mode {
            _ if !self.select => "SELECT",
            Mode::Mark if !self.update => "UPDATE",
            Mode::Delete if !self.delete => "DELETE",
            _ => return Ok(()),
        };
        let Self { user, table, .. } = self;
        Err(SourceError::Permission(format!(
            "The user `{user}` lacks a right that the mode {} needs: GRANT {missing} ON {table} TO \"{user}\".",
            mode.as_str()
        )))
    }
}

/// `None`: there is no such table. `mark` is the column that is going to be set.
pub async fn read(
    connection: &mut PgConnection,
    schema: &str,
    table: &str,
    mark: Option<&str>,
) -> Result<Option<Table>, SourceError> {
    type Row = (String, String, String, String, bool, Oid);
    let rows: Vec<Row> = sqlx::query_as(sql!("read_columns"))
        .bind(schema)
        .bind(table)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| explain(&error))?;
    let Some(oid) = rows.first().map(|row| row.5) else { return Ok(None) };
    let unique: Vec<Vec<String>> = sqlx::query_scalar(sql!("read_unique"))
        .bind(oid)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| explain(&error))?;
    // Asking about a column that is not there is an error.
    let mark = mark.filter(|mark| rows.iter().any(|row| row.0 == *mark));
    let (user, select, delete, update): (String, bool, bool, bool) = sqlx::query_as(sql!("read_rights"))
        .bind(oid)
        .bind(mark)
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| explain(&error))?;
    let types = rows.iter().map(|row| (row.0.clone(), row.2.clone())).collect();
    let columns = rows.into_iter().map(|(name, type_name, _, base, nullable, _)| Column {
        kind: kind(&base),
        name,
        type_name,
        nullable,
    });
    let shape = Shape { dialect: Dialect::Postgres, columns: columns.collect(), unique };
    let table = format!("\"{schema}\".\"{table}\"");
    Ok(Some(Table { oid, shape, types, rights: Rights { user, table, select, delete, update } }))
}

pub async fn list(connection: &mut PgConnection) -> Result<Vec<SourceTable>, SourceError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as(sql!("list_tables")).fetch_all(connection).await.map_err(|error| explain(&error))?;
    Ok(rows.into_iter().map(|(schema, name)| SourceTable { schema: Some(schema), name }).collect())
}

/// By the name of the type in PostgreSQL's catalogue.
fn kind(type_name: &str) -> ColumnKind {
    match type_name {
        "text" | "varchar" | "bpchar" | "name" | "citext" => ColumnKind::Text,
        "json" | "jsonb" => ColumnKind::Json,
        "uuid" => ColumnKind::Uuid,
        "int2" | "int4" | "int8" => ColumnKind::Integer,
        "numeric" | "float4" | "float8" => ColumnKind::Number,
        "bytea" => ColumnKind::Bytes,
        "bool" => ColumnKind::Boolean,
        "timestamp" | "timestamptz" | "date" => ColumnKind::Instant,
        "xid8" => ColumnKind::Transaction,
        _ => ColumnKind::Other,
    }
}
