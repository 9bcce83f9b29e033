//! Documents with events in them as a source, against a real server that speaks MongoDB's protocol, through the same intake as
//! every source.
#![cfg(feature = "mongodb")]

#[path = "../support/mod.rs"]
mod support;

mod pushing;
mod rig;
mod taking;
mod trouble;
mod whole;
mod writers;
