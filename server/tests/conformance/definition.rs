//! Definitions, destinations and routes: what people set up.

use std::sync::Arc;

use baton_domain::{definition::DefinitionKind, message::MessageKind};
use baton_server::store::{
    StoreError,
    rows::{
        AttemptResult, DestinationCounts, DestinationRow, DraftRow, DraftSeen, PublishSeen, RouteRow, TypeRow,
        VersionRow,
    },
};
use serde_json::json;

use crate::{delivery::outcome, support::*};

on_both!(
    versions_are_numbered_from_one_for_each_name_and_kind,
    publishing_the_same_again_stores_nothing,
    publishing_what_only_stands_elsewhere_keeps_the_version,
    publishing_takes_the_draft_away_unless_it_says_something_else,
    of_two_that_publish_at_once_each_gets_a_number,
    a_draft_is_replaced_when_it_is_saved_again,
    a_draft_is_not_replaced_by_who_has_not_seen_it,
    a_draft_is_discarded_by_who_has_seen_it,
    publishing_after_a_version_that_one_has_not_seen_is_refused,
    publishing_leaves_what_somebody_else_saved_meanwhile,
    destinations_are_replaced_listed_and_removed,
    routes_are_replaced_listed_and_removed,
    types_of_messages_are_noted_once_each,
    open_deliveries_are_counted_by_destination,
);

fn version(kind: DefinitionKind, name: &str, label: &str) -> VersionRow {
    VersionRow {
        kind,
        name: name.to_owned(),
        version: 0,
        document: json!({"z": label, "a": 1}),
        source: format!("# {label}\nbaton: process/1"),
        note: Some(label.to_owned()),
        published_by: "ann".to_owned(),
        published_at: now(),
    }
}

fn draft(name: &str, source: &str) -> DraftRow {
    DraftRow {
        kind: DefinitionKind::Process,
        name: name.to_owned(),
        source: source.to_owned(),
        updated_by: "ann".to_owned(),
        updated_at: now(),
        mark: format!("mark of {source}"),
    }
}

async fn publish(fixture: &Fixture, row: &VersionRow) -> u32 {
    fixture
        .store
        .publish_version(row.clone(), &PublishSeen::default(), audit("publish-version", &row.name))
        .await
        .unwrap()
}

async fn versions_are_numbered_from_one_for_each_name_and_kind(fixture: Fixture) {
    use DefinitionKind::{Process, Saga};
    let rows =
        [version(Process, "b", "1"), version(Process, "b", "2"), version(Saga, "b", "3"), version(Process, "a", "4")];
    let mut numbers = Vec::new();
    for row in &rows {
        numbers.push(publish(&fixture, row).await);
    }

    assert_eq!(numbers, [1, 2, 1, 1]);
    let read = fixture.store.read_versions().await.unwrap();
    let expected: Vec<VersionRow> = [(3, 1), (0, 1), (1, 2), (2, 1)]
        .map(|(row, number): (usize, u32)| VersionRow { version: number, ..rows[row].clone() })
        .to_vec();
    assert_eq!(read, expected);
}

async fn publishing_the_same_again_stores_nothing(fixture: Fixture) {
    let row = version(DefinitionKind::Process, "trip", "one");
    publish(&fixture, &row).await;

    let again = VersionRow { source: "written differently".to_owned(), published_by: "bob".to_owned(), ..row };
    assert_eq!(publish(&fixture, &again).await, 1);

    let read = fixture.store.read_versions().await.unwrap();
    assert_eq!(read.iter().map(|row| row.published_by.as_str()).collect::<Vec<_>>(), ["ann"]);
    assert_eq!(fixture.store.list_audit(Some("trip"), 10).await.unwrap().len(), 1);
}

async fn publishing_what_only_stands_elsewhere_keeps_the_version(fixture: Fixture) {
    use DefinitionKind::{Process, Saga};
    for kind in [Process, Saga] {
        let name = kind.as_str();
        let at = |x: u32| json!({"z": "two", "a": 1, "layout": {"start": [x, 0]}});
        publish(&fixture, &version(kind, name, "one")).await;
        let row = VersionRow { document: at(0), ..version(kind, name, "two") };
        assert_eq!(publish(&fixture, &row).await, 2);
        let mark = fixture.store.versions_mark().await.unwrap();
        fixture.store.save_draft(&DraftRow { kind, ..draft(name, "moved") }, &DraftSeen::Any).await.unwrap();

        let (source, published_by) = ("moved".to_owned(), "bob".to_owned());
        let moved =
            VersionRow { document: at(40), source, published_by, note: Some("tidied".to_owned()), ..row.clone() };
        assert_eq!(publish(&fixture, &moved).await, 2);

        let read = fixture.store.read_versions().await.unwrap();
        let own: Vec<&VersionRow> = read.iter().filter(|row| row.kind == kind).collect();
        let expected = VersionRow { version: 2, document: at(40), source: "moved".to_owned(), ..row };
        assert_eq!(own.len(), 2);
        assert_eq!(own[1], &expected, "who published it, when and why stays");
        assert_eq!(own[0].source, version(kind, name, "one").source, "older versions stay as they are");
        assert_eq!(fixture.store.read_draft(kind, name).await.unwrap(), None);
        assert_ne!(fixture.store.versions_mark().await.unwrap(), mark, "other nodes have to hear of it");
        let audit = fixture.store.list_audit(Some(name), 10).await.unwrap();
        let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions, ["layout-changed", "publish-version", "publish-version"]);
    }
}

async fn publishing_takes_the_draft_away_unless_it_says_something_else(fixture: Fixture) {
    let row = version(DefinitionKind::Process, "trip", "one");
    fixture.store.save_draft(&draft("trip", &row.source), &DraftSeen::Any).await.unwrap();
    fixture.store.save_draft(&draft("other", "x"), &DraftSeen::Any).await.unwrap();
    publish(&fixture, &row).await;
    assert_eq!(fixture.store.read_draft(DefinitionKind::Process, "trip").await.unwrap(), None);

    fixture.store.save_draft(&draft("trip", "what somebody is writing"), &DraftSeen::Any).await.unwrap();
    publish(&fixture, &row).await;

    let names: Vec<_> = fixture.store.list_drafts().await.unwrap().into_iter().map(|draft| draft.name).collect();
    assert_eq!(names, ["other", "trip"], "nothing new was published, so nobody's work is taken away");
}

async fn of_two_that_publish_at_once_each_gets_a_number(fixture: Fixture) {
    let store = Arc::clone(&fixture.store);
    publish(&fixture, &version(DefinitionKind::Process, "trip", "first")).await;
    let publishing: Vec<_> = (0..6)
        .map(|number| {
            let (store, row) = (Arc::clone(&store), version(DefinitionKind::Process, "trip", &number.to_string()));
            tokio::spawn(async move {
                store.publish_version(row, &PublishSeen::default(), audit("publish-version", "trip")).await
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for publishing in publishing {
        match publishing.await.unwrap() {
            Ok(number) => numbers.push(number),
            Err(error) => assert!(error.to_string().contains("definition"), "{error}"),
        }
    }

    numbers.sort_unstable();
    let count = numbers.len();
    numbers.dedup();
    assert!(count > 0 && numbers.len() == count, "{numbers:?}");
    assert_eq!(fixture.store.read_versions().await.unwrap().len(), count + 1);
}

async fn a_draft_is_not_replaced_by_who_has_not_seen_it(fixture: Fixture) {
    let store = &fixture.store;
    let marked = |source: &str| DraftSeen::Marked(draft("trip", source).mark);
    let stored = async || store.read_draft(DefinitionKind::Process, "trip").await.unwrap().map(|draft| draft.source);

    let (one, two, three) = (draft("trip", "one"), draft("trip", "two"), draft("trip", "three"));
    store.save_draft(&one, &marked("one")).await.unwrap_err();
    assert_eq!(stored().await, None, "there is none to replace");
    store.save_draft(&one, &DraftSeen::None).await.unwrap();
    store.save_draft(&two, &marked("one")).await.unwrap();

    for seen in [DraftSeen::None, marked("one")] {
        let refused = store.save_draft(&three, &seen).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict { .. }), "{seen:?}: {refused}");
        assert_eq!(stored().await.as_deref(), Some("two"));
    }
    store.save_draft(&three, &DraftSeen::Any).await.unwrap();
    assert_eq!(store.read_draft(DefinitionKind::Process, "trip").await.unwrap(), Some(three));
}

async fn a_draft_is_discarded_by_who_has_seen_it(fixture: Fixture) {
    let store = &fixture.store;
    let discard = async |mark: &str| {
        store.discard_draft(DefinitionKind::Process, "trip", mark, audit("discard-draft", "trip")).await.unwrap()
    };
    assert!(!discard("mark of one").await);
    store.save_draft(&draft("trip", "one"), &DraftSeen::Any).await.unwrap();
    store.save_draft(&draft("other", "one"), &DraftSeen::Any).await.unwrap();

    assert!(!discard("another mark").await);
    assert!(discard("mark of one").await);

    let names: Vec<_> = store.list_drafts().await.unwrap().into_iter().map(|draft| draft.name).collect();
    assert_eq!(names, ["other"]);
    assert_eq!(store.list_audit(Some("trip"), 10).await.unwrap().len(), 1, "what was not done is not in the audit");
}

async fn publishing_after_a_version_that_one_has_not_seen_is_refused(fixture: Fixture) {
    let store = &fixture.store;
    let (one, two) = (version(DefinitionKind::Process, "trip", "one"), version(DefinitionKind::Process, "trip", "two"));
    let after = |newest| PublishSeen { newest: Some(newest), draft: None };
    let publish = async |row: &VersionRow, seen| {
        store.publish_version(row.clone(), &seen, audit("publish-version", "trip")).await
    };

    publish(&one, after(1)).await.unwrap_err();
    assert_eq!(publish(&one, after(0)).await.unwrap(), 1);
    let refused = publish(&two, after(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
    assert_eq!(store.read_versions().await.unwrap().len(), 1);
    assert_eq!(publish(&two, after(1)).await.unwrap(), 2);
}

async fn publishing_leaves_what_somebody_else_saved_meanwhile(fixture: Fixture) {
    let store = &fixture.store;
    let publish = async |label: &str, mark: &str| {
        let seen = PublishSeen { newest: None, draft: Some(mark.to_owned()) };
        let row = version(DefinitionKind::Process, "trip", label);
        store.publish_version(row, &seen, audit("publish-version", "trip")).await.unwrap()
    };
    let is_left = async || store.read_draft(DefinitionKind::Process, "trip").await.unwrap().is_some();
    store.save_draft(&draft("trip", "somebody else's"), &DraftSeen::Any).await.unwrap();

    publish("one", "mark of mine").await;
    assert!(is_left().await);

    publish("two", "mark of somebody else's").await;
    assert!(!is_left().await);
}

async fn a_draft_is_replaced_when_it_is_saved_again(fixture: Fixture) {
    fixture.store.save_draft(&draft("trip", "one"), &DraftSeen::Any).await.unwrap();
    let two = DraftRow { updated_by: "bob".to_owned(), ..draft("trip", "two <script>") };
    fixture.store.save_draft(&two, &DraftSeen::Any).await.unwrap();

    assert_eq!(fixture.store.read_draft(DefinitionKind::Process, "trip").await.unwrap(), Some(two.clone()));
    assert_eq!(fixture.store.read_draft(DefinitionKind::Saga, "trip").await.unwrap(), None);
    assert_eq!(fixture.store.list_drafts().await.unwrap(), [two]);
}

async fn destinations_are_replaced_listed_and_removed(fixture: Fixture) {
    let row = |name: &str, url: &str| DestinationRow {
        name: name.to_owned(),
        settings: json!({"kind": "http", "url": url}),
        paused: false,
        updated_at: now(),
    };
    let (crm, shop) = (row("crm", "http://a"), DestinationRow { paused: true, ..row("shop", "http://b") });
    for row in [&shop, &row("crm", "http://old"), &crm] {
        fixture.store.put_destination(row, audit("put-destination", &row.name)).await.unwrap();
    }

    assert_eq!(fixture.store.list_destinations().await.unwrap(), [crm, shop.clone()]);
    assert!(fixture.store.delete_destination("crm", audit("delete-destination", "crm")).await.unwrap());
    assert!(!fixture.store.delete_destination("crm", audit("delete-destination", "crm")).await.unwrap());
    assert_eq!(fixture.store.list_destinations().await.unwrap(), [shop]);
    assert_eq!(fixture.store.list_audit(Some("crm"), 10).await.unwrap().len(), 3, "two writes and one removal");
}

async fn routes_are_replaced_listed_and_removed(fixture: Fixture) {
    let everything =
        RouteRow { name: "a".to_owned(), kind: None, message_type: None, aggregate_type: None, to: "bus".to_owned() };
    let narrow = RouteRow {
        name: "b".to_owned(),
        kind: Some(MessageKind::Command),
        message_type: Some("Order*".to_owned()),
        aggregate_type: Some("order".to_owned()),
        to: "crm".to_owned(),
    };
    let old = RouteRow { to: "old".to_owned(), ..narrow.clone() };
    for row in [&old, &everything, &narrow] {
        fixture.store.put_route(row, audit("put-route", &row.name)).await.unwrap();
    }

    assert_eq!(fixture.store.list_routes().await.unwrap(), [everything, narrow.clone()]);
    assert!(fixture.store.delete_route("a", audit("delete-route", "a")).await.unwrap());
    assert!(!fixture.store.delete_route("a", audit("delete-route", "a")).await.unwrap());
    assert_eq!(fixture.store.list_routes().await.unwrap(), [narrow]);
}

async fn types_of_messages_are_noted_once_each(fixture: Fixture) {
    let row = |kind, message_type: &str, aggregate_type: &str| TypeRow {
        kind,
        message_type: message_type.to_owned(),
        aggregate_type: aggregate_type.to_owned(),
    };
    let (event, command) = (row(MessageKind::Event, "Done", "order"), row(MessageKind::Command, "Do", "order"));
    assert_eq!(fixture.store.list_types().await.unwrap(), []);
    fixture.store.note_types(&[event.clone(), command.clone()]).await.unwrap();
    let other = row(MessageKind::Event, "Done", "shop");
    fixture.store.note_types(&[other.clone(), event.clone()]).await.unwrap();
    assert_eq!(fixture.store.list_types().await.unwrap(), [command, event, other]);
}

async fn open_deliveries_are_counted_by_destination(fixture: Fixture) {
    let fence = fixture.fence().await;
    let ids = fixture.queue(&fence, "crm", &[event("1"), event("1"), event("2"), event("3"), event("4")]).await;
    fixture.queue(&fence, "shop", &[event("1")]).await;
    let results = [
        (ids[0], AttemptResult::Failed { failure: failure("timeout"), next_attempt_at: in_seconds(60) }),
        (ids[2], AttemptResult::Dead { failure: failure("http-400") }),
        (ids[3], AttemptResult::Delivered { answers: vec![] }),
    ];
    let outcomes = results.into_iter().map(|(id, result)| outcome(id, 0, result)).collect();
    fixture.store.record_attempts(outcomes).await.unwrap();

    let counts = fixture.store.count_deliveries().await.unwrap();

    assert!(counts.iter().all(|count| count.oldest_open_at.is_some_and(|at| at <= now())));
    let counts: Vec<_> = counts.into_iter().map(|count| DestinationCounts { oldest_open_at: None, ..count }).collect();
    let destination = |name: &str| name.to_owned();
    assert_eq!(
        counts,
        [
            DestinationCounts {
                destination: destination("crm"),
                queued: 1,
                retrying: 1,
                parked: 1,
                dead: 1,
                ..Default::default()
            },
            DestinationCounts { destination: destination("shop"), queued: 1, ..Default::default() },
        ]
    );
}
