//! A large diagram: what is counted is work, not time.

use super::*;

/// 500 nodes in 25 columns and 20 rows, and 800 edges: on, down and on, and some of them back.
fn large() -> Document {
    const ROWS: usize = 20;
    let name = |number: usize| format!("n{number:03}");
    let mut nodes = serde_json::Map::new();
    let mut layout = serde_json::Map::new();
    let mut edges = 0;
    for number in 0..500 {
        let (column, row) = (number / ROWS, number % ROWS);
        let mut on = serde_json::Map::new();
        let mut lead = |port: &str, to: usize| {
            if to < 500 && edges < 800 {
                on.insert(port.to_owned(), json!({"next": name(to)}));
                edges += 1;
            }
        };
        lead("On", number + ROWS);
        if number % 3 != 0 {
            lead("Aside", (column + 1) * ROWS + (row + 3) % ROWS);
        }
        if number % 40 == 39 {
            lead("Back", number - 39);
        }
        nodes.insert(name(number), json!({"kind": "wait", "on": on}));
        layout.insert(name(number), json!([column * 260, row * 100]));
    }
    Document::new(json!({"nodes": nodes, "layout": layout}))
}

#[test]
fn only_what_is_touched_is_routed_again() {
    let document = large();
    let scene = Scene::of(&document);
    assert_eq!(
        (scene.nodes().len(), scene.edges().len(), scene.routed()),
        (500, scene.edges().len(), scene.edges().len())
    );
    assert!(scene.edges().len() >= 790, "{}", scene.edges().len());
    // A node in the middle is dragged, step by step.
    let mut dragged = scene.clone();
    let mut most = 0;
    for _ in 0..20 {
        dragged = dragged.moved(&["n250"], 3.0, 2.0);
        most = most.max(dragged.routed());
    }
    assert!(most > 0 && most <= 120, "{most} edges were routed in one step");
    assert_eq!(scene.moved(&["n250"], 0.0, 0.0).routed(), 0);
    // An edit that moves nothing routes next to nothing.
    let mut edited = document.clone();
    apply(&mut edited, &Edit::SetTitle { node: "n250".into(), title: Some("Middle".into()) }).expect("it can be set");
    assert_eq!(scene.next(&edited).routed(), 0);
    apply(&mut edited, &Edit::Disconnect { edge: port("n250.On") }).expect("it can be cut");
    assert!(scene.next(&edited).routed() <= 10);
}

#[test]
fn a_canvas_draws_only_what_one_sees() {
    let scene = Scene::of(&large());
    let (nodes, edges) = scene.visible(&Rect { x: 1_000.0, y: 500.0, width: 1_000.0, height: 600.0 });
    assert!((12..60).contains(&nodes.len()), "{}", nodes.len());
    assert!((12..200).contains(&edges.len()), "{}", edges.len());
}
