//! NATS JetStream as a rig, and what only NATS has: streams, permissions, limits.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{
        self, Context,
        consumer::{AckPolicy, PullConsumer, pull},
        stream,
    },
};
use baton_server::bus::{self, BusTarget, UNAVAILABLE};
use baton_testkit::Nats;
use futures::StreamExt;
use serde_json::Value;

use crate::rig::{INBOUND, Rig, Stored, broker, check, class, config, event, events, publish_all, until};

pub struct NatsRig {
    server: Nats,
}

impl NatsRig {
    pub fn start(settings: &str) -> Self {
        Self { server: Nats::start(settings).unwrap() }
    }

    pub async fn jetstream(&self) -> Context {
        jetstream::new(async_nats::connect(self.server.url()).await.unwrap())
    }
}

impl Rig for NatsRig {
    const DEDUPLICATES: bool = true;

    fn url(&self) -> String {
        self.server.url()
    }
    fn wrong_url(&self) -> String {
        // A server without users lets everybody in.
        let strict = Box::leak(Box::new(Nats::start("authorization { user: baton, password: right }\n").unwrap()));
        strict.url().replace("nats://", "nats://baton:hunter2@")
    }
    fn port(&self) -> u16 {
        self.server.port()
    }
    fn kill(&mut self) {
        self.server.kill();
    }
    fn resume(&mut self) {
        self.server.resume().unwrap();
    }

    async fn stored(&self, at_least: usize) -> Vec<Stored> {
        let stream = self.jetstream().await.get_stream("BATON").await.unwrap();
        let count = stream.cached_info().state.messages as usize;
        assert!(count >= at_least, "{count} messages are stored, not {at_least}");
        let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
        let consumer: PullConsumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.fetch().max_messages(count).messages().await.unwrap();
        let mut stored = Vec::new();
        while let Some(message) = messages.next().await {
            let message = message.unwrap();
            let header = |name: &str| message.headers.as_ref().unwrap().get(name).unwrap().as_str().to_owned();
            assert_eq!(message.subject.as_str(), "baton.event.order.OrderPlaced");
            assert_eq!(header("Nats-Msg-Id"), header("ce-id"));
            assert_eq!(header("ce-correlationid"), "c%201");
            let payload: Value = serde_json::from_slice(&message.payload).unwrap();
            stored.push(Stored {
                id: header("ce-id").parse().unwrap(),
                key: header("ce-aggregateid"),
                n: payload["n"].as_i64().unwrap(),
                message_type: header("ce-type"),
            });
        }
        assert_eq!(stored.len(), count);
        stored
    }

    async fn put(&self, messages: &[(Option<&str>, Vec<u8>)]) {
        let jetstream = self.jetstream().await;
        // Until Baton has made the stream nobody stores anything.
        until("the stream of what comes in", || async { jetstream.get_stream("BATON_IN_inbound").await.is_ok() }).await;
        for (content_type, body) in messages {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = content_type {
                headers.insert("Content-Type", *content_type);
            }
            let published = jetstream.publish_with_headers(INBOUND, headers, body.clone().into()).await.unwrap();
            published.await.unwrap();
        }
    }

    async fn unconfirmed(&self) -> usize {
        let stream = self.jetstream().await.get_stream("BATON_IN_inbound").await.unwrap();
        let mut consumer: PullConsumer = stream.get_consumer("baton-inbound").await.unwrap();
        let info = consumer.info().await.unwrap();
        info.num_ack_pending + info.num_pending as usize
    }
}

#[tokio::test]
async fn a_stream_that_would_lose_messages_is_refused_with_what_to_change() {
    let rig = NatsRig::start("");
    let config = stream::Config {
        name: "BATON".into(),
        subjects: vec!["baton.event.>".into()],
        storage: stream::StorageType::Memory,
        ..stream::Config::default()
    };
    rig.jetstream().await.create_stream(config).await.unwrap();
    let results = broker(&rig.url()).publish(&events(2, 1)).await;
    assert_eq!(results.iter().map(class).collect::<Vec<_>>(), [UNAVAILABLE; 2]);
    let error = &results[0].as_ref().unwrap_err().error;
    assert!(error.contains("nats stream edit BATON --subjects='baton.>'"), "{error}");
}

#[tokio::test]
async fn a_stream_of_others_with_our_subjects_is_refused() {
    let rig = NatsRig::start("");
    let config = stream::Config {
        name: "OTHER".into(),
        subjects: vec!["baton.event.order.*".into()],
        ..stream::Config::default()
    };
    rig.jetstream().await.create_stream(config).await.unwrap();
    let results = broker(&rig.url()).publish(&events(1, 1)).await;
    let failure = results[0].as_ref().unwrap_err();
    assert!(failure.class == UNAVAILABLE && failure.error.contains("another stream takes subjects"), "{failure:?}");
}

#[tokio::test]
async fn a_full_stream_is_waited_for() {
    let rig = NatsRig::start("");
    let config = stream::Config {
        name: "BATON".into(),
        subjects: vec!["baton.>".into()],
        max_messages: 10,
        discard: stream::DiscardPolicy::New,
        ..stream::Config::default()
    };
    let stream = rig.jetstream().await.create_stream(config.clone()).await.unwrap();
    let (bus, sent) = (broker(&rig.url()), events(12, 1));
    let results = bus.publish(&sent).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    let failure = results[10].as_ref().unwrap_err();
    assert!(failure.class == UNAVAILABLE && failure.error.contains("no room"), "{failure:?}");
    check(&sent[..10], &rig.stored(10).await);
    // when: there is room again
    let config = stream::Config { max_messages: 100, ..config };
    rig.jetstream().await.update_stream(config).await.unwrap();
    drop(stream);
    publish_all(&bus, &sent[10..]).await;
    check(&sent, &rig.stored(12).await);
}

#[tokio::test]
async fn a_stream_deleted_meanwhile_is_made_again() {
    let rig = NatsRig::start("");
    let (bus, sent) = (broker(&rig.url()), events(3, 1));
    publish_all(&bus, &events(3, 1)).await;
    rig.jetstream().await.delete_stream("BATON").await.unwrap();
    publish_all(&bus, &sent).await;
    check(&sent, &rig.stored(3).await);
}

#[tokio::test]
async fn a_subject_that_may_not_be_published_to_fails_alone() {
    let rig = NatsRig::start(
        r#"authorization { users: [
            { user: baton, password: right,
              permissions: { publish: { deny: ["baton.event.order.Secret"] } } }
        ] }"#,
    );
    let bus = broker(&rig.url().replace("nats://", "nats://baton:right@"));
    let mut secret = (*event("a", 0)).clone();
    secret.message_type = "Secret".into();
    let results = bus.publish(&[secret.into(), event("a", 1), event("b", 0)]).await;
    assert_eq!(results.iter().map(class).collect::<Vec<_>>(), ["unauthorised", "behind-failure", "stored"]);
    let error = &results[0].as_ref().unwrap_err().error;
    assert!(error.contains("baton.event.order.Secret") && error.contains("permissions"), "{error}");
}

#[tokio::test]
async fn a_server_without_jetstream_is_told() {
    let rig = NatsRig::start("jetstream: disabled\n");
    let failure = broker(&rig.url()).publish(&events(1, 1)).await.remove(0).unwrap_err();
    assert!(failure.class == UNAVAILABLE && failure.error.contains("-js"), "{failure:?}");
}

#[test]
fn taking_in_what_baton_publishes_is_refused() {
    for subject in ["baton.>", "*.event.>", ">", "baton.event.order.Placed"] {
        let config = bus::Config { subscribe: vec![subject.into()], ..config("nats://127.0.0.1:1") };
        let error = bus::broker(&config).err().expect("a loop").to_string();
        assert!(error.contains("go round"), "{error}");
    }
    let config = bus::Config {
        target: BusTarget::parse("nats://127.0.0.1:1").unwrap(),
        prefix: "baton".into(),
        subscribe: vec!["orders.>".into()],
    };
    assert!(bus::broker(&config).is_ok());
}

#[tokio::test]
async fn a_connection_that_swallows_everything_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let bus = broker(&format!("nats://127.0.0.1:{port}"));
    let begun = std::time::Instant::now();
    let failure = bus.publish(&events(1, 1)).await.remove(0).unwrap_err();
    assert!(failure.class == UNAVAILABLE && begun.elapsed() < Duration::from_secs(30), "{failure:?}");
}
