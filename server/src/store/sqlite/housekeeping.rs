//! What keeps the database small, and whether it answers.

use super::{Sqlite, sql, types::At};
use crate::store::{error::During, port::StoreError, rows::Instant};

pub(super) async fn ping(store: &Sqlite) -> Result<(), StoreError> {
    sqlx::query("SELECT 1 FROM lane_lease LIMIT 1").execute(&store.readers).await.during("ping")?;
    Ok(())
}

/// Each table in a transaction of its own, so that none is long.
pub(super) async fn clean(store: &Sqlite, before: Instant, limit: u32) -> Result<u64, StoreError> {
    let mut removed = 0;
    for statement in [sql!("clean_outbox"), sql!("clean_inbox")] {
        let mut transaction = store.writer.begin("clean").await?;
        let result =
            sqlx::query(statement).bind(At(before)).bind(limit).execute(&mut *transaction).await.during("clean")?;
        transaction.commit().await?;
        removed += result.rows_affected();
    }
    let mut transaction = store.writer.begin("clean").await?;
    for statement in [sql!("clean_credentials"), sql!("clean_destination_minutes")] {
        sqlx::query(statement).bind(At(before)).execute(&mut *transaction).await.during("clean")?;
    }
    transaction.commit().await?;
    Ok(removed)
}
