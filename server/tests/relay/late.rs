//! Endpoints that take a message and do not say so in time: whether it was handled is unknown, so it comes again, with the
//! same id, and nothing of its key overtakes it.

use std::{collections::HashMap, time::Duration};

use baton_domain::{ids::MessageId, message::Message};
use baton_server::store::rows::AttemptRow;
use serde_json::json;

use crate::{
    on_both,
    sink::{Received, Reply, Sink},
    world::{Database, World, addressed, by_key, first_of_each},
};

on_both!(
    what_is_answered_after_the_time_limit_comes_again_and_in_order,
    what_is_accepted_and_never_answered_comes_again_until_it_is_dead,
);

/// The shortest time limit that there is.
const TIMEOUT_MS: u32 = 1_000;
const LATE: Duration = Duration::from_millis(1_400);

fn times(received: &[Received]) -> HashMap<MessageId, usize> {
    received.iter().fold(HashMap::new(), |mut times, one| {
        *times.entry(one.message.id).or_default() += 1;
        times
    })
}

async fn what_is_answered_after_the_time_limit_comes_again_and_in_order(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    let is_late = |message: &Message| message.payload["number"].as_u64().is_some_and(|number| number.is_multiple_of(5));
    sink.judge(move |message, before| match before == 0 && is_late(message) {
        true => Reply::ok().after(LATE),
        false => Reply::ok(),
    });
    world.put_destination("sink", sink.settings(json!({"timeout_ms": TIMEOUT_MS, "concurrency": 16}))).await;
    let messages: Vec<Message> = (0..40).map(|number| addressed("sink", &format!("k{}", number % 8), number)).collect();
    world.append(&messages).await;
    world.until_quiet().await;
    // The last late answers are still on their way.
    tokio::time::sleep(LATE).await;

    let received = sink.received();
    let times = times(&received);
    for message in &messages {
        let expected = if is_late(message) { 2 } else { 1 };
        assert_eq!(times.get(&message.id), Some(&expected), "{}", message.payload);
    }
    let firsts = first_of_each(received.iter().map(|one| one.message.id));
    let first = |id: &MessageId| received.iter().find(|one| one.message.id == *id).map(|one| &one.message);
    assert_eq!(by_key(firsts.iter().filter_map(first)), by_key(&messages), "first deliveries are in order");
    let delivery = world.delivery(messages[0].id, "sink").await.unwrap();
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("delivered", 2));
    let class = |attempt: &AttemptRow| attempt.failure.as_ref().map(|failure| failure.class.clone());
    let attempts: Vec<Option<String>> = delivery.history.iter().map(class).collect();
    assert_eq!(attempts, [Some("timeout".into()), None], "both attempts are written down");
}

async fn what_is_accepted_and_never_answered_comes_again_until_it_is_dead(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|message, _| match message.key.aggregate_id == "lost" {
        true => Reply::ok().after(LATE),
        false => Reply::ok(),
    });
    let settings = sink.settings(json!({"timeout_ms": TIMEOUT_MS, "attempts_max": 2}));
    world.put_destination("sink", settings).await;
    let messages: Vec<Message> =
        [("lost", 1), ("lost", 2), ("fine", 3)].map(|(key, number)| addressed("sink", key, number)).into();
    world.append(&messages).await;
    world.until_state(messages[0].id, "sink", "dead 2 timeout").await;
    world.until_state(messages[1].id, "sink", "parked 0").await;
    world.until_state(messages[2].id, "sink", "delivered").await;
    tokio::time::sleep(LATE).await;
    // A late yes changes nothing: nobody heard it.
    assert_eq!(world.state(messages[0].id, "sink").await, "dead 2 timeout");
    let times = times(&sink.received());
    assert_eq!(times, HashMap::from([(messages[0].id, 2), (messages[2].id, 1)]));
    let failure = world.delivery(messages[0].id, "sink").await.unwrap().failure.unwrap();
    assert!(failure.error.contains("It may have handled the message"), "{}", failure.error);
}
