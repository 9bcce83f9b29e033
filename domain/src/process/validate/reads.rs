//! What expressions read: whether it is there at their place, and whether anything sets it.

use std::collections::BTreeSet;

use super::{
    super::definition::{Awaits, Moment, Node, NodeKind, Port, Then, Timeout},
    Nodes, at,
};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    expression::{Expression, Template},
};

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

pub(super) fn check(nodes: &Nodes, found: &mut Vec<Diagnostic>) {
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
    match &node.kind {
        NodeKind::End { set, .. } => names.extend(set.iter().map(|(name, _)| name.as_str())),
        NodeKind::ForEach(each) => names.extend([each.item.as_str()].into_iter().chain(each.into.as_deref())),
        _ => {}
    }
    names
}

fn each_expression(nodes: &Nodes, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    for (name, node) in nodes {
        let here = at(name);
        match &node.kind {
            NodeKind::Start { port }
            | NodeKind::Compute { port }
            | NodeKind::Compensate { port }
            | NodeKind::Join { port } => in_port(port, &here, Place::Anywhere, visit),
            NodeKind::Fork(fork) => {
                for (branch, port) in &fork.branches {
                    in_port(port, &format!("{here}/branches/{}", pointer_token(branch)), Place::Anywhere, visit);
                }
                if let Some(timeout) = &fork.timeout {
                    in_timeout(timeout, &format!("{here}/timeout"), visit);
                }
            }
            NodeKind::Call(call) => {
                in_template(&call.input, &format!("{here}/input"), Place::Anywhere, visit);
                if let Some(key) = &call.business_key {
                    in_template(key, &format!("{here}/business_key"), Place::Anywhere, visit);
                }
                for (ending, port) in &call.on {
                    in_port(port, &format!("{here}/on/{}", pointer_token(ending)), Place::Event, visit);
                }
                if let Some(timeout) = &call.timeout {
                    in_timeout(timeout, &format!("{here}/timeout"), visit);
                }
            }
            NodeKind::ForEach(each) => {
                in_template(&each.over, &format!("{here}/over"), Place::Anywhere, visit);
                if let Some(collect) = &each.collect {
                    in_template(collect, &format!("{here}/collect"), Place::Anywhere, visit);
                }
                in_port(&each.port, &here, Place::Anywhere, visit);
                if let Some(timeout) = &each.timeout {
                    in_timeout(timeout, &format!("{here}/timeout"), visit);
                }
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
                for (index, escalation) in approval.escalate.iter().enumerate() {
                    // Whether it stands in a list is no longer known; the first is the place of a single one, too.
                    let here = match approval.escalate.len() {
                        1 => format!("{here}/escalate"),
                        _ => format!("{here}/escalate/{index}"),
                    };
                    in_moment(&escalation.after, &format!("{here}/after"), visit);
                    for (field, template) in [("assignee", &escalation.assignee), ("group", &escalation.group)] {
                        if let Some(template) = template {
                            in_template(template, &format!("{here}/{field}"), Place::Anywhere, visit);
                        }
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
