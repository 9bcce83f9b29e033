//! The audit goes by its age: entry by entry on SQLite, month by month on PostgreSQL. And what a cleaner on PostgreSQL does
//! where somebody else has hold of what it is after.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use baton_domain::process::Status;
use baton_server::store::rows::{AuditRow, Changes, Claim, CleanKind, InstanceRow, Settlement};
use chrono::{Datelike, Months, TimeDelta};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, migrate::Migrator};

use crate::support::*;

on_both!(old_entries_of_the_audit_go_and_young_ones_stay, no_entry_is_refused_whatever_its_time);

/// Much less than what a statement would wait for a lock (10 s).
const PROMPT: Duration = Duration::from_secs(3);

/// Writes an entry as of then.
async fn note(fixture: &Fixture, when: &str, subject: &str) {
    let entry = AuditRow { at: at(when), ..audit("retry", subject) };
    fixture.store.append(&[event(subject)], Some(entry)).await.unwrap();
}

async fn subjects(fixture: &Fixture) -> Vec<String> {
    let entries = fixture.store.list_audit(None, 100).await.unwrap();
    entries.into_iter().map(|entry| entry.subject).collect()
}

/// Cleans until there is nothing more; how often something went.
async fn clean_audit(fixture: &Fixture, before: &str) -> usize {
    let mut times = 0;
    while !fixture.store.clean(CleanKind::Audit, at(before), 1).await.unwrap().is_nothing() {
        times += 1;
    }
    times
}

async fn old_entries_of_the_audit_go_and_young_ones_stay(fixture: Fixture) {
    for when in ["2187-03-01T00:00:00Z", "2187-05-31T23:59:59Z"] {
        fixture.store.prepare_partitions(at(when)).await.unwrap();
    }
    note(&fixture, "2187-03-02T00:00:00Z", "first").await;
    note(&fixture, "2187-03-30T00:00:00Z", "second").await;
    note(&fixture, "2187-05-02T00:00:00Z", "young").await;

    assert_eq!(clean_audit(&fixture, "2187-03-01T00:00:00Z").await, if fixture.is_postgres() { 3 } else { 0 });
    assert_eq!(subjects(&fixture).await, ["young", "second", "first"], "only what was empty went");
    assert!(clean_audit(&fixture, "2187-04-01T00:00:00Z").await > 0);
    assert_eq!(subjects(&fixture).await, ["young"]);
    assert_eq!(clean_audit(&fixture, "2187-04-01T00:00:00Z").await, 0);
}

async fn no_entry_is_refused_whatever_its_time(fixture: Fixture) {
    note(&fixture, "2001-01-01T00:00:00Z", "past").await;
    note(&fixture, "2199-01-01T00:00:00Z", "future").await;
    assert_eq!(subjects(&fixture).await, ["future", "past"]);
    assert_eq!(clean_audit(&fixture, "2020-01-01T00:00:00Z").await, 1);
    assert_eq!(subjects(&fixture).await, ["future"]);
}

/// The names of the partitions, from the catalogue.
async fn partitions(fixture: &Fixture) -> Vec<String> {
    let text = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
                WHERE i.inhparent = 'baton.audit'::regclass ORDER BY 1";
    fixture.foreign().await.texts(text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_made_ahead_and_dropped_as_a_whole() {
    let fixture = Fixture::postgres().await;
    let this = now().date_naive().with_day(1).unwrap();
    let names = |months: std::ops::Range<u32>| {
        let name = |ahead| (this + Months::new(ahead)).format("audit_%Y_%m").to_string();
        months.map(name).chain(["audit_default".to_owned()]).collect::<Vec<_>>()
    };
    assert_eq!(partitions(&fixture).await, names(0..3), "a new database has them already");
    assert_eq!(fixture.store.prepare_partitions(now()).await.unwrap(), 0);

    let later = now() + Months::new(2);
    let (one, two) = tokio::join!(fixture.store.prepare_partitions(later), fixture.store.prepare_partitions(later));
    assert_eq!(one.unwrap() + two.unwrap(), 2, "whoever comes second finds nothing to do");
    assert_eq!(partitions(&fixture).await, names(0..5));

    let before = (this + Months::new(2)).and_hms_opt(0, 0, 0).unwrap().and_utc();
    let mut dropped = 0;
    while let cleaned = fixture.store.clean(CleanKind::Audit, before, 10).await.unwrap()
        && !cleaned.is_nothing()
    {
        dropped += cleaned.partitions;
    }
    assert_eq!(dropped, 2);
    assert_eq!(partitions(&fixture).await, names(2..5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_its_partition_moves_into_it() {
    let fixture = Fixture::postgres().await;
    for when in ["2098-11-30T23:59:59Z", "2098-12-01T00:00:00Z", "2098-12-31T23:59:59Z", "2099-03-01T00:00:00Z"] {
        note(&fixture, when, when).await;
    }
    let in_default = "SELECT count(*) FROM baton.audit_default";
    assert_eq!(fixture.number(in_default).await, 4);

    assert_eq!(fixture.store.prepare_partitions(at("2098-12-15T00:00:00Z")).await.unwrap(), 3);

    assert_eq!(fixture.number(in_default).await, 2);
    assert_eq!(fixture.number("SELECT count(*) FROM baton.audit_2098_12").await, 2);
    assert_eq!(subjects(&fixture).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_use_is_left_for_the_next_round() {
    let fixture = Fixture::postgres().await;
    let far = now() + Months::new(30);
    let mut reader = PgConnection::connect(&fixture.url).await.unwrap();
    reader.execute("BEGIN; SELECT count(*) FROM baton.audit").await.unwrap();
    let begun = Instant::now();

    let cleaned = fixture.store.clean(CleanKind::Audit, far, 10).await.unwrap();
    assert!(cleaned.is_nothing(), "{cleaned:?}");
    note(&fixture, "2027-01-01T00:00:00Z", "meanwhile").await;

    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
    reader.execute("ROLLBACK").await.unwrap();
    assert_eq!(fixture.store.clean(CleanKind::Audit, far, 10).await.unwrap().partitions, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_of_an_older_schema_is_kept_and_goes_on() {
    let url = baton_testkit::postgres::fresh_database().unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let all = sqlx::migrate!("../migrations/postgres");
    let before = all.migrations.iter().filter(|it| it.version < 17).cloned().collect::<Vec<_>>();
    let mut migrator = Migrator { migrations: Cow::Owned(before), ..Migrator::DEFAULT };
    migrator.create_schema("baton");
    migrator.dangerous_set_table_name("baton.migration");
    migrator.run_direct(None, &mut connection, false).await.unwrap();
    connection
        .execute(
            "INSERT INTO baton.audit (at, actor, action, subject, detail)
             SELECT now() - n * interval '40 days', 'ann', 'retry', 'old-' || n, '{}' FROM generate_series(1, 12) n",
        )
        .await
        .unwrap();
    connection.close().await.unwrap();

    let fixture = Database::of(url).open().await;

    fixture.store.append(&[event("1")], Some(audit("retry", "new"))).await.unwrap();
    let told = subjects(&fixture).await;
    assert_eq!((told.len(), told[0].as_str()), (13, "new"), "the numbers go on: {told:?}");
    assert_eq!(fixture.number("SELECT count(*) FROM baton.audit_before").await, 13, "until the month is over");
    let year_ago = now() - TimeDelta::days(365);
    let cleaned = fixture.store.clean(CleanKind::Audit, year_ago, 100).await.unwrap();
    assert_eq!((cleaned.rows, cleaned.partitions), (3, 0));
    let next_year = now() + Months::new(12);
    assert_eq!(fixture.store.clean(CleanKind::Audit, next_year, 100).await.unwrap().partitions, 1);
    assert!(!partitions(&fixture).await.contains(&"audit_before".to_owned()));
}

/// What a cleaner of another node has done and not committed yet keeps nobody waiting, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_cleaner_waits_for_nobody_and_nobody_for_a_cleaner() {
    let fixture = Fixture::postgres().await;
    let fence = fixture.fence().await;
    let messages: Vec<_> = (0..10).map(|number| event(&number.to_string())).collect();
    fixture.append(&messages).await;
    let published = fixture.unpublished(&fence).await.iter().map(|row| row.0).collect();
    let long_ago = at("2026-01-01T00:00:00Z");
    let settlement = Settlement { published, now: Some(long_ago), ..Settlement::default() };
    fixture.store.settle(&fence, settlement).await.unwrap();
    let rows = [0, 1, 2, 3].map(|number| {
        let ended_at = long_ago + TimeDelta::seconds(number);
        let row = instance(new_instance());
        InstanceRow { status: Status::Completed, ended_at: Some(ended_at), updated_at: ended_at, ..row }
    });
    let instances = rows.iter().cloned().map(creation).collect();
    fixture.step(Claim::default(), |_| Changes { instances, ..Changes::default() }).await.unwrap();

    let mut other = PgConnection::connect(&fixture.url).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    for (text, limit) in [
        (include_str!("../../src/store/postgres/queries/clean_outbox.sql"), 4),
        (include_str!("../../src/store/postgres/queries/clean_instances.sql"), 1),
    ] {
        let text = text.replace("$1", "now()").replace("$2", &limit.to_string());
        let gone = other.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.unwrap();
        assert!(gone.rows_affected() > 0);
    }

    let begun = Instant::now();
    fixture.append(&[event("new")]).await;
    let new = fixture.unpublished(&fence).await.iter().map(|row| row.0).collect();
    fixture
        .store
        .settle(&fence, Settlement { published: new, now: Some(now()), ..Settlement::default() })
        .await
        .unwrap();
    let late = step_of(&rows[3], serde_json::json!({"late": "reply"}));
    fixture.step(Claim::default(), |_| Changes { instances: vec![late], ..Changes::default() }).await.unwrap();
    let before = at("2026-02-01T00:00:00Z");
    assert_eq!(fixture.store.clean(CleanKind::Messages, before, 100).await.unwrap().rows, 6, "the others");
    assert!(fixture.store.clean(CleanKind::Instances, before, 100).await.unwrap().rows > 0);
    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(fixture.store.clean(CleanKind::Messages, before, 100).await.unwrap().rows, 4);
}
