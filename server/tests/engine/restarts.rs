//! Instances that are restarted from an earlier point of their history, as new ones.

use baton_app::{
    model::*,
    port::{Answer, AppError, Backend as _},
};
use baton_domain::message::Message;
use baton_server::store::rows::CleanKind;
use chrono::{TimeDelta, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::fixture::{World, actor, event, eventually};

on_both!(restarts:
    a_stuck_instance_is_restarted_at_the_step_that_failed,
    what_can_be_undone_goes_along_and_is_undone_once,
    an_ended_instance_is_restarted_and_stays_as_it_ended,
    of_two_operators_at_once_one_is_refused,
    a_key_makes_one_instance,
    what_cannot_be_is_refused_with_its_place_and_changes_nothing,
    only_the_new_one_awaits_an_event_by_value,
    a_called_instance_and_a_saga_are_not_restarted,
    an_original_that_is_no_longer_kept_is_told,
);

const STAY: &str = "
baton: process/1
name: stay
input: {type: object, required: [guest], properties: {guest: {type: string}, nights: {type: integer, default: 1}}, additionalProperties: false}
nodes:
  start: {kind: start, next: hold}
  hold:
    kind: command
    send: Hold
    to: rooms
    undo: {send: Release, done: Released}
    on:
      Held: {set: {room: =event.payload.room}, next: price}
  price: {kind: compute, set: {total: =input.nights * vars.room}, next: split}
  split: {kind: fork, branches: {a: {next: pay}, b: {next: clean}}, join: both}
  pay: {kind: command, send: Pay, to: payments, payload: {total: =vars.total}, on: {Paid: {next: both}}}
  clean: {kind: command, send: Clean, to: rooms, on: {Cleaned: {next: both}}}
  both: {kind: join, next: arrive}
  arrive: {kind: wait, on: {Arrived: {next: done}}, match: {event: =event.payload.guest, with: =input.guest}}
  done: {kind: end}
";

async fn stay(world: &World) -> Uuid {
    world.publish(STAY).await;
    world.start_with("stay", json!({"guest": "mina"}), None).await.unwrap().id
}

/// Stuck at `price`, since the room is no number.
async fn stuck(world: &World) -> InstanceDetail {
    let id = stay(world).await;
    world.answer(&world.command("Hold").await, "Held", json!({"room": "12"})).await;
    world.until_state(id, "stuck").await
}

fn ask(at: u64) -> RestartRequest {
    let reason = "because of a test".to_owned();
    RestartRequest { at, variables: Map::new(), input: None, reason, expected: None, idempotency_key: None }
}

async fn restart(world: &World, id: Uuid, asked: RestartRequest) -> Answer<Started> {
    world.service().restart(actor(), id, asked).await
}

/// The fact of the history by which it came to a node.
fn point(detail: &InstanceDetail, node: &str) -> u64 {
    let fact = detail.history.iter().find(|fact| fact.point.as_deref() == Some(node));
    fact.unwrap_or_else(|| panic!("{node} is no point of {:?}", detail.history)).sequence.unsigned_abs()
}

fn set(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The nth command of a type that was sent.
async fn nth(world: &World, message_type: &str, n: usize) -> Message {
    eventually(&format!("{n} × {message_type}"), async || {
        world.participant.received().into_iter().filter(|it| it.message_type == message_type).nth(n - 1)
    })
    .await
}

fn refused_at(answer: Answer<Started>, code: &str, pointer: &str) {
    match answer.unwrap_err() {
        AppError::Invalid(found) => assert_eq!((found[0].code.as_str(), found[0].pointer.as_str()), (code, pointer)),
        AppError::Conflict { code: conflict, message } => {
            assert_eq!((conflict.as_str(), pointer), (code, ""), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

async fn count(world: &World) -> usize {
    world.service().instances(InstanceQuery::default()).await.unwrap().items.len()
}

pub async fn a_stuck_instance_is_restarted_at_the_step_that_failed(world: World) {
    let before = stuck(&world).await;
    let (id, at) = (before.summary.id, point(&before, "price"));
    let input = json!({"guest": "mina", "nights": 3});
    let asked = RestartRequest { variables: set(json!({"room": 7})), input: Some(input.clone()), ..ask(at) };
    let started = restart(&world, id, asked).await.unwrap();
    assert!(started.created && started.id != id);
    assert_eq!(world.command("Pay").await.payload, json!({"total": 21}));

    let next = world.service().instance(started.id).await.unwrap();
    assert_eq!((next.input, next.restarted_from), (input, Some(OriginView { instance: id, at })));
    assert_eq!((next.summary.started_by.as_str(), next.summary.business_key), ("tester", None));
    assert_eq!(next.history[0].title, format!("tester restarted {id} from fact {at} of its history, at price"));
    let original = world.service().instance(id).await.unwrap();
    assert_eq!((original.summary.state.as_str(), original.restarted_as), ("cancelled", Some(started.id)));
    let last = original.history.last().unwrap();
    assert_eq!(last.title, format!("tester restarted it from fact {at} as {}", started.id));
    assert_eq!(last.data["reason"], "because of a test");
    let refused = original.operations.iter().find(|it| it.name == OperationName::Restart).unwrap();
    assert!(refused.refused.as_deref().unwrap().contains(&started.id.to_string()), "{refused:?}");
    let audit = world.service().audit(Some(format!("instance/{id}"))).await.unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].reason.as_deref()), ("restart-instance", Some("because of a test")));
    // As it was is still shown.
    let then = world.service().instance_at(started.id, 1).await.unwrap();
    assert_eq!(then.variables, json!({"room": 7}));
    world.stop().await;
}

pub async fn what_can_be_undone_goes_along_and_is_undone_once(world: World) {
    let before = stuck(&world).await;
    let started = restart(&world, before.summary.id, ask(point(&before, "hold"))).await.unwrap();
    world.answer(&nth(&world, "Hold", 2).await, "Held", json!({"room": 9})).await;
    let (pay, clean) = (world.command("Pay").await, world.command("Clean").await);
    let next = world.service().instance(started.id).await.unwrap();
    assert_eq!(next.undo.iter().map(|it| it.send.as_str()).collect::<Vec<_>>(), ["Release", "Release"]);
    let cancel = Operate::Cancel { compensate: true };
    world.operate(started.id, cancel).await.unwrap();
    world.answer(&pay, "Paid", json!({})).await;
    world.answer(&clean, "Cleaned", json!({})).await;
    for n in [1, 2] {
        world.answer(&nth(&world, "Release", n).await, "Released", json!({})).await;
    }
    let undone = world.until_state(started.id, "cancelled").await;
    assert_eq!(undone.undo.iter().map(|it| it.state).collect::<Vec<_>>(), [UndoState::Done; 2]);
    world.until_quiet().await;
    assert_eq!(world.participant.count("Release"), 2);
    // Its own hold was undone, and the one before it too: there is nothing to begin at.
    assert!(undone.history.iter().all(|fact| fact.point.is_none()));
    for at in [1, 5] {
        refused_at(restart(&world, started.id, ask(at)).await, "undone-since", "/at");
    }
    let refused = undone.operations.iter().find(|it| it.name == OperationName::Restart).unwrap();
    assert!(refused.refused.as_deref().unwrap().contains("was undone"), "{refused:?}");
    world.stop().await;
}

pub async fn an_ended_instance_is_restarted_and_stays_as_it_ended(world: World) {
    let id = stay(&world).await;
    world.answer(&world.command("Hold").await, "Held", json!({"room": 5})).await;
    world.answer(&world.command("Pay").await, "Paid", json!({})).await;
    world.answer(&world.command("Clean").await, "Cleaned", json!({})).await;
    eventually("it waits", async || {
        let at = world.service().instance(id).await.unwrap().summary.at;
        (at == ["arrive"]).then_some(())
    })
    .await;
    world.append(&[event("Arrived", "guest", "1", json!({"guest": "mina"}))]).await;
    let ended = world.until_state(id, "completed").await;
    let started = restart(&world, id, ask(point(&ended, "arrive"))).await.unwrap();
    let after = world.service().instance(id).await.unwrap();
    assert_eq!((after.summary.state.as_str(), after.summary.ended_at), ("completed", ended.summary.ended_at));
    assert_eq!((after.recorded, after.restarted_as), (ended.recorded + 1, Some(started.id)));
    world.append(&[event("Arrived", "guest", "1", json!({"guest": "mina"}))]).await;
    world.until_state(started.id, "completed").await;
    assert_eq!(world.participant.count("Pay"), 1);
    world.stop().await;
}

pub async fn of_two_operators_at_once_one_is_refused(world: World) {
    let before = stuck(&world).await;
    let (id, at) = (before.summary.id, point(&before, "price"));
    let (first, second) = tokio::join!(restart(&world, id, ask(at)), restart(&world, id, ask(at)));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
    refused_at(if first.is_ok() { second } else { first }, "already-restarted", "");
    assert_eq!(count(&world).await, 2);
    // Who looked before is told so.
    let late = RestartRequest { expected: Some(before.recorded), ..ask(at) };
    refused_at(restart(&world, id, late).await, "changed-meanwhile", "");
    world.stop().await;
}

pub async fn a_key_makes_one_instance(world: World) {
    let before = stuck(&world).await;
    let (id, at) = (before.summary.id, point(&before, "price"));
    let with = |key: &str, variables: Value| RestartRequest {
        idempotency_key: Some(key.to_owned()),
        variables: set(variables),
        ..ask(at)
    };
    let first = restart(&world, id, with("k", json!({"room": 4}))).await.unwrap();
    let again = restart(&world, id, with("k", json!({"room": 4}))).await.unwrap();
    assert_eq!((first.created, again.created, first.id), (true, false, again.id));
    for other in [
        restart(&world, id, with("k", json!({}))).await,
        restart(&world, id, RestartRequest { at: at - 1, ..with("k", json!({"room": 4})) }).await,
        restart(&world, first.id, with("k", json!({"room": 4}))).await,
        world.start_with("stay", json!({"guest": "mina"}), Some("k")).await,
    ] {
        assert!(matches!(other, Err(AppError::KeyReused(_))), "{other:?}");
    }
    let started = world.start_with("stay", json!({"guest": "park"}), Some("s")).await.unwrap();
    let other = restart(&world, id, with("s", json!({}))).await;
    assert!(matches!(&other, Err(AppError::KeyReused(why)) if why.contains(&started.id.to_string())), "{other:?}");
    assert_eq!(count(&world).await, 3);
    world.stop().await;
}

pub async fn what_cannot_be_is_refused_with_its_place_and_changes_nothing(world: World) {
    let id = stay(&world).await;
    world.answer(&world.command("Hold").await, "Held", json!({"room": 5})).await;
    world.command("Pay").await;
    refused_at(restart(&world, id, ask(1)).await, "not-at-rest", "");
    world.operate(id, Operate::Suspend).await.unwrap();
    let before = world.service().instance(id).await.unwrap();
    let forked = before.history.iter().find(|fact| fact.event == "forked").unwrap().sequence.unsigned_abs();
    let held = before.history.iter().find(|fact| fact.event == "step_succeeded").unwrap().sequence.unsigned_abs();
    for (asked, code, pointer) in [
        (ask(0), "unknown-event", "/at"),
        (ask(before.recorded + 1), "unknown-event", "/at"),
        (ask(forked), "no-point", "/at"),
        (ask(before.recorded), "no-point", "/at"),
        (ask(held), "no-point", "/at"),
        (RestartRequest { input: Some(json!({"guest": 7})), ..ask(1) }, "invalid-input", "/input/guest"),
        (RestartRequest { input: Some(json!("mina")), ..ask(1) }, "invalid-input", "/input"),
        (RestartRequest { variables: set(json!({"a b": 1})), ..ask(1) }, "invalid-variables", "/variables/a b"),
        (RestartRequest { variables: set(json!({"a": "\u{0}"})), ..ask(1) }, "invalid-variables", "/variables/a"),
        (RestartRequest { reason: " ".to_owned(), ..ask(1) }, "text", "/reason"),
        (RestartRequest { expected: Some(1), ..ask(1) }, "changed-meanwhile", ""),
    ] {
        refused_at(restart(&world, id, asked).await, code, pointer);
    }
    let unknown = restart(&world, Uuid::now_v7(), ask(1)).await;
    assert!(matches!(unknown, Err(AppError::NotFound(_))), "{unknown:?}");
    let after = world.service().instance(id).await.unwrap();
    assert_eq!((after.history, after.summary), (before.history, before.summary));
    assert_eq!(count(&world).await, 1);
    world.stop().await;
}

pub async fn only_the_new_one_awaits_an_event_by_value(world: World) {
    let id = stay(&world).await;
    world.answer(&world.command("Hold").await, "Held", json!({"room": 5})).await;
    world.answer(&world.command("Pay").await, "Paid", json!({})).await;
    world.answer(&world.command("Clean").await, "Cleaned", json!({})).await;
    eventually("it waits", async || {
        let at = world.service().instance(id).await.unwrap().summary.at;
        (at == ["arrive"]).then_some(())
    })
    .await;
    world.operate(id, Operate::Suspend).await.unwrap();
    let before = world.service().instance(id).await.unwrap();
    let input = Some(json!({"guest": "sora"}));
    let started = restart(&world, id, RestartRequest { input, ..ask(point(&before, "arrive")) }).await.unwrap();
    world.append(&[event("Arrived", "guest", "1", json!({"guest": "mina"}))]).await;
    world.append(&[event("Arrived", "guest", "1", json!({"guest": "sora"}))]).await;
    world.until_state(started.id, "completed").await;
    assert_eq!(world.count_events(id, "message_received").await, 3);
    assert_eq!(world.count_events(id, "message_late").await, 0);
    world.stop().await;
}

pub async fn a_called_instance_and_a_saga_are_not_restarted(world: World) {
    world.publish(STAY).await;
    let caller = "
baton: process/1
name: journey
nodes:
  start: {kind: start, next: stay}
  stay: {kind: call, process: stay, input: {guest: mina}, on: {completed: {next: done}, failed: {next: done}}}
  done: {kind: end}
";
    world.publish(caller).await;
    world.publish_shipped("order-fulfilment").await;
    let parent = world.start_with("journey", json!({}), None).await.unwrap().id;
    world.command("Hold").await;
    let placed = json!({"order_id": "o-1", "items": [{"sku": "s-1", "count": 2}], "amount": 40});
    world.append(&[event("OrderPlaced", "order", "o-1", placed)]).await;
    let of = async |definition: &str| {
        eventually(definition, async || {
            let query = InstanceQuery { definition: Some(definition.to_owned()), ..InstanceQuery::default() };
            world.service().instances(query).await.unwrap().items.first().map(|it| it.id)
        })
        .await
    };
    for (id, code) in [(of("stay").await, "called"), (of("order-fulfilment").await, "saga")] {
        world.operate(id, Operate::Suspend).await.unwrap();
        refused_at(restart(&world, id, ask(1)).await, code, "");
        let detail = world.service().instance(id).await.unwrap();
        assert_eq!((detail.restarted_as, detail.summary.state.as_str()), (None, "suspended"));
    }
    // Whoever called can be, and calls anew.
    world.operate(parent, Operate::Suspend).await.unwrap();
    let detail = world.service().instance(parent).await.unwrap();
    let started = restart(&world, parent, ask(point(&detail, "stay"))).await.unwrap();
    nth(&world, "Hold", 2).await;
    assert_eq!(world.service().instance(started.id).await.unwrap().children.len(), 1);
    // The one that was suspended is told that it is cancelled, and undoes what it may have done.
    eventually("the child is told", async || {
        let child = &world.service().instance(parent).await.unwrap().children[0];
        ["cancelled", "compensating"].contains(&child.state.as_str()).then_some(())
    })
    .await;
    world.stop().await;
}

pub async fn an_original_that_is_no_longer_kept_is_told(world: World) {
    let before = stuck(&world).await;
    let (id, at) = (before.summary.id, point(&before, "price"));
    let asked = RestartRequest { variables: set(json!({"room": 7})), ..ask(at) };
    let started = restart(&world, id, asked).await.unwrap();
    world.command("Pay").await;
    assert_eq!(world.service().instance(started.id).await.unwrap().gone, Vec::<Uuid>::new());
    world.until_quiet().await;

    let later = Utc::now() + TimeDelta::minutes(1);
    let clean = async |kind| world.node.store.clean(kind, later, 100).await.unwrap().rows;
    assert_eq!(clean(CleanKind::Instances).await, 0, "its commands are still in the outbox");
    assert!(clean(CleanKind::Messages).await > 0);
    clean(CleanKind::Inbox).await;
    assert_eq!(clean(CleanKind::Instances).await, 1);

    let next = world.service().instance(started.id).await.unwrap();
    assert_eq!((next.restarted_from, next.gone), (Some(OriginView { instance: id, at }), vec![id]));
    match world.service().instance(id).await.unwrap_err() {
        AppError::NotFound(message) => assert!(message.contains("after its retention"), "{message}"),
        other => panic!("{other:?}"),
    }
    world.answer(&world.command("Pay").await, "Paid", json!({})).await;
    world.answer(&world.command("Clean").await, "Cleaned", json!({})).await;
    world.until_state(started.id, "waiting").await;
    world.stop().await;
}
