//! Migrations: many instances go on by another version of their definition.

use std::collections::BTreeMap;

use axum::extract::State;
use baton_app::model::{MigrationFilter, MigrationReport, MigrationRequest};
use baton_domain::definition::DefinitionKind;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{operations::required, optional_reason, required_reason};
use crate::http::{
    Api,
    extract::{Caller, Json, Result},
};

/// Which instances are to run which version.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewMigration {
    /// `process` when absent.
    kind: Option<DefinitionKind>,
    #[schema(required = true)]
    definition: Option<String>,
    /// Only instances that run this version; those of every other one when absent.
    from_version: Option<u32>,
    /// The version that they are to run.
    #[schema(required = true)]
    to_version: Option<u32>,
    /// Node of the old version → node of the new one, where it is called otherwise.
    mapping: BTreeMap<String, String>,
    /// Empty means every instance that has not ended.
    filter: MigrationFilter,
    /// Required unless it is a dry run.
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// Only say which can, and why the others cannot; change nothing.
    dry_run: bool,
    /// `next` of the answer before.
    cursor: Option<String>,
}

/// Migrate the instances that match, or say which can be
///
/// One call looks at up to 200 instances; go on with `next` as `cursor` until there is none. Each instance is migrated
/// whole or stays as it was, and those that run the version already no longer match, so that it can be repeated.
#[utoipa::path(
    post,
    path = "/migrations",
    tag = "migrations",
    operation_id = "migrate_instances",
    request_body = NewMigration,
    responses((status = 200, description = "What became of these instances", body = MigrationReport))
)]
pub async fn post(
    State(api): State<Api>,
    Caller(actor): Caller,
    Json(body): Json<NewMigration>,
) -> Result<Json<MigrationReport>> {
    let NewMigration { kind, definition, from_version, to_version, mapping, filter, reason, dry_run, cursor } = body;
    let definition = required(definition, "/definition", "Name the definition.")?;
    let to_version = required(to_version, "/to_version", "Name the version that they are to run.")?;
    let reason = if dry_run { optional_reason(reason)? } else { Some(required_reason(reason)?) };
    let kind = kind.unwrap_or(DefinitionKind::Process);
    let request =
        MigrationRequest { kind, definition, from_version, to_version, mapping, filter, reason, dry_run, cursor };
    Ok(Json(api.backend.migrate(actor, request).await?))
}
