//! The whole server: stored over the HTTP interface, read by the running node, shown as every other message.

use baton_testkit::MongoDb;
use mongodb::bson::doc;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    rig::{collection, event, left, order, until},
    support::baton::Baton,
};

fn settings(change: Value) -> Value {
    let mut settings = json!({
        "kind": "documents", "server": "env:SHOP_DOCUMENTS", "database": "shop", "collection": "orders", "mode": "pull",
        "poll_ms": 60_000,
        "mapping": {
            "key": "id", "type": "type", "aggregate_type": "'order'", "aggregate_id": "$document#/_id", "payload": "payload",
        },
    });
    for (name, value) in change.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

async fn taken(baton: &Baton) -> u64 {
    let source = baton.api(Method::GET, "/sources/shop", Value::Null).await;
    assert_eq!(source["error"], Value::Null, "{source}");
    source["taken"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_documents_become_messages_also_after_a_crash() {
    let server = MongoDb::start(&[]).unwrap();
    let orders = collection(&server.url()).await;
    orders.insert_one(order("o-1", 0..3)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let mut baton = Baton::new(url, folder.path().join("baton.log"));
    baton.extra_env = vec![("SHOP_DOCUMENTS".into(), server.url())];
    baton.start().await;

    // What does not fit is refused where it stands; nothing is stored then.
    for (change, pointer) in [
        (json!({"collection": "a$b"}), "/collection"),
        (json!({"server": "mongodb://me:hush@localhost/"}), "/server"),
        (json!({"server": "env:BATON_TEST_NO_SUCH_VARIABLE"}), "/server"),
    ] {
        let body = settings(change);
        let (status, answer) = baton.request(Method::PUT, "/api/v1/sources/shop", Some((&body, &[]))).await.unwrap();
        assert_eq!(status, 422, "{answer}");
        assert!(answer.to_string().contains(pointer) && !answer.to_string().contains("hush"), "{answer}");
    }

    baton.api(Method::PUT, "/sources/shop", settings(json!({}))).await;
    until("three are taken in", || async { taken(&baton).await == 3 }).await;
    // The server is asked every twenty minutes, so this is told.
    orders.update_one(doc! { "_id": "o-1" }, doc! { "$push": { "outbox": event(3) } }).await.unwrap();
    until("a fourth is taken in", || async { taken(&baton).await == 4 }).await;

    baton.kill();
    orders.update_one(doc! { "_id": "o-1" }, doc! { "$push": { "outbox": event(4) } }).await.unwrap();
    orders.insert_one(order("o-2", 0..2)).await.unwrap();
    baton.start().await;
    until("the others are taken in", || async { taken(&baton).await == 7 }).await;
    let page = baton.api(Method::GET, "/messages?aggregate_type=order&limit=100", Value::Null).await;
    let mut numbers: Vec<(String, i64)> = (page["items"].as_array().unwrap().iter())
        .map(|item| (item["aggregate_id"].as_str().unwrap().to_owned(), item["seq"].as_i64().unwrap_or_default()))
        .collect();
    numbers.sort();
    let of = |id: &str| numbers.iter().filter(|(key, _)| key == id).count();
    assert_eq!((of("o-1"), of("o-2")), (5, 2), "{page}");
    until("the documents are empty", || async { left(&orders, "o-1").await.is_empty() }).await;
}
