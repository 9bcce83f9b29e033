//! Sources: where messages are taken in from, how that goes, and what one would bring.

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{diagnostic::Diagnostic, source::documents};
use chrono::Utc;
use uuid::Uuid;

use super::{Service, destinations::check_name, invalid, store_error};
use crate::{
    nudge::Nudge,
    source::{self, Found, SourceError, Surroundings, begins_anew, leaves_a_log, parse, to_value},
    store::rows,
};

/// How many rows a preview shows.
const PREVIEW_MAX: u32 = 10;
/// How far back the audit is searched for who paused a source.
const AUDIT_MAX: u32 = 100;
/// What the audit calls pausing.
const PAUSE: &str = "pause-source";

/// What sources are seen and woken with.
pub struct SourceView {
    pub nudge: Nudge,
    pub surroundings: Surroundings,
}

impl Service {
    pub(super) async fn list_sources(&self) -> Answer<Vec<Source>> {
        let mut sources = Vec::new();
        for row in self.store.list_sources().await.map_err(store_error)? {
            sources.push(self.source_of(row).await?);
        }
        Ok(sources)
    }

    pub(super) async fn store_source(&self, actor: Actor, name: String, settings: SourceSettings) -> Answer<Source> {
        check_name(&name, "/name")?;
        let before = self.source_row(&name).await?;
        let (source, at) = (self.built(&name, &settings).await?, address_field(&settings));
        let report = source.check().await.map_err(|error| refused(error, at))?;
        if report.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(AppError::Invalid(report.diagnostics.into_iter().filter(Diagnostic::is_error).collect()));
        }
        let old = before.clone().and_then(|row| Some((parse(&row.settings).ok()?, row.standing.position)));
        let anew = old.as_ref().is_some_and(|(old, _)| begins_anew(old, &settings));
        let left = old.filter(|(old, _)| leaves_a_log(old, Some(&settings)));
        let row = rows::SourceRow {
            name: name.clone(),
            settings: to_value(&settings),
            paused: before.is_some_and(|row| row.paused),
            updated_at: Utc::now(),
            mark: String::new(),
            standing: rows::SourceStanding::default(),
        };
        let stored = self.write_source(&actor, "put-source", row, anew, None).await?;
        if let Some((old, position)) = left {
            self.leave(&name, &old, position.as_ref()).await;
        }
        Ok(stored)
    }

    pub(super) async fn remove_source(
        &self,
        actor: Actor,
        name: String,
        reason: Option<String>,
    ) -> Answer<SourceRemoved> {
        let before = self.source_row(&name).await?;
        let audit = self.audit(&actor, "delete-source", subject(&name), reason);
        if !self.store.delete_source(&name, audit).await.map_err(store_error)? {
            return Err(unknown_source(&name));
        }
        self.sources_changed();
        let old = before.and_then(|row| Some((parse(&row.settings).ok()?, row.standing.position)));
        let left_behind = match old.filter(|(old, _)| leaves_a_log(old, None)) {
            Some((old, position)) => self.leave(&name, &old, position.as_ref()).await,
            None => None,
        };
        Ok(SourceRemoved { left_behind })
    }

    /// Gives back the place in the log over there; what could not be given back, and why, for people.
    async fn leave(
        &self,
        name: &str,
        settings: &SourceSettings,
        position: Option<&serde_json::Value>,
    ) -> Option<String> {
        let left = match source::build(name, settings, &self.sources.surroundings).await {
            Ok(source) => source.leave(position).await,
            Err(error) => Err(error),
        };
        let error = left.err()?;
        tracing::warn!(source = name, %error, "what reading a source made over there was not given back");
        let slot = match position.and_then(|position| position["slot"].as_str()) {
            Some(slot) => slot.to_owned(),
            None => source::postgres::slot_name(&self.sources.surroundings.owner(), name),
        };
        Some(format!(
            "PostgreSQL goes on keeping its log for the slot {slot}, which could not be dropped: {error} Run `SELECT \
             pg_drop_replication_slot('{slot}'); DROP PUBLICATION {slot};` there."
        ))
    }

    pub(super) async fn set_source_paused(
        &self,
        actor: Actor,
        name: String,
        paused: bool,
        reason: Option<String>,
    ) -> Answer<Source> {
        let mut row = self.source_row(&name).await?.ok_or_else(|| unknown_source(&name))?;
        if row.paused == paused {
            // Somebody did it already: their name and reason stand.
            return self.source_of(row).await;
        }
        row.paused = paused;
        let verb = if paused { PAUSE } else { "resume-source" };
        self.write_source(&actor, verb, row, false, reason).await
    }

    pub(super) async fn look_at_source(&self, name: Option<String>, settings: SourceSettings) -> Answer<SourcePreview> {
        // Ids follow from the name; without one they are those of no source there is.
        let at = address_field(&settings);
        let source = self.built(name.as_deref().unwrap_or("preview"), &settings).await?;
        let report = match source.check().await {
            Ok(report) => report,
            // The table is not there: a finding beside its field, as every other.
            Err(SourceError::Mapping(diagnostics)) => SourceReport { diagnostics, ..SourceReport::default() },
            Err(error) => return Err(refused(error, at)),
        };
        let rows = if report.diagnostics.iter().any(Diagnostic::is_error) {
            Vec::new()
        } else {
            source
                .preview(PREVIEW_MAX)
                .await
                .map_err(|error| refused(error, at))?
                .into_iter()
                .map(preview_row)
                .collect()
        };
        Ok(SourcePreview { report, rows })
    }

    pub(super) async fn list_source_tables(&self, database: Option<String>) -> Answer<Vec<SourceTable>> {
        check_reference(database.as_deref())?;
        let found = source::tables(database.as_deref(), &self.sources.surroundings).await;
        found.map_err(|error| refused(error, "/database"))
    }

    async fn built(&self, name: &str, settings: &SourceSettings) -> Answer<Box<dyn source::Source>> {
        match settings {
            SourceSettings::Table(table) => check_reference(table.database.as_deref())?,
            // Whether its reference is one is among its findings.
            SourceSettings::Documents(settings) => {
                let found: Vec<Diagnostic> =
                    documents::check(settings).into_iter().filter(Diagnostic::is_error).collect();
                if !found.is_empty() {
                    return Err(AppError::Invalid(found));
                }
            }
        }
        let built = source::build(name, settings, &self.sources.surroundings).await;
        built.map_err(|error| refused(error, address_field(settings)))
    }

    async fn write_source(
        &self,
        actor: &Actor,
        verb: &str,
        row: rows::SourceRow,
        anew: bool,
        reason: Option<String>,
    ) -> Answer<Source> {
        let row = rows::SourceRow { updated_at: Utc::now(), mark: Uuid::now_v7().to_string(), ..row };
        let audit = self.audit(actor, verb, subject(&row.name), reason);
        self.store.put_source(&row, anew, audit).await.map_err(store_error)?;
        self.sources_changed();
        let row = self.source_row(&row.name).await?.ok_or_else(|| unknown_source(&row.name))?;
        self.source_of(row).await
    }

    fn sources_changed(&self) {
        self.sources.nudge.now();
        self.changes.destinations();
    }

    async fn source_row(&self, name: &str) -> Answer<Option<rows::SourceRow>> {
        let rows = self.store.list_sources().await.map_err(store_error)?;
        Ok(rows.into_iter().find(|row| row.name == name))
    }

    async fn source_of(&self, row: rows::SourceRow) -> Answer<Source> {
        let settings = parse(&row.settings).map_err(|error| {
            tracing::error!(%error, source = row.name, "the settings of a source cannot be read");
            AppError::Internal
        })?;
        let paused_by = if row.paused { self.source_paused_by(&row.name).await? } else { None };
        let rows::SourceStanding { taken, unreadable, last_taken_at, seen_at, waiting, kept_bytes, error, .. } =
            row.standing;
        let state = match (row.paused, &error, seen_at) {
            (true, ..) => SourceState::Paused,
            (false, Some(_), _) => SourceState::Failing,
            (false, None, Some(_)) => SourceState::Reading,
            (false, None, None) => SourceState::New,
        };
        let (error, error_at) = error.unzip();
        Ok(Source {
            name: row.name,
            settings,
            state,
            paused: row.paused,
            paused_by,
            taken,
            unreadable,
            last_taken_at,
            waiting,
            kept_bytes,
            error,
            error_at,
            updated_at: row.updated_at,
        })
    }

    async fn source_paused_by(&self, name: &str) -> Answer<Option<PausedBy>> {
        let entries = self.store.list_audit(Some(&subject(name)), AUDIT_MAX).await.map_err(store_error)?;
        let entry = entries.into_iter().find(|entry| entry.action == PAUSE);
        Ok(entry.map(|entry| PausedBy { actor: entry.actor, at: entry.at, reason: entry.reason }))
    }
}

fn preview_row(found: Found) -> SourceRow {
    let (message, problem) = match found.message {
        Ok(message) => (serde_json::to_value(message).ok(), None),
        Err(why) => (None, Some(why)),
    };
    SourceRow { place: found.place, row: found.row, message, problem }
}

fn check_reference(reference: Option<&str>) -> Answer<()> {
    match reference {
        Some(reference) if !source::address::is_well_formed(reference) => Err(invalid(
            "reference",
            "/database",
            "say where the address of the database stands: env:NAME for a variable of the server, or file:PATH; an address \
             itself is not taken, since it holds a password",
        )),
        _ => Ok(()),
    }
}

/// The field with the reference to the address.
fn address_field(settings: &SourceSettings) -> &'static str {
    match settings {
        SourceSettings::Table(_) => "/database",
        SourceSettings::Documents(_) => "/server",
    }
}

/// Why a source cannot be read, at the field that it is about; `address` is that of the address.
fn refused(error: SourceError, address: &str) -> AppError {
    let pointer = match &error {
        SourceError::Mapping(found) => {
            return AppError::Invalid(found.iter().filter(|one| one.is_error()).cloned().collect());
        }
        SourceError::Address(_) | SourceError::Unreachable(_) | SourceError::Credentials(_) => address,
        SourceError::Permission(_) => "/mode",
        SourceError::Position(_) | SourceError::Failed(_) => "",
    };
    invalid(error.class(), pointer, error.to_string())
}

/// What the audit calls a source.
fn subject(name: &str) -> String {
    format!("source/{name}")
}

fn unknown_source(name: &str) -> AppError {
    AppError::NotFound(format!("There is no source {name:?}."))
}
