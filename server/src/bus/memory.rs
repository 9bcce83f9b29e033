//! The bus inside this process: publishing means handing messages to subscribers and waiting until they have committed.
//!
//! It keeps nothing. What was not handled stays in the outbox or in a delivery, so there is nothing to lose here.

use std::{
    any::Any,
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use baton_domain::message::{Key, Message, MessageKind};
use futures::{FutureExt, future::join_all};

use super::{Bus, Subscriber, UNROUTABLE, behind_failure};
use crate::store::rows::Failure;

#[derive(Default)]
pub struct MemoryBus {
    subscribers: RwLock<Vec<Arc<dyn Subscriber>>>,
}

impl MemoryBus {
    pub fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        self.subscribers.write().unwrap_or_else(PoisonError::into_inner).push(subscriber);
    }

    fn subscribers(&self) -> Vec<Arc<dyn Subscriber>> {
        self.subscribers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Bus for MemoryBus {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let subscribers = self.subscribers();
        let mut results = vec![Ok(()); messages.len()];
        let shares = share_out(&subscribers, messages, &mut results);
        let handled = subscribers.iter().zip(shares).filter(|(_, share)| !share.is_empty()).map(
            async |(subscriber, share): (&Arc<dyn Subscriber>, Vec<usize>)| {
                let batch = share.iter().map(|index| Arc::clone(&messages[*index])).collect();
                let outcome = receive(subscriber.as_ref(), batch).await;
                (share, outcome)
            },
        );
        for (share, outcomes) in join_all(handled).await {
            for (index, outcome) in share.into_iter().zip(outcomes) {
                // The first failure stands: one is enough for the message to be published again.
                if results[index].is_ok() {
                    results[index] = outcome;
                }
            }
        }
        results
    }
}

/// Which messages (by index) each subscriber gets. A command that nobody wants fails here, and so do the later
/// messages of its key.
fn share_out(
    subscribers: &[Arc<dyn Subscriber>],
    messages: &[Arc<Message>],
    results: &mut [Result<(), Failure>],
) -> Vec<Vec<usize>> {
    let mut shares = vec![Vec::new(); subscribers.len()];
    let mut failed: HashSet<&Key> = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        if !failed.is_empty() && failed.contains(&message.key) {
            results[index] = Err(behind_failure());
            continue;
        }
        let mut wanted = false;
        for (subscriber, share) in subscribers.iter().zip(&mut shares) {
            if subscriber.wants(message) {
                share.push(index);
                wanted = true;
            }
        }
        if !wanted && message.kind == MessageKind::Command {
            results[index] = Err(unroutable(message));
            failed.insert(&message.key);
        }
    }
    shares
}

fn unroutable(message: &Message) -> Failure {
    Failure {
        class: UNROUTABLE.to_owned(),
        error: format!(
            "Nobody takes the command `{}` for `{}`. Add a destination and a route whose type or aggregate type \
             matches it, then retry.",
            message.message_type, message.key.aggregate_type
        ),
    }
}

/// Hands a batch over; a panic, or an answer of the wrong length, is a failure of the whole batch.
async fn receive(subscriber: &dyn Subscriber, batch: Vec<Arc<Message>>) -> Vec<Result<(), Failure>> {
    let count = batch.len();
    let failure = match AssertUnwindSafe(subscriber.receive(batch)).catch_unwind().await {
        Ok(outcomes) if outcomes.len() == count => return outcomes,
        Ok(outcomes) => Failure {
            class: "subscriber-broken".to_owned(),
            error: format!("`{}` answered {} results for {count} messages.", subscriber.name(), outcomes.len()),
        },
        Err(panic) => Failure {
            class: "panic".to_owned(),
            error: format!("`{}` panicked: {}. This is a defect in Baton; please report it.", subscriber.name(), {
                panic_text(panic.as_ref())
            }),
        },
    };
    tracing::error!(subscriber.name = subscriber.name(), failure.class, failure.error, "a subscriber failed");
    vec![Err(failure); count]
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
