//! Parts of a saga as text, to be pasted here or in another tab.

use serde_json::{Map, Value, json};

use super::{
    parts::{Part, Saga},
    rules,
};
use crate::designer::{change::Forbidden, clipboard::CLIP_BYTES_MAX, document::Document, rules::Verdict};

/// What the text says that it is.
pub const FORMAT: &str = "saga-parts/1";

/// Some steps in their order, or some reactions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SagaClip {
    pub steps: Vec<Value>,
    pub on: Map<String, Value>,
}

/// What a pasted text was.
pub enum Pasted {
    Parts(SagaClip),
    /// A whole saga: somebody has to say whether its parts are meant, or that it takes the place of this one.
    Definition {
        clip: SagaClip,
        value: Value,
    },
}

/// Copies the steps and reactions among the parts; an undo goes with its step.
pub fn copy(document: &Document, parts: &[Part]) -> SagaClip {
    let saga = Saga::of(document);
    let steps = steps_of(parts);
    let events = parts.iter().filter_map(Part::event);
    SagaClip {
        steps: steps.into_iter().filter_map(|step| saga.step(step).filter(|it| it.is_object()).cloned()).collect(),
        on: events.filter_map(|event| Some((event.to_owned(), saga.reaction(event)?.clone()))).collect(),
    }
}

/// The steps that parts belong to, in their order, each once.
pub fn steps_of(parts: &[Part]) -> Vec<usize> {
    let last = parts.iter().filter_map(Part::step).max().map_or(0, |last| last + 1);
    (0..last).filter(|index| parts.iter().any(|part| part.step() == Some(*index))).collect()
}

impl SagaClip {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.on.is_empty()
    }

    pub fn to_text(&self) -> String {
        format!("{:#}", json!({"baton": FORMAT, "steps": self.steps, "on": self.on}))
    }

    fn of(value: &Value) -> Self {
        let document = Document::new(value.clone());
        let saga = Saga::of(&document);
        let on = saga.reactions().into_iter().map(|(event, it)| (event.to_owned(), it.clone())).collect();
        Self { steps: saga.steps().iter().filter(|step| step.is_object()).cloned().collect(), on }
    }
}

/// What a text from the clipboard means.
///
/// # Errors
///
/// It is none of ours: the sentence says what it is instead.
pub fn read(text: &str) -> Result<Pasted, Forbidden> {
    if text.len() > CLIP_BYTES_MAX {
        let (size, most) = (text.len() as f64 / 1e6, CLIP_BYTES_MAX as f64 / 1e6);
        return Err(Forbidden::because(format!("The clipboard has {size:.1} MB; at most {most:.0} MB can be pasted.")));
    }
    let value: Value = serde_json::from_str(text).map_err(|_| {
        Forbidden::because("The clipboard has no parts of a saga in it: it is not JSON. Copy a step first.")
    })?;
    let clip = SagaClip::of(&value);
    match value.get("baton").and_then(Value::as_str) {
        Some(FORMAT | "saga/1") if clip.is_empty() => {
            Err(Forbidden::because("The clipboard has no steps and no reactions in it."))
        }
        Some(FORMAT) => Ok(Pasted::Parts(clip)),
        Some("saga/1") => Ok(Pasted::Definition { clip, value }),
        Some(other) if other.starts_with("nodes/") || other.starts_with("process/") => {
            Err(Forbidden::because("The clipboard has nodes of a process; a saga has steps or reactions."))
        }
        _ => Err(Forbidden::because("The clipboard has JSON, but no parts of a saga in it. Copy a step first.")),
    }
}

/// Whether it can be pasted.
pub fn can_paste(document: &Document, clip: &SagaClip) -> Verdict {
    if clip.steps.iter().any(|step| !step.is_object()) {
        return Verdict::Forbid("There is a step in it that is no object.".to_owned());
    }
    match (clip.steps.len(), clip.on.len()) {
        (0, 0) => Verdict::Forbid("There is nothing to paste.".to_owned()),
        (0, reactions) => rules::reactions(document, reactions),
        (steps, 0) => rules::steps(document, steps),
        _ => Verdict::Forbid("A saga either has steps or reacts; the clipboard has both.".to_owned()),
    }
}
