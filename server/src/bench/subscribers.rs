//! Consumers on the in-process bus that stand for the rest of the system.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use async_trait::async_trait;
use baton_app::port::Backend;
use baton_domain::{
    ids::MessageId,
    message::{Key, Message, MessageKind},
};
use chrono::Utc;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{bus::Subscriber, service::Service, store::rows::Failure};

/// Takes events, counts them, and checks that each key's versions ascend.
#[derive(Default)]
pub struct Sink {
    received: AtomicU64,
    out_of_order: AtomicU64,
    versions: Mutex<HashMap<Key, i64>>,
    arrivals: Mutex<HashMap<MessageId, Instant>>,
    notify: Notify,
}

impl Sink {
    pub fn out_of_order(&self) -> u64 {
        self.out_of_order.load(Ordering::Relaxed)
    }

    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub fn arrivals(&self) -> HashMap<MessageId, Instant> {
        std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub async fn until(&self, count: u64) {
        while self.received.load(Ordering::Relaxed) < count {
            self.notify.notified().await;
        }
    }
}

#[async_trait]
impl Subscriber for Sink {
    fn name(&self) -> &str {
        "bench-sink"
    }

    fn wants(&self, message: &Message) -> bool {
        message.message_type == "Counted"
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let now = Instant::now();
        {
            let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
            let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            for message in &messages {
                match message.aggregate_version {
                    Some(version) => {
                        if let Some(last) = versions.get_mut(&message.key) {
                            if *last >= version {
                                self.out_of_order.fetch_add(1, Ordering::Relaxed);
                            }
                            *last = version;
                        } else {
                            versions.insert(message.key.clone(), version);
                        }
                    }
                    // Messages without a version are those whose latency is measured.
                    None => drop(arrivals.insert(message.id, now)),
                }
            }
        }
        self.received.fetch_add(messages.len() as u64, Ordering::Relaxed);
        self.notify.notify_one();
        vec![Ok(()); messages.len()]
    }
}

/// Does what it is told and says so: for each command `DoX` an event `DidX` through the outbox.
#[derive(Default)]
pub struct Worker {
    service: Mutex<Option<Arc<Service>>>,
}

impl Worker {
    /// Gives it the service to append with, or takes it back: it holds the database open, and the service holds the
    /// bus that holds this worker.
    pub fn employ(&self, service: Option<Arc<Service>>) {
        *self.service.lock().unwrap_or_else(PoisonError::into_inner) = service;
    }
}

#[async_trait]
impl Subscriber for Worker {
    fn name(&self) -> &str {
        "bench-worker"
    }

    fn wants(&self, message: &Message) -> bool {
        message.kind == MessageKind::Command && message.message_type.starts_with("Do")
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        let replies: Vec<Message> = messages.iter().map(|command| reply(command)).collect();
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let failure = match service {
            None => Some("the worker has no service yet".to_owned()),
            Some(service) => service.append(&replies).await.err().map(|error| error.to_string()),
        };
        let result = match failure {
            None => Ok(()),
            Some(error) => Err(Failure { class: "bench".to_owned(), error }),
        };
        vec![result; messages.len()]
    }
}

/// Takes commands and says nothing: a participant that answers later.
pub struct Silent;

#[async_trait]
impl Subscriber for Silent {
    fn name(&self) -> &str {
        "bench-silent"
    }

    fn wants(&self, message: &Message) -> bool {
        message.kind == MessageKind::Command
    }

    async fn receive(&self, messages: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
        vec![Ok(()); messages.len()]
    }
}

fn reply(command: &Message) -> Message {
    Message {
        id: MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, command.id.0.as_bytes())),
        kind: MessageKind::Event,
        message_type: command.message_type.replacen("Do", "Did", 1),
        source: "bench-worker".to_owned(),
        key: command.key.clone(),
        aggregate_version: None,
        payload: serde_json::json!({"done": true}),
        headers: Default::default(),
        correlation_id: command.correlation_id.clone(),
        causation_id: Some(command.id.to_string()),
        deliver_after: None,
        destination: None,
        created_at: Utc::now(),
    }
}
