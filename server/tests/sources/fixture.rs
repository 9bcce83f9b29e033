//! A store that takes in from a table of another system.

use std::{sync::Arc, time::Duration};

use baton_app::model::SourceSettings;
use baton_domain::message::Message;
use baton_server::{
    changes::Changes,
    clock::Clock,
    nudge::Nudge,
    relay::Leases,
    source::{
        Source, SourceError, Sources, Surroundings, build,
        intake::{Parts, consumer},
        to_value,
    },
    store::{
        OpenOptions, Store, open,
        rows::{AuditRow, MessageFilter, SourceRow, SourceStanding},
    },
};
use chrono::Utc;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgPool, Row, postgres::PgPoolOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Everything that a test waits for happens within this, or the test fails.
const DEADLINE: Duration = Duration::from_secs(40);

pub struct World {
    pub store: Arc<dyn Store>,
    pub parts: Parts,
    /// The other system's database.
    pub foreign: PgPool,
    /// What settings name it by.
    pub database: String,
    shutdown: CancellationToken,
    running: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

impl World {
    /// Baton on SQLite, the other system on PostgreSQL.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("sqlite://{}", folder.path().join("baton.db").display());
        Self::with_own(folder, own).await
    }

    /// Baton on PostgreSQL too.
    pub async fn on_postgres() -> Self {
        Self::with_own(tempfile::tempdir().unwrap(), baton_testkit::postgres::fresh_database().unwrap()).await
    }

    /// The other system on a server where nobody else commits anything.
    pub async fn beside(postgres: &baton_testkit::postgres::Postgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("sqlite://{}", folder.path().join("baton.db").display());
        Self::with(folder, own, postgres.fresh_database().unwrap()).await
    }

    async fn with_own(folder: tempfile::TempDir, own_url: String) -> Self {
        Self::with(folder, own_url, baton_testkit::postgres::fresh_database().unwrap()).await
    }

    async fn with(folder: tempfile::TempDir, own_url: String, url: String) -> Self {
        let foreign = PgPoolOptions::new().max_connections(4).connect(&url).await.unwrap();
        let store = open(&own_url, OpenOptions::default()).await.unwrap();
        let leases =
            Leases::new(store.clone(), Uuid::now_v7(), "test".into(), Duration::from_secs(30), Clock::default());
        leases.run_once().await.unwrap();
        let parts = Parts {
            store: store.clone(),
            leases: Arc::new(leases),
            relay: Nudge::default(),
            changes: Arc::new(Changes::default()),
            clock: Clock::default(),
            surroundings: Surroundings { own_url, allow_private: true },
        };
        let address = folder.path().join("address");
        std::fs::write(&address, &url).unwrap();
        let database = format!("file:{}", address.display());
        Self { store, parts, foreign, database, shutdown: CancellationToken::new(), running: None, folder }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Runs SQL as the other system.
    pub async fn sql(&self, sql: &str) {
        self.foreign.execute(AssertSqlSafe(sql.to_owned())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The first column of the first row, as text.
    pub async fn ask(&self, sql: &str) -> String {
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&self.foreign).await.unwrap();
        row.get::<Option<String>, _>(0).unwrap_or_default()
    }

    /// Settings of a table there, from a preset or the plain ones.
    pub fn settings(&self, base: Value, changes: &Value) -> SourceSettings {
        let mut settings = base;
        settings["kind"] = "table".into();
        settings["database"] = self.database.clone().into();
        settings["poll_ms"] = 20.into();
        merge(&mut settings, changes);
        serde_json::from_value(settings).unwrap()
    }

    /// The source, not stored and not running.
    pub async fn source(&self, settings: &SourceSettings) -> Result<Box<dyn Source>, SourceError> {
        build("shop", settings, &self.parts.surroundings).await
    }

    /// Stores the source `shop`.
    pub async fn put(&self, settings: &SourceSettings) {
        self.put_row(settings, false).await;
    }

    pub async fn put_row(&self, settings: &SourceSettings, paused: bool) {
        let row = SourceRow {
            name: "shop".into(),
            settings: to_value(settings),
            paused,
            updated_at: Utc::now(),
            mark: Uuid::now_v7().to_string(),
            standing: SourceStanding::default(),
        };
        self.store.put_source(&row, false, audit()).await.unwrap();
    }

    /// Has sources taken in from now on.
    pub fn run(&mut self) {
        self.shutdown = CancellationToken::new();
        let sources = Sources { parts: self.parts.clone(), nudge: Nudge::default() };
        self.running = Some(tokio::spawn(sources.run(self.shutdown.clone())));
    }

    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    /// Ends everything where it stands, as a crash would.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
        self.shutdown.cancel();
    }

    /// What was taken in, in order.
    pub async fn messages(&self) -> Vec<Message> {
        let filter = MessageFilter { limit: 200, ..MessageFilter::default() };
        let mut rows = self.store.list_messages(&filter).await.unwrap().items;
        rows.sort_by_key(|row| row.seq);
        rows.into_iter().map(|row| row.message).collect()
    }

    /// Waits until that many are there, and a moment longer for one too many.
    pub async fn taken(&self, count: usize) -> Vec<Message> {
        eventually(&format!("{count} messages"), async || self.messages().await.len() >= count).await;
        tokio::time::sleep(Duration::from_millis(120)).await;
        let messages = self.messages().await;
        assert_eq!(messages.len(), count, "{:?}", texts(&messages));
        messages
    }

    pub async fn standing(&self) -> SourceStanding {
        self.store.list_sources().await.unwrap().remove(0).standing
    }

    /// Reads one batch and takes it in, and does nothing more about it.
    pub async fn take_without_settling(&self, settings: &SourceSettings) -> usize {
        let source = self.source(settings).await.unwrap();
        let mut reader = source.open(None).await.unwrap();
        let batch = reader.next(100).await.unwrap();
        let messages: Vec<Message> = batch.found.into_iter().map(|found| found.message.unwrap()).collect();
        self.store.take_in(&consumer("shop"), &messages).await.unwrap().len()
    }
}

pub fn audit() -> AuditRow {
    AuditRow {
        at: Utc::now(),
        actor: "test".into(),
        action: "put-source".into(),
        subject: "source/shop".into(),
        reason: None,
        detail: Value::Null,
    }
}

pub async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + DEADLINE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < end, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

pub fn merge(into: &mut Value, changes: &Value) {
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => _ = into.as_object_mut().unwrap().remove(name),
            Value::Object(_) if into[name].is_object() => merge(&mut into[name], change),
            other => into[name] = other.clone(),
        }
    }
}

/// `type aggregate_id` of each.
pub fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| format!("{} {}", message.message_type, message.key.aggregate_id)).collect()
}

/// An ordinary outbox with a column for every way to mark.
pub const OUTBOX: &str = "CREATE TABLE outbox (
    id bigserial PRIMARY KEY, event uuid NOT NULL DEFAULT gen_random_uuid(), type text NOT NULL, aggregate text NOT NULL
    DEFAULT 'order', aggregate_id text NOT NULL, payload jsonb, headers jsonb, at timestamptz NOT NULL DEFAULT now(),
    sent boolean NOT NULL DEFAULT false, sent_at timestamptz, published smallint DEFAULT 0, state text NOT NULL DEFAULT 'NEW')";

/// Its settings, without what happens to rows.
pub fn outbox() -> Value {
    json!({
        "table": "outbox",
        "mode": "read_only",
        "mapping": {
            "key": "id", "order": "id", "id": "event", "type": "type", "aggregate_type": "aggregate",
            "aggregate_id": "aggregate_id", "payload": "payload", "headers": "headers", "created_at": "at",
        },
    })
}

pub fn insert(message_type: &str, aggregate_id: &str) -> String {
    format!(
        "INSERT INTO outbox (type, aggregate_id, payload) VALUES ('{message_type}', '{aggregate_id}', '{{\"n\": 1}}')"
    )
}
