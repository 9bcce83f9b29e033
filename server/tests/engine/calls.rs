//! Processes that call other processes: what is asked of them, what comes back, and what ends with what.

use baton_app::{
    model::*,
    port::{AppError, Backend as _},
};
use serde_json::json;

use crate::fixture::{World, eventually};

on_both!(calls:
    a_process_calls_others_and_gathers_what_they_yield,
    a_child_that_fails_ends_its_parent_and_the_other_children,
    a_child_that_is_given_up_is_undone_before_its_caller,
    a_child_that_completed_is_undone_by_its_caller,
    a_call_that_cannot_start_is_an_incident_that_a_retry_resolves,
    processes_that_would_call_each_other_for_ever_are_not_published,
);

const CALLER: &str = "
baton: process/1
name: caller
nodes:
  start: {kind: start, next: all}
  all:
    kind: for-each
    over: =input.amounts
    as: amount
    mode: parallel
    do: pay
    collect: =vars.paid
    into: payments
    next: done
  pay:
    kind: call
    process: payment
    input: {amount: =vars.amount}
    on:
      completed: {set: {paid: =event.payload.output.receipt}, next: all}
      failed: {set: {why: =event.payload.reason}, next: broken}
    timeout: {after: PT1H, next: broken}
  done: {kind: end}
  broken: {kind: end, outcome: failed, reason: =vars.why}
";

const PAYMENT: &str = "
baton: process/1
name: payment
input: {type: object, required: [amount], properties: {amount: {type: integer, minimum: 1}}}
nodes:
  start: {kind: start, next: charge}
  charge:
    kind: command
    send: Charge
    to: bank
    payload: {amount: =input.amount}
    on: {Charged: {set: {receipt: =event.payload.receipt}, next: done}, Declined: {next: no}, timeout: {after: PT1H, then: wait}}
  done: {kind: end}
  no: {kind: end, outcome: failed, reason: declined}
";

/// The command to charge this amount.
async fn charge(world: &World, amount: u32) -> baton_domain::message::Message {
    eventually("the command to charge", async || {
        world
            .participant
            .received()
            .into_iter()
            .find(|it| it.payload["amount"] == amount && it.message_type == "Charge")
    })
    .await
}

async fn children(world: &World, parent: uuid::Uuid) -> Vec<InstanceSummary> {
    let query = InstanceQuery { definition: Some("payment".to_owned()), ..InstanceQuery::default() };
    let page = world.service().instances(query).await.unwrap();
    page.items.into_iter().filter(|it| it.parent == Some(parent)).collect()
}

pub async fn a_process_calls_others_and_gathers_what_they_yield(world: World) {
    world.publish(PAYMENT).await;
    world.publish(CALLER).await;
    let instance = world.start_with("caller", json!({"amounts": [1, 2, 3]}), Some("b-1")).await.unwrap().id;
    for amount in [3, 1, 2] {
        let command = charge(&world, amount).await;
        world.answer(&command, "Charged", json!({"receipt": format!("r{amount}")})).await;
    }
    let done = world.until_state(instance, "completed").await;
    assert_eq!(done.variables["payments"], json!(["r1", "r2", "r3"]));
    let children = children(&world, instance).await;
    assert_eq!(children.len(), 3);
    assert!(children.iter().all(|it| it.state == "completed" && it.started_by == "process/caller"), "{children:?}");
    world.until_quiet().await;
    world.stop().await;
}

pub async fn a_child_that_fails_ends_its_parent_and_the_other_children(world: World) {
    world.publish(PAYMENT).await;
    world.publish(CALLER).await;
    let instance = world.start_with("caller", json!({"amounts": [1, 2]}), None).await.unwrap().id;
    charge(&world, 2).await;
    world.answer(&charge(&world, 1).await, "Declined", json!({})).await;
    let failed = world.until_state(instance, "failed").await;
    assert_eq!(failed.variables["why"], json!(null), "what an item sets stays with it");
    eventually("the other child is cancelled", async || {
        let states: Vec<String> = children(&world, instance).await.into_iter().map(|it| it.state).collect();
        (states.contains(&"failed".to_owned()) && states.contains(&"cancelled".to_owned())).then_some(())
    })
    .await;
    world.until_quiet().await;
    world.stop().await;
}

const PACKING: &str = "
baton: process/1
name: packing
nodes:
  start: {kind: start, next: pack}
  pack: {kind: command, send: Pack, to: stock, undo: {send: Unpack, done: Unpacked}, on: {Packed: {next: ship}}}
  ship: {kind: command, send: Ship, to: carrier, on: {Shipped: {next: done}}}
  done: {kind: end}
";

const ORDERING: &str = "
baton: process/1
name: ordering
nodes:
  start: {kind: start, next: reserve}
  reserve: {kind: command, send: Reserve, to: stock, undo: {send: Release, done: Released}, on: {Reserved: {next: pack}}}
  pack: {kind: call, process: packing, on: {completed: {next: done}, failed: {next: done}}}
  done: {kind: end}
";

pub async fn a_child_that_is_given_up_is_undone_before_its_caller(world: World) {
    world.publish(PACKING).await;
    world.publish(ORDERING).await;
    let instance = world.start_with("ordering", json!({}), None).await.unwrap().id;
    world.answer(&world.command("Reserve").await, "Reserved", json!({})).await;
    world.answer(&world.command("Pack").await, "Packed", json!({})).await;
    let ship = world.command("Ship").await;
    world.operate(instance, Operate::Cancel { compensate: true }).await.unwrap();
    let waiting = world.until_state(instance, "compensating").await;
    assert_eq!(waiting.unanswered.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["pack"]);
    // The child waits for what it has under way, and its caller for the child.
    world.answer(&ship, "Shipped", json!({})).await;
    let unpack = world.command("Unpack").await;
    assert_eq!(world.participant.count("Release"), 0);
    world.answer(&unpack, "Unpacked", json!({})).await;
    world.answer(&world.command("Release").await, "Released", json!({})).await;
    let cancelled = world.until_state(instance, "cancelled").await;
    assert!(cancelled.unanswered.is_empty());
    world.until_quiet().await;
    world.stop().await;
}

pub async fn a_child_that_completed_is_undone_by_its_caller(world: World) {
    const UNDO: &str =
        "undo: {send: TakeBack, to: carrier, payload: {parcel: =event.payload.output.parcel}, done: TakenBack}";
    let packing = PACKING.replace("on: {Shipped: {next", "on: {Shipped: {set: {parcel: =event.payload.parcel}, next");
    let ordering = ORDERING
        .replace(
            "process: packing, on: {completed: {next: done}",
            &format!("process: packing, {UNDO}, on: {{completed: {{next: pay}}"),
        )
        .replace(
            "  done: {kind: end}",
            "  pay: {kind: command, send: Pay, to: bank, on: {Paid: {next: done}}}\n  done: {kind: end}",
        );
    world.publish(&packing).await;
    world.publish(&ordering).await;
    let instance = world.start_with("ordering", json!({}), None).await.unwrap().id;
    world.answer(&world.command("Reserve").await, "Reserved", json!({})).await;
    world.answer(&world.command("Pack").await, "Packed", json!({})).await;
    world.answer(&world.command("Ship").await, "Shipped", json!({"parcel": "p-7"})).await;
    let pay = world.command("Pay").await;
    let before = world.service().instance(instance).await.unwrap();
    assert_eq!(before.undo.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["pack", "reserve"]);
    world.operate(instance, Operate::Cancel { compensate: true }).await.unwrap();
    world.answer(&pay, "Paid", json!({})).await;
    let take_back = world.command("TakeBack").await;
    assert_eq!((&take_back.payload, world.participant.count("Release")), (&json!({"parcel": "p-7"}), 0));
    assert_eq!(take_back.key.aggregate_id, before.children[0].id.to_string());
    world.answer(&take_back, "TakenBack", json!({})).await;
    world.answer(&world.command("Release").await, "Released", json!({})).await;
    world.until_state(instance, "cancelled").await;
    assert_eq!(world.participant.count("Unpack"), 0, "it has ended, and undoes nothing any more");
    world.until_quiet().await;
    world.stop().await;
}

pub async fn a_call_that_cannot_start_is_an_incident_that_a_retry_resolves(world: World) {
    world.publish(CALLER).await;
    let instance = world.start_with("caller", json!({"amounts": [1]}), None).await.unwrap().id;
    let stuck = world.until_state(instance, "stuck").await;
    assert!(stuck.summary.incident.as_deref().unwrap().contains("payment"), "{:?}", stuck.summary.incident);
    world.publish(PAYMENT).await;
    world.operate(instance, Operate::Retry { token: None }).await.unwrap();
    world.answer(&charge(&world, 1).await, "Charged", json!({"receipt": "r"})).await;
    world.until_state(instance, "completed").await;
    // Input that the schema of the child refuses is told to the parent, too.
    let instance = world.start_with("caller", json!({"amounts": [0]}), None).await.unwrap().id;
    let stuck = world.until_state(instance, "stuck").await;
    assert!(stuck.summary.incident.as_deref().unwrap().contains("amount"), "{:?}", stuck.summary.incident);
    world.operate(instance, Operate::Cancel { compensate: false }).await.unwrap();
    world.stop().await;
}

pub async fn processes_that_would_call_each_other_for_ever_are_not_published(world: World) {
    let calls = |name: &str, other: &str| {
        format!(
            "{{baton: process/1, name: {name}, nodes: {{start: {{kind: start, next: it}}, it: {{kind: call, process: {other}, \
             on: {{completed: {{next: done}}, failed: {{next: done}}}}}}, done: {{kind: end}}}}}}"
        )
    };
    world.publish(&calls("one", "two")).await;
    world.publish(&calls("two", "three")).await;
    let refused = world.try_publish(&calls("three", "one")).await.unwrap_err();
    let AppError::Invalid(found) = refused else { panic!("{refused:?}") };
    assert_eq!((found[0].code.as_str(), found[0].pointer.as_str()), ("call-circle", "/nodes/it/process"));
    world.stop().await;
}
