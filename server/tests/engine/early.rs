//! Events that come before anybody waits for them by value.

use baton_app::port::Backend as _;
use baton_domain::message::Message;
use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{World, actor, event, eventually};

on_both!(early:
    an_event_that_comes_before_its_wait_is_taken_by_it,
    of_two_that_wait_for_one_value_one_takes_the_event,
    what_waits_for_several_events_takes_all_that_came,
    an_event_and_its_wait_meet_whoever_is_first,
    an_instance_that_moves_on_to_a_wait_takes_what_came_meanwhile,
    a_command_is_not_answered_by_what_came_before_it_was_sent,
    an_event_that_nobody_takes_is_told_of_and_sent_again,
);

const DOCK: &str = "
baton: process/1
name: dock
input: {type: object, required: [ship]}
nodes:
  start: {kind: start, next: arrival}
  arrival:
    kind: wait
    match: {event: =event.payload.ship, with: =input.ship}
    on: {ShipArrived: {set: {pier: =event.payload.pier}, next: done}}
  done: {kind: end}
";

fn arrived(ship: &str) -> Message {
    event("ShipArrived", "ship", ship, json!({"ship": ship, "pier": 4}))
}

async fn docked(world: &World, ship: &str) -> Uuid {
    world.start_with("dock", json!({"ship": ship}), None).await.unwrap().id
}

async fn arrive(world: &World, ships: &[&str]) {
    world.append(&ships.iter().map(|ship| arrived(ship)).collect::<Vec<_>>()).await;
    world.until_quiet().await;
}

async fn states(world: &World, instances: &[Uuid]) -> Vec<String> {
    let mut states = Vec::new();
    for id in instances {
        states.push(world.service().instance(*id).await.unwrap().summary.state);
    }
    states.sort_unstable();
    states
}

pub async fn an_event_that_comes_before_its_wait_is_taken_by_it(world: World) {
    world.publish(DOCK).await;
    arrive(&world, &["Aurora", "Borealis"]).await;

    let id = docked(&world, "Aurora").await;

    let done = world.until_state(id, "completed").await;
    assert_eq!(done.variables["pier"], 4);
    let history = world.service().history(id, 0).await.unwrap();
    assert!(history.iter().any(|it| it.title.contains("Took ShipArrived, which had come early")), "{history:?}");
    // It was taken once.
    let later = docked(&world, "Aurora").await;
    world.until_quiet().await;
    assert_eq!(states(&world, &[later]).await, ["waiting"]);
    arrive(&world, &["Aurora"]).await;
    world.until_state(later, "completed").await;
    world.stop().await;
}

pub async fn of_two_that_wait_for_one_value_one_takes_the_event(world: World) {
    world.publish(DOCK).await;
    arrive(&world, &["Aurora"]).await;
    let (one, other) = tokio::join!(docked(&world, "Aurora"), docked(&world, "Aurora"));
    assert_eq!(states(&world, &[one, other]).await, ["completed", "waiting"]);
    world.stop().await;
}

pub async fn what_waits_for_several_events_takes_all_that_came(world: World) {
    let twice = DOCK
        .replace("ShipArrived: {set: {pier: =event.payload.pier}, next: done}", "ShipArrived: {next: cargo}")
        .replace(
            "  done: {kind: end}",
            "  cargo:
    kind: wait
    match: {event: =event.payload.ship, with: =input.ship}
    on: {ShipArrived: {next: papers}}
  papers:
    kind: wait
    match: {event: =event.payload.of, with: =input.ship}
    on: {PapersSigned: {next: done}}
  done: {kind: end}",
        );
    world.publish(&twice).await;
    let papers = event("PapersSigned", "office", "1", json!({"of": "Aurora"}));
    world.append(&[arrived("Aurora"), papers, arrived("Aurora")]).await;
    world.until_quiet().await;
    let id = docked(&world, "Aurora").await;
    world.until_state(id, "completed").await;
    assert_eq!(world.count_events(id, "message_received").await, 3);
    world.stop().await;
}

pub async fn an_event_and_its_wait_meet_whoever_is_first(world: World) {
    world.publish(DOCK).await;
    let ships: Vec<String> = (0..60).map(|number| format!("ship {number}")).collect();
    let starts = ships.iter().map(|ship| docked(&world, ship));
    let events = ships.iter().map(|ship| async {
        world.append(&[arrived(ship)]).await;
    });
    let (instances, _) = tokio::join!(futures::future::join_all(starts), futures::future::join_all(events));
    for id in instances {
        world.until_state(id, "completed").await;
        assert_eq!(world.count_events(id, "message_received").await, 1);
    }
    world.stop().await;
}

pub async fn an_instance_that_moves_on_to_a_wait_takes_what_came_meanwhile(world: World) {
    let call = "  call: {kind: command, send: Call, to: pilot, on: {Called: {next: arrival}}}\n  arrival:";
    world.publish(&DOCK.replace("next: arrival}", "next: call}").replace("  arrival:", call)).await;
    let id = docked(&world, "Aurora").await;
    let command = world.command("Call").await;
    arrive(&world, &["Aurora"]).await;
    world.answer(&command, "Called", json!({})).await;
    world.until_state(id, "completed").await;
    world.stop().await;
}

pub async fn a_command_is_not_answered_by_what_came_before_it_was_sent(world: World) {
    let ask = DOCK.replace("kind: wait", "kind: command\n    send: Moor\n    to: pier");
    world.publish(&ask).await;
    arrive(&world, &["Aurora"]).await;
    let id = docked(&world, "Aurora").await;
    world.command("Moor").await;
    world.until_quiet().await;
    assert_eq!(states(&world, &[id]).await, ["running"]);
    arrive(&world, &["Aurora"]).await;
    world.until_state(id, "completed").await;
    world.stop().await;
}

pub async fn an_event_that_nobody_takes_is_told_of_and_sent_again(world: World) {
    world.publish(DOCK).await;
    arrive(&world, &["Aurroa"]).await;
    let waiting = docked(&world, "Aurora").await;
    // A day later.
    let expired = world.store().expire_early(Utc::now() + TimeDelta::days(2), 1_000, 10).await.unwrap();
    let id = expired.unclaimed[0].0;
    let failures = world.service().failures().await.unwrap();
    let [failure] = failures.as_slice() else { panic!("{failures:?}") };
    assert_eq!((failure.destination.as_str(), failure.failure_class.as_str()), ("engine", "unclaimed"));
    assert!(failure.sample_error.contains("\"Aurroa\""), "{}", failure.sample_error);
    assert_eq!((failure.sample_message, failure.state.as_str()), (id, "dead"));

    // Later events of its key are not held up by it.
    let other = docked(&world, "Aurroa").await;
    arrive(&world, &["Aurroa"]).await;
    world.until_state(other, "completed").await;

    // Mended and sent again, it goes to who waits already.
    let payload = json!({"ship": "Aurora", "pier": 7});
    world.service().edit_and_retry(actor(), id, payload).await.unwrap();
    let done = world.until_state(waiting, "completed").await;
    assert_eq!(done.variables["pier"], 7);
    eventually("nothing fails any more", async || world.service().failures().await.unwrap().is_empty().then_some(()))
        .await;

    // What no definition could wait for is refused, and stays visible.
    let useless = arrived("Cygnus");
    world.append(std::slice::from_ref(&useless)).await;
    world.until_quiet().await;
    world.store().expire_early(Utc::now() + TimeDelta::days(2), 1_000, 10).await.unwrap();
    world.service().edit_and_retry(actor(), useless.id.0, json!({"boat": "Cygnus"})).await.unwrap();
    eventually("it is refused", async || {
        let failures = world.service().failures().await.unwrap();
        failures.iter().any(|it| it.sample_error.contains("no definition finds a value in it")).then_some(())
    })
    .await;
    world.stop().await;
}
