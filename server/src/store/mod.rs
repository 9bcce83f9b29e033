//! Stores: where messages, instances and everything else that must survive is kept.
//!
//! [`Store`] is the port. Two adapters implement it, PostgreSQL and SQLite, each with SQL written for it; both pass the
//! same conformance suite, and nothing about the engine depends on which one it is. A store never decides anything:
//! it opens the transaction, hands what it loaded to a pure function, and writes down what that returned.

pub mod port;
pub mod rows;

pub use port::{Decide, Store, StoreError};
