//! The people and programs around Baton: producers, callers of the API, people with tasks, operators.

use std::sync::Arc;

use baton_domain::{
    ids::{InstanceId, MessageId, TaskId},
    message::{Key, Message, MessageKind},
    process::{Input, Migration, Operator, Replay, Restart, Status},
};
use baton_server::{
    engine::work::{Done, Item, Restarting, Start},
    store::{
        Store,
        rows::{AuditRow, DeliveryState, Repair, RepairFilter},
    },
};
use serde_json::{Value, json};

use super::{
    node::Desk,
    stage::OUTSIDE,
    world::{PATIENCE_MS, World},
};

/// Lets everybody in.
pub fn enter(world: &Arc<World>) {
    for producer in 0..world.scenario.producers {
        world.begin();
        world.stage.enter(OUTSIDE, produce(world.clone(), producer));
    }
    for (definition, count) in world.scenario.starts {
        world.begin();
        world.stage.enter(OUTSIDE, start_all(world.clone(), definition, *count));
    }
    for name in ["ann", "bob"] {
        world.stage.enter(OUTSIDE, sign(world.clone(), name));
    }
    if world.scenario.operations > 0 {
        world.begin();
        world.stage.enter(OUTSIDE, operate(world.clone()));
    }
    world.stage.enter(OUTSIDE, repair(world.clone()));
}

fn message(world: &World, message_type: &str, aggregate_id: String, payload: Value) -> Message {
    Message {
        id: MessageId(world.fresh_id()),
        kind: MessageKind::Event,
        message_type: message_type.to_owned(),
        source: "producer".to_owned(),
        key: Key { aggregate_type: "counter".to_owned(), aggregate_id },
        aggregate_version: None,
        payload,
        headers: Default::default(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: world.stage.calendar(),
    }
}

/// Inserts transaction after transaction. Its keys are its own: an aggregate has one writer at a time.
async fn produce(world: Arc<World>, producer: usize) {
    for n in 0..world.scenario.transactions {
        let count = world.draw(|chance| 1 + chance.below(3));
        let mut messages = Vec::new();
        for _ in 0..count {
            let (message_type, payload) = world.draw(|chance| (world.scenario.event)(n, chance));
            let key = world.draw(|chance| format!("{producer}-{}", chance.below(2)));
            let mut message = message(&world, message_type, key, payload);
            if world.happens(12) {
                let delay = world.draw(|chance| chance.between(10, 3_000));
                message.deliver_after = Some(world.stage.calendar() + chrono::TimeDelta::milliseconds(delay));
            }
            messages.push(message);
        }
        let commit = !world.happens(6);
        world.insert(messages, commit).await;
        let pause = world.draw(|chance| chance.between(0, 60));
        world.stage.sleep(OUTSIDE, "producer: pause", pause).await;
    }
    world.end();
}

async fn start_all(world: Arc<World>, definition: &'static str, count: usize) {
    for n in 0..count {
        let key = format!("{definition}-{n}");
        if world.draw(|chance| chance.one_in(5)) {
            // Somebody else asks for the same at the same time.
            let (world, key) = (world.clone(), key.clone());
            world.begin();
            world.clone().stage.enter(OUTSIDE, async move {
                start(&world, definition, n, key).await;
                world.end();
            });
        }
        let instance = start(&world, definition, n, key).await;
        if world.scenario.ticks > 0 {
            tick(&world, instance).await;
        }
    }
    world.end();
}

/// Asks until there is an answer.
async fn start(world: &Arc<World>, definition: &'static str, n: usize, key: String) -> InstanceId {
    loop {
        let Some(node) = world.any_up() else {
            world.stage.sleep(OUTSIDE, "caller: nobody is up", PATIENCE_MS).await;
            continue;
        };
        let item = Item::Start(Arc::new(Start {
            instance: InstanceId::from_uuid(world.fresh_id()),
            definition: definition.to_owned(),
            version: None,
            input: json!({"n": n}),
            business_key: None,
            idempotency_key: Some(key.clone()),
            by: "caller".to_owned(),
        }));
        let desk = Desk { world: world.clone(), node };
        let outcome = world.call(node, async move { desk.handle(vec![item]).await }).await;
        match outcome.as_deref() {
            Some([Ok(Done::Started { instance, .. })]) => {
                world.started(key, instance.0);
                return *instance;
            }
            Some(other) => panic!("a start was refused: {other:?}"),
            None => {}
        }
    }
}

/// All at once and of one key, so that a relay takes them together.
async fn tick(world: &Arc<World>, instance: InstanceId) {
    let ticks = (0..world.scenario.ticks).map(|_| Message {
        correlation_id: Some(instance.to_string()),
        ..message(world, "Tick", "clock".to_owned(), json!({}))
    });
    world.insert(ticks.collect(), true).await;
}

/// Completes tasks, never mind whether somebody else does the same.
async fn sign(world: Arc<World>, name: &'static str) {
    loop {
        let pause = world.draw(|chance| chance.between(200, 2_000));
        world.stage.sleep(OUTSIDE, "person: looks", pause).await;
        let open: Vec<TaskId> = world.with_tables(|tables| {
            tables.tasks.values().filter(|task| task.ended_at.is_none()).map(|task| task.id).collect()
        });
        let Some(node) = world.any_up().filter(|_| !open.is_empty()) else { continue };
        let task = open[world.draw(|chance| chance.below(open.len()))];
        let outcome = if world.draw(|chance| chance.one_in(5)) { "no" } else { "yes" };
        let (store, claims) = (world.store(node), world.draw(|chance| chance.one_in(3)));
        let item = Item::CompleteTask { task, outcome: outcome.to_owned(), data: Value::Null, by: name.to_owned() };
        let desk = Desk { world: world.clone(), node };
        let call = async move {
            if claims {
                store.claim_task(task, name, audit(&desk)).await.expect("the store in memory does not fail here");
            }
            desk.handle(vec![item]).await
        };
        world.call(node, call).await;
    }
}

/// Interferes; when nothing fails any more, lets everything go on that was stopped.
async fn operate(world: Arc<World>) {
    for _ in 0..world.scenario.operations {
        let pause = world.draw(|chance| chance.between(100, 4_000));
        world.stage.sleep(OUTSIDE, "operator: looks", pause).await;
        let operation = match world.draw(|chance| chance.below(10)) {
            0..=2 => Some(Input::Suspend(operator())),
            3..=5 => Some(Input::Resume(operator())),
            6 => Some(Input::Retry { operator: operator(), token: None }),
            7 | 8 => None,
            // Half of those that end it have what was done undone first.
            _ => Some(Input::Cancel { operator: operator(), compensate: world.draw(|chance| chance.one_in(2)) }),
        };
        let instances: Vec<(InstanceId, u32)> =
            world.with_tables(|tables| tables.instances.values().map(|row| (row.id, row.version)).collect());
        if !instances.is_empty() {
            let (instance, version) = instances[world.draw(|chance| chance.below(instances.len()))];
            let item = match operation {
                Some(input) => operate_on(instance, input),
                None if world.draw(|chance| chance.one_in(2)) => migrate(instance, 3 - version),
                None => restart(&world, instance),
            };
            order(&world, item).await;
        }
    }
    world.end();
    loop {
        world.stage.sleep(OUTSIDE, "operator: looks", 1_000).await;
        let suspended: Vec<InstanceId> = world.with_tables(|tables| {
            tables.instances.values().filter(|row| row.status == Status::Suspended).map(|row| row.id).collect()
        });
        for instance in suspended.into_iter().filter(|_| world.is_calm()) {
            order(&world, operate_on(instance, Input::Resume(operator()))).await;
        }
        let stuck: Vec<InstanceId> = world.with_tables(|tables| {
            tables.instances.values().filter(|row| row.status == Status::Stuck).map(|row| row.id).collect()
        });
        // Some stay as they are, for everybody to see.
        for instance in stuck.into_iter().filter(|_| world.is_calm() && world.draw(|chance| chance.one_in(2))) {
            order(&world, operate_on(instance, Input::Retry { operator: operator(), token: None })).await;
        }
    }
}

fn operator() -> Operator {
    Operator { by: "operator".to_owned(), reason: "because".to_owned(), expected: None }
}

fn operate_on(instance: InstanceId, input: Input) -> Item {
    Item::Operate { instance, input: Box::new(input) }
}

fn migrate(instance: InstanceId, to_version: u32) -> Item {
    let migration = Migration { operator: operator(), to_version, mapping: Default::default() };
    Item::Migrate { instance, migration: Box::new(migration) }
}

/// From any point of its history; most are none where another one could begin, and one that goes on is refused.
fn restart(world: &World, original: InstanceId) -> Item {
    let history = world.with_tables(|tables| tables.history[&original].clone());
    let definition = world.with_tables(|tables| tables.instances[&original].definition.clone());
    let at = world.draw(|chance| chance.below(history.len())) as u64 + 1;
    let mut replay = Replay::new(at);
    for (_, event) in history {
        replay.note(&serde_json::from_value(event).expect("what was stored is an event"));
    }
    let new = InstanceId::from_uuid(world.fresh_id());
    let restart = Restart { operator: operator(), at, variables: Default::default(), input: None, batch: None };
    Item::Restart(Arc::new(Restarting { original, definition, new, restart, replay, idempotency_key: None }))
}

async fn order(world: &Arc<World>, item: Item) {
    let Some(node) = world.any_up() else { return };
    let desk = Desk { world: world.clone(), node };
    // Whether it was refused is for the operator to read; here only what follows counts.
    world.call(node, async move { desk.handle(vec![item]).await }).await;
}

/// Has what is dead tried again, or gives it up.
async fn repair(world: Arc<World>) {
    loop {
        world.stage.sleep(OUTSIDE, "operator: looks at failures", 1_500).await;
        let dead: Vec<(MessageId, String)> = world.with_tables(|tables| {
            let dead = tables.deliveries.values().filter(|delivery| delivery.state == DeliveryState::Dead);
            dead.map(|delivery| (delivery.message_id, delivery.destination.clone())).collect()
        });
        let Some(node) = world.any_up().filter(|_| !dead.is_empty()) else { continue };
        let repair = match (world.draw(|chance| chance.below(3)), world.scenario.mended) {
            (0, _) if world.scenario.discards => Repair::Discard,
            (1, Some(mended)) => Repair::Retry { edited_payload: Some(mended()) },
            _ => Repair::Retry { edited_payload: None },
        };
        if repair == Repair::Discard {
            for (message, destination) in dead {
                world.give_up(message, destination);
            }
        }
        let desk = Desk { world: world.clone(), node };
        let repaired = world.store(node).repair(&RepairFilter::default(), &repair, audit(&desk)).await;
        repaired.expect("the store in memory does not fail here");
    }
}

fn audit(desk: &Desk) -> AuditRow {
    AuditRow {
        at: desk.world.stage.calendar(),
        actor: "operator".to_owned(),
        action: "repair".to_owned(),
        subject: String::new(),
        reason: None,
        detail: Value::Null,
    }
}
