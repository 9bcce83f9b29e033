mod properties;
mod simulation;
mod traces;
