//! Real processes and real databases under load, and what happens to them in production: the database crashes or cuts
//! every connection, somebody else takes all of them, clocks jump, nodes are killed and frozen.
//!
//! Every test uses the same load and the same checker as the simulation, and has a minimum that must have been achieved.

mod clock;
mod database;
mod log;
mod nodes;

#[path = "../support/mod.rs"]
mod support;

use support::load::Minimum;

/// What a test must have achieved under its load at least.
const MINIMUM: Minimum = Minimum { messages: 150, instances: 50 };
