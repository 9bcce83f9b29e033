//! The rules of Baton: what a message is, what a definition means, and what happens next.
//!
//! Everything here is pure: no IO, no clock, no randomness, no async. Instants and ids are passed in, so the same
//! functions run in the server, in tests on a virtual clock, and in the browser. What to read next:
//!
//! - [`message`]: messages, their keys, and what is accepted at the door
//! - [`ids`]: typed ids, and how the ids of an instance's commands follow from its own
//! - [`process`]: process managers: `decide`, `evolve`, `effects`
//! - [`saga`]: stateless sagas: an event in, commands out
//! - [`definition`]: definitions as text: parsing, JSON Schemas, the shipped examples
//! - [`bpmn`]: processes as BPMN 2.0 XML, and back
//! - [`simulation`]: a definition tried out, by hand and by the scenarios that are saved with it
//! - [`designer`]: the canvas: a draft as a document, edits and their inverses, routes, gestures
//! - [`expression`]: CEL, compiled and bounded
//! - [`diagnostic`]: what validation says, and where
//! - [`source`]: tables of other systems, read as messages
//! - [`lane`], [`retry`]: how the relay spreads keys and spaces attempts

pub mod bpmn;
pub mod definition;
pub mod designer;
pub mod diagnostic;
pub mod diagram;
pub mod duration;
pub mod expression;
mod fields;
pub mod form;
mod format;
pub mod ids;
pub mod lane;
pub mod message;
pub mod process;
pub mod retry;
pub mod saga;
pub mod schema;
pub mod simulation;
pub mod source;
#[cfg(test)]
mod strategies;
