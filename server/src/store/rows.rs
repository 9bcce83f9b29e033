//! What goes into a store and comes out of it: plain data, one struct for each kind of row or question.

mod batch;
mod early;
mod engine;
mod housekeeping;
mod reading;
mod relay;
mod settings;

use chrono::{DateTime, Utc};

pub use batch::*;
pub use early::*;
pub use engine::*;
pub use housekeeping::*;
pub use reading::*;
pub use relay::*;
pub use settings::*;

pub type Instant = DateTime<Utc>;

/// The name under which the bus stands among the destinations of deliveries.
pub const BUS: &str = "bus";
