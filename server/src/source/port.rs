//! The port of sources: places of other systems that messages are taken in from.
//!
//! A source reads what is there, as it stands in the order of insertion, and says what it would be as a message; whether
//! and when it is taken in is decided elsewhere ([`super::intake`]): read, take in (inbox and outbox in one transaction),
//! [`Reader::settle`], write the position down.

use async_trait::async_trait;
use baton_app::model::SourceReport;
use baton_domain::{diagnostic::Diagnostic, message::Message};
use serde_json::Value;

/// Why a source cannot be read (now). Every text is for people and says what to do; none ever holds a secret.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// The reference to the address, or the address itself, cannot be used: a variable that is not set, a private address.
    #[error("{0}")]
    Address(String),
    /// Nobody answers there, or the connection broke. It passes by itself, perhaps.
    #[error("{0}")]
    Unreachable(String),
    /// User or password are wrong there.
    #[error("{0}")]
    Credentials(String),
    /// The user there may not read, mark or delete.
    #[error("{0}")]
    Permission(String),
    /// What is there is not what the settings say; pointers lead into the settings.
    #[error("{}", first(.0))]
    Mapping(Vec<Diagnostic>),
    /// What was remembered cannot be gone on from, and going on from elsewhere would leave something out.
    #[error("{0}")]
    Position(String),
    /// Anything else that went wrong over there.
    #[error("{0}")]
    Failed(String),
}

impl SourceError {
    /// Stable, for metrics and the API.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Unreachable(_) => "unreachable",
            Self::Credentials(_) => "credentials",
            Self::Permission(_) => "permission",
            Self::Mapping(_) => "mapping",
            Self::Position(_) => "position",
            Self::Failed(_) => "failed",
        }
    }
}

fn first(found: &[Diagnostic]) -> String {
    let errors: Vec<&Diagnostic> = found.iter().filter(|one| one.is_error()).collect();
    match errors.as_slice() {
        [] => "the settings do not fit what is there".to_owned(),
        [one] => format!("{}: {}", one.pointer, one.message),
        [one, rest @ ..] => format!("{}: {} (and {} more)", one.pointer, one.message, rest.len()),
    }
}

/// One row or document (or one event that is embedded in it), read as a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where it stands, for people, and the same whenever it is read again: the key of the row, the id of the document and
    /// the event's place in it.
    pub place: String,
    /// As it stands there, for the preview and for what is kept of something unreadable.
    pub row: Value,
    /// Its message, or why it is none. The id must be the same whenever the same thing is read again.
    pub message: Result<Message, String>,
}

/// What is taken in together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// In the order of insertion, as far as order per key goes. May be empty where only the position moved.
    pub found: Vec<Found>,
    /// What to hand to [`Source::open`] after this batch was taken in; `None` where nothing has to be remembered (what was
    /// settled is marked or gone), or nothing changed.
    pub position: Option<Value>,
}

/// A place that messages are taken in from. Made of settings and cheap; nothing is connected before something is asked.
///
/// Guarantee: asking (`check`, `preview`) writes nothing over there, and takes no lock that a producer would wait for.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// What is there (columns or fields) and every finding about the settings. `Err` when nothing could be looked at; what
    /// does not fit is a finding, not an error.
    async fn check(&self) -> Result<SourceReport, SourceError>;

    /// Up to `limit` of what would be taken in first, as messages.
    async fn preview(&self, limit: u32) -> Result<Vec<Found>, SourceError>;

    /// Begins to read where `position` (of an earlier [`Batch`]) says; without one, at the beginning. Refuses
    /// ([`SourceError::Mapping`]) when `check` finds an error.
    async fn open(&self, position: Option<Value>) -> Result<Box<dyn Reader>, SourceError>;

    /// Gives back what reading made over there (a place in a log, which is kept until it is read): nobody is going to read
    /// on from `position`. Idempotent.
    async fn leave(&self, _position: Option<&Value>) -> Result<(), SourceError> {
        Ok(())
    }
}

/// Reads on and on, for one node at a time.
///
/// Guarantee: whatever was committed over there is returned by `next` some time, again and again until it was settled (or
/// its position was written down): nothing is ever skipped, also what commits late. Crash case: a reader that ends between
/// `next` and `settle` returns the same things again when it is opened anew, with the same ids, so that the inbox knows
/// them. No transaction is open over there between two calls.
#[async_trait]
pub trait Reader: Send {
    /// Waits until something is there (by a poll interval or a hint) and returns it, `limit` things at most. May be
    /// dropped while it waits. Two calls without [`Reader::settle`] between them are a mistake; after an error the reader
    /// is dropped and opened anew.
    async fn next(&mut self, limit: usize) -> Result<Batch, SourceError>;

    /// Everything that `next` returned last is safe in the outbox now (what could not be read: among the failures): marks
    /// it, deletes it, or does nothing, as the mode says. Idempotent, and guarded by key: what somebody else changed or
    /// removed meanwhile is left alone.
    async fn settle(&mut self) -> Result<(), SourceError>;

    /// How many things wait over there, where that is cheap to know; counted up to a bound.
    async fn waiting(&mut self) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }

    /// How much of its log the server keeps until it was read, in bytes, as was seen last; `None` where it keeps none.
    fn kept_bytes(&self) -> Option<u64> {
        None
    }
}
