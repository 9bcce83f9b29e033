//! What a person expects of a drawing: everything is there, nothing lies on top of something else.

use super::{Diagram, DiagramNode, of_process, of_saga, tidied};
use crate::definition::{Definition, check, shipped};

fn drawn(text: &str) -> Diagram {
    match check(text).definition.expect("it can be drawn") {
        Definition::Process(process) => of_process(&process),
        Definition::Saga(saga) => of_saga(&saga),
    }
}

fn shipped_text(name: &str) -> &'static str {
    shipped().into_iter().find(|(shipped, _)| *shipped == name).expect("it is shipped").1
}

fn overlap(a: &DiagramNode, b: &DiagramNode) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

#[test]
fn every_node_and_every_port_is_drawn() {
    let text = shipped_text("trip-booking");
    let diagram = drawn(text);
    let Some(Definition::Process(process)) = check(text).definition else { panic!("a process") };
    assert_eq!(diagram.nodes.len(), process.nodes.len());
    assert_eq!(diagram.edges.len(), process.nodes.values().map(|node| node.ports().len()).sum::<usize>());
    for edge in &diagram.edges {
        assert!(edge.points.len() >= 2, "{} → {} has a line", edge.from, edge.to);
        assert_eq!(edge.label_at.is_some(), !edge.label.is_empty(), "{} has a place for its label", edge.label);
    }
}

#[test]
fn no_node_lies_on_another_and_all_are_inside() {
    for (name, text) in shipped() {
        let diagram = drawn(text);
        for (index, a) in diagram.nodes.iter().enumerate() {
            assert!(a.x >= 0.0 && a.x + a.width <= diagram.width, "{name}: {} is inside", a.id);
            assert!(a.y >= 0.0 && a.y + a.height <= diagram.height, "{name}: {} is inside", a.id);
            for b in &diagram.nodes[index + 1..] {
                assert!(!overlap(a, b), "{name}: {} and {} overlap", a.id, b.id);
            }
        }
    }
}

#[test]
fn labels_stand_beside_nodes_and_not_on_them() {
    let diagram = drawn(shipped_text("trip-booking"));
    for edge in &diagram.edges {
        let Some((x, y)) = edge.label_at else { continue };
        for node in &diagram.nodes {
            let on = x > node.x && x < node.x + node.width && y > node.y && y < node.y + node.height;
            assert!(!on, "the label {} stands on {}", edge.label, node.id);
        }
    }
}

/// Whether a line goes through a node; along its border, or up to it, does not count.
fn goes_through(from: (f64, f64), to: (f64, f64), node: &DiagramNode) -> bool {
    const SLACK: f64 = 0.2;
    let spans = |a: f64, b: f64, low: f64, high: f64| a.min(b) < high - SLACK && a.max(b) > low + SLACK;
    spans(from.0, to.0, node.x, node.x + node.width) && spans(from.1, to.1, node.y, node.y + node.height)
}

/// Where it was put, `near` stands between the two ends of an edge.
const IN_A_ROW: &str = "
baton: process/1
name: row
nodes:
  start: {kind: start, next: choose}
  choose: {kind: decide, cases: [{when: =input.far, next: far}], default: {next: near}}
  near: {kind: compute, set: {a: 1}, next: far}
  far: {kind: end}
layout: {start: [50, 100], choose: [250, 100], near: [600, 100], far: [900, 100]}
";

#[test]
fn edges_go_round_nodes_in_right_angles() {
    for (name, text) in shipped().into_iter().chain([("in a row", IN_A_ROW)]) {
        let diagram = drawn(text);
        for edge in &diagram.edges {
            for pair in edge.points.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                assert!(a.0 == b.0 || a.1 == b.1, "{name}: {} of {} is askew: {:?}", edge.port, edge.from, edge.points);
                let through = diagram.nodes.iter().find(|node| goes_through(a, b, node));
                assert!(through.is_none(), "{name}: {} of {} goes through {through:?}", edge.port, edge.from);
            }
        }
    }
}

#[test]
fn a_process_reads_from_left_to_right() {
    let diagram = drawn(shipped_text("trip-booking"));
    let x_of = |id: &str| diagram.nodes.iter().find(|node| node.id == id).map(|node| node.x).expect("it is drawn");
    assert!(x_of("start") < x_of("quotes"));
    assert!(x_of("quotes") < x_of("employee"));
    assert!(x_of("book-flight") < x_of("book-hotel"));
}

#[test]
fn saved_positions_win() {
    let text = "
baton: process/1
name: placed
nodes:
  start: {kind: start, next: done}
  done: {kind: end, outcome: completed}
layout: {start: [100, 400], done: [500, 40]}
";
    let diagram = drawn(text);
    let centre = |id: &str| {
        let node = diagram.nodes.iter().find(|node| node.id == id).expect("it is drawn");
        (node.x + node.width / 2.0, node.y + node.height / 2.0)
    };
    let (start, done) = (centre("start"), centre("done"));
    assert_eq!((done.0 - start.0, done.1 - start.1), (400.0, -360.0));
}

#[test]
fn a_saga_shows_event_command_and_receiver_in_this_order() {
    let diagram = drawn(shipped_text("campaign-publishing"));
    let x_of = |id: &str| diagram.nodes.iter().find(|node| node.id == id).map(|node| node.x).expect("it is drawn");
    assert!(x_of("event/CampaignActivated") < x_of("command/CampaignActivated"));
    assert!(x_of("command/CampaignActivated") < x_of("receiver/ad-publishing"));
    assert_eq!(diagram.nodes.iter().filter(|node| node.kind == "receiver").count(), 2);
}

#[test]
fn a_loop_and_an_unknown_next_do_no_harm() {
    let text = "
baton: process/1
name: round
nodes:
  start: {kind: start, next: again}
  again: {kind: timer, for: PT1S, next: again}
  lost: {kind: timer, for: PT1S, next: nowhere}
  done: {kind: end, outcome: completed}
";
    let diagram = drawn(text);
    assert_eq!(diagram.nodes.len(), 4);
    assert_eq!(diagram.edges.len(), 2);
    assert!(diagram.edges.iter().all(|edge| edge.points.len() >= 2));
}

#[test]
fn names_that_mean_something_to_the_library_are_laid_out_too() {
    let document = serde_json::json!({"nodes": {
        "\u{0}": {"kind": "start", "next": "\u{1}"}, "\u{1}": {"kind": "end"}, "n0": {"kind": "compute", "next": "\u{0}"},
    }});
    let places = tidied(&crate::designer::Document::new(document));
    assert_eq!(places.len(), 3);
    assert!(places["n0"].0 < places["\u{0}"].0 && places["\u{0}"].0 < places["\u{1}"].0, "{places:?}");
}
