//! A scenario out of the history of an instance, without the data that was in it.
//!
//! The history is gone through with a trial beside it: whatever came from outside becomes a move, and what the trial makes
//! of it has to be what the history says. Then values are masked: texts, numbers and dates are replaced by others, the same
//! by the same and in the same order, and whatever has to stay for the instance to go the same way stays and is named.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::{Number, Value};

use super::{
    Expect, Move, STEPS_MAX, Scenario, Step, Trial, coverage,
    expect::play,
    input::{item_of, tokens_at},
};
use crate::{
    definition::Definition,
    diagnostic::pointer_token,
    ids::TimerId,
    message::Message,
    process::{Event, PROCESS_ENDED, PROCESS_REFUSED},
};

/// How often the way is tried while looking for what can be masked.
const TRIES_MAX: usize = 2_000;

/// A scenario that goes the way of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub scenario: Scenario,
    /// The values that are as they were, because the way depends on them.
    pub kept: Vec<Masked>,
}

/// A place in a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    pub step: usize,
    /// JSON pointer into the step.
    pub pointer: String,
}

/// Why no scenario can be made of a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrecordable {
    #[error("A history with nothing in it makes no scenario.")]
    Empty,
    #[error("Fact {fact} of the history was not the instance's own doing ({what}); scenarios know no operators.")]
    Operated { fact: usize, what: String },
    #[error("Fact {fact} of the history ({what}) cannot be repeated: {why}.")]
    Differs { fact: usize, what: String, why: String },
    #[error("A scenario has at most {STEPS_MAX} steps; this history would make more.")]
    TooLong,
}

/// A scenario that goes the way of an instance with this history, by this version of its definition.
///
/// # Errors
///
/// Operators had a hand in it, or the definition is not the one that it went by.
pub fn recorded(definition: &Definition, name: &str, history: &[Event]) -> Result<Recorded, Unrecordable> {
    let (moves, now) = moves(definition, history)?;
    let way = Way::of(definition, &moves, now);
    let (moves, kept) = mask(moves, |moves| Way::of(definition, moves, now) == way);
    let mut trial = Trial::new(definition.clone(), now);
    play(&mut trial, moves.iter());
    let expect = Expect { path: Some(coverage::path(trial.events())), ..Expect::of(&trial) };
    let steps = moves.into_iter().map(Step::new).collect();
    let scenario = Scenario { name: name.to_owned(), description: None, now: Some(now), steps, expect };
    Ok(Recorded { scenario, kept })
}

/// What came from outside, and when that began.
fn moves(definition: &Definition, history: &[Event]) -> Result<(Vec<Move>, DateTime<Utc>), Unrecordable> {
    let Some(Event::Started { at, .. }) = history.first() else {
        return Err(match history.first() {
            Some(event) => Unrecordable::Operated { fact: 1, what: event.sentence() },
            None => Unrecordable::Empty,
        });
    };
    let mut trial = Trial::new(definition.clone(), *at);
    let (mut moves, mut next) = (Vec::new(), 0);
    while let Some(event) = history.get(next) {
        if matches!(event, Event::MessageLate { .. }) {
            next += 1;
            continue;
        }
        let differs = |fact: usize, why: String| {
            let what = history.get(fact).map_or_else(|| "nothing more".to_owned(), Event::sentence);
            Unrecordable::Differs { fact: fact + 1, what, why }
        };
        let made = made(&trial, &history[next..], next)?;
        if moves.len() == STEPS_MAX {
            return Err(Unrecordable::TooLong);
        }
        let turn = trial.make(made.clone()).map_err(|refused| differs(next, refused.message))?;
        if turn.events.is_empty() {
            return Err(differs(next, "nothing follows from it here".to_owned()));
        }
        for happened in &turn.events {
            let recorded = history.get(next);
            if recorded.map(outline) != Some(outline(happened)) {
                return Err(differs(next, format!("here, it is: {}", happened.sentence())));
            }
            next += 1;
        }
        moves.push(made);
    }
    Ok((moves, *at))
}

/// What two histories have in common that went the same way.
fn outline(event: &Event) -> (&'static str, Option<&str>) {
    (event.name(), event.node())
}

/// The move that the next fact of a history began with.
fn made(trial: &Trial, history: &[Event], fact: usize) -> Result<Move, Unrecordable> {
    // These are noted before what they follow from.
    let is_aside = |event: &Event| match event {
        Event::StepUnsettled { .. } | Event::ChildGivenUp { .. } => true,
        // What answered it is told of by the next one.
        Event::StepSettled { message, by, .. } => message.is_none() && by.is_none(),
        _ => false,
    };
    let leads = history.iter().find(|it| !is_aside(it));
    let event = leads.unwrap_or(&history[0]);
    let item = |token: u32| {
        let state = trial.state()?;
        let token = state.token(token)?;
        item_of(state, token).filter(|_| tokens_at(state, &token.node).count() > 1)
    };
    let answer = |node: &str, item, message: &Message| {
        let (event, payload) = said(message);
        Move::Answer { node: node.to_owned(), item, event, payload }
    };
    Ok(match event {
        Event::Started { input, trigger: None, business_key, .. } => {
            Move::Start { input: input.clone(), business_key: business_key.clone() }
        }
        Event::Started { trigger: Some(message), .. } => {
            Move::Event { event: message.message_type.clone(), payload: message.payload.clone() }
        }
        // What came early and was kept in the instance is told by `MessageBuffered`; what was found by its value had been
        // kept beside the instances, and counts from when it was taken.
        Event::MessageReceived { token, node, message, .. } => answer(node, item(*token), message),
        Event::RetryPlanned { token, node, message: Some(message), .. } => answer(node, item(*token), message),
        Event::StepSettled { node, message: Some(message), .. } => answer(node, None, message),
        Event::MessageBuffered { message, .. } => {
            Move::Event { event: message.message_type.clone(), payload: message.payload.clone() }
        }
        Event::TaskCompleted { token, node, outcome, data, .. } => {
            Move::Choose { node: node.clone(), item: item(*token), outcome: outcome.clone(), data: data.clone() }
        }
        Event::MessageExpired { timer, .. } => wait_for(trial, *timer),
        Event::TimerFired { node, .. }
        | Event::TaskEscalated { node, .. }
        | Event::RetryPlanned { node, message: None, .. }
        | Event::Asked { node, .. }
        | Event::TimeNoted { node, .. }
        | Event::LoopWentOn { node, .. }
        | Event::CommandSent { node, .. }
        | Event::UndoSent { node, .. }
        | Event::IncidentRaised { node, .. } => Move::Timer { node: node.clone() },
        other => return Err(Unrecordable::Operated { fact: fact + 1, what: other.sentence() }),
    })
}

/// What a message says, as moves have it.
fn said(message: &Message) -> (String, Value) {
    match message.message_type.as_str() {
        PROCESS_ENDED => {
            let status = message.payload["status"].as_str().unwrap_or("completed");
            (status.to_owned(), message.payload["output"].clone())
        }
        PROCESS_REFUSED => ("refused".to_owned(), Value::Null),
        other => (other.to_owned(), message.payload.clone()),
    }
}

/// The children of both instances have the same numbers.
fn wait_for(trial: &Trial, timer: TimerId) -> Move {
    let number = crate::ids::InstanceId::of_child(timer.0).number_of(timer.0);
    let own = trial.state().zip(number).map(|(state, number)| TimerId(state.instance.child(number)));
    let due_at = own.and_then(|own| trial.due(own)).unwrap_or(trial.now());
    Move::Wait { length: (due_at - trial.now()).max(chrono::TimeDelta::zero()) }
}

/// What has to stay the same.
#[derive(PartialEq)]
struct Way {
    outlines: Vec<(String, Option<String>)>,
    edges: Vec<(String, String)>,
    sent: Vec<String>,
    made: usize,
}

impl Way {
    fn of(definition: &Definition, moves: &[Move], now: DateTime<Utc>) -> Self {
        let mut trial = Trial::new(definition.clone(), now);
        play(&mut trial, moves.iter());
        let owned = |(name, node): (&'static str, Option<&str>)| (name.to_owned(), node.map(str::to_owned));
        Self {
            outlines: trial.events().map(|event| owned(outline(event))).collect(),
            edges: coverage::walked(trial.events()),
            sent: trial
                .sent()
                .map(|message| format!("{} {}", message.message_type, message.key.aggregate_type))
                .collect(),
            made: trial.turns().len(),
        }
    }
}

/// Masks as much as leaves the way as it is.
fn mask(moves: Vec<Move>, is_same: impl Fn(&[Move]) -> bool) -> (Vec<Move>, Vec<Masked>) {
    let mut places = Vec::new();
    for (step, made) in moves.iter().enumerate() {
        each_leaf(&made.to_value(), made, &mut |pointer| places.push(Masked { step, pointer }));
    }
    let masks = Masks::of(&moves, &places);
    let masked = masks.put(&moves, &places);
    if is_same(&masked) {
        return (masked, Vec::new());
    }
    // Halves are tried before single values, so that the few that matter are found among many.
    let mut fine: Vec<Masked> = Vec::new();
    let mut open = vec![places.clone()];
    let mut tries = 0;
    let mut kept = Vec::new();
    while let Some(part) = open.pop() {
        if part.is_empty() {
            continue;
        }
        tries += 1;
        let together: Vec<Masked> = fine.iter().chain(&part).cloned().collect();
        if tries <= TRIES_MAX && is_same(&masks.put(&moves, &together)) {
            fine = together;
        } else if part.len() == 1 || tries > TRIES_MAX {
            kept.extend(part);
        } else {
            let (first, second) = part.split_at(part.len() / 2);
            open.extend([second.to_vec(), first.to_vec()]);
        }
    }
    kept.sort_by_key(|place| places.iter().position(|known| known == place));
    (masks.put(&moves, &fine), kept)
}

/// The data of a move, where it stands in its JSON.
fn data_field(made: &Move) -> Option<&'static str> {
    match made {
        Move::Start { .. } => Some("start"),
        Move::Answer { .. } | Move::Event { .. } => Some("payload"),
        Move::Choose { .. } => Some("data"),
        Move::Timer { .. } | Move::Wait { .. } => None,
    }
}

/// Calls `visit` with the pointer of every text and number of a move's data.
fn each_leaf(value: &Value, made: &Move, visit: &mut dyn FnMut(String)) {
    fn within(value: &Value, pointer: String, visit: &mut dyn FnMut(String)) {
        match value {
            Value::String(text) if !text.is_empty() => visit(pointer),
            Value::Number(_) => visit(pointer),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| within(item, format!("{pointer}/{index}"), visit));
            }
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, field)| within(field, format!("{pointer}/{}", pointer_token(name)), visit)),
            _ => {}
        }
    }
    for field in data_field(made).into_iter().chain(["business_key"]) {
        within(&value[field], format!("/{field}"), visit);
    }
}

/// What stands for what.
struct Masks(BTreeMap<String, Value>);

impl Masks {
    /// The same stands for the same everywhere, and numbers and dates keep their order.
    fn of(moves: &[Move], places: &[Masked]) -> Self {
        let documents: Vec<Value> = moves.iter().map(Move::to_value).collect();
        let values = places.iter().filter_map(|place| documents[place.step].pointer(&place.pointer));
        let (mut texts, mut dates, mut instants, mut numbers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for value in values {
            match value {
                Value::Number(number) => numbers.push(number.clone()),
                Value::String(text) if text.parse::<NaiveDate>().is_ok() => dates.push(text.clone()),
                Value::String(text) if DateTime::parse_from_rfc3339(text).is_ok() => instants.push(text.clone()),
                Value::String(text) => texts.push(text.clone()),
                _ => {}
            }
        }
        let mut masks = BTreeMap::new();
        let day = |number: usize| {
            NaiveDate::from_ymd_opt(2026, 1, 1).and_then(|it| it.checked_add_days(Days::new(number as u64)))
        };
        for (number, text) in sorted(dates).into_iter().enumerate() {
            masks.extend(day(number).map(|day| (key(&Value::from(text)), Value::from(day.to_string()))));
        }
        for (number, text) in sorted(instants).into_iter().enumerate() {
            masks.extend(day(number).map(|day| (key(&Value::from(text)), Value::from(format!("{day}T09:00:00Z")))));
        }
        for (number, text) in sorted(texts).into_iter().enumerate() {
            let masked = text_like(&text, number + 1);
            masks.insert(key(&Value::from(text)), Value::from(masked));
        }
        numbers.sort_by(|one, other| one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(std::cmp::Ordering::Equal));
        numbers.dedup();
        for (rank, number) in numbers.into_iter().enumerate() {
            // A number with a fraction stays one, so that its type is the same.
            let rank = rank as u32 + 1;
            let masked = if number.is_f64() { Number::from_f64(f64::from(rank) + 0.5) } else { Some(rank.into()) };
            masks.extend(masked.map(|masked| (key(&Value::Number(number)), Value::Number(masked))));
        }
        Self(masks)
    }

    /// The moves, masked at these places.
    fn put(&self, moves: &[Move], places: &[Masked]) -> Vec<Move> {
        let mut documents: Vec<Value> = moves.iter().map(Move::to_value).collect();
        for place in places {
            if let Some(value) = documents[place.step].pointer_mut(&place.pointer)
                && let Some(masked) = self.0.get(&key(value))
            {
                *value = masked.clone();
            }
        }
        moves.iter().zip(documents).map(|(made, document)| with_data(made, document)).collect()
    }
}

/// A move with the data of its JSON.
fn with_data(made: &Move, mut document: Value) -> Move {
    let mut taken = |field: &str| document.get_mut(field).map_or(Value::Null, Value::take);
    let mut made = made.clone();
    match &mut made {
        Move::Start { input, business_key } => {
            *input = taken("start");
            *business_key = taken("business_key").as_str().map(str::to_owned);
        }
        Move::Answer { payload, .. } | Move::Event { payload, .. } => *payload = taken("payload"),
        Move::Choose { data, .. } => *data = taken("data"),
        Move::Timer { .. } | Move::Wait { .. } => {}
    }
    made
}

fn key(value: &Value) -> String {
    value.to_string()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

/// Another text of the same kind.
fn text_like(text: &str, number: usize) -> String {
    if uuid::Uuid::try_parse(text).is_ok() {
        return format!("00000000-0000-4000-8000-{number:012}");
    }
    if text.contains('@') && !text.contains(' ') {
        return format!("masked-{number}@example.com");
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        return format!("https://example.com/masked-{number}");
    }
    format!("masked-{number}")
}
