//! What is found in a document is what the reader of definitions finds, where that can read it at all.

use super::*;
use crate::{
    definition::{Definition, check},
    diagram,
    process::definition as process,
};

const EVERYTHING: &str = include_str!("../../definition/tests/everything.yaml");
const TRIP: &str = include_str!("../../../definitions/trip-booking.yaml");

fn both(text: &str) -> (Document, process::Definition) {
    let checked = check(text);
    let Some(Definition::Process(process)) = checked.definition else { panic!("{:#?}", checked.diagnostics) };
    (Document::new(checked.value.expect("it was read")), process)
}

#[test]
fn ports_are_those_of_the_reader() {
    for text in [EVERYTHING, TRIP] {
        let (document, process) = both(text);
        for (name, node) in &process.nodes {
            let read: Vec<(String, &str)> =
                node.ports().into_iter().map(|(port, it)| (port, it.next.as_str())).collect();
            let found = document.ports(name);
            let found: Vec<(String, &str)> =
                found.iter().map(|port| (port.name.clone(), port.target.as_deref().unwrap_or_default())).collect();
            assert_eq!(found, read, "ports of {name}");
            for port in document.ports(name) {
                let at = document.value().pointer(&port.pointer).and_then(Value::as_str);
                assert_eq!(at, port.target.as_deref(), "{} of {name} stands at {}", port.name, port.pointer);
            }
        }
    }
}

#[test]
fn words_are_those_of_the_diagram() {
    for text in [EVERYTHING, TRIP] {
        let (mut document, process) = both(text);
        document.place_missing(&Default::default());
        let (scene, diagram) = (Scene::of(&document), diagram::of_process(&process));
        for drawn in &diagram.nodes {
            let node = scene.node(&drawn.id).expect("it is drawn");
            assert_eq!(node.shape.title, drawn.title, "title of {}", drawn.id);
            assert_eq!(node.shape.subtitle, drawn.subtitle, "subtitle of {}", drawn.id);
            assert_eq!(node.shape.kind, drawn.kind);
            assert_eq!((node.shape.width, node.shape.height), (drawn.width, drawn.height));
        }
        let labels =
            |edges: Vec<&diagram::DiagramEdge>| -> std::collections::BTreeSet<(String, String, String, String)> {
                edges.iter().map(|it| (it.from.clone(), it.port.clone(), it.to.clone(), it.label.clone())).collect()
            };
        assert_eq!(labels(scene.edges().iter().map(|it| &it.shape).collect()), labels(diagram.edges.iter().collect()));
    }
}

#[test]
fn a_broken_draft_is_drawn_as_far_as_possible() {
    let broken = json!({
        "nodes": {
            "a": {"kind": "teleport", "next": "b", "on": {"X": {"next": "c"}, "Y": 5}},
            "b": {"kind": "command", "on": {"Done": "c", "Bad": null, "timeout": []}},
            "c": "what",
            "d": {"kind": "decide", "cases": "none"},
            "e": {"kind": 7},
        },
        "layout": {"a": "here", "b": [1], "c": [1e300, 0], "d": [10, 20]},
    });
    let document = Document::new(broken.clone());
    let scene = Scene::of(&document);
    assert_eq!(scene.nodes().len(), 5);
    let edges: Vec<String> =
        scene.edges().iter().map(|it| format!("{}.{}>{}", it.shape.from, it.shape.port, it.shape.to)).collect();
    assert_eq!(edges, ["a.X>c", "a.next>b", "b.Done>c"]);
    assert_eq!(document.position("d"), Some((10.0, 20.0)));
    assert_eq!(document.position("c"), None);
    for odd in [json!(null), json!([]), json!({"nodes": []}), json!({"nodes": {"a": []}, "layout": 3})] {
        let mut document = Document::new(odd);
        assert!(Scene::of(&document).edges().is_empty());
        document.place_missing(&Default::default());
        let before = document.clone();
        let _ = apply(&mut document, &Edit::Add { kind: Kind::End, at: (0.0, 0.0) })
            .map(|change| change.inverse().apply(&mut document));
        assert_eq!(document, before);
    }
}
