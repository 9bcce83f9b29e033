//! Sources: what is stored of them, and who may write down how they are read.

use baton_server::store::rows::{AuditRow, SourceProgress, SourceRow, SourceStanding};
use serde_json::{Value, json};

use crate::support::*;

on_both!(
    a_source_comes_back_as_it_was_stored,
    progress_adds_up_and_an_error_passes,
    who_reads_with_old_settings_writes_nothing,
    storing_anew_forgets_the_position_only_when_it_must,
);

fn source(mark: &str, paused: bool) -> SourceRow {
    SourceRow {
        name: "shop".to_owned(),
        settings: json!({"version": 1, "settings": {"kind": "table"}}),
        paused,
        updated_at: now(),
        mark: mark.to_owned(),
        standing: SourceStanding::default(),
    }
}

fn written(action: &str) -> AuditRow {
    AuditRow {
        at: now(),
        actor: "ann".to_owned(),
        action: action.to_owned(),
        subject: "source/shop".to_owned(),
        reason: Some("because".to_owned()),
        detail: Value::Null,
    }
}

async fn put(fixture: &Fixture, row: &SourceRow, anew: bool) {
    fixture.store.put_source(row, anew, written("put-source")).await.unwrap();
}

async fn only(fixture: &Fixture) -> SourceRow {
    let mut rows = fixture.store.list_sources().await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

async fn record(fixture: &Fixture, progress: SourceProgress) -> bool {
    fixture.store.record_source(&progress).await.unwrap()
}

async fn a_source_comes_back_as_it_was_stored(fixture: Fixture) {
    let row = source("one", true);
    put(&fixture, &row, false).await;
    assert_eq!(only(&fixture).await, row);
    assert!(fixture.store.delete_source("shop", written("delete-source")).await.unwrap());
    assert!(!fixture.store.delete_source("shop", written("delete-source")).await.unwrap(), "it is gone already");
    assert!(fixture.store.list_sources().await.unwrap().is_empty());
    let audit = fixture.store.list_audit(Some("source/shop"), 10).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["delete-source", "put-source"], "what was gone was not removed again");
}

async fn progress_adds_up_and_an_error_passes(fixture: Fixture) {
    put(&fixture, &source("one", false), false).await;
    let at = now();
    let works = || SourceProgress::works("shop", "one", at);
    let first = SourceProgress {
        position: Some(json!({"after": 7})),
        taken: 3,
        unreadable: 1,
        taken_at: Some(at),
        waiting: Some(9),
        kept_bytes: Some(1_000_000),
        ..works()
    };
    assert!(record(&fixture, first).await);
    assert!(record(&fixture, SourceProgress { taken: 2, ..works() }).await);
    let standing = only(&fixture).await.standing;
    assert_eq!((standing.taken, standing.unreadable, standing.waiting), (5, 1, Some(9)));
    assert_eq!(standing.kept_bytes, Some(1_000_000));
    assert_eq!(standing.position, Some(json!({"after": 7})), "what is not said stays");
    assert_eq!((standing.last_taken_at, standing.seen_at, standing.error), (Some(at), Some(at), None));

    assert!(record(&fixture, SourceProgress { error: Some("nobody answers".into()), ..works() }).await);
    let standing = only(&fixture).await.standing;
    assert_eq!(standing.error, Some(("nobody answers".to_owned(), at)));
    assert!(record(&fixture, works()).await);
    assert_eq!(only(&fixture).await.standing.error, None);
}

async fn who_reads_with_old_settings_writes_nothing(fixture: Fixture) {
    put(&fixture, &source("one", false), false).await;
    put(&fixture, &source("two", false), false).await;
    let old = SourceProgress { taken: 3, position: Some(json!(1)), ..SourceProgress::works("shop", "one", now()) };
    assert!(!record(&fixture, old.clone()).await);
    assert!(!record(&fixture, SourceProgress { name: "other".into(), ..old }).await);
    assert_eq!(only(&fixture).await.standing, SourceStanding::default());
}

async fn storing_anew_forgets_the_position_only_when_it_must(fixture: Fixture) {
    put(&fixture, &source("one", false), false).await;
    let progress = SourceProgress {
        taken: 3,
        position: Some(json!({"after": 7})),
        waiting: Some(1),
        error: Some("odd".into()),
        ..SourceProgress::works("shop", "one", now())
    };
    assert!(record(&fixture, progress).await);
    put(&fixture, &source("two", true), false).await;
    let standing = only(&fixture).await.standing;
    let kept = SourceStanding { position: Some(json!({"after": 7})), taken: 3, ..SourceStanding::default() };
    assert_eq!(standing, kept, "how it works is to be found out again");
    put(&fixture, &source("three", false), true).await;
    assert_eq!(only(&fixture).await.standing, SourceStanding { position: None, ..kept });
}
