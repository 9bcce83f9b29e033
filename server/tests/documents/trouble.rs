//! What is wrong over there is said with what to do about it, holds up nothing else, and passes when it is put right.

use std::time::Duration;

use baton_domain::source::DocumentMode;
use baton_server::source::SourceError;
use baton_testkit::MongoDb;
use mongodb::bson::{Bson, DateTime, doc};
use serde_json::json;

use crate::rig::{Rig, collection, event, left, marks, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_is_shown_and_holds_up_nobody() {
    for mark in [false, true] {
        let mut rig = Rig::start(|s| {
            if mark {
                marks(s)
            }
        })
        .await;
        let orders = rig.application().await;
        let list: Vec<Bson> = vec![
            event(0).into(),
            doc! { "type": "NoId", "payload": { "a": 1 } }.into(),
            doc! { "id": 2_i64, "payload": {} }.into(),
            "a text".into(),
            doc! { "id": 3_i64, "type": "T", "payload": { "price": f64::NAN } }.into(),
            event(4).into(),
        ];
        orders.insert_many([doc! { "_id": "odd", "outbox": list }, order("o-2", 0..1)]).await.unwrap();
        let mut reader = rig.reader().await.unwrap();
        rig.take_all(reader.as_mut()).await;

        assert_eq!(rig.numbers().await["odd"], [0, 4]);
        assert_eq!(rig.numbers().await["o-2"], [0]);
        let refusals = rig.refusals().await;
        let expected = ["nothing under `id`", "type: nothing is there", "a text, not an event", "/payload/price: NaN"];
        assert_eq!(refusals.len(), expected.len());
        for (refusal, expected) in refusals.iter().zip(expected) {
            assert!(refusal.contains(expected), "{refusal}");
        }
        let kept = rig.messages().await;
        let kept = kept.iter().find(|row| row.message.payload["error"].to_string().contains("under `id`")).unwrap();
        assert!(kept.message.payload["row"].as_str().unwrap().contains("NoId"), "{:?}", kept.message.payload);
        // It is dealt with as what could be read: taken out, or marked where that is possible.
        let stays = if mark { 6 } else { 0 };
        assert_eq!(left(&orders, "odd").await.len(), stays);
        rig.reader().await.unwrap();
        rig.take_all(reader.as_mut()).await;
        assert_eq!(rig.messages().await.len(), 7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_is_no_list_is_told_of_and_read_when_it_is_one() {
    let mut rig = Rig::start(|s| s.batch = 3).await;
    let orders = rig.application().await;
    // The look for pending documents finds the object, since it has something under 0; the text is found by the check.
    let odd = [doc! { "_id": "object", "outbox": { "0": 1 } }, doc! { "_id": "text", "outbox": "none" }];
    orders.insert_many(odd).await.unwrap();
    orders.insert_many((0..5_i64).map(|id| order(id, 0..2))).await.unwrap();
    let report = rig.source().await.unwrap().check().await.unwrap();
    let found = report.diagnostics.iter().find(|one| one.pointer == "/events").unwrap();
    assert!(found.message.contains("not a list") && !found.is_error(), "{found:?}");

    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.numbers().await.len(), 5);
    assert_eq!(rig.refusals().await.len(), 1);
    assert!(rig.refusals().await[0].contains("an object, not a list"));
    orders.replace_one(doc! { "_id": "object" }, order("object", 0..2)).await.unwrap();
    orders.replace_one(doc! { "_id": "text" }, order("text", 0..2)).await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.numbers().await["object"], [0, 1]);
    assert_eq!(rig.numbers().await["text"], [0, 1]);
    assert_eq!(rig.refusals().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_documents_that_cannot_be_read_are_in_nobodys_way() {
    let mut rig = Rig::start(|s| s.batch = 5).await;
    let orders = rig.application().await;
    orders.insert_many((0..40).map(|id| doc! { "_id": id, "outbox": { "0": 1 } })).await.unwrap();
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.refusals().await.len(), 40);
    orders.insert_one(order("o-2", 0..1)).await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.numbers().await.len(), 2);
    assert_eq!(rig.refusals().await.len(), 40);
}

async fn opened(rig: &Rig) -> SourceError {
    rig.reader().await.err().expect("it cannot be read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_users_are_told_from_users_who_may_not() {
    let mut server = MongoDb::start(&[]).unwrap();
    let admin = mongodb::Client::with_uri_str(server.url()).await.unwrap().database("admin");
    for (name, role, database) in
        [("writer", "readWrite", "shop"), ("reader", "read", "shop"), ("other", "read", "else")]
    {
        let user = doc! { "createUser": name, "pwd": "hush", "roles": [{ "role": role, "db": database }] };
        admin.run_command(user).await.unwrap();
    }
    collection(&server.url()).await.insert_one(order("o-1", 0..1)).await.unwrap();
    drop(admin);
    server.stop().unwrap();
    server.resume_with_users().unwrap();

    let mut rig = Rig::on(server, |_| {}).await;
    let address = |rig: &Rig, user: &str| format!("{}&authSource=admin", rig.server.url_for(user));
    for (user, class, says) in [
        ("writer:wrong", "credentials", "user and password"),
        ("nobody:hush", "credentials", "user and password"),
        ("other:hush", "permission", "readWrite on `shop`"),
    ] {
        rig.lead_to(&address(&rig, user));
        let error = opened(&rig).await;
        assert_eq!(error.class(), class, "{error}");
        assert!(error.to_string().contains(says) && !error.to_string().contains("hush"), "{error}");
        assert!(rig.source().await.unwrap().check().await.is_err());
    }
    // May read, and not write: what was taken in cannot be settled, and that is said.
    rig.lead_to(&address(&rig, "reader:hush"));
    let mut reader = rig.reader().await.unwrap();
    let error = rig.take(reader.as_mut()).await.unwrap_err().to_string();
    assert!(error.contains("may not take events out of `shop.orders`"), "{error}");
    rig.lead_to(&address(&rig, "writer:hush"));
    let mut reader = rig.reader().await.unwrap();
    rig.take_all(reader.as_mut()).await;
    assert_eq!(rig.numbers().await["o-1"], [0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_waited_for() {
    let mut rig = Rig::start(|s| s.push = true).await;
    let orders = rig.application().await;
    orders.insert_one(order("o-1", 0..1)).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_until(reader.as_mut(), 1).await;
    orders.insert_one(order("o-2", 0..1)).await.unwrap();
    rig.server.stop().unwrap();
    let error = loop {
        match tokio::time::timeout(Duration::from_secs(30), rig.take(reader.as_mut())).await.expect("it is noticed") {
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("cannot be reached"), "{error}");
    let error = opened(&rig).await;
    assert_eq!(error.class(), "unreachable", "{error}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    rig.server.resume().unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_until(reader.as_mut(), 2).await;
    assert_eq!(rig.numbers().await["o-2"], [0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_address_is_refused_and_never_repeated() {
    let rig = Rig::start(|_| {}).await;
    for (address, says) in [
        ("postgres://me:hush@localhost/shop", "mongodb://"),
        ("hush", "mongodb://"),
        ("mongodb://me:hu@sh@localhost:port/", "percent-encoded"),
        ("mongodb://me:hush@localhost/?noSuchOption=hush&tls=perhaps", "cannot be read"),
    ] {
        rig.lead_to(address);
        let error = opened(&rig).await;
        assert_eq!(error.class(), "address", "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains("hu"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_do_not_fit_are_refused() {
    let mut rig = Rig::start(|_| {}).await;
    rig.application().await.insert_one(order("o-1", 0..1)).await.unwrap();
    rig.settings.mode = DocumentMode::Pull;
    rig.settings.published_at = Some("done".into());
    let error = opened(&rig).await;
    let SourceError::Mapping(found) = error else { panic!("{error:?}") };
    assert_eq!(found[0].pointer, "/published_at");
    // A collection that nobody has written to is read when somebody does.
    rig.settings.published_at = None;
    rig.settings.collection = "later".into();
    let report = rig.source().await.unwrap().check().await.unwrap();
    assert!(report.diagnostics.iter().any(|one| one.code == "missing-collection" && !one.is_error()), "{report:?}");
    let mut reader = rig.reader().await.unwrap();
    let later = rig.application().await.client().database("shop").collection("later");
    later.insert_one(order("o-1", 0..1)).await.unwrap();
    rig.take_until(reader.as_mut(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn special_values_arrive_as_the_guide_says() {
    let mut rig = Rig::start(|_| {}).await;
    let orders = rig.application().await;
    let uuid = mongodb::bson::Uuid::from_bytes([7; 16]);
    let payload = doc! {
        "when": DateTime::from_millis(1_000), "big": i64::MAX, "id": uuid, "price": "1.10".parse::<mongodb::bson::Decimal128>().unwrap(),
        "raw": mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes: vec![1, 2] },
    };
    orders.insert_one(doc! { "_id": uuid, "outbox": [{ "id": "a", "type": "T", "payload": payload }] }).await.unwrap();
    let mut reader = rig.reader().await.unwrap();
    rig.take_until(reader.as_mut(), 1).await;
    let message = rig.messages().await.remove(0).message;
    assert_eq!(message.key.aggregate_id, "07070707-0707-0707-0707-070707070707");
    let expected = json!({
        "when": "1970-01-01T00:00:01Z", "big": i64::MAX, "id": "07070707-0707-0707-0707-070707070707", "price": "1.10", "raw": "AQI=",
    });
    assert_eq!(message.payload, expected);
}
