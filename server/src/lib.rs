//! The `baton` server: everything that acts. Adapters to databases, buses and endpoints, the running engine, HTTP.
//!
//! `baton_domain` decides, this crate does: it stores, sends, waits and serves. What to read next:
//!
//! - [`store`]: what is kept, and the one transaction that a step is
//! - [`relay`] and [`destination`]: how messages leave; [`bus`]: where the relay publishes
//! - [`source`]: where messages are taken in from, beside our own outbox and the bus
//! - [`engine`]: what happens when something arrives
//! - [`service`]: what screens and the HTTP API ask for
//! - [`node`]: all of it put together
//! - [`cleaner`]: what goes once it is old, as [`retention`] says
//! - [`changes`]: what the screens hear about; [`clock`]: what time it is
//! - [`http`]: the API, the door, and the app's pages
//! - [`settings`] and [`cli`]: how it is told what to do
//! - [`demo`]: a small world to watch; [`bench`]: the figures; [`broken`]: defects that the tests must find

mod batch;
pub mod bench;
pub mod broken;
pub mod bus;
pub mod changes;
pub mod cleaner;
pub mod cli;
pub mod clock;
pub mod cloudevents;
pub mod demo;
pub mod destination;
pub mod engine;
pub mod http;
pub mod metrics;
pub mod node;
pub mod nudge;
pub mod relay;
mod replication;
pub mod retention;
pub mod service;
pub mod settings;
pub mod source;
pub mod store;
mod take_in;
