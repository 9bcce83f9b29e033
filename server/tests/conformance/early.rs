//! Events that came before any instance waited for them by value: kept, found, taken once, or told of.

use std::sync::Arc;

use baton_domain::{
    ids::{InstanceId, MessageId},
    message::Message,
};
use baton_server::store::{
    self, OpenOptions, Store, StoreError,
    rows::{
        BUS, Changes, Claim, CleanKind, Decided, EARLY_PER_VALUE_MAX, ENGINE, EarlyEvent, Expired, Instant, Look,
        Looked, Repair, RepairFilter, Settlement, WaitRow,
    },
};
use serde_json::json;

use crate::support::*;

on_both!(
    the_oldest_event_kept_for_a_value_is_found,
    what_is_taken_is_gone_for_everybody,
    an_expired_event_is_not_found_and_becomes_a_failure_that_people_see,
    an_event_whose_row_is_gone_is_put_back_to_be_seen,
    what_is_kept_above_the_bound_goes_oldest_first,
    a_value_for_which_enough_is_kept_is_full,
    what_is_sent_again_is_kept_again_once,
    what_nobody_took_goes_with_its_message,
    an_event_and_its_wait_never_miss_each_other,
);

fn wait(value: &str) -> (String, String) {
    ("OrderPlaced".to_owned(), value.to_owned())
}

fn kept(message: &Message, value: &str, expires_at: Instant) -> EarlyEvent {
    EarlyEvent { message: message.clone(), values: vec![value.to_owned()], expires_at }
}

async fn keep(fixture: &Fixture, events: Vec<EarlyEvent>) {
    let changes = Changes { now: Some(in_seconds(-60)), early_kept: events, ..Changes::default() };
    fixture.step(Claim::default(), |_| changes).await.unwrap();
}

/// What a step that looks finds; then it changes `changes`.
async fn look(
    store: &dyn Store,
    (wanted, except, kept): (&[&str], &[MessageId], &[&str]),
    changes: Changes,
) -> Result<Looked, StoreError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let look = Look {
        wanted: wanted.iter().map(|value| wait(value)).collect(),
        except: except.to_vec(),
        kept: kept.iter().map(|value| wait(value)).collect(),
    };
    let then = Box::new(move |looked| {
        sender.send(looked).expect("the test waits");
        changes.into()
    });
    store.transact(Claim::default(), Box::new(|_| Decided::Look(look, then))).await?;
    Ok(receiver.recv().expect("the decision went on"))
}

async fn found(fixture: &Fixture, wanted: &[&str], except: &[MessageId]) -> Vec<(String, Message)> {
    let looked = look(&*fixture.store, (wanted, except, &[]), Changes::default()).await.unwrap();
    let mut found: Vec<_> = looked.found.into_iter().map(|((_, value), message)| (value, message)).collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

async fn the_oldest_event_kept_for_a_value_is_found(fixture: Fixture) {
    let (first, second, mut other) = (event("1"), event("2"), event("3"));
    other.payload = json!({"exact": 1.50, "text": "ü '\" \\"});
    let later = in_seconds(60);
    keep(&fixture, vec![kept(&first, "a", later), kept(&second, "a", later)]).await;
    keep(&fixture, vec![EarlyEvent { values: vec!["b".into(), "c".into()], ..kept(&other, "", later) }]).await;

    let all = found(&fixture, &["a", "b", "c", "d"], &[]).await;
    let expected = [("a", &first), ("b", &other), ("c", &other)].map(|(value, it)| (value.to_owned(), it.clone()));
    assert_eq!(all, expected);
    assert_eq!(found(&fixture, &["a"], &[first.id]).await, [("a".to_owned(), second.clone())]);
    assert_eq!(found(&fixture, &["a"], &[first.id, second.id]).await, []);
}

async fn what_is_taken_is_gone_for_everybody(fixture: Fixture) {
    let message = event("1");
    let values = vec!["a".to_owned(), "b".to_owned()];
    keep(&fixture, vec![EarlyEvent { values, ..kept(&message, "", in_seconds(60)) }]).await;
    let taking = || Changes { early_taken: vec![message.id], messages: vec![event("2")], ..Changes::default() };

    look(&*fixture.store, (&["a"], &[], &[]), taking()).await.unwrap();

    assert_eq!(found(&fixture, &["a", "b"], &[]).await, []);
    let error = look(&*fixture.store, (&["a"], &[], &[]), taking()).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}outbox").await, 1, "the second step wrote nothing");
}

async fn an_expired_event_is_not_found_and_becomes_a_failure_that_people_see(fixture: Fixture) {
    let (over, living) = (event("1"), event("2"));
    let fence = fixture.fence().await;
    fixture.append(&[over.clone(), living.clone()]).await;
    publish(&fixture).await;
    keep(&fixture, vec![kept(&over, "a", in_seconds(-1)), kept(&living, "b", in_seconds(60))]).await;

    assert_eq!(found(&fixture, &["a"], &[]).await, []);
    let expired = fixture.store.expire_early(now(), 1_000, 10).await.unwrap();
    assert_eq!(expired, Expired { unclaimed: vec![over.id], kept: 2 });
    let again = fixture.store.expire_early(now(), 1_000, 10).await.unwrap();
    assert_eq!(again, Expired { unclaimed: vec![], kept: 1 }, "it is told of once");

    let failures = fixture.store.list_failures().await.unwrap();
    let [failure] = failures.as_slice() else { panic!("{failures:?}") };
    assert_eq!((failure.destination.as_str(), failure.failure_class.as_str()), (ENGINE, "unclaimed"));
    let sentence = "No instance waits for this OrderPlaced: nothing came to wait for \"a\" as long as it was kept.";
    assert_eq!((failure.sample_message, failure.sample_error.as_str()), (over.id, sentence));
    // It is in nobody's way: neither what comes later of its key, nor at any destination.
    assert!(!fixture.store.has_open_deliveries(BUS).await.unwrap());
    assert_eq!(fixture.unpublished(&fence).await, []);
}

/// As if everything in the outbox had gone out long ago.
async fn publish(fixture: &Fixture) {
    let fence = fixture.fence().await;
    let published = fixture.unpublished(&fence).await.iter().map(|row| row.0).collect();
    let now = Some(at("2026-01-01T00:00:00Z"));
    fixture.store.settle(&fence, Settlement { published, now, ..Settlement::default() }).await.unwrap();
}

async fn an_event_whose_row_is_gone_is_put_back_to_be_seen(fixture: Fixture) {
    let fence = fixture.fence().await;
    let mut message = event("1");
    message.deliver_after = Some(in_seconds(3_600));
    keep(&fixture, vec![kept(&message, "a", in_seconds(-1))]).await;

    fixture.store.expire_early(now(), 1_000, 10).await.unwrap();

    let (row, deliveries) = fixture.store.read_message(message.id).await.unwrap().expect("it is there again");
    assert_eq!((row.message.payload, row.message.key), (message.payload, message.key));
    assert_eq!(deliveries.iter().map(|it| it.destination.as_str()).collect::<Vec<_>>(), [ENGINE]);
    // It does not go out once more.
    assert_eq!(fixture.unpublished(&fence).await, []);
    assert!(fixture.store.read_unpublished(&fence, in_seconds(7_200), 10, &[]).await.unwrap().is_empty());
}

async fn what_is_kept_above_the_bound_goes_oldest_first(fixture: Fixture) {
    let messages: Vec<Message> = (0..5).map(|number| event(&number.to_string())).collect();
    let later = in_seconds(60);
    keep(&fixture, messages.iter().map(|it| kept(it, &it.key.aggregate_id, later)).collect()).await;

    let expired = fixture.store.expire_early(now(), 2, 2).await.unwrap();
    assert_eq!(expired.kept, 5);
    let gone: std::collections::HashSet<_> = expired.unclaimed.into_iter().collect();
    assert_eq!(gone, [messages[0].id, messages[1].id].into(), "so many at a time");
    assert_eq!(fixture.store.expire_early(now(), 2, 2).await.unwrap().unclaimed, [messages[2].id]);
    assert_eq!(fixture.store.expire_early(now(), 2, 2).await.unwrap().unclaimed, []);
    let failures = fixture.store.list_failures().await.unwrap();
    assert!(failures[0].count == 3 && failures[0].sample_error.contains("more events are kept"), "{failures:?}");
}

async fn a_value_for_which_enough_is_kept_is_full(fixture: Fixture) {
    let later = in_seconds(60);
    let many = (0..EARLY_PER_VALUE_MAX).map(|number| kept(&event(&number.to_string()), "a", later)).collect();
    keep(&fixture, many).await;
    keep(&fixture, vec![kept(&event("x"), "b", later)]).await;
    let one_more = event("y");
    // What is told of at once is not kept for anybody.
    let changes = Changes { now: Some(now()), early_kept: vec![kept(&one_more, "a", now())], ..Changes::default() };

    let looked = look(&*fixture.store, (&[], &[], &["a", "b"]), changes).await.unwrap();

    assert_eq!(looked.full, [wait("a")]);
    let expired = fixture.store.expire_early(in_seconds(1), 1_000, 10).await.unwrap();
    assert_eq!(expired.unclaimed, [one_more.id]);
    let failures = fixture.store.list_failures().await.unwrap();
    assert!(failures[0].sample_error.contains("100 events are kept for \"a\" already"), "{failures:?}");
}

async fn what_is_sent_again_is_kept_again_once(fixture: Fixture) {
    let message = event("1");
    keep(&fixture, vec![kept(&message, "a", in_seconds(-1))]).await;
    fixture.store.expire_early(now(), 1_000, 10).await.unwrap();
    let filter = RepairFilter { message_id: Some(message.id), ..RepairFilter::default() };
    let edited = Some(json!({"order": "b"}));
    let repair = Repair::Retry { edited_payload: edited.clone() };
    assert_eq!(fixture.store.repair(&filter, &repair, audit("retry", "message/1")).await.unwrap(), 1);

    let fence = fixture.fence().await;
    let due = fixture.due(&fence, ENGINE).await;
    assert_eq!((due.len(), &due[0].edited_payload), (1, &edited));
    let again = [(due[0].id, kept(&message, "b", in_seconds(-1)))];
    fixture.store.keep_again(&again, now()).await.unwrap();
    assert_eq!(fixture.state(due[0].id).await, "delivered");
    fixture.store.expire_early(now(), 1_000, 10).await.unwrap();
    // Told of once more; and who is late to keep it again finds that it is nobody's turn.
    assert_eq!(fixture.state(due[0].id).await, "dead");
    fixture.store.keep_again(&again, now()).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}message_buffer").await, 0);
}

async fn what_nobody_took_goes_with_its_message(fixture: Fixture) {
    let message = event("1");
    fixture.append(std::slice::from_ref(&message)).await;
    publish(&fixture).await;
    keep(&fixture, vec![kept(&message, "a", in_seconds(-1))]).await;
    fixture.store.expire_early(now(), 1_000, 10).await.unwrap();

    let cleaned = fixture.store.clean(CleanKind::Messages, at("2026-01-01T00:00:01Z"), 10).await.unwrap();
    assert_eq!(cleaned.rows, 1);

    assert!(fixture.store.list_failures().await.unwrap().is_empty());
}

/// An event of a value arrives while an instance begins to wait for that value: either the event meets the wait, or the wait
/// finds the event. Two nodes on PostgreSQL, one on SQLite.
async fn an_event_and_its_wait_never_miss_each_other(fixture: Fixture) {
    let other = match fixture.is_postgres() {
        true => store::open(&fixture.url, OpenOptions::default()).await.unwrap(),
        false => Arc::clone(&fixture.store),
    };
    let (mut met, mut found) = (0, 0);
    for round in 0..60 {
        let value = round.to_string();
        let (arriving, waiting) = (Arc::clone(&fixture.store), Arc::clone(&other));
        let (for_event, for_wait) = (value.clone(), value.clone());
        let event = tokio::spawn(async move { meets(arriving, for_event).await });
        let wait = tokio::spawn(async move { begins(waiting, new_instance(), for_wait).await });
        let (meets, finds) = (event.await.unwrap(), wait.await.unwrap());
        assert!(meets != finds, "round {round}: the event met its wait: {meets}; the wait found its event: {finds}");
        (met, found) = (met + usize::from(meets), found + usize::from(finds));
    }
    assert_eq!(met + found, 60);
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}message_buffer").await, 0);
}

/// An event arrives; whether somebody waits for it. Else it is kept.
async fn meets(store: Arc<dyn Store>, value: String) -> bool {
    let message = event(&value);
    loop {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (message, value) = (message.clone(), value.clone());
        let claim = Claim { waits: vec![wait(&value)], ..messages(&[message.id]) };
        let decide = move |loaded: baton_server::store::rows::Loaded| {
            let waits = loaded.waits.contains_key(&wait(&value));
            sender.send(waits).expect("the test waits");
            if waits {
                return Changes::default().into();
            }
            let changes = Changes { early_kept: vec![kept(&message, &value, in_seconds(60))], ..Changes::default() };
            let then = Box::new(move |_| changes.into());
            Decided::Look(Look { kept: vec![wait(&value)], ..Look::default() }, then)
        };
        match store.transact(claim, Box::new(decide)).await {
            Ok(()) => return receiver.recv().expect("it was decided"),
            // Somebody began to wait since it was looked: look again.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// An instance begins to wait; whether something is kept for it.
async fn begins(store: Arc<dyn Store>, id: InstanceId, value: String) -> bool {
    let waits = WaitRow { instance: id, token: 1, event_type: "OrderPlaced".to_owned(), value: value.clone() };
    let changes = Changes { instances: vec![creation(instance(id))], waits_set: vec![waits], ..Changes::default() };
    let (sender, receiver) = std::sync::mpsc::channel();
    let then = Box::new(move |looked: Looked| {
        let taken: Vec<MessageId> = looked.found.iter().map(|(_, message)| message.id).collect();
        sender.send(!taken.is_empty()).expect("the test waits");
        Changes { early_taken: taken, ..changes }.into()
    });
    let look = Look { wanted: vec![wait(&value)], ..Look::default() };
    store.transact(Claim::default(), Box::new(|_| Decided::Look(look, then))).await.unwrap();
    receiver.recv().expect("it was decided")
}

fn messages(ids: &[MessageId]) -> Claim {
    Claim { consumer: "engine".to_owned(), messages: ids.to_vec(), ..Claim::default() }
}
