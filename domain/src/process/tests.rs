mod branches;
mod compensation;
mod operations;
mod properties;
mod sagas;
mod simulation;
mod traces;
mod undo_properties;
