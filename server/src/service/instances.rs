//! Instances: starting, watching and operating them.

use std::{ops::RangeInclusive, sync::Arc};

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    definition::DefinitionKind,
    ids::InstanceId,
    process::{self, Event, State},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Service, convert, invalid,
    journey::{Journey, Past, Recorded, story, told},
    operations, page_size, steps, store_error,
};
use crate::{
    engine::{
        Item, Refusal,
        work::{Done, Start},
    },
    store::{
        Store,
        rows::{self, InstanceRow},
    },
};

/// How many events of a history a screen shows at most, the newest ones; and how many are read in one go.
const HISTORY_MAX: u32 = 2_000;
/// How many of the instances that an instance called a screen shows at most.
const CHILDREN_MAX: u32 = 50;
/// The most characters of a key, and of a scenario's name.
pub(super) const KEY_CHARS_MAX: usize = 400;

impl Service {
    pub(super) async fn start_instance(&self, actor: Actor, request: StartRequest) -> Answer<Started> {
        for (pointer, text) in
            [("/business_key", &request.business_key), ("/idempotency_key", &request.idempotency_key)]
        {
            if let Some(text) = text {
                check_text(pointer, text, 1..=KEY_CHARS_MAX)?;
            }
        }
        // Another node may have published it a moment ago.
        if self.engine.registry.snapshot().process(&request.definition, request.version).is_none() {
            self.engine.registry.reload(self.store.as_ref()).await.map_err(store_error)?;
        }
        let asked = request.clone();
        let start = Start {
            instance: InstanceId::from_uuid(Uuid::now_v7()),
            definition: request.definition,
            version: request.version,
            input: request.input,
            business_key: request.business_key,
            idempotency_key: request.idempotency_key,
            by: actor.name,
        };
        match self.engine.submit_one(Item::Start(Arc::new(start))).await.map_err(about_start)? {
            Done::Started { instance, created } => {
                if !created {
                    self.refuse_reused_key(instance, &asked).await?;
                }
                Ok(Started { id: instance.0, created })
            }
            Done::Handled => Err(AppError::Internal),
        }
    }

    /// A key that was used before stands for the request that it was used for: what was recorded of that is compared.
    async fn refuse_reused_key(&self, id: InstanceId, asked: &StartRequest) -> Answer<()> {
        let row = self.instance_row(id.0).await?;
        let (mut start, mut version, mut seen) = (None, row.version, 0);
        while seen < row.sequence {
            let events = self.events(id, seen).await?;
            let Some(last) = events.last().map(|it| it.sequence) else { break };
            seen = last;
            for Recorded { event, .. } in events {
                match event {
                    Event::Started { input, business_key, .. } => start = Some((input, business_key)),
                    Event::RestartedFrom { .. } => seen = row.sequence,
                    // The first migration says on which version it started.
                    Event::Migrated { from_version, .. } => {
                        (version, seen) = (from_version, row.sequence);
                        break;
                    }
                    _ => {}
                }
            }
        }
        let other = || {
            AppError::KeyReused(format!(
                "This idempotency key has started the instance {id} with another request. Send the same request to be \
                 told about that one, or another key to start another one."
            ))
        };
        // A key that a restart was asked for with is none of a start.
        let Some((input, business_key)) = start else { return Err(other()) };
        let definition = self.engine.registry.snapshot().runs(row.kind, &row.definition, version);
        let schema = definition.as_ref().and_then(|it| it.input.as_ref());
        let given = schema.map_or_else(|| asked.input.clone(), |schema| schema.with_defaults(&asked.input));
        let same_version = asked.version.is_none_or(|asked| asked == version);
        if same_version && business_key == asked.business_key && (as_stored(&given)? == input) {
            return Ok(());
        }
        Err(other())
    }

    pub(super) async fn list_instances(&self, query: InstanceQuery) -> Answer<Page<InstanceSummary>> {
        let filter = filter_of(query)?;
        let page = self.store.list_instances(&filter).await.map_err(store_error)?;
        let items = page.items.iter().map(summary).collect::<Answer<_>>()?;
        Ok(Page { items, next: page.next })
    }

    /// The instance as it is, or as it was after event `at` of its history.
    pub(super) async fn read_instance(&self, id: Uuid, at: Option<u64>) -> Answer<InstanceDetail> {
        let row = self.instance_row(id).await?;
        let (so_far, history) = self.newest(&row).await?;
        let now_state = read_state(&row)?;
        let restarted_from = now_state.restarted_from.map(|it| OriginView { instance: it.instance.0, at: it.sequence });
        let restarted_as = now_state.restarted_as.map(|it| it.0);
        let related = [row.parent.map(|it| it.0), restarted_from.map(|it| it.instance), restarted_as];
        let gone = self.gone_of(related.into_iter().flatten()).await?;
        let (state, journey, version, past) = match at {
            None => (now_state, so_far, row.version, None),
            Some(at) => {
                let Past { state, journey, view } = self.past(&row, at).await?;
                let version = self.version_at(&row, at, journey.version).await?;
                (state, journey, version, Some(view))
            }
        };
        let tasks = rows::TaskFilter { instance: Some(InstanceId(id)), limit: 200, ..Default::default() };
        let tasks = self.store.list_tasks(&tasks).await.map_err(store_error)?;
        let now = chrono::Utc::now();
        let registry = self.registry_with(row.kind, &row.definition, version).await?;
        let definition = registry.runs(row.kind, &row.definition, version);
        let drawing = self.engine.registry.drawing(row.kind, &row.definition, version).await;
        let mut versions = registry.versions(row.kind, &row.definition);
        versions.retain(|other| *other != row.version);
        let children = rows::InstanceFilter { parent: Some(InstanceId(id)), limit: CHILDREN_MAX, ..Default::default() };
        let children = self.store.list_instances(&children).await.map_err(store_error)?;
        let choices = process::choices(definition.as_deref(), &state);
        let undo = journey.undo(&state);
        let (progress, walked) = journey.seen(&state);
        let names = registry.steps(row.kind, &row.definition, version);
        let steps = definition.as_deref().map(|it| steps::steps(names, it, &state, (&progress, &walked), &undo));
        Ok(InstanceDetail {
            input: state.input.clone(),
            variables: Value::Object(state.vars.clone()),
            diagram: drawing.map(|it| Diagram::clone(&it)),
            progress,
            walked,
            tasks: tasks.items.iter().map(|task| convert::task_summary(task, now)).collect(),
            messages: self.correlated(id.to_string()).await?,
            recorded: u64::try_from(row.sequence).unwrap_or_default(),
            operations: if past.is_some() {
                operations::none_in_the_past()
            } else {
                operations::offered(&choices, &versions, &history)
            },
            tokens: choices.tokens.into_iter().map(operations::token_view).collect(),
            undo,
            steps: steps.unwrap_or_default(),
            unanswered: state.unsettled.iter().map(operations::unanswered).collect(),
            versions,
            incidents: operations::incidents(&state),
            children: children.items.iter().map(summary).collect::<Answer<_>>()?,
            history,
            restarted_from,
            restarted_as,
            gone,
            past,
            summary: summary(&row)?,
        })
    }

    /// Which way it went, from the beginning, and the newest events as people read them. Long histories are read page by
    /// page, and only the last page is kept.
    async fn newest(&self, row: &InstanceRow) -> Answer<(Journey, Vec<HistoryItem>)> {
        let shown_after = row.sequence.saturating_sub(i64::from(HISTORY_MAX));
        let (mut state, mut journey, mut shown, mut sequence) = (None, Journey::default(), Vec::new(), 0);
        while sequence < row.sequence {
            let mut events = self.events(row.id, sequence).await?;
            let Some(last) = events.last().map(|it| it.sequence) else { break };
            sequence = last;
            // What came since the row was read belongs to the next look.
            events.retain(|it| it.sequence <= row.sequence);
            events.iter().for_each(|recorded| journey.note(&recorded.event));
            for recorded in events {
                if recorded.sequence > shown_after {
                    shown.push(recorded);
                } else {
                    state = Some(process::evolve(state, &recorded.event));
                }
            }
        }
        Ok((journey, story(state, shown)))
    }

    /// Those that are not kept any more.
    async fn gone_of(&self, ids: impl Iterator<Item = Uuid>) -> Answer<Vec<Uuid>> {
        let mut gone = Vec::new();
        for id in ids {
            if self.store.read_instance(InstanceId(id)).await.map_err(store_error)?.is_none() {
                gone.push(id);
            }
        }
        Ok(gone)
    }

    /// Folds the history as far as event `at`.
    async fn past(&self, row: &InstanceRow, at: u64) -> Answer<Past> {
        let last = u64::try_from(row.sequence).unwrap_or_default();
        if at == 0 || at > last {
            let message = format!("the history of this instance has the events 1 to {last}");
            return Err(invalid("unknown-event", "/at", message));
        }
        let (mut state, mut journey, mut sequence) = (None, Journey::default(), 0);
        loop {
            let events = self.events(row.id, sequence).await?;
            let Some(end) = events.last().map(|it| it.sequence) else {
                tracing::error!(instance = %row.id, at, "a history has fewer events than its instance says");
                return Err(AppError::Internal);
            };
            sequence = end;
            for recorded in events {
                journey.note(&recorded.event);
                let is_last = recorded.sequence.unsigned_abs() == at;
                let (after, fact) = told(state, recorded);
                if is_last {
                    let stood = after.tokens.iter().map(|token| token.node.clone()).collect();
                    let view = PastView { fact, state: after.status().as_str().to_owned(), at: stood };
                    return Ok(Past { state: after, journey, view });
                }
                state = Some(after);
            }
        }
    }

    /// The version that the instance ran after event `at`, `known` being what its history said until then: each
    /// migration names the version before it.
    async fn version_at(&self, row: &InstanceRow, at: u64, known: Option<u32>) -> Answer<u32> {
        let alone = self.engine.registry.snapshot().versions(row.kind, &row.definition).len() < 2;
        if let Some(version) = known.or(alone.then_some(row.version)) {
            return Ok(version);
        }
        let mut after = at.cast_signed();
        loop {
            let events = self.events(row.id, after).await?;
            let Some(last) = events.last() else { return Ok(row.version) };
            after = last.sequence;
            let before = events.iter().find_map(|it| match &it.event {
                Event::Migrated { from_version, .. } => Some(*from_version),
                _ => None,
            });
            if let Some(version) = before {
                return Ok(version);
            }
        }
    }

    pub(super) async fn read_history(&self, id: Uuid, after: u32) -> Answer<Vec<HistoryItem>> {
        let row = self.instance_row(id).await?;
        let state = match after {
            0 => None,
            after if i64::from(after) >= row.sequence => return Ok(Vec::new()),
            after => Some(self.past(&row, u64::from(after)).await?.state),
        };
        Ok(story(state, self.events(row.id, i64::from(after)).await?))
    }

    pub(super) async fn instance_row(&self, id: Uuid) -> Answer<InstanceRow> {
        let row = self.store.read_instance(InstanceId(id)).await.map_err(store_error)?;
        row.ok_or_else(|| {
            AppError::NotFound(format!("There is no instance {id}. It may have been removed after its retention."))
        })
    }

    pub(super) async fn events(&self, id: InstanceId, after: i64) -> Answer<Vec<Recorded>> {
        events(self.store.as_ref(), id, after).await
    }
}

/// A page of an instance's history.
pub(super) async fn events(store: &dyn Store, id: InstanceId, after: i64) -> Answer<Vec<Recorded>> {
    let rows = store.read_history(id, after, HISTORY_MAX).await.map_err(store_error)?;
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

/// What the store is asked for.
pub(super) fn filter_of(query: InstanceQuery) -> Answer<rows::InstanceFilter> {
    let kind = match query.kind.as_deref() {
        None => None,
        Some("process") => Some(DefinitionKind::Process),
        Some("saga") => Some(DefinitionKind::Saga),
        Some(_) => return Err(invalid("unknown-value", "/kind", "kind is one of process, saga")),
    };
    Ok(rows::InstanceFilter {
        kind,
        definition: query.definition,
        status: query.state.as_deref().map(convert::parse_status).transpose()?,
        version: query.version.map(rows::Versions::Only),
        business_key: query.business_key,
        parent: query.parent.map(InstanceId),
        q: query.q,
        limit: page_size(query.limit)?,
        cursor: query.cursor,
        live: false,
    })
}

/// A process that is not known may be a draft.
fn about_start(refusal: Refusal) -> AppError {
    match refusal {
        Refusal::Unknown { what } => AppError::NotFound(format!(
            "{what} is not published. Publish it on its page, with `baton definition apply FILE` or with POST \
             /api/v1/processes/NAME/versions; GET /api/v1/processes lists what is there"
        )),
        other => convert::refusal(other),
    }
}

/// A value as it comes back from the database: a number may change its last digit on the way through text.
pub(super) fn as_stored(value: &Value) -> Answer<Value> {
    serde_json::from_str(&value.to_string()).map_err(|error| {
        tracing::error!(%error, "a value does not survive being written down");
        AppError::Internal
    })
}

/// A reason that has to be given.
pub(super) fn check_reason(reason: &str) -> Answer<()> {
    check_text("/reason", reason.trim(), 1..=REASON_CHARS_MAX)
}

pub(super) fn check_text(pointer: &str, text: &str, chars: RangeInclusive<usize>) -> Answer<()> {
    if !chars.contains(&text.chars().count()) || text.contains('\0') {
        let name = pointer.trim_start_matches('/');
        let message = format!("{name} has {} to {} characters, none of them NUL", chars.start(), chars.end());
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

/// The input schema of a process.
pub(super) fn input_schema(definition: &process::Definition) -> Option<Value> {
    definition.input.as_ref().map(|schema| schema.source().clone())
}
