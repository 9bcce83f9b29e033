//! Scenarios: run when a definition is published or asked for, and made of what instances went through.

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use baton_domain::{
    definition::{self, DefinitionKind},
    diagnostic::Diagnostic,
    process::Event,
    simulation::{self, Report},
};
use uuid::Uuid;

use super::{
    Service,
    instances::{KEY_CHARS_MAX, check_text},
};

/// The longest history that a scenario is made of, in events.
const EVENTS_MAX: usize = 20_000;

impl Service {
    /// Makes a scenario of what an ended instance went through, and puts it into the draft of its definition.
    pub(super) async fn make_scenario(&self, actor: Actor, id: Uuid, name: Option<String>) -> Answer<ScenarioMade> {
        let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| format!("as instance {id} went"));
        check_text("/name", &name, 1..=KEY_CHARS_MAX)?;
        let row = self.instance_row(id).await?;
        if !row.status.is_terminal() {
            let message = "Only an instance that has ended can be made a scenario of.".to_owned();
            return Err(AppError::Conflict { code: "not-ended".into(), message });
        }
        let mut history: Vec<Event> = Vec::new();
        loop {
            let page = self.events(row.id, history.len() as i64).await?;
            if page.is_empty() {
                break;
            }
            history.extend(page.into_iter().map(|recorded| recorded.event));
            if history.len() > EVENTS_MAX {
                let message = format!("Its history has more than {EVENTS_MAX} events, too many for a scenario.");
                return Err(AppError::Conflict { code: "too-long".into(), message });
            }
        }
        let version = self.read_definition(row.kind, row.definition.clone(), Some(row.version), false).await?;
        let (draft, seen) = match self.stored_draft(row.kind, row.definition.clone()).await? {
            Some(draft) => (draft.source, Some(draft.mark.mark)),
            None => (self.read_definition(row.kind, row.definition.clone(), None, false).await?.source, None),
        };
        let (source, called) = (version.source, name.clone());
        let (kept, text) = blocking(move || put_into(&source, &draft, &called, &history)).await??;
        let seen = Seen { draft: Some(seen), ..Seen::default() };
        self.store_draft(actor, row.kind, row.definition.clone(), text, seen).await?;
        Ok(ScenarioMade { kind: row.kind, definition: row.definition, name, kept })
    }
}

/// The places that stayed as they were, and the draft with the scenario.
fn put_into(source: &str, draft: &str, name: &str, history: &[Event]) -> Answer<(Vec<String>, String)> {
    let parsed = definition::parse(source).map_err(AppError::Invalid)?;
    let mut made = simulation::recorded(&parsed.definition, name, history)
        .map_err(|why| AppError::Conflict { code: "no-scenario".into(), message: why.to_string() })?;
    let kept: Vec<String> = made.kept.iter().map(|it| format!("step {} {}", it.step + 1, it.pointer)).collect();
    let masked = match kept.is_empty() {
        true => "Texts, numbers and dates are masked.".to_owned(),
        false => format!("Masked, but for what it goes another way without: {}.", shortened(kept.join(", "))),
    };
    made.scenario.description = Some(masked);
    let text = definition::save_scenario(draft, &made.scenario).ok_or_else(|| AppError::Conflict {
        code: "broken-draft".into(),
        message: "The draft cannot be read, so nothing can be put into it. Mend it first.".into(),
    })?;
    Ok((kept, text))
}

/// What fits into a description.
fn shortened(mut text: String) -> String {
    const CHARS_MAX: usize = 3_000;
    if let Some((end, _)) = text.char_indices().nth(CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Runs the scenarios of a text.
pub(super) async fn run(source: String) -> Answer<Report> {
    blocking(move || {
        let parsed = definition::parse(&source)
            .map_err(|found| AppError::Invalid(found.into_iter().filter(Diagnostic::is_error).collect()))?;
        Ok(simulation::run(&parsed.definition, &parsed.scenarios))
    })
    .await?
}

/// What came out otherwise, for the one who publishes.
pub(super) fn failures(kind: DefinitionKind, report: &Report) -> Vec<Diagnostic> {
    let failed = report.scenarios.iter().filter(|verdict| !verdict.passed()).count();
    let Some(first) = report.failures().next() else { return Vec::new() };
    let summary = format!(
        "{failed} of {} scenarios of this {} come out otherwise. Mend them, or publish it all the same by force.",
        report.scenarios.len(),
        kind.as_str()
    );
    let summary = Diagnostic { pointer: "/scenarios".to_owned(), message: summary, ..first.clone() };
    std::iter::once(summary).chain(report.failures().cloned()).collect()
}

/// What the audit says about a version that was published all the same.
pub(super) fn forced(report: &Report) -> Option<String> {
    let failed = report.scenarios.iter().filter(|verdict| !verdict.passed());
    let names: Vec<&str> = failed.map(|verdict| verdict.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("(By force: these scenarios came out otherwise: {}.)", names.join("; ")))
}

/// Expressions and schemas take a while.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| {
        tracing::error!(%panic, "running scenarios panicked");
        AppError::Internal
    })
}
