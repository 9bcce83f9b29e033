//! What a screen shows of a trial.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Coverage, Move, Question, Scenario, Trial, Turn, expect::is_shown, questions};
use crate::{definition::Definition, message::Message};

/// A trial, looked at after some of its moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// All moves that could be made.
    pub turns: Vec<TurnShown>,
    pub stand: Stand,
    /// Why the move after those could not be made.
    pub refused: Option<String>,
}

/// A move and what followed from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnShown {
    pub title: String,
    pub at: DateTime<Utc>,
    /// What the history says, fact by fact.
    pub facts: Vec<String>,
    pub received: Option<Taken>,
    pub sent: Vec<Taken>,
    /// The variables that were set.
    pub set: Map<String, Value>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    pub message_type: String,
    /// Where it goes to or comes from.
    pub whom: String,
    pub payload: Value,
}

/// How an instance stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stand {
    pub now: DateTime<Utc>,
    /// `None` before the start, and in a saga that has no state.
    pub status: Option<String>,
    /// Why it ended, where that is said.
    pub reason: Option<String>,
    pub vars: Map<String, Value>,
    pub questions: Vec<Question>,
    pub incidents: Vec<String>,
    pub under_way: Vec<String>,
    pub failed: Vec<String>,
    /// Where it has been.
    pub covered: Coverage,
}

/// Makes the moves, and shows how it stands after the first `at` of them.
pub fn show(definition: &Definition, moves: &[Move], at: usize, now: DateTime<Utc>, scenarios: &[Scenario]) -> Shown {
    let mut trial = Trial::new(definition.clone(), now);
    let mut stand = (at == 0).then(|| trial.clone());
    let mut refused = None;
    for (index, made) in moves.iter().enumerate() {
        match trial.make(made.clone()) {
            Ok(_) if index + 1 == at => stand = Some(trial.clone()),
            Ok(_) => {}
            Err(why) => {
                refused = Some(format!("{}: {}", made.sentence(), why.message));
                break;
            }
        }
    }
    let turns = trial.turns().iter().map(turn_shown).collect();
    Shown { turns, stand: stood(stand.as_ref().unwrap_or(&trial), scenarios), refused }
}

fn turn_shown(turn: &Turn) -> TurnShown {
    let mut set = Map::new();
    for event in &turn.events {
        event.sets().for_each(|more| set.extend(more.clone()));
    }
    TurnShown {
        title: turn.made.sentence(),
        at: turn.at,
        facts: turn.events.iter().map(|event| event.sentence()).collect(),
        received: turn.received.as_ref().map(|message| taken(message, "")),
        sent: turn.sent.iter().filter(|it| is_shown(it)).map(|message| taken(message, "to ")).collect(),
        set,
    }
}

fn taken(message: &Message, towards: &str) -> Taken {
    let whom = match towards {
        "" => String::new(),
        towards => format!("{towards}{} {}", message.key.aggregate_type, message.key.aggregate_id),
    };
    Taken { message_type: message.message_type.clone(), whom, payload: message.payload.clone() }
}

fn stood(trial: &Trial, scenarios: &[Scenario]) -> Stand {
    let covered = Coverage::of(trial.definition(), std::iter::once(trial));
    let mut stand = Stand { now: trial.now(), questions: questions(trial, scenarios), covered, ..Stand::default() };
    let Some(state) = trial.state() else { return stand };
    stand.status = Some(state.status().as_str().to_owned());
    stand.reason = state.ended.as_ref().and_then(|ending| ending.reason.clone());
    stand.vars.clone_from(&state.vars);
    stand.incidents =
        state.incidents().map(|(token, incident)| format!("{}: {}", token.node, incident.reason)).collect();
    stand.failed = state.incidents().map(|(token, _)| token.node.clone()).collect();
    let under_way = state.tokens.iter().map(|token| token.node.clone());
    stand.under_way = under_way.filter(|node| !stand.failed.contains(node)).collect();
    stand
}
