//! Inside which fork or loop a node is.
//!
//! A branch of a fork ends at the fork's join, the body of a loop where it leads back to the loop. A node belongs to one
//! such inside, or to none, so that each token knows who waits for it. Ends and undoings belong nowhere: they give up
//! whatever is around them.

use std::collections::BTreeMap;

use super::{
    definition::{Node, NodeKind},
    ports::DO,
    validate::{at, edge_pointer, reach, targets},
};
use crate::diagnostic::Diagnostic;

type Nodes = BTreeMap<String, Node>;

/// Inside which fork or loop each node is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scopes {
    /// Node → the fork or loop around it; only nodes that can be reached.
    around: BTreeMap<String, Option<String>>,
    /// Join → its fork.
    joins: BTreeMap<String, String>,
    /// Ends and undoings.
    anywhere: Vec<String>,
}

impl Scopes {
    /// The fork or loop that the node is directly inside of.
    pub fn around(&self, node: &str) -> Option<&str> {
        self.around.get(node)?.as_deref()
    }

    /// Whether the node can be gone to from inside anything.
    pub fn is_anywhere(&self, node: &str) -> bool {
        self.anywhere.iter().any(|it| it == node)
    }

    /// Whether coming to `node` ends a way through the inside of `container`.
    pub fn ends(&self, container: &str, node: &str) -> bool {
        match self.joins.get(node) {
            Some(fork) => fork == container,
            None => container == node && !self.joins.values().any(|fork| fork == container),
        }
    }

    /// Works it out, reporting what does not hold together.
    pub(super) fn of(nodes: &Nodes, start: &str, found: &mut Vec<Diagnostic>) -> Self {
        let is_anywhere = |node: &Node| matches!(node.kind, NodeKind::End { .. } | NodeKind::Compensate { .. });
        let anywhere = nodes.iter().filter(|(_, node)| is_anywhere(node)).map(|(name, _)| name.clone()).collect();
        let mut scopes = Self { around: BTreeMap::new(), joins: joins(nodes, found), anywhere };
        scopes.around.insert(start.to_owned(), None);
        let mut open = vec![start.to_owned()];
        while let Some(name) = open.pop() {
            let Some(node) = nodes.get(&name) else { continue };
            let here = scopes.around.get(&name).cloned().flatten();
            let mut onward = Vec::new();
            for (pointer, target, scope) in edges(&name, node, here.as_deref()) {
                let known = nodes.contains_key(&target);
                if known && scopes.arrive(&pointer, &target, scope, &name, found) {
                    onward.push(target);
                }
            }
            // In the order of the edges, so that what is inside is known before what comes afterwards leads into it.
            open.extend(onward.into_iter().rev());
        }
        scopes
    }

    /// Takes note of an edge to `target`; whether what lies behind it is to be looked at now.
    fn arrive(
        &mut self,
        pointer: &str,
        target: &str,
        scope: Option<&str>,
        from: &str,
        found: &mut Vec<Diagnostic>,
    ) -> bool {
        if self.is_anywhere(target) {
            return self.around.insert(target.to_owned(), None).is_none();
        }
        if let Some(fork) = self.joins.get(target) {
            if scope == Some(fork.as_str()) {
                return false;
            }
            if fork != from {
                let message = format!("`{target}` gathers the branches of `{fork}`; nothing else can lead to it.");
                found.push(Diagnostic::error("join-from-outside", pointer, message));
                return false;
            }
        } else if scope.is_some_and(|scope| self.ends(scope, target)) {
            return false;
        }
        match self.around.get(target) {
            None => {
                self.around.insert(target.to_owned(), scope.map(str::to_owned));
                true
            }
            Some(known) if known.as_deref() == scope => false,
            Some(known) => {
                let name = |scope: Option<&str>| scope.map_or("outside".to_owned(), |it| format!("inside `{it}`"));
                let message = format!(
                    "`{target}` is {}, and this comes from {}: a way ends where its join or its loop is.",
                    name(known.as_deref()),
                    name(scope)
                );
                found.push(Diagnostic::error("across-scopes", pointer, message));
                false
            }
        }
    }
}

/// Join → its fork.
fn joins(nodes: &Nodes, found: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let mut joins = BTreeMap::new();
    for (name, node) in nodes {
        let NodeKind::Fork(fork) = &node.kind else { continue };
        let pointer = format!("{}/join", at(name));
        match nodes.get(&fork.join).map(|node| &node.kind) {
            // An empty name has been reported as missing.
            None if fork.join.is_empty() => {}
            None => {
                let message = format!("There is no node `{}`.", crate::fields::shorten(&fork.join, 60));
                found.push(Diagnostic::error("unknown-node", pointer, message));
            }
            Some(NodeKind::Join { .. }) => match joins.get(&fork.join) {
                Some(other) => {
                    let message = format!("`{}` is the join of `{other}` already; each fork has its own.", fork.join);
                    found.push(Diagnostic::error("shared-join", pointer, message));
                }
                None => {
                    joins.insert(fork.join.clone(), name.clone());
                }
            },
            Some(_) => {
                let message = format!("`{}` is not of the kind `join`.", fork.join);
                found.push(Diagnostic::error("not-a-join", pointer, message));
            }
        }
    }
    for (name, node) in nodes {
        if matches!(node.kind, NodeKind::Join { .. }) && !joins.contains_key(name) {
            let message = "No fork names this join, so nothing would ever come together here.";
            found.push(Diagnostic::error("join-without-fork", at(name), message));
        }
    }
    joins
}

/// The edges that leave a node: pointer, target, and inside what the target is.
fn edges<'a>(name: &'a str, node: &'a Node, here: Option<&'a str>) -> Vec<(String, String, Option<&'a str>)> {
    let mut edges = Vec::new();
    for (port_name, port) in node.ports() {
        let scope = match &node.kind {
            NodeKind::Fork(fork) if fork.branches.contains_key(&port_name) => Some(name),
            NodeKind::ForEach(_) if port_name == DO => Some(name),
            NodeKind::Compensate { .. } => None,
            _ => here,
        };
        edges.push((edge_pointer(name, node, &port_name), port.next.clone(), scope));
    }
    if let NodeKind::Fork(fork) = &node.kind {
        edges.push((format!("{}/join", at(name)), fork.join.clone(), here));
    }
    edges
}

/// Whether every branch and every body comes to where it ends.
pub(super) fn check_completion(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    let gives_up = |name: &&str| matches!(nodes[*name].kind, NodeKind::End { .. } | NodeKind::Compensate { .. });
    for (name, node) in nodes {
        match &node.kind {
            NodeKind::Fork(fork) => {
                for (branch, port) in fork.branches.iter().filter(|(_, port)| nodes.contains_key(&port.next)) {
                    let onward = |from: &str| if from == fork.join { Vec::new() } else { targets(nodes, from) };
                    let reached = reach(&port.next, onward);
                    let ends = reached.contains(fork.join.as_str())
                        || reached.iter().filter(|it| nodes.contains_key(**it)).any(gives_up);
                    if !ends {
                        let pointer = edge_pointer(name, node, branch);
                        let message = format!(
                            "The branch `{branch}` never comes to `{}`, so that would wait for ever.",
                            fork.join
                        );
                        found.push(Diagnostic::error("join-never", pointer, message));
                    }
                }
            }
            NodeKind::ForEach(each) if nodes.contains_key(&each.body.next) => {
                let pointer = edge_pointer(name, node, DO);
                if each.body.next == *name {
                    let message = "The body is empty: name its first node.";
                    found.push(Diagnostic::error("empty-body", pointer, message));
                    continue;
                }
                let onward = |from: &str| if from == name { Vec::new() } else { targets(nodes, from) };
                if !reach(&each.body.next, onward).contains(name.as_str()) {
                    let message = format!("The body never leads back to `{name}`, so no item would ever end.");
                    found.push(Diagnostic::error("body-never-returns", pointer, message));
                }
            }
            _ => {}
        }
    }
}
