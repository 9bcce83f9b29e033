//! Process managers: procedures that somebody starts explicitly, with state and decisions of their own.
//!
//! Three functions are the whole engine; whoever runs them (server, test, browser) only stores and sends:
//! [`decide`] says what happens, [`evolve`] is the only way state changes, [`effects`] says what to do about it.

mod api;

pub use api::*;
