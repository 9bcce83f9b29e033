//! Migrating many instances: which can, and page by page, each page within the request that asks for it. In the background
//! it is one more operation on many instances (`batches.rs`); what is wrong with it as a whole is said here, too.
//!
//! Whoever asks for pages goes on with the cursor, and so has the progress and can stop. Nothing has to be taken up again
//! after a crash: what is migrated no longer matches.

use std::sync::Arc;

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    definition::{self, DefinitionKind, Difference},
    diagnostic::{Diagnostic, pointer_token},
    process::{self, Definition, Mapping, Migration, Operator},
};
use serde_json::Value;

use super::{
    Service, convert,
    definitions::check as check_text_of,
    instances::{check_text, read_state},
    invalid, store_error,
};
use crate::{
    engine::{Item, Refusal, registry::Snapshot},
    store::rows::{self, InstanceRow, Versions},
};

/// How many instances one request looks at.
const PAGE: u32 = 200;
/// How many pages of instances are looked at before something is published, and how many of those in the way are told.
const PAGES_BEFORE_PUBLISHING: usize = 5;
const EXAMPLES_BEFORE_PUBLISHING: usize = 5;
/// How many obstacles of one instance are told.
const OBSTACLES_MAX: usize = 20;

impl Service {
    pub(super) async fn migrate_page(&self, actor: Actor, request: MigrationRequest) -> Answer<MigrationReport> {
        let MigrationRequest { kind, definition, from_version, to_version, mapping, filter, reason, dry_run, cursor } =
            request;
        let reason = reason.map(|it| it.trim().to_owned()).unwrap_or_default();
        check_text("/reason", &reason, usize::from(!dry_run)..=REASON_CHARS_MAX)?;
        let registry = self.registry_with(kind, &definition, to_version).await?;
        let to = check(&registry, kind, &definition, from_version, to_version, &mapping)?;
        let page = rows::InstanceFilter {
            kind: Some(kind),
            definition: Some(definition),
            status: filter.state.as_deref().map(convert::parse_status).transpose().map_err(under_filter)?,
            version: Some(from_version.map_or(Versions::AllBut(to_version), Versions::Only)),
            live: true,
            business_key: filter.business_key,
            q: filter.q,
            limit: PAGE,
            cursor,
            ..Default::default()
        };
        let page = self.store.list_instances(&page).await.map_err(store_error)?;
        let mut report = MigrationReport { next: page.next, ..Default::default() };
        let looked = {
            let (registry, mapping) = (registry.clone(), mapping.clone());
            tokio::task::spawn_blocking(move || look(&registry, &to, page.items, &mapping)).await
        };
        let looked = looked.map_err(panicked)??;
        let mut ready = Vec::new();
        for (row, obstacles) in looked {
            match obstacles.is_empty() {
                true => ready.push(row),
                false => report.cannot.push(not_migrated(&row, obstacles)),
            }
        }
        report.can = ready.len() as u64;
        if !dry_run {
            let operator = Operator { by: actor.name, reason, expected: None };
            self.migrate_all(ready, Migration { operator, to_version, mapping }, &mut report).await?;
        }
        Ok(report)
    }

    pub(super) async fn look_before_publishing(
        &self,
        kind: DefinitionKind,
        name: String,
        source: String,
    ) -> Answer<MigrationSum> {
        let (report, definition) = check_text_of(kind, source).await?;
        if let Some(stays) = self.only_moved(kind, &name, report.document.as_ref()).await? {
            return Ok(MigrationSum { dry_run: true, stays: Some(stays), ..Default::default() });
        }
        let to = match definition {
            Some(definition::Definition::Process(process)) => Arc::new(process),
            Some(definition::Definition::Saga(saga)) => match saga.stateful.as_ref() {
                Some(stateful) => Arc::new(stateful.process.clone()),
                None => return Ok(MigrationSum { dry_run: true, ..Default::default() }),
            },
            None => return Err(AppError::Invalid(report.diagnostics)),
        };
        let registry = self.engine.registry.snapshot();
        let mut sum = MigrationSum { dry_run: true, ..Default::default() };
        let mut cursor = None;
        for _ in 0..PAGES_BEFORE_PUBLISHING {
            let page = rows::InstanceFilter {
                kind: Some(kind),
                definition: Some(name.clone()),
                live: true,
                limit: PAGE,
                cursor: cursor.take(),
                ..Default::default()
            };
            let page = self.store.list_instances(&page).await.map_err(store_error)?;
            let (registry, to) = (Arc::clone(&registry), Arc::clone(&to));
            let looked = tokio::task::spawn_blocking(move || look(&registry, &to, page.items, &Mapping::new())).await;
            for (row, obstacles) in looked.map_err(panicked)?? {
                if obstacles.is_empty() {
                    sum.can += 1;
                    continue;
                }
                sum.cannot += 1;
                if sum.examples.len() < EXAMPLES_BEFORE_PUBLISHING {
                    sum.examples.push(not_migrated(&row, obstacles));
                }
            }
            sum.next = page.next.clone();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(sum)
    }

    /// The newest version, if publishing that would only move its nodes.
    async fn only_moved(&self, kind: DefinitionKind, name: &str, document: Option<&Value>) -> Answer<Option<u32>> {
        let versions = self.store.read_versions().await.map_err(store_error)?;
        let own = versions.iter().filter(|row| row.kind == kind && row.name == name);
        Ok(own.max_by_key(|row| row.version).zip(document).and_then(|(newest, document)| {
            (definition::difference(&newest.document, document) == Difference::Layout).then_some(newest.version)
        }))
    }

    /// Says what is wrong with a migration in the background, whatever the instances are; `filter` says afterwards what it
    /// left open.
    pub(super) async fn check_migration(&self, migration: &BatchMigration, filter: &mut BatchFilter) -> Answer<()> {
        let BatchMigration { to_version, mapping } = migration;
        let Some(definition) = filter.definition.clone() else {
            return Err(invalid("required", "/filter/definition", "Name the definition whose instances migrate."));
        };
        let kind = match filter.kind.get_or_insert_with(|| DefinitionKind::Process.as_str().to_owned()).as_str() {
            "saga" => DefinitionKind::Saga,
            // Anything else is refused with the rest of the filter.
            _ => DefinitionKind::Process,
        };
        let registry = self.registry_with(kind, &definition, *to_version).await?;
        check(&registry, kind, &definition, filter.version, *to_version, mapping).map_err(within_batch)?;
        Ok(())
    }

    async fn migrate_all(
        &self,
        ready: Vec<InstanceRow>,
        migration: Migration,
        report: &mut MigrationReport,
    ) -> Answer<()> {
        let item = |row: &InstanceRow| Item::Migrate { instance: row.id, migration: Box::new(migration.clone()) };
        let outcomes = self.engine.submit(ready.iter().map(item).collect()).await;
        for (row, outcome) in ready.iter().zip(outcomes) {
            match outcome {
                Ok(_) => report.migrated += 1,
                // What happened since it was looked at is in the way.
                Err(Refusal::Rejected(refused)) => {
                    let whole = || vec![Diagnostic::error(refused.code, refused.pointer, refused.message)];
                    let found = if refused.findings.is_empty() { whole() } else { refused.findings };
                    report.cannot.push(not_migrated(row, found));
                }
                Err(Refusal::Unknown { .. }) => {}
                Err(refusal) => return Err(convert::refusal(refusal)),
            }
        }
        Ok(())
    }

    /// What is published, this version included if it is.
    pub(super) async fn registry_with(
        &self,
        kind: DefinitionKind,
        definition: &str,
        version: u32,
    ) -> Answer<Arc<Snapshot>> {
        let registry = self.engine.registry.snapshot();
        if registry.runs(kind, definition, version).is_some() {
            return Ok(registry);
        }
        // Another node may have published it a moment ago.
        self.engine.registry.reload(self.store.as_ref()).await.map_err(store_error)?;
        Ok(self.engine.registry.snapshot())
    }
}

fn panicked(panic: tokio::task::JoinError) -> AppError {
    tracing::error!(%panic, "looking at instances failed");
    AppError::Internal
}

/// What is wrong with the request, whatever the instances are.
fn check(
    registry: &Snapshot,
    kind: DefinitionKind,
    name: &str,
    from: Option<u32>,
    to: u32,
    mapping: &Mapping,
) -> Answer<Arc<Definition>> {
    if registry.versions(kind, name).is_empty() {
        let message = format!("No {} {name:?} whose instances could migrate is published.", kind.as_str());
        return Err(invalid("unknown-definition", "/definition", message));
    }
    let version = |version: u32, pointer: &str| {
        let found = registry.runs(kind, name, version);
        found.ok_or_else(|| {
            let message = format!("There is no version {version} of {name} that an instance can run.");
            invalid("unknown-version", pointer, message)
        })
    };
    if from == Some(to) {
        return Err(invalid("same-version", "/to_version", "It is the version that they run."));
    }
    let old = from.map(|from| version(from, "/from_version")).transpose()?;
    let new = version(to, "/to_version")?;
    for (before, after) in mapping {
        let at = format!("/mapping/{}", pointer_token(before));
        if old.as_ref().is_some_and(|old| !old.nodes.contains_key(before)) {
            return Err(invalid("unknown-node", &at, format!("The old version has no node {before:?}.")));
        }
        if !new.nodes.contains_key(after) {
            return Err(invalid("unknown-node", &at, format!("Version {to} has no node {after:?}.")));
        }
    }
    Ok(new)
}

/// What is in the way of each; nothing for those that can.
fn look(
    registry: &Snapshot,
    to: &Definition,
    rows: Vec<InstanceRow>,
    mapping: &Mapping,
) -> Answer<Vec<(InstanceRow, Vec<Diagnostic>)>> {
    let look = |row: InstanceRow| {
        let obstacles = match registry.runs(row.kind, &row.definition, row.version) {
            Some(from) => process::obstacles(&from, to, &read_state(&row)?, mapping),
            None => {
                let message = format!("Version {}, which it runs, cannot be read.", row.version);
                vec![Diagnostic::error("unknown-version", "", message)]
            }
        };
        Ok((row, obstacles))
    };
    rows.into_iter().map(look).collect()
}

fn not_migrated(row: &InstanceRow, mut diagnostics: Vec<Diagnostic>) -> NotMigrated {
    diagnostics.truncate(OBSTACLES_MAX);
    NotMigrated { instance: row.id.0, version: row.version, business_key: row.business_key.clone(), diagnostics }
}

/// Where a request for a batch has what a request for a page has.
fn within_batch(error: AppError) -> AppError {
    let AppError::Invalid(mut found) = error else { return error };
    for it in &mut found {
        it.pointer = match it.pointer.as_str() {
            "/definition" => "/filter/definition".to_owned(),
            "/from_version" => "/filter/version".to_owned(),
            other => format!("/operation/migrate{other}"),
        };
    }
    AppError::Invalid(found)
}

fn under_filter(error: AppError) -> AppError {
    match error {
        AppError::Invalid(found) => AppError::Invalid(found.into_iter().map(|it| it.under("/filter")).collect()),
        other => other,
    }
}
