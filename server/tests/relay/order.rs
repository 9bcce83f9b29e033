//! Order per key and destination, whatever fails.

use std::{sync::Arc, time::Duration};

use baton_domain::message::Message;
use serde_json::json;

use crate::{
    on_both,
    sink::{Reply, Sink},
    world::{Database, World, addressed, by_key, event, failure, first_of_each, toss, until},
};

on_both!(
    order_per_key_survives_failures_and_retries,
    a_slow_endpoint_does_not_hold_up_the_bus,
    a_long_queue_of_one_key_does_not_hold_up_other_keys,
    one_key_never_has_two_requests_at_a_time,
    delayed_messages_wait_and_hold_their_key,
);

const SEED: u64 = 42;

/// 240 events of 12 keys go to the bus and to two endpoints; one attempt in three fails, by the throw of a coin.
async fn order_per_key_survives_failures_and_retries(database: Database) {
    let world = World::start(&database).await;
    let sinks = [Sink::start().await, Sink::start().await];
    for (number, sink) in sinks.iter().enumerate() {
        sink.judge(move |message, before| {
            let coin = toss(&[SEED, number as u64, message.id.0.as_u128() as u64, u64::from(before)]);
            if coin.is_multiple_of(3) { Reply::status(503) } else { Reply::ok() }
        });
        world.put_destination(&format!("sink-{number}"), sink.settings(json!({}))).await;
        world.route("order", &format!("sink-{number}")).await;
    }
    world.recorder.judge(|message, before| {
        let coin = toss(&[SEED, 9, message.id.0.as_u128() as u64, u64::from(before)]);
        if coin.is_multiple_of(3) { Err(failure("refused")) } else { Ok(()) }
    });

    let messages: Vec<Message> =
        (0..240).map(|number| event(&format!("k{}", toss(&[SEED, number]) % 12), number)).collect();
    for batch in messages.chunks(60) {
        world.append(batch).await;
    }
    world.until_quiet().await;

    let expected = by_key(&messages);
    let taken = by_key(world.recorder.messages().iter().map(Arc::as_ref));
    assert_eq!(taken, expected, "the bus: each message once, in order per key");
    for sink in &sinks {
        let accepted = sink.accepted();
        assert_eq!(accepted.len(), messages.len(), "no message was accepted twice");
        let received = sink.received();
        let accepted = by_key(received.iter().filter(|one| one.status.is_success()).map(|one| &one.message));
        assert_eq!(accepted, expected);
        assert!(received.len() > messages.len() + 40, "the test is worth something only if much failed");
    }
}

async fn a_slow_endpoint_does_not_hold_up_the_bus(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|_, _| Reply::ok().after(Duration::from_secs(3)));
    world.put_destination("slow", sink.settings(json!({}))).await;
    world.route("order", "slow").await;
    let messages: Vec<Message> = (0..100).map(|number| event(&format!("k{}", number % 5), number)).collect();
    world.append(&messages).await;
    until("the bus has everything", async || world.recorder.taken().len() == 100).await;
    assert_eq!(sink.accepted().len(), 0, "the endpoint has not even answered once");
}

async fn a_long_queue_of_one_key_does_not_hold_up_other_keys(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|message, _| {
        Reply::ok().after(Duration::from_millis(if message.key.aggregate_id == "hot" { 40 } else { 0 }))
    });
    world.put_destination("sink", sink.settings(json!({"concurrency": 4}))).await;
    let hot: Vec<Message> = (0..1_000).map(|number| addressed("sink", "hot", number)).collect();
    world.append(&hot).await;
    until("the long queue has begun", async || !sink.accepted().is_empty()).await;
    let others: Vec<Message> = (0..20).map(|number| addressed("sink", &format!("k{number}"), number)).collect();
    world.append(&others).await;
    until("the others are through", async || {
        let accepted = sink.accepted();
        others.iter().all(|message| accepted.contains(&message.id))
    })
    .await;
    let hot_done = sink.accepted().len() - others.len();
    assert!(hot_done < 500, "{hot_done} of the long queue went before the others");
}

async fn one_key_never_has_two_requests_at_a_time(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|_, _| Reply::ok().after(Duration::from_millis(3)));
    world.put_destination("sink", sink.settings(json!({"concurrency": 6}))).await;
    let messages: Vec<Message> =
        (0..300).map(|number| addressed("sink", &format!("k{}", number % 10), number)).collect();
    world.append(&messages).await;
    world.until_quiet().await;
    let (most, most_of_a_key) = sink.most_at_a_time();
    assert_eq!(most_of_a_key, 1);
    assert!((2..=6).contains(&most), "{most} at a time");
    assert_eq!(first_of_each(sink.accepted()).len(), 300);
}

async fn delayed_messages_wait_and_hold_their_key(database: Database) {
    let world = World::start(&database).await;
    let due = chrono::Utc::now() + Duration::from_millis(700);
    let delayed = Message { deliver_after: Some(due), ..event("a", 1) };
    let (behind, other) = (event("a", 2), event("b", 3));
    world.append(&[delayed.clone(), behind.clone(), other.clone()]).await;
    until("the other key is through", async || world.recorder.taken() == [other.id]).await;
    assert!(chrono::Utc::now() < due, "too slow a machine for this test");
    until("all are through", async || world.recorder.taken().len() == 3).await;
    assert_eq!(world.recorder.taken(), [other.id, delayed.id, behind.id]);
    let late = chrono::Utc::now() - due;
    assert!(late > chrono::TimeDelta::zero(), "it was delivered before its time");
    assert!(late < chrono::TimeDelta::milliseconds(500), "{late} late");
}
