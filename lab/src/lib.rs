//! The engine in the browser, for trying definitions out: a bundle of its own, which the app loads when somebody asks for it.
//!
//! JSON in, JSON out, and nothing is remembered from one question to the next but the definition that was read last. All rules
//! are [`baton_domain`]'s; the app (`component::trial`) shows what comes back.

use std::cell::RefCell;

use baton_domain::{
    definition::{self, Checked},
    diagnostic::Diagnostic,
    form,
    simulation::{Expect, Move, Scenario, Step, Trial, begins_at, run, show},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

/// A question about the definition in `source`.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    /// What these moves lead to, looked at after the first `at` of them. Answered with a `Shown`.
    Show { source: String, moves: Vec<Value>, at: usize, now: DateTime<Utc> },
    /// The scenarios: name, moves and the clock at the beginning.
    List { source: String },
    /// Run the scenarios. Answered with a `Report`.
    Run { source: String },
    /// The text with a scenario more, of these moves, that expects what they lead to.
    Save { source: String, name: String, moves: Vec<Value>, now: DateTime<Utc> },
    /// The text without a scenario.
    Remove { source: String, name: String },
    /// What somebody filled into the form of this schema.
    Fill { schema: Value, texts: Vec<(String, String)> },
}

/// Answers a question: JSON, or `!` and the findings as JSON where it cannot be answered.
#[wasm_bindgen]
pub fn ask(question: &str) -> String {
    let answer = serde_json::from_str(question)
        .map_err(|error| vec![Diagnostic::error("question", "", error.to_string())])
        .and_then(answered);
    answer.unwrap_or_else(|found| format!("!{}", text(&found)))
}

type Answer = Result<String, Vec<Diagnostic>>;

fn answered(question: Question) -> Answer {
    match question {
        Question::Show { source, moves, at, now } => with(&source, |checked| {
            let definition = runnable(checked)?;
            Ok(text(&show(definition, &read(&moves)?, at, now, &checked.scenarios)))
        }),
        Question::List { source } => with(&source, |checked| {
            let known = checked.scenarios.iter().map(|it| {
                let moves: Vec<Value> = it.moves().map(Move::to_value).collect();
                json!({"name": it.name, "moves": moves, "now": it.now.unwrap_or_else(begins_at)})
            });
            Ok(text(&known.collect::<Vec<_>>()))
        }),
        Question::Run { source } => with(&source, |checked| Ok(text(&run(runnable(checked)?, &checked.scenarios)))),
        Question::Save { source, name, moves, now } => {
            let scenario = with(&source, |checked| {
                let mut trial = Trial::new(runnable(checked)?.clone(), now);
                let moves = read(&moves)?;
                for made in &moves {
                    trial
                        .make(made.clone())
                        .map_err(|refused| vec![Diagnostic::error("move", refused.pointer, refused.message)])?;
                }
                let steps = moves.into_iter().map(Step::new).collect();
                Ok(Scenario { name, description: None, now: Some(now), steps, expect: Expect::of(&trial) })
            })?;
            saved(definition::save_scenario(&source, &scenario))
        }
        Question::Remove { source, name } => {
            let scenarios = with(&source, |checked| {
                let all = checked.value.as_ref().and_then(|value| value["scenarios"].as_array());
                let others = all.into_iter().flatten().filter(|it| it["name"].as_str() != Some(&name));
                Ok(others.cloned().collect::<Vec<_>>())
            })?;
            saved(definition::set_scenarios(&source, &scenarios))
        }
        Question::Fill { schema, texts } => form::read(&schema, &texts).map(|value| text(&value)),
    }
}

fn saved(source: Option<String>) -> Answer {
    let unread = || vec![Diagnostic::error("syntax", "", "The text cannot be read, so nothing can be put into it.")];
    source.map(|source| text(&source)).ok_or_else(unread)
}

thread_local! {
    /// Compiling a definition takes longer than making all the moves.
    static LAST: RefCell<Option<(String, Checked)>> = const { RefCell::new(None) };
}

fn with<T>(source: &str, look: impl FnOnce(&Checked) -> Result<T, Vec<Diagnostic>>) -> Result<T, Vec<Diagnostic>> {
    let last = LAST.take().filter(|(of, _)| of == source);
    let (source, checked) = last.unwrap_or_else(|| (source.to_owned(), definition::check(source)));
    let answer = look(&checked);
    LAST.set(Some((source, checked)));
    answer
}

/// The definition, if it has no errors. Scenarios with errors do not keep anybody from trying it out by hand.
fn runnable(checked: &Checked) -> Result<&definition::Definition, Vec<Diagnostic>> {
    let is_about_scenarios = |it: &Diagnostic| it.pointer.starts_with("/scenarios");
    let errors = checked.diagnostics.iter().filter(|it| it.is_error() && !is_about_scenarios(it));
    let errors: Vec<Diagnostic> = errors.cloned().collect();
    match &checked.definition {
        Some(definition) if errors.is_empty() => Ok(definition),
        _ => Err(errors),
    }
}

fn read(moves: &[Value]) -> Result<Vec<Move>, Vec<Diagnostic>> {
    let scenario = json!({"name": "moves", "steps": moves});
    let mut found = Vec::new();
    let read = Scenario::read(&scenario, String::new(), &mut found);
    match read {
        Some(scenario) if found.is_empty() => Ok(scenario.steps.into_iter().map(|step| step.made).collect()),
        _ => Err(found),
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use baton_domain::simulation::{Report, Shown};

    use super::*;

    const TRIP: &str = include_str!("../../domain/definitions/trip-booking.yaml");

    fn asked(question: Value) -> Result<Value, Vec<String>> {
        let answer = ask(&question.to_string());
        match answer.strip_prefix('!') {
            Some(found) => {
                let found: Vec<Diagnostic> = serde_json::from_str(found).expect("findings");
                Err(found.into_iter().map(|it| format!("{} {}", it.code, it.pointer)).collect())
            }
            None => Ok(serde_json::from_str(&answer).expect("JSON")),
        }
    }

    #[test]
    fn a_trial_is_shown_run_saved_listed_and_removed() {
        let now = "2026-11-23T09:00:00Z";
        let fresh = asked(json!({"ask": "show", "source": TRIP, "moves": [], "at": 0, "now": now})).expect("an answer");
        let shown: Shown = serde_json::from_value(fresh).expect("a trial");
        let start = shown.stand.questions[0].choices[0].made.clone();
        let moves = json!([start, {"timer": "quotes"}]);
        let shown =
            asked(json!({"ask": "show", "source": TRIP, "moves": moves, "at": 2, "now": now})).expect("an answer");
        assert_eq!((&shown["stand"]["status"], shown["turns"].as_array().map(Vec::len)), (&json!("failed"), Some(2)));
        let saved = asked(json!({"ask": "save", "source": TRIP, "name": "mine", "moves": moves, "now": now}));
        let text = saved.expect("a text").as_str().expect("a text").to_owned();
        let list = asked(json!({"ask": "list", "source": text})).expect("a list");
        let last = list.as_array().and_then(|all| all.last()).expect("scenarios");
        assert_eq!((&last["name"], &last["moves"], &last["now"]), (&json!("mine"), &moves, &json!(now)));
        let report: Report =
            serde_json::from_value(asked(json!({"ask": "run", "source": text})).expect("a report")).expect("a report");
        assert!(report.scenarios.len() > 2 && report.failures().count() == 0);
        let removed = asked(json!({"ask": "remove", "source": text, "name": "mine"})).expect("a text");
        assert_eq!(definition::check(removed.as_str().expect("a text")).value, definition::check(TRIP).value);
    }

    #[test]
    fn what_cannot_be_answered_says_why() {
        let broken = TRIP.replace("next: check-dates", "next: nowhere");
        let show = |source: &str| json!({"ask": "show", "source": source, "moves": [], "at": 0, "now": "2026-11-23T09:00:00Z"});
        assert!(asked(show(&broken)).unwrap_err().contains(&"unknown-node /nodes/start/next".to_owned()));
        assert!(asked(show(TRIP)).is_ok(), "what was read before does not stick");
        assert_eq!(asked(show("nodes: [")).unwrap_err(), ["syntax "]);
        assert_eq!(asked(json!({"ask": "what"})).unwrap_err(), ["question "]);
        let moves = json!([{"move": 1}]);
        let wrong =
            asked(json!({"ask": "show", "source": TRIP, "moves": moves, "at": 0, "now": "2026-11-23T09:00:00Z"}));
        assert_eq!(wrong.unwrap_err(), ["move /steps/0"]);
        let filled =
            json!({"ask": "fill", "schema": {"properties": {"n": {"type": "integer"}}}, "texts": [["n", "x"]]});
        assert_eq!(asked(filled).unwrap_err(), ["form /n"]);
    }

    #[test]
    fn broken_scenarios_keep_nobody_from_trying() {
        let text = format!("{TRIP}  - {{name: broken}}\n");
        assert!(
            asked(json!({"ask": "show", "source": text, "moves": [], "at": 0, "now": "2026-11-23T09:00:00Z"})).is_ok()
        );
    }
}
