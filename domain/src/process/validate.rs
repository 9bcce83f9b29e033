//! Whether a definition whose shape is right also makes sense: edges, reachability, loops, and what expressions read.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    definition::{Awaits, Moment, Node, NodeKind, Port, Then, Timeout},
    ports::case_name,
};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    expression::{Expression, Template},
};

type Nodes = BTreeMap<String, Node>;

/// Checks the graph and what its expressions read; returns the name of the start node if there is exactly one.
pub(super) fn validate(
    nodes: &Nodes,
    layout: &BTreeMap<String, (f64, f64)>,
    found: &mut Vec<Diagnostic>,
) -> Option<String> {
    let errors_before = found.len();
    let start = check_start_and_end(nodes, found);
    check_edges(nodes, found);
    // While edges are missing, whatever lies behind them would be reported as unreachable.
    let unwritten = nodes.values().flat_map(Node::ports).any(|(_, port)| port.next.is_empty());
    let edges_hold = found.len() == errors_before && !unwritten;
    if let (Some(start), true) = (&start, edges_hold) {
        check_reach(nodes, start, found);
    }
    check_loops(nodes, found);
    check_undoing(nodes, found);
    check_reads(nodes, found);
    for node in layout.keys().filter(|node| !nodes.contains_key(*node)) {
        let message = format!("There is no node `{node}` to place.");
        found.push(Diagnostic::warning("unknown-node", format!("/layout/{}", pointer_token(node)), message));
    }
    start
}

fn check_start_and_end(nodes: &Nodes, found: &mut Vec<Diagnostic>) -> Option<String> {
    let mut starts = nodes.iter().filter(|(_, node)| matches!(node.kind, NodeKind::Start { .. })).map(|(name, _)| name);
    let start = starts.next();
    if start.is_none() {
        let message = "There is no node of the kind `start`; an instance would not know where to begin.";
        found.push(Diagnostic::error("no-start", "/nodes", message));
    }
    for another in starts {
        let message = "There is another start already; a process has exactly one.";
        found.push(Diagnostic::error("several-starts", at(another), message));
    }
    if !nodes.values().any(|node| matches!(node.kind, NodeKind::End { .. })) {
        let message = "There is no node of the kind `end`; an instance could never finish.";
        found.push(Diagnostic::error("no-end", "/nodes", message));
    }
    start.cloned()
}

fn check_edges(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    for (name, node) in nodes {
        for (port_name, port) in node.ports() {
            let pointer = format!("{}/next", port_pointer(name, node, &port_name));
            match nodes.get(&port.next) {
                // An empty name has been reported as missing.
                _ if port.next.is_empty() => {}
                None => {
                    let message = format!("There is no node `{}`.", crate::fields::shorten(&port.next, 60));
                    found.push(Diagnostic::error("unknown-node", pointer, message));
                }
                Some(target) if matches!(target.kind, NodeKind::Start { .. }) => {
                    let message = "Nothing can lead back to the start; go to the node after it.";
                    found.push(Diagnostic::error("to-start", pointer, message));
                }
                Some(_) => {}
            }
        }
    }
}

fn check_reach(nodes: &Nodes, start: &str, found: &mut Vec<Diagnostic>) {
    let reached = reach(start, |name| targets(nodes, name));
    for name in nodes.keys().filter(|name| !reached.contains(name.as_str())) {
        // A second start has been reported as such.
        if !matches!(nodes[name].kind, NodeKind::Start { .. }) {
            let message = format!("No way leads from the start to `{name}`.");
            found.push(Diagnostic::error("unreachable", at(name), message));
        }
    }
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

/// A loop in which nothing ever waits would run for ever: it is an error, reported at the loop's first node by name.
fn check_loops(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    let passing = |name: &str| nodes.get(name).is_some_and(|node| !node.pauses());
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for name in nodes.keys().filter(|name| passing(name)) {
        let onward = |from: &str| targets(nodes, from).into_iter().filter(|to| passing(to)).collect::<Vec<_>>();
        let reached: BTreeSet<&str> = onward(name).into_iter().flat_map(|next| reach(next, onward)).collect();
        if reached.contains(name.as_str()) && reported.is_disjoint(&reached) {
            reported.insert(name);
            let message = format!(
                "`{name}` leads back to itself through nodes that never wait, so it would run for ever. Put a command, \
                 a wait, an approval or a timer into the loop."
            );
            found.push(Diagnostic::error("endless-loop", at(name), message));
        }
    }
}

/// Undoing is idle where no step before it can be undone.
fn check_undoing(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    for (name, _) in nodes.iter().filter(|(_, node)| matches!(node.kind, NodeKind::Compensate { .. })) {
        let before = reach(name, |name| sources(nodes, name));
        let can_undo = |name: &&str| nodes.get(*name).and_then(Node::command).is_some_and(|it| it.undo.is_some());
        if !before.iter().any(can_undo) {
            let message = format!("There is nothing to undo at `{name}`: no command on the way to it has an `undo`.");
            found.push(Diagnostic::warning("nothing-to-undo", at(name), message));
        }
    }
}

/// The nodes that lead to this one.
fn sources<'a>(nodes: &'a Nodes, name: &str) -> Vec<&'a str> {
    let leads_here = |node: &Node| node.ports().iter().any(|(_, port)| port.next == name);
    nodes.iter().filter(|(_, node)| leads_here(node)).map(|(name, _)| name.as_str()).collect()
}

fn targets<'a>(nodes: &'a Nodes, name: &str) -> Vec<&'a str> {
    nodes.get(name).map_or_else(Vec::new, |node| node.ports().into_iter().map(|(_, port)| port.next.as_str()).collect())
}

/// `from` and everything that can be reached from it.
fn reach<'a>(from: &'a str, onward: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<&'a str> {
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

/// What an expression may use depends on its place: `event` where an event has come, `form` where one was filled in.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Anywhere,
    Event,
    Form,
    /// `match.event`: the event alone, since no instance is known yet.
    Correlation,
}

impl Place {
    fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Anywhere => &["input", "vars", "instance", "now"],
            Self::Event => &["input", "vars", "instance", "now", "event"],
            Self::Form => &["input", "vars", "instance", "now", "form"],
            Self::Correlation => &["event"],
        }
    }
}

fn check_reads(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    let set: BTreeSet<&str> = nodes.values().flat_map(variables_set).collect();
    each_expression(nodes, &mut |expression, pointer, place| {
        for root in expression.roots().filter(|root| !place.roots().contains(root)) {
            let message = match root {
                "event" => "`event` is known only in `set` of a port that an event leads through.".to_owned(),
                "form" => "`form` is known only in `set` of an outcome of an approval.".to_owned(),
                other => format!("There is no `{other}` here. Known are: {}.", place.roots().join(", ")),
            };
            found.push(Diagnostic::error("unknown-variable", pointer, message));
        }
        for variable in expression.variables().filter(|variable| !set.contains(variable)) {
            let message = format!("No node sets the variable `{variable}`.");
            found.push(Diagnostic::warning("unset-variable", pointer, message));
        }
    });
}

fn variables_set(node: &Node) -> Vec<&str> {
    let ports = node.ports();
    let mut names: Vec<&str> =
        ports.iter().flat_map(|(_, port)| port.set.iter().map(|(name, _)| name.as_str())).collect();
    if let NodeKind::End { set, .. } = &node.kind {
        names.extend(set.iter().map(|(name, _)| name.as_str()));
    }
    names
}

fn each_expression(nodes: &Nodes, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    for (name, node) in nodes {
        let here = at(name);
        match &node.kind {
            NodeKind::Start { port } | NodeKind::Compute { port } | NodeKind::Compensate { port } => {
                in_port(port, &here, Place::Anywhere, visit);
            }
            NodeKind::Command(command) => {
                if let Some(key) = &command.key {
                    in_template(key, &format!("{here}/key"), Place::Anywhere, visit);
                }
                in_template(&command.payload, &format!("{here}/payload"), Place::Anywhere, visit);
                in_awaits(&command.awaits, &here, visit);
                if let Some(undo) = &command.undo {
                    let here = format!("{here}/undo");
                    for (field, template) in [("key", &undo.key), ("payload", &undo.payload)] {
                        if let Some(template) = template {
                            in_template(template, &format!("{here}/{field}"), Place::Event, visit);
                        }
                    }
                    if let Some(timeout) = &undo.timeout {
                        in_timeout(timeout, &format!("{here}/timeout"), visit);
                    }
                }
            }
            NodeKind::Wait { awaits } => in_awaits(awaits, &here, visit),
            NodeKind::Decide { cases, default } => {
                for (index, case) in cases.iter().enumerate() {
                    let at = format!("{here}/cases/{index}");
                    visit(&case.when, &format!("{at}/when"), Place::Anywhere);
                    in_port(&case.port, &at, Place::Anywhere, visit);
                }
                in_port(default, &format!("{here}/default"), Place::Anywhere, visit);
            }
            NodeKind::Approval(approval) => {
                let fields = [
                    ("title", Some(&approval.title)),
                    ("assignee", approval.assignee.as_ref()),
                    ("group", approval.group.as_ref()),
                ];
                for (field, template) in fields {
                    if let Some(template) = template {
                        in_template(template, &format!("{here}/{field}"), Place::Anywhere, visit);
                    }
                }
                if let Some(due) = &approval.due {
                    in_moment(due, &format!("{here}/due"), visit);
                }
                for (outcome, it) in &approval.outcomes {
                    in_port(&it.port, &format!("{here}/outcomes/{}", pointer_token(outcome)), Place::Form, visit);
                }
                if let Some(timeout) = &approval.timeout {
                    in_timeout(timeout, &format!("{here}/timeout"), visit);
                }
            }
            NodeKind::Timer { until, port } => {
                // Whether it was written as `for` or `until` is no longer known; the node is near enough.
                in_moment(until, &here, visit);
                in_port(port, &here, Place::Anywhere, visit);
            }
            NodeKind::End { set, reason, .. } => {
                in_set(set, &here, Place::Anywhere, visit);
                if let Some(reason) = reason {
                    in_template(reason, &format!("{here}/reason"), Place::Anywhere, visit);
                }
            }
        }
    }
}

fn in_awaits(awaits: &Awaits, here: &str, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    for (event_type, port) in &awaits.on {
        in_port(port, &format!("{here}/on/{}", pointer_token(event_type)), Place::Event, visit);
    }
    if let Some(timeout) = &awaits.timeout {
        in_timeout(timeout, &format!("{here}/on/timeout"), visit);
    }
    if let Some(matching) = &awaits.matching {
        visit(&matching.event, &format!("{here}/match/event"), Place::Correlation);
        visit(&matching.with, &format!("{here}/match/with"), Place::Anywhere);
    }
}

fn in_timeout(timeout: &Timeout, here: &str, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    in_moment(&timeout.after, &format!("{here}/after"), visit);
    if let Then::Ask(ask) = &timeout.then {
        for (field, template) in [("key", &ask.key), ("payload", &ask.payload)] {
            if let Some(template) = template {
                in_template(template, &format!("{here}/ask/{field}"), Place::Anywhere, visit);
            }
        }
    }
    if let Some(port) = timeout.port() {
        in_port(port, here, Place::Anywhere, visit);
    }
}

fn in_port(port: &Port, here: &str, place: Place, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    in_set(&port.set, here, place, visit);
}

fn in_set(set: &[(String, Template)], here: &str, place: Place, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    for (name, template) in set {
        in_template(template, &format!("{here}/set/{}", pointer_token(name)), place, visit);
    }
}

fn in_moment(moment: &Moment, here: &str, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    if let Moment::Computed(expression) = moment {
        visit(expression, here, Place::Anywhere);
    }
}

fn in_template(template: &Template, here: &str, place: Place, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    template.each_expression(here, &mut |expression, pointer| visit(expression, pointer, place));
}

fn at(node: &str) -> String {
    format!("/nodes/{}", pointer_token(node))
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
        | NodeKind::End { .. } => here,
        NodeKind::Command(_) | NodeKind::Wait { .. } => format!("{here}/on/{port}"),
        NodeKind::Decide { cases, .. } => match (0..cases.len()).find(|index| case_name(*index) == port_name) {
            Some(index) => format!("{here}/cases/{index}"),
            None => format!("{here}/{port}"),
        },
        NodeKind::Approval(approval) if approval.outcomes.contains_key(port_name) => format!("{here}/outcomes/{port}"),
        NodeKind::Approval(_) => format!("{here}/{port}"),
    }
}
