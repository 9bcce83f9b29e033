//! Rows as they were read, as what a source found.

use baton_app::model::{SourceColumn, SourceReport};
use baton_domain::{
    diagnostic::Diagnostic,
    source::{Plan, Shape},
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Found, SourceError};

/// What is said about a table of Baton's.
pub const OWN_TABLE: &str =
    "This is a table of Baton's own: what stands there is sent by itself. Choose the table of another system.";

/// Rows, by key and with the JSON that the database made of them.
pub fn found_all(
    plan: &Plan,
    rows: impl Iterator<Item = (String, String)>,
    now: DateTime<Utc>,
) -> Result<Vec<Found>, SourceError> {
    let found: Vec<Found> = rows.map(|(key, json)| found(plan, key, &json, now)).collect();
    // All rows have the columns of the first one.
    if let Some(Value::Object(row)) = found.first().map(|first| &first.row)
        && let Some(name) = plan.missing_in(row)
    {
        let message = format!(
            "The table has no column `{name}` any more. Look at the mapping again; nothing is taken in until then."
        );
        return Err(SourceError::Mapping(vec![Diagnostic::error("missing-column", "/mapping", message)]));
    }
    Ok(found)
}

fn found(plan: &Plan, key: String, json: &str, now: DateTime<Utc>) -> Found {
    match serde_json::from_str::<Value>(json) {
        Ok(row) => found_row(plan, key, Ok(row), now),
        // A number that is too large, or nesting that is too deep.
        Err(error) => Found {
            place: key,
            row: Value::String(json.to_owned()),
            message: Err(format!("The row cannot be represented: {error}.")),
        },
    }
}

/// A row by column; or why there is none.
pub fn found_row(plan: &Plan, key: String, row: Result<Value, String>, now: DateTime<Utc>) -> Found {
    match row {
        Ok(Value::Object(row)) => {
            let message = plan.convert(&row, now);
            Found { place: key, row: Value::Object(row), message }
        }
        Ok(other) => Found { place: key, row: other, message: Err("The row is no object.".to_owned()) },
        Err(why) => Found { place: key, row: Value::Null, message: Err(why) },
    }
}

pub fn report(shape: &Shape, diagnostics: Vec<Diagnostic>, waiting: Option<u64>) -> SourceReport {
    let columns = shape.columns.iter();
    let columns = columns.map(|column| SourceColumn { name: column.name.clone(), type_name: column.type_name.clone() });
    SourceReport { columns: columns.collect(), diagnostics, waiting }
}
