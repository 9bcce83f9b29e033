//! Connections that the busiest callers keep within reach.
//!
//! The driver's pool exchanges a sign of life with the server whenever a connection comes back. For the relay and the
//! engine, most of whose calls are one statement, that doubles the round trips; while idle it doubles the work. So a few
//! connections that have just proved themselves are put here instead, the last one first out: its caches are warm.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use sqlx::{Connection, PgConnection, PgPool, Postgres as Db, pool::PoolConnection};

use super::TRUSTED_IDLE;

/// At most this many lie here; the rest of the pool is for everybody.
const KEPT_MAX: usize = 3;

#[derive(Debug, Clone)]
pub(super) struct Shelf {
    pool: PgPool,
    kept: Arc<Kept>,
    max: usize,
}

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<(Instant, PoolConnection<Db>)>>);

/// A connection from the shelf or the pool. Dropped (after an error, or by a caller that went away) it goes back to the
/// pool, which looks whether it is still good; [`Taken::put_back`] says that it is.
pub(super) struct Taken {
    connection: PoolConnection<Db>,
    shelf: Shelf,
}

impl Shelf {
    pub(super) fn new(pool: PgPool, connections_max: u32) -> Self {
        let max = (connections_max as usize / 3).min(KEPT_MAX);
        Self { pool, kept: Arc::default(), max }
    }

    pub(super) async fn take(&self) -> Result<Taken, sqlx::Error> {
        while let Some((since, mut connection)) = self.kept.pop() {
            if since.elapsed() < TRUSTED_IDLE || connection.ping().await.is_ok() {
                return Ok(Taken { connection, shelf: self.clone() });
            }
        }
        Ok(Taken { connection: self.pool.acquire().await?, shelf: self.clone() })
    }
}

impl Taken {
    /// After success, outside of a transaction.
    pub(super) fn put_back(self) {
        let Self { connection, shelf } = self;
        let mut kept = shelf.kept.lock();
        if kept.len() < shelf.max {
            kept.push((Instant::now(), connection));
        }
    }
}

impl Kept {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, PoolConnection<Db>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self) -> Option<(Instant, PoolConnection<Db>)> {
        self.lock().pop()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Back to the pool would need a runtime, and there may be none any more: the store is gone.
        for (_, connection) in self.lock().drain(..) {
            drop(connection.leak());
        }
    }
}

impl Deref for Taken {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
