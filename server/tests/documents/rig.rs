//! A server with a collection, a database of Baton's, and one intake between them that goes step by step.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use baton_app::model::SourceSettings;
use baton_domain::source::{DocumentMode, DocumentSource};
use baton_server::{
    changes::Changes,
    clock::Clock,
    nudge::Nudge,
    relay::Leases,
    source::{
        Batch, Reader, Source, SourceError, Surroundings, build,
        intake::{Intake, Parts, Stop},
        to_value,
    },
    store::{
        OpenOptions, Store, open,
        rows::{AuditRow, MessageFilter, MessageRow, SourceRow, SourceStanding},
    },
};
use baton_testkit::MongoDb;
use chrono::Utc;
use mongodb::{
    Client, Collection,
    bson::{Bson, Document, doc},
};
use uuid::Uuid;

pub const DEADLINE: Duration = Duration::from_secs(60);
pub const NAME: &str = "shop";
/// How long a reader that has nothing is waited for.
const QUIET: Duration = Duration::from_millis(400);

pub struct Rig {
    pub server: MongoDb,
    pub store: Arc<dyn Store>,
    pub settings: DocumentSource,
    folder: tempfile::TempDir,
    parts: Parts,
    intake: Intake,
}

impl Rig {
    /// Events are pulled out; the server is asked often and tells nothing, unless `change` says otherwise.
    pub async fn start(change: impl FnOnce(&mut DocumentSource)) -> Self {
        Self::on(MongoDb::start(&[]).unwrap(), change).await
    }

    pub async fn on(server: MongoDb, change: impl FnOnce(&mut DocumentSource)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("baton.db").display());
        let store = open(&url, OpenOptions::default()).await.unwrap();
        let address = folder.path().join("address");
        std::fs::write(&address, server.url()).unwrap();
        let mut settings = DocumentSource::example(&format!("file:{}", address.display()), "shop", "orders");
        (settings.push, settings.poll_ms) = (false, 20);
        change(&mut settings);
        let leases =
            Leases::new(store.clone(), Uuid::now_v7(), "test".into(), Duration::from_secs(600), Clock::default());
        leases.run_once().await.unwrap();
        let parts = Parts {
            store: store.clone(),
            leases: Arc::new(leases),
            relay: Nudge::default(),
            changes: Arc::new(Changes::default()),
            clock: Clock::default(),
            surroundings: Surroundings { own_url: url, allow_private: true },
        };
        let row = SourceRow {
            name: NAME.into(),
            settings: to_value(&SourceSettings::Documents(settings.clone())),
            paused: false,
            updated_at: Utc::now(),
            mark: "1".into(),
            standing: SourceStanding::default(),
        };
        store.put_source(&row, true, audit()).await.unwrap();
        let intake = Intake::new(parts.clone(), row);
        Self { server, store, settings, folder, parts, intake }
    }

    /// Another address from now on.
    pub fn lead_to(&self, address: &str) {
        std::fs::write(self.folder.path().join("address"), address).unwrap();
    }

    /// The source as the settings describe it.
    pub async fn source(&self) -> Result<Box<dyn Source>, SourceError> {
        build(NAME, &SourceSettings::Documents(self.settings.clone()), &self.parts.surroundings).await
    }

    /// A reader that goes on where the last one stopped, as after a restart.
    pub async fn reader(&self) -> Result<Box<dyn Reader>, SourceError> {
        self.source().await?.open(self.position().await).await
    }

    /// What was written down last.
    pub async fn position(&self) -> Option<serde_json::Value> {
        let rows = self.store.list_sources().await.unwrap();
        rows.into_iter().find(|row| row.name == NAME).unwrap().standing.position
    }

    /// Takes one batch in, from reading to writing down.
    pub async fn take(&mut self, reader: &mut dyn Reader) -> Result<usize, Stop> {
        let batch = reader.next(self.settings.batch as usize).await?;
        let count = batch.found.len();
        self.hand_in(reader, batch).await?;
        Ok(count)
    }

    pub async fn hand_in(&mut self, reader: &mut dyn Reader, batch: Batch) -> Result<(), Stop> {
        self.intake.take(reader, batch, self.settings.batch as usize).await
    }

    /// Takes in until nothing comes for a while.
    pub async fn take_all(&mut self, reader: &mut dyn Reader) {
        while let Ok(taken) = tokio::time::timeout(QUIET, self.take(reader)).await {
            taken.unwrap();
        }
    }

    /// Takes in until `count` messages are in the outbox.
    pub async fn take_until(&mut self, reader: &mut dyn Reader, count: usize) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let there = self.messages().await.len();
            if there >= count {
                return;
            }
            assert!(Instant::now() < deadline, "{there} of {count} messages were taken in");
            if let Ok(taken) = tokio::time::timeout(QUIET, self.take(reader)).await {
                taken.unwrap();
            }
        }
    }

    /// A connection of another program.
    pub async fn application(&self) -> Collection<Document> {
        collection(&self.server.url()).await
    }

    /// The outbox in the order of taking in.
    pub async fn messages(&self) -> Vec<MessageRow> {
        outbox(&self.store).await
    }

    /// What was taken in, per document: the `n` of the payloads in their order.
    pub async fn numbers(&self) -> BTreeMap<String, Vec<i64>> {
        let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in self.messages().await.into_iter().filter(|row| row.message.payload["n"].is_i64()) {
            let n = row.message.payload["n"].as_i64().unwrap();
            numbers.entry(row.message.key.aggregate_id).or_default().push(n);
        }
        numbers
    }

    /// What could not be read: the reasons.
    pub async fn refusals(&self) -> Vec<String> {
        let rows = self.messages().await.into_iter();
        let odd = rows.filter(|row| row.message.message_type == "baton.Unreadable");
        odd.map(|row| row.message.payload["error"].as_str().unwrap().to_owned()).collect()
    }
}

pub async fn collection(url: &str) -> Collection<Document> {
    Client::with_uri_str(url).await.unwrap().database("shop").collection("orders")
}

pub async fn outbox(store: &Arc<dyn Store>) -> Vec<MessageRow> {
    let mut filter = MessageFilter { limit: 200, ..MessageFilter::default() };
    let mut rows = Vec::new();
    loop {
        let page = store.list_messages(&filter).await.unwrap();
        rows.extend(page.items);
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    rows.sort_by_key(|row| row.seq);
    rows
}

fn audit() -> AuditRow {
    AuditRow {
        at: Utc::now(),
        actor: "test".into(),
        action: "put-source".into(),
        subject: format!("source/{NAME}"),
        reason: None,
        detail: serde_json::Value::Null,
    }
}

/// Event `n` of a document.
pub fn event(n: i64) -> Document {
    doc! { "id": n, "type": "OrderPlaced", "payload": { "n": n } }
}

/// A document with the events `from..to`.
pub fn order(id: impl Into<Bson>, numbers: std::ops::Range<i64>) -> Document {
    doc! { "_id": id.into(), "state": "placed", "outbox": numbers.map(event).collect::<Vec<_>>() }
}

/// What an order's list holds now.
pub async fn left(orders: &Collection<Document>, id: impl Into<Bson>) -> Vec<Bson> {
    let found = orders.find_one(doc! { "_id": id.into() }).await.unwrap().unwrap();
    found.get_array("outbox").unwrap().clone()
}

pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Marks instead of pulling.
pub fn marks(settings: &mut DocumentSource) {
    settings.mode = DocumentMode::Mark;
}

/// Is told of changes, and asks only after twenty minutes.
pub fn told(settings: &mut DocumentSource) {
    (settings.push, settings.poll_ms) = (true, 60_000);
}

/// A reader whose end comes in [`Reader::settle`], before or after it has done its work.
pub struct Dying {
    pub reader: Box<dyn Reader>,
    pub after_work: bool,
}

#[async_trait]
impl Reader for Dying {
    async fn next(&mut self, limit: usize) -> Result<Batch, SourceError> {
        self.reader.next(limit).await
    }

    async fn settle(&mut self) -> Result<(), SourceError> {
        if self.after_work {
            self.reader.settle().await?;
        }
        Err(SourceError::Unreachable("the process ended".into()))
    }
}
