//! Events that came before any instance waited for them by value: looked for, kept, taken, or told of as unclaimed.

use baton_domain::{ids::MessageId, message::Message};

use super::{Changes, Failure, Instant};

/// The name under which the engine stands among the destinations of deliveries: for events that nobody took.
pub const ENGINE: &str = "engine";
/// How many events are kept for one value. What comes then is not kept for anybody, but told of as unclaimed.
pub const EARLY_PER_VALUE_MAX: usize = 100;
/// The class of the failure of an event that nobody took.
pub const UNCLAIMED: &str = "unclaimed";

/// An event that is kept until an instance waits for it, or for as long as the definition says.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyEvent {
    pub message: Message,
    /// Under which instances may come to wait for it.
    pub values: Vec<String>,
    /// Now, for one that is only told of.
    pub expires_at: Instant,
}

/// An event that nobody took, and why it is not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Unclaimed {
    pub message: Message,
    pub failure: Failure,
}

impl Unclaimed {
    pub fn new(message: Message, why: &str) -> Self {
        let error = format!("No instance waits for this {}: {why}.", message.message_type);
        Self { message, failure: Failure { class: UNCLAIMED.to_owned(), error } }
    }
}

/// What a decision comes to.
#[expect(clippy::large_enum_variant, reason = "nearly every decision is done at once, and there is one at a time")]
pub enum Decided {
    Done(Changes),
    /// It depends on what came early.
    Look(Look, Box<dyn FnOnce(Looked) -> Decided + Send>),
}

/// What is to be looked up before a decision can be completed. From then on until the end of the transaction nobody else
/// keeps an event for one of these values or begins to wait for it, so neither can miss the other.
#[derive(Debug, Default)]
pub struct Look {
    /// (event type, value) that instances begin to wait for: the oldest event kept for each is wanted.
    pub wanted: Vec<(String, String)>,
    /// Not these.
    pub except: Vec<MessageId>,
    /// (event type, value) of events that are about to be kept. When somebody has begun to wait for one of them since the
    /// step looked, nothing is written ([`StoreError::Conflict`](crate::store::StoreError::Conflict)).
    pub kept: Vec<(String, String)>,
}

#[derive(Debug, Default)]
pub struct Looked {
    /// At most one for each that was wanted.
    pub found: Vec<((String, String), Message)>,
    /// Those of `kept` for which [`EARLY_PER_VALUE_MAX`] events are kept already.
    pub full: Vec<(String, String)>,
}

/// What was removed because its time was over, or because too much is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expired {
    pub unclaimed: Vec<MessageId>,
    /// How many (event, value) were kept when it was looked.
    pub kept: u64,
}

impl From<Changes> for Decided {
    fn from(changes: Changes) -> Self {
        Self::Done(changes)
    }
}
