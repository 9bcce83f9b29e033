//! Sources: tables of other systems, made as those systems make them, taken in on a running node.
//!
//! What is asserted is what stands in Baton's store and in the other system's table.

mod bad;
mod crash;
mod fixture;
mod late;
mod log;
mod modes;
mod presets;
mod sqlite;
