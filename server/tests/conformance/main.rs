//! What every store guarantees, tried on each of them: one suite, instantiated for PostgreSQL and SQLite.
//!
//! A case is a function of a [`support::Fixture`] named by the behaviour it shows; [`on_both!`] makes two tests of it.
//! Real databases only: SQLite in a temporary folder, PostgreSQL from `baton-testkit`.

#[macro_use]
mod support;

mod access;
mod batch;
mod bell;
mod definition;
mod delivery;
mod early;
mod engine;
mod foreign;
mod handover;
mod housekeeping;
mod instance;
mod lease;
mod opening;
mod outbox;
mod partitions;
mod plans;
mod policy;
mod reading;
mod repair;
mod schema;
mod source;
mod task;
mod unavailable;
mod waiting;
