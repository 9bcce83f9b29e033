//! The settings of a table that messages are taken in from.

use serde::{Deserialize, Serialize};

pub const POLL_MS_MIN: u32 = 20;
pub const POLL_MS_MAX: u32 = 60_000;
pub const BATCH_MAX: u32 = 1_000;

/// A table of another system, and how its rows are read as messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TableSource {
    /// Where the address of the database stands: `env:NAME` or `file:PATH`. Absent: the table is in Baton's own database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// PostgreSQL's schema; `public` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The table's name, exactly as it is spelled in the database.
    pub table: String,
    /// What happens to a row when its message is safe.
    pub mode: Mode,
    /// The column that says which rows were taken in; only with the mode `mark`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// A column of the type `xid8` with the transaction that inserted the row, indexed; only with the mode `read_only`, which
    /// reads the whole table without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    pub mapping: Mapping,
    /// How often an idle table is looked at, 20 to 60,000; 500 by default.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u32,
    /// Rows taken in together, 1 to 1,000; 200 by default.
    #[serde(default = "default_batch")]
    pub batch: u32,
}

pub fn default_poll_ms() -> u32 {
    500
}

pub fn default_batch() -> u32 {
    200
}

/// What happens to a row when its message is safe in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A column is set.
    Mark,
    /// It is deleted.
    Delete,
    /// Nothing; Baton remembers how far it has read.
    ReadOnly,
    /// Nothing; rows are read from PostgreSQL's log, by a slot of their own. Finds also those that are deleted in the
    /// transaction that inserts them.
    Log,
}

impl Mode {
    pub const ALL: [Self; 4] = [Self::Mark, Self::Delete, Self::ReadOnly, Self::Log];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Delete => "delete",
            Self::ReadOnly => "read_only",
            Self::Log => "log",
        }
    }
}

/// The column that is set when a row was taken in. What it is set to follows from its type: a truth value becomes true, a
/// number 1, an instant the present one; a text becomes what `to` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mark {
    pub column: String,
    /// What it holds before; absent: nothing, or 0 or false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What each part of a message is taken from. Values are named by terms: a column (`type`, or `"Type"` in quotes), a place in a
/// column's JSON (`body#/type`), a header (`header:type`), a fixed text (`'order'`), or several, of which the first that is
/// there counts (`header:key | id`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The column that tells rows apart.
    pub key: String,
    /// The column that grows with every insertion: a number from a sequence, an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Absent: the key. What is no UUID is made one, the same each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `event` or `command`; absent: `event`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(rename = "type")]
    pub message_type: String,
    /// Of the type, only what stands behind the last occurrence of this text counts: `.` makes `OrderPlaced` of
    /// `com.shop.OrderPlaced`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_after: Option<String>,
    pub aggregate_type: String,
    pub aggregate_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate_version: Option<String>,
    pub payload: String,
    #[serde(default)]
    pub encoding: Encoding,
    /// A column with an object: names and values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Absent: when it is taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

/// How the payload stands in its column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// JSON, in a column of that type or as text.
    #[default]
    Json,
    /// A text, which becomes a JSON string.
    Text,
    /// Bytes: JSON where they are that, else a text, else `{"base64": …}`.
    Bytes,
    /// The binary envelope of Wolverine; its headers count as headers.
    Wolverine,
}

impl Encoding {
    pub const ALL: [Self; 4] = [Self::Json, Self::Text, Self::Bytes, Self::Wolverine];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Wolverine => "wolverine",
        }
    }
}
