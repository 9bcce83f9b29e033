//! Two versions told apart. Each case is an old document, a new one, and the lines that say what is different.

use super::{
    compare::{Comparison, EdgeDifference, FieldChange, Mark, NodeDifference, compare, compare_values, draw},
    document::node_pointer,
    *,
};
use crate::definition;

const EVERYTHING: &str = include_str!("../../definition/tests/everything.yaml");
const TRIP: &str = include_str!("../../../definitions/trip-booking.yaml");

/// `+` is new, `-` gone, `~` changed, `=` renamed, `moved` and `placed` mean nothing.
fn lines(comparison: &Comparison) -> Vec<String> {
    let field = |of: &str, change: &FieldChange| {
        let word = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        format!("~ {of}{}: {} -> {}", change.pointer, word(&change.old), word(&change.new))
    };
    let mut lines = Vec::new();
    for change in &comparison.nodes {
        let name = &change.node.name;
        match &change.what {
            NodeDifference::Added => lines.push(format!("+ {name}")),
            NodeDifference::Removed => lines.push(format!("- {name}")),
            NodeDifference::Renamed { from } => lines.push(format!("= {from} -> {name}")),
            NodeDifference::Changed { fields } => {
                assert!(!fields.is_empty(), "{name} changed by nothing");
                lines.extend(fields.iter().map(|it| field(name, it)));
            }
        }
    }
    for change in &comparison.edges {
        let from = format!("{}.{}", change.from, change.port);
        lines.push(match &change.what {
            EdgeDifference::Added { to } => format!("+ {from}>{}", to.name),
            EdgeDifference::Removed { to } => format!("- {from}>{}", to.name),
            EdgeDifference::Led { from: was, to } => format!("~ {from}>{} (was {})", to.name, was.name),
        });
    }
    lines.extend(comparison.fields.iter().map(|it| field("", it)));
    lines.extend(comparison.scenarios.iter().map(|it| format!("{:?} {}", it.what, it.name)));
    lines.extend(comparison.moved.iter().map(|name| format!("moved {name}")));
    lines.extend(comparison.placed.iter().map(|name| format!("placed {name}")));
    lines
}

#[track_caller]
fn check(old: &Document, new: &Document, expected: &[&str]) {
    assert_eq!(lines(&compare(old, new)), expected);
    // A drawing of both has everything of both on it, each thing once.
    let drawing = draw(old, new);
    assert_eq!(drawing.edges.len(), drawing.diagram.edges.len());
    assert!(drawing.diagram.nodes.iter().all(|node| node.x > -0.1 && node.y > -0.1), "{drawing:?}");
    assert!(new.names().all(|name| drawing.diagram.nodes.iter().any(|node| node.id == name)));
}

#[test]
fn scenarios_are_told_by_their_names() {
    let with = |scenarios: Value| Document::new(json!({"name": "a", "nodes": {}, "scenarios": scenarios}));
    let old = with(json!([{"name": "stays", "moves": [1]}, {"name": "goes"}, {"name": "other", "moves": [1]}]));
    let new = with(json!([{"name": "other", "moves": [2]}, {"name": "comes"}, {"name": "stays", "moves": [1]}]));
    check(&old, &new, &["Added comes", "Removed goes", "Changed other"]);
    check(&old, &Document::new(json!({"name": "a", "nodes": {}})), &["Removed goes", "Removed other", "Removed stays"]);
    // Those that have no names, or one twice, are told as what they are written as.
    check(&with(json!([{"moves": 1}])), &with(json!([{"moves": 2}])), &["~ /scenarios/0/moves: 1 -> 2"]);
    let twice = with(json!([{"name": "a", "n": 1}, {"name": "a", "n": 2}]));
    assert!(lines(&compare(&old, &twice)).iter().all(|line| line.contains("/scenarios")));
}

fn edited(old: &Document, edits: &[Edit]) -> Document {
    let mut new = old.clone();
    apply_all(&mut new, edits).expect("it can be done");
    new
}

fn set(pointer: &str, value: impl Into<Option<Value>>) -> Edit {
    Edit::Set { pointer: pointer.to_owned(), value: value.into() }
}

fn documents() -> Vec<Document> {
    let read = |text| {
        let mut document = Document::new(definition::check(text).value.expect("it was read"));
        document.place_missing(&Default::default());
        document
    };
    vec![small(), read(EVERYTHING), read(TRIP)]
}

#[test]
fn edits_of_a_small_process() {
    let old = small();
    let name = |text: &str| text.to_owned();
    let cases: Vec<(Vec<Edit>, Vec<&str>)> = vec![
        (vec![], vec![]),
        (vec![Edit::Move { positions: [(name("ask"), (1.0, 2.0))].into() }], vec!["moved ask"]),
        (vec![set("/layout/lone", None)], vec!["placed lone"]),
        (vec![set("/layout", None)], vec!["placed ask", "placed done", "placed lone", "placed start"]),
        (vec![set("/layout", json!("odd"))], vec!["placed ask", "placed done", "placed lone", "placed start"]),
        (vec![set("/layout/nobody", json!([1, 2]))], vec![]),
        (vec![Edit::Connect { from: port("ask.no"), to: name("lone") }], vec!["+ ask.no>lone"]),
        (vec![Edit::Connect { from: port("ask.yes"), to: name("lone") }], vec!["~ ask.yes>lone (was done)"]),
        (vec![Edit::Disconnect { edge: port("ask.yes") }], vec!["- ask.yes>done"]),
        (vec![Edit::Disconnect { edge: port("start.next") }], vec!["- start.next>ask"]),
        (vec![Edit::Remove { nodes: vec![name("lone")] }], vec!["- lone"]),
        (vec![Edit::Remove { nodes: vec![name("done")] }], vec!["- done", "- ask.yes>done"]),
        (vec![Edit::Remove { nodes: vec![name("ask")] }], vec!["- ask", "- ask.yes>done", "- start.next>ask"]),
        (vec![Edit::Rename { node: name("lone"), to: name("only") }], vec!["= lone -> only"]),
        (vec![Edit::Rename { node: name("ask"), to: name("question") }], vec!["= ask -> question"]),
        // Both at once know each other by their new names.
        (
            vec![
                Edit::Rename { node: name("ask"), to: name("question") },
                Edit::Rename { node: name("done"), to: name("over") },
            ],
            vec!["= done -> over", "= ask -> question"],
        ),
        // Another name and another outcome: that is not surely the same node.
        (
            vec![Edit::Rename { node: name("done"), to: name("over") }, set("/nodes/over/outcome", json!("failed"))],
            vec!["- done", "+ over", "~ ask.yes>over (was done)"],
        ),
        (
            vec![Edit::Rename { node: name("done"), to: name("over") }, Edit::Disconnect { edge: port("ask.yes") }],
            vec!["- done", "+ over", "- ask.yes>done"],
        ),
        (
            vec![
                Edit::Rename { node: name("done"), to: name("over") },
                Edit::Move { positions: [(name("over"), (0.0, 0.0))].into() },
            ],
            vec!["= done -> over", "moved over"],
        ),
        (
            vec![Edit::AddPort { node: name("ask"), name: Some(name("perhaps")) }],
            vec!["~ ask/outcomes/perhaps: nothing -> {}"],
        ),
        (vec![Edit::RemovePort { port: port("ask.no") }], vec!["~ ask/outcomes/no: {} -> nothing"]),
        (
            vec![Edit::RemovePort { port: port("ask.yes") }],
            vec![r#"~ ask/outcomes/yes: {"next":"done"} -> nothing"#, "- ask.yes>done"],
        ),
        (
            vec![Edit::SetTitle { node: name("lone"), title: Some(name("Alone")) }],
            vec![r#"~ lone/title: nothing -> "Alone""#],
        ),
        (vec![set("/nodes/ask/title", None)], vec![r#"~ ask/title: "Sure?" -> nothing"#]),
        (vec![set("/nodes/ask/title", Value::Null)], vec![r#"~ ask/title: "Sure?" -> null"#]),
        (vec![set("/nodes/lone/set/a", json!(2))], vec!["~ lone/set/a: 1 -> 2"]),
        (vec![set("/nodes/lone/set/x~1y", json!(2))], vec!["~ lone/set/x~1y: nothing -> 2"]),
        (vec![set("/nodes/lone", json!("broken"))], vec![r#"~ lone: {"kind":"compute","set":{"a":1}} -> "broken""#]),
        (vec![set("/nodes/lone/next", json!("nobody"))], vec![r#"~ lone/next: nothing -> "nobody""#]),
        (vec![set("/nodes/lone/kind", json!("timer"))], vec![r#"~ lone/kind: "compute" -> "timer""#]),
        // An edge to what is no node is none; what is written there differs all the same.
        (vec![set("/nodes/start/next", json!("nobody"))], vec!["- start.next>ask"]),
        (
            vec![set("/nodes/nobody", json!({"kind": "end"})), set("/nodes/lone/next", json!("nobody"))],
            vec!["+ nobody", "+ lone.next>nobody"],
        ),
        (vec![set("/title", json!("Small"))], vec![r#"~ /title: nothing -> "Small""#]),
        (vec![set("/name", json!("large"))], vec![r#"~ /name: "small" -> "large""#]),
        (
            vec![set("/input", json!({"type": "object", "required": ["a"]}))],
            vec![r#"~ /input: nothing -> {"required":["a"],"type":"object"}"#],
        ),
    ];
    for (edits, expected) in cases {
        check(&old, &edited(&old, &edits), &expected);
    }
}

#[test]
fn lists_are_told_item_by_item() {
    let cases = [
        (json!([1, 2, 3]), json!([1, 2, 3]), vec![]),
        (json!([1, 3]), json!([1, 2, 3]), vec!["~ /1: nothing -> 2"]),
        (json!([1, 2, 3]), json!([3]), vec!["~ /0: 1 -> nothing", "~ /1: 2 -> nothing"]),
        (json!([]), json!(["a"]), vec![r#"~ /0: nothing -> "a""#]),
        (json!([1, 2]), json!([1, 4]), vec!["~ /1: 2 -> 4"]),
        (json!([1, 2]), json!([2, 1]), vec!["~ : [1,2] -> [2,1]"]),
        (json!([1, 2, 3]), json!([4, 5]), vec!["~ : [1,2,3] -> [4,5]"]),
        (json!([{"a": 1}, 2]), json!([{"a": 3}, 2]), vec!["~ /0/a: 1 -> 3"]),
        (json!({"a": []}), json!({"a": {}}), vec!["~ /a: [] -> {}"]),
        (json!(null), json!(0), vec!["~ : null -> 0"]),
    ];
    for (old, new, expected) in cases {
        let fields = compare_values(&old, &new);
        assert_eq!(lines(&Comparison { fields, ..Comparison::default() }), expected, "{old} {new}");
    }
}

#[test]
fn cases_of_a_decision_are_known_by_their_conditions() {
    let decide = |cases: Value| {
        Document::new(json!({"nodes": {
            "d": {"kind": "decide", "cases": cases, "default": {"next": "x"}},
            "x": {"kind": "end"}, "y": {"kind": "end", "outcome": "failed"},
        }}))
    };
    let (a, b) = (json!({"when": "=a", "next": "x"}), json!({"when": "=b", "next": "y"}));
    let old = decide(json!([a, b]));
    let first = decide(json!([{"when": "=c", "next": "y"}, a, b]));
    check(&old, &first, &[r#"~ d/cases/0: nothing -> {"next":"y","when":"=c"}"#, "+ d.case-1>y"]);
    check(&first, &old, &[r#"~ d/cases/0: {"next":"y","when":"=c"} -> nothing"#, "- d.case-1>y"]);
    check(
        &old,
        &decide(json!([b, a])),
        &[
            r#"~ d/cases: [{"next":"x","when":"=a"},{"next":"y","when":"=b"}] -> [{"next":"y","when":"=b"},{"next":"x","when":"=a"}]"#,
        ],
    );
    check(&old, &decide(json!([a, {"when": "=b", "next": "x"}])), &["~ d.case-2>x (was y)"]);
    check(
        &old,
        &decide(json!([{"when": "=c", "next": "y"}, b])),
        &[r#"~ d/cases/0/when: "=a" -> "=c""#, "~ d.case-1>y (was x)"],
    );
    check(&old, &decide(json!([{"when": "=c", "next": "x"}, b])), &[r#"~ d/cases/0/when: "=a" -> "=c""#]);
    // Two with the same condition are known by their places.
    check(&decide(json!([a, a])), &decide(json!([a, {"when": "=a", "next": "y"}])), &["~ d.case-2>y (was x)"]);
    let text = decide(json!([a, "y"]));
    check(&old, &text, &[r#"~ d/cases/1: {"next":"y","when":"=b"} -> "y""#]);
}

#[test]
fn every_field_of_every_kind_is_told() {
    let mut cases = 0;
    for kind in Kind::ALL {
        for field in kind.fields().iter().chain(&["title", "description", "of-somebody"]) {
            let node = |value: Option<Value>| {
                let mut node = json!({"kind": kind.name()});
                if let Some(value) = value {
                    node[*field] = value;
                }
                Document::new(json!({"nodes": {"n": node}}))
            };
            let (none, odd, other) = (node(None), node(Some(json!("=1"))), node(Some(json!("=2"))));
            check(&none, &odd, &[&format!(r#"~ n/{field}: nothing -> "=1""#)]);
            check(&odd, &none, &[&format!(r#"~ n/{field}: "=1" -> nothing"#)]);
            check(&odd, &other, &[&format!(r#"~ n/{field}: "=1" -> "=2""#)]);
            check(&odd, &odd, &[]);
            cases += 4;
        }
    }
    assert!(cases > 300, "{cases}");
}

#[test]
fn each_node_of_large_processes_moves_and_changes_its_name_alone() {
    for old in documents() {
        for name in old.names() {
            let moved = edited(&old, &[Edit::Move { positions: [(name.to_owned(), (-7.0, 7.0))].into() }]);
            check(&old, &moved, &[&format!("moved {name}")]);
            assert!(compare(&old, &moved).is_empty());
            let described = edited(&old, &[set(&format!("{}/description", node_pointer(name)), json!("?"))]);
            let was = old.node(name).and_then(|node| node.get("description"));
            let was = was.map_or("nothing".to_owned(), Value::to_string);
            check(&old, &described, &[&format!(r#"~ {name}/description: {was} -> "?""#)]);
            let renamed = edited(&old, &[Edit::Rename { node: name.to_owned(), to: "brand-new".to_owned() }]);
            check(&old, &renamed, &[&format!("= {name} -> brand-new")]);
        }
    }
}

#[test]
fn each_way_of_large_processes_is_led_elsewhere_alone() {
    let mut cases = 0;
    for old in documents() {
        let names: Vec<String> = old.names().map(str::to_owned).collect();
        for from in &names {
            for way in old.ports(from) {
                let edge = PortRef::new(from.clone(), way.name.clone());
                for to in &names {
                    let mut new = old.clone();
                    if apply(&mut new, &Edit::Connect { from: edge.clone(), to: to.clone() }).is_err() {
                        continue;
                    }
                    cases += 1;
                    match old.target(&edge) {
                        Some(was) if was == *to => check(&old, &new, &[]),
                        Some(was) => check(&old, &new, &[&format!("~ {from}.{}>{to} (was {was})", way.name)]),
                        None => check(&old, &new, &[&format!("+ {from}.{}>{to}", way.name)]),
                    }
                }
            }
        }
    }
    assert!(cases > 200, "{cases}");
}

#[test]
fn what_is_gone_is_drawn_where_it_stood_and_covers_nothing() {
    for old in documents() {
        let all = Scene::of(&old);
        for name in old.names() {
            let mut new = edited(&old, &[Edit::Remove { nodes: vec![name.to_owned()] }]);
            let drawing = draw(&old, &new);
            let gone: Vec<&String> =
                drawing.nodes.iter().filter(|(_, mark)| **mark == Mark::Removed).map(|(gone, _)| gone).collect();
            assert_eq!(gone, [name]);
            let drawn = |id: &str| drawing.diagram.nodes.iter().find(|node| node.id == id).expect("it is drawn");
            let (gone, was) = (drawn(name), all.node(name).expect("it was there"));
            for other in new.names().filter(|other| *other != name) {
                let (at, stood) = (drawn(other), all.node(other).expect("it was there"));
                let apart = |a: f64, b: f64, c: f64, d: f64| ((a - b) - (c - d)).abs() < 0.01;
                assert!(apart(at.x, gone.x, stood.shape.x, was.shape.x), "{name} beside {other}");
                assert!(apart(at.y, gone.y, stood.shape.y, was.shape.y), "{name} beside {other}");
            }
            let removed = drawing.edges.iter().filter(|mark| **mark == Some(Mark::Removed)).count();
            let ways = all.edges().iter().filter(|edge| edge.shape.from == name || edge.shape.to == name).count();
            assert_eq!(removed, ways, "edges of {name}");
            // Something else stands there now: it is put down beside it.
            let place = old.position(name).expect("it has one");
            new = edited(&new, &[Edit::Add { kind: Kind::Timer, at: place }]);
            let drawing = draw(&old, &new);
            let boxes: Vec<Rect> = (drawing.diagram.nodes.iter())
                .map(|node| Rect { x: node.x, y: node.y, width: node.width, height: node.height })
                .collect();
            let gone =
                drawing.diagram.nodes.iter().position(|node| drawing.nodes.get(&node.id) == Some(&Mark::Removed));
            let gone = gone.expect("it is drawn");
            let covered = boxes.iter().enumerate().filter(|(index, it)| *index != gone && it.overlaps(&boxes[gone]));
            assert_eq!(covered.count(), 0, "{name}");
        }
    }
}

#[test]
fn edges_are_marked_by_what_became_of_them() {
    let old = small();
    let edits = [
        Edit::Connect { from: port("ask.yes"), to: "lone".to_owned() },
        Edit::Connect { from: port("ask.no"), to: "done".to_owned() },
    ];
    let drawing = draw(&old, &edited(&old, &edits));
    let marked: Vec<String> = (drawing.diagram.edges.iter().zip(&drawing.edges))
        .map(|(edge, mark)| format!("{}.{}>{} {mark:?}", edge.from, edge.port, edge.to))
        .collect();
    assert_eq!(
        marked,
        ["ask.no>done Some(Added)", "ask.yes>lone Some(Changed)", "start.next>ask None", "ask.yes>done Some(Removed)"]
    );
    assert!(drawing.diagram.edges.iter().all(|edge| edge.points.len() > 1));
}

#[test]
fn a_comparison_travels_as_json() {
    let old = small();
    let new = edited(&old, &[set("/nodes/lone/set/a", Value::Null), set("/title", json!("Small"))]);
    let comparison = compare(&old, &new);
    let text = serde_json::to_string(&comparison).expect("it can be written");
    assert_eq!(serde_json::from_str::<Comparison>(&text).expect("it can be read"), comparison);
}
