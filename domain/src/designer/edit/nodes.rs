//! Edits of nodes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{fresh, lead, scenarios};
use crate::designer::{
    Kind,
    change::{Change, Draft, Forbidden},
    document::{PortRef, kind, layout_pointer, node_pointer, position_value},
    geometry::Point,
    rules, words,
};

pub fn add(draft: &mut Draft<'_>, kind: Kind, at: Point) -> Result<Change, Forbidden> {
    rules::add(draft.document(), kind).or_forbid("")?;
    let name = put(draft, kind, at)?;
    let sentence = format!("Added {}", draft.document().title(&name));
    Ok(Change { touched: vec![name.clone()], select: vec![name], sentence, ..Change::default() })
}

pub fn append(draft: &mut Draft<'_>, from: &PortRef, kind: Kind, at: Point) -> Result<Change, Forbidden> {
    rules::append(draft.document(), from, kind).or_forbid("")?;
    let words = rules::port_words(draft.document(), from);
    let name = put(draft, kind, at)?;
    lead(draft, from, Some(&name))?;
    let sentence = format!("Added {} after {words}", draft.document().title(&name));
    Ok(Change { touched: vec![from.node.clone(), name.clone()], select: vec![name], sentence, ..Change::default() })
}

pub fn insert(draft: &mut Draft<'_>, edge: &PortRef, kind: Kind, at: Point) -> Result<Change, Forbidden> {
    rules::insert(draft.document(), edge, kind).or_forbid("")?;
    let name = put(draft, kind, at)?;
    let (target, sentence) = put_between(draft, edge, &name, "Added")?;
    let touched = vec![edge.node.clone(), name.clone(), target];
    Ok(Change { touched, select: vec![name], sentence, ..Change::default() })
}

pub fn drop_on_edge(draft: &mut Draft<'_>, node: &str, edge: &PortRef) -> Result<Change, Forbidden> {
    rules::drop_on_edge(draft.document(), node, edge).or_forbid("It cannot be put into this edge.")?;
    let (target, sentence) = put_between(draft, edge, node, "Put")?;
    Ok(Change { touched: vec![edge.node.clone(), node.to_owned(), target], sentence, ..Change::default() })
}

fn put_between(draft: &mut Draft<'_>, edge: &PortRef, node: &str, verb: &str) -> Result<(String, String), Forbidden> {
    let no_edge = || Forbidden::because("There is no edge to put it into.");
    let target = draft.document().target(edge).ok_or_else(no_edge)?;
    let port = draft.document().ports(node).into_iter().next().ok_or_else(no_edge)?;
    lead(draft, edge, Some(node))?;
    lead(draft, &PortRef::new(node, port.name), Some(&target))?;
    let document = draft.document();
    let titles = [node, &edge.node, &target].map(|name| document.title(name));
    Ok((target, format!("{verb} {} between {} and {}", titles[0], titles[1], titles[2])))
}

fn put(draft: &mut Draft<'_>, kind: Kind, at: Point) -> Result<String, Forbidden> {
    let name = fresh::name(kind.name(), &fresh::taken(draft.document()));
    draft.set(&node_pointer(&name), Some(fresh::node(kind)))?;
    draft.set(&layout_pointer(&name), Some(position_value(at)))?;
    Ok(name)
}

pub fn remove(draft: &mut Draft<'_>, nodes: &[String]) -> Result<Change, Forbidden> {
    let gone: BTreeSet<&str> =
        nodes.iter().map(String::as_str).filter(|name| draft.document().contains(name)).collect();
    let sentence = match gone.iter().next() {
        None => return Err(Forbidden::because("There is nothing to remove.")),
        Some(one) if gone.len() == 1 => format!("Removed {}", draft.document().title(one)),
        Some(_) => format!("Removed {} nodes", gone.len()),
    };
    let mut touched: BTreeSet<String> = gone.iter().map(|name| (*name).to_owned()).collect();
    for (from, pointer, target) in references(draft) {
        if gone.contains(target.as_str()) && !gone.contains(from.as_str()) {
            draft.set(&pointer, None)?;
            touched.insert(from);
        }
    }
    for name in &gone {
        draft.set(&node_pointer(name), None)?;
        if draft.get(&layout_pointer(name)).is_some() {
            draft.set(&layout_pointer(name), None)?;
        }
    }
    Ok(Change { touched: touched.into_iter().collect(), sentence, ..Change::default() })
}

/// All places that name a node: who has it, where it is, and the node that it names. Besides the ports that is where the
/// branches of a fork come together.
fn references(draft: &Draft<'_>) -> Vec<(String, String, String)> {
    let document = draft.document();
    let mut found = Vec::new();
    for (name, node) in document.nodes() {
        let ports = document.ports(name).into_iter();
        found.extend(ports.filter_map(|port| Some((name.to_owned(), port.pointer, port.target?))));
        if let (Kind::Fork, Some(join)) = (kind(node), node.get("join").and_then(Value::as_str)) {
            found.push((name.to_owned(), format!("{}/join", node_pointer(name)), join.to_owned()));
        }
    }
    found
}

pub fn rename(draft: &mut Draft<'_>, node: &str, to: &str) -> Result<Change, Forbidden> {
    rules::rename(draft.document(), node, to).or_forbid("That is what it is called.")?;
    let sentence = format!("Renamed {node} to {to}");
    let mut touched: BTreeSet<String> = [node.to_owned(), to.to_owned()].into();
    for (from, pointer, _) in references(draft).into_iter().filter(|(_, _, target)| target == node) {
        draft.set(&pointer, Some(json!(to)))?;
        touched.insert(from);
    }
    if let Some(scenarios) = draft.get("/scenarios").and_then(|it| scenarios::renamed(it, node, to)) {
        draft.set("/scenarios", Some(scenarios))?;
    }
    for pointer in [node_pointer, layout_pointer] {
        let Some(value) = draft.get(&pointer(node)).cloned() else { continue };
        draft.set(&pointer(node), None)?;
        draft.set(&pointer(to), Some(value))?;
    }
    let touched = touched.into_iter().collect();
    Ok(Change { touched, select: vec![to.to_owned()], sentence, ..Change::default() })
}

pub fn set_title(draft: &mut Draft<'_>, node: &str, title: Option<&str>) -> Result<Change, Forbidden> {
    if !draft.document().contains(node) {
        return Err(Forbidden::because(format!("There is no node `{node}`.")));
    }
    let before = draft.document().title(node);
    let title = title.map(str::trim).filter(|title| !title.is_empty());
    draft.set(&format!("{}/title", node_pointer(node)), title.map(|title| json!(title)))?;
    let sentence =
        format!("Changed the title of {before} to {}", title.map_or_else(|| words::humanise(node), str::to_owned));
    let coalesces = Some(format!("title {node}"));
    Ok(Change { touched: vec![node.to_owned()], sentence, coalesces, ..Change::default() })
}

pub fn replace_kind(draft: &mut Draft<'_>, node: &str, kind: Kind) -> Result<Change, Forbidden> {
    rules::replace(draft.document(), node, kind).or_forbid("It is of that kind already.")?;
    let (title, was) = (draft.document().title(node), draft.document().kind_of(node));
    let old = draft.document().node(node).cloned().unwrap_or_default();
    let mut targets: Vec<String> = Vec::new();
    for target in draft.document().ports(node).into_iter().filter_map(|port| port.target) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let mut new = fresh::node(kind);
    let keeps = |field: &str| {
        let is_title = field == "title" && (was == Kind::Approval) == (kind == Kind::Approval);
        is_title || field == "description" || (was.fields().contains(&field) && kind.fields().contains(&field))
    };
    if let (Some(new), Some(old)) = (new.as_object_mut(), old.as_object()) {
        // One of the two is for the task, and computed; the other is for the diagram.
        if was != Kind::Approval && kind == Kind::Approval {
            new.insert("title".into(), json!(title));
        }
        // The ends of a process are no events, nor the other way round.
        let other_names = (was == Kind::Call) != (kind == Kind::Call);
        for (field, value) in old.iter().filter(|(field, _)| keeps(field) && !(other_names && *field == "on")) {
            new.insert(field.clone(), value.clone());
        }
    }
    draft.set(&node_pointer(node), Some(new))?;
    let mut taken: BTreeMap<String, ()> = BTreeMap::new();
    for port in draft.document().ports(node) {
        taken.extend(port.target.map(|target| (target, ())));
    }
    let mut left = targets.into_iter().filter(|target| !taken.contains_key(target));
    for port in draft.document().ports(node).into_iter().filter(|port| port.target.is_none()) {
        let Some(target) = left.next() else { break };
        draft.set(&port.pointer, Some(json!(target)))?;
    }
    let sentence = format!("Made {title} a node of the kind {}", kind.name());
    Ok(Change { touched: vec![node.to_owned()], select: vec![node.to_owned()], sentence, ..Change::default() })
}
