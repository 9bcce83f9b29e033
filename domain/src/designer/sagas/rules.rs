//! What may be done to a saga: asked while the pointer hovers, and again by every edit.

use super::parts::{Part, Saga};
use crate::designer::{
    Kind,
    document::Document,
    rules::{Verdict, message_type, name},
};

/// The most steps and reactions of a saga.
pub const STEPS_MAX: usize = 100;
pub const REACTIONS_MAX: usize = 200;
/// Histories use these for something else than a step.
pub const OWN_NAMES: [&str; 4] = ["start", "compensation", "completed", "compensated"];
const CONDITION: &str = "if-";

pub fn is_reserved(name: &str) -> bool {
    OWN_NAMES.contains(&name) || name.starts_with(CONDITION)
}

const KEEP_START: &str = "A saga with steps needs what starts it. Select everything (Ctrl+A) to begin anew.";
const KEEP_STEP: &str =
    "A saga with steps has at least one. Add another one first, or select everything (Ctrl+A) to begin anew.";

fn forbid(reason: impl Into<String>) -> Verdict {
    Verdict::Forbid(reason.into())
}

/// Whether something of this kind can be added at all.
pub fn add(document: &Document, kind: Kind) -> Verdict {
    match kind {
        Kind::Step => steps(document, 1),
        Kind::Reaction => reactions(document, 1),
        Kind::Undo if Saga::of(document).steps().is_empty() => forbid("There is no step to undo yet."),
        Kind::Undo => Verdict::Allow,
        _ => forbid("A saga has steps and what undoes them, or reactions; draw a process for the rest."),
    }
}

/// Whether there can be so many more steps.
pub fn steps(document: &Document, more: usize) -> Verdict {
    let saga = Saga::of(document);
    if !saga.reactions().is_empty() {
        return forbid("A saga either reacts or has steps. Remove the reactions first, or make another saga.");
    }
    if saga.field("steps").is_some_and(|steps| !steps.is_array() && !steps.is_null()) {
        return forbid("`steps` is no list. Mend it in the text first.");
    }
    if saga.steps().len() + more > STEPS_MAX {
        return forbid(format!("A saga has at most {STEPS_MAX} steps."));
    }
    Verdict::Allow
}

/// Whether there can be so many more reactions.
pub fn reactions(document: &Document, more: usize) -> Verdict {
    let saga = Saga::of(document);
    if saga.is_stateful() {
        return forbid("A saga either has steps or reacts. Remove the steps first, or make another saga.");
    }
    if saga.field("on").is_some_and(|on| !on.is_object() && !on.is_null()) {
        return forbid("`on` is no object. Mend it in the text first.");
    }
    if saga.reactions().len() + more > REACTIONS_MAX {
        return forbid(format!("A saga has at most {REACTIONS_MAX} reactions."));
    }
    Verdict::Allow
}

/// Whether the step at a place can get what undoes it.
pub fn add_undo(document: &Document, step: usize) -> Verdict {
    let saga = Saga::of(document);
    match saga.step(step) {
        None => forbid("There is no such step."),
        Some(value) if !value.is_object() => forbid("This step is no object. Mend it in the text first."),
        Some(_) if saga.undo(step).is_some() => {
            forbid(format!("{} has its undo already.", super::title(document, &Part::Step(step))))
        }
        Some(_) => Verdict::Allow,
    }
}

/// Whether steps may stand before the one that stands at `to` now.
pub fn move_steps(document: &Document, steps: &[usize], to: usize) -> Verdict {
    let count = Saga::of(document).steps().len();
    if steps.is_empty() || steps.iter().any(|step| *step >= count) || to > count {
        return forbid("There is no such step.");
    }
    if reordered(count, steps, to).is_sorted() { Verdict::Ignore } else { Verdict::Allow }
}

/// The steps by the places that they had, in their new order.
pub fn reordered(count: usize, steps: &[usize], to: usize) -> Vec<usize> {
    let to = to.min(count);
    let mut order = Vec::with_capacity(count);
    let pick = |order: &mut Vec<usize>, range: std::ops::Range<usize>, moves: bool| {
        order.extend(range.filter(|index| steps.contains(index) == moves));
    };
    pick(&mut order, 0..to, false);
    pick(&mut order, 0..count, true);
    pick(&mut order, to..count, false);
    order
}

/// Whether these parts can be taken away together.
pub fn remove(document: &Document, parts: &[Part]) -> Verdict {
    let saga = Saga::of(document);
    let mut steps = Vec::new();
    let (mut start, mut others) = (false, false);
    for part in parts {
        match part {
            Part::Start => start = true,
            Part::Step(index) if !steps.contains(index) => steps.push(*index),
            Part::Step(_) => {}
            Part::Undo(_) | Part::Event(_) | Part::Reaction(_) => others = true,
            Part::Completed | Part::Compensated => {}
        }
    }
    let all = steps.len() == saga.steps().len();
    match () {
        () if start && !all => forbid(KEEP_START),
        () if !steps.is_empty() && all && !start => forbid(KEEP_STEP),
        () if start || others || !steps.is_empty() => Verdict::Allow,
        () if parts.is_empty() => forbid("There is nothing to remove."),
        () => forbid("Where a saga ends follows from its steps."),
    }
}

/// Whether the step at a place can be called that.
pub fn rename_step(document: &Document, step: usize, to: &str) -> Verdict {
    let saga = Saga::of(document);
    let Some(value) = saga.step(step) else { return forbid("There is no such step.") };
    let called = |step: &serde_json::Value| step.get("name").and_then(serde_json::Value::as_str) == Some(to);
    if called(value) {
        return Verdict::Ignore;
    }
    match name(to) {
        Verdict::Allow if is_reserved(to) => forbid(format!("A step cannot be called `{to}`: histories use that.")),
        Verdict::Allow if saga.steps().iter().any(called) => {
            forbid(format!("There is a step `{to}` already; names are unique."))
        }
        Verdict::Allow if !value.is_object() => forbid("This step is no object. Mend it in the text first."),
        verdict => verdict,
    }
}

/// Whether the reaction to one event can be one to another.
pub fn rename_event(document: &Document, event: &str, to: &str) -> Verdict {
    let saga = Saga::of(document);
    if saga.reaction(event).is_none() {
        return forbid(format!("There is no reaction to `{event}`."));
    }
    match message_type(to) {
        _ if event == to => Verdict::Ignore,
        Verdict::Allow if saga.reaction(to).is_some() => forbid(format!("There is a reaction to `{to}` already.")),
        verdict => verdict,
    }
}
