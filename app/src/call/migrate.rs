//! Migrating many instances, as the dialog of a definition sends it.

use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::{
    context::{given, signed_in},
    operate::renames,
};
#[cfg(feature = "ssr")]
use crate::model::{
    BatchFilter, BatchMigration, BatchOperate, BatchRequest, BatchView, MigrationFilter, MigrationRequest,
};
use crate::{model::MigrationSum, port::Answer, read::Encoded};

/// How many pages of instances one press of the button goes through.
#[cfg(feature = "ssr")]
const PAGES_MAX: usize = 25;
/// How many of the instances that cannot migrate are shown.
#[cfg(feature = "ssr")]
const EXAMPLES_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrateForm {
    pub kind: DefinitionKind,
    pub definition: String,
    /// Empty for every other version.
    pub from: String,
    pub to: u32,
    /// A line each: `old=new`.
    pub mapping: String,
    /// Empty for every one that has not ended.
    pub state: String,
    /// Empty for every key.
    pub business_key: String,
    pub reason: String,
    pub dry_run: bool,
    /// Where the press of the button before left off; empty at first.
    pub cursor: String,
}

#[server(prefix = "/sfn", endpoint = "migrate")]
pub async fn migrate_instances(request: MigrateForm) -> Answer<Encoded<MigrationSum>> {
    let (backend, actor) = signed_in()?;
    let mut request = understood(request)?;
    if !request.dry_run {
        return begun(&backend.start_batch(actor, batch(request)).await?);
    }
    let mut sum = MigrationSum { dry_run: request.dry_run, ..MigrationSum::default() };
    for _ in 0..PAGES_MAX {
        let report = backend.migrate(actor.clone(), request.clone()).await?;
        sum.can += report.can;
        sum.cannot += report.cannot.len() as u64;
        sum.examples.extend(report.cannot.into_iter().take(EXAMPLES_MAX - sum.examples.len()));
        sum.next.clone_from(&report.next);
        match report.next {
            Some(next) => request.cursor = Some(next),
            None => break,
        }
    }
    Encoded::of(sum)
}

/// The same in the background, where it can be followed, held and stopped.
#[cfg(feature = "ssr")]
fn batch(request: MigrationRequest) -> BatchRequest {
    let MigrationRequest { kind, definition, from_version, to_version, mapping, filter, reason, .. } = request;
    BatchRequest {
        operation: BatchOperate::Migrate(BatchMigration { to_version, mapping }),
        filter: BatchFilter {
            kind: Some(kind.as_str().to_owned()),
            definition: Some(definition),
            version: from_version,
            state: filter.state,
            business_key: filter.business_key,
            q: filter.q,
            parent: None,
        },
        reason: reason.unwrap_or_default(),
    }
}

#[cfg(feature = "ssr")]
fn begun(batch: &BatchView) -> Answer<Encoded<MigrationSum>> {
    Encoded::of(MigrationSum { begun: Some(batch.total), ..MigrationSum::default() })
}

#[cfg(feature = "ssr")]
fn understood(form: MigrateForm) -> Answer<MigrationRequest> {
    let MigrateForm { kind, definition, from, to, mapping, state, business_key, reason, dry_run, cursor } = form;
    Ok(MigrationRequest {
        kind,
        definition,
        from_version: from.parse().ok(),
        to_version: to,
        mapping: renames(&mapping)?,
        filter: MigrationFilter { state: given(Some(state)), business_key: given(Some(business_key)), q: None },
        reason: given(Some(reason)),
        dry_run,
        cursor: given(Some(cursor)),
    })
}
