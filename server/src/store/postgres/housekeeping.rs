//! What keeps the database small, and whether it answers.

use super::{Postgres, sql};
use crate::store::{error::During, port::StoreError, rows::Instant};

pub(super) async fn ping(store: &Postgres) -> Result<(), StoreError> {
    sqlx::query("SELECT 1").execute(&store.pool).await.during("ping")?;
    Ok(())
}

/// Each table in a transaction of its own, so that none is long.
pub(super) async fn clean(store: &Postgres, before: Instant, limit: u32) -> Result<u64, StoreError> {
    let mut removed = 0;
    for statement in [sql!("clean_outbox"), sql!("clean_inbox")] {
        let result =
            sqlx::query(statement).bind(before).bind(i64::from(limit)).execute(&store.pool).await.during("clean")?;
        removed += result.rows_affected();
    }
    for statement in [sql!("clean_credentials"), sql!("clean_destination_minutes")] {
        sqlx::query(statement).bind(before).execute(&store.pool).await.during("clean")?;
    }
    Ok(removed)
}
