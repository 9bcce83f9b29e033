//! Drafts: stored as they are, by who has seen what is stored.

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::definition::{self, DefinitionKind};
use chrono::Utc;
use uuid::Uuid;

use super::{
    Service,
    definitions::{check_name, not_found, other_name},
    invalid, store_error,
};
use crate::store::{
    StoreError,
    rows::{DraftRow, DraftSeen},
};

pub(super) fn mark_of(row: &DraftRow) -> DraftMark {
    DraftMark { mark: row.mark.clone(), updated_by: row.updated_by.clone(), updated_at: row.updated_at }
}

impl Service {
    pub(super) async fn stored_draft(&self, kind: DefinitionKind, name: String) -> Answer<Option<StoredDraft>> {
        let row = self.store.read_draft(kind, &name).await.map_err(store_error)?;
        Ok(row.map(|row| StoredDraft { mark: mark_of(&row), source: row.source }))
    }

    pub(super) async fn store_draft(
        &self,
        actor: Actor,
        kind: DefinitionKind,
        name: String,
        source: String,
        seen: Seen,
    ) -> Answer<SavedDraft> {
        check_name(&name)?;
        if source.len() > definition::SOURCE_BYTES_MAX || source.contains('\0') {
            let message = format!(
                "a definition has at most {} bytes, none of them NUL; this one has {}",
                definition::SOURCE_BYTES_MAX,
                source.len()
            );
            return Err(invalid("too-large", "/source", message));
        }
        let (mut report, definition) = self.look(kind, source.clone()).await?;
        if let Some(definition) = &definition
            && definition.name() != name
        {
            report.diagnostics.push(other_name(definition.name(), &name));
        }
        let mark = Uuid::now_v7().to_string();
        let seen = match seen.draft {
            None => DraftSeen::Any,
            Some(None) => DraftSeen::None,
            Some(Some(mark)) => DraftSeen::Marked(mark),
        };
        let draft = DraftRow { kind, name, source, updated_by: actor.name, updated_at: Utc::now(), mark };
        match self.store.save_draft(&draft, &seen).await {
            Ok(()) => {
                self.changes.definitions();
                Ok(SavedDraft { mark: draft.mark, check: report })
            }
            Err(StoreError::Conflict { .. }) => {
                let stored = self.store.read_draft(kind, &draft.name).await.map_err(store_error)?;
                match stored {
                    // It was stored before and only the answer was lost, or two wrote the same.
                    Some(stored) if stored.source == draft.source => {
                        Ok(SavedDraft { mark: stored.mark, check: report })
                    }
                    stored => Err(changed(&draft.name, stored.as_ref())),
                }
            }
            Err(error) => Err(store_error(error)),
        }
    }

    pub(super) async fn remove_draft(
        &self,
        actor: Actor,
        kind: DefinitionKind,
        name: String,
        mark: String,
    ) -> Answer<()> {
        let audit = self.audit(&actor, "discard-draft", format!("{}/{name}", kind.as_str()), None);
        if self.store.discard_draft(kind, &name, &mark, audit).await.map_err(store_error)? {
            self.changes.definitions();
            return Ok(());
        }
        match self.store.read_draft(kind, &name).await.map_err(store_error)? {
            Some(stored) => Err(changed(&name, Some(&stored))),
            None => Err(not_found(kind, &name, None)),
        }
    }
}

fn changed(name: &str, stored: Option<&DraftRow>) -> AppError {
    let message = match stored {
        Some(stored) => format!(
            "{} saved another draft of {name} at {}. Nothing was changed; read it, then decide which one goes on.",
            stored.updated_by,
            stored.updated_at.format("%H:%M:%S UTC"),
        ),
        None => format!("The draft of {name} was published or discarded meanwhile. Nothing was changed."),
    };
    AppError::Conflict { code: "draft-changed".into(), message }
}
