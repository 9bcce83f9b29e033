//! A real `baton` in a process of its own, and a participant that remembers what it received.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod baton;
pub mod database;
pub mod participant;
