//! Definitions: drafts, checks, versions.

use std::collections::BTreeMap;

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    definition::{
        self, Definition, DefinitionKind,
        wire::{Wire, unseen},
    },
    designer::Document,
    diagnostic::{Diagnostic, pointer_token},
    diagram,
    message::MessageKind,
    process::{self, Status},
};
use chrono::Utc;
use serde_json::Value;

use super::{Service, drafts, instances, invalid, scenarios, store_error};
use crate::store::{
    StoreError,
    rows::{DraftRow, PublishSeen, VersionRow},
};

/// (name, version) → (live, stuck, ended).
type Numbers = BTreeMap<(String, u32), (u64, u64, u64)>;

impl Service {
    pub(super) async fn list_definitions(&self, kind: DefinitionKind) -> Answer<Vec<DefinitionSummary>> {
        let (versions, drafts, numbers) = self.all(kind).await?;
        let mut names: Vec<String> =
            versions.iter().map(|row| row.name.clone()).chain(drafts.iter().map(|row| row.name.clone())).collect();
        names.sort();
        names.dedup();
        Ok(names.into_iter().map(|name| summarise(kind, name, &versions, &drafts, &numbers)).collect())
    }

    pub(super) async fn read_definition(
        &self,
        kind: DefinitionKind,
        name: String,
        version: Option<u32>,
        draft: bool,
    ) -> Answer<DefinitionDetail> {
        let (versions, drafts, numbers) = self.all(kind).await?;
        let own: Vec<&VersionRow> = versions.iter().filter(|row| row.name == name).collect();
        let own_draft = drafts.iter().find(|row| row.name == name);
        let newest = own.iter().max_by_key(|row| row.version).copied();
        let shown = match version {
            Some(number) => own.iter().find(|row| row.version == number).copied(),
            None if draft => None,
            None => newest,
        };
        let (source, shown) = match (shown, own_draft) {
            (Some(row), _) => (row.source.clone(), Some(row.version)),
            (None, Some(row)) if version.is_none() => (row.source.clone(), None),
            _ => return Err(not_found(kind, &name, version)),
        };
        let (check, definition) = self.look(kind, source.clone()).await?;
        Ok(DefinitionDetail {
            summary: summarise(kind, name.clone(), &versions, &drafts, &numbers),
            shown,
            draft: own_draft.map(drafts::mark_of),
            versions: own
                .iter()
                .rev()
                .map(|row| {
                    let (live, _, ended) = numbers.get(&(row.name.clone(), row.version)).copied().unwrap_or_default();
                    VersionSummary {
                        version: row.version,
                        note: row.note.clone(),
                        published_by: row.published_by.clone(),
                        published_at: row.published_at,
                        live,
                        ended,
                    }
                })
                .collect(),
            source,
            input_schema: definition.and_then(|definition| match definition {
                Definition::Process(process) => instances::input_schema(&process),
                Definition::Saga(_) => None,
            }),
            check,
        })
    }

    pub(super) async fn check_source(&self, kind: DefinitionKind, source: String) -> Answer<CheckReport> {
        Ok(self.look(kind, source).await?.0)
    }

    pub(super) async fn write_drawn(&self, kind: DefinitionKind, document: Value) -> Answer<Drawn> {
        if let Some(newer) = definition::newer(&document) {
            return Err(AppError::Invalid(vec![newer]));
        }
        let source =
            definition::write(&document).map_err(|error| invalid("unwritable", "/document", error.to_string()))?;
        let check = self.look(kind, source.clone()).await?.0;
        Ok(Drawn { source, check })
    }

    pub(super) async fn publish_version(
        &self,
        actor: Actor,
        kind: DefinitionKind,
        name: String,
        source: Option<String>,
        note: Option<String>,
        seen: Seen,
    ) -> Answer<Published> {
        check_name(&name)?;
        let source = match source {
            Some(source) => source,
            None => {
                let draft = self.store.read_draft(kind, &name).await.map_err(store_error)?;
                draft.map(|draft| draft.source).ok_or_else(|| AppError::Conflict {
                    code: "no-draft".into(),
                    message: format!("{name} has no draft to publish. Save one first."),
                })?
            }
        };
        let (report, definition) = check(kind, source.clone()).await?;
        let mut errors: Vec<Diagnostic> = report.diagnostics.into_iter().filter(Diagnostic::is_error).collect();
        if let Some(definition) = &definition
            && definition.name() != name
        {
            errors.push(other_name(definition.name(), &name));
        }
        errors.extend(definition.as_ref().and_then(|definition| self.call_circle(definition)));
        let (Some(document), true) = (report.document, errors.is_empty()) else {
            return Err(AppError::Invalid(errors));
        };
        let tried = scenarios::run(source.clone()).await?;
        let failures = scenarios::failures(kind, &tried);
        if !seen.failures && !failures.is_empty() {
            return Err(AppError::Invalid(failures));
        }
        let row = VersionRow {
            kind,
            name: name.clone(),
            version: 0,
            document,
            source,
            note,
            published_by: actor.name.clone(),
            published_at: Utc::now(),
        };
        let reason = scenarios::forced(&tried).into_iter().chain(row.note.clone()).collect::<Vec<_>>().join(" ");
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let audit = self.audit(&actor, "publish-version", format!("{}/{name}", kind.as_str()), reason);
        let seen = PublishSeen { newest: seen.version, draft: seen.draft.map(Option::unwrap_or_default) };
        let version = self.store.publish_version(row, &seen, audit).await.map_err(|error| match error {
            StoreError::Conflict { .. } if seen.newest.is_some() => AppError::Conflict {
                code: "version-changed".into(),
                message: format!(
                    "Somebody else published a version of {name} since you opened it. Compare it with yours on the \
                     definition's page before you publish over it."
                ),
            },
            error => store_error(error),
        })?;
        self.engine.registry.reload(self.store.as_ref()).await.map_err(store_error)?;
        self.changes.definitions();
        Ok(Published { version })
    }

    /// What the rules say, and what only the whole system can tell: calls in a circle, messages that nobody knows.
    pub(super) async fn look(&self, kind: DefinitionKind, source: String) -> Answer<(CheckReport, Option<Definition>)> {
        let (mut report, definition) = check(kind, source).await?;
        report.diagnostics.extend(definition.as_ref().and_then(|definition| self.call_circle(definition)));
        if let Some(document) = &report.document {
            let (wire, routes) = (self.read_wire().await?, self.directory.snapshot());
            report.diagnostics.extend(unseen(document, &wire, |name, to| routes.takes_command(name, to)));
        }
        Ok((report, definition))
    }

    pub(super) async fn read_wire(&self) -> Answer<Wire> {
        let mut wire = Wire::default();
        for row in self.store.list_types().await.map_err(store_error)? {
            let of_kind = match row.kind {
                MessageKind::Event => &mut wire.events,
                MessageKind::Command => &mut wire.commands,
            };
            of_kind.insert(row.message_type);
            wire.aggregate_types.insert(row.aggregate_type);
        }
        Ok(wire)
    }

    /// Processes that call each other in a circle, as their newest versions are, would call for ever. A process that
    /// calls itself has been reported as such.
    pub(super) fn call_circle(&self, definition: &Definition) -> Option<Diagnostic> {
        let Definition::Process(own) = definition else { return None };
        let registry = self.engine.registry.snapshot();
        let circle = process::call_cycle(&own.name, |name| match registry.process(name, None) {
            _ if name == own.name => own.calls().map(str::to_owned).collect(),
            Some((_, other)) => other.calls().map(str::to_owned).collect(),
            None => Vec::new(),
        })?;
        let first = circle.get(1).filter(|first| **first != own.name)?;
        let node = own
            .nodes
            .iter()
            .find(|(_, node)| matches!(&node.kind, process::NodeKind::Call(call) if call.process == *first))?;
        let pointer = format!("/nodes/{}/process", pointer_token(node.0));
        let message = format!("These processes would call each other for ever: {}.", circle.join(", "));
        Some(Diagnostic::error("call-circle", pointer, message))
    }

    async fn all(&self, kind: DefinitionKind) -> Answer<(Vec<VersionRow>, Vec<DraftRow>, Numbers)> {
        let (mut versions, mut drafts, counts) =
            tokio::try_join!(self.store.read_versions(), self.store.list_drafts(), self.store.count_instances())
                .map_err(store_error)?;
        versions.retain(|row| row.kind == kind);
        drafts.retain(|row| row.kind == kind);
        let mut numbers = Numbers::new();
        for row in counts.into_iter().filter(|row| row.kind == kind) {
            let (live, stuck, ended) = numbers.entry((row.definition, row.version)).or_default();
            *(if row.status.is_terminal() { ended } else { live }) += row.count;
            if row.status == Status::Stuck {
                *stuck += row.count;
            }
        }
        Ok((versions, drafts, numbers))
    }
}

fn summarise(
    kind: DefinitionKind,
    name: String,
    versions: &[VersionRow],
    drafts: &[DraftRow],
    numbers: &Numbers,
) -> DefinitionSummary {
    let newest = versions.iter().filter(|row| row.name == name).max_by_key(|row| row.version);
    let own = numbers.iter().filter(|((of, _), _)| *of == name).map(|(_, numbers)| numbers);
    let (live, stuck, ended) = own.fold((0, 0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1, sum.2 + own.2));
    DefinitionSummary {
        kind,
        version: newest.map(|row| row.version),
        has_draft: drafts.iter().any(|row| row.name == name),
        published_at: newest.map(|row| row.published_at),
        published_by: newest.map(|row| row.published_by.clone()),
        live,
        stuck,
        ended,
        name,
    }
}

/// What the rules say, on a thread that may block: compiling schemas and expressions takes a while.
pub(super) async fn check(kind: DefinitionKind, source: String) -> Answer<(CheckReport, Option<Definition>)> {
    let checked = tokio::task::spawn_blocking(move || {
        let checked = definition::check(&source);
        let mut report = CheckReport {
            diagnostics: checked.diagnostics,
            diagram: checked.definition.as_ref().map(|definition| match definition {
                Definition::Process(process) => diagram::of_process(process),
                Definition::Saga(saga) => diagram::of_saga(saga),
            }),
            document: checked.value,
        };
        if let Some(definition) = &checked.definition
            && definition.kind() != kind
        {
            let (written, wanted) = (definition.kind().as_str(), kind.as_str());
            let message = format!("This is a {written}; its first line has to be `baton: {wanted}/1` here.");
            report.diagnostics.push(Diagnostic::error("wrong-kind", "/baton", message));
        }
        (report, checked.definition)
    });
    checked.await.map_err(|panic| {
        tracing::error!(%panic, "checking a definition panicked");
        AppError::Internal
    })
}

pub(super) fn check_name(name: &str) -> Answer<()> {
    let fine = (1..=100).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fine {
        return Ok(());
    }
    let message = "a definition's name has 1 to 100 lower-case letters, digits and hyphens, such as trip-booking";
    Err(invalid("name", "/name", message))
}

pub(super) fn other_name(written: &str, asked: &str) -> Diagnostic {
    let message = format!("The definition calls itself `{written}`, but it is kept as `{asked}`. Make them the same.");
    Diagnostic::error("other-name", "/name", message)
}

pub(super) fn not_found(kind: DefinitionKind, name: &str, version: Option<u32>) -> AppError {
    AppError::NotFound(match version {
        Some(version) => format!("The {} {name:?} has no version {version}.", kind.as_str()),
        None => format!("There is no {} {name:?}.", kind.as_str()),
    })
}

/// How many nodes are laid out at most: the time that it takes grows faster than they do.
const TIDY_NODES_MAX: usize = 2_000;

pub(super) async fn tidy(document: Value) -> Answer<Places> {
    let document = Document::new(document);
    if document.len() > TIDY_NODES_MAX {
        let message = format!("at most {TIDY_NODES_MAX} nodes are laid out; these are {}", document.len());
        return Err(invalid("too-large", "/document/nodes", message));
    }
    tokio::task::spawn_blocking(move || diagram::tidied(&document)).await.map_err(|panic| {
        tracing::error!(%panic, "laying out a definition panicked");
        AppError::Internal
    })
}
