//! RabbitMQ as a rig, and what only RabbitMQ has: queues, returned messages, exchanges. Its server takes long to start, so
//! cases share one.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use baton_server::bus::{BEHIND_FAILURE, UNAVAILABLE, UNROUTABLE};
use baton_testkit::RabbitMq;
use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::rig::{INBOUND, Rig, Stored, broker, check, check_repeating, class, event, events, until};

/// The queue that takes everything that Baton publishes.
const ALL: &str = "all";

pub type Shared = Arc<Mutex<RabbitMq>>;

pub fn server() -> Shared {
    start("")
}

fn start(settings: &str) -> Shared {
    // Small enough for a message of 10 MB to be too large.
    Arc::new(Mutex::new(RabbitMq::start(&format!("max_message_size = 1048576\n{settings}")).unwrap()))
}

/// A server with a user `limited` beside `guest`, who may publish events of orders and nothing else.
fn server_with_a_limited_user(folder: &std::path::Path) -> Shared {
    let hash = |password: &str| {
        let salt = [7, 7, 7, 7];
        let hash = Sha256::digest([&salt[..], password.as_bytes()].concat());
        BASE64_STANDARD.encode([&salt[..], &hash].concat())
    };
    let user = |name: &str, tags: &str| json!({"name": name, "password_hash": hash(name), "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": tags});
    let may = |name: &str| json!({"user": name, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"});
    let definitions = json!({
        "vhosts": [{"name": "/"}],
        "users": [user("guest", "administrator"), user("limited", "")],
        "permissions": [may("guest"), may("limited")],
        "topic_permissions": [{"user": "limited", "vhost": "/", "exchange": "baton", "read": ".*",
            "write": "^event\\.order\\.OrderPlaced$"}],
    });
    let path = folder.join("definitions.json");
    std::fs::write(&path, definitions.to_string()).unwrap();
    start(&format!("load_definitions = {}\n", path.display()))
}

pub struct RabbitRig {
    server: Shared,
}

impl RabbitRig {
    /// Nothing of earlier cases is left.
    pub async fn start(server: &Shared) -> Self {
        let rig = Self { server: server.clone() };
        let (_connection, channel) = rig.channel().await;
        for queue in [ALL, INBOUND] {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        }
        channel.exchange_delete("baton".into(), ExchangeDeleteOptions::default()).await.unwrap();
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare("baton".into(), ExchangeKind::Topic, durable, FieldTable::default()).await.unwrap();
        rig.bind(ALL, "#", FieldTable::default()).await;
        rig
    }

    async fn channel(&self) -> (Connection, Channel) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = self.url();
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    async fn bind(&self, queue: &str, routing_key: &str, arguments: FieldTable) {
        let (_connection, channel) = self.channel().await;
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(queue.into(), durable, arguments).await.unwrap();
        let options = QueueBindOptions::default();
        channel
            .queue_bind(queue.into(), "baton".into(), routing_key.into(), options, FieldTable::default())
            .await
            .unwrap();
    }

    async fn delete_queue(&self, queue: &str) {
        let (_connection, channel) = self.channel().await;
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    }

    /// How many messages stand in the queue, ready to be handed out; `None` without such a queue.
    async fn ready(&self, queue: &str) -> Option<usize> {
        let (_connection, channel) = self.channel().await;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let declared = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.ok()?;
        Some(declared.message_count() as usize)
    }
}

impl Rig for RabbitRig {
    const DEDUPLICATES: bool = false;

    fn url(&self) -> String {
        self.server.lock().unwrap().url()
    }
    fn wrong_url(&self) -> String {
        self.url().replace("guest:guest", "guest:hunter2")
    }
    fn port(&self) -> u16 {
        self.server.lock().unwrap().port()
    }
    fn kill(&mut self) {
        self.server.lock().unwrap().kill();
    }
    fn resume(&mut self) {
        self.server.lock().unwrap().resume().unwrap();
    }

    async fn stored(&self, at_least: usize) -> Vec<Stored> {
        until("everything stands in the queue", || async { self.ready(ALL).await.unwrap() >= at_least }).await;
        let count = self.ready(ALL).await.unwrap();
        let (_connection, channel) = self.channel().await;
        let (tag, options) = ("".into(), BasicConsumeOptions::default());
        let mut messages = channel.basic_consume(ALL.into(), tag, options, FieldTable::default()).await.unwrap();
        let mut stored = Vec::new();
        // Nothing is confirmed: it all goes back when the connection ends.
        while stored.len() < count {
            let message = messages.next().await.unwrap().unwrap();
            let headers = message.properties.headers().as_ref().unwrap().inner();
            let header = |name: &str| match &headers[name] {
                AMQPValue::LongString(text) => text.to_string(),
                other => panic!("{name} is {other:?}"),
            };
            assert_eq!(message.routing_key.as_str(), "event.order.OrderPlaced");
            assert_eq!(message.properties.delivery_mode(), &Some(2));
            assert_eq!(header("cloudEvents_correlationid"), "c 1");
            let payload: Value = serde_json::from_slice(&message.data).unwrap();
            stored.push(Stored {
                id: header("cloudEvents_id").parse().unwrap(),
                key: header("cloudEvents_aggregateid"),
                n: payload["n"].as_i64().unwrap(),
                message_type: header("cloudEvents_type"),
            });
        }
        stored
    }

    async fn put(&self, messages: &[(Option<&str>, Vec<u8>)]) {
        until("the queue that Baton makes", || async { self.ready(INBOUND).await.is_some() }).await;
        let (_connection, channel) = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        for (content_type, body) in messages {
            let mut properties = BasicProperties::default().with_delivery_mode(2);
            if let Some(content_type) = content_type {
                properties = properties.with_content_type((*content_type).into());
            }
            let options = BasicPublishOptions::default();
            let confirm = channel.basic_publish("".into(), INBOUND.into(), options, body, properties).await.unwrap();
            assert!(confirm.await.unwrap().is_ack());
        }
    }

    /// Those that are handed out and not confirmed are not counted here while their reader is connected.
    async fn unconfirmed(&self) -> usize {
        self.ready(INBOUND).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rabbitmq_refuses_fails_alone_with_what_to_do() {
    let server = server();
    a_message_that_no_queue_takes_fails_among_others(RabbitRig::start(&server).await).await;
    a_full_queue_refuses(RabbitRig::start(&server).await).await;
    an_exchange_of_another_type_is_told(RabbitRig::start(&server).await).await;
    an_exchange_deleted_meanwhile_is_made_again(RabbitRig::start(&server).await).await;
    a_queue_bound_to_what_baton_publishes_is_not_taken_in(RabbitRig::start(&server).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_may_not_be_published_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let rig = RabbitRig::start(&server_with_a_limited_user(folder.path())).await;
    let bus = broker(&rig.url().replace("guest:guest", "limited:limited"));
    // The broker reads its definitions while it lets others in already.
    until("the user is let in", || async { bus.check().await.is_ok() }).await;
    let secret = |key: &str, n: i64| {
        let mut message = (*event(key, n)).clone();
        message.message_type = "Secret".into();
        Arc::new(message)
    };
    let sent =
        [event("a", 0), secret("b", 0), event("c", 0), secret("d", 0), event("b", 1), event("a", 1), event("e", 0)];
    let results = bus.publish(&sent).await;
    assert_eq!(
        results.iter().map(class).collect::<Vec<_>>(),
        ["stored", "unauthorised", "stored", "unauthorised", BEHIND_FAILURE, "stored", "stored"],
        "{results:?}"
    );
    let error = &results[1].as_ref().unwrap_err().error;
    assert!(error.contains("event.order.Secret") && error.contains("set_topic_permissions"), "{error}");
    let taken = [&sent[0], &sent[2], &sent[5], &sent[6]].map(Arc::clone);
    // Those that went out with one that closed the channel may have been stored before.
    check_repeating(&taken, &rig.stored(4).await, 4);
}

async fn a_message_that_no_queue_takes_fails_among_others(rig: RabbitRig) {
    rig.delete_queue(ALL).await;
    rig.bind(ALL, "event.order.OrderPlaced", FieldTable::default()).await;
    let bus = broker(&rig.url());
    // Every third one is of a type that nobody bound a queue for.
    let sent: Vec<_> = (0..60)
        .map(|n| {
            let mut message = (*event(&format!("k{n}"), 0)).clone();
            if n % 3 == 1 {
                message.message_type = "Unheard".into();
            }
            Arc::new(message)
        })
        .chain([event("k1", 1)])
        .collect();
    let results = bus.publish(&sent).await;
    for (n, result) in results[..60].iter().enumerate() {
        assert_eq!(class(result), if n % 3 == 1 { UNROUTABLE } else { "stored" }, "{n}");
    }
    assert_eq!(class(&results[60]), BEHIND_FAILURE);
    let error = &results[1].as_ref().unwrap_err().error;
    assert!(error.contains("event.order.Unheard") && error.contains("Bind one"), "{error}");
    let taken: Vec<_> = sent[..60].iter().filter(|message| message.message_type == "OrderPlaced").cloned().collect();
    check(&taken, &rig.stored(40).await);
}

async fn a_full_queue_refuses(rig: RabbitRig) {
    rig.delete_queue(ALL).await;
    let mut limits = FieldTable::default();
    limits.insert("x-max-length".into(), AMQPValue::LongInt(5));
    limits.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    rig.bind(ALL, "#", limits).await;
    let results = broker(&rig.url()).publish(&events(8, 1)).await;
    let stored = results.iter().filter(|result| result.is_ok()).count();
    assert!((5..8).contains(&stored), "{results:?}");
    assert_eq!(class(&results[stored]), "full");
    assert!(results[stored + 1..].iter().all(|result| class(result) == BEHIND_FAILURE), "{results:?}");
}

async fn a_queue_bound_to_what_baton_publishes_is_not_taken_in(rig: RabbitRig) {
    rig.bind(INBOUND, "#", FieldTable::default()).await;
    let bus = broker(&rig.url());
    assert!(bus.publish(&events(3, 3)).await.iter().all(Result::is_ok));
    let mut feed = bus.feed(INBOUND);
    let failure = feed.next().await.unwrap_err();
    assert!(failure.class == UNAVAILABLE && failure.error.contains("go round"), "{failure:?}");
    drop(feed);
    until("all is in the queue still", || async { rig.ready(INBOUND).await == Some(3) }).await;
}

async fn an_exchange_of_another_type_is_told(rig: RabbitRig) {
    let (_connection, channel) = rig.channel().await;
    channel.exchange_delete("baton".into(), ExchangeDeleteOptions::default()).await.unwrap();
    let options = ExchangeDeclareOptions::default();
    channel.exchange_declare("baton".into(), ExchangeKind::Fanout, options, FieldTable::default()).await.unwrap();
    let failure = broker(&rig.url()).publish(&events(1, 1)).await.remove(0).unwrap_err();
    assert!(failure.class == UNAVAILABLE && failure.error.contains("no durable topic exchange"), "{failure:?}");
}

async fn an_exchange_deleted_meanwhile_is_made_again(rig: RabbitRig) {
    let bus = broker(&rig.url());
    assert!(bus.publish(&events(1, 1)).await[0].is_ok());
    let (_connection, channel) = rig.channel().await;
    channel.exchange_delete("baton".into(), ExchangeDeleteOptions::default()).await.unwrap();
    let results = bus.publish(&events(1, 1)).await;
    assert_eq!(class(&results[0]), UNAVAILABLE, "{results:?}");
    // There again, but bound to nothing.
    assert_eq!(class(&bus.publish(&events(1, 1)).await[0]), UNROUTABLE);
}
