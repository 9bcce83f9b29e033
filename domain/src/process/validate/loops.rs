//! Ways that lead back to themselves without ever waiting.

use std::collections::BTreeSet;

use super::{
    super::{definition::NodeKind, scopes::Scopes},
    Nodes, at, reach, targets,
};
use crate::diagnostic::Diagnostic;

/// A loop in which nothing ever waits would run for ever: it is an error, reported at the loop's first node by name.
///
/// What lies inside a fork or a for-each ends there: it is passed as a whole, and only when something in it can be gone
/// through without waiting.
pub(super) fn check(nodes: &Nodes, scopes: &Scopes, found: &mut Vec<Diagnostic>) {
    let graph = Graph { nodes, scopes };
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for name in nodes.keys().filter(|name| graph.passes(name)) {
        let reached: BTreeSet<&str> =
            graph.onward(name).into_iter().flat_map(|next| reach(next, |from| graph.onward(from))).collect();
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

struct Graph<'a> {
    nodes: &'a Nodes,
    scopes: &'a Scopes,
}

impl<'a> Graph<'a> {
    fn passes(&self, name: &str) -> bool {
        self.nodes.get(name).is_some_and(|node| !node.pauses())
    }

    /// Where one can get to from a node in one step without waiting.
    fn onward(&self, from: &str) -> Vec<&'a str> {
        let Some(node) = self.nodes.get(from) else { return Vec::new() };
        let mut onward: Vec<&str> = match &node.kind {
            NodeKind::Fork(fork) => {
                let mut onward: Vec<&str> = fork.branches.values().map(|port| port.next.as_str()).collect();
                let all = onward.iter().all(|branch| self.gets_through(from, branch, &fork.join));
                // A branch that ends at once is no way to the join by itself.
                onward.retain(|branch| *branch != fork.join);
                if all {
                    onward.push(&fork.join);
                }
                return onward.into_iter().filter(|to| self.passes(to)).collect();
            }
            // An empty body has been reported as such.
            NodeKind::ForEach(each) if each.body.next == from => vec![&each.port.next],
            NodeKind::ForEach(each) if !self.gets_through(from, &each.body.next, from) => vec![&each.body.next],
            NodeKind::ForEach(each) => vec![&each.body.next, &each.port.next],
            _ => targets(self.nodes, from),
        };
        let around = self.scopes.around(from);
        onward.retain(|to| self.passes(to) && !around.is_some_and(|around| self.scopes.ends(around, to)));
        onward
    }

    /// Whether the inside of `container` can be gone through from `first` to `last` without waiting.
    fn gets_through(&self, container: &str, first: &'a str, last: &str) -> bool {
        if first == last {
            return true;
        }
        if !self.passes(first) {
            return false;
        }
        let inside = reach(first, |from| if from == container { Vec::new() } else { self.onward(from) });
        let leads_out = |name: &&str| {
            self.passes(name)
                && targets(self.nodes, name).contains(&last)
                && self.scopes.around(name) == Some(container)
        };
        inside.iter().any(leads_out)
    }
}
