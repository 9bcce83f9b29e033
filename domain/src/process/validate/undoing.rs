//! Undoing that would undo nothing, and steps that it would leave as they are.

use std::collections::BTreeSet;

use super::{
    super::{
        definition::{Node, NodeKind},
        ports::TIMEOUT,
    },
    Nodes, at, reach, sources, targets,
};
use crate::diagnostic::Diagnostic;

pub(super) fn check(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    let can_undo = |name: &&str| nodes.get(*name).and_then(Node::undo).is_some();
    for name in undoings(nodes) {
        let before = reach(name, |name| sources(nodes, name));
        if !before.iter().any(can_undo) {
            let message = format!("There is nothing to undo at `{name}`: nothing on the way to it has an `undo`.");
            found.push(Diagnostic::warning("nothing-to-undo", at(name), message));
        }
    }
    if nodes.keys().map(String::as_str).any(|name| can_undo(&name)) {
        check_left_out(nodes, found);
    }
}

/// A command, or a called process, that succeeded before an undoing and has no `undo` stays done, while others are undone:
/// that is worth a word.
fn check_left_out(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
    let undoings: BTreeSet<&str> = undoings(nodes).collect();
    for (name, node) in nodes {
        let stays = match &node.kind {
            NodeKind::Command(command) => command.stays,
            NodeKind::Call(call) => call.stays,
            _ => continue,
        };
        if stays || node.undo().is_some() {
            continue;
        }
        let done = node.ports().into_iter().filter(|(port, _)| port != TIMEOUT && !node.is_refusal(port));
        let undone = done
            .flat_map(|(_, port)| reach(&port.next, |name| targets(nodes, name)))
            .find(|reached| undoings.contains(reached));
        if let Some(undoing) = undone {
            let message = format!(
                "What `{name}` did stays done when `{undoing}` undoes what others did. Say what undoes it, or `undo: none`."
            );
            found.push(Diagnostic::warning("missing-compensation", at(name), message));
        }
    }
}

fn undoings(nodes: &Nodes) -> impl Iterator<Item = &str> {
    nodes.iter().filter(|(_, node)| matches!(node.kind, NodeKind::Compensate { .. })).map(|(name, _)| name.as_str())
}
