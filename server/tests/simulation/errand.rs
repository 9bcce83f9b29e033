//! Participants of sagas: they do a step, undo it, or say what became of it.
//!
//! What they mean is in the name of a command: `DoShip`, `UndoShip`, `AskShip`. They deduplicate by the first attempt,
//! and answer a question only when they know.

use baton_domain::message::Message;
use serde_json::json;
use uuid::Uuid;

use super::{chance::Chance, invariants::Deed, world::Answer};

/// The header that names the first attempt of a command that is sent once more.
const IDEMPOTENCY_HEADER: &str = "baton-idempotency-key";

pub enum Errand<'a> {
    Do(&'a str),
    Undo(&'a str),
    Ask(&'a str),
}

impl<'a> Errand<'a> {
    pub fn of(command: &'a Message) -> Option<Self> {
        let name = command.message_type.as_str();
        (name.strip_prefix("Do").map(Self::Do))
            .or_else(|| name.strip_prefix("Undo").map(Self::Undo))
            .or_else(|| name.strip_prefix("Ask").map(Self::Ask))
            // What a step of a saga asks without being told how.
            .or_else(|| name.strip_prefix("QueryDo").map(Self::Ask))
    }

    pub fn run(self, command: &Message, deeds: &mut Vec<Deed>, chance: &mut Chance) -> Option<Answer> {
        let first: Uuid = match command.headers.get(IDEMPOTENCY_HEADER) {
            Some(first) => first.parse().expect("the header names a command"),
            None => command.id.0,
        };
        let instance: Uuid = command.correlation_id.as_ref()?.parse().ok()?;
        let known = |deeds: &[Deed], is_undo, step: &str| {
            let mut of = deeds.iter().filter(|deed| deed.instance == instance && deed.is_undo == is_undo);
            of.rfind(|deed| deed.step == step).map(|deed| deed.succeeded)
        };
        let answer =
            |word: &str, step: &str| Some(Answer { message_type: format!("{word}{step}"), payload: json!({}) });
        let named = |step: &str| match command.key.aggregate_id.split_once('/') {
            // Several items may go through one step.
            Some((item, _)) => format!("{step} of {item}"),
            None => step.to_owned(),
        };
        let (is_undo, step) = match self {
            Self::Ask(step) => {
                return match known(deeds, false, &named(step))? {
                    true => answer("Done", step),
                    false => answer("Failed", step),
                };
            }
            Self::Do(step) => (false, step),
            Self::Undo(step) => (true, step),
        };
        let before = deeds.iter().rfind(|deed| deed.command == first).map(|deed| deed.succeeded);
        let succeeded = match before {
            Some(true) => true,
            // What was refused stays refused, but an undo may be tried again.
            Some(false) if !is_undo => false,
            _ => {
                let succeeded = !chance.one_in(6);
                deeds.push(Deed { instance, step: named(step), command: first, is_undo, succeeded });
                succeeded
            }
        };
        match (is_undo, succeeded) {
            (false, true) => answer("Done", step),
            (false, false) => answer("Failed", step),
            (true, true) => answer("Undone", step),
            (true, false) => answer("Kept", step),
        }
    }
}
