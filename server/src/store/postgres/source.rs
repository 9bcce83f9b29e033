//! Sources: where messages are taken in from, and how far they were read.

use sqlx::{FromRow, Row, postgres::PgRow};

use super::{Postgres, outbox, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, Instant, SourceProgress, SourceRow, SourceStanding},
};

pub(super) async fn put(store: &Postgres, row: &SourceRow, anew: bool, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await.during("save a source")?;
    sqlx::query(sql!("upsert_source"))
        .bind(&row.name)
        .bind(row.settings.to_string())
        .bind(row.paused)
        .bind(row.updated_at)
        .bind(&row.mark)
        .bind(anew)
        .execute(&mut *transaction)
        .await
        .during("save a source")?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await.during("save a source")
}

pub(super) async fn delete(store: &Postgres, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.pool.begin().await.during("remove a source")?;
    let result =
        sqlx::query(sql!("delete_source")).bind(name).execute(&mut *transaction).await.during("remove a source")?;
    let removed = result.rows_affected() > 0;
    if removed {
        outbox::insert_audit(&mut transaction, &[audit]).await?;
    }
    transaction.commit().await.during("remove a source")?;
    Ok(removed)
}

pub(super) async fn list(store: &Postgres) -> Result<Vec<SourceRow>, StoreError> {
    let rows = sqlx::query(sql!("list_sources")).fetch_all(&store.pool).await.during("list sources")?;
    rows.iter().map(read).collect()
}

fn read(row: &PgRow) -> Result<SourceRow, StoreError> {
    const DOING: &str = "list sources";
    let instant = |column: usize| {
        let at: Option<Instant> = row.try_get(column).during(DOING)?;
        Ok::<_, StoreError>(at)
    };
    let (name, settings, paused, updated_at, mark): (String, String, bool, Instant, String) =
        FromRow::from_row(row).during(DOING)?;
    let position: Option<String> = row.try_get(5).during(DOING)?;
    let number = |column: usize| row.try_get::<i64, _>(column).during(DOING).map(i64::unsigned_abs);
    let error: Option<String> = row.try_get(11).during(DOING)?;
    Ok(SourceRow {
        name,
        settings: convert::json("a source's settings", &settings)?,
        paused,
        updated_at,
        mark,
        standing: SourceStanding {
            position: position.as_deref().map(|text| convert::json("a source's position", text)).transpose()?,
            taken: number(6)?,
            unreadable: number(7)?,
            last_taken_at: instant(8)?,
            seen_at: instant(9)?,
            waiting: row.try_get::<Option<i64>, _>(10).during(DOING)?.map(i64::unsigned_abs),
            kept_bytes: row.try_get::<Option<i64>, _>(13).during(DOING)?.map(i64::unsigned_abs),
            error: error.zip(instant(12)?),
        },
    })
}

pub(super) async fn record(store: &Postgres, progress: &SourceProgress) -> Result<bool, StoreError> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let result = sqlx::query(sql!("record_source"))
        .bind(&progress.name)
        .bind(&progress.mark)
        .bind(progress.position.as_ref().map(ToString::to_string))
        .bind(count(progress.taken))
        .bind(count(progress.unreadable))
        .bind(progress.taken_at)
        .bind(progress.waiting.map(count))
        .bind(&progress.error)
        .bind(progress.at)
        .bind(progress.kept_bytes.map(count))
        .execute(&store.pool)
        .await
        .during("write down how a source is read")?;
    Ok(result.rows_affected() > 0)
}
