//! The bell: what is inserted while a relay sleeps wakes it, and while none sleeps nobody pays for that.

use std::time::Duration;

use baton_server::store::Bell;
use sqlx::{Connection, PgConnection, postgres::PgListener};
use tokio::time::timeout;

use crate::support::*;

const INSERT: &str =
    "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload) VALUES ('A', 'b', 'c', '{}')";
/// Whatever is waited for happens within this.
const DEADLINE: Duration = Duration::from_secs(20);

async fn bell(fixture: &Fixture) -> Box<dyn Bell> {
    fixture.store.bell().await.unwrap().expect("PostgreSQL without prepared transactions has one")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_rings_the_bell_that_was_armed_before() {
    let fixture = Fixture::postgres().await;
    let mut bell = bell(&fixture).await;
    for _ in 0..3 {
        assert!(bell.arm().await.unwrap());
        fixture.sql(INSERT).await.unwrap();
        timeout(DEADLINE, bell.wait()).await.expect("it rings").unwrap();
        bell.disarm().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bell_cannot_be_armed_while_an_insert_is_under_way_that_would_not_ring() {
    let fixture = Fixture::postgres().await;
    let mut bell = bell(&fixture).await;
    let mut producer = PgConnection::connect(&fixture.url).await.unwrap();
    let mut transaction = producer.begin().await.unwrap();
    sqlx::query(INSERT).execute(&mut *transaction).await.unwrap();

    assert!(!bell.arm().await.unwrap());
    transaction.commit().await.unwrap();

    assert!(bell.arm().await.unwrap());
    assert!(fixture.store.has_unpublished(now()).await.unwrap(), "it is found by the look that follows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_that_is_rolled_back_to_a_savepoint_rings_for_nobody_and_one_after_it_does() {
    let fixture = Fixture::postgres().await;
    let mut bell = bell(&fixture).await;
    let mut producer = PgConnection::connect(&fixture.url).await.unwrap();
    let mut outer = producer.begin().await.unwrap();
    let mut inner = outer.begin().await.unwrap();
    sqlx::query(INSERT).execute(&mut *inner).await.unwrap();
    inner.rollback().await.unwrap();

    assert!(bell.arm().await.unwrap(), "nothing is under way any more");
    sqlx::query(INSERT).execute(&mut *outer).await.unwrap();
    outer.commit().await.unwrap();

    timeout(DEADLINE, bell.wait()).await.expect("it rings").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_sleeps_an_insert_notifies_nobody() {
    let fixture = Fixture::postgres().await;
    let mut bell = bell(&fixture).await;
    assert!(bell.arm().await.unwrap());
    bell.disarm().await.unwrap();
    let mut listener = PgListener::connect(&fixture.url).await.unwrap();
    listener.listen("baton_outbox").await.unwrap();

    fixture.sql(INSERT).await.unwrap();
    fixture.append(&[event("1")]).await;
    fixture.sql("SELECT pg_notify('baton_outbox', 'last')").await.unwrap();

    let first = timeout(DEADLINE, listener.recv()).await.expect("the last one comes").unwrap();
    assert_eq!(first.payload(), "last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bell_whose_connection_is_lost_says_so_and_another_one_works() {
    let fixture = Fixture::postgres().await;
    let mut broken = bell(&fixture).await;
    assert!(broken.arm().await.unwrap());

    let ended = "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    assert_eq!(fixture.number(ended).await, 1);

    timeout(DEADLINE, broken.wait()).await.expect("it says so").unwrap_err();
    let mut another = bell(&fixture).await;
    assert!(another.arm().await.unwrap(), "the lock went with the connection");
    fixture.sql(INSERT).await.unwrap();
    timeout(DEADLINE, another.wait()).await.expect("it rings").unwrap();
}

#[tokio::test]
async fn sqlite_needs_none() {
    let fixture = Fixture::sqlite().await;
    assert!(fixture.store.bell().await.unwrap().is_none());
}
