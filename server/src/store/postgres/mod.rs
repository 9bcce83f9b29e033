//! The store on PostgreSQL, in the schema `baton`: several nodes may work against one database.
//!
//! Bulk statements take arrays, one for each column, so that a transaction has one statement a table. What to read
//! next: [`outbox`] for the relay's path, [`engine`] for a step of the engine; the SQL is in `queries/`.

use std::{collections::HashSet, sync::Arc, time::Duration};

use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::{Key, Message},
};
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
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
mod bell;
mod decode;
mod definition;
mod delivery;
mod destination;
mod early;
mod engine;
mod handover;
mod housekeeping;
mod instance;
mod lease;
mod log;
mod logged;
mod message;
mod migrate;
mod outbox;
mod overview;
mod partition;
mod recent;
mod repair;
mod shelf;
mod source;
mod step;
mod tail;
mod task;

/// The SQL text of `queries/<name>.sql`.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("queries/", $name, ".sql"))
    };
}
use sql;

/// How long a caller waits for a connection: when the database is gone, everything says so within this time.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is tried before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Holds one plan for each statement there is.
const STATEMENT_CACHE: usize = 300;

#[derive(Debug, Clone)]
pub struct Postgres {
    pool: PgPool,
    shelf: shelf::Shelf,
    recent: Arc<recent::Recent>,
    handover: Arc<handover::HandOver>,
    connect: PgConnectOptions,
    room: Room,
}

impl Postgres {
    /// Connects to `url` (`postgres://user:password@host:port/database`) and brings the schema up to date.
    pub async fn connect(url: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let connect: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| OpenError::Url {
            url: super::open::without_password(url),
            reason: error.to_string(),
        })?;
        let connect = connect.application_name("baton").statement_cache_capacity(STATEMENT_CACHE);
        let mut connection =
            PgConnection::connect_with(&connect).await.map_err(|error| migrate::explain(&connect, error))?;
        migrate::run(&mut connection).await?;
        connection.close().await.ok();

        let connections_max = options.connections_max.max(2);
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    if metadata.idle_for > TRUSTED_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(sql!("prepare_connection")).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(connect.clone());
        let shelf = shelf::Shelf::new(pool.clone(), connections_max);
        Ok(Self { pool, shelf, recent: Arc::default(), handover: Arc::default(), connect, room: Room::default() })
    }
}

delegate_store!(Postgres, "postgres");
