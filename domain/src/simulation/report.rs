//! Scenarios run: which of them came out as they should, and what they went through.

use serde::{Deserialize, Serialize};

use super::{Coverage, Scenario, Trial, begins_at};
use crate::{definition::Definition, diagnostic::Diagnostic};

/// The code of what says that a scenario came out otherwise.
pub const FAILED: &str = "scenario-failed";

/// What running all scenarios of a definition showed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScenarioReport))]
pub struct Report {
    pub scenarios: Vec<Verdict>,
    pub coverage: Coverage,
}

/// How one scenario came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    pub name: String,
    /// How many steps were made.
    pub steps: usize,
    /// What came out otherwise, with pointers into the document; none when all is well.
    pub failures: Vec<Diagnostic>,
}

impl Verdict {
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

impl Report {
    pub fn failures(&self) -> impl Iterator<Item = &Diagnostic> {
        self.scenarios.iter().flat_map(|verdict| &verdict.failures)
    }

    /// In short: `2 of 3 scenarios passed; 12 of 14 nodes, 15 of 20 edges`.
    pub fn sentence(&self) -> String {
        let passed = self.scenarios.iter().filter(|verdict| verdict.passed()).count();
        format!("{passed} of {} scenarios passed; {}", self.scenarios.len(), self.coverage.sentence())
    }
}

/// Runs scenarios. They stand in the document at `/scenarios`, in this order.
pub fn run(definition: &Definition, scenarios: &[Scenario]) -> Report {
    let runs = scenarios.iter().enumerate().map(|(index, scenario)| run_one(definition, scenario, index));
    let (scenarios, trials): (Vec<Verdict>, Vec<Trial>) = runs.unzip();
    let coverage = Coverage::of(definition, trials.iter());
    Report { scenarios, coverage }
}

fn run_one(definition: &Definition, scenario: &Scenario, index: usize) -> (Verdict, Trial) {
    let mut trial = Trial::new(definition.clone(), scenario.now.unwrap_or_else(begins_at));
    let place = format!("/scenarios/{index}");
    let named = |mut failure: Diagnostic, step: Option<usize>| {
        let step = step.map_or_else(String::new, |step| format!(", step {}", step + 1));
        failure.message = format!("{}{step}: {}", scenario.name, failure.message);
        failure
    };
    let mut failures = Vec::new();
    for (number, step) in scenario.steps.iter().enumerate() {
        let at = format!("{place}/steps/{number}");
        if let Err(refused) = trial.make(step.made.clone()) {
            let message = format!("{} is impossible. {}", step.made.sentence(), refused.message);
            let failure = Diagnostic::error(FAILED, format!("{at}{}", refused.pointer), message);
            failures.push(named(failure, Some(number)));
            break;
        }
        let wrong = step.expect.check(&trial, number);
        failures.extend(wrong.into_iter().map(|failure| named(failure.under(&format!("{at}/expect")), Some(number))));
    }
    // Of what was not gone through to its end, nothing more can be said.
    if trial.turns().len() == scenario.steps.len() {
        let wrong = scenario.expect.check(&trial, 0);
        failures.extend(wrong.into_iter().map(|failure| named(failure.under(&format!("{place}/expect")), None)));
    }
    (Verdict { name: scenario.name.clone(), steps: trial.turns().len(), failures }, trial)
}
