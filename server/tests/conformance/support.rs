//! A fresh store for each test, and builders of what goes into it.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId},
    message::{Key, Message, MessageKind},
    process::Status,
};
use baton_server::store::{
    self, Decide, OpenOptions, Store, StoreError,
    rows::{
        AuditRow, Changes, Claim, DeliveryState, DueDelivery, Failure, Fence, InstanceChange, InstanceRow, Instant,
        Loaded, NewDelivery, Settlement, TaskRow, TaskState,
    },
};
use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// Makes a test for each store of every case named.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case($crate::support::Fixture::postgres().await).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case($crate::support::Fixture::sqlite().await).await;
            })*
        }
    };
}

/// On PostgreSQL: as if everything in the outbox had gone out.
pub const PUBLISH_ALL: &str = "WITH gone AS (DELETE FROM baton.outbox_pending RETURNING seq)
    INSERT INTO baton.outbox_published (seq, published_at) SELECT seq, now() FROM gone";

pub struct Fixture {
    pub store: Arc<dyn Store>,
    database: Database,
}

/// The database below, as another program sees it.
pub struct Database {
    pub url: String,
    /// Removes the file in the end.
    _folder: Option<TempDir>,
}

impl Deref for Fixture {
    type Target = Database;
    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Database {
    pub fn of(url: String) -> Self {
        Self { url, _folder: None }
    }

    pub async fn open(self) -> Fixture {
        let store = store::open(&self.url, OpenOptions::default()).await.expect("it opens");
        Fixture { store, database: self }
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// A connection of another program.
    pub async fn foreign(&self) -> Foreign {
        if self.is_postgres() {
            Foreign::Postgres(PgConnection::connect(&self.url).await.expect("connect"))
        } else {
            Foreign::Sqlite(SqliteConnection::connect(&self.url).await.expect("connect"))
        }
    }

    /// Runs SQL as another program would. `{baton}` stands for the prefix of our tables.
    pub async fn sql(&self, text: &str) -> Result<u64, sqlx::Error> {
        self.foreign().await.run(text).await
    }

    /// One number, read by another program.
    pub async fn number(&self, text: &str) -> i64 {
        self.foreign().await.number(text).await
    }
}

impl Fixture {
    pub async fn postgres() -> Self {
        let url = baton_testkit::postgres::fresh_database().expect("PostgreSQL for tests");
        Database { url, _folder: None }.open().await
    }

    pub async fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("baton.db").display());
        Database { url, _folder: Some(folder) }.open().await
    }

    /// Closes the store; what is in the database stays.
    pub fn close(self) -> Database {
        self.database
    }

    /// The fence of a node that has every lane.
    pub async fn fence(&self) -> Fence {
        let fence = self.store.renew_leases(Uuid::now_v7(), "test", 60_000, false).await.expect("leases");
        assert!(fence.is_whole());
        fence
    }

    pub async fn append(&self, messages: &[Message]) {
        let appended = self.store.append(messages, None).await.expect("append");
        assert_eq!(appended.accepted.len(), messages.len(), "{:?} were there already", appended.duplicates);
    }

    /// `seq` and id of what may go now.
    pub async fn unpublished(&self, fence: &Fence) -> Vec<(i64, MessageId)> {
        let found = self.store.read_unpublished(fence, now(), 1_000, &[]).await.expect("read");
        found.into_iter().map(|outbound| (outbound.seq, outbound.message.id)).collect()
    }

    /// Appends messages and settles each with one delivery, `queued` for `destination`; returns the delivery ids in
    /// order.
    pub async fn queue(&self, fence: &Fence, destination: &str, messages: &[Message]) -> Vec<i64> {
        self.append(messages).await;
        let rows = self.store.read_unpublished(fence, now(), 1_000, &[]).await.expect("read");
        let deliveries = rows.iter().map(|row| delivery(row.seq, &row.message, destination)).collect();
        let published = rows.iter().map(|row| row.seq).collect();
        let settlement = Settlement { published, deliveries, delete: false, now: Some(now()) };
        self.store.settle(fence, settlement).await.expect("settle");
        let mut ids = Vec::new();
        for message in messages {
            let (_, deliveries) = self.store.read_message(message.id).await.expect("read").expect("there");
            ids.push(deliveries.iter().find(|delivery| delivery.destination == destination).expect("queued").id);
        }
        ids
    }

    pub async fn due(&self, fence: &Fence, destination: &str) -> Vec<DueDelivery> {
        self.store.read_due_deliveries(fence, destination, now(), 100, &[]).await.expect("read")
    }

    /// State of the delivery with this id.
    pub async fn state(&self, id: i64) -> String {
        let mut foreign = self.foreign().await;
        foreign.text(&format!("SELECT state FROM {{baton}}delivery WHERE id = {id}")).await
    }

    pub async fn states(&self, ids: &[i64]) -> Vec<String> {
        let mut states = Vec::new();
        for id in ids {
            states.push(self.state(*id).await);
        }
        states
    }

    /// A step that claims `claim` and makes `changes` of what was loaded.
    pub async fn step(
        &self,
        claim: Claim,
        changes: impl FnOnce(Loaded) -> Changes + Send + 'static,
    ) -> Result<(), StoreError> {
        let decide: Decide = Box::new(|loaded| changes(loaded).into());
        self.store.transact(claim, decide).await
    }

    /// What a claim loads; nothing is written but the inbox.
    pub async fn load(&self, claim: Claim) -> Loaded {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.step(claim, move |loaded| {
            sender.send(loaded).expect("the test waits");
            Changes::default()
        })
        .await
        .expect("load");
        receiver.recv().expect("the decision ran")
    }
}

/// A program that is not Baton.
pub enum Foreign {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Foreign {
    fn text_of(&self, text: &str) -> AssertSqlSafe<String> {
        let prefix = if matches!(self, Self::Postgres(_)) { "baton." } else { "" };
        AssertSqlSafe(text.replace("{baton}", prefix))
    }

    pub async fn run(&mut self, text: &str) -> Result<u64, sqlx::Error> {
        let text = self.text_of(text);
        match self {
            Self::Postgres(connection) => Ok(sqlx::query(text).execute(connection).await?.rows_affected()),
            Self::Sqlite(connection) => Ok(sqlx::query(text).execute(connection).await?.rows_affected()),
        }
    }

    pub async fn number(&mut self, text: &str) -> i64 {
        let text = self.text_of(text);
        match self {
            Self::Postgres(connection) => sqlx::query_scalar(text).fetch_one(connection).await.expect("a number"),
            Self::Sqlite(connection) => sqlx::query_scalar(text).fetch_one(connection).await.expect("a number"),
        }
    }

    pub async fn text(&mut self, text: &str) -> String {
        self.texts(text).await.remove(0)
    }

    pub async fn texts(&mut self, text: &str) -> Vec<String> {
        let text = self.text_of(text);
        match self {
            Self::Postgres(connection) => sqlx::query_scalar(text).fetch_all(connection).await.expect("text"),
            Self::Sqlite(connection) => sqlx::query_scalar(text).fetch_all(connection).await.expect("text"),
        }
    }
}

/// Now, in the precision that every store keeps.
pub fn now() -> Instant {
    Utc::now().trunc_subsecs(3)
}

pub fn in_seconds(seconds: i64) -> Instant {
    now() + Duration::seconds(seconds)
}

pub fn at(text: &str) -> Instant {
    text.parse::<DateTime<Utc>>().expect("an instant")
}

/// An event of the order `order`.
pub fn event(order: &str) -> Message {
    Message {
        id: MessageId(Uuid::now_v7()),
        kind: MessageKind::Event,
        message_type: "OrderPlaced".to_owned(),
        source: "shop".to_owned(),
        key: key(order),
        aggregate_version: None,
        payload: json!({"order": order}),
        headers: BTreeMap::new(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: now(),
    }
}

pub fn key(order: &str) -> Key {
    Key { aggregate_type: "order".to_owned(), aggregate_id: order.to_owned() }
}

pub fn failure(class: &str) -> Failure {
    Failure { class: class.to_owned(), error: format!("{class} happened") }
}

/// A queued delivery of a message.
pub fn delivery(seq: i64, message: &Message, destination: &str) -> NewDelivery {
    NewDelivery {
        seq,
        message_id: message.id,
        key: message.key.clone(),
        destination: destination.to_owned(),
        state: DeliveryState::Queued,
        attempts: 0,
        next_attempt_at: None,
        failure: None,
    }
}

pub fn audit(action: &str, subject: &str) -> AuditRow {
    AuditRow {
        at: now(),
        actor: "ann".to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        reason: Some("because".to_owned()),
        detail: json!({"by": "a test"}),
    }
}

pub fn new_instance() -> InstanceId {
    InstanceId::from_uuid(Uuid::now_v7())
}

/// A running instance with two events in its history.
pub fn instance(id: InstanceId) -> InstanceRow {
    InstanceRow {
        id,
        kind: DefinitionKind::Process,
        definition: "trip-booking".to_owned(),
        version: 1,
        status: Status::Running,
        business_key: None,
        sequence: 2,
        snapshot: json!({"vars": {"z": 1, "a": [1.50, "ü"]}}),
        incident: None,
        started_by: "ann".to_owned(),
        created_at: now(),
        updated_at: now(),
        ended_at: None,
        parent: None,
    }
}

pub fn creation(row: InstanceRow) -> InstanceChange {
    let history = (1..=row.sequence).map(|number| json!({"event": number})).collect();
    InstanceChange { row, expected_sequence: None, idempotency_key: None, history }
}

/// The instance one event later.
pub fn step_of(before: &InstanceRow, event: Value) -> InstanceChange {
    let mut row = before.clone();
    row.sequence += 1;
    row.updated_at = now();
    InstanceChange { row, expected_sequence: Some(before.sequence), idempotency_key: None, history: vec![event] }
}

pub fn task(instance: InstanceId, number: u32) -> TaskRow {
    TaskRow {
        id: TaskId(instance.child(number)),
        instance,
        definition: "trip-booking".to_owned(),
        node: "approve".to_owned(),
        title: "Approve <b>the trip</b>".to_owned(),
        state: TaskState::Open,
        assignee: Some("ann".to_owned()),
        candidate_group: None,
        claimed_by: None,
        outcomes: json!([["approve", null], ["reject", {"type": "object"}]]),
        outcome: None,
        data: None,
        completed_by: None,
        due_at: None,
        created_at: now(),
        ended_at: None,
    }
}
