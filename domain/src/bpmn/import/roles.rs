//! What an element becomes: a node, or only a way to the next one.

use super::graph::{Graph, Item};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A node.
    Node,
    /// A gateway that brings branches together and parts them again: two nodes.
    JoinAndSplit,
    /// A sub-process that is done for each item of a list: a node, and what is inside is its body.
    Loop,
    /// A sub-process: one enters what is inside.
    Inside,
    /// Nothing happens here: one goes on.
    Through,
    /// The end of a sub-process: one goes on behind it.
    Exit(usize),
    /// Stands on the border of something else, and is a way out of that.
    Border,
    /// Undoes something: said there.
    Undo,
    /// One of the events behind an event-based gateway: said there.
    Awaited,
    /// Left out.
    Nothing,
}

pub fn of(graph: &Graph<'_>) -> Vec<Role> {
    let start = start(graph);
    graph.items.iter().enumerate().map(|(number, item)| role(graph, number, item, start)).collect()
}

/// The event that a process starts with: one that nothing particular triggers, else the first.
pub fn start(graph: &Graph<'_>) -> Option<usize> {
    let starts = || {
        let all = graph.items.iter().enumerate();
        all.filter(|(_, item)| item.tag() == "startEvent" && item.parent.is_none()).map(|(number, _)| number)
    };
    starts().find(|number| graph.items[*number].event().is_none()).or_else(|| starts().next())
}

fn role(graph: &Graph<'_>, number: usize, item: &Item<'_>, start: Option<usize>) -> Role {
    if item.own.is_some() {
        return Role::Node;
    }
    let (ways_in, ways_out) = (item.incoming.len(), item.outgoing.len());
    match item.tag() {
        "boundaryEvent" => Role::Border,
        _ if item.element.get("isForCompensation") == Some("true") => Role::Undo,
        "subProcess" | "transaction" if item.is_multiple() => Role::Loop,
        "subProcess" | "transaction" => Role::Inside,
        "adHocSubProcess" | "callChoreography" | "implicitThrowEvent" => Role::Through,
        "startEvent" if item.parent.is_some() => Role::Through,
        "startEvent" if start != Some(number) => Role::Nothing,
        "endEvent" => match item.parent {
            Some(parent) if !item.is("error") && !item.is("compensate") => Role::Exit(parent),
            _ => Role::Node,
        },
        "parallelGateway" => match (ways_in, ways_out) {
            (2.., 2..) => Role::JoinAndSplit,
            (2.., _) | (_, 2..) => Role::Node,
            _ => Role::Through,
        },
        "exclusiveGateway" | "inclusiveGateway" | "complexGateway" if ways_out < 2 => Role::Through,
        "eventBasedGateway" if ways_out == 0 => Role::Through,
        "intermediateThrowEvent" if item.event().is_none() || item.is("link") => Role::Through,
        "intermediateCatchEvent" if item.is("link") || item.is("conditional") || item.event().is_none() => {
            Role::Through
        }
        "intermediateCatchEvent" | "receiveTask" if ways_in > 0 => {
            let behind_events = |flow: &usize| graph.items[graph.flows[*flow].from].tag() == "eventBasedGateway";
            if item.incoming.iter().all(behind_events) { Role::Awaited } else { Role::Node }
        }
        _ => Role::Node,
    }
}
