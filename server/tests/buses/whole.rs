//! The whole server on a bus: a process whose participant knows nothing but NATS.

use std::sync::Arc;

use async_nats::jetstream::{Context, consumer::pull, stream};
use baton_domain::message::Message;
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    nats::NatsRig,
    rig::{Rig, check, event, events, until},
    support::baton::Baton,
};

const BOOKING: &str = r#"
baton: process/1
name: booking
input: {type: object, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: book}
  book:  {kind: command, send: Book, to: hotel, payload: {n: =input.n}, on: {Booked: {set: {room: =event.payload.room}, next: done}, timeout: {after: P1D, next: late}}}
  done:  {kind: end, outcome: completed}
  late:  {kind: end, outcome: failed}
"#;

/// Takes commands from NATS and answers there, twice: it is as forgetful as at-least-once allows.
async fn participant(jetstream: Context) {
    let config = stream::Config { name: "ANSWERS".into(), subjects: vec!["answers.>".into()], ..Default::default() };
    jetstream.create_stream(config).await.unwrap();
    until("Baton's stream", || async { jetstream.get_stream("BATON").await.is_ok() }).await;
    let stream = jetstream.get_stream("BATON").await.unwrap();
    let config = pull::Config {
        durable_name: Some("hotel".into()),
        filter_subject: "baton.command.hotel.>".into(),
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut commands = consumer.messages().await.unwrap();
    while let Some(Ok(command)) = commands.next().await {
        let header = |name: &str| command.headers.as_ref().unwrap().get(name).map(|value| value.as_str().to_owned());
        let id: Uuid = header("ce-id").unwrap().parse().unwrap();
        let data: Value = serde_json::from_slice(&command.payload).unwrap();
        let answer = json!({
            "specversion": "1.0",
            "id": Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes()),
            "source": "/hotel",
            "type": "Booked",
            "subject": format!("hotel/{}", header("ce-aggregateid").unwrap()),
            "causationid": id,
            "data": {"room": data["n"].as_i64().unwrap() + 100},
        });
        for _ in 0..2 {
            jetstream.publish("answers.hotel", answer.to_string().into()).await.unwrap().await.unwrap();
        }
        command.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_runs_with_a_participant_on_nats() {
    // given
    let (rig, folder) = (NatsRig::start(""), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let mut baton = Baton::new(url, folder.path().join("baton.log"));
    baton.extra_env = vec![("BATON_BUS_URL".into(), rig.url()), ("BATON_BUS_SUBSCRIBE".into(), "answers.>".into())];
    tokio::spawn(participant(rig.jetstream().await));
    baton.start().await;
    baton.api(Method::PUT, "/processes/booking/draft", json!({"source": BOOKING})).await;
    baton.api(Method::POST, "/processes/booking/versions", json!({})).await;

    // when
    let mut instances = Vec::new();
    for n in 0..20 {
        let started = baton.api(Method::POST, "/processes/booking/instances", json!({"input": {"n": n}})).await;
        instances.push(started["id"].as_str().unwrap().to_owned());
    }

    // then
    for (n, id) in instances.iter().enumerate() {
        let path = format!("/api/v1/instances/{id}");
        until("the process completes", || async {
            let answer = baton.request(Method::GET, &path, None).await.unwrap().1;
            assert_ne!(answer["state"], "failed", "{answer}");
            answer["state"] == "completed"
        })
        .await;
        let answer = baton.request(Method::GET, &path, None).await.unwrap().1;
        assert_eq!(answer["variables"]["room"], n + 100, "{answer}");
    }
    let about = baton.request(Method::GET, "/api/v1/about", None).await.unwrap().1;
    assert_eq!(about["bus_condition"]["connected"], true, "{about}");

    // when: something comes in that cannot be read
    rig.jetstream().await.publish("answers.hotel", "nonsense".into()).await.unwrap().await.unwrap();
    // then: it stands among the failures, with what to do
    until("the failure is shown", || async {
        let found = baton.request(Method::GET, "/api/v1/messages?type=baton.Unreadable", None).await.unwrap().1;
        found["items"].as_array().is_some_and(|items| items.len() == 1 && items[0]["state"] == "dead")
    })
    .await;
    assert_eq!(baton.request(Method::GET, "/readyz", None).await.unwrap().1["bus"], "connected");
}

/// As another program would post it.
fn posted(message: &Message) -> Value {
    json!({"id": message.id.0, "type": message.message_type, "aggregate_type": message.key.aggregate_type,
        "aggregate_id": message.key.aggregate_id, "payload": message.payload, "correlation_id": "c 1"})
}

async fn post(baton: &Baton, messages: &[Arc<Message>]) {
    let messages: Vec<Value> = messages.iter().map(|message| posted(message)).collect();
    baton.api(Method::POST, "/messages", json!(messages)).await;
}

async fn count(rig: &NatsRig) -> u64 {
    match rig.jetstream().await.get_stream("BATON").await {
        Ok(stream) => stream.cached_info().state.messages,
        Err(_) => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_under_the_relay_is_seen_and_nothing_is_lost() {
    // given: some of it is out
    let (mut rig, folder) = (NatsRig::start(""), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let mut baton = Baton::new(url, folder.path().join("baton.log"));
    baton.extra_env = vec![("BATON_BUS_URL".into(), rig.url())];
    baton.start().await;
    let sent = events(5_000, 20);
    post(&baton, &sent[..1_000]).await;
    until("some is published", || async { count(&rig).await > 100 }).await;

    // when
    rig.kill();
    for batch in sent[1_000..].chunks(1_000) {
        post(&baton, batch).await;
    }

    // then: it is said everywhere, and is nobody's failure
    until("it is away", || async { baton.request(Method::GET, "/readyz", None).await.unwrap().1["bus"] == "away" })
        .await;
    let bus = baton.request(Method::GET, "/api/v1/bus", None).await.unwrap().1;
    assert_eq!(bus["condition"]["connected"], false, "{bus}");
    assert!(bus["condition"]["error"].as_str().unwrap().contains("NATS"), "{bus}");
    assert_eq!((&bus["queued"], &bus["retrying"], &bus["dead"]), (&json!(0), &json!(0), &json!(0)), "{bus}");
    assert!(!bus["oldest_open_at"].is_null(), "what waits is seen: {bus}");

    // when
    rig.resume();
    // then
    until("all is published", || async { count(&rig).await >= 5_000 }).await;
    check(&sent, &rig.stored(5_000).await);
    until("it is connected", || async {
        baton.request(Method::GET, "/readyz", None).await.unwrap().1["bus"] == "connected"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_broker_finds_too_large_stands_among_the_failures_and_others_go_on() {
    let (rig, folder) = (NatsRig::start("max_payload: 262144\n"), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let mut baton = Baton::new(url, folder.path().join("baton.log"));
    baton.extra_env = vec![("BATON_BUS_URL".into(), rig.url())];
    baton.start().await;
    let mut huge = (*event("a", 0)).clone();
    huge.payload = json!({"n": 0, "text": "x".repeat(600_000)});
    let (behind, other) = (event("a", 1), event("b", 0));
    post(&baton, &[Arc::new(huge.clone()), behind.clone(), other.clone()]).await;
    let delivery = async |message: &Message| {
        let path = format!("/api/v1/messages/{}", message.id);
        let found = baton.request(Method::GET, &path, None).await.unwrap().1;
        found["deliveries"][0].clone()
    };
    until("it failed", || async { delivery(&huge).await["failure_class"] == "too-large" }).await;
    let failed = delivery(&huge).await;
    assert!(failed["error"].as_str().unwrap().contains("max_payload"), "{failed}");
    assert_eq!(delivery(&behind).await["state"], "parked");
    until("others go on", || async { count(&rig).await == 1 }).await;
    check(&[other], &rig.stored(1).await);
}
