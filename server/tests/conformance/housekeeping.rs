//! What is removed, and what never is.

use std::{sync::Arc, time::Duration};

use baton_domain::{
    ids::{InstanceId, MessageId, TimerId},
    message::{Message, MessageKind},
    process::Status,
};
use baton_server::{
    cleaner::{Cleaner, Config},
    retention::Retention,
    store::{
        self, OpenOptions, Store,
        rows::{
            BatchRow, BatchState, Changes, Claim, CleanKind, CredentialKind, CredentialRow, InstanceRow, Instant,
            Settlement, TimerRow, TypeRow, WaitRow,
        },
    },
};
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use crate::{
    access::credential,
    batch::begun,
    delivery::{dead, delivered, failed, outcome},
    support::*,
};

on_both!(
    the_database_answers,
    old_published_messages_go_in_batches,
    what_is_open_or_unpublished_stays,
    an_inbox_row_stays_as_long_as_its_message,
    attempts_of_ended_deliveries_go_and_those_of_open_ones_stay,
    an_ended_instance_goes_with_all_that_is_its_own,
    a_live_instance_never_goes,
    an_instance_that_was_heard_of_lately_stays,
    who_was_called_goes_before_who_called,
    an_instance_stays_as_long_as_its_messages_are_remembered,
    a_batch_of_instances_is_bounded_by_their_events,
    the_key_of_a_removed_instance_starts_another,
    batches_of_operations_go_once_they_have_ended,
    types_that_are_not_seen_any_more_go,
    minutes_and_what_has_expired_go,
    of_two_at_once_each_removes_other_rows,
    others_write_while_it_cleans,
    the_room_that_is_taken_is_told,
);

/// How many went, of those older than a minute from now on.
async fn clean(fixture: &Fixture, kind: CleanKind) -> u64 {
    fixture.store.clean(kind, in_seconds(60), 100).await.unwrap().rows
}

async fn the_database_answers(fixture: Fixture) {
    fixture.store.ping().await.unwrap();
}

/// Publishes everything, long ago.
async fn publish(fixture: &Fixture) {
    let fence = fixture.fence().await;
    let published = fixture.unpublished(&fence).await.iter().map(|row| row.0).collect();
    let now = Some(at("2026-01-01T00:00:00Z"));
    fixture.store.settle(&fence, Settlement { published, now, ..Settlement::default() }).await.unwrap();
}

async fn old_published_messages_go_in_batches(fixture: Fixture) {
    let messages: Vec<_> = (0..5).map(|number| event(&number.to_string())).collect();
    fixture.append(&messages).await;
    publish(&fixture).await;
    let clean = async |before: &str, limit: u32| {
        fixture.store.clean(CleanKind::Messages, at(before), limit).await.unwrap().rows
    };
    let before = "2026-01-01T00:00:01Z";

    assert_eq!(clean("2026-01-01T00:00:00Z", 10).await, 0, "not old enough");
    assert_eq!(clean(before, 3).await, 3);
    assert!(fixture.store.read_message(messages[2].id).await.unwrap().is_none(), "oldest first");
    assert!(fixture.store.read_message(messages[3].id).await.unwrap().is_some());
    assert_eq!(clean(before, 3).await, 2);
    assert_eq!(clean(before, 3).await, 0);
}

async fn what_is_open_or_unpublished_stays(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("2"), event("3"), event("4")];
    let ids = fixture.queue(&fence, "crm", &messages[..3]).await;
    fixture.append(&messages[3..]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, delivered()), outcome(ids[1], 0, dead())]).await.unwrap();

    assert_eq!(clean(&fixture, CleanKind::Messages).await, 1);

    let mut there = Vec::new();
    for message in &messages {
        there.push(fixture.store.read_message(message.id).await.unwrap().is_some());
    }
    assert_eq!(there, [false, true, true, true]);
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}delivery").await, 2, "deliveries go with their message");
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}attempt").await, 1, "and attempts with their delivery");
}

async fn an_inbox_row_stays_as_long_as_its_message(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    let ids = fixture.queue(&fence, "bus", std::slice::from_ref(&message)).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();
    let foreign = MessageId(Uuid::now_v7());
    let claim = || Claim { consumer: "engine".to_owned(), messages: vec![message.id, foreign], ..Claim::default() };
    assert_eq!(fixture.load(claim()).await.fresh.len(), 2);

    assert_eq!(fixture.store.clean(CleanKind::Inbox, in_seconds(-60), 10).await.unwrap().rows, 0, "not old enough");
    assert_eq!(clean(&fixture, CleanKind::Inbox).await, 1);

    let fresh = fixture.load(claim()).await.fresh;
    assert_eq!(fresh, [foreign].into(), "a repaired delivery still finds that it was taken in");
}

async fn attempts_of_ended_deliveries_go_and_those_of_open_ones_stay(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("2"), event("3")];
    let ids = fixture.queue(&fence, "crm", &messages).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, failed(-1)), outcome(ids[1], 0, dead())]).await.unwrap();
    fixture.store.record_attempts(vec![outcome(ids[0], 1, delivered()), outcome(ids[2], 0, failed(60))]).await.unwrap();

    let too_early = fixture.store.clean(CleanKind::Attempts, in_seconds(-60), 10).await.unwrap();
    assert!(too_early.is_nothing());
    assert_eq!(fixture.store.clean(CleanKind::Attempts, in_seconds(60), 1).await.unwrap().rows, 1, "as many as asked");
    assert_eq!(clean(&fixture, CleanKind::Attempts).await, 1);
    assert_eq!(clean(&fixture, CleanKind::Attempts).await, 0);

    let mut kept = Vec::new();
    for message in &messages {
        let (row, deliveries) = fixture.store.read_message(message.id).await.unwrap().unwrap();
        kept.push((row.attempts, deliveries[0].history.len()));
    }
    assert_eq!(kept, [(2, 0), (1, 1), (1, 1)], "how many there were is still known");
}

/// An instance that ended at `ended_at`.
fn ended(id: InstanceId, ended_at: Instant) -> InstanceRow {
    InstanceRow { status: Status::Completed, ended_at: Some(ended_at), updated_at: ended_at, ..instance(id) }
}

async fn create(fixture: &Fixture, rows: &[InstanceRow]) {
    let instances = rows.iter().cloned().map(creation).collect();
    fixture.step(Claim::default(), |_| Changes { instances, ..Changes::default() }).await.unwrap();
}

async fn is_there(fixture: &Fixture, id: InstanceId) -> bool {
    fixture.store.read_instance(id).await.unwrap().is_some()
}

async fn an_ended_instance_goes_with_all_that_is_its_own(fixture: Fixture) {
    let (old, young) = (new_instance(), new_instance());
    let of = |id: InstanceId| Changes {
        instances: vec![creation(InstanceRow { ..instance(id) })],
        timers_set: vec![TimerRow { id: TimerId(id.child(1)), instance: id, due_at: in_seconds(60) }],
        tasks_opened: vec![task(id, 2)],
        waits_set: vec![WaitRow { instance: id, token: 0, event_type: "Booked".to_owned(), value: "42".to_owned() }],
        ..Changes::default()
    };
    for (id, at) in [(old, in_seconds(-100)), (young, now())] {
        fixture.step(Claim::default(), move |_| of(id)).await.unwrap();
        let mut end = step_of(&instance(id), json!({"event": "ended"}));
        (end.row.status, end.row.ended_at, end.row.updated_at) = (Status::Failed, Some(at), at);
        fixture.step(Claim::default(), |_| Changes { instances: vec![end], ..Changes::default() }).await.unwrap();
    }
    let count = async |table: &str| fixture.number(&format!("SELECT count(*) FROM {{baton}}{table}")).await;
    assert_eq!(count("process_history").await, 6);

    let cleaned = fixture.store.clean(CleanKind::Instances, in_seconds(-50), 100).await.unwrap();

    assert_eq!(cleaned.rows, 1);
    assert!(!is_there(&fixture, old).await && is_there(&fixture, young).await);
    for (table, left) in [("process_history", 3), ("timer", 1), ("task", 1), ("wait", 1), ("process_instance", 1)] {
        assert_eq!(count(table).await, left, "{table}");
    }
    assert_eq!(fixture.store.read_history(young, 0, 10).await.unwrap().len(), 3);
}

async fn a_live_instance_never_goes(fixture: Fixture) {
    let live: Vec<_> = Status::ALL
        .into_iter()
        .filter(|status| !status.is_terminal())
        .map(|status| InstanceRow { status, updated_at: at("2020-01-01T00:00:00Z"), ..instance(new_instance()) })
        .collect();
    create(&fixture, &live).await;

    assert_eq!(clean(&fixture, CleanKind::Instances).await, 0);

    assert_eq!(fixture.number("SELECT count(*) FROM {baton}process_instance").await, live.len() as i64);
}

async fn an_instance_that_was_heard_of_lately_stays(fixture: Fixture) {
    let id = new_instance();
    let row = ended(id, at("2026-01-01T00:00:00Z"));
    create(&fixture, std::slice::from_ref(&row)).await;
    let late = step_of(&row, json!({"late": "reply"}));
    fixture.step(Claim::default(), |_| Changes { instances: vec![late], ..Changes::default() }).await.unwrap();

    assert_eq!(fixture.store.clean(CleanKind::Instances, in_seconds(-60), 100).await.unwrap().rows, 0);
    assert_eq!(clean(&fixture, CleanKind::Instances).await, 1);
}

async fn who_was_called_goes_before_who_called(fixture: Fixture) {
    let long_ago = at("2026-01-01T00:00:00Z");
    let (live, caller, child, of_live) = (new_instance(), new_instance(), new_instance(), new_instance());
    let called = |id, by| InstanceRow { parent: Some(by), ..ended(id, long_ago) };
    create(
        &fixture,
        &[instance(live), ended(caller, at("2025-12-01T00:00:00Z")), called(child, caller), called(of_live, live)],
    )
    .await;
    let clean = || clean(&fixture, CleanKind::Instances);
    let there = async || {
        let mut there = Vec::new();
        for id in [live, caller, child, of_live] {
            there.push(is_there(&fixture, id).await);
        }
        there
    };

    assert_eq!(clean().await, 1);
    assert_eq!(there().await, [true, true, false, true], "what a live instance called stays");
    assert_eq!(clean().await, 1);
    assert_eq!(there().await, [true, false, false, true]);
    assert_eq!(clean().await, 0);
}

async fn an_instance_stays_as_long_as_its_messages_are_remembered(fixture: Fixture) {
    let long_ago = at("2026-01-01T00:00:00Z");
    let [commanding, conversing, heard, free] = [(); 4].map(|()| new_instance());
    create(&fixture, &[commanding, conversing, heard, free].map(|id| ended(id, long_ago))).await;
    let command = Message { id: MessageId(commanding.child(7)), kind: MessageKind::Command, ..event("1") };
    let reply = Message { correlation_id: Some(conversing.to_string()), ..event("2") };
    fixture.append(&[command, reply]).await;
    let taken_in = vec![MessageId(heard.child(3))];
    let claim = Claim { consumer: "engine".to_owned(), messages: taken_in, ..Claim::default() };
    fixture.load(claim).await;

    assert_eq!(clean(&fixture, CleanKind::Instances).await, 1);
    assert!(!is_there(&fixture, free).await, "nobody remembers anything of it");

    publish(&fixture).await;
    assert_eq!(clean(&fixture, CleanKind::Messages).await, 2);
    assert_eq!(clean(&fixture, CleanKind::Instances).await, 2);
    assert!(is_there(&fixture, heard).await);
    assert_eq!(clean(&fixture, CleanKind::Inbox).await, 1);
    assert_eq!(clean(&fixture, CleanKind::Instances).await, 1);
}

async fn a_batch_of_instances_is_bounded_by_their_events(fixture: Fixture) {
    let rows: Vec<_> = [2, 7, 3, 9, 1]
        .into_iter()
        .enumerate()
        .map(|(number, sequence)| {
            let ended_at = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(number as i64);
            InstanceRow { sequence, ..ended(new_instance(), ended_at) }
        })
        .collect();
    create(&fixture, &rows).await;
    let clean = async |limit| fixture.store.clean(CleanKind::Instances, now(), limit).await.unwrap().rows;

    assert_eq!(clean(5).await, 2, "2 events and then 7, which is more than 5");
    assert!(is_there(&fixture, rows[2].id).await, "oldest first");
    assert_eq!(clean(3).await, 1);
    assert_eq!(clean(1).await, 1, "one at least, however many events it has");
    assert_eq!(clean(100).await, 1);
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}process_history").await, 0);
}

async fn the_key_of_a_removed_instance_starts_another(fixture: Fixture) {
    let long_ago = at("2026-01-01T00:00:00Z");
    let keyed = move |id| {
        let mut change = creation(ended(id, long_ago));
        change.idempotency_key = Some("k".to_owned());
        Changes { instances: vec![change], ..Changes::default() }
    };
    let (first, second) = (new_instance(), new_instance());
    fixture.step(Claim::default(), move |_| keyed(first)).await.unwrap();
    fixture.step(Claim::default(), move |_| keyed(second)).await.expect_err("the key is known");

    assert_eq!(clean(&fixture, CleanKind::Instances).await, 1);

    fixture.step(Claim::default(), move |_| keyed(second)).await.unwrap();
    assert!(is_there(&fixture, second).await);
}

async fn batches_of_operations_go_once_they_have_ended(fixture: Fixture) {
    let (running, old) = (begun(&fixture).await, begun(&fixture).await);
    let ended = BatchRow { state: BatchState::Ended, ended_at: Some(now()), ..old };
    assert!(fixture.store.record_batch(&ended, None).await.unwrap());

    assert_eq!(fixture.store.clean(CleanKind::Batches, in_seconds(-60), 10).await.unwrap().rows, 0);
    assert_eq!(clean(&fixture, CleanKind::Batches).await, 1);

    assert_eq!(fixture.store.list_batches(None, 10).await.unwrap(), [running]);
}

async fn types_that_are_not_seen_any_more_go(fixture: Fixture) {
    let seen = |name: &str| TypeRow {
        kind: MessageKind::Event,
        message_type: name.to_owned(),
        aggregate_type: "order".to_owned(),
    };
    let (kept, gone) = (seen("Kept"), seen("Gone"));
    fixture.store.note_types(&[kept.clone(), gone]).await.unwrap();
    fixture.sql("UPDATE {baton}message_type SET last_seen = '2026-01-01T00:00:00.000Z'").await.unwrap();
    fixture.store.note_types(std::slice::from_ref(&kept)).await.unwrap();

    let cleaned = fixture.store.clean(CleanKind::Types, at("2026-02-01T00:00:00Z"), 10).await.unwrap();

    assert_eq!(cleaned.rows, 1);
    assert_eq!(fixture.store.list_types().await.unwrap(), [kept]);
}

async fn minutes_and_what_has_expired_go(fixture: Fixture) {
    let shard = if fixture.is_postgres() { ("shard, ", "3, ") } else { ("", "") };
    for minute in ["2026-01-01T00:00:00.000Z", "2026-01-01T00:01:00.000Z", "2026-03-01T00:00:00.000Z"] {
        let (column, value) = shard;
        let text =
            format!("INSERT INTO {{baton}}message_minute (minute, {column}published) VALUES ('{minute}', {value}1)");
        fixture.sql(&text).await.unwrap();
        let text = format!(
            "INSERT INTO {{baton}}destination_minute (minute, destination, {column}delivered) \
             VALUES ('{minute}', 'crm', {value}1)"
        );
        fixture.sql(&text).await.unwrap();
    }
    let session = credential(CredentialKind::Session, 1);
    let expired =
        CredentialRow { expires_at: Some(at("2026-01-01T00:00:00Z")), ..credential(CredentialKind::Session, 2) };
    let eternal = CredentialRow { expires_at: None, ..credential(CredentialKind::ApiToken, 3) };
    for row in [&session, &expired, &eternal] {
        fixture.store.put_credential(row).await.unwrap();
    }
    let before = at("2026-02-01T00:00:00Z");

    assert_eq!(fixture.store.clean(CleanKind::Minutes, before, 1).await.unwrap().rows, 2, "one of each table");
    assert_eq!(fixture.store.clean(CleanKind::Minutes, before, 10).await.unwrap().rows, 2);
    assert_eq!(fixture.store.clean(CleanKind::Minutes, before, 10).await.unwrap().rows, 0);
    assert_eq!(fixture.store.minutes(before).await.unwrap().len(), 1);
    assert_eq!(fixture.store.destination_minutes(before).await.unwrap().len(), 1);
    assert_eq!(fixture.store.clean(CleanKind::Credentials, before, 10).await.unwrap().rows, 1);
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}credential").await, 2);
}

async fn of_two_at_once_each_removes_other_rows(fixture: Fixture) {
    const COUNT: u64 = 400;
    let messages: Vec<_> = (0..COUNT).map(|number| event(&number.to_string())).collect();
    fixture.append(&messages).await;
    publish(&fixture).await;
    let other = match fixture.is_postgres() {
        true => store::open(&fixture.url, OpenOptions::default()).await.unwrap(),
        // A file is served by one node.
        false => Arc::clone(&fixture.store),
    };
    let clean_all = async |store: Arc<dyn Store>| {
        let mut removed = 0;
        loop {
            match store.clean(CleanKind::Messages, now(), 7).await.unwrap().rows {
                0 => return removed,
                rows => removed += rows,
            }
        }
    };

    let (one, two) = tokio::join!(clean_all(Arc::clone(&fixture.store)), clean_all(other));

    assert_eq!(one + two, COUNT);
    assert!(one > 0 && two > 0, "{one} and {two}: they took turns");
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}outbox").await, 0);
}

async fn others_write_while_it_cleans(fixture: Fixture) {
    const COUNT: usize = 1_500;
    let messages: Vec<_> = (0..COUNT).map(|number| event(&number.to_string())).collect();
    for part in messages.chunks(500) {
        fixture.append(part).await;
    }
    for _ in 0..COUNT.div_ceil(1_000) {
        publish(&fixture).await;
    }
    let config = Config { batch: 50, breath: Duration::from_millis(1), ..Config::default() };
    let retention = Retention { messages: Some(TimeDelta::days(1)), ..config.retention };
    let cleaner = Cleaner::new(Arc::clone(&fixture.store), Config { retention, ..config });
    let mut cleaning = tokio::spawn(async move { cleaner.run_once().await });

    let mut waits = Vec::new();
    let report = loop {
        let begun = std::time::Instant::now();
        fixture.append(&[event("new")]).await;
        waits.push(begun.elapsed());
        tokio::select! {
            biased;
            report = &mut cleaning => break report.unwrap(),
            () = tokio::task::yield_now() => {}
        }
    };

    assert_eq!(report.removed[&CleanKind::Messages], COUNT as u64);
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(waits.len() > 3, "only {} inserts were committed meanwhile", waits.len());
    let longest = waits.iter().max().unwrap();
    assert!(*longest < Duration::from_secs(2), "an insert waited {longest:?}");
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}outbox").await, waits.len() as i64);
}

async fn the_room_that_is_taken_is_told(fixture: Fixture) {
    fixture.append(&[event("1")]).await;
    let sizes = fixture.store.table_sizes(3).await.unwrap();
    assert_eq!(sizes.len(), if fixture.is_postgres() { 3 } else { 1 });
    assert!(sizes.iter().all(|size| size.bytes > 0 && !size.name.is_empty()), "{sizes:?}");
    assert!(sizes.is_sorted_by_key(|size| std::cmp::Reverse(size.bytes)));
}
