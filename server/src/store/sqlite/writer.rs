//! The one connection that writes.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::SqliteConnection;
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
};

use super::BUSY_TIMEOUT;
use crate::store::{error::During, port::StoreError};

#[derive(Debug)]
pub(super) struct Writer(Arc<Mutex<SqliteConnection>>);

impl Writer {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }

    /// Begins a transaction that will be able to write: `IMMEDIATE` takes the lock now, where waiting for another
    /// process is possible, rather than in the middle, where it is not.
    pub(super) async fn begin(&self, operation: &'static str) -> Result<Transaction, StoreError> {
        let connection = self.lock(operation).await?;
        // Made before BEGIN: should the caller go away while that is under way, it is rolled back all the same.
        let mut transaction = Transaction { connection: Some(connection), operation };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *transaction).await.during(operation)?;
        Ok(transaction)
    }

    /// The connection itself, for what is no transaction.
    pub(super) async fn lock(&self, operation: &'static str) -> Result<OwnedMutexGuard<SqliteConnection>, StoreError> {
        tokio::time::timeout(BUSY_TIMEOUT, Arc::clone(&self.0).lock_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)
            .during(operation)
    }
}

/// Rolled back when it is dropped without [`Transaction::commit`].
///
/// Written with plain statements rather than with the driver's transactions: those lose count for good when an error
/// such as a full disk makes SQLite end a transaction by itself.
pub(super) struct Transaction {
    /// `None` only once it has ended.
    connection: Option<OwnedMutexGuard<SqliteConnection>>,
    operation: &'static str,
}

impl Transaction {
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        sqlx::query("COMMIT").execute(&mut *self).await.during(self.operation)?;
        self.connection = None;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and closing the file rolls back.
        if let (Some(mut connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) {
            runtime.spawn(async move {
                // An error says that there is nothing to roll back (any more). The lock is held until then.
                sqlx::query("ROLLBACK").execute(&mut *connection).await.ok();
            });
        }
    }
}

impl Deref for Transaction {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("only commit and drop take it, and they are the end")
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("only commit and drop take it, and they are the end")
    }
}
