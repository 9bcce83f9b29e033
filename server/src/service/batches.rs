//! Operations on many instances at once: begun and controlled here, done by [`crate::batch`].

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use chrono::Utc;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Service,
    instances::{check_reason, filter_of},
    invalid, store_error,
};
use crate::store::rows::{self, BatchRow, BatchState, Versions};

/// How many are listed.
const LISTED_MAX: u32 = 20;

impl Service {
    pub(super) async fn begin_batch(&self, actor: Actor, request: BatchRequest) -> Answer<BatchView> {
        let BatchRequest { operation, mut filter, reason } = request;
        let reason = reason.trim().to_owned();
        check_reason(&reason)?;
        if let BatchOperate::Migrate(migration) = &operation {
            self.check_migration(migration, &mut filter).await?;
        }
        check_operation(&operation)?;
        if filter.is_empty() {
            let message = "say which instances are meant: by definition, state, business key, kind, parent or q";
            return Err(invalid("filter-required", "/filter", message));
        }
        let asked = asked(&operation, filter.clone()).map_err(within_filter)?;
        let total = self.store.count_instances_like(&asked).await.map_err(store_error)?;
        let row = BatchRow {
            id: Uuid::now_v7(),
            operation: serde_json::to_value(&operation).map_err(|_| AppError::Internal)?,
            filter: serde_json::to_value(&filter).map_err(|_| AppError::Internal)?,
            actor: actor.name.clone(),
            reason: reason.clone(),
            created_at: Utc::now(),
            state: BatchState::Running,
            total,
            done: 0,
            refused: 0,
            refusals: Value::Array(Vec::new()),
            position: None,
            ended_at: None,
        };
        let action = format!("{}-many-instances", operation.as_str().replace('_', "-"));
        let audit = self.audit(&actor, &action, format!("batch/{}", row.id), Some(reason));
        self.store.insert_batch(&row, audit).await.map_err(store_error)?;
        self.batches.now();
        view(row)
    }

    pub(super) async fn list_batches(&self) -> Answer<Vec<BatchView>> {
        let rows = self.store.list_batches(None, LISTED_MAX).await.map_err(store_error)?;
        rows.into_iter().map(view).collect()
    }

    pub(super) async fn read_batch(&self, id: Uuid) -> Answer<BatchView> {
        let row = self.store.list_batches(Some(id), 1).await.map_err(store_error)?.pop();
        view(row.ok_or_else(|| AppError::NotFound(format!("There is no operation on many instances {id}.")))?)
    }

    pub(super) async fn set_batch_state(&self, actor: Actor, id: Uuid, control: BatchControl) -> Answer<BatchView> {
        let before = self.read_batch(id).await?;
        let (from, to): (&[BatchState], _) = match control {
            BatchControl::Pause => (&[BatchState::Running], BatchState::Paused),
            BatchControl::Resume => (&[BatchState::Paused], BatchState::Running),
            BatchControl::Cancel => (&[BatchState::Running, BatchState::Paused], BatchState::Cancelled),
        };
        for from in from {
            let audit = self.audit(&actor, &format!("{}-batch", control.as_str()), format!("batch/{id}"), None);
            if self.store.set_batch_state(id, *from, to, audit).await.map_err(store_error)? {
                self.batches.now();
                return self.read_batch(id).await;
            }
        }
        let message = format!("It is {}; it cannot be told to {}.", before.state, control.as_str());
        Err(AppError::Conflict { code: "batch-state".to_owned(), message })
    }
}

/// What no instance could take.
fn check_operation(operation: &BatchOperate) -> Answer<()> {
    match operation {
        BatchOperate::Move(BatchMove { node, to }) if node == to => {
            // One that was asked before a crash would be asked once more, and do the step again.
            let message = "a token is moved to another node than the one where it stands";
            Err(invalid("same-node", "/operation/move/to", message))
        }
        BatchOperate::SetVariables(BatchVariables { set }) if set.is_empty() => {
            Err(invalid("empty", "/operation/set_variables/set", "name at least one variable"))
        }
        BatchOperate::Restart(BatchRestart { node, .. }) if node.trim().is_empty() => {
            Err(invalid("empty", "/operation/restart/node", "name the step where they begin"))
        }
        _ => Ok(()),
    }
}

/// The instances that an operation is for.
pub fn asked(operation: &BatchOperate, filter: BatchFilter) -> Answer<rows::InstanceFilter> {
    let mut asked = filter_of(filter.query())?;
    if let BatchOperate::Migrate(migration) = operation {
        asked.live = true;
        asked.version = asked.version.or(Some(Versions::AllBut(migration.to_version)));
    }
    Ok(asked)
}

/// What is wrong with a field of the filter is wrong within the request's `filter`.
fn within_filter(error: AppError) -> AppError {
    match error {
        AppError::Invalid(mut found) => {
            found.iter_mut().for_each(|it| it.pointer.insert_str(0, "/filter"));
            AppError::Invalid(found)
        }
        other => other,
    }
}

fn view(row: BatchRow) -> Answer<BatchView> {
    Ok(BatchView {
        id: row.id,
        operation: read(row.operation)?,
        filter: read(row.filter)?,
        by: row.actor,
        reason: row.reason,
        created_at: row.created_at,
        state: row.state.as_str().to_owned(),
        total: row.total,
        done: row.done,
        refused: row.refused,
        refusals: read(row.refusals)?,
        ended_at: row.ended_at,
    })
}

fn read<T: DeserializeOwned>(value: Value) -> Answer<T> {
    serde_json::from_value(value).map_err(|error| {
        tracing::error!(%error, "an operation on many instances cannot be read");
        AppError::Internal
    })
}
