//! Read models: what screens and the HTTP API show. Separate from what is stored, so either can change alone.

mod batch;
mod comparison;
mod definition;
mod destination;
mod exchange;
mod housekeeping;
mod instance;
mod message;
mod migration;
mod operation;
mod overview;
mod scenario;
mod source;
mod task;

pub use batch::*;
pub use comparison::*;
pub use definition::*;
pub use destination::*;
pub use exchange::*;
pub use housekeeping::*;
pub use instance::*;
pub use message::*;
pub use migration::*;
pub use operation::*;
pub use overview::*;
pub use scenario::*;
use serde::{Deserialize, Serialize};
pub use source::*;
pub use task::*;

pub type Instant = chrono::DateTime<chrono::Utc>;
/// [`Instant`] under the name by which the derived OpenAPI schemas know that it is a date and time.
type DateTime = Instant;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Opaque; hand it back as `cursor` to get the next page. `None` on the last one.
    pub next: Option<String>,
}

/// What changed, as the stream of server-sent events says it: pages refetch what they show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(tag = "topic", rename_all = "snake_case")]
pub enum Change {
    /// Messages came in, went out or failed; `flow` holds the newest of them (bounded, newest last).
    Messages {
        flow: Vec<FlowItem>,
    },
    /// Instances whose state changed (bounded; empty when too many changed at once: refetch).
    Instances {
        ids: Vec<uuid::Uuid>,
    },
    Tasks,
    Definitions,
    Destinations,
    /// The stream could not keep up and left something out: refetch.
    Lagged,
}
