//! The ways of edges.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Nodes in cells that keep 40 px between them, wherever in their cells they stand, and edges between them.
fn any_diagram() -> impl Strategy<Value = Document> {
    const CELL: (i32, i32) = (260, 140);
    let cells = prop::collection::btree_map((0..6_i32, 0..6_i32), (0..48_i32, 0..44_i32), 1..16);
    let links = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..24);
    (cells, links).prop_map(|(cells, links)| {
        let names: Vec<String> = (0..cells.len()).map(|number| format!("n{number:02}")).collect();
        let mut on: BTreeMap<String, serde_json::Map<String, Value>> = BTreeMap::new();
        for (number, (from, to)) in links.iter().enumerate() {
            let (from, to) = (from.get(&names).clone(), to.get(&names));
            on.entry(from).or_default().insert(format!("E{number}"), json!({"next": to}));
        }
        let nodes: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), json!({"kind": "wait", "on": on.get(name).cloned().unwrap_or_default()})))
            .collect();
        let layout: serde_json::Map<String, Value> = names
            .iter()
            .zip(cells)
            .map(|(name, ((column, row), (dx, dy)))| (name.clone(), json!([column * CELL.0 + dx, row * CELL.1 + dy])))
            .collect();
        Document::new(json!({"nodes": nodes, "layout": layout}))
    })
}

/// Everything that can be said against how a diagram is drawn.
fn complaints(scene: &Scene) -> Vec<String> {
    let mut complaints = Vec::new();
    for edge in scene.edges() {
        let name = format!("{}.{}>{}", edge.shape.from, edge.shape.port, edge.shape.to);
        let points = &edge.shape.points;
        let (Some(from), Some(to)) = (scene.node(&edge.shape.from), scene.node(&edge.shape.to)) else { continue };
        let (first, last) = (points[0], points[points.len() - 1]);
        if first.0 != from.rect().right() || !from.rect().contains(first) {
            complaints.push(format!("{name} does not begin at the right border"));
        }
        if last.0 != to.rect().x || !to.rect().contains(last) {
            complaints.push(format!("{name} does not end at the left border"));
        }
        for line in points.windows(2) {
            if line[0].0 != line[1].0 && line[0].1 != line[1].1 {
                complaints.push(format!("{name} is askew at {:?}", line[0]));
            }
            for node in scene.nodes().iter().filter(|node| node.rect().is_crossed_by(line[0], line[1])) {
                complaints.push(format!("{name} crosses {}", node.id()));
            }
        }
        let label = Rect::around(edge.shape.label_at.unwrap_or(first), 0.0, 0.0).centre();
        let covers = |node: &&SceneNode| node.rect().grown(-0.5).contains(label);
        if let Some(node) = edge.shape.label_at.and(scene.nodes().iter().find(covers)) {
            complaints.push(format!("the label of {name} lies on {}", node.id()));
        }
    }
    complaints
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn edges_go_round_everything(document in any_diagram()) {
        prop_assert_eq!(complaints(&Scene::of(&document)), Vec::<String>::new());
    }

    #[test]
    fn edges_of_a_moved_node_are_those_of_a_drawing_made_anew(
        document in any_diagram(), which in any::<prop::sample::Index>(), dx in -300..300_i32, dy in -300..300_i32,
    ) {
        let scene = Scene::of(&document);
        let name = scene.nodes()[which.index(scene.nodes().len())].id().to_owned();
        let moved = scene.moved(&[name.as_str()], f64::from(dx), f64::from(dy));
        let (x, y) = document.position(&name).expect("it has a place");
        let mut other = document.clone();
        let positions = [(name, (x + f64::from(dx), y + f64::from(dy)))].into();
        apply(&mut other, &Edit::Move { positions }).expect("it can be moved");
        let anew = Scene::of(&other);
        prop_assert_eq!(moved.edges(), anew.edges());
        prop_assert_eq!(moved.nodes(), anew.nodes());
    }
}

#[test]
fn shipped_definitions_are_drawn_without_complaint() {
    let text = include_str!("../../../definitions/trip-booking.yaml");
    let mut document = Document::new(crate::definition::parse(text).expect("it is right").value);
    document.place_missing(&BTreeMap::new());
    assert_eq!(complaints(&Scene::of(&document)), Vec::<String>::new());
}

fn way(document: &Document, edge: &str) -> Vec<Point> {
    Scene::of(document).edge(&port(edge)).expect("it is drawn").shape.points.clone()
}

/// a and b, and whatever stands between.
fn between(a: Point, b: Point, others: &[Point]) -> Document {
    let mut document = Document::new(json!({
        "nodes": {"a": {"kind": "timer", "next": "b"}, "b": {"kind": "end"}},
        "layout": {"a": [a.0, a.1], "b": [b.0, b.1]},
    }));
    for (number, at) in others.iter().enumerate() {
        document.value_mut()["nodes"][format!("o{number}")] = json!({"kind": "end"});
        document.value_mut()["layout"][format!("o{number}")] = json!([at.0, at.1]);
    }
    document
}

#[test]
fn ways_are_as_simple_as_they_can_be() {
    assert_eq!(way(&between((0.0, 0.0), (400.0, 0.0), &[]), "a.next"), [(86.0, 0.0), (314.0, 0.0)]);
    assert_eq!(way(&between((0.0, 0.0), (400.0, 10.0), &[]), "a.next"), [(86.0, 0.0), (314.0, 0.0)], "nearly level");
    assert_eq!(
        way(&between((0.0, 0.0), (400.0, 200.0), &[]), "a.next"),
        [(86.0, 0.0), (200.0, 0.0), (200.0, 200.0), (314.0, 200.0)]
    );
    let back = way(&between((400.0, 0.0), (0.0, 0.0), &[]), "a.next");
    assert_eq!(back.len(), 6, "back it goes round: {back:?}");
    let round = way(&between((0.0, 0.0), (600.0, 0.0), &[(300.0, 0.0)]), "a.next");
    assert!(round.len() >= 4 && round.len() <= 6, "round what stands in the way: {round:?}");
    let own = Document::new(json!({"nodes": {"a": {"kind": "timer", "next": "a"}}, "layout": {"a": [0, 0]}}));
    assert_eq!(way(&own, "a.next").len(), 6, "to itself");
}

#[test]
fn nodes_that_lie_on_each_other_are_connected_all_the_same() {
    for (a, b) in
        [((0.0, 0.0), (0.0, 0.0)), ((0.0, 0.0), (50.0, 10.0)), ((0.0, 0.0), (180.0, 0.0)), ((0.0, 0.0), (0.0, 60.0))]
    {
        let points = way(&between(a, b, &[(20.0, 20.0), (90.0, 0.0)]), "a.next");
        assert!(points.len() >= 2);
        assert!(points.windows(2).all(|line| line[0].0 == line[1].0 || line[0].1 == line[1].1), "{points:?}");
    }
}

#[test]
fn parallel_edges_have_lanes_of_their_own() {
    let document = Document::new(json!({
        "nodes": {
            "a": {"kind": "approval", "outcomes": {"x": {"next": "c"}, "y": {"next": "c"}, "z": {"next": "d"}}},
            "b": {"kind": "approval", "outcomes": {"x": {"next": "d"}, "y": {"next": "c"}}},
            "c": {"kind": "end"}, "d": {"kind": "end"},
        },
        "layout": {"a": [0, 0], "b": [0, 200], "c": [400, 60], "d": [400, 260]},
    }));
    let scene = Scene::of(&document);
    let lines: Vec<(&str, &str, Point, Point)> = scene
        .edges()
        .iter()
        .flat_map(|edge| {
            edge.shape.points.windows(2).map(|it| (edge.shape.from.as_str(), edge.shape.port.as_str(), it[0], it[1]))
        })
        .collect();
    for (index, a) in lines.iter().enumerate() {
        for b in lines[index + 1..].iter().filter(|b| (b.0, b.1) != (a.0, a.1)) {
            let upright = a.2.0 == a.3.0 && b.2.0 == b.3.0 && (a.2.0 - b.2.0).abs() < 3.0;
            let level = a.2.1 == a.3.1 && b.2.1 == b.3.1 && (a.2.1 - b.2.1).abs() < 3.0;
            let overlap =
                |low: f64, high: f64, from: f64, to: f64| low.max(high) > from.min(to) && from.max(to) > low.min(high);
            let together =
                (upright && overlap(a.2.1, a.3.1, b.2.1, b.3.1)) || (level && overlap(a.2.0, a.3.0, b.2.0, b.3.0));
            assert!(!together, "{a:?} and {b:?} lie on each other");
        }
    }
}
