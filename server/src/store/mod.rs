//! Stores: where messages, instances and everything else that must survive is kept.
//!
//! [`Store`] is the port. Two adapters implement it, PostgreSQL and SQLite, each with SQL written for it; both pass the
//! same conformance suite, and nothing about the engine depends on which one it is. A store never decides anything:
//! it opens the transaction, hands what it loaded to a pure function, and writes down what that returned.
//!
//! What to read next: [`port`] for what is guaranteed, [`rows`] for what goes in and out, [`fn@open`] for how one is
//! opened, then the same subject in [`postgres`] and [`sqlite`] side by side.

pub mod bell;
mod convert;
mod cursor;
mod delegate;
mod error;
pub mod log;
pub mod open;
pub mod port;
pub mod postgres;
mod room;
pub mod rows;
mod search;
pub mod sqlite;

pub use bell::Bell;
pub(crate) use convert::compute;
pub use open::{OpenError, OpenOptions, open};
pub use port::{Decide, Store, StoreError};
