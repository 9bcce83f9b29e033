//! The `baton` server: everything that acts. Adapters to databases, buses and endpoints, the running engine, HTTP.
//!
//! `baton_domain` decides, this crate does: it stores, sends, waits and serves. What to read next: [`store`].

pub mod store;
