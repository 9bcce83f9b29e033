//! Limits, ordering policies and the circuit breaker, through real requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use baton_app::model::BreakerState;
use baton_domain::message::Message;
use baton_server::{
    destination::signature,
    store::rows::{Repair, RepairFilter},
};
use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::{
    on_both,
    sink::{Reply, Sink},
    world::{Database, World, addressed, until},
};

on_both!(
    a_rate_is_kept,
    an_open_breaker_sends_nothing_but_its_tries_and_burns_no_attempts,
    the_tries_of_a_breaker_go_round_the_keys,
    a_test_that_is_accepted_closes_the_breaker,
    other_settings_close_the_breaker,
    what_is_about_one_message_does_not_open_the_breaker,
    with_block_everything_waits_for_the_failed_one,
    with_skip_the_key_goes_on_behind_a_dead_one,
    every_key_signs_until_it_expires,
    a_test_says_what_it_met,
);

const FOREVER_MS: u32 = 900_000;

/// An endpoint that answers 503 until it is told not to.
async fn broken_sink() -> (Sink, Arc<AtomicBool>) {
    let sink = Sink::start().await;
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = mended.clone();
    sink.judge(move |_, _| if is_mended.load(Ordering::SeqCst) { Reply::ok() } else { Reply::status(503) });
    (sink, mended)
}

async fn until_breaker(world: &World, state: BreakerState) {
    until(&format!("the breaker is {state:?}"), async || world.deliveries.breaker("sink").state == state).await;
}

async fn attempts(world: &World, messages: &[Message]) -> u32 {
    let mut sum = 0;
    for message in messages {
        sum += world.delivery(message.id, "sink").await.map_or(0, |delivery| delivery.attempts);
    }
    sum
}

fn each_of_its_key(count: u64) -> Vec<Message> {
    (0..count).map(|number| addressed("sink", &format!("k{number}"), number)).collect()
}

async fn a_rate_is_kept(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    world.put_destination("sink", sink.settings(json!({"rate_per_s": 20}))).await;
    let messages = each_of_its_key(21);
    let begun = Instant::now();
    world.append(&messages).await;
    world.until_quiet().await;
    assert_eq!(sink.accepted().len(), 21);
    assert!(begun.elapsed() >= Duration::from_secs(1), "21 requests at 20 a second within {:?}", begun.elapsed());
}

async fn an_open_breaker_sends_nothing_but_its_tries_and_burns_no_attempts(database: Database) {
    let world = World::start(&database).await;
    let (sink, mended) = broken_sink().await;
    let settings = json!({"concurrency": 1, "breaker_failures": 3, "breaker_pause_ms": 100});
    world.put_destination("sink", sink.settings(settings)).await;
    let messages = each_of_its_key(6);
    world.append(&messages).await;
    until("it was tried in vain several times", async || sink.received().len() >= 6).await;
    until("what opened it is written down", async || attempts(&world, &messages).await == 3).await;
    let seen = world.deliveries.breaker("sink");
    assert!(seen.since.is_some() && seen.failures >= 5, "{seen:?}");
    assert!(seen.error.as_deref().is_some_and(|error| error.contains("503")), "{seen:?}");
    assert_eq!(sink.most_at_a_time().0, 1);

    mended.store(true, Ordering::SeqCst);
    world.until_quiet().await;
    assert_eq!(sink.accepted().len(), 6, "each once");
    assert_eq!(attempts(&world, &messages).await, 3 + 6, "the tries in vain were not counted");
    until_breaker(&world, BreakerState::Closed).await;
}

async fn the_tries_of_a_breaker_go_round_the_keys(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|message, _| if message.key.aggregate_id == "poison" { Reply::status(500) } else { Reply::ok() });
    let settings = json!({"breaker_failures": 3, "breaker_pause_ms": 100, "attempts_max": 6});
    world.put_destination("sink", sink.settings(settings)).await;
    let poison = addressed("sink", "poison", 1);
    world.append(std::slice::from_ref(&poison)).await;
    until("it was tried again while open", async || sink.received().len() > 3).await;
    assert_eq!(world.state(poison.id, "sink").await, "retrying 3 http-500");
    let others: Vec<Message> = (0..20).map(|number| addressed("sink", &format!("k{}", number % 4), number)).collect();
    world.append(&others).await;
    for message in &others {
        world.until_state(message.id, "sink", "delivered").await;
    }
    assert_eq!(sink.accepted().len(), 20);
}

async fn a_test_that_is_accepted_closes_the_breaker(database: Database) {
    let world = World::start(&database).await;
    let (sink, mended) = broken_sink().await;
    let settings = json!({"breaker_failures": 2, "breaker_pause_ms": FOREVER_MS});
    world.put_destination("sink", sink.settings(settings)).await;
    let messages = each_of_its_key(4);
    world.append(&messages).await;
    until_breaker(&world, BreakerState::Open).await;
    let since = world.deliveries.breaker("sink").since.unwrap();
    until("its worker has slept for longer than it polls", async || Utc::now() - since > TimeDelta::seconds(4)).await;
    assert!(!world.deliveries.test("sink").await.unwrap().accepted);
    assert_eq!(world.deliveries.breaker("sink").state, BreakerState::Open);

    mended.store(true, Ordering::SeqCst);
    assert!(world.deliveries.test("sink").await.unwrap().accepted);
    world.until_quiet().await;
    assert_eq!(world.deliveries.breaker("sink").state, BreakerState::Closed);
}

async fn other_settings_close_the_breaker(database: Database) {
    let world = World::start(&database).await;
    let (broken, _) = broken_sink().await;
    let sink = Sink::start().await;
    let settings = json!({"breaker_failures": 2, "breaker_pause_ms": FOREVER_MS});
    world.put_destination("sink", broken.settings(settings.clone())).await;
    let messages = each_of_its_key(4);
    world.append(&messages).await;
    until_breaker(&world, BreakerState::Open).await;

    world.put_destination("sink", sink.settings(settings)).await;
    world.until_quiet().await;
    assert_eq!(sink.accepted().len(), 4);
}

async fn what_is_about_one_message_does_not_open_the_breaker(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|_, _| Reply::status(422));
    world.put_destination("sink", sink.settings(json!({"attempts_max": 1, "breaker_failures": 1}))).await;
    let messages = each_of_its_key(5);
    world.append(&messages).await;
    for message in &messages {
        world.until_state(message.id, "sink", "dead 1 http-422").await;
    }
    assert_eq!(world.deliveries.breaker("sink").state, BreakerState::Closed);
}

async fn with_block_everything_waits_for_the_failed_one(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = mended.clone();
    sink.judge(move |message, _| {
        let refuses = message.key.aggregate_id == "k1" && !is_mended.load(Ordering::SeqCst);
        if refuses { Reply::status(422) } else { Reply::ok() }
    });
    world.put_destination("sink", sink.settings(json!({"order": "block", "concurrency": 1, "attempts_max": 3}))).await;
    let messages = each_of_its_key(8);
    world.append(&messages).await;
    world.until_state(messages[1].id, "sink", "dead 3 http-422").await;
    let later = addressed("sink", "later", 9);
    world.append(std::slice::from_ref(&later)).await;
    world.until_state(later.id, "sink", "queued").await;
    // A test goes past the queue, so after it a worker that did not wait would have sent something.
    assert!(world.deliveries.test("sink").await.unwrap().accepted);
    assert_eq!(sink.accepted()[..1], [messages[0].id]);
    assert_eq!(sink.accepted().len(), 2, "the first one and the test");

    mended.store(true, Ordering::SeqCst);
    assert_eq!(world.repair(RepairFilter::default(), Repair::Retry { edited_payload: None }).await, 1);
    world.until_quiet().await;
    let mut expected: Vec<_> = messages[1..].iter().map(|message| message.id).collect();
    expected.push(later.id);
    assert_eq!(sink.accepted()[2..], expected, "in the order of the outbox");
}

async fn with_skip_the_key_goes_on_behind_a_dead_one(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    let messages: Vec<Message> = (0..4).map(|number| addressed("sink", "a", number)).collect();
    let refused = messages[0].id;
    sink.judge(move |message, _| if message.id == refused { Reply::status(422) } else { Reply::ok() });
    world.put_destination("sink", sink.settings(json!({"order": "skip", "attempts_max": 2}))).await;
    world.append(&messages).await;
    world.until_state(messages[3].id, "sink", "delivered").await;
    assert_eq!(world.state(refused, "sink").await, "dead 2 http-422");
    assert_eq!(sink.accepted(), messages[1..].iter().map(|message| message.id).collect::<Vec<_>>());
}

const KEYS: [&str; 3] = ["whsec_Zmlyc3Q=", "whsec_c2Vjb25k", "whsec_dGhpcmQ="];

async fn every_key_signs_until_it_expires(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    let old = |secret: &str, seconds| json!({"secret": secret, "expires_at": Utc::now() + TimeDelta::seconds(seconds)});
    let old = json!([old(KEYS[1], 600), old(KEYS[2], -1)]);
    world.put_destination("sink", sink.settings(json!({"secret": KEYS[0], "old_secrets": old}))).await;
    let message = addressed("sink", "a", 1);
    world.append(std::slice::from_ref(&message)).await;
    world.until_quiet().await;

    let received = sink.received().pop().unwrap();
    let header = |name: &str| received.headers[name].to_str().unwrap().to_owned();
    let timestamp_s = header("webhook-timestamp").parse().unwrap();
    let by = |secret: &str| {
        let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
        signature::sign(&key, &message.id.to_string(), timestamp_s, &received.body)
    };
    assert_eq!(header("webhook-signature"), format!("{} {}", by(KEYS[0]), by(KEYS[1])));
}

async fn a_test_says_what_it_met(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    world.put_destination("sink", sink.settings(json!({}))).await;
    sink.judge(|_, _| Reply { body: "수고".repeat(400).into(), ..Reply::status(200) });
    let report = world.deliveries.test("sink").await.unwrap();
    assert_eq!((report.accepted, report.status, report.failure_class), (true, Some(200), None));
    assert_eq!(report.body.map(|body| body.chars().count()), Some(300), "its beginning");
    sink.judge(|_, _| Reply { body: b"closed on Sundays".into(), ..Reply::status(503) });
    let report = world.deliveries.test("sink").await.unwrap();
    assert_eq!((report.accepted, report.status), (false, Some(503)));
    assert_eq!(
        (report.failure_class.as_deref(), report.body.as_deref()),
        (Some("http-503"), Some("closed on Sundays"))
    );
    let nobody = format!("http://127.0.0.1:{}/", baton_testkit::free_port().unwrap());
    world.put_destination("sink", json!({"kind": "http", "url": nobody})).await;
    let report = world.deliveries.test("sink").await.unwrap();
    assert_eq!((report.accepted, report.status, report.body), (false, None, None));
    assert_eq!(report.failure_class.as_deref(), Some("connect"));
}
