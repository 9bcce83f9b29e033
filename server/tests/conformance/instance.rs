//! Instances as people look for them.

use baton_domain::{definition::DefinitionKind, process::Status};
use baton_server::store::rows::{Changes, Claim, InstanceFilter, InstanceRow, Versions};

use serde_json::json;

use crate::support::*;

on_both!(
    instances_are_listed_by_what_they_are_newest_first,
    instances_are_listed_in_pages,
    instances_are_counted_by_definition_version_and_status,
    the_version_of_an_instance_changes_with_its_history,
    an_instance_without_anything_to_wake_it_is_an_orphan,
);

async fn create(fixture: &Fixture, rows: &[InstanceRow]) {
    let instances = rows.iter().cloned().map(creation).collect();
    fixture.step(Claim::default(), |_| Changes { instances, ..Changes::default() }).await.unwrap();
}

async fn instances_are_listed_by_what_they_are_newest_first(fixture: Fixture) {
    let mut rows: Vec<InstanceRow> = (0..3).map(|_| instance(new_instance())).collect();
    rows[0].business_key = Some("Trip-42%".to_owned());
    (rows[1].kind, rows[1].definition, rows[1].version) = (DefinitionKind::Saga, "order".to_owned(), 3);
    (rows[0].status, rows[0].ended_at) = (Status::Completed, Some(now()));
    rows[2].status = Status::Stuck;
    rows[2].parent = Some(rows[0].id);
    create(&fixture, &rows).await;
    let found = async |filter: InstanceFilter| {
        let page = fixture.store.list_instances(&InstanceFilter { limit: 10, ..filter }).await.unwrap();
        page.items.iter().map(|row| rows.iter().position(|known| known.id == row.id).unwrap()).collect::<Vec<_>>()
    };

    let none = InstanceFilter::default();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(none.clone()).await, [2, 1, 0]);
    assert_eq!(found(InstanceFilter { kind: Some(DefinitionKind::Saga), ..none.clone() }).await, [1]);
    assert_eq!(found(InstanceFilter { definition: text("order"), ..none.clone() }).await, [1]);
    assert_eq!(found(InstanceFilter { status: Some(Status::Stuck), ..none.clone() }).await, [2]);
    assert_eq!(found(InstanceFilter { version: Some(Versions::Only(3)), ..none.clone() }).await, [1]);
    assert_eq!(found(InstanceFilter { version: Some(Versions::AllBut(3)), ..none.clone() }).await, [2, 0]);
    assert_eq!(found(InstanceFilter { live: true, ..none.clone() }).await, [2, 1]);
    assert_eq!(found(InstanceFilter { business_key: text("Trip-42%"), ..none.clone() }).await, [0]);
    assert_eq!(found(InstanceFilter { parent: Some(rows[0].id), ..none.clone() }).await, [2]);
    assert_eq!(found(InstanceFilter { parent: Some(rows[1].id), ..none.clone() }).await, [] as [usize; 0]);
    assert_eq!(fixture.store.read_instance(rows[2].id).await.unwrap().unwrap().parent, Some(rows[0].id));
    assert_eq!(found(InstanceFilter { q: text("trip-42%"), ..none.clone() }).await, [0]);
    assert_eq!(found(InstanceFilter { q: text("%"), ..none.clone() }).await, [0], "no wildcard");
    assert_eq!(found(InstanceFilter { q: Some(rows[1].id.to_string().to_uppercase()), ..none.clone() }).await, [1]);
    assert_eq!(found(InstanceFilter { q: text("nothing"), ..none }).await, [] as [usize; 0]);
}

async fn instances_are_listed_in_pages(fixture: Fixture) {
    let rows: Vec<InstanceRow> = (0..5).map(|_| instance(new_instance())).collect();
    create(&fixture, &rows).await;
    let mut found = Vec::new();
    let mut filter = InstanceFilter { limit: 2, ..InstanceFilter::default() };
    loop {
        let page = fixture.store.list_instances(&filter).await.unwrap();
        found.extend(page.items.into_iter().map(|row| row.id));
        let Some(next) = page.next else { break };
        filter.cursor = Some(next);
    }
    assert_eq!(found, rows.iter().rev().map(|row| row.id).collect::<Vec<_>>());
}

async fn instances_are_counted_by_definition_version_and_status(fixture: Fixture) {
    let mut rows: Vec<InstanceRow> = (0..4).map(|_| instance(new_instance())).collect();
    rows[1].version = 2;
    rows[2].version = 2;
    rows[3].status = Status::Waiting;
    create(&fixture, &rows).await;

    let counts = fixture.store.count_instances().await.unwrap();
    let counts: Vec<_> =
        counts.into_iter().map(|row| (row.kind, row.definition, row.version, row.status, row.count)).collect();

    let (kind, name) = (DefinitionKind::Process, || "trip-booking".to_owned());
    assert_eq!(
        counts,
        [
            (kind, name(), 1, Status::Running, 1),
            (kind, name(), 1, Status::Waiting, 1),
            (kind, name(), 2, Status::Running, 2)
        ]
    );
    let overview = fixture.store.counts(now()).await.unwrap();
    assert_eq!(overview.instances, [("running", 3), ("waiting", 1)].into());
}

async fn the_version_of_an_instance_changes_with_its_history(fixture: Fixture) {
    let row = instance(new_instance());
    create(&fixture, std::slice::from_ref(&row)).await;
    let mut migrated = step_of(&row, json!({"tokens": []}));
    migrated.row.version = 2;
    let changes = |change| Changes { instances: vec![change], ..Changes::default() };
    let (sequence, first) = (migrated.row.sequence, changes(migrated));
    fixture.step(Claim::default(), |_| first).await.unwrap();
    assert_eq!(fixture.store.read_instance(row.id).await.unwrap().unwrap().version, 2);
    // Who looked before that is refused, and changes neither.
    let mut late = step_of(&row, json!({"tokens": []}));
    late.row.version = 3;
    let late = changes(late);
    fixture.step(Claim::default(), |_| late).await.unwrap_err();
    let after = fixture.store.read_instance(row.id).await.unwrap().unwrap();
    assert_eq!((after.version, after.sequence), (2, sequence));
}

async fn an_instance_without_anything_to_wake_it_is_an_orphan(fixture: Fixture) {
    let mut rows: Vec<InstanceRow> = (0..4).map(|_| instance(new_instance())).collect();
    rows[1].status = Status::Stuck;
    rows[2].status = Status::Completed;
    rows[2].ended_at = Some(now());
    rows[3].incident = Some("an expression failed".to_owned());
    let mut waiting = instance(new_instance());
    waiting.snapshot =
        json!({"tokens": [{"id": 0, "node": "book", "place": {"kind": "command", "command": waiting.id}}]});
    rows.push(waiting);
    create(&fixture, &rows).await;
    assert_eq!(fixture.store.counts(now()).await.unwrap().orphans, 1);

    let changes = Changes { tasks_opened: vec![task(rows[0].id, 1)], ..Changes::default() };
    fixture.step(Claim::default(), |_| changes).await.unwrap();

    assert_eq!(fixture.store.counts(now()).await.unwrap().orphans, 0);
    let mut lost = step_of(&rows[4], json!({}));
    lost.row.snapshot = json!({"tokens": []});
    fixture.step(Claim::default(), |_| Changes { instances: vec![lost], ..Changes::default() }).await.unwrap();
    assert_eq!(fixture.store.counts(now()).await.unwrap().orphans, 1);
}
