//! Sources: where messages are taken in from, and how far they were read.

use sqlx::{FromRow, Row, sqlite::SqliteRow};

use super::{Sqlite, outbox, sql, types::At};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, SourceProgress, SourceRow, SourceStanding},
};

pub(super) async fn put(store: &Sqlite, row: &SourceRow, anew: bool, audit: AuditRow) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("save a source").await?;
    sqlx::query(sql!("upsert_source"))
        .bind(&row.name)
        .bind(row.settings.to_string())
        .bind(row.paused)
        .bind(At(row.updated_at))
        .bind(&row.mark)
        .bind(anew)
        .execute(&mut *transaction)
        .await
        .during("save a source")?;
    outbox::insert_audit(&mut transaction, &[audit]).await?;
    transaction.commit().await
}

pub(super) async fn delete(store: &Sqlite, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("remove a source").await?;
    let result =
        sqlx::query(sql!("delete_source")).bind(name).execute(&mut *transaction).await.during("remove a source")?;
    let removed = result.rows_affected() > 0;
    if removed {
        outbox::insert_audit(&mut transaction, &[audit]).await?;
    }
    transaction.commit().await?;
    Ok(removed)
}

pub(super) async fn list(store: &Sqlite) -> Result<Vec<SourceRow>, StoreError> {
    let rows = sqlx::query(sql!("list_sources")).fetch_all(&store.readers).await.during("list sources")?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<SourceRow, StoreError> {
    const DOING: &str = "list sources";
    let instant = |column: usize| {
        let at: Option<At> = row.try_get(column).during(DOING)?;
        Ok::<_, StoreError>(at.map(|at| at.0))
    };
    let (name, settings, paused, updated_at, mark): (String, String, bool, At, String) =
        FromRow::from_row(row).during(DOING)?;
    let position: Option<String> = row.try_get(5).during(DOING)?;
    let number = |column: usize| row.try_get::<i64, _>(column).during(DOING).map(i64::unsigned_abs);
    let error: Option<String> = row.try_get(11).during(DOING)?;
    Ok(SourceRow {
        name,
        settings: convert::json("a source's settings", &settings)?,
        paused,
        updated_at: updated_at.0,
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

pub(super) async fn record(store: &Sqlite, progress: &SourceProgress) -> Result<bool, StoreError> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut transaction = store.writer.begin("write down how a source is read").await?;
    let result = sqlx::query(sql!("record_source"))
        .bind(&progress.name)
        .bind(&progress.mark)
        .bind(progress.position.as_ref().map(ToString::to_string))
        .bind(count(progress.taken))
        .bind(count(progress.unreadable))
        .bind(progress.taken_at.map(At))
        .bind(progress.waiting.map(count))
        .bind(&progress.error)
        .bind(At(progress.at))
        .bind(progress.kept_bytes.map(count))
        .execute(&mut *transaction)
        .await
        .during("write down how a source is read")?;
    transaction.commit().await?;
    Ok(result.rows_affected() > 0)
}
