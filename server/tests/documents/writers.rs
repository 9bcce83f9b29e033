//! Applications that write while events are taken in lose nothing, and what they do to events is no error.

use mongodb::{
    Collection,
    bson::{Document, doc},
};

use crate::rig::{Rig, event, left, marks, order};

/// Appends events and changes other fields, in one update each, as an application would.
async fn write(orders: Collection<Document>, id: &'static str, count: i64) {
    for n in 0..count {
        let update = doc! { "$push": { "outbox": event(n) }, "$set": { "total": n }, "$inc": { "version": 1 } };
        orders.update_one(doc! { "_id": id }, update).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_meanwhile_loses_nothing() {
    const COUNT: i64 = 150;
    for mark in [false, true] {
        let mut rig = Rig::start(|s| {
            if mark {
                marks(s)
            }
        })
        .await;
        let orders = rig.application().await;
        let ids = ["o-1", "o-2", "o-3"];
        orders.insert_many(ids.map(|id| doc! { "_id": id, "version": 0, "outbox": [] })).await.unwrap();
        let writers = ids.map(|id| tokio::spawn(write(orders.clone(), id, COUNT)));
        let mut reader = rig.reader().await.unwrap();
        rig.take_until(reader.as_mut(), ids.len() * COUNT as usize).await;
        for writer in writers {
            writer.await.unwrap();
        }
        rig.take_all(reader.as_mut()).await;
        for id in ids {
            assert_eq!(rig.numbers().await[id], (0..COUNT).collect::<Vec<_>>());
            let document = orders.find_one(doc! { "_id": id }).await.unwrap().unwrap();
            assert_eq!(document.get_i64("total").unwrap(), COUNT - 1);
            assert_eq!(document.get_i32("version").unwrap(), COUNT as i32);
            assert_eq!(document.get_array("outbox").unwrap().len(), if mark { COUNT as usize } else { 0 });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_added_between_reading_and_settling_stay() {
    for mark in [false, true] {
        let mut rig = Rig::start(|s| {
            if mark {
                marks(s)
            }
        })
        .await;
        let orders = rig.application().await;
        orders.insert_one(order("o-1", 0..2)).await.unwrap();
        let mut reader = rig.reader().await.unwrap();
        let batch = reader.next(10).await.unwrap();
        // In front of the others, behind them, and beside the list.
        let first =
            doc! { "$push": { "outbox": { "$each": [event(7)], "$position": 0 } }, "$set": { "state": "paid" } };
        orders.update_one(doc! { "_id": "o-1" }, first).await.unwrap();
        orders.update_one(doc! { "_id": "o-1" }, doc! { "$push": { "outbox": event(8) } }).await.unwrap();
        rig.hand_in(reader.as_mut(), batch).await.unwrap();
        let open: Vec<i64> = (left(&orders, "o-1").await.iter())
            .filter_map(|event| event.as_document().filter(|event| !event.contains_key("published_at")))
            .map(|event| event.get_i64("id").unwrap())
            .collect();
        assert_eq!(open, [7, 8]);
        rig.take_all(reader.as_mut()).await;
        assert_eq!(rig.numbers().await["o-1"], [0, 1, 7, 8]);
        let document = orders.find_one(doc! { "_id": "o-1" }).await.unwrap().unwrap();
        assert_eq!(document.get_str("state").unwrap(), "paid");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_application_removes_meanwhile_is_no_error() {
    for mark in [false, true] {
        let mut rig = Rig::start(|s| {
            if mark {
                marks(s)
            }
        })
        .await;
        let orders = rig.application().await;
        let ids = ["some", "all", "gone", "text", "field"];
        orders.insert_many(ids.map(|id| order(id, 0..2))).await.unwrap();
        let mut reader = rig.reader().await.unwrap();
        let batch = reader.next(100).await.unwrap();
        assert_eq!(batch.found.len(), 10);
        let change = |id: &'static str, update: Document| orders.update_one(doc! { "_id": id }, update);
        change("some", doc! { "$pull": { "outbox": { "id": 0_i64 } } }).await.unwrap();
        change("all", doc! { "$set": { "outbox": [] } }).await.unwrap();
        orders.delete_one(doc! { "_id": "gone" }).await.unwrap();
        change("text", doc! { "$set": { "outbox": "none" } }).await.unwrap();
        change("field", doc! { "$unset": { "outbox": 1 } }).await.unwrap();
        rig.hand_in(reader.as_mut(), batch).await.unwrap();
        rig.take_all(reader.as_mut()).await;
        let numbers = rig.numbers().await;
        assert!(ids.iter().all(|id| numbers[*id] == [0, 1]), "{numbers:?}");
        assert_eq!(rig.refusals().await, Vec::<String>::new());
        let document = orders.find_one(doc! { "_id": "text" }).await.unwrap().unwrap();
        assert_eq!(document.get_str("outbox").unwrap(), "none");
    }
}

/// An application that reads a document, changes it and writes all of it back brings back what was taken out meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_document_written_back_has_no_effect_twice() {
    for mark in [false, true] {
        let mut rig = Rig::start(|s| {
            if mark {
                marks(s)
            }
        })
        .await;
        let orders = rig.application().await;
        orders.insert_one(order("o-1", 0..3)).await.unwrap();
        let mut stale = orders.find_one(doc! { "_id": "o-1" }).await.unwrap().unwrap();
        let mut reader = rig.reader().await.unwrap();
        rig.take_all(reader.as_mut()).await;

        stale.get_array_mut("outbox").unwrap().push(event(3).into());
        stale.insert("state", "shipped");
        orders.replace_one(doc! { "_id": "o-1" }, &stale).await.unwrap();
        assert_eq!(reader.waiting().await.unwrap(), Some(4));
        rig.take_all(reader.as_mut()).await;

        assert_eq!(rig.numbers().await["o-1"], [0, 1, 2, 3]);
        assert_eq!(reader.waiting().await.unwrap(), Some(0));
        let document = orders.find_one(doc! { "_id": "o-1" }).await.unwrap().unwrap();
        assert_eq!(document.get_str("state").unwrap(), "shipped");
    }
}

/// An application that never learns: the event comes back whenever it is taken out, and others are not held up by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_back_again_and_again_is_left_where_it_is() {
    let mut rig = Rig::start(|_| {}).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    for _ in 0..3 {
        assert_eq!(rig.take(reader.as_mut()).await.unwrap(), 1);
        orders.replace_one(doc! { "_id": "o-1" }, order("o-1", 0..1)).await.unwrap();
    }
    orders.insert_one(order("o-2", 0..1)).await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(left(&orders, "o-1").await.len(), 1);
    assert_eq!(left(&orders, "o-2").await.len(), 0);
    assert_eq!(rig.messages().await.len(), 2);
}
