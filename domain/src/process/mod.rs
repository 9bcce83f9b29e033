//! Process managers: procedures that somebody starts explicitly, with state and decisions of their own.
//!
//! Three functions are the whole engine; whoever runs them (server, test, browser) only stores and sends:
//! [`decide`] says what happens, [`evolve`] is the only way state changes, [`effects`] says what to do about it.
//!
//! - `api`: what goes in and what comes out
//! - `definition`, `read`, `validate`: what a process is, and what is wrong with one
//! - `event`, `state`: the history and the snapshot, both stored, and what they are made of (`parts`, `place`)
//! - `decide` (what arrives), `fire` (timers), `walk` (a token's way on), `compensate` (undoing), `operate` and `again` (what
//!   operators do), `migrate` (to another version: the one decision that needs two definitions), `restart` (as a new
//!   instance: the one decision about two of them), `choices` (what they can do), `family` (processes that call others), `evolve`, `effects`: the engine

mod again;
mod api;
mod choices;
mod compensate;
mod decide;
pub mod definition;
mod describe;
mod effects;
mod event;
mod evolve;
mod family;
mod fire;
mod migrate;
mod moment;
mod operate;
mod parts;
mod place;
mod ports;
pub(crate) mod read;
mod rejection;
mod restart;
mod scopes;
mod state;
pub(crate) mod validate;
mod walk;

pub use api::*;
pub use choices::{Choices, TokenChoice, choices};
pub use decide::{KEPT_MAX, advance, decide};
pub use definition::{Correlation, Definition, EARLY, Node, NodeKind, wait_values};
pub use effects::effects;
pub use event::{Branch, Event, Handover};
pub use evolve::evolve;
pub use family::{
    CALL_DEPTH_MAX, CANCEL_PROCESS, ChildStart, FAMILY, PROCESS_ENDED, PROCESS_REFUSED, Parent, RESERVED,
    START_PROCESS, call_cycle, child_of, is_between_processes, refused,
};
pub use migrate::{Mapping, Migration, migrate, obstacles};
pub use parts::{Arrival, Attempt, Closed, DueTimer, Incident, IncidentKind, ValueWait, Watched};
pub use place::{Forward, Issued, Loop, Place, Rest, Undoable, Unsettled};
pub use restart::{Entries, Origin, Replay, Restart, Restarted, is_entry, restart};
pub use scopes::Scopes;
pub use state::{Cause, Compensation, Ending, Expiry, RECENT_MAX, State, Token};
pub use walk::{ENTRIES_MAX, ITEMS_MAX, UNDO_MAX, VARIABLES_BYTES_MAX};

#[cfg(test)]
mod tests;
