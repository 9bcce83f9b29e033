//! Waves: order per key on RabbitMQ.
//!
//! A wave holds at most one message of each key, goes out as a whole, and ends when every message is acknowledged or
//! returned; then the next one. Within a wave a returned message cannot be told from its neighbours (the client hands a
//! return to whichever acknowledgement comes next), at its end it can: by the message id.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use baton_domain::message::{Key, Message};
use futures::future::join_all;
use lapin::{
    BasicProperties, Confirmation, Error, PublisherConfirm,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable, LongString, ShortString},
};

use super::session::{Session, said};
use crate::{
    bus::{UNROUTABLE, failure, routing_key, unavailable},
    cloudevents,
    store::rows::Failure,
};

/// How long acknowledgements of a wave may take.
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);
/// Delivery mode 2: kept on disk.
const PERSISTENT: u8 = 2;
/// What the names of attributes begin with, by the AMQP binding of CloudEvents.
pub const ATTRIBUTE_PREFIX: &str = "cloudEvents_";

/// What became of a wave.
pub struct Sent {
    /// `None`: nobody knows.
    pub results: Vec<Option<Result<(), Failure>>>,
    /// The channel is of no use any more.
    pub broke: Option<Error>,
}

/// The indices of messages, by their place within their key.
pub fn waves(messages: &[Arc<Message>]) -> Vec<Vec<usize>> {
    let mut places: HashMap<&Key, usize> = HashMap::with_capacity(messages.len());
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let place = places.entry(&message.key).or_default();
        if waves.len() == *place {
            waves.push(Vec::new());
        }
        waves[*place].push(index);
        *place += 1;
    }
    waves
}

pub async fn send(session: &Session, exchange: &str, wave: &[&Arc<Message>], body_bytes_max: usize) -> Sent {
    let mut results: Vec<Option<Result<(), Failure>>> = vec![None; wave.len()];
    if let Err(blocked) = session.check() {
        return Sent { results: vec![Some(Err(blocked)); wave.len()], broke: None };
    }
    let mut confirms: Vec<(usize, PublisherConfirm)> = Vec::with_capacity(wave.len());
    let mut broke = None;
    for (index, message) in wave.iter().enumerate() {
        let (properties, body) = to_amqp(message);
        if body.len() > body_bytes_max {
            results[index] = Some(Err(too_large(body.len(), body_bytes_max)));
            continue;
        }
        let (options, key) = (BasicPublishOptions { mandatory: true, ..Default::default() }, routing_key(message));
        match session.channel.basic_publish(exchange.into(), key.as_str().into(), options, &body, properties).await {
            Ok(confirm) => confirms.push((index, confirm)),
            Err(error) => {
                broke = Some(error);
                break;
            }
        }
    }
    let (indices, confirms): (Vec<usize>, Vec<PublisherConfirm>) = confirms.into_iter().unzip();
    let Ok(confirmed) = tokio::time::timeout(CONFIRM_WITHIN, join_all(confirms)).await else {
        let late = unavailable("RabbitMQ did not confirm in time.");
        return Sent { results: results.into_iter().map(|r| r.or_else(|| Some(Err(late.clone())))).collect(), broke };
    };
    let mut returned: HashSet<String> = HashSet::new();
    for (index, confirmed) in indices.into_iter().zip(confirmed) {
        match confirmed {
            Ok(confirmation) => {
                results[index] = Some(if confirmation.is_nack() { Err(full(wave[index])) } else { Ok(()) });
                returned.extend(returned_id(confirmation));
            }
            // What the broker said about closing the channel tells more than that it is closed.
            Err(error) if broke.as_ref().is_none_or(|known| said(known).is_none()) => broke = Some(error),
            Err(_) => {}
        }
    }
    for (message, result) in wave.iter().zip(&mut results) {
        if !returned.is_empty() && returned.contains(&message.id.to_string()) {
            *result = Some(Err(unroutable(message, exchange)));
        }
    }
    Sent { results, broke }
}

fn returned_id(confirmation: Confirmation) -> Option<String> {
    let message = confirmation.take_message()?;
    message.delivery.properties.message_id().as_ref().map(ToString::to_string)
}

fn to_amqp(message: &Message) -> (BasicProperties, Vec<u8>) {
    let (attributes, body) = cloudevents::to_attributes(message);
    let mut headers = FieldTable::default();
    for (name, value) in attributes {
        let name = format!("{ATTRIBUTE_PREFIX}{name}");
        // Longer names than that are none of CloudEvents'.
        if let Ok(name) = ShortString::try_new(name) {
            headers.insert(name, AMQPValue::LongString(LongString::from(value.into_bytes())));
        }
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message.id.to_string().as_str().into())
        .with_app_id("baton".into())
        .with_headers(headers);
    (properties, body)
}

fn too_large(bytes: usize, bytes_max: usize) -> Failure {
    failure(
        "too-large",
        format!(
            "The payload has {bytes} bytes, and RabbitMQ takes {bytes_max} at most. Raise its max_message_size, or put the \
             data elsewhere and send a reference; then retry or discard."
        ),
    )
}

fn unroutable(message: &Message, exchange: &str) -> Failure {
    failure(
        UNROUTABLE,
        format!(
            "No queue takes `{}` from the exchange `{exchange}`. Bind one to it (`#` binds everything), or give the exchange \
             an alternate exchange, then retry.",
            routing_key(message)
        ),
    )
}

fn full(message: &Message) -> Failure {
    failure(
        "full",
        format!(
            "A queue that takes `{}` refuses more messages. Let its consumers catch up, or raise its limit, then retry.",
            routing_key(message)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::fixtures::a_message;

    #[test]
    fn a_wave_has_one_message_of_each_key() {
        let messages: Vec<_> =
            ["a", "b", "a", "c", "a", "b"].iter().zip(1..).map(|(key, n)| Arc::new(a_message(n, key))).collect();
        assert_eq!(waves(&messages), [vec![0, 1, 3], vec![2, 5], vec![4]]);
    }
}
