//! What is different between two versions, found on the server: the browser needs none of it.

use baton_domain::{
    definition::DefinitionKind,
    designer::{Document, centres, compare},
    diagnostic::Diagnostic,
};

use crate::{
    model::{CheckReport, Compared, ComparisonView, DefinitionDetail, Side},
    port::{Answer, AppError, Backend},
};

/// More nodes than this are only listed: a drawing of them says nothing any more, and takes seconds.
const DRAWN_NODES_MAX: usize = 1_000;

pub async fn view(
    backend: &dyn Backend,
    kind: DefinitionKind,
    name: String,
    (from, to): (&str, &str),
) -> Answer<ComparisonView> {
    let base = match backend.definition(kind, name.clone(), None, false).await {
        Err(AppError::NotFound(_)) => backend.definition(kind, name.clone(), None, true).await,
        other => other,
    }?;
    let (from, to) = chosen(&base, from, to)?;
    let outcome = if from == to {
        if Side::all(&base).len() < 2 { Compared::Only } else { Compared::Same }
    } else {
        let (mut old, mut new) = (None, None);
        for (side, report) in [(from, &mut old), (to, &mut new)] {
            let (version, draft) = match side {
                Side::Version(number) => (Some(number), false),
                Side::Draft => (None, true),
            };
            let is_there = base.shown == version;
            *report = Some(match is_there {
                true => base.check.clone(),
                false => backend.definition(kind, name.clone(), version, draft).await?.check,
            });
        }
        match (old, new) {
            (Some(old), Some(new)) => compared(kind, (from, &old), (to, &new)),
            _ => Compared::Same,
        }
    };
    Ok(ComparisonView { summary: base.summary, versions: base.versions, from, to, outcome })
}

/// The sides that are asked for. Where one or both are not named: the newest there is, and what came before it.
fn chosen(base: &DefinitionDetail, from: &str, to: &str) -> Answer<(Side, Side)> {
    let all = Side::all(base);
    let named = |text: &str, field: &str| match Side::read(text) {
        _ if text.is_empty() => Ok(None),
        Some(side) if all.contains(&side) => Ok(Some(side)),
        Some(Side::Version(number)) => {
            Err(AppError::NotFound(format!("{} has no version {number}.", base.summary.name)))
        }
        Some(Side::Draft) => Err(AppError::NotFound(format!("{} has no draft.", base.summary.name))),
        None => {
            let message = format!("“{text}” is neither the number of a version nor `draft`.");
            Err(AppError::Invalid(vec![Diagnostic::error("no-version", format!("/{field}"), message)]))
        }
    };
    let newest = all.last().copied().unwrap_or(Side::Draft);
    let before = |to: Side| all.iter().copied().take_while(|side| *side != to).last().unwrap_or(to);
    Ok(match (named(from, "from")?, named(to, "to")?) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) if from != newest => (from, newest),
        (_, to) => {
            let to = to.unwrap_or(newest);
            (before(to), to)
        }
    })
}

impl Side {
    /// All that can be compared, the oldest first and the draft last.
    fn all(detail: &DefinitionDetail) -> Vec<Self> {
        let mut numbers: Vec<u32> = detail.versions.iter().map(|version| version.version).collect();
        numbers.sort_unstable();
        let draft = detail.summary.has_draft.then_some(Self::Draft);
        numbers.into_iter().map(Self::Version).chain(draft).collect()
    }
}

fn compared(kind: DefinitionKind, (from, old): (Side, &CheckReport), (to, new): (Side, &CheckReport)) -> Compared {
    let (old_value, new_value) = match (&old.document, &new.document) {
        (None, _) => return Compared::Unreadable(from),
        (_, None) => return Compared::Unreadable(to),
        (Some(old), Some(new)) => (old, new),
    };
    if kind == DefinitionKind::Saga {
        return Compared::Sagas(compare::compare_values(old_value, new_value));
    }
    let (mut old_document, mut new_document) = (Document::new(old_value.clone()), Document::new(new_value.clone()));
    // Before nodes without a place get one: that would be told as placed.
    let comparison = compare::compare(&old_document, &new_document);
    let drawing = (old_document.len() + new_document.len() <= DRAWN_NODES_MAX).then(|| {
        for (document, report) in [(&mut old_document, old), (&mut new_document, new)] {
            document.place_missing(&report.diagram.as_ref().map(centres).unwrap_or_default());
        }
        compare::draw(&old_document, &new_document)
    });
    Compared::Processes { comparison: Box::new(comparison), drawing }
}

#[cfg(test)]
mod tests {
    use Side::{Draft, Version};

    use super::*;
    use crate::model::{DefinitionSummary, VersionSummary};

    fn detail(versions: u32, has_draft: bool) -> DefinitionDetail {
        let version = |version| VersionSummary {
            version,
            note: None,
            published_by: "robin".to_owned(),
            published_at: Default::default(),
            live: 0,
            ended: 0,
        };
        let summary = DefinitionSummary {
            kind: DefinitionKind::Process,
            name: "parcel".to_owned(),
            version: (versions > 0).then_some(versions),
            has_draft,
            published_at: None,
            published_by: None,
            live: 0,
            stuck: 0,
            ended: 0,
        };
        let versions = (1..=versions).rev().map(version).collect();
        let (source, check) = (String::new(), CheckReport::default());
        DefinitionDetail { summary, shown: None, draft: None, versions, source, check, input_schema: None }
    }

    #[test]
    fn sides_that_are_not_named_are_chosen() {
        for (versions, has_draft, from, to, expected) in [
            (1, false, "", "", (Version(1), Version(1))),
            (0, true, "", "", (Draft, Draft)),
            (1, true, "", "", (Version(1), Draft)),
            (3, false, "", "", (Version(2), Version(3))),
            (3, true, "", "", (Version(3), Draft)),
            (3, false, "1", "", (Version(1), Version(3))),
            (3, false, "3", "", (Version(2), Version(3))),
            (3, true, "3", "", (Version(3), Draft)),
            (3, true, "draft", "", (Version(3), Draft)),
            (3, false, "", "2", (Version(1), Version(2))),
            (3, false, "", "1", (Version(1), Version(1))),
            (3, true, "3", "1", (Version(3), Version(1))),
            (3, true, "draft", "draft", (Draft, Draft)),
        ] {
            let chosen = chosen(&detail(versions, has_draft), from, to);
            assert_eq!(chosen, Ok(expected), "{versions} {has_draft} {from:?} {to:?}");
        }
    }

    #[test]
    fn sides_that_are_not_there_are_refused() {
        for (from, to) in [("4", ""), ("", "4"), ("1", "draft"), ("0", "1")] {
            let answer = chosen(&detail(3, false), from, to);
            assert!(matches!(answer, Err(AppError::NotFound(_))), "{from} {to}: {answer:?}");
        }
        for (from, to) in [("one", "2"), ("1", "-2"), ("1", "4294967296")] {
            let answer = chosen(&detail(3, false), from, to);
            assert!(matches!(answer, Err(AppError::Invalid(_))), "{from} {to}: {answer:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_and_what_is_not_sound_is_compared() {
        let report = |document: Option<serde_json::Value>| CheckReport { document, ..CheckReport::default() };
        let (unreadable, odd) = (report(None), report(Some(serde_json::json!([1]))));
        let view = |old, new| compared(DefinitionKind::Process, (Version(1), old), (Draft, new));
        assert_eq!(view(&unreadable, &odd), Compared::Unreadable(Version(1)));
        assert_eq!(view(&odd, &unreadable), Compared::Unreadable(Draft));
        let Compared::Processes { comparison, drawing } = view(&odd, &odd) else { panic!("they are processes") };
        assert!(comparison.is_empty() && drawing.is_some_and(|drawing| drawing.diagram.nodes.is_empty()));
    }
}
