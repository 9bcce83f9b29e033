//! What the parts of a saga are called, and what they do, in a few words.

use serde_json::Value;

use super::parts::{Part, Saga};
use crate::{
    designer::{
        Kind,
        document::Document,
        words::{humanise, shorten},
    },
    diagram::text::length_words,
    duration,
};

/// The most characters of an expression in a note.
const EXPRESSION_CHARS_MAX: usize = 20;

pub fn title(document: &Document, part: &Part) -> String {
    let saga = Saga::of(document);
    match part {
        Part::Start => match names(saga.field("start")).as_slice() {
            [] => "No event yet".to_owned(),
            several => several.join(", "),
        },
        Part::Step(index) => step_title(saga, *index),
        Part::Undo(index) => format!("Undo: {}", step_title(saga, *index)),
        Part::Completed => "Completed".to_owned(),
        Part::Compensated => "Compensated".to_owned(),
        Part::Event(event) => event.clone(),
        Part::Reaction(event) => match saga.reaction(event).and_then(|it| text(it, "send")) {
            Some(send) => send.to_owned(),
            None => "Sends nothing yet".to_owned(),
        },
    }
}

fn step_title(saga: Saga<'_>, index: usize) -> String {
    let step = saga.step(index);
    let own = step.and_then(|step| text(step, "title")).map(str::to_owned);
    own.or_else(|| step.and_then(|step| text(step, "name")).map(humanise))
        .unwrap_or_else(|| format!("Step {}", index + 1))
}

pub fn subtitle(document: &Document, part: &Part) -> String {
    let saga = Saga::of(document);
    let command = |of: Option<&Value>, to: Option<&Value>| {
        let send = of.and_then(|of| text(of, "send"));
        let to = of.and_then(|of| text(of, "to")).or_else(|| to.and_then(|to| text(to, "to")));
        match (send, to) {
            (Some(send), Some(to)) => format!("{send} → {to}"),
            (Some(send), None) => send.to_owned(),
            (None, _) => "sends nothing yet".to_owned(),
        }
    };
    match part {
        Part::Start => match saga.field("correlate").and_then(Value::as_str) {
            Some(correlate) => format!("starts it · {}", source(correlate)),
            None => "starts it".to_owned(),
        },
        Part::Step(index) => command(saga.step(*index), None),
        // The undo goes to whom the command went, unless it says otherwise.
        Part::Undo(index) => command(saga.undo(*index), saga.step(*index)),
        Part::Completed => "all steps are done".to_owned(),
        Part::Compensated => "all is undone".to_owned(),
        Part::Event(_) => "when this happens".to_owned(),
        Part::Reaction(event) => match saga.reaction(event).and_then(|it| text(it, "to")) {
            Some(to) => format!("→ {to}"),
            None => "to nobody yet".to_owned(),
        },
    }
}

/// What else one should see of it at once: when it is taken, and how long it waits.
pub fn notes(document: &Document, part: &Part) -> Vec<String> {
    let saga = Saga::of(document);
    let (of, when) = match part {
        Part::Step(index) => (saga.step(*index), true),
        Part::Undo(index) => (saga.undo(*index), false),
        _ => (None, false),
    };
    let Some(of) = of else { return Vec::new() };
    let condition = text(of, "when").filter(|_| when).map(|when| format!("only if {}", source(when)));
    let timeout = of.get("timeout").and_then(|timeout| {
        let after = text(timeout, "after")?;
        let after = duration::parse(after).map_or_else(|_| after.to_owned(), length_words);
        Some(text(timeout, "then").map_or_else(|| after.clone(), |then| format!("{after}: {then}")))
    });
    condition.into_iter().chain(timeout).collect()
}

fn source(expression: &str) -> String {
    shorten(expression.strip_prefix('=').unwrap_or(expression), EXPRESSION_CHARS_MAX)
}

/// The accessible name of a part: `Charge payment, step 2 of 3, ChargePayment → payments; undone by RefundPayment`.
pub fn node_name(document: &Document, part: &Part) -> String {
    let saga = Saga::of(document);
    let (title, subtitle) = (title(document, part), subtitle(document, part));
    let mut name = match part {
        Part::Step(index) => format!("{title}, step {} of {}, {subtitle}", index + 1, saga.steps().len()),
        Part::Undo(_) => format!("{title}, {subtitle}"),
        Part::Start => format!("{title}, {subtitle}"),
        Part::Event(_) => format!("{title}, event"),
        Part::Reaction(event) => format!("{title}, reaction to {event}, {subtitle}"),
        Part::Completed | Part::Compensated => format!("{title}, end, {subtitle}"),
    };
    for note in notes(document, part) {
        name.push_str(&format!(", {note}"));
    }
    if let Part::Step(index) = part {
        match saga.undo(*index) {
            Some(undo) => name.push_str(&format!("; undone by {}", text(undo, "send").unwrap_or("nothing yet"))),
            None => name.push_str("; not undone"),
        }
    }
    name
}

/// A line of the table that lists a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub part: Part,
    pub id: String,
    pub kind: Kind,
    pub title: String,
}

/// All parts that have settings, in reading order.
pub fn rows(document: &Document) -> Vec<Row> {
    let saga = Saga::of(document);
    let ids = saga.ids();
    let parts = saga.parts().into_iter().filter(|part| !matches!(part.kind(), Kind::End));
    parts.map(|part| Row { id: part.id(&ids), kind: part.kind(), title: title(document, &part), part }).collect()
}

pub fn text<'a>(of: &'a Value, field: &str) -> Option<&'a str> {
    of.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// One name or a list of them.
pub fn names(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(name)) if !name.is_empty() => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
