//! What of a definition was gone through.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Trial;
use crate::{
    definition::Definition,
    process::{self, Event},
};

/// Nodes and edges, of all that there are. An edge is told by its node and the port that it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Coverage {
    pub nodes: Vec<String>,
    pub edges: Vec<(String, String)>,
    /// What is left.
    pub nodes_missing: Vec<String>,
    pub edges_missing: Vec<(String, String)>,
}

impl Coverage {
    /// What these trials of a definition went through.
    pub fn of<'a>(definition: &Definition, trials: impl Iterator<Item = &'a Trial>) -> Self {
        let (mut nodes, mut edges) = (BTreeSet::new(), BTreeSet::new());
        for trial in trials {
            if let Definition::Saga(saga) = definition
                && saga.stateful.is_none()
            {
                for turn in trial.turns() {
                    let Some(event) = turn.received.as_ref().map(|it| &it.message_type) else { continue };
                    nodes.insert(format!("event/{event}"));
                    for command in &turn.sent {
                        nodes.insert(format!("command/{event}"));
                        nodes.insert(format!("receiver/{}", command.key.aggregate_type));
                        edges.insert((format!("event/{event}"), "next".to_owned()));
                        edges.insert((format!("command/{event}"), "to".to_owned()));
                    }
                }
                continue;
            }
            nodes.extend(path(trial.events()));
            edges.extend(walked(trial.events()));
        }
        let (all_nodes, all_edges) = all(definition);
        edges.retain(|edge| all_edges.contains(edge));
        nodes.retain(|node| all_nodes.contains(node));
        Self {
            nodes_missing: all_nodes.difference(&nodes).cloned().collect(),
            edges_missing: all_edges.difference(&edges).cloned().collect(),
            nodes: nodes.into_iter().collect(),
            edges: edges.into_iter().collect(),
        }
    }

    /// In short: `12 of 14 nodes, 15 of 20 edges`.
    pub fn sentence(&self) -> String {
        let share = |done: usize, missing: usize| format!("{done} of {}", done + missing);
        format!(
            "{} nodes, {} edges",
            share(self.nodes.len(), self.nodes_missing.len()),
            share(self.edges.len(), self.edges_missing.len())
        )
    }
}

type Edges = BTreeSet<(String, String)>;

fn all(definition: &Definition) -> (BTreeSet<String>, Edges) {
    let process = match definition {
        Definition::Process(process) => process,
        Definition::Saga(saga) => match &saga.stateful {
            Some(stateful) => &stateful.process,
            None => {
                let (mut nodes, mut edges) = (BTreeSet::new(), BTreeSet::new());
                for (event, reaction) in &saga.on {
                    let receiver = format!("receiver/{}", reaction.to);
                    nodes.extend([format!("event/{event}"), format!("command/{event}"), receiver]);
                    edges.insert((format!("event/{event}"), "next".to_owned()));
                    edges.insert((format!("command/{event}"), "to".to_owned()));
                }
                return (nodes, edges);
            }
        },
    };
    (process.nodes.keys().cloned().collect(), edges(process))
}

fn edges(process: &process::Definition) -> Edges {
    let ports = |(name, node): (&String, &process::Node)| {
        let name = name.clone();
        let there = node.ports().into_iter().filter(|(_, port)| process.nodes.contains_key(&port.next));
        there.map(|(port, _)| (name.clone(), port)).collect::<Vec<_>>()
    };
    process.nodes.iter().flat_map(ports).collect()
}

/// The nodes that were entered, in order.
pub(super) fn path<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<String> {
    let mut path = Vec::new();
    for event in events {
        match event {
            Event::Started { node, .. } | Event::RestartedFrom { node, .. } => path.push(node.clone()),
            Event::Moved { to, .. } | Event::ItemBegan { to, .. } | Event::Relocated { to, .. } => {
                path.push(to.clone())
            }
            Event::Forked { branches, .. } => path.extend(branches.iter().map(|branch| branch.to.clone())),
            _ => {}
        }
    }
    path
}

/// The edges that were taken, with node and port.
pub(super) fn walked<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<(String, String)> {
    let mut walked = Vec::new();
    for event in events {
        match event {
            Event::Moved { from, port, .. } => walked.push((from.clone(), port.clone())),
            Event::ItemBegan { node, .. } => walked.push((node.clone(), "do".to_owned())),
            Event::Forked { node, branches, .. } => {
                walked.extend(branches.iter().map(|branch| (node.clone(), branch.name.clone())));
            }
            _ => {}
        }
    }
    walked
}
