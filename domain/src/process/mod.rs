//! Process managers: procedures that somebody starts explicitly, with state and decisions of their own.
//!
//! Three functions are the whole engine; whoever runs them (server, test, browser) only stores and sends:
//! [`decide`] says what happens, [`evolve`] is the only way state changes, [`effects`] says what to do about it.
//!
//! - `api`: what goes in and what comes out
//! - `definition`, `read`, `validate`: what a process is, and what is wrong with one
//! - `event`, `state`: the history and the snapshot, both stored
//! - `decide`, `walk`, `evolve`, `effects`: the engine

mod api;
mod decide;
pub mod definition;
mod effects;
mod event;
mod evolve;
pub(crate) mod read;
mod state;
pub(crate) mod validate;
mod walk;

pub use api::*;
pub use decide::{KEPT_MAX, advance, decide};
pub use definition::{Definition, Node, NodeKind, wait_values};
pub use effects::effects;
pub use event::{Arrival, Attempt, Closed, DueTimer, Event, Incident, ValueWait};
pub use evolve::evolve;
pub use state::{Ending, Place, RECENT_MAX, State, Token};
pub use walk::{ENTRIES_MAX, VARIABLES_BYTES_MAX};

#[cfg(test)]
mod tests;
