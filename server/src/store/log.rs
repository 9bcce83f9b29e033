//! Reading the database's own log of what was committed, instead of asking the outbox again and again.

use async_trait::async_trait;

use super::StoreError;
use crate::store::rows::{AuditRow, Outbound};

/// The log of a database that has one to read (PostgreSQL: logical replication). See ADR 0026.
///
/// **Guarantee.** Between [`Log::open`] and [`Tail::confirm`] nothing is forgotten: what was not confirmed is told again,
/// to this reader or to the next one. Crash case: whoever dies after acting and before confirming (or before the
/// confirmation reached the server) is told the same messages again, so that they are published twice, with the same ids.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Whether the log can be read by us, with what has to be there once; what is missing is made where that is allowed.
    /// Each error says what to run.
    async fn check(&self) -> Result<(), LogError>;

    /// Begins to read where the last reader confirmed. There is one reader at a time: whoever else reads is thrown out, so
    /// only the holder of all lanes may call this.
    async fn open(&self) -> Result<Opened, LogError>;

    /// Where each of `rows` stands in the tables, in their order; waits until what the log told is visible there.
    async fn standing(&self, caught: &Caught) -> Result<Vec<Standing>, StoreError>;

    /// How the place in the log is; `None` when there is none.
    async fn slot(&self) -> Result<Option<Slot>, StoreError>;

    /// Writes something into the log that means nothing, so that the reader has something to confirm.
    async fn beat(&self) -> Result<(), StoreError>;

    /// Gives the place in the log up, so that the database keeps none of it for us any more. `false`: there was none.
    async fn drop_slot(&self, audit: Option<AuditRow>) -> Result<bool, LogError>;
}

/// A reader at work.
#[async_trait]
pub trait Tail: Send {
    /// The next messages in the order of their commits, as soon as there is one, `limit` at most. May be given up at any
    /// point: what was not returned is returned by the next call.
    async fn next(&mut self, limit: usize) -> Result<Caught, LogError>;

    /// Everything up to `position` was done and need not be told again. Takes effect soon, not at once.
    fn confirm(&self, position: Position);

    /// Ends, with what was confirmed known to the server.
    async fn close(self: Box<Self>);
}

/// A reader, and whether it begins at a place that was made now.
pub struct Opened {
    pub tail: Box<dyn Tail>,
    /// What was committed before is not in what it reads.
    pub begins: Begins,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// Where the last reader confirmed.
    WhereItWas,
    /// At a place made now: this is the first reader, or somebody removed the place of the last one.
    Now,
    /// At a place made now, because the server had given the old one up.
    AfterALoss,
}

/// A place in the log, in bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// What was read of the log at once.
#[derive(Debug, Default)]
pub struct Caught {
    pub rows: Vec<Logged>,
    /// The transactions that the rows are from.
    pub transactions: Vec<u32>,
    /// What may be confirmed when the rows are done; `None` in the middle of a large transaction.
    pub position: Option<Position>,
}

/// A row of the outbox as the log tells of it. It may have been deleted again in the same transaction.
#[derive(Debug)]
pub struct Logged {
    pub seq: i64,
    /// The error is for people: the database allows something that we cannot represent.
    pub message: Result<Outbound, String>,
}

/// Where a row that was told of in the log stands in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It went out already.
    Published,
    /// It waits to go out.
    Pending,
    /// It waits for its instant, or behind one of its key that does.
    Delayed,
    /// It is in no table: the log is all there is of it.
    Alone {
        /// One of its key waits for its instant.
        behind: bool,
    },
}

/// How the place in the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub name: String,
    /// Whether somebody reads from there now.
    pub active: bool,
    /// Between what was confirmed and the end of the log.
    pub lag_bytes: u64,
    /// What the server keeps of its log because of us.
    pub retained_bytes: u64,
    /// The server gave up keeping it (`max_slot_wal_keep_size`).
    pub lost: bool,
}

/// Why the log cannot be read; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("this database has no log to read: set BATON_RELAY_SOURCE=poll, or use PostgreSQL")]
    NoLog,
    #[error(
        "PostgreSQL {found} is too old to read its log: 14 or later is needed. Set BATON_RELAY_SOURCE=poll for this one"
    )]
    Version { found: String },
    #[error(
        "PostgreSQL writes too little into its log (wal_level is {found:?}). Run `ALTER SYSTEM SET wal_level = 'logical';` \
         as a superuser and restart PostgreSQL, or set BATON_RELAY_SOURCE=poll"
    )]
    Level { found: String },
    #[error(
        "the database user {user:?} may not read the log. Run `ALTER ROLE \"{user}\" REPLICATION;` as a superuser (on \
         Amazon RDS: `GRANT rds_replication TO \"{user}\";`), or set BATON_RELAY_SOURCE=poll"
    )]
    Role { user: String },
    #[error(
        "the publication of the outbox cannot be made ({source}). Let the owner of the table run `{sql}`, or set \
         BATON_RELAY_SOURCE=poll"
    )]
    Publication { sql: String, source: sqlx::Error },
    #[error(
        "the publication {name:?} does not tell of inserts into baton.outbox. Run `DROP PUBLICATION {name}; {sql}`"
    )]
    OtherPublication { name: String, sql: String },
    #[error(
        "the replication slot {name:?} belongs to {owner}: give this Baton another one with BATON_LOG_SLOT (--log-slot)"
    )]
    OtherSlot { name: String, owner: String },
    #[error(
        "the replication slot {name:?} cannot be made ({source}). If every slot is in use, raise max_replication_slots and \
         restart PostgreSQL; otherwise let a superuser run `{sql}` in this database"
    )]
    Slot { name: String, sql: String, source: sqlx::Error },
    #[error(
        "the replication slot {name:?} is being read. Start Baton with BATON_RELAY_SOURCE=poll first, on every node, then \
         drop it"
    )]
    InUse { name: String },
    #[error(
        "the log is read without encryption, and the database address asks for it (sslmode): set BATON_RELAY_SOURCE=poll, \
         or take sslmode=prefer where the way to the database is private"
    )]
    Encryption,
    /// The connection ended, or said something that cannot be understood.
    #[error("the log cannot be read now: {0}")]
    Stream(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}
