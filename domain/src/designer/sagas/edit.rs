//! Edits of a saga. As for processes, the inverse comes from the values that were replaced.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    clip::{self, SagaClip},
    parts::{Part, STATEFUL, Saga, part_at},
    rules, title,
    words::{names, text},
};
use crate::{
    designer::{
        change::{Change, Draft, Forbidden},
        document::Document,
        edit::{fresh, scenarios},
    },
    diagnostic::pointer_token,
};

/// Steps are named by their places, counted from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum SagaEdit {
    /// A new step at that place. The first one brings along what starts the saga.
    AddStep {
        at: usize,
    },
    /// What undoes a step.
    AddUndo {
        step: usize,
    },
    AddReaction,
    /// To before the step that stands at `to` now; the number of steps is behind the last.
    MoveSteps {
        steps: Vec<usize>,
        to: usize,
    },
    /// By what they are called on the canvas.
    Remove {
        parts: Vec<String>,
    },
    /// Scenarios that name it follow.
    RenameStep {
        step: usize,
        to: String,
    },
    /// To react to another event in the same way.
    RenameEvent {
        event: String,
        to: String,
    },
    /// Parts of elsewhere, steps to before the one that stands at `at` now.
    Paste {
        clip: SagaClip,
        at: usize,
    },
}

pub fn apply(draft: &mut Draft<'_>, edit: &SagaEdit) -> Result<Change, Forbidden> {
    match edit {
        SagaEdit::AddStep { at } => add_step(draft, *at),
        SagaEdit::AddUndo { step } => add_undo(draft, *step),
        SagaEdit::AddReaction => add_reaction(draft),
        SagaEdit::MoveSteps { steps, to } => move_steps(draft, steps, *to),
        SagaEdit::Remove { parts } => remove(draft, parts),
        SagaEdit::RenameStep { step, to } => rename_step(draft, *step, to),
        SagaEdit::RenameEvent { event, to } => rename_event(draft, event, to),
        SagaEdit::Paste { clip, at } => paste(draft, clip, *at),
    }
}

/// After a field was written: a time-out without any field is none, and what happened in a sentence.
pub fn set(draft: &mut Draft<'_>, pointer: &str) -> Result<Change, Forbidden> {
    if let Some((parent, _)) = pointer.rsplit_once('/').filter(|(parent, _)| parent.ends_with("/timeout"))
        && draft.get(parent).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
    {
        draft.set(parent, None)?;
    }
    let document = draft.document();
    let field = pointer.rsplit('/').next().unwrap_or_default();
    let part = part_at(document, pointer);
    let sentence = match &part {
        Some(part) => format!("Changed {field} of {}", title(document, part)),
        None => format!("Changed {field}"),
    };
    let touched = part.iter().map(|part| part.id(&Saga::of(document).ids())).collect();
    Ok(Change { touched, sentence, coalesces: Some(format!("set {pointer}")), ..Change::default() })
}

/// The names that steps have, and those that none may have.
pub fn taken(document: &Document) -> BTreeSet<String> {
    let own = Saga::of(document).steps().iter().filter_map(|step| text(step, "name"));
    own.map(str::to_owned).chain(rules::OWN_NAMES.map(str::to_owned)).collect()
}

/// What is changed about a part, and selected afterwards.
fn changed(document: &Document, parts: &[Part], sentence: String) -> Change {
    let ids = Saga::of(document).ids();
    let touched: Vec<String> = parts.iter().map(|part| part.id(&ids)).collect();
    Change { select: touched.clone(), touched, sentence, ..Change::default() }
}

fn begin_steps(draft: &mut Draft<'_>) -> Result<(), Forbidden> {
    let first = [("start", json!("SomethingHappened")), ("correlate", json!("=event.aggregate_id"))];
    for (field, value) in first {
        let pointer = format!("/{field}");
        if draft.get(&pointer).is_none_or(Value::is_null) && Saga::of(draft.document()).steps().is_empty() {
            draft.set(&pointer, Some(value))?;
        }
    }
    // An empty `on` is no reaction, and in the way of steps.
    if draft.get("/on").is_some() {
        draft.set("/on", None)?;
    }
    Ok(())
}

fn put_steps(draft: &mut Draft<'_>, at: usize, new: Vec<Value>) -> Result<Vec<Part>, Forbidden> {
    begin_steps(draft)?;
    let mut steps = Saga::of(draft.document()).steps().to_vec();
    let at = at.min(steps.len());
    let parts = (at..at + new.len()).map(Part::Step).collect();
    steps.splice(at..at, new);
    draft.set("/steps", Some(Value::Array(steps)))?;
    Ok(parts)
}

fn add_step(draft: &mut Draft<'_>, at: usize) -> Result<Change, Forbidden> {
    rules::steps(draft.document(), 1).or_forbid("")?;
    let name = fresh::name("step", &taken(draft.document()));
    let step = json!({
        "name": name, "send": "DoSomething", "to": "receiver", "done": "SomethingDone", "failed": ["SomethingFailed"],
        "timeout": {"after": "PT5M", "then": "ask"},
    });
    let parts = put_steps(draft, at, vec![step])?;
    let document = draft.document();
    let place = parts.first().and_then(Part::step).map_or(0, |index| index + 1);
    let sentence = format!("Added {} as step {place}", title(document, &parts[0]));
    Ok(changed(document, &parts, sentence))
}

fn add_undo(draft: &mut Draft<'_>, step: usize) -> Result<Change, Forbidden> {
    rules::add_undo(draft.document(), step).or_forbid("")?;
    let of = Saga::of(draft.document()).step(step);
    let send = of.and_then(|step| text(step, "send")).map_or("Something", |send| send);
    let done = of.and_then(|step| names(step.get("done")).first().map(|done| (*done).to_owned()));
    let undo = json!({
        "send": format!("Undo{send}"), "done": format!("{}Undone", done.as_deref().unwrap_or(send)),
        "timeout": {"after": "PT5M", "then": "stuck"},
    });
    draft.set(&format!("/steps/{step}/undo"), Some(undo))?;
    let document = draft.document();
    let sentence = format!("Added what undoes {}", title(document, &Part::Step(step)));
    Ok(changed(document, &[Part::Undo(step)], sentence))
}

fn add_reaction(draft: &mut Draft<'_>) -> Result<Change, Forbidden> {
    rules::reactions(draft.document(), 1).or_forbid("")?;
    let event = free_event(draft.document(), "SomethingHappened");
    let reaction = json!({"send": "DoSomething", "to": "receiver", "key": "=event.aggregate_id"});
    draft.set(&event_pointer(&event), Some(reaction))?;
    let sentence = format!("Added a reaction to {event}");
    Ok(changed(draft.document(), &[Part::Reaction(event)], sentence))
}

fn event_pointer(event: &str) -> String {
    format!("/on/{}", pointer_token(event))
}

fn free_event(document: &Document, base: &str) -> String {
    let is_free = |event: &String| Saga::of(document).reaction(event).is_none();
    let numbered = (2..).map(|number| format!("{base}{number}"));
    std::iter::once(base.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

fn move_steps(draft: &mut Draft<'_>, steps: &[usize], to: usize) -> Result<Change, Forbidden> {
    rules::move_steps(draft.document(), steps, to).or_forbid("They stand there already.")?;
    let all = Saga::of(draft.document()).steps();
    let order = rules::reordered(all.len(), steps, to);
    let ordered: Vec<Value> = order.iter().map(|index| all[*index].clone()).collect();
    let parts: Vec<Part> =
        order.iter().enumerate().filter(|(_, was)| steps.contains(was)).map(|(now, _)| Part::Step(now)).collect();
    let moved: Vec<String> = {
        let ids = Saga::of(draft.document()).ids();
        steps.iter().filter_map(|step| ids.get(*step).cloned()).collect()
    };
    draft.set("/steps", Some(Value::Array(ordered)))?;
    let document = draft.document();
    let count = Saga::of(document).steps().len();
    let sentence = match parts.as_slice() {
        [one] => {
            format!("Moved {} to place {} of {count}", title(document, one), one.step().map_or(0, |it| it + 1))
        }
        several => format!("Moved {} steps", several.len()),
    };
    Ok(Change { coalesces: Some(format!("move {}", moved.join(" "))), ..changed(document, &parts, sentence) })
}

fn remove(draft: &mut Draft<'_>, ids: &[String]) -> Result<Change, Forbidden> {
    let parts: Vec<Part> = ids.iter().filter_map(|id| Part::of(draft.document(), id)).collect();
    rules::remove(draft.document(), &parts).or_forbid("")?;
    let removed: Vec<&Part> =
        parts.iter().filter(|part| !matches!(part, Part::Completed | Part::Compensated)).collect();
    let sentence = match removed.as_slice() {
        [one] => format!("Removed {}", title(draft.document(), one)),
        several => format!("Removed {} parts", several.len()),
    };
    let touched = removed.iter().map(|part| part.id(&Saga::of(draft.document()).ids())).collect();
    for part in &removed {
        match part {
            Part::Undo(step) => draft.set(&format!("/steps/{step}/undo"), None)?,
            Part::Event(event) | Part::Reaction(event) => draft.set(&event_pointer(event), None)?,
            Part::Start | Part::Step(_) | Part::Completed | Part::Compensated => {}
        }
    }
    if parts.contains(&Part::Start) {
        for field in STATEFUL {
            draft.set(&format!("/{field}"), None)?;
        }
    } else if parts.iter().any(|part| matches!(part, Part::Step(_))) {
        let steps = Saga::of(draft.document()).steps().iter().enumerate();
        let left = steps.filter(|(index, _)| !parts.contains(&Part::Step(*index))).map(|(_, step)| step.clone());
        let left = left.collect();
        draft.set("/steps", Some(Value::Array(left)))?;
    }
    // The last reaction leaves an empty canvas.
    if draft.get("/on").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
        draft.set("/on", None)?;
    }
    Ok(Change { touched, sentence, ..Change::default() })
}

fn rename_step(draft: &mut Draft<'_>, step: usize, to: &str) -> Result<Change, Forbidden> {
    rules::rename_step(draft.document(), step, to).or_forbid("That is what it is called.")?;
    let before = Saga::of(draft.document()).ids().get(step).cloned().unwrap_or_default();
    draft.set(&format!("/steps/{step}/name"), Some(json!(to)))?;
    if let Some(scenarios) = draft.get("/scenarios").and_then(|it| scenarios::renamed(it, &before, to)) {
        draft.set("/scenarios", Some(scenarios))?;
    }
    let mut change = changed(draft.document(), &[Part::Step(step)], format!("Renamed {before} to {to}"));
    change.touched.push(before);
    Ok(change)
}

fn rename_event(draft: &mut Draft<'_>, event: &str, to: &str) -> Result<Change, Forbidden> {
    rules::rename_event(draft.document(), event, to).or_forbid("That is what it reacts to.")?;
    let reaction = draft.get(&event_pointer(event)).cloned();
    draft.set(&event_pointer(event), None)?;
    draft.set(&event_pointer(to), reaction)?;
    let parts = [Part::Reaction(to.to_owned())];
    let mut change = changed(draft.document(), &parts, format!("It reacts to {to} instead of {event}"));
    change.touched.push(format!("do/{event}"));
    Ok(change)
}

fn paste(draft: &mut Draft<'_>, clip: &SagaClip, at: usize) -> Result<Change, Forbidden> {
    clip::can_paste(draft.document(), clip).or_forbid("")?;
    let mut parts = Vec::new();
    if !clip.steps.is_empty() {
        let mut taken = taken(draft.document());
        let mut renamed = clip.steps.clone();
        for step in &mut renamed {
            let base = text(step, "name").filter(|name| crate::designer::rules::name(name).is_allowed());
            let name = fresh::name(base.filter(|name| !rules::is_reserved(name)).unwrap_or("step"), &taken);
            step["name"] = json!(name);
            taken.insert(name);
        }
        parts.extend(put_steps(draft, at, renamed)?);
    }
    for (event, reaction) in &clip.on {
        let event = free_event(draft.document(), event);
        draft.set(&event_pointer(&event), Some(reaction.clone()))?;
        parts.push(Part::Reaction(event));
    }
    let document = draft.document();
    let sentence = match parts.as_slice() {
        [one] => format!("Pasted {}", title(document, one)),
        several => format!("Pasted {} parts", several.len()),
    };
    Ok(changed(document, &parts, sentence))
}
