//! A database that goes away for a while: said quickly, nothing half done, and back by itself.

use std::time::{Duration, Instant};

use baton_server::store::{
    self, OpenOptions, StoreError,
    rows::{Changes, Claim},
};
use baton_testkit::postgres::{Durability, Postgres};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_goes_away_is_reported_and_used_again_when_it_is_back() {
    let mut server = Postgres::start(Durability::Durable).expect("PostgreSQL for tests");
    let store = store::open(&server.fresh_database().unwrap(), OpenOptions::default()).await.unwrap();
    let (before, meanwhile) = (event("1"), event("2"));
    store.append(std::slice::from_ref(&before), None).await.unwrap();

    server.interrupt().unwrap();
    let started = Instant::now();
    let messages = [meanwhile.clone()];
    let (append, step, ping) = tokio::join!(
        store.append(&messages, None),
        store.transact(Claim::default(), Box::new(|_| Changes::default().into())),
        store.ping(),
    );
    for outcome in [append.map(|_| ()), step, ping] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(15), "nobody waits for long");

    server.resume().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
    assert!(store.read_message(before.id).await.unwrap().is_some());
    assert!(store.read_message(meanwhile.id).await.unwrap().is_none(), "nothing half done");
    store.append(&[meanwhile], None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_that_somebody_else_keeps_locked_is_unavailable_until_they_let_go() {
    let fixture = Fixture::sqlite().await;
    let mut foreign = fixture.foreign().await;
    foreign.run("BEGIN IMMEDIATE").await.unwrap();

    let error = fixture.store.append(&[event("1")], None).await.unwrap_err();

    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    fixture.store.ping().await.expect("readers are not held up");
    foreign.run("ROLLBACK").await.unwrap();
    fixture.append(&[event("1")]).await;
    assert_eq!(fixture.number("SELECT count(*) FROM outbox").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_in_the_middle_leaves_nothing_half_done() {
    for fixture in [Fixture::postgres().await, Fixture::sqlite().await] {
        let message = event("1");
        let (entered, wait) = std::sync::mpsc::channel();
        let (go_on, gate) = std::sync::mpsc::channel::<()>();
        let claim = Claim { consumer: "engine".to_owned(), messages: vec![message.id], ..Claim::default() };
        let store = std::sync::Arc::clone(&fixture.store);
        let step = tokio::spawn(async move {
            let decide = move |_| {
                entered.send(()).unwrap();
                gate.recv().ok();
                Changes { messages: vec![event("2")], ..Changes::default() }.into()
            };
            store.transact(claim, Box::new(decide)).await
        });
        tokio::task::spawn_blocking(move || wait.recv().unwrap()).await.unwrap();
        // While it decides it cannot be stopped; the next time that it has to wait for the database, it is.
        step.abort();
        drop(go_on);
        let cut = step.await;
        assert!(cut.as_ref().map_or_else(tokio::task::JoinError::is_cancelled, Result::is_ok), "{cut:?}");

        let claim = Claim { consumer: "engine".to_owned(), messages: vec![message.id], ..Claim::default() };
        // All of it, when the commit was on its way already, or nothing; nothing holds up who comes next either way.
        let is_taken = fixture.load(claim).await.fresh.is_empty();
        assert_eq!(is_taken, fixture.store.has_unpublished(now()).await.unwrap());
    }
}
