//! The canvas, by what a person expects of it.

use serde_json::{Value, json};

use super::*;

mod commands;
mod compares;
mod completes;
mod desks;
mod documents;
mod drafts;
mod drawn;
mod drawn_sagas;
mod edits;
mod forms;
mod gestures;
mod histories;
mod outlines;
mod pastes;
mod played;
mod random;
mod routes;
mod samples;
mod sizes;
mod views;

/// Start (100, 100) → ask (300, 100), an approval with `no`, which is open, and `yes`, which leads to done (600, 100); and
/// lone (300, 300), which nothing leads to and which leads nowhere.
fn small() -> Document {
    Document::new(json!({
        "baton": "process/1",
        "name": "small",
        "nodes": {
            "start": {"kind": "start", "next": "ask"},
            "ask": {"kind": "approval", "title": "Sure?", "outcomes": {"yes": {"next": "done"}, "no": {}}},
            "done": {"kind": "end", "outcome": "completed"},
            "lone": {"kind": "compute", "set": {"a": 1}},
        },
        "layout": {"start": [100, 100], "ask": [300, 100], "done": [600, 100], "lone": [300, 300]},
    }))
}

/// `node.port`
fn port(text: &str) -> PortRef {
    let (node, port) = text.split_once('.').expect("node.port");
    PortRef::new(node, port)
}

/// All edges as `from.port>to`, those that lead nowhere left out.
fn edges(document: &Document) -> Vec<String> {
    let scene = Scene::of(document);
    let mut edges: Vec<String> =
        scene.edges().iter().map(|it| format!("{}.{}>{}", it.shape.from, it.shape.port, it.shape.to)).collect();
    edges.sort();
    edges
}
