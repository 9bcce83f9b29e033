//! What is sent, and what an answer means.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use baton_domain::message::{HOPS_HEADER, Message};
use baton_server::{destination::signature, store::rows::MessageFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    on_both,
    sink::{Reply, Sink},
    world::{Database, World, addressed, command, event, until},
};

on_both!(
    both_modes_carry_the_message_and_a_signature,
    answers_are_taken_in_exactly_once,
    answers_to_answers_are_bounded,
    broken_answers_are_failures_that_say_what_is_wrong,
    a_destination_is_tested_past_its_queue,
);

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn both_modes_carry_the_message_and_a_signature(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    for mode in ["structured", "binary"] {
        world.put_destination(mode, sink.settings(json!({"mode": mode, "secret": SECRET}))).await;
        let mut message = addressed(mode, "서울 1", 1);
        message.aggregate_version = Some(7);
        message.correlation_id = Some("trip 9".into());
        message.headers.insert("traceparent".into(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
        world.append(std::slice::from_ref(&message)).await;
        world.until_quiet().await;

        let received = sink.received().pop().unwrap();
        let header = |name: &str| received.headers[name].to_str().unwrap().to_owned();
        assert_eq!(received.message.id, message.id);
        assert_eq!(received.message.key, message.key);
        assert_eq!(received.message.payload, message.payload);
        assert_eq!(received.message.aggregate_version, Some(7));
        assert_eq!(received.message.correlation_id, message.correlation_id);
        assert_eq!(received.message.headers["traceparent"], message.headers["traceparent"]);
        assert_eq!(header("traceparent"), message.headers["traceparent"]);
        assert_eq!(received.headers.contains_key("ce-id"), mode == "binary");
        assert_eq!(header("webhook-id"), message.id.to_string());
        let key = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
        let timestamp_s = header("webhook-timestamp").parse().unwrap();
        let expected = signature::sign(&key, &message.id.to_string(), timestamp_s, &received.body);
        assert_eq!(header("webhook-signature"), expected);
    }
}

fn booked(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/flights", "type": "FlightBooked", "subject": "flight/7",
        "data": {"seat": "12A"}})
}

/// The answer to the first request comes too late, so the request is repeated and answered again.
async fn answers_are_taken_in_exactly_once(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|message, before| {
        let delay = Duration::from_millis(if before == 0 { 1_500 } else { 0 });
        Reply::event(&booked(&format!("answer-to-{}", message.id))).after(delay)
    });
    world.put_destination("flights", sink.settings(json!({"timeout_ms": 1_000}))).await;
    world.route("order", "flights").await;
    let asked = Message { correlation_id: Some("trip-1".into()), ..command("BookFlight", "a") };
    world.append(std::slice::from_ref(&asked)).await;
    until("the answer is on the bus", async || !world.recorder.taken().is_empty()).await;
    world.until_quiet().await;
    until("both requests have been answered", async || sink.received().len() == 2).await;

    let answers = world.recorder.messages();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].message_type, "FlightBooked");
    assert_eq!(answers[0].payload, json!({"seat": "12A"}));
    assert_eq!(answers[0].causation_id, Some(asked.id.to_string()));
    assert_eq!(answers[0].correlation_id.as_deref(), Some("trip-1"));
    let delivery = world.delivery(asked.id, "flights").await.unwrap();
    assert_eq!(delivery.history.len(), 2);
    assert_eq!(delivery.history[0].failure.as_ref().unwrap().class, "timeout");
    assert_eq!(world.list().await.len(), 2, "the command and one answer");

    // The same event in answer to something else is the same message.
    sink.judge(move |_, _| Reply::event(&booked(&format!("answer-to-{}", asked.id))));
    world.append(&[command("BookFlight", "b"), command("BookFlight", "c")]).await;
    world.until_quiet().await;
    assert_eq!(world.list().await.len(), 4, "two more commands, no more answers");
}

/// An endpoint whose answers are routed back to it.
async fn answers_to_answers_are_bounded(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|message, _| {
        let mut event = booked(&Uuid::now_v7().to_string());
        event["subject"] = json!(format!("order/{}", message.id));
        Reply::event(&event)
    });
    world.put_destination("echo", sink.settings(json!({"attempts_max": 1}))).await;
    world.route("order", "echo").await;
    world.append(&[event("first", 0)]).await;
    let find_dead = async || {
        let filter = MessageFilter {
            state: Some(baton_server::store::rows::MessageState::Dead),
            limit: 10,
            ..MessageFilter::default()
        };
        world.store.list_messages(&filter).await.unwrap().items
    };
    until("the loop is cut", async || !find_dead().await.is_empty()).await;
    let dead = find_dead().await.remove(0).message;
    assert_eq!(dead.headers[HOPS_HEADER], "16");
    assert!(world.state(dead.id, "echo").await.ends_with(" loop"));
    assert_eq!(world.list().await.len(), 17, "the first one and sixteen answers");
}

async fn broken_answers_are_failures_that_say_what_is_wrong(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    let elsewhere = Sink::start().await;
    let to = elsewhere.url.clone();
    sink.judge(move |message, _| match message.key.aggregate_id.as_str() {
        "redirect" => Reply::status(307).header("location", to.clone()),
        "answer-invalid" => Reply::event(&json!({"specversion": "1.0", "id": "1"})),
        "answer-too-large" => {
            let mut event = booked("1");
            event["data"] = json!("x".repeat(2 << 20));
            Reply::event(&event)
        }
        "http-404" => Reply { body: b"no such \0 handler".into(), ..Reply::status(404) },
        "timeout" => Reply::ok().after(Duration::from_millis(1_300)),
        _ => Reply { body: vec![b'x'; 2 << 20], ..Reply::status(200) },
    });
    world.put_destination("sink", sink.settings(json!({"attempts_max": 1, "timeout_ms": 1_000}))).await;
    let cases = [
        ("redirect", elsewhere.url.as_str()),
        ("answer-invalid", "/subject"),
        ("answer-too-large", "1048576"),
        ("http-404", "no such  handler"),
        ("timeout", "1000 ms"),
    ];
    for (class, _) in cases {
        world.append(&[addressed("sink", class, 1)]).await;
    }
    let fine = addressed("sink", "a large answer without events", 1);
    world.append(std::slice::from_ref(&fine)).await;
    world.until_state(fine.id, "sink", "delivered").await;
    until("all others are dead", async || world.store.list_failures().await.unwrap().len() == cases.len()).await;
    let failures = world.store.list_failures().await.unwrap();
    for (class, mentions) in cases {
        let failure = failures.iter().find(|failure| failure.failure_class == class).expect(class);
        assert!(failure.sample_error.contains(mentions), "{class}: {}", failure.sample_error);
    }
    assert!(elsewhere.received().is_empty(), "redirects are not followed");
    assert!(world.recorder.taken().is_empty(), "nothing of a broken answer is taken in");
}

async fn a_destination_is_tested_past_its_queue(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    world.put_destination_paused("sink", sink.settings(json!({})), true).await;
    let report = world.deliveries.test("sink").await.unwrap();
    assert!(report.accepted, "{}", report.answer);
    assert_eq!(sink.received()[0].message.message_type, "ConnectionTest");
    sink.judge(|_, _| Reply { body: b"closed on Sundays".into(), ..Reply::status(503) });
    let report = world.deliveries.test("sink").await.unwrap();
    assert!(!report.accepted && report.answer.contains("closed on Sundays"), "{}", report.answer);
    assert!(world.deliveries.test("nowhere").await.is_none());
    assert!(world.list().await.is_empty(), "a test leaves nothing behind");
}
