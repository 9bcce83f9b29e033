//! What the panel holds: the moves that were made, and what the engine said lastly.

use baton_domain::{diagnostic::Diagnostic, simulation::Shown};
use leptos::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::lab;
use crate::{dom, model::CheckReport};

/// The heading that gets the focus when what had it is gone.
pub const NOW: &str = "trial-now";

/// A scenario of the definition, to be played.
#[derive(Debug, Clone, Deserialize)]
pub struct Known {
    pub name: String,
    pub moves: Vec<Value>,
    pub now: String,
}

/// Handles of one page's panel; made by the page, so that nothing is lost when it is drawn again. Answers stay JSON until they
/// are drawn, which keeps the bundle small.
#[derive(Clone, Copy)]
pub struct Bench {
    /// The definition, from the first drawing on.
    text: StoredValue<Option<Signal<String>>>,
    /// The text that was tried lastly.
    tried: StoredValue<String>,
    /// Where an edited text goes to; nothing can be saved without.
    pub change: Option<Callback<String>>,
    pub is_open: RwSignal<bool>,
    moves: StoredValue<Vec<Value>>,
    /// What the clock says at the beginning.
    now: StoredValue<String>,
    /// How many of the moves are looked at.
    pub at: RwSignal<usize>,
    shown: RwSignal<Option<String>>,
    /// Why the last thing was not done.
    pub refused: RwSignal<Option<String>>,
    /// What happened last, for those who do not see it.
    pub said: RwSignal<String>,
    known: RwSignal<Option<String>>,
    ran: RwSignal<Option<String>>,
    /// Whether the diagram shows what all scenarios cover.
    pub covers: RwSignal<bool>,
}

impl Bench {
    pub fn new(change: Option<Callback<String>>) -> Self {
        Self {
            text: StoredValue::new(None),
            tried: StoredValue::new(String::new()),
            change,
            is_open: RwSignal::new(false),
            moves: StoredValue::new(Vec::new()),
            now: StoredValue::new(String::new()),
            at: RwSignal::new(0),
            shown: RwSignal::new(None),
            refused: RwSignal::new(None),
            said: RwSignal::new(String::new()),
            known: RwSignal::new(None),
            ran: RwSignal::new(None),
            covers: RwSignal::new(false),
        }
    }

    /// What is tried from now on. What was edited is tried again as soon as it was checked.
    pub fn follow(self, text: Signal<String>, report: Signal<CheckReport>) {
        self.text.set_value(Some(text));
        Effect::new(move |_| {
            report.track();
            let is_other = self.tried.with_value(|tried| *tried != text.get_untracked());
            if self.is_open.get_untracked() && is_other {
                self.ran.set(None);
                self.covers.set(false);
                self.refused.set(None);
                self.refresh();
            }
        });
    }

    fn text(self) -> String {
        self.text.get_value().map(|text| text.get_untracked()).unwrap_or_default()
    }

    /// How it stands; `None` before the first answer, and while the definition has errors.
    pub fn shown(self) -> Option<Shown> {
        decoded(self.shown)
    }

    pub fn known(self) -> Vec<Known> {
        decoded(self.known).unwrap_or_default()
    }

    pub fn ran(self) -> Option<crate::model::ScenarioReport> {
        decoded(self.ran)
    }

    pub fn open(self) {
        self.is_open.set(true);
        self.begin();
    }

    /// Nothing has happened yet; the clock says what it says now.
    pub fn begin(self) {
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        self.play(Vec::new(), now, 0);
    }

    fn play(self, moves: Vec<Value>, now: String, at: usize) {
        self.moves.set_value(moves);
        self.now.set_value(now);
        self.at.set(at);
        self.refused.set(None);
        self.refresh();
    }

    /// Plays a scenario to its end.
    pub fn load(self, known: Known) {
        let at = known.moves.len();
        self.said.set(format!("{} is played", known.name));
        self.play(known.moves, known.now, at);
    }

    /// Makes a move. What came after this point before is forgotten.
    pub fn make(self, made: Value) {
        let at = self.at.get_untracked();
        self.moves.update_value(|moves| {
            moves.truncate(at);
            moves.push(made);
        });
        self.at.set(at + 1);
        self.refused.set(None);
        self.refresh();
        dom::focus(NOW);
    }

    /// Looks at how it stood after so many moves.
    pub fn go(self, at: usize) {
        self.at.set(at.min(self.moves.with_value(Vec::len)));
        self.refused.set(None);
        self.refresh();
    }

    fn refresh(self) {
        let source = self.text();
        self.tried.set_value(source.clone());
        let question = json!({
            "ask": "show",
            "source": source,
            "moves": self.moves.get_value(),
            "at": self.at.get_untracked(),
            "now": self.now.get_value(),
        });
        lab::ask(&question, Box::new(move |answer| self.take(answer)));
        let question = json!({"ask": "list", "source": source});
        lab::ask(&question, Box::new(move |answer| drop(self.known.try_set(answer.ok()))));
    }

    fn take(self, answer: Result<String, Vec<Diagnostic>>) {
        // The page may be gone by then.
        if self.shown.is_disposed() {
            return;
        }
        match answer {
            Ok(json) => {
                let shown: Option<Shown> = serde_json::from_str(&json).ok();
                if let Some(shown) = &shown {
                    let made = shown.turns.len();
                    self.moves.update_value(|moves| moves.truncate(made));
                    if self.at.get_untracked() > made {
                        self.at.set(made);
                    }
                    if shown.refused.is_some() {
                        self.refused.set(shown.refused.clone());
                    }
                    self.said.set(said(shown, self.at.get_untracked()));
                }
                self.shown.set(Some(json));
            }
            Err(found) => {
                self.shown.set(None);
                self.refused.set(Some(sentence(&found)));
            }
        }
    }

    /// Runs all scenarios.
    pub fn run(self) {
        let question = json!({"ask": "run", "source": self.text()});
        let took = move |answer: Result<String, Vec<Diagnostic>>| match answer {
            Ok(report) => {
                let _ = self.ran.try_set(Some(report));
                let _ = self.covers.try_set(true);
            }
            Err(found) => drop(self.refused.try_set(Some(sentence(&found)))),
        };
        lab::ask(&question, Box::new(took));
    }

    /// Saves the moves up to here as a scenario of the definition.
    pub fn save(self, name: String) {
        let at = self.at.get_untracked();
        let moves: Vec<Value> = self.moves.with_value(|moves| moves.iter().take(at).cloned().collect());
        let (source, now) = (self.text(), self.now.get_value());
        let words = format!("{name} is in the draft now");
        self.rewrite(json!({"ask": "save", "source": source, "name": name, "moves": moves, "now": now}), words);
    }

    pub fn remove(self, name: String) {
        let words = format!("{name} is removed from the draft");
        self.rewrite(json!({"ask": "remove", "source": self.text(), "name": name}), words);
    }

    fn rewrite(self, question: Value, words: String) {
        let Some(change) = self.change else { return };
        let took = move |answer: Result<String, Vec<Diagnostic>>| {
            if self.shown.is_disposed() {
                return;
            }
            let text = answer.map(|json| serde_json::from_str::<String>(&json).unwrap_or_default());
            match text {
                Ok(text) if !text.is_empty() => {
                    self.said.set(words);
                    change.run(text);
                }
                Ok(_) => {}
                Err(found) => self.refused.set(Some(sentence(&found))),
            }
        };
        lab::ask(&question, Box::new(took));
    }
}

fn decoded<T: DeserializeOwned>(json: RwSignal<Option<String>>) -> Option<T> {
    json.with(|json| json.as_ref().and_then(|json| serde_json::from_str(json).ok()))
}

fn said(shown: &Shown, at: usize) -> String {
    let what = match at.checked_sub(1).and_then(|last| shown.turns.get(last)) {
        Some(turn) => format!("Step {at}: {}. ", turn.title),
        None => String::new(),
    };
    let status = shown.stand.status.as_deref().unwrap_or("not started");
    let places = if shown.stand.under_way.is_empty() {
        String::new()
    } else {
        format!(" at {}", shown.stand.under_way.join(", "))
    };
    format!("{what}Now {status}{places}.")
}

pub fn sentence(found: &[Diagnostic]) -> String {
    let first = found.iter().find(|it| it.is_error()).or(found.first());
    let more = found.len().saturating_sub(1);
    match first {
        Some(first) if more > 0 => format!("{} (and {more} more)", first.message),
        Some(first) => first.message.clone(),
        None => "This cannot be tried out as it is.".to_owned(),
    }
}
