//! Human tasks: who has to decide what, and the decision.

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    ids::{InstanceId, TaskId},
    process::OfferedOutcome,
};
use chrono::Utc;
use serde_json::Value;
use uuid::Uuid;

use super::{Service, convert, invalid, page_size, store_error};
use crate::{
    engine::{Item, Refusal},
    store::rows::{self, TaskState},
};

impl Service {
    pub(super) async fn list_tasks(&self, actor: Actor, query: TaskQuery) -> Answer<Page<TaskSummary>> {
        let open = match query.state.as_deref() {
            None | Some("open") => Some(true),
            Some("done") => Some(false),
            Some("all") => None,
            Some(_) => return Err(invalid("unknown-value", "/state", "state is one of open, done, all")),
        };
        let filter = rows::TaskFilter {
            open,
            assignee: query.assignee.map(|name| if name == "me" { actor.name } else { name }),
            instance: query.instance.map(InstanceId),
            limit: page_size(query.limit)?,
            cursor: query.cursor,
        };
        let page = self.store.list_tasks(&filter).await.map_err(store_error)?;
        let now = Utc::now();
        Ok(convert::page(page, |row| convert::task_summary(&row, now)))
    }

    pub(super) async fn read_task(&self, id: Uuid) -> Answer<TaskDetail> {
        let row = self.task_row(id).await?;
        let instance = self.store.read_instance(row.instance).await.map_err(store_error)?;
        let state = instance.as_ref().map(super::instances::read_state).transpose()?;
        let outcomes: Vec<OfferedOutcome> = serde_json::from_value(row.outcomes.clone()).map_err(|error| {
            tracing::error!(%error, task = %row.id, "the outcomes of a task cannot be read");
            AppError::Internal
        })?;
        let (input, variables) = match state {
            Some(state) => (state.input.clone(), Value::Object(state.vars.clone())),
            None => (Value::Null, Value::Null),
        };
        Ok(TaskDetail {
            outcomes: outcomes.into_iter().map(convert::task_outcome).collect(),
            data: row.data.clone(),
            business_key: instance.and_then(|instance| instance.business_key),
            input,
            variables,
            summary: convert::task_summary(&row, Utc::now()),
        })
    }

    pub(super) async fn claim(&self, actor: Actor, id: Uuid) -> Answer<TaskSummary> {
        let audit = self.audit(&actor, "claim-task", format!("task/{id}"), None);
        let claimed = self.store.claim_task(TaskId(id), &actor.name, audit).await.map_err(store_error)?;
        let row = self.task_row(id).await?;
        if !claimed {
            let message = match (row.state, &row.claimed_by) {
                (TaskState::Claimed, Some(by)) => format!("{by} has claimed this task already."),
                _ => "This task has ended: it was completed, or its instance went on without it.".to_owned(),
            };
            return Err(AppError::Conflict { code: "task-not-open".into(), message });
        }
        self.changes.tasks();
        Ok(convert::task_summary(&row, Utc::now()))
    }

    pub(super) async fn complete(&self, actor: Actor, id: Uuid, outcome: String, data: Value) -> Answer<TaskSummary> {
        let item = Item::CompleteTask { task: TaskId(id), outcome, data, by: actor.name };
        let refused = self.engine.submit_one(item).await.err();
        if matches!(&refused, Some(Refusal::Rejected(rejection)) if rejection.code == "task-closed") {
            let row = self.task_row(id).await?;
            if let (Some(by), Some(outcome)) = (&row.completed_by, &row.outcome) {
                let message = format!("This task is closed: {by} completed it with `{outcome}`.");
                return Err(AppError::Conflict { code: "task-closed".into(), message });
            }
        }
        if let Some(refusal) = refused {
            return Err(convert::refusal(refusal));
        }
        let row = self.task_row(id).await?;
        Ok(convert::task_summary(&row, Utc::now()))
    }

    async fn task_row(&self, id: Uuid) -> Answer<rows::TaskRow> {
        let row = self.store.read_task(TaskId(id)).await.map_err(store_error)?;
        row.ok_or_else(|| AppError::NotFound(format!("There is no task {id}.")))
    }
}
