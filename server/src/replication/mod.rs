//! Logical replication: reading what was committed from PostgreSQL's log, by a publication and a slot.
//!
//! The relay reads its outbox so (`store::postgres`), and sources the tables of other systems (`source::postgres`); what a row
//! means is theirs. [`slot`] is the place in the log, which PostgreSQL keeps until it is confirmed; [`stream`] what comes
//! from there; [`pgoutput`] takes its messages apart. Why it is as it is: ADR 0026.

pub(crate) mod pgoutput;
pub(crate) mod slot;
pub(crate) mod stream;

/// The oldest version whose `pgoutput` passes messages on, such as those of [`slot::beat`].
pub(crate) const VERSION_MIN: i32 = 140_000;

/// The SQL text of `queries/<name>.sql`.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("queries/", $name, ".sql"))
    };
}
use sql;
