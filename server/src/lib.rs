//! The `baton` server: everything that acts. Adapters to databases, buses and endpoints, the running engine, HTTP.
//!
//! `baton_domain` decides, this crate does: it stores, sends, waits and serves. What to read next:
//!
//! - [`store`]: what is kept, and the one transaction that a step is
//! - [`bus`]: where the relay publishes
//! - [`changes`]: what the screens hear about
//! - [`http`]: the API, the door, and the app's pages
//! - [`settings`] and [`cli`]: how it is told what to do

pub mod bus;
pub mod changes;
pub mod cleaner;
pub mod cloudevents;
pub mod destination;
pub mod http;
pub mod metrics;
pub mod nudge;
pub mod relay;
pub mod settings;
pub mod store;
