//! Sagas on the canvas, by what a person expects of it.

use super::*;
use crate::{
    definition,
    designer::sagas::{Part, Saga},
};

mod drawing;
mod edits;
mod hands;
mod random;

fn empty() -> Document {
    Document::new(json!({"baton": "saga/1", "name": "orders"}))
}

/// Steps `a`, `b` and `c`; `a` and `b` can be undone, `b` and `c` can fail.
fn small() -> Document {
    let step =
        |name: &str| json!({"name": name, "send": format!("Do{name}"), "to": "x", "done": format!("{name}Done")});
    let (mut a, mut b, mut c) = (step("a"), step("b"), step("c"));
    a["undo"] = json!({"send": "UndoA", "done": "AUndone"});
    b["undo"] = json!({"send": "UndoB", "done": "BUndone"});
    b["failed"] = json!(["BFailed"]);
    c["failed"] = json!("CFailed");
    c["timeout"] = json!({"after": "PT5M", "then": "ask"});
    Document::new(json!({
        "baton": "saga/1", "name": "small", "start": "Begun", "correlate": "=event.payload.id", "steps": [a, b, c],
    }))
}

fn reactions() -> Document {
    Document::new(json!({"baton": "saga/1", "name": "reactions", "on": {
        "B": {"send": "DoB", "to": "y", "when": "=event.payload.big"},
        "A": {"send": "DoA", "to": "x"},
    }}))
}

fn shipped(name: &str) -> Document {
    let text = definition::shipped().into_iter().find(|(shipped, _)| *shipped == name).expect("it ships").1;
    Document::new(definition::parse(text).expect("it can be read").value)
}

/// The names of the steps, an `!` behind those that are undone.
fn steps(document: &Document) -> String {
    let saga = Saga::of(document);
    let names = saga.ids().into_iter().enumerate();
    let names = names.map(|(index, id)| if saga.undo(index).is_some() { format!("{id}!") } else { id });
    names.collect::<Vec<_>>().join(" ")
}
