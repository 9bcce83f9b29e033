//! Reads a table through PostgreSQL's log, by a publication and a slot of its own.
//!
//! What the table holds when the slot was made is read first, as it stands there; then the log tells of every row that is
//! inserted, in the order of the commits, also of those that are deleted in the same transaction. The slot's position is
//! confirmed when the rows are safe in the outbox, so a reader that ends before is told them again, and the inbox knows them.
//!
//! PostgreSQL keeps its log until it is confirmed: a slot that nobody reads from fills its disk. So the slot goes with the
//! source ([`leave`]), and an idle reader confirms too.

use std::time::Duration;

use async_trait::async_trait;
use baton_domain::{
    diagnostic::Diagnostic,
    source::{Shape, TableSource},
};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection,
    postgres::{PgConnectOptions, types::Oid},
};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{
    connect::{self, explain},
    logged::{RawLogged, TableRows},
    quote,
    reader::Parts,
    shape, sql,
};
use crate::{
    replication::{
        VERSION_MIN,
        slot::{self, SlotRow},
        stream::{Ended, Stream, may_be_plain},
    },
    source::{
        Batch, Found, Reader, SourceError,
        rows::{found_all, found_row},
    },
};

const AT: &str = "/mode";
const VERSION: u32 = 1;
/// How often an idle reader writes a heartbeat, and looks at the slot and the table.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Names begin so, and end in a hash of what tells Batons apart.
const PREFIX: &str = "baton_source_";
const SOURCE_NAME_MAX: usize = 40;
/// Hashes of names are made in this namespace (chosen once, at random).
const NAMESPACE: Uuid = Uuid::from_u128(0x2b1e_7d60_5f83_4c3a_9e07_d4b8_6a15_c2f9);

/// What has to be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    version: u32,
    /// The slot, which knows by itself how far it was read. The publication is called the same.
    slot: String,
    /// Whether all that was there before the slot was read.
    whole: bool,
    /// Up to where it was read: the place of the last row, and what tells it from others there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<(String, String)>,
}

/// The slot and the publication that the source `name` of the Baton `owner` reads by.
pub fn name_of(owner: &str, name: &str) -> String {
    let mut plain = slot::plain_name(name);
    plain.truncate(SOURCE_NAME_MAX);
    let hash = Uuid::new_v5(&NAMESPACE, format!("{owner}\0{name}").as_bytes()).simple().to_string();
    format!("{PREFIX}{plain}_{}", &hash[..8])
}

/// The table, and how its rows reach us.
pub struct Place {
    pub options: PgConnectOptions,
    pub schema: String,
    pub settings: TableSource,
    /// What [`name_of`] says, unless a position names another.
    pub slot: String,
}

impl Place {
    fn creation(&self) -> String {
        format!(
            "CREATE PUBLICATION {} FOR TABLE {}.{} WITH (publish = 'insert', publish_via_partition_root = true)",
            self.slot,
            quote(&self.schema),
            quote(&self.settings.table)
        )
    }
}

#[derive(sqlx::FromRow)]
struct LogRow {
    version: i32,
    version_text: String,
    wal_level: String,
    is_standby: bool,
    role: String,
    may_replicate: bool,
    is_logged: bool,
    has_publication: bool,
    publishes_it: bool,
    may_publish: bool,
}

async fn read_log(connection: &mut PgConnection, table: Oid, publication: &str) -> Result<LogRow, SourceError> {
    let row = sqlx::query_as(sql!("read_log")).bind(table).bind(publication).fetch_one(connection).await;
    row.map_err(|error| explain(&error))
}

/// Every reason why the table cannot be read through the log; writes nothing.
pub async fn check(connection: &mut PgConnection, place: &Place, table: Oid) -> Result<Vec<Diagnostic>, SourceError> {
    Ok(findings(&read_log(connection, table, &place.slot).await?, place))
}

fn findings(row: &LogRow, place: &Place) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut say = |message: String| found.push(Diagnostic::error("no-log", AT, message));
    let role = quote(&row.role);
    if row.version < VERSION_MIN {
        say(format!("PostgreSQL {} is too old to read its log: 14 or later is needed.", row.version_text));
    }
    if row.wal_level != "logical" {
        say(format!(
            "PostgreSQL writes too little into its log (wal_level is {:?}). Run `ALTER SYSTEM SET wal_level = 'logical';` as \
             a superuser and restart PostgreSQL.",
            row.wal_level
        ));
    }
    if row.is_standby {
        say("That PostgreSQL is a standby: give the address of the primary.".to_owned());
    }
    if !row.may_replicate {
        say(format!(
            "The user {role} may not read the log. Run `ALTER ROLE {role} REPLICATION;` as a superuser (on Amazon RDS: \
             `GRANT rds_replication TO {role};`)."
        ));
    }
    if !row.is_logged {
        say("The table is not in the log (UNLOGGED or TEMPORARY): run `ALTER TABLE … SET LOGGED;`.".to_owned());
    }
    if !row.publishes_it && !row.may_publish {
        let drop = if row.has_publication { format!("DROP PUBLICATION {}; ", place.slot) } else { String::new() };
        say(format!("The user {role} may not publish the table. Let its owner run `{drop}{};`.", place.creation()));
    }
    if !may_be_plain(&place.options) {
        say("The log is read without encryption, and the address asks for it (sslmode). Take sslmode=prefer where the way to \
             the database is private, or another mode."
            .to_owned());
    }
    found
}

pub struct LogReader {
    parts: Parts,
    place: Place,
    table: Oid,
    shape: Shape,
    stream: Option<Stream<TableRows>>,
    position: Position,
    /// What may be confirmed when everything that was returned is settled.
    returned: Option<u64>,
    look_at: Instant,
    kept: Option<u64>,
}

impl LogReader {
    /// For a table that [`check`] found nothing wrong with.
    pub async fn open(
        mut parts: Parts,
        mut place: Place,
        table: Oid,
        shape: Shape,
        position: Option<Value>,
    ) -> Result<Self, SourceError> {
        let before = position.map(read_position).transpose()?;
        if let Some(before) = &before {
            place.slot.clone_from(&before.slot);
        }
        let resumes = prepare(&mut parts.connection, &place, table, before.is_some()).await?;
        if before.is_some() && !resumes {
            metrics::counter!("baton_source_changes_lost_total", "of" => place.settings.table.clone()).increment(1);
            tracing::warn!(
                slot = place.slot,
                "the slot of a source, or its publication, is gone: the table is read as it is now, and what was inserted and \
                 deleted meanwhile is lost"
            );
        }
        let anew = || Position { version: VERSION, slot: place.slot.clone(), whole: false, after: None };
        let position = before.filter(|_| resumes).unwrap_or_else(anew);
        let (returned, look_at) = (None, Instant::now());
        Ok(Self { parts, place, table, shape, stream: None, position, returned, look_at, kept: None })
    }

    /// A page of what the table holds.
    async fn read_table(&mut self, limit: usize) -> Result<Batch, SourceError> {
        let Parts { connection, statements, plan, .. } = &mut self.parts;
        let page = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statements.read_since(connection, None, self.position.after.as_ref(), page).await?;
        self.position.after = rows.last().map(|last| (last.place.clone(), last.within.clone()));
        if rows.len() < limit {
            (self.position.whole, self.position.after) = (true, None);
        }
        let found = found_all(plan, rows.into_iter().map(|row| (row.key, row.json)), Utc::now())?;
        Ok(Batch { found, position: Some(self.remember()) })
    }

    fn remember(&self) -> Value {
        serde_json::to_value(&self.position).expect("a position has a JSON form")
    }

    async fn begin(&self) -> Result<Stream<TableRows>, SourceError> {
        let Place { options, schema, settings, slot } = &self.place;
        let rows = TableRows::new(schema, &settings.table, &settings.mapping.key, &self.shape);
        Stream::begin(options, slot, slot, "baton source", rows).await.map_err(broken)
    }

    /// Waits for rows; `None` when it is time to look after the slot.
    async fn wait(&mut self, limit: usize) -> Result<Option<Vec<RawLogged>>, SourceError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let begun = self.begin().await?;
                self.stream.insert(begun)
            }
        };
        loop {
            let read = tokio::select! {
                read = stream.next(limit) => read.map_err(broken)?,
                () = sleep_until(self.look_at) => return Ok(None),
            };
            if !read.rows.is_empty() {
                self.returned = read.position;
                return Ok(Some(read.rows));
            }
            if let Some(position) = read.position {
                stream.confirm(position);
            }
        }
    }

    async fn found(&mut self, rows: Vec<RawLogged>) -> Result<Vec<Found>, SourceError> {
        let mut found = Vec::with_capacity(rows.len());
        for RawLogged { key, row } in rows {
            let missing = match &row {
                Ok(Value::Object(row)) => self.parts.plan.missing_in(row).map(str::to_owned),
                _ => None,
            };
            let Some(name) = missing else {
                found.push(found_row(&self.parts.plan, key, row, Utc::now()));
                continue;
            };
            self.check_column(&name).await?;
            let row = row.unwrap_or_default();
            let why = format!("The row was written when the table had no column `{name}`.");
            found.push(Found { place: key, row, message: Err(why) });
        }
        Ok(found)
    }

    /// The log tells rows as the table was when they were written. Where it is still so, the mapping has to be corrected.
    async fn check_column(&mut self, name: &str) -> Result<(), SourceError> {
        let Place { schema, settings, .. } = &self.place;
        let table = shape::read(&mut self.parts.connection, schema, &settings.table, None).await?;
        if table.is_some_and(|table| table.shape.columns.iter().any(|column| column.name == name)) {
            return Ok(());
        }
        let message = format!(
            "The table has no column `{name}` any more. Look at the mapping again; nothing is taken in until then."
        );
        Err(SourceError::Mapping(vec![Diagnostic::error("missing-column", "/mapping", message)]))
    }

    /// Sees to it that an idle slot keeps nothing back, and that the log still tells of the table.
    async fn look_after(&mut self) -> Result<(), SourceError> {
        self.look_at = Instant::now() + LOOK_EVERY;
        let connection = &mut self.parts.connection;
        let row = slot::find(connection, &self.place.slot).await.map_err(|error| explain(&error))?;
        let Some(row) = row.filter(|row| row.is_ours && !row.lost) else {
            return Err(SourceError::Unreachable(format!(
                "The slot {} is gone, or PostgreSQL gave up what it kept (max_slot_wal_keep_size). It is made again.",
                self.place.slot
            )));
        };
        if row.lag_bytes > 0 {
            slot::beat(connection).await.map_err(|error| explain(&error))?;
        }
        self.kept = Some(row.retained_bytes.unsigned_abs());
        // A table that was dropped and made again is another one, and no row of it would ever come.
        let publishes = read_log(connection, self.table, &self.place.slot).await.is_ok_and(|log| log.publishes_it);
        if publishes {
            return Ok(());
        }
        Err(SourceError::Unreachable(format!(
            "The publication {} does not tell of this table any more. It is made again.",
            self.place.slot
        )))
    }
}

#[async_trait]
impl Reader for LogReader {
    async fn next(&mut self, limit: usize) -> Result<Batch, SourceError> {
        if !self.position.whole {
            return self.read_table(limit).await;
        }
        match self.wait(limit).await? {
            Some(rows) => Ok(Batch { found: self.found(rows).await?, position: None }),
            None => {
                self.look_after().await?;
                Ok(Batch::default())
            }
        }
    }

    async fn settle(&mut self) -> Result<(), SourceError> {
        if let (Some(position), Some(stream)) = (self.returned.take(), &self.stream) {
            stream.confirm(position);
        }
        Ok(())
    }

    fn kept_bytes(&self) -> Option<u64> {
        self.kept
    }
}

fn broken(ended: Ended) -> SourceError {
    SourceError::Unreachable(format!("The log cannot be read now: {}. It is tried again.", ended.text))
}

fn read_position(stored: Value) -> Result<Position, SourceError> {
    serde_json::from_value(stored).ok().filter(|it: &Position| it.version == VERSION).ok_or_else(|| {
        SourceError::Position(
            "How far this table was read is written down in a form that this version does not know. Remove the source and \
             create it again to read from the beginning."
                .to_owned(),
        )
    })
}

/// A publication, and a slot that nobody reads from; whether reading goes on where it was confirmed last.
async fn prepare(connection: &mut PgConnection, place: &Place, table: Oid, goes_on: bool) -> Result<bool, SourceError> {
    let log = read_log(connection, table, &place.slot).await?;
    if !log.publishes_it {
        if log.has_publication {
            run(connection, format!("DROP PUBLICATION {}", place.slot)).await?;
        }
        run(connection, place.creation()).await?;
    }
    let found = slot::find(connection, &place.slot).await.map_err(|error| explain(&error))?;
    let resumes = goes_on && log.publishes_it && found.as_ref().is_some_and(|row| row.is_ours && !row.lost);
    if let Some(row) = &found {
        end_reader(connection, &place.slot, row).await?;
        if !resumes {
            slot::remove(connection, &place.slot).await.map_err(|error| explain(&error))?;
        }
    }
    if !resumes {
        slot::create(&place.options, &place.slot).await.map_err(|error| match error {
            sqlx::Error::Database(answer) => SourceError::Failed(format!(
                "The replication slot cannot be made ({}). If every slot is in use, raise max_replication_slots and restart \
                 PostgreSQL.",
                answer.message()
            )),
            error => explain(&error),
        })?;
    }
    Ok(resumes)
}

/// The lane is ours, so whoever reads is a node that stands still or a connection that broke.
async fn end_reader(connection: &mut PgConnection, name: &str, row: &SlotRow) -> Result<(), SourceError> {
    if row.active_pid.is_some() && !slot::throw_out(connection, name).await.map_err(|error| explain(&error))? {
        return Err(SourceError::Failed(format!("Somebody else reads from the slot {name} and does not end.")));
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), SourceError> {
    connection.execute(AssertSqlSafe(statement)).await.map(drop).map_err(|error| explain(&error))
}

/// Gives the slot and the publication up, so that nothing of the log is kept any more.
pub async fn leave(place: &Place, position: Option<&Value>) -> Result<(), SourceError> {
    let named = position.and_then(|position| position["slot"].as_str()).filter(|name| name.starts_with(PREFIX));
    let name = named.unwrap_or(&place.slot);
    let mut connection = connect::open(&place.options).await?;
    if let Some(row) = slot::find(&mut connection, name).await.map_err(|error| explain(&error))? {
        end_reader(&mut connection, name, &row).await?;
        slot::remove(&mut connection, name).await.map_err(|error| explain(&error))?;
    }
    run(&mut connection, format!("DROP PUBLICATION IF EXISTS {}", quote(name))).await?;
    connection.close().await.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_batons_read_by_two_slots() {
        let one = name_of("postgres://db/one", "shop-orders");
        assert!(one.starts_with("baton_source_shop_orders_"), "{one}");
        assert_eq!(one, name_of("postgres://db/one", "shop-orders"));
        assert_ne!(one, name_of("postgres://db/two", "shop-orders"));
        // Names that look alike once they are plain.
        assert_ne!(one, name_of("postgres://db/one", "shop_orders"));
        assert!(name_of("x", &"y".repeat(63)).len() <= slot::NAME_MAX);
    }

    #[test]
    fn what_keeps_the_log_from_being_read_is_said() {
        let fine = || LogRow {
            version: 150_000,
            version_text: "15.4".into(),
            wal_level: "logical".into(),
            is_standby: false,
            role: "shop".into(),
            may_replicate: true,
            is_logged: true,
            has_publication: false,
            publishes_it: false,
            may_publish: true,
        };
        let settings = serde_json::json!({"table": "outbox", "mode": "log", "mapping": {"key": "id", "type": "t",
            "aggregate_type": "a", "aggregate_id": "a", "payload": "p"}});
        let place = |url: &str| Place {
            options: url.parse().unwrap(),
            schema: "public".into(),
            settings: serde_json::from_value(settings.clone()).unwrap(),
            slot: "baton_source_shop_1".into(),
        };
        let (plain, encrypted) = (place("postgres://db/shop"), place("postgres://db/shop?sslmode=require"));
        let said = |row: &LogRow, place: &Place| -> Vec<String> {
            findings(row, place).into_iter().map(|one| one.message).collect()
        };
        assert_eq!(said(&fine(), &plain), [""; 0]);
        assert_eq!(said(&LogRow { may_publish: false, publishes_it: true, ..fine() }, &plain), [""; 0]);
        for (row, place, says) in [
            (LogRow { version: 130_000, version_text: "13.2".into(), ..fine() }, &plain, "PostgreSQL 13.2 is too old"),
            (LogRow { wal_level: "replica".into(), ..fine() }, &plain, "ALTER SYSTEM SET wal_level"),
            (LogRow { is_standby: true, ..fine() }, &plain, "standby"),
            (LogRow { may_replicate: false, ..fine() }, &plain, "ALTER ROLE \"shop\" REPLICATION"),
            (LogRow { is_logged: false, ..fine() }, &plain, "SET LOGGED"),
            (
                LogRow { may_publish: false, has_publication: true, ..fine() },
                &plain,
                "DROP PUBLICATION baton_source_shop_1; CREATE PUBLICATION baton_source_shop_1 FOR TABLE \"public\".\"outbox\"",
            ),
            (fine(), &encrypted, "sslmode"),
        ] {
            let found = said(&row, place);
            assert!(found.len() == 1 && found[0].contains(says), "{says}: {found:?}");
        }
    }
}
