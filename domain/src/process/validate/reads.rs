//! What expressions read: whether it is there at their place, and whether it is set by then ([`super::assigned`]).

use std::collections::BTreeSet;

use super::{
    super::{
        definition::{Awaits, Moment, Node, NodeKind, Port, Then, Timeout},
        ports::TIMEOUT,
    },
    Nodes,
    assigned::{Assigned, Missing},
    at, reach, targets,
};
use crate::{
    diagnostic::{Diagnostic, pointer_token},
    expression::{Expression, Template},
};

/// Where an expression stands, which says what it may use (`event` where an event has come, `form` where one was filled in)
/// and when it is evaluated: when its node is entered, unless it says otherwise.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Anywhere,
    Event,
    Form,
    /// `match.event`: the event alone, since no instance is known yet.
    Correlation,
    /// `collect` of a loop: after its body.
    ItemEnd,
    /// What is set when the time of a fork is up: after its branches have begun.
    GivenUp,
    /// What is made ready to undo a command, or a call: after the port by which it was left.
    Undo,
    /// While a command is undone, when its reply is long gone.
    Undoing,
}

impl Place {
    fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Anywhere | Self::ItemEnd | Self::GivenUp | Self::Undoing => &["input", "vars", "instance", "now"],
            Self::Event | Self::Undo => &["input", "vars", "instance", "now", "event"],
            Self::Form => &["input", "vars", "instance", "now", "form"],
            Self::Correlation => &["event"],
        }
    }
}

/// Without `assigned`, because the graph does not hold together yet, it is only looked whether anything sets a variable.
pub(super) fn check(nodes: &Nodes, assigned: Option<&Assigned<'_>>, found: &mut Vec<Diagnostic>) {
    let set: BTreeSet<&str> = nodes.values().flat_map(variables_set).collect();
    for (name, node) in nodes {
        each_expression(name, node, &mut |expression, pointer, place| {
            for root in expression.roots().filter(|root| !place.roots().contains(root)) {
                let message = match root {
                    "event" => "`event` is known only in `set` of a port that an event leads through.".to_owned(),
                    "form" => "`form` is known only in `set` of an outcome of an approval.".to_owned(),
                    other => format!("There is no `{other}` here. Known are: {}.", place.roots().join(", ")),
                };
                found.push(Diagnostic::error("unknown-variable", pointer, message));
            }
            for variable in expression.variables() {
                if !set.contains(variable) {
                    let message = format!("No node sets the variable `{variable}`.");
                    found.push(Diagnostic::warning("unset-variable", pointer, message));
                } else if let Some(assigned) = assigned
                    && !expression.variables_tested().any(|tested| tested == variable)
                    && let Some(missing) = assigned.missing(name, place, variable)
                {
                    found.push(describe(nodes, assigned, name, variable, &missing, pointer));
                }
            }
        });
    }
}

fn describe(
    nodes: &Nodes,
    assigned: &Assigned<'_>,
    node: &str,
    variable: &str,
    missing: &Missing<'_>,
    pointer: &str,
) -> Diagnostic {
    let example = match missing {
        Missing::Always => {
            let message = describe_setters(nodes, assigned, node, variable);
            return Diagnostic::warning("unset-variable", pointer, message);
        }
        Missing::Sometimes(example) => example,
    };
    let is_fork = |name: &str| nodes.get(name).is_some_and(|node| matches!(node.kind, NodeKind::Fork(_)));
    let message = match example {
        Some((fork, port)) if is_fork(fork) && *port != TIMEOUT => {
            format!("`{variable}` may not be set yet here: another branch of `{fork}` sets it, at the same time.")
        }
        Some((from, port)) => {
            format!("`{variable}` is not set on every way to here: not where `{from}` is left by `{port}`.")
        }
        None => format!("`{variable}` is not set on every way to here."),
    };
    Diagnostic::warning("maybe-unset-variable", pointer, message)
}

/// Where a variable is set that no way to `node` sets.
fn describe_setters(nodes: &Nodes, assigned: &Assigned<'_>, node: &str, variable: &str) -> String {
    let setters = nodes.iter().filter(|(_, it)| variables_set(it).contains(&variable));
    let setters: Vec<&str> = setters.map(|(name, _)| name.as_str()).collect();
    if let Some(around) = setters.iter().find_map(|setter| assigned.loop_between(setter, node)) {
        return format!(
            "`{variable}` is not set here: each item of `{around}` has its own, which is gone after the item. Gather \
             them by `collect` and `into`."
        );
    }
    let onward: BTreeSet<&str> = targets(nodes, node)
        .into_iter()
        .flat_map(|next| reach(next, |name| targets(nodes, name)))
        .filter(|name| setters.contains(name))
        .collect();
    let (when, which) = match onward.is_empty() {
        true if setters == [node] => ("when this node is left", setters),
        true => ("on other ways", setters),
        false => ("later", onward.into_iter().collect()),
    };
    let named: Vec<String> = which.iter().take(3).map(|name| format!("`{name}`")).collect();
    format!("No way to here sets `{variable}`: it is set only {when}, at {}.", named.join(", "))
}

pub(super) fn variables_set(node: &Node) -> Vec<&str> {
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

fn each_expression(name: &str, node: &Node, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    let here = at(name);
    if let Some(undo) = node.undo() {
        let here = format!("{here}/undo");
        for (field, template) in [("key", &undo.key), ("payload", &undo.payload)] {
            if let Some(template) = template {
                in_template(template, &format!("{here}/{field}"), Place::Undo, visit);
            }
        }
        if let Some(timeout) = &undo.timeout {
            in_timeout(timeout, &format!("{here}/timeout"), Place::Undoing, visit);
        }
    }
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
                in_timeout(timeout, &format!("{here}/timeout"), Place::GivenUp, visit);
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
                in_timeout(timeout, &format!("{here}/timeout"), Place::Anywhere, visit);
            }
        }
        NodeKind::ForEach(each) => {
            in_template(&each.over, &format!("{here}/over"), Place::Anywhere, visit);
            if let Some(collect) = &each.collect {
                in_template(collect, &format!("{here}/collect"), Place::ItemEnd, visit);
            }
            in_port(&each.port, &here, Place::Anywhere, visit);
            if let Some(timeout) = &each.timeout {
                in_timeout(timeout, &format!("{here}/timeout"), Place::Anywhere, visit);
            }
        }
        NodeKind::Command(command) => {
            if let Some(key) = &command.key {
                in_template(key, &format!("{here}/key"), Place::Anywhere, visit);
            }
            in_template(&command.payload, &format!("{here}/payload"), Place::Anywhere, visit);
            in_awaits(&command.awaits, &here, visit);
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
                in_moment(&escalation.after, &format!("{here}/after"), Place::Anywhere, visit);
                for (field, template) in [("assignee", &escalation.assignee), ("group", &escalation.group)] {
                    if let Some(template) = template {
                        in_template(template, &format!("{here}/{field}"), Place::Anywhere, visit);
                    }
                }
            }
            if let Some(due) = &approval.due {
                in_moment(due, &format!("{here}/due"), Place::Anywhere, visit);
            }
            for (outcome, it) in &approval.outcomes {
                in_port(&it.port, &format!("{here}/outcomes/{}", pointer_token(outcome)), Place::Form, visit);
            }
            if let Some(timeout) = &approval.timeout {
                in_timeout(timeout, &format!("{here}/timeout"), Place::Anywhere, visit);
            }
        }
        NodeKind::Timer { until, port } => {
            // Whether it was written as `for` or `until` is no longer known; the node is near enough.
            in_moment(until, &here, Place::Anywhere, visit);
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

fn in_awaits(awaits: &Awaits, here: &str, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    for (event_type, port) in &awaits.on {
        in_port(port, &format!("{here}/on/{}", pointer_token(event_type)), Place::Event, visit);
    }
    if let Some(timeout) = &awaits.timeout {
        in_timeout(timeout, &format!("{here}/on/timeout"), Place::Anywhere, visit);
    }
    if let Some(matching) = &awaits.matching {
        visit(&matching.event, &format!("{here}/match/event"), Place::Correlation);
        visit(&matching.with, &format!("{here}/match/with"), Place::Anywhere);
    }
}

fn in_timeout(timeout: &Timeout, here: &str, place: Place, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    // How long is asked for when the waiting begins.
    let began = if place == Place::GivenUp { Place::Anywhere } else { place };
    in_moment(&timeout.after, &format!("{here}/after"), began, visit);
    if let Then::Ask(ask) = &timeout.then {
        for (field, template) in [("key", &ask.key), ("payload", &ask.payload)] {
            if let Some(template) = template {
                in_template(template, &format!("{here}/ask/{field}"), place, visit);
            }
        }
    }
    if let Some(port) = timeout.port() {
        in_port(port, here, place, visit);
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

fn in_moment(moment: &Moment, here: &str, place: Place, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    if let Moment::Computed(expression) = moment {
        visit(expression, here, place);
    }
}

fn in_template(template: &Template, here: &str, place: Place, visit: &mut dyn FnMut(&Expression, &str, Place)) {
    template.each_expression(here, &mut |expression, pointer| visit(expression, pointer, place));
}
