//! Told by the server: a change is taken in at once, a restart goes on where the last one stopped, and what cannot be gone on
//! with begins anew, without a gap. Here the server is never asked in time, so whatever comes was told, or read at the start.

use std::time::{Duration, Instant};

use mongodb::{
    Collection,
    bson::{Document, doc},
};
use serde_json::{Value, json};

use crate::rig::{Rig, event, left, order, told};
use baton_testkit::MongoDb;

/// Sooner than it would ever be asked.
const SOON: Duration = Duration::from_secs(10);

async fn push(orders: &Collection<Document>, id: &str, n: i64) {
    orders.update_one(doc! { "_id": id }, doc! { "$push": { "outbox": event(n) } }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_taken_in_at_once() {
    let mut rig = Rig::start(told).await;
    let orders = rig.application().await;
    orders.insert_one(order("before", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.messages().await.len(), 1, "what was there is read first");

    // Inserted, changed, replaced; and what is nobody's business.
    let began = Instant::now();
    orders.insert_one(order("new", 0..2)).await.unwrap();
    rig.take_until(reader.as_mut(), 3).await;
    push(&orders, "before", 1).await;
    rig.take_until(reader.as_mut(), 4).await;
    orders.replace_one(doc! { "_id": "new" }, order("new", 2..4)).await.unwrap();
    rig.take_until(reader.as_mut(), 6).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    orders.update_one(doc! { "_id": "new" }, doc! { "$set": { "state": "paid" } }).await.unwrap();
    orders.delete_one(doc! { "_id": "before" }).await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.numbers().await["new"], [0, 1, 2, 3]);
    assert_eq!(rig.numbers().await["before"], [0, 1]);
    assert_eq!(left(&orders, "new").await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_event_waits_for_nothing() {
    let mut rig = Rig::start(told).await;
    let orders = rig.application().await;
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    let mut took = Vec::new();
    for n in 0..5_i64 {
        let began = Instant::now();
        orders.insert_one(order(n, 0..1)).await.unwrap();
        while rig.take(reader.as_mut()).await.unwrap() == 0 {}
        took.push(began.elapsed());
    }
    took.sort();
    assert!(took[2] < Duration::from_millis(500), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_goes_on_where_the_stream_was_read_up_to() {
    let mut rig = Rig::start(told).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    push(&orders, "o-1", 1).await;
    rig.take_until(reader.as_mut(), 2).await;
    let position = rig.position().await.expect("a position is written down");
    assert_eq!((&position["version"], &position["of"]), (&json!(1), &json!("shop.orders")));
    drop(reader);

    push(&orders, "o-1", 2).await;
    orders.insert_one(order("o-2", 0..600)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_until(reader.as_mut(), 603).await;
    assert_eq!(rig.numbers().await["o-1"], [0, 1, 2]);
    assert_eq!(rig.numbers().await["o-2"], (0..600).collect::<Vec<_>>());
    rig.take_all(reader.as_mut()).await;
    assert_ne!(rig.position().await, Some(position));
}

/// What was told and not taken in is told again: the position goes no further than what is safe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_down_before_everything_that_was_told_is_safe() {
    let mut rig = Rig::start(|s| {
        told(s);
        s.batch = 10;
    })
    .await;
    let orders = rig.application().await;
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    let before = rig.position().await;
    orders.insert_one(order("o-1", 0..25)).await.unwrap();
    rig.take(reader.as_mut()).await.unwrap();
    rig.take(reader.as_mut()).await.unwrap();
    assert_eq!(rig.position().await, before, "5 of 25 are not taken in");
    drop(reader);
    let mut reader = rig.reader().await.unwrap();
    rig.take_until(reader.as_mut(), 25).await;
    assert_eq!(rig.numbers().await["o-1"], (0..25).collect::<Vec<_>>());
    rig.take_all(reader.as_mut()).await;
    assert_ne!(rig.position().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_has_expired_is_noticed_and_nothing_is_left_out() {
    let server = MongoDb::start(&["--oplog-max-entries", "20"]).unwrap();
    let mut rig = Rig::on(server, told).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    let position = rig.position().await.expect("a position is written down");
    let token = orders.watch().await.unwrap().resume_token().unwrap();
    drop(reader);

    push(&orders, "o-1", 1).await;
    for n in 0..100 {
        orders.insert_one(doc! { "_id": format!("noise-{n}") }).await.unwrap();
    }
    let admin = orders.client().database("admin");
    admin.run_command(doc! { "secantusAdmin.pruneOplog": 1 }).await.unwrap();
    assert!(is_refused(&orders, token).await, "the server knows a token whose log is gone");

    let mut reader = rig.reader().await.unwrap();
    rig.take_until(reader.as_mut(), 2).await;
    assert_eq!(rig.numbers().await["o-1"], [0, 1]);
    rig.take_all(reader.as_mut()).await;
    // From then on it is told again.
    let began = Instant::now();
    push(&orders, "o-1", 2).await;
    rig.take_until(reader.as_mut(), 3).await;
    assert!(began.elapsed() < SOON);
    assert_ne!(rig.position().await, Some(position));
}

async fn is_refused(orders: &Collection<Document>, token: mongodb::change_stream::event::ResumeToken) -> bool {
    match orders.watch().resume_after(token).await {
        Err(_) => true,
        Ok(mut stream) => stream.next_if_any().await.is_err(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_about_something_else_is_not_gone_on_from() {
    let mut rig = Rig::start(told).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let source = rig.source().await.unwrap();
    let positions: [Value; 4] = [
        json!({"version": 2, "of": "shop.orders", "resume_token": "AA=="}),
        json!({"version": 1, "of": "shop.others", "resume_token": "AA=="}),
        json!({"version": 1, "of": "shop.orders", "resume_token": "no base64"}),
        json!("something"),
    ];
    for (n, position) in positions.into_iter().enumerate() {
        push(&orders, "o-1", n as i64 + 1).await;
        let mut reader = source.open(Some(position)).await.unwrap();
        rig.take_until(reader.as_mut(), n + 2).await;
    }
    assert_eq!(rig.numbers().await["o-1"], [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_that_is_dropped_and_made_anew_is_read_on() {
    let mut rig = Rig::start(told).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    orders.drop().await.unwrap();
    orders.insert_one(order("o-2", 0..1)).await.unwrap();
    rig.take_until(reader.as_mut(), 2).await;
    push(&orders, "o-2", 1).await;
    rig.take_until(reader.as_mut(), 3).await;
    assert_eq!(rig.numbers().await["o-2"], [0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_tells_nobody_is_asked() {
    let server = MongoDb::start(&["--standalone"]).unwrap();
    let mut rig = Rig::on(server, |s| s.push = true).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let report = rig.source().await.unwrap().check().await.unwrap();
    assert!(report.diagnostics.iter().any(|one| one.code == "no-push" && !one.is_error()), "{:?}", report.diagnostics);
    let mut reader = rig.reader().await.unwrap();
    rig.take_until(reader.as_mut(), 1).await;
    push(&orders, "o-1", 1).await;
    rig.take_until(reader.as_mut(), 2).await;
}
