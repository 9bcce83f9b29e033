//! Simulation: a definition tried out by hand or by a scenario, without a server.
//!
//! There is no second engine: a [`Trial`] hands its [`Move`]s to the same `advance` (and a stateless saga's `react`) as
//! the server, on a clock of its own that stands still until a move says that time passes. It stores nothing and sends
//! nothing; a step back is the same moves without the last one.
//!
//! - `moves`: what can be done, and its form in a definition's text
//! - `input`: what the engine is given for a move
//! - `trial`: an instance under simulation
//! - `question`: what it waits for, and what could be answered
//! - `scenario`, `expect`: moves that were saved, and what should come of them
//! - `report`: scenarios run, and what of the definition they cover
//! - `recorded`: a scenario out of the history of an instance
//! - `show`: what a screen shows of a trial

mod coverage;
mod expect;
mod input;
mod moves;
mod question;
mod recorded;
mod report;
mod sample;
mod scenario;
mod show;
#[cfg(test)]
mod tests;
mod trial;

pub use coverage::Coverage;
pub use expect::{Expect, Sent};
pub use input::input;
pub use moves::Move;
pub use question::{Choice, Question, QuestionKind, questions};
pub use recorded::{Masked, Recorded, Unrecordable, recorded};
pub use report::{FAILED, Report, Verdict, run};
pub use scenario::{SCENARIOS_MAX, STEPS_MAX, Scenario, Step, begins_at, read_scenarios};
pub use show::{Shown, Stand, Taken, TurnShown, show};
pub use trial::{Refused, Trial, Turn};
