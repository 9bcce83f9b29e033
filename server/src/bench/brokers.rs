//! How fast messages leave the outbox over a broker.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use lapin::{
    Connection, ConnectionProperties, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};

use super::{Database, start_on};
use crate::bus::{self, BusKind, BusTarget};

/// As figures name it.
pub fn name(target: &BusTarget) -> &'static str {
    match target.kind {
        BusKind::Memory => "memory",
        BusKind::Nats => "nats",
        BusKind::RabbitMq => "rabbitmq",
        BusKind::Kafka => "kafka",
    }
}

/// Messages per second from a full outbox until the last one is acknowledged by the broker and marked, over many keys, in
/// order per key.
pub async fn drain(url: &str, database: &Database, target: BusTarget, count: usize) -> anyhow::Result<f64> {
    let config = bus::Config { target, prefix: "baton".to_owned(), subscribe: Vec::new() };
    if config.target.kind == BusKind::RabbitMq {
        bind(&config.target).await?;
    }
    let broker = bus::broker(&config)?.ok_or_else(|| anyhow!("there is no broker"))?;
    broker.check().await.map_err(|failure| anyhow!(failure.error))?;
    drop(broker);
    database.seed_pending(count).await?;
    let begun = Instant::now();
    let node = start_on(url, Vec::new(), config).await?;
    while database.unpublished().await? > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let elapsed = begun.elapsed();
    node.stop().await;
    Ok(count as f64 / elapsed.as_secs_f64())
}

/// Without a queue nobody takes anything.
async fn bind(target: &BusTarget) -> anyhow::Result<()> {
    let (user, password) = (target.user.as_deref().unwrap_or("guest"), target.password.as_deref().unwrap_or("guest"));
    let url = format!("amqp://{user}:{password}@{}/%2f", target.hosts());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare("baton".into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("bench".into(), durable, FieldTable::default()).await?;
    let options = QueueBindOptions::default();
    channel.queue_bind("bench".into(), "baton".into(), "#".into(), options, FieldTable::default()).await?;
    Ok(())
}

/// A Kafka cluster played by its client, where there is one.
pub struct MockKafka {
    #[cfg(feature = "kafka")]
    cluster: rdkafka::mocking::MockCluster<'static, rdkafka::producer::DefaultProducerContext>,
}

impl MockKafka {
    #[cfg(feature = "kafka")]
    pub fn start() -> anyhow::Result<Self> {
        let cluster = rdkafka::mocking::MockCluster::new(1)?;
        cluster.create_topic("baton", 8, 1)?;
        Ok(Self { cluster })
    }

    #[cfg(feature = "kafka")]
    pub fn url(&self) -> Option<String> {
        Some(format!("kafka://{}", self.cluster.bootstrap_servers()))
    }

    #[cfg(not(feature = "kafka"))]
    pub fn start() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(feature = "kafka"))]
    pub fn url(&self) -> Option<String> {
        None
    }
}
