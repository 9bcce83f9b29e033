//! Process managers: procedures that somebody starts explicitly, with state and decisions of their own.
//!
//! Three functions are the whole engine; whoever runs them (server, test, browser) only stores and sends:
//! [`decide`] says what happens, [`evolve`] is the only way state changes, [`effects`] says what to do about it.
//!
//! - `api`: what goes in and what comes out
//! - `definition`, `read`, `validate`: what a process is, and what is wrong with one
//! - `event`, `state`: the history and the snapshot, both stored
//! - `decide` (what arrives), `walk` (a token's way on), `compensate` (undoing), `operate` (what operators do), `evolve`,
//!   `effects`: the engine

mod api;
mod compensate;
mod decide;
pub mod definition;
mod describe;
mod effects;
mod event;
mod evolve;
mod fire;
mod operate;
mod ports;
pub(crate) mod read;
mod rejection;
mod scopes;
mod state;
pub(crate) mod validate;
mod walk;

pub use api::*;
pub use decide::{KEPT_MAX, advance, decide};
pub use definition::{Correlation, Definition, Node, NodeKind, wait_values};
pub use effects::effects;
pub use event::{Arrival, Attempt, Branch, Closed, DueTimer, Event, Incident, IncidentKind, ValueWait};
pub use evolve::evolve;
pub use scopes::Scopes;
pub use state::{
    Cause, Compensation, Ending, Forward, Issued, Loop, Place, RECENT_MAX, State, Token, Undoable, Unsettled,
};
pub use walk::{ENTRIES_MAX, ITEMS_MAX, UNDO_MAX, VARIABLES_BYTES_MAX};

#[cfg(test)]
mod tests;
