//! What is kept for how long, and what went.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DateTime;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Housekeeping {
    pub kept: Vec<Kept>,
    /// The last round of the node that answers; none while it has not made one.
    pub last: Option<CleaningRound>,
    /// The largest tables with their indexes, largest first; on SQLite the file.
    pub tables: Vec<TableView>,
}

/// How long something is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Kept {
    /// `messages`, `attempts`, `inbox`, `instances` or `audit`.
    pub what: String,
    /// None: for ever.
    pub seconds: Option<u64>,
}

/// What one round of the cleaner did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CleaningRound {
    pub began_at: DateTime,
    pub took_ms: u64,
    /// How many of each kind went: those above, and `batches`, `types`, `minutes` and `credentials`.
    pub removed: BTreeMap<String, u64>,
    /// Months of the audit that went as a whole.
    pub partitions_dropped: u64,
    /// What stayed, and why.
    pub errors: Vec<String>,
    pub next_at: DateTime,
}

/// How much room a table takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct TableView {
    pub name: String,
    pub bytes: u64,
    /// About how many rows there are.
    pub rows: Option<u64>,
    /// About how many dead versions of rows wait for vacuum.
    pub dead: Option<u64>,
}
