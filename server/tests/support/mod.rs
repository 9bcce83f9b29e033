//! A real `baton` in a process of its own, a participant that remembers what it received, a load for both, and the checkers of
//! invariants and of arrivals.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod arrivals;
pub mod baton;
pub mod database;
pub mod invariants;
pub mod load;
pub mod participant;
