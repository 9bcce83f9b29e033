//! What operators do: followers wait visibly, a repair lets them go on in order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use baton_domain::{message::Message, retry::Policy};
use baton_server::{
    relay::Config,
    store::rows::{Repair, RepairFilter},
};
use serde_json::json;

use crate::{
    on_both,
    sink::{Reply, Sink},
    world::{Database, Setup, World, addressed, command, event, failure, until},
};

on_both!(
    parked_followers_arrive_in_order_after_a_retry,
    the_flow_tells_what_is_parked,
    parked_followers_go_on_after_a_discard,
    an_edited_message_is_sent_as_edited,
    the_bus_parks_and_goes_on_as_endpoints_do,
    unknown_destinations_are_dead_until_created,
    a_command_that_nobody_takes_is_dead_and_goes_on_when_a_route_takes_it,
    deliveries_to_a_deleted_destination_are_dead,
    a_paused_destination_waits,
);

/// An endpoint that refuses one message until it is told not to.
async fn a_world_with_a_broken_message(database: &Database) -> (World, Sink, Vec<Message>, Arc<AtomicBool>) {
    let world = World::start(database).await;
    let sink = Sink::start().await;
    let mended = Arc::new(AtomicBool::new(false));
    let messages = vec![
        addressed("sink", "a", 1),
        addressed("sink", "a", 2),
        addressed("sink", "b", 3),
        addressed("sink", "a", 4),
    ];
    let (broken, is_mended) = (messages[0].id, mended.clone());
    sink.judge(move |message, _| {
        let refuses = message.id == broken && !is_mended.load(Ordering::SeqCst) && message.payload != json!("mended");
        if refuses { Reply::status(422) } else { Reply::ok() }
    });
    world.put_destination("sink", sink.settings(json!({"attempts_max": 3}))).await;
    world.append(&messages).await;
    world.until_state(messages[0].id, "sink", "dead 3 http-422").await;
    world.until_state(messages[1].id, "sink", "parked 0").await;
    world.until_state(messages[3].id, "sink", "parked 0").await;
    world.until_state(messages[2].id, "sink", "delivered").await;
    assert_eq!(sink.accepted(), [messages[2].id], "the other key went on");
    (world, sink, messages, mended)
}

async fn the_flow_tells_what_is_parked(database: Database) {
    let (world, _sink, messages, _) = a_world_with_a_broken_message(&database).await;
    // One that comes later, when its key has failed already, and one of a key that is well.
    let later = [addressed("sink", "a", 5), addressed("sink", "b", 6)];
    world.append(&later).await;
    let told = async |message: &Message, state: &str| {
        until(&format!("the flow says {state}"), async || {
            let lines = world.changes.recent();
            let newest = lines.iter().rev().find(|line| line.id == message.id.0);
            newest.is_some_and(|line| line.state == state && line.to == ["sink"])
        })
        .await;
    };
    told(&messages[0], "dead").await;
    for follower in [&messages[1], &messages[3], &later[0]] {
        told(follower, "parked").await;
    }
    told(&later[1], "published").await;
}

async fn parked_followers_arrive_in_order_after_a_retry(database: Database) {
    let (world, sink, messages, mended) = a_world_with_a_broken_message(&database).await;
    let delivery = world.delivery(messages[0].id, "sink").await.unwrap();
    assert_eq!(delivery.followers, 2);
    assert_eq!(delivery.history.len(), 3);
    assert!(delivery.failure.unwrap().error.contains("422"));
    // One that comes later queues behind as well.
    let later = addressed("sink", "a", 5);
    world.append(std::slice::from_ref(&later)).await;
    world.until_state(later.id, "sink", "parked 0").await;

    mended.store(true, Ordering::SeqCst);
    let filter = RepairFilter { message_id: Some(messages[0].id), ..RepairFilter::default() };
    assert_eq!(world.repair(filter.clone(), Repair::Retry { edited_payload: None }).await, 1);
    world.until_quiet().await;
    let [first, second, other, fourth] = [0, 1, 2, 3].map(|index| messages[index].id);
    assert_eq!(sink.accepted(), [other, first, second, fourth, later.id]);
    assert_eq!(world.repair(filter, Repair::Retry { edited_payload: None }).await, 0, "nothing is left to repair");
}

async fn parked_followers_go_on_after_a_discard(database: Database) {
    let (world, sink, messages, _) = a_world_with_a_broken_message(&database).await;
    let filter = RepairFilter { failure_class: Some("http-422".into()), ..RepairFilter::default() };
    assert_eq!(world.repair(filter, Repair::Discard).await, 1);
    world.until_quiet().await;
    assert_eq!(sink.accepted(), [messages[2].id, messages[1].id, messages[3].id]);
    assert_eq!(world.state(messages[0].id, "sink").await.split(' ').next(), Some("discarded"));
}

async fn an_edited_message_is_sent_as_edited(database: Database) {
    let (world, sink, messages, _) = a_world_with_a_broken_message(&database).await;
    let filter = RepairFilter { message_id: Some(messages[0].id), ..RepairFilter::default() };
    let retry = Repair::Retry { edited_payload: Some(json!("mended")) };
    assert_eq!(world.repair(filter, retry).await, 1);
    world.until_quiet().await;
    let sent = sink.received().into_iter().rfind(|received| received.message.id == messages[0].id).unwrap();
    assert_eq!(sent.message.payload, json!("mended"));
    let (row, _) = world.message(messages[0].id).await.unwrap();
    assert_eq!(row.message.payload, json!({"number": 1}), "the original is kept");
}

async fn the_bus_parks_and_goes_on_as_endpoints_do(database: Database) {
    let setup = Setup {
        config: Config { bus_retry: Policy { attempts_max: 2, base_ms: 10, cap_ms: 10 }, ..Config::default() },
        ..Setup::default()
    };
    let world = World::start_with(database.open().await, setup).await;
    let mended = Arc::new(AtomicBool::new(false));
    let messages: Vec<Message> =
        [("a", 1), ("a", 2), ("b", 3), ("a", 4)].map(|(key, number)| event(key, number)).into();
    let (broken, is_mended) = (messages[0].id, mended.clone());
    world.recorder.judge(move |message, _| match message.id == broken && !is_mended.load(Ordering::SeqCst) {
        true => Err(failure("refused")),
        false => Ok(()),
    });
    world.append(&messages[..3]).await;
    world.until_state(messages[0].id, "bus", "dead 2 refused").await;
    world.append(&messages[3..]).await;
    world.until_state(messages[1].id, "bus", "parked 0").await;
    world.until_state(messages[3].id, "bus", "parked 0").await;
    assert_eq!(world.recorder.taken(), [messages[2].id]);

    mended.store(true, Ordering::SeqCst);
    assert_eq!(world.repair(RepairFilter::default(), Repair::Retry { edited_payload: None }).await, 1);
    world.until_quiet().await;
    assert_eq!(world.recorder.taken(), [messages[2].id, messages[0].id, messages[1].id, messages[3].id]);
    // And nothing is left behind that the next one would queue for.
    let next = event("a", 5);
    world.append(std::slice::from_ref(&next)).await;
    until("the next one is through", async || world.recorder.taken().len() == 5).await;
    assert_eq!(world.state(next.id, "bus").await, "none");
}

async fn unknown_destinations_are_dead_until_created(database: Database) {
    let world = World::start(&database).await;
    let message = addressed("late", "a", 1);
    world.append(std::slice::from_ref(&message)).await;
    world.until_state(message.id, "late", "dead 0 unknown-destination").await;
    let error = world.delivery(message.id, "late").await.unwrap().failure.unwrap().error;
    assert!(error.contains("`late`") && error.contains("Create it"), "{error}");

    let sink = Sink::start().await;
    world.put_destination("late", sink.settings(json!({}))).await;
    assert_eq!(world.repair(RepairFilter::default(), Repair::Retry { edited_payload: None }).await, 1);
    world.until_quiet().await;
    assert_eq!(sink.accepted(), [message.id]);
}

async fn a_command_that_nobody_takes_is_dead_and_goes_on_when_a_route_takes_it(database: Database) {
    let setup = Setup {
        config: Config { bus_retry: Policy { attempts_max: 2, base_ms: 10, cap_ms: 10 }, ..Config::default() },
        ..Setup::default()
    };
    let world = World::start_with(database.open().await, setup).await;
    let commands = [command("BookFlight", "a"), command("CancelFlight", "a")];
    world.append(&commands).await;
    world.until_state(commands[0].id, "bus", "dead 2 unroutable").await;
    world.until_state(commands[1].id, "bus", "parked").await;
    let error = world.delivery(commands[0].id, "bus").await.unwrap().failure.unwrap().error;
    assert!(error.contains("`BookFlight`") && error.contains("route"), "{error}");

    let sink = Sink::start().await;
    world.put_destination("flights", sink.settings(json!({}))).await;
    world.route("order", "flights").await;
    assert_eq!(world.repair(RepairFilter::default(), Repair::Retry { edited_payload: None }).await, 1);
    world.until_quiet().await;
    assert_eq!(sink.accepted(), [commands[0].id, commands[1].id]);
    assert_eq!(world.state(commands[0].id, "bus").await.split(' ').next(), Some("discarded"));
    assert_eq!(world.state(commands[0].id, "flights").await, "delivered 1");
}

async fn deliveries_to_a_deleted_destination_are_dead(database: Database) {
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    world.put_destination_paused("sink", sink.settings(json!({})), true).await;
    let messages = [addressed("sink", "a", 1), addressed("sink", "b", 2)];
    world.append(&messages).await;
    world.until_state(messages[1].id, "sink", "queued").await;
    world.store.delete_destination("sink", crate::world::audit()).await.unwrap();
    world.directory.reload().await.unwrap();
    for message in &messages {
        world.until_state(message.id, "sink", "dead 1 unknown-destination").await;
    }
    assert!(sink.received().is_empty());
}

async fn a_paused_destination_waits(database: Database) {
    let world = World::start(&database).await;
    let (paused, working) = (Sink::start().await, Sink::start().await);
    world.put_destination_paused("paused", paused.settings(json!({})), true).await;
    world.put_destination("working", working.settings(json!({}))).await;
    let messages = [addressed("paused", "a", 1), addressed("working", "a", 2)];
    world.append(&messages).await;
    until("the other destination has its message", async || working.accepted() == [messages[1].id]).await;
    assert_eq!(world.state(messages[0].id, "paused").await, "queued 0");
    assert!(paused.received().is_empty());

    world.put_destination_paused("paused", paused.settings(json!({})), false).await;
    world.until_quiet().await;
    assert_eq!(paused.accepted(), [messages[0].id]);
}
