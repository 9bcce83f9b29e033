//! Instances: starting, watching and operating them.

use std::{collections::BTreeMap, sync::Arc};

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    definition::DefinitionKind,
    ids::InstanceId,
    process::{self, Event, Place, State, Status},
};
use serde_json::Value;
use uuid::Uuid;

use super::{Service, convert, definitions, invalid, operations, page_size, store_error};
use crate::{
    engine::{
        Item,
        work::{Done, Start},
    },
    store::rows::{self, InstanceRow},
};

/// How many events of a history a screen shows at most.
const HISTORY_MAX: u32 = 2_000;
/// How many of the instances that an instance called a screen shows at most.
const CHILDREN_MAX: u32 = 50;
const TEXT_CHARS_MAX: usize = 400;

impl Service {
    pub(super) async fn start_instance(&self, actor: Actor, request: StartRequest) -> Answer<Started> {
        for (pointer, text) in
            [("/business_key", &request.business_key), ("/idempotency_key", &request.idempotency_key)]
        {
            if let Some(text) = text {
                check_text(pointer, text, 1)?;
            }
        }
        // Another node may have published it a moment ago.
        if self.engine.registry.snapshot().process(&request.definition, request.version).is_none() {
            self.engine.registry.reload(self.store.as_ref()).await.map_err(store_error)?;
        }
        let start = Start {
            instance: InstanceId::from_uuid(Uuid::now_v7()),
            definition: request.definition,
            version: request.version,
            input: request.input,
            business_key: request.business_key,
            idempotency_key: request.idempotency_key,
            by: actor.name,
        };
        match self.engine.submit_one(Item::Start(Arc::new(start))).await.map_err(convert::refusal)? {
            Done::Started { instance, created } => Ok(Started { id: instance.0, created }),
            Done::Handled => Err(AppError::Internal),
        }
    }

    pub(super) async fn list_instances(&self, query: InstanceQuery) -> Answer<Page<InstanceSummary>> {
        let kind = match query.kind.as_deref() {
            None => None,
            Some("process") => Some(DefinitionKind::Process),
            Some("saga") => Some(DefinitionKind::Saga),
            Some(_) => return Err(invalid("unknown-value", "/kind", "kind is one of process, saga")),
        };
        let filter = rows::InstanceFilter {
            kind,
            definition: query.definition,
            status: query.state.as_deref().map(convert::parse_status).transpose()?,
            business_key: query.business_key,
            parent: query.parent.map(InstanceId),
            q: query.q,
            limit: page_size(query.limit)?,
            cursor: query.cursor,
        };
        let page = self.store.list_instances(&filter).await.map_err(store_error)?;
        let items = page.items.iter().map(summary).collect::<Answer<_>>()?;
        Ok(Page { items, next: page.next })
    }

    pub(super) async fn read_instance(&self, id: Uuid) -> Answer<InstanceDetail> {
        let row = self.instance_row(id).await?;
        let state = read_state(&row)?;
        let events = self.events(InstanceId(id), 0).await?;
        let tasks = rows::TaskFilter { instance: Some(InstanceId(id)), limit: 200, ..Default::default() };
        let tasks = self.store.list_tasks(&tasks).await.map_err(store_error)?;
        let now = chrono::Utc::now();
        let mut registry = self.engine.registry.snapshot();
        if registry.runs(row.kind, &row.definition, row.version).is_none() {
            self.engine.registry.reload(self.store.as_ref()).await.map_err(store_error)?;
            registry = self.engine.registry.snapshot();
        }
        let definition = registry.runs(row.kind, &row.definition, row.version);
        let (progress, walked) = progress(&state, &events);
        let children = rows::InstanceFilter { parent: Some(InstanceId(id)), limit: CHILDREN_MAX, ..Default::default() };
        let children = self.store.list_instances(&children).await.map_err(store_error)?;
        let choices = process::choices(definition.as_deref(), &state);
        Ok(InstanceDetail {
            input: state.input.clone(),
            variables: Value::Object(state.vars.clone()),
            diagram: definition.map(|it| definitions::diagram(baton_domain::diagram::of_process(&it))),
            progress,
            walked,
            tasks: tasks.items.iter().map(|task| convert::task_summary(task, now)).collect(),
            messages: self.correlated(id.to_string()).await?,
            recorded: u64::try_from(row.sequence).unwrap_or_default(),
            operations: operations::offered(&choices),
            tokens: choices.tokens.into_iter().map(operations::token_view).collect(),
            undo: operations::undo(&state),
            unanswered: state.unsettled.iter().map(operations::unanswered).collect(),
            children: children.items.iter().map(summary).collect::<Answer<_>>()?,
            history: events.into_iter().map(history_item).collect(),
            summary: summary(&row)?,
        })
    }

    pub(super) async fn read_history(&self, id: Uuid, after: i64) -> Answer<Vec<HistoryItem>> {
        self.instance_row(id).await?;
        Ok(self.events(InstanceId(id), after).await?.into_iter().map(history_item).collect())
    }

    pub(super) async fn instance_row(&self, id: Uuid) -> Answer<InstanceRow> {
        let row = self.store.read_instance(InstanceId(id)).await.map_err(store_error)?;
        row.ok_or_else(|| AppError::NotFound(format!("There is no instance {id}.")))
    }

    async fn events(&self, id: InstanceId, after: i64) -> Answer<Vec<Recorded>> {
        let rows = self.store.read_history(id, after, HISTORY_MAX).await.map_err(store_error)?;
        rows.into_iter()
            .map(|row| {
                let event = serde_json::from_value(row.event.clone()).map_err(|error| {
                    tracing::error!(%error, instance = %id, sequence = row.sequence, "an event cannot be read");
                    AppError::Internal
                })?;
                Ok(Recorded { sequence: row.sequence, at: row.at, event, data: row.event })
            })
            .collect()
    }
}

/// An event of a history, read.
struct Recorded {
    sequence: i64,
    at: Instant,
    event: Event,
    data: Value,
}

pub(super) fn check_text(pointer: &str, text: &str, chars_min: usize) -> Answer<()> {
    let chars = text.chars().count();
    if chars < chars_min || chars > TEXT_CHARS_MAX || text.contains('\0') {
        let name = pointer.trim_start_matches('/');
        let message = format!("{name} has {chars_min} to {TEXT_CHARS_MAX} characters, none of them NUL");
        return Err(invalid("text", pointer, message));
    }
    Ok(())
}

pub(super) fn read_state(row: &InstanceRow) -> Answer<State> {
    serde_json::from_value(row.snapshot.clone()).map_err(|error| {
        tracing::error!(%error, instance = %row.id, "a snapshot cannot be read");
        AppError::Internal
    })
}

pub(super) fn summary(row: &InstanceRow) -> Answer<InstanceSummary> {
    let state = read_state(row)?;
    Ok(InstanceSummary {
        id: row.id.0,
        kind: row.kind,
        definition: row.definition.clone(),
        version: row.version,
        state: row.status.as_str().to_owned(),
        business_key: row.business_key.clone(),
        parent: row.parent.map(|parent| parent.0),
        at: state.tokens.iter().map(|token| token.node.clone()).collect(),
        incident: row.incident.clone(),
        started_by: row.started_by.clone(),
        created_at: row.created_at,
        updated_at: row.updated_at,
        ended_at: row.ended_at,
    })
}

fn history_item(recorded: Recorded) -> HistoryItem {
    HistoryItem {
        sequence: recorded.sequence,
        at: recorded.at,
        event: recorded.event.name().to_owned(),
        title: recorded.event.sentence(),
        node: recorded.event.node().map(str::to_owned),
        data: recorded.data,
    }
}

/// How far each node is, and the edges that were walked.
fn progress(state: &State, events: &[Recorded]) -> (BTreeMap<String, Progress>, Vec<String>) {
    let mut progress = BTreeMap::new();
    let mut walked = Vec::new();
    for recorded in events {
        match &recorded.event {
            Event::Moved { from, port, .. } => {
                progress.insert(from.clone(), Progress::Done);
                let edge = format!("{from}/{port}");
                if !walked.contains(&edge) {
                    walked.push(edge);
                }
            }
            Event::Ended { node, status, .. } => {
                let how = if *status == Status::Failed { Progress::Failed } else { Progress::Done };
                progress.insert(node.clone(), how);
            }
            _ => {}
        }
    }
    for token in &state.tokens {
        let how = if matches!(token.place, Place::Incident(_)) { Progress::Failed } else { Progress::UnderWay };
        progress.insert(token.node.clone(), how);
    }
    (progress, walked)
}

/// The input schema of a process.
pub(super) fn input_schema(definition: &process::Definition) -> Option<Value> {
    definition.input.as_ref().map(|schema| schema.source().clone())
}
