//! Stateful sagas: started by events, found again by what they are about, undone in reverse.

use baton_app::{model::*, port::Backend as _};
use baton_domain::{definition::DefinitionKind, message::Message};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{World, event, eventually};

on_both!(sagas:
    an_order_is_fulfilled,
    a_refused_shipment_undoes_what_was_done_in_reverse,
    starting_events_that_race_make_one_instance,
    an_event_that_does_not_say_what_it_is_about_is_a_failed_delivery,
    an_instance_stays_on_the_version_that_it_began_with,
);

/// An event of a participant that knows nothing of Baton.
fn about(order: &str, event_type: &str) -> Message {
    event(event_type, "order", order, json!({"order_id": order, "payment_id": "p-9", "items": [], "amount": 40}))
}

async fn sagas(world: &World) -> Vec<InstanceSummary> {
    let query = InstanceQuery { kind: Some("saga".to_owned()), ..InstanceQuery::default() };
    world.service().instances(query).await.unwrap().items
}

/// The one saga about this order, once it is there.
async fn saga(world: &World, order: &str) -> Uuid {
    let found = eventually("the saga", async || {
        let query = InstanceQuery { business_key: Some(order.to_owned()), ..InstanceQuery::default() };
        world.service().instances(query).await.unwrap().items.pop()
    })
    .await;
    assert_eq!((found.kind, found.definition.as_str()), (DefinitionKind::Saga, "order-fulfilment"));
    found.id
}

/// How far each step of an order is, and what undoes it.
async fn steps(world: &World, order: Uuid) -> Vec<(StepState, Option<UndoState>)> {
    let steps = world.service().instance(order).await.unwrap().steps;
    assert_eq!(steps.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["reserve", "charge", "ship"]);
    let undo = |step: &StepView| step.undo.as_ref().map(|it| it.send.as_str().to_owned());
    assert_eq!(steps.iter().filter_map(undo).collect::<Vec<_>>(), ["ReleaseStock", "RefundPayment"]);
    steps.into_iter().map(|it| (it.state, it.undo.and_then(|it| it.state))).collect()
}

async fn place(world: &World) -> Uuid {
    world.publish_shipped("order-fulfilment").await;
    world.append(&[about("o-1", "OrderPlaced")]).await;
    saga(world, "o-1").await
}

/// Waits for the command and answers with an event that says which order it is about, and no more.
async fn takes(world: &World, command: &str, answer: &str) -> Message {
    let command = world.command(command).await;
    world.append(&[about("o-1", answer)]).await;
    command
}

pub async fn an_order_is_fulfilled(world: World) {
    let order = place(&world).await;
    takes(&world, "ReserveStock", "StockReserved").await;
    let charge = takes(&world, "ChargePayment", "PaymentCharged").await;
    assert_eq!((charge.key.aggregate_type.as_str(), charge.key.aggregate_id.as_str()), ("payments", "o-1"));
    let ship = takes(&world, "ShipOrder", "OrderShipped").await;
    assert_eq!(ship.payload["payment_id"], "p-9");

    let ended = world.until_state(order, "completed").await;
    assert_eq!(ended.summary.started_by, "OrderPlaced");
    assert!(ended.diagram.is_some());
    world.stop().await;
}

pub async fn a_refused_shipment_undoes_what_was_done_in_reverse(world: World) {
    let order = place(&world).await;
    takes(&world, "ReserveStock", "StockReserved").await;
    takes(&world, "ChargePayment", "PaymentCharged").await;
    world.command("ShipOrder").await;
    let ahead = Some(UndoState::Ahead);
    let under_way = [(StepState::Done, ahead), (StepState::Done, ahead), (StepState::UnderWay, None)];
    assert_eq!(steps(&world, order).await, under_way);
    takes(&world, "ShipOrder", "ShipmentRefused").await;
    world.command("RefundPayment").await;
    let undoing = [(StepState::Done, ahead), (StepState::Done, Some(UndoState::UnderWay)), (StepState::Refused, None)];
    assert_eq!(steps(&world, order).await, undoing);
    let refund = takes(&world, "RefundPayment", "PaymentRefunded").await;
    assert_eq!(refund.payload, json!({"order_id": "o-1", "payment_id": "p-9", "amount": 40}));
    takes(&world, "ReleaseStock", "StockReleased").await;

    world.until_state(order, "compensated").await;
    let done = Some(UndoState::Done);
    let undone = [(StepState::Done, done), (StepState::Done, done), (StepState::Refused, None)];
    assert_eq!(steps(&world, order).await, undone);
    world.until_quiet().await;
    let commands = world.participant.received();
    let types: Vec<&str> = commands.iter().map(|command| command.message_type.as_str()).collect();
    assert_eq!(types, ["ReserveStock", "ChargePayment", "ShipOrder", "RefundPayment", "ReleaseStock"]);
    world.stop().await;
}

pub async fn starting_events_that_race_make_one_instance(world: World) {
    world.publish_shipped("order-fulfilment").await;
    let placed: Vec<Message> = (0..20).map(|number| about(&format!("o-{}", number % 4), "OrderPlaced")).collect();
    let appending = placed.chunks(1).map(|one| world.append(one));
    futures::future::join_all(appending).await;
    world.until_quiet().await;
    eventually("four sagas", async || (sagas(&world).await.len() == 4).then_some(())).await;
    eventually("every start recorded", async || {
        let mut recorded = 0;
        for saga in sagas(&world).await {
            recorded +=
                world.count_events(saga.id, "started").await + world.count_events(saga.id, "message_late").await;
        }
        (recorded == 20).then_some(())
    })
    .await;
    world.until_quiet().await;
    assert_eq!(world.participant.count("ReserveStock"), 4);
    world.stop().await;
}

pub async fn an_event_that_does_not_say_what_it_is_about_is_a_failed_delivery(world: World) {
    world.publish_shipped("order-fulfilment").await;
    let nameless = event("OrderPlaced", "order", "o-1", json!({"amount": 1}));
    world.append(std::slice::from_ref(&nameless)).await;
    let failed = eventually("a failed delivery", async || {
        let message = world.service().message(nameless.id.0).await.unwrap();
        message.deliveries.into_iter().find(|delivery| delivery.failure_class.as_deref() == Some("no-correlation"))
    })
    .await;
    assert!(failed.error.unwrap_or_default().contains("order-fulfilment"));
    assert_eq!(sagas(&world).await.len(), 0);
    world.stop().await;
}

pub async fn an_instance_stays_on_the_version_that_it_began_with(world: World) {
    let saga_with = |command: &str| {
        format!(
            "{{baton: saga/1, name: it, correlate: =event.payload.id, start: Begun, steps: [\
             {{name: a, send: A, to: x, done: ADone, timeout: {{after: PT1M, then: wait}}}}, \
             {{name: b, send: {command}, to: y, done: BDone, timeout: {{after: PT1M, then: wait}}}}]}}"
        )
    };
    let say = |event_type: &str, id: &str| event(event_type, "thing", id, json!({"id": id}));
    world.publish(&saga_with("B1")).await;
    world.append(&[say("Begun", "1")]).await;
    world.command("A").await;
    world.publish(&saga_with("B2")).await;
    world.append(&[say("ADone", "1"), say("Begun", "2")]).await;
    world.command("B1").await;
    eventually("the second instance", async || (world.participant.count("A") == 2).then_some(())).await;
    world.append(&[say("ADone", "2")]).await;
    world.command("B2").await;
    assert_eq!((world.participant.count("B1"), world.participant.count("B2")), (1, 1));
    let versions: Vec<Value> =
        sagas(&world).await.iter().map(|saga| json!([saga.business_key, saga.version])).collect();
    assert_eq!(versions, [json!(["2", 2]), json!(["1", 1])]);
    world.stop().await;
}
