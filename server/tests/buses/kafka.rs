//! Kafka as a rig: librdkafka's mock cluster, a real broker's protocol inside this process. What it keeps is in memory and
//! outlives its brokers being taken down.

use std::time::{Duration, Instant};

use baton_server::bus::{self, UNAVAILABLE};
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer},
    message::{Header, Headers, OwnedHeaders},
    mocking::MockCluster,
    producer::{DefaultProducerContext, FutureProducer, FutureRecord},
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use serde_json::Value;

use crate::rig::{DEADLINE, INBOUND, Rig, Stored, broker, class, config, event, events, publish_all, until};

const PARTITIONS: i32 = 3;
const ASK_WITHIN: Duration = Duration::from_secs(10);

pub struct KafkaRig {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl KafkaRig {
    pub fn start() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for topic in ["baton", INBOUND] {
            cluster.create_topic(topic, PARTITIONS, 1).unwrap();
        }
        Self { cluster }
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers());
        config
    }

    /// Up to which offset each partition of the topic is filled.
    fn ends(&self, topic: &str) -> Vec<i64> {
        let consumer: BaseConsumer = self.client().create().unwrap();
        (0..PARTITIONS).map(|n| consumer.fetch_watermarks(topic, n, ASK_WITHIN).unwrap().1).collect()
    }
}

impl Rig for KafkaRig {
    const DEDUPLICATES: bool = false;

    fn url(&self) -> String {
        format!("kafka://{}", self.cluster.bootstrap_servers())
    }
    /// The mock cluster knows no users: whoever greets it with one is not understood.
    fn wrong_url(&self) -> String {
        self.url().replace("kafka://", "kafka://baton:hunter2@")
    }
    fn port(&self) -> u16 {
        self.cluster.bootstrap_servers().rsplit_once(':').unwrap().1.parse().unwrap()
    }
    fn kill(&mut self) {
        self.cluster.broker_down(1).unwrap();
    }
    fn resume(&mut self) {
        self.cluster.broker_up(1).unwrap();
    }

    async fn stored(&self, at_least: usize) -> Vec<Stored> {
        let count: i64 = self.ends("baton").iter().sum();
        assert!(count as usize >= at_least, "{count} messages are stored, not {at_least}");
        let consumer: BaseConsumer =
            self.client().set("group.id", "reader").set("auto.offset.reset", "earliest").create().unwrap();
        consumer.subscribe(&["baton"]).unwrap();
        let mut stored = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        while stored.len() < count as usize {
            assert!(Instant::now() < deadline, "{} of {count} messages were read", stored.len());
            // Now and then it is something about the group instead.
            let Some(message) = consumer.poll(ASK_WITHIN) else { continue };
            let message = message.unwrap();
            let headers = message.headers().unwrap();
            let header = |name: &str| {
                let found = headers.iter().find(|header| header.key == name).unwrap();
                std::str::from_utf8(found.value.unwrap()).unwrap().to_owned()
            };
            assert_eq!(header("ce_correlationid"), "c 1");
            let key = header("ce_aggregateid");
            assert_eq!(message.key().unwrap(), format!("order/{key}").as_bytes());
            let payload: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
            let (id, message_type) = (header("ce_id").parse().unwrap(), header("ce_type"));
            stored.push(Stored { id, key, n: payload["n"].as_i64().unwrap(), message_type });
        }
        stored
    }

    async fn put(&self, messages: &[(Option<&str>, Vec<u8>)]) {
        let producer: FutureProducer = self.client().set("linger.ms", "0").create().unwrap();
        for (content_type, body) in messages {
            // Whose key is the event's subject, as another system would have it.
            let event: Value = serde_json::from_slice(body).unwrap_or_default();
            let key = event["subject"].as_str().unwrap_or_default().to_owned();
            let mut headers = OwnedHeaders::new();
            if let Some(content_type) = content_type {
                headers = headers.insert(Header { key: "content-type", value: Some(*content_type) });
            }
            let record = FutureRecord::to(INBOUND).key(&key).payload(body).headers(headers);
            producer.send(record, ASK_WITHIN).await.unwrap();
        }
    }

    async fn unconfirmed(&self) -> usize {
        let consumer: BaseConsumer = self.client().set("group.id", "baton-inbound").create().unwrap();
        let mut asked = rdkafka::TopicPartitionList::new();
        asked.add_partition_range(INBOUND, 0, PARTITIONS - 1);
        let committed = consumer.committed_offsets(asked, ASK_WITHIN).unwrap();
        let offset =
            |n| committed.find_partition(INBOUND, n).and_then(|found| found.offset().to_raw()).unwrap_or(0).max(0);
        let left = self.ends(INBOUND).into_iter().zip(0..).map(|(end, n)| end - offset(n));
        left.sum::<i64>() as usize
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_may_not_be_written_to_fails_with_what_to_do() {
    let rig = KafkaRig::start();
    let bus = broker(&rig.url());
    assert!(bus.publish(&events(1, 1)).await[0].is_ok());
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 3];
    rig.cluster.request_errors(RDKafkaApiKey::Produce, &errors);
    let results = bus.publish(&[event("a", 0), event("a", 1)]).await;
    assert_eq!(results.iter().map(class).collect::<Vec<_>>(), ["unauthorised", "behind-failure"]);
    assert!(results[0].as_ref().unwrap_err().error.contains("kafka-acls"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_replicas_are_waited_for() {
    let rig = KafkaRig::start();
    let bus = broker(&rig.url());
    assert!(bus.publish(&events(1, 1)).await[0].is_ok());
    // The client itself tries again for as long as it may.
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 200];
    rig.cluster.request_errors(RDKafkaApiKey::Produce, &errors);
    let results = bus.publish(&events(2, 1)).await;
    assert_eq!(results.iter().map(class).collect::<Vec<_>>(), [UNAVAILABLE, "behind-failure"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_broker_finds_too_large_fails_with_what_to_do() {
    let rig = KafkaRig::start();
    let bus = broker(&rig.url());
    assert!(bus.publish(&events(1, 1)).await[0].is_ok());
    rig.cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    let results = bus.publish(&[event("a", 0), event("a", 1)]).await;
    assert_eq!(results.iter().map(class).collect::<Vec<_>>(), ["too-large", "behind-failure"]);
    assert!(results[0].as_ref().unwrap_err().error.contains("max.message.bytes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_not_there_is_said_and_waited_for() {
    let rig = KafkaRig::start();
    rig.cluster.topic_error("baton", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let bus = broker(&rig.url());
    let results = bus.publish(&events(2, 1)).await;
    assert_eq!(results.iter().map(class).collect::<Vec<_>>(), [UNAVAILABLE, "behind-failure"]);
    let error = &results[0].as_ref().unwrap_err().error;
    assert!(error.contains("no topic `baton`") && error.contains("Create it"), "{error}");
    let error = bus.check().await.unwrap_err().error;
    assert!(error.contains("no topic `baton`"), "{error}");
    rig.cluster.topic_error("baton", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    until("the topic is there", || async { bus.check().await.is_ok() }).await;
    publish_all(&bus, &events(2, 1)).await;
}

#[test]
fn taking_in_the_topic_that_baton_publishes_to_is_refused() {
    let config = bus::Config { subscribe: vec!["baton".into()], ..config("kafka://127.0.0.1:1") };
    let error = bus::broker(&config).err().expect("a loop").to_string();
    assert!(error.contains("go round"), "{error}");
}
