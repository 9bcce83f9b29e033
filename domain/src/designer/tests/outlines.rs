//! The definition as a list, and the names of what is drawn.

use super::*;
use crate::designer::outline::{Leads, edge_name, node_name, rows};

fn listed(document: &Document) -> Vec<String> {
    let ways = |row: &outline::Row| {
        let ways = row.ways.iter().map(|way| match &way.leads {
            Leads::To(node) => format!("{}>{node}", way.port.port),
            Leads::BackTo(node) => format!("{}^{node}", way.port.port),
            Leads::Nowhere => format!("{}!", way.port.port),
            Leads::Missing(node) => format!("{}?{node}", way.port.port),
        });
        ways.collect::<Vec<_>>().join(" ")
    };
    let depth = |row: &outline::Row| row.depth.map_or("-".to_owned(), |depth| depth.to_string());
    rows(document).iter().map(|row| format!("{} {} {}", depth(row), row.node, ways(row)).trim().to_owned()).collect()
}

#[test]
fn nodes_are_listed_in_the_order_in_which_one_comes_to_them() {
    assert_eq!(listed(&small()), ["0 start next>ask", "1 ask no! yes>done", "2 done", "- lone next!"]);
    let document = Document::new(json!({"nodes": {
        "z": {"kind": "start", "next": "b"},
        "b": {"kind": "approval", "outcomes": {"again": {"next": "b"}, "first": {"next": "a"}, "second": {"next": "c"}}},
        "a": {"kind": "timer", "next": "c"},
        "c": {"kind": "timer", "next": "ghost"},
        "y": {"kind": "timer", "next": "x"},
        "x": {"kind": "timer", "next": "y"},
    }}));
    assert_eq!(
        listed(&document),
        ["0 z next>b", "1 b again^b first>a second>c", "2 a next>c", "3 c next?ghost", "- x next>y", "- y next^x",]
    );
}

#[test]
fn every_node_is_listed_once_however_long_the_way() {
    let nodes: serde_json::Map<String, Value> = (0..20_000)
        .map(|number| (format!("n{number}"), json!({"kind": "timer", "next": format!("n{}", number + 1)})))
        .collect();
    assert_eq!(rows(&Document::new(json!({"nodes": nodes}))).len(), 20_000);
}

#[test]
fn what_is_drawn_has_a_name() {
    let document = small();
    for (node, expected) in [
        ("start", "Start, start"),
        ("ask", "Ask, approval, anybody; 1 of 2 ways leads nowhere"),
        ("done", "Done, end, end · completed"),
        ("lone", "Lone, compute, sets a; leads nowhere"),
    ] {
        assert_eq!(node_name(&document, node), expected);
    }
    assert_eq!(edge_name(&document, &port("ask.yes")), "yes of Ask to Done");
    assert_eq!(edge_name(&document, &port("start.next")), "Start to Ask");
    assert_eq!(edge_name(&document, &port("ask.no")), "no of Ask, leads nowhere");
}
