//! Trials and scenarios: one helper, many cases.

mod records;
mod runs;
mod trials;

use serde_json::Value;

use super::{Move, Scenario, begins_at, trial::Trial};
use crate::{
    definition::{self, Definition},
    diagnostic::Diagnostic,
};

/// Reserves and calls; after an hour it gives the call up and takes back what it reserved.
pub const CALLING: &str = "
baton: process/1
name: calling
nodes:
  start: {kind: start, next: reserve}
  reserve: {kind: command, send: Reserve, to: stock, undo: {send: Release, done: Released}, on: {Reserved: {next: pay}}}
  pay: {kind: call, process: payment, input: {}, on: {completed: {next: done}, failed: {next: undo}}, timeout: {after: PT1H, next: undo}}
  undo: {kind: compensate, next: undone}
  undone: {kind: end, outcome: compensated}
  done: {kind: end}
";

pub fn definition(text: &str) -> Definition {
    definition::parse(text).unwrap_or_else(|found| panic!("{found:#?}")).definition
}

pub fn shipped(name: &str) -> (Definition, Vec<Scenario>) {
    let found = definition::shipped().into_iter().find(|(shipped, _)| *shipped == name);
    let parsed = definition::parse(found.expect("it ships").1).unwrap_or_else(|found| panic!("{found:#?}"));
    (parsed.definition, parsed.scenarios)
}

/// A document in YAML.
pub fn value(text: &str) -> Value {
    definition::check(text).value.unwrap_or_else(|| panic!("no YAML: {text}"))
}

/// Moves, each a line of YAML.
pub fn moves(lines: &[&str]) -> Vec<Move> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let read = lines.iter().filter_map(|line| super::Step::read(&value(line), String::new(), &mut found));
    let moves: Vec<Move> = read.map(|step| step.made).collect();
    assert_eq!(found, []);
    moves
}

/// A trial in which all of them were made.
pub fn tried(definition: &Definition, lines: &[&str]) -> Trial {
    let mut trial = Trial::new(definition.clone(), begins_at());
    for made in moves(lines) {
        trial.make(made.clone()).unwrap_or_else(|refused| panic!("{}: {refused}", made.sentence()));
    }
    trial
}
