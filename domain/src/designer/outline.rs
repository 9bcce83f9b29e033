//! The definition as a list: what those read who do not see the canvas, and what the outline view shows and edits.

use std::collections::BTreeSet;

use super::{
    Kind,
    document::{Document, PortRef},
    rules::port_words,
    sagas,
};

/// A node of the list, with where it leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub node: String,
    pub kind: Kind,
    pub title: String,
    pub subtitle: String,
    /// How many edges it is from the start on the way that it is listed on; `None` when no way leads to it.
    pub depth: Option<usize>,
    pub ways: Vec<Way>,
}

/// A way out of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    pub port: PortRef,
    /// Empty where there is one way only.
    pub label: String,
    pub leads: Leads,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// To a node further down in the list, or not in its place yet.
    To(String),
    /// To a node that stands further up: a way back, or one that comes together with another.
    BackTo(String),
    Nowhere,
    /// To a name that no node has.
    Missing(String),
}

/// All nodes in the order in which one comes to them, following each way to its end before the next; then those that no
/// way leads to.
pub fn rows(document: &Document) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(document.len());
    let mut listed: BTreeSet<String> = BTreeSet::new();
    // A list of what is still to be visited, not recursion: ways may be as long as there are nodes.
    let mut open: Vec<(String, Option<usize>)> = Vec::new();
    let roots = document.start().map(|start| (start.to_owned(), Some(0)));
    let others = document.names().map(|name| (name.to_owned(), None));
    for root in roots.into_iter().chain(others) {
        open.push(root);
        while let Some((name, depth)) = open.pop() {
            if !document.contains(&name) || !listed.insert(name.clone()) {
                continue;
            }
            let ports = document.ports(&name);
            let next = ports.iter().rev().filter_map(|port| port.target.clone());
            open.extend(next.map(|target| (target, depth.map(|depth| depth + 1))));
            let ways = ports.into_iter().map(|port| Way {
                leads: match port.target {
                    None => Leads::Nowhere,
                    Some(target) if !document.contains(&target) => Leads::Missing(target),
                    Some(target) if listed.contains(&target) => Leads::BackTo(target),
                    Some(target) => Leads::To(target),
                },
                port: PortRef::new(name.clone(), port.name),
                label: port.label,
            });
            rows.push(Row {
                kind: document.kind_of(&name),
                title: document.title(&name),
                subtitle: document.subtitle(&name),
                depth,
                ways: ways.collect(),
                node: name,
            });
        }
    }
    rows
}

/// The accessible name of a node: `Book the flight, command, BookFlight → flights; 1 of 3 ways leads nowhere`.
pub fn node_name(document: &Document, node: &str) -> String {
    if let Some(part) = document.part(node) {
        return sagas::node_name(document, &part);
    }
    let ports = document.ports(node);
    let open = ports.iter().filter(|port| document.is_open(port)).count();
    let mut words = format!("{}, {}", document.title(node), document.kind_of(node).name());
    let subtitle = document.subtitle(node);
    if !subtitle.is_empty() {
        words.push_str(&format!(", {subtitle}"));
    }
    match (open, ports.len()) {
        (0, _) => {}
        (1, 1) => words.push_str("; leads nowhere"),
        (1, all) => words.push_str(&format!("; 1 of {all} ways leads nowhere")),
        (open, all) => words.push_str(&format!("; {open} of {all} ways lead nowhere")),
    }
    words
}

/// The accessible name of an edge: `FlightBooked of Book the flight to Book a hotel`.
pub fn edge_name(document: &Document, edge: &PortRef) -> String {
    let from = port_words(document, edge);
    match document.target(edge) {
        Some(target) => format!("{from} to {}", document.title(&target)),
        None => format!("{from}, leads nowhere"),
    }
}
