//! Random edits on random documents: nothing panics, everything can be taken back, and scenes do not depend on how one
//! came to them.

use proptest::prelude::*;

use super::*;
use crate::{
    designer::{clipboard::copy, edit::fresh},
    strategies::any_json,
};

const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "start", "x/y", "A ~"];
const PORTS: [&str; 12] = [
    "next",
    "do",
    "default",
    "case-1",
    "case-2",
    "timeout",
    "approve",
    "SomethingDone",
    "completed",
    "first",
    "Ev/1",
    "",
];

/// A document of nodes of all kinds with edges at random; sometimes with nonsense in it.
fn any_document() -> impl Strategy<Value = Document> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let targets = prop::collection::vec(prop::sample::select(NAMES.to_vec()), 4);
    let node = (kind, targets).prop_map(|(kind, targets)| (fresh::node(kind), targets));
    let odd = any_json().prop_map(|value| (value, Vec::new()));
    let nodes = prop::collection::btree_map(
        prop::sample::select(NAMES.to_vec()),
        prop_oneof![9 => node, 1 => odd],
        0..NAMES.len(),
    );
    let positions = prop::collection::vec((-500_i32..500, -500_i32..500), NAMES.len());
    let document = (nodes, positions).prop_map(|(nodes, positions)| {
        let mut document = Document::new(json!({"baton": "process/1", "name": "random", "nodes": {}, "layout": {}}));
        for ((name, (node, _)), (x, y)) in nodes.iter().zip(positions) {
            document.value_mut()["nodes"][*name] = node.clone();
            document.value_mut()["layout"][*name] = json!([x, y]);
        }
        for (name, (_, targets)) in nodes {
            for (port, target) in document.ports(name).into_iter().zip(targets) {
                let edit = Edit::Set { pointer: port.pointer, value: Some(json!(target)) };
                let _ = apply(&mut document, &edit);
            }
        }
        document
    });
    prop_oneof![9 => document, 1 => any_json().prop_map(Document::new)]
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let name = || prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned);
    let port = || (name(), prop::sample::select(PORTS.to_vec())).prop_map(|(node, port)| PortRef::new(node, port));
    let kind = || prop::sample::select(Kind::ALL.to_vec());
    let at = || (-900.0..900.0_f64, -900.0..900.0_f64);
    let positions = || prop::collection::btree_map(name(), at(), 0..4);
    let pointer = prop_oneof![
        name().prop_map(|name| document::node_pointer(&name)),
        (name(), prop::sample::select(vec!["next", "on", "on/SomethingDone", "cases/0", "cases/-", "title", "join"]))
            .prop_map(|(name, field)| format!("{}/{field}", document::node_pointer(&name))),
        Just("/layout".to_owned()),
        Just("/nodes".to_owned()),
        Just(String::new()),
    ];
    let clip = any_document().prop_map(|document| copy(&document, &NAMES));
    prop_oneof![
        (kind(), at()).prop_map(|(kind, at)| Edit::Add { kind, at }),
        (port(), kind(), at()).prop_map(|(from, kind, at)| Edit::Append { from, kind, at }),
        (port(), kind(), at()).prop_map(|(edge, kind, at)| Edit::Insert { edge, kind, at }),
        (name(), port()).prop_map(|(node, edge)| Edit::DropOnEdge { node, edge }),
        prop::collection::vec(name(), 0..4).prop_map(|nodes| Edit::Remove { nodes }),
        positions().prop_map(|positions| Edit::Move { positions }),
        positions().prop_map(|positions| Edit::Tidy { positions }),
        (name(), prop_oneof![name(), Just("brand-new".to_owned())]).prop_map(|(node, to)| Edit::Rename { node, to }),
        (name(), prop::option::of(".{0,5}")).prop_map(|(node, title)| Edit::SetTitle { node, title }),
        (port(), name()).prop_map(|(from, to)| Edit::Connect { from, to }),
        port().prop_map(|edge| Edit::Disconnect { edge }),
        (port(), port()).prop_map(|(edge, from)| Edit::ReconnectSource { edge, from }),
        (name(), kind()).prop_map(|(node, kind)| Edit::ReplaceKind { node, kind }),
        (name(), prop::option::of(prop::sample::select(PORTS.to_vec())))
            .prop_map(|(node, name)| Edit::AddPort { node, name: name.map(str::to_owned) }),
        (port(), prop::sample::select(PORTS.to_vec())).prop_map(|(port, to)| Edit::RenamePort { port, to: to.into() }),
        port().prop_map(|port| Edit::RemovePort { port }),
        (name(), 0..3_usize, 0..3_usize).prop_map(|(node, from, to)| Edit::MoveCase { node, from, to }),
        (pointer, prop::option::of(any_json())).prop_map(|(pointer, value)| Edit::Set { pointer, value }),
        any_json().prop_map(|value| Edit::Rewrite { value }),
        (clip, at()).prop_map(|(clip, at)| Edit::Paste { clip, at }),
    ]
}

/// Everything but where nodes stand.
fn meaning(document: &Document) -> Value {
    let mut value = document.value().clone();
    if let Some(map) = value.as_object_mut() {
        map.remove("layout");
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_does_not_differ_is_drawn_as_before(mut document in any_document(), edits in prop::collection::vec(any_edit(), 1..4)) {
        let before = Scene::of(&document);
        for edit in &edits {
            let _ = apply(&mut document, edit);
        }
        let after = before.next(&document);
        let (nodes, edges) = after.differing(&before);
        let named = |scene: &Scene| scene.nodes().iter().map(|node| node.id().to_owned()).collect::<Vec<_>>();
        for node in named(&before).into_iter().chain(named(&after)) {
            prop_assert_eq!(nodes.contains(&node), before.node(&node) != after.node(&node), "{}", node);
        }
        for edge in before.edges().iter().chain(after.edges()).map(SceneEdge::id) {
            let shape = |scene: &Scene| scene.edge(&edge).map(|edge| edge.shape.clone());
            prop_assert_eq!(edges.contains(&edge), shape(&before) != shape(&after), "{:?}", edge);
        }
    }

    #[test]
    fn every_edit_can_be_taken_back(mut document in any_document(), edits in prop::collection::vec(any_edit(), 1..12)) {
        let first = document.clone();
        let mut changes = Vec::new();
        for edit in &edits {
            let before = document.clone();
            match apply(&mut document, edit) {
                Err(forbidden) => {
                    prop_assert_eq!(&document, &before, "{:?}", edit);
                    prop_assert!(!forbidden.0.is_empty(), "it says why: {:?}", edit);
                }
                Ok(change) => {
                    prop_assert!(!change.sentence.is_empty());
                    let mut other = document.clone();
                    change.inverse().apply(&mut other);
                    prop_assert_eq!(&other, &before, "taken back: {:?}", edit);
                    change.apply(&mut other);
                    prop_assert_eq!(&other, &document, "done again: {:?}", edit);
                    if !change.changes_meaning() {
                        prop_assert_eq!(meaning(&document), meaning(&before));
                    }
                    changes.push(change);
                }
            }
        }
        for change in changes.iter().rev() {
            change.inverse().apply(&mut document);
        }
        prop_assert_eq!(document, first);
    }

    #[test]
    fn a_history_leads_back_and_forth(document in any_document(), edits in prop::collection::vec(any_edit(), 1..12)) {
        let mut editor = Editor::open(document);
        let first = editor.document().clone();
        for edit in edits {
            let _ = editor.commit(&[edit]);
            let fresh = Scene::of(editor.document());
            prop_assert_eq!(editor.scene().edges(), fresh.edges());
            prop_assert_eq!(editor.scene().nodes(), fresh.nodes());
        }
        let last = editor.document().clone();
        while editor.undo().is_some() {}
        prop_assert_eq!(editor.document(), &first);
        prop_assert!(!editor.history().is_changed());
        while editor.redo().is_some() {}
        prop_assert_eq!(editor.document(), &last);
    }

    #[test]
    fn comparing_leaves_nothing_out_and_tells_nothing_twice(old in any_document(), new in any_document()) {
        prop_assert_eq!(compare::compare(&old, &old), compare::Comparison::default());
        let comparison = compare::compare(&old, &new);
        prop_assert_eq!(comparison.is_empty(), meaning(&old) == meaning(&new), "{:?}", comparison);
        // In the other direction there is as much to tell.
        let back = compare::compare(&new, &old);
        prop_assert_eq!(comparison.moved.len(), back.moved.len());
        prop_assert_eq!(comparison.edges.len(), back.edges.len());
        let drawing = compare::draw(&old, &new);
        prop_assert_eq!(drawing.diagram.edges.len(), drawing.edges.len());
    }

    #[test]
    fn comparing_names_nothing_that_an_edit_did_not_touch(old in any_document(), edit in any_edit()) {
        let mut new = old.clone();
        let Ok(change) = apply(&mut new, &edit) else { return Ok(()) };
        let comparison = compare::compare(&old, &new);
        if !change.changes_meaning() {
            prop_assert!(comparison.is_empty(), "{:?}", comparison);
        }
        // Who writes all nodes at once touches them all.
        if change.writes.iter().any(|write| matches!(write.pointer.as_str(), "" | "/nodes")) {
            return Ok(());
        }
        let is_touched = |name: &String| change.touched.contains(name);
        for node in &comparison.nodes {
            prop_assert!(is_touched(&node.node.name), "{:?} touched {:?}", node, change.touched);
        }
        for edge in &comparison.edges {
            let ends = match &edge.what {
                compare::EdgeDifference::Added { to } | compare::EdgeDifference::Removed { to } => vec![&to.name],
                compare::EdgeDifference::Led { from, to } => vec![&from.name, &to.name],
            };
            let touched = is_touched(&edge.from) || ends.into_iter().any(is_touched);
            prop_assert!(touched, "{:?} touched {:?}", edge, change.touched);
        }
        prop_assert!(comparison.moved.iter().all(is_touched), "{:?} {:?}", comparison.moved, change.touched);
    }

    #[test]
    fn rules_and_edits_agree(document in any_document(), edit in any_edit()) {
        let verdict = match &edit {
            Edit::Connect { from, to } => rules::connect(&document, from, to),
            Edit::Append { from, kind, .. } => rules::append(&document, from, *kind),
            Edit::Insert { edge, kind, .. } => rules::insert(&document, edge, *kind),
            Edit::DropOnEdge { node, edge } => rules::drop_on_edge(&document, node, edge),
            Edit::ReplaceKind { node, kind } => rules::replace(&document, node, *kind),
            Edit::Rename { node, to } => rules::rename(&document, node, to),
            Edit::RemovePort { port } => rules::remove_port(&document, port),
            _ => return Ok(()),
        };
        let mut edited = document.clone();
        let result = apply(&mut edited, &edit);
        match verdict {
            Verdict::Allow => {
                // Only what is broken at the very place stands in the way of what is allowed.
                if let Err(forbidden) = result {
                    prop_assert!(forbidden.0.contains("Mend it first"), "{:?}: {}", edit, forbidden);
                }
            }
            Verdict::Forbid(reason) => prop_assert_eq!(result.err().map(|it| it.0), Some(reason)),
            Verdict::Ignore => prop_assert!(result.is_err()),
        }
    }
}

/// What a hand may do next: near the nodes of [`small`], beside them, and outside the canvas.
fn any_line() -> impl Strategy<Value = String> {
    let spots = vec![
        "100,100", "122,100", "300,100", "386,91", "386,109", "450,110", "514,109", "600,100", "300,300", "386,300",
        "800,500", "0,0", "-20,50", "999,300", "303,103", "460,112",
    ];
    let place = move || prop::sample::select(spots.clone());
    let held = || prop::sample::select(vec!["", "", "", "shift", "ctrl", "alt", "space"]);
    let finger = || prop::sample::select(vec!["", "", "touch #1", "touch #2", "middle", "right"]);
    let keys: Vec<String> =
        keys::BINDINGS.iter().filter(|it| it.command != Command::Paste).map(|it| format!("key {}", it.chord)).collect();
    prop_oneof![
        3 => (place(), held(), finger()).prop_map(|(at, held, finger)| format!("down {at} {held} {finger}")),
        4 => (place(), held(), finger()).prop_map(|(at, held, finger)| format!("move {at} {held} {finger}")),
        4 => (place(), held(), finger()).prop_map(|(at, held, finger)| format!("up {at} {held} {finger}")),
        1 => (place(), finger()).prop_map(|(at, finger)| format!("up {at} x2 {finger}")),
        1 => (prop::sample::select(Kind::ALL.to_vec()), place()).prop_map(|(kind, at)| format!("pick {} {at}", kind.name())),
        1 => place().prop_map(|at| format!("wheel 3,-40 {at} ctrl")),
        1 => Just("frame".to_owned()),
        1 => Just("esc".to_owned()),
        1 => Just("cancel #2".to_owned()),
        4 => prop::sample::select(keys),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The page panics when a gesture commits what cannot be done, so this is also about rules that hovering forgot.
    #[test]
    fn whatever_a_hand_does_is_possible_and_can_be_taken_back(lines in prop::collection::vec(any_line(), 1..60)) {
        let mut page = played::Page::of(small());
        for line in &lines {
            page.play(line);
            prop_assert!(page.viewport.zoom > 0.0 && page.viewport.x.is_finite() && page.viewport.y.is_finite());
            prop_assert_eq!(&page.selection.clone().pruned(page.editor.scene()), &page.selection, "after {}", line);
        }
        page.play("esc; esc");
        prop_assert_eq!(&page.gesture, &Gesture::Idle);
        prop_assert_eq!(&page.preview, &Preview::None);
        while page.editor.undo().is_some() {}
        prop_assert_eq!(page.editor.document(), &small());
        prop_assert!(!page.editor.history().is_changed());
    }
}
