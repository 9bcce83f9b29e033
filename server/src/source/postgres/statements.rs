//! The SQL for one table. It is made here and not in `queries/`, since tables and columns are named by settings: every name
//! is put in quotes, every value is bound, and types come from the catalogue.

use baton_domain::source::{ColumnKind, Mark, Mode, Shape, TableSource};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, postgres::PgArguments, query::Query};

use super::{connect::explain, shape::Types};
use crate::source::SourceError;

/// Rows that wait are counted up to here.
pub const WAITING_MAX: i64 = 10_000;

/// A row as it was read.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RawRow {
    pub key: String,
    /// Where it stands: the value of the column that grows, or the number of the transaction.
    pub place: String,
    /// Among those with the same `place`.
    pub within: String,
    pub json: String,
}

#[derive(Debug, Clone)]
pub struct Statements {
    /// `SELECT … FROM …`, up to the condition.
    select: String,
    table: String,
    /// Which rows are to be taken in; with the modes that only read all.
    open: String,
    /// What `open` compares with.
    from: Option<String>,
    order: String,
    /// Which rows come behind the place $1 and, there, $2.
    behind: String,
    /// How rows tell which transaction inserted them.
    since: Since,
    settle: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Clone)]
enum Since {
    /// By the transaction that PostgreSQL itself keeps with each row.
    System,
    Column(String),
}

impl Statements {
    /// For settings that `check` found nothing wrong with.
    pub fn new(schema: &str, settings: &TableSource, shape: &Shape, types: &Types) -> Self {
        let table = format!("{}.{} AS t", quote(schema), quote(&settings.table));
        let column = |name: &str| format!("t.{}", quote(name));
        let type_of = |name: &str| types.get(name).map_or("text", String::as_str);
        let key = column(&settings.mapping.key);
        let key_type = type_of(&settings.mapping.key);
        let (place, within, order, behind) = match &settings.mapping.order {
            Some(name) => {
                let (place, type_name) = (column(name), type_of(name));
                (
                    format!("{place}::text"),
                    format!("{key}::text"),
                    format!("{place}, {key}"),
                    format!("({place}, {key}) > ($1::text::{type_name}, $2::text::{key_type})"),
                )
            }
            // Numbers of transactions go round; their ages, all seen from the same instant, do not. Partitions count their
            // rows each for itself, so a row is told by its partition too (0 where a place from before names none: rows that
            // are read again are known).
            None => (
                "t.xmin::text".to_owned(),
                "t.ctid::text || ' ' || t.tableoid::text".to_owned(),
                "age(t.xmin) DESC, t.tableoid, t.ctid".to_owned(),
                "(age(t.xmin) < age($1::text::xid) OR age(t.xmin) = age($1::text::xid) AND (t.tableoid, t.ctid) > \
                 (('0' || split_part($2::text, ' ', 2))::oid, split_part($2::text, ' ', 1)::tid))"
                    .to_owned(),
            ),
        };
        let select = format!(
            "SELECT {key}::text AS key, {place} AS place, {within} AS within, row_to_json(t.*)::text AS json FROM {table}"
        );
        let mark = settings.mark.as_ref().filter(|_| settings.mode == Mode::Mark);
        let marking = mark.map(|mark| Marking::new(mark, shape, type_of(&mark.column)));
        let open = marking.as_ref().map_or_else(|| "TRUE".to_owned(), |marking| marking.open("$2"));
        let these = format!("{key} = ANY($1::text[]::{key_type}[])");
        let settle = match (settings.mode, &marking) {
            (Mode::Delete, _) => Some(format!("DELETE FROM {table} WHERE {these}")),
            (Mode::Mark, Some(marking)) => {
                Some(format!("UPDATE {table} SET {} WHERE {these} AND {}", marking.set("$2"), marking.open("$3")))
            }
            (Mode::Mark, None) | (Mode::ReadOnly | Mode::Log, _) => None,
        };
        let (from, to) = marking.map_or((None, None), |marking| (marking.from, marking.to));
        let since = settings.transaction.as_deref().map_or(Since::System, |name| Since::Column(column(name)));
        Self { select, table, open, from, order, behind, since, settle, to }
    }

    /// The first rows that are to be taken in.
    pub async fn read_first(&self, connection: &mut PgConnection, limit: i64) -> Result<Vec<RawRow>, SourceError> {
        let statement = format!("{} WHERE {} ORDER BY {} LIMIT $1", self.select, self.open, self.order);
        let mut query = sqlx::query_as(AssertSqlSafe(statement)).bind(limit);
        if let Some(from) = &self.from {
            query = query.bind(from);
        }
        query.fetch_all(connection).await.map_err(|error| explain(&error))
    }

    /// Rows of transactions from `since` on (all of them without one) that stand behind `after`.
    pub async fn read_since(
        &self,
        connection: &mut PgConnection,
        since: Option<&str>,
        after: Option<&(String, String)>,
        limit: i64,
    ) -> Result<Vec<RawRow>, SourceError> {
        let statement = self.since_statement(since.is_some(), after.is_some());
        let (place, within) = after.map_or((None, None), |(place, within)| (Some(place), Some(within)));
        let query = sqlx::query_as(AssertSqlSafe(statement)).bind(place).bind(within).bind(since).bind(limit);
        query.fetch_all(connection).await.map_err(|error| explain(&error))
    }

    fn since_statement(&self, since: bool, after: bool) -> String {
        let behind = if after { self.behind.as_str() } else { "($1::text IS NULL AND $2::text IS NULL)" };
        let since = match &self.since {
            _ if !since => "$3::text IS NULL".to_owned(),
            Since::Column(name) => format!("{name} >= $3::text::xid8"),
            Since::System => "age(t.xmin) <= age($3::text::xid8::xid)".to_owned(),
        };
        format!("{} WHERE {since} AND {behind} ORDER BY {} LIMIT $4", self.select, self.order)
    }

    /// How many rows are to be taken in, up to [`WAITING_MAX`].
    pub async fn count(&self, connection: &mut PgConnection) -> Result<u64, SourceError> {
        let statement =
            format!("SELECT count(*) FROM (SELECT FROM {} WHERE {} LIMIT $1) AS open", self.table, self.open);
        let mut query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(WAITING_MAX);
        if let Some(from) = &self.from {
            query = query.bind(from);
        }
        let count: i64 = query.fetch_one(connection).await.map_err(|error| explain(&error))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Marks or deletes the rows with these keys, those that are still to be taken in.
    pub async fn settle(&self, connection: &mut PgConnection, keys: &[String]) -> Result<(), SourceError> {
        let Some(settle) = &self.settle else { return Ok(()) };
        let statement = settle.clone();
        let mut query: Query<'_, Postgres, PgArguments> = sqlx::query(AssertSqlSafe(statement)).bind(keys);
        for value in self.to.iter().chain(&self.from) {
            query = query.bind(value);
        }
        query.execute(connection).await.map_err(|error| explain(&error))?;
        Ok(())
    }
}

/// How rows say that they were taken in.
struct Marking {
    /// In quotes.
    column: String,
    type_name: String,
    kind: Option<ColumnKind>,
    from: Option<String>,
    /// Always there when `from` is.
    to: Option<String>,
}

impl Marking {
    fn new(mark: &Mark, shape: &Shape, type_name: &str) -> Self {
        let kind = shape.columns.iter().find(|one| one.name == mark.column).map(|one| one.kind);
        let is_number = kind == Some(ColumnKind::Integer);
        let by_itself = matches!(kind, Some(ColumnKind::Boolean | ColumnKind::Instant));
        let to = mark.to.clone().or_else(|| is_number.then(|| "1".to_owned()));
        Self {
            column: quote(&mark.column),
            type_name: type_name.to_owned(),
            kind,
            from: mark.from.clone().filter(|_| !by_itself),
            to: to.filter(|_| !by_itself),
        }
    }

    /// The condition of rows that were not; `value` is the parameter for what the column holds before.
    fn open(&self, value: &str) -> String {
        let Self { column, type_name, .. } = self;
        match (self.kind, &self.from) {
            (Some(ColumnKind::Boolean), _) => format!("t.{column} IS NOT TRUE"),
            (_, Some(_)) => format!("t.{column} = {value}::text::{type_name}"),
            (Some(ColumnKind::Integer), None) => format!("(t.{column} = 0 OR t.{column} IS NULL)"),
            (_, None) => format!("t.{column} IS NULL"),
        }
    }

    /// The assignment; `value` is the parameter for what the column holds afterwards.
    fn set(&self, value: &str) -> String {
        let Self { column, type_name, .. } = self;
        match self.kind {
            Some(ColumnKind::Boolean) => format!("{column} = TRUE"),
            Some(ColumnKind::Instant) => format!("{column} = now()"),
            _ => format!("{column} = {value}::text::{type_name}"),
        }
    }
}

/// A name in quotes, as SQL takes it.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use baton_domain::source::{Column, Dialect};
    use serde_json::json;

    use super::*;

    fn statements(settings: serde_json::Value, columns: &[(&str, &str, ColumnKind)]) -> Statements {
        let settings: TableSource = serde_json::from_value(settings).unwrap();
        let types = columns.iter().map(|(name, type_name, _)| ((*name).to_owned(), (*type_name).to_owned())).collect();
        let columns = columns.iter().map(|(name, type_name, kind)| Column {
            name: (*name).to_owned(),
            type_name: (*type_name).to_owned(),
            kind: *kind,
            nullable: true,
        });
        let shape = Shape { dialect: Dialect::Postgres, columns: columns.collect(), unique: Vec::new() };
        Statements::new("public", &settings, &shape, &types)
    }

    #[test]
    fn names_are_always_in_quotes() {
        let bad = "x\"; DROP TABLE y; --";
        let mapping =
            json!({"key": bad, "order": bad, "type": "a", "aggregate_type": "a", "aggregate_id": "a", "payload": "a"});
        let settings = json!({"table": bad, "mode": "mark", "mark": {"column": bad}, "mapping": mapping});
        let made = statements(settings, &[(bad, "bigint", ColumnKind::Integer)]);
        for text in [&made.select, &made.open, &made.order, &made.behind, made.settle.as_ref().unwrap()] {
            // Whatever stands outside of quotes has nothing of it.
            let outside: String = text.replace("\"\"", "").split('"').step_by(2).collect();
            assert!(!outside.contains("DROP"), "{outside}");
        }
    }

    #[test]
    fn a_column_is_marked_as_its_type_asks_for() {
        let mapping = json!({"key": "id", "type": "a", "aggregate_type": "a", "aggregate_id": "a", "payload": "a"});
        for (kind, type_name, mark, open, set) in [
            (ColumnKind::Boolean, "boolean", json!({}), "t.\"m\" IS NOT TRUE", "\"m\" = TRUE"),
            (ColumnKind::Instant, "timestamp", json!({}), "t.\"m\" IS NULL", "\"m\" = now()"),
            (
                ColumnKind::Integer,
                "smallint",
                json!({}),
                "(t.\"m\" = 0 OR t.\"m\" IS NULL)",
                "\"m\" = $2::text::smallint",
            ),
            (
                ColumnKind::Text,
                "text",
                json!({"from": "PENDING", "to": "SENT"}),
                "t.\"m\" = $3::text::text",
                "\"m\" = $2::text::text",
            ),
        ] {
            let mut mark = mark;
            mark["column"] = "m".into();
            let settings = json!({"table": "t", "mode": "mark", "mark": mark, "mapping": mapping});
            let made = statements(settings, &[("id", "uuid", ColumnKind::Uuid), ("m", type_name, kind)]);
            let expected =
                format!("UPDATE \"public\".\"t\" AS t SET {set} WHERE t.\"id\" = ANY($1::text[]::uuid[]) AND {open}");
            assert_eq!(made.settle.as_deref(), Some(expected.as_str()));
        }
    }
}
