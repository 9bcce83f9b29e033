//! The audit by months: partitions are made ahead, and dropped as a whole.
//!
//! What is missing and what has outlived itself is decided by pure functions over the bounds that the database tells.
//! Everything that needs a lock on the table waits for it a moment at most and is tried again in the next round.

use chrono::{Datelike, Months, NaiveDate, SecondsFormat};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Postgres, sql};
use crate::store::{
    error::During,
    port::StoreError,
    rows::{Cleaned, Instant},
};

/// This month and the next ones have partitions.
const MONTHS_READY: u32 = 3;
const OPERATION: &str = "tend partitions";

/// A partition of the audit. Without `begins` it takes also what is older than anybody thought of, and without both what
/// fits nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
struct Partition {
    /// Quoted where it has to be.
    #[sqlx(rename = "quote_ident")]
    name: String,
    begins: Option<Instant>,
    ends: Option<Instant>,
}

/// The first instant of a month.
fn month_of(at: Instant) -> Instant {
    let first = NaiveDate::from_ymd_opt(at.year(), at.month(), 1).expect("every month has a first day");
    first.and_time(chrono::NaiveTime::MIN).and_utc()
}

fn month_after(month: Instant) -> Instant {
    month.checked_add_months(Months::new(1)).expect("the calendar has not ended")
}

fn name_of(month: Instant) -> String {
    format!("audit_{:04}_{:02}", month.year(), month.month())
}

/// The months from that of `now` on that need a partition and have none.
fn missing(there: &[Partition], now: Instant) -> Vec<Instant> {
    let covers = |partition: &Partition, month: Instant| {
        partition.ends.is_some_and(|ends| ends > month) && partition.begins.is_none_or(|begins| begins <= month)
    };
    std::iter::successors(Some(month_of(now)), |month| Some(month_after(*month)))
        .take(MONTHS_READY as usize)
        .filter(|month| !there.iter().any(|partition| covers(partition, *month)))
        .collect()
}

/// Those in which everything is older than `before`.
fn outlived(there: &[Partition], before: Instant) -> impl Iterator<Item = &Partition> {
    there.iter().filter(move |partition| partition.ends.is_some_and(|ends| ends <= before))
}

/// Those that never are, or not for long: their rows go one by one.
fn mixed(there: &[Partition]) -> impl Iterator<Item = &Partition> {
    there.iter().filter(|partition| partition.begins.is_none())
}

pub(super) async fn prepare(store: &Postgres, now: Instant) -> Result<u64, StoreError> {
    if missing(&list(&mut *store.pool.acquire().await.during(OPERATION)?).await?, now).is_empty() {
        return Ok(0);
    }
    unless_busy(make(store, now).await)
}

async fn make(store: &Postgres, now: Instant) -> Result<u64, StoreError> {
    let mut transaction = store.pool.begin().await.during(OPERATION)?;
    if !begin(&mut transaction).await? {
        return Ok(0);
    }
    let months = missing(&list(&mut transaction).await?, now);
    for month in &months {
        let text = sql!("make_audit_partition")
            .replace("{name}", &name_of(*month))
            .replace("{begins}", &month.to_rfc3339_opts(SecondsFormat::Secs, true))
            .replace("{ends}", &month_after(*month).to_rfc3339_opts(SecondsFormat::Secs, true));
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *transaction).await.during(OPERATION)?;
    }
    transaction.commit().await.during(OPERATION)?;
    Ok(months.len() as u64)
}

/// Drops what is old as a whole; where there is nothing of that kind (any more), a batch of old rows from the partitions
/// that have no month.
pub(super) async fn clean(store: &Postgres, before: Instant, limit: u32) -> Result<Cleaned, StoreError> {
    let there = list(&mut *store.pool.acquire().await.during("clean")?).await?;
    if let Some(partition) = outlived(&there, before).next() {
        let partitions = unless_busy(drop_one(store, partition).await)?;
        if partitions > 0 {
            return Ok(Cleaned { rows: 0, partitions });
        }
    }
    let mut rows = 0;
    for partition in mixed(&there) {
        let text = sql!("clean_audit_partition").replace("{name}", &partition.name);
        let result = sqlx::query(AssertSqlSafe(text)).bind(before).bind(i64::from(limit)).execute(&store.pool).await;
        rows += match result {
            // Another node dropped it meanwhile.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => 0,
            other => other.during("clean")?.rows_affected(),
        };
    }
    Ok(Cleaned { rows, partitions: 0 })
}

async fn drop_one(store: &Postgres, partition: &Partition) -> Result<u64, StoreError> {
    let mut transaction = store.pool.begin().await.during(OPERATION)?;
    if !begin(&mut transaction).await? || !list(&mut transaction).await?.contains(partition) {
        return Ok(0);
    }
    let text = sql!("drop_audit_partition").replace("{name}", &partition.name);
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *transaction).await.during(OPERATION)?;
    transaction.commit().await.during(OPERATION)?;
    Ok(1)
}

/// Whether this transaction may change partitions; it waits for no lock for long from now on.
async fn begin(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar(sql!("begin_partitioning")).fetch_one(connection).await.during(OPERATION)
}

async fn list(connection: &mut PgConnection) -> Result<Vec<Partition>, StoreError> {
    sqlx::query_as(sql!("list_audit_partitions")).fetch_all(connection).await.during(OPERATION)
}

/// The table was in use for longer than one waits, or an entry came in between: the next round tries again.
fn unless_busy(outcome: Result<u64, StoreError>) -> Result<u64, StoreError> {
    match outcome {
        Err(StoreError::Unavailable { source: sqlx::Error::Database(error), .. }
        | StoreError::Refused { source: sqlx::Error::Database(error), .. })
            // lock_not_available; check_violation of the partition for what fits nowhere else
            if matches!(error.code().as_deref(), Some("55P03" | "23514")) =>
        {
            tracing::debug!(%error, "partitions stay as they are for now");
            Ok(0)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn partition(begins: Option<&str>, ends: Option<&str>) -> Partition {
        let day = |text: &str| at(&format!("{text}T00:00:00Z"));
        Partition { name: format!("{begins:?} {ends:?}"), begins: begins.map(day), ends: ends.map(day) }
    }

    fn names(months: &[Instant]) -> Vec<String> {
        months.iter().map(|month| name_of(*month)).collect()
    }

    #[test]
    fn this_month_and_the_next_two_are_made_unless_something_has_their_range() {
        let now = at("2026-11-30T23:59:59Z");
        let default = partition(None, None);
        assert_eq!(
            names(&missing(std::slice::from_ref(&default), now)),
            ["audit_2026_11", "audit_2026_12", "audit_2027_01"]
        );
        let before = partition(None, Some("2026-12-01"));
        let december = partition(Some("2026-12-01"), Some("2027-01-01"));
        assert_eq!(names(&missing(&[before, december, default.clone()], now)), ["audit_2027_01"]);
        let for_ever = partition(None, Some("9999-01-01"));
        assert_eq!(missing(&[for_ever, default], now), Vec::<Instant>::new());
    }

    #[test]
    fn a_partition_has_outlived_itself_when_its_last_instant_is_too_old() {
        let there = [
            partition(None, None),
            partition(None, Some("2025-10-01")),
            partition(Some("2025-10-01"), Some("2025-11-01")),
            partition(Some("2025-11-01"), Some("2025-12-01")),
        ];
        let gone = |before: &str| outlived(&there, at(before)).cloned().collect::<Vec<_>>();
        assert_eq!(gone("2025-09-30T23:59:59Z"), []);
        assert_eq!(gone("2025-10-31T23:59:59Z"), there[1..2]);
        assert_eq!(gone("2025-11-01T00:00:00Z"), there[1..3]);
    }

    #[test]
    fn rows_go_one_by_one_from_partitions_that_have_no_month() {
        let there = [
            partition(None, None),
            partition(None, Some("2025-10-01")),
            partition(Some("2025-10-01"), Some("2025-11-01")),
        ];
        assert_eq!(mixed(&there).cloned().collect::<Vec<_>>(), there[..2]);
    }

    #[test]
    fn the_year_turns() {
        assert_eq!(month_after(month_of(at("2026-12-31T12:00:00Z"))), at("2027-01-01T00:00:00Z"));
    }
}
