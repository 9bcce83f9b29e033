//! What a saga consists of, read from its JSON as far as it is intact, and what the parts are called on the canvas.

use serde_json::Value;

use super::rules::is_reserved;

use crate::{
    designer::{Kind, document::Document, rules::name},
    diagnostic::pointer_token,
};

/// The fields of sagas that have steps.
pub const STATEFUL: [&str; 3] = ["correlate", "start", "steps"];

/// Something that is drawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What starts a saga with steps.
    Start,
    /// By its place among the steps, counted from 0.
    Step(usize),
    /// What undoes the step at that place.
    Undo(usize),
    /// Where it ends when all steps are done.
    Completed,
    /// Where it ends when all that was done is undone.
    Compensated,
    /// An event that is reacted to.
    Event(String),
    /// What is sent because of that event.
    Reaction(String),
}

/// Whether a document is meant to be a saga, whatever state it is in.
pub fn is_saga(value: &Value) -> bool {
    match value.get("baton").and_then(Value::as_str) {
        Some(kind) if kind.starts_with("saga/") => true,
        Some(kind) if kind.starts_with("process/") => false,
        _ => value.get("nodes").is_none() && STATEFUL.iter().chain(&["on"]).any(|field| value.get(field).is_some()),
    }
}

/// The JSON of a saga, looked at.
#[derive(Debug, Clone, Copy)]
pub struct Saga<'a>(&'a Value);

impl<'a> Saga<'a> {
    pub fn of(document: &'a Document) -> Self {
        Self(document.value())
    }

    /// Whether it has steps, or is about to.
    pub fn is_stateful(self) -> bool {
        STATEFUL.iter().any(|field| self.0.get(field).is_some())
    }

    pub fn steps(self) -> &'a [Value] {
        self.0.get("steps").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub fn step(self, index: usize) -> Option<&'a Value> {
        self.steps().get(index)
    }

    pub fn undo(self, index: usize) -> Option<&'a Value> {
        self.step(index)?.get("undo").filter(|undo| is_drawn(undo))
    }

    /// By event, in the order of their names.
    pub fn reactions(self) -> Vec<(&'a str, &'a Value)> {
        let on = self.0.get("on").and_then(Value::as_object);
        on.into_iter().flatten().map(|(event, it)| (event.as_str(), it)).collect()
    }

    pub fn reaction(self, event: &str) -> Option<&'a Value> {
        self.0.get("on")?.as_object()?.get(event)
    }

    pub fn field(self, field: &str) -> Option<&'a Value> {
        self.0.get(field)
    }

    /// What the steps are called on the canvas: their names, and numbers where those are missing or not theirs alone.
    pub fn ids(self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::with_capacity(self.steps().len());
        for (index, step) in self.steps().iter().enumerate() {
            let own = step.get("name").and_then(Value::as_str).filter(|own| name(own).is_allowed());
            ids.push(match own.filter(|own| !is_reserved(own) && !ids.iter().any(|id| id == own)) {
                Some(own) => own.to_owned(),
                None => format!("#{index}"),
            });
        }
        ids
    }

    /// Whether anything can lead to undoing, or would be undone.
    pub fn compensates(self) -> bool {
        let undoes = |step: &Value| step.get("undo").is_some_and(is_drawn);
        self.steps().iter().any(|step| undoes(step) || fails(step))
    }

    /// Everything that is drawn.
    pub fn parts(self) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.is_stateful() {
            parts.push(Part::Start);
            for index in 0..self.steps().len() {
                parts.push(Part::Step(index));
                parts.extend(self.undo(index).map(|_| Part::Undo(index)));
            }
            parts.push(Part::Completed);
            parts.extend(self.compensates().then_some(Part::Compensated));
        }
        for (event, _) in self.reactions() {
            parts.extend([Part::Event(event.to_owned()), Part::Reaction(event.to_owned())]);
        }
        parts
    }
}

/// `undo: none` says that there is nothing to draw.
fn is_drawn(undo: &Value) -> bool {
    !undo.is_null() && undo != "none"
}

/// Whether something can happen at a step that leads to undoing what was done before.
pub fn fails(step: &Value) -> bool {
    let is_named = |failed: &Value| match failed {
        Value::Array(types) => !types.is_empty(),
        Value::Null => false,
        _ => true,
    };
    let gives_up = step.get("timeout").and_then(|timeout| timeout.get("then")).is_some_and(|then| then == "undo");
    gives_up || step.get("failed").is_some_and(is_named)
}

impl Part {
    /// What is called so; none when there is no such part.
    pub fn of(document: &Document, id: &str) -> Option<Self> {
        let saga = Saga::of(document);
        let step = |id: &str| saga.ids().iter().position(|it| it == id);
        if let Some(event) = id.strip_prefix("on/") {
            return saga.reaction(event).map(|_| Self::Event(event.to_owned()));
        }
        if let Some(event) = id.strip_prefix("do/") {
            return saga.reaction(event).map(|_| Self::Reaction(event.to_owned()));
        }
        if let Some(undone) = id.strip_prefix("undo/") {
            return step(undone).filter(|index| saga.undo(*index).is_some()).map(Self::Undo);
        }
        match id {
            "start" => saga.is_stateful().then_some(Self::Start),
            "completed" => saga.is_stateful().then_some(Self::Completed),
            "compensated" => (saga.is_stateful() && saga.compensates()).then_some(Self::Compensated),
            id => step(id).map(Self::Step),
        }
    }

    /// What it is called on the canvas; `ids` are those of the steps.
    pub fn id(&self, ids: &[String]) -> String {
        let step = |index: &usize| ids.get(*index).cloned().unwrap_or_default();
        match self {
            Self::Start => "start".to_owned(),
            Self::Step(index) => step(index),
            Self::Undo(index) => format!("undo/{}", step(index)),
            Self::Completed => "completed".to_owned(),
            Self::Compensated => "compensated".to_owned(),
            Self::Event(event) => format!("on/{event}"),
            Self::Reaction(event) => format!("do/{event}"),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Start | Self::Event(_) => Kind::Event,
            Self::Step(_) => Kind::Step,
            Self::Undo(_) => Kind::Undo,
            Self::Completed | Self::Compensated => Kind::End,
            Self::Reaction(_) => Kind::Reaction,
        }
    }

    /// Where its fields stand: a JSON pointer. Those of the start stand in the saga itself.
    pub fn pointer(&self) -> String {
        match self {
            Self::Start | Self::Completed | Self::Compensated => String::new(),
            Self::Step(index) => format!("/steps/{index}"),
            Self::Undo(index) => format!("/steps/{index}/undo"),
            Self::Event(event) | Self::Reaction(event) => format!("/on/{}", pointer_token(event)),
        }
    }

    /// The place of the step that it belongs to.
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::Step(index) | Self::Undo(index) => Some(*index),
            _ => None,
        }
    }

    /// The event that is reacted to.
    pub fn event(&self) -> Option<&str> {
        match self {
            Self::Event(event) | Self::Reaction(event) => Some(event),
            _ => None,
        }
    }
}

/// The part that a JSON pointer leads into.
pub fn part_at(document: &Document, pointer: &str) -> Option<Part> {
    let tokens: Vec<String> =
        pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let saga = Saga::of(document);
    match tokens.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["steps", index, rest @ ..] => {
            let index = index.parse().ok().filter(|index| saga.step(*index).is_some())?;
            let in_undo = rest.first() == Some(&"undo") && saga.undo(index).is_some();
            Some(if in_undo { Part::Undo(index) } else { Part::Step(index) })
        }
        ["start" | "correlate", ..] => saga.is_stateful().then_some(Part::Start),
        ["on", event, ..] => saga.reaction(event).map(|_| Part::Reaction((*event).to_owned())),
        _ => None,
    }
}
