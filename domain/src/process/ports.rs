//! What a node waits for, and the ports that lead on from it.

use super::{
    definition::{Awaits, Command, Node, NodeKind, Port, Timeout, Undo},
    family::{PROCESS_ENDED, PROCESS_REFUSED},
};

impl Node {
    /// What it waits for, if it waits for events at all.
    pub fn awaits(&self) -> Option<&Awaits> {
        match &self.kind {
            NodeKind::Command(command) => Some(&command.awaits),
            NodeKind::Wait { awaits } => Some(awaits),
            _ => None,
        }
    }

    /// The command, if it is one.
    pub fn command(&self) -> Option<&Command> {
        match &self.kind {
            NodeKind::Command(command) => Some(command),
            _ => None,
        }
    }

    /// What undoes it, if anything does.
    pub fn undo(&self) -> Option<&Undo> {
        match &self.kind {
            NodeKind::Command(command) => command.undo.as_ref(),
            NodeKind::Call(call) => call.undo.as_ref(),
            _ => None,
        }
    }

    /// Whether leaving it by this port says that it was not done: then there is nothing to undo.
    pub fn is_refusal(&self, port: &str) -> bool {
        match &self.kind {
            NodeKind::Command(command) => command.is_refusal(port),
            NodeKind::Call(_) => port != COMPLETED,
            _ => false,
        }
    }

    /// The types of all events that it waits for, undoing included; perhaps some more than once.
    pub fn awaited(&self) -> impl Iterator<Item = &str> {
        let on = self.awaits().into_iter().flat_map(|awaits| awaits.on.keys().map(String::as_str));
        let undo = self.undo();
        let child: &[&str] = match &self.kind {
            NodeKind::Call(_) => &[PROCESS_ENDED, PROCESS_REFUSED],
            _ => &[],
        };
        on.chain(undo.into_iter().flat_map(Undo::replies)).chain(child.iter().copied())
    }

    /// The kind as definitions write it.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Start { .. } => "start",
            NodeKind::Command(_) => "command",
            NodeKind::Wait { .. } => "wait",
            NodeKind::Decide { .. } => "decide",
            NodeKind::Compute { .. } => "compute",
            NodeKind::Approval(_) => "approval",
            NodeKind::Timer { .. } => "timer",
            NodeKind::Compensate { .. } => "compensate",
            NodeKind::Fork(_) => "fork",
            NodeKind::Join { .. } => "join",
            NodeKind::ForEach(_) => "for-each",
            NodeKind::Call(_) => "call",
            NodeKind::End { .. } => "end",
        }
    }

    /// Whether an instance comes to rest here, for sure, until something happens outside.
    pub fn pauses(&self) -> bool {
        match &self.kind {
            NodeKind::Command(_)
            | NodeKind::Wait { .. }
            | NodeKind::Approval(_)
            | NodeKind::Timer { .. }
            | NodeKind::Call(_) => true,
            // With nothing to undo, or nothing inside that waits, these are passed at once.
            NodeKind::Compensate { .. }
            | NodeKind::Fork(_)
            | NodeKind::Join { .. }
            | NodeKind::ForEach(_)
            | NodeKind::Start { .. }
            | NodeKind::Decide { .. }
            | NodeKind::Compute { .. }
            | NodeKind::End { .. } => false,
        }
    }

    /// The port that a history calls `name`.
    pub fn port(&self, name: &str) -> Option<&Port> {
        self.ports().into_iter().find_map(|(port_name, port)| (port_name == name).then_some(port))
    }

    /// All ports in the order in which a reader expects them, each with the name that histories call it by: an event
    /// type, an outcome, a branch, `timeout`, `next`, `do`, `default`, or `case-1` and so on.
    pub fn ports(&self) -> Vec<(String, &Port)> {
        match &self.kind {
            NodeKind::Start { port }
            | NodeKind::Compute { port }
            | NodeKind::Timer { port, .. }
            | NodeKind::Compensate { port }
            | NodeKind::Join { port } => vec![(NEXT.to_owned(), port)],
            NodeKind::Fork(fork) => {
                let branches = fork.branches.iter().map(|(name, port)| (name.clone(), port));
                branches.chain(timeout_port(fork.timeout.as_ref())).collect()
            }
            NodeKind::Call(call) => {
                let on = call.on.iter().map(|(name, port)| (name.clone(), port));
                on.chain(timeout_port(call.timeout.as_ref())).collect()
            }
            NodeKind::ForEach(each) => [(DO.to_owned(), &each.body), (NEXT.to_owned(), &each.port)]
                .into_iter()
                .chain(timeout_port(each.timeout.as_ref()))
                .collect(),
            NodeKind::Command(command) => ports_of(&command.awaits),
            NodeKind::Wait { awaits } => ports_of(awaits),
            NodeKind::Decide { cases, default } => cases
                .iter()
                .enumerate()
                .map(|(index, case)| (case_name(index), &case.port))
                .chain([(DEFAULT.to_owned(), default)])
                .collect(),
            NodeKind::Approval(approval) => approval
                .outcomes
                .iter()
                .map(|(name, outcome)| (name.clone(), &outcome.port))
                .chain(timeout_port(approval.timeout.as_ref()))
                .collect(),
            NodeKind::End { .. } => Vec::new(),
        }
    }
}

/// The names of ports that no event and no outcome names.
pub(super) const NEXT: &str = "next";
pub(super) const TIMEOUT: &str = "timeout";
pub(super) const DEFAULT: &str = "default";
/// Leads into the body of a loop.
pub(super) const DO: &str = "do";
/// How a called process ended.
pub(super) const COMPLETED: &str = "completed";
pub(super) const FAILED: &str = "failed";
pub(super) const REFUSED: &str = "refused";
/// By which a fork is left once all its branches have come together.
pub(super) const JOINED: &str = "joined";

pub(super) fn case_name(index: usize) -> String {
    format!("case-{}", index + 1)
}

fn ports_of(awaits: &Awaits) -> Vec<(String, &Port)> {
    awaits
        .on
        .iter()
        .map(|(event_type, port)| (event_type.clone(), port))
        .chain(timeout_port(awaits.timeout.as_ref()))
        .collect()
}

fn timeout_port(timeout: Option<&Timeout>) -> Option<(String, &Port)> {
    timeout.and_then(Timeout::port).map(|port| (TIMEOUT.to_owned(), port))
}
