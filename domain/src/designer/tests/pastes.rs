//! Copy and paste, within a diagram and between tabs.

use super::{played::Page, *};
use crate::{
    definition::shipped,
    designer::{
        clipboard::{CLIP_BYTES_MAX, Clip, Pasted, copy, read},
        command::paste,
    },
};

fn pasted(document: &mut Document, clip: Clip) -> String {
    let before = document.clone();
    match apply(document, &Edit::Paste { clip, at: (1_000.0, 1_000.0) }) {
        Ok(change) => {
            let after = document.clone();
            change.inverse().apply(document);
            assert_eq!(*document, before);
            *document = after;
            format!("{}: {}", change.sentence, change.select.join(" "))
        }
        Err(forbidden) => {
            assert_eq!(*document, before);
            format!("no: {forbidden}")
        }
    }
}

#[test]
fn edges_between_copied_nodes_are_kept_and_others_cut() {
    let mut document = small();
    let clip = copy(&document, &["ask", "done"]);
    assert_eq!(pasted(&mut document, clip), "Pasted 2 nodes: ask-2 done-2");
    assert_eq!(edges(&document), ["ask-2.yes>done-2", "ask.yes>done", "start.next>ask"]);
    let clip = copy(&document, &["ask"]);
    assert_eq!(pasted(&mut document, clip), "Pasted Ask 3: ask-3");
    assert_eq!(document.value()["nodes"]["ask-3"]["outcomes"], json!({"yes": {}, "no": {}}));
    assert_eq!(document.position("ask-2"), Some((850.0, 1_000.0)));
}

#[test]
fn a_clip_survives_the_way_as_text() {
    let clip = copy(&small(), &["ask", "done"]);
    assert_eq!(read(&clip.to_text()), Ok(Pasted::Nodes(clip)));
}

#[test]
fn there_is_only_one_start() {
    let mut document = small();
    let clip = copy(&document, &["start", "ask"]);
    assert_eq!(pasted(&mut document, clip), "Pasted Ask 2, without the start: there is one already: ask-2");
    let clip = copy(&document, &["start"]);
    assert_eq!(pasted(&mut document, clip.clone()), "no: There is a start already; a process has exactly one.");
    let mut empty = Document::new(json!({"nodes": {}}));
    assert_eq!(pasted(&mut empty, clip), "Pasted Start: start");
}

#[test]
fn joins_and_odd_ports_follow_their_names() {
    let mut document = Document::new(json!({"nodes": {
        "f": {"kind": "fork", "branches": {"a": {"next": "w"}, "b": "j"}, "join": "j"},
        "w": {"kind": "wait", "on": {"X": "j", "Y": "outside"}},
        "j": {"kind": "join", "next": "outside"},
        "outside": {"kind": "end"},
    }}));
    let clip = copy(&document, &["f", "w", "j"]);
    pasted(&mut document, clip);
    assert_eq!(
        document.node("f-2"),
        Some(&json!({
            "kind": "fork", "branches": {"a": {"next": "w-2"}, "b": "j-2"}, "join": "j-2",
        }))
    );
    assert_eq!(document.node("w-2"), Some(&json!({"kind": "wait", "on": {"X": "j-2", "Y": {}}})));
    assert_eq!(document.node("j-2"), Some(&json!({"kind": "join"})));
}

#[test]
fn bad_texts_are_answered_with_a_sentence() {
    let large = format!("\"{}\"", "x".repeat(5_000_000));
    for (text, expected) in [
        ("", "The clipboard is empty."),
        ("  \n", "The clipboard is empty."),
        ("hello", "it is not JSON"),
        ("{\"baton\": \"nodes/1\"", "it is not JSON"),
        ("[1, 2]", "no nodes in it"),
        ("{\"nodes\": [1]}", "no nodes in it"),
        ("{\"nodes\": {\"a\": {}}}", "not of Baton"),
        ("{\"baton\": \"nodes/1\", \"nodes\": {}}", "no nodes in it"),
        ("{\"baton\": \"nodes/2\", \"nodes\": {\"a\": {}}}", "a newer Baton"),
        ("{\"baton\": \"saga/1\", \"nodes\": {\"a\": {}}}", "not of Baton"),
        (large.as_str(), "The clipboard has 5.0 MB; at most 1 MB can be pasted."),
    ] {
        let reason = read(text).expect_err("it is bad").to_string();
        assert!(reason.contains(expected), "{reason}");
    }
    assert!(large.len() > CLIP_BYTES_MAX);
}

#[test]
fn odd_nodes_are_pasted_as_they_are() {
    let mut document = small();
    let text = r#"{"baton": "nodes/1", "nodes": {"A b": 7, "x": {"kind": "teleport", "next": "A b"}, "": []}, "layout": {"x": "far"}}"#;
    let Ok(Pasted::Nodes(clip)) = read(text) else { panic!("these are nodes") };
    assert_eq!(pasted(&mut document, clip), "Pasted 3 nodes: unknown unknown-2 x");
    assert_eq!(document.value()["nodes"]["x"]["next"], "unknown-2");
}

#[test]
fn a_whole_definition_is_asked_about() {
    let (_, text) = shipped().into_iter().find(|(name, _)| *name == "trip-booking").expect("it is shipped");
    let value = crate::definition::parse(text).expect("it is right").value;
    let mut page = Page::of(small());
    let outcomes = paste(&value.to_string(), None, &page.canvas());
    let [Outcome::AskDefinition { nodes, instead }] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    let (nodes, instead) = (nodes.clone(), instead.clone());
    page.editor.commit(&nodes).expect("its nodes can be pasted");
    let pasted = value["nodes"].as_object().expect("an object").len() - 1;
    assert_eq!(page.editor.document().len(), 4 + pasted, "without its start");
    page.editor.undo();
    page.editor.commit(&instead).expect("it can take the place");
    assert_eq!(page.editor.document().value()["nodes"], value["nodes"]);
}

#[test]
fn what_is_pasted_lies_beside_the_original_where_one_sees_it() {
    let mut page = Page::of(small());
    let text = copy(page.editor.document(), &["lone"]).to_text();
    let place = |page: &Page| match paste(&text, None, &page.canvas()).as_slice() {
        [Outcome::Commit(edits)] => match edits.as_slice() {
            [Edit::Paste { at, .. }] => *at,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(place(&page), (332.0, 332.0));
    page.viewport = page.viewport.panned(-5_000.0, 0.0);
    assert_eq!(place(&page), page.viewport.centre());
    assert!(matches!(paste("x", None, &page.canvas()).as_slice(), [Outcome::Refuse(_)]));
    page.is_editable = false;
    assert!(paste(&text, None, &page.canvas()).is_empty());
}
