//! Operations on many instances at once: all that pass the filter are asked, and those that refuse are told.

use baton_app::{
    model::*,
    port::{AppError, Backend as _},
};
use baton_server::store::rows::{AuditRow, BatchState};
use chrono::Utc;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::fixture::{World, actor, eventually};

on_both!(batches:
    all_that_pass_the_filter_are_operated,
    those_that_refuse_are_told_and_stay_as_they_are,
    many_steps_are_skipped_and_many_tokens_moved,
    many_are_given_variables_and_many_undoings_abandoned,
    a_batch_without_a_filter_or_a_reason_is_refused,
    an_ended_batch_takes_no_more,
    many_migrate_in_the_background_and_those_that_cannot_say_why,
    a_migration_that_makes_no_sense_is_refused_with_its_place,
    a_migration_is_held_and_goes_on,
    many_are_restarted_at_a_step_and_each_once,
);

const STAY: &str = "
baton: process/1
name: stay
nodes:
  start: {kind: start, next: wait}
  wait: {kind: wait, on: {GuestArrived: {next: done}}}
  done: {kind: end}
";

/// More than are asked in one go.
const MANY: usize = 120;

async fn many(world: &World) -> Vec<Uuid> {
    world.publish(STAY).await;
    let mut started = Vec::new();
    for _ in 0..MANY {
        started.push(world.start_with("stay", json!({}), None).await.unwrap().id);
    }
    started
}

fn all(operation: BatchOperate) -> BatchRequest {
    let filter = BatchFilter { definition: Some("stay".to_owned()), ..BatchFilter::default() };
    BatchRequest { operation, filter, reason: "the hotel burns".to_owned() }
}

async fn ended(world: &World, request: BatchRequest) -> BatchView {
    let batch = world.service().start_batch(actor(), request).await.unwrap();
    eventually("the batch has ended", async || {
        let batch = world.service().batch(batch.id).await.unwrap();
        (batch.state == "ended").then_some(batch)
    })
    .await
}

pub async fn all_that_pass_the_filter_are_operated(world: World) {
    let instances = many(&world).await;
    world.publish(&STAY.replace("name: stay", "name: other")).await;
    let other = world.start_with("other", json!({}), None).await.unwrap().id;

    let batch = ended(&world, all(BatchOperate::Suspend)).await;
    assert_eq!((batch.total, batch.done, batch.refused), (MANY as u64, MANY as u64, 0));
    for instance in instances {
        let detail = world.service().instance(instance).await.unwrap();
        assert_eq!(detail.summary.state, "suspended");
        assert!(detail.history.last().unwrap().data.to_string().contains("the hotel burns"));
    }
    assert_eq!(world.service().instance(other).await.unwrap().summary.state, "waiting");
    let audit = world.service().audit(Some(format!("batch/{}", batch.id))).await.unwrap();
    assert_eq!(audit[0].action, "suspend-many-instances");
    world.stop().await;
}

pub async fn those_that_refuse_are_told_and_stay_as_they_are(world: World) {
    let instances = many(&world).await;
    world.operate(instances[3], Operate::Suspend).await.unwrap();
    world.operate(instances[7], Operate::Cancel { compensate: false }).await.unwrap();

    let batch = ended(&world, all(BatchOperate::Suspend)).await;
    assert_eq!((batch.done, batch.refused), (MANY as u64 - 2, 2));
    let mut refused: Vec<Uuid> = batch.refusals.iter().map(|it| it.instance).collect();
    refused.sort_unstable();
    assert_eq!(refused, [instances[3], instances[7]]);
    assert!(batch.refusals.iter().any(|it| it.message.contains("cancelled")), "{:?}", batch.refusals);
    assert_eq!(world.service().instance(instances[7]).await.unwrap().summary.state, "cancelled");
    world.stop().await;
}

/// A stay that can be undone, and where a guest may be led to a lounge.
const LONG_STAY: &str = "
baton: process/1
name: stay
nodes:
  start: {kind: start, next: hold}
  hold:
    kind: command
    send: HoldRoom
    to: rooms
    undo: {send: ReleaseRoom, done: RoomReleased}
    on: {RoomHeld: {next: wait}, timeout: {after: PT1H, next: wait}}
  wait: {kind: wait, on: {GuestArrived: {next: done}, GuestCalled: {next: lounge}}}
  lounge: {kind: wait, on: {GuestArrived: {next: done}}}
  done: {kind: end}
";

/// A few instances, and one that stands elsewhere than the others.
async fn few(world: &World) -> (Vec<Uuid>, Uuid) {
    world.publish(LONG_STAY).await;
    let mut started = Vec::new();
    for _ in 0..5 {
        started.push(world.start_with("stay", json!({}), None).await.unwrap().id);
    }
    let odd = started.pop().unwrap();
    let skip = Operate::Skip { token: None, node: None, port: Some("RoomHeld".to_owned()), set: Map::new() };
    world.operate(odd, skip).await.unwrap();
    (started, odd)
}

async fn at(world: &World, instance: Uuid) -> String {
    world.service().instance(instance).await.unwrap().summary.at.join(" ")
}

pub async fn many_steps_are_skipped_and_many_tokens_moved(world: World) {
    let (instances, odd) = few(&world).await;
    let set = Map::from_iter([("nights".to_owned(), json!(2))]);
    let skip = BatchSkip { node: "hold".to_owned(), port: Some("RoomHeld".to_owned()), set };
    let skip = all(BatchOperate::Skip(skip));
    let batch = ended(&world, skip.clone()).await;
    assert_eq!((batch.total, batch.done, batch.refused), (5, 4, 1));
    assert_eq!((batch.refusals[0].instance, batch.refusals[0].message.contains("`hold`")), (odd, true), "{batch:?}");
    for instance in &instances {
        let detail = world.service().instance(*instance).await.unwrap();
        assert_eq!((detail.summary.at, detail.variables), (vec!["wait".to_owned()], json!({"nights": 2})));
        assert!(detail.history.iter().any(|it| it.event == "skipped" && it.data.to_string().contains("hotel burns")));
    }
    // Asked once more, as after a crash, nobody skips the next step.
    let again = ended(&world, skip).await;
    assert_eq!((again.done, again.refused, at(&world, instances[0]).await.as_str()), (0, 5, "wait"));

    let go = |node: &str, to: &str| all(BatchOperate::Move(BatchMove { node: node.to_owned(), to: to.to_owned() }));
    let batch = ended(&world, go("wait", "lounge")).await;
    assert_eq!((batch.done, batch.refused, at(&world, odd).await.as_str()), (5, 0, "lounge"));
    let batch = ended(&world, go("lounge", "nowhere")).await;
    assert_eq!((batch.done, batch.refused, at(&world, odd).await.as_str()), (0, 5, "lounge"));
    assert!(batch.refusals[0].message.contains("There is no node `nowhere`"), "{batch:?}");
    let audit = world.service().audit(Some(format!("batch/{}", batch.id))).await.unwrap();
    assert_eq!(audit[0].action, "move-many-instances");
    match world.service().start_batch(actor(), go("wait", "wait")).await.unwrap_err() {
        AppError::Invalid(found) => assert_eq!(found[0].pointer, "/operation/move/to"),
        other => panic!("{other:?}"),
    }
    world.stop().await;
}

pub async fn many_are_given_variables_and_many_undoings_abandoned(world: World) {
    let (instances, odd) = few(&world).await;
    let set = |set: serde_json::Value| {
        all(BatchOperate::SetVariables(BatchVariables { set: set.as_object().unwrap().clone() }))
    };
    let batch = ended(&world, set(json!({"floor": 3}))).await;
    assert_eq!((batch.done, batch.refused), (5, 0));
    assert_eq!(world.service().instance(odd).await.unwrap().variables, json!({"floor": 3}));
    let batch = ended(&world, set(json!({"no name": 3}))).await;
    assert_eq!((batch.done, batch.refused), (0, 5));
    match world.service().start_batch(actor(), set(json!({}))).await.unwrap_err() {
        AppError::Invalid(found) => assert_eq!(found[0].pointer, "/operation/set_variables/set"),
        other => panic!("{other:?}"),
    }

    assert_eq!(ended(&world, all(BatchOperate::Compensate)).await.done, 5);
    // Whose room was never held for sure waits to know; all are given up.
    let batch = ended(&world, all(BatchOperate::Abandon)).await;
    assert_eq!((batch.done, batch.refused), (5, 0));
    for instance in instances.into_iter().chain([odd]) {
        assert_eq!(world.service().instance(instance).await.unwrap().summary.state, "failed");
    }
    world.stop().await;
}

pub async fn a_batch_without_a_filter_or_a_reason_is_refused(world: World) {
    let everything = BatchRequest { filter: BatchFilter::default(), ..all(BatchOperate::Cancel) };
    let for_nothing = BatchRequest { reason: " ".to_owned(), ..all(BatchOperate::Cancel) };
    let unknown = BatchFilter { state: Some("asleep".to_owned()), ..BatchFilter::default() };
    let unknown = BatchRequest { filter: unknown, ..all(BatchOperate::Cancel) };
    for (request, pointer) in [(everything, "/filter"), (for_nothing, "/reason"), (unknown, "/filter/state")] {
        match world.service().start_batch(actor(), request).await.unwrap_err() {
            AppError::Invalid(found) => assert_eq!(found[0].pointer, pointer),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.service().batches().await.unwrap(), []);
    world.stop().await;
}

pub async fn an_ended_batch_takes_no_more(world: World) {
    let batch = ended(&world, all(BatchOperate::Retry)).await;
    assert_eq!((batch.total, batch.done, batch.refused), (0, 0, 0));
    let error = world.service().control_batch(actor(), batch.id, BatchControl::Pause).await.unwrap_err();
    assert!(matches!(&error, AppError::Conflict { code, .. } if code == "batch-state"), "{error:?}");
    world.stop().await;
}

fn migrate(to_version: u32, mapping: &[(&str, &str)]) -> BatchRequest {
    let mapping = mapping.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect();
    all(BatchOperate::Migrate(BatchMigration { to_version, mapping }))
}

/// Version 2, in which the guest is awaited at another node.
fn renamed() -> String {
    STAY.replace("wait:", "lobby:").replace("next: wait", "next: lobby")
}

async fn on_version(world: &World, version: u32) -> usize {
    let query = InstanceQuery { version: Some(version), limit: Some(200), ..InstanceQuery::default() };
    world.service().instances(query).await.unwrap().items.len()
}

pub async fn many_migrate_in_the_background_and_those_that_cannot_say_why(world: World) {
    let instances = many(&world).await;
    world.operate(instances[7], Operate::Cancel { compensate: false }).await.unwrap();
    assert_eq!(world.publish(&renamed()).await, 2);

    // Nobody's node has a place: one reason, told once, and everything is as it was.
    let batch = ended(&world, migrate(2, &[])).await;
    assert_eq!((batch.total, batch.done, batch.refused), (MANY as u64 - 1, 0, MANY as u64 - 1));
    let [refusal] = batch.refusals.as_slice() else { panic!("{:?}", batch.refusals) };
    assert_eq!((refusal.count, refusal.message.contains("`wait`")), (MANY as u64 - 1, true), "{refusal:?}");
    assert_eq!(on_version(&world, 1).await, MANY);

    let batch = ended(&world, migrate(2, &[("wait", "lobby")])).await;
    assert_eq!((batch.done, batch.refused, batch.refusals.len()), (MANY as u64 - 1, 0, 0));
    assert_eq!((on_version(&world, 2).await, on_version(&world, 1).await), (MANY - 1, 1), "one had ended");
    let detail = world.service().instance(instances[3]).await.unwrap();
    assert!(detail.history.last().unwrap().data.to_string().contains("the hotel burns"));
    let audit = world.service().audit(Some(format!("batch/{}", batch.id))).await.unwrap();
    assert_eq!(audit[0].action, "migrate-many-instances");
    // Those that run it are not asked again.
    let again = ended(&world, migrate(2, &[("wait", "lobby")])).await;
    assert_eq!((again.total, again.done, again.refused), (0, 0, 0));
    world.stop().await;
}

pub async fn a_migration_that_makes_no_sense_is_refused_with_its_place(world: World) {
    world.publish(STAY).await;
    world.publish(&renamed()).await;
    let with = |filter| BatchRequest { filter, ..migrate(2, &[]) };
    let stay = BatchFilter { definition: Some("stay".to_owned()), ..BatchFilter::default() };
    let cases = [
        (with(BatchFilter { definition: None, state: Some("waiting".into()), ..stay.clone() }), "/filter/definition"),
        (with(BatchFilter { definition: Some("leave".into()), ..stay.clone() }), "/filter/definition"),
        (with(BatchFilter { kind: Some("saga".into()), ..stay.clone() }), "/filter/definition"),
        (with(BatchFilter { kind: Some("dance".into()), ..stay.clone() }), "/filter/kind"),
        (with(BatchFilter { version: Some(9), ..stay.clone() }), "/filter/version"),
        (with(BatchFilter { version: Some(2), ..stay.clone() }), "/operation/migrate/to_version"),
        (with(BatchFilter { state: Some("asleep".into()), ..stay }), "/filter/state"),
        (migrate(9, &[]), "/operation/migrate/to_version"),
        (migrate(2, &[("wait", "nowhere")]), "/operation/migrate/mapping/wait"),
        (BatchRequest { reason: String::new(), ..migrate(2, &[]) }, "/reason"),
    ];
    for (request, pointer) in cases {
        match world.service().start_batch(actor(), request.clone()).await.unwrap_err() {
            AppError::Invalid(found) => assert_eq!(found[0].pointer, pointer, "{request:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.service().batches().await.unwrap(), []);
    world.stop().await;
}

pub async fn a_migration_is_held_and_goes_on(world: World) {
    many(&world).await;
    world.publish(&renamed()).await;
    let begun = world.service().start_batch(actor(), migrate(2, &[("wait", "lobby")])).await.unwrap();
    let held = world.service().control_batch(actor(), begun.id, BatchControl::Pause).await;
    if held.is_ok() {
        // The part under way is not written down any more, but done; what is done stays so.
        world.service().control_batch(actor(), begun.id, BatchControl::Resume).await.unwrap();
    }
    let batch = eventually("the batch has ended", async || {
        let batch = world.service().batch(begun.id).await.unwrap();
        (batch.state == "ended").then_some(batch)
    })
    .await;
    assert_eq!((batch.refused, on_version(&world, 2).await), (0, MANY));
    world.stop().await;
}

async fn all_instances(world: &World) -> Vec<InstanceSummary> {
    let query = InstanceQuery { limit: Some(200), ..InstanceQuery::default() };
    world.service().instances(query).await.unwrap().items
}

pub async fn many_are_restarted_at_a_step_and_each_once(world: World) {
    let (mut instances, odd) = few(&world).await;
    let goes_on = instances.pop().unwrap();
    for instance in instances.iter().chain([&odd]) {
        world.operate(*instance, Operate::Suspend).await.unwrap();
    }
    let restart = |node: &str| {
        let variables = Map::from_iter([("nights".to_owned(), json!(2))]);
        all(BatchOperate::Restart(BatchRestart { node: node.to_owned(), variables }))
    };
    match world.service().start_batch(actor(), restart(" ")).await.unwrap_err() {
        AppError::Invalid(found) => assert_eq!(found[0].pointer, "/operation/restart/node"),
        other => panic!("{other:?}"),
    }
    // Only one of them has come there.
    let batch = ended(&world, restart("wait")).await;
    assert_eq!((batch.total, batch.done, batch.refused), (5, 1, 4));
    let never = batch.refusals.iter().find(|it| it.message.contains("did not come to `wait`")).unwrap();
    assert_eq!((never.count, all_instances(&world).await.len()), (4, 6), "{batch:?}");
    let before = world.service().instance(odd).await.unwrap();
    let after = world.service().instance(before.restarted_as.unwrap()).await.unwrap();
    assert_eq!(
        (after.summary.at.as_slice(), &after.variables),
        (["wait".to_owned()].as_slice(), &json!({"nights": 2}))
    );
    assert!(after.history[0].data.to_string().contains("the hotel burns"), "{:?}", after.history[0]);
    let audit = world.service().audit(Some(format!("batch/{}", batch.id))).await.unwrap();
    assert_eq!(audit[0].action, "restart-many-instances");

    let batch = ended(&world, restart("hold")).await;
    assert_eq!((batch.total, batch.done, batch.refused), (6, 3, 3));
    for refused in ["goes on by itself", "restarted as"] {
        assert!(batch.refusals.iter().any(|it| it.message.contains(refused)), "{refused} is not in {batch:?}");
    }
    assert_eq!(world.service().instance(goes_on).await.unwrap().restarted_as, None);
    let restarted = all_instances(&world).await;
    assert_eq!(restarted.len(), 9);

    // Asked once more, as after a crash before it was written down: those that were begun by then are at rest, pass the
    // filter, and are let alone; those that were done are done.
    for instance in restarted.iter().filter(|it| it.state == "running" && it.id != goes_on) {
        world.operate(instance.id, Operate::Suspend).await.unwrap();
    }
    let nobody = |action: &str| AuditRow {
        at: Utc::now(),
        actor: "nobody".to_owned(),
        action: action.to_owned(),
        subject: "a test".to_owned(),
        reason: None,
        detail: json!(null),
    };
    let (store, id) = (world.store(), batch.id);
    assert!(
        store.set_batch_state(id, BatchState::Ended, BatchState::Running, nobody("as after a crash")).await.unwrap()
    );
    world.service().control_batch(actor(), id, BatchControl::Pause).await.unwrap();
    world.service().control_batch(actor(), id, BatchControl::Resume).await.unwrap();
    let again = eventually("it has ended again", async || {
        let batch = world.service().batch(id).await.unwrap();
        (batch.state == "ended").then_some(batch)
    })
    .await;
    assert_eq!((again.done, all_instances(&world).await.len()), (batch.done * 2, 9), "{again:?}");
    world.stop().await;
}
