//! The canvas of the designer, without a screen: what is drawn, what a person can do to it, and what a movement of the
//! hand means.
//!
//! It works on the JSON of a draft, which may be broken anywhere, and knows nothing of expressions, schemas or running
//! instances: what is wrong with a draft is said by [`crate::definition::check`]. Five things are kept apart:
//!
//! - the model: [`Document`]; [`Scene`] is what is drawn of it (boxes, and edges routed by [`route`]),
//!   and [`outline`] lists it for those who do not see it; [`compare`] tells two of them apart
//! - edits with their inverses: [`Edit`], [`Change`], and [`History`] over them; [`clipboard`]
//! - rules: [`rules`], asked while the pointer hovers and by every edit
//! - gestures: [`gesture::step`] and [`command::perform`] turn pointers and keys into [`command::Outcome`]s
//! - [`complete`]: names that are offered while an expression is typed; [`sample`], what it is tried with
//! - [`Viewport`]: between the screen and the diagram
//! - [`sagas`]: what is different where the document is a saga
//! - [`desk`]: between the drawing, its text and the draft that is stored
//!
//! [`Editor`] keeps document, scene and history in step; begin to read there.

pub mod change;
pub mod clipboard;
pub mod command;
pub mod compare;
pub mod complete;
pub mod desk;
pub mod document;
pub mod edit;
pub mod editor;
pub mod form;
pub mod geometry;
pub mod gesture;
pub mod history;
pub mod keys;
mod kind;
pub mod labels;
mod lanes;
pub mod outline;
mod places;
mod ports;
pub mod route;
pub mod rules;
pub mod sagas;
pub mod sample;
pub mod scene;
pub mod selection;
pub mod snap;
#[cfg(test)]
mod tests;
pub mod viewport;
mod words;

pub use change::{Change, Forbidden};
pub use command::{Canvas, Offer, Outcome, Preview};
pub use document::{Document, Port, PortRef};
pub use edit::{Edit, apply, apply_all};
pub use editor::{Done, Editor};
pub use geometry::{Point, Rect};
pub use gesture::{Gesture, Input};
pub use history::History;
pub use keys::Command;
pub use kind::Kind;
pub use places::centres;
pub use rules::Verdict;
pub use sagas::SagaEdit;
pub use scene::{Hit, Role, Scene, SceneEdge, SceneNode, ScenePort};
pub use selection::{Direction, Selection};
pub use viewport::{Minimap, Viewport};
