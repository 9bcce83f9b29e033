//! From a row in the log to what a query would have read of it: pure.
//!
//! The log has every value as a text, as the session was told to write it; here they become what `row_to_json` makes of them,
//! so that a row means the same message, with the same id, whichever way it comes.

use std::collections::HashMap;

use baton_domain::source::{ColumnKind, Shape};
use serde_json::{Map, Value};

use crate::replication::{
    pgoutput::{self, Relation},
    stream::Rows,
};

/// A row as it was inserted.
#[derive(Debug, Clone, PartialEq)]
pub struct RawLogged {
    /// Empty where the table had no such column.
    pub key: String,
    /// An object by column; or why the row cannot be represented.
    pub row: Result<Value, String>,
}

/// The rows of one table.
pub struct TableRows {
    schema: String,
    table: String,
    key: String,
    kinds: HashMap<String, ColumnKind>,
    /// The columns of each table that was told of; none for other tables.
    columns: HashMap<u32, Option<Vec<String>>>,
}

impl TableRows {
    pub fn new(schema: &str, table: &str, key: &str, shape: &Shape) -> Self {
        let kinds = shape.columns.iter().map(|column| (column.name.clone(), column.kind)).collect();
        let (schema, table, key) = (schema.to_owned(), table.to_owned(), key.to_owned());
        Self { schema, table, key, kinds, columns: HashMap::new() }
    }
}

impl Rows for TableRows {
    type Row = RawLogged;

    fn table(&mut self, relation: Relation) -> Result<(), String> {
        let is_ours = relation.schema == self.schema && relation.table == self.table;
        self.columns.insert(relation.id, is_ours.then_some(relation.columns));
        Ok(())
    }

    fn row(&mut self, relation: u32, values: &[pgoutput::Value<'_>]) -> Result<Option<RawLogged>, String> {
        let columns = self.columns.get(&relation);
        let columns = columns.ok_or_else(|| format!("a row of the table {relation}, which was not told of"))?;
        let Some(columns) = columns else { return Ok(None) };
        if columns.len() != values.len() {
            return Err(format!("a row with {} values where the table has {} columns", values.len(), columns.len()));
        }
        let mut key = String::new();
        let mut row = Ok(Map::new());
        for (name, value) in columns.iter().zip(values) {
            if *name == self.key
                && let pgoutput::Value::Text(text) = value
            {
                (*text).clone_into(&mut key);
            }
            let kind = self.kinds.get(name).copied().unwrap_or(ColumnKind::Other);
            let value = match value {
                pgoutput::Value::Null => Ok(Value::Null),
                pgoutput::Value::Text(text) => read(kind, text),
            };
            match (&mut row, value) {
                (Ok(row), Ok(value)) => _ = row.insert(name.clone(), value),
                (Ok(_), Err(why)) => row = Err(format!("The row cannot be represented: `{name}`: {why}.")),
                (Err(_), _) => {}
            }
        }
        Ok(Some(RawLogged { key, row: row.map(Value::Object) }))
    }
}

fn read(kind: ColumnKind, text: &str) -> Result<Value, String> {
    match kind {
        ColumnKind::Json => serde_json::from_str(text).map_err(|error| error.to_string()),
        ColumnKind::Integer | ColumnKind::Number => match text {
            "NaN" | "Infinity" | "-Infinity" => Ok(text.into()),
            _ => serde_json::from_str(text).map_err(|error| error.to_string()),
        },
        ColumnKind::Boolean => Ok((text == "t").into()),
        ColumnKind::Instant => Ok(instant(text).into()),
        ColumnKind::Text | ColumnKind::Uuid | ColumnKind::Bytes | ColumnKind::Transaction | ColumnKind::Other => {
            Ok(text.into())
        }
    }
}

/// `2026-11-24 02:16:00.5+00` as `2026-11-24T02:16:00.5+00:00`; what has no time or no end stays as it is.
fn instant(text: &str) -> String {
    let Some((day, time)) = text.split_once(' ').filter(|(_, time)| time.contains(':')) else { return text.to_owned() };
    let zone = if time.ends_with("+00") { ":00" } else { "" };
    format!("{day}T{time}{zone}")
}

#[cfg(test)]
mod tests {
    use baton_domain::source::{Column, Dialect};
    use serde_json::json;

    use super::*;

    fn rows(columns: &[(&str, ColumnKind)]) -> TableRows {
        let columns = columns.iter().map(|(name, kind)| Column {
            name: (*name).to_owned(),
            type_name: String::new(),
            kind: *kind,
            nullable: true,
        });
        let shape = Shape { dialect: Dialect::Postgres, columns: columns.collect(), unique: Vec::new() };
        TableRows::new("shop", "outbox", "id", &shape)
    }

    fn relation(id: u32, table: &str, columns: &[&str]) -> Relation {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Relation { id, schema: "shop".into(), table: table.into(), columns }
    }

    #[test]
    fn values_are_what_a_query_would_make_of_them() {
        use ColumnKind as K;
        for (kind, text, expected) in [
            (K::Integer, "-7", json!(-7)),
            (K::Number, "1.50", json!(1.5)),
            (K::Number, "NaN", json!("NaN")),
            (K::Boolean, "t", json!(true)),
            (K::Boolean, "f", json!(false)),
            (K::Json, r#"{"a": [1]}"#, json!({"a": [1]})),
            (K::Bytes, "\\x00ff", json!("\\x00ff")),
            (K::Text, "2026-11-24 02:16", json!("2026-11-24 02:16")),
            (K::Instant, "2026-11-24 02:16:00.5+00", json!("2026-11-24T02:16:00.5+00:00")),
            (K::Instant, "2026-11-24 02:16:00", json!("2026-11-24T02:16:00")),
            (K::Instant, "2026-11-24", json!("2026-11-24")),
            (K::Instant, "infinity", json!("infinity")),
        ] {
            assert_eq!(read(kind, text), Ok(expected), "{text}");
        }
        assert!(read(K::Number, "1e999").is_err());
    }

    #[test]
    fn a_row_is_read_by_the_columns_that_it_was_written_with() {
        let mut rows = rows(&[("id", ColumnKind::Integer), ("payload", ColumnKind::Json)]);
        rows.table(relation(1, "outbox", &["id", "old"])).unwrap();
        rows.table(relation(2, "other", &["id"])).unwrap();
        let values = [pgoutput::Value::Text("7"), pgoutput::Value::Text("x")];
        let row = rows.row(1, &values).unwrap().unwrap();
        assert_eq!(row, RawLogged { key: "7".into(), row: Ok(json!({"id": 7, "old": "x"})) });
        assert_eq!(rows.row(2, &values[..1]), Ok(None));
        assert!(rows.row(3, &values).unwrap_err().contains("not told of"));
        assert!(rows.row(1, &values[..1]).unwrap_err().contains("1 values"));
        rows.table(relation(1, "outbox", &["payload", "id"])).unwrap();
        let values = [pgoutput::Value::Text("1e999"), pgoutput::Value::Text("8")];
        let row = rows.row(1, &values).unwrap().unwrap();
        assert_eq!(row.key, "8");
        assert!(row.row.unwrap_err().contains("`payload`"));
    }
}
