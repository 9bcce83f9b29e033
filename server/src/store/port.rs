//! The port that both databases implement.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::{Key, Message},
};
use uuid::Uuid;

use super::{bell::Bell, log::Log, rows::*};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot write now (gone, restarting, disk full, busy): nothing was written;
    /// try again later.
    #[error("the database is not available ({operation}): {source}")]
    Unavailable { operation: &'static str, source: sqlx::Error },
    /// Somebody else changed the same thing first: nothing was written; read again and decide again.
    #[error("somebody else changed {what} at the same time")]
    Conflict { what: &'static str },
    /// The lease on a lane was lost: nothing was written about messages of that lane, they are somebody else's now.
    /// What concerned lanes that are still held was written. Renew the leases and read again.
    #[error("the lease on the lanes was lost")]
    Fenced,
    /// The database refuses this data: trying again will not help.
    #[error("the database refuses this ({operation}): {source}")]
    Refused { operation: &'static str, source: sqlx::Error },
    /// The pure decision panicked: nothing was written; the same input would panic again.
    #[error("the decision panicked: {message}")]
    Panicked { message: String },
    /// The cursor is none that this list handed out.
    #[error("the cursor is none that this list handed out")]
    Cursor,
    /// What is stored cannot be read: a format from a newer or broken version.
    #[error("stored data cannot be read ({what}): {source}")]
    Corrupt { what: &'static str, source: serde_json::Error },
}

impl StoreError {
    /// What people are told while the database cannot do its work; `None` for what does not pass by itself.
    pub fn notice(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { .. } if self.is_disk_full() => Some(
                "The disk of the database is full, so nothing was changed. Free space where the database is (the SQLite \
                 file's volume, or that of PostgreSQL's data), then try again.",
            ),
            Self::Unavailable { .. } => Some(
                "The database cannot be reached or cannot write right now. Nothing was changed; try again shortly.",
            ),
            _ => None,
        }
    }

    /// Whether the same call may succeed when it is made again: nothing was written, and what stood in the way passes, be it
    /// a database that is away or a deadlock with somebody else's transaction.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Conflict { .. })
    }
}

/// The pure part of a step: given what was loaded, what changes, or what has to be looked up to know that. Runs on a blocking
/// thread, inside the transaction.
pub type Decide = Box<dyn FnOnce(Loaded) -> Decided + Send>;

/// Where everything that must survive is kept.
///
/// Guarantee of every method that writes: one transaction, all of it or nothing. A crash at any point leaves the state
/// before the call or after it. Methods that may be called twice for the same thing say what the second call does.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// `postgres` or `sqlite`.
    fn dialect(&self) -> &'static str;

    /// One cheap query, for readiness. Fails too when a write found the disk full a moment ago.
    async fn ping(&self) -> Result<(), StoreError>;

    // ------------------------------------------------------------ outbox and relay

    /// Inserts messages into the outbox in the order given.
    async fn append(&self, messages: &[Message], audit: Option<AuditRow>) -> Result<Appended, StoreError>;

    /// Takes messages in in the name of `consumer`: into its inbox and into the outbox, in the order given. Returns those
    /// that were new to both; a message that this consumer has taken in before, or that stands in the outbox, changes
    /// nothing there.
    async fn take_in(&self, consumer: &str, messages: &[Message]) -> Result<Vec<MessageId>, StoreError>;

    /// Unpublished messages of the fence's lanes whose `deliver_after` has come, by ascending `seq`. A message whose
    /// key has an earlier unpublished message that is not due yet is held back too, so order per key holds. Rows in
    /// `except` (by `seq`: under way already) are left out; whatever else is unpublished is found, also what was
    /// committed late with a smaller `seq`.
    async fn read_unpublished(
        &self,
        fence: &Fence,
        now: Instant,
        limit: u32,
        except: &[i64],
    ) -> Result<Vec<Outbound>, StoreError>;

    /// Whether `read_unpublished` could find anything on any lane: what an idle relay asks many times a second.
    async fn has_unpublished(&self, now: Instant) -> Result<bool, StoreError>;

    /// The earliest instant in the future at which an unpublished message becomes due.
    async fn next_deliver_after(&self, now: Instant) -> Result<Option<Instant>, StoreError>;

    /// Something that changes when another process wrote to the database, where that is cheap to know (SQLite's
    /// `data_version`); `None` where only reading tells.
    async fn foreign_writes(&self) -> Result<Option<i64>, StoreError>;

    /// Something that rings when another program inserts; `None` where there is no such thing.
    async fn bell(&self) -> Result<Option<Box<dyn Bell>>, StoreError>;

    /// The log of what was committed, read from the place named `slot` or from the default one; `None` where there is no
    /// such thing.
    fn log(&self, _slot: Option<&str>) -> Option<Arc<dyn Log>> {
        None
    }

    /// Those of the pairs (key, destination) that have an open delivery, so that later messages must queue behind it.
    async fn open_deliveries(&self, pairs: &[(Key, String)]) -> Result<HashSet<(Key, String)>, StoreError>;

    /// Whether there is any open delivery at all (cheap; lets the relay skip `open_deliveries`).
    async fn has_open_deliveries(&self, destination: &str) -> Result<bool, StoreError>;

    /// Writes the result of a first pass. Repeating it changes nothing (rows already marked, deliveries already there).
    /// Returns what waits behind an earlier failure.
    async fn settle(&self, fence: &Fence, settlement: Settlement) -> Result<Vec<Parked>, StoreError>;

    /// Deliveries to `destination` of the fence's lanes in state queued or retrying whose time has come and that have
    /// no earlier delivery of the same key to it in retrying, parked or dead, nor one in `busy` (ids under way: neither
    /// they nor what follows them is returned); by `seq`; at most `limit`.
    async fn read_due_deliveries(
        &self,
        fence: &Fence,
        destination: &str,
        now: Instant,
        limit: u32,
        busy: &[i64],
    ) -> Result<Vec<DueDelivery>, StoreError>;

    /// The earliest instant at which a retrying delivery to `destination` is due (it may be in the past).
    async fn next_attempt_at(&self, destination: &str) -> Result<Option<Instant>, StoreError>;

    /// Writes down attempts and appends their answers to the outbox. An outcome for a delivery that is no longer open
    /// with that number of attempts is ignored, its answers too.
    async fn record_attempts(&self, outcomes: Vec<AttemptOutcome>) -> Result<Recorded, StoreError>;

    /// Sends deliveries (by id, queued or retrying) to other destinations instead: they are discarded where they stand
    /// and queued there. One that is already at a destination stays as it is there.
    async fn reroute(&self, moves: &[(i64, String)], now: Instant) -> Result<(), StoreError>;

    /// Makes the labels true: parks open deliveries behind a failed one of their key, unparks those with none.
    /// Idempotent; run continuously.
    async fn sweep_parked(&self) -> Result<Swept, StoreError>;

    /// Retries or discards failed deliveries; returns how many were touched. One already retried is not dead any more
    /// and is not touched again.
    async fn repair(&self, filter: &RepairFilter, repair: &Repair, audit: AuditRow) -> Result<u64, StoreError>;

    /// Begins an operation on many instances.
    async fn insert_batch(&self, row: &BatchRow, audit: AuditRow) -> Result<(), StoreError>;
    /// The newest, or the one of that id.
    async fn list_batches(&self, id: Option<Uuid>, limit: u32) -> Result<Vec<BatchRow>, StoreError>;
    /// The oldest that runs.
    async fn next_batch(&self) -> Result<Option<BatchRow>, StoreError>;
    /// Writes down how far `row` is, if it stood at `position` until now; `false` and nothing else when it did not. It ends
    /// when `row` says since when.
    async fn record_batch(&self, row: &BatchRow, position: Option<&str>) -> Result<bool, StoreError>;
    /// `false` when it is not `from` any more.
    async fn set_batch_state(
        &self,
        id: Uuid,
        from: BatchState,
        to: BatchState,
        audit: AuditRow,
    ) -> Result<bool, StoreError>;

    /// How many deliveries `repair` would touch.
    async fn count_repairable(&self, filter: &RepairFilter) -> Result<u64, StoreError>;

    // ------------------------------------------------------------ leases

    /// Registers the node and renews or takes leases: its own, expired ones and free ones, up to its share among live
    /// nodes. Called every third of `ttl_ms`. The token of a lane grows when it changes hands. What another node of the
    /// same `name` held is taken at once: that was this node before it was started again. (On SQLite, which serves one
    /// node, whoever comes takes every lane at once.)
    ///
    /// The log has one reader: where every live node says `reads_log`, one of them gets all lanes and the others none.
    async fn renew_leases(&self, node: Uuid, name: &str, ttl_ms: i64, reads_log: bool) -> Result<Fence, StoreError>;

    /// Gives all leases of the node back, at a clean shutdown.
    async fn release_leases(&self, node: Uuid) -> Result<(), StoreError>;

    /// The nodes there are, oldest first. One that was silent for an hour is not told any more.
    async fn list_nodes(&self) -> Result<Vec<NodeRow>, StoreError>;

    // ------------------------------------------------------------ engine

    /// One step of the engine in one transaction: claim and lock, decide, write; or decide on what was written last, and write
    /// if that still holds. `Conflict` (`"start"` for a start
    /// whose idempotency key was used at the same time, `"instance"`, `"task"`) and `Panicked` leave nothing behind,
    /// not even the inbox rows.
    async fn transact(&self, claim: Claim, decide: Decide) -> Result<(), StoreError>;

    /// Pending timers that are due, earliest first.
    async fn read_due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerId>, StoreError>;

    /// When the next pending timer is due.
    async fn next_timer_at(&self) -> Result<Option<Instant>, StoreError>;

    /// Removes up to `limit` kept events whose time is over, and as many of the oldest as are kept above `kept_max`. Each
    /// becomes a failed delivery to the engine that people see; its message is put back into the outbox, as one that went
    /// out, where it is no longer.
    async fn expire_early(&self, now: Instant, kept_max: u64, limit: u32) -> Result<Expired, StoreError>;

    /// Keeps events anew that nobody took in time and that an operator sends again, by their deliveries to the engine. One
    /// whose delivery is no longer queued is left alone.
    async fn keep_again(&self, events: &[(i64, EarlyEvent)], now: Instant) -> Result<(), StoreError>;

    /// Claims an open task for `by`; a task claimed by somebody else or ended gives `false`.
    async fn claim_task(&self, id: TaskId, by: &str, audit: AuditRow) -> Result<bool, StoreError>;

    // ------------------------------------------------------------ definitions

    /// [`StoreError::Conflict`] when something else is stored than was `seen`.
    async fn save_draft(&self, draft: &DraftRow, seen: &DraftSeen) -> Result<(), StoreError>;
    /// `false`: there is no draft, or another one than the one with that `mark`.
    async fn discard_draft(
        &self,
        kind: DefinitionKind,
        name: &str,
        mark: &str,
        audit: AuditRow,
    ) -> Result<bool, StoreError>;
    async fn read_draft(&self, kind: DefinitionKind, name: &str) -> Result<Option<DraftRow>, StoreError>;
    /// Stores the next version, removes the draft, and returns the version's number. Publishing the same document as
    /// the newest version returns that one's number and stores nothing; where only its nodes stand elsewhere, that version
    /// gets the document and the text, and the audit says [`LAYOUT_CHANGED`].
    /// [`StoreError::Conflict`] when another version is the newest one than was `seen`.
    async fn publish_version(
        &self,
        version: VersionRow,
        seen: &PublishSeen,
        audit: AuditRow,
    ) -> Result<u32, StoreError>;
    /// All versions, by kind, name and number.
    async fn read_versions(&self) -> Result<Vec<VersionRow>, StoreError>;
    /// How many versions there are and when the newest was published: cheap, and different once there is another one.
    async fn versions_mark(&self) -> Result<VersionsMark, StoreError>;
    async fn list_drafts(&self) -> Result<Vec<DraftRow>, StoreError>;
    /// (definition, version, status) → number of instances.
    async fn count_instances(&self) -> Result<Vec<InstanceCount>, StoreError>;

    // ------------------------------------------------------------ destinations and routes

    async fn put_destination(&self, row: &DestinationRow, audit: AuditRow) -> Result<(), StoreError>;
    async fn delete_destination(&self, name: &str, audit: AuditRow) -> Result<bool, StoreError>;
    async fn list_destinations(&self) -> Result<Vec<DestinationRow>, StoreError>;
    async fn put_route(&self, row: &RouteRow, audit: AuditRow) -> Result<(), StoreError>;
    async fn delete_route(&self, name: &str, audit: AuditRow) -> Result<bool, StoreError>;
    async fn list_routes(&self) -> Result<Vec<RouteRow>, StoreError>;
    /// Stores a source; `anew` forgets how far it was read. What is known of how it works is forgotten in any case.
    async fn put_source(&self, row: &SourceRow, anew: bool, audit: AuditRow) -> Result<(), StoreError>;
    async fn delete_source(&self, name: &str, audit: AuditRow) -> Result<bool, StoreError>;
    async fn list_sources(&self) -> Result<Vec<SourceRow>, StoreError>;
    /// Writes down how reading from a source goes; `false` and nothing else when it was stored anew or removed since.
    async fn record_source(&self, progress: &SourceProgress) -> Result<bool, StoreError>;
    /// Notes types of messages that were seen, and that they were seen now.
    async fn note_types(&self, rows: &[TypeRow]) -> Result<(), StoreError>;
    /// Those that were noted: ten thousand at most, by kind, type and aggregate type.
    async fn list_types(&self) -> Result<Vec<TypeRow>, StoreError>;
    async fn count_deliveries(&self) -> Result<Vec<DestinationCounts>, StoreError>;
    /// What went through at each destination (the bus: what it refused at first too), by minute.
    async fn destination_minutes(&self, from: Instant) -> Result<Vec<DestinationMinuteRow>, StoreError>;

    // ------------------------------------------------------------ access

    async fn put_credential(&self, row: &CredentialRow) -> Result<(), StoreError>;
    /// The account that the secret belongs to, if it has not expired.
    async fn find_credential(
        &self,
        kind: CredentialKind,
        secret_hash: &[u8],
        now: Instant,
    ) -> Result<Option<CredentialRow>, StoreError>;
    /// Removes the credential and returns it if it was there: a sign-in link works once.
    async fn take_credential(
        &self,
        kind: CredentialKind,
        secret_hash: &[u8],
        now: Instant,
    ) -> Result<Option<CredentialRow>, StoreError>;
    async fn has_credentials(&self) -> Result<bool, StoreError>;

    // ------------------------------------------------------------ reading for people

    async fn list_messages(&self, filter: &MessageFilter) -> Result<Page<MessageRow>, StoreError>;
    async fn read_message(&self, id: MessageId) -> Result<Option<(MessageRow, Vec<DeliveryRow>)>, StoreError>;
    async fn list_failures(&self) -> Result<Vec<FailureGroupRow>, StoreError>;
    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Page<InstanceRow>, StoreError>;
    /// How many instances pass the filter, whatever its limit and cursor.
    async fn count_instances_like(&self, filter: &InstanceFilter) -> Result<u64, StoreError>;
    async fn read_instance(&self, id: InstanceId) -> Result<Option<InstanceRow>, StoreError>;
    /// Events after number `after`, ascending.
    async fn read_history(&self, id: InstanceId, after: i64, limit: u32) -> Result<Vec<HistoryRow>, StoreError>;
    async fn list_tasks(&self, filter: &TaskFilter) -> Result<Page<TaskRow>, StoreError>;
    async fn read_task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError>;
    async fn counts(&self, now: Instant) -> Result<Counts, StoreError>;
    async fn minutes(&self, from: Instant) -> Result<Vec<MinuteRow>, StoreError>;
    async fn list_audit(&self, subject: Option<&str>, limit: u32) -> Result<Vec<AuditRow>, StoreError>;

    // ------------------------------------------------------------ housekeeping

    /// Removes up to `limit` of `kind` that are older than `before`, oldest first, in one small transaction that no writer
    /// waits for; nothing at all says that there is no more. Several nodes may do it at once: each takes other rows.
    ///
    /// What is still needed stays, however old it is: a message with an open delivery; an attempt of such a delivery; an inbox
    /// row whose message is in the outbox; a live instance, one that a live instance called, one that has called instances
    /// which are still there, and one with a message of its own in the outbox or a command of its own in the engine's inbox (its
    /// id may come again, and its commands' ids with it). `limit` bounds the events of the instances' histories too, but for the
    /// first one.
    ///
    /// Where the audit has partitions, those that are older as a whole are dropped, and the rest stays until then.
    async fn clean(&self, kind: CleanKind, before: Instant, limit: u32) -> Result<Cleaned, StoreError>;

    /// Makes the partitions that are needed next, where there are partitions; returns how many. Repeating it changes nothing;
    /// while somebody else is at it, or the table is busy, it does nothing.
    async fn prepare_partitions(&self, now: Instant) -> Result<u64, StoreError>;

    /// The largest tables, largest first; on SQLite the file.
    async fn table_sizes(&self, limit: u32) -> Result<Vec<TableSize>, StoreError>;
}
