//! Conditions of flows, and forks that find their joins.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use super::{
    build::{Build, way},
    graph::Graph,
};
use crate::{
    designer::{Document, Kind},
    expression::Expression,
    fields::shorten,
};

/// One of several ways, by their conditions.
pub fn decide(build: &mut Build<'_, '_>, number: usize, flows: &[usize]) -> Value {
    let item = build.item(number);
    let named = item.element.get("default");
    let flow = |index: usize| &build.graph.flows[index];
    let is_default = |index: &&usize| named.is_some() && flow(**index).element.get("id") == named;
    let without = |index: &&usize| flow(**index).condition.is_none();
    let default = flows.iter().find(is_default).or_else(|| flows.iter().rev().find(without)).copied();
    let mut cases = Vec::new();
    for index in flows.iter().filter(|index| Some(**index) != default) {
        let flow = &build.graph.flows[*index];
        let mut case = way(build.entry(flow.to));
        if let Some(title) = flow.element.get("name").map(str::trim).filter(|name| !name.is_empty()) {
            case["title"] = json!(shorten(title, 200));
        }
        let read = flow.condition.and_then(cel);
        match (&read, flow.condition) {
            (Some(_), Some(text)) => {
                let expression = read.as_deref().and_then(|source| Expression::compile(source).ok());
                let known = |root: &str| matches!(root, "input" | "vars" | "instance" | "now");
                if !expression.is_some_and(|expression| expression.roots().all(known)) {
                    let message = format!(
                        "Look at the condition “{}”: variables are called `vars.name` or `input.name` here.",
                        shorten(text, 200)
                    );
                    build.found.warn("condition", Some(flow.element), message);
                }
            }
            (None, Some(text)) => {
                let message =
                    format!("The condition “{}” is no CEL: `false` stands there, write it anew.", shorten(text, 200));
                build.found.warn("condition", Some(flow.element), message);
            }
            (_, None) => {
                let message = "This way has no condition: `false` stands there, write one.";
                build.found.warn("condition", Some(flow.element), message);
            }
        }
        case["when"] = json!(format!("={}", read.as_deref().unwrap_or("false")));
        cases.push(case);
    }
    let default = match default {
        Some(default) => way(build.entry(build.graph.flows[default].to)),
        None => {
            let message = "No way is taken when no condition holds: draw one, or say which is the default.";
            build.found.warn("no-default", Some(item.element), message);
            json!({})
        }
    };
    json!({"kind": "decide", "cases": cases, "default": default})
}

/// An expression of another language as CEL, if it happens to be that too: `${…}` and `#{…}` of JUEL, `=…` of FEEL.
pub fn cel(text: &str) -> Option<String> {
    let text = text.trim();
    let braced = ["${", "#{"].iter().find_map(|open| text.strip_prefix(open)?.strip_suffix('}'));
    let source = braced.or_else(|| text.strip_prefix('=')).unwrap_or(text).trim();
    (!source.is_empty() && Expression::compile(source).is_ok()).then(|| source.to_owned())
}

/// Each fork names the join that all its branches come to first.
pub fn join_forks(document: &mut Document, graph: &Graph<'_>, names: &[String]) {
    let own: Vec<&String> =
        names.iter().zip(&graph.items).filter(|(_, item)| item.own.is_some()).map(|(name, _)| name).collect();
    let forks: Vec<String> =
        document.names().filter(|name| document.kind_of(name) == Kind::Fork).map(str::to_owned).collect();
    for fork in forks.into_iter().filter(|fork| !own.contains(&fork)) {
        let branches: Vec<HashMap<String, usize>> = document
            .ports(&fork)
            .into_iter()
            .filter(|port| port.name != "timeout")
            .map(|port| port.target.map_or_else(HashMap::new, |target| joins_from(document, &target)))
            .collect();
        let Some((first, rest)) = branches.split_first() else { continue };
        let common = first.iter().filter_map(|(join, steps)| {
            let others = rest.iter().map(|branch| branch.get(join).copied()).collect::<Option<Vec<_>>>()?;
            Some((others.into_iter().chain([*steps]).max()?, join.clone()))
        });
        let Some((_, join)) = common.min() else { continue };
        if let Some(node) = document.value_mut().pointer_mut(&crate::designer::document::node_pointer(&fork)) {
            node["join"] = json!(join);
        }
    }
}

/// The joins that can be come to, with the number of steps to each.
fn joins_from(document: &Document, from: &str) -> HashMap<String, usize> {
    let mut seen: HashMap<String, usize> = HashMap::from([(from.to_owned(), 0)]);
    let mut queue = VecDeque::from([from.to_owned()]);
    while let Some(name) = queue.pop_front() {
        let steps = seen[&name];
        for target in document.ports(&name).into_iter().filter_map(|port| port.target) {
            if !seen.contains_key(&target) && document.contains(&target) {
                seen.insert(target.clone(), steps + 1);
                queue.push_back(target);
            }
        }
    }
    seen.retain(|name, _| document.kind_of(name) == Kind::Join);
    seen
}
