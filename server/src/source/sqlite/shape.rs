//! What a table in SQLite looks like. Types are what was declared, by SQLite's own rules of affinity.

use baton_domain::source::{Column, ColumnKind, Dialect, Shape};
use sqlx::SqliteConnection;

use super::explain;
use crate::source::SourceError;

/// Tables that are no sources: those of Baton, where the file is one of Baton's.
const OWN: [&str; 25] = [
    "outbox",
    "delivery",
    "attempt",
    "inbox",
    "node",
    "lane_lease",
    "message_minute",
    "process_definition",
    "saga_definition",
    "definition_draft",
    "process_instance",
    "process_history",
    "timer",
    "task",
    "wait",
    "destination",
    "route",
    "credential",
    "audit",
    "batch_operation",
    "message_type",
    "destination_minute",
    "source",
    "message_buffer",
    "migration",
];

/// Whether the table is one that Baton made for itself.
pub async fn is_own(connection: &mut SqliteConnection, table: &str) -> Result<bool, SourceError> {
    let is_batons: bool = sqlx::query_scalar(
        "SELECT count(*) = 2 FROM sqlite_master WHERE type = 'table' AND name IN ('lane_lease', 'migration')",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| explain(&error))?;
    Ok(is_batons && OWN.iter().any(|own| own.eq_ignore_ascii_case(table)))
}

/// `None`: there is no such table.
pub async fn read(connection: &mut SqliteConnection, table: &str) -> Result<Option<Shape>, SourceError> {
    let declared: Option<String> =
        sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1")
            .bind(table)
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| explain(&error))?;
    let Some(declared) = declared else { return Ok(None) };
    let rows: Vec<(String, String, bool, i64)> =
        sqlx::query_as("SELECT name, type, \"notnull\" <> 0, pk FROM pragma_table_info(?1) ORDER BY cid")
            .bind(table)
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| explain(&error))?;
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT l.name, i.name FROM pragma_index_list(?1) AS l, pragma_index_info(l.name) AS i \
         WHERE l.\"unique\" AND NOT l.partial AND i.name IS NOT NULL ORDER BY l.seq, i.seqno",
    )
    .bind(table)
    .fetch_all(connection)
    .await
    .map_err(|error| explain(&error))?;

    let primary: Vec<String> = rows.iter().filter(|row| row.3 > 0).map(|row| row.0.clone()).collect();
    let mut unique: Vec<Vec<String>> = if primary.is_empty() { Vec::new() } else { vec![primary.clone()] };
    let mut last = None;
    for (index, column) in indexes {
        match unique.last_mut().filter(|_| last.as_ref() == Some(&index)) {
            Some(columns) => columns.push(column),
            None => unique.push(vec![column]),
        }
        last = Some(index);
    }
    let upper = declared.to_uppercase();
    let is_number = |row: &(String, String, bool, i64)| row.3 > 0 && row.1.eq_ignore_ascii_case("INTEGER");
    let numbered = primary.len() == 1 && rows.iter().any(is_number);
    let columns = rows.iter().map(|row| Column {
        name: row.0.clone(),
        kind: kind(&row.1),
        type_name: if row.1.is_empty() { "no type".to_owned() } else { row.1.clone() },
        // The number of a row is never empty, and neither is a primary key that is one.
        nullable: !(row.2 || numbered && row.3 > 0),
    });
    let numbers = primary.first().filter(|_| numbered && upper.contains("AUTOINCREMENT")).cloned();
    let dialect = Dialect::Sqlite { numbers };
    Ok(Some(Shape { dialect, columns: columns.collect(), unique }))
}

pub async fn list(connection: &mut SqliteConnection) -> Result<Vec<String>, SourceError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name LIMIT 500",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(|error| explain(&error))?;
    let is_batons = is_own(connection, OWN[0]).await?;
    Ok(names.into_iter().filter(|name| !(is_batons && OWN.contains(&name.as_str()))).collect())
}

fn kind(declared: &str) -> ColumnKind {
    let upper = declared.to_uppercase();
    let has = |part: &str| upper.contains(part);
    match () {
        () if has("BOOL") => ColumnKind::Boolean,
        () if has("DATE") || has("TIMESTAMP") => ColumnKind::Instant,
        () if has("UUID") => ColumnKind::Uuid,
        () if has("INT") => ColumnKind::Integer,
        // JSON is text to SQLite.
        () if has("CHAR") || has("CLOB") || has("TEXT") || has("JSON") => ColumnKind::Text,
        () if has("BLOB") || has("BINARY") => ColumnKind::Bytes,
        () if has("REAL") || has("FLOA") || has("DOUB") || has("NUMERIC") || has("DECIMAL") => ColumnKind::Number,
        () => ColumnKind::Other,
    }
}
