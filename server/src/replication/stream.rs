//! The stream of a replication slot: what comes between a commit and its reader.
//!
//! A transaction is sent when it has committed, whole, so that what is read may be acted on at once; its position is
//! confirmed only when all of it was done.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use pgwire_replication::{Lsn, PgWireError, ReplicationClient, ReplicationConfig, ReplicationEvent};
use sqlx::{ConnectOptions, postgres::PgConnectOptions, postgres::PgSslMode};

use super::pgoutput::{self, Message, Relation, Value};

/// How long the server may take to begin, and to let another reader's place go.
const START_WITHIN: Duration = Duration::from_secs(10);
/// How often what is confirmed is told to the server at most.
const CONFIRM_EVERY: Duration = Duration::from_millis(250);
/// Messages of the stream that wait in memory at most; more wait at the server.
const BUFFER: usize = 2_048;

/// What rows in the log mean to a reader.
pub(crate) trait Rows: Send {
    type Row: Send;

    /// A table is told of: before its first row, and again after it has changed. The error ends the stream.
    fn table(&mut self, relation: Relation) -> Result<(), String>;

    /// A row that was inserted, perhaps deleted since; `None` when it is of no table that is read. The error ends the stream.
    fn row(&mut self, relation: u32, values: &[Value<'_>]) -> Result<Option<Self::Row>, String>;
}

/// What was read at once, in the order of commits.
#[derive(Debug)]
pub(crate) struct Read<R> {
    pub rows: Vec<R>,
    /// The transactions that the rows are from.
    pub transactions: Vec<u32>,
    /// What may be confirmed when the rows are done, in bytes from the beginning of the log; `None` in the middle of a large
    /// transaction.
    pub position: Option<u64>,
}

impl<R> Default for Read<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), transactions: Vec::new(), position: None }
    }
}

/// Why there is nothing more to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Ended {
    pub text: String,
    /// The slot's place in the log is from before its publication was made, so nothing can be read from there.
    pub is_stale: bool,
}

impl Ended {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_stale: false }
    }
}

impl From<PgWireError> for Ended {
    fn from(error: PgWireError) -> Self {
        let text = error.to_string();
        let is_stale = text.contains("publication \"") && text.contains("does not exist");
        Self { text, is_stale }
    }
}

/// Whether the way to the database may be unencrypted; the stream knows no other.
pub(crate) fn may_be_plain(options: &PgConnectOptions) -> bool {
    matches!(options.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer)
}

/// A reader at work. Dropped, it ends at once, and what it confirmed last may come again.
pub(crate) struct Stream<R: Rows> {
    client: ReplicationClient,
    rows: R,
    /// The transaction that is being received.
    transaction: Option<u32>,
    /// What was received and not returned yet.
    read: Read<R::Row>,
    confirmed: AtomicU64,
}

impl<R: Rows> Stream<R> {
    /// Begins to read where the slot was confirmed last. Nobody else may read from it.
    pub(crate) async fn begin(
        options: &PgConnectOptions,
        slot: &str,
        publication: &str,
        application: &str,
        rows: R,
    ) -> Result<Self, Ended> {
        let mut client = ReplicationClient::connect(config(options, slot, publication, application)).await?;
        match tokio::time::timeout(START_WITHIN, client.wait_started()).await {
            Ok(started) => started?,
            Err(_) => return Err(Ended::plain(format!("no answer within {} s", START_WITHIN.as_secs()))),
        }
        Ok(Self { client, rows, transaction: None, read: Read::default(), confirmed: AtomicU64::new(0) })
    }

    /// The next rows, as soon as there is one, `limit` at most; or no rows and a further position. May be given up at any
    /// point: what was not returned is returned by the next call.
    pub(crate) async fn next(&mut self, limit: usize) -> Result<Read<R::Row>, Ended> {
        while self.read.rows.len() < limit {
            // The end of a transaction follows its rows at once.
            let has_some = self.transaction.is_none() && (!self.read.rows.is_empty() || self.read.position.is_some());
            let event = tokio::select! {
                biased;
                event = self.client.recv() => event,
                () = std::future::ready(()), if has_some => break,
            };
            match event? {
                Some(event) => self.take(event)?,
                None => return Err(Ended::plain("the stream ended")),
            }
        }
        Ok(std::mem::take(&mut self.read))
    }

    /// Everything up to `position` was done and need not be told again. Takes effect soon, not at once.
    pub(crate) fn confirm(&self, position: u64) {
        self.confirmed.fetch_max(position, Ordering::Relaxed);
        self.client.update_applied_lsn(Lsn::from_u64(position));
    }

    /// Ends; returns where the slot has to be moved to, since the server does not always take in what an idle reader
    /// confirmed last.
    pub(crate) async fn close(mut self) -> Option<String> {
        let confirmed = self.confirmed.load(Ordering::Relaxed);
        let ended = self.client.shutdown().await.is_ok();
        (ended && confirmed > 0).then(|| Lsn::from_u64(confirmed).to_string())
    }

    fn take(&mut self, event: ReplicationEvent) -> Result<(), Ended> {
        match event {
            ReplicationEvent::Begin { xid, .. } => self.transaction = Some(xid),
            ReplicationEvent::XLogData { data, .. } => self.take_row(&data)?,
            ReplicationEvent::Commit { end_lsn, .. } => {
                self.transaction = None;
                self.reach(end_lsn);
            }
            // Everything before it that concerns us was sent before it.
            ReplicationEvent::KeepAlive { wal_end, .. } if self.transaction.is_none() => self.reach(wal_end),
            _ => {}
        }
        Ok(())
    }

    fn reach(&mut self, position: Lsn) {
        let position = position.as_u64();
        if position > self.confirmed.load(Ordering::Relaxed) {
            self.read.position = self.read.position.max(Some(position));
        }
    }

    fn take_row(&mut self, data: &[u8]) -> Result<(), Ended> {
        match pgoutput::decode(data).map_err(|error| Ended::plain(error.to_string()))? {
            Message::Relation(relation) => self.rows.table(relation).map_err(Ended::plain),
            Message::Insert { relation, values } => {
                if let Some(row) = self.rows.row(relation, &values).map_err(Ended::plain)? {
                    self.read.rows.push(row);
                    if let Some(xid) = self.transaction
                        && self.read.transactions.last() != Some(&xid)
                    {
                        self.read.transactions.push(xid);
                    }
                }
                Ok(())
            }
            Message::Other => Ok(()),
        }
    }
}

fn config(options: &PgConnectOptions, slot: &str, publication: &str, application: &str) -> ReplicationConfig {
    // The driver tells the password in no other way.
    let url = options.to_url_lossy();
    let password = url.password().map(percent_decoded).unwrap_or_default();
    let host = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let database = options.get_database().unwrap_or(options.get_username());
    ReplicationConfig::new(host, options.get_username(), password, database, slot, publication)
        .with_port(options.get_port())
        .with_status_interval(CONFIRM_EVERY)
        .with_buffer_size(BUFFER)
        // How values are written depends on the session; the database or the role may have other ideas.
        .with_options("-c DateStyle=ISO,YMD -c TimeZone=UTC -c bytea_output=hex -c statement_timeout=0")
        .with_application_name(application)
}

/// As the driver encodes it: everything but letters and digits.
fn percent_decoded(text: &str) -> String {
    let form = format!("text={text}");
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_survives_the_way_through_an_address() {
        let connect: PgConnectOptions = "postgres://u:a%2Bb%20%25%C3%A4@localhost/db".parse().unwrap();
        let url = connect.to_url_lossy();
        assert_eq!(percent_decoded(url.password().unwrap()), "a+b %ä");
    }
}
