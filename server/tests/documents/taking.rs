//! Taking in: every event once, in the order of its document; then it is taken out of the list, or marked in it.

use std::time::{Duration, Instant};

use baton_server::source::intake::Stop;
use futures::TryStreamExt;
use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use serde_json::json;

use crate::rig::{Dying, Rig, event, left, marks, order, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_taken_in_in_the_order_of_their_document_and_pulled_out() {
    let mut rig = Rig::start(|s| s.batch = 7).await;
    let orders = rig.application().await;
    let id = ObjectId::new();
    orders.insert_many([order(id, 0..5), order("o-2", 0..20), order(3_i64, 0..1), order(4, 0..0)]).await.unwrap();
    orders.insert_one(doc! { "_id": 5, "state": "draft" }).await.unwrap();

    let mut reader = rig.reader().await.unwrap();
    assert_eq!(reader.waiting().await.unwrap(), Some(26));
    rig.take_all(reader.as_mut()).await;

    let numbers = rig.numbers().await;
    assert_eq!(numbers[&id.to_hex()], (0..5).collect::<Vec<_>>());
    assert_eq!(numbers["o-2"], (0..20).collect::<Vec<_>>());
    assert_eq!(numbers["3"], [0]);
    assert_eq!(numbers.len(), 3);
    assert_eq!(rig.messages().await[0].message.source, "shop");
    for id in [Bson::from(id), "o-2".into(), 3_i64.into(), 4.into()] {
        assert_eq!(left(&orders, id).await, []);
    }
    // Nothing else of the documents has changed.
    let draft = orders.find_one(doc! { "_id": 5 }).await.unwrap().unwrap();
    assert_eq!(draft, doc! { "_id": 5, "state": "draft" });
    assert_eq!(orders.find_one(doc! { "_id": "o-2" }).await.unwrap().unwrap().get_str("state").unwrap(), "placed");
    assert_eq!(reader.waiting().await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_marked_stays_and_is_taken_in_once() {
    let mut rig = Rig::start(marks).await;
    let orders = rig.application().await;
    orders.insert_many([order("o-1", 0..3), order("o-2", 0..0)]).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    let marked = left(&orders, "o-1").await;
    let at = |event: &Bson| event.as_document().unwrap().get_datetime("published_at").unwrap().timestamp_millis();
    assert_eq!(marked.len(), 3);
    assert!(marked.iter().all(|event| at(event) > DateTime::from_millis(1_600_000_000_000).timestamp_millis()));

    // Beside those that are marked, a new one is found and nothing else; and marks stay what they are.
    orders.update_one(doc! { "_id": "o-1" }, doc! { "$push": { "outbox": event(3) } }).await.unwrap();
    assert_eq!(reader.waiting().await.unwrap(), Some(1));
    assert_eq!(rig.take(reader.as_mut()).await.unwrap(), 1);
    assert_eq!(left(&orders, "o-1").await[..3], marked);
    assert_eq!(rig.numbers().await["o-1"], [0, 1, 2, 3]);

    // Another reader knows from the documents what was taken in.
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.messages().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_and_lists_may_be_anywhere_in_a_document() {
    let mut rig = Rig::start(|s| {
        s.mapping.key = "head.id".into();
        s.events = "meta.outbox".into();
        s.mapping.message_type = "head#/type".into();
        s.mapping.aggregate_id = "$document#/meta/number".into();
        s.mapping.aggregate_version = Some("$document#/version".into());
        s.mapping.headers = Some("headers".into());
        marks(s);
        s.published_at = Some("head.done".into());
    })
    .await;
    let orders = rig.application().await;
    let payload =
        doc! { "total": "12.5".parse::<mongodb::bson::Decimal128>().unwrap(), "at": DateTime::from_millis(5) };
    let event = doc! { "head": { "id": ObjectId::new(), "type": "Placed" }, "payload": payload, "headers": { "tenant": "a", "n": 1 } };
    orders
        .insert_one(doc! { "_id": 1, "version": 7_i64, "meta": { "number": "N-1", "outbox": [event] } })
        .await
        .unwrap();
    let mut reader = rig.reader().await.unwrap();
    assert_eq!(rig.take(reader.as_mut()).await.unwrap(), 1);
    let message = rig.messages().await.remove(0).message;
    assert_eq!((message.message_type.as_str(), message.key.aggregate_id.as_str()), ("Placed", "N-1"));
    assert_eq!(message.aggregate_version, Some(7));
    assert_eq!(message.payload, json!({"total": "12.5", "at": "1970-01-01T00:00:00.005Z"}));
    assert_eq!((message.headers["tenant"].as_str(), message.headers["n"].as_str()), ("a", "1"));
    let done = orders.find_one(doc! { "meta.outbox.head.done": { "$type": "date" } }).await.unwrap();
    assert!(done.is_some());
    assert_eq!(reader.waiting().await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_index_is_made_and_one_that_is_there_is_left_alone() {
    let mut rig = Rig::start(|_| {}).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let warned = rig.source().await.unwrap().check().await.unwrap().diagnostics;
    assert!(warned.iter().any(|one| one.code == "no-index" && one.message.contains("createIndex")), "{warned:?}");
    for _ in 0..2 {
        let mut reader = rig.reader().await.unwrap();
        rig.take_all(reader.as_mut()).await;
        let names = || async { orders.list_index_names().await.unwrap() };
        until("the index is made", || async { names().await.len() == 2 }).await;
        assert_eq!(names().await, ["_id_", "baton_pull_outbox"]);
    }
    let indexes: Vec<_> = orders.list_indexes().await.unwrap().try_collect().await.unwrap();
    let filter = indexes[1].options.clone().unwrap().partial_filter_expression.unwrap();
    assert_eq!(filter, doc! { "outbox.0": { "$exists": true } });
    let report = rig.source().await.unwrap().check().await.unwrap();
    assert_eq!(report.diagnostics, []);
    // With it, reading goes on as before; and without it again.
    orders.insert_one(order("o-2", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    assert_eq!(rig.take(reader.as_mut()).await.unwrap(), 1);
    orders.drop_index("baton_pull_outbox").await.unwrap();
    orders.insert_one(order("o-3", 0..1)).await.unwrap();
    rig.take_until(reader.as_mut(), 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_any_two_steps_doubles_and_loses_nothing() {
    for mark in [false, true] {
        let mut rig = Rig::start(|s| {
            if mark {
                marks(s)
            }
        })
        .await;
        let orders = rig.application().await;
        orders.insert_many([order("o-1", 0..3), order("o-2", 0..2)]).await.unwrap();
        for after_work in [false, true] {
            let mut dying = Dying { reader: rig.reader().await.unwrap(), after_work };
            let died = rig.take(&mut dying).await;
            assert!(matches!(died, Err(Stop::Source(_))), "{died:?}");
            assert_eq!(rig.messages().await.len(), 5, "what was taken in is safe");
        }
        let mut reader = rig.reader().await.unwrap();
        orders.update_one(doc! { "_id": "o-1" }, doc! { "$push": { "outbox": event(3) } }).await.unwrap();
        rig.take_until(reader.as_mut(), 6).await;
        rig.take_all(reader.as_mut()).await;
        assert_eq!(rig.numbers().await["o-1"], [0, 1, 2, 3]);
        assert_eq!(rig.numbers().await["o-2"], [0, 1]);
        assert_eq!(reader.waiting().await.unwrap(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_ten_thousand_is_taken_in_within_a_minute() {
    const DOCUMENTS: i64 = 1_000;
    let mut rig = Rig::start(|s| s.batch = 1_000).await;
    let orders = rig.application().await;
    let mut reader = rig.reader().await.unwrap();
    until("the index is made", || async { orders.list_index_names().await.is_ok_and(|names| names.len() == 2) }).await;
    let backlog: Vec<Document> = (0..DOCUMENTS).map(|id| order(id, 0..9)).collect();
    orders.insert_many(backlog).await.unwrap();
    orders.insert_one(order("long", 0..1_000)).await.unwrap();
    let began = Instant::now();
    let mut taken = 0;
    while taken < 10_000 {
        taken += rig.take(reader.as_mut()).await.unwrap();
    }
    let took = began.elapsed();
    eprintln!("10,000 events in {took:?}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    let numbers = rig.numbers().await;
    assert_eq!(numbers["long"], (0..1_000).collect::<Vec<_>>());
    assert!((0..DOCUMENTS).all(|id| numbers[&id.to_string()] == [0, 1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(orders.count_documents(doc! { "outbox.0": { "$exists": true } }).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_events_and_messages_and_changes_nothing() {
    let rig = Rig::start(|_| {}).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..3)).await.unwrap();
    let source = rig.source().await.unwrap();
    let report = source.check().await.unwrap();
    let columns: Vec<&str> = report.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["id", "payload", "type", "$document"]);
    assert_eq!(report.waiting, Some(3));
    let found = source.preview(2).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].place, "o-1 / 1");
    assert_eq!(found[1].row, json!({"id": 1, "type": "OrderPlaced", "payload": {"n": 1}}));
    assert_eq!(found[1].message.as_ref().unwrap().payload, json!({"n": 1}));
    assert_eq!(left(&orders, "o-1").await.len(), 3);
    assert_eq!(orders.list_index_names().await.unwrap(), ["_id_"]);
    assert_eq!(rig.messages().await.len(), 0);
}
