//! What waits: the cheap question whether anything does, reading on past what is under way, and, on PostgreSQL, the
//! tables beside the outbox.

use std::borrow::Cow;

use baton_domain::definition::DefinitionKind;
use baton_server::store::rows::{Fence, MessageFilter, Settlement, VersionRow};
use serde_json::json;
use sqlx::{Connection, PgConnection, migrate::Migrator};

use crate::support::*;

on_both!(
    something_waits_until_it_went_out,
    a_delayed_message_waits_from_its_instant_on,
    what_is_under_way_is_left_out_and_what_comes_with_a_smaller_number_is_not,
    another_version_leaves_another_mark,
);

async fn settle(fixture: &Fixture, fence: &Fence, published: Vec<i64>) {
    fixture.store.settle(fence, Settlement { published, ..Settlement::default() }).await.unwrap();
}

async fn something_waits_until_it_went_out(fixture: Fixture) {
    let fence = fixture.fence().await;
    assert!(!fixture.store.has_unpublished(now()).await.unwrap());

    fixture.append(&[event("1")]).await;
    assert!(fixture.store.has_unpublished(now()).await.unwrap());

    let read = fixture.unpublished(&fence).await;
    settle(&fixture, &fence, vec![read[0].0]).await;
    assert!(!fixture.store.has_unpublished(now()).await.unwrap());
}

async fn a_delayed_message_waits_from_its_instant_on(fixture: Fixture) {
    let fence = fixture.fence().await;
    let mut message = event("1");
    message.deliver_after = Some(in_seconds(60));
    fixture.append(&[message]).await;

    assert!(!fixture.store.has_unpublished(now()).await.unwrap());
    assert!(fixture.store.has_unpublished(in_seconds(61)).await.unwrap());

    let read = fixture.store.read_unpublished(&fence, in_seconds(61), 10, &[]).await.unwrap();
    settle(&fixture, &fence, vec![read[0].seq]).await;
    assert!(!fixture.store.has_unpublished(in_seconds(61)).await.unwrap());
}

async fn what_is_under_way_is_left_out_and_what_comes_with_a_smaller_number_is_not(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("2"), event("3"), event("4")];
    fixture.append(&messages).await;
    let all = fixture.unpublished(&fence).await;

    // As if the first had been committed only after the second and the third were read.
    let read = fixture.store.read_unpublished(&fence, now(), 10, &[all[1].0, all[2].0]).await.unwrap();

    assert_eq!(read.iter().map(|row| row.seq).collect::<Vec<_>>(), [all[0].0, all[3].0]);
}

async fn another_version_leaves_another_mark(fixture: Fixture) {
    let version = |label: &str| VersionRow {
        kind: DefinitionKind::Saga,
        name: "a".to_owned(),
        version: 0,
        document: json!({"label": label}),
        source: String::new(),
        note: None,
        published_by: "ann".to_owned(),
        published_at: now(),
    };
    let mut marks = vec![fixture.store.versions_mark().await.unwrap()];
    for label in ["1", "1", "2"] {
        fixture
            .store
            .publish_version(version(label), &Default::default(), audit("publish-version", "a"))
            .await
            .unwrap();
        marks.push(fixture.store.versions_mark().await.unwrap());
    }
    assert_ne!(marks[0], marks[1]);
    assert_eq!(marks[1], marks[2], "the same again stores nothing");
    assert_ne!(marks[2], marks[3]);
}

/// How many rows of the outbox there are, and how many stand in each of the tables beside it.
async fn places(fixture: &Fixture) -> [i64; 4] {
    let mut places = [0; 4];
    for (place, table) in places.iter_mut().zip(["outbox", "outbox_pending", "outbox_delayed", "outbox_published"]) {
        *place = fixture.number(&format!("SELECT count(*) FROM baton.{table}")).await;
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_outbox_stands_in_one_table_beside_it() {
    let fixture = Fixture::postgres().await;
    let fence = fixture.fence().await;
    let insert = "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload, deliver_after)
        SELECT 'A', 'b', n::text, '{}', CASE WHEN n % 3 = 0 THEN now() + interval '1 hour' END
        FROM generate_series(1, 9) n";
    fixture.sql(insert).await.unwrap();
    assert_eq!(places(&fixture).await, [9, 6, 3, 0]);

    let read = fixture.unpublished(&fence).await;
    settle(&fixture, &fence, read[..2].iter().map(|row| row.0).collect()).await;
    assert_eq!(places(&fixture).await, [9, 4, 3, 2]);
    let late = fixture.store.read_unpublished(&fence, in_seconds(7200), 10, &[]).await.unwrap();
    settle(
        &fixture,
        &fence,
        late.iter().filter(|row| row.message.deliver_after.is_some()).map(|row| row.seq).collect(),
    )
    .await;
    assert_eq!(places(&fixture).await, [9, 4, 0, 5]);

    // An operator removes one of each; the relay does not stumble over it.
    fixture.sql("DELETE FROM baton.outbox WHERE aggregate_id IN ('1', '8')").await.unwrap();
    assert_eq!(places(&fixture).await, [7, 3, 0, 4]);
    fixture.sql("TRUNCATE baton.outbox CASCADE").await.unwrap();
    assert_eq!(places(&fixture).await, [0, 0, 0, 0]);
    assert!(!fixture.store.has_unpublished(now()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_first_schema_keep_their_place() {
    // given a database of the first schema, with a row in each state
    let url = baton_testkit::postgres::fresh_database().unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let all = sqlx::migrate!("../migrations/postgres");
    let first = all.migrations.iter().take(1).cloned().collect::<Vec<_>>();
    let mut migrator = Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT };
    migrator.create_schema("baton");
    migrator.dangerous_set_table_name("baton.migration");
    migrator.run_direct(None, &mut connection, false).await.unwrap();
    let insert =
        "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload, deliver_after, published_at) VALUES
        ('Gone', 'b', '1', '{}', NULL, '2026-01-31T12:00:00Z'), ('Ready', 'b', '2', '{}', NULL, NULL),
        ('Late', 'b', '3', '{}', now() + interval '1 hour', NULL)";
    sqlx::query(insert).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    // when this version opens it
    let fixture = Database::of(url).open().await;

    // then each is where it was
    assert_eq!(places(&fixture).await, [3, 1, 1, 1]);
    let fence = fixture.fence().await;
    let types = async |at| {
        let read = fixture.store.read_unpublished(&fence, at, 10, &[]).await.unwrap();
        read.into_iter().map(|row| row.message.message_type).collect::<Vec<_>>()
    };
    assert_eq!(types(now()).await, ["Ready"]);
    assert_eq!(types(in_seconds(7200)).await, ["Ready", "Late"]);
    let gone = fixture.store.list_messages(&MessageFilter { limit: 10, ..MessageFilter::default() }).await.unwrap();
    let published: Vec<_> = gone.items.iter().filter_map(|row| row.published_at).collect();
    assert_eq!(published, [at("2026-01-31T12:00:00Z")]);
}
