//! Scenarios: moves that were saved with a definition, and what should come of them. Apart from its meaning, as the
//! places of nodes are.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Expect, Move};
use crate::{
    diagnostic::Diagnostic,
    fields::{Fields, NAME_CHARS_MAX, name_of, shorten},
};

/// The most scenarios of a definition.
pub const SCENARIOS_MAX: usize = 100;
/// The most steps of a scenario.
pub const STEPS_MAX: usize = 500;
const TEXT_CHARS_MAX: usize = 4_000;

/// What happens to an instance, one thing after the other, and what should come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub name: String,
    pub description: Option<String>,
    /// What the clock says at the beginning; [`begins_at`] when absent.
    pub now: Option<DateTime<Utc>>,
    pub steps: Vec<Step>,
    pub expect: Expect,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub made: Move,
    /// What should be so after this step.
    pub expect: Expect,
}

/// What the clock of a scenario says at the beginning, unless it says so itself: the same whenever it is run.
pub fn begins_at() -> DateTime<Utc> {
    const BEGINNING_S: i64 = 1_767_603_600;
    DateTime::from_timestamp(BEGINNING_S, 0).unwrap_or_default()
}

impl Scenario {
    /// Reads one; `pointer` is where it stands.
    pub fn read(value: &Value, pointer: String, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(value, pointer, found)?;
        let name = fields.required_text("name", NAME_CHARS_MAX, found).map(str::to_owned);
        let description = fields.text("description", TEXT_CHARS_MAX, found).map(str::to_owned);
        let now = fields.text("now", NAME_CHARS_MAX, found).and_then(|text| {
            let now = DateTime::parse_from_rfc3339(text).ok().map(|now| now.to_utc());
            if now.is_none() {
                let message = format!("`{}` is no instant; write 2026-11-23T09:00:00Z.", shorten(text, 60));
                found.push(Diagnostic::error("instant", fields.at("now"), message));
            }
            now
        });
        let place = fields.at("steps");
        let steps = match fields.required("steps", found) {
            Some(Value::Array(steps)) if steps.len() <= STEPS_MAX => {
                let steps = steps.iter().enumerate();
                steps.filter_map(|(index, step)| Step::read(step, format!("{place}/{index}"), found)).collect()
            }
            Some(_) => {
                let message = format!("Must be a list of at most {STEPS_MAX} steps.");
                found.push(Diagnostic::error("wrong-type", place, message));
                Vec::new()
            }
            None => Vec::new(),
        };
        let at = fields.at("expect");
        let expect = fields.optional("expect").and_then(|expect| Expect::read(expect, at, found)).unwrap_or_default();
        fields.finish(found);
        Some(Self { name: name?, description, now, steps, expect })
    }

    /// In the form in which definitions have it.
    pub fn to_value(&self) -> Value {
        let mut fields = Map::from_iter([("name".to_owned(), json!(self.name))]);
        if let Some(description) = &self.description {
            fields.insert("description".to_owned(), json!(description));
        }
        if let Some(now) = &self.now {
            fields.insert("now".to_owned(), json!(now.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)));
        }
        fields.insert("steps".to_owned(), self.steps.iter().map(Step::to_value).collect());
        if !self.expect.is_empty() {
            fields.insert("expect".to_owned(), self.expect.to_value());
        }
        Value::Object(fields)
    }

    pub fn moves(&self) -> impl Iterator<Item = &Move> {
        self.steps.iter().map(|step| &step.made)
    }
}

impl Step {
    pub fn new(made: Move) -> Self {
        Self { made, expect: Expect::default() }
    }

    pub(super) fn read(value: &Value, pointer: String, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(value, pointer, found)?;
        let made = Move::read(&mut fields, found);
        let at = fields.at("expect");
        let expect = fields.optional("expect").and_then(|expect| Expect::read(expect, at, found)).unwrap_or_default();
        if made.is_some() {
            fields.finish(found);
        }
        Some(Self { made: made?, expect })
    }

    fn to_value(&self) -> Value {
        let mut value = self.made.to_value();
        if !self.expect.is_empty() {
            value["expect"] = self.expect.to_value();
        }
        value
    }
}

/// The scenarios of a definition's document, and in `found` what is wrong with them.
pub fn read_scenarios(document: &Value, found: &mut Vec<Diagnostic>) -> Vec<Scenario> {
    let items = match document.get("scenarios") {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) if items.len() <= SCENARIOS_MAX => items,
        Some(Value::Array(_)) => {
            let message = format!("There can be at most {SCENARIOS_MAX} scenarios.");
            found.push(Diagnostic::error("too-many", "/scenarios", message));
            return Vec::new();
        }
        Some(other) => {
            let message = format!("Must be a list of scenarios, not {}.", name_of(other));
            found.push(Diagnostic::error("wrong-type", "/scenarios", message));
            return Vec::new();
        }
    };
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("/scenarios/{index}");
        let Some(scenario) = Scenario::read(item, pointer.clone(), found) else { continue };
        if scenarios.iter().any(|known| known.name == scenario.name) {
            let message = format!("There is another scenario called `{}`.", shorten(&scenario.name, 60));
            found.push(Diagnostic::error("duplicate-name", format!("{pointer}/name"), message));
        }
        scenarios.push(scenario);
    }
    scenarios
}
