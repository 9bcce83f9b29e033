//! Instances that go on by another version of their definition, many at once.

use std::collections::BTreeMap;

use baton_domain::{definition::DefinitionKind, diagnostic::Diagnostic};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which instances of a definition are to run another version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrationRequest {
    pub kind: DefinitionKind,
    pub definition: String,
    /// Every other one when absent.
    pub from_version: Option<u32>,
    pub to_version: u32,
    /// Node of the old version → node of the new one, where it is called otherwise.
    pub mapping: BTreeMap<String, String>,
    pub filter: MigrationFilter,
    /// May be left out of a dry run.
    pub reason: Option<String>,
    /// Only say which can.
    pub dry_run: bool,
    pub cursor: Option<String>,
}

/// Of the instances that have not ended, those that are all of this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct MigrationFilter {
    pub state: Option<String>,
    pub business_key: Option<String>,
    /// Text contained in business key or id.
    pub q: Option<String>,
}

/// What became of one page of instances.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct MigrationReport {
    /// How many nothing keeps from it.
    pub can: u64,
    /// How many run the version now; none after a dry run.
    pub migrated: u64,
    /// The others, each with all that is in the way. They stay as they were.
    pub cannot: Vec<NotMigrated>,
    /// Hand it back as `cursor` to go on; `None` when all were looked at.
    pub next: Option<String>,
}

/// Several reports together, as the dialog shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MigrationSum {
    pub dry_run: bool,
    /// How many instances will be asked, one after the other, when that was begun.
    pub begun: Option<u64>,
    pub can: u64,
    pub cannot: u64,
    /// The first of those that cannot.
    pub examples: Vec<NotMigrated>,
    /// Set when there are more instances to look at.
    pub next: Option<String>,
    /// The version that stays when this is published: only positions changed.
    pub stays: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct NotMigrated {
    pub instance: Uuid,
    pub version: u32,
    pub business_key: Option<String>,
    /// Pointers lead into the mapping (`/mapping/NODE`), or to what the instance waits for (`/tokens/ID`,
    /// `/unanswered/COMMAND`, `/undo/NODE`).
    pub diagnostics: Vec<Diagnostic>,
}
