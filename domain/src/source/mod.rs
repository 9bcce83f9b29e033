//! Tables of other systems as sources of messages: which column means what.
//!
//! Pure: a row comes in as JSON, a [`Message`](crate::message::Message) or the reasons why it is none come out. What to read
//! next: [`term`] for how a value is named, [`convert`] for what a row means, [`check`] for what must be true of a table,
//! [`preset`] for the tables of known systems, [`documents`] for documents that hold their events.

mod check;
mod convert;
pub mod documents;
mod envelope;
mod preset;
mod settings;
mod term;
#[cfg(test)]
mod tests;

pub use check::{Column, ColumnKind, Dialect, Shape, check};
pub use convert::{Plan, nothing_of};
pub use documents::{DocumentMode, DocumentSource};
pub use preset::{PRESETS, Preset};
pub use settings::{
    BATCH_MAX, Encoding, Mapping, Mark, Mode, POLL_MS_MAX, POLL_MS_MIN, TableSource, default_batch, default_poll_ms,
};
pub use term::{Take, TermError};
