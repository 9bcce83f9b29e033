//! What screens and the HTTP API ask for, answered from the store, the engine and the relay.
//!
//! [`Service`] implements the port `baton_app::port::Backend`, one file per area. It decides nothing: writes go to the
//! engine or are one transaction of the store, and reads translate rows into read models.

mod batches;
mod convert;
mod definitions;
mod destinations;
mod drafts;
mod exchange;
mod expressions;
mod housekeeping;
mod instances;
mod journey;
mod log;
mod messages;
mod migrations;
mod operations;
mod overview;
mod restarts;
mod scenarios;
mod sources;
mod steps;
mod tasks;

use std::sync::Arc;

use async_trait::async_trait;
use baton_app::{
    model::*,
    port::{Actor, Answer, AppError, Backend},
};
use baton_domain::{
    definition::{DefinitionKind, wire::Wire},
    diagnostic::Diagnostic,
    ids::InstanceId,
    message::Message,
    process::Operator,
};
use chrono::Utc;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    changes::Changes,
    destination::{Deliveries, Directory, Nudges},
    engine::{Engine, Item},
    nudge::Nudge,
    relay::Meter,
    store::{Store, StoreError, rows},
};

pub use self::{
    housekeeping::HousekeepingView, log::LogView, restarts::of_many as restart_of_many, sources::SourceView,
};

/// The instances that an operation on many is for.
pub fn asked_in_batch(operation: &BatchOperate, filter: BatchFilter) -> Answer<rows::InstanceFilter> {
    batches::asked(operation, filter)
}

/// What the engine is asked for when an instance is operated.
pub fn operation_item(instance: InstanceId, operate: Operate, operator: Operator) -> Item {
    operations::item(instance, operate, operator)
}

/// The running parts that answers come from.
pub struct Service {
    pub store: Arc<dyn Store>,
    pub engine: Engine,
    pub directory: Arc<Directory>,
    pub deliveries: Arc<Deliveries>,
    pub changes: Arc<Changes>,
    /// Wakes the relay after messages were appended.
    pub relay: Nudge,
    /// Wakes the delivery workers after a repair.
    pub nudges: Arc<Nudges>,
    /// Wakes the worker of operations on many instances.
    pub batches: Nudge,
    /// What sources are seen with.
    pub sources: SourceView,
    pub meter: Arc<Meter>,
    /// Whether destinations may have private addresses.
    pub allow_private: bool,
    pub about: About,
    /// How the broker is, where there is one.
    pub bus_status: Option<Arc<crate::bus::Status>>,
    /// What is kept for how long, and what the cleaner did.
    pub housekeeping: HousekeepingView,
    /// The database's log, where it has one.
    pub log: Option<LogView>,
}

impl Service {
    fn audit(&self, actor: &Actor, action: &str, subject: String, reason: Option<String>) -> rows::AuditRow {
        rows::AuditRow {
            at: Utc::now(),
            actor: actor.name.clone(),
            action: action.to_owned(),
            subject,
            reason,
            detail: Value::Null,
        }
    }
}

/// A store's error as people see it; the details go to the log.
pub(crate) fn store_error(error: StoreError) -> AppError {
    if let Some(notice) = error.notice() {
        tracing::warn!(%error, "the store is not available");
        return AppError::Unavailable(notice.to_owned());
    }
    match error {
        StoreError::Conflict { what } => AppError::Conflict {
            code: "conflict".into(),
            message: format!("Somebody else changed {what} at the same time. Look again, then try again."),
        },
        StoreError::Cursor => invalid(
            "unknown-cursor",
            "/cursor",
            "cursor is none that this list handed out: take it from `next`, or leave it out to begin with the first page",
        ),
        error => {
            tracing::error!(%error, "the store failed");
            AppError::Internal
        }
    }
}

/// One finding at one place.
pub(crate) fn invalid(code: &str, pointer: &str, message: impl Into<String>) -> AppError {
    AppError::Invalid(vec![Diagnostic::error(code, pointer, message)])
}

/// The page size that was asked for, within its bounds.
pub(crate) fn page_size(limit: Option<u32>) -> Answer<u32> {
    match limit {
        None => Ok(50),
        Some(limit @ 1..=200) => Ok(limit),
        Some(other) => Err(invalid("limit", "/limit", format!("limit is {other}; it goes from 1 to 200"))),
    }
}

#[async_trait]
impl Backend for Service {
    async fn overview(&self) -> Answer<Overview> {
        self.read_overview().await
    }
    async fn badges(&self) -> Answer<Badges> {
        self.read_badges().await
    }
    async fn about(&self) -> Answer<About> {
        let bus_condition = self.bus_status.as_ref().map(|status| convert::bus_condition(status.now()));
        let log = self.log.as_ref().and_then(LogView::condition);
        Ok(About { bus_condition, log, ..self.about.clone() })
    }
    async fn nodes(&self) -> Answer<Vec<NodeView>> {
        self.list_nodes().await
    }
    async fn housekeeping(&self) -> Answer<Housekeeping> {
        self.read_housekeeping().await
    }
    async fn audit(&self, subject: Option<String>) -> Answer<Vec<AuditEntry>> {
        self.read_audit(subject).await
    }
    async fn drop_log_slot(&self, actor: Actor) -> Answer<()> {
        self.give_log_up(actor).await
    }
    async fn flow(&self) -> Answer<Vec<FlowItem>> {
        Ok(self.changes.recent())
    }

    async fn append(&self, messages: &[Message]) -> Answer<Accepted> {
        self.append_messages(messages).await
    }
    async fn messages(&self, query: MessageQuery) -> Answer<Page<MessageSummary>> {
        self.list_messages(query).await
    }
    async fn message(&self, id: Uuid) -> Answer<MessageDetail> {
        self.read_message(id).await
    }
    async fn conversation(&self, correlation_id: String) -> Answer<Conversation> {
        self.read_conversation(correlation_id).await
    }
    async fn failures(&self) -> Answer<Vec<FailureGroup>> {
        self.list_failures().await
    }
    async fn repair(
        &self,
        actor: Actor,
        action: RepairAction,
        filter: RepairFilter,
        reason: Option<String>,
    ) -> Answer<RepairReport> {
        self.repair_deliveries(actor, action, filter, reason).await
    }
    async fn edit_and_retry(&self, actor: Actor, id: Uuid, payload: Value) -> Answer<RepairReport> {
        self.edit_delivery(actor, id, payload).await
    }

    async fn definitions(&self, kind: DefinitionKind) -> Answer<Vec<DefinitionSummary>> {
        self.list_definitions(kind).await
    }
    async fn definition(
        &self,
        kind: DefinitionKind,
        name: String,
        version: Option<u32>,
        draft: bool,
    ) -> Answer<DefinitionDetail> {
        self.read_definition(kind, name, version, draft).await
    }
    async fn check(&self, kind: DefinitionKind, source: String) -> Answer<CheckReport> {
        self.check_source(kind, source).await
    }

    async fn draw(&self, kind: DefinitionKind, document: Value) -> Answer<Drawn> {
        self.write_drawn(kind, document).await
    }

    async fn export(&self, request: ExportRequest) -> Answer<Exported> {
        self.export_definition(request).await
    }

    async fn import(&self, text: String, name: Option<String>) -> Answer<Imported> {
        self.import_definition(text, name).await
    }

    async fn evaluate(&self, text: String, sample: String) -> Answer<String> {
        expressions::evaluate(text, sample).await
    }

    async fn message_types(&self) -> Answer<Wire> {
        self.read_wire().await
    }

    async fn tidy(&self, document: Value) -> Answer<Places> {
        definitions::tidy(document).await
    }
    async fn save_draft(
        &self,
        actor: Actor,
        kind: DefinitionKind,
        name: String,
        source: String,
        seen: Seen,
    ) -> Answer<SavedDraft> {
        self.store_draft(actor, kind, name, source, seen).await
    }
    async fn draft(&self, kind: DefinitionKind, name: String) -> Answer<Option<StoredDraft>> {
        self.stored_draft(kind, name).await
    }
    async fn migratable(&self, kind: DefinitionKind, name: String, source: String) -> Answer<MigrationSum> {
        self.look_before_publishing(kind, name, source).await
    }
    async fn discard_draft(&self, actor: Actor, kind: DefinitionKind, name: String, mark: String) -> Answer<()> {
        self.remove_draft(actor, kind, name, mark).await
    }
    async fn publish(
        &self,
        actor: Actor,
        kind: DefinitionKind,
        name: String,
        source: Option<String>,
        note: Option<String>,
        seen: Seen,
    ) -> Answer<Published> {
        self.publish_version(actor, kind, name, source, note, seen).await
    }

    async fn run_scenarios(&self, source: String) -> Answer<ScenarioReport> {
        scenarios::run(source).await
    }
    async fn make_scenario(&self, actor: Actor, instance: Uuid, name: Option<String>) -> Answer<ScenarioMade> {
        self.make_scenario(actor, instance, name).await
    }

    async fn start(&self, actor: Actor, request: StartRequest) -> Answer<Started> {
        self.start_instance(actor, request).await
    }
    async fn instances(&self, query: InstanceQuery) -> Answer<Page<InstanceSummary>> {
        self.list_instances(query).await
    }
    async fn instance(&self, id: Uuid) -> Answer<InstanceDetail> {
        self.read_instance(id, None).await
    }
    async fn instance_at(&self, id: Uuid, at: u64) -> Answer<InstanceDetail> {
        self.read_instance(id, Some(at)).await
    }
    async fn history(&self, id: Uuid, after: u32) -> Answer<Vec<HistoryItem>> {
        self.read_history(id, after).await
    }
    async fn operate(&self, actor: Actor, id: Uuid, request: OperateRequest) -> Answer<InstanceSummary> {
        self.operate_instance(actor, id, request).await
    }
    async fn restart(&self, actor: Actor, id: Uuid, request: RestartRequest) -> Answer<Started> {
        self.restart_instance(actor, id, request).await
    }
    async fn migrate(&self, actor: Actor, request: MigrationRequest) -> Answer<MigrationReport> {
        self.migrate_page(actor, request).await
    }

    async fn start_batch(&self, actor: Actor, request: BatchRequest) -> Answer<BatchView> {
        self.begin_batch(actor, request).await
    }
    async fn batches(&self) -> Answer<Vec<BatchView>> {
        self.list_batches().await
    }
    async fn batch(&self, id: Uuid) -> Answer<BatchView> {
        self.read_batch(id).await
    }
    async fn control_batch(&self, actor: Actor, id: Uuid, control: BatchControl) -> Answer<BatchView> {
        self.set_batch_state(actor, id, control).await
    }

    async fn tasks(&self, actor: Actor, query: TaskQuery) -> Answer<Page<TaskSummary>> {
        self.list_tasks(actor, query).await
    }
    async fn task(&self, id: Uuid) -> Answer<TaskDetail> {
        self.read_task(id).await
    }
    async fn claim_task(&self, actor: Actor, id: Uuid) -> Answer<TaskSummary> {
        self.claim(actor, id).await
    }
    async fn complete_task(&self, actor: Actor, id: Uuid, outcome: String, data: Value) -> Answer<TaskSummary> {
        self.complete(actor, id, outcome, data).await
    }

    async fn destinations(&self) -> Answer<Vec<Destination>> {
        self.list_destinations().await
    }
    async fn put_destination(&self, actor: Actor, name: String, settings: DestinationSettings) -> Answer<Destination> {
        self.store_destination(actor, name, settings).await
    }
    async fn delete_destination(&self, actor: Actor, name: String) -> Answer<()> {
        self.remove_destination(actor, name).await
    }
    async fn pause_destination(
        &self,
        actor: Actor,
        name: String,
        paused: bool,
        reason: Option<String>,
    ) -> Answer<Destination> {
        self.set_paused(actor, name, paused, reason).await
    }
    async fn rotate_key(&self, actor: Actor, name: String, rotation: KeyRotation) -> Answer<Destination> {
        self.rotate_keys(actor, name, rotation).await
    }
    async fn drop_old_keys(&self, actor: Actor, name: String, reason: Option<String>) -> Answer<Destination> {
        self.remove_old_keys(actor, name, reason).await
    }
    async fn bus(&self) -> Answer<BusView> {
        self.read_bus().await
    }
    async fn test_destination(&self, actor: Actor, name: String) -> Answer<TestReport> {
        self.send_test(actor, name).await
    }
    async fn sources(&self) -> Answer<Vec<Source>> {
        self.list_sources().await
    }
    async fn put_source(&self, actor: Actor, name: String, settings: SourceSettings) -> Answer<Source> {
        self.store_source(actor, name, settings).await
    }
    async fn delete_source(&self, actor: Actor, name: String, reason: Option<String>) -> Answer<SourceRemoved> {
        self.remove_source(actor, name, reason).await
    }
    async fn pause_source(&self, actor: Actor, name: String, paused: bool, reason: Option<String>) -> Answer<Source> {
        self.set_source_paused(actor, name, paused, reason).await
    }
    async fn preview_source(&self, name: Option<String>, settings: SourceSettings) -> Answer<SourcePreview> {
        self.look_at_source(name, settings).await
    }
    async fn source_tables(&self, database: Option<String>) -> Answer<Vec<SourceTable>> {
        self.list_source_tables(database).await
    }
    async fn routes(&self) -> Answer<Vec<Route>> {
        self.list_routes().await
    }
    async fn put_route(&self, actor: Actor, name: String, settings: RouteSettings) -> Answer<Route> {
        self.store_route(actor, name, settings).await
    }
    async fn delete_route(&self, actor: Actor, name: String) -> Answer<()> {
        self.remove_route(actor, name).await
    }
}
