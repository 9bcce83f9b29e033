//! The store on SQLite: one file, one node, nothing to install.
//!
//! One connection writes, in `BEGIN IMMEDIATE` transactions, one after the other; a pool of others reads, and never
//! holds a read open for longer than a query (a long reader would keep the log from being written back). Programs
//! beside Baton may write to the file at any time. Bulk statements take one JSON document and walk it with `json_each`.
//! What to read next: [`writer`], then [`outbox`] and [`engine`]; the SQL is in `queries/`.

use std::{collections::HashSet, fs::File, sync::Arc, time::Duration};

use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::{Key, Message},
};
use sqlx::{
    ConnectOptions, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::{
    bell::Bell,
    delegate::delegate_store,
    log::Log,
    open::{OpenError, OpenOptions},
    port::{Decide, Store, StoreError},
    room::Room,
    rows::*,
};

mod access;
mod batch;
mod decode;
mod definition;
mod delivery;
mod destination;
mod early;
mod engine;
mod file;
mod housekeeping;
mod instance;
mod lease;
mod log;
mod message;
mod outbox;
mod overview;
mod repair;
mod source;
mod task;
mod types;
mod writer;

/// The SQL text of `queries/<name>.sql`.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("queries/", $name, ".sql"))
    };
}
use sql;

/// How long a statement waits for a writer in another process, and a caller for a connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Holds every statement there is.
const STATEMENT_CACHE: usize = 300;
/// Rows that the thread of a connection reads ahead.
const ROW_BUFFER: usize = 500;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

#[derive(Debug)]
pub struct Sqlite {
    writer: writer::Writer,
    readers: SqlitePool,
    room: Room,
    /// Locked as long as this store lives; released by the operating system however the process ends.
    _lock: File,
}

impl Sqlite {
    /// Opens the file that `url` (`sqlite://PATH`) names, creates it if it is not there, and brings its schema up to
    /// date. Only one process at a time can do that, which `PATH.lock` sees to.
    pub async fn connect(url: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let file::Claimed { path, lock } = file::claim(url)?;
        let failed = |source| OpenError::Sqlite { path: path.clone(), source };

        let shared = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENT_CACHE)
            .row_buffer_size(ROW_BUFFER)
            .pragma("temp_store", "MEMORY");
        let write = shared
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on disk when it returns.
            .synchronous(SqliteSynchronous::Full)
            // Pages (of 4 KiB) after which the log is written back, and KiB of cache.
            .pragma("wal_autocheckpoint", "4000")
            .pragma("cache_size", "-32768");
        let mut connection = write.connect().await.map_err(failed)?;
        let foreign: Option<String> =
            sqlx::query_scalar(sql!("find_foreign_table")).fetch_optional(&mut connection).await.map_err(failed)?;
        if let Some(table) = foreign {
            return Err(OpenError::Foreign { path, table });
        }
        let mut migrator = Migrator { migrations: MIGRATIONS.migrations.clone(), ..Migrator::DEFAULT };
        migrator.dangerous_set_table_name("migration");
        migrator
            .run_direct(None, &mut connection, false)
            .await
            .map_err(|error| OpenError::from_migration(error, &MIGRATIONS))?;

        let readers = SqlitePoolOptions::new()
            .max_connections(options.connections_max.clamp(2, 8))
            .acquire_timeout(BUSY_TIMEOUT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(shared.pragma("query_only", "ON").pragma("cache_size", "-8192"));
        Ok(Self { writer: writer::Writer::new(connection), readers, room: Room::default(), _lock: lock })
    }
}

mod bell {
    use super::*;

    /// [`outbox::foreign_writes`] is cheaper still.
    pub(super) async fn bell(_: &Sqlite) -> Result<Option<Box<dyn Bell>>, StoreError> {
        Ok(None)
    }
}

delegate_store!(Sqlite, "sqlite");
