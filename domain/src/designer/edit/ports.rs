//! Edits of ports and of the edges that leave them.

use serde_json::{Value, json};

use super::{fresh, lead};
use crate::{
    designer::{
        Kind,
        change::{Change, Draft, Forbidden},
        document::{PortRef, node_pointer},
        ports::{TIMEOUT, case_index},
        rules,
    },
    diagnostic::pointer_token,
};

pub fn connect(draft: &mut Draft<'_>, from: &PortRef, to: &str) -> Result<Change, Forbidden> {
    rules::connect(draft.document(), from, to).or_forbid("They are connected already.")?;
    let words = rules::port_words(draft.document(), from);
    let before = draft.document().target(from);
    lead(draft, from, Some(to))?;
    let sentence = format!("Connected {words} to {}", draft.document().title(to));
    let touched = [Some(from.node.clone()), Some(to.to_owned()), before].into_iter().flatten().collect();
    Ok(Change { touched, sentence, ..Change::default() })
}

pub fn disconnect(draft: &mut Draft<'_>, edge: &PortRef) -> Result<Change, Forbidden> {
    let target = draft.document().port(edge).and_then(|port| port.target);
    let Some(target) = target else { return Err(Forbidden::because("There is no edge to remove.")) };
    lead(draft, edge, None)?;
    let words = rules::port_words(draft.document(), edge);
    let sentence = format!("Disconnected {words} from {}", draft.document().title(&target));
    Ok(Change { touched: vec![edge.node.clone(), target], sentence, ..Change::default() })
}

pub fn reconnect_source(draft: &mut Draft<'_>, edge: &PortRef, from: &PortRef) -> Result<Change, Forbidden> {
    rules::reconnect_source(draft.document(), edge, from).or_forbid("It leaves there already.")?;
    let target = draft.document().port(edge).and_then(|port| port.target).unwrap_or_default();
    lead(draft, edge, None)?;
    lead(draft, from, Some(&target))?;
    let words = rules::port_words(draft.document(), from);
    let sentence = format!("Connected {words} to {}", draft.document().title(&target));
    Ok(Change { touched: vec![edge.node.clone(), from.node.clone(), target], sentence, ..Change::default() })
}

pub fn add(draft: &mut Draft<'_>, node: &str, name: Option<&str>) -> Result<Change, Forbidden> {
    let document = draft.document();
    if !document.contains(node) {
        return Err(Forbidden::because(format!("There is no node `{node}`.")));
    }
    let (here, kind) = (node_pointer(node), document.kind_of(node));
    if kind == Kind::Decide && name.is_none() {
        draft.set(&format!("{here}/cases/-"), Some(json!({"when": "=true"}))).or_else(|forbidden| {
            match draft.get(&format!("{here}/cases")) {
                None => draft.set(&format!("{here}/cases"), Some(json!([{"when": "=true"}]))),
                Some(_) => Err(forbidden),
            }
        })?;
        let sentence = format!("Added a case to {}", draft.document().title(node));
        return Ok(Change { touched: vec![node.to_owned()], sentence, ..Change::default() });
    }
    let name = match name {
        Some(name) => name.to_owned(),
        None => fresh::port_name(document, node).ok_or_else(|| {
            Forbidden::because(format!("{} has all ways out that it can have.", document.title(node)))
        })?,
    };
    rules::port_name(document, node, &name).or_forbid("")?;
    let token = pointer_token(&name);
    let pointer = match (name.as_str(), kind) {
        (TIMEOUT, Kind::Command | Kind::Wait) => format!("{here}/on/{token}"),
        (TIMEOUT, _) => format!("{here}/{token}"),
        (_, Kind::Approval) => format!("{here}/outcomes/{token}"),
        (_, Kind::Fork) => format!("{here}/branches/{token}"),
        _ => format!("{here}/on/{token}"),
    };
    let port = if name == TIMEOUT { json!({"after": "PT1H"}) } else { json!({}) };
    draft.set(&pointer, Some(port))?;
    let sentence = format!("Added {name} to {}", draft.document().title(node));
    Ok(Change { touched: vec![node.to_owned()], sentence, ..Change::default() })
}

pub fn rename(draft: &mut Draft<'_>, port: &PortRef, to: &str) -> Result<Change, Forbidden> {
    rules::rename_port(draft.document(), port, to).or_forbid("That is what it is called.")?;
    let map = fresh::port_map(draft.document(), port).unwrap_or_default();
    let old = format!("{map}/{}", pointer_token(&port.port));
    let value = draft.get(&old).cloned();
    draft.set(&old, None)?;
    draft.set(&format!("{map}/{}", pointer_token(to)), value)?;
    replace_event(draft, port, Some(to))?;
    let sentence = format!("Renamed {} of {} to {to}", port.port, draft.document().title(&port.node));
    Ok(Change { touched: vec![port.node.clone()], sentence, ..Change::default() })
}

pub fn remove(draft: &mut Draft<'_>, port: &PortRef) -> Result<Change, Forbidden> {
    rules::remove_port(draft.document(), port).or_forbid("")?;
    let sentence = format!("Removed {}", rules::port_words(draft.document(), port));
    let target = draft.document().target(port);
    let here = node_pointer(&port.node);
    let pointer = match (fresh::port_map(draft.document(), port), case_index(&port.port)) {
        (Some(map), _) => format!("{map}/{}", pointer_token(&port.port)),
        (None, Some(index)) => format!("{here}/cases/{index}"),
        (None, None) => match draft.get(&format!("{here}/on/{TIMEOUT}")) {
            Some(_) => format!("{here}/on/{TIMEOUT}"),
            None => format!("{here}/{TIMEOUT}"),
        },
    };
    draft.set(&pointer, None)?;
    replace_event(draft, port, None)?;
    let touched = [Some(port.node.clone()), target].into_iter().flatten().collect();
    Ok(Change { touched, sentence, ..Change::default() })
}

pub fn move_case(draft: &mut Draft<'_>, node: &str, from: usize, to: usize) -> Result<Change, Forbidden> {
    let pointer = format!("{}/cases", node_pointer(node));
    let cases = draft.get(&pointer).and_then(Value::as_array).cloned();
    let mut cases = cases.filter(|cases| from < cases.len() && to < cases.len() && from != to);
    let Some(cases) = &mut cases else { return Err(Forbidden::because("There is no such case to move.")) };
    let case = cases.remove(from);
    cases.insert(to, case);
    draft.set(&pointer, Some(json!(cases)))?;
    let sentence = format!("Moved case {} of {} to place {}", from + 1, draft.document().title(node), to + 1);
    Ok(Change { touched: vec![node.to_owned()], sentence, ..Change::default() })
}

/// The events of a command are also named where it says which of them are failures, and which are worth another attempt.
fn replace_event(draft: &mut Draft<'_>, port: &PortRef, to: Option<&str>) -> Result<(), Forbidden> {
    if draft.document().kind_of(&port.node) != Kind::Command {
        return Ok(());
    }
    let here = node_pointer(&port.node);
    for pointer in [format!("{here}/fails"), format!("{here}/retry/on")] {
        let is_it = |value: &Value| value.as_str() == Some(port.port.as_str());
        let new = match draft.get(&pointer) {
            Some(value) if is_it(value) => to.map(|to| json!(to)),
            Some(Value::Array(items)) if items.iter().any(is_it) => {
                let kept = items
                    .iter()
                    .filter_map(|item| if is_it(item) { to.map(|to| json!(to)) } else { Some(item.clone()) });
                Some(kept.collect())
            }
            _ => continue,
        };
        draft.set(&pointer, new)?;
    }
    Ok(())
}
