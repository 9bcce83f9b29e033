//! The relay: takes messages out of the outbox, in order per key, and sends them on their way.
//!
//! One pass reads a batch, says where each message goes ([`plan`]), publishes to the bus what goes there, and writes
//! the result in one short transaction. No transaction is open while the bus is called. HTTP endpoints are never
//! called here (see [`crate::destination`]).
//!
//! Where it is told to, it reads the database's log instead of asking the outbox ([`stream`]), and goes back to the outbox
//! whenever that is not possible.
//!
//! **At least once.** When it dies between publishing and writing the result, the next one publishes the same messages
//! again, with the same ids.
//!
//! **One node per lane.** [`lease`] holds the right to work on lanes; a result is written only with the token in force.

mod census;
mod flow;
mod lease;
mod meter;
mod pace;
pub mod plan;
mod service;
mod slot;
mod sort;
mod stream;
mod watch;

#[cfg(test)]
pub mod fixtures;

pub use flow::flow_item;
pub use lease::{Leases, TTL};
pub use meter::Meter;
pub use pace::Pace;
pub use service::{Config, Parts, Relay, Report, SourceMode};
pub use slot::{LogStatus, SlotConfig, SlotReport, SlotWatch};
