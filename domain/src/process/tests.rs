mod branches;
mod compensation;
mod operations;
mod properties;
mod simulation;
mod traces;
mod undo_properties;
