//! Instances that go on by another version of their definition: one, and many at once.

use std::collections::BTreeMap;

use baton_app::{
    model::*,
    port::{Answer, AppError, Backend as _},
};
use baton_domain::definition::DefinitionKind;
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{World, actor, event, eventually};

on_both!(migrations:
    a_waiting_instance_goes_on_along_the_new_versions_edges,
    a_token_without_a_place_is_refused_with_its_place_and_nothing_changes,
    a_dry_run_says_which_can_and_why_the_others_cannot,
    many_migrate_at_once_page_by_page,
    an_ended_instance_and_a_version_that_is_not_there_are_refused,
    of_two_operators_at_once_one_is_refused,
    a_migrated_instance_is_shown_as_it_was_on_each_version,
    a_saga_migrates_and_is_found_by_its_value,
);

/// Version 1.
const ORDER: &str = "
baton: process/1
name: order
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: Reserve
    to: stock
    undo: {send: Release, done: Released}
    on: {Reserved: {next: sign}}
  sign: {kind: wait, on: {Signed: {next: done}}, match: {event: =event.payload.order, with: =input.order}}
  done: {kind: end}
";

/// Version 2: `sign` is called `countersign`, and something comes after it.
fn longer() -> String {
    let notify = "  notify: {kind: command, send: Notify, to: desk, on: {Notified: {next: done}}}\n";
    ORDER.replace("sign", "countersign").replace("{Signed: {next: done}}", "{Signed: {next: notify}}") + notify
}

async fn order(world: &World, number: u32) -> Uuid {
    world.start_with("order", json!({"order": number}), None).await.unwrap().id
}

/// An order of version 1 that waits for its signature, with version 2 published.
async fn reserved(world: &World) -> Uuid {
    world.publish(ORDER).await;
    let id = order(world, 7).await;
    world.answer(&world.command("Reserve").await, "Reserved", json!({})).await;
    until_at(world, id, "sign").await;
    assert_eq!(world.publish(&longer()).await, 2);
    id
}

async fn until_at(world: &World, instance: Uuid, node: &str) -> InstanceDetail {
    eventually(&format!("a token at {node}"), async || {
        let detail = world.service().instance(instance).await.unwrap();
        (detail.summary.at == [node]).then_some(detail)
    })
    .await
}

fn migrate(to_version: u32, mapping: &[(&str, &str)]) -> Operate {
    Operate::Migrate { to_version, mapping: names(mapping) }
}

fn names(mapping: &[(&str, &str)]) -> BTreeMap<String, String> {
    mapping.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect()
}

fn to_version(version: u32) -> MigrationRequest {
    MigrationRequest {
        kind: DefinitionKind::Process,
        definition: "order".to_owned(),
        from_version: None,
        to_version: version,
        mapping: BTreeMap::new(),
        filter: MigrationFilter::default(),
        reason: Some("because of a test".to_owned()),
        dry_run: false,
        cursor: None,
    }
}

async fn many(world: &World, request: MigrationRequest) -> Answer<MigrationReport> {
    world.service().migrate(actor(), request).await
}

#[track_caller]
fn refused_at<T: std::fmt::Debug>(answer: Answer<T>, code: &str, pointer: &str) {
    match answer.unwrap_err() {
        AppError::Invalid(found) => assert_eq!((found[0].code.as_str(), found[0].pointer.as_str()), (code, pointer)),
        AppError::Conflict { code: conflict, message } => {
            assert_eq!((conflict.as_str(), pointer), (code, ""), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

async fn audited(world: &World, instance: Uuid) -> Vec<(String, String)> {
    let entries = world.service().audit(Some(format!("instance/{instance}"))).await.unwrap();
    entries.into_iter().map(|it| (it.action, it.reason.unwrap_or_default())).collect()
}

pub async fn a_waiting_instance_goes_on_along_the_new_versions_edges(world: World) {
    let id = reserved(&world).await;
    let before = world.service().instance(id).await.unwrap();
    assert_eq!((before.summary.version, before.versions), (1, vec![2]));
    let after = world.operate(id, migrate(2, &[("sign", "countersign")])).await.unwrap();
    assert_eq!((after.version, after.at, after.state.as_str()), (2, vec!["countersign".to_owned()], "waiting"));
    let reason = "because of a test".to_owned();
    assert_eq!(audited(&world, id).await, [("migrate-instance".to_owned(), reason)]);
    world.append(&[event("Signed", "desk", "d-1", json!({"order": 7}))]).await;
    world.answer(&world.command("Notify").await, "Notified", json!({})).await;
    let done = world.until_state(id, "completed").await;
    assert_eq!((done.summary.version, world.count_events(id, "migrated").await), (2, 1));
    assert!(done.walked.contains(&"countersign/Signed".to_owned()), "{:?}", done.walked);
    world.stop().await;
}

pub async fn a_token_without_a_place_is_refused_with_its_place_and_nothing_changes(world: World) {
    let id = reserved(&world).await;
    let before = world.service().instance(id).await.unwrap();
    refused_at(world.operate(id, migrate(2, &[])).await, "no-target", "/mapping/sign");
    refused_at(world.operate(id, migrate(2, &[("sign", "nowhere")])).await, "unknown-node", "/mapping/sign");
    refused_at(world.operate(id, migrate(2, &[("sign", "reserve")])).await, "other-kind", "/mapping/sign");
    assert_eq!(world.service().instance(id).await.unwrap(), before);
    assert_eq!(audited(&world, id).await, []);
    // It goes on as if nobody had tried.
    world.append(&[event("Signed", "desk", "d-1", json!({"order": 7}))]).await;
    assert_eq!(world.until_state(id, "completed").await.summary.version, 1);
    world.stop().await;
}

pub async fn a_dry_run_says_which_can_and_why_the_others_cannot(world: World) {
    let waiting = reserved(&world).await;
    let newer = order(&world, 8).await;
    world.publish(&ORDER.replace("Signed", "Countersigned")).await;
    let fresh = MigrationRequest { dry_run: true, reason: None, ..to_version(3) };
    let report = many(&world, MigrationRequest { mapping: names(&[("countersign", "sign")]), ..fresh }).await.unwrap();
    assert_eq!((report.can, report.migrated, report.next), (1, 0, None));
    let cannot = &report.cannot[0];
    assert_eq!((cannot.instance, cannot.version, report.cannot.len()), (waiting, 1, 1));
    let found: Vec<(&str, &str)> =
        cannot.diagnostics.iter().map(|it| (it.code.as_str(), it.pointer.as_str())).collect();
    // The older version has no such node, and what it waits for is not awaited any more.
    assert_eq!(found, [("unknown-node", "/mapping/countersign"), ("not-awaited", "/mapping/sign")]);
    for (id, version) in [(waiting, 1), (newer, 2)] {
        assert_eq!(world.service().instance(id).await.unwrap().summary.version, version);
    }
    world.stop().await;
}

pub async fn many_migrate_at_once_page_by_page(world: World) {
    world.publish(ORDER).await;
    let mut ids = Vec::new();
    for number in 0..203 {
        ids.push(order(&world, number).await);
    }
    let stuck = ids[0];
    world.operate(ids[1], Operate::Cancel { compensate: false }).await.unwrap();
    // One of them waits for something that the new version knows nothing of.
    world.operate(stuck, Operate::Move { token: None, node: None, to: "sign".to_owned() }).await.unwrap();
    let next = ORDER.replace("  sign:", "  note: {kind: compute, set: {noted: true}, next: sign}\n  sign:");
    world
        .publish(&next.replace("{Reserved: {next: sign}}", "{Reserved: {next: note}}").replace("Signed", "Agreed"))
        .await;
    let (mut migrated, mut cannot, mut pages, mut cursor) = (0, Vec::new(), 0, None);
    loop {
        let request = MigrationRequest { from_version: Some(1), cursor: cursor.take(), ..to_version(2) };
        let report = many(&world, request).await.unwrap();
        (migrated, pages) = (migrated + report.migrated, pages + 1);
        cannot.extend(report.cannot);
        match report.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!((migrated, pages), (201, 2));
    assert_eq!(cannot.iter().map(|it| it.instance).collect::<Vec<_>>(), [stuck]);
    // A second time there is nothing left to do but what cannot be done.
    let again = many(&world, to_version(2)).await.unwrap();
    assert_eq!((again.can, again.migrated, again.cannot.len()), (0, 0, 1));
    let query = InstanceQuery { version: Some(2), limit: Some(200), ..InstanceQuery::default() };
    assert_eq!(world.service().instances(query).await.unwrap().items.len(), 200);
    // By what they are.
    let filter = MigrationFilter { state: Some("waiting".to_owned()), ..MigrationFilter::default() };
    let report = many(&world, MigrationRequest { filter, dry_run: true, ..to_version(1) }).await.unwrap();
    assert_eq!((report.can, report.cannot.len()), (0, 0));
    let filter = MigrationFilter { q: Some(ids[5].to_string()), ..MigrationFilter::default() };
    assert_eq!(many(&world, MigrationRequest { filter, ..to_version(1) }).await.unwrap().migrated, 1);
    world.stop().await;
}

pub async fn an_ended_instance_and_a_version_that_is_not_there_are_refused(world: World) {
    let id = reserved(&world).await;
    refused_at(world.operate(id, migrate(9, &[])).await, "unknown-version", "/to_version");
    refused_at(world.operate(id, migrate(1, &[])).await, "same-version", "/to_version");
    refused_at(many(&world, to_version(9)).await, "unknown-version", "/to_version");
    let same = MigrationRequest { from_version: Some(2), ..to_version(2) };
    refused_at(many(&world, same).await, "same-version", "/to_version");
    let unknown = MigrationRequest { definition: "nothing".to_owned(), ..to_version(2) };
    refused_at(many(&world, unknown).await, "unknown-definition", "/definition");
    let mapped = MigrationRequest { mapping: names(&[("sign", "nowhere")]), ..to_version(2) };
    refused_at(many(&world, mapped).await, "unknown-node", "/mapping/sign");
    let nobody = MigrationRequest { reason: None, ..to_version(2) };
    refused_at(many(&world, nobody).await, "text", "/reason");
    let filter = MigrationFilter { state: Some("tired".to_owned()), ..MigrationFilter::default() };
    refused_at(many(&world, MigrationRequest { filter, ..to_version(2) }).await, "unknown-value", "/filter/state");

    world.operate(id, Operate::Cancel { compensate: false }).await.unwrap();
    refused_at(world.operate(id, migrate(2, &[("sign", "countersign")])).await, "instance-ended", "");
    let ended = world.service().instance(id).await.unwrap();
    let refused = ended.operations.iter().find(|it| it.name == OperationName::Migrate).unwrap();
    assert!(refused.refused.is_some() && ended.summary.version == 1);
    let report = many(&world, to_version(2)).await.unwrap();
    assert_eq!((report.can, report.cannot.len()), (0, 0));
    world.stop().await;
}

pub async fn of_two_operators_at_once_one_is_refused(world: World) {
    let id = reserved(&world).await;
    let looked = world.service().instance(id).await.unwrap().recorded;
    let request = |operate| OperateRequest { operate, reason: "at once".to_owned(), expected: Some(looked) };
    let (one, other) = tokio::join!(
        world.service().operate(actor(), id, request(migrate(2, &[("sign", "countersign")]))),
        world.service().operate(actor(), id, request(Operate::Suspend)),
    );
    let refused: Vec<AppError> = [one.err(), other.err()].into_iter().flatten().collect();
    assert!(
        matches!(refused.as_slice(), [AppError::Conflict { code, .. }] if code == "changed-meanwhile"),
        "{refused:?}"
    );
    assert_eq!(world.service().instance(id).await.unwrap().recorded, looked + 1);
    world.stop().await;
}

pub async fn a_migrated_instance_is_shown_as_it_was_on_each_version(world: World) {
    let id = reserved(&world).await;
    let before = world.service().instance(id).await.unwrap();
    world.operate(id, migrate(2, &[("sign", "countersign")])).await.unwrap();
    let nodes = |detail: &InstanceDetail| -> Vec<String> {
        detail.diagram.as_ref().unwrap().nodes.iter().map(|node| node.id.clone()).collect()
    };
    let then = world.service().instance_at(id, before.recorded).await.unwrap();
    assert_eq!((nodes(&then), then.progress), (nodes(&before), before.progress));
    let now = world.service().instance_at(id, before.recorded + 1).await.unwrap();
    assert!(nodes(&now).contains(&"countersign".to_owned()) && now.progress.contains_key("countersign"));
    assert_eq!(now.past.unwrap().fact.title, "tester migrated it from version 1 to version 2");
    world.stop().await;
}

pub async fn a_saga_migrates_and_is_found_by_its_value(world: World) {
    let steps = |steps: &str| {
        format!("baton: saga/1\nname: order\ncorrelate: =event.payload.id\nstart: Placed\nsteps:\n{steps}")
    };
    let charge = "  - {name: charge, send: Charge, to: payments, done: Charged}\n";
    world.publish(&steps(charge)).await;
    world.append(&[event("Placed", "order", "o-1", json!({"id": "o-1"}))]).await;
    world.command("Charge").await;
    world.publish(&steps(&(charge.to_owned() + "  - {name: ship, send: Ship, to: ships, done: Shipped}\n"))).await;
    let report = many(&world, MigrationRequest { kind: DefinitionKind::Saga, ..to_version(2) }).await.unwrap();
    assert_eq!((report.migrated, report.cannot.len()), (1, 0));
    world.append(&[event("Charged", "payment", "p-1", json!({"id": "o-1"}))]).await;
    world.command("Ship").await;
    world.append(&[event("Shipped", "ship", "s-1", json!({"id": "o-1"}))]).await;
    let query = InstanceQuery { kind: Some("saga".to_owned()), ..InstanceQuery::default() };
    let saga = world.service().instances(query).await.unwrap().items.pop().unwrap();
    assert_eq!(world.until_state(saga.id, "completed").await.summary.version, 2);
    world.stop().await;
}
