//! The port to the server: everything that screens (and the HTTP API) ask and tell.
//!
//! The server's implementation stands in the Leptos context as `Arc<dyn Backend>`, and the signed-in account as
//! [`Actor`]; a server function takes both and fails when nobody is signed in.

use std::sync::Arc;

use async_trait::async_trait;
use baton_domain::{
    definition::{DefinitionKind, wire::Wire},
    diagnostic::Diagnostic,
    message::Message,
};
use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::model::*;

/// Who asks: the name stands in the history and in the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub name: String,
}

/// The one error that crosses the port. Every variant is made for people: it says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum AppError {
    #[error("sign in first")]
    SignedOut,
    #[error("{0}")]
    NotFound(String),
    /// The request is wrong; each finding says where (JSON pointer).
    #[error("{}", first_message(.0))]
    Invalid(Vec<Diagnostic>),
    /// It cannot be done in the present state: `code` is stable, `message` for people.
    #[error("{message}")]
    Conflict { code: String, message: String },
    /// The idempotency key belongs to another request.
    #[error("{0}")]
    KeyReused(String),
    /// The database is away or its disk is full; nothing was changed.
    #[error("{0}")]
    Unavailable(String),
    #[error("something went wrong on the server; its log says more")]
    Internal,
    /// The call itself did not reach the server.
    #[error("the server cannot be reached: {0}")]
    Transport(String),
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => {
                Self::Invalid(vec![Diagnostic::error("arguments", "", message)])
            }
            other => Self::Transport(other.to_string()),
        }
    }
}

/// What a page tells the HTTP answer that it is rendered into. The server puts one into the context beside the
/// [`Backend`]; in the browser there is none.
#[derive(Clone)]
pub struct Respond {
    /// Sends the browser elsewhere after a form was posted without script (`leptos_axum::redirect`).
    pub redirect: Arc<dyn Fn(&str) + Send + Sync>,
    /// Sets the status of the page, such as 404 (`ResponseOptions::set_status`).
    pub status: Arc<dyn Fn(u16) + Send + Sync>,
}

fn first_message(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => "the request is not valid".to_owned(),
        [one] if one.pointer.is_empty() => one.message.clone(),
        [one] => format!("{}: {}", one.pointer, one.message),
        [first, rest @ ..] => format!("{}: {} (and {} more)", first.pointer, first.message, rest.len()),
    }
}

pub type Answer<T> = Result<T, AppError>;

/// Everything that can be asked of a running Baton. Reads see committed state; writes are one transaction each, and
/// take the [`Actor`] for the audit. A rejected call changes nothing.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    async fn overview(&self) -> Answer<Overview>;
    async fn badges(&self) -> Answer<Badges>;
    async fn about(&self) -> Answer<About>;
    /// The servers that work on this database, oldest first.
    async fn nodes(&self) -> Answer<Vec<NodeView>>;
    /// What is kept for how long, and what went in the last round.
    async fn housekeeping(&self) -> Answer<Housekeeping>;
    async fn audit(&self, subject: Option<String>) -> Answer<Vec<AuditEntry>>;
    /// Gives up the place in the database's log from which the relay reads. A conflict while somebody reads from it.
    async fn drop_log_slot(&self, actor: Actor) -> Answer<()>;
    /// The newest lines of the live flow on this node, newest last.
    async fn flow(&self) -> Answer<Vec<FlowItem>>;

    /// Appends messages to the outbox and wakes the relay. All or nothing.
    async fn append(&self, messages: &[Message]) -> Answer<Accepted>;
    async fn messages(&self, query: MessageQuery) -> Answer<Page<MessageSummary>>;
    async fn message(&self, id: Uuid) -> Answer<MessageDetail>;
    /// All messages with one correlation id, oldest first, 500 at most.
    async fn conversation(&self, correlation_id: String) -> Answer<Conversation>;
    async fn failures(&self) -> Answer<Vec<FailureGroup>>;
    /// Retries or discards every failed delivery that matches.
    async fn repair(
        &self,
        actor: Actor,
        action: RepairAction,
        filter: RepairFilter,
        reason: Option<String>,
    ) -> Answer<RepairReport>;
    /// Retries one message's failed deliveries with another payload; the original is kept.
    async fn edit_and_retry(&self, actor: Actor, id: Uuid, payload: Value) -> Answer<RepairReport>;

    async fn definitions(&self, kind: DefinitionKind) -> Answer<Vec<DefinitionSummary>>;
    /// One definition: version `version`, or the draft when `draft`, or the newest version.
    async fn definition(
        &self,
        kind: DefinitionKind,
        name: String,
        version: Option<u32>,
        draft: bool,
    ) -> Answer<DefinitionDetail>;
    /// What the rules say about a text; stores nothing.
    async fn check(&self, kind: DefinitionKind, source: String) -> Answer<CheckReport>;
    /// The text of what was drawn, and what the rules say about it; stores nothing.
    async fn draw(&self, kind: DefinitionKind, document: Value) -> Answer<Drawn>;
    /// A definition as a file; stores nothing.
    async fn export(&self, request: ExportRequest) -> Answer<Exported>;
    /// What a file (YAML, JSON or BPMN) means as a definition, which is called `name` when given; stores nothing.
    async fn import(&self, text: String, name: Option<String>) -> Answer<Imported>;
    /// What an expression after `=`, or JSON with such in it, yields for a sample (JSON: an object of the roots that
    /// expressions see), as text; stores nothing.
    async fn evaluate(&self, text: String, sample: String) -> Answer<String>;
    /// The types of the messages that were seen so far.
    async fn message_types(&self) -> Answer<Wire>;
    /// Where the nodes of what was drawn stand best; stores nothing.
    async fn tidy(&self, document: Value) -> Answer<Places>;
    /// The draft as it is stored.
    async fn draft(&self, kind: DefinitionKind, name: String) -> Answer<Option<StoredDraft>>;
    /// Stores the draft even when it has errors (work in hand is kept) and says what the rules say about it. A conflict
    /// (`draft-changed`) when another draft is stored than was seen, unless it says just the same.
    async fn save_draft(
        &self,
        actor: Actor,
        kind: DefinitionKind,
        name: String,
        source: String,
        seen: Seen,
    ) -> Answer<SavedDraft>;
    /// Which live instances could migrate to `source` if it were published, with every node called as before; the first
    /// thousand are looked at. Changes nothing. `Invalid` when it has errors.
    async fn migratable(&self, kind: DefinitionKind, name: String, source: String) -> Answer<MigrationSum>;
    /// Removes the draft with that mark.
    async fn discard_draft(&self, actor: Actor, kind: DefinitionKind, name: String, mark: String) -> Answer<()>;
    /// Publishes the draft (or `source` when given) as the next version; refuses one with errors. A conflict
    /// (`version-changed`) when another version is the newest than was seen. A draft that was not seen stays.
    async fn publish(
        &self,
        actor: Actor,
        kind: DefinitionKind,
        name: String,
        source: Option<String>,
        note: Option<String>,
        seen: Seen,
    ) -> Answer<Published>;
    /// Runs the scenarios of a text; stores nothing.
    async fn run_scenarios(&self, source: String) -> Answer<ScenarioReport>;
    /// Makes a scenario of what an ended instance went through, and puts it into the draft of its definition.
    async fn make_scenario(&self, actor: Actor, instance: Uuid, name: Option<String>) -> Answer<ScenarioMade>;

    async fn start(&self, actor: Actor, request: StartRequest) -> Answer<Started>;
    async fn instances(&self, query: InstanceQuery) -> Answer<Page<InstanceSummary>>;
    async fn instance(&self, id: Uuid) -> Answer<InstanceDetail>;
    /// As it was just after event `at` of its history, counted from 1.
    async fn instance_at(&self, id: Uuid, at: u64) -> Answer<InstanceDetail>;
    async fn history(&self, id: Uuid, after: u32) -> Answer<Vec<HistoryItem>>;
    async fn operate(&self, actor: Actor, id: Uuid, request: OperateRequest) -> Answer<InstanceSummary>;
    /// Has a new instance take over from an earlier point of this one's history.
    async fn restart(&self, actor: Actor, id: Uuid, request: RestartRequest) -> Answer<Started>;
    /// Migrates one page of the instances that match, each in a transaction of its own (many in one commit), or says
    /// which can. Repeating it does nothing to those that run the version already.
    async fn migrate(&self, actor: Actor, request: MigrationRequest) -> Answer<MigrationReport>;

    /// Begins an operation on all instances that pass the filter; it goes on by itself.
    async fn start_batch(&self, actor: Actor, request: BatchRequest) -> Answer<BatchView>;
    /// The newest first.
    async fn batches(&self) -> Answer<Vec<BatchView>>;
    async fn batch(&self, id: Uuid) -> Answer<BatchView>;
    async fn control_batch(&self, actor: Actor, id: Uuid, control: BatchControl) -> Answer<BatchView>;

    async fn tasks(&self, actor: Actor, query: TaskQuery) -> Answer<Page<TaskSummary>>;
    async fn task(&self, id: Uuid) -> Answer<TaskDetail>;
    async fn claim_task(&self, actor: Actor, id: Uuid) -> Answer<TaskSummary>;
    async fn complete_task(&self, actor: Actor, id: Uuid, outcome: String, data: Value) -> Answer<TaskSummary>;

    async fn destinations(&self) -> Answer<Vec<Destination>>;
    async fn put_destination(&self, actor: Actor, name: String, settings: DestinationSettings) -> Answer<Destination>;
    async fn delete_destination(&self, actor: Actor, name: String) -> Answer<()>;
    /// Pausing what is paused changes nothing.
    async fn pause_destination(
        &self,
        actor: Actor,
        name: String,
        paused: bool,
        reason: Option<String>,
    ) -> Answer<Destination>;
    /// Signs with another key; the one before signs along for a while.
    async fn rotate_key(&self, actor: Actor, name: String, rotation: KeyRotation) -> Answer<Destination>;
    /// Ends signing with keys from before. A conflict (`no-old-keys`) when there are none.
    async fn drop_old_keys(&self, actor: Actor, name: String, reason: Option<String>) -> Answer<Destination>;
    /// The bus, and how it is.
    async fn bus(&self) -> Answer<BusView>;
    async fn test_destination(&self, actor: Actor, name: String) -> Answer<TestReport>;
    async fn sources(&self) -> Answer<Vec<Source>>;
    /// Stores a source that can be read as its settings say; `Invalid` when it cannot.
    async fn put_source(&self, actor: Actor, name: String, settings: SourceSettings) -> Answer<Source>;
    /// Removes a source; what was taken in stays.
    async fn delete_source(&self, actor: Actor, name: String, reason: Option<String>) -> Answer<SourceRemoved>;
    /// Pausing what is paused changes nothing.
    async fn pause_source(&self, actor: Actor, name: String, paused: bool, reason: Option<String>) -> Answer<Source>;
    /// What a source with these settings finds, and what it would take in first; writes nothing anywhere.
    async fn preview_source(&self, name: Option<String>, settings: SourceSettings) -> Answer<SourcePreview>;
    /// The tables of a database (`env:NAME` or `file:PATH`; absent: Baton's own) that could be sources.
    async fn source_tables(&self, database: Option<String>) -> Answer<Vec<SourceTable>>;
    async fn routes(&self) -> Answer<Vec<Route>>;
    async fn put_route(&self, actor: Actor, name: String, settings: RouteSettings) -> Answer<Route>;
    async fn delete_route(&self, actor: Actor, name: String) -> Answer<()>;
}
