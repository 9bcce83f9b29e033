//! The SQL for one table in SQLite, made here since settings name tables and columns: every name is put in quotes, every value
//! is bound.

use baton_domain::source::{ColumnKind, Mode, Shape, TableSource};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::explain;
use crate::source::{SourceError, postgres::quote};

const WAITING_MAX: i64 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RawRow {
    pub key: String,
    pub json: String,
}

#[derive(Debug, Clone)]
pub struct Statements {
    select: String,
    table: String,
    /// Which rows are to be taken in; what the column holds before is ?3.
    open: String,
    from: Option<String>,
    order: String,
    key: String,
    settle: Option<String>,
    to: Option<String>,
}

impl Statements {
    /// For settings that `check` found nothing wrong with.
    pub fn new(settings: &TableSource, shape: &Shape) -> Self {
        let table = quote(&settings.table);
        let key = quote(&settings.mapping.key);
        let fields = shape.columns.iter().map(|column| {
            let name = quote(&column.name);
            let text = column.name.replace('\'', "''");
            format!("'{text}', CASE typeof({name}) WHEN 'blob' THEN '\\x' || hex({name}) ELSE {name} END")
        });
        let fields: Vec<String> = fields.collect();
        let select =
            format!("SELECT CAST({key} AS TEXT) AS key, json_object({}) AS json FROM {table}", fields.join(", "));
        let order = match &settings.mapping.order {
            // A row's number alone says in which order rows became visible.
            Some(name) if settings.mode != Mode::ReadOnly => format!("{}, {key}", quote(name)),
            Some(_) => key.clone(),
            None if settings.mode == Mode::ReadOnly => key.clone(),
            None => "rowid".to_owned(),
        };
        let mut open = "1".to_owned();
        let (mut set, mut from, mut to) = (None, None, None);
        if let Some(mark) = settings.mark.as_ref().filter(|_| settings.mode == Mode::Mark) {
            let kind = shape.columns.iter().find(|one| one.name == mark.column).map(|one| one.kind);
            let column = quote(&mark.column);
            let is_text = matches!(kind, Some(ColumnKind::Text | ColumnKind::Other));
            let cast = if is_text { "?" } else { "CAST(?" };
            let close = if is_text { "" } else { " AS INTEGER)" };
            (open, set) = match (kind, &mark.from) {
                (Some(ColumnKind::Instant), _) => {
                    (format!("{column} IS NULL"), Some(format!("{column} = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")))
                }
                (Some(ColumnKind::Boolean), _) => {
                    (format!("({column} = 0 OR {column} IS NULL)"), Some(format!("{column} = 1")))
                }
                (kind, before) => {
                    let number = kind == Some(ColumnKind::Integer);
                    from.clone_from(before);
                    to = mark.to.clone().or_else(|| number.then(|| "1".to_owned()));
                    let open = match (before, number) {
                        (Some(_), _) => format!("{column} = {cast}3{close}"),
                        (None, true) => format!("({column} = 0 OR {column} IS NULL)"),
                        (None, false) => format!("{column} IS NULL"),
                    };
                    (open, Some(format!("{column} = {cast}2{close}")))
                }
            };
        }
        let these = format!("CAST({key} AS TEXT) IN (SELECT value FROM json_each(?1))");
        // A number is looked up by the index that it has.
        let is_number = shape.columns.iter().any(|c| c.name == settings.mapping.key && c.kind == ColumnKind::Integer);
        let these =
            if is_number { format!("{key} IN (SELECT CAST(value AS INTEGER) FROM json_each(?1))") } else { these };
        let settle = match settings.mode {
            Mode::Delete => Some(format!("DELETE FROM {table} WHERE {these}")),
            Mode::Mark => set.map(|set| format!("UPDATE {table} SET {set} WHERE {these} AND {open}")),
            Mode::ReadOnly | Mode::Log => None,
        };
        Self { select, table, open, from, order, key, settle, to }
    }

    /// The first rows that are to be taken in, behind the number `after`.
    pub async fn read(
        &self,
        connection: &mut SqliteConnection,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<RawRow>, SourceError> {
        let behind = if after.is_some() { format!("{} > ?2", self.key) } else { "?2 IS NULL".to_owned() };
        let statement = format!("{} WHERE {} AND {behind} ORDER BY {} LIMIT ?1", self.select, self.open, self.order);
        let query = sqlx::query_as(AssertSqlSafe(statement)).bind(limit).bind(after).bind(&self.from);
        query.fetch_all(connection).await.map_err(|error| explain(&error))
    }

    pub async fn count(&self, connection: &mut SqliteConnection) -> Result<u64, SourceError> {
        let statement =
            format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} AND ?2 IS NULL LIMIT ?1)", self.table, self.open);
        let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(WAITING_MAX).bind(None::<i64>).bind(&self.from);
        let count: i64 = query.fetch_one(connection).await.map_err(|error| explain(&error))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Marks or deletes the rows with these keys, those that are still to be taken in.
    pub async fn settle(&self, connection: &mut SqliteConnection, keys: &[String]) -> Result<(), SourceError> {
        let Some(settle) = &self.settle else { return Ok(()) };
        let keys = serde_json::to_string(keys).expect("a list of texts has a JSON form");
        let query = sqlx::query(AssertSqlSafe(settle.clone())).bind(keys).bind(&self.to).bind(&self.from);
        query.execute(connection).await.map_err(|error| explain(&error))?;
        Ok(())
    }
}
