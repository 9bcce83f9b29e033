//! Sagas on the canvas: steps in a row with what undoes them below, or reactions one below the other.
//!
//! The document is the same as for processes, and so are history, selection, viewport and gestures. What differs is that
//! the order of the steps says where everything stands: nothing of a saga has a place of its own, so dragging a step means
//! another order. [`Part`] names what is drawn, [`scene()`] draws it, [`SagaEdit`] changes it; the functions of
//! [`hands`] are what gestures and commands do where the document is a saga.

mod clip;
mod edit;
pub(super) mod hands;
mod names;
mod parts;
pub mod rules;
mod scene;
mod words;

pub use self::{
    clip::SagaClip,
    edit::SagaEdit,
    parts::{Part, Saga, is_saga, part_at},
    scene::scene,
    words::{node_name, rows, subtitle, title},
};
pub(super) use edit::{apply, set};
pub(super) use names::{sees, variables};
