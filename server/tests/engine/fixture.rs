//! A node on a fresh database, and a participant that remembers commands and answers when told to.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use baton_app::{
    model::*,
    port::{Actor, Answer, Backend},
};
use baton_domain::{
    definition,
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use baton_server::{
    bus::Subscriber,
    cleaner,
    engine::Item,
    node::{Node, Options},
    relay,
    service::Service,
    store::{OpenOptions, Store, rows::Failure},
};
use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

const WITHIN: Duration = Duration::from_secs(20);

pub struct World {
    pub node: Node,
    pub participant: Arc<Participant>,
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("baton.db").display());
        Self::start(url, folder).await
    }

    pub async fn on_postgres() -> Self {
        let url = baton_testkit::postgres::fresh_database().unwrap();
        Self::start(url, tempfile::tempdir().unwrap()).await
    }

    async fn start(database_url: String, folder: tempfile::TempDir) -> Self {
        let participant = Arc::new(Participant::default());
        let options = Options {
            database_url,
            store: OpenOptions::default(),
            relay: relay::Config::default(),
            cleaner: cleaner::Config::default(),
            allow_private: true,
            lease_ttl: Duration::from_secs(15),
            node_name: "test".into(),
            about: About {
                version: String::new(),
                store: String::new(),
                bus: String::new(),
                bus_condition: None,
                log: None,
                node: String::new(),
                settings: Vec::new(),
            },
            bus: baton_server::bus::Config::memory(),
            subscribers: vec![participant.clone()],
        };
        let node = Node::start(options).await.unwrap();
        Self { node, participant, _folder: folder }
    }

    pub fn service(&self) -> &Service {
        &self.node.service
    }

    pub fn store(&self) -> &dyn Store {
        self.node.store.as_ref()
    }

    pub async fn publish(&self, source: &str) -> u32 {
        self.try_publish(source).await.unwrap()
    }

    pub async fn try_publish(&self, source: &str) -> Answer<u32> {
        let parsed = definition::parse(source).unwrap();
        let (kind, name) = (parsed.definition.kind(), parsed.definition.name().to_owned());
        let published =
            self.service().publish(actor(), kind, name, Some(source.to_owned()), None, Seen::default()).await?;
        Ok(published.version)
    }

    pub async fn publish_shipped(&self, name: &str) {
        let (_, source) = definition::shipped().into_iter().find(|(shipped, _)| *shipped == name).unwrap();
        self.publish(source).await;
    }

    pub async fn start_with(&self, definition: &str, input: Value, key: Option<&str>) -> Answer<Started> {
        let request = StartRequest {
            definition: definition.to_owned(),
            version: None,
            input,
            business_key: None,
            idempotency_key: key.map(str::to_owned),
        };
        self.service().start(actor(), request).await
    }

    pub async fn trip(&self) -> Uuid {
        self.publish_shipped("trip-booking").await;
        let input = json!({"employee": "mina", "manager": "sora", "from": "ICN", "to": "CDG",
            "depart": "2026-12-01", "return": "2026-12-08", "hotels": ["Lumen", "Parkside"]});
        self.start_with("trip-booking", input, None).await.unwrap().id
    }

    /// The command of this type that the instance sent, once it has arrived.
    pub async fn command(&self, message_type: &str) -> Message {
        eventually(&format!("the command {message_type}"), async || {
            self.participant.received().into_iter().find(|message| message.message_type == message_type)
        })
        .await
    }

    /// Answers a command with an event, as the participant would.
    pub async fn answer(&self, command: &Message, event_type: &str, payload: Value) -> Uuid {
        let event = Message {
            id: MessageId(Uuid::now_v7()),
            kind: MessageKind::Event,
            message_type: event_type.to_owned(),
            source: "participant".to_owned(),
            key: command.key.clone(),
            aggregate_version: None,
            payload,
            headers: Default::default(),
            correlation_id: None,
            causation_id: Some(command.id.to_string()),
            deliver_after: None,
            destination: None,
            created_at: Utc::now(),
        };
        self.append(std::slice::from_ref(&event)).await;
        event.id.0
    }

    /// Hands something to the engine, as the server's own services do.
    pub async fn submit(&self, item: Item) {
        self.service().engine.submit_one(item).await.unwrap();
    }

    pub async fn append(&self, messages: &[Message]) {
        self.service().append(messages).await.unwrap();
    }

    pub async fn until_state(&self, instance: Uuid, state: &str) -> InstanceDetail {
        eventually(&format!("the state {state}"), async || {
            let detail = self.service().instance(instance).await.unwrap();
            (detail.summary.state == state).then_some(detail)
        })
        .await
    }

    /// The open task of the instance at this node, once it is there.
    pub async fn task(&self, instance: Uuid, node: &str) -> TaskSummary {
        eventually(&format!("a task at {node}"), async || {
            let query = TaskQuery { instance: Some(instance), ..TaskQuery::default() };
            let page = self.service().tasks(actor(), query).await.unwrap();
            page.items.into_iter().find(|task| task.node == node)
        })
        .await
    }

    pub async fn complete(&self, task: &TaskSummary, outcome: &str, data: Value) -> Answer<TaskSummary> {
        self.service().complete_task(actor(), task.id, outcome.to_owned(), data).await
    }

    pub async fn operate(&self, instance: Uuid, operate: Operate) -> Answer<InstanceSummary> {
        let request = OperateRequest { operate, reason: "because of a test".to_owned(), expected: None };
        self.service().operate(actor(), instance, request).await
    }

    /// How often each event stands in the instance's history.
    pub async fn count_events(&self, instance: Uuid, event: &str) -> usize {
        let history = self.service().history(instance, 0).await.unwrap();
        history.iter().filter(|item| item.event == event).count()
    }

    /// Waits until the outbox is empty, so that whatever was going to happen has happened.
    pub async fn until_quiet(&self) {
        eventually("an empty outbox", async || {
            let counts = self.node.store.counts(Utc::now()).await.unwrap();
            (counts.pending == 0).then_some(())
        })
        .await;
    }

    pub async fn check_no_orphans(&self) {
        assert_eq!(self.node.store.counts(Utc::now()).await.unwrap().orphans, 0);
    }

    pub async fn stop(self) {
        self.check_no_orphans().await;
        self.node.stop().await;
    }
}

pub fn actor() -> Actor {
    Actor { name: "tester".to_owned() }
}

pub fn event(message_type: &str, aggregate_type: &str, aggregate_id: &str, payload: Value) -> Message {
    Message {
        id: MessageId(Uuid::now_v7()),
        kind: MessageKind::Event,
        message_type: message_type.to_owned(),
        source: "test".to_owned(),
        key: Key { aggregate_type: aggregate_type.to_owned(), aggregate_id: aggregate_id.to_owned() },
        aggregate_version: None,
        payload,
        headers: Default::default(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: Utc::now(),
    }
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// Takes every command and keeps it.
#[derive(Default)]
pub struct Participant {
    received: Mutex<Vec<Message>>,
}

impl Participant {
    pub fn received(&self) -> Vec<Message> {
        self.received.lock().unwrap().clone()
    }

    pub fn count(&self, message_type: &str) -> usize {
        self.received().iter().filter(|message| message.message_type == message_type).count()
    }
}

#[async_trait]
impl Subscriber for Participant {
    fn name(&self) -> &str {
        "participant"
    }

    fn wants(&self, message: &Message) -> bool {
        message.kind == MessageKind::Command
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let mut received = self.received.lock().unwrap();
        for message in &messages {
            // At least once: a repeated delivery of the same command is no second command.
            if !received.iter().any(|known| known.id == message.id) {
                received.push(Message::clone(message));
            }
        }
        vec![Ok(()); messages.len()]
    }
}
