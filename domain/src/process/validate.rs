//! Whether a definition whose shape is right also makes sense: edges, reachability, forks and loops, and what expressions
//! read.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    definition::{Node, NodeKind},
    ports::{DO, NEXT, case_name},
    read::unread::Unread,
    scopes::{Scopes, check_completion},
};
use crate::diagnostic::{Diagnostic, pointer_token};

mod assigned;
mod loops;
mod reads;
mod undoing;

type Nodes = BTreeMap<String, Node>;

/// Checks the graph and what its expressions read; returns the name of the start node if there is exactly one. What can
/// only be said of the whole graph is left for when all of it could be read.
pub(super) fn validate(
    name: Option<&str>,
    nodes: &Nodes,
    unread: &Unread,
    layout: &BTreeMap<String, (f64, f64)>,
    found: &mut Vec<Diagnostic>,
) -> Option<String> {
    let errors_before = found.len();
    let start = check_start_and_end(nodes, unread, found);
    check_edges(nodes, unread, found);
    check_calls(name, nodes, found);
    for node in layout.keys().filter(|node| !nodes.contains_key(*node) && !unread.contains(node)) {
        let message = format!("There is no node `{node}` to place.");
        found.push(Diagnostic::warning("unknown-node", format!("/layout/{}", pointer_token(node)), message));
    }
    let unwritten = nodes.values().flat_map(Node::ports).any(|(_, port)| port.next.is_empty());
    let edges_hold = found.len() == errors_before && !unwritten;
    if let Some(start) = &start {
        check_reach(nodes, start, unread, found);
    }
    if !unread.is_empty() {
        return start;
    }
    if let (Some(start), true) = (&start, edges_hold) {
        check_ways_out(nodes, start, found);
    }
    let scopes_before = found.len();
    let scopes = start.as_deref().map(|start| Scopes::of(nodes, start, found)).unwrap_or_default();
    let scopes_hold = found.len() == scopes_before;
    if edges_hold {
        check_completion(nodes, found);
    }
    loops::check(nodes, &scopes, found);
    undoing::check(nodes, found);
    let assigned = start.as_deref().filter(|_| edges_hold && scopes_hold);
    let assigned = assigned.map(|start| assigned::Assigned::of(nodes, start, &scopes));
    reads::check(nodes, assigned.as_ref(), found);
    start
}

fn check_start_and_end(nodes: &Nodes, unread: &Unread, found: &mut Vec<Diagnostic>) -> Option<String> {
    let mut starts = nodes.iter().filter(|(_, node)| matches!(node.kind, NodeKind::Start { .. })).map(|(name, _)| name);
    let start = starts.next();
    if start.is_none() && !unread.has_kind("start") {
        let message = "There is no node of the kind `start`; an instance would not know where to begin.";
        found.push(Diagnostic::error("no-start", "/nodes", message));
    }
    for another in starts {
        let message = "There is another start already; a process has exactly one.";
        found.push(Diagnostic::error("several-starts", at(another), message));
    }
    if !nodes.values().any(|node| matches!(node.kind, NodeKind::End { .. })) && !unread.has_kind("end") {
        let message = "There is no node of the kind `end`; an instance could never finish.";
        found.push(Diagnostic::error("no-end", "/nodes", message));
    }
    start.cloned()
}

fn check_edges(nodes: &Nodes, unread: &Unread, found: &mut Vec<Diagnostic>) {
    let unknown = |pointer: String, target: &str| {
        let message = format!("There is no node `{}`.", crate::fields::shorten(target, 60));
        Diagnostic::error("unknown-node", pointer, message)
    };
    let leads_nowhere = |target: &str| !target.is_empty() && !nodes.contains_key(target) && !unread.contains(target);
    found.extend(unread.edges().filter(|(_, to)| leads_nowhere(to)).map(|(at, to)| unknown(at.clone(), to)));
    for (name, node) in nodes {
        for (port_name, port) in node.ports() {
            let pointer = edge_pointer(name, node, &port_name);
            match nodes.get(&port.next) {
                // An empty name has been reported as missing.
                None if leads_nowhere(&port.next) => found.push(unknown(pointer, &port.next)),
                None => {}
                Some(target) if matches!(target.kind, NodeKind::Start { .. }) => {
                    let message = "Nothing can lead back to the start; go to the node after it.";
                    found.push(Diagnostic::error("to-start", pointer, message));
                }
                Some(_) => {}
            }
        }
    }
}

/// What no way leads to. Where an edge on a way from the start is missing or wrong, nobody knows yet what lies behind it; what
/// is wrong off those ways changes nothing, so it hides nothing here.
fn check_reach(nodes: &Nodes, start: &str, unread: &Unread, found: &mut Vec<Diagnostic>) {
    let reached = reach(start, |name| targets(nodes, name));
    let is_start = |name: &str| nodes.get(name).is_some_and(|node| matches!(node.kind, NodeKind::Start { .. }));
    let is_right = |to: &str| nodes.contains_key(to) && !is_start(to);
    let another_start = nodes.keys().any(|name| name != start && is_start(name)) || unread.has_kind("start");
    if another_start || !reached.iter().all(|name| targets(nodes, name).into_iter().all(is_right)) {
        return;
    }
    for name in nodes.keys().map(String::as_str).chain(unread.names()).filter(|name| !reached.contains(name)) {
        let message = format!("No way leads from the start to `{name}`.");
        found.push(Diagnostic::error("unreachable", at(name), message));
    }
}

fn check_ways_out(nodes: &Nodes, start: &str, found: &mut Vec<Diagnostic>) {
    let reached = reach(start, |name| targets(nodes, name));
    let ends =
        nodes.iter().filter(|(_, node)| matches!(node.kind, NodeKind::End { .. })).map(|(name, _)| name.as_str());
    let mut leads_to_end = BTreeSet::new();
    for end in ends {
        leads_to_end.extend(reach(end, |name| sources(nodes, name)));
    }
    for name in reached.iter().filter(|name| !leads_to_end.contains(**name)) {
        let message = format!("No way leads from `{name}` to an end: an instance that gets here never finishes.");
        found.push(Diagnostic::warning("no-way-out", at(name), message));
    }
}

/// A process that calls itself would call for ever; circles over several are found when one is published.
fn check_calls(own: Option<&str>, nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    for (name, node) in nodes {
        if let NodeKind::Call(call) = &node.kind
            && Some(call.process.as_str()) == own
        {
            let message = "A process cannot call itself: it would call for ever.";
            found.push(Diagnostic::error("calls-itself", format!("{}/process", at(name)), message));
        }
    }
}

/// The nodes that lead to this one.
fn sources<'a>(nodes: &'a Nodes, name: &str) -> Vec<&'a str> {
    let leads_here = |node: &Node| node.ports().iter().any(|(_, port)| port.next == name);
    nodes.iter().filter(|(_, node)| leads_here(node)).map(|(name, _)| name.as_str()).collect()
}

pub(super) fn targets<'a>(nodes: &'a Nodes, name: &str) -> Vec<&'a str> {
    nodes.get(name).map_or_else(Vec::new, |node| node.ports().into_iter().map(|(_, port)| port.next.as_str()).collect())
}

/// `from` and everything that can be reached from it.
pub(super) fn reach<'a>(from: &'a str, onward: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        for next in onward(name) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

pub(super) fn at(node: &str) -> String {
    format!("/nodes/{}", pointer_token(node))
}

/// The JSON pointer of the name of the node that a port leads to.
pub(super) fn edge_pointer(name: &str, node: &Node, port_name: &str) -> String {
    match &node.kind {
        NodeKind::ForEach(_) if port_name == DO => format!("{}/do", at(name)),
        _ => format!("{}/next", port_pointer(name, node, port_name)),
    }
}

/// The JSON pointer of the port that is called `port_name`, in the definition.
pub(crate) fn port_pointer(name: &str, node: &Node, port_name: &str) -> String {
    let here = at(name);
    let port = pointer_token(port_name);
    match &node.kind {
        NodeKind::Start { .. }
        | NodeKind::Compute { .. }
        | NodeKind::Timer { .. }
        | NodeKind::Compensate { .. }
        | NodeKind::Join { .. }
        | NodeKind::End { .. } => here,
        NodeKind::Fork(fork) if fork.branches.contains_key(port_name) => format!("{here}/branches/{port}"),
        NodeKind::ForEach(_) if [NEXT, DO].contains(&port_name) => here,
        NodeKind::Call(call) if call.on.contains_key(port_name) => format!("{here}/on/{port}"),
        NodeKind::Fork(_) | NodeKind::ForEach(_) | NodeKind::Call(_) => format!("{here}/{port}"),
        NodeKind::Command(_) | NodeKind::Wait { .. } => format!("{here}/on/{port}"),
        NodeKind::Decide { cases, .. } => match (0..cases.len()).find(|index| case_name(*index) == port_name) {
            Some(index) => format!("{here}/cases/{index}"),
            None => format!("{here}/{port}"),
        },
        NodeKind::Approval(approval) if approval.outcomes.contains_key(port_name) => format!("{here}/outcomes/{port}"),
        NodeKind::Approval(_) => format!("{here}/{port}"),
    }
}
