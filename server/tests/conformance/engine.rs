//! A step of the engine: one transaction, all of it or nothing, one after the other for each instance.

use std::sync::Arc;

use baton_domain::{
    ids::{InstanceId, MessageId, TimerId},
    process::Status,
};
use baton_server::store::{
    self, OpenOptions, StoreError,
    rows::{Changes, Claim, Loaded, TaskClosing, TaskState, TimerRow, WaitRow},
};
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

on_both!(
    a_message_is_taken_in_once_by_each_consumer,
    a_refused_message_is_fresh_again,
    everything_a_step_changes_is_there_afterwards,
    what_belongs_to_an_instance_leads_to_it,
    a_step_that_panics_leaves_nothing_behind,
    a_step_that_conflicts_leaves_nothing_behind,
    a_start_with_a_used_key_is_a_conflict_and_is_found_afterwards,
    steps_of_one_instance_come_one_after_the_other,
    steps_over_many_instances_never_deadlock,
    a_command_decided_twice_is_written_once,
    an_ended_instance_never_changes_its_state,
    an_ended_instance_still_takes_history,
    a_timer_is_claimed_by_one_step_only,
    timers_come_due_in_order,
    a_token_that_moves_on_forgets_what_it_awaited,
    closing_an_ended_task_is_a_conflict,
);

fn messages(ids: &[MessageId]) -> Claim {
    Claim { consumer: "engine".to_owned(), messages: ids.to_vec(), ..Claim::default() }
}

async fn a_message_is_taken_in_once_by_each_consumer(fixture: Fixture) {
    let ids = [MessageId(Uuid::now_v7()), MessageId(Uuid::now_v7())];

    let first = fixture.load(messages(&ids[..1])).await.fresh;
    let second = fixture.load(messages(&ids)).await.fresh;
    let other = fixture.load(Claim { consumer: "audit".to_owned(), ..messages(&ids) }).await.fresh;

    assert_eq!(first, [ids[0]].into());
    assert_eq!(second, [ids[1]].into());
    assert_eq!(other, ids.into());
}

async fn a_refused_message_is_fresh_again(fixture: Fixture) {
    let (kept, refused) = (MessageId(Uuid::now_v7()), MessageId(Uuid::now_v7()));
    let changes = Changes { messages_refused: vec![refused], ..Changes::default() };
    fixture.step(messages(&[kept, refused]), |_| changes).await.unwrap();

    let loaded = fixture.load(messages(&[kept, refused])).await;

    assert_eq!(loaded.fresh, [refused].into());
}

async fn everything_a_step_changes_is_there_afterwards(fixture: Fixture) {
    let id = new_instance();
    let command = event("1");
    let mut row = instance(id);
    row.business_key = Some("trip-42".to_owned());
    row.incident = Some("a 'quoted' incident".to_owned());
    let changes = Changes {
        now: Some(at("2026-01-31T12:00:00Z")),
        instances: vec![creation(row.clone())],
        messages: vec![command.clone()],
        timers_set: vec![TimerRow { id: TimerId(id.child(1)), instance: id, due_at: in_seconds(60) }],
        tasks_opened: vec![task(id, 2)],
        waits_set: vec![WaitRow { instance: id, token: 0, event_type: "Booked".to_owned(), value: "42".to_owned() }],
        audit: vec![audit("start-instance", "instance/1")],
        ..Changes::default()
    };

    fixture.step(messages(&[]), |_| changes).await.unwrap();

    assert_eq!(fixture.store.read_instance(id).await.unwrap(), Some(row));
    let history = fixture.store.read_history(id, 0, 10).await.unwrap();
    assert_eq!(
        history.iter().map(|row| (row.sequence, row.event.clone())).collect::<Vec<_>>(),
        [(1, json!({"event": 1})), (2, json!({"event": 2})),]
    );
    assert_eq!(history[0].at, at("2026-01-31T12:00:00Z"));
    assert_eq!(fixture.store.read_history(id, 1, 10).await.unwrap().len(), 1, "after the first");
    assert_eq!(fixture.store.read_task(task(id, 2).id).await.unwrap().map(|task| task.title), Some(task(id, 2).title));
    assert!(fixture.store.next_timer_at().await.unwrap().is_some());
    assert!(fixture.store.read_message(command.id).await.unwrap().is_some());
    assert_eq!(fixture.store.list_audit(Some("instance/1"), 10).await.unwrap().len(), 1);
}

async fn what_belongs_to_an_instance_leads_to_it(fixture: Fixture) {
    let (id, other) = (new_instance(), new_instance());
    let timer = TimerRow { id: TimerId(id.child(1)), instance: id, due_at: in_seconds(-1) };
    let wait = |instance, value: &str| WaitRow {
        instance,
        token: 0,
        event_type: "Booked".to_owned(),
        value: value.to_owned(),
    };
    let changes = Changes {
        instances: vec![creation(instance(id)), creation(instance(other))],
        timers_set: vec![timer.clone()],
        tasks_opened: vec![task(id, 2)],
        waits_set: vec![wait(id, "42"), wait(other, "42"), wait(other, "7")],
        ..Changes::default()
    };
    fixture.step(messages(&[]), |_| changes).await.unwrap();

    let by_timer = fixture.load(Claim { timers: vec![timer.id, TimerId(other.child(9))], ..Claim::default() }).await;
    let by_task = fixture.load(Claim { tasks: vec![task(id, 2).id], ..Claim::default() }).await;
    let wanted = ("Booked".to_owned(), "42".to_owned());
    let waits = vec![wanted.clone(), ("Booked".to_owned(), "nobody".to_owned())];
    let by_wait = fixture.load(Claim { waits, ..Claim::default() }).await;
    let by_id = fixture.load(Claim { instances: vec![other, new_instance(), other], ..Claim::default() }).await;

    assert_eq!(by_timer.timers, [timer]);
    assert_eq!(by_timer.instances.into_keys().collect::<Vec<_>>(), [id]);
    assert_eq!(by_task.tasks.into_keys().collect::<Vec<_>>(), [task(id, 2).id]);
    assert_eq!(by_task.instances.into_keys().collect::<Vec<_>>(), [id]);
    assert_eq!(by_wait.waits.into_iter().collect::<Vec<_>>(), [(wanted, vec![id, other])]);
    assert_eq!(by_wait.instances.len(), 2);
    assert_eq!(by_id.instances.into_keys().collect::<Vec<_>>(), [other]);
}

async fn a_step_that_panics_leaves_nothing_behind(fixture: Fixture) {
    let id = MessageId(Uuid::now_v7());

    let error = fixture.step(messages(&[id]), |_| panic!("a bug in {}", "a definition")).await.unwrap_err();

    assert!(matches!(&error, StoreError::Panicked { message } if message == "a bug in a definition"), "{error}");
    assert_eq!(fixture.load(messages(&[id])).await.fresh, [id].into(), "not taken in");
}

async fn a_step_that_conflicts_leaves_nothing_behind(fixture: Fixture) {
    let (id, message, command) = (new_instance(), MessageId(Uuid::now_v7()), event("1"));
    fixture
        .step(messages(&[]), move |_| Changes { instances: vec![creation(instance(id))], ..Changes::default() })
        .await
        .unwrap();
    let mut stale = step_of(&instance(id), json!({}));
    stale.expected_sequence = Some(1);
    let changes = Changes { instances: vec![stale], messages: vec![command.clone()], ..Changes::default() };

    let error = fixture.step(messages(&[message]), |_| changes).await.unwrap_err();

    assert!(matches!(error, StoreError::Conflict { what: "instance" }), "{error}");
    assert_eq!(fixture.load(messages(&[message])).await.fresh, [message].into());
    assert!(fixture.store.read_message(command.id).await.unwrap().is_none());
    assert_eq!(fixture.store.read_instance(id).await.unwrap().unwrap().sequence, 2);
}

async fn a_start_with_a_used_key_is_a_conflict_and_is_found_afterwards(fixture: Fixture) {
    let start = |id| {
        let mut creation = creation(instance(id));
        creation.idempotency_key = Some("k".to_owned());
        Changes { instances: vec![creation], ..Changes::default() }
    };
    let (first, second) = (new_instance(), new_instance());
    let changes = start(first);
    fixture.step(messages(&[]), |_| changes).await.unwrap();

    let changes = start(second);
    let error = fixture.step(messages(&[]), |_| changes).await.unwrap_err();

    assert!(matches!(error, StoreError::Conflict { what: "start" }), "{error}");
    let key = ("trip-booking".to_owned(), "k".to_owned());
    let starts = vec![key.clone(), ("other".to_owned(), "k".to_owned())];
    let loaded = fixture.load(Claim { starts, ..Claim::default() }).await;
    assert_eq!(loaded.started.into_iter().collect::<Vec<_>>(), [(key, first)]);
    let again = start(first);
    let error = fixture.step(messages(&[]), |_| again).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
}

async fn steps_of_one_instance_come_one_after_the_other(fixture: Fixture) {
    let id = new_instance();
    fixture
        .step(messages(&[]), move |_| Changes { instances: vec![creation(instance(id))], ..Changes::default() })
        .await
        .unwrap();
    let fixture = Arc::new(fixture);

    let steps: Vec<_> = (0..30)
        .map(|number| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                let claim = Claim { instances: vec![id], ..messages(&[MessageId(Uuid::now_v7())]) };
                let change = move |loaded: Loaded| Changes {
                    instances: vec![step_of(&loaded.instances[&id], json!({"by": number}))],
                    ..Changes::default()
                };
                // Whoever went on from what was remembered, and was overtaken, tries again; each time somebody gets on.
                loop {
                    match fixture.step(claim.clone(), change).await {
                        Err(StoreError::Conflict { what: "instance" }) => {}
                        other => return other,
                    }
                }
            })
        })
        .collect();
    for step in steps {
        step.await.unwrap().expect("whoever waits for the lock decides on what it finds then");
    }

    assert_eq!(fixture.store.read_instance(id).await.unwrap().unwrap().sequence, 32);
    assert_eq!(fixture.store.read_history(id, 2, 100).await.unwrap().len(), 30);
}

async fn steps_over_many_instances_never_deadlock(fixture: Fixture) {
    let ids: Vec<_> = (0..8).map(|_| new_instance()).collect();
    let created = ids.iter().map(|id| creation(instance(*id))).collect();
    let timers =
        ids.iter().map(|id| TimerRow { id: TimerId(id.child(1)), instance: *id, due_at: in_seconds(-1) }).collect();
    let changes = Changes { instances: created, timers_set: timers, ..Changes::default() };
    fixture.step(messages(&[]), |_| changes).await.unwrap();
    let fixture = Arc::new(fixture);

    let steps: Vec<_> = (0..24)
        .map(|number: usize| {
            let (fixture, mut ids) = (Arc::clone(&fixture), ids.clone());
            ids.rotate_left(number % 8);
            // Some come by the timers of the instances, some by the instances, each in another order.
            let claim = if number.is_multiple_of(3) {
                Claim { timers: ids.iter().map(|id| TimerId(id.child(1))).collect(), ..Claim::default() }
            } else {
                Claim { instances: ids.clone(), ..Claim::default() }
            };
            tokio::spawn(async move {
                fixture
                    .step(claim, move |loaded| Changes {
                        instances: loaded.instances.values().map(|row| step_of(row, json!({}))).collect(),
                        timers_set: loaded.timers.clone(),
                        timers_gone: if number.is_multiple_of(2) {
                            ids.iter().map(|id| TimerId(id.child(1))).collect()
                        } else {
                            vec![]
                        },
                        ..Changes::default()
                    })
                    .await
            })
        })
        .collect();
    for step in steps {
        step.await.unwrap().expect("no deadlock");
    }
}

async fn a_command_decided_twice_is_written_once(fixture: Fixture) {
    let fence = fixture.fence().await;
    let command = event("1");
    for _ in 0..2 {
        let changes = Changes { messages: vec![command.clone()], ..Changes::default() };
        fixture.step(messages(&[]), |_| changes).await.unwrap();
    }
    assert_eq!(fixture.unpublished(&fence).await.len(), 1);
}

async fn an_ended_instance_never_changes_its_state(fixture: Fixture) {
    for ended in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
        let id = new_instance();
        let mut row = instance(id);
        row.status = ended;
        row.ended_at = Some(now());
        let change = creation(row.clone());
        fixture.step(messages(&[]), |_| Changes { instances: vec![change], ..Changes::default() }).await.unwrap();
        for other in Status::ALL.into_iter().filter(|status| *status != ended) {
            let mut change = step_of(&row, json!({}));
            change.row.status = other;
            change.row.ended_at = other.is_terminal().then(now);

            let error = fixture
                .step(messages(&[]), |_| Changes { instances: vec![change], ..Changes::default() })
                .await
                .unwrap_err();

            assert!(matches!(error, StoreError::Refused { .. }), "{ended:?} to {other:?}: {error}");
        }
        assert_eq!(fixture.store.read_instance(id).await.unwrap(), Some(row));
    }
}

async fn an_ended_instance_still_takes_history(fixture: Fixture) {
    let id = new_instance();
    let mut row = instance(id);
    row.status = Status::Cancelled;
    row.ended_at = Some(now());
    let change = creation(row.clone());
    fixture.step(messages(&[]), |_| Changes { instances: vec![change], ..Changes::default() }).await.unwrap();

    let late = step_of(&row, json!({"late": "reply"}));
    fixture.step(messages(&[]), |_| Changes { instances: vec![late], ..Changes::default() }).await.unwrap();

    assert_eq!(fixture.store.read_history(id, 2, 10).await.unwrap()[0].event, json!({"late": "reply"}));
    assert_eq!(fixture.store.read_instance(id).await.unwrap().unwrap().status, Status::Cancelled);
}

async fn a_timer_is_claimed_by_one_step_only(fixture: Fixture) {
    let id = new_instance();
    let timer = TimerRow { id: TimerId(id.child(1)), instance: id, due_at: in_seconds(-1) };
    let changes =
        Changes { instances: vec![creation(instance(id))], timers_set: vec![timer.clone()], ..Changes::default() };
    fixture.step(messages(&[]), |_| changes).await.unwrap();
    let fixture = Arc::new(fixture);

    let fired: Vec<_> = (0..8)
        .map(|_| {
            let (fixture, timer) = (Arc::clone(&fixture), timer.clone());
            tokio::spawn(async move {
                let (sender, receiver) = std::sync::mpsc::channel();
                fixture
                    .step(Claim { timers: vec![timer.id], ..Claim::default() }, move |loaded| {
                        sender.send(loaded.timers.len()).unwrap();
                        Changes {
                            timers_gone: loaded.timers.iter().map(|timer| timer.id).collect(),
                            ..Changes::default()
                        }
                    })
                    .await
                    .unwrap();
                receiver.recv().unwrap()
            })
        })
        .collect();
    let mut total = 0;
    for fired in fired {
        total += fired.await.unwrap();
    }

    assert_eq!(total, 1);
}

async fn timers_come_due_in_order(fixture: Fixture) {
    let id = new_instance();
    let timer =
        |number: u32, seconds| TimerRow { id: TimerId(id.child(number)), instance: id, due_at: in_seconds(seconds) };
    let timers = vec![timer(1, 60), timer(2, -1), timer(3, -30)];
    let changes = Changes { timers_set: timers.clone(), ..Changes::default() };
    fixture.step(messages(&[]), |_| changes).await.unwrap();

    assert_eq!(fixture.store.read_due_timers(now(), 10).await.unwrap(), [timers[2].id, timers[1].id]);
    assert_eq!(fixture.store.read_due_timers(now(), 1).await.unwrap(), [timers[2].id]);
    assert_eq!(fixture.store.next_timer_at().await.unwrap(), Some(timers[2].due_at));

    let gone = Changes { timers_gone: timers[1..].iter().map(|timer| timer.id).collect(), ..Changes::default() };
    fixture.step(messages(&[]), |_| gone).await.unwrap();
    assert_eq!(fixture.store.read_due_timers(now(), 10).await.unwrap(), []);
    assert_eq!(fixture.store.next_timer_at().await.unwrap(), Some(timers[0].due_at));
}

async fn a_token_that_moves_on_forgets_what_it_awaited(fixture: Fixture) {
    let id = new_instance();
    let wait = |event_type: &str| WaitRow {
        instance: id,
        token: 3,
        event_type: event_type.to_owned(),
        value: "42".to_owned(),
    };
    let changes = Changes {
        instances: vec![creation(instance(id))],
        waits_set: vec![wait("Booked"), wait("Refused")],
        ..Changes::default()
    };
    fixture.step(messages(&[]), |_| changes).await.unwrap();

    let moved = Changes { waits_gone: vec![(id, 3)], waits_set: vec![wait("Paid")], ..Changes::default() };
    fixture.step(messages(&[]), |_| moved).await.unwrap();

    let waits = ["Booked", "Refused", "Paid"].map(|event_type| (event_type.to_owned(), "42".to_owned())).to_vec();
    let found = fixture.load(Claim { waits, ..Claim::default() }).await.waits;
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [("Paid".to_owned(), "42".to_owned())]);
}

async fn closing_an_ended_task_is_a_conflict(fixture: Fixture) {
    let id = new_instance();
    let changes =
        Changes { instances: vec![creation(instance(id))], tasks_opened: vec![task(id, 1)], ..Changes::default() };
    fixture.step(messages(&[]), |_| changes).await.unwrap();
    let close = |outcome: &str| {
        let closing = TaskClosing {
            id: task(id, 1).id,
            state: TaskState::Completed,
            outcome: Some(outcome.to_owned()),
            data: Some(json!({"note": "fine"})),
            by: Some("ann".to_owned()),
        };
        Changes { now: Some(at("2026-01-31T12:00:00Z")), tasks_closed: vec![closing], ..Changes::default() }
    };
    let (approve, reject) = (close("approve"), close("reject"));

    fixture.step(messages(&[]), |_| approve).await.unwrap();
    let error = fixture.step(messages(&[]), |_| reject).await.unwrap_err();

    assert!(matches!(error, StoreError::Conflict { what: "task" }), "{error}");
    let row = fixture.store.read_task(task(id, 1).id).await.unwrap().unwrap();
    assert_eq!((row.state, row.outcome.as_deref()), (TaskState::Completed, Some("approve")));
    assert_eq!((row.data, row.completed_by.as_deref()), (Some(json!({"note": "fine"})), Some("ann")));
    assert_eq!(row.ended_at, Some(at("2026-01-31T12:00:00Z")));
}

/// Two nodes on one database: each knows what it wrote itself.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_step_from_memory_is_checked_against_what_others_wrote() {
    let here = Fixture::postgres().await;
    let there = store::open(&here.url, OpenOptions::default()).await.unwrap();
    let ids: Vec<_> = (0..2).map(|_| new_instance()).collect();
    let created = ids.iter().map(|id| creation(instance(*id))).collect();
    here.step(Claim::default(), |_| Changes { instances: created, ..Changes::default() }).await.unwrap();
    let claim = |instances: &[InstanceId], message| Claim { instances: instances.to_vec(), ..messages(&[message]) };
    let advance = |loaded: Loaded| Changes {
        instances: loaded.instances.values().map(|row| step_of(row, json!({}))).collect(),
        ..Changes::default()
    };
    let sequence = async |id: InstanceId| here.store.read_instance(id).await.unwrap().unwrap().sequence;
    let message = || MessageId(Uuid::now_v7());

    // What this node wrote itself is where it was.
    let first = message();
    here.step(claim(&ids, first), advance).await.unwrap();
    let before = sequence(ids[0]).await;

    // Another node goes on with one of them: nothing of this step is written, not even about the other one, and the next try
    // sees it.
    there.transact(claim(&ids[..1], message()), Box::new(move |loaded| advance(loaded).into())).await.unwrap();
    let second = message();
    let error = here.step(claim(&ids, second), advance).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { what: "instance" }), "{error}");
    assert_eq!((sequence(ids[0]).await, sequence(ids[1]).await), (before + 1, before));
    here.step(claim(&ids, second), advance).await.unwrap();
    assert_eq!((sequence(ids[0]).await, sequence(ids[1]).await), (before + 2, before + 1));

    // A message that is in already is found in the same way, and is not fresh in the next try.
    let error = here.step(claim(&ids, first), advance).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert_eq!(here.load(claim(&ids, first)).await.fresh, [].into());

    // "Nothing to do" is not believed of what is only remembered.
    here.step(claim(&ids, message()), advance).await.unwrap();
    let third = message();
    let error = here.step(claim(&ids, third), |_| Changes::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert_eq!(here.load(claim(&ids, third)).await.fresh, [third].into());
    assert_eq!(sequence(ids[0]).await, before + 3);
}
